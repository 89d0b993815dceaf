#include "plugins/sdp/fix_nated_sdp.h"

#include "tests/unit/sip_test.h"

#define V4                                                                               \
	"v=0\r\no=- 1 1 IN IP4 192.168.1.20\r\ns=-\r\nc=IN IP4 192.168.1.20\r\nt=0 "     \
	"0\r\n"
#define AUDIO "m=audio 4000 RTP/AVP 0\r\na=rtcp:4001 IN IP4 192.168.1.20\r\n"
#define VIDEO "m=video 5000 RTP/AVP 31\r\nc=IN IP4 192.168.1.21\r\n"

static int fix(struct sip_test *t, unsigned flags, const char *ip)
{
	struct addr a = ph_test_addr(ip, 0);
	const struct sdp_fix_with with = {.flags = flags,
		.ip = &a,
		.marker = SLICE("a=nortpproxy:yes"),
		.max_media = SDP_MAX_MEDIA};

	return fix_nated_sdp(&t->msg, &with);
}

static int add_lines(
	struct sip_test *t, unsigned flags, const char *marker, const char *lines)
{
	struct addr a = ph_test_addr("203.0.113.7", 0);
	const struct sdp_fix_with with = {.flags = flags,
		.ip = &a,
		.marker = slice_str(marker),
		.lines = slice_str(lines),
		.max_media = SDP_MAX_MEDIA};

	return fix_nated_sdp(&t->msg, &with);
}

static void message_with(struct sip_test *t, const char *headers, const char *body)
{
	char text[4096];

	(void)snprintf(text, sizeof(text), SIP_TEST_HEAD "%s\r\n%s", headers, body);
	sip_test_good(t, text);
}

static void fixed(const char *before, unsigned flags, const char *ip, const char *after)
{
	struct sip_test t;

	message_with(&t, "Content-Type: application/sdp\r\n", before);
	assert_int_equal(fix(&t, flags, ip), 0);
	assert_slice_equal(t.msg.body, after);
	sip_test_free(&t);
}

static void every_media_address_is_rewritten_and_kept(void **state)
{
	(void)state;
	fixed(V4 AUDIO VIDEO, SDP_REWRITE_MEDIA_IP, "203.0.113.7",
		"v=0\r\no=- 1 1 IN IP4 192.168.1.20\r\ns=-\r\nc=IN IP4 "
		"203.0.113.7\r\nt=0 0\r\n" AUDIO
		"m=video 5000 RTP/AVP 31\r\nc=IN IP4 203.0.113.7\r\n"
		"a=oldmediaip:192.168.1.20\r\na=oldmediaip:192.168.1.21\r\n");
}

static void origin_is_rewritten_on_its_own(void **state)
{
	(void)state;
	fixed(V4 AUDIO, SDP_REWRITE_ORIGIN_IP, "203.0.113.7",
		"v=0\r\no=- 1 1 IN IP4 203.0.113.7\r\ns=-\r\nc=IN IP4 "
		"192.168.1.20\r\nt=0 0\r\n" AUDIO "a=oldmediaip:192.168.1.20\r\n");
}

static void direction_and_marker_are_added_once(void **state)
{
	struct sip_test t;

	(void)state;
	message_with(&t, "", V4 AUDIO);
	assert_int_equal(
		fix(&t, SDP_ADD_DIRECTION_ACTIVE | SDP_ADD_NORTPPROXY, "203.0.113.7"), 0);
	assert_slice_equal(
		t.msg.body, V4 AUDIO "a=direction:active\r\na=nortpproxy:yes\r\n");
	assert_int_equal(
		fix(&t, SDP_ADD_DIRECTION_ACTIVE | SDP_ADD_NORTPPROXY, "203.0.113.7"), 0);
	assert_int_equal(t.msg.edits, 1);
	assert_has(sip_test_plain(&t), "Content-Length: 164\r\n");
	sip_test_free(&t);
}

static void lines_of_the_script_stand_before_the_marker(void **state)
{
	struct sip_test t;
	int i;

	(void)state;
	message_with(&t, "", "v=0\nc=IN IP4 10.0.0.1\n\n");
	for (i = 0; i < 2; i++) {
		assert_int_equal(add_lines(&t, 15, "a=m:1", "a=x:1\r\na=y\n"), 0);
		assert_slice_equal(t.msg.body,
			"v=0\nc=IN IP4 203.0.113.7\na=direction:active\n"
			"a=oldmediaip:10.0.0.1\na=x:1\na=y\na=m:1\n\n");
	}
	assert_int_equal(t.msg.edits, 1);
	sip_test_free(&t);
	message_with(&t, "", "v=0\r\n");
	assert_int_equal(add_lines(&t, 0, "a=m:1", "a=x"), 0);
	assert_slice_equal(t.msg.body, "v=0\r\na=x\r\n");
	sip_test_free(&t);
}

