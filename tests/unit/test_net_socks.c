#include "tests/unit/net_test.h"

#include <ifaddrs.h>
#include <net/if.h>

static int add(struct net_socks_builder **b, const char *spec, const char *advertise)
{
	char why[256] = "";
	int err = net_socks_add(b, spec, advertise, why);

	if (err != 0)
		assert_true(why[0] != '\0');
	return err;
}

static void a_listener_carries_the_texts_that_messages_need(void **state)
{
	struct net_socks_builder *b = NULL;
	struct net_socks socks;

	(void)state;
	assert_int_equal(add(&b, "udp:127.0.0.1:5066", NULL), 0);
	assert_int_equal(add(&b, "tcp:[::1]", NULL), 0);
	assert_int_equal(add(&b, "UDP:10.0.0.5:5060", "203.0.113.9"), 0);
	assert_int_equal(add(&b, "tcp:10.0.0.5:5060", "edge.example.org:5090"), 0);
	assert_int_equal(add(&b, "udp:[fd00::5]:5060", "[2001:DB8::9]:5070"), 0);
	assert_int_equal(add(&b, "tls:10.0.0.5", "edge.example.org"), 0);
	assert_int_equal(net_socks_finish(&b, &socks), 0);
	assert_null(b);
	assert_int_equal(socks.count, 6);
	assert_string_equal(socks.list[0].text, "udp:127.0.0.1:5066");
	assert_string_equal(socks.list[0].adv_text, "udp:127.0.0.1:5066");
	assert_string_equal(socks.list[0].via, "SIP/2.0/UDP 127.0.0.1:5066");
	assert_string_equal(socks.list[1].text, "tcp:[::1]:5060");
	assert_string_equal(socks.list[1].adv_host, "[::1]");
	assert_string_equal(socks.list[1].via, "SIP/2.0/TCP [::1]:5060");
	assert_string_equal(socks.list[2].text, "udp:10.0.0.5:5060");
	assert_string_equal(socks.list[2].adv_text, "udp:203.0.113.9:5060");
	assert_int_equal(socks.list[2].index, 2);
	assert_string_equal(socks.list[3].via, "SIP/2.0/TCP edge.example.org:5090");
	assert_int_equal(socks.list[3].adv_port, 5090);
	assert_int_equal(addr_port(&socks.list[3].addr), 5060);
	assert_string_equal(socks.list[4].adv_text, "udp:[2001:db8::9]:5070");
	assert_string_equal(socks.list[5].text, "tls:10.0.0.5:5061");
	assert_string_equal(socks.list[5].adv_text, "tls:edge.example.org:5061");
	assert_string_equal(socks.list[5].via, "SIP/2.0/TLS edge.example.org:5061");
	net_socks_free(&socks);
}

static void what_is_no_listener_is_refused_with_a_reason(void **state)
{
	static const char *const bad[] = {"", "udp", "udp:", "5060", "127.0.0.1:5060",
		"sctp:127.0.0.1", "ws:127.0.0.1:5061", "udp:example.org:5060",
		"udp:127.0.0.1:0", "udp:127.0.0.1:65536", "udp:127.0.0.1:5060 ",
		"udp:300.1.1.1:5060", "udp:[::1:5060"};
	static const char *const bad_advertise[] = {"host:", "host:0", "host:99999",
		"a b", "host:x", "[::1", "[::1]x", ":5060", "[example]:5060"};
	struct net_socks_builder *b = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(add(&b, bad[i], NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(bad_advertise) / sizeof(bad_advertise[0]); i++)
		assert_int_equal(
			add(&b, "udp:127.0.0.1:5060", bad_advertise[i]), -EINVAL);
	assert_int_equal(net_socks_finish(&b, &(struct net_socks){0}), -EINVAL);
	assert_int_equal(net_socks_finish(&b, &(struct net_socks){0}), -EINVAL);
}

static void the_same_listener_twice_is_refused(void **state)
{
	struct net_socks_builder *b = NULL;
	struct net_socks socks;

	(void)state;
	assert_int_equal(add(&b, "udp:127.0.0.1:5066", NULL), 0);
	assert_int_equal(add(&b, "udp:127.0.0.1:5066", NULL), -EEXIST);
	assert_int_equal(add(&b, "tcp:127.0.0.1:5066", NULL), 0);
	assert_int_equal(net_socks_finish(&b, &socks), 0);
	assert_int_equal(socks.count, 2);
	net_socks_free(&socks);
}

/* How many addresses a wildcard stands for on this machine. */
static unsigned usable(int family)
{
	struct ifaddrs *all;
	unsigned n = 0;

	assert_int_equal(getifaddrs(&all), 0);
	for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		struct addr a;

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != family ||
			(i->ifa_flags & IFF_UP) == 0)
			continue;
		assert_int_equal(
			addr_from_sa(&a, i->ifa_addr, sizeof(struct sockaddr_in6)), 0);
		if (family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&a.in6.sin6_addr))
			n++;
	}
	freeifaddrs(all);
	return n;
}

