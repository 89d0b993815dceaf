#include "plugins/mi/mi_fifo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/mi/mi_fifo_frame.h"
#include "plugins/mi/mi_fifo_reply.h"
#include "plugins/mi/mi_path.h"

#define READ_MAX 16384 /* a turn */
#define LOOK_MS 5000   /* between two looks whether the file is still there */
#define AGAIN_MS 60000 /* after one that could not make it anew */

/* A request. Its command outlives the FIFO: the bus answers in any case. */
struct fifo_call {
	struct mi_fifo *fifo; /**< NULL: it has gone */
	struct fifo_call *next;
	bool done;            /**< answered: answer waits for older ones to the same reply FIFO */
	struct buf answer;
	char reply[MI_FIFO_REPLY_MAX + 1]; /**< empty: nobody waits */
};

struct mi_fifo {
	const struct mi_ctx *ctx;
	char *path;
	int fd;
	struct stat file; /**< what path was when we opened it */
	struct loop_io *io;
	struct mi_replies *replies;
	struct fifo_call *calls; /**< oldest first */
	unsigned call_count;
	struct timer unfinished; /**< runs while a request has no end */
	struct timer look;
	struct mi_quiet quiet_refused, quiet_skipped, quiet_missing;
	struct slice rest; /**< of what was read: still to be parsed */
	struct mi_fifo_frame frame;
	char in[READ_MAX];
};

/* At the end of the list. NULL without memory. */
static struct fifo_call *call_new(struct mi_fifo *f, struct slice reply)
{
	struct fifo_call *call = calloc(1, sizeof(*call)), **at = &f->calls;

	if (!call)
		return NULL;
	call->fifo = f;
	(void)snprintf(call->reply, sizeof(call->reply), "%.*s", SLICE_ARG(reply));
	while (*at)
		at = &(*at)->next;
	*at = call;
	f->call_count++;
	return call;
}

/* The text of an answer; result NULL: none. */
static void answer_text(struct buf *b, int code, const char *reason, const struct tree *result)
{
	buf_heap(b, 1024, MI_REPLIES_BYTES / 2);
	buf_printf(b, "%d %s\n", code, reason);
	tree_text(b, result);
	buf_chr(b, '\n');
	if (b->err == -EMSGSIZE) {
		buf_reset(b);
		buf_str(b, "500 the answer is longer than 16 MiB: ask for less\n\n");
	}
}

static void call_answer(struct fifo_call *call, int code, const char *reason, const struct tree *result)
{
	call->done = true;
	if (code != 200)
		mi_count(call->fifo->ctx, MI_C_ERRORS, 1);
	if (call->reply[0])
		answer_text(&call->answer, code, reason, result);
}

/* Is an older answer to the same FIFO still to come? */
static bool is_behind(const struct mi_fifo *f, const struct fifo_call *call)
{
	const struct fifo_call *other = f->calls;

	while (other != call && (!call->reply[0] || strcmp(other->reply, call->reply) != 0))
		other = other->next;
	return other != call;
}

/* Send the answers that are there, each after older ones to the same FIFO. */
static void send_answers(struct mi_fifo *f)
{
	for (struct fifo_call **at = &f->calls, *call; (call = *at) != NULL;) {
		if (!call->done || is_behind(f, call)) {
			at = &call->next;
			continue;
		}
		*at = call->next;
		f->call_count--;
		if (call->reply[0])
			mi_replies_send(f->replies, slice_str(call->reply), &call->answer);
		free(call);
	}
}

static void take_up(struct mi_fifo *f);

static void answered(void *arg, int code, const char *reason, const struct tree *result)
{
	struct fifo_call *call = arg;
	struct mi_fifo *f = call->fifo;
	bool was_full;

	if (!f) {
		free(call);
		return;
	}
	was_full = f->call_count == MI_FIFO_CALLS;
	call_answer(call, code != 0 ? code : 200, reason, result);
	send_answers(f);
	if (was_full && f->call_count < MI_FIFO_CALLS)
		take_up(f);
}

/* The arguments by position. NULL: one is no UTF-8, or there is no memory. */
static json_t *params_of(const struct mi_fifo_frame *frame)
{
	json_t *params = json_array();

	for (unsigned i = 0; i < frame->arg_count; i++) {
		if (json_array_append_new(params, json_stringn(frame->args[i].p, frame->args[i].len)) != 0) {
			json_decref(params);
			return NULL;
		}
	}
	return params;
}

