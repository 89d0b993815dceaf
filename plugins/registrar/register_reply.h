/**
 * @file register_reply.h  The header lines of answers to REGISTER. Pure; any thread. RFC
 * 3261 section 10.3 step 8, RFC 3327.
 */
#pragma once

#include "core/base/buf.h"
#include "plugins/registrar/register_parse.h"

/**
 * Lines of a 200: a Contact for each binding with what is left of its time, q unless it
 * is 1, received, instance and reg-id; Path when given. What was stored by others and
 * would break a line is left out.
 */
void register_reply_ok(struct buf *b, const struct store_contacts *bindings,
	struct slice path, int64_t now);
/** Lines of a refusal: Min-Expires, Unsupported, Retry-After (s; 0: none) as the code asks
 * for. */
void register_reply_refusal(
	struct buf *b, const struct register_refusal *why, int64_t retry_after);
