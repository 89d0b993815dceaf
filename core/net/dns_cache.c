#include "core/net/dns_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/hash.h"

#define PARTS 16u

struct entry {
	struct entry *next;          /* of its bucket */
	struct entry *newer, *older; /* by use */
	uint64_t hash;
	uint64_t held; /* ms: until then a stale answer is used unasked */
	struct dns_answer *answer;
};

struct part {
	pthread_mutex_t lock;
	struct entry **buckets;
	uint64_t mask;
	unsigned count, cap;
	struct entry *newest, *oldest;
};

struct dns_cache {
	struct hash_key key; /* strangers choose the names */
	struct dns_ttl ttl;
	struct part parts[PARTS];
};

/* Answers */

static uint64_t life_of(const struct dns_parsed *p, const struct dns_ttl *ttl)
{
	int64_t s = p->ttl;

	if (p->outcome == DNS_FOUND) {
		s = s < ttl->min ? ttl->min : s;
		s = s > ttl->max ? ttl->max : s;
	} else if (p->outcome == DNS_FAILED) {
		s = ttl->failure;
	} else {
		/* RFC 2308 section 5: without a SOA not to be kept; for a moment, against a storm of questions. */
		if (!p->has_soa)
			s = ttl->failure;
		s = s < ttl->min ? ttl->min : s;
		s = s > ttl->negative ? ttl->negative : s;
	}
	return (uint64_t)s * 1000;
}

static char *text_keep(char *at, struct slice *s)
{
	if (s->len > 0)
		memcpy(at, s->p, s->len);
	s->p = at;
	at[s->len] = '\0';
	return at + s->len + 1;
}

struct dns_answer *dns_answer_new(struct slice name, enum dns_type type,
	const struct dns_parsed *p, const struct dns_ttl *ttl, uint64_t now)
{
	size_t size = sizeof(struct dns_answer) + p->count * sizeof(*p->records);
	size_t text = name.len + 1;
	struct dns_answer *a;
	char *at;

	for (unsigned i = 0; i < p->count; i++)
		text += p->records[i].name.len + 1;
	a = malloc(size + text);
	if (a == NULL)
		return NULL;
	atomic_init(&a->refs, 1);
	a->type = type;
	a->outcome = p->outcome;
	a->why = p->why;
	a->expires = now + life_of(p, ttl);
	a->count = p->count;
	a->name = name;
	at = text_keep((char *)a + size, &a->name);
	for (unsigned i = 0; i < p->count; i++) {
		a->records[i] = p->records[i];
		at = text_keep(at, &a->records[i].name);
	}
	return a;
}

void dns_answer_ref(struct dns_answer *a)
{
	atomic_fetch_add_explicit(&a->refs, 1, memory_order_relaxed);
}

void dns_answer_unref(struct dns_answer **ap)
{
	struct dns_answer *a = *ap;

	*ap = NULL;
	if (a != NULL &&
		atomic_fetch_sub_explicit(&a->refs, 1, memory_order_acq_rel) == 1)
		free(a);
}

/* The table */

static uint64_t hash_of(const struct dns_cache *c, struct slice name, enum dns_type type)
{
	return hash_sip(&c->key, name) ^ (uint64_t)type * 0x9e3779b97f4a7c15u;
}

static struct part *part_of(struct dns_cache *c, uint64_t hash)
{
	return &c->parts[hash >> 60];
}

static struct entry **entry_at(
	struct part *p, uint64_t hash, struct slice name, enum dns_type type)
{
	struct entry **at = &p->buckets[hash & p->mask];

	while (*at != NULL &&
		((*at)->hash != hash || (*at)->answer->type != type ||
			!slice_eq((*at)->answer->name, name)))
		at = &(*at)->next;
	return at;
}

static void use_remove(struct part *p, struct entry *e)
{
	*(e->newer != NULL ? &e->newer->older : &p->newest) = e->older;
	*(e->older != NULL ? &e->older->newer : &p->oldest) = e->newer;
}

static void use_add(struct part *p, struct entry *e)
{
	e->newer = NULL;
	e->older = p->newest;
	*(p->newest != NULL ? &p->newest->newer : &p->oldest) = e;
	p->newest = e;
}

static void entry_drop(struct part *p, struct entry *e)
{
	struct entry **at = entry_at(p, e->hash, e->answer->name, e->answer->type);

	*at = e->next;
	use_remove(p, e);
	dns_answer_unref(&e->answer);
	free(e);
	p->count--;
}

static uint64_t stale_until(const struct dns_cache *c, const struct dns_answer *a)
{
	return a->expires + (a->outcome == DNS_FOUND ? (uint64_t)c->ttl.stale * 1000 : 0);
}

static enum dns_fresh freshness(
	const struct dns_cache *c, const struct entry *e, uint64_t now)
{
	if (now < e->answer->expires)
		return DNS_FRESH;
	if (now >= stale_until(c, e->answer))
		return DNS_MISSING;
	return now < e->held ? DNS_STALE_HELD : DNS_STALE;
}

static int part_init(struct part *p, unsigned cap)
{
	uint64_t buckets = 4;

	while (buckets < cap)
		buckets *= 2;
	p->mask = buckets - 1;
	p->cap = cap;
	p->buckets = calloc(buckets, sizeof(*p->buckets));
	if (p->buckets == NULL)
		return -ENOMEM;
	if (pthread_mutex_init(&p->lock, NULL) == 0)
		return 0;
	free(p->buckets);
	p->buckets = NULL;
	return -ENOMEM;
}

