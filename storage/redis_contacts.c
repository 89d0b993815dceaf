/* Contacts read: the index first, then each record. While Redis is away the node's own
 * table answers. */
#include <errno.h>

#include "storage/redis_keys.h"
#include "storage/redis_parse.h"
#include "storage/store_contact.h"
#include "storage/store_redis.h"

enum { SCAN_COUNT = 100, SCAN_KEYS_MAX = 1000 };

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

static bool is_away(int err)
{
	return err == -ENOTCONN || err == -ETIMEDOUT;
}

static int rescue_get(struct redis_op *op, int err)
{
	if (!is_away(err))
		return err;
	return get_own(op->client->h, op->aor, op->now, op->contacts, err);
}

/* Take ids from the AOR's set that name nothing; one saved again meanwhile stays. */
static void mend(struct redis_op *op)
{
	struct redis_client *c = op->client;
	struct redis_args args;
	unsigned i;

	if (op->missing_count == 0)
		return;
	/* As text: it is short, and nobody could resend it after NOSCRIPT. */
	redis_script_args(&args, c, STORE_S_MEND, true, op->aor, op->missing_count);
	for (i = 0; i < op->missing_count; i++)
		redis_args_add(&args, op->missing[i]);
	redis_side_send(c, &args);
	store_count(c->h, STORE_C_MENDED, op->missing_count);
}

/* One record of an AOR has come; the last completes. */
static void on_record(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct store_contacts *out = &op->found;
	struct store_contact c;
	struct slice id = op->ids[index - 1];
	int err = redis_reply_err(op->client, reply);

	if (err == 0 && reply->type == REDIS_REPLY_ARRAY)
		err = redis_parse_contact(
			&c, op->arena, id, reply->element, reply->elements);
	else if (err == 0)
		err = -EBADMSG;
	if (err == 0 && c.expires > op->now)
		out->list[out->count++] = c;
	else if (err == -ENOENT)
		op->missing[op->missing_count++] = id;
	else if (err == -ENOMEM || err == -EIO || err == -EBUSY)
		op->err = err;
	if (op->heard < op->sent)
		return;
	if (op->err == 0)
		mend(op);
	store_contacts_sort(out->list, out->count);
	if (op->err == 0)
		*op->contacts = *out;
	redis_op_done(op, op->err);
}

static int ask_records(struct redis_op *op, const redisReply *ids)
{
	struct redis_client *c = op->client;
	size_t n =
		ids->elements < STORE_MAX_CONTACTS ? ids->elements : STORE_MAX_CONTACTS;
	size_t i;
	int err = 0;

	op->ids = arena_alloc(op->arena, n * sizeof(*op->ids));
	op->missing = arena_alloc(op->arena, n * sizeof(*op->missing));
	op->found.list = arena_alloc(op->arena, n * sizeof(*op->found.list));
	if (op->ids == NULL || op->missing == NULL || op->found.list == NULL)
		return -ENOMEM;
	for (i = 0; i < n && err == 0; i++) {
		struct redis_args args;
		struct slice id = {0};

		if (redis_parse_text(ids->element[i], &id) != 0)
			return -EIO;
		op->ids[i] = arena_dup(op->arena, id);
		arena_reset(c->scratch);
		redis_hmget_args(&args, c,
			redis_key_contact(
				c->scratch, c->h->st->conf.prefix, op->aor, id));
		err = op->ids[i].p == NULL ? -ENOMEM : redis_op_send(op, &args);
	}
	return err;
}

static void on_get(struct redis_op *op, unsigned index, const redisReply *reply)
{
	int err;

	if (index > 0) {
		on_record(op, index, reply);
		return;
	}
	err = redis_reply_err(op->client, reply);
	if (err == 0 && reply->type != REDIS_REPLY_ARRAY)
		err = -EIO;
	if (err == 0 && reply->elements > 0) {
		err = ask_records(op, reply);
		if (err == 0)
			return;
	}
	if (err == 0)
		*op->contacts = op->found;
	redis_op_done(op, err);
}

