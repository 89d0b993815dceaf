#include "core/sip/sdp.h"
#include "tests/unit/sip_test.h"

#define AUDIO_VIDEO                                                                      \
	"v=0\r\no=- 1 2 IN IP4 192.168.1.20\r\ns=-\r\nc=IN IP4 192.168.1.20\r\nt=0 "     \
	"0\r\n"                                                                          \
	"m=audio 49170 RTP/AVP 0 8\r\na=rtcp:49171\r\na=sendrecv\r\n"                    \
	"m=video 51372/2 RTP/AVP 31\r\nc=IN IP4 192.168.1.21/127\r\n"                    \
	"a=rtcp:51380 IN IP4 192.168.1.22\r\na=sendonly\r\n"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new(8192, 1 << 20);
	return arena ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	arena_put(arena);
	return 0;
}

static struct sdp good(const char *text)
{
	struct sdp s;

	assert_int_equal(sdp_parse(&s, arena, slice_str(text), SDP_MAX_MEDIA), 0);
	return s;
}

static struct slice written(const struct sdp *s)
{
	struct buf b;

	buf_arena(&b, arena, 256, 1 << 16);
	sdp_write(&b, s);
	assert_int_equal(b.err, 0);
	return buf_slice(&b);
}

static void streams_and_addresses_are_found(void **state)
{
	struct sdp s = good(AUDIO_VIDEO);

	(void)state;
	assert_slice_equal(s.origin.addr, "192.168.1.20");
	assert_slice_equal(s.conn.line, "c=IN IP4 192.168.1.20");
	assert_int_equal(s.media_count, 2);
	assert_slice_equal(s.media[0].type, "audio");
	assert_int_equal(s.media[0].port, 49170);
	assert_slice_equal(s.media[0].proto, "RTP/AVP");
	assert_slice_equal(s.media[0].formats, "0 8");
	assert_int_equal(s.media[0].rtcp_port, 49171);
	assert_slice_equal(s.media[0].rtcp.addr, "");
	assert_slice_equal(s.media[0].direction, "sendrecv");
	assert_ptr_equal(sdp_media_addr(&s, &s.media[0]), &s.conn);
	assert_slice_equal(s.media[1].port_where, "51372");
	assert_slice_equal(s.media[1].conn.addr, "192.168.1.21");
	assert_slice_equal(s.media[1].rtcp.addr, "192.168.1.22");
	assert_ptr_equal(sdp_media_addr(&s, &s.media[1]), &s.media[1].conn);
	assert_slice_equal(written(&s), AUDIO_VIDEO);
}

static void changes_are_written_where_they_belong(void **state)
{
	struct sdp s = good(AUDIO_VIDEO);
	struct slice relay = SLICE("2001:db8::5");

	(void)state;
	sdp_set_addr(&s.origin, relay, true);
	sdp_set_addr(&s.conn, relay, true);
	sdp_set_port(&s.media[0], 30000);
	sdp_set_addr(&s.media[0].rtcp, relay, true);
	sdp_set_port(&s.media[1], 0);
	sdp_set_addr(&s.media[1].conn, relay, true);
	s.media[1].rtcp_port = 30003;
	s.media[1].rtcp_port_set = true;
	assert_int_equal(sdp_append_line(&s, SLICE("a=nortpproxy:yes")), 0);
	assert_slice_equal(written(&s),
		"v=0\r\no=- 1 2 IN IP6 2001:db8::5\r\ns=-\r\nc=IN IP6 2001:db8::5\r\nt=0 "
		"0\r\n"
		"m=audio 30000 RTP/AVP 0 8\r\na=rtcp:49171 IN IP6 "
		"2001:db8::5\r\na=sendrecv\r\n"
		"m=video 0/2 RTP/AVP 31\r\nc=IN IP6 2001:db8::5\r\n"
		"a=rtcp:30003 IN IP4 192.168.1.22\r\na=sendonly\r\na=nortpproxy:yes\r\n");
	assert_true(sdp_has_line(&s, SLICE("a=nortpproxy:yes")));
	assert_true(sdp_has_line(&s, SLICE("t=0 0")));
	assert_false(sdp_has_line(&s, SLICE("t=0")));
}

static void line_ends_stay_as_they_are(void **state)
{
	struct sdp s = good("v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 10.0.0.1\nm=audio "
			    "4000 RTP/AVP 0");

	(void)state;
	assert_true(s.lf_only);
	sdp_set_addr(&s.conn, SLICE("192.0.2.9"), false);
	assert_int_equal(sdp_append_line(&s, SLICE("a=x")), 0);
	assert_int_equal(sdp_append_line(&s, SLICE("a=y")), 0);
	assert_slice_equal(written(&s),
		"v=0\no=- 1 1 IN IP4 10.0.0.1\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP "
		"0\na=x\na=y\n");
}

static void new_lines_go_before_trailing_blank_lines(void **state)
{
	struct sdp s = good("v=0\r\nm=audio 4000 RTP/AVP 0\r\n\r\n\r\n");

	(void)state;
	assert_int_equal(sdp_append_line(&s, SLICE("a=x")), 0);
	assert_slice_equal(
		written(&s), "v=0\r\nm=audio 4000 RTP/AVP 0\r\na=x\r\n\r\n\r\n");
}

