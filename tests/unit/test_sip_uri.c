#include "core/sip/sip_uri.h"
#include "tests/unit/ph_test.h"

static struct sip_uri good(const char *text)
{
	struct sip_uri u;

	if (sip_uri_parse(&u, slice_str(text)) != 0)
		fail_msg("refused: %s", text);
	return u;
}

static void all_parts_of_a_sip_uri_are_found(void **state)
{
	struct sip_uri u = good("sip:alice:secret@192.0.2.1:5070;transport=TCP;lr;maddr="
				"239.1.1.1?a=b&c=d");

	(void)state;
	assert_int_equal(u.scheme, SIP_SCHEME_SIP);
	assert_slice_equal(u.user, "alice");
	assert_slice_equal(u.password, "secret");
	assert_slice_equal(u.host, "192.0.2.1");
	assert_slice_equal(u.hostport, "192.0.2.1:5070");
	assert_int_equal(u.port, 5070);
	assert_int_equal(u.transport, SIP_TR_TCP);
	assert_true(u.lr);
	assert_slice_equal(u.maddr, "239.1.1.1");
	assert_slice_equal(u.headers, "a=b&c=d");
}

static void ipv6_host_keeps_its_brackets(void **state)
{
	struct sip_uri u = good("sips:bob@[2001:db8::1]:5061;x=y");

	(void)state;
	assert_int_equal(u.scheme, SIP_SCHEME_SIPS);
	assert_slice_equal(u.host, "[2001:db8::1]");
	assert_slice_equal(u.hostport, "[2001:db8::1]:5061");
	assert_slice_equal(u.params, "x=y");
	u = good("sip:[::1]");
	assert_slice_equal(u.user, "");
	assert_slice_equal(u.hostport, "[::1]");
	assert_int_equal(u.port, 0);
}

static void user_may_hold_separators(void **state)
{
	struct sip_uri u = good("sip:user;par=u%40x?/,:pw@example.com");

	(void)state;
	assert_slice_equal(u.user, "user;par=u%40x?/,");
	assert_slice_equal(u.password, "pw");
	assert_slice_equal(u.host, "example.com");
}

static void tel_and_foreign_schemes_are_kept(void **state)
{
	struct sip_uri u = good("tel:+1-201-555-0123;phone-context=x");

	(void)state;
	assert_int_equal(u.scheme, SIP_SCHEME_TEL);
	assert_slice_equal(u.user, "+1-201-555-0123");
	assert_slice_equal(u.params, "phone-context=x");
	assert_int_equal(good("urn:service:sos").scheme, SIP_SCHEME_URN);
	assert_int_equal(good("soap.beep://192.0.2.103:3002").scheme, SIP_SCHEME_OTHER);
}

static void what_is_no_uri_is_refused(void **state)
{
	static const char *const bad[] = {"", "s", "sip", "sip:", "bob",
		"bob@example.com", ":x", "sip:@", "sip:bob@", "sip:a b@c", "sip:<a@b>",
		"sip:b@c:0", "sip:b@c:65536", "sip:b@c:", "sip:b@c:5x", "sip:b@[::1",
		"sip:b@[zz]", "sip:b@c/d", "sip:a@b@c", "sip:a@b\"", "1sip:a@b",
		"tel:", "tel:;x", "sip:a@b\x7f", "sip:a@b;x=\r\n"};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sip_uri u = {.port = 1};

		assert_int_equal(sip_uri_parse(&u, slice_str(bad[i])), -EINVAL);
		assert_int_equal(u.port, 1);
	}
}

static void parameters_are_found_without_case(void **state)
{
	struct slice v = SLICE("old");
	struct slice params = SLICE("a ; B=1;c=\"x;y\\\"z\" ;; d = 2;e=");

	(void)state;
	assert_true(sip_param_get(params, SLICE("A"), &v));
	assert_slice_equal(v, "");
	assert_true(sip_param_get(params, SLICE("b"), &v));
	assert_slice_equal(v, "1");
	assert_true(sip_param_get(params, SLICE("c"), &v));
	assert_slice_equal(v, "\"x;y\\\"z\"");
	assert_true(sip_param_get(params, SLICE("d"), &v));
	assert_slice_equal(v, "2");
	assert_true(sip_param_get(params, SLICE("e"), &v));
	assert_slice_equal(v, "");
	v = SLICE("old");
	assert_false(sip_param_get(params, SLICE("x"), &v));
	assert_slice_equal(v, "old");
	assert_false(sip_param_get((struct slice){0}, SLICE("x"), &v));
}

static bool same(const char *a, const char *b)
{
	struct sip_uri x = good(a), y = good(b);

	assert_int_equal(sip_uri_equal(&x, &y), sip_uri_equal(&y, &x));
	return sip_uri_equal(&x, &y);
}

