/**
 * @file fix_nated_sdp.h  Addresses and marks in the SDP of phones behind NAT.
 *
 * Edits the message only; one thread. RFC 4566, RFC 3264. Ports, a=rtcp and ICE
 * candidates are never touched.
 */
#pragma once

#include "core/base/addr.h"
#include "core/sip/sdp.h"

/** What to do; a script asks for a sum. */
enum sdp_fix {
	SDP_ADD_DIRECTION_ACTIVE = 1, /**< "a=direction:active" at the end */
	SDP_REWRITE_MEDIA_IP = 2,     /**< every c= line gets the address */
	SDP_ADD_NORTPPROXY = 4,       /**< the marker line at the end */
	SDP_REWRITE_ORIGIN_IP = 8,    /**< o= gets the address */
	SDP_REWRITE_NULL_IPS =
		16, /**< 0.0.0.0 and :: as well: else they stay (hold, trickle ICE) */
};
#define SDP_FIXES 31u

/**
 * Do it in every SDP part of the body. An address that is the new one already stays; for
 * each one that is replaced a line "a=oldmediaip:ADDR" ("a=oldmediaip6:") is added. IP4
 * and IP6 change with the address. The marker and the direction line are not added again.
 * marker: without line end. max_media: most streams a part may have.
 * 0, also when there was nothing to change; -ENOENT: no SDP, or flag 2 and no c= line;
 * -EINVAL: malformed SDP; -E2BIG; -ENOMEM. On failure the message is as it was.
 */
int fix_nated_sdp(struct sip_msg *msg, unsigned flags, const struct addr *ip,
	struct slice marker, unsigned max_media);
