#include "storage/redis_rows.h"

#include <stdlib.h>

#include "storage/redis_keys.h"
#include "storage/redis_target.h"
#include "storage/store_redis.h"

enum {
	AT_ONCE = 4, /* reads under way on one handle; more: -EBUSY */
	COLUMNS_MAX = 64,
	SCAN_COUNT = 1000,
	SEEN_MAX = 2 * STORE_MAX_ROWS, /* SCAN may name a key twice */
	KEYS_FIRST = 4096,
	KEYS_LIMIT = 4 << 20,
};

#define URL_HELP                                                                         \
	"redis://[user:password@]host[:port][/db] or "                                   \
	"unix:///path[?db=n&user=u&password=p]"

struct rows_op {
	struct rows_op *next, **prev; /* of the handle */
	struct store_handle *h;
	struct redis_target *target;
	char *describe;
	struct redis_client *client;
	struct timer timer; /* the deadline; then the end */
	bool over;          /* done was called */
	store_done done;
	void *arg;

	struct slice table;
	const struct slice *columns;
	unsigned column_count;
	struct store_rows *out;
	struct store_rows found; /* handed to out when whole */
	struct arena *arena;     /* keys, until it is known which they are */
	struct slice *seen;
	unsigned seen_count;
	unsigned heard; /* records */
	bool listed;    /* all keys are known */
};

/* The one operation on the connection. */
struct read_op {
	struct redis_op op;
	struct rows_op *rows;
};

static void rows_free(struct rows_op *r)
{
	timer_stop(&r->timer);
	redis_client_close(&r->client);
	redis_target_destroy(&r->target);
	free(r->describe);
	arena_put(r->arena);
	if (r->prev != NULL) {
		*r->prev = r->next;
		if (r->next != NULL)
			r->next->prev = r->prev;
		r->h->rows_count--;
	}
	free(r);
}

/* The connection cannot be closed from its own callbacks: the loop's next turn does it. */
static void complete(struct rows_op *r, int err)
{
	if (r->over)
		return;
	r->over = true;
	timer_start(r->h->loop, &r->timer, 0);
	if (err == 0)
		*r->out = r->found;
	r->done(r->arg, err);
}

static void on_timer(void *arg)
{
	struct rows_op *r = arg;

	if (r->over) {
		rows_free(r);
		return;
	}
	store_count(r->h, STORE_C_TIMEOUTS, 1);
	complete(r, -ETIMEDOUT);
}

void redis_rows_cancel(struct store_handle *h)
{
	while (h->rows != NULL) {
		struct rows_op *r = h->rows;

		complete(r, -ECANCELED);
		rows_free(r);
	}
}

/* The keys */

static int ask_page(struct rows_op *r, struct redis_op *op, uint64_t cursor)
{
	struct redis_client *c = op->client;
	struct redis_args args;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 6);
	redis_args_str(&args, "SCAN");
	redis_args_u64(&args, cursor);
	redis_args_str(&args, "MATCH");
	redis_args_key(&args, redis_key_pattern(c->scratch, r->table, ":*"));
	redis_args_str(&args, "COUNT");
	redis_args_int(&args, SCAN_COUNT);
	return redis_op_send(op, &args);
}

static int compare(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int order = memcmp(x->p, y->p, n);

	if (order != 0)
		return order;
	return x->len < y->len ? -1 : x->len > y->len;
}

static void sort_keys(struct rows_op *r)
{
	unsigned i, n = 0;

	if (r->seen_count > 1)
		qsort(r->seen, r->seen_count, sizeof(*r->seen), compare);
	for (i = 0; i < r->seen_count; i++)
		if (n == 0 || !slice_eq(r->seen[n - 1], r->seen[i]))
			r->seen[n++] = r->seen[i];
	r->seen_count = n;
}

static int take_keys(struct rows_op *r, const redisReply *keys)
{
	struct slice key;
	size_t i;

	for (i = 0; i < keys->elements; i++) {
		if (redis_parse_text(keys->element[i], &key) != 0)
			return -EIO;
		if (r->seen_count == SEEN_MAX)
			sort_keys(r);
		if (r->seen_count > STORE_MAX_ROWS && r->seen_count == SEEN_MAX)
			return -E2BIG;
		key = arena_dup(r->arena, key);
		if (key.p == NULL)
			return -ENOMEM;
		r->seen[r->seen_count++] = key;
	}
	return 0;
}

/* The records */

static int ask_record(struct rows_op *r, struct redis_op *op, struct slice key)
{
	struct redis_client *c = op->client;
	struct redis_args args;
	unsigned i;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 2 + r->column_count);
	redis_args_str(&args, "HMGET");
	redis_args_add(&args, key);
	for (i = 0; i < r->column_count; i++)
		redis_args_add(&args, r->columns[i]);
	return redis_op_send(op, &args);
}

static int ask_records(struct rows_op *r, struct redis_op *op)
{
	struct store_rows *f = &r->found;
	unsigned i;
	int err = 0;

	r->listed = true;
	sort_keys(r);
	if (r->seen_count > STORE_MAX_ROWS)
		return -E2BIG;
	f->keys = arena_alloc(f->arena, r->seen_count * sizeof(*f->keys));
	f->values = arena_alloc(
		f->arena, (size_t)r->seen_count * r->column_count * sizeof(*f->values));
	if (f->keys == NULL || f->values == NULL)
		return -ENOMEM;
	for (i = 0; i < r->seen_count && err == 0; i++)
		err = ask_record(r, op, r->seen[i]);
	return err;
}

