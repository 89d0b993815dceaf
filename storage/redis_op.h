/**
 * @file redis_op.h  An operation under way on Redis: one deadline, one completion, any
 * number of commands.
 *
 *     redis_op_new() --> redis_op_send()... --> -EINPROGRESS to the caller
 *                              |
 *               reply handler, once per reply: sends more, or redis_op_done()
 *               deadline: -ETIMEDOUT     connection lost: -ENOTCONN     close: -ECANCELED
 *
 * Whichever comes first completes the operation; the others find it completed. The struct
 * outlives the completion until all its replies have come or can no longer come; the
 * caller's memory is not touched after the completion.
 */
#pragma once

#include "storage/redis_conn.h"
#include "storage/store_priv.h"
#include "storage/store_script.h"

struct redis_op;

/** What a handle of the redis backend has. */
struct redis_client {
	struct store_handle *h;
	const char *describe; /**< of the server, for logs */
	struct redis_conn *conn;
	struct arena *scratch; /**< words and keys of one command; reset before each */
	struct redis_op *ops;  /**< not completed */
	unsigned pending;      /**< how many */
	unsigned binds;      /**< written to sockets' sets; now and then one is cleaned */
	uint64_t complained; /**< ms: when a server's error was last logged */
	uint64_t spoilt;     /**< likewise a spoilt record */
	uint64_t set_cursor; /**< redis_sets.c: how far the search for sets has come */
	char sha[STORE_S_COUNT][41];
};

/** A reply; never NULL here. index: which send of the operation it answers, from 0. Answers
 * come in the order of the sends. */
typedef void (*redis_reply_fn)(
	struct redis_op *op, unsigned index, const redisReply *reply);
/** Optional last word before completion: may turn err into another (an answer from
 * elsewhere). */
typedef int (*redis_rescue_fn)(struct redis_op *op, int err);

/** A connection with its operations. */
struct redis_client_conf {
	const struct redis_target *target; /**< outlives the client */
	const char *describe;              /**< likewise */
	bool once;                         /**< of redis_conn_conf */
	void (*changed)(void *arg, bool ready);
	void *arg;
};
/** store_redis.c */
int redis_client_open(struct redis_client **out, struct store_handle *h,
	const struct redis_client_conf *conf);
/** Its operations end with -ECANCELED. Not from a callback of its connection. */
void redis_client_close(struct redis_client **cp);

struct redis_op {
	struct redis_client *client; /**< NULL: closed meanwhile */
	struct redis_op *next, **prev;
	struct timer deadline;
	redis_reply_fn on_reply;
	redis_rescue_fn rescue;
	store_done done;
	void *arg;
	bool completed;
	unsigned sent, heard; /**< commands, replies; replies come in order */
	int err;    /**< for the handlers' use */
	bool whole; /**< likewise: the script was sent as text already */
};

/**
 * A zeroed struct of size bytes that begins with a struct redis_op: what the operation itself
 * keeps comes behind it, freed with it. NULL with *err: -ENOTCONN, -EBUSY, -ENOMEM. The
 * deadline runs from here.
 */
void *redis_op_new(struct redis_client *c, size_t size, redis_reply_fn on_reply,
	store_done done, void *arg, int *err);
/** Another deadline than storage.command_timeout: ms from now. */
void redis_op_deadline(struct redis_op *op, uint64_t ms);
/** Send a command of op. 0, -ENOTCONN, -ENOMEM: then it will not be answered. */
int redis_op_send(struct redis_op *op, const struct redis_args *args);
/** Complete. From reply handlers, and nothing of op but its own members may be touched
 * afterwards. */
void redis_op_done(struct redis_op *op, int err);
/** A start that failed half-way: forget op without completion; returns err. */
int redis_op_abandon(struct redis_op *op, int err);
/** An operation's first send: -EINPROGRESS, or forgets op and returns the error. */
int redis_op_start(struct redis_op *op, const struct redis_args *args);
/** A command whose answer matters to nobody (index upkeep); errors are logged. */
void redis_side_send(struct redis_client *c, const struct redis_args *args);
/** Is it an error reply that begins with code ("NOSCRIPT", "WRONGTYPE")? */
bool redis_reply_says(const redisReply *reply, const char *code);
/** 0, or what an error reply means as errno; logs it (at most once a second). */
int redis_reply_err(struct redis_client *c, const redisReply *reply);
/** A record that somebody spoilt (redis-cli, another program): said at most once a minute. */
void redis_complain(struct redis_client *c, const char *what, struct slice name);
/** Complete all with -ECANCELED. */
void redis_ops_cancel(struct redis_client *c);
