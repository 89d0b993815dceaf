#include "core/sip/sip_header.h"
#include "tests/unit/sip_test.h"

#define VIA     "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n"
#define FROM    "From: <sip:a@example.com>;tag=1\r\n"
#define TO      "To: <sip:b@example.com>\r\n"
#define CALL_ID "Call-ID: x1@a\r\n"
#define CSEQ    "CSeq: 7 OPTIONS\r\n"
#define LINE    "OPTIONS sip:b@example.com SIP/2.0\r\n"

static void request_is_indexed(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t,
		SIP_TEST_HEAD
		"Subject: hello\r\nX-One: 1\r\nContent-Length: 4\r\n\r\nbody");
	assert_int_equal(t.msg.kind, SIP_REQUEST);
	assert_int_equal(t.msg.method, SIP_INVITE);
	assert_slice_equal(t.msg.ruri, "sip:bob@example.com");
	assert_slice_equal(t.msg.call_id, "a84b4c76e66710@pc33.example.com");
	assert_int_equal(t.msg.cseq, 314159);
	assert_slice_equal(t.msg.cseq_method_text, "INVITE");
	assert_slice_equal(t.msg.body, "body");
	assert_int_equal(t.msg.hdr_count, 9);
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_SUBJECT), "hello");
	assert_slice_equal(sip_hdr_find(&t.msg, SLICE("x-ONE"))->value, "1");
	assert_null(sip_hdr_find(&t.msg, SLICE("X-Two")));
	assert_null(sip_hdr_first(&t.msg, SIP_H_CONTACT));
	sip_test_free(&t);
}

static void reply_has_the_method_of_its_cseq(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t,
		"SIP/2.0 183 Session Progress\r\n" VIA FROM TO CALL_ID
		"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(t.msg.kind, SIP_REPLY);
	assert_int_equal(t.msg.status, 183);
	assert_slice_equal(t.msg.reason, "Session Progress");
	assert_int_equal(t.msg.method, SIP_INVITE);
	sip_test_free(&t);
}

static void reply_without_a_reason_is_good(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t, "SIP/2.0 100 \r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
	assert_slice_equal(t.msg.reason, "");
	sip_test_free(&t);
	sip_test_good(&t, "SIP/2.0 100\r\n" VIA FROM TO CALL_ID CSEQ "\r\n");
	assert_int_equal(t.msg.status, 100);
	sip_test_free(&t);
}

static void compact_forms_mean_the_same(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t,
		LINE
		"v: SIP/2.0/UDP 192.0.2.1\r\nf: <sip:a@b.c>;tag=1\r\nt: <sip:b@b.c>\r\n"
		"i: 1\r\n" CSEQ "m: <sip:a@192.0.2.1>\r\nc: text/plain\r\nk: path\r\n"
		"r: <sip:c@b.c>\r\nl: 2\r\n\r\nhi!");
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_CONTACT), "<sip:a@192.0.2.1>");
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_CONTENT_TYPE), "text/plain");
	assert_slice_equal(t.msg.body, "hi");
	assert_non_null(sip_hdr_find(&t.msg, SLICE("Refer-To")));
	assert_ptr_equal(sip_hdr_find(&t.msg, SLICE("Content-Length")),
		sip_hdr_find(&t.msg, SLICE("l")));
	sip_test_free(&t);
}

static void folded_header_keeps_its_fold_in_the_value(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t,
		LINE VIA FROM
		"To  :\r\n  <sip:b@example.com>\r\n\t;tag=9\r\n" CALL_ID CSEQ
		"Subject: a\r\n b\r\n\r\n");
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_SUBJECT), "a\r\n b");
	assert_slice_equal(sip_to(&t.msg, NULL)->tag, "9");
	sip_test_free(&t);
}

static void bare_lf_is_accepted_and_leaves_as_crlf(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t,
		"OPTIONS sip:b@c SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1\nFrom: "
		"<sip:a@b>;tag=1\n"
		"To: <sip:b@b>\nCall-ID: 1\nCSeq: 7 OPTIONS\nX: a\n b\n\nbody");
	assert_slice_equal(t.msg.body, "body");
	assert_slice_equal(sip_test_plain(&t),
		"OPTIONS sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n"
		"From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 7 "
		"OPTIONS\r\n"
		"X: a\r\n b\r\n\r\nbody");
	sip_test_free(&t);
}

