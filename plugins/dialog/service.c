#include "plugins/dialog/service.h"

#include <errno.h>
#include <stdlib.h>

#include "plugins/dialog/due.h"

#define ARENA_BLOCK 16384
#define ARENA_LIMIT (16 << 20)
#define AGAIN_MS    20 /* after a full answer: there are more */

/** One question to the store; it outlives the service, whose handle is closed later. */
struct dlg_look {
	struct dlg_service *owner; /* NULL: gone */
	struct store_dialogs due;
};

static void copy_text(char *to, size_t size, struct slice from)
{
	const size_t n = from.len < size - 1 ? from.len : size - 1;

	if (n > 0)
		memcpy(to, from.p, n);
	to[n] = '\0';
}

static void publish(struct dlg_service *s, struct slice call_id, struct slice id,
	struct slice reason, bool ours)
{
	struct bus_event ev = {.topic = BUS_DIALOG_DUE};

	copy_text(ev.dialog.call_id, sizeof(ev.dialog.call_id), call_id);
	copy_text(ev.dialog.id, sizeof(ev.dialog.id), id);
	copy_text(ev.dialog.reason, sizeof(ev.dialog.reason), reason);
	ev.dialog.by_us = ours;
	bus_publish(s->thread->bus, &ev);
}

void dlg_service_alone(struct dlg_service *s, struct slice id, struct slice reason)
{
	publish(s, (struct slice){0}, id, reason, false);
}

/** An event that is lost does not matter: the record is still due at the next look. */
static unsigned hand_out(struct dlg_service *s, const struct store_dialogs *due)
{
	const struct slice me = slice_str(s->thread->node);
	const int64_t now = dlg_wall_ms();
	unsigned handed = 0;

	for (unsigned i = 0; i < due->count; i++) {
		const struct store_dialog *d = &due->list[i];

		if (!due_for_us(d, me, ph_node_alive(s->thread, d->node), now))
			continue;
		publish(s, d->call_id, d->id, d->reason, true);
		handed++;
	}
	return handed;
}

static void looked(void *arg, int err)
{
	struct dlg_look *look = arg;
	struct dlg_service *s = look->owner;
	unsigned ms = SERVICE_POLL_MS;

	if (s) {
		s->look = NULL;
		if (err == 0 && hand_out(s, &look->due) > 0 &&
			look->due.count == STORE_MAX_DIALOGS)
			ms = AGAIN_MS;
		timer_start(s->thread->loop, &s->poll, ms);
	}
	arena_put(look->due.arena);
	free(look);
}

static struct dlg_look *new_look(struct dlg_service *s)
{
	struct dlg_look *look = calloc(1, sizeof(*look));

	if (!look)
		return NULL;
	look->owner = s;
	look->due.arena = arena_new(ARENA_BLOCK, ARENA_LIMIT);
	if (look->due.arena)
		return look;
	free(look);
	return NULL;
}

void dlg_service_look(struct dlg_service *s)
{
	int err;

	if (s->look)
		return;
	timer_stop(&s->poll);
	s->look = new_look(s);
	if (!s->look) {
		timer_start(s->thread->loop, &s->poll, SERVICE_POLL_MS);
		return;
	}
	err = store_dialogs_due(
		s->thread->store, dlg_wall_ms(), &s->look->due, looked, s->look);
	if (err != -EINPROGRESS)
		looked(s->look, err);
}

static void on_poll(void *arg)
{
	dlg_service_look(arg);
}

int dlg_service_start(
	struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct dlg_service *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->thread = thread;
	s->conf = ctx->conf;
	s->log = ctx->log;
	timer_init(&s->poll, on_poll, s);
	timer_start(thread->loop, &s->poll, SERVICE_POLL_MS);
	*selfp = s;
	return 0;
}

void dlg_service_stop(void *self)
{
	struct dlg_service *s = self;

	timer_stop(&s->poll);
	if (s->look)
		s->look->owner = NULL;
	free(s);
}
