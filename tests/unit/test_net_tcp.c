#include "tests/unit/net_test.h"

#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

static const char options[] = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 5\r\n\r\nhello";
static const char ok[] = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n";

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

/* A phone that connects to the listener. */
static int phone(struct net_test *t)
{
	struct addr to = ph_test_ipv4("127.0.0.1", t->port);
	int fd = net_test_phone(SOCK_STREAM, "127.0.0.1");

	assert_true(connect(fd, &to.sa, addr_len(&to)) == 0 || errno == EINPROGRESS);
	return fd;
}

static void say(struct net_test *t, int fd, const void *data, size_t len)
{
	const char *p = data;
	size_t done = 0;
	const uint64_t until = clock_us() + 10 * 1000000;

	while (done < len && clock_us() < until) {
		ssize_t n = send(fd, p + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			done += (size_t)n;
		else
			net_test_turn(t);
	}
	assert_int_equal(done, len);
}

/* Turn until the fd has given len bytes. */
static void hear(struct net_test *t, int fd, char *out, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = 0;

		NET_TEST_UNTIL(t, (n = net_test_read(fd, out + done, len - done)) != 0);
		assert_true(n > 0);
		done += (size_t)n;
	}
	out[done] = '\0';
}

static void hear_end(struct net_test *t, int fd)
{
	char junk[1000];
	ssize_t n;

	NET_TEST_UNTIL(t, (n = net_test_read(fd, junk, sizeof(junk))) < 0);
}

static struct net_dest back(const struct net_test_msg *m)
{
	return (struct net_dest){.transport = SIP_TR_TCP,
		.addr = m->rx.src,
		.conn = m->rx.conn,
		.no_connect = true};
}

static void a_message_arrives_and_its_answer_goes_back_over_the_connection(void **state)
{
	struct net_test *t = *state;
	int fd = phone(t);
	struct addr me = net_test_local(fd);
	const struct net_test_msg *m;
	char text[100];

	t->answer = SLICE("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
	say(t, fd, options, strlen(options));
	hear(t, fd, text, strlen(ok));
	assert_string_equal(text, ok);
	m = net_test_first(t);
	assert_string_equal(m->text, options);
	assert_true(addr_eq(&m->rx.src, &me));
	assert_int_equal(addr_port(&m->rx.dst), t->port);
	assert_int_equal(m->rx.transport, SIP_TR_TCP);
	assert_int_equal(m->rx.sock, 1);
	/* The connection's id names the worker that owns it. */
	assert_int_equal((m->rx.conn >> 48) - 1, m->worker);
	close(fd);
}

static void connections_are_spread_over_the_workers_and_each_stays_with_one(void **state)
{
	struct net_test *t = *state;
	int fds[32];

	for (unsigned i = 0; i < 32; i++) {
		fds[i] = phone(t);
		for (unsigned n = 0; n < 3; n++)
			say(t, fds[i], options, strlen(options));
	}
	NET_TEST_UNTIL(t, net_test_seen(t) == 96);
	assert_true(t->w[0].seen_count > 0);
	assert_true(t->w[1].seen_count > 0);
	assert_int_equal(t->w[0].seen_count % 3, 0);
	assert_int_equal(net_test_counter(t, NET_C_TCP_ACCEPTED), 32);
	assert_int_equal(net_test_counter(t, NET_C_TCP_OPEN), 32);
	for (unsigned a = 0; a < t->w[0].seen_count; a++) {
		for (unsigned b = 0; b < t->w[1].seen_count; b++)
			assert_true(t->w[0].seen[a].rx.conn != t->w[1].seen[b].rx.conn);
	}
	for (unsigned i = 0; i < 32; i++)
		close(fds[i]);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TCP_OPEN) == 0);
}

static void a_message_in_single_bytes_is_put_together(void **state)
{
	struct net_test *t = *state;
	int fd = phone(t);

	for (size_t i = 0; i < strlen(options); i++) {
		say(t, fd, options + i, 1);
		net_test_turn(t);
	}
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	assert_string_equal(net_test_first(t)->text, options);
	close(fd);
}

