#include "core/sip/sip_header.h"
#include "tests/unit/sip_test.h"

#define HEAD_NO_VIA                                                                      \
	"OPTIONS sip:b@example.com SIP/2.0\r\nFrom: <sip:a@example.com>;tag=1\r\n"       \
	"To: <sip:b@example.com>\r\nCall-ID: x1\r\nCSeq: 7 OPTIONS\r\n"
#define HEAD HEAD_NO_VIA "Via: SIP/2.0/UDP 192.0.2.1\r\n"

static void vias_of_several_fields_are_one_list(void **state)
{
	struct sip_test t;
	struct sip_via *v;

	(void)state;
	sip_test_good(&t,
		HEAD_NO_VIA "Via: SIP/2.0/UDP "
			    "192.0.2.1:5062;branch=z9hG4bK1;rport;received=203.0.113.5 ,"
			    "SIP / 2.0 / TCP  [2001:db8::1] : 5070 ; "
			    "maddr=239.1.1.1;ttl=3;rport=5060\r\n"
			    "v:\r\n SIP/2.0/XYZ host.example.com;x=\"a,b;c\"\r\n\r\n");
	v = sip_via_list(&t.msg, NULL);
	assert_int_equal(v->transport, SIP_TR_UDP);
	assert_slice_equal(v->host, "192.0.2.1");
	assert_int_equal(v->port, 5062);
	assert_slice_equal(v->branch, "z9hG4bK1");
	assert_true(v->has_rport);
	assert_slice_equal(v->rport, "");
	assert_slice_equal(v->received, "203.0.113.5");
	assert_slice_equal(v->text,
		"SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bK1;rport;received=203.0.113.5");
	v = v->next;
	assert_int_equal(v->transport, SIP_TR_TCP);
	assert_slice_equal(v->host, "[2001:db8::1]");
	assert_int_equal(v->port, 5070);
	assert_slice_equal(v->maddr, "239.1.1.1");
	assert_slice_equal(v->ttl, "3");
	assert_slice_equal(v->rport, "5060");
	v = v->next;
	assert_int_equal(v->transport, SIP_TR_UNKNOWN);
	assert_slice_equal(v->transport_text, "XYZ");
	assert_int_equal(v->port, 0);
	assert_slice_equal(v->params, "x=\"a,b;c\"");
	assert_null(v->next);
	sip_test_free(&t);
}

static void malformed_vias_are_refused(void **state)
{
	static const char *const bad[] = {"", " ", "SIP/2.0", "SIP/2.0/UDP",
		"SIP/2.0/UDP ", "SIP/2.0 h", "HTTP/2.0/UDP h", "SIP/2.0/UDPh;",
		"SIP/2.0/UDP h:", "SIP/2.0/UDP h:0", "SIP/2.0/UDP h:99999",
		"SIP/2.0/UDP h x", "SIP/2.0/UDP h,", ",SIP/2.0/UDP h",
		"SIP/2.0/UDP h;x=\"", "SIP/2.0/UDP [::1", "SIP/2.0/UDP 192.0.2.15;;,;,,"};
	struct arena *arena = arena_new(4096, 1 << 20);
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sip_via *v = NULL;

		assert_int_equal(sip_via_parse(arena, slice_str(bad[i]), &v), -EBADMSG);
		assert_null(v);
	}
	arena_put(arena);
}

static void contacts_keep_quoted_commas_together(void **state)
{
	struct sip_test t;
	struct sip_nameaddr *n;

	(void)state;
	sip_test_good(&t,
		HEAD "Contact: \"Bell, \\\"A\\\" <x>\" "
		     "<sip:bell@192.0.2.4:5070;transport=tcp>;q=0.5,\r\n"
		     "  sip:b@example.com;expires=60;tag=no\r\n"
		     "m: Alice W <sips:a@[2001:db8::9]> ; "
		     "+sip.instance=\"<urn:uuid:1,2>\"\r\n\r\n");
	n = sip_nameaddrs(&t.msg, SIP_H_CONTACT, NULL);
	assert_slice_equal(n->display, "\"Bell, \\\"A\\\" <x>\"");
	assert_slice_equal(n->uri_text, "sip:bell@192.0.2.4:5070;transport=tcp");
	assert_true(n->brackets);
	assert_int_equal(n->uri_err, 0);
	assert_int_equal(n->uri.port, 5070);
	assert_slice_equal(n->params, "q=0.5");
	n = n->next;
	assert_false(n->brackets);
	assert_slice_equal(n->uri_text, "sip:b@example.com");
	assert_slice_equal(n->params, "expires=60;tag=no");
	assert_slice_equal(n->text, "sip:b@example.com;expires=60;tag=no");
	n = n->next;
	assert_slice_equal(n->display, "Alice W");
	assert_slice_equal(n->uri.host, "[2001:db8::9]");
	assert_slice_equal(n->params, "+sip.instance=\"<urn:uuid:1,2>\"");
	assert_null(n->next);
	sip_test_free(&t);
}

