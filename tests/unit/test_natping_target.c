/* Where a ping goes, and from which listener. */
#include "plugins/natping/ping_target.h"
#include "tests/unit/natping_test.h"

static struct net_socks socks;
static struct arena *arena;
static struct ping_target got;

static int setup(void **state)
{
	(void)state;
	natping_test_socks(&socks);
	arena = arena_new(4096, 65536);
	assert_non_null(arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	net_socks_free(&socks);
	arena_put(arena);
	return 0;
}

static int target(const char *uri, const char *received, const char *path)
{
	const struct ping_binding b = {.uri = slice_str(uri),
		.received = slice_str(received),
		.path = slice_str(path)};

	got = (struct ping_target){.port = 1};
	return ping_target_of(&got, &b, &socks, arena);
}

static void expect(enum sip_transport transport, const char *host, unsigned port)
{
	assert_int_equal(got.transport, transport);
	assert_slice_equal(got.host, host);
	assert_int_equal(got.port, port);
}

static void without_anything_else_the_contact_is_pinged(void **state)
{
	(void)state;
	assert_int_equal(target("sip:alice@198.51.100.7:40312", "", ""), 0);
	expect(SIP_TR_UDP, "198.51.100.7", 40312);
	assert_slice_equal(got.ruri, "sip:alice@198.51.100.7:40312");
	assert_slice_equal(got.route, "");
	assert_int_equal(target("sip:alice@phone.example.org", "", ""), 0);
	expect(SIP_TR_UDP, "phone.example.org", 5060);
	assert_int_equal(target("sip:alice@[2001:db8::7]", "", ""), 0);
	expect(SIP_TR_UDP, "[2001:db8::7]", 5060);
}

static void received_comes_before_the_contact_but_the_contact_is_asked(void **state)
{
	(void)state;
	assert_int_equal(
		target("sip:alice@192.168.1.20:5060", "sip:198.51.100.7:40312", ""), 0);
	expect(SIP_TR_UDP, "198.51.100.7", 40312);
	assert_slice_equal(got.ruri, "sip:alice@192.168.1.20:5060");
	assert_int_equal(target("sip:alice@192.168.1.20:5060",
				 "sip:198.51.100.7:40312;transport=TCP", ""),
		0);
	expect(SIP_TR_TCP, "198.51.100.7", 40312);
}

static void the_first_uri_of_the_path_comes_before_both(void **state)
{
	const char *path = "<sip:edge1.example.org:5070;lr>, <sip:edge2.example.org;lr>";

	(void)state;
	assert_int_equal(
		target("sip:alice@192.168.1.20:5060", "sip:198.51.100.7:40312", path), 0);
	expect(SIP_TR_UDP, "edge1.example.org", 5070);
	assert_slice_equal(got.route, path);
	assert_slice_equal(got.ruri, "sip:alice@192.168.1.20:5060");
}

static void what_names_ourselves_at_the_front_of_the_path_is_passed_over(void **state)
{
	(void)state;
	assert_int_equal(target("sip:alice@192.168.1.20", "",
				 "<sip:x@203.0.113.9:5070;lr>, <sip:192.0.2.2:5062;lr>, "
				 "<sip:edge2.example.org;lr>"),
		0);
	expect(SIP_TR_UDP, "edge2.example.org", 5060);
	assert_slice_equal(got.route, "<sip:edge2.example.org;lr>");
	/* All of it is us: the phone is next. */
	assert_int_equal(target("sip:alice@192.168.1.20", "sip:198.51.100.7:40312",
				 "<sip:192.0.2.1;lr>"),
		0);
	expect(SIP_TR_UDP, "198.51.100.7", 40312);
	assert_slice_equal(got.route, "");
}

static void maddr_port_and_transport_are_heeded(void **state)
{
	(void)state;
	assert_int_equal(target("sip:alice@example.org;maddr=198.51.100.8", "", ""), 0);
	expect(SIP_TR_UDP, "198.51.100.8", 5060);
	assert_int_equal(target("sip:alice@198.51.100.8;transport=tcp", "", ""), 0);
	expect(SIP_TR_TCP, "198.51.100.8", 5060);
	assert_int_equal(target("sips:alice@198.51.100.8", "", ""), 0);
	expect(SIP_TR_TLS, "198.51.100.8", 5061);
}

static void headers_of_the_contact_are_no_part_of_a_request_uri(void **state)
{
	(void)state;
	assert_int_equal(
		target("sip:alice@198.51.100.8:5066;x=y?Subject=hi&Priority=low", "", ""),
		0);
	assert_slice_equal(got.ruri, "sip:alice@198.51.100.8:5066;x=y");
	expect(SIP_TR_UDP, "198.51.100.8", 5066);
}

static void what_is_no_sip_uri_is_refused_and_nothing_is_written(void **state)
{
	static const char *const bad[][3] = {
		{"", "", ""},
		{"alice", "", ""},
		{"tel:+4930123456", "", ""},
		{"sip:alice@198.51.100.7\r\nEvil: 1", "", ""},
		{"sip:alice@198.51.100.7", "nonsense", ""},
		{"sip:alice@198.51.100.7", "tel:+49", ""},
		{"sip:alice@198.51.100.7", "", "<tel:+49>"},
		{"sip:alice@198.51.100.7", "", "<sip:edge.example.org:99999;lr>"},
		{"sip:alice@198.51.100.7", "", ", ,"},
		{"sip:alice@198.51.100.7", "", "<sip:edge.example.org;lr>\r\nEvil: 1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(target(bad[i][0], bad[i][1], bad[i][2]), -EBADMSG);
		assert_int_equal(got.port, 1);
	}
}

static const struct net_sock *sock(
	int home, int force, enum sip_transport transport, int family)
{
	return ping_target_sock(&socks, home < 0 ? NULL : &socks.list[home],
		force < 0 ? NULL : &socks.list[force], transport, family);
}

static void the_listener_of_the_registration_sends(void **state)
{
	(void)state;
	assert_ptr_equal(sock(3, 0, SIP_TR_UDP, AF_INET), &socks.list[3]);
	assert_ptr_equal(sock(0, 3, SIP_TR_UDP, AF_INET), &socks.list[0]);
}

static void else_force_socket_does_else_any_that_can(void **state)
{
	(void)state;
	assert_ptr_equal(sock(-1, 3, SIP_TR_UDP, AF_INET), &socks.list[3]);
	assert_ptr_equal(sock(-1, -1, SIP_TR_UDP, AF_INET), &socks.list[0]);
	/* Registered over TCP, but reached by UDP. */
	assert_ptr_equal(sock(1, 3, SIP_TR_UDP, AF_INET), &socks.list[3]);
	assert_ptr_equal(sock(1, 3, SIP_TR_UDP, AF_INET6), &socks.list[2]);
	assert_ptr_equal(sock(0, 3, SIP_TR_TCP, AF_INET), &socks.list[1]);
}

static void where_no_listener_fits_there_is_none(void **state)
{
	(void)state;
	assert_null(sock(0, 3, SIP_TR_TCP, AF_INET6));
	assert_null(sock(0, 3, SIP_TR_TLS, AF_INET));
	assert_null(sock(0, 3, SIP_TR_UNKNOWN, AF_INET));
}

static void an_event_that_may_be_cut_is_known_by_its_full_fields(void **state)
{
	struct bus_ev_contact ev = {.aor = "alice",
		.id = "0123456789abcdef",
		.uri = "sip:alice@192.0.2.7",
		.path = "<sip:edge;lr>",
		.socket = "udp:192.0.2.1:5060",
		.bflags = 5,
		.expires = 77};
	struct ping_binding b = ping_binding_of_event(&ev);

	(void)state;
	assert_false(ping_event_is_cut(&ev));
	assert_false(ping_event_is_nameless(&ev));
	assert_slice_equal(b.path, "<sip:edge;lr>");
	assert_slice_equal(b.received, "");
	assert_int_equal(b.bflags, 5);
	assert_int_equal(b.expires, 77);
	memset(ev.path, 'x', sizeof(ev.path) - 1);
	assert_true(ping_event_is_cut(&ev));
	memset(ev.aor, 'x', sizeof(ev.aor) - 1);
	assert_true(ping_event_is_nameless(&ev));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_anything_else_the_contact_is_pinged),
		TEST(received_comes_before_the_contact_but_the_contact_is_asked),
		TEST(the_first_uri_of_the_path_comes_before_both),
		TEST(what_names_ourselves_at_the_front_of_the_path_is_passed_over),
		TEST(maddr_port_and_transport_are_heeded),
		TEST(headers_of_the_contact_are_no_part_of_a_request_uri),
		TEST(what_is_no_sip_uri_is_refused_and_nothing_is_written),
		TEST(the_listener_of_the_registration_sends),
		TEST(else_force_socket_does_else_any_that_can),
		TEST(where_no_listener_fits_there_is_none),
		TEST(an_event_that_may_be_cut_is_known_by_its_full_fields),
	};
	return cmocka_run_group_tests_name("natping_target", tests, NULL, NULL);
}
