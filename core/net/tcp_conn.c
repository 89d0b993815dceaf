/*
 * One connection: its life, its deadlines, and messages out of its bytes.
 *
 *   CONNECTING ─ writable ─► OPEN ─ end of stream, error, deadline, bad bytes ─► DEAD
 *          └──► HANDSHAKE ───┘        (TLS: tls_io.c)
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/net_internal.h"
#include "core/sip/sip_msg.h"

#define IN_FIRST                                                                         \
	4096u /* bytes of a connection's first buffer, and what an idle one may keep */

/* Tables */

static void tables_add(struct net_conn *c)
{
	struct net_tcp *t = &c->net->tcp;
	struct net_conn **id = &t->by_id[c->id % NET_TCP_BUCKETS];
	struct net_conn **addr = &t->by_addr[addr_hash(&c->peer) % NET_TCP_BUCKETS];

	c->by_id = *id;
	*id = c;
	c->by_addr = *addr;
	*addr = c;
}

static void tables_remove(struct net_conn *c)
{
	struct net_tcp *t = &c->net->tcp;
	struct net_conn **at;

	for (at = &t->by_id[c->id % NET_TCP_BUCKETS]; *at != c; at = &(*at)->by_id)
		;
	*at = c->by_id;
	for (at = &t->by_addr[addr_hash(&c->peer) % NET_TCP_BUCKETS]; *at != c;
		at = &(*at)->by_addr)
		;
	*at = c->by_addr;
}

/* Deadlines */

/* The next moment at which something is too late, in ms of loop_now(). */
static uint64_t next_deadline(const struct net_conn *c)
{
	const struct net_conf *conf = c->net->setup.conf;
	uint64_t due = c->active_ms;

	if (c->state == NET_CONNECTING)
		return due + (uint64_t)conf->tcp_connect_timeout;
	if (c->state == NET_HANDSHAKE)
		return due + (uint64_t)conf->tls_handshake_timeout;
	due += (uint64_t)conf->tcp_idle_timeout;
	if (c->accepted && !c->spoken && conf->tcp_first_timeout > 0 && c->open_ms + (uint64_t)conf->tcp_first_timeout < due)
		due = c->open_ms + (uint64_t)conf->tcp_first_timeout;
	if (c->began_ms != 0 && c->began_ms + (uint64_t)conf->tcp_message_timeout < due)
		due = c->began_ms + (uint64_t)conf->tcp_message_timeout;
	if (c->stuck_ms != 0 && c->stuck_ms + (uint64_t)conf->tcp_message_timeout < due)
		due = c->stuck_ms + (uint64_t)conf->tcp_message_timeout;
	return due;
}

void net_conn_arm(struct net_conn *c)
{
	uint64_t now = loop_now(c->net->setup.loop);
	uint64_t due = next_deadline(c);

	if (c->state == NET_DEAD)
		return;
	/* Deadlines that move away are seen when the timer runs: most never have to be moved. */
	if (timer_pending(&c->timer) && c->timer.due <= due)
		return;
	timer_start(c->net->setup.loop, &c->timer, due > now ? due - now : 0);
}

static void on_timer(void *arg)
{
	struct net_conn *c = arg;

	if (next_deadline(c) > loop_now(c->net->setup.loop)) {
		net_conn_arm(c);
		return;
	}
	if (c->state == NET_HANDSHAKE) {
		net_tls_too_late(c);
	} else {
		net_count(c->net, NET_C_TCP_TIMEOUTS, 1);
		net_conn_close(c, -ETIMEDOUT);
	}
	net_flush_soon(
		c->net); /* timers run near the end of a turn: see that it is reaped */
}

/* In */

static void ready_add(struct net_conn *c)
{
	if (c->in_ready)
		return;
	c->in_ready = true;
	c->next_ready = c->net->tcp.ready;
	c->net->tcp.ready = c;
	/* What waits comes first; until then the peer has to slow down. */
	net_conn_watch(c);
}

