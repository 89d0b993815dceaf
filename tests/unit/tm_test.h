/**
 * @file tm_test.h  A worker's net and tm on loopback, and phones beside it: plain sockets that the tests speak for.
 *
 * A world has a "script": the function that gets each new request, as a route block would. Its hooks count their calls
 * and answer what the test wants. Everything runs on the test's thread; waiting means turning the loop.
 */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/bus/bus.h"
#include "core/bus/inbox.h"
#include "core/tm/tm.h"
#include "tests/unit/ph_test.h"

#define TM_TEST_WAIT_MS  3000 /* for something that must come */
#define TM_TEST_QUIET_MS 60   /* for something that must not */

struct phone {
	int fd;
	uint16_t port;
	bool tcp;
	char got[8192];   /* the message taken last */
	char rest[16384]; /* TCP: bytes not taken yet */
	size_t rest_len;
};

struct tm_world {
	struct loop *loop;
	struct bus *bus;
	struct inbox *inbox;
	struct inbox_sender *senders;
	struct net_socks socks;
	struct net_conf net_conf;
	struct net *net;
	struct arena_pool *arenas;
	struct counter_array *counters;
	struct calls *calls;
	struct tm *tm;
	struct tm_conf conf;
	struct hash_key key;
	unsigned first_inbox, first_net, first_tm;
	uint16_t port; /* of our UDP and TCP listeners */

	void (*script)(struct tm_world *w, struct ph_msg *msg);
	void (*failure)(struct tm_world *w, struct ph_msg *msg);
	void (*edit_reply)(struct tm_world *w, struct ph_msg *reply);
	void (*edit_branch)(
		struct tm_world *w, struct ph_msg *request, struct tm_branch *br);
	bool park_replies, park_branches, park_failures, drop_replies;
	uint16_t park_status;     /* park replies with this status only; 0: all */
	struct ph_msg *held[256]; /* parked ones, in order; counted */
	struct tm_branch *held_branch;
	unsigned held_count;
	unsigned requests, replies, branches, failures, cancelled, relayed;
	int relay_code; /* of the last tm_relay() or on_relayed */
	unsigned failure_code;
	enum tm_request last_in;
	struct phone *voice; /* the other node: it holds every foreign socket; NULL: it is dead */
	struct phone *flow;  /* the phone that a Route with the user "flow" leads to */
	const struct net_sock *flow_sock; /* ours, when it is no other node's flow */
	unsigned silent;     /* how often the voice was found so */
	struct addr source;  /* of the last reply, as its hook saw it */
	unsigned phone_count;
	struct phone phones[6];
};

static inline void world_hold(struct tm_world *w, struct ph_msg *msg)
{
	assert_in_range(w->held_count, 0, 255);
	msg_ref(msg);
	w->held[w->held_count++] = msg;
}

/** The oldest parked message; the caller drops the reference. */
static inline struct ph_msg *world_take(struct tm_world *w)
{
	struct ph_msg *msg = w->held[0];

	assert_in_range(w->held_count, 1, 256);
	memmove(w->held, w->held + 1, --w->held_count * sizeof(w->held[0]));
	return msg;
}

static inline enum tm_verdict world_on_reply(void *self, struct ph_msg *reply)
{
	struct tm_world *w = self;

	w->replies++;
	w->source = reply->rx.src;
	if (w->edit_reply != NULL)
		w->edit_reply(w, reply);
	if (w->park_replies &&
		(w->park_status == 0 || w->park_status == reply->sip.status)) {
		world_hold(w, reply);
		return TM_PARKED;
	}
	return w->drop_replies ? TM_DROP : TM_GO;
}

static inline enum tm_verdict world_on_branch(
	void *self, struct ph_msg *request, struct tm_branch *br)
{
	struct tm_world *w = self;

	w->branches++;
	if (w->edit_branch != NULL)
		w->edit_branch(w, request, br);
	w->held_branch = br;
	return w->park_branches ? TM_PARKED : TM_GO;
}

static inline enum tm_verdict world_on_failure(void *self, struct ph_msg *request)
{
	struct tm_world *w = self;

	w->failures++;
	w->failure_code = tm_reply_code(request);
	request->armed.on_failure = -1;
	if (w->park_failures) {
		world_hold(w, request);
		return TM_PARKED;
	}
	if (w->failure != NULL)
		w->failure(w, request);
	return TM_GO;
}

