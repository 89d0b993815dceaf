#include "storage/redis_sets.h"

#include <errno.h>

#include "storage/redis_keys.h"
#include "storage/relay_table.h"
#include "storage/store_relay.h"

enum {
	SETS_MAX = 256,
	SEARCH_COUNT = 500, /* keys that one read looks at in search of sets */
};

/* Seeds */

static void on_seed(struct redis_op *op, unsigned index, const redisReply *reply)
{
	int err = redis_reply_err(op->client, reply);

	(void)index;
	if (err != 0)
		op->err = err;
	if (op->heard == op->sent)
		redis_op_done(op, op->err);
}

static void add_id_args(struct redis_args *args, struct redis_client *c, int64_t set)
{
	arena_reset(c->scratch);
	redis_args_init(args, c->scratch, 3);
	redis_args_str(args, "SADD");
	redis_args_key(args, redis_key_sets(c->scratch, c->h->st->conf.prefix));
	redis_args_int(args, set);
}

/* The index first. */
static int send_seed(struct redis_op *op, const struct store_relay_weight *w)
{
	struct redis_client *c = op->client;
	struct redis_args args;
	int err;

	add_id_args(&args, c, w->set);
	err = redis_op_send(op, &args);
	if (err != 0)
		return err;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 4);
	redis_args_str(&args, "HSETNX");
	redis_args_key(&args, redis_key_set(c->scratch, c->h->st->conf.prefix, w->set));
	redis_args_add(&args, w->url);
	redis_args_int(&args, w->weight);
	return redis_op_send(op, &args);
}

int redis_sets_seed(struct store_handle *h, const struct store_relay_weight *list,
	unsigned count, store_done done, void *arg)
{
	struct redis_op *op;
	unsigned i;
	/* Their numbers are remembered: these sets are read even when the index is lost. */
	int err = relay_table_seed(h->st->relays, list, count);

	if (err != 0 || count == 0)
		return err;
	op = redis_op_new(h->redis, sizeof(*op), on_seed, done, arg, &err);
	if (op == NULL)
		return err;
	for (i = 0; i < count && err == 0; i++)
		err = send_seed(op, &list[i]);
	return err == 0 ? -EINPROGRESS : redis_op_abandon(op, err);
}

/* All sets: the index and one step of the search, then each set. */

enum { INDEX, SEARCH, SETS }; /* what a reply is of, by its number */

struct sets_op {
	struct redis_op op;
	struct store_sets *out;
	struct store_sets found; /* handed to out when whole */
	int64_t ids[SETS_MAX];
	unsigned count;
	unsigned cap; /* of found.list */
};

static bool add_id(struct sets_op *s, int64_t set)
{
	unsigned i;

	for (i = 0; i < s->count; i++)
		if (s->ids[i] == set)
			return false;
	if (s->count == SETS_MAX)
		return false;
	s->ids[s->count++] = set;
	return true;
}

static void take_index(struct sets_op *s, const redisReply *reply)
{
	struct slice text = {0};
	int64_t set;
	size_t i;

	for (i = 0; i < reply->elements; i++)
		if (redis_parse_text(reply->element[i], &text) != 0 ||
			redis_key_set_id(text, &set) != 0)
			redis_complain(s->op.client,
				"rtpp:sets has a member that is no number of a set",
				text);
		else
			(void)add_id(s, set);
}

/* A set that the index did not have: from now on it does. */
static void take_found(struct sets_op *s, const redisReply *keys)
{
	struct redis_client *c = s->op.client;
	struct redis_args args;
	struct slice key;
	int64_t set;
	size_t i;

	for (i = 0; i < keys->elements; i++) {
		if (redis_parse_text(keys->element[i], &key) != 0 ||
			redis_key_parse_set(c->h->st->conf.prefix, key, &set) != 0 ||
			!add_id(s, set))
			continue;
		add_id_args(&args, c, set);
		redis_side_send(c, &args);
		store_count(c->h, STORE_C_MENDED, 1);
	}
}

