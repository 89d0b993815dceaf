/**
 * @file mi_events.h  The last events of this node, for an operator who asks what happened.
 *
 * Control thread. Lives from the events of all other plugins (core/bus/events.h).
 */
#pragma once

#include "core/host/plugin.h"

#define MI_EVENTS 200 /**< how many are kept */

struct mi_events;

int mi_events_new(struct mi_events **out, struct ph_thread *thread, struct log_source *log);
void mi_events_destroy(struct mi_events **ep);
/** Newest last; topic NULL: all. */
void mi_events_show(const struct mi_events *e, const char *topic, struct tree *root);
