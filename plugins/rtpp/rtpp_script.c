/* The script functions that rewrite SDP, and those about the call's relay: what lies between the host and the files that do the work. */
#include <errno.h>
#include <stdio.h>

#include "plugins/rtpp/rtpp_call.h"

#define PARK_SLACK_MS                                                                    \
	2000 /* the commands' own timers end a wait; the host's deadline is the net below */

/** A message that waits for relays. */
struct waiting {
	struct rtpp_worker *worker;
	struct rtpp_offer *offer;
	const struct rtpp_set *set; /* of the view that the offer holds */
	struct slice notify;
	ph_token token;
};

/** D for a call by the tags of msg. */
static int delete_session(
	struct rtpp_worker *w, struct ph_msg *msg, struct rtpp_peer *peer)
{
	struct slice from, to;
	int err = rtpp_tags_plain(&msg->sip, &from, &to);

	if (err == 0)
		err = rtpp_delete(&w->engine, peer, msg->sip.call_id, from, to);
	if (err != 0)
		PH_LOG_MSG(w->log, LOG_L_ERR, msg, "%s: D cannot be sent: %s",
			peer->relay.url, strerror(-err));
	return err;
}

/** An INVITE that begins a call and was cancelled leaves no session behind. */
static bool is_cancelled_call(const struct ph_msg *msg, const struct sip_nameaddr *to)
{
	return msg->sip.kind == SIP_REQUEST && msg->sip.method == SIP_INVITE && to &&
		slice_empty(to->tag) && tm_is_canceled(msg);
}

static void on_done(void *arg)
{
	struct waiting *wait = arg;

	ph_wake(&wait->worker->worker->t, wait->token, 0);
}

/** The dialog plugin makes a dialog of this call; the next offers repeat the name. */
static void want_dialog(struct rtpp_worker *w, struct ph_msg *msg, struct slice id)
{
	int err;

	if (slice_empty(id))
		return;
	err = ph_prop_set(msg, BUS_PROP_RTPP_NOTIFY, id);
	if (err == 0)
		err = ph_prop_set(msg, BUS_PROP_DIALOG_WANTED, SLICE("1"));
	if (err != 0)
		PH_LOG_MSG(w->log, LOG_L_WARN, msg,
			"flag n: the call cannot be remembered: %s", strerror(-err));
}

static int resume(void *self, struct ph_msg *msg, void *state, int result)
{
	struct rtpp_worker *w = self;
	struct waiting *wait = state;
	int code = PH_FALSE;

	if (result == 0 && rtpp_offer_finish(wait->offer) == 0) {
		rtpp_call_remember(w, msg, wait->set, wait->offer);
		want_dialog(w, msg, wait->notify);
		if (is_cancelled_call(msg, sip_to(&msg->sip, NULL)))
			(void)delete_session(w, msg, rtpp_offer_peer(wait->offer));
		code = PH_TRUE;
	}
	rtpp_offer_end(wait->offer);
	return code;
}

static int park(struct rtpp_worker *w, struct ph_msg *msg, struct waiting *wait)
{
	uint64_t ms = (uint64_t)rtpp_offer_patience(wait->offer) + PARK_SLACK_MS;
	int err = ph_park(msg, resume, w, wait,
		(unsigned)(ms < PH_PARK_MAX_MS ? ms : PH_PARK_MAX_MS), &wait->token);

	if (err == 0)
		return PH_PARK;
	rtpp_offer_end(wait->offer);
	return err == -EBUSY ? PH_STOP : PH_FALSE;
}

/** The function's arguments. False: one is no good (logged). */
static bool read_args(struct rtpp_worker *w, struct ph_msg *msg,
	const struct ph_arg *args, struct rtpp_offer_ask *ask)
{
	char why[128];
	const char *fault = args[0].given ? rtpp_flags_read(args[0].s, ask->answer,
						    w->engine.notify, &ask->flags, why)
					  : NULL;
	struct slice ip = args[1].given ? slice_trim(args[1].s) : (struct slice){0};

	if (!fault && ip.len > 0 && addr_parse_ip(&ask->forced, ip) != 0)
		fault = "the second argument is no IP address";
	if (fault)
		PH_LOG_MSG(w->log, LOG_L_ERR, msg, "%s: %s",
			ask->answer ? "rtpproxy_answer" : "rtpproxy_offer", fault);
	return !fault;
}

/** Where the packet came in, as phones see it. */
static struct addr local_of(const struct ph_msg *msg)
{
	struct addr a;

	if (msg->sock && addr_parse_ip(&a, slice_str(msg->sock->adv_host)) == 0)
		return a;
	return msg->rx.dst;
}

/** A relay may tell of silence, but nobody keeps a dialog that could then be ended. */
static void look_for_dialog(struct rtpp_worker *w, struct ph_msg *msg)
{
	if (w->warned_dialog || slice_empty(ph_prop(msg, BUS_PROP_RTPP_NOTIFY)) ||
		!slice_empty(ph_prop(msg, BUS_PROP_DIALOG_ID)))
		return;
	w->warned_dialog = true;
	PH_LOG_MSG(w->log, LOG_L_WARN, msg,
		"flag n was used, but the call has no dialog: calls without media are "
		"only ended when the plugin dialog is enabled");
}

