/* Texts of parameters: each bad one is refused with what would be right. */
#include "plugins/natping/natping_conf.h"
#include "tests/unit/natping_test.h"

static void all_good(const char *(*check)(const char *text), const char *const *texts)
{
	for (; *texts != NULL; texts++)
		if (check(*texts) != NULL)
			fail_msg("\"%s\" is refused: %s", *texts, check(*texts));
}

static void all_bad(const char *(*check)(const char *text), const char *const *texts)
{
	for (; *texts != NULL; texts++)
		if (check(*texts) == NULL)
			fail_msg("\"%s\" is taken", *texts);
}

static void natping_socket_is_an_ipv4_address(void **state)
{
	static const char *const good[] = {"203.0.113.9", "203.0.113.9:5070", NULL};
	static const char *const bad[] = {"", "203.0.113",
		"203.0.113.9:", "203.0.113.9:0", "203.0.113.9:70000", "2001:db8::1",
		"[2001:db8::1]:5060", "edge.example.org", "udp:203.0.113.9", "0.0.0.0",
		NULL};
	struct addr a = {0};

	(void)state;
	all_good(natping_check_socket, good);
	all_bad(natping_check_socket, bad);
	assert_int_equal(natping_read_socket(&a, "203.0.113.9"), 0);
	assert_int_equal(addr_port(&a), 5060);
	assert_int_equal(natping_read_socket(&a, "203.0.113.9:5070"), 0);
	assert_int_equal(addr_port(&a), 5070);
}

static void sipping_from_is_a_sip_uri_or_a_name_with_one(void **state)
{
	static const char *const good[] = {"sip:pinger@example.org",
		"sips:pinger@example.org", "sip:example.org;transport=tcp",
		"<sip:pinger@example.org>", "\"Ping, er\" <sip:pinger@example.org>",
		"Pinger <sip:pinger@[2001:db8::1]:5070>", "<sip:pinger@example.org>;x=y",
		NULL};
	static const char *const bad[] = {"", "pinger", "pinger@example.org",
		"tel:+49301234", "<sip:pinger@example.org", "sip:pinger@",
		"sip:a b@example.org", "<sip:pinger@example.org>;tag=1",
		"sip:pinger@example.org;tag=1",
		"<sip:a@example.org>, <sip:b@example.org>",
		"<sip:pinger@example.org>\r\nEvil: 1", "*", NULL};
	char *text;

	(void)state;
	all_good(natping_check_from, good);
	all_bad(natping_check_from, bad);
	text = natping_from_text("sip:pinger@example.org;transport=tcp");
	assert_string_equal(text, "<sip:pinger@example.org;transport=tcp>");
	free(text);
	text = natping_from_text("\"P\" <sip:pinger@example.org>");
	assert_string_equal(text, "\"P\" <sip:pinger@example.org>");
	free(text);
	assert_null(natping_from_text("nonsense"));
}

static void sipping_method_is_a_token_that_stands_for_itself(void **state)
{
	static const char *const good[] = {"OPTIONS", "NOTIFY", "INFO", "X-PING.2", NULL};
	static const char *const bad[] = {"", "OPT IONS", "OPTIONS\r\n", "INVITE",
		"invite", "ACK", "CANCEL", "a/b", "a:b", "OPTIONS sip:x SIP/2.0", NULL};

	(void)state;
	all_good(natping_check_method, good);
	all_bad(natping_check_method, bad);
}

static void force_socket_names_a_listener(void **state)
{
	static const char *const good[] = {"udp:192.0.2.1:5060", "192.0.2.1:5060",
		"192.0.2.1", "tcp:192.0.2.1:5060", "udp:[2001:db8::1]:5060", NULL};
	static const char *const bad[] = {"", "udp:", "udp", "sctp:192.0.2.1:5060",
		"192.0.2.1:x", "192.0.2.1:70000", NULL};
	struct net_socks socks;

	(void)state;
	all_good(natping_check_force, good);
	all_bad(natping_check_force, bad);
	natping_test_socks(&socks);
	assert_ptr_equal(
		natping_find_force(&socks, "udp:192.0.2.2:5062"), &socks.list[3]);
	assert_ptr_equal(natping_find_force(&socks, "192.0.2.2:5062"), &socks.list[3]);
	assert_ptr_equal(
		natping_find_force(&socks, "tcp:192.0.2.1:5060"), &socks.list[1]);
	assert_ptr_equal(natping_find_force(&socks, "203.0.113.9:5070"),
		&socks.list[0]); /* as advertised */
	assert_ptr_equal(
		natping_find_force(&socks, "[2001:db8::1]:5060"), &socks.list[2]);
	assert_null(natping_find_force(&socks, "192.0.2.2:5063"));
	assert_null(natping_find_force(&socks, "198.51.100.1:5060"));
	net_socks_free(&socks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(natping_socket_is_an_ipv4_address),
		cmocka_unit_test(sipping_from_is_a_sip_uri_or_a_name_with_one),
		cmocka_unit_test(sipping_method_is_a_token_that_stands_for_itself),
		cmocka_unit_test(force_socket_names_a_listener),
	};
	return cmocka_run_group_tests_name("natping_conf", tests, NULL, NULL);
}
