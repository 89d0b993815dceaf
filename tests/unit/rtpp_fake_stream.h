/**
 * @file rtpp_fake_stream.h  A scripted RTP proxy behind a listening socket, on the test's own loop (facts 13.1).
 */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/loop.h"
#include "tests/unit/ph_test.h"

#define FAKE_CONNS 32
#define FAKE_LINES 256

struct fake_conn {
	struct fake_stream *owner;
	int fd; /* 0: none */
	struct loop_io *io;
	char in[8192];
	size_t len;
};

struct fake_stream {
	struct loop *loop;
	int fd; /* -1: nobody listens */
	struct loop_io *io;
	struct sockaddr_storage at;
	socklen_t at_len;
	char url[128], path[100];
	bool once; /**< closes after each reply, as rtpproxy does on unix: */
	unsigned accepted;
	struct fake_conn conns[FAKE_CONNS];
	char *lines[FAKE_LINES];
	unsigned count; /**< commands that came */
	unsigned deaf;  /**< so many more of them are not answered */
	unsigned drop;  /**< at so many more of them the connection is closed instead */
	bool hold;      /**< keep replies until fake_stream_release() */
	const char *reply; /**< NULL: "ok <command>" */
	const char *end;   /**< of a reply; "\n" */
	char held[65536];
	size_t held_len;
	struct fake_conn *held_for;
};

static inline void fake_conn_close(struct fake_conn *c)
{
	if (c->fd == 0)
		return;
	loop_io_del(&c->io);
	close(c->fd);
	c->fd = 0;
	c->len = 0;
}

static inline void fake_conn_write(struct fake_conn *c, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(c->fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		text += n;
		len -= (size_t)n;
	}
}

static inline void fake_conn_line(struct fake_conn *c, const char *line)
{
	struct fake_stream *f = c->owner;
	char text[16384];

	if (f->count < FAKE_LINES)
		f->lines[f->count] = strdup(line);
	f->count++;
	if (f->drop > 0) {
		f->drop--;
		fake_conn_close(c);
		return;
	}
	if (f->deaf > 0) {
		f->deaf--;
		return;
	}
	(void)snprintf(text, sizeof(text), "%s%s%s", f->reply ? f->reply : "ok ",
		f->reply ? "" : line, f->end);
	if (f->hold) {
		f->held_for = c;
		memcpy(f->held + f->held_len, text, strlen(text));
		f->held_len += strlen(text);
		return;
	}
	fake_conn_write(c, text, strlen(text));
	if (f->once)
		fake_conn_close(c);
}

static inline void fake_conn_read(void *arg, int fd, int what)
{
	struct fake_conn *c = arg;
	ssize_t n = recv(fd, c->in + c->len, sizeof(c->in) - c->len - 1, MSG_DONTWAIT);
	char *end;

	(void)what;
	if (n <= 0) {
		fake_conn_close(c);
		return;
	}
	c->len += (size_t)n;
	c->in[c->len] = '\0';
	while (c->fd != 0 && (end = memchr(c->in, '\n', c->len))) {
		char line[8192];
		size_t used = (size_t)(end - c->in) + 1;

		*end = '\0';
		(void)snprintf(line, sizeof(line), "%s", c->in);
		c->len -= used;
		memmove(c->in, c->in + used, c->len + 1);
		fake_conn_line(c, line);
	}
}

static inline void fake_stream_accept(void *arg, int fd, int what)
{
	struct fake_stream *f = arg;
	int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)what;
	if (got < 0)
		return;
	for (unsigned i = 0; i < FAKE_CONNS; i++) {
		struct fake_conn *c = &f->conns[i];

		if (c->fd != 0)
			continue;
		c->owner = f;
		c->fd = got;
		c->len = 0;
		f->accepted++;
		assert_int_equal(
			loop_io_add(f->loop, got, LOOP_READ, fake_conn_read, c, &c->io),
			0);
		return;
	}
	close(got);
}

/** Listen (again) where it listened before. */
static inline void fake_stream_listen(struct fake_stream *f)
{
	int on = 1;

	f->fd = socket(f->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(f->fd >= 0);
	if (f->at.ss_family == AF_UNIX)
		(void)unlink(f->path);
	else
		(void)setsockopt(f->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(f->fd, (struct sockaddr *)&f->at, f->at_len), 0);
	assert_int_equal(listen(f->fd, 16), 0);
	f->at_len = sizeof(f->at);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&f->at, &f->at_len), 0);
	assert_int_equal(
		loop_io_add(f->loop, f->fd, LOOP_READ, fake_stream_accept, f, &f->io), 0);
}

/** It goes away: connections are closed, new ones refused. */
static inline void fake_stream_die(struct fake_stream *f)
{
	for (unsigned i = 0; i < FAKE_CONNS; i++)
		fake_conn_close(&f->conns[i]);
	if (f->fd < 0)
		return;
	loop_io_del(&f->io);
	close(f->fd);
	f->fd = -1;
}

/** scheme: "unix", "cunix", "tcp", "tcp6". */
static inline void fake_stream_start(
	struct fake_stream *f, struct loop *loop, const char *scheme)
{
	static unsigned number;
	bool on_path = strstr(scheme, "unix") != NULL;

	memset(f, 0, sizeof(*f));
	f->loop = loop;
	f->end = "\n";
	f->once = strcmp(scheme, "unix") == 0;
	if (on_path) {
		struct sockaddr_un *un = (struct sockaddr_un *)&f->at;

		(void)snprintf(f->path, sizeof(f->path), "/tmp/rtpp-test-%d-%u.sock",
			(int)getpid(), number++);
		un->sun_family = AF_UNIX;
		(void)snprintf(un->sun_path, sizeof(un->sun_path), "%s", f->path);
		f->at_len = sizeof(*un);
	} else {
		struct addr a = strcmp(scheme, "tcp6") == 0
			? ph_test_ipv6("::1", 0)
			: ph_test_ipv4("127.0.0.1", 0);

		memcpy(&f->at, &a.sa, addr_len(&a));
		f->at_len = addr_len(&a);
	}
	fake_stream_listen(f);
	if (on_path) {
		(void)snprintf(f->url, sizeof(f->url), "%s:%s", scheme, f->path);
	} else {
		struct addr a;
		char text[ADDR_TEXT];

		assert_int_equal(
			addr_from_sa(&a, (struct sockaddr *)&f->at, f->at_len), 0);
		(void)snprintf(f->url, sizeof(f->url), "%s:%.*s", scheme,
			SLICE_ARG(addr_text(&a, text)));
	}
}

/** Send what was held, in pieces of so many bytes, with turns of the loop between them. */
static inline void fake_stream_release(struct fake_stream *f, size_t piece)
{
	f->hold = false;
	for (size_t at = 0; at < f->held_len; at += piece) {
		size_t n = f->held_len - at < piece ? f->held_len - at : piece;

		fake_conn_write(f->held_for, f->held + at, n);
		loop_turn(f->loop, 1);
	}
	f->held_len = 0;
}

static inline void fake_stream_stop(struct fake_stream *f)
{
	fake_stream_die(f);
	for (unsigned i = 0; i < f->count && i < FAKE_LINES; i++)
		free(f->lines[i]);
	if (*f->path)
		(void)unlink(f->path);
}
