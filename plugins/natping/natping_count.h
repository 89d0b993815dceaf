/**
 * @file natping_count.h  The plugin's counters, for those parts that know nothing of the host.
 */
#pragma once

#include "core/base/counter.h"

extern const struct counter_desc natping_counters[];
/** Its rows. */
enum natping_counter {
	NATPING_C_CONTACTS,
	NATPING_C_SENT_UDP,
	NATPING_C_SENT_RAW,
	NATPING_C_SENT_SIP,
	NATPING_C_SENT_TCP,
	NATPING_C_SEND_ERRORS,
	NATPING_C_NO_SOCKET,
	NATPING_C_UNRESOLVED,
	NATPING_C_NOT_MINE,
	NATPING_C_UNUSABLE,
	NATPING_C_FULL,
	NATPING_C_LATE,
	NATPING_C_READS,
	NATPING_C_REPLIES,
	NATPING_C_REPLIES_OTHER,
};

/** One thread's. */
struct natping_tally {
	struct counter_array *counters;
	unsigned first;
};

static inline void natping_count(
	const struct natping_tally *t, enum natping_counter which, int64_t n)
{
	counter_add(t->counters, t->first + (unsigned)which, n);
}
