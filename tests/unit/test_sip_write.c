#include "core/sip/sip_header.h"
#include "tests/unit/sip_test.h"

#define START "INVITE sip:bob@example.com SIP/2.0\r\n"
#define VIA   "Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK776asdhds;rport\r\n"
#define REST                                                                             \
	"Max-Forwards: 70\r\nTo: Bob <sip:bob@example.com>\r\n"                          \
	"From: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n"                     \
	"Call-ID: a84b4c76e66710@pc33.example.com\r\nCSeq: 314159 INVITE\r\n"
#define REPLY_REST                                                                       \
	"To: <sip:b@c>;tag=2\r\nFrom: <sip:a@c>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 "         \
	"INVITE\r\n"

static void buf_on(struct buf *b, struct sip_test *t)
{
	buf_arena(b, t->arena, 2048, 1 << 18);
}

static void forwarded_request_has_our_via_and_route_on_top(void **state)
{
	struct sip_test t;
	struct sip_forward f = {.ruri = SLICE("sip:bob@203.0.113.9:1234"),
		.via = SLICE("SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx"),
		.route = SLICE("<sip:next;lr>"),
		.extra = SLICE("P-Extra: 1\r\n")};
	struct buf b;

	(void)state;
	sip_test_good(&t,
		START VIA "Route: <sip:old;lr>\r\n" REST "Content-Length: 4\r\n\r\nbody");
	buf_on(&b, &t);
	sip_write_request(&b, &t.msg, &f);
	assert_slice_equal(buf_slice(&b),
		"INVITE sip:bob@203.0.113.9:1234 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bKx\r\n"
		"Route: <sip:next;lr>\r\n" VIA "Route: <sip:old;lr>\r\n" REST
		"Content-Length: 4\r\nP-Extra: 1\r\n\r\nbody");
	sip_test_free(&t);
}

static void missing_content_length_is_added(void **state)
{
	struct sip_test t;
	const struct sip_forward f = {.via = SLICE("V")};
	struct buf b;

	(void)state;
	sip_test_good(&t, START VIA REST "\r\nbody");
	buf_on(&b, &t);
	sip_write_request(&b, &t.msg, &f);
	assert_slice_equal(buf_slice(&b),
		START "Via: V\r\n" VIA REST "Content-Length: 4\r\n\r\nbody");
	assert_slice_equal(sip_test_plain(&t), START VIA REST "\r\nbody");
	assert_int_equal(sip_set_body(&t.msg, SLICE("other body")), 0);
	assert_slice_equal(sip_test_plain(&t),
		START VIA REST "Content-Length: 10\r\n\r\nother body");
	sip_test_free(&t);
}

static void content_length_is_always_the_truth(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t, START "l: 4\r\nContent-Length: 4\r\n" VIA REST "\r\nbody");
	assert_int_equal(sip_set_body(&t.msg, SLICE("bo")), 0);
	assert_slice_equal(
		sip_test_plain(&t), START "Content-Length: 2\r\n" VIA REST "\r\nbo");
	sip_rollback(&t.msg, NULL);
	assert_int_equal(sip_hdr_set(&t.msg, sip_hdr_first(&t.msg, SIP_H_CONTENT_LENGTH),
				 SLICE("99")),
		0);
	assert_has(sip_test_plain(&t), START "Content-Length: 4\r\n" VIA);
	assert_has_not(sip_test_plain(&t), "99");
	sip_test_free(&t);
}

static void reply_loses_its_topmost_via_field(void **state)
{
	struct sip_test t;
	struct buf b;

	(void)state;
	sip_test_good(&t,
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP ours\r\nVia: SIP/2.0/UDP "
		"theirs\r\n" REPLY_REST "Content-Length: 0\r\n\r\n");
	buf_on(&b, &t);
	sip_write_reply(&b, &t.msg);
	assert_slice_equal(buf_slice(&b),
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP theirs\r\n" REPLY_REST
		"Content-Length: 0\r\n\r\n");
	sip_test_free(&t);
}