static void on_request(struct mi_fifo *f, struct fifo_call *call)
{
	char command[MI_FIFO_COMMAND_MAX + 1];
	json_t *params = params_of(&f->frame);
	int err;

	if (!params) {
		call_answer(call, 400, "an argument is no UTF-8 text", NULL);
		return;
	}
	mi_count(f->ctx, MI_C_COMMANDS, 1);
	(void)snprintf(command, sizeof(command), "%.*s", SLICE_ARG(f->frame.command));
	err = bus_call(f->ctx->thread->bus, command, params, MI_DEADLINE_MS, answered, call);
	if (err != 0)
		call_answer(call, 500, err == -ENOMEM ? "out of memory" : "the bus does not take the command: too many wait", NULL);
	json_decref(params);
}

static void on_bad(struct mi_fifo *f, struct fifo_call *call)
{
	const struct mi_fifo_frame *frame = &f->frame;
	unsigned more;

	mi_count(f->ctx, MI_C_FIFO_REFUSED, 1);
	if (mi_may_log(&f->quiet_refused, f->ctx->thread->loop, &more))
		LOG(f->ctx->log, LOG_L_WARN, "fifo: a request%s%.*s was refused: %s (since the last such line: %u more)",
			frame->reply.len ? " of " : "", SLICE_ARG(frame->reply), frame->why, more);
	call_answer(call, 400, frame->why, NULL);
}

static void on_event(struct mi_fifo *f, enum mi_fifo_event ev)
{
	struct fifo_call *call = ev != MI_FIFO_MORE ? call_new(f, f->frame.reply) : NULL;

	if (!call)
		return;
	mi_count(f->ctx, MI_C_FIFO_REQUESTS, 1);
	if (ev == MI_FIFO_REQUEST)
		on_request(f, call);
	else
		on_bad(f, call);
	send_answers(f);
}

static void tell_skipped(struct mi_fifo *f)
{
	unsigned more;

	if (f->frame.skipped == 0)
		return;
	mi_count(f->ctx, MI_C_FIFO_SKIPPED, f->frame.skipped);
	if (mi_may_log(&f->quiet_skipped, f->ctx->thread->loop, &more))
		LOG(f->ctx->log, LOG_L_WARN, "fifo: %llu bytes that are no request were skipped (since the last such line: %u times more)",
			(unsigned long long)f->frame.skipped, more);
	f->frame.skipped = 0;
}

/* Parse what was read, as long as commands may be begun; then read on, or wait for one to end. */
static void take_up(struct mi_fifo *f)
{
	enum mi_fifo_event ev = MI_FIFO_REQUEST;

	while (f->call_count < MI_FIFO_CALLS && ev != MI_FIFO_MORE) {
		ev = mi_fifo_parse(&f->frame, &f->rest);
		if (ev != MI_FIFO_MORE)
			timer_stop(&f->unfinished);
		on_event(f, ev);
	}
	tell_skipped(f);
	loop_io_set(f->io, ev == MI_FIFO_MORE ? LOOP_READ : 0);
	if (ev != MI_FIFO_MORE || !mi_fifo_busy(&f->frame))
		timer_stop(&f->unfinished);
	else if (!timer_pending(&f->unfinished))
		timer_start(f->ctx->thread->loop, &f->unfinished, (uint64_t)f->ctx->conf->fifo_timeout);
}

static void on_unfinished(void *arg)
{
	struct mi_fifo *f = arg;

	on_event(f, mi_fifo_expire(&f->frame));
	tell_skipped(f);
}

static void on_readable(void *arg, int fd, int what)
{
	struct mi_fifo *f = arg;
	ssize_t n = read(fd, f->in, sizeof(f->in));

	(void)what;
	if (n <= 0)
		return;
	f->rest = slice_make(f->in, (size_t)n);
	take_up(f);
}

/* The FIFO in our hands alone, or negative errno and *why. */
static int fifo_claim(int fd, struct stat *st, const char **why)
{
	if (fstat(fd, st) != 0)
		return -errno;
	*why = "it is no FIFO: it is left alone; give mi.fifo another path";
	if (!S_ISFIFO(st->st_mode))
		return -EEXIST;
	*why = "it is another user's: remove it, or give mi.fifo another path";
	if (st->st_uid != geteuid())
		return -EPERM;
	*why = "another process has it: give each daemon its own mi.fifo";
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return -EADDRINUSE;
	*why = NULL;
	/* an operator may have changed the mode of one that is used again */
	return (st->st_mode & 07777) == 0600 || fchmod(fd, 0600) == 0 ? 0 : -errno;
}

