#include "storage/store_table_int.h"

#include <errno.h>
#include <stdlib.h>

#include "storage/store_contact.h"

int store_table_new(struct store_table **out)
{
	struct store_table *t = calloc(1, sizeof(*t));
	unsigned i;

	if (t == NULL)
		return -ENOMEM;
	random_bytes(&t->key, sizeof(t->key));
	(void)pthread_mutex_init(
		&t->secret_lock, NULL); /* default attributes: cannot fail */
	for (i = 0; i < SHARDS; i++) {
		struct shard *s = &t->shards[i];

		(void)pthread_mutex_init(&s->lock, NULL);
		s->bits = FIRST_BITS;
		s->buckets = calloc((size_t)1 << s->bits, sizeof(struct record *));
		if (s->buckets == NULL) {
			store_table_destroy(&t);
			return -ENOMEM;
		}
	}
	*out = t;
	return 0;
}

static void record_free(struct record *r)
{
	struct binding *b, *next;

	for (b = r->bindings; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(r);
}

void store_table_destroy(struct store_table **tp)
{
	struct store_table *t = *tp;
	unsigned i;

	*tp = NULL;
	if (t == NULL)
		return;
	for (i = 0; i < SHARDS && t->shards[i].buckets != NULL; i++) {
		struct shard *s = &t->shards[i];
		size_t n;

		for (n = 0; n < (size_t)1 << s->bits; n++)
			while (s->buckets[n] != NULL) {
				struct record *r = s->buckets[n];

				s->buckets[n] = r->next;
				record_free(r);
			}
		free(s->buckets);
		pthread_mutex_destroy(&s->lock);
	}
	pthread_mutex_destroy(&t->secret_lock);
	free(t->secret);
	free(t);
}

struct shard *store_table_shard(struct store_table *t, struct slice aor, uint32_t *hash)
{
	uint64_t h = hash_sip(&t->key, aor);

	*hash = (uint32_t)h;
	return &t->shards[h >> (64 - SHARD_BITS)];
}

struct record **store_table_bucket(struct shard *s, uint32_t hash)
{
	return &s->buckets[hash >> (32 - s->bits)];
}

struct record *store_table_find(struct shard *s, uint32_t hash, struct slice aor)
{
	struct record *r;

	for (r = *store_table_bucket(s, hash); r != NULL; r = r->next)
		if (r->hash == hash && slice_eq(slice_make(r->aor, r->len), aor))
			return r;
	return NULL;
}

unsigned store_table_prune(struct shard *s, struct record *r, int64_t now)
{
	struct binding **bp = &r->bindings;
	unsigned gone = 0;

	while (*bp != NULL) {
		struct binding *b = *bp;

		if (!b->drop && b->c.expires > now) {
			bp = &b->next;
			continue;
		}
		*bp = b->next;
		free(b);
		s->bindings--;
		gone++;
	}
	return gone;
}

void store_table_clean(struct shard *s, struct record **bucket, int64_t now)
{
	while (*bucket != NULL) {
		struct record *r = *bucket;

		(void)store_table_prune(s, r, now);
		if (r->bindings != NULL) {
			bucket = &r->next;
			continue;
		}
		*bucket = r->next;
		free(r);
		s->records--;
	}
}

int store_table_report(struct store_contacts *out, const struct record *r,
	const struct binding *added, int64_t now)
{
	const struct binding *lists[2] = {r != NULL ? r->bindings : NULL, added};
	struct store_contact *list;
	const struct binding *b;
	unsigned count = 0, i;
	int err;

	for (i = 0; i < 2; i++)
		for (b = lists[i]; b != NULL; b = b->next)
			count++;
	list = arena_alloc(out->arena, count * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	count = 0;
	for (i = 0; i < 2; i++)
		for (b = lists[i]; b != NULL; b = b->next) {
			if (b->drop || b->c.expires <= now)
				continue;
			err = store_contact_copy(&list[count], &b->c, out->arena);
			if (err != 0)
				return err;
			count++;
		}
	store_contacts_sort(list, count);
	out->list = list;
	out->count = count;
	out->unchanged = false;
	return 0;
}

int store_table_get(
	struct store_table *t, struct slice aor, int64_t now, struct store_contacts *out)
{
	uint32_t hash;
	struct shard *s = store_table_shard(t, aor, &hash);
	struct store_contacts result = {.arena = out->arena};
	int err;

	pthread_mutex_lock(&s->lock);
	err = store_table_report(&result, store_table_find(s, hash, aor), NULL, now);
	pthread_mutex_unlock(&s->lock);
	if (err == 0)
		*out = result;
	return err;
}

unsigned store_table_remove(
	struct store_table *t, struct slice aor, struct slice id, int64_t now)
{
	uint32_t hash;
	struct shard *s = store_table_shard(t, aor, &hash);
	struct record *r;
	unsigned removed = 0;

	pthread_mutex_lock(&s->lock);
	r = store_table_find(s, hash, aor);
	if (r != NULL) {
		struct binding *b;

		(void)store_table_prune(s, r, now);
		for (b = r->bindings; b != NULL; b = b->next)
			b->drop = slice_empty(id) || slice_eq(b->c.id, id);
		removed = store_table_prune(s, r, now);
		if (r->bindings == NULL)
			store_table_clean(s, store_table_bucket(s, hash), now);
	}
	pthread_mutex_unlock(&s->lock);
	return removed;
}

int store_table_secret(struct store_table *t, struct arena *arena, struct slice proposal,
	struct slice *out)
{
	struct slice copy = {0};

	pthread_mutex_lock(&t->secret_lock);
	if (t->secret == NULL) {
		t->secret = malloc(proposal.len + 1);
		if (t->secret != NULL) {
			memcpy(t->secret, proposal.p, proposal.len);
			t->secret_len = proposal.len;
		}
	}
	if (t->secret != NULL)
		copy = arena_dup(arena, slice_make(t->secret, t->secret_len));
	pthread_mutex_unlock(&t->secret_lock);
	if (copy.p == NULL)
		return -ENOMEM;
	*out = copy;
	return 0;
}

size_t store_table_size(struct store_table *t)
{
	size_t size = 0;
	unsigned i;

	for (i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&t->shards[i].lock);
		size += t->shards[i].bindings;
		pthread_mutex_unlock(&t->shards[i].lock);
	}
	return size;
}
