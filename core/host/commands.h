/**
 * @file commands.h  The control commands: the host's own (help, uptime, stats, ...) and the plugins' tables, each served as a request on the bus.
 *
 * Control thread only.
 */
#pragma once

struct commands;
struct host;

/** 0 or negative errno; a name twice is -EEXIST, logged. */
int commands_new(struct commands **out, struct host *h);
void commands_destroy(struct commands **cp);
