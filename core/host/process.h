/**
 * @file process.h  What a worker does with a message: choose its owner, parse it, run the script; and the hooks that tm calls.
 */
#pragma once

#include "core/host/worker.h"

/** net's handlers and tm's hooks of a worker; self is the struct worker. */
extern const struct net_handlers process_net_handlers;
extern const struct tm_hooks process_tm_hooks;
/** A request_in hook of a plugin that had parked msg has its verdict. */
void process_hook_done(struct worker *w, struct ph_msg *msg, int code);
/** From the inbox: a message that another worker received (struct net_rx + bytes). */
void process_handed_over(void *worker, const void *data, size_t len);
