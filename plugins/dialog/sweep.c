#include "plugins/dialog/sweep.h"

#include <errno.h>
#include <stdlib.h>

#include "plugins/dialog/life.h"
#include "plugins/dialog/write.h"

#define TICK_MS 1000

/** One question. The dialog may be gone when the answer comes. */
struct look {
	struct dlg_worker *worker;
	struct arena *arena;
	uint32_t hash;
	struct slice call_id, id;
	struct store_dialogs found;
};

static bool is_quiet(const struct dlg *d)
{
	return d->mine && d->stored && d->rec.state != 0 && !d->over && !d->gone &&
		!d->ending && !d->dirty && !d->writing;
}

/** What other nodes have heard. */
static void take(struct dlg *d, const struct store_dialog *found)
{
	const int64_t deadline = d->rec.deadline_ms;

	if (dlg_take_newer(d, found) != 0)
		return; /* without memory ours is good enough */
	if (d->rec.deadline_ms != deadline)
		life_arm(d);
}

static void compare(struct dlg *d, const struct store_dialog *found)
{
	if (!found) {
		dlg_count(d->worker, DLG_C_RESTORED, 1);
		dlg_write(d);
	} else if (found->state == STORE_DIALOG_ENDED ||
		(found->state == STORE_DIALOG_ENDING &&
			!slice_eq(found->node, slice_str(d->worker->worker->t.node)))) {
		life_elsewhere(d);
	} else if (found->state == d->rec.state) {
		take(d, found);
	}
}

static void on_found(void *arg, int err)
{
	struct look *look = arg;
	struct dlg *d =
		err == 0 ? dlg_find_id(look->worker->table, look->hash, look->id) : NULL;

	/* What has changed here since is on its way to the store, behind our question. */
	if (d && is_quiet(d))
		compare(d, look->found.count > 0 ? &look->found.list[0] : NULL);
	arena_put(look->arena);
	free(look);
}

static struct look *look_new(const struct dlg *d)
{
	struct look *look = calloc(1, sizeof(*look));

	if (!look)
		return NULL;
	look->worker = d->worker;
	look->arena = arena_get(d->worker->worker->arenas);
	if (look->arena) {
		look->hash = d->hash;
		look->call_id = arena_dup(look->arena, d->rec.call_id);
		look->id = arena_dup(look->arena, d->rec.id);
		look->found.arena = look->arena;
	}
	if (look->arena && look->call_id.p && look->id.p)
		return look;
	arena_put(look->arena);
	free(look);
	return NULL;
}

void dlg_sweep_one(struct dlg *d)
{
	struct look *look = is_quiet(d) ? look_new(d) : NULL;
	int err;

	if (!look)
		return;
	err = store_dialogs_get(d->worker->worker->t.store, look->call_id, &look->id, 1,
		&look->found, on_found, look);
	if (err != -EINPROGRESS)
		on_found(look, err);
}

static void visit(void *arg, struct dlg *d)
{
	(void)arg;
	dlg_sweep_one(d);
}

static void tick(void *arg)
{
	struct dlg_worker *w = arg;

	if (store_ready(w->worker->t.store))
		dlg_table_visit(w->table, w->sweep_part++ % SWEEP_S, SWEEP_S, visit, w);
	timer_start(w->worker->t.loop, &w->sweep, TICK_MS);
}

void dlg_sweep_start(struct dlg_worker *w)
{
	timer_init(&w->sweep, tick, w);
	timer_start(w->worker->t.loop, &w->sweep, TICK_MS);
}
