/**
 * @file heartbeat.h  This node's sign of life in the store: written every second, gone after three.
 *
 * Control thread.
 */
#pragma once

#define HEARTBEAT_MS 1000
#define HEARTBEAT_LIFE_MS 3000
#define HEARTBEAT_FAREWELL_MS 300

#include "storage/store.h"

struct heartbeat;
struct host;

int heartbeat_new(struct heartbeat **out, struct host *h);
/** What it says of this node. */
struct store_node heartbeat_node(const struct heartbeat *h);
/** The last one: the node's key ends with it. Waits for the store, but HEARTBEAT_FAREWELL_MS at most. h may be NULL. */
void heartbeat_end(struct heartbeat *h);
/** After the control thread's store handle is closed: closing it completes what is under way. */
void heartbeat_destroy(struct heartbeat **hp);
