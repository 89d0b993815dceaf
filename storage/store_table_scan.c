/* The table read page by page. */
#include <errno.h>

#include "storage/store_contact.h"
#include "storage/store_table_int.h"

/* A page under way; both arrays grow together. */
struct page_fill {
	struct store_page *page;
	struct slice *aors;
	struct store_contact *contacts;
	unsigned count, cap, looked;
	struct slice socket; /* empty: all */
	int64_t now;
};

static bool full(const struct page_fill *f)
{
	return f->count >= PAGE || f->looked >= PAGE_LOOK;
}

static int page_grow(struct page_fill *f)
{
	unsigned cap = f->cap == 0 ? PAGE : f->cap * 2;
	struct slice *aors = arena_alloc(f->page->arena, cap * sizeof(*aors));
	struct store_contact *contacts =
		arena_alloc(f->page->arena, cap * sizeof(*contacts));

	if (aors == NULL || contacts == NULL)
		return -ENOMEM;
	if (f->count > 0) {
		memcpy(aors, f->aors, f->count * sizeof(*aors));
		memcpy(contacts, f->contacts, f->count * sizeof(*contacts));
	}
	f->aors = aors;
	f->contacts = contacts;
	f->cap = cap;
	return 0;
}

static int page_record(struct page_fill *f, const struct record *r)
{
	struct slice aor = {0};
	const struct binding *b;
	int err;

	for (b = r->bindings; b != NULL; b = b->next) {
		f->looked++;
		if (b->c.expires <= f->now ||
			(!slice_empty(f->socket) && !slice_eq(b->c.socket, f->socket)))
			continue;
		if (aor.p == NULL) {
			aor = arena_dup(f->page->arena, slice_make(r->aor, r->len));
			if (aor.p == NULL)
				return -ENOMEM;
		}
		err = f->count < f->cap ? 0 : page_grow(f);
		if (err == 0)
			err = store_contact_copy(
				&f->contacts[f->count], &b->c, f->page->arena);
		if (err != 0)
			return err;
		f->aors[f->count++] = aor;
	}
	return 0;
}

/* From *at, a hash value, on; *at ends up behind the last bucket read (1 << 32: the shard
 * is done). */
static int page_shard(struct page_fill *f, struct shard *s, uint64_t *at)
{
	uint64_t bucket = *at >> (32 - s->bits);
	const struct record *r;
	int err;

	for (; bucket < (uint64_t)1 << s->bits && !full(f); bucket++)
		for (r = s->buckets[bucket]; r != NULL; r = r->next) {
			err = page_record(f, r);
			if (err != 0)
				return err;
		}
	*at = bucket << (32 - s->bits);
	return 0;
}

int store_table_scan(
	struct store_table *t, struct slice socket, int64_t now, struct store_page *page)
{
	struct page_fill f = {.page = page, .socket = socket, .now = now};
	uint64_t shard = page->cursor >> 32;
	uint64_t at = page->cursor & UINT32_MAX;
	int err = 0;

	while (shard < SHARDS && !full(&f) && err == 0) {
		struct shard *s = &t->shards[shard];

		pthread_mutex_lock(&s->lock);
		err = page_shard(&f, s, &at);
		pthread_mutex_unlock(&s->lock);
		if (at > UINT32_MAX) {
			shard++;
			at = 0;
		}
	}
	if (err != 0)
		return err;
	page->cursor = shard < SHARDS ? shard << 32 | at : 0;
	page->aors = f.aors;
	page->contacts = f.contacts;
	page->count = f.count;
	return 0;
}
