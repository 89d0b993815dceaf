/**
 * @file rtpp_sdp.h  What of an SDP goes through the relay, and how it is rewritten.
 *
 * Pure. RFC 4566 / 8866, RFC 3264, RFC 3605. Streams are numbered by the position of their m= line through all SDP parts of
 * the body, from 1, whether they are relayed or not: so offer and answer agree on the numbers.
 */
#pragma once

#include "core/base/addr.h"
#include "core/sip/sdp.h"
#include "core/sip/sip_msg.h"
#include "plugins/rtpp/rtpp_flags.h"

/** A stream that is relayed: port not 0, a protocol over UDP. */
struct rtpp_stream {
	struct sdp *sdp;
	struct sdp_media *media;
	struct sdp_addr *conn; /**< the c= that holds for it */
	unsigned number;       /**< from 1 */
	bool held;             /**< c= 0.0.0.0 or ::, hold as of old: the address stays */
	struct slice told_ip;  /**< for the relay; in the arena */
	bool told_ip6;
	uint16_t port;

	/* what the relay gave; the caller fills it in before rtpp_body_apply() */
	struct addr relay; /**< unset: none, that of an earlier stream holds */
	uint16_t relay_port;
};

/** Lives in the message's arena; may be kept while the message is suspended, as long as its body is not edited. */
struct rtpp_body {
	struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
	unsigned part_count;
	struct rtpp_stream *streams;
	unsigned count;
};

struct rtpp_body_options {
	const struct rtpp_flags *flags;
	struct slice marker; /**< without line end; empty: neither looked for nor added */
	const struct addr *source; /**< of the packet */
	unsigned max_media;
};
/**
 * Read the current body. 0 (count may be 0: no stream needs a relay); -ENOENT: no SDP; -EALREADY: the marker is there and flag f is
 * not; -EDESTADDRREQ: a stream without c=; -EADDRNOTAVAIL: its c= is no IP address and shall be told to the relay; -EINVAL, -E2BIG,
 * -ENOMEM.
 */
int rtpp_body_read(
	struct rtpp_body *out, struct sip_msg *msg, const struct rtpp_body_options *opt);
/**
 * Write ports and addresses of all streams into the message in one edit. forced: the address to write whatever the relay gave (unset:
 * none); otherwise the relay's, that of an earlier stream, or fallback. 0; -ENOMEM: the message is as it was.
 */
int rtpp_body_apply(struct rtpp_body *body, struct sip_msg *msg,
	const struct rtpp_body_options *opt, const struct addr *forced,
	const struct addr *fallback);