static void headers_of_a_kind_come_in_order(void **state)
{
	struct sip_test t;
	struct sip_hdr *h;

	(void)state;
	sip_test_good(&t,
		LINE VIA "Route: <sip:1.1.1.1;lr>\r\n" FROM TO CALL_ID CSEQ
			 "X: 1\r\nRoute: <sip:2.2.2.2;lr>\r\nx: a\r\nX: 2\r\n\r\n");
	h = sip_hdr_first(&t.msg, SIP_H_ROUTE);
	assert_slice_equal(h->value, "<sip:1.1.1.1;lr>");
	h = sip_hdr_next(h);
	assert_slice_equal(h->value, "<sip:2.2.2.2;lr>");
	assert_null(sip_hdr_next(h));
	/* "x" is the compact form of Session-Expires, "X" as well: names have no case */
	h = sip_hdr_find(&t.msg, SLICE("Session-Expires"));
	assert_slice_equal(h->value, "1");
	assert_slice_equal(sip_hdr_next(h)->value, "a");
	sip_test_free(&t);
}

static void spaces_round_content_length_do_not_matter(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t,
		LINE VIA FROM TO CALL_ID CSEQ "Content-Length \t:  3  \r\n\r\nabcdef");
	assert_slice_equal(t.msg.body, "abc");
	assert_int_equal(t.msg.raw.p[t.msg.raw.len - 1], 'c');
	sip_test_free(&t);
}

static void body_without_content_length_is_the_rest(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t, LINE VIA FROM TO CALL_ID CSEQ "\r\nall of it");
	assert_slice_equal(t.msg.body, "all of it");
	sip_test_free(&t);
}

static void keepalives_before_a_message_are_skipped(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t, "\r\n\r\n" LINE VIA FROM TO CALL_ID CSEQ "\r\n");
	assert_int_equal(t.msg.raw.p[0], 'O');
	sip_test_free(&t);
}

/** Refused with that code and reason; answerable or not. */
static void refused(const char *text, unsigned code, const char *why, bool can_reply)
{
	struct sip_test t;

	sip_test_text(&t, text);
	assert_int_equal(t.err, -EBADMSG);
	assert_string_equal(t.why.text, why);
	assert_int_equal(t.why.code, code);
	assert_int_equal(sip_can_reply(&t.msg), can_reply);
	sip_test_free(&t);
}

static void missing_mandatory_headers_are_named(void **state)
{
	(void)state;
	refused(LINE FROM TO CALL_ID CSEQ "\r\n", 400, "Missing Via", false);
	refused(LINE VIA TO CALL_ID CSEQ "\r\n", 400, "Missing From", true);
	refused(LINE VIA FROM CALL_ID CSEQ "\r\n", 400, "Missing To", true);
	refused(LINE VIA FROM TO CSEQ "\r\n", 400, "Missing Call-ID", true);
	refused(LINE VIA FROM TO CALL_ID "\r\n", 400, "Missing CSeq", true);
}

static void single_headers_twice_are_refused(void **state)
{
	(void)state;
	refused(LINE VIA FROM FROM TO CALL_ID CSEQ "\r\n", 400, "Multiple From", true);
	refused(LINE VIA FROM TO TO CALL_ID CSEQ "\r\n", 400, "Multiple To", true);
	refused(LINE VIA FROM TO CALL_ID CALL_ID CSEQ "\r\n", 400, "Multiple Call-ID",
		true);
	refused(LINE VIA FROM TO CALL_ID CSEQ CSEQ "\r\n", 400, "Multiple CSeq", true);
	refused(LINE VIA FROM TO CALL_ID CSEQ "l: 0\r\nContent-Length: 1\r\n\r\nx", 400,
		"Multiple Content-Length", true);
	refused(LINE VIA "From: <sip:a@b.c>;tag=1, <sip:d@e.f>\r\n" TO CALL_ID CSEQ
			 "\r\n",
		400, "Bad From", true);
}

static void the_same_content_length_twice_is_tolerated(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(
		&t, LINE VIA FROM TO CALL_ID CSEQ "l: 1\r\nContent-Length: 1\r\n\r\nx");
	sip_test_free(&t);
}

static void lying_content_length_is_refused(void **state)
{
	(void)state;
	refused(LINE VIA FROM TO CALL_ID CSEQ "l: 5\r\n\r\nabcd", 400,
		"Content-Length Beyond End of Message", true);
	refused(LINE VIA FROM TO CALL_ID CSEQ "l: 99999999999999999999999999\r\n\r\nabcd",
		400, "Content-Length Beyond End of Message", true);
	refused(LINE VIA FROM TO CALL_ID CSEQ "l: -1\r\n\r\nabcd", 400,
		"Bad Content-Length", true);
	refused(LINE VIA FROM TO CALL_ID CSEQ "l: 1 2\r\n\r\nabcd", 400,
		"Bad Content-Length", true);
	refused(LINE VIA FROM TO CALL_ID CSEQ "l:\r\n\r\nabcd", 400, "Bad Content-Length",
		true);
}

