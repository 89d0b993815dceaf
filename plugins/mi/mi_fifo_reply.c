#include "plugins/mi/mi_fifo_reply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_MS 20 /* between two looks for a reader */

struct reply {
	struct mi_replies *all;
	struct reply *next;
	char *path;
	char *text;
	size_t len, sent;
	int fd; /* -1: no reader yet */
	struct loop_io *io;
	struct timer deadline;
};

struct mi_replies {
	const struct mi_ctx *ctx;
	struct reply *first; /* the oldest */
	unsigned count;
	size_t bytes;
	struct timer retry;
	struct mi_quiet quiet;
};

/* Out of the list, and freed. */
static void reply_end(struct reply *reply)
{
	struct mi_replies *r = reply->all;
	struct reply **at = &r->first;

	while (*at != reply)
		at = &(*at)->next;
	*at = reply->next;
	r->count--;
	r->bytes -= reply->len;
	timer_stop(&reply->deadline);
	loop_io_del(&reply->io);
	if (reply->fd >= 0)
		close(reply->fd);
	free(reply->path);
	free(reply->text);
	free(reply);
}

static void reply_lost(struct reply *reply, const char *why)
{
	struct mi_replies *r = reply->all;
	unsigned more;

	mi_count(r->ctx, MI_C_FIFO_REPLIES_LOST, 1);
	if (mi_may_log(&r->quiet, r->ctx->thread->loop, &more))
		LOG(r->ctx->log, LOG_L_WARN, "fifo: the reply to %s is lost: %s (since the last such line: %u more)", reply->path, why, more);
	reply_end(reply);
}

static void on_deadline(void *arg)
{
	struct reply *reply = arg;

	reply_lost(reply, reply->fd < 0 ? "nobody reads there" : "its reader does not take it");
}

static void on_writable(void *arg, int fd, int what);

static void reply_write(struct reply *reply)
{
	while (reply->sent < reply->len) {
		ssize_t n = write(reply->fd, reply->text + reply->sent, reply->len - reply->sent);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!reply->io && loop_io_add(reply->all->ctx->thread->loop, reply->fd, LOOP_WRITE, on_writable, reply, &reply->io) != 0)
				reply_lost(reply, "no memory");
			return;
		}
		if (n <= 0) {
			reply_lost(reply, errno == EPIPE ? "its reader went away" : strerror(errno));
			return;
		}
		reply->sent += (size_t)n;
	}
	reply_end(reply);
}

static void on_writable(void *arg, int fd, int what)
{
	(void)fd;
	(void)what;
	reply_write(arg);
}

/* NULL when an answer may be written into it. */
static const char *unfit(const struct stat *st)
{
	if (!S_ISFIFO(st->st_mode))
		return "it is no FIFO";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return "the FIFO is another user's";
	return NULL;
}

/* Does an older answer go to the same FIFO? Then it is that one's turn. */
static bool is_behind(const struct reply *reply)
{
	const struct reply *other = reply->all->first;

	while (other != reply && strcmp(other->path, reply->path) != 0)
		other = other->next;
	return other != reply;
}

/* Open and begin to write, when somebody reads there. May end the reply. */
static void reply_try(struct reply *reply)
{
	const char *why;
	struct stat st;

	/* Looked at before it is opened (opening may do something to a device) and after (it may be another file now). */
	if (lstat(reply->path, &st) != 0) {
		reply_lost(reply, strerror(errno));
		return;
	}
	why = unfit(&st);
	if (!why) {
		reply->fd = open(reply->path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
		if (reply->fd < 0 && errno == ENXIO)
			return;
		if (reply->fd < 0 || fstat(reply->fd, &st) != 0)
			why = errno == EACCES ? "we may not write there: chmod it" : strerror(errno);
		else
			why = unfit(&st);
	}
	if (why)
		reply_lost(reply, why);
	else
		reply_write(reply);
}

/* Every answer that has no reader yet, and no older one before it. */
static void try_all(void *arg)
{
	struct mi_replies *r = arg;
	bool waiting = false;

	for (struct reply *reply = r->first, *next; reply; reply = next) {
		next = reply->next;
		if (reply->fd < 0 && !is_behind(reply))
			reply_try(reply);
	}
	for (const struct reply *reply = r->first; reply; reply = reply->next)
		waiting = waiting || reply->fd < 0;
	if (waiting)
		timer_start(r->ctx->thread->loop, &r->retry, RETRY_MS);
}

static struct reply *reply_new(struct mi_replies *r, struct slice name, struct buf *text)
{
	struct reply *reply = calloc(1, sizeof(*reply));

	if (!reply)
		return NULL;
	if (asprintf(&reply->path, "%s/%.*s", r->ctx->conf->fifo_reply_dir, SLICE_ARG(name)) < 0) {
		free(reply);
		return NULL;
	}
	reply->all = r;
	reply->fd = -1;
	reply->text = text->p;
	reply->len = text->len;
	*text = (struct buf){0};
	timer_init(&reply->deadline, on_deadline, reply);
	return reply;
}

void mi_replies_send(struct mi_replies *r, struct slice name, struct buf *text)
{
	struct reply *reply = text->err == 0 && text->len > 0 ? reply_new(r, name, text) : NULL;
	struct reply **at = &r->first;

	if (!reply) {
		buf_free(text);
		mi_count(r->ctx, MI_C_FIFO_REPLIES_LOST, 1);
		return;
	}
	while (r->first && (r->count >= MI_REPLIES_MAX || r->bytes + reply->len > MI_REPLIES_BYTES))
		reply_lost(r->first, "too many replies wait for their readers");
	while (*at)
		at = &(*at)->next;
	*at = reply;
	r->count++;
	r->bytes += reply->len;
	timer_start(r->ctx->thread->loop, &reply->deadline, (uint64_t)r->ctx->conf->fifo_timeout);
	if (!is_behind(reply))
		reply_try(reply);
	if (r->first && !timer_pending(&r->retry))
		timer_start(r->ctx->thread->loop, &r->retry, RETRY_MS);
}

int mi_replies_new(struct mi_replies **out, const struct mi_ctx *ctx)
{
	struct mi_replies *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->ctx = ctx;
	timer_init(&r->retry, try_all, r);
	*out = r;
	return 0;
}

void mi_replies_destroy(struct mi_replies **rp)
{
	struct mi_replies *r = *rp;

	if (!r)
		return;
	while (r->first)
		reply_end(r->first);
	timer_stop(&r->retry);
	free(r);
	*rp = NULL;
}
