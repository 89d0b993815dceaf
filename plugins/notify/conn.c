/* Connections of RTP proxies: any number from one address, bounded in all. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "plugins/notify/notify.h"

#define ACCEPTS_TURN 16 /* new connections in one go */
#define READS_TURN   4  /* reads of one connection before the others have their turn */
#define READ_BYTES   4096
#define PAUSE_MS     1000 /* without descriptors */

struct notify_conn {
	struct notify *n;
	struct notify_conn *next, **prev;
	int fd;
	struct loop_io *io;
	struct lines lines;
	bool trusted; /* has said an id */
	char peer[ADDR_TEXT];
	char room[];
};

static void conn_close(struct notify_conn *c)
{
	loop_io_del(&c->io);
	close(c->fd);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->n->conn_count--;
	notify_count(c->n, NOTIFY_C_CONNECTIONS, -1);
	free(c);
}

static void on_line(void *arg, enum lines_event what, struct slice text)
{
	struct notify_conn *c = arg;

	if (what == LINES_TOO_LONG) {
		notify_count(c->n, NOTIFY_C_TOO_LONG, 1);
		notify_complain(
			c->n, c->peer, "a line longer than notify.max_line", text);
		return;
	}
	if (notify_told(c->n, c->peer, text))
		c->trusted = true;
}

static void on_readable(void *arg, int fd, int what)
{
	struct notify_conn *c = arg;
	char bytes[READ_BYTES];

	(void)what;
	for (unsigned i = 0; i < READS_TURN && !c->n->paused; i++) {
		const ssize_t got = read(fd, bytes, sizeof(bytes));

		if (got > 0) {
			lines_feed(&c->lines, slice_make(bytes, (size_t)got), on_line, c);
			continue;
		}
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		/* What it said before it went counts, also without a line end. */
		lines_end(&c->lines, on_line, c);
		conn_close(c);
		return;
	}
}

/** The bound is reached: who has said nothing sensible yet, and is here longest, makes room. */
static bool make_room(struct notify *n)
{
	struct notify_conn *oldest = NULL;

	for (struct notify_conn *c = n->conns; c; c = c->next)
		if (!c->trusted)
			oldest = c;
	notify_count(n, NOTIFY_C_REFUSED, 1);
	if (oldest) {
		notify_complain(n, oldest->peer,
			"closed, notify.max_connections is reached", (struct slice){0});
		conn_close(oldest);
	}
	return oldest != NULL;
}

static int conn_open(struct notify *n, int fd, const struct addr *peer)
{
	struct notify_conn *c = calloc(1, sizeof(*c) + (size_t)n->conf->max_line);
	const int on = 1;
	int err;

	if (!c)
		return -ENOMEM;
	c->n = n;
	c->fd = fd;
	lines_init(&c->lines, c->room, (size_t)n->conf->max_line);
	if (addr_is_set(peer))
		(void)addr_text(peer, c->peer);
	else
		(void)snprintf(c->peer, sizeof(c->peer), "a local process");
	/* A proxy that is gone without a word does not hold its place for ever. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	err = loop_io_add(
		n->thread->loop, fd, n->paused ? 0 : LOOP_READ, on_readable, c, &c->io);
	if (err != 0) {
		free(c);
		return err;
	}
	c->next = n->conns;
	c->prev = &n->conns;
	if (n->conns)
		n->conns->prev = &c->next;
	n->conns = c;
	n->conn_count++;
	notify_count(n, NOTIFY_C_CONNECTIONS, 1);
	notify_count(n, NOTIFY_C_ACCEPTED, 1);
	return 0;
}

static void accepted(struct notify *n, int fd, const struct addr *peer)
{
	if (n->conn_count >= (unsigned)n->conf->max_connections && !make_room(n)) {
		close(fd);
		return;
	}
	if (conn_open(n, fd, peer) != 0) {
		notify_count(n, NOTIFY_C_REFUSED, 1);
		close(fd);
	}
}

static void on_connect(void *arg, int fd, int what)
{
	struct notify *n = arg;

	(void)what;
	for (unsigned i = 0; i < ACCEPTS_TURN; i++) {
		struct sockaddr_storage from;
		socklen_t len = sizeof(from);
		struct addr peer = {0};
		const int got = accept4(
			fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (got < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
				errno == ENOMEM) {
				notify_complain(
					n, "nobody", strerror(errno), (struct slice){0});
				loop_io_del(&n->listening);
				timer_start(n->thread->loop, &n->listen_again, PAUSE_MS);
			}
			return;
		}
		(void)addr_from_sa(&peer, (struct sockaddr *)&from, len); /* UNIX: none */
		accepted(n, got, &peer);
	}
}

static void listen_again(void *arg)
{
	struct notify *n = arg;

	if (loop_io_add(n->thread->loop, n->conf->fd, LOOP_READ, on_connect, n,
		    &n->listening) != 0)
		timer_start(n->thread->loop, &n->listen_again, PAUSE_MS);
}

int notify_conns_start(struct notify *n)
{
	timer_init(&n->listen_again, listen_again, n);
	return loop_io_add(
		n->thread->loop, n->conf->fd, LOOP_READ, on_connect, n, &n->listening);
}

void notify_conns_stop(struct notify *n)
{
	timer_stop(&n->listen_again);
	loop_io_del(&n->listening);
	while (n->conns)
		conn_close(n->conns);
}

void notify_conns_pause(struct notify *n, bool pause)
{
	if (n->paused == pause)
		return;
	n->paused = pause;
	for (struct notify_conn *c = n->conns; c; c = c->next)
		(void)loop_io_set(c->io, pause ? 0 : LOOP_READ);
}
