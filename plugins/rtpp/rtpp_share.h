/**
 * @file rtpp_share.h  What the nodes share of relays: sets, the operator's switch, reports. In the store.
 *
 * Every SHARE_MS, and at once when something is to be told or asked for, one round: switches thrown here and changes of health are written; the
 * parameter's sets are put in where they are missing; sets and relays are read. With the memory store the node meets its own alone. While the store is
 * away what is known stays, and what is to be written waits. On the service's thread.
 *
 *     rtpp:set:<id>     HASH  "url[|advertised]" -> weight      rtpp:relay:<url>  HASH  enabled state disabled_until last_error reported_by
 *
 * Another node's report of a relay that is down makes this node probe it; it disables nothing: a relay that one node cannot reach may be well for
 * all others.
 */
#pragma once

#include "core/bus/bus.h"
#include "storage/store.h"

struct rtpp_share;
struct rtpp_service;

int rtpp_share_new(struct rtpp_share **out, struct rtpp_service *s);
/** What is under way at the store ends without us. */
void rtpp_share_destroy(struct rtpp_share **sp);
/** The first round. */
void rtpp_share_begin(struct rtpp_share *sh);
/** Is the first round still under way? */
bool rtpp_share_is_starting(const struct rtpp_share *sh);
/** The shared sets as they were read last; until the next round. */
void rtpp_share_members(const struct rtpp_share *sh,
	const struct store_relay_weight **list, unsigned *count);
/** Run a round because of a switch; then answer req (success also when the store is away: it holds here, and will be written). */
void rtpp_share_tell(struct rtpp_share *sh, struct bus_request *req);
/** Run a round; then answer req: 500 when the store is away. req NULL: nobody asks. */
void rtpp_share_sync(struct rtpp_share *sh, struct bus_request *req);