static void equal_uris_of_rfc3261_19_1_4(void **state)
{
	(void)state;
	assert_true(same("sip:%61lice@atlanta.com;transport=TCP",
		"sip:alice@AtLanTa.CoM;Transport=tcp"));
	assert_true(same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
	assert_true(same(
		"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"));
	assert_true(same(
		"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
		"sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"));
	assert_true(same("sip:alice@atlanta.com?subject=project%20x&priority=urgent",
		"sip:alice@atlanta.com?priority=urgent&subject=project%20x"));
	assert_true(same("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]"));
	assert_true(same("tel:+1-201-555", "tel:+1201555"));
}

static void different_uris_of_rfc3261_19_1_4(void **state)
{
	(void)state;
	assert_false(same("SIP:ALICE@AtLanTa.CoM;Transport=udp",
		"sip:alice@AtLanTa.CoM;Transport=UDP"));
	assert_false(same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
	assert_false(same("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
	assert_false(same("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"));
	assert_false(same(
		"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
	assert_false(same("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
	assert_false(same("sip:a@b.c;x=1", "sip:a@b.c;x=2"));
	assert_false(same("sip:a@b.c", "sips:a@b.c"));
	assert_false(same("tel:+1201555", "tel:+1201556"));
	assert_false(same("urn:service:sos", "urn:service:fire"));
}

static void escapes_go_and_come_back(void **state)
{
	char mem[64];
	struct buf b;

	(void)state;
	buf_fixed(&b, mem, sizeof(mem));
	sip_unescape(&b, SLICE("%61lic%65%4"));
	assert_slice_equal(buf_slice(&b), "alice%4");
	buf_reset(&b);
	sip_unescape(&b, SLICE("%zz%"));
	assert_slice_equal(buf_slice(&b), "%zz%");
	buf_reset(&b);
	sip_escape_user(&b, SLICE("a b@c#%;x=1"));
	assert_slice_equal(buf_slice(&b), "a%20b%40c%23%25;x=1");
}

static void received_uri_names_the_transport(void **state)
{
	struct addr v4 = ph_test_addr("203.0.113.7", 40312),
		    v6 = ph_test_addr("2001:db8::7", 5060);
	char mem[128];
	struct buf b;

	(void)state;
	buf_fixed(&b, mem, sizeof(mem));
	sip_uri_of_addr(&b, &v4, SIP_TR_UDP);
	assert_slice_equal(buf_slice(&b), "sip:203.0.113.7:40312");
	buf_reset(&b);
	sip_uri_of_addr(&b, &v6, SIP_TR_TLS);
	assert_slice_equal(buf_slice(&b), "sip:[2001:db8::7]:5060;transport=tls");
}

static void transports_and_default_ports(void **state)
{
	(void)state;
	assert_int_equal(sip_transport_of(SLICE("WsS")), SIP_TR_WSS);
	assert_int_equal(sip_transport_of(SLICE("x")), SIP_TR_UNKNOWN);
	assert_int_equal(sip_transport_of(SLICE("")), SIP_TR_NONE);
	assert_string_equal(sip_transport_name(SIP_TR_SCTP), "sctp");
	assert_int_equal(sip_default_port(SIP_SCHEME_SIP, SIP_TR_UDP), 5060);
	assert_int_equal(sip_default_port(SIP_SCHEME_SIPS, SIP_TR_NONE), 5061);
	assert_int_equal(sip_default_port(SIP_SCHEME_SIP, SIP_TR_TLS), 5061);
}

static void a_sips_uri_asks_for_tls_whatever_it_says(void **state)
{
	static const struct {
		const char *text;
		enum sip_transport tr;
	} rows[] = {
		{"sip:a@b", SIP_TR_UDP},
		{"sip:a@b;transport=tcp", SIP_TR_TCP},
		{"sip:a@b;transport=tls", SIP_TR_TLS},
		{"sip:a@b;transport=quic", SIP_TR_UNKNOWN},
		{"sips:a@b", SIP_TR_TLS},
		{"sips:a@b;transport=tcp", SIP_TR_TLS},
		{"sips:a@b;transport=udp", SIP_TR_TLS},
		{"sips:a@b;transport=ws", SIP_TR_WSS},
	};
	struct sip_uri uri;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(sip_uri_parse(&uri, slice_str(rows[i].text)), 0);
		assert_int_equal(sip_uri_transport(&uri), rows[i].tr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_parts_of_a_sip_uri_are_found),
		cmocka_unit_test(ipv6_host_keeps_its_brackets),
		cmocka_unit_test(user_may_hold_separators),
		cmocka_unit_test(tel_and_foreign_schemes_are_kept),
		cmocka_unit_test(what_is_no_uri_is_refused),
		cmocka_unit_test(parameters_are_found_without_case),
		cmocka_unit_test(equal_uris_of_rfc3261_19_1_4),
		cmocka_unit_test(different_uris_of_rfc3261_19_1_4),
		cmocka_unit_test(escapes_go_and_come_back),
		cmocka_unit_test(received_uri_names_the_transport),
		cmocka_unit_test(transports_and_default_ports),
		cmocka_unit_test(a_sips_uri_asks_for_tls_whatever_it_says),
	};
	return cmocka_run_group_tests_name("sip_uri", tests, NULL, NULL);
}
