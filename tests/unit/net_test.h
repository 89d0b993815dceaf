/**
 * @file net_test.h  Workers with nets of their own, for the tests of core/net and what stands on it.
 *
 * All on one thread: net_test_turn() turns every worker's loop once. Only loopback, ports that the kernel gave.
 */
#pragma once

#include "tests/unit/ph_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/bus/bus.h"
#include "core/net/net.h"

#define NET_TEST_WORKERS 2
#define NET_TEST_SEEN    4096

/** A message that a worker received. */
struct net_test_msg {
	char *text;
	size_t len;
	struct net_rx rx;
	unsigned worker;
};

struct net_test;
struct net_test_worker {
	struct net_test *world;
	unsigned index;
	struct loop *loop;
	struct inbox *inbox;
	struct inbox_sender *sender;
	struct arena_pool *arenas;
	struct counter_array *counters;
	struct net *net;
	/** What on_message and on_send_error were told. */
	struct net_test_msg seen[NET_TEST_SEEN];
	unsigned seen_count;
	struct {
		uint64_t cookie;
		int err;
	} errors[64];
	unsigned error_count;
};

struct net_test {
	struct bus *bus;
	unsigned inbox_first, net_first;
	struct net_socks socks;
	struct net_conf conf;
	struct net_tls *tls; /**< the test's own; NULL: none */
	uint16_t port;
	/** Answer every message with this, over what it came by; empty: do not. */
	struct slice answer;
	unsigned workers;
	struct net_test_worker w[NET_TEST_WORKERS];
};

/** An fd bound to ip:port (0: any), listening when it is a stream. */
static inline int net_test_socket(int type, const char *ip, uint16_t port)
{
	const int on = 1;
	struct addr a = ph_test_addr(ip, port);
	int fd = socket(addr_family(&a), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (type == SOCK_STREAM)
		assert_int_equal(
			setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	if (bind(fd, &a.sa, addr_len(&a)) != 0) {
		close(fd);
		return -1;
	}
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 16), 0);
	return fd;
}

static inline struct addr net_test_local(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct addr a;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	assert_int_equal(addr_from_sa(&a, (struct sockaddr *)&sa, len), 0);
	return a;
}

/** A port that is free for UDP and TCP at ip. */
static inline uint16_t net_test_port(const char *ip)
{
	for (unsigned i = 0; i < 100; i++) {
		int udp = net_test_socket(SOCK_DGRAM, ip, 0);
		struct addr a = net_test_local(udp);
		int tcp = net_test_socket(SOCK_STREAM, ip, addr_port(&a));

		close(udp);
		if (tcp < 0)
			continue;
		close(tcp);
		return addr_port(&a);
	}
	fail_msg("no free port");
	return 0;
}

static inline void net_test_on_message(
	void *self, struct arena *arena, struct slice data, const struct net_rx *rx)
{
	struct net_test_worker *w = self;
	struct net_test_msg *m = &w->seen[w->seen_count];

	if (w->seen_count < NET_TEST_SEEN) {
		m->text = malloc(data.len + 1);
		if (m->text != NULL) {
			memcpy(m->text, data.p, data.len);
			m->text[data.len] = '\0';
		}
		m->len = data.len;
		m->rx = *rx;
		m->worker = w->index;
		w->seen_count++;
	}
	if (!slice_empty(w->world->answer)) {
		const struct net_dest to = {.sock = &w->world->socks.list[rx->sock],
			.transport = rx->transport,
			.addr = rx->src,
			.conn = rx->conn,
			.no_connect = true};

		(void)net_send(w->net, &to, w->world->answer);
	}
	arena_put(arena);
}

static inline void net_test_on_error(void *self, uint64_t cookie, int err)
{
	struct net_test_worker *w = self;

	if (w->error_count == 64)
		return;
	w->errors[w->error_count].cookie = cookie;
	w->errors[w->error_count].err = err;
	w->error_count++;
}

/** Without the nets themselves: the caller may change conf and add listeners first. */
static inline struct net_test *net_test_new(void)
{
	static const char *const names[NET_TEST_WORKERS] = {"worker.0", "worker.1"};
	struct net_test *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->workers = NET_TEST_WORKERS;
	t->conf = (struct net_conf){.tcp_max_connections = 100,
		.tcp_connect_timeout = 5000,
		.tcp_idle_timeout = 60000,
		.tcp_message_timeout = 30000,
		.tcp_send_queue = 262144,
		.max_message = 65535,
		.tls_handshake_timeout = 10000,
		.udp_rcvbuf = 4194304};
	counter_reset_all();
	assert_int_equal(counter_register(inbox_counters, &t->inbox_first), 0);
	assert_int_equal(counter_register(net_counters, &t->net_first), 0);
	assert_int_equal(bus_new(&t->bus), 0);
	for (unsigned i = 0; i < t->workers; i++) {
		struct net_test_worker *w = &t->w[i];

		w->world = t;
		w->index = i;
		assert_int_equal(counter_array_new(&w->counters), 0);
		assert_int_equal(loop_new(&w->loop), 0);
		assert_int_equal(arena_pool_new(&w->arenas, 4096, 64, 1 << 20), 0);
		assert_int_equal(inbox_new(&w->inbox, t->bus, names[i], w->loop,
					 w->counters, t->inbox_first),
			0);
	}
	for (unsigned i = 0; i < t->workers; i++)
		assert_int_equal(inbox_sender_new(&t->w[i].sender, t->bus, names,
					 t->workers, t->w[i].counters, t->inbox_first),
			0);
	return t;
}