static void an_empty_marker_is_none(void **state)
{
	struct sip_test t;

	(void)state;
	message_with(&t, "", "v=0\r\n");
	assert_int_equal(add_lines(&t, SDP_ADD_NORTPPROXY, "", ""), 0);
	assert_int_equal(t.msg.edits, 0);
	sip_test_free(&t);
}

static void lines_that_are_no_attributes_change_nothing(void **state)
{
	static const char *const bad[] = {"x", "a=", "m=audio 1 RTP/AVP 0", "a=x\n\na=y",
		"a=x\ry", "a=x\001", "a=x\r\nb=AS:1"};
	struct sip_test t;
	unsigned i;

	(void)state;
	message_with(&t, "", "v=0\r\nc=IN IP4 10.0.0.1\r\n");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(add_lines(&t, SDP_FIXES, "a=m:1", bad[i]), -EINVAL);
		assert_int_equal(t.msg.edits, 0);
	}
	sip_test_free(&t);
}

static void body_without_final_line_end_gets_one_with_new_lines(void **state)
{
	(void)state;
	fixed("v=0\r\nc=IN IP4 10.0.0.1", SDP_REWRITE_MEDIA_IP, "203.0.113.7",
		"v=0\r\nc=IN IP4 203.0.113.7\r\na=oldmediaip:10.0.0.1\r\n");
	fixed("v=0\r\nc=IN IP4 10.0.0.1", SDP_REWRITE_MEDIA_IP, "10.0.0.1",
		"v=0\r\nc=IN IP4 10.0.0.1");
}

static void families_change_with_the_address(void **state)
{
	(void)state;
	fixed("v=0\r\no=- 1 1 IN IP6 fd00::1\r\nc=IN IP6 fd00::1\r\nm=audio 4000 RTP/AVP "
	      "0\r\n",
		SDP_REWRITE_MEDIA_IP | SDP_REWRITE_ORIGIN_IP, "203.0.113.7",
		"v=0\r\no=- 1 1 IN IP4 203.0.113.7\r\nc=IN IP4 203.0.113.7\r\nm=audio "
		"4000 RTP/AVP 0\r\n"
		"a=oldmediaip6:fd00::1\r\na=oldmediaip6:fd00::1\r\n");
	fixed("v=0\r\nc=IN IP4 10.0.0.1\r\n", SDP_REWRITE_MEDIA_IP, "2001:db8::7",
		"v=0\r\nc=IN IP6 2001:db8::7\r\na=oldmediaip:10.0.0.1\r\n");
}

static void null_addresses_stay_unless_asked(void **state)
{
	static const char held[] = "v=0\r\nc=IN IP4 0.0.0.0\r\nm=audio 9 RTP/AVP 0\r\n";

	(void)state;
	fixed(held, SDP_REWRITE_MEDIA_IP, "203.0.113.7", held);
	fixed("v=0\r\nc=IN IP6 ::\r\n", SDP_REWRITE_MEDIA_IP, "203.0.113.7",
		"v=0\r\nc=IN IP6 ::\r\n");
	fixed(held, SDP_REWRITE_MEDIA_IP | SDP_REWRITE_NULL_IPS, "203.0.113.7",
		"v=0\r\nc=IN IP4 203.0.113.7\r\nm=audio 9 RTP/AVP "
		"0\r\na=oldmediaip:0.0.0.0\r\n");
}

static void nothing_to_change_is_no_failure_and_no_edit(void **state)
{
	struct sip_test t;

	(void)state;
	message_with(&t, "", "v=0\r\nc=IN IP4 203.0.113.7\r\n");
	assert_int_equal(
		fix(&t, SDP_REWRITE_MEDIA_IP | SDP_REWRITE_ORIGIN_IP, "203.0.113.7"), 0);
	assert_int_equal(t.msg.edits, 0);
	sip_test_free(&t);
}

static void line_ends_of_the_phone_stay(void **state)
{
	(void)state;
	fixed("v=0\nc=IN IP4 10.0.0.1\n", SDP_REWRITE_MEDIA_IP | SDP_ADD_NORTPPROXY,
		"203.0.113.7",
		"v=0\nc=IN IP4 203.0.113.7\na=oldmediaip:10.0.0.1\na=nortpproxy:yes\n");
}

static void missing_content_length_is_no_obstacle(void **state)
{
	struct sip_test t;

	(void)state;
	message_with(&t, "", "v=0\r\nc=IN IP4 10.0.0.1\r\n");
	assert_int_equal(fix(&t, SDP_REWRITE_MEDIA_IP, "203.0.113.7"), 0);
	assert_has(sip_test_plain(&t), "\r\nContent-Length: 50\r\n\r\nv=0");
	sip_test_free(&t);
}

