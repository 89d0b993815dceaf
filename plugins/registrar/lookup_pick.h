/**
 * @file lookup_pick.h  Which bindings a request goes to, and where each is reached. Pure;
 * any thread.
 */
#pragma once

#include "core/base/arena.h"
#include "core/tm/msg.h"
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
 * Who has registered with sips is called by sips and by sip URIs (RFC 5630 section 5.3): for a sip one, its Contact becomes one in t->ruri, and where it
 * is reached stays secure. 0 or -ENOMEM.
 */
int lookup_scheme(struct tm_target *t, struct arena *arena, bool sips);
/** Did a phone behind NAT open a connection, which is then the only way to it? received as in struct store_contact. */
bool lookup_is_flow(struct slice received);