static void cseq_must_be_a_number_and_the_method(void **state)
{
	(void)state;
	refused(LINE VIA FROM TO CALL_ID "CSeq: 7 INVITE\r\n\r\n", 400,
		"CSeq Method Does Not Match", true);
	refused(LINE VIA FROM TO CALL_ID "CSeq: 7\r\n\r\n", 400, "Bad CSeq", true);
	refused(LINE VIA FROM TO CALL_ID "CSeq: 7OPTIONS\r\n\r\n", 400, "Bad CSeq", true);
	refused(LINE VIA FROM TO CALL_ID "CSeq: OPTIONS\r\n\r\n", 400, "Bad CSeq", true);
	refused(LINE VIA FROM TO CALL_ID "CSeq: 7 OPTIONS x\r\n\r\n", 400, "Bad CSeq",
		true);
	refused(LINE VIA FROM TO CALL_ID "CSeq: 4294967296 OPTIONS\r\n\r\n", 400,
		"Bad CSeq", true);
}

static void request_line_has_exactly_three_parts(void **state)
{
	(void)state;
	refused("OPTIONS  sip:b@c SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n", 400,
		"Bad Request Line", true);
	refused("OPTIONS sip:b@c SIP/2.0 \r\n" VIA FROM TO CALL_ID CSEQ "\r\n", 400,
		"Bad Request Line", true);
	refused("OPTIONS sip:b@c\r\n" VIA FROM TO CALL_ID CSEQ "\r\n", 400,
		"Bad Request Line", true);
	refused("OPTIONS sip:b@c SIP/3.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n", 505,
		"Version Not Supported", true);
	refused("OPTIONS <sip:b@c> SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n", 400,
		"Bad Request-URI", true);
	refused("OPTIONS sip:b@c?Route=x SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n",
		400, "Bad Request-URI", true);
	refused("OPT/IONS sip:b@c SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ "\r\n", 0,
		"Not SIP", false);
}

static void replies_are_never_answered(void **state)
{
	(void)state;
	refused("SIP/2.0 99 x\r\n" VIA FROM TO CALL_ID CSEQ "\r\n", 0, "Bad Status Line",
		false);
	refused("SIP/2.0 700 x\r\n" VIA FROM TO CALL_ID CSEQ "\r\n", 0, "Bad Status Line",
		false);
	refused("SIP/2.0 2000 x\r\n" VIA FROM TO CALL_ID CSEQ "\r\n", 0,
		"Bad Status Line", false);
	refused("SIP/2.0 200 x\r\n" VIA FROM TO CALL_ID "\r\n", 0, "Missing CSeq", false);
}

static void malformed_lines_are_refused(void **state)
{
	(void)state;
	refused(LINE VIA FROM TO CALL_ID CSEQ "no colon here\r\n\r\n", 400,
		"Malformed Header", true);
	refused(LINE VIA FROM TO CALL_ID CSEQ ": x\r\n\r\n", 400, "Malformed Header",
		true);
	refused(LINE VIA FROM TO CALL_ID CSEQ "X: a\rVia: b\r\n\r\n", 400,
		"Stray CR in Header", true);
	refused(LINE VIA FROM TO CALL_ID CSEQ "X: a\r\n", 400, "Truncated Message", true);
	refused(LINE VIA FROM TO CALL_ID CSEQ "X: a", 400, "Truncated Message", true);
	refused(LINE "Via: junk\r\n" FROM TO CALL_ID CSEQ "\r\n", 400, "Bad Via", false);
	refused(LINE VIA FROM TO "Call-ID: a b\r\n" CSEQ "\r\n", 400, "Bad Call-ID",
		true);
	refused("", 0, "Empty", false);
	refused("\r\n", 0, "Not SIP", false);
	refused("junk", 0, "Not SIP", false);
}

static void nul_bytes_are_refused_unless_quoted(void **state)
{
	static const char bad[] = LINE VIA FROM TO CALL_ID CSEQ "X: a\0b\r\n\r\n";
	static const char good[] =
		LINE VIA FROM TO CALL_ID CSEQ "X: \"a\\\0b\"\r\n\r\n\0\0";
	struct sip_test t;

	(void)state;
	sip_test_parse(&t, SLICE(bad));
	assert_int_equal(t.err, -EBADMSG);
	assert_string_equal(t.why.text, "NUL in Header");
	sip_test_free(&t);
	sip_test_parse(&t, SLICE(good));
	assert_int_equal(t.err, 0);
	sip_test_free(&t);
}

