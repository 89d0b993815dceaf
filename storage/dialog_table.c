#include "storage/dialog_table.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "storage/dialog_heap.h"
#include "storage/store_dialog_record.h"

enum { FIRST_BITS = 8, MOST_BITS = 24 };

struct record {
	struct record *next;          /* of its chain */
	struct record *younger;       /* ended: who ended after it */
	struct dialog_heap_node heap; /* not ended */
	uint32_t hash;
	int64_t keep_ms; /* ms since 1970: not seen from then on */
	struct store_dialog d;
	char *text; /* what the slices of d point to */
};

/* The upper bits of a hash number the bucket, so a cursor (a hash value) stays good when the
 * table grows between two pages. */
struct dialog_table {
	pthread_mutex_t lock;
	struct hash_key key;
	struct record **buckets;
	unsigned bits;
	size_t count, max;
	struct dialog_heap heap;
	struct record *oldest; /* of those that ended */
	struct record **newest;
};

int dialog_table_new(struct dialog_table **out, size_t max)
{
	struct dialog_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	t->bits = FIRST_BITS;
	t->buckets = calloc((size_t)1 << t->bits, sizeof(struct record *));
	if (t->buckets == NULL) {
		free(t);
		return -ENOMEM;
	}
	t->max = max;
	t->newest = &t->oldest;
	random_bytes(&t->key, sizeof(t->key));
	(void)pthread_mutex_init(&t->lock, NULL); /* default attributes: cannot fail */
	*out = t;
	return 0;
}

static void record_free(struct record *r)
{
	free(r->text);
	free(r);
}

