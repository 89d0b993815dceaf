/**
 * @file fix_nated_sdp.h  Addresses and marks in the SDP of phones behind NAT.
 *
 * Edits the message only; one thread. RFC 4566, RFC 3264. Ports, a=rtcp and ICE
 * candidates are never touched.
 */
#pragma once

#include <stdbool.h>

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

/** What goes in. */
struct sdp_fix_with {
	unsigned flags;        /**< a set of enum sdp_fix */
	const struct addr *ip; /**< the new address; the port does not matter */
	struct slice marker;   /**< without line end; empty: none */
	struct slice lines;    /**< more attribute lines for the end, or empty */
	unsigned max_media;    /**< most streams a part may have */
};

/** Is s one or more lines "a=..." with line ends between them? */
bool fix_nated_sdp_lines(struct slice s);

/**
 * Do it in every SDP part of the body. An address that is the new one already stays; for
 * each one that is replaced a line "a=oldmediaip:ADDR" ("a=oldmediaip6:") is added. IP4
 * and IP6 change with the address. A line that is there already is not added again. New
 * lines stand at the end in this order: direction, old addresses, lines, marker.
 * 0, also when there was nothing to change; -ENOENT: no SDP, or flag 2 and no c= line;
 * -EINVAL: malformed SDP, or lines are none; -E2BIG: more streams than max_media; -ENOMEM.
 * On failure the message is as it was.
 */
int fix_nated_sdp(struct sip_msg *msg, const struct sdp_fix_with *with);
