#include "tests/unit/net_test.h"

static const char options[] = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\n\r\n";

static int setup(void **state)
{
	struct net_test *t = net_test_new();

	*state = t;
	net_test_listen(t, NULL);
	net_test_start(t);
	return 0;
}

static int teardown(void **state)
{
	net_test_destroy(*state);
	return 0;
}

static void send_to(struct net_test *t, int fd, const void *data, size_t len)
{
	struct addr to = ph_test_ipv4("127.0.0.1", t->port);

	assert_int_equal(sendto(fd, data, len, 0, &to.sa, addr_len(&to)), len);
}

static struct net_dest dest(const struct addr *to)
{
	return (struct net_dest){.transport = SIP_TR_UDP, .addr = *to, .cookie = 7};
}

static void a_datagram_reaches_the_handler_with_where_it_came_from(void **state)
{
	struct net_test *t = *state;
	int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");
	struct addr me = net_test_local(fd);
	const struct net_test_msg *m;

	send_to(t, fd, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	m = net_test_first(t);
	assert_string_equal(m->text, options);
	assert_true(addr_eq(&m->rx.src, &me));
	assert_int_equal(addr_port(&m->rx.dst), t->port);
	assert_int_equal(m->rx.transport, SIP_TR_UDP);
	assert_int_equal(m->rx.sock, 0);
	assert_true(m->rx.conn == 0);
	assert_true(clock_us() - m->rx.at_us < 15000000);
	close(fd);
}

static void bursts_are_received_in_batches_and_whole(void **state)
{
	struct net_test *t = *state;
	int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");
	char text[600];

	for (unsigned i = 0; i < 640; i++) {
		int len =
			snprintf(text, sizeof(text), "%u:%0*d", i, 200 + (int)i % 300, 1);

		send_to(t, fd, text, (size_t)len);
	}
	NET_TEST_UNTIL(t, net_test_seen(t) == 640);
	/* One phone, one flow: all at one worker, in order. */
	for (unsigned w = 0; w < t->workers; w++) {
		for (unsigned i = 0; i < t->w[w].seen_count; i++) {
			const struct net_test_msg *m = &t->w[w].seen[i];

			assert_int_equal(atoi(m->text), i);
			assert_int_equal(m->len,
				(size_t)snprintf(NULL, 0, "%u:", i) + 200 + i % 300);
		}
	}
	assert_int_equal(net_test_counter(t, NET_C_UDP_RECEIVED), 640);
	assert_int_equal(net_test_counter(t, NET_C_UDP_BATCHES), 640 / 32);
	close(fd);
}

static void large_datagrams_arrive_whole_and_too_large_ones_are_counted(void **state)
{
	struct net_test *t = *state;
	int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");
	static const size_t sizes[] = {4095, 4096, 4097, 20000, 65507};
	char *big = malloc(65535);

	for (size_t i = 0; i < 65535; i++)
		big[i] = (char)('a' + i % 23);
	for (unsigned i = 0; i < 5; i++) {
		const struct net_test_msg *m;

		net_test_forget(t);
		send_to(t, fd, big, sizes[i]);
		NET_TEST_UNTIL(t, net_test_seen(t) == 1);
		m = net_test_first(t);
		assert_int_equal(m->len, sizes[i]);
		assert_memory_equal(m->text, big, sizes[i]);
	}
	net_test_forget(t);
	t->conf.max_message = 5000;
	send_to(t, fd, big, 5001);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_OVERSIZED) == 1);
	send_to(t, fd, big, 5000);
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	assert_int_equal(net_test_first(t)->len, 5000);
	free(big);
	close(fd);
}

/* Sockets of the worker whose receive buffers overflow: all that was sent either came or was counted. */
static void what_the_kernel_had_no_room_for_is_counted(void **state)
{
	struct net_test *t = *state;
	int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");
	char big[60000];
	const unsigned sent = 2000; /* much more than 4 MiB */

	memset(big, 'x', sizeof(big));
	for (unsigned i = 0; i < sent; i++)
		send_to(t, fd, big, sizeof(big));
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_UDP_DROPPED) > 0);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_UDP_RECEIVED) + net_test_counter(t, NET_C_UDP_DROPPED) == sent);
	close(fd);
}