static void every_connection_line_of_a_level_is_changed(void **state)
{
	struct sdp s = good("v=0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n"
			    "c=IN IP4 224.2.1.2/127/3\r\n");

	(void)state;
	sdp_set_addr(&s.media[0].conn, SLICE("192.0.2.9"), false);
	assert_slice_equal(written(&s),
		"v=0\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.9\r\n"
		"c=IN IP4 192.0.2.9\r\n");
}

static void blanks_in_the_user_name_of_o_do_no_harm(void **state)
{
	struct sdp s = good("v=0\r\no=John Q Doe 1 1 IN IP4 10.1.2.3\r\n");

	(void)state;
	assert_slice_equal(s.origin.where, "10.1.2.3");
	assert_slice_equal(s.origin.line, "o=John Q Doe 1 1 IN IP4 10.1.2.3");
}

static void unknown_networks_and_lines_are_left_alone(void **state)
{
	const char *text = "v=0\r\nc=ATM NSAP 47.0091\r\nfoo\r\nz=\r\nm=audio 1 RTP/AVP "
			   "0\r\na=rtcp:x\r\n";
	struct sdp s = good(text);

	(void)state;
	assert_slice_equal(s.conn.line, "");
	assert_slice_equal(s.media[0].rtcp.line, "");
	sdp_set_addr(&s.conn, SLICE("192.0.2.9"), false);
	assert_null(sdp_media_addr(&s, &s.media[0]));
	assert_slice_equal(written(&s), text);
}

static void many_streams_fit_up_to_the_limit(void **state)
{
	char text[4096] = "v=0\r\n";
	struct sdp s;
	unsigned i;

	(void)state;
	for (i = 0; i < 65; i++)
		strcat(text, "m=audio 4000 RTP/AVP 0\r\n");
	assert_int_equal(sdp_parse(&s, arena, slice_str(text), 64), -E2BIG);
	assert_int_equal(sdp_parse(&s, arena, slice_str(text), 65), 0);
	for (i = 0; i < 65; i++)
		sdp_set_port(&s.media[i], (uint16_t)(5000 + i));
	assert_has(written(&s), "m=audio 5064 RTP/AVP 0\r\n");
}

static void what_is_no_sdp_is_refused(void **state)
{
	static const char *const bad[] = {"", "hello",
		"o=- 1 1 IN IP4 1.2.3.4\r\nv=0\r\n", "v=0\r\nm=audio\r\n",
		"v=0\r\nm=audio x RTP/AVP 0\r\n", "v=0\r\nm=audio 65536 RTP/AVP 0\r\n",
		"v=0\r\nc=IN IP4 1.1.1.1\rm=x\r\n", "v=0\r\nc=IN IP4\r\n",
		"v=0\r\nc=IN IP9 1.2.3.4\r\n", "v=0\r\nc=IN IP4 /1\r\n",
		"v=0\r\no=- 1 IN IP4 1.2.3.4\r\n", "v=0\r\nv=0\r\n",
		"v=0\r\no=- 1 1 IN IP4 1.1.1.1\r\no=- 1 1 IN IP4 1.1.1.1\r\n"};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sdp s = {.media_count = 77};

		assert_int_equal(sdp_parse(&s, arena, slice_str(bad[i]), 64), -EINVAL);
		assert_int_equal(s.media_count, 77);
	}
}

#define PART_SDP          "v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 4000 RTP/AVP 0"
#define MULTI(type, body) SIP_TEST_HEAD "Content-Type: multipart/" type "\r\n\r\n" body

static void whole_body_is_sdp_with_or_without_a_type(void **state)
{
	static const char *const types[] = {"", "Content-Type: application/sdp\r\n",
		"c: Application/SDP;charset=x\r\n", "c: application / sdp\r\n",
		"c: application/sdp\r\nContent-Encoding: identity\r\n"};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
		char text[2048];
		struct sip_test t;

		(void)snprintf(
			text, sizeof(text), SIP_TEST_HEAD "%s\r\n" PART_SDP, types[i]);
		sip_test_good(&t, text);
		assert_int_equal(sip_sdp_parts(&t.msg, parts), 1);
		assert_slice_equal(parts[0].text, PART_SDP);
		sip_test_free(&t);
	}
}

static void other_bodies_are_no_sdp(void **state)
{
	static const char *const types[] = {"c: text/plain\r\n",
		"c: application/sdpx\r\n", "c: x\r\n",
		"c: application/sdp\r\ne: gzip\r\n",
		"c: application/sdp\r\nContent-Transfer-Encoding: base64\r\n",
		"c: multipart/mixed\r\n", "c: multipart/mixed;boundary=b\r\n"};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
		char text[2048];
		struct sip_test t;

		(void)snprintf(
			text, sizeof(text), SIP_TEST_HEAD "%s\r\n" PART_SDP, types[i]);
		sip_test_good(&t, text);
		assert_int_equal(sip_sdp_parse(&t.msg, parts, 64), 0);
		sip_test_free(&t);
	}
}

