/**
 * @file bad_hops.h  Next hops that have just failed, so that the next request does not wait for them again.
 *
 * Shared by all threads without a lock: a fixed table of one word a place. Two hops may meet in a place, and the later one is
 * remembered: what is forgotten costs one more failed try, never a call. RFC 3263 section 4.3, RFC 3261 section 21.5.4.
 *
 * When a hop's time is over one request tries it again; until that one knows, or BAD_HOP_PROBE_MS have passed, the others still keep away.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/sip/sip_uri.h"

#define BAD_HOP_PROBE_MS 5000

struct bad_hops;

int bad_hops_new(struct bad_hops **out);
void bad_hops_destroy(struct bad_hops **bp);
/** It failed: for ms from now (ms of loop_now()). */
void bad_hops_set(struct bad_hops *b, enum sip_transport tr, const struct addr *to, uint64_t now,
	uint64_t ms);
/** It has answered. True: it was bad. */
bool bad_hops_clear(struct bad_hops *b, enum sip_transport tr, const struct addr *to);
/** Is it better to try others first? Once its time is over the first who asks is told no: that one is the probe. */
bool bad_hops_is(struct bad_hops *b, enum sip_transport tr, const struct addr *to, uint64_t now);
/** The same without becoming the probe. */
bool bad_hops_peek(struct bad_hops *b, enum sip_transport tr, const struct addr *to, uint64_t now);
