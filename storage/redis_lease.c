/* Leases: a STRING that says who does a thing, and expires. */
#include <errno.h>

#include "storage/redis_keys.h"
#include "storage/store_redis.h"

struct lease_op {
	struct redis_op op;
	struct arena *arena;
	struct slice *holder; /* NULL: nobody asks */
};

/* The holder, or nil. */
static void on_lease(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct lease_op *l = (struct lease_op *)op;
	struct slice text = {0};
	int err = redis_reply_err(op->client, reply);

	(void)index;
	if (err == 0 && l->holder != NULL && redis_parse_text(reply, &text) != 0)
		err = -EIO;
	if (err == 0 && l->holder != NULL) {
		text = arena_dup(l->arena, text);
		if (text.p == NULL)
			err = -ENOMEM;
		else
			*l->holder = text;
	}
	redis_op_done(op, err);
}

static struct lease_op *start(struct store_handle *h, struct arena *arena,
	struct slice *holder, store_done done, void *arg, int *err)
{
	struct lease_op *l = redis_op_new(h->redis, sizeof(*l), on_lease, done, arg, err);

	if (l == NULL)
		return NULL;
	l->arena = arena;
	l->holder = holder;
	arena_reset(h->redis->scratch);
	return l;
}

/* As text: short, and asked for once a second or less. */
static void script_args(struct redis_args *args, struct store_handle *h,
	enum store_script_id script, struct slice thing)
{
	struct arena *scratch = h->redis->scratch;

	redis_args_init(args, scratch, 6);
	redis_args_str(args, "EVAL");
	redis_args_str(args, store_scripts[script].text);
	redis_args_str(args, "1");
	redis_args_key(args, redis_key_lease(scratch, h->st->conf.prefix, thing));
}

int redis_lease_take(struct store_handle *h, struct slice thing, struct slice me,
	unsigned life_ms, struct arena *arena, struct slice *holder, store_done done,
	void *arg)
{
	struct redis_args args;
	struct lease_op *l;
	int err;

	l = start(h, arena, holder, done, arg, &err);
	if (l == NULL)
		return err;
	script_args(&args, h, STORE_S_LEASE_TAKE, thing);
	redis_args_add(&args, me);
	redis_args_int(&args, life_ms);
	return redis_op_start(&l->op, &args);
}

int redis_lease_get(struct store_handle *h, struct slice thing, struct arena *arena,
	struct slice *holder, store_done done, void *arg)
{
	struct arena *scratch = h->redis->scratch;
	struct redis_args args;
	struct lease_op *l;
	int err;

	l = start(h, arena, holder, done, arg, &err);
	if (l == NULL)
		return err;
	redis_args_init(&args, scratch, 2);
	redis_args_str(&args, "GET");
	redis_args_key(&args, redis_key_lease(scratch, h->st->conf.prefix, thing));
	return redis_op_start(&l->op, &args);
}

int redis_lease_drop(struct store_handle *h, struct slice thing, struct slice me,
	store_done done, void *arg)
{
	struct redis_args args;
	struct lease_op *l;
	int err;

	l = start(h, NULL, NULL, done, arg, &err);
	if (l == NULL)
		return err;
	script_args(&args, h, STORE_S_LEASE_DROP, thing);
	redis_args_add(&args, me);
	return redis_op_start(&l->op, &args);
}
