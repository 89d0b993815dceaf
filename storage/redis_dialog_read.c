/*
 * Dialogs read: a list of ids, the Call-ID of each, the record of each. What the list says is
 * checked against the records, and mended.
 *
 *     due:  ZRANGEBYSCORE --> GET... --> HMGET...        find:       GET --> HMGET
 *     scan: ZSCAN         --> GET... --> HMGET...        get: HMGET...
 */
#include <errno.h>

#include "storage/redis_dialog.h"
#include "storage/redis_keys.h"

enum { SCAN_COUNT = STORE_MAX_DIALOGS };

enum kind { GET, FIND, DUE, SCAN };
enum step { LIST, NAMES, RECORDS };

struct item {
	struct slice call_id, id;
	int64_t listed; /* deadline by the timers */
};

struct read_op {
	struct redis_op op;
	enum kind kind;
	enum step step;
	int64_t until;
	struct item *items; /* in the arena */
	unsigned count;     /* of them, asked for in this step */
	unsigned heard;     /* replies of this step */
	unsigned named;     /* items whose Call-ID is known, moved to the front */
	struct store_dialogs *out;
	struct store_dialogs found; /* handed to out when whole */
};

static struct arena *arena_of(struct read_op *r)
{
	return r->found.arena;
}

static void finish(struct read_op *r, int err)
{
	if (err == 0 && r->kind == DUE)
		store_dialogs_sort(r->found.list, r->found.count);
	if (err == 0)
		*r->out = r->found;
	redis_op_done(&r->op, err);
}

/* A reply that says nothing of the item because somebody wrote it by hand is no error of the
 * whole. */
static int reply_err(struct read_op *r, const redisReply *reply)
{
	int err = redis_reply_err(r->op.client, reply);

	return err != 0 && redis_reply_says(reply, "WRONGTYPE") ? -EBADMSG : err;
}

/* The timers name nothing that waits for its time. */
static void mend_gone(struct read_op *r, const struct item *item)
{
	if (r->kind != DUE && r->kind != SCAN)
		return;
	store_count(r->op.client->h, STORE_C_MENDED, 1);
	redis_timers_mend(r->op.client, item->call_id, item->id, 0);
}

/* Somebody spoilt the record. It leaves the timers, so that it is not met again every time;
 * the next put writes it whole. */
static void drop_spoilt(struct read_op *r, const struct item *item)
{
	struct redis_client *c = r->op.client;
	struct redis_args args;

	redis_complain(c, "a dialog's record makes no sense", item->id);
	if (r->kind != DUE && r->kind != SCAN)
		return;
	redis_timers_remove_args(&args, c, item->id);
	redis_side_send(c, &args);
}

/* Keys that lead to a live record, should they be missing. */
static void mend_index(struct read_op *r, const struct store_dialog *d)
{
	struct redis_client *c = r->op.client;
	struct redis_args args;

	redis_dialog_id_write(c, d->call_id, d->id, d->deadline_ms, true);
	redis_timers_add_args(&args, c, "NX", d->deadline_ms, d->id);
	redis_side_send(c, &args);
}

static void take(struct read_op *r, const struct item *item, const struct store_dialog *d)
{
	bool waits = d->state != STORE_DIALOG_ENDED;

	switch (r->kind) {
	case GET:
		if (waits)
			mend_index(r, d);
		break;
	case FIND:
		break;
	case DUE:
	case SCAN:
		if (!waits) {
			mend_gone(r, item);
			return;
		}
		if (item->listed != d->deadline_ms) {
			store_count(r->op.client->h, STORE_C_MENDED, 1);
			redis_timers_mend(
				r->op.client, d->call_id, d->id, d->deadline_ms);
		}
		if (r->kind == DUE && d->deadline_ms > r->until)
			return;
		break;
	}
	r->found.list[r->found.count++] = *d;
}