/* Several in one piece, or a peer that only pings could make us keep a piece for every four bytes. */
static void pongs_send(struct net_conn *c, unsigned count)
{
	const struct slice pongs = SLICE("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
					 "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n");

	while (count > 0 && c->state == NET_OPEN) {
		unsigned now = count < 16 ? count : 16;

		(void)net_conn_send(c, slice_sub(pongs, 0, 2 * now), 0, 0, false);
		count -= now;
	}
}

/*
 * Consume CR and LF between messages. RFC 5626 section 4.4.1: a double CRLF asks for a single
 * one; a single one is nothing.
 */
static void eat_line_ends(struct net_conn *c)
{
	static const char ping[4] = "\r\n\r\n";
	unsigned pings = 0;

	for (; c->in_start < c->in_end; c->in_start++) {
		char b = c->in[c->in_start];

		if (b != '\r' && b != '\n')
			break;
		if (b != ping[c->crlf])
			c->crlf = b == '\r' ? 1 : 0;
		else if (++c->crlf == 4) {
			c->crlf = 0;
			pings++;
		}
	}
	/* Some phones keep their pinholes open with one pair alone: no ping, but nobody who has nothing to say. */
	if (pings > 0 || c->crlf >= 2)
		c->spoken = true;
	if (c->in_start < c->in_end)
		c->crlf = 0;
	if (pings == 0)
		return;
	c->active_ms = loop_now(c->net->setup.loop);
	net_count(c->net, NET_C_TCP_KEEPALIVES, pings);
	pongs_send(c, pings);
}

static void message_in(struct net_conn *c, size_t len)
{
	const struct net_rx rx = {.sock = c->sock->index,
		.transport = c->sock->transport,
		.src = c->peer,
		.dst = c->sock->addr,
		.conn = c->id,
		.at_us = clock_us()};
	struct slice data = slice_make(c->in + c->in_start, len);

	c->in_start += len;
	c->active_ms = loop_now(c->net->setup.loop);
	c->began_ms = 0;
	c->spoken = true;
	net_conn_count(c, NET_C_TCP_RECEIVED, NET_C_TLS_RECEIVED, 1);
	net_deliver(c->net, data, &rx);
}

/* What cannot be framed goes to the handler as well: it may be able to say why the connection ends. */
static void broken_in(struct net_conn *c, int err)
{
	const struct net_rx rx = {.sock = c->sock->index,
		.transport = c->sock->transport,
		.src = c->peer,
		.dst = c->sock->addr,
		.conn = c->id,
		.at_us = clock_us(),
		.broken = err};
	size_t len = c->in_end - c->in_start;

	if (len > (size_t)c->net->setup.conf->max_message)
		len = (size_t)c->net->setup.conf->max_message;
	net_deliver(c->net, slice_make(c->in + c->in_start, len), &rx);
	if (c->state == NET_OPEN)
		net_conn_flush(c);
}

/* One message if it is complete. 1: taken; 0: more bytes are needed, or there is nothing; -1: closed. */
static int frame_one(struct net_conn *c)
{
	size_t skip;
	ptrdiff_t len;

	eat_line_ends(c);
	if (c->state == NET_DEAD)
		return -1;
	if (c->in_start == c->in_end)
		return 0;
	len = sip_frame(slice_make(c->in + c->in_start, c->in_end - c->in_start),
		(size_t)c->net->setup.conf->max_message, &skip, &c->frame_state);
	if (len == 0)
		return 0;
	if (len < 0) {
		/* Where the next message begins nobody knows: only closing helps. */
		net_count(c->net,
			len == -EMSGSIZE ? NET_C_OVERSIZED : NET_C_TCP_BAD_FRAMES, 1);
		broken_in(c, (int)len);
		net_conn_close(c, (int)len);
		return -1;
	}
	message_in(c, (size_t)len);
	return c->state == NET_DEAD ? -1 : 1;
}

/* Nothing waits any more: an idle connection keeps no large buffer. */
static void in_empty(struct net_conn *c)
{
	c->in_start = c->in_end = 0;
	c->began_ms = 0;
	if (c->in_cap > IN_FIRST) {
		free(c->in);
		c->in = NULL;
		c->in_cap = 0;
	}
}

