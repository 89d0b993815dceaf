/**
 * @file mi_conn.h  One client of the control socket: JSON-RPC requests in, responses out.
 *
 * Control thread. One message (a request or a batch) at a time; what comes meanwhile waits in the socket. Bounded: MI_LINE_MAX bytes a
 * request, mi.idle_timeout without one, as long for reading an answer.
 */
#pragma once

#include "plugins/mi/mi.h"

#define MI_LINE_MAX 65536

struct mi_conn;

struct mi_owner {
	const struct mi_ctx *ctx;
	void (*closed)(void *arg, struct mi_conn *conn); /**< it is about to be freed */
	void *arg;
};

/** Takes fd (also on failure). 0 or negative errno. */
int mi_conn_new(struct mi_conn **out, const struct mi_owner *owner, int fd);
/** Close now; a command under way is answered into nothing. */
void mi_conn_destroy(struct mi_conn **cp);
