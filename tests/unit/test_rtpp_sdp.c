#include "plugins/rtpp/rtpp_sdp.h"

#include "tests/unit/sip_test.h"

#define HEAD    "v=0\r\no=- 1 1 IN IP4 192.168.1.20\r\ns=-\r\n"
#define SESSION "c=IN IP4 192.168.1.20\r\n"
#define TIME    "t=0 0\r\n"
#define MARK    "a=nortpproxy:yes\r\n"

struct sdp_case {
	struct sip_test t;
	struct rtpp_flags flags;
	struct addr source;
	struct rtpp_body_options opt;
	struct rtpp_body body;
	int err;
};

static void read_body(
	struct sdp_case *c, const char *headers, const char *flags, const char *body)
{
	char text[8192], why[128];

	memset(c, 0, sizeof(*c));
	(void)snprintf(text, sizeof(text), SIP_TEST_HEAD "%s\r\n%s", headers, body);
	sip_test_good(&c->t, text);
	assert_null(rtpp_flags_parse(slice_str(flags), &c->flags, why));
	c->source = ph_test_addr("203.0.113.7", 40000);
	c->opt = (struct rtpp_body_options){.flags = &c->flags,
		.marker = SLICE("a=nortpproxy:yes"),
		.source = &c->source,
		.max_media = SDP_MAX_MEDIA};
	c->err = rtpp_body_read(&c->body, &c->t.msg, &c->opt);
}

/* The relay gives ports 35000, 35002, ... at its address. */
static void apply(struct sdp_case *c, const char *relay, const char *forced)
{
	struct addr none = {0}, fallback = ph_test_addr("198.51.100.1", 0), f = none;
	unsigned i;

	if (forced)
		f = ph_test_addr(forced, 0);
	for (i = 0; i < c->body.count; i++) {
		if (relay)
			c->body.streams[i].relay = ph_test_addr(relay, 0);
		c->body.streams[i].relay_port = (uint16_t)(35000 + 2 * i);
	}
	assert_int_equal(rtpp_body_apply(&c->body, &c->t.msg, &c->opt, &f, &fallback), 0);
}

static void rewritten(
	const char *flags, const char *before, const char *relay, const char *after)
{
	struct sdp_case c;

	read_body(&c, "Content-Type: application/sdp\r\n", flags, before);
	assert_int_equal(c.err, 0);
	apply(&c, relay, NULL);
	assert_slice_equal(c.t.msg.body, after);
	sip_test_free(&c.t);
}

static void session_address_serves_streams_without_their_own(void **state)
{
	(void)state;
	rewritten("", HEAD SESSION TIME "m=audio 4000 RTP/AVP 0 8\r\na=sendrecv\r\n",
		"198.51.100.9",
		HEAD "c=IN IP4 198.51.100.9\r\n" TIME
		     "m=audio 35000 RTP/AVP 0 8\r\na=sendrecv\r\n" MARK);
}

static void media_level_addresses_are_rewritten_alone(void **state)
{
	static const char before[] =
		HEAD SESSION TIME "m=audio 4000 RTP/AVP 0\r\n" SESSION
				  "m=video 5000 RTP/AVP 31\r\n" SESSION;

	(void)state;
	rewritten("", before, "198.51.100.9",
		HEAD SESSION TIME
		"m=audio 35000 RTP/AVP 0\r\nc=IN IP4 198.51.100.9\r\n"
		"m=video 35002 RTP/AVP 31\r\nc=IN IP4 198.51.100.9\r\n" MARK);
	rewritten("c", before, "198.51.100.9",
		HEAD "c=IN IP4 198.51.100.9\r\n" TIME
		     "m=audio 35000 RTP/AVP 0\r\nc=IN IP4 198.51.100.9\r\n"
		     "m=video 35002 RTP/AVP 31\r\nc=IN IP4 198.51.100.9\r\n" MARK);
}

static void session_and_media_levels_mix(void **state)
{
	(void)state;
	rewritten("",
		HEAD SESSION TIME
		"m=audio 4000 RTP/AVP 0\r\nm=video 5000 RTP/AVP 31\r\n" SESSION,
		"198.51.100.9",
		HEAD "c=IN IP4 198.51.100.9\r\n" TIME "m=audio 35000 RTP/AVP 0\r\n"
		     "m=video 35002 RTP/AVP 31\r\nc=IN IP4 198.51.100.9\r\n" MARK);
}

