/**
 * @file ping_request.h  The SIP request of a ping, written out. RFC 3261 section 8.1.1; no transaction, no retransmission.
 *
 *     OPTIONS sip:alice@192.168.1.20:5060 SIP/2.0
 *     Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bKnp...;rport
 *     Route: <sip:edge.example.org;lr>                    only with a stored Path
 *     Max-Forwards: 70
 *     From: <sip:pinger@example.org>;tag=89abcdef0123456789abcdef
 *     To: <sip:alice@192.168.1.20:5060>
 *     Call-ID: 0123456789abcdef-89abcdef@203.0.113.9
 *     CSeq: 1 OPTIONS
 *     Contact: <sip:203.0.113.9:5060>
 *     Content-Length: 0
 *
 * Pure; any thread.
 */
#pragma once

#include "core/base/buf.h"
#include "core/base/hash.h"
#include "core/net/net.h"

/** Bytes of a request at most: what is stored of a binding is at most 1024 bytes a field, and the contact is written twice. */
#define PING_REQUEST_MAX 8192

/** Who asks, the same for all pings of a thread but for number. */
struct ping_asker {
	struct slice method, from; /**< from: a name-addr, without tag */
	const struct hash_key *key;
	uint32_t node;   /**< ping_branch_node() */
	uint32_t salt;   /**< random: of this thread since its start */
	uint64_t number; /**< of the next ping; begins at random */
};

/** The next request, sent from sock. Look at b->err. route may be empty. */
void ping_request_write(struct buf *b, struct ping_asker *a, const struct net_sock *sock,
	struct slice ruri, struct slice route);
