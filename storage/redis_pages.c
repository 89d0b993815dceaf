/* Contacts read page by page: all there are (SCAN), or those of a socket (ZSCAN). While Redis
 * is away the node's own table answers. */
#include <errno.h>

#include "storage/redis_keys.h"
#include "storage/redis_parse.h"
#include "storage/store_redis.h"

enum { SCAN_COUNT = 100 };

/* A cursor into the own table; Redis' own never get there (they stay below the table's size). */
#define OWN_CURSOR ((uint64_t)1 << 63)

/* A key or index entry under examination; text lives in the page's arena. */
struct page_item {
	struct slice aor, id;
	struct slice member; /* of a socket's set, as it stands there */
	int64_t expires;     /* the index' opinion */
};

struct page_op {
	struct redis_op op;
	struct slice socket; /* empty: all contacts */
	int64_t now;
	struct store_page *out;
	struct store_page filled; /* handed to out when whole */
	struct page_item *items;  /* in the arena: one for each HMGET under way */
	unsigned count;
	bool expired; /* index entries were seen that are over */
};

/*
 * From the own table, while Redis is away. A scan that meets the change begins anew on the
 * other side: what is there all the time may come twice, and is not missed.
 */
static int own_page(
	struct store_handle *h, struct slice socket, int64_t now, struct store_page *page)
{
	struct store_page own = {.arena = page->arena};
	int err;

	if ((page->cursor & OWN_CURSOR) != 0)
		own.cursor = page->cursor & ~OWN_CURSOR;
	err = store_table_scan(h->st->table, socket, now, &own);
	if (err != 0)
		return err;
	store_count(h, STORE_C_OWN_READS, 1);
	if (own.cursor != 0)
		own.cursor |= OWN_CURSOR;
	*page = own;
	return 0;
}

static int rescue_page(struct redis_op *op, int err)
{
	struct page_op *p = (struct page_op *)op;

	return redis_is_away(err) ? own_page(op->client->h, p->socket, p->now, p->out)
				  : err;
}

/* The entry names nothing, or a binding that has moved to another socket. */
static void unbind(struct page_op *p, const struct page_item *item)
{
	struct redis_client *c = p->op.client;

	arena_reset(c->scratch);
	redis_unbind_member(c, p->socket, item->member, item->expires);
	store_count(c->h, STORE_C_MENDED, 1);
}

static void finish(struct page_op *p, int err)
{
	if (err == 0 && p->expired)
		redis_bindings_clean(p->op.client, p->socket, p->now);
	if (err == 0)
		*p->out = p->filled;
	redis_op_done(&p->op, err);
}

static void on_record(struct page_op *p, unsigned index, const redisReply *reply)
{
	const struct page_item *item = &p->items[index];
	struct store_page *page = &p->filled;
	struct store_contact c;
	bool indexed = !slice_empty(p->socket);
	int err = redis_reply_err(p->op.client, reply);

	if (err == 0 && reply->type == REDIS_REPLY_ARRAY)
		err = redis_parse_contact(
			&c, page->arena, item->id, reply->element, reply->elements);
	else if (err == 0 || redis_reply_says(reply, "WRONGTYPE"))
		err = -EBADMSG;
	if (err == 0 && indexed && !slice_eq(c.socket, p->socket))
		err = -ENOENT;
	if (err == 0 && c.expires > p->now) {
		page->aors[page->count] = item->aor;
		page->contacts[page->count++] = c;
	}
	if (err == -ENOENT && indexed)
		unbind(p, item);
	/* One that somebody spoilt is as good as none; the next refresh rewrites it. */
	else if (err != 0 && err != -ENOENT && err != -EBADMSG)
		p->op.err = err;
	if (p->op.heard == p->op.sent)
		finish(p, p->op.err);
}

static int ask_record(struct page_op *p, const struct page_item *item)
{
	struct redis_client *c = p->op.client;
	struct redis_args args;

	if (item->id.p == NULL)
		return -ENOMEM;
	arena_reset(c->scratch);
	redis_hmget_args(&args, c,
		redis_key_contact(
			c->scratch, c->h->st->conf.prefix, item->aor, item->id));
	return redis_op_send(&p->op, &args);
}

