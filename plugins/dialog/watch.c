#include "plugins/dialog/watch.h"

#include <errno.h>

#include "plugins/dialog/fetch.h"
#include "plugins/dialog/life.h"
#include "plugins/dialog/write.h"

#define CHALLENGED_MS 32000 /* as long as tm keeps its call for stragglers */

bool watch_tags(struct ph_msg *msg, struct slice *from, struct slice *to)
{
	const struct sip_nameaddr *f = sip_from(&msg->sip, NULL);
	const struct sip_nameaddr *t = sip_to(&msg->sip, NULL);

	if (!f || !t || slice_empty(f->tag))
		return false;
	*from = f->tag;
	*to = t->tag;
	return true;
}

struct dlg *watch_find(struct dlg_worker *w, struct ph_msg *msg, enum dlg_side *sender)
{
	struct slice from, to;

	if (!watch_tags(msg, &from, &to))
		return NULL;
	return dlg_find(w->table, msg->call_hash, msg->sip.call_id, from, to, sender);
}

static void set_direction(struct ph_msg *msg, enum dlg_side sender)
{
	(void)ph_prop_set(msg, BUS_PROP_DIALOG_DIR,
		sender == DLG_CALLER ? SLICE("downstream") : SLICE("upstream"));
}

void watch_direction(struct dlg_worker *w, struct ph_msg *msg)
{
	enum dlg_side sender;

	if (watch_find(w, msg, &sender))
		set_direction(msg, sender);
}

/* Requests as they come */

/** Those that never belong to the dialog of an INVITE that a node has recorded. */
static bool may_be_ours(const struct ph_msg *msg)
{
	switch (msg->sip.method) {
	case SIP_REGISTER:
	case SIP_SUBSCRIBE:
	case SIP_NOTIFY:
	case SIP_PUBLISH:
	case SIP_CANCEL:
		return false;
	case SIP_OTHER:
	case SIP_INVITE:
	case SIP_ACK:
	case SIP_BYE:
	case SIP_OPTIONS:
	case SIP_PRACK:
	case SIP_UPDATE:
	case SIP_INFO:
	case SIP_REFER:
	case SIP_MESSAGE:
	case SIP_METHODS:
		break;
	}
	return true;
}

/** Here, but ended: there is nothing to fetch. */
static bool is_over(struct dlg_worker *w, const struct ph_msg *msg, struct slice tag)
{
	char id[DIALOG_ID_LEN + 1];
	const struct dlg *d;

	dialog_id(id, w->worker->t.key, msg->sip.call_id, tag);
	d = dlg_find_id(w->table, msg->call_hash, slice_str(id));
	return d && d->over;
}

int dlg_request_in(void *self, struct ph_msg *msg)
{
	struct dlg_worker *w = self;
	struct slice from, to;
	enum dlg_side sender;
	struct dlg *d;

	if (msg->no_script || !watch_tags(msg, &from, &to) || slice_empty(to))
		return PH_TRUE;
	d = dlg_find(w->table, msg->call_hash, msg->sip.call_id, from, to, &sender);
	if (d) {
		set_direction(msg, sender);
		/* limits.call_idle is shorter than a long call's silence. */
		if (slice_empty(ph_prop(msg, BUS_PROP_DIALOG_ID)))
			life_props(d, true);
		return PH_TRUE;
	}
	if (!may_be_ours(msg) || is_over(w, msg, from) || is_over(w, msg, to))
		return PH_TRUE;
	return fetch_dialog(w, msg, from, to);
}

/* Requests as they leave */

/** Has the phone itself sent it, not another proxy? Then rx is where it was heard, also when a node of ours has carried it here. */
static bool is_of_phone(struct ph_msg *msg)
{
	const struct sip_via *via = sip_via_list(&msg->sip, NULL);

	if (via && msg->carrier)
		via = via->next;
	return via && !via->next;
}

/** What a request tells of its sender. True: the record has changed. */
static bool learn_sender(struct dlg *d, enum dlg_side sender, struct ph_msg *msg)
{
	struct store_leg *leg = dlg_leg(d, sender);
	bool changed = false;
	int err = 0;

	if (msg->sip.method != SIP_ACK && msg->sip.cseq > leg->cseq) {
		leg->cseq = msg->sip.cseq;
		changed = true;
	}
	if (is_of_phone(msg)) {
		changed |= dlg_text(&leg->flow,
			leg_flow(msg->arena, msg->rx.transport, &msg->rx.src), &err);
		if (msg->sock && !msg->carrier)
			changed |= dlg_text(
				&leg->socket, slice_str(msg->sock->adv_text), &err);
	}
	if (msg->sip.method == SIP_INVITE || msg->sip.method == SIP_UPDATE) {
		const struct slice contact = leg_contact(msg->arena, &msg->sip);

		if (!slice_empty(contact))
			changed |= dlg_text(&leg->target, contact, &err);
	}
	return changed;
}

