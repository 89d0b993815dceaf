/**
 * @file node_table.h  Nodes and leases in memory, shared by all threads of one process.
 *
 * A handful of each; one mutex. Times are ms of a clock that does not jump (clock_us() / 1000).
 */
#pragma once

#include "storage/store.h"

struct node_table;

int node_table_new(struct node_table **out);
void node_table_destroy(struct node_table **tp);

/** 0; -ENOSPC: more than STORE_MAX_NODES; -ENOMEM. */
int node_table_beat(struct node_table *t, const struct store_node *n, unsigned life_ms,
	uint64_t now_ms);
/** Sorted by name. 0 or -ENOMEM. */
int node_table_list(struct node_table *t, uint64_t now_ms, struct store_nodes *out);

/** 0; -ENOSPC: too many leases; -ENOMEM. */
int node_table_take(struct node_table *t, struct slice thing, struct slice me,
	unsigned life_ms, uint64_t now_ms, struct arena *arena, struct slice *holder);
int node_table_holder(struct node_table *t, struct slice thing, uint64_t now_ms,
	struct arena *arena, struct slice *holder);
void node_table_drop(
	struct node_table *t, struct slice thing, struct slice me, uint64_t now_ms);
