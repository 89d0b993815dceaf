#include "plugins/dialog/life.h"

#include <errno.h>
#include <stdlib.h>

#include "plugins/dialog/end.h"
#include "plugins/dialog/write.h"

/* Properties of the call: $DLG_*, and what rtpp wants to find again. */

static struct slice prop(struct dlg_worker *w, struct slice call_id, enum bus_prop p)
{
	const struct call *call = call_of(w->worker->calls, call_id, false);

	return call ? call_prop(call, p) : (struct slice){0};
}

static void set_prop(struct call *call, enum bus_prop p, struct slice value)
{
	/* Without memory the script sees no value; the dialog itself does not live from it. */
	(void)call_prop_set(call, p, value);
}

static void set_number(struct call *call, enum bus_prop p, int64_t n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)n);
	set_prop(call, p, slice_str(text));
}

void life_props(struct dlg *d, bool make)
{
	struct call *call = call_of(d->worker->worker->calls, d->rec.call_id, make);

	if (!call)
		return;
	set_prop(call, BUS_PROP_DIALOG_ID, d->rec.id);
	set_prop(call, BUS_PROP_DIALOG_STATUS,
		slice_str(store_dialog_state_name(d->rec.state)));
	set_prop(call, BUS_PROP_DIALOG_END, d->over ? d->rec.reason : (struct slice){0});
	if (!slice_empty(d->rec.callee.tag))
		set_number(call, BUS_PROP_DIALOG_START, d->rec.started);
	else
		set_prop(call, BUS_PROP_DIALOG_START, (struct slice){0});
	if (d->timeout > 0)
		set_number(call, BUS_PROP_DIALOG_TIMEOUT, d->timeout);
	if (!slice_empty(d->rec.relay))
		set_prop(call, BUS_PROP_RELAY_URL, d->rec.relay);
	if (!slice_empty(d->rec.set))
		set_prop(call, BUS_PROP_RTPP_SET, d->rec.set);
	if (!slice_empty(d->rec.notify))
		set_prop(call, BUS_PROP_RTPP_NOTIFY, d->rec.notify);
}

bool life_take_media(struct dlg *d)
{
	const struct call *call =
		call_of(d->worker->worker->calls, d->rec.call_id, false);
	bool changed;
	int err = 0;

	if (!call || slice_empty(call_prop(call, BUS_PROP_RELAY_URL)))
		return false;
	changed = dlg_text(&d->rec.relay, call_prop(call, BUS_PROP_RELAY_URL), &err);
	changed |= dlg_text(&d->rec.set, call_prop(call, BUS_PROP_RTPP_SET), &err);
	changed |= dlg_text(&d->rec.notify, call_prop(call, BUS_PROP_RTPP_NOTIFY), &err);
	return changed;
}

/* The deadline */

static int64_t lifetime(const struct dlg *d)
{
	return d->timeout > 0 ? d->timeout : d->worker->conf->default_timeout;
}

bool life_take_timeout(struct dlg *d)
{
	struct slice text = prop(d->worker, d->rec.call_id, BUS_PROP_DIALOG_TIMEOUT);
	uint64_t n;

	if (slice_empty(text) || slice_u64(text, DIALOG_TIMEOUT_MAX, &n) != 0 || n == 0 ||
		(int64_t)n == d->timeout)
		return false;
	d->timeout = (int64_t)n;
	if (d->rec.state != STORE_DIALOG_CONFIRMED)
		return false;
	d->rec.deadline_ms = dlg_wall_ms() + lifetime(d) * 1000;
	life_arm(d);
	return true;
}

static void deadline(void *arg)
{
	struct dlg *d = arg;

	if (!d->mine) {
		life_drop(d);
		return;
	}
	if (d->rec.deadline_ms > dlg_wall_ms()) { /* the clock was set back */
		life_arm(d);
		return;
	}
	if (life_take_timeout(d)) {
		dlg_write(d);
		return;
	}
	if (d->leaving)
		life_over(d, DLG_BYE, false);
	else
		(void)dlg_end(d, NULL);
}

void life_arm(struct dlg *d)
{
	const int64_t keep = d->mine ? 0 : STORE_DIALOG_KEEP_S * 1000;
	const int64_t ms = d->rec.deadline_ms + keep - dlg_wall_ms();

	timer_start(d->worker->worker->t.loop, &d->timer, ms > 0 ? (uint64_t)ms : 0);
}

/* Made */

static void refuse(struct dlg_worker *w, struct ph_msg *msg, int err)
{
	dlg_count(w, DLG_C_REFUSED, 1);
	PH_LOG_MSG(w->log, LOG_L_WARN, msg, "no dialog for this call: %s",
		err == -ENOSPC ? "dialog.max_dialogs is reached"
			: err == -E2BIG
			? "its Call-ID, tags, addresses or routes are too long"
			: err == -EBADMSG ? "its headers cannot be read"
					  : "no memory");
}