static void pipelined_messages_come_one_by_one_in_order_and_split_anywhere(void **state)
{
	struct net_test *t = *state;
	int fd = phone(t);
	char *all = malloc(200000);
	size_t len = 0;
	const struct net_test_worker *w;

	for (unsigned i = 0; i < 500; i++)
		len += (size_t)snprintf(all + len, 200000 - len,
			"OPTIONS sip:%u@b SIP/2.0\r\nContent-Length: %u\r\n\r\n%.*s", i,
			i % 100, (int)(i % 100),
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	for (size_t at = 0; at < len;) {
		size_t piece = len - at < 777 ? len - at : 777;

		say(t, fd, all + at, piece);
		at += piece;
	}
	NET_TEST_UNTIL(t, net_test_seen(t) == 500);
	w = t->w[0].seen_count > 0 ? &t->w[0] : &t->w[1];
	for (unsigned i = 0; i < 500; i++) {
		assert_int_equal(atoi(w->seen[i].text + strlen("OPTIONS sip:")), i);
		assert_int_equal(
			strlen(strstr(w->seen[i].text, "\r\n\r\n")) - 4, i % 100);
	}
	free(all);
	close(fd);
}

static void one_busy_connection_takes_only_a_few_messages_a_turn(void **state)
{
	struct net_test *t = *state;
	int busy = phone(t);
	char *all = malloc(65536);
	unsigned before, most = 0;
	const unsigned total = 60000 / (unsigned)strlen(options);

	for (unsigned i = 0; i < total; i++)
		memcpy(all + i * strlen(options), options, strlen(options));
	say(t, busy, all, total * strlen(options));
	while (net_test_seen(t) < total) {
		before = net_test_seen(t);
		NET_TEST_UNTIL(t, net_test_seen(t) > before);
		if (net_test_seen(t) - before > most)
			most = net_test_seen(t) - before;
	}
	/* One share when the bytes come, one at the end of the turn. */
	assert_true(most <= 16);
	free(all);
	close(busy);
}

static void a_double_crlf_is_answered_and_a_single_one_is_not(void **state)
{
	struct net_test *t = *state;
	int fd = phone(t);
	char text[100];

	say(t, fd, "\r\n", 2);
	say(t, fd, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	say(t, fd, "\r\n\r\n", 4);
	hear(t, fd, text, 2);
	assert_string_equal(text, "\r\n");
	/* In pieces, and before a message; twice at once. */
	say(t, fd, "\r\n", 2);
	net_test_turn(t);
	net_test_turn(t);
	say(t, fd, "\r", 1);
	net_test_turn(t);
	say(t, fd, "\n\r\n\r\n\r\n\r\n", 9);
	say(t, fd, options, strlen(options));
	hear(t, fd, text, 4);
	assert_string_equal(text, "\r\n\r\n");
	NET_TEST_UNTIL(t, net_test_seen(t) == 2);
	hear(t, fd, text, 2);
	assert_int_equal(net_test_counter(t, NET_C_TCP_KEEPALIVES), 4);
	assert_int_equal(net_test_read(fd, text, sizeof(text)), 0);
	close(fd);
}

static void a_flood_of_keepalives_costs_the_sender_alone(void **state)
{
	struct net_test *t = *state;
	int fd = phone(t), other = phone(t);
	char text[100], *flood = malloc(1 << 20);
	size_t sent = 0;

	for (size_t i = 0; i < 1 << 20; i++)
		flood[i] = i % 2 == 0 ? '\r' : '\n';
	/* It never reads. */
	for (unsigned i = 0; i < 200; i++) {
		ssize_t n = send(fd, flood, 1 << 20, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0)
			sent += (size_t)n;
		net_test_turn(t);
	}
	assert_true(sent > 0);
	t->answer = SLICE("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
	say(t, other, options, strlen(options));
	hear(t, other, text, strlen(ok));
	free(flood);
	close(fd);
	close(other);
}

static void bytes_that_are_no_sip_close_the_connection(void **state)
{
	static const char *const bad[] = {"\x16\x03\x01\x02\x00", "<xml/>\r\n\r\n",
		"OPTIONS sip:a@b SIP/2.0\r\nVia: x\r\n\r\n",
		"OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -5\r\n\r\n"};
	struct net_test *t = *state;

	for (unsigned i = 0; i < 4; i++) {
		int fd = phone(t);

		say(t, fd, bad[i], strlen(bad[i]) > 0 ? strlen(bad[i]) : 5);
		hear_end(t, fd);
		assert_int_equal(net_test_counter(t, NET_C_TCP_BAD_FRAMES), i + 1);
		/* the handler may still say why */
		assert_int_equal(net_test_seen(t), i + 1);
		for (unsigned w = 0; w < t->workers; w++)
			for (unsigned k = 0; k < t->w[w].seen_count; k++)
				assert_int_equal(t->w[w].seen[k].rx.broken, -EBADMSG);
		close(fd);
	}
	assert_int_equal(net_test_counter(t, NET_C_TCP_OPEN), 0);
}

static void a_message_may_be_as_long_as_allowed_and_no_longer(void **state)
{
	struct net_test *t = *state;
	int fd = phone(t);
	char *big = malloc(70000);
	int head = snprintf(big, 100,
		"MESSAGE sip:a@b SIP/2.0\r\nContent-Length: %05u\r\n\r\n", 65535 - 50);

	assert_int_equal(head, 50);
	memset(big + head, 'x', 69900 - (size_t)head);
	say(t, fd, big, 65535);
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	assert_int_equal(net_test_first(t)->len, 65535);
	/* A byte more is refused as soon as the head says so. */
	snprintf(big, 100, "MESSAGE sip:a@b SIP/2.0\r\nContent-Length: %05u\r\n\r\n",
		65535 - 49);
	say(t, fd, big, 50);
	hear_end(t, fd);
	assert_int_equal(net_test_counter(t, NET_C_OVERSIZED), 1);
	close(fd);
	/* And a head without end is cut off too. */
	fd = phone(t);
	memset(big, 'x', 70000);
	for (size_t at = 0; at < 70000; at += 1000) {
		if (send(fd, big + at, 1000, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		net_test_turn(t);
	}
	hear_end(t, fd);
	assert_int_equal(net_test_counter(t, NET_C_OVERSIZED) +
			net_test_counter(t, NET_C_TCP_BAD_FRAMES),
		2);
	free(big);
	close(fd);
}

static void a_begun_message_has_to_become_complete_in_time(void **state)
{
	struct net_test *t = *state;
	uint64_t began;
	int fd, idle;

	t->conf.tcp_message_timeout = 300;
	idle = phone(t);
	say(t, idle, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	fd = phone(t);
	began = clock_us();
	/* A byte now and then, for 4 s, does not help. */
	for (size_t i = 0; i < 40; i++) {
		const uint64_t next = clock_us() + 100000;

		if (send(fd, options + i, 1, MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			break;
		while (clock_us() < next)
			net_test_turn(t);
	}
	hear_end(t, fd);
	assert_true(clock_us() - began >= 290000);
	assert_true(clock_us() - began < 3500000);
	assert_int_equal(net_test_counter(t, NET_C_TCP_TIMEOUTS), 1);
	/* The idle one is none of those. */
	say(t, idle, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 2);
	close(fd);
	close(idle);
}

static void an_idle_connection_is_closed_unless_it_pings(void **state)
{
	struct net_test *t = *state;
	uint64_t until;
	int idle, pinging;
	char text[100];

	t->conf.tcp_idle_timeout = 1000;
	idle = phone(t);
	pinging = phone(t);
	until = clock_us() + 1500000;
	while (clock_us() < until) {
		const uint64_t next = clock_us() + 100000;

		say(t, pinging, "\r\n\r\n", 4);
		while (clock_us() < next)
			net_test_turn(t);
	}
	hear_end(t, idle);
	assert_int_equal(net_test_counter(t, NET_C_TCP_TIMEOUTS), 1);
	t->conf.tcp_idle_timeout = 60000;
	say(t, pinging, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	assert_true(net_test_read(pinging, text, sizeof(text)) > 0);
	close(idle);
	close(pinging);
}

static void another_worker_answers_over_the_owners_connection(void **state)
{
	struct net_test *t = *state;
	int fd = phone(t);
	struct net_dest to;
	const struct net_test_msg *m;
	char text[100];

	say(t, fd, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	m = net_test_first(t);
	to = back(m);
	assert_int_equal(net_send(t->w[1 - m->worker].net, &to, slice_str(ok)), 0);
	hear(t, fd, text, strlen(ok));
	assert_string_equal(text, ok);
	/* By the address alone as well. */
	to.conn = 0;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(net_send(t->w[i].net, &to, slice_str(ok)), 0);
		hear(t, fd, text, strlen(ok));
	}
	assert_int_equal(net_test_counter(t, NET_C_TCP_SENT), 3);
	assert_int_equal(t->w[0].error_count + t->w[1].error_count, 0);
	close(fd);
}

static void a_failure_is_told_to_the_worker_that_sent(void **state)
{
	struct net_test *t = *state;
	int fd = phone(t);
	struct net_dest to;
	unsigned owner, other;

	say(t, fd, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	to = back(net_test_first(t));
	owner = net_test_first(t)->worker;
	other = 1 - owner;
	close(fd);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TCP_OPEN) == 0);
	/* The owner knows at once ... */
	to.cookie = 1;
	assert_int_equal(net_send(t->w[owner].net, &to, slice_str(ok)), -ENOTCONN);
	/* ... the other is told. */
	to.cookie = 2;
	assert_int_equal(net_send(t->w[other].net, &to, slice_str(ok)), 0);
	NET_TEST_UNTIL(t, t->w[other].error_count == 1);
	assert_int_equal(t->w[other].errors[0].cookie, 2);
	assert_int_equal(t->w[other].errors[0].err, -ENOTCONN);
	assert_int_equal(t->w[owner].error_count, 0);
}

static void a_connection_is_made_once_and_used_by_all(void **state)
{
	struct net_test *t = *state;
	int server = net_test_socket(SOCK_STREAM, "127.0.0.1", 0), fd = -1;
	struct addr at = net_test_local(server), from;
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	const struct net_dest to = {.transport = SIP_TR_TCP, .addr = at};
	char text[1000];

	/* Several while it is not yet there: they wait and leave in order. */
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(net_send(t->w[i % 2].net, &to, slice_str(options)), 0);
	NET_TEST_UNTIL(t,
		(fd = accept4(server, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK)) >= 0);
	hear(t, fd, text, 4 * strlen(options));
	assert_memory_equal(text, options, strlen(options));
	assert_int_equal(addr_from_sa(&from, (struct sockaddr *)&sa, len), 0);
	assert_true(addr_eq_ip(&from, &t->socks.list[1].addr));
	assert_int_equal(accept4(server, NULL, NULL, SOCK_NONBLOCK), -1);
	assert_int_equal(net_test_counter(t, NET_C_TCP_CONNECTED), 1);
	assert_int_equal(net_test_counter(t, NET_C_TCP_SENT), 4);
	/* Its answer comes in as a message of the listener it was made for. */
	say(t, fd, ok, strlen(ok));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	assert_int_equal(net_test_first(t)->rx.sock, 1);
	assert_string_equal(net_test_first(t)->text, ok);
	close(fd);
	close(server);
}

static void a_refused_connection_is_told_with_every_cookie(void **state)
{
	struct net_test *t = *state;
	struct net_dest to = {.transport = SIP_TR_TCP};

	to.addr = ph_test_ipv4("127.0.0.1", net_test_port("127.0.0.1"));
	for (unsigned i = 0; i < 4; i++) {
		to.cookie = 10 + i;
		(void)net_send(t->w[i % 2].net, &to, slice_str(options));
	}
	NET_TEST_UNTIL(t, t->w[0].error_count == 2 && t->w[1].error_count == 2);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(t->w[i % 2].errors[i / 2].cookie, 10 + i);
		assert_int_equal(t->w[i % 2].errors[i / 2].err, -ECONNREFUSED);
	}
	assert_int_equal(net_test_counter(t, NET_C_TCP_OPEN), 0);
	assert_int_equal(net_test_counter(t, NET_C_TCP_SEND_ERRORS), 4);
}

static void a_connection_that_is_not_established_in_time_is_given_up(void **state)
{
	struct net_test *t = *state;
	const int on = 1;
	struct addr at = ph_test_ipv4("127.0.0.1", 0);
	int server = socket(AF_INET, SOCK_STREAM, 0), fill[8];
	struct net_dest to = {.transport = SIP_TR_TCP, .cookie = 5};
	uint64_t began;

	/* A listener whose queue is full does not answer any more. */
	setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(server, &at.sa, addr_len(&at)), 0);
	assert_int_equal(listen(server, 0), 0);
	to.addr = net_test_local(server);
	for (unsigned i = 0; i < 8; i++) {
		fill[i] = net_test_phone(SOCK_STREAM, "127.0.0.1");
		(void)connect(fill[i], &to.addr.sa, addr_len(&to.addr));
	}
	t->conf.tcp_connect_timeout = 300;
	began = clock_us();
	assert_int_equal(net_send(t->w[0].net, &to, slice_str(options)), 0);
	NET_TEST_UNTIL(t, t->w[0].error_count == 1);
	assert_int_equal(t->w[0].errors[0].err, -ETIMEDOUT);
	assert_true(clock_us() - began >= 290000);
	assert_int_equal(net_test_counter(t, NET_C_TCP_TIMEOUTS), 1);
	for (unsigned i = 0; i < 8; i++)
		close(fill[i]);
	close(server);
}

static void a_peer_that_does_not_read_is_bounded_then_closed_and_others_go_on(
	void **state)
{
	struct net_test *t = *state;
	int slow = phone(t), other;
	struct net_dest to;
	struct net *owner;
	char text[100], *big = calloc(1, 60000);
	unsigned taken = 0;
	int err = 0;

	say(t, slow, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	to = back(net_test_first(t));
	owner = t->w[net_test_first(t)->worker].net;
	/* What it sent is read no more; the kernel's buffers fill, then ours. */
	for (; taken < 10000 && err == 0; taken++) {
		to.cookie = taken + 1;
		err = net_send(owner, &to, slice_make(big, 60000));
		if (taken % 4 == 0)
			net_test_turn(t);
	}
	assert_int_equal(err, -EAGAIN);
	net_test_turn(t);
	assert_int_equal(net_test_counter(t, NET_C_TCP_OPEN), 0);
	/* Each but the one refused has left or is told; what waited was no more than the queue takes. */
	NET_TEST_UNTIL(t,
		t->w[0].error_count + t->w[1].error_count +
				net_test_counter(t, NET_C_TCP_SENT) ==
			taken - 1);
	assert_true(t->w[0].error_count + t->w[1].error_count <= 262144 / 60000 + 1);
	other = phone(t);
	t->answer = SLICE("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
	say(t, other, options, strlen(options));
	hear(t, other, text, strlen(ok));
	free(big);
	close(slow);
	close(other);
}

static void a_peer_that_takes_nothing_for_too_long_is_closed(void **state)
{
	struct net_test *t = *state;
	int slow = phone(t);
	struct net_dest to;
	struct net_test_worker *w;
	char *big = calloc(1, 200000);

	t->conf.tcp_message_timeout = 300;
	t->conf.tcp_send_queue = 100 << 20;
	say(t, slow, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	to = back(net_test_first(t));
	to.cookie = 9;
	w = &t->w[net_test_first(t)->worker];
	for (unsigned i = 0; i < 60; i++)
		assert_int_equal(net_send(w->net, &to, slice_make(big, 200000)), 0);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TCP_TIMEOUTS) == 1);
	NET_TEST_UNTIL(t, w->error_count > 0);
	assert_int_equal(w->errors[0].err, -ETIMEDOUT);
	free(big);
	close(slow);
}

static void a_slow_peer_gets_everything_in_the_end(void **state)
{
	struct net_test *t = *state;
	const int small = 4096;
	int fd = phone(t);
	struct net_dest to;
	struct net *owner;
	char *big = malloc(60000), *got = malloc(4 * 60000 + 1);

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (size_t i = 0; i < 60000; i++)
		big[i] = (char)('a' + i % 26);
	say(t, fd, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	to = back(net_test_first(t));
	owner = t->w[net_test_first(t)->worker].net;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(net_send(owner, &to, slice_make(big, 60000)), 0);
	hear(t, fd, got, 4 * 60000);
	for (unsigned i = 0; i < 4; i++)
		assert_memory_equal(got + (size_t)i * 60000, big, 60000);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TCP_SENT) == 4);
	free(big);
	free(got);
	close(fd);
}

static void no_more_connections_than_allowed_and_room_again_after_one_closes(void **state)
{
	struct net_test *t = *state;
	int fds[4];

	t->conf.tcp_max_connections = 3;
	for (unsigned i = 0; i < 3; i++) {
		fds[i] = phone(t);
		say(t, fds[i], options, strlen(options));
	}
	NET_TEST_UNTIL(t, net_test_seen(t) == 3);
	fds[3] = phone(t);
	hear_end(t, fds[3]);
	assert_int_equal(net_test_counter(t, NET_C_TCP_REFUSED), 1);
	close(fds[3]);
	close(fds[0]);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TCP_OPEN) == 2);
	fds[0] = phone(t);
	say(t, fds[0], options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 4);
	for (unsigned i = 0; i < 3; i++)
		close(fds[i]);
}

static void without_descriptors_accepting_pauses_and_goes_on(void **state)
{
	struct net_test *t = *state;
	struct rlimit before, tight;
	int fd = net_test_phone(SOCK_STREAM, "127.0.0.1");
	struct addr to = ph_test_ipv4("127.0.0.1", t->port);
	int64_t refused;
	uint64_t until;
	unsigned turns = 0;

	/* valgrind keeps descriptors of its own and does not give the limit back */
	if (getenv("PINHOLE_VALGRIND")) {
		print_message("skipped: RLIMIT_NOFILE is valgrind's here\n");
		close(fd);
		skip();
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	(void)connect(fd, &to.sa, addr_len(&to));
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TCP_REFUSED) >= 1);
	refused = net_test_counter(t, NET_C_TCP_REFUSED);
	/* It does not spin: within a pause's length there are few attempts. */
	until = clock_us() + 250000;
	while (clock_us() < until) {
		loop_turn(t->w[0].loop, 50);
		turns++;
	}
	assert_true(turns < 60);
	assert_true(net_test_counter(t, NET_C_TCP_REFUSED) - refused <= 4);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	say(t, fd, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	close(fd);
}

static void after_stop_accepting_open_connections_go_on(void **state)
{
	struct net_test *t = *state;
	int fd = phone(t), late;
	struct addr to = ph_test_ipv4("127.0.0.1", t->port);
	char text[100];

	t->answer = SLICE("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
	say(t, fd, options, strlen(options));
	hear(t, fd, text, strlen(ok));
	net_stop_accepting(t->w[0].net);
	late = net_test_phone(SOCK_STREAM, "127.0.0.1");
	assert_int_equal(connect(late, &to.sa, addr_len(&to)), -1);
	NET_TEST_UNTIL(t, send(late, "x", 1, MSG_NOSIGNAL) < 0 && errno != EAGAIN);
	say(t, fd, options, strlen(options));
	hear(t, fd, text, strlen(ok));
	close(late);
	close(fd);
}

static void a_request_before_the_end_of_the_stream_is_still_answered(void **state)
{
	struct net_test *t = *state;
	int fd;
	char text[100];
	struct addr to = ph_test_ipv4("127.0.0.1", t->port);

	t->answer = SLICE("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
	fd = net_test_phone(SOCK_STREAM, "127.0.0.1");
	(void)connect(fd, &to.sa, addr_len(&to));
	say(t, fd, options, strlen(options));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	hear(t, fd, text, strlen(ok));
	hear_end(t, fd);
	close(fd);
}

static void sending_nothing_or_too_much_is_refused(void **state)
{
	struct net_test *t = *state;
	struct net_dest to = {
		.transport = SIP_TR_TCP, .addr = ph_test_ipv4("127.0.0.1", 9)};
	char *big = calloc(1, 2 << 20);

	assert_int_equal(net_send(t->w[0].net, &to, slice_make(big, 2 << 20)), -EMSGSIZE);
	assert_int_equal(net_send(t->w[0].net, &to, slice_make(big, 0)), -EMSGSIZE);
	to.addr = ph_test_ipv6("::1", 9);
	to.cookie = 3;
	for (unsigned i = 0; i < 2; i++) {
		int err = net_send(t->w[i].net, &to, SLICE("x"));

		/* The owner says so itself, the other is told. */
		if (err == 0)
			NET_TEST_UNTIL(t,
				t->w[i].error_count == 1 &&
					t->w[i].errors[0].err == -EHOSTUNREACH);
		else
			assert_int_equal(err, -EHOSTUNREACH);
	}
	free(big);
}

static void both_families_work_side_by_side(void **state)
{
	static const char *const specs[] = {"tcp:127.0.0.1:%u", "tcp:[::1]:%u", NULL};
	struct net_test *t = net_test_new();
	int fd = net_test_phone(SOCK_STREAM, "::1");
	struct addr to;
	char text[100];

	(void)state;
	net_test_listen(t, specs);
	net_test_start(t);
	t->answer = SLICE("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
	to = ph_test_ipv6("::1", t->port);
	(void)connect(fd, &to.sa, addr_len(&to));
	say(t, fd, options, strlen(options));
	hear(t, fd, text, strlen(ok));
	assert_int_equal(net_test_first(t)->rx.sock, 1);
	assert_int_equal(addr_family(&net_test_first(t)->rx.src), AF_INET6);
	close(fd);
	net_test_destroy(t);
}

/* Workers on threads of their own, as in the daemon */

struct running {
	struct net_test_worker *w;
	pthread_t thread;
};

static void *run_worker(void *arg)
{
	struct running *r = arg;

	loop_run(r->w->loop);
	return NULL;
}

static void relay_to_the_other(
	void *self, struct arena *arena, struct slice data, const struct net_rx *rx)
{
	struct net_test_worker *w = self;
	struct inbox_sender *s = w->sender;

	/* Handed over, as a message of another worker's call is. */
	(void)inbox_send(
		s, 1 - w->index, INBOX_DATAGRAM, rx, sizeof(*rx), data.p, data.len);
	arena_put(arena);
}

static void answer_handed_over(void *arg, const void *data, size_t len)
{
	struct net_test_worker *w = arg;
	struct net_rx rx;
	struct net_dest to;

	assert_true(len > sizeof(rx));
	memcpy(&rx, data, sizeof(rx));
	to = (struct net_dest){.sock = &w->world->socks.list[rx.sock],
		.transport = rx.transport,
		.addr = rx.src,
		.conn = rx.conn,
		.no_connect = true};
	(void)net_send(w->net, &to, slice_str(ok));
}

static void start_relaying(struct net_test *t)
{
	static const struct net_handlers handlers = {
		relay_to_the_other, net_test_on_error};
	char why[256];

	for (unsigned i = 0; i < t->workers; i++) {
		struct net_test_worker *w = &t->w[i];
		const struct net_setup s = {.loop = w->loop,
			.socks = &t->socks,
			.conf = &t->conf,
			.inbox = w->inbox,
			.senders = w->sender,
			.worker = i,
			.workers = t->workers,
			.arenas = w->arenas,
			.counters = w->counters,
			.first_counter = t->net_first,
			.handlers = &handlers,
			.self = w};

		inbox_on(w->inbox, INBOX_DATAGRAM, answer_handed_over, w);
		assert_int_equal(net_new(&w->net, &s), 0);
		assert_int_equal(net_open_udp(w->net, why), 0);
	}
	assert_int_equal(net_listen_tcp(t->w[0].net, why), 0);
}

/* Wait for one answer of len bytes; the workers run by themselves. */
static void await(int fd, size_t len)
{
	char text[100];
	size_t done = 0;

	while (done < len) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		assert_int_equal(poll(&p, 1, 15000), 1);
		n = recv(fd, text, len - done, 0);
		assert_true(n > 0);
		done += (size_t)n;
	}
}

static void on_threads_messages_cross_workers_and_answers_come_back(void **state)
{
	struct net_test *t = net_test_new();
	struct running r[NET_TEST_WORKERS];
	int tcp[16], udp[16];
	struct addr to;

	(void)state;
	net_test_listen(t, NULL);
	start_relaying(t);
	to = ph_test_ipv4("127.0.0.1", t->port);
	for (unsigned i = 0; i < t->workers; i++) {
		r[i].w = &t->w[i];
		assert_int_equal(
			pthread_create(&r[i].thread, NULL, run_worker, &r[i]), 0);
	}
	for (unsigned i = 0; i < 16; i++) {
		udp[i] = net_test_phone(SOCK_DGRAM, "127.0.0.1");
		tcp[i] = net_test_phone(SOCK_STREAM, "127.0.0.1");
		(void)connect(udp[i], &to.sa, addr_len(&to));
		/* Blocking from here on: the kernel completes it whoever runs. */
		assert_int_equal(fcntl(tcp[i], F_SETFL, 0), 0);
		assert_int_equal(connect(tcp[i], &to.sa, addr_len(&to)), 0);
	}
	for (unsigned round = 0; round < 50; round++) {
		for (unsigned i = 0; i < 16; i++) {
			assert_int_equal(send(udp[i], options, strlen(options), 0),
				strlen(options));
			assert_int_equal(send(tcp[i], options, strlen(options), 0),
				strlen(options));
		}
		for (unsigned i = 0; i < 16; i++) {
			await(udp[i], strlen(ok));
			await(tcp[i], strlen(ok));
		}
	}
	assert_int_equal(net_test_counter(t, NET_C_TCP_RECEIVED), 800);
	assert_int_equal(net_test_counter(t, NET_C_UDP_RECEIVED), 800);
	for (unsigned i = 0; i < 16; i++) {
		close(udp[i]);
		close(tcp[i]);
	}
	for (unsigned i = 0; i < t->workers; i++)
		loop_stop(t->w[i].loop);
	for (unsigned i = 0; i < t->workers; i++)
		pthread_join(r[i].thread, NULL);
	net_test_destroy(t);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_message_arrives_and_its_answer_goes_back_over_the_connection),
		T(connections_are_spread_over_the_workers_and_each_stays_with_one),
		T(a_message_in_single_bytes_is_put_together),
		T(pipelined_messages_come_one_by_one_in_order_and_split_anywhere),
		T(one_busy_connection_takes_only_a_few_messages_a_turn),
		T(a_double_crlf_is_answered_and_a_single_one_is_not),
		T(a_flood_of_keepalives_costs_the_sender_alone),
		T(bytes_that_are_no_sip_close_the_connection),
		T(a_message_may_be_as_long_as_allowed_and_no_longer),
		T(a_begun_message_has_to_become_complete_in_time),
		T(an_idle_connection_is_closed_unless_it_pings),
		T(another_worker_answers_over_the_owners_connection),
		T(a_failure_is_told_to_the_worker_that_sent),
		T(a_connection_is_made_once_and_used_by_all),
		T(a_refused_connection_is_told_with_every_cookie),
		T(a_connection_that_is_not_established_in_time_is_given_up),
		T(a_peer_that_does_not_read_is_bounded_then_closed_and_others_go_on),
		T(a_peer_that_takes_nothing_for_too_long_is_closed),
		T(a_slow_peer_gets_everything_in_the_end),
		T(no_more_connections_than_allowed_and_room_again_after_one_closes),
		T(without_descriptors_accepting_pauses_and_goes_on),
		T(after_stop_accepting_open_connections_go_on),
		T(a_request_before_the_end_of_the_stream_is_still_answered),
		T(sending_nothing_or_too_much_is_refused),
		cmocka_unit_test(both_families_work_side_by_side),
		cmocka_unit_test(on_threads_messages_cross_workers_and_answers_come_back),
	};
	return cmocka_run_group_tests_name("net_tcp", tests, NULL, NULL);
}
