/**
 * @file rtpp_conf.h  Sets of RTP proxies, as `rtpproxy_sock` writes them.
 *
 *     [<set id> == ] url[|advertised][=weight] {blank url[|advertised][=weight]}
 *
 * Parsing is pure; made at start, immutable afterwards, shared by all threads. The same URL in
 * several sets is one relay: it has one state and one address.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/slice.h"

#define RTPP_URL_MAX    120 /**< longest URL; fits into events */
#define RTPP_MAX_RELAYS 256
#define RTPP_MAX_WEIGHT 65535
#define RTPP_SETID_MAX  INT32_MAX
#define RTPP_DFLT_PORT  22222

/** One RTP proxy. */
struct rtpp_relay {
	char url[RTPP_URL_MAX +
		1]; /**< as written, without weight: its name for commands and events */
	char host[RTPP_URL_MAX + 1];
	uint16_t port;
	int family;       /**< AF_INET for udp:, AF_INET6 for udp6: */
	struct addr addr; /**< unset until rtpp_sets_resolve() when host is a name */
};

/** A relay as a member of a set. */
struct rtpp_node {
	unsigned relay;  /**< index into rtpp_sets.relays */
	unsigned index;  /**< counted over all sets */
	unsigned weight; /**< 0: spare, used when no other is left */
	struct addr
		advertised; /**< to be written into SDP; unset: what the relay answers */
};

struct rtpp_set {
	unsigned id;
	struct rtpp_node *nodes;
	unsigned count;
};

struct rtpp_sets {
	struct rtpp_relay *relays;
	unsigned relay_count;
	struct rtpp_set *sets; /**< in the order in which they were first named */
	unsigned set_count;
	unsigned node_count;
};

/**
 * Add one value of rtpproxy_sock; an empty one adds nothing. NULL when it is fine, else what is wrong (static text)
 * and sets may hold a part of it. Without memory: "out of memory".
 */
const char *rtpp_sets_add(struct rtpp_sets *sets, const char *text);
void rtpp_sets_free(struct rtpp_sets *sets);
/**
 * Find the addresses of hosts that are names. May block: at start only. 0, or -ENOENT with *which, the first relay
 * without an address.
 */
int rtpp_sets_resolve(struct rtpp_sets *sets, const struct rtpp_relay **which);
/** NULL: no such set. */
const struct rtpp_set *rtpp_set_find(const struct rtpp_sets *sets, uint64_t id);
/** The set's member that is this relay; NULL. */
const struct rtpp_node *rtpp_set_node(
	const struct rtpp_sets *sets, const struct rtpp_set *set, struct slice url);
/** Index of the relay with that URL, or -1. */
int rtpp_relay_find(const struct rtpp_sets *sets, struct slice url);

/** "1", "0.2": seconds, more than 0 and at most 60. 0 and *ms (at least 1), or -EINVAL. */
int rtpp_seconds(struct slice text, unsigned *ms);
