/**
 * @file redis_sets.h  RTP-proxy sets in Redis: rtpp:set:<id> HASH of url -> weight, rtpp:sets SET of ids.
 *
 * An operator adds a relay with HSET, and takes one out with weight -1. A set with a number
 * that nobody has used before is found when rtpp:sets names it (SADD), or else by a search
 * that looks at some hundred keys with each read.
 */
#pragma once

#include "storage/store_redis.h"

int redis_sets_seed(struct store_handle *h, const struct store_relay_weight *list,
	unsigned count, store_done done, void *arg);
int redis_sets_get(
	struct store_handle *h, struct store_sets *out, store_done done, void *arg);
