#include "core/net/bad_hops.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/hash.h"

#define PLACES 4096u /* a power of 2 */

/*
 * A word: 24 bits that tell hops of one place apart, 40 bits of the time (ms) until which it is bad. 0: nobody. 40 bits are 34 years
 * of a machine that runs.
 */
#define TIME_BITS 40
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

struct bad_hops {
	struct hash_key key;
	_Atomic uint64_t places[PLACES];
};

static uint64_t hash_of(
	const struct bad_hops *b, enum sip_transport tr, const struct addr *to)
{
	const uint64_t what[] = {(uint64_t)tr, addr_hash(to)};

	return hash_sip(&b->key, slice_make((const char *)what, sizeof(what)));
}

static _Atomic uint64_t *place_of(
	struct bad_hops *b, enum sip_transport tr, const struct addr *to, uint64_t *tag)
{
	const uint64_t hash = hash_of(b, tr, to);

	*tag = hash >> TIME_BITS << TIME_BITS;
	return &b->places[hash % PLACES];
}

int bad_hops_new(struct bad_hops **out)
{
	struct bad_hops *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	random_bytes(&b->key, sizeof(b->key));
	*out = b;
	return 0;
}

void bad_hops_destroy(struct bad_hops **bp)
{
	free(*bp);
	*bp = NULL;
}

void bad_hops_set(struct bad_hops *b, enum sip_transport tr, const struct addr *to,
	uint64_t now, uint64_t ms)
{
	uint64_t tag;
	_Atomic uint64_t *place = place_of(b, tr, to, &tag);

	if (ms > 0)
		atomic_store_explicit(
			place, tag | ((now + ms) & TIME_MASK), memory_order_relaxed);
}

bool bad_hops_clear(struct bad_hops *b, enum sip_transport tr, const struct addr *to)
{
	uint64_t tag;
	_Atomic uint64_t *place = place_of(b, tr, to, &tag);
	uint64_t word = atomic_load_explicit(place, memory_order_relaxed);

	if (word == 0 || (word & ~TIME_MASK) != tag)
		return false;
	return atomic_compare_exchange_strong_explicit(
		place, &word, 0, memory_order_relaxed, memory_order_relaxed);
}

bool bad_hops_peek(
	struct bad_hops *b, enum sip_transport tr, const struct addr *to, uint64_t now)
{
	uint64_t tag, word;

	word = atomic_load_explicit(place_of(b, tr, to, &tag), memory_order_relaxed);
	return word != 0 && (word & ~TIME_MASK) == tag && now < (word & TIME_MASK);
}

bool bad_hops_is(
	struct bad_hops *b, enum sip_transport tr, const struct addr *to, uint64_t now)
{
	uint64_t tag;
	_Atomic uint64_t *place = place_of(b, tr, to, &tag);
	uint64_t word = atomic_load_explicit(place, memory_order_relaxed);

	if (word == 0 || (word & ~TIME_MASK) != tag)
		return false;
	if (now < (word & TIME_MASK))
		return true;
	/* Whoever changes the word is the probe; a place that was left alone long ago is as good as empty. */
	return !atomic_compare_exchange_strong_explicit(place, &word,
		tag | ((now + BAD_HOP_PROBE_MS) & TIME_MASK), memory_order_relaxed,
		memory_order_relaxed);
}