/* An open FIFO, or negative errno, logged. */
static int fifo_open(const char *path, struct log_source *log, struct stat *file)
{
	mode_t old = umask(0177); /* 0600, whatever it was */
	const char *why = NULL;
	int fd, err = mkfifo(path, 0600) == 0 || errno == EEXIST ? 0 : -errno;

	umask(old);
	if (err != 0) {
		mi_log_failure(log, "fifo", path, err);
		return err;
	}
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		err = -errno;
	else
		err = fifo_claim(fd, file, &why);
	if (err == -ENXIO)
		why = "it is no FIFO: it is left alone; give mi.fifo another path";
	else if (err == -ELOOP)
		why = "it is a symbolic link: name the FIFO itself";
	if (err == 0)
		return fd;
	LOG(log, LOG_L_ERR, "fifo: %s cannot be used: %s", path, why ? why : strerror(-err));
	if (fd >= 0)
		close(fd);
	return err;
}

static int fifo_begin(struct mi_fifo *f)
{
	int fd = fifo_open(f->path, f->ctx->log, &f->file), err;

	if (fd < 0)
		return fd;
	err = loop_io_add(f->ctx->thread->loop, fd, LOOP_READ, on_readable, f, &f->io);
	if (err != 0) {
		close(fd);
		return err;
	}
	f->fd = fd;
	return 0;
}

static void fifo_end(struct mi_fifo *f)
{
	loop_io_del(&f->io);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

/* Cleaners of /tmp take old FIFOs away: whoever writes would wait for ever. */
static void on_look(void *arg)
{
	struct mi_fifo *f = arg;
	struct stat now;
	unsigned more;

	timer_start(f->ctx->thread->loop, &f->look, LOOK_MS);
	if (f->call_count == MI_FIFO_CALLS)
		return; /* not while some of it may still be to be parsed */
	if (f->fd >= 0 && lstat(f->path, &now) == 0 && now.st_dev == f->file.st_dev && now.st_ino == f->file.st_ino)
		return;
	if (mi_may_log(&f->quiet_missing, f->ctx->thread->loop, &more))
		LOG(f->ctx->log, LOG_L_WARN, "fifo: %s was removed or replaced: making it anew", f->path);
	fifo_end(f);
	if (fifo_begin(f) != 0)
		timer_start(f->ctx->thread->loop, &f->look, AGAIN_MS);
}

int mi_fifo_new(struct mi_fifo **out, const struct mi_ctx *ctx, const char *path)
{
	struct mi_fifo *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->ctx = ctx;
	f->fd = -1;
	timer_init(&f->unfinished, on_unfinished, f);
	timer_init(&f->look, on_look, f);
	f->path = strdup(path);
	err = f->path ? mi_replies_new(&f->replies, ctx) : -ENOMEM;
	if (err == 0) {
		mi_make_folder(path);
		err = fifo_begin(f);
	}
	if (err != 0) {
		mi_fifo_destroy(&f);
		return err;
	}
	timer_start(ctx->thread->loop, &f->look, LOOK_MS);
	*out = f;
	return 0;
}

/* Whoever waits is told, if it reads at once; an answer that comes later goes nowhere. */
static void leave_calls(struct mi_fifo *f)
{
	while (f->calls) {
		struct fifo_call *call = f->calls;

		if (!call->done && call->reply[0])
			answer_text(&call->answer, 503, "the daemon is stopping", NULL);
		if (call->reply[0])
			mi_replies_send(f->replies, slice_str(call->reply), &call->answer);
		f->calls = call->next;
		call->fifo = NULL;
		if (call->done)
			free(call);
	}
}

void mi_fifo_destroy(struct mi_fifo **fp)
{
	struct mi_fifo *f = *fp;

	if (!f)
		return;
	leave_calls(f);
	timer_stop(&f->unfinished);
	timer_stop(&f->look);
	if (f->fd >= 0)
		mi_unlink_own(f->path, &f->file);
	fifo_end(f);
	mi_replies_destroy(&f->replies);
	free(f->path);
	free(f);
	*fp = NULL;
}