int redis_get(struct store_handle *h, struct slice aor, int64_t now,
	struct store_contacts *out, store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args args;
	struct redis_op *op;
	int err;

	op = redis_op_new(c, on_get, done, arg, &err);
	if (op == NULL)
		return is_away(err) ? get_own(h, aor, now, out, err) : err;
	op->rescue = rescue_get;
	op->aor = aor;
	op->now = now;
	op->contacts = out;
	op->found.arena = out->arena;
	op->arena = out->arena;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 2);
	redis_args_str(&args, "SMEMBERS");
	redis_args_add(&args, redis_key_aor(c->scratch, h->st->conf.prefix, aor));
	return redis_op_start(op, &args);
}

/* Pages of all */

static void on_page_record(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct store_page *page = &op->filled;
	struct store_contact c;
	int err = redis_reply_err(op->client, reply);

	if (err == 0 && reply->type == REDIS_REPLY_ARRAY)
		err = redis_parse_contact(&c, op->arena, op->ids[2 * (index - 1) + 1],
			reply->element, reply->elements);
	else if (err == 0)
		err = -EBADMSG;
	if (err == 0 && c.expires > op->now) {
		page->aors[page->count] = op->ids[2 * (index - 1)];
		page->contacts[page->count++] = c;
	}
	if (err == -ENOMEM)
		op->err = err;
	if (op->heard < op->sent)
		return;
	if (op->err == 0)
		*op->page = *page;
	redis_op_done(op, op->err);
}

/* One record per key that is a contact's; others of the same prefix are left alone. */
static int ask_page(struct redis_op *op, const redisReply *keys)
{
	struct redis_client *c = op->client;
	size_t n = keys->elements < SCAN_KEYS_MAX ? keys->elements : SCAN_KEYS_MAX;
	unsigned asked = 0;
	size_t i;
	int err;

	op->ids = arena_alloc(op->arena, 2 * n * sizeof(*op->ids));
	op->filled.aors = arena_alloc(op->arena, n * sizeof(*op->filled.aors));
	op->filled.contacts = arena_alloc(op->arena, n * sizeof(*op->filled.contacts));
	if (op->ids == NULL || op->filled.aors == NULL || op->filled.contacts == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		struct slice *pair = &op->ids[2 * asked];
		struct redis_args args;
		struct slice key, id;

		if (redis_parse_text(keys->element[i], &key) != 0)
			continue;
		err = redis_key_parse_contact(
			op->arena, c->h->st->conf.prefix, key, &pair[0], &id);
		if (err == -EINVAL)
			continue;
		pair[1] = arena_dup(op->arena, id);
		arena_reset(c->scratch);
		redis_hmget_args(&args, c, key);
		if (err == 0)
			err = pair[1].p == NULL ? -ENOMEM : redis_op_send(op, &args);
		if (err != 0)
			return err;
		asked++;
	}
	return 0;
}

static void on_scan(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct slice cursor;
	int err;

	if (index > 0) {
		on_page_record(op, index, reply);
		return;
	}
	err = redis_reply_err(op->client, reply);
	if (err == 0 &&
		(reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
			reply->element[1]->type != REDIS_REPLY_ARRAY ||
			redis_parse_text(reply->element[0], &cursor) != 0 ||
			slice_u64(cursor, UINT64_MAX, &op->filled.cursor) != 0))
		err = -EIO;
	if (err == 0)
		err = ask_page(op, reply->element[1]);
	if (err == 0 && op->heard < op->sent)
		return;
	if (err == 0)
		*op->page = op->filled;
	redis_op_done(op, err);
}

int redis_scan(struct store_handle *h, int64_t now, struct store_page *page,
	store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args args;
	struct redis_op *op;
	int err;

	op = redis_op_new(c, on_scan, done, arg, &err);
	if (op == NULL)
		return is_away(err) ? store_table_scan(h->st->table, now, page) : err;
	op->now = now;
	op->page = page;
	op->filled.arena = page->arena;
	op->arena = page->arena;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 6);
	redis_args_str(&args, "SCAN");
	redis_args_add(&args,
		arena_printf(c->scratch, "%llu", (unsigned long long)page->cursor));
	redis_args_str(&args, "MATCH");
	redis_args_add(&args, redis_key_contacts_pattern(c->scratch, h->st->conf.prefix));
	redis_args_str(&args, "COUNT");
	redis_args_int(&args, SCAN_COUNT);
	return redis_op_start(op, &args);
}