static void all_parts_of_a_multipart_are_fixed(void **state)
{
	struct sip_test t;

	(void)state;
	message_with(&t, "Content-Type: multipart/alternative;boundary=b\r\n",
		"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 "
		"10.0.0.1\r\n--b\r\n"
		"Content-Type: text/plain\r\n\r\nc=IN IP4 10.0.0.9\r\n--b\r\n"
		"Content-Type: application/SDP\r\nContent-Length: 22\r\n\r\nv=0\r\nc=IN "
		"IP4 10.0.0.2\r\n--b--\r\n");
	assert_int_equal(fix(&t, SDP_REWRITE_MEDIA_IP, "203.0.113.7"), 0);
	assert_slice_equal(t.msg.body,
		"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 "
		"203.0.113.7\r\n"
		"a=oldmediaip:10.0.0.1\r\n\r\n--b\r\n"
		"Content-Type: text/plain\r\n\r\nc=IN IP4 10.0.0.9\r\n--b\r\n"
		"Content-Type: application/SDP\r\nContent-Length: 50\r\n\r\nv=0\r\nc=IN "
		"IP4 203.0.113.7\r\n"
		"a=oldmediaip:10.0.0.2\r\n\r\n--b--\r\n");
	sip_test_free(&t);
}

static void untouched(const char *headers, const char *body, int err)
{
	struct sip_test t;

	message_with(&t, headers, body);
	assert_int_equal(fix(&t, SDP_FIXES, "203.0.113.7"), err);
	assert_int_equal(t.msg.edits, 0);
	assert_true(slice_eq(sip_test_plain(&t), t.msg.raw));
	sip_test_free(&t);
}

static void failures_leave_the_message_as_it_was(void **state)
{
	(void)state;
	untouched("", "", -ENOENT);
	untouched("Content-Type: text/plain\r\n", V4, -ENOENT);
	untouched("", "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n",
		-ENOENT);
	untouched("", "v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio\r\n", -EINVAL);
	untouched("Content-Type: multipart/mixed;boundary=b\r\n",
		"--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 "
		"10.0.0.1\r\n--b\r\n"
		"Content-Type: application/sdp\r\n\r\njunk\r\n--b--\r\n",
		-EINVAL);
}

static void without_memory_nothing_is_changed(void **state)
{
	struct sip_test t;

	(void)state;
	message_with(&t, "", V4 AUDIO VIDEO);
	while (arena_alloc(t.arena, 256))
		continue;
	assert_int_equal(fix(&t, SDP_FIXES, "203.0.113.7"), -ENOMEM);
	assert_int_equal(t.msg.edits, 0);
	sip_test_free(&t);
}

static void bodies_are_known_by_type(void **state)
{
	struct sip_test t;

	(void)state;
	message_with(&t, "Content-Type: multipart/mixed;boundary=b\r\n",
		"--b\r\nContent-Type: "
		"application/isup;x=y\r\n\r\nbin\r\n--b\r\n\r\nplain\r\n--b--\r\n");
	assert_true(sip_body_is(&t.msg, SLICE("")));
	assert_true(sip_body_is(&t.msg, SLICE("multipart/mixed")));
	assert_true(sip_body_is(&t.msg, SLICE("Application/ISUP")));
	assert_false(sip_body_is(&t.msg, SLICE("application/sdp")));
	assert_false(sip_body_is(&t.msg, SLICE("application")));
	sip_test_free(&t);
	message_with(&t, "", V4);
	assert_true(sip_body_is(&t.msg, SLICE("application/sdp")));
	assert_false(sip_body_is(&t.msg, SLICE("text/plain")));
	sip_test_free(&t);
	message_with(&t, "Content-Type: application/sdp\r\n", "");
	assert_false(sip_body_is(&t.msg, SLICE("")));
	assert_false(sip_body_is(&t.msg, SLICE("application/sdp")));
	sip_test_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_media_address_is_rewritten_and_kept),
		cmocka_unit_test(origin_is_rewritten_on_its_own),
		cmocka_unit_test(direction_and_marker_are_added_once),
		cmocka_unit_test(lines_of_the_script_stand_before_the_marker),
		cmocka_unit_test(an_empty_marker_is_none),
		cmocka_unit_test(lines_that_are_no_attributes_change_nothing),
		cmocka_unit_test(body_without_final_line_end_gets_one_with_new_lines),
		cmocka_unit_test(families_change_with_the_address),
		cmocka_unit_test(null_addresses_stay_unless_asked),
		cmocka_unit_test(nothing_to_change_is_no_failure_and_no_edit),
		cmocka_unit_test(line_ends_of_the_phone_stay),
		cmocka_unit_test(missing_content_length_is_no_obstacle),
		cmocka_unit_test(all_parts_of_a_multipart_are_fixed),
		cmocka_unit_test(failures_leave_the_message_as_it_was),
		cmocka_unit_test(without_memory_nothing_is_changed),
		cmocka_unit_test(bodies_are_known_by_type),
	};
	return cmocka_run_group_tests_name("fix_nated_sdp", tests, NULL, NULL);
}