/** specs: a list that ends with NULL; "%u" in one is the port. NULL: both transports at 127.0.0.1. */
static inline void net_test_listen(struct net_test *t, const char *const *specs)
{
	static const char *const both[] = {"udp:127.0.0.1:%u", "tcp:127.0.0.1:%u", NULL};
	struct net_socks_builder *b = NULL;
	char why[256] = "";

	t->port = net_test_port("127.0.0.1");
	for (specs = specs != NULL ? specs : both; *specs != NULL; specs++) {
		const char *place = strstr(*specs, "%u");
		char spec[100];

		if (place == NULL)
			snprintf(spec, sizeof(spec), "%s", *specs);
		else
			snprintf(spec, sizeof(spec), "%.*s%u", (int)(place - *specs),
				*specs, t->port);
		if (net_socks_add(&b, spec, NULL, why) != 0)
			fail_msg("%s: %s", spec, why);
	}
	assert_int_equal(net_socks_finish(&b, &t->socks), 0);
}

static inline void net_test_start(struct net_test *t)
{
	static const struct net_handlers handlers = {
		net_test_on_message, net_test_on_error};
	char why[256] = "";

	for (unsigned i = 0; i < t->workers; i++) {
		struct net_test_worker *w = &t->w[i];
		const struct net_setup setup = {.loop = w->loop,
			.socks = &t->socks,
			.conf = &t->conf,
			.tls = t->tls,
			.inbox = w->inbox,
			.senders = w->sender,
			.worker = i,
			.workers = t->workers,
			.arenas = w->arenas,
			.counters = w->counters,
			.first_counter = t->net_first,
			.handlers = &handlers,
			.self = w};

		assert_int_equal(net_new(&w->net, &setup), 0);
		if (net_open_udp(w->net, why) != 0)
			fail_msg("%s", why);
	}
	if (net_listen_tcp(t->w[0].net, why) != 0)
		fail_msg("%s", why);
}

static inline void net_test_forget(struct net_test *t)
{
	for (unsigned i = 0; i < t->workers; i++) {
		for (unsigned m = 0; m < t->w[i].seen_count; m++)
			free(t->w[i].seen[m].text);
		t->w[i].seen_count = 0;
		t->w[i].error_count = 0;
	}
}

static inline void net_test_destroy(struct net_test *t)
{
	net_test_forget(t);
	for (unsigned i = 0; i < t->workers; i++)
		net_destroy(&t->w[i].net);
	for (unsigned i = 0; i < t->workers; i++)
		inbox_sender_destroy(&t->w[i].sender);
	for (unsigned i = 0; i < t->workers; i++) {
		inbox_destroy(&t->w[i].inbox);
		arena_pool_destroy(&t->w[i].arenas);
		loop_destroy(&t->w[i].loop);
		counter_array_destroy(&t->w[i].counters);
	}
	net_socks_free(&t->socks);
	bus_destroy(&t->bus);
	counter_reset_all();
	free(t);
}

static inline void net_test_turn(struct net_test *t)
{
	for (unsigned i = 0; i < t->workers; i++)
		loop_turn(t->w[i].loop, 1);
}

/** Fail, and say what the counters say. */
static inline void net_test_give_up(const char *what)
{
	for (unsigned i = 0; i < counter_count(); i++) {
		if (counter_read(i) != 0)
			print_error("%s %lld\n", counter_describe(i)->name,
				(long long)counter_read(i));
	}
	fail_msg("waited in vain for: %s", what);
}

/** Turn the workers until cond, at most 10 s; once it holds it is not looked at again. */
#define NET_TEST_UNTIL(t, cond)                                                          \
	do {                                                                             \
		const uint64_t until_us = clock_us() + 10 * 1000000;                     \
		bool held = false;                                                       \
		while (!(held = (cond)) && clock_us() < until_us)                        \
			net_test_turn(t);                                                \
		if (!held)                                                               \
			net_test_give_up(#cond);                                         \
	} while (0)

static inline unsigned net_test_seen(const struct net_test *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->workers; i++)
		n += t->w[i].seen_count;
	return n;
}

/** The first message, whoever got it. */
static inline const struct net_test_msg *net_test_first(const struct net_test *t)
{
	unsigned i = 0;

	while (i + 1 < t->workers && t->w[i].seen_count == 0)
		i++;
	assert_true(t->w[i].seen_count > 0);
	return &t->w[i].seen[0];
}

static inline int64_t net_test_counter(const struct net_test *t, unsigned which)
{
	return counter_read(t->net_first + which);
}

/** A phone's socket, bound to 127.0.0.1, or ::1. */
static inline int net_test_phone(int type, const char *ip)
{
	struct addr a = ph_test_addr(ip, 0);
	int fd = socket(addr_family(&a), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &a.sa, addr_len(&a)), 0);
	return fd;
}

/** Bytes that are there now, or 0; -1: closed. */
static inline ssize_t net_test_read(int fd, char *out, size_t size)
{
	ssize_t got = recv(fd, out, size, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN ? 0 : -1;
	return got == 0 ? -1 : got;
}
