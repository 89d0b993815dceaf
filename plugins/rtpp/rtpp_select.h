/**
 * @file rtpp_select.h  Which member of a set takes a call.
 *
 * Pure. A call is mapped by the keyed hash of its Call-ID over the weights of all members, also those that are away, so that
 * calls on living members stay where they are when one dies; the dead one's calls are spread over those that are left.
 * Members of weight 0 are spares: they are used, the first usable of them, when no other is left.
 */
#pragma once

#include "plugins/rtpp/rtpp_sets.h"

/** hash: all 64 bits should be good. usable: may this relay (index into sets->relays) be chosen? NULL: none is left. */
const struct rtpp_node *rtpp_select(const struct rtpp_set *set, uint64_t hash,
	bool (*usable)(const void *arg, unsigned relay), const void *arg);