/** What script and rtpp have left with the call since. True: the record has changed. */
static bool learn_call(struct dlg *d)
{
	bool changed = life_take_timeout(d);

	changed |= life_take_media(d);
	return changed;
}

static void bye_out(struct dlg *d, const struct tm_branch *br)
{
	/* One branch of a forked early dialog may end: the INVITE's own reply tells about the call. */
	if (d->rec.state != STORE_DIALOG_CONFIRMED)
		return;
	if (br)
		d->leaving = true;
	else
		life_over(d, DLG_BYE, false);
}

static void inside_out(struct dlg *d, enum dlg_side sender, struct ph_msg *msg,
	const struct tm_branch *br)
{
	bool changed = learn_sender(d, sender, msg);

	changed |= learn_call(d);
	if (changed)
		dlg_write(d);
	if (msg->sip.method == SIP_BYE)
		bye_out(d, br);
}

static void invite_out(
	struct dlg_worker *w, struct ph_msg *msg, const struct tm_branch *br)
{
	/* Forwarded without a transaction its replies tell nobody here about the call. */
	if (br && !slice_empty(ph_prop(msg, BUS_PROP_DIALOG_WANTED)))
		(void)life_create(w, msg);
}

void dlg_request_out(void *self, struct ph_msg *msg, const struct tm_branch *br,
	const struct net_dest *dest)
{
	struct dlg_worker *w = self;
	struct slice from, to;
	enum dlg_side sender;
	struct dlg *d;

	(void)dest;
	if (msg->is_local || msg->no_script || msg->sip.method == SIP_CANCEL ||
		!watch_tags(msg, &from, &to))
		return;
	if (msg->sip.method == SIP_INVITE && slice_empty(to)) {
		invite_out(w, msg, br);
		return;
	}
	d = slice_empty(to)
		? NULL
		: dlg_find(w->table, msg->call_hash, msg->sip.call_id, from, to, &sender);
	if (d && !d->ending)
		inside_out(d, sender, msg, br);
}

/* Replies as they leave */

/** Host and port of a URI as an address; false: a name. */
static bool literal(struct slice text, enum sip_transport *tr, struct addr *addr)
{
	struct sip_uri uri;

	if (slice_empty(text) || sip_uri_parse(&uri, text) != 0 ||
		addr_parse_ip(addr, uri.host) != 0)
		return false;
	*tr = sip_uri_transport(&uri);
	addr_set_port(addr,
		uri.port != 0 ? uri.port : sip_default_port(uri.scheme, uri.transport));
	return true;
}

/** Where the branch went: what a BYE needs to go the same way. */
static void reach_callee(struct ph_msg *reply, struct store_leg *leg)
{
	const struct tm_branch *br = reply->branch;
	const struct tm_target *target = br ? tm_branch_target(br) : NULL;
	const struct net_dest *dest = br ? tm_branch_dest(br) : NULL;
	enum sip_transport tr;
	struct addr addr;

	if (target && !slice_empty(target->foreign)) {
		leg->socket = target->foreign;
		if (literal(target->du, &tr, &addr) || literal(target->ruri, &tr, &addr))
			leg->flow = leg_flow(reply->arena, tr, &addr);
	} else if (dest && dest->sock) {
		leg->socket = slice_str(dest->sock->adv_text);
		leg->flow = leg_flow(reply->arena, dest->transport, &dest->addr);
	} else if (reply->sock) {
		leg->socket = slice_str(reply->sock->adv_text);
		leg->flow = leg_flow(reply->arena, reply->rx.transport, &reply->rx.src);
	}
}

static void answered(struct dlg *d, struct ph_msg *reply)
{
	struct dlg_worker *w = d->worker;
	struct store_dialog rec = d->rec;
	struct store_leg callee = {0};
	int err =
		leg_of_answer(&callee, reply->arena, &reply->sip, &w->ours, d->upstream);

	if (err == 0) {
		reach_callee(reply, &callee);
		callee.cseq = d->rec.callee.cseq;
		rec.callee = callee;
		err = dlg_take(d, &rec);
	}
	if (err != 0) {
		PH_LOG_MSG(w->log, LOG_L_WARN, reply,
			"the dialog of this call is given up: its answer cannot be kept "
			"(%s)",
			strerror(-err));
		dlg_count(w, DLG_C_REFUSED, 1);
		life_over(d, "answer not understood", false);
		return;
	}
	(void)learn_call(d);
	life_confirm(d);
}

