/**
 * @file rtpp_roster.h  The relays as one thread knows them.
 *
 * A *peer* is a relay with what this thread found out about it. It lives as long as the thread: calls that began with a relay
 * that has been taken out of its sets since still end there. A *view* is a snapshot of the board with the peers of its relays; the thread
 * counts it, so that an offer under way keeps the one that it began with.
 *
 * One thread's.
 */
#pragma once

#include "core/base/log.h"
#include "plugins/rtpp/rtpp_board.h"

#define RTPP_MAX_PEERS 4096 /**< relays that a thread ever heard of */

struct rtpp_peer {
	struct rtpp_relay relay;
	bool member;   /**< of some set, in the newest view */
	bool down;     /**< silent; calls of its own fail at once until it is up again */
	bool disabled; /**< by an operator: no new calls, its own go on */
	unsigned features;      /**< set of enum rtpp_feature */
	uint64_t down_us;       /**< clock_us() when this thread found it down */
	struct addr advertised; /**< as its last set said; for calls that outlive that */
	bool notify_refused;    /**< E75: it takes no notification; warned */
	bool warned_streams;    /**< that it cannot play prompts */
	struct rtpp_peer *next; /**< bucket */
};

struct rtpp_view {
	unsigned refs;
	struct rtpp_snapshot *snapshot;
	const struct rtpp_sets *sets;
	struct rtpp_peer **peers; /**< by index of sets->relays */
};

struct rtpp_roster;

/** board is borrowed. 0, -ENOMEM. */
int rtpp_roster_new(
	struct rtpp_roster **out, struct rtpp_board *board, struct log_source *log);
/** Nothing may hold a view any more. */
void rtpp_roster_destroy(struct rtpp_roster **rp);
/** The newest view, without a reference: until the next call. Never NULL; without memory the last one. */
struct rtpp_view *rtpp_roster_view(struct rtpp_roster *r);
struct rtpp_view *rtpp_view_hold(struct rtpp_view *v);
void rtpp_view_drop(struct rtpp_view **vp);
/** The relay of that URL, also one that is in no set; NULL: it cannot be reached (logged). */
struct rtpp_peer *rtpp_roster_peer(struct rtpp_roster *r, struct slice url);
/** May a new call go there? For rtpp_select(): arg is the view. */
bool rtpp_view_usable(const void *view, unsigned relay);
