#include "plugins/rtpp/rtpp_client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/hash.h"

#define BUCKETS      1024u
#define COOKIE_MAX   64
#define REPLY_MAX    2048 /* bytes; relays send 1 KiB at most */
#define REPLIES_TURN 64   /* a flood of replies must not hold the loop */

struct family_socket {
	int fd; /* -1: not open */
	struct loop_io *io;
};

struct rtpp_client {
	struct rtpp_client_setup set;
	struct family_socket sockets[2]; /* IPv4, IPv6 */
	char prefix[COOKIE_MAX];         /* "<random>_<worker>_" */
	size_t prefix_len;
	uint64_t number;
	struct rtpp_pending *buckets[BUCKETS];
	struct posted *posted; /* all of rtpp_client_post() */
};

/** A command that nobody waits for; owns its text. */
struct posted {
	struct rtpp_pending pending;
	struct posted *next, **prev;
	void (*done)(void *arg, unsigned tag, int err, struct slice reply);
	void *arg;
	unsigned tag;
	char text[];
};

void rtpp_client_count(struct rtpp_client *c, enum rtpp_counter which)
{
	counter_inc(c->set.counters, c->set.first_counter + which);
}

unsigned rtpp_client_patience(const struct rtpp_client *c)
{
	return c->set.timeout_ms * c->set.sends;
}

static struct rtpp_pending **place_of(struct rtpp_client *c, uint64_t number)
{
	struct rtpp_pending **at = &c->buckets[number % BUCKETS];

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static void take_out(struct rtpp_pending *p)
{
	struct rtpp_pending **at = place_of(p->client, p->number);

	if (*at)
		*at = p->next;
	timer_stop(&p->timer);
	p->next = NULL;
	p->client = NULL;
}

void rtpp_client_cancel(struct rtpp_pending *p)
{
	if (p->client)
		take_out(p);
}

/** "<cookie> <reply>": the command that it answers, or NULL (counted). *reply is what follows the cookie. */
static struct rtpp_pending *match(
	struct rtpp_client *c, struct slice text, struct slice *reply)
{
	struct slice cookie;
	struct rtpp_pending *p;
	uint64_t number;

	text = slice_trim(text);
	if (!slice_cut(text, ' ', &cookie, reply)) {
		cookie = text;
		*reply = (struct slice){0};
	}
	if (!slice_starts(cookie, slice_make(c->prefix, c->prefix_len)) ||
		slice_u64(slice_from(cookie, c->prefix_len), UINT64_MAX, &number) != 0) {
		rtpp_client_count(c, RTPP_C_ERRORS);
		LOG(c->set.log, LOG_L_DBG,
			"a datagram that answers nothing of ours was dropped");
		return NULL;
	}
	p = *place_of(c, number);
	if (!p)
		rtpp_client_count(c, RTPP_C_LATE);
	return p;
}

static void on_reply(struct rtpp_client *c, struct slice text)
{
	struct slice reply;
	struct rtpp_pending *p = match(c, text, &reply);

	if (!p)
		return;
	rtpp_client_count(c, RTPP_C_REPLIES);
	take_out(p);
	p->fn(p->arg, 0, reply);
}

static void on_readable(void *arg, int fd, int what)
{
	struct rtpp_client *c = arg;
	char text[REPLY_MAX];
	unsigned i;

	(void)what;
	for (i = 0; i < REPLIES_TURN; i++) {
		ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0)
			return;
		if ((size_t)n > sizeof(text))
			rtpp_client_count(c, RTPP_C_ERRORS);
		else
			on_reply(c, slice_make(text, (size_t)n));
	}
}

static int open_socket(struct rtpp_client *c, int family, int *fd)
{
	struct family_socket *s = &c->sockets[family == AF_INET6];
	int err;

	if (s->fd < 0) {
		s->fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (s->fd < 0)
			return -errno;
		err = loop_io_add(c->set.loop, s->fd, LOOP_READ, on_readable, c, &s->io);
		if (err != 0) {
			close(s->fd);
			s->fd = -1;
			return err;
		}
	}
	*fd = s->fd;
	return 0;
}

/** 0, also when the kernel has no room now: that is a loss as any other, and repeated. */
static int transmit(struct rtpp_pending *p)
{
	struct rtpp_client *c = p->client;
	char cookie[COOKIE_MAX + 24];
	int len =
		snprintf(cookie, sizeof(cookie), "%s%" PRIu64 " ", c->prefix, p->number);
	struct iovec parts[3] = {
		{.iov_base = cookie, .iov_len = (size_t)len},
		{.iov_base = (void *)(uintptr_t)p->command.p, .iov_len = p->command.len},
		{.iov_base = (void *)(uintptr_t) "\n", .iov_len = 1},
	};
	const struct msghdr m = {.msg_name = &p->to.sa,
		.msg_namelen = addr_len(&p->to),
		.msg_iov = parts,
		.msg_iovlen = 3};
	int fd = -1, err = open_socket(c, addr_family(&p->to), &fd);

	if (err != 0)
		return err;
	if (sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN ||
		errno == ENOBUFS || errno == EINTR || errno == ECONNREFUSED)
		return 0;
	return -errno;
}

