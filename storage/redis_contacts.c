/* Contacts read: the index first, then each record. While Redis is away the node's own
 * table answers. */
#include <errno.h>

#include "storage/redis_keys.h"
#include "storage/redis_parse.h"
#include "storage/store_contact.h"
#include "storage/store_redis.h"

enum { SCAN_COUNT = 100, SCAN_KEYS_MAX = 1000 };

struct get_op {
	struct redis_op op;
	struct slice aor;
	int64_t now;
	struct store_contacts *out;
	struct store_contacts found; /* handed to out when whole */
	struct slice *ids;           /* in the arena: one for each HMGET under way */
	struct slice *missing;       /* in the arena: ids found to name nothing */
	unsigned missing_count;
};

void redis_hmget_args(struct redis_args *args, struct redis_client *c, struct slice key)
{
	unsigned i;

	redis_args_init(args, c->scratch, 2 + STORE_FIELDS);
	if (key.p == NULL)
		args->err = -ENOMEM;
	redis_args_str(args, "HMGET");
	redis_args_add(args, key);
	for (i = 0; i < STORE_FIELDS; i++)
		redis_args_str(args, store_fields[i]);
}

/* Redis is away. What this node saved itself is answered; of the rest it cannot say that it
 * is not there. */
static int get_own(struct store_handle *h, struct slice aor, int64_t now,
	struct store_contacts *out, int err)
{
	struct store_contacts own = {.arena = out->arena};

	if (store_table_get(h->st->table, aor, now, &own) != 0 || own.count == 0)
		return err;
	store_count(h, STORE_C_OWN_READS, 1);
	*out = own;
	return 0;
}

static int rescue_get(struct redis_op *op, int err)
{
	const struct get_op *g = (struct get_op *)op;

	if (!redis_is_away(err))
		return err;
	return get_own(op->client->h, g->aor, g->now, g->out, err);
}

/* Take ids from the AOR's set that name nothing; one saved again meanwhile stays. */
static void mend(struct get_op *g)
{
	struct redis_client *c = g->op.client;
	struct redis_args args;
	unsigned i;

	if (g->missing_count == 0)
		return;
	/* As text: it is short, and nobody could resend it after NOSCRIPT. */
	redis_script_args(&args, c, STORE_S_MEND, true, g->aor, g->missing_count);
	for (i = 0; i < g->missing_count; i++)
		redis_args_add(&args, g->missing[i]);
	redis_side_send(c, &args);
	store_count(c->h, STORE_C_MENDED, g->missing_count);
}

/* One record of an AOR has come; the last completes. */
static void on_record(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct get_op *g = (struct get_op *)op;
	struct store_contacts *out = &g->found;
	struct store_contact c;
	struct slice id = g->ids[index - 1];
	int err = redis_reply_err(op->client, reply);

	if (err == 0 && reply->type == REDIS_REPLY_ARRAY)
		err = redis_parse_contact(
			&c, g->found.arena, id, reply->element, reply->elements);
	else if (err == 0)
		err = -EBADMSG;
	if (err == 0 && c.expires > g->now)
		out->list[out->count++] = c;
	else if (err == -ENOENT)
		g->missing[g->missing_count++] = id;
	else if (err == -ENOMEM || err == -EIO || err == -EBUSY)
		op->err = err;
	if (op->heard < op->sent)
		return;
	if (op->err == 0)
		mend(g);
	store_contacts_sort(out->list, out->count);
	if (op->err == 0)
		*g->out = *out;
	redis_op_done(op, op->err);
}

static int ask_records(struct get_op *g, const redisReply *ids)
{
	struct redis_client *c = g->op.client;
	size_t n =
		ids->elements < STORE_MAX_CONTACTS ? ids->elements : STORE_MAX_CONTACTS;
	size_t i;
	int err = 0;

	g->ids = arena_alloc(g->found.arena, n * sizeof(*g->ids));
	g->missing = arena_alloc(g->found.arena, n * sizeof(*g->missing));
	g->found.list = arena_alloc(g->found.arena, n * sizeof(*g->found.list));
	if (g->ids == NULL || g->missing == NULL || g->found.list == NULL)
		return -ENOMEM;
	for (i = 0; i < n && err == 0; i++) {
		struct redis_args args;
		struct slice id = {0};

		if (redis_parse_text(ids->element[i], &id) != 0)
			return -EIO;
		g->ids[i] = arena_dup(g->found.arena, id);
		arena_reset(c->scratch);
		redis_hmget_args(&args, c,
			redis_key_contact(c->scratch, c->h->st->conf.prefix, g->aor, id));
		err = g->ids[i].p == NULL ? -ENOMEM : redis_op_send(&g->op, &args);
	}
	return err;
}

static void on_get(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct get_op *g = (struct get_op *)op;
	int err;

	if (index > 0) {
		on_record(op, index, reply);
		return;
	}
	err = redis_reply_err(op->client, reply);
	if (err == 0 && reply->type != REDIS_REPLY_ARRAY)
		err = -EIO;
	if (err == 0 && reply->elements > 0) {
		err = ask_records(g, reply);
		if (err == 0)
			return;
	}
	if (err == 0)
		*g->out = g->found;
	redis_op_done(op, err);
}

int redis_get(struct store_handle *h, struct slice aor, int64_t now,
	struct store_contacts *out, store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args args;
	struct get_op *g;
	int err;

	g = redis_op_new(c, sizeof(*g), on_get, done, arg, &err);
	if (g == NULL)
		return redis_is_away(err) ? get_own(h, aor, now, out, err) : err;
	g->op.rescue = rescue_get;
	g->aor = aor;
	g->now = now;
	g->out = out;
	g->found.arena = out->arena;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 2);
	redis_args_str(&args, "SMEMBERS");
	redis_args_add(&args, redis_key_aor(c->scratch, h->st->conf.prefix, aor));
	return redis_op_start(&g->op, &args);
}