static void conn_frames(struct net_conn *c)
{
	unsigned n = 0;
	int got = 1;

	while (n < NET_TCP_BURST && got > 0) {
		got = frame_one(c);
		n++;
	}
	if (got < 0)
		return;
	if (c->in_start == c->in_end) {
		in_empty(c);
	} else if (got > 0) {
		/* Others first; the rest of this one at the end of the turn. */
		ready_add(c);
		net_flush_soon(c->net);
	} else if (c->began_ms == 0) {
		c->began_ms = loop_now(c->net->setup.loop);
		net_conn_arm(c);
	}
}

/* Room behind what has been received, up to one message of the longest kind. 0 or -errno. */
static int in_room(struct net_conn *c)
{
	const size_t max = (size_t)c->net->setup.conf->max_message + 1;
	size_t cap = c->in_cap > 0 ? c->in_cap * 2 : IN_FIRST;
	char *p;

	if (c->in_start > 0 && c->in_end == c->in_cap) {
		memmove(c->in, c->in + c->in_start, c->in_end - c->in_start);
		c->in_end -= c->in_start;
		c->in_start = 0;
	}
	if (c->in_end < c->in_cap)
		return 0;
	if (cap > max && c->in_cap < max)
		cap = max;
	if (cap > max)
		return -EMSGSIZE; /* sip_frame() says so before */
	p = realloc(c->in, cap);
	if (p == NULL)
		return -ENOMEM;
	c->in = p;
	c->in_cap = cap;
	return 0;
}

/* Bytes that have come, 0 at the end, or -errno. */
static ssize_t conn_recv(struct net_conn *c)
{
	char *to = c->in + c->in_end;
	size_t room = c->in_cap - c->in_end;
	ssize_t got;

	if (c->tls != NULL)
		return tls_conn_recv(c->tls, to, room);
	got = recv(c->fd, to, room, 0);
	return got >= 0 ? got : -errno;
}

/* Once. True: something has come. */
static bool read_once(struct net_conn *c)
{
	int err = in_room(c);
	ssize_t got;

	if (err != 0) {
		net_conn_close(c, err);
		return false;
	}
	got = conn_recv(c);
	if (got > 0) {
		c->in_end += (size_t)got;
		conn_frames(c);
		return true;
	}
	if (got == 0) {
		/* What was said in this turn still goes: the peer may have closed its half only. */
		net_conn_flush(c);
		net_conn_close(c, -EPIPE);
	} else if (got != -EAGAIN && got != -EINTR) {
		net_conn_close(c, (int)got);
	}
	return false;
}

/* TLS has bytes of which the socket will not speak again. */
static bool tls_has_more(const struct net_conn *c)
{
	return c->tls != NULL && c->state == NET_OPEN && !c->in_ready && tls_conn_pending(c->tls);
}

static void conn_read(struct net_conn *c)
{
	unsigned n = 0;

	while (read_once(c) && tls_has_more(c)) {
		if (++n < NET_TCP_BURST)
			continue;
		ready_add(c); /* others first */
		net_flush_soon(c->net);
	}
}

void net_conn_more(struct net_conn *c)
{
	conn_frames(c);
	if (tls_has_more(c))
		conn_read(c);
}

/* Life */

void net_conn_count(struct net_conn *c, unsigned tcp, unsigned tls, int64_t by)
{
	net_count(c->net, c->sock->transport == SIP_TR_TLS ? tls : tcp, by);
}

void net_conn_opened(struct net_conn *c)
{
	c->state = NET_OPEN;
	c->open_ms = c->active_ms = loop_now(c->net->setup.loop);
	if (!c->accepted)
		net_conn_count(c, NET_C_TCP_CONNECTED, NET_C_TLS_CONNECTED, 1);
	net_conn_watch(c);
	net_conn_flush(c);
	if (c->state == NET_OPEN)
		net_conn_arm(c);
}

