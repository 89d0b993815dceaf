/**
 * @file rtpp_call.h  What is remembered with a call: its relay and set, who is told of silence, which stream is audio.
 *
 * Kept as properties (core/bus/events.h), so that the plugin dialog can keep them beyond this node. A worker's.
 */
#pragma once

#include "plugins/rtpp/rtpp.h"

/** The set that set_rtp_proxy_set() chose for this message, that of the call, or set 0. NULL (logged): there is none. */
const struct rtpp_set *rtpp_call_set(
	struct rtpp_worker *w, struct ph_msg *msg, const struct rtpp_view *v);
/**
 * The relay that the call has (place->peer NULL: none), and the set where a new one is to be looked for (NULL: that is not to be, or there is none). A
 * message without To tag begins the call anew: then a set chosen for it goes before what an earlier attempt left. 0; -ENOENT (logged): there is
 * neither.
 */
int rtpp_call_place(struct rtpp_worker *w, struct ph_msg *msg, const struct rtpp_view *v,
	struct rtpp_place *place, const struct rtpp_set **set);
/** The relay of a call, for commands that change nothing in the message. Without one that is remembered: where its offer would have gone. NULL: none (logged). */
struct rtpp_peer *rtpp_call_peer(struct rtpp_worker *w, struct ph_msg *msg);
/** An offer or answer was taken: by that relay, chosen from set (NULL: it had it already). */
void rtpp_call_remember(struct rtpp_worker *w, struct ph_msg *msg,
	const struct rtpp_set *set, const struct rtpp_offer *offer);
/**
 * The name by which a relay is to tell of this call's silence: when flag n says so, or an earlier offer did. In the message's arena; empty: it is not
 * to tell, or there is no dialog that it could name.
 */
struct slice rtpp_call_notify(struct rtpp_worker *w, struct ph_msg *msg, bool flag);
/** Number of the call's first audio stream. */
unsigned rtpp_call_audio(struct ph_msg *msg);
/** A request without To tag, or a reply to one: the call begins. */
bool rtpp_call_is_initial(struct ph_msg *msg);