static void star_contact_is_told_apart(void **state)
{
	struct sip_test t;
	int err = 1;

	(void)state;
	sip_test_good(&t, HEAD "Contact: *\r\n\r\n");
	assert_true(sip_contact_star(&t.msg));
	assert_null(sip_nameaddrs(&t.msg, SIP_H_CONTACT, &err));
	assert_int_equal(err, 0);
	sip_test_free(&t);
	sip_test_good(&t, HEAD "Contact: <sip:a@b>\r\nContact: *\r\n\r\n");
	assert_true(sip_contact_star(&t.msg));
	assert_non_null(sip_nameaddrs(&t.msg, SIP_H_CONTACT, &err));
	sip_test_free(&t);
	sip_test_good(&t, HEAD "Contact: <sip:a@b>\r\n\r\n");
	assert_false(sip_contact_star(&t.msg));
	sip_test_free(&t);
}

static void malformed_addresses_are_refused(void **state)
{
	static const char *const bad[] = {"", "*", "<sip:a@b", "\"a <sip:a@b>", "a b",
		"Bell, A <sip:a@b>", "<sip:a@b> x", "<sip:a@b>,", "sip:a@b?Route=x",
		"\"a\" sip:a@b", "sip:a@b>;x", "a\"b\" <sip:a@b>", "<sip:a@b>;x=\"y",
		";x", "<sip:a@b>,,<sip:a@b>"};
	struct arena *arena = arena_new(4096, 1 << 20);
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int err = 0;

		assert_null(sip_nameaddr_parse(arena, slice_str(bad[i]), &err));
		assert_int_equal(err, -EBADMSG);
	}
	arena_put(arena);
}

static void bad_uri_in_brackets_is_told_without_refusing_the_field(void **state)
{
	struct arena *arena = arena_new(4096, 1 << 20);
	struct sip_nameaddr *n =
		sip_nameaddr_parse(arena, SLICE("<not a uri>;x, <sip:a@b?x=y>"), NULL);

	(void)state;
	assert_non_null(n);
	assert_int_equal(n->uri_err, -EINVAL);
	assert_int_equal(n->next->uri_err, 0);
	assert_slice_equal(n->next->uri.headers, "x=y");
	arena_put(arena);
}

static void tags_of_from_and_to(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t, SIP_TEST_INVITE);
	assert_slice_equal(sip_from(&t.msg, NULL)->tag, "1928301774");
	assert_slice_equal(sip_from(&t.msg, NULL)->uri.user, "alice");
	assert_slice_equal(sip_to(&t.msg, NULL)->tag, "");
	assert_slice_equal(sip_to(&t.msg, NULL)->display, "Bob");
	sip_test_free(&t);
}

static void values_follow_edits_and_rollbacks(void **state)
{
	struct sip_test t;
	struct sip_nameaddr *n;
	sip_mark mark;

	(void)state;
	sip_test_good(
		&t, HEAD "Route: <sip:r1;lr>, <sip:r2;lr>\r\nRoute: <sip:r3;lr>\r\n\r\n");
	mark = sip_edit_mark(&t.msg);
	n = sip_nameaddrs(&t.msg, SIP_H_ROUTE, NULL);
	assert_slice_equal(n->next->next->uri.host, "r3");
	assert_int_equal(sip_hdr_set(&t.msg, n->hdr, SLICE("<sip:r2;lr>")), 0);
	assert_int_equal(sip_hdr_add(&t.msg, SIP_BEFORE, NULL, SLICE("Route"),
				 SLICE("<sip:r0;lr>"), NULL),
		0);
	n = sip_nameaddrs(&t.msg, SIP_H_ROUTE, NULL);
	assert_slice_equal(n->uri.host, "r0");
	assert_slice_equal(n->next->uri.host, "r2");
	assert_slice_equal(n->next->next->uri.host, "r3");
	assert_null(n->next->next->next);
	sip_rollback(&t.msg, mark);
	n = sip_nameaddrs(&t.msg, SIP_H_ROUTE, NULL);
	assert_slice_equal(n->uri.host, "r1");
	assert_slice_equal(n->next->uri.host, "r2");
	assert_slice_equal(n->next->next->uri.host, "r3");
	assert_null(n->next->next->next);
	sip_test_free(&t);
}