static void reply_loses_only_the_first_value_of_a_field(void **state)
{
	struct sip_test t;
	struct buf b;

	(void)state;
	sip_test_good(&t,
		"SIP/2.0 200 OK\r\n" REPLY_REST "v: SIP/2.0/UDP ours;x=\"a,b\" ,\r\n "
		"SIP/2.0/UDP two, SIP/2.0/UDP three\r\n"
		"Via: SIP/2.0/UDP four\r\n\r\n");
	buf_on(&b, &t);
	sip_write_reply(&b, &t.msg);
	assert_slice_equal(buf_slice(&b),
		"SIP/2.0 200 OK\r\n" REPLY_REST
		"v: SIP/2.0/UDP two, SIP/2.0/UDP three\r\n"
		"Via: SIP/2.0/UDP four\r\nContent-Length: 0\r\n\r\n");
	sip_test_free(&t);
}

static void answer_mirrors_the_request(void **state)
{
	struct sip_test t;
	struct sip_answer a = {
		.code = 404, .to_tag = SLICE("our"), .extra = SLICE("Server: ph")};
	struct buf b;

	(void)state;
	sip_test_good(&t,
		START "Via: SIP/2.0/UDP 10.0.0.1;received=1.1.1.1;branch=b;rport, "
		      "SIP/2.0/UDP two\r\n"
		      "Via: SIP/2.0/UDP three\r\nRecord-Route: <sip:rr;lr>\r\n" REST
		      "Timestamp: 5\r\nContent-Length: 0\r\n\r\n");
	a.via_received = SLICE(";received=203.0.113.7;rport=40312");
	buf_on(&b, &t);
	sip_write_answer(&b, &t.msg, &a);
	assert_slice_equal(buf_slice(&b),
		"SIP/2.0 404 Not Found\r\n"
		"Via: SIP/2.0/UDP 10.0.0.1;branch=b;received=203.0.113.7;rport=40312, "
		"SIP/2.0/UDP two\r\n"
		"Via: SIP/2.0/UDP three\r\n"
		"From: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n"
		"To: Bob <sip:bob@example.com>;tag=our\r\n"
		"Call-ID: a84b4c76e66710@pc33.example.com\r\nCSeq: 314159 INVITE\r\n"
		"Server: ph\r\nContent-Length: 0\r\n\r\n");
	buf_reset(&b);
	a = (struct sip_answer){
		.code = 100, .reason = SLICE("Trying hard"), .to_tag = SLICE("our")};
	sip_write_answer(&b, &t.msg, &a);
	assert_has(buf_slice(&b),
		"SIP/2.0 100 Trying hard\r\nVia: SIP/2.0/UDP 10.0.0.1;received=1.1.1.1");
	assert_has(buf_slice(&b), "\r\nTo: Bob <sip:bob@example.com>\r\n");
	assert_has(buf_slice(&b), "\r\nTimestamp: 5\r\n");
	assert_has_not(buf_slice(&b), "Record-Route");
	buf_reset(&b);
	a = (struct sip_answer){.code = 200,
		.record_route = true,
		.body = SLICE("v=0"),
		.extra = SLICE("Content-Type: application/sdp\r\n")};
	sip_write_answer(&b, &t.msg, &a);
	assert_has(buf_slice(&b), "\r\nRecord-Route: <sip:rr;lr>\r\n");
	assert_has(buf_slice(&b),
		"Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0");
	sip_test_free(&t);
}

static void answer_keeps_the_callers_own_tag_and_values(void **state)
{
	struct sip_test t;
	const struct sip_answer a = {.code = 481, .to_tag = SLICE("our")};
	struct buf b;

	(void)state;
	sip_test_good(&t,
		"BYE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n"
		"To: <sip:b@c>;tag=2\r\nFrom: <sip:a@c>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 "
		"BYE\r\n\r\n");
	assert_int_equal(sip_hdr_set(&t.msg, sip_hdr_first(&t.msg, SIP_H_FROM),
				 SLICE("<sip:x@y>")),
		0);
	buf_on(&b, &t);
	sip_write_answer(&b, &t.msg, &a);
	assert_has(buf_slice(&b), "\r\nTo: <sip:b@c>;tag=2\r\n");
	assert_has(buf_slice(&b), "\r\nFrom: <sip:a@c>;tag=1\r\n");
	sip_test_free(&t);
}

