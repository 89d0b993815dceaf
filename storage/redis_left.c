/* Who has left a socket: left:<socket>, a STREAM of {aor}:id, whose order no clock of ours makes. */
#include <errno.h>

#include "storage/redis_keys.h"
#include "storage/redis_parse.h"
#include "storage/store_redis.h"

enum {
	KEEP_MS = 600000,
	/* "{aor}:id" with all of the AOR escaped; longer ones are not ours. */
	MEMBER_MAX = 3 * STORE_AOR_MAX + 64,
};

void redis_left_add(
	struct redis_client *c, struct slice aor, const struct redis_gone *gone)
{
	struct redis_args args;

	arena_reset(c->scratch);
	/* As text: it is short, and nobody could resend it after NOSCRIPT. */
	redis_args_init(&args, c->scratch, 7);
	redis_args_str(&args, "EVAL");
	redis_args_str(&args, store_scripts[STORE_S_LEFT].text);
	redis_args_str(&args, "1");
	redis_args_key(
		&args, redis_key_left(c->scratch, c->h->st->conf.prefix, gone->socket));
	redis_args_key(&args, redis_key_member(c->scratch, aor, gone->id));
	redis_args_int(&args, STORE_LEFT_KEPT);
	redis_args_int(&args, KEEP_MS);
	redis_side_send(c, &args);
}

struct left_op {
	struct redis_op op;
	struct store_left *out;
};

/* What an entry says: [id, [field, value]]. -EBADMSG: it is none of ours. */
static int parse_one(
	const redisReply *fields, struct arena *arena, struct store_left_one *out)
{
	struct slice member;
	int err;

	if (fields->type != REDIS_REPLY_ARRAY || fields->elements != 2 ||
		redis_parse_text(fields->element[1], &member) != 0 ||
		member.len > MEMBER_MAX)
		return -EBADMSG;
	member = arena_dup(arena, member);
	if (member.p == NULL)
		return -ENOMEM;
	err = redis_key_parse_member(arena, member, &out->aor, &out->id);
	return err == -EINVAL ? -EBADMSG : err;
}

static int parse(const redisReply *r, struct store_left *left)
{
	if (r->type != REDIS_REPLY_ARRAY || r->elements > STORE_MAX_LEFT)
		return -EIO;
	left->list = arena_alloc(left->arena, r->elements * sizeof(*left->list));
	if (left->list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < r->elements; i++) {
		const redisReply *e = r->element[i];
		struct slice id;
		int err;

		if (e->type != REDIS_REPLY_ARRAY || e->elements != 2 ||
			redis_parse_text(e->element[0], &id) != 0 || slice_empty(id) ||
			id.len >= sizeof(left->cursor))
			return -EIO;
		err = parse_one(e->element[1], left->arena, &left->list[left->count]);
		if (err == -ENOMEM)
			return err;
		if (err == 0)
			left->count++;
		memcpy(left->cursor, id.p, id.len);
		left->cursor[id.len] = '\0';
	}
	left->more = r->elements == STORE_MAX_LEFT;
	return 0;
}

static void on_left(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct left_op *l = (struct left_op *)op;
	struct store_left left = *l->out;
	int err = redis_reply_err(op->client, reply);

	(void)index;
	left.count = 0;
	if (err == 0)
		err = parse(reply, &left);
	if (err == 0)
		*l->out = left;
	redis_op_done(op, err);
}

int redis_left(struct store_handle *h, struct slice socket, struct store_left *out,
	store_done done, void *arg)
{
	struct arena *scratch = h->redis->scratch;
	struct redis_args args;
	struct left_op *l;
	int err;

	l = redis_op_new(h->redis, sizeof(*l), on_left, done, arg, &err);
	if (l == NULL)
		return err;
	l->out = out;
	arena_reset(scratch);
	redis_args_init(&args, scratch, 6);
	redis_args_str(&args, "XRANGE");
	redis_args_key(&args, redis_key_left(scratch, h->st->conf.prefix, socket));
	redis_args_key(&args,
		out->cursor[0] != '\0' ? arena_printf(scratch, "(%s", out->cursor)
				       : SLICE("-"));
	redis_args_str(&args, "+");
	redis_args_str(&args, "COUNT");
	redis_args_int(&args, STORE_MAX_LEFT);
	return redis_op_start(&l->op, &args);
}
