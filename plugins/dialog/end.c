#include "plugins/dialog/end.h"

#include <errno.h>
#include <stdlib.h>

#include "plugins/dialog/bye.h"
#include "plugins/dialog/due.h"
#include "plugins/dialog/life.h"
#include "plugins/dialog/write.h"

/** From dlg_end() until the record may be ended. */
struct dlg_ending {
	struct dlg *d;
	struct arena *arena;
	struct slice id; /* what is asked of the store */
	struct store_dialogs found;
	char reason[64]; /* empty: the deadline */
	unsigned byes;   /* not answered yet */
	struct timer settle;
};

/** A BYE on its way; tm tells its end even when the plugin is gone. */
struct dlg_bye {
	struct dlg_worker *worker; /* NULL: gone */
	struct dlg_ending *ending; /* NULL: waits no more */
	struct dlg_bye *next, **prev;
};

static void free_ending(struct dlg *d)
{
	struct dlg_ending *e = d->ending;
	struct dlg_bye *b;

	if (!e)
		return;
	for (b = d->worker->byes; b; b = b->next)
		if (b->ending == e)
			b->ending = NULL;
	d->ending = NULL;
	timer_stop(&e->settle);
	arena_put(e->arena);
	free(e);
}

void dlg_end_abandon(struct dlg *d)
{
	free_ending(d);
}

/* The last step: the BYEs have been answered, or the wait is over. */
static void settled(void *arg)
{
	struct dlg_ending *e = arg;
	struct dlg *d = e->d;

	free_ending(d);
	dlg_write(d);
}

/* BYE */

static void free_bye(struct dlg_bye *b)
{
	if (b->worker) {
		*b->prev = b->next;
		if (b->next)
			b->next->prev = b->prev;
	}
	free(b);
}

static void bye_done(void *arg, unsigned status, struct ph_msg *reply)
{
	struct dlg_bye *b = arg;
	struct dlg_ending *e = b->ending;

	(void)status;
	if (b->worker)
		dlg_count(b->worker, reply ? DLG_C_BYES_ANSWERED : DLG_C_BYES_FAILED, 1);
	free_bye(b);
	if (e && --e->byes == 0)
		timer_start(e->d->worker->worker->t.loop, &e->settle, 0);
}

/** From the listener that this side knows, wherever that is. */
static void choose_listener(
	struct dlg_worker *w, struct slice socket, struct tm_target *target)
{
	const struct net_sock *sock =
		slice_empty(socket) ? NULL : net_sock_find(w->worker->t.socks, socket);

	if (sock && ph_socket_mine(&w->worker->t, socket))
		target->sock = sock;
	else
		target->foreign = socket;
}

static int send_bye(struct dlg_ending *e, enum bye_to to, const char *reason)
{
	struct dlg_worker *w = e->d->worker;
	struct tm_target target = {.q = 1000};
	struct dlg_bye *b;
	struct bye bye;
	int err = bye_make(&bye, e->arena, &e->d->rec, to, slice_str(reason), &w->ours);

	if (err != 0)
		return err;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	*b = (struct dlg_bye){
		.worker = w, .ending = e, .next = w->byes, .prev = &w->byes};
	if (w->byes)
		w->byes->prev = &b->next;
	w->byes = b;
	target.du = bye.du;
	choose_listener(w, bye.socket, &target);
	e->byes++;
	err = ph_send_request(w->worker, bye.text, &target, bye_done, b);
	if (err == 0)
		return 0;
	e->byes--;
	free_bye(b);
	return err;
}

static void end_side(struct dlg_ending *e, enum bye_to to, const char *reason)
{
	struct dlg_worker *w = e->d->worker;
	int err = send_bye(e, to, reason);

	if (err == 0) {
		dlg_count(w, DLG_C_BYES_SENT, 1);
		return;
	}
	/* The other end's BYE matters all the same. */
	dlg_count(w, DLG_C_BYES_FAILED, 1);
	LOG_CALL(w->log, LOG_L_ERR, e->d->rec.call_id, "BYE to the %s not sent: %s",
		to == BYE_TO_CALLER ? "caller" : "callee", strerror(-err));
}

/** An INVITE that still rings: the phones get CANCEL, the caller 480. */
static void end_ringing(struct dlg_ending *e, struct ph_msg *invite, const char *reason)
{
	struct slice line = bye_reason(e->arena, slice_str(reason));
	int err = tm_abort(e->d->worker->worker->tm, invite, 480, line);

	if (err != 0 && err != -EALREADY)
		LOG_CALL(e->d->worker->log, LOG_L_ERR, e->d->rec.call_id,
			"INVITE not ended: %s", strerror(-err));
}

static const char *why(const struct dlg_ending *e, char room[64])
{
	const struct slice stored = e->d->rec.reason;

	if (e->reason[0])
		return e->reason;
	if (!slice_empty(stored)) {
		(void)snprintf(room, 64, "%.*s", SLICE_ARG(stored));
		return room;
	}
	return slice_empty(e->d->rec.callee.tag) ? DLG_UNANSWERED : DLG_DURATION;
}

