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
#include "plugins/rtpp/rtpp_notify.h"
#include "plugins/rtpp/rtpp_proto.h"
#include "plugins/rtpp/rtpp_roster.h"
#include "plugins/rtpp/rtpp_sdp.h"
#include "plugins/rtpp/rtpp_tags.h"

/** What commands of one thread share; filled by the owner. */
struct rtpp_engine {
	struct rtpp_client *client;
	struct rtpp_roster *roster;
	const struct hash_key *key;
	struct slice marker;
	const struct addr_stream *notify; /**< NULL: no rtpp_notify_socket */
	struct log_source *log;
	void (*on_silent)(void *arg, struct rtpp_peer *peer);
	void *arg;
};

/** The relay of a call. */
struct rtpp_place {
	struct rtpp_peer *peer; /**< NULL: none yet */
	struct addr
		advertised; /**< to be written into SDP; unset: what the relay answers */
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
	struct rtpp_view *view; /**< held by the offer from begin to its end */
	const struct rtpp_set
		*set; /**< of view: where a new call looks; NULL when place.peer is set */
	struct rtpp_place place; /**< the relay that the call has already */
	struct slice
		notify_tag; /**< for U, to relays that can: the dialog's id; empty: no notification */
	const char
		*where; /**< place in the script, for the log; in the arena or static */
};

struct rtpp_offer;

/**
 * Begin. 0: no stream needs a relay, nothing changes; -EINPROGRESS: *out, in msg's arena, and done runs later, once, unless
 * rtpp_offer_end() comes before; other errors: it failed and the log says why.
 */
int rtpp_offer_begin(struct rtpp_offer **out, struct rtpp_engine *e,
	const struct rtpp_offer_ask *ask, void (*done)(void *arg), void *arg);
/** After done: edit the message. 0, or why not; the message is then as it was. */
int rtpp_offer_finish(struct rtpp_offer *o);
/** Every offer that was begun ends by this: what is under way is given up, the view is let go. */
void rtpp_offer_end(struct rtpp_offer *o);
/** The relay that took it. */
struct rtpp_peer *rtpp_offer_peer(const struct rtpp_offer *o);
/** Number of the first audio stream of its SDP; 0: it has none that is relayed. */
unsigned rtpp_offer_audio(const struct rtpp_offer *o);
/** Most milliseconds until done runs. */
unsigned rtpp_offer_patience(const struct rtpp_offer *o);

/**
 * Tell the relay to forget a call: sent and repeated, nobody waits. to may be empty. 0, -EINVAL (tags that cannot be sent), -ENOMEM, or
 * the kernel's reason.
 */
int rtpp_delete(struct rtpp_engine *e, struct rtpp_peer *peer, struct slice call_id,
	struct slice from, struct slice to);
