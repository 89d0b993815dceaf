#include "plugins/rtpp/rtpp_call.h"

#include <errno.h>
#include <stdio.h>

#include "core/tm/dialog_id.h"
#include "plugins/rtpp/rtpp_order.h"
#include "plugins/rtpp/rtpp_select.h"

static bool has_to_tag(struct ph_msg *msg)
{
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);

	return to && !slice_empty(to->tag);
}

bool rtpp_call_is_initial(struct ph_msg *msg)
{
	struct ph_msg *request = msg->sip.kind == SIP_REQUEST ? msg : tm_request_of(msg);

	return request && !has_to_tag(request);
}

const struct rtpp_set *rtpp_call_set(
	struct rtpp_worker *w, struct ph_msg *msg, const struct rtpp_view *v)
{
	struct slice chosen = ph_prop(msg, BUS_PROP_RTPP_CHOICE);
	const struct rtpp_set *set;
	uint64_t id = 0;

	if (slice_empty(chosen))
		chosen = ph_prop(msg, BUS_PROP_RTPP_SET);
	if (!slice_empty(chosen) && slice_u64(chosen, RTPP_SETID_MAX, &id) != 0)
		return NULL;
	set = rtpp_set_find(v->sets, id);
	if (!set)
		PH_LOG_MSG(w->log, LOG_L_ERR, msg,
			"there is no set %llu of RTP proxies (rtpproxy_sock)",
			(unsigned long long)id);
	return set;
}

int rtpp_call_place(struct rtpp_worker *w, struct ph_msg *msg, const struct rtpp_view *v,
	struct rtpp_place *place, const struct rtpp_set **set)
{
	struct slice url = ph_prop(msg, BUS_PROP_RELAY_URL),
		     id = ph_prop(msg, BUS_PROP_RTPP_SET);
	const struct rtpp_set *old = NULL;
	const struct rtpp_node *node;
	uint64_t n;

	*place = (struct rtpp_place){0};
	if (!slice_empty(url) && slice_u64(id, RTPP_SETID_MAX, &n) == 0)
		old = rtpp_set_find(v->sets, n);
	node = old ? rtpp_set_node(v->sets, old, url) : NULL;
	if (!slice_empty(url) && has_to_tag(msg)) {
		/* Also when the relay is in no set any more: the session is there and nowhere else. */
		*set = old;
		place->peer = rtpp_roster_peer(w->engine.roster, url);
		if (place->peer)
			place->advertised =
				node ? node->advertised : place->peer->advertised;
		return place->peer ? 0 : -ENOENT;
	}
	*set = rtpp_call_set(w, msg, v);
	if (node && *set == old) {
		place->peer = v->peers[node->relay];
		place->advertised = node->advertised;
	}
	return *set ? 0 : -ENOENT;
}

struct rtpp_peer *rtpp_call_peer(struct rtpp_worker *w, struct ph_msg *msg)
{
	const struct rtpp_view *v = rtpp_roster_view(w->engine.roster);
	struct slice url = ph_prop(msg, BUS_PROP_RELAY_URL);
	const struct rtpp_set *set;
	const struct rtpp_node *node;

	if (!slice_empty(url))
		return rtpp_roster_peer(w->engine.roster, url);
	set = rtpp_call_set(w, msg, v);
	if (!set)
		return NULL;
	node = rtpp_select(
		set, hash_sip(w->engine.key, msg->sip.call_id), rtpp_view_usable, v);
	if (!node)
		PH_LOG_MSG(w->log, LOG_L_WARN, msg,
			"no relay of set %u is in use: none can be told", set->id);
	return node ? v->peers[node->relay] : NULL;
}

static int set_number(struct ph_msg *msg, enum bus_prop p, unsigned n)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", n);
	return ph_prop_set(msg, p, slice_str(text));
}

static int remember_audio(struct ph_msg *msg, unsigned audio)
{
	bool told = !slice_empty(ph_prop(msg, BUS_PROP_RTPP_AUDIO));

	if (audio == 0 || (audio == 1 && !told))
		return 0;
	return set_number(msg, BUS_PROP_RTPP_AUDIO, audio);
}

void rtpp_call_remember(struct rtpp_worker *w, struct ph_msg *msg,
	const struct rtpp_set *set, const struct rtpp_offer *offer)
{
	int err = ph_prop_set(
		msg, BUS_PROP_RELAY_URL, slice_str(rtpp_offer_peer(offer)->relay.url));

	if (err == 0 && set)
		err = set_number(msg, BUS_PROP_RTPP_SET, set->id);
	if (err == 0)
		err = remember_audio(msg, rtpp_offer_audio(offer));
	/* The Call-ID's hash still finds the relay while their state does not change. */
	if (err != 0)
		PH_LOG_MSG(w->log, LOG_L_WARN, msg,
			"the call's relay cannot be remembered: %s", strerror(-err));
}

struct slice rtpp_call_notify(struct rtpp_worker *w, struct ph_msg *msg, bool flag)
{
	struct slice told = ph_prop(msg, BUS_PROP_RTPP_NOTIFY),
		     known = ph_prop(msg, BUS_PROP_DIALOG_ID);
	const struct sip_nameaddr *from = sip_from(&msg->sip, NULL);
	char id[DIALOG_ID_LEN + 1];

	if (!w->engine.notify || (!flag && slice_empty(told)))
		return (struct slice){0};
	if (rtpp_call_is_initial(msg) && from && !slice_empty(from->tag)) {
		dialog_id(id, w->engine.key, msg->sip.call_id, from->tag);
		return arena_dup(msg->arena, slice_str(id));
	}
	if (slice_empty(told))
		told = known;
	if (slice_empty(told)) {
		PH_LOG_MSG(w->log, LOG_L_DBG, msg,
			"flag n: this call has no dialog that could be ended");
		return told;
	}
	return arena_dup(msg->arena, told);
}

unsigned rtpp_call_audio(struct ph_msg *msg)
{
	struct slice told = ph_prop(msg, BUS_PROP_RTPP_AUDIO);
	unsigned here;
	uint64_t n;

	if (slice_u64(told, UINT32_MAX, &n) == 0 && n > 0)
		return (unsigned)n;
	/* Of a call that another node began only its relay is kept; a message with SDP tells by itself. */
	here = rtpp_first_audio(&msg->sip);
	return here > 0 ? here : 1;
}