static inline void world_on_relayed(void *self, struct ph_msg *request, int code)
{
	struct tm_world *w = self;

	(void)request;
	w->relayed++;
	w->relay_code = code;
}

static inline void world_on_cancelled(void *self, struct ph_msg *request)
{
	(void)request;
	((struct tm_world *)self)->cancelled++;
}

static inline struct sockaddr_in loopback(uint16_t port);

static inline struct net_hop world_hop(const struct phone *p)
{
	return (struct net_hop){.transport = p->tcp ? SIP_TR_TCP : SIP_TR_UDP,
		.addr = {.in = loopback(p->port)}};
}

static inline int world_on_flow_route(void *self, struct ph_msg *request,
	const struct sip_uri *route, struct tm_flow *out)
{
	struct tm_world *w = self;

	(void)request;
	if (w->flow == NULL || !slice_eq(route->user, SLICE("flow")))
		return -ENOENT;
	*out = (struct tm_flow){
		.socket = SLICE("udp:192.0.2.2:5060"), .sock = w->flow_sock, .phone = world_hop(w->flow)};
	return 0;
}

static inline int world_on_foreign(void *self, struct ph_msg *request,
	struct slice socket, const struct net_hop *phone, struct tm_detour *out)
{
	struct tm_world *w = self;

	(void)phone;
	assert_slice_equal(socket, "udp:192.0.2.2:5060");
	if (w->voice == NULL)
		return -ENOENT;
	out->hop = world_hop(w->voice);
	out->route = arena_printf(
		request->arena, "<sip:flow@127.0.0.1:%u;lr>", w->voice->port);
	return 0;
}

static inline void world_on_foreign_silent(void *self, struct slice socket)
{
	assert_slice_equal(socket, "udp:192.0.2.2:5060");
	((struct tm_world *)self)->silent++;
}

static const struct tm_hooks world_hooks = {
	.on_reply = world_on_reply,
	.on_branch = world_on_branch,
	.on_failure = world_on_failure,
	.on_relayed = world_on_relayed,
	.on_cancelled = world_on_cancelled,
	.on_flow_route = world_on_flow_route,
	.on_foreign = world_on_foreign,
	.on_foreign_silent = world_on_foreign_silent,
};

static inline void world_request(struct tm_world *w, struct ph_msg *msg)
{
	w->last_in = tm_request_in(w->tm, msg);
	if (w->last_in == TM_REQ_ABSORBED)
		return;
	w->requests++;
	if (w->script != NULL)
		w->script(w, msg);
}

static inline void world_on_message(
	void *self, struct arena *arena, struct slice data, const struct net_rx *rx)
{
	struct tm_world *w = self;
	struct ph_msg *msg = msg_new(arena);
	struct sip_error why;

	assert_non_null(msg);
	msg->rx = *rx;
	msg->sock = &w->socks.list[rx->sock];
	if (sip_parse(&msg->sip, arena, data, NULL, &why) != 0)
		tm_reply_bad(w->tm, &msg->sip, rx, why.code, why.text);
	else if (msg->sip.kind == SIP_REQUEST)
		world_request(w, msg);
	else
		tm_reply_in(w->tm, msg);
	msg_unref(&msg);
}

static inline void world_on_send_error(void *self, uint64_t cookie, int err)
{
	tm_send_error(((struct tm_world *)self)->tm, cookie, err);
}

static const struct net_handlers world_net_handlers = {
	world_on_message, world_on_send_error};

static inline struct sockaddr_in loopback(uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sin;
}

