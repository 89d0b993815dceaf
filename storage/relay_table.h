/**
 * @file relay_table.h  RTP-proxy sets and what is known of relays, in memory, shared by all
 * threads of one process. At most STORE_MAX_RELAYS of either; one mutex.
 */
#pragma once

#include "storage/store.h"

struct relay_table;

int relay_table_new(struct relay_table **out);
void relay_table_destroy(struct relay_table **tp);

/** Those that are not there yet. 0; -ENOSPC; -ENOMEM (then some may have been added). */
int relay_table_seed(
	struct relay_table *t, const struct store_relay_weight *list, unsigned count);
/** Sorted by set, then URL. 0 or -ENOMEM. */
int relay_table_sets(struct relay_table *t, struct store_sets *out);
/** The numbers of the sets, ascending, at most max. How many. */
unsigned relay_table_ids(struct relay_table *t, int64_t *out, unsigned max);

/** As store_relays_get() would for one. 0 or -ENOMEM. */
int relay_table_get(struct relay_table *t, struct slice url, struct arena *arena,
	struct store_relay *out);
/** 0, -ENOSPC, -ENOMEM. */
int relay_table_enable(struct relay_table *t, struct slice url, bool on);
int relay_table_report(struct relay_table *t, const struct store_relay *r);