static void half_parsed_request_can_be_answered(void **state)
{
	struct sip_test t;
	const struct sip_answer a = {.code = 400, .to_tag = SLICE("our")};
	struct buf b;

	(void)state;
	sip_test_text(&t,
		"INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nTo: \"open <sip:b@c>\r\n"
		"From: <sip:a@c>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n");
	assert_string_equal(t.why.text, "Bad To");
	assert_true(sip_can_reply(&t.msg));
	buf_on(&b, &t);
	sip_write_answer(&b, &t.msg, &a);
	assert_int_equal(b.err, 0);
	assert_has(buf_slice(&b), "\r\nTo: \"open <sip:b@c>;tag=our\r\n");
	sip_test_free(&t);
}

/** sip_via_fix() on a message with that Via; what its value is then. */
static void via_fixed(
	const char *via, const char *ip, bool force, const char *want, unsigned edits)
{
	struct addr source = ph_test_addr(ip, 40312);
	struct sip_test t;
	char text[1024];

	(void)snprintf(text, sizeof(text), START "Via: %s\r\n" REST "\r\n", via);
	sip_test_good(&t, text);
	assert_int_equal(sip_via_fix(&t.msg, &source, force), 0);
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_VIA), want);
	assert_int_equal(t.msg.edits, edits);
	sip_test_free(&t);
}

static void received_and_rport_are_put_on_the_top_via(void **state)
{
	(void)state;
	via_fixed("SIP/2.0/UDP 192.0.2.1;branch=b", "192.0.2.1", false,
		"SIP/2.0/UDP 192.0.2.1;branch=b", 0);
	via_fixed("SIP/2.0/UDP 192.0.2.1", "203.0.113.7", false,
		"SIP/2.0/UDP 192.0.2.1;received=203.0.113.7", 1);
	via_fixed("SIP/2.0/UDP h.example.com ;branch=b", "203.0.113.7", false,
		"SIP/2.0/UDP h.example.com;branch=b;received=203.0.113.7", 1);
	via_fixed("SIP/2.0/UDP 192.0.2.1;rport;branch=b", "192.0.2.1", false,
		"SIP/2.0/UDP 192.0.2.1;branch=b;received=192.0.2.1;rport=40312", 1);
	via_fixed("SIP/2.0/UDP 10.0.0.1;branch=b, SIP/2.0/UDP two", "192.0.2.1", true,
		"SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1;rport=40312, "
		"SIP/2.0/UDP two",
		1);
	via_fixed("SIP/2.0/UDP [2001:db8::1]", "2001:db8::2", false,
		"SIP/2.0/UDP [2001:db8::1];received=2001:db8::2", 1);
	via_fixed("SIP/2.0/UDP [2001:db8:0::1]", "2001:db8::1", false,
		"SIP/2.0/UDP [2001:db8:0::1]", 0);
}

static void what_the_sender_wrote_itself_is_overwritten(void **state)
{
	(void)state;
	via_fixed("SIP/2.0/UDP 10.0.0.1;received=6.6.6.6;rport=1;branch=b", "192.0.2.1",
		false, "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1;rport=40312", 1);
	via_fixed("SIP/2.0/UDP 192.0.2.1;received=6.6.6.6;branch=b", "192.0.2.1", false,
		"SIP/2.0/UDP 192.0.2.1;branch=b", 1);
}

static void cancel_and_ack_belong_to_their_request(void **state)
{
	struct sip_test t, r;
	struct buf b;

	(void)state;
	sip_test_good(&t,
		"INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP us;branch=1, SIP/2.0/UDP "
		"two\r\n"
		"Via: SIP/2.0/UDP three\r\nRoute: <sip:r1;lr>\r\nRoute: "
		"<sip:r2;lr>\r\n" REST "Contact: <sip:x>\r\n\r\n");
	sip_test_good(&r,
		"SIP/2.0 486 Busy\r\nVia: SIP/2.0/UDP us;branch=1\r\nTo: "
		"<sip:b@c>;tag=2\r\n"
		"From: <sip:a@c>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n");
	buf_on(&b, &t);
	sip_write_cancel(&b, &t.msg, SLICE("Reason: SIP;cause=200\r\n"));
	assert_slice_equal(buf_slice(&b),
		"CANCEL sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP us;branch=1\r\n"
		"From: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n"
		"To: Bob <sip:bob@example.com>\r\nCall-ID: "
		"a84b4c76e66710@pc33.example.com\r\n"
		"CSeq: 314159 CANCEL\r\nRoute: <sip:r1;lr>\r\nRoute: <sip:r2;lr>\r\n"
		"Max-Forwards: 70\r\nReason: SIP;cause=200\r\nContent-Length: 0\r\n\r\n");
	buf_reset(&b);
	sip_write_ack(&b, &t.msg, &r.msg);
	assert_slice_equal(buf_slice(&b),
		"ACK sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP us;branch=1\r\n"
		"From: \"Alice\" <sip:alice@example.com>;tag=1928301774\r\n"
		"To: <sip:b@c>;tag=2\r\nCall-ID: a84b4c76e66710@pc33.example.com\r\n"
		"CSeq: 314159 ACK\r\nRoute: <sip:r1;lr>\r\nRoute: <sip:r2;lr>\r\n"
		"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n");
	sip_test_free(&t);
	sip_test_free(&r);
}

