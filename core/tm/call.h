/**
 * @file call.h  What a worker remembers of a call: properties by Call-ID.
 *
 * One table per worker, its thread only. A record is made when first needed and freed after BYE, final failure of the
 * initial INVITE (call_end() then keeps it CALL_LINGER_MS for stragglers) or after limits.call_idle without use.
 */
#pragma once

#include <stdint.h>

#include "core/base/loop.h"
#include "core/base/slice.h"
#include "core/bus/events.h"

#define CALL_LINGER_MS 32000

struct calls;
struct call;

/** idle_ms: limits.call_idle; max: most records. 0 or -ENOMEM. */
int calls_new(struct calls **out, struct loop *loop, uint64_t idle_ms, unsigned max);
void calls_destroy(struct calls **cp);
/** Find (make: or create) the record; NULL: none, or no room. Touches it. */
struct call *call_of(struct calls *c, struct slice call_id, bool make);
/** Copies text; empty removes. -ENOMEM. */
int call_prop_set(struct call *call, enum bus_prop p, struct slice value);
/** Empty when not set; valid until it is set again or the record goes. */
struct slice call_prop(const struct call *call, enum bus_prop p);
void call_end(struct call *call);
unsigned calls_count(const struct calls *c);