static void removed_fields_leave_no_values_behind(void **state)
{
	struct sip_test t;

	(void)state;
	sip_test_good(&t,
		HEAD "Via: SIP/2.0/UDP two\r\nRoute: <sip:r1;lr>\r\nRoute: "
		     "<sip:r2;lr>\r\n\r\n");
	assert_non_null(sip_nameaddrs(&t.msg, SIP_H_ROUTE, NULL)->next);
	assert_non_null(sip_via_list(&t.msg, NULL)->next);
	assert_int_equal(
		sip_hdr_remove(&t.msg, sip_hdr_next(sip_hdr_first(&t.msg, SIP_H_ROUTE))),
		0);
	assert_int_equal(
		sip_hdr_remove(&t.msg, sip_hdr_next(sip_hdr_first(&t.msg, SIP_H_VIA))),
		0);
	assert_null(sip_nameaddrs(&t.msg, SIP_H_ROUTE, NULL)->next);
	assert_null(sip_via_list(&t.msg, NULL)->next);
	sip_test_free(&t);
}

static void numbers_are_strict(void **state)
{
	struct sip_test t;
	uint32_t n = 77;

	(void)state;
	sip_test_good(&t,
		HEAD "Max-Forwards: 0068\r\nExpires: 99999999999999999999\r\n"
		     "Min-Expires: 1h\r\nRetry-After: 18 (busy);duration=60\r\n\r\n");
	assert_int_equal(sip_number(&t.msg, SIP_H_MIN_EXPIRES, &n), -EBADMSG);
	assert_int_equal(sip_number(&t.msg, SIP_H_EVENT, &n), -ENOENT);
	assert_int_equal(n, 77);
	assert_int_equal(sip_number(&t.msg, SIP_H_MAX_FORWARDS, &n), 0);
	assert_int_equal(n, 68);
	assert_int_equal(sip_number(&t.msg, SIP_H_EXPIRES, &n), 0);
	assert_int_equal(n, UINT32_MAX);
	assert_int_equal(sip_number(&t.msg, SIP_H_RETRY_AFTER, &n), 0);
	assert_int_equal(n, 18);
	sip_test_free(&t);
}

static void q_is_in_thousandths(void **state)
{
	static const struct {
		const char *params;
		int err;
		unsigned q;
	} rows[] = {{"", 0, 1000}, {"q=1", 0, 1000}, {"q=1.000", 0, 1000},
		{"Q=0.5", 0, 500}, {"q=0.", 0, 0}, {"q=0.123", 0, 123}, {"q=0", 0, 0},
		{"q=1.001", -EBADMSG, 0}, {"q=2", -EBADMSG, 0}, {"q=", -EBADMSG, 0},
		{"q=0.1234", -EBADMSG, 0}, {"q=0.x", -EBADMSG, 0}, {"q=05", -EBADMSG, 0}};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_nameaddr n = {.params = slice_str(rows[i].params)};
		unsigned q = 0;

		assert_int_equal(sip_contact_q(&n, &q), rows[i].err);
		assert_int_equal(q, rows[i].q);
	}
}

static void tokens_are_found_in_all_fields(void **state)
{
	struct sip_test t;
	struct slice params;

	(void)state;
	sip_test_good(&t,
		HEAD "Supported: path, 100rel\r\nk: outbound\r\n"
		     "Content-Type: multipart/mixed ; boundary=x\r\n\r\n");
	assert_true(sip_hdr_has_token(&t.msg, SIP_H_SUPPORTED, SLICE("PATH")));
	assert_true(sip_hdr_has_token(&t.msg, SIP_H_SUPPORTED, SLICE("100rel")));
	assert_true(sip_hdr_has_token(&t.msg, SIP_H_SUPPORTED, SLICE("outbound")));
	assert_false(sip_hdr_has_token(&t.msg, SIP_H_SUPPORTED, SLICE("pat")));
	assert_false(sip_hdr_has_token(&t.msg, SIP_H_REQUIRE, SLICE("path")));
	assert_slice_equal(sip_content_type(&t.msg, &params), "multipart/mixed");
	assert_slice_equal(params, "boundary=x");
	sip_test_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vias_of_several_fields_are_one_list),
		cmocka_unit_test(malformed_vias_are_refused),
		cmocka_unit_test(contacts_keep_quoted_commas_together),
		cmocka_unit_test(star_contact_is_told_apart),
		cmocka_unit_test(malformed_addresses_are_refused),
		cmocka_unit_test(bad_uri_in_brackets_is_told_without_refusing_the_field),
		cmocka_unit_test(tags_of_from_and_to),
		cmocka_unit_test(values_follow_edits_and_rollbacks),
		cmocka_unit_test(removed_fields_leave_no_values_behind),
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(q_is_in_thousandths),
		cmocka_unit_test(tokens_are_found_in_all_fields),
	};
	return cmocka_run_group_tests_name("sip_header", tests, NULL, NULL);
}
