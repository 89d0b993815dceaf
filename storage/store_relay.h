/**
 * @file store_relay.h  RTP-proxy sets and relays as values. Pure; any thread.
 */
#pragma once

#include "storage/store.h"

/** Sort by set, then by URL. */
void store_weights_sort(struct store_relay_weight *list, unsigned count);
/** A weight as people write it. 0; -EINVAL: no number, or out of range. */
int store_weight_parse(struct slice text, int64_t *out);
/** 1 yes true on, 0 no false off. 0; -EINVAL: none of these. */
int store_switch_parse(struct slice text, bool *out);
