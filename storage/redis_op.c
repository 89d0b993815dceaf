#include "storage/redis_op.h"

#include <errno.h>
#include <stdlib.h>

enum { COMPLAIN_MS = 1000, SPOILT_MS = 60000 };

static void free_if_over(struct redis_op *op)
{
	if (op->completed && op->heard == op->sent)
		free(op);
}

static void complete(struct redis_op *op, int err)
{
	struct store_handle *h = op->client->h;

	if (op->rescue != NULL && err != 0)
		err = op->rescue(op, err);
	op->completed = true;
	timer_stop(&op->deadline);
	*op->prev = op->next;
	if (op->next != NULL)
		op->next->prev = op->prev;
	op->client->pending--;
	store_count(h, STORE_C_PENDING, -1);
	if (err == -ETIMEDOUT)
		store_count(h, STORE_C_TIMEOUTS, 1);
	else if (store_is_failure(err))
		store_count(h, STORE_C_FAILED, 1);
	op->done(op->arg, err);
}

void redis_op_done(struct redis_op *op, int err)
{
	complete(op, err);
	/* Freed by on_reply(), from which this was called. */
}

static void on_deadline(void *arg)
{
	struct redis_op *op = arg;

	redis_conn_silent(op->client->conn);
	complete(op, -ETIMEDOUT);
	free_if_over(op);
}

void *redis_op_new(struct redis_client *c, size_t size, redis_reply_fn on_reply,
	store_done done, void *arg, int *err)
{
	const struct store_conf *conf = &c->h->st->conf;
	struct redis_op *op;

	*err = -ENOTCONN;
	if (!redis_conn_ready(c->conn))
		return NULL;
	*err = -EBUSY;
	if ((int64_t)c->pending >= conf->max_pending)
		return NULL;
	*err = -ENOMEM;
	op = calloc(1, size);
	if (op == NULL)
		return NULL;
	*err = 0;
	op->client = c;
	op->on_reply = on_reply;
	op->done = done;
	op->arg = arg;
	op->next = c->ops;
	op->prev = &c->ops;
	if (c->ops != NULL)
		c->ops->prev = &op->next;
	c->ops = op;
	c->pending++;
	store_count(c->h, STORE_C_PENDING, 1);
	timer_init(&op->deadline, on_deadline, op);
	timer_start(c->h->loop, &op->deadline, (uint64_t)conf->command_timeout);
	return op;
}

void redis_op_deadline(struct redis_op *op, uint64_t ms)
{
	timer_start(op->client->h->loop, &op->deadline, ms);
}

int redis_op_abandon(struct redis_op *op, int err)
{
	op->completed = true;
	timer_stop(&op->deadline);
	*op->prev = op->next;
	if (op->next != NULL)
		op->next->prev = op->prev;
	op->client->pending--;
	store_count(op->client->h, STORE_C_PENDING, -1);
	free_if_over(op);
	return err;
}

int redis_op_start(struct redis_op *op, const struct redis_args *args)
{
	int err = redis_op_send(op, args);

	return err == 0 ? -EINPROGRESS : redis_op_abandon(op, err);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *privdata)
{
	struct redis_op *op = privdata;
	unsigned index = op->heard++;

	(void)ac;
	if (reply != NULL && op->client != NULL) {
		redis_conn_heard(op->client->conn);
		if (op->completed)
			store_count(op->client->h, STORE_C_LATE, 1);
	}
	if (!op->completed) {
		if (reply == NULL)
			complete(op, -ENOTCONN);
		else
			op->on_reply(op, index, reply);
	}
	free_if_over(op);
}

int redis_op_send(struct redis_op *op, const struct redis_args *args)
{
	int err = redis_conn_send(op->client->conn, args, on_reply, op);

	if (err == 0)
		op->sent++;
	return err;
}

static void on_side_reply(redisAsyncContext *ac, void *reply, void *privdata)
{
	(void)ac;
	/* The client may be closed only when reply is NULL. */
	if (reply != NULL)
		(void)redis_reply_err(privdata, reply);
}

void redis_side_send(struct redis_client *c, const struct redis_args *args)
{
	/* Not sent: the next reader mends the index. */
	(void)redis_conn_send(c->conn, args, on_side_reply, c);
}

bool redis_reply_says(const redisReply *reply, const char *code)
{
	size_t n = strlen(code);

	return reply->type == REDIS_REPLY_ERROR && reply->len >= n &&
		memcmp(reply->str, code, n) == 0;
}

int redis_reply_err(struct redis_client *c, const redisReply *reply)
{
	uint64_t now = loop_now(c->h->loop);

	if (reply->type != REDIS_REPLY_ERROR)
		return 0;
	if (c->complained == 0 || now - c->complained >= COMPLAIN_MS) {
		c->complained = now;
		LOG(c->h->st->log, LOG_L_ERR, "%s: error reply: %.*s", c->describe,
			reply->len > 200 ? 200 : (int)reply->len, reply->str);
	}
	if (redis_reply_says(reply, "LOADING") || redis_reply_says(reply, "BUSY") ||
		redis_reply_says(reply, "TRYAGAIN") ||
		redis_reply_says(reply, "MASTERDOWN"))
		return -EBUSY;
	return -EIO;
}

void redis_complain(struct redis_client *c, const char *what, struct slice name)
{
	uint64_t now = loop_now(c->h->loop);

	if (c->spoilt != 0 && now - c->spoilt < SPOILT_MS)
		return;
	c->spoilt = now;
	LOG(c->h->st->log, LOG_L_WARN, "%s: %s: %.*s", c->describe, what,
		name.len > 200 ? 200 : (int)name.len, name.p);
}

void redis_ops_cancel(struct redis_client *c)
{
	while (c->ops != NULL) {
		struct redis_op *op = c->ops;

		op->rescue = NULL;
		complete(op, -ECANCELED);
		/* Its replies, if any, come when nobody is there any more. */
		op->client = NULL;
		free_if_over(op);
	}
}
