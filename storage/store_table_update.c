/* One REGISTER applied to the table: all of it, or nothing. */
#include <errno.h>
#include <stdlib.h>

#include "storage/store_contact.h"
#include "storage/store_table_int.h"

/* Twice the buckets; without memory the chains grow instead. */
static void grow(struct shard *s)
{
	size_t old = (size_t)1 << s->bits;
	struct record **buckets;
	size_t n;

	if (s->bits >= MOST_BITS)
		return;
	buckets = calloc(old * 2, sizeof(struct record *));
	if (buckets == NULL)
		return;
	for (n = 0; n < old; n++)
		while (s->buckets[n] != NULL) {
			struct record *r = s->buckets[n];
			struct record **to = &buckets[r->hash >> (31 - s->bits)];

			s->buckets[n] = r->next;
			r->next = *to;
			*to = r;
		}
	free(s->buckets);
	s->buckets = buckets;
	s->bits++;
	s->sweep = 0;
}

/* The first write of each second looks through a share of the buckets: each costs a trip to memory. */
static void sweep(struct shard *s, int64_t now)
{
	const unsigned buckets = 1u << s->bits;
	unsigned i;

	if (now == s->swept)
		return;
	s->swept = now;
	for (i = 0; i < buckets / SWEEP_SECONDS + 1; i++) {
		store_table_clean(s, &s->buckets[s->sweep], now);
		s->sweep = (s->sweep + 1) & (buckets - 1);
	}
}

static struct binding *binding_new(const struct store_contact *c)
{
	struct binding *b = malloc(sizeof(*b) + store_contact_size(c));

	if (b == NULL)
		return NULL;
	b->next = NULL;
	b->drop = false;
	b->c = *c;
	store_contact_move(&b->c, b->text);
	return b;
}

static bool named(const struct store_update *upd, struct slice id)
{
	unsigned i;

	for (i = 0; i < upd->count; i++)
		if (slice_eq(upd->contacts[i].id, id))
			return true;
	return false;
}

/* Choose the bindings that go. True: upd is older than one of them, or a repeated one. */
static bool choose(struct record *r, const struct store_update *upd)
{
	bool all = upd->remove_all || upd->replace;
	bool stale = false;
	struct binding *b;

	for (b = r->bindings; b != NULL; b = b->next) {
		b->drop = all || named(upd, b->c.id);
		/* RFC 3261 section 10.3, steps 6 and 7: only within one Call-ID is CSeq an
		 * order. */
		if (b->drop && b->c.cseq >= upd->cseq &&
			slice_eq(b->c.call_id, upd->call_id))
			stale = true;
	}
	return stale;
}

static void unchoose(struct record *r)
{
	struct binding *b;

	for (b = r != NULL ? r->bindings : NULL; b != NULL; b = b->next)
		b->drop = false;
}

/* What is about to be in force: bindings that stay and new ones. */
struct outcome {
	struct binding *added;
	unsigned before, after;
};

/* New bindings of upd, newest last. All or none. */
static int make_added(struct outcome *o, const struct store_update *upd)
{
	struct binding **tail = &o->added;
	unsigned i;

	for (i = 0; i < upd->count && !upd->remove_all; i++) {
		if (upd->contacts[i].expires <= upd->now || store_update_repeated(upd, i))
			continue;
		*tail = binding_new(&upd->contacts[i]);
		if (*tail == NULL)
			return -ENOMEM;
		tail = &(*tail)->next;
		o->after++;
	}
	return 0;
}

static void free_added(struct outcome *o)
{
	while (o->added != NULL) {
		struct binding *b = o->added;

		o->added = b->next;
		free(b);
	}
}

static struct record *record_new(struct shard *s, uint32_t hash, struct slice aor)
{
	struct record *r = malloc(sizeof(*r) + aor.len);
	struct record **bucket;

	if (r == NULL)
		return NULL;
	if (s->records >= (size_t)1 << s->bits)
		grow(s);
	r->hash = hash;
	r->bindings = NULL;
	r->len = aor.len;
	memcpy(r->aor, aor.p, aor.len);
	bucket = store_table_bucket(s, hash);
	r->next = *bucket;
	*bucket = r;
	s->records++;
	return r;
}

static void commit(struct shard *s, struct record *r, struct outcome *o, int64_t now)
{
	if (r != NULL)
		(void)store_table_prune(s, r, now);
	while (o->added != NULL) {
		struct binding *b = o->added;

		o->added = b->next;
		b->next = r->bindings;
		r->bindings = b;
		s->bindings++;
	}
	if (r != NULL && r->bindings == NULL)
		store_table_clean(s, store_table_bucket(s, r->hash), now);
	sweep(s, now);
}

static void count_bindings(struct outcome *o, const struct record *r, int64_t now)
{
	const struct binding *b;

	for (b = r != NULL ? r->bindings : NULL; b != NULL; b = b->next) {
		if (b->c.expires <= now)
			continue;
		o->before++;
		if (!b->drop)
			o->after++;
	}
}

static bool too_many(const struct outcome *o, unsigned max)
{
	if (max == 0 || max > STORE_MAX_CONTACTS)
		max = STORE_MAX_CONTACTS;
	/* A limit that was lowered does not keep phones from refreshing. */
	return o->after > max && o->after > o->before;
}

/* The shard is locked. out NULL: mirror. */
static int update_locked(struct shard *s, uint32_t hash, const struct store_update *upd,
	struct store_contacts *out)
{
	struct record *r = store_table_find(s, hash, upd->aor);
	struct outcome o = {0};
	int err;

	/* What is over counts for nothing, not even for the order of CSeq. */
	if (r != NULL)
		(void)store_table_prune(s, r, upd->now);
	if (r != NULL && choose(r, upd) && out != NULL) {
		unchoose(r);
		err = store_table_report(out, r, NULL, upd->now);
		if (err == 0)
			out->unchanged = true;
		return err;
	}
	count_bindings(&o, r, upd->now);
	err = make_added(&o, upd);
	if (err == 0 && out != NULL && too_many(&o, upd->max_contacts))
		err = -ENOSPC;
	if (err == 0 && out != NULL)
		err = store_table_report(out, r, o.added, upd->now);
	if (err == 0 && r == NULL && o.added != NULL) {
		r = record_new(s, hash, upd->aor);
		if (r == NULL)
			err = -ENOMEM;
	}
	if (err != 0) {
		unchoose(r);
		free_added(&o);
		return err;
	}
	commit(s, r, &o, upd->now);
	return 0;
}

int store_table_update(
	struct store_table *t, const struct store_update *upd, struct store_contacts *out)
{
	uint32_t hash;
	struct shard *s = store_table_shard(t, upd->aor, &hash);
	struct store_contacts result = {.arena = out->arena};
	int err;

	pthread_mutex_lock(&s->lock);
	err = update_locked(s, hash, upd, &result);
	pthread_mutex_unlock(&s->lock);
	if (err == 0)
		*out = result;
	return err;
}

int store_table_mirror(struct store_table *t, const struct store_update *upd)
{
	uint32_t hash;
	struct shard *s = store_table_shard(t, upd->aor, &hash);
	int err;

	pthread_mutex_lock(&s->lock);
	err = update_locked(s, hash, upd, NULL);
	pthread_mutex_unlock(&s->lock);
	return err;
}