void dialog_table_destroy(struct dialog_table **tp)
{
	struct dialog_table *t = *tp;
	size_t n;

	*tp = NULL;
	if (t == NULL)
		return;
	for (n = 0; n < (size_t)1 << t->bits; n++)
		while (t->buckets[n] != NULL) {
			struct record *r = t->buckets[n];

			t->buckets[n] = r->next;
			record_free(r);
		}
	free(t->buckets);
	free(t->heap.list);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* The lock is held by the callers of all that follows. */

static uint32_t hash_of(const struct dialog_table *t, struct slice id)
{
	return (uint32_t)hash_sip(&t->key, id);
}

static struct record **bucket_of(struct dialog_table *t, uint32_t hash)
{
	return &t->buckets[hash >> (32 - t->bits)];
}

static bool seen(const struct record *r, int64_t now_ms)
{
	return r->keep_ms > now_ms;
}

/* call_id empty: whichever it is. */
static struct record *find(
	struct dialog_table *t, struct slice call_id, struct slice id, int64_t now_ms)
{
	uint32_t hash = hash_of(t, id);
	struct record *r;

	for (r = *bucket_of(t, hash); r != NULL; r = r->next)
		if (r->hash == hash && slice_eq(r->d.id, id) && seen(r, now_ms) &&
			(slice_empty(call_id) || slice_eq(r->d.call_id, call_id)))
			return r;
	return NULL;
}

/* Out of its chain and freed; it is in neither heap nor queue. */
static void forget(struct dialog_table *t, struct record *r)
{
	struct record **link = bucket_of(t, r->hash);

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	t->count--;
	record_free(r);
}

/* What is over by now: ended ones, and those whose deadline nobody cared for. */
static void sweep(struct dialog_table *t, int64_t now_ms)
{
	while (t->oldest != NULL && !seen(t->oldest, now_ms)) {
		struct record *r = t->oldest;

		t->oldest = r->younger;
		if (t->oldest == NULL)
			t->newest = &t->oldest;
		forget(t, r);
	}
	while (t->heap.count > 0) {
		struct dialog_heap_node *top = t->heap.list[0];
		struct record *r =
			(struct record *)((char *)top - offsetof(struct record, heap));

		if (seen(r, now_ms))
			break;
		dialog_heap_remove(&t->heap, top);
		forget(t, r);
	}
}

/* Twice the buckets; without memory the chains grow instead. */
static void grow(struct dialog_table *t)
{
	size_t old = (size_t)1 << t->bits;
	struct record **buckets;
	size_t n;

	if (t->bits >= MOST_BITS)
		return;
	buckets = calloc(old * 2, sizeof(struct record *));
	if (buckets == NULL)
		return;
	for (n = 0; n < old; n++)
		while (t->buckets[n] != NULL) {
			struct record *r = t->buckets[n];
			struct record **to = &buckets[r->hash >> (31 - t->bits)];

			t->buckets[n] = r->next;
			r->next = *to;
			*to = r;
		}
	free(t->buckets);
	t->buckets = buckets;
	t->bits++;
}

/* The record becomes d, whose slices may point into it. */
static int rewrite(struct dialog_table *t, struct record *r, const struct store_dialog *d)
{
	struct store_dialog copy = *d;
	char *text = malloc(store_dialog_size(d) + 1);

	if (text == NULL)
		return -ENOMEM;
	store_dialog_pack(&copy, text);
	free(r->text);
	r->text = text;
	r->d = copy;
	dialog_heap_move(&t->heap, &r->heap, d->deadline_ms);
	return 0;
}

static int add(struct dialog_table *t, const struct store_dialog *d, struct record **out)
{
	struct record *r;
	struct record **bucket;

	if (t->count >= t->max)
		return -ENOSPC;
	if (t->count >= (size_t)1 << t->bits)
		grow(t);
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	r->hash = hash_of(t, d->id);
	r->heap.deadline_ms = d->deadline_ms;
	if (dialog_heap_add(&t->heap, &r->heap) != 0) {
		free(r);
		return -ENOMEM;
	}
	if (rewrite(t, r, d) != 0) {
		dialog_heap_remove(&t->heap, &r->heap);
		free(r);
		return -ENOMEM;
	}
	bucket = bucket_of(t, r->hash);
	r->next = *bucket;
	*bucket = r;
	t->count++;
	*out = r;
	return 0;
}

static int put(struct dialog_table *t, const struct store_dialog *d, int64_t now_ms)
{
	struct store_dialog want = *d;
	struct record *r;
	int err;

	sweep(t, now_ms);
	r = find(t, SLICE(""), d->id, now_ms);
	if (r == NULL) {
		err = add(t, d, &r);
	} else {
		/* An id belongs to one Call-ID. */
		err = slice_eq(r->d.call_id, d->call_id) ? store_dialog_may_put(d, &r->d)
							 : -EALREADY;
		want.fence = r->d.fence;
		(void)store_dialog_keep(&want, &r->d);
		if (err == 0)
			err = rewrite(t, r, &want);
	}
	if (err == 0)
		r->keep_ms = now_ms + store_dialog_keep_ms(want.deadline_ms, now_ms);
	return err;
}

static int expire(struct dialog_table *t, struct slice id, int64_t at_ms,
	struct slice reason, int64_t now_ms)
{
	struct record *r = find(t, SLICE(""), id, now_ms);
	struct store_dialog want;
	int err;

	if (r == NULL)
		return -ENOENT;
	if (r->d.state >= STORE_DIALOG_ENDING)
		return -EALREADY;
	if (at_ms >= r->d.deadline_ms)
		return 0;
	want = r->d;
	want.deadline_ms = at_ms;
	want.reason = reason;
	err = rewrite(t, r, &want);
	if (err == 0)
		r->keep_ms = now_ms + store_dialog_keep_ms(at_ms, now_ms);
	return err;
}

static int claim(struct dialog_table *t, struct record *r, uint64_t fence,
	struct slice me, int64_t retry_ms, int64_t now_ms)
{
	struct store_dialog want;
	int err;

	if (r == NULL)
		return -ENOENT;
	if (r->d.state == STORE_DIALOG_ENDED || r->d.fence != fence)
		return -EALREADY;
	want = r->d;
	want.state = STORE_DIALOG_ENDING;
	want.fence = fence + 1;
	want.node = me;
	want.deadline_ms = retry_ms;
	err = rewrite(t, r, &want);
	if (err == 0)
		r->keep_ms = now_ms + store_dialog_keep_ms(retry_ms, now_ms);
	return err;
}

static int end(
	struct dialog_table *t, struct record *r, struct slice reason, int64_t now_ms)
{
	struct store_dialog want;
	int err;

	if (r == NULL || r->d.state == STORE_DIALOG_ENDED)
		return 0;
	if (slice_empty(reason)) {
		dialog_heap_remove(&t->heap, &r->heap);
		forget(t, r);
		return 0;
	}
	want = r->d;
	want.state = STORE_DIALOG_ENDED;
	want.reason = reason;
	err = rewrite(t, r, &want);
	if (err != 0)
		return err;
	dialog_heap_remove(&t->heap, &r->heap);
	r->keep_ms = now_ms + STORE_DIALOG_KEEP_S * 1000;
	*t->newest = r;
	t->newest = &r->younger;
	return 0;
}

/* From a hash value on, whole buckets, about STORE_MAX_DIALOGS records. */
static int scan(struct dialog_table *t, int64_t now_ms, struct store_dialogs *page)
{
	uint64_t bucket = (page->cursor & UINT32_MAX) >> (32 - t->bits);
	const struct record *r;
	unsigned room = 0;
	int err = 0;

	page->count = 0;
	for (; bucket < (uint64_t)1 << t->bits && page->count < STORE_MAX_DIALOGS / 2;
		bucket++)
		for (r = t->buckets[bucket]; r != NULL; r = r->next) {
			if (!seen(r, now_ms) || r->d.state == STORE_DIALOG_ENDED)
				continue;
			if (page->count == room) {
				const struct store_dialog *old = page->list;

				room += STORE_MAX_DIALOGS;
				page->list = arena_alloc(
					page->arena, room * sizeof(*page->list));
				if (page->list == NULL)
					return -ENOMEM;
				if (page->count > 0)
					memcpy(page->list, old,
						page->count * sizeof(*page->list));
			}
			err = store_dialog_copy(
				&page->list[page->count], &r->d, page->arena);
			if (err != 0)
				return err;
			page->count++;
		}
	page->cursor = bucket < (uint64_t)1 << t->bits ? bucket << (32 - t->bits) : 0;
	return 0;
}

/* The operations: the same under the lock. */

int dialog_table_put(struct dialog_table *t, const struct store_dialog *d, int64_t now_ms)
{
	int err;

	pthread_mutex_lock(&t->lock);
	err = put(t, d, now_ms);
	pthread_mutex_unlock(&t->lock);
	return err;
}

int dialog_table_find(struct dialog_table *t, struct slice call_id, struct slice id,
	int64_t now_ms, struct store_dialogs *out)
{
	const struct record *r;
	int err = 0;

	pthread_mutex_lock(&t->lock);
	r = find(t, call_id, id, now_ms);
	if (r != NULL) {
		err = store_dialog_copy(&out->list[out->count], &r->d, out->arena);
		if (err == 0)
			out->count++;
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

int dialog_table_due(struct dialog_table *t, int64_t until_ms, int64_t now_ms,
	struct store_dialogs *out)
{
	struct dialog_heap_node *due[STORE_MAX_DIALOGS];
	unsigned count, i;
	int err = 0;

	pthread_mutex_lock(&t->lock);
	sweep(t, now_ms);
	count = dialog_heap_due(&t->heap, until_ms, due, STORE_MAX_DIALOGS);
	out->list = arena_alloc(out->arena, count * sizeof(*out->list));
	if (out->list == NULL)
		err = -ENOMEM;
	for (i = 0; i < count && err == 0; i++) {
		const struct record *r = (const struct record *)((const char *)due[i] -
			offsetof(struct record, heap));

		err = store_dialog_copy(&out->list[out->count], &r->d, out->arena);
		if (err == 0)
			out->count++;
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

int dialog_table_scan(struct dialog_table *t, int64_t now_ms, struct store_dialogs *page)
{
	struct store_dialogs filled = {.arena = page->arena, .cursor = page->cursor};
	int err;

	pthread_mutex_lock(&t->lock);
	err = scan(t, now_ms, &filled);
	pthread_mutex_unlock(&t->lock);
	if (err == 0)
		*page = filled;
	return err;
}

int dialog_table_expire(struct dialog_table *t, struct slice id, int64_t at_ms,
	struct slice reason, int64_t now_ms)
{
	int err;

	pthread_mutex_lock(&t->lock);
	err = expire(t, id, at_ms, reason, now_ms);
	pthread_mutex_unlock(&t->lock);
	return err;
}

int dialog_table_claim(struct dialog_table *t, struct slice call_id, struct slice id,
	uint64_t fence, struct slice me, int64_t retry_ms, int64_t now_ms)
{
	int err;

	pthread_mutex_lock(&t->lock);
	err = claim(t, find(t, call_id, id, now_ms), fence, me, retry_ms, now_ms);
	pthread_mutex_unlock(&t->lock);
	return err;
}

int dialog_table_end(struct dialog_table *t, struct slice call_id, struct slice id,
	struct slice reason, int64_t now_ms)
{
	int err;

	pthread_mutex_lock(&t->lock);
	sweep(t, now_ms);
	err = end(t, find(t, call_id, id, now_ms), reason, now_ms);
	pthread_mutex_unlock(&t->lock);
	return err;
}