static void sdp_parts_of_a_multipart_are_edited_in_place(void **state)
{
	struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
	struct sip_test t;
	int n, i;

	(void)state;
	sip_test_good(&t,
		MULTI("mixed;boundary=\"b 1\"",
			"preamble\r\n--b 1\r\nContent-Type: application/sdp\r\n"
			"Content-Length: 46\r\n\r\n" PART_SDP "\r\n--b 1 \r\n"
			"Content-Type: application/ISUP\r\n\r\n\x01\x02\r\n--b 1\r\n"
			"c: application/sdp\r\nContent-Transfer-Encoding: "
			"base64\r\n\r\ndj0w\r\n"
			"--b 1\r\n\r\nno type: plain text\r\n--b 1\r\n"
			"content-type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 "
			"10.0.0.2\r\n\r\n"
			"--b 1--\r\nepilogue"));
	n = sip_sdp_parse(&t.msg, parts, 64);
	assert_int_equal(n, 2);
	assert_slice_equal(parts[0].text, PART_SDP);
	assert_slice_equal(parts[0].length_where, "46");
	for (i = 0; i < n; i++)
		sdp_set_addr(&parts[i].sdp.conn, SLICE("203.0.113.100"), false);
	assert_int_equal(sip_sdp_apply(&t.msg, parts, (unsigned)n), 0);
	assert_slice_equal(t.msg.body,
		"preamble\r\n--b 1\r\nContent-Type: application/sdp\r\n"
		"Content-Length: 51\r\n\r\nv=0\r\nc=IN IP4 203.0.113.100\r\nm=audio 4000 "
		"RTP/AVP 0\r\n"
		"--b 1 \r\nContent-Type: application/ISUP\r\n\r\n\x01\x02\r\n--b 1\r\n"
		"c: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n"
		"--b 1\r\n\r\nno type: plain text\r\n--b 1\r\n"
		"content-type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 "
		"203.0.113.100\r\n\r\n"
		"--b 1--\r\nepilogue");
	sip_test_free(&t);
}

static void nested_multiparts_are_not_descended_into(void **state)
{
	struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
	struct sip_test t;

	(void)state;
	sip_test_good(&t,
		MULTI("mixed;boundary=a",
			"--a\r\nContent-Type: multipart/alternative;boundary=b\r\n\r\n"
			"--b\r\nContent-Type: application/sdp\r\n\r\n" PART_SDP
			"\r\n--b--\r\n"
			"--a--\r\n"));
	assert_int_equal(sip_sdp_parts(&t.msg, parts), 0);
	sip_test_free(&t);
}

static void broken_multiparts_are_no_sdp(void **state)
{
	static const char *const bodies[] = {"", "--a", "--a\r\n", "--a--",
		"--a\r\n--a\r\n--a--\r\n",
		"--a\r\nContent-Type: application/sdp\r\n--a--",
		"--a\r\nContent-Type: application/sdp\r\n\r\n\r\n--a--",
		"--a\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n"};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
		char text[2048];
		struct sip_test t;

		(void)snprintf(
			text, sizeof(text), MULTI("mixed;boundary=a", "%s"), bodies[i]);
		sip_test_good(&t, text);
		assert_int_equal(sip_sdp_parts(&t.msg, parts), 0);
		sip_test_free(&t);
	}
}

static void nothing_changed_is_no_edit(void **state)
{
	struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
	struct sip_test t;

	(void)state;
	sip_test_good(&t, SIP_TEST_HEAD "\r\n" PART_SDP);
	assert_int_equal(sip_sdp_parse(&t.msg, parts, 64), 1);
	sdp_set_addr(&parts[0].sdp.conn, SLICE("10.0.0.1"), false);
	assert_int_equal(sip_sdp_apply(&t.msg, parts, 1), 0);
	assert_int_equal(t.msg.edits, 0);
	sip_test_free(&t);
}

#define sdp_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		sdp_test(streams_and_addresses_are_found),
		sdp_test(changes_are_written_where_they_belong),
		sdp_test(line_ends_stay_as_they_are),
		sdp_test(new_lines_go_before_trailing_blank_lines),
		sdp_test(every_connection_line_of_a_level_is_changed),
		sdp_test(blanks_in_the_user_name_of_o_do_no_harm),
		sdp_test(unknown_networks_and_lines_are_left_alone),
		sdp_test(many_streams_fit_up_to_the_limit),
		sdp_test(what_is_no_sdp_is_refused),
		cmocka_unit_test(whole_body_is_sdp_with_or_without_a_type),
		cmocka_unit_test(other_bodies_are_no_sdp),
		cmocka_unit_test(sdp_parts_of_a_multipart_are_edited_in_place),
		cmocka_unit_test(nested_multiparts_are_not_descended_into),
		cmocka_unit_test(broken_multiparts_are_no_sdp),
		cmocka_unit_test(nothing_changed_is_no_edit),
	};
	return cmocka_run_group_tests_name("sdp", tests, NULL, NULL);
}
