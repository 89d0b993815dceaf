#include "storage/redis_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/hash.h"

#define BACKOFF_FIRST_MS 100

enum state { DOWN, CONNECTING, GREETING, READY };

/*
 * One hiredis context and its place in the loop. hiredis frees a context when it likes
 * (inside a callback: only after that), so what belongs to the context is apart from the
 * connection, which may be on its next context by then, or gone.
 */
struct link {
	struct redis_conn *conn; /* NULL: forgotten */
	redisAsyncContext *ac;
	struct loop_io *io;
	int watching;  /* LOOP_READ | LOOP_WRITE */
	bool flushing; /* inside flush(): hiredis then asks for LOOP_WRITE in earnest */
};

struct redis_conn {
	struct redis_conn_conf conf;
	struct loop *loop;
	enum state state;
	struct link *link; /* NULL when down */
	struct timer
		retry; /* down: the next attempt; connecting, greeting: the deadline */
	struct timer silence;  /* silent: the end of patience */
	struct timer flush;    /* for commands given outside of a turn */
	struct arena *scratch; /* words of the greeting */
	bool silent;
	bool dirty;         /* commands wait for the end of the turn */
	unsigned greetings; /* replies to the greeting still to come */
	int64_t backoff;    /* ms */
	char why[160];      /* what ended the last attempt */
	/* The same as last logged: a server that is away is one line, not one per attempt. */
	char logged[160];
};

static void try_connect(void *arg);

static void report(struct redis_conn *c, bool was_ready)
{
	if (was_ready)
		LOG(c->conf.log, LOG_L_ERR, "%s: connection lost: %s", c->conf.describe,
			c->why);
	else if (strcmp(c->why, c->logged) != 0)
		LOG(c->conf.log, LOG_L_ERR, "%s: %s%s", c->conf.describe, c->why,
			c->conf.once ? "" : "; will go on trying");
	(void)snprintf(c->logged, sizeof(c->logged), "%s", c->why);
}

/* The link is gone or going: be down, and try again later. */
static void went_down(struct redis_conn *c)
{
	bool was_ready = c->state == READY;
	int64_t pause = c->backoff;

	c->state = DOWN;
	c->link = NULL;
	c->dirty = false;
	c->silent = false;
	timer_stop(&c->silence);
	timer_stop(&c->flush);
	report(c, was_ready);
	/* Between half the pause and all of it. */
	pause = pause / 2 + (int64_t)(random_fast() % (uint64_t)(pause / 2 + 1));
	timer_stop(&c->retry);
	if (!c->conf.once)
		timer_start(c->loop, &c->retry, (uint64_t)pause);
	c->backoff = c->backoff * 2 < c->conf.reconnect_max ? c->backoff * 2
							    : c->conf.reconnect_max;
	c->conf.changed(c->conf.arg, false);
}

static void set_why(struct redis_conn *c, const char *what, const char *detail)
{
	(void)snprintf(c->why, sizeof(c->why), "%s%s%s", what,
		detail[0] != '\0' ? ": " : "", detail);
}

/*
 * Give the context up. Commands under way get their NULL replies from inside here;
 * whoever asks for more from there finds the connection down already.
 */
static void drop(struct redis_conn *c, const char *why, const char *detail)
{
	struct link *link = c->link;

	set_why(c, why, detail);
	link->conn = NULL;
	went_down(c);
	redisAsyncFree(link->ac);
}

/* The loop's side of a hiredis context */

static void link_watch(struct link *link, int what)
{
	if (link->watching == what || link->io == NULL)
		return;
	link->watching = what;
	(void)loop_io_set(
		link->io, what); /* fails only without memory: the deadlines notice */
}

static void link_add_read(void *arg)
{
	struct link *link = arg;

	link_watch(link, link->watching | LOOP_READ);
}

static void link_del_read(void *arg)
{
	struct link *link = arg;

	link_watch(link, link->watching & ~LOOP_READ);
}

static void link_add_write(void *arg)
{
	struct link *link = arg;
	struct redis_conn *c = link->conn;

	if (c != NULL && c->state >= GREETING && !link->flushing) {
		/* Written at the end of the turn, together with what else comes till
		 * then. */
		if (!c->dirty)
			timer_start(c->loop, &c->flush, 0);
		c->dirty = true;
		return;
	}
	link_watch(link, link->watching | LOOP_WRITE);
}

static void link_del_write(void *arg)
{
	struct link *link = arg;

	link_watch(link, link->watching & ~LOOP_WRITE);
}

