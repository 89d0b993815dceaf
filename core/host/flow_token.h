/**
 * @file flow_token.h  A flow in the user part of a SIP URI: "the phone at that address, from this listener of mine".
 *
 * RFC 5626 section 5.2 asks for such a token: it names a flow without any state at the node that holds it, and nobody but the cluster can
 * make one. Text: "flow1", a letter for what it is good for, then base64url of
 *
 *     remote transport and family | address | port | caller's tag (4 bytes, FLOW_DIALOG alone) | SipHash of it all
 *
 * The hash also covers the listener ("udp:198.51.100.7:5060", as phones see it; it stands beside the token in the URI) and the Call-ID: a token
 * opens nothing but its own call, so whoever has seen one in a Record-Route cannot use it for anything else.
 *
 * Pure; any thread.
 */
#pragma once

#include "core/base/addr.h"
#include "core/base/hash.h"
#include "core/base/slice.h"
#include "core/sip/sip_uri.h"

enum flow_kind {
	FLOW_NODE = 'n',   /**< in a Route from node to node: any request. Phones never see it */
	FLOW_DIALOG = 'd', /**< in a Record-Route: requests inside the dialog, both ways */
	FLOW_HEARD = 'h',  /**< in the Via of a node: where it heard this very request */
};

struct flow {
	enum flow_kind kind;
	enum sip_transport transport; /**< the phone's: UDP, TCP or TLS */
	struct addr remote;           /**< the phone as the listener sees it */
	uint32_t caller;              /**< flow_tag() of the dialog's first From; FLOW_DIALOG */
};

/** What else the token is bound to. */
struct flow_bond {
	struct slice socket;  /**< the listener; empty with FLOW_HEARD */
	struct slice call_id;
	uint32_t cseq;        /**< FLOW_HEARD: of the request; else 0 */
};

#define FLOW_TOKEN_MAX 64 /**< any token with its NUL */

/** NUL-terminated into out. 0; -EINVAL: no such flow (family, transport, no port). */
int flow_token_write(char out[FLOW_TOKEN_MAX], const struct hash_key *key, const struct flow *flow, const struct flow_bond *bond);
/** Is it meant to be one, of whatever version? Then it is ours to judge. */
bool flow_token_is(struct slice user);
/** 0 and *out; -EBADMSG: forged, cut, longer than it should be, of another version, key or bond. */
int flow_token_read(struct flow *out, const struct hash_key *key, struct slice text, const struct flow_bond *bond);
/** What a token keeps of a From tag. */
uint32_t flow_tag(const struct hash_key *key, struct slice tag);