static void on_connected(struct net_conn *c)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	err = -err;
	if (err == 0 && c->sock->transport == SIP_TR_TLS)
		err = net_tls_start(c);
	if (err != 0) {
		net_conn_close(c, err);
	} else if (c->state == NET_HANDSHAKE) {
		net_conn_arm(c);
		net_tls_step(c);
	} else {
		net_conn_opened(c);
	}
}

static void on_io(void *arg, int fd, int what)
{
	struct net_conn *c = arg;

	(void)fd;
	if (c->state == NET_CONNECTING) {
		on_connected(c);
		return;
	}
	if (c->state == NET_HANDSHAKE) {
		/* In a flood of them others have their turn first: the loop tells of this one again. */
		if (c->net->tls_shakes++ < NET_TLS_SHAKES)
			net_tls_step(c);
		return;
	}
	if ((what & LOOP_WRITE) != 0 && c->state == NET_OPEN)
		net_conn_flush(c);
	if ((what & LOOP_READ) != 0 && c->state == NET_OPEN && !c->in_ready)
		conn_read(c);
}

void net_conn_watch(struct net_conn *c)
{
	int what = c->in_ready ? 0 : LOOP_READ;

	if (c->state == NET_CONNECTING)
		what = LOOP_WRITE;
	else if (c->state == NET_HANDSHAKE)
		what = c->tls_wants;
	else if (c->out_blocked)
		what |= LOOP_WRITE;
	if (c->watched == what || c->state == NET_DEAD)
		return;
	if (loop_io_set(c->io, what) == 0)
		c->watched = what;
	else
		net_conn_close(c, -EIO);
}

static void set_options(int fd)
{
	const int on = 1;

	/* Either is a help only. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* Before the tables know it. */
static int conn_make(struct net *n, int fd, const struct net_sock *sock, const struct addr *peer,
	enum net_conn_state state, uint64_t name, struct net_conn **out)
{
	struct net_conn *c = calloc(1, sizeof(*c));
	int err = 0;

	if (c == NULL)
		return -ENOMEM;
	*c = (struct net_conn){.net = n, .sock = sock, .peer = *peer, .fd = fd, .state = state, .accepted = state == NET_OPEN, .name = name};
	c->open_ms = c->active_ms = loop_now(n->setup.loop);
	c->out_end = &c->out;
	if (c->accepted && sock->transport == SIP_TR_TLS)
		err = net_tls_start(c);
	c->watched = state == NET_OPEN ? LOOP_READ : LOOP_WRITE;
	if (err == 0)
		err = loop_io_add(n->setup.loop, fd, c->watched, on_io, c, &c->io);
	if (err != 0) {
		tls_conn_destroy(&c->tls);
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

int net_conn_new(struct net *n, int fd, const struct net_sock *sock,
	const struct addr *peer, enum net_conn_state state, uint64_t name, struct net_conn **out)
{
	struct net_conn *c;
	int err = conn_make(n, fd, sock, peer, state, name, &c);

	if (err != 0) {
		close(fd);
		net_tcp_release(n, state == NET_OPEN ? peer : NULL);
		return err;
	}
	set_options(fd);
	c->id = (uint64_t)(n->setup.worker + 1) << NET_ID_SHIFT | ++n->tcp.last_id;
	timer_init(&c->timer, on_timer, c);
	tables_add(c);
	net_conn_arm(c);
	net_conn_count(c, NET_C_TCP_OPEN, NET_C_TLS_OPEN, 1);
	*out = c;
	return 0;
}

void net_conn_close(struct net_conn *c, int err)
{
	struct net *n = c->net;

	if (c->state == NET_DEAD)
		return;
	c->state = NET_DEAD;
	net_tcp_remember(c);
	tables_remove(c);
	timer_stop(&c->timer);
	loop_io_del(&c->io);
	tls_conn_destroy(&c->tls);
	close(c->fd);
	net_conn_drop_out(c, err);
	net_conn_count(c, NET_C_TCP_OPEN, NET_C_TLS_OPEN, -1);
	net_tcp_release(n, c->accepted ? &c->peer : NULL);
	c->next_dead = n->tcp.dead;
	n->tcp.dead = c;
}
