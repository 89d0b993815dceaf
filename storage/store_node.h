/**
 * @file store_node.h  Nodes as values. Pure; any thread.
 */
#pragma once

#include "storage/store.h"

/** Sort by name. */
void store_nodes_sort(struct store_node *list, unsigned count);