static void request_uri_that_is_cut_short_is_written(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t, SIP_TEST_INVITE);
	assert_int_equal(sip_set_ruri(&t.msg, slice_sub(t.msg.ruri, 0, 7)), 0);
	assert_has(sip_test_plain(&t), "INVITE sip:bob SIP/2.0\r\n");
	sip_test_free(&t);
}

static void version_leaves_in_capitals(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(
		&t, "INVITE sip:b sip/2.0\r\nVia: SIP/2.0/UDP h\r\n" REPLY_REST "\r\n");
	assert_has(sip_test_plain(&t), "INVITE sip:b SIP/2.0\r\nVia: ");
	sip_test_free(&t);
	sip_test_good(&t, "Sip/2.0 200 \r\nVia: SIP/2.0/UDP h\r\n" REPLY_REST "\r\n");
	assert_has(sip_test_plain(&t), "SIP/2.0 200 \r\nVia: ");
	sip_test_free(&t);
}

static void reason_of_a_script_cannot_end_its_line(void **state)
{
	const struct sip_answer a = {.code = 480, .reason = SLICE("Gone\r\nEvil: 1")};
	struct sip_test t;
	struct buf b;

	(void)state;
	sip_test_good(&t, SIP_TEST_INVITE);
	buf_on(&b, &t);
	sip_write_answer(&b, &t.msg, &a);
	assert_has(buf_slice(&b), "SIP/2.0 480 Gone  Evil: 1\r\nVia: ");
	sip_test_free(&t);
}

static void full_buffer_is_an_error_and_no_overrun(void **state)
{
	struct sip_test t;
	const struct sip_forward f = {.via = SLICE("V")};
	char mem[64];
	struct buf b;

	(void)state;
	sip_test_good(&t, SIP_TEST_INVITE);
	buf_fixed(&b, mem, sizeof(mem));
	sip_write_request(&b, &t.msg, &f);
	assert_int_equal(b.err, -EMSGSIZE);
	sip_test_free(&t);
}

static void reasons_are_known(void **state)
{
	(void)state;
	assert_string_equal(sip_reason(200), "OK");
	assert_string_equal(sip_reason(487), "Request Terminated");
	assert_string_equal(sip_reason(299), "Unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forwarded_request_has_our_via_and_route_on_top),
		cmocka_unit_test(missing_content_length_is_added),
		cmocka_unit_test(content_length_is_always_the_truth),
		cmocka_unit_test(reply_loses_its_topmost_via_field),
		cmocka_unit_test(reply_loses_only_the_first_value_of_a_field),
		cmocka_unit_test(answer_mirrors_the_request),
		cmocka_unit_test(answer_keeps_the_callers_own_tag_and_values),
		cmocka_unit_test(half_parsed_request_can_be_answered),
		cmocka_unit_test(received_and_rport_are_put_on_the_top_via),
		cmocka_unit_test(what_the_sender_wrote_itself_is_overwritten),
		cmocka_unit_test(cancel_and_ack_belong_to_their_request),
		cmocka_unit_test(request_uri_that_is_cut_short_is_written),
		cmocka_unit_test(version_leaves_in_capitals),
		cmocka_unit_test(reason_of_a_script_cannot_end_its_line),
		cmocka_unit_test(full_buffer_is_an_error_and_no_overrun),
		cmocka_unit_test(reasons_are_known),
	};
	return cmocka_run_group_tests_name("sip_write", tests, NULL, NULL);
}
