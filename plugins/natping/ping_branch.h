/**
 * @file ping_branch.h  The Via branch of a SIP ping: it says which node sent it, and that it was one of ours.
 *
 *     z9hG4bKnp  0123abcd  0123456789abcdef  0123456789abcdef
 *     cookie     node      number            keyed hash of node and number
 *
 * Pure; any thread. The key is that of the cluster's secret: any node knows the branches of any other, also those of an earlier start, and nobody
 * else can make one. RFC 3261 section 8.1.1.7.
 */
#pragma once

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/hash.h"

/** A node's part of its branches. */
uint32_t ping_branch_node(const struct hash_key *key, struct slice node);
void ping_branch_write(
	struct buf *b, const struct hash_key *key, uint32_t node, uint64_t number);
/** Is it the branch of a ping of this cluster? Then *node is who sent it. */
bool ping_branch_match(const struct hash_key *key, struct slice branch, uint32_t *node);