static int take_record(struct rows_op *r, struct slice key, const redisReply *reply)
{
	struct store_rows *f = &r->found;
	struct slice *values = &f->values[f->count * r->column_count];
	unsigned i;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != r->column_count)
		return -EIO;
	f->keys[f->count] = arena_dup(f->arena, key);
	if (f->keys[f->count].p == NULL)
		return -ENOMEM;
	for (i = 0; i < r->column_count; i++) {
		if (redis_parse_text(reply->element[i], &values[i]) != 0)
			return -EIO;
		values[i] = arena_dup(f->arena, values[i]);
		if (values[i].p == NULL)
			return -ENOMEM;
	}
	f->count++;
	return 0;
}

static void on_page(struct rows_op *r, struct redis_op *op, const redisReply *reply)
{
	const redisReply *keys = NULL;
	uint64_t cursor = 0;
	int err = redis_reply_err(op->client, reply);

	if (err == 0 && redis_parse_scan(reply, &cursor, &keys) != 0)
		err = -EIO;
	if (err == 0)
		err = take_keys(r, keys);
	if (err == 0)
		err = cursor != 0 ? ask_page(r, op, cursor) : ask_records(r, op);
	if (err != 0 || (r->listed && r->seen_count == 0))
		redis_op_done(op, err);
}

static void on_record(struct rows_op *r, struct redis_op *op, const redisReply *reply)
{
	struct slice key = r->seen[r->heard++];

	/* A key of that name that is no HASH is no record. */
	if (op->err == 0 && !redis_reply_says(reply, "WRONGTYPE")) {
		op->err = redis_reply_err(op->client, reply);
		if (op->err == 0)
			op->err = take_record(r, key, reply);
	}
	if (r->heard == r->seen_count)
		redis_op_done(op, op->err);
}

static void on_read(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct rows_op *r = ((struct read_op *)op)->rows;

	(void)index;
	if (r->listed)
		on_record(r, op, reply);
	else
		on_page(r, op, reply);
}

static void on_read_done(void *arg, int err)
{
	complete(arg, err);
}

static uint64_t deadline_ms(const struct store_handle *h)
{
	const struct store_conf *conf = &h->st->conf;

	return (uint64_t)(conf->connect_timeout + 5 * conf->command_timeout);
}

static void on_changed(void *arg, bool ready)
{
	struct rows_op *r = arg;
	struct read_op *read;
	int err;

	if (!ready) {
		if (r->client->pending == 0 && !r->over)
			store_count(r->h, STORE_C_FAILED, 1);
		complete(r, -ENOTCONN); /* nothing, when the read has said so already */
		return;
	}
	read = redis_op_new(r->client, sizeof(*read), on_read, on_read_done, r, &err);
	if (read != NULL) {
		read->rows = r;
		redis_op_deadline(
			&read->op, deadline_ms(r->h)); /* r->timer comes first */
		err = ask_page(r, &read->op, 0);
		if (err == 0)
			return;
		(void)redis_op_abandon(&read->op, err);
	}
	complete(r, err);
}

static int rows_new(struct rows_op **out, struct store_handle *h, const char *url)
{
	struct redis_client_conf conf = {.once = true, .changed = on_changed};
	struct rows_op *r = calloc(1, sizeof(*r));
	char why[256];
	int err;

	if (r == NULL)
		return -ENOMEM;
	r->h = h;
	timer_init(&r->timer, on_timer, r);
	r->arena = arena_new(KEYS_FIRST, KEYS_LIMIT);
	if (r->arena != NULL)
		r->seen = arena_alloc(r->arena, SEEN_MAX * sizeof(*r->seen));
	err = redis_target_new(&r->target, url, "/etc/hosts", why);
	if (err == 0)
		r->describe = redis_target_describe(r->target);
	if (err == 0 && (r->seen == NULL || r->describe == NULL))
		err = -ENOMEM;
	conf.target = r->target;
	conf.describe = r->describe;
	conf.arg = r;
	if (err == 0)
		err = redis_client_open(&r->client, h, &conf);
	if (err != 0) {
		rows_free(r);
		return err;
	}
	r->next = h->rows;
	r->prev = &h->rows;
	if (h->rows != NULL)
		h->rows->prev = &r->next;
	h->rows = r;
	h->rows_count++;
	*out = r;
	return 0;
}

const char *store_rows_check_url(const char *url)
{
	struct redis_target *t = NULL;
	char why[256];
	int err = redis_target_new(&t, url, "/etc/hosts", why);

	redis_target_destroy(&t);
	return err == -EINVAL ? URL_HELP : NULL;
}

static int check(struct slice table, unsigned column_count)
{
	if (slice_empty(table) || column_count == 0)
		return -EINVAL;
	return table.len > STORE_NAME_MAX    ? -ENAMETOOLONG
		: column_count > COLUMNS_MAX ? -E2BIG
					     : 0;
}

int store_rows_get(struct store_handle *h, const char *url, struct slice table,
	const struct slice *columns, unsigned column_count, struct store_rows *out,
	store_done done, void *arg)
{
	struct rows_op *r = NULL;
	int err = check(table, column_count);

	if (err == 0 && h->rows_count >= AT_ONCE)
		err = -EBUSY;
	if (err == 0)
		err = rows_new(&r, h, url);
	if (err != 0)
		return store_answered(h, err);
	r->table = table;
	r->columns = columns;
	r->column_count = column_count;
	r->out = out;
	r->found.arena = out->arena;
	r->done = done;
	r->arg = arg;
	timer_start(h->loop, &r->timer, deadline_ms(h));
	return store_answered(h, -EINPROGRESS);
}
