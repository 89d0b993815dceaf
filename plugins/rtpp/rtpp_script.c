/* The script functions: what lies between the host and the files that do the work. */
#include <errno.h>
#include <stdio.h>

#include "plugins/rtpp/rtpp.h"
#include "plugins/rtpp/rtpp_select.h"

#define PARK_SLACK_MS                                                                    \
	2000 /* the commands' own timers end a wait; the host's deadline is the net below */

/** A message that waits for relays. */
struct waiting {
	struct rtpp_worker *worker;
	struct rtpp_offer *offer;
	const struct rtpp_set *set;
	ph_token token;
};

/** The set that set_rtp_proxy_set() chose for this message, that of the call, or set 0. NULL (logged): there is none. */
static const struct rtpp_set *set_for(struct rtpp_worker *w, struct ph_msg *msg)
{
	const struct rtpp_sets *sets = &w->conf->sets;
	struct slice chosen = ph_prop(msg, BUS_PROP_RTPP_CHOICE);
	const struct rtpp_set *set;
	uint64_t id = 0;

	if (slice_empty(chosen))
		chosen = ph_prop(msg, BUS_PROP_RTPP_SET);
	if (!slice_empty(chosen) && slice_u64(chosen, RTPP_SETID_MAX, &id) != 0)
		return NULL;
	set = rtpp_set_find(sets, id);
	if (!set)
		PH_LOG_MSG(w->log, LOG_L_ERR, msg,
			"there is no set %llu of RTP proxies (rtpproxy_sock)",
			(unsigned long long)id);
	return set;
}

/**
 * The relay that the call has, or NULL. *set: of the relay, or where a new one is to be looked for. A message without To tag
 * begins the call anew: then a set chosen for it goes before what an earlier attempt left.
 */
static const struct rtpp_node *node_for(
	struct rtpp_worker *w, struct ph_msg *msg, const struct rtpp_set **set)
{
	struct slice url = ph_prop(msg, BUS_PROP_RELAY_URL),
		     id = ph_prop(msg, BUS_PROP_RTPP_SET);
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);
	const struct rtpp_set *old = NULL;
	const struct rtpp_node *node;
	uint64_t n;

	if (!slice_empty(url) && slice_u64(id, RTPP_SETID_MAX, &n) == 0)
		old = rtpp_set_find(&w->conf->sets, n);
	node = old ? rtpp_set_node(&w->conf->sets, old, url) : NULL;
	if (node && to && !slice_empty(to->tag)) {
		*set = old;
		return node;
	}
	*set = set_for(w, msg);
	return *set == old ? node : NULL;
}

static void remember(struct rtpp_worker *w, struct ph_msg *msg,
	const struct rtpp_set *set, const struct rtpp_node *node)
{
	char id[16];
	int err;

	(void)snprintf(id, sizeof(id), "%u", set->id);
	err = ph_prop_set(msg, BUS_PROP_RELAY_URL,
		slice_str(w->conf->sets.relays[node->relay].url));
	if (err == 0)
		err = ph_prop_set(msg, BUS_PROP_RTPP_SET, slice_str(id));
	if (err !=
		0) /* the Call-ID's hash still finds it while the relays' state does not change */
		PH_LOG_MSG(w->log, LOG_L_WARN, msg,
			"the call's relay cannot be remembered: %s", strerror(-err));
}

/** D for a call by the tags of msg. */
static int delete_session(
	struct rtpp_worker *w, struct ph_msg *msg, const struct rtpp_node *node)
{
	struct slice from, to;
	int err = rtpp_tags_plain(&msg->sip, &from, &to);

