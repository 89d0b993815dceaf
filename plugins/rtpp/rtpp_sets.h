/**
 * @file rtpp_sets.h  Sets of RTP proxies, as `rtpproxy_sock` writes them.
 *
 *     [<set id> == ] url[|advertised][=weight] {blank url[|advertised][=weight]}
 *
 * Pure but for rtpp_sets_resolve(); whoever builds one owns it, then it is immutable (rtpp_board.h). The same URL in several
 * sets is one relay: it has one state and one address. URLs: rtpp_url.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/buf.h"
#include "core/base/slice.h"
#include "plugins/rtpp/rtpp_url.h"

#define RTPP_MAX_RELAYS 1024
#define RTPP_MAX_WEIGHT 65535
#define RTPP_SETID_MAX  INT32_MAX
#define RTPP_TAKEN_OUT  (-1) /**< as weight: not a member */

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
	struct rtpp_relay *relays; /**< each is a member of some set */
	unsigned relay_count;
	struct rtpp_set *sets; /**< in the order in which they were first named */
	unsigned set_count;
	unsigned node_count;
};

/**
 * Add one value of rtpproxy_sock; an empty one adds nothing. NULL when it is fine, else what would be right (static text)
 * and sets may hold a part of it. Without memory: "more memory ...".
 */
const char *rtpp_sets_add(struct rtpp_sets *sets, const char *text);
/** The same for a record of a database: set id and members stand apart, and a member that is there already is replaced. */
const char *rtpp_sets_add_record(
	struct rtpp_sets *sets, struct slice id, struct slice members);
/**
 * Add, change or take out one member ("url[|advertised]"), as the shared sets say it. One that is there keeps the address that it advertises
 * unless another is given.
 */
const char *rtpp_sets_put(
	struct rtpp_sets *sets, int64_t id, struct slice member, int64_t weight);
/** Forget relays that are no member any more; number the members. After the last change. */
void rtpp_sets_tidy(struct rtpp_sets *sets);
/** 0 or -ENOMEM. */
int rtpp_sets_copy(struct rtpp_sets *out, const struct rtpp_sets *from);
void rtpp_sets_free(struct rtpp_sets *sets);
/**
 * Find the addresses of hosts that are names. May block: at start only. 0, or -ENOENT with *which, the first relay
 * without an address.
 */
int rtpp_sets_resolve(struct rtpp_sets *sets, const struct rtpp_relay **which);
bool rtpp_sets_equal(const struct rtpp_sets *a, const struct rtpp_sets *b);
/** NULL: no such set. */
const struct rtpp_set *rtpp_set_find(const struct rtpp_sets *sets, uint64_t id);
/** The set's member that is this relay; NULL. */
const struct rtpp_node *rtpp_set_node(
	const struct rtpp_sets *sets, const struct rtpp_set *set, struct slice url);
/** Index of the relay with that URL, or -1. */
int rtpp_relay_find(const struct rtpp_sets *sets, struct slice url);
/** "url[|advertised]": how a member is called in the shared sets. */
void rtpp_node_text(
	struct buf *b, const struct rtpp_sets *sets, const struct rtpp_node *node);
