/**
 * @file rtpp_offer.h  rtpproxy_offer() and rtpproxy_answer(): commands for all streams at once, then one edit of the SDP.
 *
 *     begin ──▶ read SDP and tags ──▶ choose a relay ──▶ one command a stream, all sent together
 *                                         ▲                    │ all answered, or one silent
 *                                         └─── next relay ◀────┤ (first offer of a call only)
 *                                                              ▼
 *                                          finish: all streams rewritten, or the message as it was
 *
 * One thread's; nothing here waits. A relay that is silent counts as down for this thread at once, and on_silent
 * tells the others.
 */
#pragma once

#include "core/base/hash.h"
#include "plugins/rtpp/rtpp_client.h"
#include "plugins/rtpp/rtpp_conf.h"
#include "plugins/rtpp/rtpp_proto.h"
#include "plugins/rtpp/rtpp_sdp.h"
#include "plugins/rtpp/rtpp_tags.h"

/** What a thread knows of a relay; index as in rtpp_sets.relays. */
struct rtpp_view {
	bool down;     /**< silent; calls of its own fail at once until it is up again */
	bool disabled; /**< by an operator: no new calls, its own go on */
	unsigned features; /**< set of enum rtpp_feature */
	uint64_t down_us;  /**< clock_us() when this thread found it down */
};

/** What offers of one thread share; filled by the owner. */
struct rtpp_engine {
	struct rtpp_client *client;
	const struct rtpp_sets *sets;
	struct rtpp_view *views;
	const struct hash_key *key;
	struct slice marker;
	struct log_source *log;
	void (*on_silent)(void *arg, unsigned relay);
	void *arg;
};

/** What is asked. Everything borrowed must live until the end of the offer. */
struct rtpp_offer_ask {
	struct sip_msg *msg;
	bool answer;
	struct rtpp_flags flags;
	struct addr forced; /**< the function's ip argument; unset: none */
	struct addr source; /**< of the packet */
	struct addr
		local; /**< where it came in, as phones see it: for relays on this machine that tell no address */
	const struct rtpp_set *set;
	const struct rtpp_node
		*node; /**< the relay that the call has already; NULL: none yet */
	const char
		*where; /**< place in the script, for the log; in the arena or static */
};

struct rtpp_offer;

/**
 * Begin. 0: no stream needs a relay, nothing changes; -EINPROGRESS: *out, in msg's arena, and done runs later, once, unless
 * rtpp_offer_cancel() comes before; other errors: it failed and the log says why.
 */
int rtpp_offer_begin(struct rtpp_offer **out, struct rtpp_engine *e,
	const struct rtpp_offer_ask *ask, void (*done)(void *arg), void *arg);
/** After done: edit the message. 0, or why not; the message is then as it was. */
int rtpp_offer_finish(struct rtpp_offer *o);
/** Give up: before done has run. Fine after it. */
void rtpp_offer_cancel(struct rtpp_offer *o);
/** The relay that took it. */
const struct rtpp_node *rtpp_offer_node(const struct rtpp_offer *o);
/** Most milliseconds until done runs. */
unsigned rtpp_offer_patience(const struct rtpp_offer *o);

/** Is it a member that a new call may go to? (For rtpp_select().) arg: the views. */
bool rtpp_view_usable(const void *views, unsigned relay);
/**
 * Tell the relay to forget a call: sent and repeated, nobody waits. to may be empty. 0, -EINVAL (tags that cannot be sent), -ENOMEM, or
 * the kernel's reason.
 */
int rtpp_delete(struct rtpp_engine *e, const struct rtpp_node *node, struct slice call_id,
	struct slice from, struct slice to);
