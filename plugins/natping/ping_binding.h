/**
 * @file ping_binding.h  What a ping needs to know of a binding, from the store or from an event. Pure; any thread; slices borrow.
 */
#pragma once

#include <stdbool.h>

#include "core/bus/events.h"
#include "storage/store.h"

struct ping_binding {
	struct slice aor, id, uri, received, path, socket;
	int64_t expires; /**< s since 1970 */
	uint32_t bflags;
};

struct ping_binding ping_binding_of_store(
	struct slice aor, const struct store_contact *c);
struct ping_binding ping_binding_of_event(const struct bus_ev_contact *ev);
/** Some text of the event may have been cut: it fills its field. */
bool ping_event_is_cut(const struct bus_ev_contact *ev);
/** The same of its AOR: not even the store can be asked for it. */
bool ping_event_is_nameless(const struct bus_ev_contact *ev);
