/**
 * @file sip_write.h  Messages written out: forwarded, answered, made from nothing.
 *
 * Pure. Everything goes into a struct buf; look at its err at the end. RFC 3261 sections 8.2.6, 9.1, 16.6, 16.7, 17.1.1.3.
 */
#pragma once

#include "core/base/buf.h"
#include "core/sip/sip_msg.h"

/** What a forwarding hop adds. Empty slices add nothing. */
struct sip_forward {
	struct slice ruri;     /**< overrides the message's current one when set */
	struct slice via;      /**< value of our Via: "SIP/2.0/UDP host:port;branch=..." */
	struct slice route;    /**< value(s) of Route to put before the message's own */
	struct slice hops;     /**< Max-Forwards, in the place of the received one; added when there is none */
	struct slice extra;    /**< complete header lines to add before the body */
};

/** A request with edits applied, our Via on top, Content-Length corrected when the body was edited or it was absent. */
void sip_write_request(struct buf *b, struct sip_msg *msg, const struct sip_forward *fwd);
/** A reply with edits applied and without its topmost Via value (ours). */
void sip_write_reply(struct buf *b, struct sip_msg *msg);
/** The message with edits applied, nothing added or taken (msg_apply_changes(), tests). */
void sip_write_plain(struct buf *b, struct sip_msg *msg);

/** A reply to a request. */
struct sip_answer {
	unsigned code;
	struct slice reason;
	struct slice to_tag;      /**< added when the request's To has none and code > 100 */
	struct slice via_received; /**< ";received=..;rport=.." as to be set on the top Via; empty: leave it */
	struct slice extra;       /**< complete header lines */
	struct slice server;      /**< value of a Server header; empty: none */
	struct slice body;        /**< with its Content-Type line in extra */
	bool record_route;        /**< copy Record-Route (2xx and 18x made here) */
};
void sip_write_answer(struct buf *b, struct sip_msg *request, const struct sip_answer *ans);
/**
 * ";received=" and ";rport=" put on the top Via (RFC 3261 section 18.2.1, RFC 3581): received when the sent-by host is not
 * the source or rport is asked or force; an rport/received that the sender wrote itself is overwritten. As an edit of the message.
 * 0, -EBADMSG, -ENOMEM.
 */
struct addr;
int sip_via_fix(struct sip_msg *msg, const struct addr *source, bool force_rport);

/** CANCEL for sent, a request of ours as it went out (section 9.1). */
void sip_write_cancel(struct buf *b, struct sip_msg *sent, struct slice extra);
/** ACK for a negative final reply to sent (section 17.1.1.3). */
void sip_write_ack(struct buf *b, struct sip_msg *sent, struct sip_msg *reply);
/** Reason phrase of a code ("Not Found"); "Unknown" when there is none. */
const char *sip_reason(unsigned code);
