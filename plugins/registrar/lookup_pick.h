/**
 * @file lookup_pick.h  Which bindings a request goes to, and where each is reached. Pure;
 * any thread.
 */
#pragma once

#include "core/base/arena.h"
#include "storage/store.h"

/** Does the contact take this method? One that never said what it takes, takes all; ACK and
 * CANCEL follow their INVITE. */
bool lookup_allows(const struct store_contact *c, struct slice method);
/**
 * Next hop: the first Path URI when there is a Path (RFC 3327 section 5.4), else the
 * address that the REGISTER came from; empty: the contact's own URI says it. 0, -EBADMSG:
 * a stored Path that is none, -ENOMEM.
 */
int lookup_next_hop(
	struct slice *out, struct arena *arena, const struct store_contact *c);
/**
 * Is it reached over the connection that the phone has opened, or not at all (RFC 5626 section 5.3)? So it is when the next
 * hop is where a REGISTER over TCP or TLS came from: nobody listens at the port that a phone connects from, and a
 * router lets nobody in.
 */
bool lookup_needs_flow(const struct store_contact *c);
