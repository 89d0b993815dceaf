/**
 * @file mi_exchange.h  One JSON-RPC message, a request or a batch: its commands go to the bus all at once, their answers become one line.
 *
 * Control thread. It ends at the latest with the bus's deadline (MI_DEADLINE_MS), whoever asked is still there or not.
 */
#pragma once

#include "plugins/mi/mi.h"

struct mi_exchange;

/** err 0: line (malloc'ed, now the receiver's) is to be sent, NULL: nothing is, all were notifications. -ENOMEM: no line could be made. */
typedef void (*mi_exchanged)(void *arg, int err, char *line);

/**
 * Begin with one message. *out: it is under way, and fn runs once, later. NULL: it is done already, fn will not run, and *line is what fn would
 * have got. 0, or -ENOMEM (nothing happened).
 */
int mi_exchange_start(struct mi_exchange **out, char **line, const struct mi_ctx *ctx, struct slice text, mi_exchanged fn, void *arg);
/** Whoever asked goes: fn will not run. NULL is fine. */
void mi_exchange_abandon(struct mi_exchange **xp);
