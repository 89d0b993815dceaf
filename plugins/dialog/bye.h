/**
 * @file bye.h  The BYE that ends a call in the name of its other side. RFC 3261 sections 12.2.1.1 and 15.1.1; Reason: RFC 3326.
 *
 * To the caller it comes as if from the callee, and the other way round: that side's tag in From, a CSeq one higher than any that
 * it has sent, the route set and target of the side that gets it. Pure; results live in the given arena.
 */
#pragma once

#include "plugins/dialog/leg.h"

enum bye_to { BYE_TO_CALLER, BYE_TO_CALLEE };

struct bye {
	struct slice text;   /**< complete but for our Via */
	struct slice du;     /**< next hop: the first route, else where that side was last heard from, else empty (the request URI) */
	struct slice socket; /**< our listener towards it: "udp:198.51.100.7:5060"; or empty */
};

/**
 * For a confirmed dialog. reason: for people ("media timeout"). Routes of ours and, at the front, that of the listener `socket` (another node's: the
 * caller goes through it by target.foreign) are left out. 0; -EBADMSG: the record does not hold together; -E2BIG; -ENOMEM.
 */
int bye_make(struct bye *out, struct arena *arena, const struct store_dialog *d,
	enum bye_to to, struct slice reason, const struct leg_ours *ours);
/** "Reason: SIP;cause=480;text=\"media timeout\"" with its line end: for BYE, CANCEL, and the reply to the caller. */
struct slice bye_reason(struct arena *arena, struct slice reason);