static void a_wildcard_stands_for_all_addresses_of_its_family(void **state)
{
	struct net_socks_builder *b = NULL;
	struct net_socks socks;

	(void)state;
	assert_int_equal(add(&b, "tcp:127.0.0.1:5066", "edge.example.org"), 0);
	assert_int_equal(add(&b, "udp:0.0.0.0:5066", NULL), 0);
	assert_int_equal(
		add(&b, "tcp:0.0.0.0:5066", NULL), usable(AF_INET) > 1 ? 0 : -EEXIST);
	assert_int_equal(add(&b, "udp:0.0.0.0:5066", NULL), -EEXIST);
	assert_int_equal(net_socks_finish(&b, &socks), 0);
	assert_int_equal(socks.count, 2 * usable(AF_INET));
	for (unsigned i = 0; i < socks.count; i++) {
		assert_int_equal(addr_family(&socks.list[i].addr), AF_INET);
		assert_false(addr_is_any(&socks.list[i].addr));
		assert_int_equal(addr_port(&socks.list[i].addr), 5066);
		assert_int_equal(socks.list[i].index, i);
	}
	assert_non_null(net_sock_find(&socks, SLICE("udp:127.0.0.1:5066")));
	/* The one that was named keeps what was said of it. */
	assert_string_equal(socks.list[0].adv_host, "edge.example.org");
	assert_ptr_equal(
		net_sock_find(&socks, SLICE("tcp:127.0.0.1:5066")), &socks.list[0]);
	net_socks_free(&socks);
}

