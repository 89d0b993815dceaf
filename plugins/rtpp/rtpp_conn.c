/*
 * Commands over connections.
 *
 * A connection has its commands in a row, in the order in which they were written; replies come in that order and have no name. A command
 * that is given up leaves a reply behind that nobody wants: the next one in the row (or the connection, when there is none) counts how many of these come
 * before its own. When the first of the row gets no reply in its time, nothing behind it will: the connection is given up and the others go over a new one.
 *
 *     connecting --> open <--> waiting (commands in the row)
 *         |            \________ idle for IDLE_MS: closed
 *         |                      broken: those under way are sent again, over a new connection
 *         `-- refused: those under way have failed
 *
 * To unix: relays there is one connection for each command; it ends with the reply.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "plugins/rtpp/rtpp_client_priv.h"
#include "plugins/rtpp/rtpp_proto.h"

#define IDLE_MS  60000
#define BUSY_MS  20        /* the relay's queue of connections is full (UNIX sockets) */
#define OUT_MAX  (1 << 20) /* bytes that wait to be written */
#define IN_TURNS 16        /* reads a turn of the loop */

struct rtpp_conn {
	struct rtpp_client *client;
	struct rtpp_conn *next, **prev; /* prev NULL: being taken apart */
	struct rtpp_relay to;
	bool once;
	bool open;
	int fd; /* -1: none */
	struct loop_io *io;
	struct timer timer; /* idle; the next try to connect; a fault to be dealt with */
	int fault;          /* negative errno; the connection is of no use any more */
	struct rtpp_pending *first, *last;
	unsigned skip; /* unwanted replies behind the last of the row */
	struct buf out;
	size_t written; /* of out, in this turn */
	size_t in_len;
	char in[RTPP_REPLY_MAX + 2];
};

static void unlist(struct rtpp_conn *s)
{
	if (!s->prev)
		return;
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->prev = NULL;
}

static void gauge(struct rtpp_conn *s, int64_t n)
{
	counter_add(s->client->set.counters,
		s->client->set.first_counter + RTPP_C_CONNECTIONS, n);
}

static void hang_up(struct rtpp_conn *s)
{
	if (s->fd < 0)
		return;
	loop_io_del(&s->io);
	close(s->fd);
	s->fd = -1;
	if (s->open)
		gauge(s, -1);
	s->open = false;
}

static void conn_free(struct rtpp_conn *s)
{
	unlist(s);
	hang_up(s);
	timer_stop(&s->timer);
	buf_free(&s->out);
	free(s);
}

/** It will be looked at from the loop: whoever found out may be in the middle of something. */
static void fail(struct rtpp_conn *s, int err)
{
	if (s->fault != 0)
		return;
	s->fault = err;
	timer_start(s->client->set.loop, &s->timer, 0);
}

static void unlink_pending(struct rtpp_conn *s, struct rtpp_pending *p)
{
	*(p->prev ? &p->prev->next : &s->first) = p->next;
	*(p->next ? &p->next->prev : &s->last) = p->prev;
}

/** Nothing is under way: it may be closed some time. */
static void rest(struct rtpp_conn *s)
{
	if (s->fault == 0 && !s->first && s->open)
		timer_start(s->client->set.loop, &s->timer, IDLE_MS);
}

/** Take p out; its reply may still come. */
static void give_up(struct rtpp_conn *s, struct rtpp_pending *p)
{
	*(p->next ? &p->next->skip : &s->skip) += p->skip + 1;
	unlink_pending(s, p);
	rest(s);
}

void rtpp_conn_take_out(struct rtpp_pending *p)
{
	struct rtpp_conn *s = p->conn;

	give_up(s, p);
	if (s->once && !s->first && s->prev)
		conn_free(s);
}

static int submit(struct rtpp_pending *p);

/** No good any more. What is under way goes over a new connection, if this one had come about. */
static void broken(struct rtpp_conn *s, int err)
{
	struct rtpp_client *c = s->client;
	bool again = s->open;
	struct rtpp_pending *p;

	unlist(s);
	if (again && s->first) {
		rtpp_client_count(c, RTPP_C_BROKEN);
		LOG(c->set.log, LOG_L_INFO, "%s: the connection broke: %s", s->to.url,
			strerror(-err));
	}
	hang_up(s);
	s->fault = err;
	while ((p = s->first)) {
		unlink_pending(s, p);
		p->conn = NULL;
		if (!again || p->sends_left == 0) {
			rtpp_pending_over(p, err, (struct slice){0});
			continue;
		}
		p->sends_left--;
		rtpp_client_count(c, RTPP_C_RETRANSMISSIONS);
		if (submit(p) != 0)
			rtpp_pending_over(p, -ENOMEM, (struct slice){0});
	}
	conn_free(s);
}