static int room(struct sets_op *s)
{
	struct store_relay_weight *list;
	unsigned cap = s->cap == 0 ? 16 : s->cap * 2;

	if (s->found.count < s->cap)
		return 0;
	list = arena_alloc(s->found.arena, cap * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	if (s->found.count > 0)
		memcpy(list, s->found.list, s->found.count * sizeof(*list));
	s->found.list = list;
	s->cap = cap;
	return 0;
}

/* URL and weight, alternately. */
static int take_set(struct sets_op *s, int64_t set, const redisReply *reply)
{
	size_t i;
	int err;

	for (i = 0; i + 1 < reply->elements; i += 2) {
		struct store_relay_weight w = {.set = set};
		struct slice weight;

		if (redis_parse_text(reply->element[i], &w.url) != 0 ||
			redis_parse_text(reply->element[i + 1], &weight) != 0)
			return -EIO;
		if (slice_empty(w.url) || w.url.len > STORE_NAME_MAX ||
			store_weight_parse(weight, &w.weight) != 0) {
			redis_complain(s->op.client,
				"a relay's weight in a set is no number from -1 to 65535",
				w.url);
			continue;
		}
		if (s->found.count == STORE_MAX_RELAYS)
			return -E2BIG;
		err = room(s);
		if (err == 0)
			w.url = arena_dup(s->found.arena, w.url);
		if (err != 0 || w.url.p == NULL)
			return -ENOMEM;
		s->found.list[s->found.count++] = w;
	}
	return 0;
}

static int ask_sets(struct sets_op *s)
{
	struct redis_client *c = s->op.client;
	struct redis_args args;
	unsigned i;
	int err = 0;

	for (i = 0; i < s->count && err == 0; i++) {
		arena_reset(c->scratch);
		redis_args_init(&args, c->scratch, 2);
		redis_args_str(&args, "HGETALL");
		redis_args_key(&args,
			redis_key_set(c->scratch, c->h->st->conf.prefix, s->ids[i]));
		err = redis_op_send(&s->op, &args);
	}
	return err;
}

static void finish(struct sets_op *s, int err)
{
	if (err == 0) {
		store_weights_sort(s->found.list, s->found.count);
		*s->out = s->found;
	}
	redis_op_done(&s->op, err);
}

static void on_set(struct sets_op *s, int64_t set, const redisReply *reply)
{
	int err = redis_reply_err(s->op.client, reply);

	if (redis_reply_says(reply, "WRONGTYPE"))
		err = 0; /* logged; the other sets are as good as ever */
	else if (err == 0 && reply->type == REDIS_REPLY_ARRAY)
		err = take_set(s, set, reply);
	if (err != 0 && s->op.err == 0)
		s->op.err = err;
	if (s->op.heard == s->op.sent)
		finish(s, s->op.err);
}

static void on_sets(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct sets_op *s = (struct sets_op *)op;
	const redisReply *keys = NULL;
	int err;

	if (index >= SETS) {
		on_set(s, s->ids[index - SETS], reply);
		return;
	}
	err = redis_reply_err(op->client, reply);
	if (index == INDEX) {
		if (err == 0 && reply->type == REDIS_REPLY_ARRAY)
			take_index(s, reply);
		else if (!redis_reply_says(reply, "WRONGTYPE"))
			op->err = err;
		return;
	}
	/* Without the search the sets that are known are as good as ever. */
	if (err == 0 && redis_parse_scan(reply, &op->client->set_cursor, &keys) == 0)
		take_found(s, keys);
	if (op->err == 0)
		op->err = ask_sets(s);
	if (op->err != 0 || s->count == 0)
		finish(s, op->err);
}

static int ask_index(struct sets_op *s)
{
	struct redis_client *c = s->op.client;
	const char *prefix = c->h->st->conf.prefix;
	struct redis_args args;
	int err;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 2);
	redis_args_str(&args, "SMEMBERS");
	redis_args_key(&args, redis_key_sets(c->scratch, prefix));
	err = redis_op_send(&s->op, &args);
	if (err != 0)
		return err;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 6);
	redis_args_str(&args, "SCAN");
	redis_args_u64(&args, c->set_cursor);
	redis_args_str(&args, "MATCH");
	redis_args_key(
		&args, redis_key_pattern(c->scratch, slice_str(prefix), "rtpp:set:*"));
	redis_args_str(&args, "COUNT");
	redis_args_int(&args, SEARCH_COUNT);
	return redis_op_send(&s->op, &args);
}

int redis_sets_get(
	struct store_handle *h, struct store_sets *out, store_done done, void *arg)
{
	struct sets_op *s;
	int err;

	s = redis_op_new(h->redis, sizeof(*s), on_sets, done, arg, &err);
	if (s == NULL)
		return err;
	s->out = out;
	s->found.arena = out->arena;
	s->count = relay_table_ids(h->st->relays, s->ids, SETS_MAX);
	err = ask_index(s);
	return err == 0 ? -EINPROGRESS : redis_op_abandon(&s->op, err);
}
