#include "core/base/addr_stream.h"
#include "tests/unit/ph_test.h"

static void literals_are_read_and_written_alike(void **state)
{
	static const char *const same[] = {"192.0.2.1", "0.0.0.0", "255.255.255.255",
		"2001:db8::1", "::", "::1", "fe80::1", "2001:db8:1:2:3:4:5:6"};
	char out[ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct addr a = ph_test_addr(same[i], 5060);

		assert_slice_equal(addr_ip_text(&a, out), same[i]);
		assert_string_equal(out, same[i]);
	}
}

static void what_is_no_strict_literal_is_refused(void **state)
{
	static const char *const bad[] = {"", "1", "10.1", "1.2.3", "1.2.3.4.5", "1.2.3.",
		".1.2.3", "1..2.3", "256.1.1.1", "01.2.3.4", "1.2.3.04", "00.0.0.0",
		"0x1.2.3.4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.-4", "+1.2.3.4", "a.b.c.d",
		"example.org", "[1.2.3.4]", "[]", "[", "]", "[::1", "::1]", ":",
		":::", "1::2::3", "12345::", "2001:db8::g", "fe80::1%eth0",
		"1.2.3.4:5060", "[::1]:5060", "::ffff:1.2.3.256", "::ffff:01.2.3.4",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
	struct addr a = {.in.sin_port = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (addr_parse_ip(&a, slice_str(bad[i])) != -EINVAL)
			fail_msg("taken: \"%s\"", bad[i]);
	}
	assert_int_equal(addr_parse_ip(&a, SLICE("1.2.3.4\0")), -EINVAL);
	assert_int_equal(addr_parse_ip(&a, SLICE("::1\0x")), -EINVAL);
	assert_int_equal(addr_parse_ip(&a, (struct slice){0}), -EINVAL);
	assert_int_equal(a.in.sin_port, 77);
}

static void mapped_addresses_are_ipv4(void **state)
{
	const struct addr want = ph_test_ipv4("192.0.2.33", 5060);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(5060)};
	struct addr a;

	(void)state;
	assert_int_equal(addr_parse(&a, SLICE("[::ffff:192.0.2.33]:5060"), 0), 0);
	assert_true(addr_eq(&a, &want));
	in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&in6.sin6_addr.s6_addr[12], &want.in.sin_addr, 4);
	assert_int_equal(addr_from_sa(&a, (const struct sockaddr *)&in6, sizeof(in6)), 0);
	assert_true(addr_eq(&a, &want));
	assert_int_equal(addr_len(&a), sizeof(struct sockaddr_in));
}

static void the_kernels_addresses_are_taken_whole_or_not_at_all(void **state)
{
	const struct addr v4 = ph_test_ipv4("198.51.100.7", 4000);
	struct addr v6 = ph_test_ipv6("fe80::1", 4000), got = {0};
	struct sockaddr_storage un = {.ss_family = AF_UNIX};

	(void)state;
	v6.in6.sin6_scope_id = 3;
	assert_int_equal(addr_from_sa(&got, &v4.sa, addr_len(&v4)), 0);
	assert_true(addr_eq(&got, &v4));
	assert_int_equal(addr_from_sa(&got, &v6.sa, addr_len(&v6)), 0);
	assert_true(addr_eq(&got, &v6));
	assert_int_equal(got.in6.sin6_scope_id, 3);
	assert_int_equal(addr_from_sa(&got, &v4.sa, addr_len(&v4) - 1), -EAFNOSUPPORT);
	assert_int_equal(addr_from_sa(&got, &v6.sa, addr_len(&v6) - 1), -EAFNOSUPPORT);
	assert_int_equal(
		addr_from_sa(&got, (struct sockaddr *)&un, sizeof(un)), -EAFNOSUPPORT);
	assert_int_equal(addr_from_sa(&got, &v4.sa, 0), -EAFNOSUPPORT);
	assert_true(addr_eq(&got, &v6));
}