static int begin(
	struct rtpp_worker *w, struct ph_msg *msg, const struct ph_arg *args, bool answer)
{
	struct rtpp_offer_ask ask = {.msg = &msg->sip,
		.answer = answer,
		.source = msg->rx.src,
		.local = local_of(msg),
		.view = rtpp_roster_view(w->engine.roster)};
	struct waiting *wait = arena_zalloc(msg->arena, sizeof(*wait));
	struct slice where = arena_dup(msg->arena, slice_str(script_where(msg)));
	int err;

	if (!wait || !where.p || !read_args(w, msg, args, &ask) ||
		rtpp_call_place(w, msg, ask.view, &ask.place, &ask.set) != 0)
		return PH_FALSE;
	if (answer)
		look_for_dialog(w, msg);
	else
		ask.notify_tag = rtpp_call_notify(w, msg, ask.flags.notify);
	ask.where = where.p;
	wait->worker = w;
	wait->set = ask.set;
	wait->notify = ask.notify_tag;
	err = rtpp_offer_begin(&wait->offer, &w->engine, &ask, on_done, wait);
	if (err == -EINPROGRESS)
		return park(w, msg, wait);
	return err == 0 ? PH_TRUE : PH_FALSE;
}

int rtpp_fn_offer(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return begin(self, msg, args, false);
}

int rtpp_fn_answer(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return begin(self, msg, args, true);
}

int rtpp_fn_unforce(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct rtpp_worker *w = self;
	struct rtpp_peer *peer = rtpp_call_peer(w, msg);

	(void)args;
	return peer && delete_session(w, msg, peer) == 0 ? PH_TRUE : PH_FALSE;
}

int rtpp_fn_set(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct rtpp_worker *w = self;
	const struct rtpp_view *v = rtpp_roster_view(w->engine.roster);
	char id[24];

	if (args[0].n < 0 || !rtpp_set_find(v->sets, (uint64_t)args[0].n)) {
		PH_LOG_MSG(w->log, LOG_L_ERR, msg,
			"set_rtp_proxy_set: there is no set %lld (rtpproxy_sock)",
			(long long)args[0].n);
		return PH_FALSE;
	}
	(void)snprintf(id, sizeof(id), "%lld", (long long)args[0].n);
	return ph_prop_set(msg, BUS_PROP_RTPP_CHOICE, slice_str(id)) == 0 ? PH_TRUE
									  : PH_FALSE;
}

void rtpp_cancelled(void *self, struct ph_msg *msg)
{
	struct rtpp_worker *w = self;
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);

	/* While an offer is under way resume() does it: a D now might come before the last repetition of U. */
	if (to && slice_empty(to->tag) &&
		!slice_empty(ph_prop(msg, BUS_PROP_RELAY_URL))) {
		struct rtpp_peer *peer = rtpp_call_peer(w, msg);

		if (peer)
			(void)delete_session(w, msg, peer);
	}
}

/** What rtpproxy_manage() does with a reply of an INVITE. */
static int manage_reply(
	struct rtpp_worker *w, struct ph_msg *msg, const struct ph_arg *args)
{
	struct ph_msg *request = tm_request_of(msg);
	bool offered = request && sip_body_is(&request->sip, SLICE("application/sdp"));

	/* One branch's failure is not the call's: the failure block ends the session. */
	if (msg->sip.status <= 100 || msg->sip.status >= 300 ||
		!sip_body_is(&msg->sip, SLICE("application/sdp")))
		return PH_FALSE;
	return begin(w, msg, args, offered);
}

int rtpp_fn_manage(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);
	bool sdp = sip_body_is(&msg->sip, SLICE("application/sdp"));

	if (msg->sip.kind == SIP_REPLY)
		return msg->sip.method == SIP_INVITE || msg->sip.method == SIP_UPDATE
			? manage_reply(self, msg, args)
			: PH_FALSE;
	if (msg->route == PH_ROUTE_FAILURE) /* a call goes on when its re-INVITE fails */
		return to && slice_empty(to->tag) ? rtpp_fn_unforce(self, msg, NULL)
						  : PH_FALSE;
	if (msg->sip.method == SIP_BYE || msg->sip.method == SIP_CANCEL)
		return rtpp_fn_unforce(self, msg, NULL);
	if (!sdp)
		return PH_FALSE;
	if (msg->sip.method == SIP_INVITE || msg->sip.method == SIP_UPDATE)
		return begin(self, msg, args, false);
	if (msg->sip.method == SIP_ACK || msg->sip.method == SIP_PRACK)
		return begin(self, msg, args, true);
	return PH_FALSE;
}

int rtpp_fn_force(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	if (msg->sip.kind == SIP_REPLY)
		return begin(self, msg, args, true);
	return msg->sip.method == SIP_INVITE ? begin(self, msg, args, false) : PH_FALSE;
}