/* hiredis is about to close the socket and free the context. */
static void link_cleanup(void *arg)
{
	struct link *link = arg;

	loop_io_del(&link->io);
	if (link->conn != NULL) {
		struct redis_conn *c = link->conn;

		set_why(c, c->state == CONNECTING ? "cannot connect" : "closed",
			link->ac->c.errstr[0] != '\0' ? link->ac->c.errstr : "");
		went_down(c);
	}
	free(link);
}

static void link_event(void *arg, int fd, int what)
{
	struct link *link = arg;
	redisAsyncContext *ac = link->ac;

	(void)fd;
	/* Either may free link, so only one a time; reading waits for the next turn. */
	if ((what & LOOP_WRITE) != 0)
		redisAsyncHandleWrite(ac);
	else
		redisAsyncHandleRead(ac);
}

static bool flush(struct redis_conn *c)
{
	struct link *link = c->link;

	timer_stop(&c->flush);
	if (!c->dirty || link == NULL || c->state < GREETING)
		return false;
	c->dirty = false;
	link->flushing = true;
	redisAsyncHandleWrite(link->ac);
	/* A failed write has freed the link; then c->link is no longer it. */
	if (c->link == link)
		link->flushing = false;
	return false;
}

static bool on_turn_end(void *arg)
{
	return flush(arg);
}

static void on_flush(void *arg)
{
	(void)flush(arg);
}

/* The greeting */

static void on_greeting(redisAsyncContext *ac, void *reply, void *privdata)
{
	const struct link *link = ac->data;
	struct redis_conn *c = link != NULL ? link->conn : NULL;
	const redisReply *r = reply;

	(void)privdata;
	if (c == NULL || r == NULL || c->link != link)
		return;
	if (r->type == REDIS_REPLY_ERROR) {
		/* The server's words name the command or the password as the fault, never
		 * the password itself. */
		drop(c, "refused", r->str);
		return;
	}
	if (--c->greetings > 0)
		return;
	c->state = READY;
	c->backoff = BACKOFF_FIRST_MS;
	c->logged[0] = '\0';
	timer_stop(&c->retry);
	LOG(c->conf.log, LOG_L_INFO, "%s: connected", c->conf.describe);
	c->conf.changed(c->conf.arg, true);
}

static int greet_one(struct redis_conn *c, const char *w0, const char *w1, const char *w2)
{
	struct redis_args args;

	redis_args_init(&args, c->scratch, 3);
	redis_args_str(&args, w0);
	if (w1 != NULL)
		redis_args_str(&args, w1);
	if (w2 != NULL)
		redis_args_str(&args, w2);
	if (args.err != 0 ||
		redisAsyncCommandArgv(c->link->ac, on_greeting, NULL, (int)args.count,
			args.words, args.lens) != REDIS_OK)
		return -ENOMEM;
	c->greetings++;
	return 0;
}

/* PING comes last: a server that is still loading refuses it. */
static int greet(struct redis_conn *c)
{
	const struct redis_target *t = c->conf.target;
	char db[16];
	int err = 0;

	arena_reset(c->scratch);
	c->greetings = 0;
	(void)snprintf(db, sizeof(db), "%u", t->db);
	if (t->password != NULL)
		err = t->user != NULL ? greet_one(c, "AUTH", t->user, t->password)
				      : greet_one(c, "AUTH", t->password, NULL);
	if (err == 0 && t->db != 0)
		err = greet_one(c, "SELECT", db, NULL);
	if (err == 0)
		err = greet_one(c, "PING", NULL, NULL);
	return err;
}

/* hiredis itself frees the context after a failure; link_cleanup() notices. */
static void on_connect(const redisAsyncContext *ac, int status)
{
	struct link *link = ac->data;
	struct redis_conn *c = link->conn;

	if (c == NULL || status != REDIS_OK)
		return;
	c->state = GREETING;
	link_watch(link, LOOP_READ);
	if (c->conf.target->path == NULL)
		(void)redisEnableKeepAlive(
			&link->ac->c); /* a dead peer is noticed by deadlines too */
	/* Without memory for the greeting the deadline of the attempt ends it. */
	(void)greet(c);
}

/* Attempts */

