#include "plugins/dialog/write.h"

#include <errno.h>
#include <stdlib.h>

#include "plugins/dialog/life.h"

#define RETRY_MS    500
#define RETRY_TURN  256 /* dialogs written anew in one go */

/** One write under way: what it says does not change while the dialog does. */
struct write {
	struct dlg *d;
	struct arena *arena;
	struct store_dialog rec;
	bool end;
};

void dlg_complain(struct dlg_worker *w, struct slice call_id, const char *what, int err)
{
	unsigned more;

	/* -ECANCELED: we stop */
	if (err != -ECANCELED && log_gate_open(&w->complaints, clock_us(), &more))
		LOG_CALL(w->log, LOG_L_WARN, call_id, "%s: %s (%u more since the last such line)",
			what, strerror(-err), more);
}

/* The list of those that wait for the store */

static void unlist(struct dlg *d)
{
	if (!d->dirty_prev)
		return;
	*d->dirty_prev = d->dirty_next;
	if (d->dirty_next)
		d->dirty_next->dirty_prev = d->dirty_prev;
	d->dirty_prev = NULL;
	d->dirty_next = NULL;
	dlg_count(d->worker, DLG_C_DIRTY, -1);
}

static void enlist(struct dlg *d)
{
	struct dlg_worker *w = d->worker;

	d->dirty = true;
	if (d->dirty_prev)
		return;
	d->dirty_next = w->dirty;
	d->dirty_prev = &w->dirty;
	if (w->dirty)
		w->dirty->dirty_prev = &d->dirty_next;
	w->dirty = d;
	dlg_count(w, DLG_C_DIRTY, 1);
	if (!timer_pending(&w->retry))
		timer_start(w->worker->t.loop, &w->retry, RETRY_MS);
}

static void finished(struct write *wr, int err);

static void on_done(void *arg, int err)
{
	struct write *wr = arg;

	finished(wr, err);
}

/** 0, or -ENOMEM. */
static int snapshot(struct write **out, struct dlg *d)
{
	struct write *wr = calloc(1, sizeof(*wr));

	if (!wr)
		return -ENOMEM;
	wr->arena = arena_get(d->worker->worker->arenas);
	if (!wr->arena || store_dialog_copy(&wr->rec, &d->rec, wr->arena) != 0) {
		arena_put(wr->arena);
		free(wr);
		return -ENOMEM;
	}
	wr->d = d;
	wr->end = d->over;
	/* Never answered: forgotten, so that the caller's next attempt has its record. */
	if (slice_empty(d->rec.callee.tag))
		wr->rec.reason = (struct slice){0};
	*out = wr;
	return 0;
}

static void start(struct dlg *d)
{
	struct store_handle *store = d->worker->worker->t.store;
	struct write *wr;
	int err = snapshot(&wr, d);

	if (err != 0) {
		enlist(d);
		return;
	}
	unlist(d);
	d->dirty = false;
	d->writing = true;
	if (wr->end)
		err = store_dialog_end(
			store, wr->rec.call_id, wr->rec.id, wr->rec.reason, on_done, wr);
	else
		err = store_dialog_put(store, &wr->rec, on_done, wr);
	d->stored = true; /* it may be */
	if (err != -EINPROGRESS)
		finished(wr, err);
}

static void failed(struct dlg *d, int err)
{
	dlg_count(d->worker, DLG_C_WRITE_FAILURES, 1);
	dlg_complain(d->worker, d->rec.call_id, "dialog not stored", err);
	enlist(d);
}

static void finished(struct write *wr, int err)
{
	struct dlg *d = wr->d;
	const bool end = wr->end;

	arena_put(wr->arena);
	free(wr);
	d->writing = false;
	if (d->gone) {
		dlg_write_forget(d);
		return;
	}
	if (err == 0)
		dlg_count(d->worker, DLG_C_WRITES, 1);
	if (end && d->over && (err == 0 || err == -EALREADY || err == -ENOENT))
		dlg_write_forget(d);
	else if (!end && err == -EALREADY && !d->ending && !d->over)
		life_elsewhere(d);
	else if (err != 0 && err != -EALREADY && err != -ENOENT)
		failed(d, err);
	else if (d->dirty)
		dlg_write(d);
}

void dlg_write(struct dlg *d)
{
	d->dirty = true;
	if (d->writing || d->dirty_prev)
		return;
	if (d->over && d->ending)
		return;
	if (d->over && !d->stored)
		dlg_write_forget(d);
	else
		start(d);
}

void dlg_write_forget(struct dlg *d)
{
	d->gone = true;
	if (d->writing)
		return;
	unlist(d);
	dlg_remove(d->worker->table, d);
}

static void retry(void *arg)
{
	struct dlg_worker *w = arg;

	if (store_ready(w->worker->t.store)) {
		/* Those that fail again go to the front: taken one after another from the list's own copy of a moment. */
		struct dlg *d = w->dirty;

		for (unsigned n = 0; d && n < RETRY_TURN; n++) {
			struct dlg *next = d->dirty_next;

			if (!d->writing && !(d->over && d->ending))
				start(d);
			d = next;
		}
	}
	if (w->dirty)
		timer_start(w->worker->t.loop, &w->retry, RETRY_MS);
}

void dlg_write_init(struct dlg_worker *w)
{
	timer_init(&w->retry, retry, w);
}
