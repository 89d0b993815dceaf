#include "plugins/mi/mi_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugins/mi/mi_exchange.h"
#include "plugins/mi/mi_rpc.h"

#define AT_ONCE 64 /* requests a turn that can be answered at once */

struct mi_conn {
	struct mi_owner owner;
	int fd;
	struct loop_io *io;
	struct timer idle;
	struct timer more; /**< requests are left in the buffer for the next turn */
	char *in;
	size_t in_at, in_len; /**< in[in_at..in_len) is still to be taken up */
	struct mi_rpc_scan scan;
	char *out;
	size_t out_len, out_sent;
	struct mi_exchange *under_way;
	bool eof;     /**< the client sends no more */
	bool closing; /**< once out is sent */
};

static void idle_start(struct mi_conn *c)
{
	timer_start(c->owner.ctx->thread->loop, &c->idle, (uint64_t)c->owner.ctx->conf->idle_timeout);
}

static void conn_close(struct mi_conn *c)
{
	c->owner.closed(c->owner.arg, c);
	mi_conn_destroy(&c);
}

/* Write what there is. False: the connection has gone. */
static bool conn_flush(struct mi_conn *c)
{
	while (c->out_sent < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			loop_io_set(c->io, LOOP_WRITE);
			return true;
		}
		if (n <= 0) {
			conn_close(c);
			return false;
		}
		c->out_sent += (size_t)n;
	}
	free(c->out);
	c->out = NULL;
	c->out_len = c->out_sent = 0;
	if (c->closing) {
		conn_close(c);
		return false;
	}
	loop_io_set(c->io, c->under_way || c->eof ? 0 : LOOP_READ);
	return true;
}

/* Takes line (NULL: nothing to send). err: no line could be made. False: the connection has gone. */
static bool conn_send(struct mi_conn *c, int err, char *line)
{
	if (err != 0) {
		conn_close(c);
		return false;
	}
	if (line) {
		c->out = line;
		c->out_len = strlen(line);
		c->out_sent = 0;
	}
	return conn_flush(c);
}

static void conn_requests(struct mi_conn *c);

static void answered(void *arg, int err, char *line)
{
	struct mi_conn *c = arg;

	c->under_way = NULL;
	idle_start(c);
	if (conn_send(c, err, line))
		conn_requests(c);
}

/* One message. False: the connection has gone. */
static bool conn_request(struct mi_conn *c, struct slice text)
{
	char *line = NULL;
	int err = mi_exchange_start(&c->under_way, &line, c->owner.ctx, text, answered, c);

	if (err != 0 || !c->under_way)
		return conn_send(c, err, line);
	timer_stop(&c->idle);
	loop_io_set(c->io, 0);
	return true;
}

/* Answer, and close: the rest of what the client sends cannot be told apart. */
static void conn_too_long(struct mi_conn *c)
{
	char *line = mi_rpc_line(mi_rpc_error(NULL, MI_PARSE_ERROR, "Parse error: a request has at most 65536 bytes", 0));

	c->closing = true;
	(void)conn_send(c, line ? 0 : -ENOMEM, line);
}

/* The next complete request, blanks trimmed; empty when only blanks are there. False: none. */
static bool conn_next(struct mi_conn *c, struct slice *text)
{
	struct slice rest = slice_make(c->in + c->in_at, c->in_len - c->in_at);
	size_t used = mi_rpc_scan(&c->scan, rest);

	if (used == 0 && c->eof)
		used = rest.len;
	if (used == 0)
		return false;
	*text = slice_trim(slice_sub(rest, 0, used));
	c->in_at += used;
	c->scan = (struct mi_rpc_scan){0};
	return true;
}

/* Take up complete requests while no command is under way; not too many at once, others wait as well. */
static void conn_requests(struct mi_conn *c)
{
	struct slice text;
	unsigned n = 0;

	while (!c->under_way && !c->out && n < AT_ONCE && conn_next(c, &text)) {
		n++;
		if (text.len > 0 && !conn_request(c, text))
			return;
	}
	if (c->under_way || c->out)
		return;
	if (n == AT_ONCE) {
		loop_io_set(c->io, 0);
		timer_start(c->owner.ctx->thread->loop, &c->more, 0);
		return;
	}
	memmove(c->in, c->in + c->in_at, c->in_len - c->in_at);
	c->in_len -= c->in_at;
	c->in_at = 0;
	if (c->eof)
		conn_close(c);
	else if (c->in_len == MI_LINE_MAX)
		conn_too_long(c);
}

static void on_more(void *arg)
{
	struct mi_conn *c = arg;

	loop_io_set(c->io, c->eof ? 0 : LOOP_READ);
	conn_requests(c);
}

static void on_ready(void *arg, int fd, int what)
{
	struct mi_conn *c = arg;
	ssize_t n;

	if (what & LOOP_WRITE) {
		if (conn_flush(c) && !c->out)
			conn_requests(c);
		return;
	}
	n = recv(fd, c->in + c->in_len, MI_LINE_MAX - c->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		conn_close(c);
		return;
	}
	c->eof = n == 0;
	c->in_len += (size_t)n;
	idle_start(c);
	conn_requests(c);
}

static void on_idle(void *arg)
{
	conn_close(arg);
}

int mi_conn_new(struct mi_conn **out, const struct mi_owner *owner, int fd)
{
	struct mi_conn *c = calloc(1, sizeof(*c));
	int err;

	if (c)
		c->in = malloc(MI_LINE_MAX);
	if (!c || !c->in) {
		free(c);
		close(fd);
		return -ENOMEM;
	}
	c->owner = *owner;
	c->fd = fd;
	timer_init(&c->idle, on_idle, c);
	timer_init(&c->more, on_more, c);
	err = loop_io_add(owner->ctx->thread->loop, fd, LOOP_READ, on_ready, c, &c->io);
	if (err != 0) {
		mi_conn_destroy(&c);
		return err;
	}
	idle_start(c);
	*out = c;
	return 0;
}

void mi_conn_destroy(struct mi_conn **cp)
{
	struct mi_conn *c = *cp;

	if (!c)
		return;
	mi_exchange_abandon(&c->under_way);
	timer_stop(&c->idle);
	timer_stop(&c->more);
	loop_io_del(&c->io);
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
	*cp = NULL;
}