static void listeners_are_found_by_bound_and_advertised_address(void **state)
{
	struct net_socks_builder *b = NULL;
	struct net_socks socks;

	(void)state;
	assert_int_equal(add(&b, "udp:10.0.0.5:5060", "203.0.113.9:5090"), 0);
	assert_int_equal(add(&b, "tcp:10.0.0.5:5060", "Edge.example.org"), 0);
	assert_int_equal(add(&b, "udp:[fd00::5]:5070", NULL), 0);
	assert_int_equal(net_socks_finish(&b, &socks), 0);

	assert_ptr_equal(
		net_sock_find(&socks, SLICE("udp:10.0.0.5:5060")), &socks.list[0]);
	assert_ptr_equal(net_sock_find(&socks, SLICE("udp:10.0.0.5")), &socks.list[0]);
	assert_ptr_equal(
		net_sock_find(&socks, SLICE("udp:203.0.113.9:5090")), &socks.list[0]);
	assert_null(net_sock_find(&socks, SLICE("udp:203.0.113.9:5060")));
	assert_null(net_sock_find(&socks, SLICE("tls:10.0.0.5:5060")));
	assert_ptr_equal(net_sock_find(&socks, SLICE("tcp:edge.EXAMPLE.org:5060")),
		&socks.list[1]);
	assert_ptr_equal(
		net_sock_find(&socks, SLICE("udp:[FD00::5]:5070")), &socks.list[2]);
	assert_ptr_equal(net_sock_find(&socks, SLICE("udp:fd00::5")), &socks.list[2]);
	assert_null(net_sock_find(&socks, SLICE("")));
	assert_null(net_sock_find(&socks, SLICE("udp:")));
	assert_null(net_sock_find(&socks, SLICE("udp:10.0.0.5:x")));

	assert_ptr_equal(net_sock_first(&socks, SIP_TR_UDP, AF_INET6), &socks.list[2]);
	assert_null(net_sock_first(&socks, SIP_TR_TCP, AF_INET6));

	assert_true(net_is_local(&socks, SLICE("10.0.0.5"), 0));
	assert_true(net_is_local(&socks, SLICE("10.0.0.5"), 5060));
	assert_true(net_is_local(&socks, SLICE("203.0.113.9"), 5090));
	assert_false(net_is_local(&socks, SLICE("203.0.113.9"), 5091));
	assert_true(net_is_local(&socks, SLICE("EDGE.example.org"), 5060));
	assert_true(net_is_local(&socks, SLICE("edge.example.org."), 0));
	assert_true(net_is_local(&socks, SLICE("[fd00:0::5]"), 5070));
	assert_true(net_is_local(&socks, SLICE("fd00::5"), 0));
	assert_false(net_is_local(&socks, SLICE("10.0.0.50"), 0));
	assert_false(net_is_local(&socks, SLICE(""), 0));
	net_socks_free(&socks);
}

static void a_port_in_use_is_found_before_the_start(void **state)
{
	static const int types[] = {SOCK_DGRAM, SOCK_STREAM};
	static const char *const names[] = {"udp", "tcp"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const int on = 1;
		struct addr any = ph_test_ipv4("127.0.0.1", 0);
		struct net_socks_builder *b = NULL;
		struct net_socks socks;
		char spec[64], why[256] = "";
		int fd = socket(AF_INET, types[i], 0);

		/* As another daemon of ours would hold it. */
		if (types[i] == SOCK_DGRAM)
			setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
		assert_int_equal(bind(fd, &any.sa, addr_len(&any)), 0);
		if (types[i] == SOCK_STREAM)
			assert_int_equal(listen(fd, 1), 0);
		any = net_test_local(fd);
		snprintf(
			spec, sizeof(spec), "%s:127.0.0.1:%u", names[i], addr_port(&any));
		assert_int_equal(add(&b, spec, NULL), 0);
		assert_int_equal(net_socks_finish(&b, &socks), 0);
		assert_int_equal(net_socks_probe(&socks, why), -EADDRINUSE);
		assert_non_null(strstr(why, spec));
		close(fd);
		assert_int_equal(net_socks_probe(&socks, why), 0);
		net_socks_free(&socks);
	}
}

static void an_address_that_is_not_ours_is_found_before_the_start(void **state)
{
	struct net_socks_builder *b = NULL;
	struct net_socks socks;
	char why[256] = "";

	(void)state;
	assert_int_equal(add(&b, "udp:192.0.2.77:5060", NULL), 0);
	assert_int_equal(net_socks_finish(&b, &socks), 0);
	assert_int_equal(net_socks_probe(&socks, why), -EADDRNOTAVAIL);
	assert_non_null(strstr(why, "192.0.2.77"));
	net_socks_free(&socks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listener_carries_the_texts_that_messages_need),
		cmocka_unit_test(what_is_no_listener_is_refused_with_a_reason),
		cmocka_unit_test(the_same_listener_twice_is_refused),
		cmocka_unit_test(a_wildcard_stands_for_all_addresses_of_its_family),
		cmocka_unit_test(listeners_are_found_by_bound_and_advertised_address),
		cmocka_unit_test(a_port_in_use_is_found_before_the_start),
		cmocka_unit_test(an_address_that_is_not_ours_is_found_before_the_start),
	};
	return cmocka_run_group_tests_name("net_socks", tests, NULL, NULL);
}
