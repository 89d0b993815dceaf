/**
 * @file heartbeat.h  This node's sign of life in the store: written every second, gone after three.
 *
 * Control thread.
 */
#pragma once

#define HEARTBEAT_MS 1000
#define HEARTBEAT_LIFE_MS 3000

struct heartbeat;
struct host;

int heartbeat_new(struct heartbeat **out, struct host *h);
/** After the control thread's store handle is closed: closing it completes what is under way. */
void heartbeat_destroy(struct heartbeat **hp);