static inline int udp_socket(uint16_t *port)
{
	struct sockaddr_in sin = loopback(0);
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

/* A port that is free for UDP and TCP now. */
static inline uint16_t free_port(void)
{
	for (unsigned i = 0; i < 50; i++) {
		uint16_t port;
		int udp = udp_socket(&port);
		int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		struct sockaddr_in sin = loopback(port);
		int err = bind(tcp, (struct sockaddr *)&sin, sizeof(sin));

		close(udp);
		close(tcp);
		if (err == 0)
			return port;
	}
	fail_msg("no free port");
	return 0;
}

static inline void world_sockets(struct tm_world *w)
{
	struct net_socks_builder *b = NULL;
	char why[256] = "", spec[64];

	w->port = free_port();
	snprintf(spec, sizeof(spec), "udp:127.0.0.1:%u", w->port);
	assert_int_equal(net_socks_add(&b, spec, NULL, why), 0);
	snprintf(spec, sizeof(spec), "tcp:127.0.0.1:%u", w->port);
	assert_int_equal(net_socks_add(&b, spec, NULL, why), 0);
	assert_int_equal(net_socks_finish(&b, &w->socks), 0);
}

static inline void world_net(struct tm_world *w)
{
	struct net_setup setup = {.loop = w->loop,
		.socks = &w->socks,
		.conf = &w->net_conf,
		.inbox = w->inbox,
		.senders = w->senders,
		.workers = 1,
		.arenas = w->arenas,
		.counters = w->counters,
		.first_counter = w->first_net,
		.handlers = &world_net_handlers,
		.self = w};
	char why[256] = "";

	w->net_conf = (struct net_conf){.tcp_max_connections = 64,
		.tcp_connect_timeout = 1000,
		.tcp_idle_timeout = 60000,
		.tcp_message_timeout = 5000,
		.tcp_send_queue = 1 << 20,
		.max_message = 65535};
	assert_int_equal(net_new(&w->net, &setup), 0);
	if (net_open_udp(w->net, why) != 0 || net_listen_tcp(w->net, why) != 0)
		fail_msg("%s", why);
}

static inline void world_tm(struct tm_world *w)
{
	struct tm_setup setup = {.loop = w->loop,
		.net = w->net,
		.conf = &w->conf,
		.calls = w->calls,
		.key = &w->key,
		.arenas = w->arenas,
		.counters = w->counters,
		.first_counter = w->first_tm,
		.hooks = &world_hooks,
		.self = w,
		.server = "pinhole-test"};

	assert_int_equal(tm_new(&w->tm, &setup), 0);
}

/** Standard times; a test that wants others sets w->conf afterwards, before the first message. */
static inline struct tm_world *world_new(void)
{
	static const char *const names[] = {"worker.0"};
	struct tm_world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	w->conf = (struct tm_conf){.t1 = 500,
		.t2 = 4000,
		.t4 = 5000,
		.timer_c = 180000,
		.fr_timer = 30000,
		.fr_inv_timer = 120000,
		.failover_timer = 4000,
		.detour_timer = 1000,
		.max_transactions = 1000,
		.retry_after = 5};
	w->key = (struct hash_key){0x0123456789abcdef, 0xfedcba9876543210};
	counter_reset_all();
	assert_int_equal(counter_register(inbox_counters, &w->first_inbox), 0);
	assert_int_equal(counter_register(net_counters, &w->first_net), 0);
	assert_int_equal(counter_register(tm_counters, &w->first_tm), 0);
	assert_int_equal(counter_array_new(&w->counters), 0);
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(bus_new(&w->bus), 0);
	assert_int_equal(inbox_new(&w->inbox, w->bus, names[0], w->loop, w->counters,
				 w->first_inbox),
		0);
	assert_int_equal(inbox_sender_new(&w->senders, w->bus, names, 1, w->counters,
				 w->first_inbox),
		0);
	assert_int_equal(arena_pool_new(&w->arenas, 4096, 16, 1 << 20), 0);
	assert_int_equal(calls_new(&w->calls, w->loop, 60000, 100), 0);
	world_sockets(w);
	world_net(w);
	world_tm(w);
	return w;
}

static inline void world_free(struct tm_world *w)
{
	for (unsigned i = 0; i < w->phone_count; i++)
		close(w->phones[i].fd);
	tm_destroy(&w->tm);
	while (w->held_count > 0) {
		struct ph_msg *msg = world_take(w);

		msg_unref(&msg);
	}
	calls_destroy(&w->calls);
	net_destroy(&w->net);
	net_socks_free(&w->socks);
	inbox_sender_destroy(&w->senders);
	inbox_destroy(&w->inbox);
	bus_destroy(&w->bus);
	arena_pool_destroy(&w->arenas);
	counter_array_destroy(&w->counters);
	counter_reset_all();
	loop_destroy(&w->loop);
	free(w);
}

static inline int64_t world_counter(struct tm_world *w, unsigned which)
{
	return counter_read(w->first_tm + which);
}

static inline void world_run(struct tm_world *w, unsigned ms)
{
	uint64_t until = clock_us() + ms * 1000u;

	while (clock_us() < until)
		loop_turn(w->loop, 2);
}

/** Turn the loop until cond holds; the test fails when it does not in time. */
#define WORLD_UNTIL(w, cond)                                                             \
	do {                                                                             \
		uint64_t until_ = clock_us() + TM_TEST_WAIT_MS * 1000u;                  \
		while (!(cond) && clock_us() < until_)                                   \
			loop_turn((w)->loop, 2);                                         \
		assert_true(cond);                                                       \
	} while (0)

static inline struct phone *phone_new(struct tm_world *w)
{
	struct phone *p = &w->phones[w->phone_count++];

	assert_in_range(w->phone_count, 1, 6);
	p->fd = udp_socket(&p->port);
	return p;
}

static inline struct phone *phone_new_tcp(struct tm_world *w)
{
	struct phone *p = &w->phones[w->phone_count++];
	struct sockaddr_in sin = loopback(w->port);
	socklen_t len = sizeof(sin);

	assert_in_range(w->phone_count, 1, 6);
	p->tcp = true;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(p->fd, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&sin, &len), 0);
	p->port = ntohs(sin.sin_port);
	assert_int_equal(fcntl(p->fd, F_SETFL, O_NONBLOCK), 0);
	return p;
}