/* Keys of contacts; others of the same prefix are left alone. */
static int ask_keys(struct page_op *p, const redisReply *keys)
{
	struct redis_client *c = p->op.client;
	struct arena *arena = p->filled.arena;
	size_t i;
	int err = 0;

	for (i = 0; i < keys->elements && err == 0; i++) {
		struct page_item *item = &p->items[p->count];
		struct slice key, id;

		if (redis_parse_text(keys->element[i], &key) != 0)
			continue;
		err = redis_key_parse_contact(
			arena, c->h->st->conf.prefix, key, &item->aor, &id);
		if (err == -EINVAL) {
			err = 0;
			continue;
		}
		item->id = arena_dup(arena, id);
		if (err == 0)
			err = ask_record(p, item);
		p->count++;
	}
	return err;
}

/* Members of a socket's set, each followed by its score. */
static int ask_members(struct page_op *p, const redisReply *members)
{
	struct arena *arena = p->filled.arena;
	size_t i;
	int err = 0;

	for (i = 0; i + 1 < members->elements && err == 0; i += 2) {
		struct page_item *item = &p->items[p->count];
		struct slice member;

		if (redis_parse_text(members->element[i], &member) != 0)
			continue;
		if (redis_parse_score(members->element[i + 1], &item->expires) != 0)
			item->expires = INT64_MAX;
		if (item->expires <= p->now) {
			p->expired = true;
			continue;
		}
		item->member = arena_dup(arena, member);
		if (item->member.p == NULL)
			return -ENOMEM;
		err = redis_key_parse_member(arena, item->member, &item->aor, &item->id);
		if (err == -EINVAL) { /* nobody's: somebody's experiment */
			unbind(p, item);
			err = 0;
			continue;
		}
		if (err == 0)
			err = ask_record(p, item);
		p->count++;
	}
	return err;
}

static int ask_records(struct page_op *p, const redisReply *list)
{
	struct arena *arena = p->filled.arena;
	size_t n = list->elements;

	p->items = arena_alloc(arena, n * sizeof(*p->items));
	p->filled.aors = arena_alloc(arena, n * sizeof(*p->filled.aors));
	p->filled.contacts = arena_alloc(arena, n * sizeof(*p->filled.contacts));
	if (p->items == NULL || p->filled.aors == NULL || p->filled.contacts == NULL)
		return -ENOMEM;
	return slice_empty(p->socket) ? ask_keys(p, list) : ask_members(p, list);
}

static void on_page(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct page_op *p = (struct page_op *)op;
	const redisReply *list = NULL;
	int err;

	if (index > 0) {
		on_record(p, index - 1, reply);
		return;
	}
	err = redis_reply_err(op->client, reply);
	if (err == 0)
		err = redis_parse_scan(reply, &p->filled.cursor, &list);
	if (err == 0)
		err = ask_records(p, list);
	if (err != 0 || op->heard == op->sent)
		finish(p, err);
}

static int start(struct store_handle *h, struct slice socket, int64_t now,
	struct store_page *page, store_done done, void *arg, struct page_op **out)
{
	struct page_op *p;
	int err;

	p = redis_op_new(h->redis, sizeof(*p), on_page, done, arg, &err);
	if (p == NULL)
		return redis_is_away(err) ? own_page(h, socket, now, page) : err;
	p->op.rescue = rescue_page;
	p->socket = socket;
	p->now = now;
	p->out = page;
	p->filled.arena = page->arena;
	*out = p;
	return -EINPROGRESS;
}

static void scan_args(struct redis_args *args, uint64_t cursor)
{
	redis_args_u64(args, (cursor & OWN_CURSOR) != 0 ? 0 : cursor);
	redis_args_str(args, "COUNT");
	redis_args_int(args, SCAN_COUNT);
}

int redis_scan(struct store_handle *h, int64_t now, struct store_page *page,
	store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args args;
	struct page_op *p = NULL;
	int err = start(h, SLICE(""), now, page, done, arg, &p);

	if (p == NULL)
		return err;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 6);
	redis_args_str(&args, "SCAN");
	scan_args(&args, page->cursor);
	redis_args_str(&args, "MATCH");
	redis_args_key(&args, redis_key_contacts_pattern(c->scratch, h->st->conf.prefix));
	return redis_op_start(&p->op, &args);
}

int redis_bindings(struct store_handle *h, struct slice socket, int64_t now,
	struct store_page *page, store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args args;
	struct page_op *p = NULL;
	int err = start(h, socket, now, page, done, arg, &p);

	if (p == NULL)
		return err;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 5);
	redis_args_str(&args, "ZSCAN");
	redis_args_key(&args, redis_key_binding(c->scratch, h->st->conf.prefix, socket));
	scan_args(&args, page->cursor);
	return redis_op_start(&p->op, &args);
}