int dns_cache_new(struct dns_cache **out, unsigned size, const struct dns_ttl *ttl)
{
	struct dns_cache *c = calloc(1, sizeof(*c));
	int err = 0;

	if (c == NULL)
		return -ENOMEM;
	c->ttl = *ttl;
	random_bytes(&c->key, sizeof(c->key));
	for (unsigned i = 0; err == 0 && i < PARTS; i++)
		err = part_init(&c->parts[i], (size + PARTS - 1) / PARTS);
	if (err != 0) {
		dns_cache_destroy(&c);
		return err;
	}
	*out = c;
	return 0;
}

void dns_cache_destroy(struct dns_cache **cp)
{
	struct dns_cache *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	for (unsigned i = 0; i < PARTS; i++) {
		struct part *p = &c->parts[i];

		if (p->buckets == NULL)
			continue;
		while (p->oldest != NULL)
			entry_drop(p, p->oldest);
		pthread_mutex_destroy(&p->lock);
		free(p->buckets);
	}
	free(c);
}

struct dns_answer *dns_cache_get(struct dns_cache *c, struct slice name,
	enum dns_type type, uint64_t now, enum dns_fresh *how)
{
	const uint64_t hash = hash_of(c, name, type);
	struct part *p = part_of(c, hash);
	struct dns_answer *a = NULL;
	struct entry *e;

	*how = DNS_MISSING;
	pthread_mutex_lock(&p->lock);
	e = *entry_at(p, hash, name, type);
	if (e != NULL)
		*how = freshness(c, e, now);
	if (*how != DNS_MISSING) {
		use_remove(p, e);
		use_add(p, e);
		a = e->answer;
		dns_answer_ref(a);
	}
	pthread_mutex_unlock(&p->lock);
	return a;
}

/* Under the lock. False without memory: the answer is used, and not kept. */
static bool entry_put(
	struct part *p, uint64_t hash, struct dns_answer *a, unsigned *evicted)
{
	struct entry **at = entry_at(p, hash, a->name, a->type);
	struct entry *e = *at;

	if (e != NULL) {
		dns_answer_unref(&e->answer);
		use_remove(p, e);
	} else {
		e = calloc(1, sizeof(*e));
		if (e == NULL)
			return false;
		*at = e;
		p->count++;
	}
	e->hash = hash;
	e->held = 0;
	e->answer = a;
	dns_answer_ref(a);
	use_add(p, e);
	while (p->count > p->cap) {
		entry_drop(p, p->oldest);
		(*evicted)++;
	}
	return true;
}

struct dns_answer *dns_cache_put(struct dns_cache *c, struct dns_answer *a, uint64_t now,
	bool *stale, unsigned *evicted)
{
	const uint64_t hash = hash_of(c, a->name, a->type);
	struct part *p = part_of(c, hash);
	struct entry *e;

	*stale = false;
	*evicted = 0;
	pthread_mutex_lock(&p->lock);
	e = a->outcome == DNS_FAILED ? *entry_at(p, hash, a->name, a->type) : NULL;
	if (e != NULL && e->answer->outcome != DNS_FAILED &&
		now < stale_until(c, e->answer)) {
		/* Still good, or good enough while nobody answers. */
		*stale = now >= e->answer->expires;
		e->held = now + (uint64_t)c->ttl.failure * 1000;
		dns_answer_unref(&a);
		a = e->answer;
		dns_answer_ref(a);
	} else {
		(void)entry_put(p, hash, a, evicted);
	}
	pthread_mutex_unlock(&p->lock);
	return a;
}

void dns_cache_hold(
	struct dns_cache *c, struct slice name, enum dns_type type, uint64_t now)
{
	const uint64_t hash = hash_of(c, name, type);
	struct part *p = part_of(c, hash);
	struct entry *e;

	pthread_mutex_lock(&p->lock);
	e = *entry_at(p, hash, name, type);
	if (e != NULL)
		e->held = now + (uint64_t)c->ttl.failure * 1000;
	pthread_mutex_unlock(&p->lock);
}

unsigned dns_cache_flush(struct dns_cache *c, struct slice name)
{
	unsigned gone = 0;

	for (unsigned i = 0; i < PARTS; i++) {
		struct part *p = &c->parts[i];
		struct entry *next;

		pthread_mutex_lock(&p->lock);
		for (struct entry *e = p->newest; e != NULL; e = next) {
			next = e->older;
			if (name.len > 0 && !slice_eq(e->answer->name, name))
				continue;
			entry_drop(p, e);
			gone++;
		}
		pthread_mutex_unlock(&p->lock);
	}
	return gone;
}

void dns_cache_each(struct dns_cache *c, uint64_t now,
	bool (*fn)(void *arg, const struct dns_answer *a, enum dns_fresh how), void *arg)
{
	bool more = true;

	for (unsigned i = 0; more && i < PARTS; i++) {
		struct part *p = &c->parts[i];

		pthread_mutex_lock(&p->lock);
		for (const struct entry *e = p->newest; more && e != NULL; e = e->older) {
			enum dns_fresh how = freshness(c, e, now);

			if (how != DNS_MISSING)
				more = fn(arg, e->answer, how);
		}
		pthread_mutex_unlock(&p->lock);
	}
}

unsigned dns_cache_count(struct dns_cache *c)
{
	unsigned count = 0;

	for (unsigned i = 0; i < PARTS; i++) {
		pthread_mutex_lock(&c->parts[i].lock);
		count += c->parts[i].count;
		pthread_mutex_unlock(&c->parts[i].lock);
	}
	return count;
}