static bool is_challenge(unsigned status)
{
	return status == 401 || status == 407;
}

/** The caller is asked for a password: it comes again with the same Call-ID and tag, or gives up. */
static void challenged(struct dlg *d)
{
	d->rec.deadline_ms = dlg_wall_ms() + CHALLENGED_MS;
	life_arm(d);
	dlg_write(d);
}

static void failed(struct dlg *d, struct ph_msg *request, unsigned status)
{
	char reason[32];

	if (is_challenge(status)) {
		challenged(d);
		return;
	}
	(void)snprintf(reason, sizeof(reason), "failed: %u", status);
	life_over(d,
		status == 487 || (request && tm_is_canceled(request)) ? DLG_CANCELLED
								      : reason,
		false);
}

/** A 2xx inside the dialog refreshes the target of who sent it. */
static void refreshed(struct dlg *d, enum dlg_side sender, struct ph_msg *reply)
{
	struct store_leg *leg =
		dlg_leg(d, sender == DLG_CALLER ? DLG_CALLEE : DLG_CALLER);
	const struct slice contact = leg_contact(reply->arena, &reply->sip);
	int err = 0;
	bool changed = learn_call(d);

	if (!slice_empty(contact))
		changed |= dlg_text(&leg->target, contact, &err);
	if (changed)
		dlg_write(d);
}

/** The final reply to a BYE that a phone has sent. */
static void bye_answered(struct dlg *d, unsigned status)
{
	if (is_challenge(status))
		d->leaving = false;
	else
		life_over(d, DLG_BYE, false);
}

/** Is it the reply to the INVITE that the dialog began with? */
static bool is_initial(const struct dlg *d, enum dlg_side sender, uint32_t cseq)
{
	return sender == DLG_CALLER && d->rec.state == STORE_DIALOG_EARLY &&
		d->invite_cseq == cseq;
}

void dlg_reply_out(void *self, struct ph_msg *reply)
{
	struct dlg_worker *w = self;
	const unsigned status = reply->sip.status;
	enum dlg_side sender;
	struct dlg *d;

	if (status < 200 ||
		(reply->sip.method != SIP_INVITE && reply->sip.method != SIP_UPDATE &&
			reply->sip.method != SIP_BYE))
		return;
	d = watch_find(w, reply, &sender);
	if (!d || d->ending)
		return;
	if (reply->sip.method == SIP_BYE) {
		if (d->leaving)
			bye_answered(d, status);
	} else if (reply->sip.method == SIP_INVITE &&
		is_initial(d, sender, reply->sip.cseq)) {
		if (status < 300)
			answered(d, reply);
		else
			failed(d, tm_request_of(reply), status);
	} else if (status < 300) {
		refreshed(d, sender, reply);
	}
}

/** create_dialog() has promised one, and the INVITE never left. */
static void never_left(struct ph_msg *request)
{
	const struct sip_nameaddr *to = sip_to(&request->sip, NULL);

	if (!to || !slice_empty(to->tag) ||
		slice_empty(ph_prop(request, BUS_PROP_DIALOG_WANTED)))
		return;
	(void)ph_prop_set(request, BUS_PROP_DIALOG_WANTED, (struct slice){0});
	(void)ph_prop_set(request, BUS_PROP_DIALOG_STATUS, SLICE("ended"));
}

/**
 * A phone hangs up and its BYE can go nowhere: no connection to the other phone, no name, no answer. It has hung up all the same (RFC 3261
 * section 15.1.1). Other codes are the script's own refusals.
 */
static bool bye_is_lost(const struct dlg *d, unsigned code)
{
	return d->rec.state == STORE_DIALOG_CONFIRMED &&
		(code == 408 || code == 430 || code == 477 || code == 478 || code / 100 == 5);
}

void dlg_reply_local(void *self, struct ph_msg *request, unsigned code)
{
	struct dlg_worker *w = self;
	enum dlg_side sender;
	struct dlg *d = watch_find(w, request, &sender);

	if (request->sip.method == SIP_INVITE && !d)
		never_left(request);
	if (!d || d->ending)
		return;
	if (request->sip.method == SIP_BYE && (d->leaving || bye_is_lost(d, code)))
		bye_answered(d, code);
	else if (request->sip.method == SIP_INVITE &&
		is_initial(d, sender, request->sip.cseq))
		failed(d, request, code);
	else if (learn_call(d))
		dlg_write(d);
}
