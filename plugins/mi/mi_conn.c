#include "plugins/mi/mi_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugins/mi/mi_rpc.h"

/* A command under way outlives its connection: the bus answers in any case. */
struct call_ctx {
	struct mi_conn *conn; /**< NULL: it has gone */
	json_t *id;
	bool text;
};

struct mi_conn {
	struct mi_owner owner;
	int fd;
	struct loop_io *io;
	struct timer idle;
	char *in;
	size_t in_len, scanned;
	char *out;
	size_t out_len, out_sent;
	struct call_ctx *under_way;
	bool eof;
};

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

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
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
	loop_io_set(c->io, c->under_way ? 0 : LOOP_READ);
	return true;
}

/* Takes the line. False: the connection has gone. */
static bool conn_send(struct mi_conn *c, char *line)
{
	if (!line) {
		conn_close(c);
		return false;
	}
	free(c->out);
	c->out = line;
	c->out_len = strlen(line);
	c->out_sent = 0;
	return conn_flush(c);
}

static void conn_lines(struct mi_conn *c);

static void answered(void *arg, int code, const char *reason, const struct tree *result)
{
	struct call_ctx *ctx = arg;
	struct mi_conn *c = ctx->conn;
	char *line = NULL;

	if (c && code == 0)
		line = mi_rpc_result(ctx->id, result, ctx->text);
	else if (c)
		line = mi_rpc_error(ctx->id, code == 404 && !result && strstr(reason, "no such") ? MI_METHOD_NOT_FOUND : mi_rpc_code(code),
			reason);
	json_decref(ctx->id);
	free(ctx);
	if (!c) {
		free(line);
		return;
	}
	c->under_way = NULL;
	timer_start(c->owner.thread->loop, &c->idle, MI_IDLE_MS);
	if (conn_send(c, line))
		conn_lines(c);
}

/* err is what mi_rpc_parse() said. False: the connection has gone. */
static bool conn_request(struct mi_conn *c, const struct mi_rpc *rpc, int err)
{
	struct call_ctx *ctx;

	if (err != 0)
		return conn_send(c, mi_rpc_error(rpc->id, err, err == MI_PARSE_ERROR ? "Parse error" : "Invalid Request"));
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx) {
		conn_close(c);
		return false;
	}
	*ctx = (struct call_ctx){.conn = c, .id = rpc->id ? json_incref(rpc->id) : NULL, .text = rpc->text};
	err = bus_call(c->owner.thread->bus, rpc->method, rpc->params, MI_DEADLINE_MS, answered, ctx);
	if (err != 0) {
		json_decref(ctx->id);
		free(ctx);
		return conn_send(c, mi_rpc_error(rpc->id, MI_INTERNAL, strerror(-err)));
	}
	c->under_way = ctx;
	timer_stop(&c->idle);
	loop_io_set(c->io, 0);
	return true;
}

/* Take up complete lines while no command is under way. */
static void conn_lines(struct mi_conn *c)
{
	while (!c->under_way && !c->out) {
		char *end = memchr(c->in + c->scanned, '\n', c->in_len - c->scanned);
		struct slice line;
		struct mi_rpc rpc;
		bool alive = true;
		size_t used;
		int err;

		if (!end && !(c->eof && c->in_len > 0)) {
			c->scanned = c->in_len;
			break;
		}
		used = end ? (size_t)(end - c->in) + 1 : c->in_len;
		line = slice_trim(slice_make(c->in, used));
		err = line.len > 0 ? mi_rpc_parse(&rpc, line) : 0;
		memmove(c->in, c->in + used, c->in_len - used);
		c->in_len -= used;
		c->scanned = 0;
		if (line.len == 0)
			continue;
		alive = conn_request(c, &rpc, err);
		mi_rpc_clear(&rpc);
		if (!alive)
			return;
	}
	if (c->eof && !c->under_way && !c->out && c->in_len == 0)
		conn_close(c);
}

static void on_ready(void *arg, int fd, int what)
{
	struct mi_conn *c = arg;
	ssize_t n;

	if (what & LOOP_WRITE) {
		if (conn_flush(c) && !c->out)
			conn_lines(c);
		return;
	}
	n = recv(fd, c->in + c->in_len, MI_LINE_MAX - c->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (n == 0 && c->in_len == 0)) {
		conn_close(c);
		return;
	}
	c->eof = n == 0;
	c->in_len += (size_t)n;
	if (c->in_len == MI_LINE_MAX && !memchr(c->in, '\n', c->in_len)) {
		LOG(c->owner.log, LOG_L_WARN, "a control client sent a line of more than %d bytes: closed", MI_LINE_MAX);
		conn_close(c);
		return;
	}
	timer_start(c->owner.thread->loop, &c->idle, MI_IDLE_MS);
	conn_lines(c);
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
	err = loop_io_add(owner->thread->loop, fd, LOOP_READ, on_ready, c, &c->io);
	if (err != 0) {
		mi_conn_destroy(&c);
		return err;
	}
	timer_start(owner->thread->loop, &c->idle, MI_IDLE_MS);
	*out = c;
	return 0;
}

void mi_conn_destroy(struct mi_conn **cp)
{
	struct mi_conn *c = *cp;

	if (!c)
		return;
	if (c->under_way)
		c->under_way->conn = NULL;
	timer_stop(&c->idle);
	loop_io_del(&c->io);
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
	*cp = NULL;
}