static int link_new(struct redis_conn *c, redisAsyncContext *ac)
{
	struct link *link = calloc(1, sizeof(*link));
	int err;

	if (link == NULL)
		return -ENOMEM;
	link->conn = c;
	link->ac = ac;
	link->watching = LOOP_READ | LOOP_WRITE;
	(void)fcntl(
		ac->c.fd, F_SETFD, FD_CLOEXEC); /* the descriptor is open: cannot fail */
	err = loop_io_add(c->loop, ac->c.fd, link->watching, link_event, link, &link->io);
	if (err != 0) {
		free(link);
		return err;
	}
	ac->data = link;
	ac->ev.data = link;
	ac->ev.addRead = link_add_read;
	ac->ev.delRead = link_del_read;
	ac->ev.addWrite = link_add_write;
	ac->ev.delWrite = link_del_write;
	ac->ev.cleanup = link_cleanup;
	c->link = link;
	return 0;
}

static void try_connect(void *arg)
{
	struct redis_conn *c = arg;
	const struct redis_target *t = c->conf.target;
	redisAsyncContext *ac;

	if (c->state != DOWN) {
		drop(c, c->state == CONNECTING ? "cannot connect" : "no greeting",
			"timed out");
		return;
	}
	ac = t->path != NULL ? redisAsyncConnectUnix(t->path)
			     : redisAsyncConnect(t->host, t->port);
	if (ac == NULL || ac->err != 0 || link_new(c, ac) != 0) {
		set_why(c, "cannot connect",
			ac == NULL || ac->err == 0 ? "no memory" : ac->errstr);
		if (ac != NULL)
			redisAsyncFree(ac);
		went_down(c);
		return;
	}
	c->state = CONNECTING;
	timer_start(c->loop, &c->retry, (uint64_t)c->conf.connect_timeout);
	(void)redisAsyncSetConnectCallback(
		ac, on_connect); /* fails only when set twice */
}

static void on_silence(void *arg)
{
	struct redis_conn *c = arg;

	if (c->link != NULL && c->silent)
		drop(c, "no reply", "timed out");
}

int redis_conn_open(
	struct redis_conn **out, struct loop *loop, const struct redis_conn_conf *conf)
{
	struct redis_conn *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL)
		return -ENOMEM;
	c->conf = *conf;
	c->loop = loop;
	c->backoff = BACKOFF_FIRST_MS;
	timer_init(&c->retry, try_connect, c);
	timer_init(&c->silence, on_silence, c);
	timer_init(&c->flush, on_flush, c);
	c->scratch = arena_new(1024, 16384);
	err = c->scratch == NULL ? -ENOMEM : loop_on_turn_end(loop, on_turn_end, c);
	if (err != 0) {
		arena_put(c->scratch);
		free(c);
		return err;
	}
	*out = c;
	/* From the loop, as every later one: changed() is never called from here. */
	timer_start(loop, &c->retry, 0);
	return 0;
}

void redis_conn_close(struct redis_conn **cp)
{
	struct redis_conn *c = *cp;
	struct link *link;

	*cp = NULL;
	if (c == NULL)
		return;
	link = c->link;
	timer_stop(&c->retry);
	timer_stop(&c->silence);
	timer_stop(&c->flush);
	loop_off_turn_end(c->loop, on_turn_end, c);
	arena_put(c->scratch);
	free(c);
	if (link != NULL) {
		link->conn = NULL;
		redisAsyncFree(link->ac);
	}
}

bool redis_conn_ready(const struct redis_conn *c)
{
	return c != NULL && c->state == READY && !c->silent;
}

int redis_conn_send(struct redis_conn *c, const struct redis_args *args,
	redisCallbackFn *fn, void *privdata)
{
	if (args->err != 0)
		return args->err;
	if (c->state != READY)
		return -ENOTCONN;
	if (redisAsyncCommandArgv(c->link->ac, fn, privdata, (int)args->count,
		    args->words, args->lens) != REDIS_OK)
		return -ENOTCONN;
	return 0;
}

void redis_conn_heard(struct redis_conn *c)
{
	if (!c->silent)
		return;
	c->silent = false;
	timer_stop(&c->silence);
	LOG(c->conf.log, LOG_L_NOTICE, "%s: answers again", c->conf.describe);
	c->conf.changed(c->conf.arg, true);
}

void redis_conn_silent(struct redis_conn *c)
{
	if (c->silent || c->state != READY)
		return;
	c->silent = true;
	LOG(c->conf.log, LOG_L_ERR, "%s: does not answer in time", c->conf.describe);
	timer_start(c->loop, &c->silence, (uint64_t)c->conf.silence_max);
	c->conf.changed(c->conf.arg, false);
}
