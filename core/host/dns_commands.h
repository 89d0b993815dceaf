/**
 * @file dns_commands.h  dns_lookup, dns_cache, dns_flush: what Pinhole would do, knows, and shall forget.
 *
 * Control thread; its resolver has the cache of all workers.
 */
#pragma once

#include "core/host/host.h"

/** self: struct host. */
void dns_command_lookup(void *self, struct bus_request *req, const json_t *params);
void dns_command_cache(void *self, struct bus_request *req, const json_t *params);
void dns_command_flush(void *self, struct bus_request *req, const json_t *params);