static void on_record(struct read_op *r, const redisReply *reply)
{
	const struct item *item = &r->items[r->heard++];
	struct store_dialog d;
	int err = reply_err(r, reply);

	if (err == 0 && reply->type == REDIS_REPLY_ARRAY)
		err = redis_parse_dialog(&d, arena_of(r), item->call_id, item->id,
			reply->element, reply->elements);
	else if (err == 0)
		err = -EBADMSG;
	if (err == 0)
		take(r, item, &d);
	else if (err == -ENOENT)
		mend_gone(r, item);
	else if (err == -EBADMSG)
		drop_spoilt(r, item);
	else
		r->op.err = err;
	if (r->heard == r->count)
		finish(r, r->op.err);
}

static int ask_record(struct read_op *r, const struct item *item)
{
	struct redis_client *c = r->op.client;
	struct redis_args args;
	unsigned i;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 2 + DIALOG_FIELDS);
	redis_args_str(&args, "HMGET");
	redis_args_key(&args,
		redis_key_dialog(
			c->scratch, c->h->st->conf.prefix, item->call_id, item->id));
	for (i = 0; i < DIALOG_FIELDS; i++)
		redis_args_str(&args, redis_dialog_fields[i]);
	return redis_op_send(&r->op, &args);
}

/* 0: replies are awaited; else the operation cannot go on. */
static int ask_records(struct read_op *r, unsigned count)
{
	unsigned i;
	int err = 0;

	r->step = RECORDS;
	r->heard = 0;
	r->count = count;
	r->found.list = arena_alloc(arena_of(r), count * sizeof(*r->found.list));
	if (r->found.list == NULL)
		return -ENOMEM;
	for (i = 0; i < count && err == 0; i++)
		err = ask_record(r, &r->items[i]);
	return err;
}

static void on_name(struct read_op *r, const redisReply *reply)
{
	struct item item = r->items[r->heard++];
	int err = reply_err(r, reply);

	if (err == 0)
		err = redis_parse_text(reply, &item.call_id);
	if (err == 0 &&
		(slice_empty(item.call_id) || item.call_id.len > STORE_CALL_ID_MAX))
		err = -EBADMSG;
	if (err == 0) {
		item.call_id = arena_dup(arena_of(r), item.call_id);
		if (item.call_id.p == NULL)
			err = -ENOMEM;
	}
	if (err == 0)
		r->items[r->named++] = item;
	else if (err == -EBADMSG) {
		item.call_id = SLICE("");
		mend_gone(r, &item);
	} else
		r->op.err = err;
	if (r->heard < r->count)
		return;
	err = r->op.err;
	if (err == 0)
		err = ask_records(r, r->named);
	if (err != 0 || r->named == 0)
		finish(r, err);
}

static int ask_names(struct read_op *r, unsigned count)
{
	struct redis_args args;
	unsigned i;
	int err = 0;

	r->step = NAMES;
	r->heard = r->named = 0;
	r->count = count;
	for (i = 0; i < count && err == 0; i++) {
		redis_dialog_name_args(&args, r->op.client, r->items[i].id);
		err = redis_op_send(&r->op, &args);
	}
	return err;
}

/* Ids, each followed by its score. */
static int take_list(struct read_op *r, const redisReply *list, unsigned *count)
{
	size_t i;

	*count = 0;
	r->items = arena_alloc(arena_of(r), (list->elements / 2) * sizeof(*r->items));
	if (r->items == NULL)
		return -ENOMEM;
	for (i = 0; i + 1 < list->elements; i += 2) {
		struct item *item = &r->items[*count];
		struct slice id;

		*item = (struct item){0};
		if (redis_parse_text(list->element[i], &id) != 0 ||
			redis_parse_score(list->element[i + 1], &item->listed) != 0)
			continue;
		item->id = id;
		if (id.len == 0 || id.len > STORE_DIALOG_ID_MAX) {
			mend_gone(r, item);
			continue;
		}
		item->id = arena_dup(arena_of(r), id);
		if (item->id.p == NULL)
			return -ENOMEM;
		++*count;
	}
	return 0;
}