/** False: s is gone. */
static bool deliver(struct rtpp_conn *s, struct slice line)
{
	struct rtpp_pending *p = s->first;
	char copy[sizeof(s->in)];

	if (p && p->skip == 0) {
		bool once = s->once;

		unlink_pending(s, p);
		p->conn = NULL;
		if (once) {
			memcpy(copy, line.p, line.len);
			line.p = copy;
			conn_free(s);
		} else {
			rest(s);
		}
		rtpp_pending_over(p, 0, line);
		return !once;
	}
	rtpp_client_count(s->client, p || s->skip > 0 ? RTPP_C_LATE : RTPP_C_ERRORS);
	if (p)
		p->skip--;
	else if (s->skip > 0)
		s->skip--;
	return true;
}

/** All complete lines. False: s is gone. */
static bool take_lines(struct rtpp_conn *s)
{
	size_t begin = 0;
	const char *end;

	while ((end = memchr(s->in + begin, '\n', s->in_len - begin))) {
		struct slice line =
			slice_make(s->in + begin, (size_t)(end - s->in) - begin);

		begin += line.len + 1;
		if (!deliver(s, slice_trim(line)))
			return false;
	}
	s->in_len -= begin;
	memmove(s->in, s->in + begin, s->in_len);
	return true;
}

/** The relay has closed it. Some send a last line without an end. */
static void on_end(struct rtpp_conn *s, int err)
{
	if (err == 0 && s->once && s->in_len > 0 &&
		!deliver(s, slice_trim(slice_make(s->in, s->in_len))))
		return;
	broken(s, err != 0 ? err : -ECONNRESET);
}

static void read_some(struct rtpp_conn *s)
{
	for (unsigned i = 0; i < IN_TURNS && s->fault == 0; i++) {
		ssize_t n = recv(s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len,
			MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			on_end(s, n < 0 ? -errno : 0);
			return;
		}
		s->in_len += (size_t)n;
		if (!take_lines(s))
			return;
		if (s->in_len == sizeof(s->in)) {
			rtpp_client_count(s->client, RTPP_C_ERRORS);
			broken(s, -EPROTO);
			return;
		}
	}
}