static void origin_changes_with_flag_o_only(void **state)
{
	(void)state;
	rewritten("o", HEAD SESSION TIME "m=audio 4000 RTP/AVP 0\r\n", "198.51.100.9",
		"v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 "
		"198.51.100.9\r\n" TIME "m=audio 35000 RTP/AVP 0\r\n" MARK);
}

static void declined_and_foreign_streams_keep_their_place_in_the_count(void **state)
{
	struct sdp_case c;

	(void)state;
	read_body(&c, "", "",
		HEAD SESSION TIME "m=audio 0 RTP/AVP 0\r\nm=message 2855 TCP/MSRP "
				  "*\r\nm=video 5000 rtp/savpf 31\r\n");
	assert_int_equal(c.err, 0);
	assert_int_equal(c.body.count, 1);
	assert_int_equal(c.body.streams[0].number, 3);
	apply(&c, "198.51.100.9", NULL);
	assert_slice_equal(c.t.msg.body,
		HEAD "c=IN IP4 198.51.100.9\r\n" TIME
		     "m=audio 0 RTP/AVP 0\r\nm=message 2855 TCP/MSRP *\r\nm=video 35000 "
		     "rtp/savpf 31\r\n" MARK);
	sip_test_free(&c.t);
}

static void a_declined_stream_needs_no_address(void **state)
{
	struct sdp_case c;

	(void)state;
	read_body(&c, "", "",
		HEAD TIME "m=audio 4000 RTP/AVP 0\r\n" SESSION
			  "m=video 0 RTP/AVP 31\r\n");
	assert_int_equal(c.err, 0);
	assert_int_equal(c.body.count, 1);
	sip_test_free(&c.t);
	read_body(&c, "", "", HEAD TIME "m=audio 0 RTP/AVP 0\r\n");
	assert_int_equal(c.err, 0);
	assert_int_equal(c.body.count, 0);
	sip_test_free(&c.t);
}

static void hold_by_null_address_stays_on_hold(void **state)
{
	struct sdp_case c;

	(void)state;
	read_body(&c, "", "",
		HEAD "c=IN IP4 0.0.0.0\r\n" TIME "m=audio 4000 RTP/AVP 0\r\n");
	assert_int_equal(c.err, 0);
	assert_true(c.body.streams[0].held);
	assert_slice_equal(c.body.streams[0].told_ip, "0.0.0.0");
	apply(&c, "198.51.100.9", NULL);
	assert_slice_equal(c.t.msg.body,
		HEAD "c=IN IP4 0.0.0.0\r\n" TIME "m=audio 35000 RTP/AVP 0\r\n" MARK);
	sip_test_free(&c.t);
	rewritten("", HEAD "c=IN IP4 0.0.0.0\r\n" TIME "m=audio 4000 RTP/AVP 0\r\n",
		"2001:db8::9",
		HEAD "c=IN IP6 ::\r\n" TIME "m=audio 35000 RTP/AVP 0\r\n" MARK);
}

static void rtcp_moves_to_the_port_behind(void **state)
{
	(void)state;
	rewritten("",
		HEAD SESSION TIME
		"m=audio 4000 RTP/AVP 0\r\na=rtcp:4001 IN IP4 192.168.1.20\r\n"
		"m=video 5000 RTP/AVP 31\r\na=rtcp:5001\r\n",
		"198.51.100.9",
		HEAD
		"c=IN IP4 198.51.100.9\r\n" TIME
		"m=audio 35000 RTP/AVP 0\r\na=rtcp:35001 IN IP4 198.51.100.9\r\n"
		"m=video 35002 RTP/AVP 31\r\na=rtcp:35003 IN IP4 198.51.100.9\r\n" MARK);
}