static void ack_is_never_answered(void **state)
{
	(void)state;
	refused("ACK sip:b@c SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 1 INVITE\r\n\r\n",
		400, "CSeq Method Does Not Match", false);
}

static void limits_hold(void **state)
{
	static const char text[] = LINE VIA FROM TO CALL_ID CSEQ "X: 1\r\nX: 2\r\n\r\n";
	struct sip_limits limits = {.max_headers = 6, .max_size = 1000};
	struct sip_error why = {0};
	struct sip_msg msg;
	struct arena *arena = arena_new(8192, 1 << 20);

	(void)state;
	assert_int_equal(sip_parse(&msg, arena, SLICE(text), &limits, &why), -EMSGSIZE);
	assert_int_equal(why.code, 513);
	assert_true(sip_can_reply(&msg));
	limits.max_headers = 7;
	assert_int_equal(sip_parse(&msg, arena, SLICE(text), &limits, &why), 0);
	limits.max_size = sizeof(text) - 2;
	assert_int_equal(sip_parse(&msg, arena, SLICE(text), &limits, &why), -EMSGSIZE);
	assert_string_equal(why.text, "Message Too Large");
	arena_put(arena);
}

static void too_small_an_arena_gives_enomem(void **state)
{
	size_t limit;
	bool done = false;

	(void)state;
	for (limit = 64; limit < 65536 && !done; limit += 64) {
		struct arena *arena = arena_new(64, limit);
		struct sip_error why;
		struct sip_msg msg;
		int err;

		assert_non_null(arena);
		err = sip_parse(&msg, arena, SLICE(SIP_TEST_INVITE), NULL, &why);
		done = err == 0;
		if (!done)
			assert_int_equal(err, -ENOMEM);
		arena_put(arena);
	}
	assert_true(done);
}

static void every_cut_of_a_message_is_refused(void **state)
{
	static const char text[] = SIP_TEST_HEAD "Content-Length: 4\r\n\r\nbody";
	size_t n;

	(void)state;
	for (n = 0; n < sizeof(text) - 1; n++) {
		struct sip_test t;

		sip_test_parse(&t, slice_make(text, n));
		assert_int_equal(t.err, -EBADMSG);
		sip_test_free(&t);
	}
}

static void names_of_headers_and_methods_are_known_both_ways(void **state)
{
	unsigned i;

	(void)state;
	for (i = SIP_H_OTHER + 1; i < SIP_H_COUNT; i++)
		assert_int_equal(sip_hdr_id_of(slice_str(sip_hdr_name(i))), i);
	for (i = SIP_OTHER + 1; i < SIP_METHODS; i++)
		assert_int_equal(sip_method_of(slice_str(sip_method_name(i))), i);
	assert_int_equal(sip_hdr_id_of(SLICE("")), SIP_H_OTHER);
	assert_int_equal(sip_hdr_id_of(SLICE("cONTENT-lENGTH")), SIP_H_CONTENT_LENGTH);
	assert_int_equal(sip_method_of(SLICE("invite")), SIP_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_is_indexed),
		cmocka_unit_test(reply_has_the_method_of_its_cseq),
		cmocka_unit_test(reply_without_a_reason_is_good),
		cmocka_unit_test(compact_forms_mean_the_same),
		cmocka_unit_test(folded_header_keeps_its_fold_in_the_value),
		cmocka_unit_test(bare_lf_is_accepted_and_leaves_as_crlf),
		cmocka_unit_test(headers_of_a_kind_come_in_order),
		cmocka_unit_test(spaces_round_content_length_do_not_matter),
		cmocka_unit_test(body_without_content_length_is_the_rest),
		cmocka_unit_test(keepalives_before_a_message_are_skipped),
		cmocka_unit_test(missing_mandatory_headers_are_named),
		cmocka_unit_test(single_headers_twice_are_refused),
		cmocka_unit_test(the_same_content_length_twice_is_tolerated),
		cmocka_unit_test(lying_content_length_is_refused),
		cmocka_unit_test(cseq_must_be_a_number_and_the_method),
		cmocka_unit_test(request_line_has_exactly_three_parts),
		cmocka_unit_test(replies_are_never_answered),
		cmocka_unit_test(malformed_lines_are_refused),
		cmocka_unit_test(nul_bytes_are_refused_unless_quoted),
		cmocka_unit_test(ack_is_never_answered),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(too_small_an_arena_gives_enomem),
		cmocka_unit_test(every_cut_of_a_message_is_refused),
		cmocka_unit_test(names_of_headers_and_methods_are_known_both_ways),
	};
	return cmocka_run_group_tests_name("sip_msg", tests, NULL, NULL);
}
