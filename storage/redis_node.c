/* The shared secret, and a node's heartbeat. */
#include <errno.h>

#include "storage/redis_keys.h"
#include "storage/redis_parse.h"
#include "storage/store_redis.h"

struct secret_op {
	struct redis_op op;
	struct arena *arena;
	struct slice *out;
};

/* SET NX leaves an older secret in place; the GET behind it reads whichever it is. */
static void on_secret(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct secret_op *s = (struct secret_op *)op;
	struct slice text;
	int err = redis_reply_err(op->client, reply);

	if (err != 0)
		op->err = err;
	if (index == 0)
		return;
	if (op->err == 0 && (redis_parse_text(reply, &text) != 0 || slice_empty(text)))
		op->err = -EIO;
	if (op->err == 0) {
		text = arena_dup(s->arena, text);
		if (text.p == NULL)
			op->err = -ENOMEM;
		else
			*s->out = text;
	}
	redis_op_done(op, op->err);
}

int redis_secret(struct store_handle *h, struct arena *arena, struct slice proposal,
	struct slice *out, store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args set, get;
	struct secret_op *s;
	struct slice key;
	int err;

	s = redis_op_new(c, sizeof(*s), on_secret, done, arg, &err);
	if (s == NULL)
		return err;
	s->arena = arena;
	s->out = out;
	arena_reset(c->scratch);
	key = redis_key_secret(c->scratch, h->st->conf.prefix);
	redis_args_init(&set, c->scratch, 4);
	redis_args_str(&set, "SET");
	redis_args_add(&set, key);
	redis_args_add(&set, proposal);
	redis_args_str(&set, "NX");
	redis_args_init(&get, c->scratch, 2);
	redis_args_str(&get, "GET");
	redis_args_add(&get, key);
	if (key.p == NULL || get.err != 0)
		return redis_op_abandon(&s->op, -ENOMEM);
	err = redis_op_send(&s->op, &set);
	return err != 0 ? redis_op_abandon(&s->op, err) : redis_op_start(&s->op, &get);
}

/* MULTI, HSET, PEXPIRE, EXEC: no heartbeat without an end. Only EXEC's answer counts. */
static void on_beat(struct redis_op *op, unsigned index, const redisReply *reply)
{
	int err = redis_reply_err(op->client, reply);

	if (err != 0)
		op->err = err;
	if (index == 3)
		redis_op_done(op, op->err);
}

static int send_words(struct redis_op *op, const struct slice *words, unsigned count)
{
	struct redis_client *c = op->client;
	struct redis_args args;
	unsigned i;

	redis_args_init(&args, c->scratch, count);
	for (i = 0; i < count; i++)
		redis_args_add(&args, words[i]);
	return redis_op_send(op, &args);
}

/* The index first, so that no node beats unseen. */
static void list_name(struct redis_client *c, struct slice name)
{
	struct redis_args args;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 4);
	redis_args_str(&args, "ZADD");
	redis_args_key(&args, redis_key_nodes(c->scratch, c->h->st->conf.prefix));
	redis_args_int(&args, store_wall_ms());
	redis_args_add(&args, name);
	redis_side_send(c, &args);
}

int redis_beat(struct store_handle *h, const struct store_node *n, unsigned life_ms,
	store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct arena *a = c->scratch;
	struct redis_op *op;
	struct slice key, started, load, life;
	int err;

	op = redis_op_new(c, sizeof(*op), on_beat, done, arg, &err);
	if (op == NULL)
		return err;
	list_name(c, n->name);
	arena_reset(a);
	key = redis_key_node(a, h->st->conf.prefix, n->name);
	started = arena_printf(a, "%lld", (long long)n->started);
	load = arena_printf(a, "%u", n->load);
	life = arena_printf(a, "%u", life_ms);
	if (key.p == NULL || started.p == NULL || load.p == NULL || life.p == NULL)
		return redis_op_abandon(op, -ENOMEM);
	const struct slice multi[] = {SLICE("MULTI")};
	const struct slice hset[] = {SLICE("HSET"), key, SLICE("version"), n->version,
		SLICE("started"), started, SLICE("sockets"), n->sockets, SLICE("load"),
		load};
	const struct slice expire[] = {SLICE("PEXPIRE"), key, life};
	const struct slice exec[] = {SLICE("EXEC")};
	err = send_words(op, multi, 1);
	if (err == 0)
		err = send_words(op, hset, sizeof(hset) / sizeof(hset[0]));
	if (err == 0)
		err = send_words(op, expire, 3);
	if (err == 0)
		err = send_words(op, exec, 1);
	return err == 0 ? -EINPROGRESS : redis_op_abandon(op, err);
}