static void families_follow_the_relay(void **state)
{
	(void)state;
	rewritten("o", HEAD SESSION TIME "m=audio 4000 RTP/AVP 0\r\n", "2001:db8::9",
		"v=0\r\no=- 1 1 IN IP6 2001:db8::9\r\ns=-\r\nc=IN IP6 "
		"2001:db8::9\r\n" TIME "m=audio 35000 RTP/AVP 0\r\n" MARK);
}

static void the_relay_is_told_the_source_unless_trusted(void **state)
{
	struct sdp_case c;

	(void)state;
	read_body(&c, "", "", HEAD SESSION TIME "m=audio 4000/2 RTP/AVP 0\r\n");
	assert_slice_equal(c.body.streams[0].told_ip, "203.0.113.7");
	assert_int_equal(c.body.streams[0].port, 4000);
	sip_test_free(&c.t);
	read_body(&c, "", "r",
		HEAD "c=IN IP6 2001:db8::5\r\n" TIME "m=audio 4000 RTP/AVP 0\r\n");
	assert_slice_equal(c.body.streams[0].told_ip, "2001:db8::5");
	assert_true(c.body.streams[0].told_ip6);
	sip_test_free(&c.t);
	read_body(&c, "", "",
		HEAD "c=IN IP4 phone.example.com\r\n" TIME "m=audio 4000 RTP/AVP 0\r\n");
	assert_int_equal(c.err, 0);
	apply(&c, "198.51.100.9", NULL);
	assert_has(c.t.msg.body, "c=IN IP4 198.51.100.9\r\n");
	sip_test_free(&c.t);
	read_body(&c, "", "a",
		HEAD "c=IN IP4 phone.example.com\r\n" TIME "m=audio 4000 RTP/AVP 0\r\n");
	assert_int_equal(c.err, -EADDRNOTAVAIL);
	sip_test_free(&c.t);
}

static void address_of_the_first_stream_serves_where_none_is_given(void **state)
{
	struct addr none = {0}, fallback = ph_test_addr("198.51.100.1", 0);
	struct sdp_case c;

	(void)state;
	read_body(&c, "", "",
		HEAD TIME "m=audio 4000 RTP/AVP 0\r\n" SESSION
			  "m=video 5000 RTP/AVP 31\r\n" SESSION);
	c.body.streams[0].relay = ph_test_addr("198.51.100.9", 0);
	c.body.streams[0].relay_port = 41030;
	c.body.streams[1].relay_port = 41032; /* "41032 0.0.0.0 4" */
	assert_int_equal(rtpp_body_apply(&c.body, &c.t.msg, &c.opt, &none, &fallback), 0);
	assert_slice_equal(c.t.msg.body,
		HEAD TIME "m=audio 41030 RTP/AVP 0\r\nc=IN IP4 198.51.100.9\r\n"
			  "m=video 41032 RTP/AVP 31\r\nc=IN IP4 198.51.100.9\r\n" MARK);
	sip_test_free(&c.t);
}

static void argument_goes_before_reply_before_fallback(void **state)
{
	struct sdp_case c;

	(void)state;
	read_body(&c, "", "", HEAD SESSION TIME "m=audio 4000 RTP/AVP 0\r\n");
	apply(&c, "10.9.9.9", "203.0.113.200");
	assert_has(c.t.msg.body, "c=IN IP4 203.0.113.200\r\n");
	sip_test_free(&c.t);
	read_body(&c, "", "", HEAD SESSION TIME "m=audio 4000 RTP/AVP 0\r\n");
	apply(&c, NULL, NULL);
	assert_has(c.t.msg.body, "c=IN IP4 198.51.100.1\r\n");
	sip_test_free(&c.t);
}

static void the_marker_stops_a_second_relay(void **state)
{
	static const char marked[] = HEAD SESSION TIME "m=audio 4000 RTP/AVP 0\r\n" MARK;
	struct sdp_case c;

	(void)state;
	read_body(&c, "", "", marked);
	assert_int_equal(c.err, -EALREADY);
	sip_test_free(&c.t);
	rewritten("f", marked, "198.51.100.9",
		HEAD "c=IN IP4 198.51.100.9\r\n" TIME "m=audio 35000 RTP/AVP 0\r\n" MARK);
}