static void on_list(struct read_op *r, const redisReply *reply)
{
	const redisReply *list = reply;
	unsigned count = 0;
	int err = redis_reply_err(r->op.client, reply);

	if (err == 0 && r->kind == SCAN &&
		redis_parse_scan(reply, &r->found.cursor, &list) != 0)
		err = -EIO;
	if (err == 0 && list->type != REDIS_REPLY_ARRAY)
		err = -EIO;
	if (err == 0)
		err = take_list(r, list, &count);
	if (err == 0)
		err = ask_names(r, count);
	if (err != 0 || count == 0)
		finish(r, err);
}

static void on_read(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct read_op *r = (struct read_op *)op;

	(void)index;
	switch (r->step) {
	case LIST:
		on_list(r, reply);
		break;
	case NAMES:
		on_name(r, reply);
		break;
	case RECORDS:
		on_record(r, reply);
		break;
	}
}

static struct read_op *start(struct store_handle *h, enum kind kind,
	struct store_dialogs *out, store_done done, void *arg, int *err)
{
	struct read_op *r = redis_op_new(h->redis, sizeof(*r), on_read, done, arg, err);

	if (r == NULL)
		return NULL;
	r->kind = kind;
	r->out = out;
	r->found.arena = out->arena;
	return r;
}

/* -EINPROGRESS when what was to be sent is sent. */
static int started(struct read_op *r, int err)
{
	return err == 0 ? -EINPROGRESS : redis_op_abandon(&r->op, err);
}

int redis_dialogs_get(struct store_handle *h, struct slice call_id,
	const struct slice *ids, unsigned count, struct store_dialogs *out,
	store_done done, void *arg)
{
	struct read_op *r;
	unsigned i;
	int err;

	if (count == 0) {
		*out = (struct store_dialogs){.arena = out->arena};
		return 0;
	}
	r = start(h, GET, out, done, arg, &err);
	if (r == NULL)
		return err;
	r->items = arena_alloc(out->arena, count * sizeof(*r->items));
	for (i = 0; i < count && r->items != NULL; i++)
		r->items[i] = (struct item){.call_id = call_id, .id = ids[i]};
	return started(r, r->items == NULL ? -ENOMEM : ask_records(r, count));
}

int redis_dialog_find(struct store_handle *h, struct slice id, struct store_dialogs *out,
	store_done done, void *arg)
{
	struct read_op *r;
	int err;

	r = start(h, FIND, out, done, arg, &err);
	if (r == NULL)
		return err;
	r->items = arena_alloc(out->arena, sizeof(*r->items));
	if (r->items != NULL)
		r->items[0] = (struct item){.id = id};
	return started(r, r->items == NULL ? -ENOMEM : ask_names(r, 1));
}

int redis_dialogs_due(struct store_handle *h, int64_t until_ms, struct store_dialogs *out,
	store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args args;
	struct read_op *r;
	int err;

	r = start(h, DUE, out, done, arg, &err);
	if (r == NULL)
		return err;
	r->until = until_ms;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 8);
	redis_args_str(&args, "ZRANGEBYSCORE");
	redis_args_key(&args, redis_key_timers(c->scratch, h->st->conf.prefix));
	redis_args_str(&args, "-inf");
	redis_args_int(&args, until_ms);
	redis_args_str(&args, "WITHSCORES");
	redis_args_str(&args, "LIMIT");
	redis_args_str(&args, "0");
	redis_args_int(&args, STORE_MAX_DIALOGS);
	return started(r, redis_op_send(&r->op, &args));
}

/* Over the timers, which name all that have not ended: no walk through all keys. */
int redis_dialogs_scan(
	struct store_handle *h, struct store_dialogs *page, store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args args;
	struct read_op *r;
	int err;

	r = start(h, SCAN, page, done, arg, &err);
	if (r == NULL)
		return err;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 5);
	redis_args_str(&args, "ZSCAN");
	redis_args_key(&args, redis_key_timers(c->scratch, h->st->conf.prefix));
	redis_args_u64(&args, page->cursor);
	redis_args_str(&args, "COUNT");
	redis_args_int(&args, SCAN_COUNT);
	return started(r, redis_op_send(&r->op, &args));
}
