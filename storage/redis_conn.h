/**
 * @file redis_conn.h  One connection to Redis on one thread's loop: made, logged in,
 * kept, made again.
 *
 *     down --(timer)--> connecting --> greeting (AUTH, SELECT, PING) --> ready
 *      ^                    |               |                              |
 *      +----- back-off -----+---------------+------ lost, refused ---------+
 *
 * The first attempt comes at once, the next after 100 ms, doubling to reconnect_max, each
 * with jitter so that the nodes do not come back in step. A server that lets an
 * operation's deadline pass is *silent* until its next reply: commands are refused
 * meanwhile instead of waiting in vain; when it stays silent the connection is made anew.
 *
 * Commands of one turn of the loop leave in one write.
 */
#pragma once

#include <hiredis/async.h>
#include <stdbool.h>

#include "core/base/log.h"
#include "core/base/loop.h"
#include "storage/redis_args.h"
#include "storage/redis_target.h"

struct redis_conn;

struct redis_conn_conf {
	const struct redis_target *target; /**< outlives the connection */
	const char *describe;              /**< for logs; likewise */
	struct log_source *log;
	int64_t connect_timeout; /**< ms for connecting and greeting */
	int64_t silence_max;     /**< ms a silent connection is kept */
	int64_t reconnect_max;   /**< ms */
	bool once;               /**< no second attempt: whoever asked gives up */
	/** It became usable, or stopped being so. Not called from redis_conn_close(). */
	void (*changed)(void *arg, bool ready);
	void *arg;
};

/** Starts the first attempt. 0, -ENOMEM, -ENOSPC (hooks of the loop). */
int redis_conn_open(
	struct redis_conn **out, struct loop *loop, const struct redis_conn_conf *conf);
/** Callbacks of commands under way run with a NULL reply, before it returns (inside a
 * callback: right after that). */
void redis_conn_close(struct redis_conn **cp);
bool redis_conn_ready(const struct redis_conn *c);
/**
 * Send a command. fn gets the reply, or NULL when the connection is lost, exactly once,
 * never from here; privdata as given. 0; -ENOTCONN; -ENOMEM: fn will not run.
 */
int redis_conn_send(struct redis_conn *c, const struct redis_args *args,
	redisCallbackFn *fn, void *privdata);
/** To be told by whoever waits: a reply has come / a deadline has passed without one. */
void redis_conn_heard(struct redis_conn *c);
void redis_conn_silent(struct redis_conn *c);