static void host_and_port_are_taken_apart(void **state)
{
	static const struct {
		const char *text, *ip;
		uint16_t port;
	} rows[] = {
		{"192.0.2.1:5062", "192.0.2.1", 5062},
		{"192.0.2.1", "192.0.2.1", 5060},
		{"[2001:db8::1]:65535", "2001:db8::1", 65535},
		{"[2001:db8::1]", "2001:db8::1", 5060},
		{"2001:db8::1", "2001:db8::1", 5060},
		{"127.0.0.1:0", "127.0.0.1", 0},
	};
	static const char *const bad[] = {"", ":", ":5060",
		"192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1: 1",
		"192.0.2.1:5060x", "[2001:db8::1]:", "[2001:db8::1]5060",
		"[2001:db8::1:5060", "[]:5060", "[192.0.2.1]:5060", "host:5060",
		"192.0.2.1:1:2"};
	struct addr a;
	char out[ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(addr_parse(&a, slice_str(rows[i].text), 5060), 0);
		assert_slice_equal(addr_ip_text(&a, out), rows[i].ip);
		assert_int_equal(addr_port(&a), rows[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (addr_parse(&a, slice_str(bad[i]), 5060) != -EINVAL)
			fail_msg("taken: \"%s\"", bad[i]);
	}
}

static void text_has_brackets_where_uris_want_them(void **state)
{
	const struct addr v4 = ph_test_ipv4("192.0.2.1", 5060);
	const struct addr v6 = ph_test_ipv6("2001:db8::1", 5061);
	const struct addr unset = {0};
	/* The longest there is. */
	const struct addr wide =
		ph_test_ipv6("2001:1db8:1111:2222:3333:4444:5555:6666", 65535);
	char out[ADDR_TEXT];

	(void)state;
	assert_slice_equal(addr_host_text(&v4, out), "192.0.2.1");
	assert_slice_equal(addr_text(&v4, out), "192.0.2.1:5060");
	assert_slice_equal(addr_host_text(&v6, out), "[2001:db8::1]");
	assert_slice_equal(addr_text(&v6, out), "[2001:db8::1]:5061");
	assert_string_equal(out, "[2001:db8::1]:5061");
	assert_slice_equal(
		addr_text(&wide, out), "[2001:1db8:1111:2222:3333:4444:5555:6666]:65535");
	assert_slice_equal(addr_text(&unset, out), "none");
}

static void comparing_looks_at_numbers(void **state)
{
	const struct addr a = ph_test_ipv4("192.0.2.1", 5060);
	const struct addr b = ph_test_ipv4("192.0.2.1", 5061);
	const struct addr c = ph_test_ipv4("192.0.2.2", 5060);
	const struct addr v6 = ph_test_ipv6("2001:DB8:0::1", 5060);
	const struct addr same = ph_test_ipv6("2001:db8::1", 5060);
	const struct addr unset = {0};

	(void)state;
	assert_true(addr_eq(&a, &a));
	assert_false(addr_eq(&a, &b));
	assert_true(addr_eq_ip(&a, &b));
	assert_false(addr_eq_ip(&a, &c));
	assert_false(addr_eq_ip(&a, &v6));
	assert_true(addr_eq(&v6, &same));
	assert_true(addr_eq(&unset, &unset));
	assert_false(addr_eq(&unset, &a));
	assert_int_equal(addr_hash(&v6), addr_hash(&same));
	assert_int_not_equal(addr_hash(&a), addr_hash(&b));
	assert_int_not_equal(addr_hash(&a), addr_hash(&c));
}

static void hashes_of_neighbours_spread_over_few_buckets(void **state)
{
	unsigned buckets[8] = {0};

	(void)state;
	/* Ports behind one NAT, as TCP connections come in: 8 workers get like shares. */
	for (unsigned port = 0; port < 8000; port++) {
		struct addr a = ph_test_ipv4("203.0.113.7", (uint16_t)(port * 2));

		buckets[addr_hash(&a) % 8]++;
	}
	for (int i = 0; i < 8; i++)
		assert_in_range(buckets[i], 850, 1150);
}

static void unset_addresses_have_no_parts(void **state)
{
	struct addr a = {0};

	(void)state;
	assert_false(addr_is_set(&a));
	assert_int_equal(addr_len(&a), 0);
	addr_set_port(&a, 5060);
	assert_int_equal(addr_port(&a), 0);
	assert_false(addr_is_any(&a));
	assert_false(addr_is_private(&a));
	a = ph_test_addr("0.0.0.0", 1);
	assert_true(addr_is_any(&a));
	a = ph_test_addr("::", 1);
	assert_true(addr_is_any(&a));
	a = ph_test_addr("::1", 1);
	assert_false(addr_is_any(&a));
}

static bool is_in(const char *ip, const char *net)
{
	const struct addr a = ph_test_addr(ip, 0);
	struct addr_net n;

	assert_int_equal(addr_parse_net(&n, slice_str(net)), 0);
	return addr_in_net(&a, &n);
}

static void networks_hold_exactly_their_prefix(void **state)
{
	(void)state;
	assert_true(is_in("10.255.255.255", "10.0.0.0/8"));
	assert_false(is_in("11.0.0.0", "10.0.0.0/8"));
	assert_true(is_in("10.1.2.3", "10.0.0.0/255.0.0.0"));
	assert_true(is_in("172.31.255.255", "172.16.0.0/12"));
	assert_false(is_in("172.32.0.0", "172.16.0.0/255.240.0.0"));
	assert_false(is_in("172.15.255.255", "172.16.0.0/12"));
	assert_true(is_in("192.0.2.1", "192.0.2.1"));
	assert_false(is_in("192.0.2.2", "192.0.2.1"));
	assert_true(is_in("203.0.113.1", "0.0.0.0/0"));
	assert_true(is_in("203.0.113.1", "0.0.0.0/0.0.0.0"));
	assert_false(is_in("::1", "0.0.0.0/0"));
	assert_false(is_in("203.0.113.1", "::/0"));
	assert_true(is_in("2001:db8:ffff::1", "2001:db8::/32"));
	assert_false(is_in("2001:db9::1", "[2001:db8::]/32"));
	assert_true(is_in("2001:db8:8000::1", "2001:db8:8000::/33"));
	assert_false(is_in("2001:db8:7fff::1", "2001:db8:8000::/33"));
	assert_true(is_in("2001:db8::1", "2001:db8::1/128"));
	/* Bits behind the prefix do not matter. */
	assert_true(is_in("10.9.9.9", "10.1.2.3/8"));
	/* Mapped networks are IPv4, like mapped addresses. */
	assert_true(is_in("::ffff:10.2.3.4", "::ffff:10.0.0.0/104"));
	assert_true(is_in("10.2.3.4", "::ffff:10.0.0.0/104"));
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const bad[] = {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/255.0.255.0",
		"10.0.0.0/0.0.0.255", "10.0.0.0/255.0.0", "::/129", "::/255.0.0.0",
		"::/ffff::", "10/8", "net/8", "::ffff:10.0.0.0/95", "10.0.0.0/ 8"};
	struct addr_net n = {.prefix = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (addr_parse_net(&n, slice_str(bad[i])) != -EINVAL)
			fail_msg("taken: \"%s\"", bad[i]);
	}
	assert_int_equal(n.prefix, 77);
}

static void private_addresses_are_those_of_the_rfcs(void **state)
{
	static const struct {
		const char *ip;
		bool is_private, is_rfc1918;
	} rows[] = {
		{"10.0.0.0", true, true},
		{"10.255.255.255", true, true},
		{"9.255.255.255", false, false},
		{"11.0.0.0", false, false},
		{"172.16.0.0", true, true},
		{"172.31.255.255", true, true},
		{"172.15.255.255", false, false},
		{"172.32.0.0", false, false},
		{"192.168.0.0", true, true},
		{"192.168.255.255", true, true},
		{"192.169.0.0", false, false},
		{"100.64.0.0", true, false},
		{"100.127.255.255", true, false},
		{"100.63.255.255", false, false},
		{"100.128.0.0", false, false},
		{"169.254.1.1", true, false},
		{"127.0.0.1", false, false},
		{"203.0.113.7", false, false},
		{"fc00::1", true, false},
		{"fdff::1", true, false},
		{"fe00::1", false, false},
		{"fe80::1", true, false},
		{"febf::1", true, false},
		{"fec0::1", false, false},
		{"2001:db8::1", false, false},
		{"::ffff:10.0.0.1", true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct addr a = ph_test_addr(rows[i].ip, 5060);

		if (addr_is_private(&a) != rows[i].is_private ||
			addr_is_rfc1918(&a) != rows[i].is_rfc1918)
			fail_msg("misjudged: %s", rows[i].ip);
	}
}

static void stream_addresses_are_tcp_or_a_path(void **state)
{
	struct addr_stream a;

	(void)state;
	assert_null(addr_stream_parse(&a, "tcp:127.0.0.1:9999"));
	assert_false(a.is_unix);
	assert_int_equal(addr_port(&a.tcp), 9999);
	assert_null(addr_stream_parse(&a, "tcp:[2001:db8::1]:9999"));
	assert_int_equal(addr_family(&a.tcp), AF_INET6);
	assert_null(addr_stream_parse(&a, "tcp:0.0.0.0:9999"));
	assert_null(addr_stream_parse(&a, "unix:/run/pinhole/notify.sock"));
	assert_true(a.is_unix);
	assert_string_equal(a.path, "/run/pinhole/notify.sock");
	assert_null(addr_stream_parse(&a, "/tmp/x"));
	assert_string_equal(a.path, "/tmp/x");
	assert_null(addr_stream_parse(NULL, "/tmp/x"));
}

static void wrong_stream_addresses_are_told_what_would_be_right(void **state)
{
	static const char *const wrong[] = {"", "tcp:", "tcp:127.0.0.1",
		"tcp:127.0.0.1:0", "tcp:127.0.0.1:65536", "tcp:example.org:9999",
		"tcp:2001:db8::1:9999x", "udp:127.0.0.1:9999", "127.0.0.1:9999",
		"unix:", "unix:relative", "relative/path"};
	struct addr_stream a = {.path = "as before"};
	char longest[200] = "/";

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (!addr_stream_parse(&a, wrong[i]))
			fail_msg("%s was taken", wrong[i]);
	memset(longest + 1, 'x', 106);
	assert_null(addr_stream_parse(NULL, longest)); /* 107 bytes */
	longest[107] = 'x';
	assert_non_null(addr_stream_parse(&a, longest));
	assert_string_equal(a.path, "as before");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream_addresses_are_tcp_or_a_path),
		cmocka_unit_test(wrong_stream_addresses_are_told_what_would_be_right),
		cmocka_unit_test(literals_are_read_and_written_alike),
		cmocka_unit_test(what_is_no_strict_literal_is_refused),
		cmocka_unit_test(mapped_addresses_are_ipv4),
		cmocka_unit_test(the_kernels_addresses_are_taken_whole_or_not_at_all),
		cmocka_unit_test(host_and_port_are_taken_apart),
		cmocka_unit_test(text_has_brackets_where_uris_want_them),
		cmocka_unit_test(comparing_looks_at_numbers),
		cmocka_unit_test(hashes_of_neighbours_spread_over_few_buckets),
		cmocka_unit_test(unset_addresses_have_no_parts),
		cmocka_unit_test(networks_hold_exactly_their_prefix),
		cmocka_unit_test(what_is_no_network_is_refused),
		cmocka_unit_test(private_addresses_are_those_of_the_rfcs),
	};
	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