static void on_timer(void *arg)
{
	struct rtpp_pending *p = arg;
	struct rtpp_client *c = p->client;
	uint64_t number = p->number;

	/* A thread that was held up finds timer and reply due together: the reply holds. */
	on_readable(c, c->sockets[addr_family(&p->to) == AF_INET6].fd, LOOP_READ);
	p = *place_of(c, number);
	if (!p)
		return;
	if (p->sends_left > 0) {
		p->sends_left--;
		rtpp_client_count(c, RTPP_C_RETRANSMISSIONS);
		timer_start(c->set.loop, &p->timer, c->set.timeout_ms);
		(void)transmit(p); /* no way to the relay now: the last timeout says so */
		return;
	}
	rtpp_client_count(c, RTPP_C_TIMEOUTS);
	take_out(p);
	p->fn(p->arg, -ETIMEDOUT, (struct slice){0});
}

int rtpp_client_send(struct rtpp_client *c, struct rtpp_pending *p, const struct addr *to,
	struct slice command, unsigned sends,
	void (*fn)(void *arg, int err, struct slice reply), void *arg)
{
	struct rtpp_pending **at;
	int err;

	*p = (struct rtpp_pending){.client = c,
		.number = ++c->number,
		.to = *to,
		.command = command,
		.sends_left = (sends > 0 ? sends : c->set.sends) - 1,
		.fn = fn,
		.arg = arg};
	rtpp_client_count(c, RTPP_C_COMMANDS);
	err = transmit(p);
	if (err != 0) {
		p->client = NULL;
		return err;
	}
	at = &c->buckets[p->number % BUCKETS];
	p->next = *at;
	*at = p;
	timer_init(&p->timer, on_timer, p);
	timer_start(c->set.loop, &p->timer, c->set.timeout_ms);
	return 0;
}

static void posted_free(struct posted *o)
{
	*o->prev = o->next;
	if (o->next)
		o->next->prev = o->prev;
	free(o);
}

static void on_posted(void *arg, int err, struct slice reply)
{
	struct posted *o = arg;

	if (o->done)
		o->done(o->arg, o->tag, err, reply);
	posted_free(o);
}

int rtpp_client_post(struct rtpp_client *c, const struct addr *to, struct slice command,
	void (*done)(void *arg, unsigned tag, int err, struct slice reply), void *arg,
	unsigned tag)
{
	struct posted *o = calloc(1, sizeof(*o) + command.len + 1);
	int err;

	if (!o)
		return -ENOMEM;
	memcpy(o->text, command.p, command.len);
	o->done = done;
	o->arg = arg;
	o->tag = tag;
	o->prev = &c->posted;
	o->next = c->posted;
	if (o->next)
		o->next->prev = &o->next;
	c->posted = o;
	err = rtpp_client_send(
		c, &o->pending, to, slice_make(o->text, command.len), 0, on_posted, o);
	if (err != 0)
		posted_free(o);
	return err;
}

int rtpp_client_new(struct rtpp_client **out, const struct rtpp_client_setup *setup)
{
	struct rtpp_client *c = calloc(1, sizeof(*c));
	uint64_t id;
	int len;

	if (!c)
		return -ENOMEM;
	c->set = *setup;
	c->sockets[0].fd = c->sockets[1].fd = -1;
	random_bytes(&id, sizeof(id));
	/* Letters, digits and underscores: what every relay takes as a cookie. */
	len = setup->worker < 0
		? snprintf(c->prefix, sizeof(c->prefix), "%016" PRIx64 "_s_", id)
		: snprintf(c->prefix, sizeof(c->prefix), "%016" PRIx64 "_%d_", id,
			  setup->worker);
	c->prefix_len = (size_t)len;
	*out = c;
	return 0;
}

void rtpp_client_destroy(struct rtpp_client **cp)
{
	struct rtpp_client *c = *cp;
	unsigned i;

	if (!c)
		return;
	*cp = NULL;
	for (i = 0; i < BUCKETS; i++)
		while (c->buckets[i])
			take_out(c->buckets[i]);
	while (c->posted)
		posted_free(c->posted);
	for (i = 0; i < 2; i++) {
		if (c->sockets[i].fd < 0)
			continue;
		loop_io_del(&c->sockets[i].io);
		close(c->sockets[i].fd);
	}
	free(c);
}