static void write_some(struct rtpp_conn *s)
{
	while (s->fault == 0 && s->written < s->out.len) {
		ssize_t n = send(s->fd, s->out.p + s->written, s->out.len - s->written,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			fail(s, -errno);
		if (n < 0)
			break;
		s->written += (size_t)n;
	}
	s->out.len -= s->written;
	if (s->written > 0 && s->out.len > 0)
		memmove(s->out.p, s->out.p + s->written, s->out.len);
	s->written = 0;
	if (s->fault == 0 &&
		loop_io_set(s->io, LOOP_READ | (s->out.len > 0 ? LOOP_WRITE : 0)) != 0)
		fail(s, -ENOMEM);
}

static void is_open(struct rtpp_conn *s)
{
	s->open = true;
	gauge(s, 1);
	write_some(s);
	rest(s);
}

static void on_io(void *arg, int fd, int what)
{
	struct rtpp_conn *s = arg;
	int err = 0;
	socklen_t len = sizeof(err);

	if (s->fault != 0)
		return; /* its timer is due */
	if (!s->open) {
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
			err = errno;
		if (err != 0)
			broken(s, -err);
		else
			is_open(s);
		return;
	}
	if (what & LOOP_WRITE)
		write_some(s);
	if (what & LOOP_READ)
		read_some(s);
}

static int start_connect(struct rtpp_conn *s)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	const struct sockaddr *sa = &s->to.addr.sa;
	socklen_t len = addr_len(&s->to.addr);
	int on = 1;

	if (s->to.family == AF_UNIX) {
		memcpy(un.sun_path, s->to.host, strlen(s->to.host));
		sa = (const struct sockaddr *)&un;
		len = sizeof(un);
	}
	s->fd = socket(s->to.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	if (s->to.family != AF_UNIX) /* a command must not wait for the last one's ACK */
		(void)setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return connect(s->fd, sa, len) == 0 ? 0 : -errno;
}

static void connect_now(struct rtpp_conn *s)
{
	struct loop *loop = s->client->set.loop;
	int err = start_connect(s), added;

	if (err == -EAGAIN) {
		close(s->fd);
		s->fd = -1;
		timer_start(loop, &s->timer, BUSY_MS);
		return;
	}
	if (err == 0 || err == -EINPROGRESS) {
		added = loop_io_add(
			loop, s->fd, err == 0 ? LOOP_READ : LOOP_WRITE, on_io, s, &s->io);
		if (added == 0) {
			if (err == 0)
				is_open(s);
			return;
		}
		err = added;
	}
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	fail(s, err);
}

static void on_conn_timer(void *arg)
{
	struct rtpp_conn *s = arg;

	if (s->fault != 0)
		broken(s, s->fault);
	else if (!s->first)
		conn_free(s);
	else if (s->fd < 0)
		connect_now(s);
}

static struct rtpp_conn *find(struct rtpp_client *c, const struct rtpp_relay *to)
{
	struct rtpp_conn *s = c->conns;

	while (s &&
		(s->once || s->fault != 0 || strcmp(s->to.url, to->url) != 0 ||
			!addr_eq(&s->to.addr, &to->addr)))
		s = s->next;
	return s;
}

static struct rtpp_conn *conn_new(struct rtpp_client *c, const struct rtpp_relay *to)
{
	struct rtpp_conn *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->client = c;
	s->to = *to;
	s->once = to->way == RTPP_WAY_ONCE;
	s->fd = -1;
	buf_heap(&s->out, 512, OUT_MAX);
	timer_init(&s->timer, on_conn_timer, s);
	s->prev = &c->conns;
	s->next = c->conns;
	if (s->next)
		s->next->prev = &s->next;
	c->conns = s;
	return s;
}

static void append(struct rtpp_conn *s, struct rtpp_pending *p)
{
	p->conn = s;
	p->skip = s->skip;
	s->skip = 0;
	p->next = NULL;
	p->prev = s->last;
	*(s->last ? &s->last->next : &s->first) = p;
	s->last = p;
	if (s->open)
		timer_stop(&s->timer);
}

/** Put p into a row. -ENOMEM: also when too much waits to be written. */
static int submit(struct rtpp_pending *p)
{
	struct rtpp_client *c = p->client;
	struct rtpp_conn *s = p->to->way == RTPP_WAY_STREAM ? find(c, p->to) : NULL;
	bool is_new = !s;

	if (is_new)
		s = conn_new(c, p->to);
	if (!s)
		return -ENOMEM;
	if (s->out.len + p->command.len + 1 > OUT_MAX)
		return -ENOMEM;
	buf_add(&s->out, p->command);
	buf_chr(&s->out, '\n');
	if (s->out.err != 0) {
		/* Half a command may stand there now. */
		fail(s, -ENOMEM);
		return -ENOMEM;
	}
	append(s, p);
	if (is_new)
		connect_now(s);
	else if (s->open)
		write_some(s);
	return 0;
}

static void on_deadline(void *arg)
{
	struct rtpp_pending *p = arg;
	struct rtpp_conn *s = p->conn;
	bool stuck = s->first == p;

	give_up(s, p);
	p->conn = NULL;
	if (s->once && s->prev)
		conn_free(s);
	else if (stuck)
		fail(s, -ETIMEDOUT);
	rtpp_pending_over(p, -ETIMEDOUT, (struct slice){0});
}

int rtpp_conn_send(struct rtpp_pending *p)
{
	struct rtpp_client *c = p->client;
	int err = submit(p);

	if (err != 0)
		return err;
	timer_init(&p->timer, on_deadline, p);
	timer_start(c->set.loop, &p->timer,
		(uint64_t)c->set.timeout_ms * (p->sends_left + 1));
	return 0;
}

void rtpp_conn_close_all(struct rtpp_client *c)
{
	while (c->conns) {
		struct rtpp_conn *s = c->conns;

		if (s->first)
			rtpp_client_cancel(s->first);
		else
			conn_free(s);
	}
}