static void act(struct dlg_ending *e)
{
	struct dlg *d = e->d;
	struct ph_msg *invite = d->invite;
	const bool answered = !slice_empty(d->rec.callee.tag);
	char room[64];
	const char *reason = why(e, room);

	if (invite)
		msg_ref(invite);
	/* First: local_route may ask for the reason. */
	life_over(d, reason, true);
	if (answered) {
		end_side(e, BYE_TO_CALLER, reason);
		end_side(e, BYE_TO_CALLEE, reason);
	}
	if (!answered && invite)
		end_ringing(e, invite, reason);
	msg_unref(&invite);
	timer_start(
		d->worker->worker->t.loop, &e->settle, e->byes > 0 ? END_SETTLE_MS : 0);
}

/* Reading and claiming */

static void step(struct dlg_ending *e, enum due_step next);

static struct due_view view_of(const struct dlg_ending *e)
{
	return (struct due_view){.mine = e->d->mine && e->d->rec.state != 0,
		.by_deadline = !e->reason[0] && !e->d->dirty && !e->d->writing,
		.now_ms = dlg_wall_ms()};
}

static void on_claimed(void *arg, int err)
{
	struct dlg_ending *e = arg;
	const struct due_view view = view_of(e);
	enum due_step next = due_after_claim(err, &view);

	if (err == 0)
		dlg_count(e->d->worker, DLG_C_CLAIMS_WON, 1);
	else if (next == DUE_GONE)
		dlg_count(e->d->worker, DLG_C_CLAIMS_LOST, 1);
	else
		dlg_complain(e->d->worker, e->d->rec.call_id, "dialog not claimed", err);
	if (err != 0 && next == DUE_ACT)
		dlg_count(e->d->worker, DLG_C_CLAIMS_UNASKED, 1);
	step(e, next);
}

static void claim(struct dlg_ending *e)
{
	struct dlg *d = e->d;
	int err = store_dialog_claim(d->worker->worker->t.store, d->rec.call_id, e->id,
		d->rec.fence, slice_str(d->worker->worker->t.node),
		dlg_wall_ms() + DUE_RETRY_MS, on_claimed, e);

	if (err != -EINPROGRESS)
		on_claimed(e, err);
}

/** What the store knows better: all of it, but for changes of ours that it has not got. */
static int take_found(struct dlg *d, const struct store_dialog *found)
{
	int err = 0;

	d->stored = true;
	if (!d->dirty && !d->writing)
		return dlg_take_newer(d, found);
	d->rec.fence = found->fence;
	dlg_text(&d->rec.reason, found->reason, &err);
	return err;
}

static void on_read(void *arg, int err)
{
	struct dlg_ending *e = arg;
	const struct store_dialog *found =
		err == 0 && e->found.count > 0 ? &e->found.list[0] : NULL;
	const struct due_view view = view_of(e);
	enum due_step next = due_after_read(err, found, &view);

	if (err != 0)
		dlg_complain(e->d->worker, e->d->rec.call_id, "dialog not read", err);
	if (err != 0 && next == DUE_ACT)
		dlg_count(e->d->worker, DLG_C_CLAIMS_UNASKED, 1);
	if (found && next != DUE_GONE && take_found(e->d, found) != 0)
		next = DUE_LEAVE;
	step(e, next);
}

static void step(struct dlg_ending *e, enum due_step next)
{
	struct dlg *d = e->d;

	if (d->leaving && next != DUE_GONE) /* a phone was faster */
		next = DUE_LEAVE;
	switch (next) {
	case DUE_CLAIM:
		claim(e);
		return;
	case DUE_ACT:
		act(e);
		return;
	case DUE_LATER:
		free_ending(d);
		life_arm(d);
		return;
	case DUE_LEAVE:
		free_ending(d);
		if (d->rec.state == 0)
			life_drop(d);
		else if (d->dirty)
			dlg_write(d);
		return;
	case DUE_GONE:
		free_ending(d);
		life_elsewhere(d);
		return;
	}
}

int dlg_end(struct dlg *d, const char *reason)
{
	struct dlg_ending *e;
	int err;

	if (d->ending || d->over || d->leaving)
		return -EALREADY;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->arena = arena_get(d->worker->worker->arenas);
	if (!e->arena) {
		free(e);
		return -ENOMEM;
	}
	e->d = d;
	e->id = d->rec.id;
	e->found.arena = e->arena;
	if (reason)
		(void)snprintf(e->reason, sizeof(e->reason), "%s", reason);
	timer_init(&e->settle, settled, e);
	d->ending = e;
	err = store_dialogs_get(d->worker->worker->t.store, d->rec.call_id, &e->id, 1,
		&e->found, on_read, e);
	if (err != -EINPROGRESS)
		on_read(e, err);
	return 0;
}

int dlg_end_id(
	struct dlg_worker *w, struct slice call_id, struct slice id, const char *reason)
{
	struct dlg *d;
	uint32_t hash;
	int err = dialog_id_parse(id, &hash);

	if (err != 0 || hash % w->worker->count != w->worker->index)
		return -EINVAL;
	err = life_named(w, hash, call_id, id, &d);
	if (err != 0)
		return err;
	err = dlg_end(d, reason);
	if (err != 0 && d->rec.state == 0 && !d->ending)
		life_drop(d);
	return err;
}

void dlg_end_stop(struct dlg_worker *w)
{
	struct dlg_bye *b = w->byes;

	while (b) {
		struct dlg_bye *next = b->next;

		b->worker = NULL;
		b->ending = NULL;
		b = next;
	}
	w->byes = NULL;
}