static void each_part_of_a_multipart_is_rewritten_and_counted_on(void **state)
{
	struct sdp_case c;

	(void)state;
	read_body(&c, "Content-Type: multipart/mixed;boundary=b\r\n", "",
		"--b\r\nContent-Type: application/sdp\r\n\r\n" HEAD SESSION
		"m=audio 4000 RTP/AVP 0\r\n\r\n--b\r\n"
		"Content-Type: application/sdp\r\n\r\n" HEAD SESSION
		"m=video 5000 RTP/AVP 31\r\n\r\n--b--\r\n");
	assert_int_equal(c.err, 0);
	assert_int_equal(c.body.count, 2);
	assert_int_equal(c.body.streams[1].number, 2);
	apply(&c, "198.51.100.9", NULL);
	assert_slice_equal(c.t.msg.body,
		"--b\r\nContent-Type: application/sdp\r\n\r\n" HEAD
		"c=IN IP4 198.51.100.9\r\nm=audio 35000 RTP/AVP 0\r\n" MARK
		"\r\n--b\r\nContent-Type: application/sdp\r\n\r\n" HEAD
		"c=IN IP4 198.51.100.9\r\nm=video 35002 RTP/AVP 31\r\n" MARK
		"\r\n--b--\r\n");
	assert_int_equal(c.t.msg.edits, 1);
	sip_test_free(&c.t);
}

static void line_feeds_alone_stay_so(void **state)
{
	(void)state;
	rewritten("",
		"v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nm=audio 4000 "
		"RTP/AVP 0\n",
		"198.51.100.9",
		"v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 198.51.100.9\nm=audio 35000 "
		"RTP/AVP 0\na=nortpproxy:yes\n");
}

static void bodies_that_cannot_be_relayed_are_refused(void **state)
{
	static const struct {
		const char *headers, *body;
		int err;
	} rows[] = {
		{"", "", -ENOENT},
		{"Content-Type: text/plain\r\n",
			HEAD SESSION "m=audio 4000 RTP/AVP 0\r\n", -ENOENT},
		{"", "m=audio 4000 RTP/AVP 0\r\n", -EINVAL},
		{"", HEAD SESSION "m=audio 70000 RTP/AVP 0\r\n", -EINVAL},
		{"", HEAD TIME "m=audio 4000 RTP/AVP 0\r\n", -EDESTADDRREQ},
	};
	struct sdp_case c;
	char many[4096] = HEAD SESSION;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_body(&c, rows[i].headers, "", rows[i].body);
		assert_int_equal(c.err, rows[i].err);
		assert_int_equal(c.t.msg.edits, 0);
		sip_test_free(&c.t);
	}
	for (i = 0; i < SDP_MAX_MEDIA + 1; i++)
		strcat(many, "m=audio 4000 RTP/AVP 0\r\n");
	read_body(&c, "", "", many);
	assert_int_equal(c.err, -E2BIG);
	sip_test_free(&c.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session_address_serves_streams_without_their_own),
		cmocka_unit_test(media_level_addresses_are_rewritten_alone),
		cmocka_unit_test(session_and_media_levels_mix),
		cmocka_unit_test(origin_changes_with_flag_o_only),
		cmocka_unit_test(
			declined_and_foreign_streams_keep_their_place_in_the_count),
		cmocka_unit_test(a_declined_stream_needs_no_address),
		cmocka_unit_test(hold_by_null_address_stays_on_hold),
		cmocka_unit_test(rtcp_moves_to_the_port_behind),
		cmocka_unit_test(families_follow_the_relay),
		cmocka_unit_test(the_relay_is_told_the_source_unless_trusted),
		cmocka_unit_test(address_of_the_first_stream_serves_where_none_is_given),
		cmocka_unit_test(argument_goes_before_reply_before_fallback),
		cmocka_unit_test(the_marker_stops_a_second_relay),
		cmocka_unit_test(each_part_of_a_multipart_is_rewritten_and_counted_on),
		cmocka_unit_test(line_feeds_alone_stay_so),
		cmocka_unit_test(bodies_that_cannot_be_relayed_are_refused),
	};
	return cmocka_run_group_tests_name("rtpp_sdp", tests, NULL, NULL);
}
