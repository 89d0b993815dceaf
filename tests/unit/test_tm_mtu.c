/* Requests too large for a datagram: RFC 3261 section 18.1.1. */
#include "tests/unit/tm_test.h"

#define ALICE (&w->phones[0])
#define BOB   (&w->phones[1])

static unsigned relay_flags;

static void script_to_bob(struct tm_world *w, struct ph_msg *msg)
{
	msg->du = phone_uri(msg, BOB);
	w->relay_code = tm_relay(w->tm, msg, NULL, relay_flags);
}

/* Bob at a port where he can listen on TCP too; the socket on which he does. */
static int bob_listens(struct tm_world *w)
{
	for (unsigned i = 0; i < 50; i++) {
		struct sockaddr_in sin = loopback(BOB->port);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

		if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0 &&
			listen(fd, 4) == 0)
			return fd;
		close(fd);
		close(BOB->fd);
		BOB->fd = udp_socket(&BOB->port);
	}
	fail_msg("no port for bob");
	return -1;
}

static struct tm_world *world_with_mtu(int64_t mtu)
{
	struct tm_world *w = world_new();

	phone_new(w);
	phone_new(w);
	w->conf.udp_mtu = mtu;
	w->script = script_to_bob;
	relay_flags = 0;
	return w;
}

/* An INVITE of this many bytes as alice sends it. */
static char *invite_of(const struct phone *alice, size_t size)
{
	static char extra[3000];
	size_t bare = strlen(req_text(alice, (struct req){.extra = "X-Fill: \r\n"}));

	snprintf(extra, sizeof(extra), "X-Fill: %0*d\r\n", (int)(size - bare), 0);
	return req_text(alice, (struct req){.extra = extra});
}

/* The connection that we open to bob becomes one more phone. */
static struct phone *bob_accepts(struct tm_world *w, int server)
{
	struct phone *p = &w->phones[w->phone_count++];
	p->fd = -1;
	WORLD_UNTIL(w,
		p->fd >= 0 ||
			(p->fd = accept4(
				 server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
	p->tcp = true;
	p->port = BOB->port;
	return p;
}

static void a_long_request_goes_over_tcp_and_its_via_says_so(void **state)
{
	struct tm_world *w = world_with_mtu(1300);
	int server = bob_listens(w);
	struct phone *bob;

	(void)state;
	phone_send(w, ALICE, invite_of(ALICE, 1300));
	bob = bob_accepts(w, server);
	phone_expect(w, bob,
		"INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:");
	phone_quiet(w, BOB);
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 200");
	assert_int_equal(world_counter(w, TM_C_MTU_SWITCHES), 1);
	close(server);
	world_free(w);
}

static void one_that_fits_stays_on_udp(void **state)
{
	struct tm_world *w = world_with_mtu(1300);
	int server = bob_listens(w);

	(void)state;
	/* with what we add it is just below */
	phone_send(w, ALICE, invite_of(ALICE, 1100));
	phone_expect(w, BOB, "INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP ");
	assert_in_range(strlen(BOB->got), 1101, 1300);
	assert_int_equal(world_counter(w, TM_C_MTU_SWITCHES), 0);
	close(server);
	world_free(w);
}

static void a_refused_connection_leads_back_to_udp(void **state)
{
	struct tm_world *w = world_with_mtu(1300);

	(void)state;
	phone_send(w, ALICE, invite_of(ALICE, 1400));
	phone_expect(w, BOB, "INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP ");
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 200");
	assert_int_equal(world_counter(w, TM_C_MTU_SWITCHES), 1);
	world_free(w);
}

static void it_is_off_by_default_and_where_the_script_says_so(void **state)
{
	struct tm_world *w = world_with_mtu(0);
	int server = bob_listens(w);

	(void)state;
	phone_send(w, ALICE, invite_of(ALICE, 2000));
	phone_expect(w, BOB, "INVITE ");
	world_free(w);
	close(server);
	w = world_with_mtu(1300);
	server = bob_listens(w);
	relay_flags = TM_F_KEEP_UDP;
	phone_send(w, ALICE, invite_of(ALICE, 2000));
	phone_expect(w, BOB, "INVITE ");
	assert_int_equal(world_counter(w, TM_C_MTU_SWITCHES), 0);
	close(server);
	world_free(w);
}

static void script_to_a_pinhole(struct tm_world *w, struct ph_msg *msg)
{
	msg->send_sock = &w->socks.list[0];
	script_to_bob(w, msg);
}

static void script_over_a_flow(struct tm_world *w, struct ph_msg *msg)
{
	const struct tm_target to = {.du = phone_uri(msg, BOB), .flow = true, .q = 1000};

	w->relay_code = tm_relay(w->tm, msg, &to, 0);
}

static void a_phone_behind_nat_gets_its_datagram(void **state)
{
	struct tm_world *w = world_with_mtu(1300);
	int server = bob_listens(w);

	(void)state;
	w->script = script_to_a_pinhole;
	phone_send(w, ALICE, invite_of(ALICE, 2000));
	phone_expect(w, BOB, "INVITE ");
	world_free(w);
	close(server);
	w = world_with_mtu(1300);
	server = bob_listens(w);
	w->script = script_over_a_flow;
	phone_send(w, ALICE, invite_of(ALICE, 2000));
	phone_expect(w, BOB, "INVITE ");
	assert_int_equal(world_counter(w, TM_C_MTU_SWITCHES), 0);
	close(server);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_request_goes_over_tcp_and_its_via_says_so),
		cmocka_unit_test(one_that_fits_stays_on_udp),
		cmocka_unit_test(a_refused_connection_leads_back_to_udp),
		cmocka_unit_test(it_is_off_by_default_and_where_the_script_says_so),
		cmocka_unit_test(a_phone_behind_nat_gets_its_datagram),
	};
	return cmocka_run_group_tests_name("tm_mtu", tests, NULL, NULL);
}
