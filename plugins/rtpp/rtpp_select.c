#include "plugins/rtpp/rtpp_select.h"

/* The worker was chosen by bits of the same hash: mix them, or each worker would know some relays only
 * (finalizer of MurmurHash3). */
static uint64_t mix(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 33;
}

const struct rtpp_node *rtpp_select(const struct rtpp_set *set, uint64_t hash,
	bool (*usable)(const void *arg, unsigned relay), const void *arg)
{
	uint64_t all = 0, living = 0, at;
	const struct rtpp_node *spare = NULL;
	unsigned i;

	for (i = 0; i < set->count; i++) {
		const struct rtpp_node *n = &set->nodes[i];
		bool ok = usable(arg, n->relay);

		all += n->weight;
		living += ok ? n->weight : 0;
		if (ok && n->weight == 0 && !spare)
			spare = n;
	}
	if (living == 0)
		return spare;
	hash = mix(hash);
	at = hash % all;
	for (i = 0; at >= set->nodes[i].weight; i++)
		at -= set->nodes[i].weight;
	if (usable(arg, set->nodes[i].relay))
		return &set->nodes[i];
	at = mix(hash) % living;
	for (i = 0;; i++) {
		if (!usable(arg, set->nodes[i].relay))
			continue;
		if (at < set->nodes[i].weight)
			return &set->nodes[i];
		at -= set->nodes[i].weight;
	}
}