bool life_has_room(struct dlg_worker *w)
{
	for (struct dlg *d = w->dirty; d && dlg_table_full(w->table);) {
		struct dlg *next = d->dirty_next;

		if (d->over && !d->writing && !d->ending)
			life_drop(d);
		d = next;
	}
	return !dlg_table_full(w->table);
}

int life_named(struct dlg_worker *w, uint32_t hash, struct slice call_id, struct slice id,
	struct dlg **out)
{
	int err;

	*out = dlg_find_id(w->table, hash, id);
	if (*out)
		return 0;
	if (call_id.len > DLG_CALL_ID_MAX)
		return -E2BIG;
	if (!life_has_room(w))
		return -ENOSPC;
	err = dlg_add(w->table, hash, call_id, id, out);
	if (err == 0) {
		(*out)->worker = w;
		timer_init(&(*out)->timer, deadline, *out);
	}
	return err;
}

/** How the caller is reached beyond what its INVITE says: RFC 3261 knows no NAT. */
static void reach_caller(struct ph_msg *invite, struct store_leg *leg)
{
	const struct sip_via *via = sip_via_list(&invite->sip, NULL);

	if (invite->sock)
		leg->socket = slice_str(invite->sock->adv_text);
	if (via && !via->next) /* else a proxy's address */
		leg->flow =
			leg_flow(invite->arena, invite->rx.transport, &invite->rx.src);
}

/** The record of a call that begins. */
static int read_invite(
	struct dlg_worker *w, struct ph_msg *invite, struct store_dialog *rec)
{
	int err = leg_of_invite(&rec->caller, invite->arena, &invite->sip, &w->ours);

	if (err == 0)
		err = leg_of_to(&rec->callee, invite->arena, &invite->sip);
	if (err != 0)
		return err;
	reach_caller(invite, &rec->caller);
	rec->state = STORE_DIALOG_EARLY;
	rec->node = slice_str(w->worker->t.node);
	rec->started = clock_wall();
	rec->deadline_ms = dlg_wall_ms() + w->conf->early_timeout * 1000;
	return 0;
}

static int begin(struct dlg *d, struct ph_msg *invite, const struct store_dialog *rec)
{
	int err = dlg_take(d, rec);

	if (err != 0)
		return err;
	if (!d->mine || d->over)
		dlg_count(d->worker, DLG_C_ACTIVE, 1);
	d->mine = true;
	d->over = d->gone = d->leaving = false;
	d->timeout = 0;
	d->upstream = leg_routes_count(invite->arena, rec->caller.routes);
	d->invite_cseq = invite->sip.cseq;
	msg_unref(&d->invite);
	d->invite = invite;
	msg_ref(invite);
	return 0;
}

/** Is there one in its place that this INVITE does not begin anew? */
static bool stands(const struct dlg *d, const struct ph_msg *invite)
{
	if (d->ending)
		return true;
	if (d->over || d->rec.state == 0)
		return false;
	return d->rec.state != STORE_DIALOG_EARLY || invite->sip.cseq <= d->invite_cseq;
}

struct dlg *life_create(struct dlg_worker *w, struct ph_msg *invite)
{
	struct store_dialog rec = {0};
	char id[DIALOG_ID_LEN + 1];
	struct dlg *d = NULL;
	int err = read_invite(w, invite, &rec);

	if (err == 0) {
		dialog_id(id, w->worker->t.key, invite->sip.call_id, rec.caller.tag);
		err = life_named(
			w, invite->call_hash, invite->sip.call_id, slice_str(id), &d);
	}
	if (err == 0 && stands(d, invite))
		return d;
	if (err == 0)
		err = begin(d, invite, &rec);
	if (err != 0) {
		refuse(w, invite, err);
		if (d && d->rec.state == 0)
			life_drop(d);
		return NULL;
	}
	dlg_count(w, DLG_C_CREATED, 1);
	(void)life_take_timeout(d);
	(void)life_take_media(d);
	life_props(d, true);
	life_arm(d);
	dlg_write(d);
	return d;
}

/** Only what this node could have written, and what still lives. */
static bool is_sound(struct dlg_worker *w, const struct store_dialog *rec)
{
	char id[DIALOG_ID_LEN + 1];

	if (rec->state != STORE_DIALOG_EARLY && rec->state != STORE_DIALOG_CONFIRMED)
		return false;
	dialog_id(id, w->worker->t.key, rec->call_id, rec->caller.tag);
	return slice_eq(rec->id, slice_str(id)) &&
		(rec->state == STORE_DIALOG_EARLY || !slice_empty(rec->callee.tag));
}