	if (err == 0)
		err = rtpp_delete(&w->engine, node, msg->sip.call_id, from, to);
	if (err != 0)
		PH_LOG_MSG(w->log, LOG_L_ERR, msg, "%s: D cannot be sent: %s",
			w->conf->sets.relays[node->relay].url, strerror(-err));
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

static int resume(void *self, struct ph_msg *msg, void *state, int result)
{
	struct rtpp_worker *w = self;
	struct waiting *wait = state;

	rtpp_offer_cancel(wait->offer);
	if (result != 0 || rtpp_offer_finish(wait->offer) != 0)
		return PH_FALSE;
	remember(w, msg, wait->set, rtpp_offer_node(wait->offer));
	if (is_cancelled_call(msg, sip_to(&msg->sip, NULL)))
		(void)delete_session(w, msg, rtpp_offer_node(wait->offer));
	return PH_TRUE;
}

static int park(struct rtpp_worker *w, struct ph_msg *msg, struct waiting *wait)
{
	int err = ph_park(msg, resume, w, wait,
		rtpp_offer_patience(wait->offer) + PARK_SLACK_MS, &wait->token);

	if (err == 0)
		return PH_PARK;
	rtpp_offer_cancel(wait->offer);
	return err == -EBUSY ? PH_STOP : PH_FALSE;
}

/** The function's arguments. False: one is no good (logged). */
static bool read_args(struct rtpp_worker *w, struct ph_msg *msg,
	const struct ph_arg *args, struct rtpp_offer_ask *ask)
{
	char why[128];
	const char *fault =
		args[0].given ? rtpp_flags_parse(args[0].s, &ask->flags, why) : NULL;
	struct slice ip = args[1].given ? slice_trim(args[1].s) : (struct slice){0};

	if (!fault && ask->answer && ask->flags.lookup)
		fault = "flag letter 'l' has no meaning in an answer";
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

static int begin(
	struct rtpp_worker *w, struct ph_msg *msg, const struct ph_arg *args, bool answer)
{
	struct rtpp_offer_ask ask = {.msg = &msg->sip,
		.answer = answer,
		.source = msg->rx.src,
		.local = local_of(msg)};
	struct waiting *wait = arena_zalloc(msg->arena, sizeof(*wait));
	struct slice where = arena_dup(msg->arena, slice_str(script_where(msg)));
	int err;

	if (!wait || !where.p || !read_args(w, msg, args, &ask))
		return PH_FALSE;
	ask.where = where.p;
	ask.node = node_for(w, msg, &ask.set);
	if (!ask.set)
		return PH_FALSE;
	wait->worker = w;
	wait->set = ask.set;
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

/** The relay of a call, for commands that change nothing in the message. NULL: none (logged). */
static const struct rtpp_node *existing_node(struct rtpp_worker *w, struct ph_msg *msg)
{
	const struct rtpp_set *set;
	const struct rtpp_node *node = node_for(w, msg, &set);

	/* What another choice for this message says does not matter: the session is where it is. */
	if (!node && !slice_empty(ph_prop(msg, BUS_PROP_RELAY_URL))) {
		unsigned i;

		for (i = 0; i < w->conf->sets.set_count && !node; i++)
			node = rtpp_set_node(&w->conf->sets, &w->conf->sets.sets[i],
				ph_prop(msg, BUS_PROP_RELAY_URL));
	}
	if (!node && set)
		node = rtpp_select(set, hash_sip(w->engine.key, msg->sip.call_id),
			rtpp_view_usable, w->engine.views);
	return node;
}

int rtpp_fn_unforce(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct rtpp_worker *w = self;
	const struct rtpp_node *node = existing_node(w, msg);

	(void)args;
	if (!node) {
		PH_LOG_MSG(w->log, LOG_L_WARN, msg,
			"unforce_rtp_proxy: no relay that could be told");
		return PH_FALSE;
	}
	return delete_session(w, msg, node) == 0 ? PH_TRUE : PH_FALSE;
}

int rtpp_fn_set(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct rtpp_worker *w = self;
	char id[24];

	if (args[0].n < 0 || !rtpp_set_find(&w->conf->sets, (uint64_t)args[0].n)) {
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
		const struct rtpp_node *node = existing_node(w, msg);

		if (node)
			(void)delete_session(w, msg, node);
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
