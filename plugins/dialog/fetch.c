#include "plugins/dialog/fetch.h"

#include <errno.h>

#include "plugins/dialog/life.h"
#include "plugins/dialog/watch.h"
#include "plugins/dialog/write.h"

/** A request that waits, in its own arena. */
struct fetch {
	struct dlg_worker *worker;
	struct ph_msg
		*msg; /* counted until the store has answered: it writes into the arena */
	ph_token token;
	bool over; /* nobody waits any more */
	char ids[2][DIALOG_ID_LEN + 1];
	struct slice asked[2];
	struct store_dialogs found;
};

/* Calls that nobody has recorded: the same for every request of theirs */

static uint64_t miss_key(const struct fetch *f)
{
	return hash_sip(f->worker->worker->t.key,
		slice_make((const char *)f->ids, sizeof(f->ids)));
}

static bool missed_lately(const struct fetch *f)
{
	const uint64_t key = miss_key(f);
	const struct dlg_worker *w = f->worker;

	return w->misses[key % DLG_MISSES].key == key &&
		w->misses[key % DLG_MISSES].until > loop_now(w->worker->t.loop);
}

static void remember_miss(struct fetch *f)
{
	const uint64_t key = miss_key(f);
	struct dlg_worker *w = f->worker;

	w->misses[key % DLG_MISSES].key = key;
	w->misses[key % DLG_MISSES].until = loop_now(w->worker->t.loop) + FETCH_MISS_MS;
}

static int answered(struct fetch *f, int err)
{
	struct dlg_worker *w = f->worker;
	struct dlg *d;

	if (err != 0) {
		dlg_count(w, DLG_C_FETCH_FAILED, 1);
		dlg_complain(w, f->msg->sip.call_id, "dialog not fetched", err);
		return PH_TRUE;
	}
	for (unsigned i = 0; i < f->found.count; i++) {
		err = life_adopt(w, &f->found.list[i], &d);
		if (err == 0) {
			dlg_count(w, DLG_C_FETCHED, 1);
			watch_direction(w, f->msg);
			return PH_TRUE;
		}
	}
	dlg_count(w, DLG_C_FETCH_MISSES, 1);
	remember_miss(f);
	return PH_TRUE;
}

static void on_done(void *arg, int err)
{
	struct fetch *f = arg;
	struct ph_msg *msg = f->msg;

	if (!f->over)
		ph_wake(&f->worker->worker->t, f->token, err);
	msg_unref(&msg); /* may free f */
}

static int resumed(void *self, struct ph_msg *msg, void *state, int result)
{
	struct fetch *f = state;

	(void)self;
	(void)msg;
	f->over = true;
	return answered(f, result);
}

static int wait_for(struct fetch *f)
{
	int err;

	msg_ref(f->msg);
	err = ph_park(f->msg, resumed, f->worker, f, FETCH_MS, &f->token);
	if (err == 0)
		return PH_PARK;
	f->over = true;
	/* An ACK is not answered: it goes on as it is. */
	return err == -EBUSY && f->msg->sip.method != SIP_ACK ? PH_STOP : PH_TRUE;
}

int fetch_dialog(
	struct dlg_worker *w, struct ph_msg *msg, struct slice from, struct slice to)
{
	struct fetch *f = arena_zalloc(msg->arena, sizeof(*f));
	int err;

	if (!f)
		return PH_TRUE;
	f->worker = w;
	f->msg = msg;
	f->found.arena = msg->arena;
	dialog_id(f->ids[0], w->worker->t.key, msg->sip.call_id, from);
	dialog_id(f->ids[1], w->worker->t.key, msg->sip.call_id, to);
	f->asked[0] = slice_str(f->ids[0]);
	f->asked[1] = slice_str(f->ids[1]);
	if (missed_lately(f))
		return PH_TRUE;
	err = store_dialogs_get(
		w->worker->t.store, msg->sip.call_id, f->asked, 2, &f->found, on_done, f);
	return err == -EINPROGRESS ? wait_for(f) : answered(f, err);
}