static inline void phone_send(struct tm_world *w, struct phone *p, const char *text)
{
	struct sockaddr_in sin = loopback(w->port);
	ssize_t sent;

	if (p->tcp)
		sent = send(p->fd, text, strlen(text), MSG_NOSIGNAL);
	else
		sent = sendto(p->fd, text, strlen(text), 0, (struct sockaddr *)&sin,
			sizeof(sin));
	assert_int_equal(sent, strlen(text));
}

/* The first message of what a connection has brought; our messages here have no bodies worth counting. */
static inline bool phone_take_tcp(struct phone *p)
{
	ssize_t n =
		recv(p->fd, p->rest + p->rest_len, sizeof(p->rest) - 1 - p->rest_len, 0);
	char *end;
	size_t len;

	if (n > 0)
		p->rest_len += (size_t)n;
	p->rest[p->rest_len] = '\0';
	end = strstr(p->rest, "\r\n\r\n");
	if (end == NULL)
		return false;
	len = (size_t)(end + 4 - p->rest);
	assert_in_range(len, 1, sizeof(p->got) - 1);
	memcpy(p->got, p->rest, len);
	p->got[len] = '\0';
	p->rest_len -= len;
	memmove(p->rest, p->rest + len, p->rest_len);
	return true;
}

static inline bool phone_take(struct phone *p)
{
	ssize_t n;

	if (p->tcp)
		return phone_take_tcp(p);
	n = recv(p->fd, p->got, sizeof(p->got) - 1, 0);
	if (n <= 0)
		return false;
	p->got[n] = '\0';
	return true;
}

static inline bool phone_wait(struct tm_world *w, struct phone *p, unsigned ms)
{
	uint64_t until = clock_us() + ms * 1000u;

	do {
		loop_turn(w->loop, 2);
		if (phone_take(p))
			return true;
	} while (clock_us() < until);
	return false;
}

static inline void phone_expect_at(
	struct tm_world *w, struct phone *p, const char *start, int line)
{
	if (!phone_wait(w, p, TM_TEST_WAIT_MS)) {
		print_error("nothing came, want \"%s\"\n", start);
		_fail("phone_expect", line);
	}
	if (strncmp(p->got, start, strlen(start)) != 0) {
		print_error("want \"%s\", got:\n%s\n", start, p->got);
		_fail("phone_expect", line);
	}
}
/** The next message begins with start. */
#define phone_expect(w, p, start) phone_expect_at((w), (p), (start), __LINE__)

static inline void phone_await_at(
	struct tm_world *w, struct phone *p, const char *start, int line)
{
	uint64_t until = clock_us() + TM_TEST_WAIT_MS * 1000u;

	do {
		if (!phone_wait(w, p, TM_TEST_WAIT_MS))
			break;
		if (strncmp(p->got, start, strlen(start)) == 0)
			return;
	} while (clock_us() < until);
	print_error("\"%s\" has not come\n", start);
	_fail("phone_await", line);
}
/** Some message that begins with start comes; retransmissions before it are passed over. */
#define phone_await(w, p, start) phone_await_at((w), (p), (start), __LINE__)

static inline void phone_quiet_at(struct tm_world *w, struct phone *p, int line)
{
	if (!phone_wait(w, p, TM_TEST_QUIET_MS))
		return;
	print_error("unexpected:\n%s\n", p->got);
	_fail("phone_quiet", line);
}
/** Nothing comes. */
#define phone_quiet(w, p) phone_quiet_at((w), (p), __LINE__)