int life_adopt(struct dlg_worker *w, const struct store_dialog *rec, struct dlg **out)
{
	struct dlg *d;
	int err;

	if (!is_sound(w, rec))
		return -EINVAL;
	err = life_named(w, hash_call_id(w->worker->t.key, rec->call_id), rec->call_id,
		rec->id, &d);
	if (err != 0)
		return err;
	*out = d;
	if (d->rec.state != 0 || d->over) /* another message has brought it meanwhile */
		return d->over ? -EINVAL : 0;
	err = dlg_take(d, rec);
	if (err != 0) {
		life_drop(d);
		return err;
	}
	d->stored = true;
	d->mine = slice_eq(rec->node, slice_str(w->worker->t.node));
	if (d->mine)
		dlg_count(w, DLG_C_ACTIVE, 1);
	if (rec->state == STORE_DIALOG_CONFIRMED)
		d->timeout = rec->deadline_ms / 1000 - rec->started;
	if (d->timeout < 1 || d->timeout > DIALOG_TIMEOUT_MAX)
		d->timeout = 0;
	life_props(d, true);
	life_arm(d);
	return 0;
}

/* Answered */

static void copy_text(char *to, size_t size, struct slice from)
{
	const size_t n = from.len < size - 1 ? from.len : size - 1;

	if (n > 0)
		memcpy(to, from.p, n);
	to[n] = '\0';
}

static void publish(const struct dlg *d, enum bus_topic topic, bool by_us)
{
	struct bus_event ev = {.topic = topic};
	struct bus_ev_dialog *to = &ev.dialog;

	copy_text(to->call_id, sizeof(to->call_id), d->rec.call_id);
	copy_text(to->id, sizeof(to->id), d->rec.id);
	copy_text(to->reason, sizeof(to->reason), d->rec.reason);
	copy_text(to->from_tag, sizeof(to->from_tag), d->rec.caller.tag);
	copy_text(to->to_tag, sizeof(to->to_tag), d->rec.callee.tag);
	to->by_us = by_us;
	bus_publish(d->worker->worker->t.bus, &ev);
}

void life_confirm(struct dlg *d)
{
	d->rec.state = STORE_DIALOG_CONFIRMED;
	d->rec.started = clock_wall();
	d->rec.deadline_ms = dlg_wall_ms() + lifetime(d) * 1000;
	msg_unref(&d->invite);
	dlg_count(d->worker, DLG_C_CONFIRMED, 1);
	life_props(d, true);
	life_arm(d);
	publish(d, BUS_DIALOG_STARTED, false);
	dlg_write(d);
}

/* Over */

static enum dlg_counter counter_of(const char *reason)
{
	static const struct {
		const char *reason;
		enum dlg_counter counter;
	} all[] = {{DLG_BYE, DLG_C_ENDED_BYE}, {DLG_CANCELLED, DLG_C_ENDED_CANCELLED},
		{DLG_MEDIA, DLG_C_ENDED_MEDIA}, {DLG_DURATION, DLG_C_ENDED_DURATION},
		{DLG_UNANSWERED, DLG_C_ENDED_EARLY}, {DLG_OPERATOR, DLG_C_ENDED_OPERATOR},
		{DLG_ELSEWHERE, DLG_C_ENDED_ELSEWHERE}};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].reason, reason) == 0)
			return all[i].counter;
	return DLG_C_ENDED_FAILED;
}

static void leave_active(struct dlg *d)
{
	if (d->mine && !d->over && d->rec.state != 0)
		dlg_count(d->worker, DLG_C_ACTIVE, -1);
}

static void mark_over(struct dlg *d, const char *reason)
{
	int err = 0;

	dlg_count(d->worker, counter_of(reason), 1);
	leave_active(d);
	d->over = true;
	d->rec.state = STORE_DIALOG_ENDED;
	dlg_text(&d->rec.reason, slice_str(reason), &err);
	timer_stop(&d->timer);
	msg_unref(&d->invite);
}

void life_over(struct dlg *d, const char *reason, bool by_us)
{
	struct call *call;

	if (d->over)
		return;
	mark_over(d, reason);
	/* rtpp may have to undo what it did for a call that it only knows by the record. */
	life_props(d, by_us);
	publish(d, BUS_DIALOG_ENDED, by_us);
	LOG_CALL(d->worker->log, by_us ? LOG_L_NOTICE : LOG_L_DBG, d->rec.call_id,
		"dialog %s is over: %s", d->id, reason);
	call = by_us ? call_of(d->worker->worker->calls, d->rec.call_id, false) : NULL;
	if (call)
		call_end(call);
	dlg_write(d);
}

void life_elsewhere(struct dlg *d)
{
	if (!d->over && d->rec.state != 0) {
		mark_over(d, DLG_ELSEWHERE);
		life_props(d, false);
	}
	life_drop(d);
}

void life_drop(struct dlg *d)
{
	leave_active(d);
	d->over = true;
	timer_stop(&d->timer);
	dlg_write_forget(d);
}
