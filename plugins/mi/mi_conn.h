/**
 * @file mi_conn.h  One client of the control socket: lines in, commands on the bus, lines out.
 *
 * Control thread. One command at a time per connection; further lines wait. Bounded: MI_LINE_MAX bytes a line, MI_IDLE_MS without one.
 */
#pragma once

#include "core/host/plugin.h"

#define MI_LINE_MAX 65536
#define MI_IDLE_MS 60000
#define MI_DEADLINE_MS 5000

struct mi_conn;

struct mi_owner {
	struct ph_thread *thread;
	struct log_source *log;
	void (*closed)(void *arg, struct mi_conn *conn); /**< it is about to be freed */
	void *arg;
};

/** Takes fd (also on failure). 0 or negative errno. */
int mi_conn_new(struct mi_conn **out, const struct mi_owner *owner, int fd);
/** Close now; a command under way is answered into nothing. */
void mi_conn_destroy(struct mi_conn **cp);