static inline void text_has_at(const char *text, const char *part, bool want, int line)
{
	if ((strstr(text, part) != NULL) == want)
		return;
	print_error("%s \"%s\" in:\n%s\n", want ? "no" : "unexpected", part, text);
	_fail("text_has", line);
}
#define assert_has(text, part)     text_has_at((text), (part), true, __LINE__)
#define assert_has_not(text, part) text_has_at((text), (part), false, __LINE__)

/** What a request is made of; unset members have a value that fits. */
struct req {
	const char *method, *ruri, *branch, *call, *to_tag, *extra;
	unsigned cseq;
};

/** A request of phone p, in a static buffer. */
static inline char *req_text(const struct phone *p, struct req r)
{
	static char text[4096];
	const char *method = r.method != NULL ? r.method : "INVITE";

	snprintf(text, sizeof(text),
		"%s %s SIP/2.0\r\n"
		"Via: SIP/2.0/%s 127.0.0.1:%u;branch=%s;rport\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:alice@example.org>;tag=a1\r\n"
		"To: <sip:bob@example.org>%s%s\r\n"
		"Call-ID: %s\r\n"
		"CSeq: %u %s\r\n"
		"%s"
		"Content-Length: 0\r\n\r\n",
		method, r.ruri != NULL ? r.ruri : "sip:bob@example.org",
		p->tcp ? "TCP" : "UDP", p->port,
		r.branch != NULL ? r.branch : "z9hG4bKalice1",
		r.to_tag != NULL ? ";tag=" : "", r.to_tag != NULL ? r.to_tag : "",
		r.call != NULL ? r.call : "call-1@test", r.cseq != 0 ? r.cseq : 1, method,
		r.extra != NULL ? r.extra : "");
	return text;
}
#define REQ(p, ...) req_text((p), (struct req){__VA_ARGS__})

/* Append the lines of text that begin with name. */
static inline void copy_lines(char *out, size_t size, const char *text, const char *name)
{
	for (const char *at = text; (at = strstr(at, "\r\n")) != NULL && at[2] != '\r';) {
		at += 2;
		if (strncmp(at, name, strlen(name)) == 0)
			snprintf(out + strlen(out), size - strlen(out), "%.*s\r\n",
				(int)strcspn(at, "\r"), at);
	}
}

/** The reply of a phone to request, in a static buffer. tag NULL: none. */
static inline char *reply_text(
	const char *request, const char *status, const char *tag, const char *extra)
{
	static char text[8192];

	snprintf(text, sizeof(text), "SIP/2.0 %s\r\n", status);
	copy_lines(text, sizeof(text), request, "Via:");
	copy_lines(text, sizeof(text), request, "From:");
	copy_lines(text, sizeof(text), request, "To:");
	if (tag != NULL && strncmp(status, "100", 3) != 0)
		snprintf(text + strlen(text) - 2, sizeof(text) - strlen(text),
			";tag=%s\r\n", tag);
	copy_lines(text, sizeof(text), request, "Call-ID:");
	copy_lines(text, sizeof(text), request, "CSeq:");
	snprintf(text + strlen(text), sizeof(text) - strlen(text),
		"%sContent-Length: 0\r\n\r\n", extra != NULL ? extra : "");
	return text;
}

/** "sip:127.0.0.1:PORT" of a phone, in the message's arena. */
static inline struct slice phone_uri(struct ph_msg *msg, const struct phone *p)
{
	return arena_printf(msg->arena, "sip:127.0.0.1:%u%s", p->port,
		p->tcp ? ";transport=tcp" : "");
}

/** Fork to the phones after the first. */
static inline int relay_to_phones(struct tm_world *w, struct ph_msg *msg, unsigned count)
{
	msg->du = phone_uri(msg, &w->phones[1]);
	for (unsigned i = 2; i <= count; i++) {
		struct tm_target t = {.ruri = phone_uri(msg, &w->phones[i]), .q = 1000};

		assert_int_equal(msg_add_branch(msg, &t), 0);
	}
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
	return w->relay_code;
}

static inline void script_relay(struct tm_world *w, struct ph_msg *msg)
{
	relay_to_phones(w, msg, 1);
}
static inline void script_fork(struct tm_world *w, struct ph_msg *msg)
{
	relay_to_phones(w, msg, 2);
}
