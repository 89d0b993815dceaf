/**
 * @file scatter.h  Commands that need the workers' state: asked on each, collected under one root, with a deadline.
 *
 * Control thread; the workers' part runs on theirs and comes back by inbox.
 */
#pragma once

#include "core/host/plugin.h"

#define SCATTER_MS 1000

struct host;
struct scatters;

int scatters_new(struct scatters **out, struct host *h);
/** Requests under way end with 503. Workers must have stopped. */
void scatters_destroy(struct scatters **sp);
/** Ask row->worker of plugin (its place in the table) on every worker; ends in exactly one reply to req. */
void scatter_start(struct scatters *s, unsigned plugin, const struct ph_mi_cmd *row, struct bus_request *req, const json_t *params);