static void keepalives_are_counted_and_go_no_further(void **state)
{
	struct net_test *t = *state;
	int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");

	send_to(t, fd, "\r\n", 2);
	send_to(t, fd, "\r\n\r\n", 4);
	send_to(t, fd, "\0\0\0\0", 4);
	send_to(t, fd, "", 0);
	send_to(t, fd, "\0\0\0\0\0", 5);
	send_to(t, fd, "\r\nX", 3);
	NET_TEST_UNTIL(t, net_test_seen(t) == 2);
	assert_int_equal(net_test_counter(t, NET_C_UDP_KEEPALIVES), 4);
	assert_int_equal(net_test_counter(t, NET_C_UDP_RECEIVED), 2);
	close(fd);
}

static void answers_leave_from_the_listener_at_the_end_of_the_turn(void **state)
{
	struct net_test *t = *state;
	int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct addr source;
	char text[100];
	ssize_t got = 0;

	t->answer = SLICE("SIP/2.0 200 OK\r\n\r\n");
	send_to(t, fd, options, strlen(options));
	NET_TEST_UNTIL(t,
		(got = recvfrom(fd, text, sizeof(text), MSG_DONTWAIT,
			 (struct sockaddr *)&from, &len)) > 0);
	assert_int_equal(got, t->answer.len);
	assert_memory_equal(text, t->answer.p, t->answer.len);
	assert_int_equal(addr_from_sa(&source, (struct sockaddr *)&from, len), 0);
	assert_int_equal(addr_port(&source), t->port);
	assert_int_equal(net_test_counter(t, NET_C_UDP_SENT), 1);
	close(fd);
}

static void what_is_sent_outside_of_any_turn_leaves_too(void **state)
{
	struct net_test *t = *state;
	int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");
	struct addr me = net_test_local(fd);
	const struct net_dest to = dest(&me);
	char text[100];

	net_test_turn(t);
	assert_int_equal(net_send(t->w[0].net, &to, SLICE("hello")), 0);
	assert_int_equal(net_test_counter(t, NET_C_UDP_SENT), 0);
	/* The loop has nothing to wake it but this. */
	loop_turn(t->w[0].loop, 5000);
	assert_int_equal(net_test_counter(t, NET_C_UDP_SENT), 1);
	NET_TEST_UNTIL(t, net_test_read(fd, text, sizeof(text)) == 5);
	assert_int_equal(net_send(t->w[0].net, &to, SLICE("hello")), 0);
	net_flush(t->w[0].net);
	assert_int_equal(net_test_counter(t, NET_C_UDP_SENT), 2);
	close(fd);
}

static void a_large_batch_leaves_in_order(void **state)
{
	struct net_test *t = *state;
	int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");
	const int rcvbuf = 4 << 20;
	struct addr me = net_test_local(fd);
	const struct net_dest to = dest(&me);
	char text[16];
	unsigned next = 0;
	ssize_t got;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof(rcvbuf));
	for (unsigned i = 0; i < 150; i++) {
		int len = snprintf(text, sizeof(text), "%u", i);

		assert_int_equal(
			net_send(t->w[0].net, &to, slice_make(text, (size_t)len)), 0);
	}
	/* Two batches have gone because they were full. */
	assert_int_equal(net_test_counter(t, NET_C_UDP_SENT), 128);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_UDP_SENT) == 150);
	while ((got = net_test_read(fd, text, sizeof(text) - 1)) > 0) {
		text[got] = '\0';
		assert_int_equal(atoi(text), next++);
	}
	assert_int_equal(next, 150);
	close(fd);
}

static void what_cannot_be_sent_is_told_by_its_cookie_and_hinders_no_other(void **state)
{
	struct net_test *t = *state;
	int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");
	struct addr me = net_test_local(fd), nowhere = ph_test_ipv4("127.0.0.1", 0);
	struct net_dest to = dest(&nowhere), good = dest(&me);
	char text[100];

	/* Port 0: the kernel refuses. */
	to.cookie = 41;
	good.cookie = 42;
	assert_int_equal(net_send(t->w[1].net, &to, SLICE("lost")), 0);
	assert_int_equal(net_send(t->w[1].net, &good, SLICE("found")), 0);
	to.cookie = 0;
	assert_int_equal(net_send(t->w[1].net, &to, SLICE("lost, but nobody asks")), 0);
	NET_TEST_UNTIL(t, t->w[1].error_count == 1);
	assert_int_equal(t->w[1].errors[0].cookie, 41);
	assert_int_equal(t->w[1].errors[0].err, -EINVAL);
	NET_TEST_UNTIL(t, net_test_read(fd, text, sizeof(text)) == 5);
	assert_int_equal(net_test_counter(t, NET_C_UDP_SEND_ERRORS), 2);
	assert_int_equal(net_test_counter(t, NET_C_UDP_SENT), 1);
	assert_int_equal(t->w[0].error_count, 0);
	close(fd);
}

static void without_a_listener_of_the_family_sending_is_refused(void **state)
{
	struct net_test *t = *state;
	struct addr v6 = ph_test_ipv6("::1", 5060), v4 = ph_test_ipv4("127.0.0.1", 5060);
	struct net_dest to = dest(&v6);
	char *big = calloc(1, 70000);

	assert_int_equal(net_send(t->w[0].net, &to, SLICE("x")), -EHOSTUNREACH);
	to = dest(&v4);
	to.transport = SIP_TR_TLS;
	assert_int_equal(net_send(t->w[0].net, &to, SLICE("x")), -EHOSTUNREACH);
	to.transport = SIP_TR_UDP;
	assert_int_equal(net_send(t->w[0].net, &to, slice_make(big, 65508)), -EMSGSIZE);
	/* A listener of the other transport is not taken by mistake. */
	to.sock = &t->socks.list[1];
	assert_int_equal(net_send(t->w[0].net, &to, SLICE("x")), 0);
	free(big);
}

static void a_full_kernel_buffer_makes_datagrams_wait_bounded(void **state)
{
	struct net_test *t = *state;
	int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");
	struct addr me = net_test_local(fd);
	const struct net_dest to = dest(&me);
	char *big = calloc(1, 60000);
	unsigned taken = 0, refused = 0;

	/*
	 * On loopback the kernel's buffer empties as fast as it fills, so the wait itself can only be
	 * seen by chance; what can be seen is that nothing is lost without being counted.
	 */
	for (unsigned i = 0; i < 3000; i++) {
		int err = net_send(t->w[0].net, &to, slice_make(big, 60000));

		if (err == 0)
			taken++;
		else if (err == -EAGAIN)
			refused++;
	}
	assert_int_equal(taken + refused, 3000);
	NET_TEST_UNTIL(t,
		net_test_counter(t, NET_C_UDP_SENT) +
				net_test_counter(t, NET_C_UDP_SEND_ERRORS) ==
			3000);
	assert_true(net_test_counter(t, NET_C_UDP_SENT) > 0);
	free(big);
	close(fd);
}

static void both_families_work_side_by_side(void **state)
{
	static const char *const specs[] = {"udp:127.0.0.1:%u", "udp:[::1]:%u", NULL};
	struct net_test *t;
	struct addr to;
	char text[100];
	int fd;

	(void)state;
	t = net_test_new();
	net_test_listen(t, specs);
	net_test_start(t);
	t->answer = SLICE("SIP/2.0 200 OK\r\n\r\n");
	fd = net_test_phone(SOCK_DGRAM, "::1");
	to = ph_test_ipv6("::1", t->port);
	assert_int_equal(sendto(fd, "x", 1, 0, &to.sa, addr_len(&to)), 1);
	NET_TEST_UNTIL(t, net_test_read(fd, text, sizeof(text)) > 0);
	assert_int_equal(net_test_first(t)->rx.sock, 1);
	assert_int_equal(addr_family(&net_test_first(t)->rx.src), AF_INET6);
	close(fd);
	net_test_destroy(t);
}

static void phones_are_spread_over_the_workers(void **state)
{
	struct net_test *t = *state;

	for (unsigned i = 0; i < 64; i++) {
		int fd = net_test_phone(SOCK_DGRAM, "127.0.0.1");

		send_to(t, fd, "x", 1);
		close(fd);
	}
	NET_TEST_UNTIL(t, net_test_seen(t) == 64);
	assert_true(t->w[0].seen_count > 0);
	assert_true(t->w[1].seen_count > 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_datagram_reaches_the_handler_with_where_it_came_from),
		T(bursts_are_received_in_batches_and_whole),
		T(large_datagrams_arrive_whole_and_too_large_ones_are_counted),
		T(what_the_kernel_had_no_room_for_is_counted),
		T(keepalives_are_counted_and_go_no_further),
		T(answers_leave_from_the_listener_at_the_end_of_the_turn),
		T(what_is_sent_outside_of_any_turn_leaves_too),
		T(a_large_batch_leaves_in_order),
		T(what_cannot_be_sent_is_told_by_its_cookie_and_hinders_no_other),
		T(without_a_listener_of_the_family_sending_is_refused),
		T(a_full_kernel_buffer_makes_datagrams_wait_bounded),
		cmocka_unit_test(both_families_work_side_by_side),
		T(phones_are_spread_over_the_workers),
	};
	return cmocka_run_group_tests_name("net_udp", tests, NULL, NULL);
}
