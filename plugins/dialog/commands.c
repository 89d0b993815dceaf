/* The commands: what dialogs there are in the cluster, and ending one. */
#include <errno.h>
#include <stdlib.h>

#include "plugins/dialog/service.h"

enum { ANSWER_BLOCK = 16384, ANSWER_LIMIT = 16 << 20 };

/** One command under way; freed when it is answered. It does not need the service then. */
struct listing {
	struct bus_request *req;
	struct arena *arena;
	struct store_dialogs page;
	int64_t now_ms;
};

static void add_text(
	struct tree *node, struct arena *arena, const char *name, struct slice value)
{
	if (!slice_empty(value))
		(void)tree_add(node, name,
			arena_dup(arena, value).p); /* bus_reply() tells at the end */
}

static void add_leg(struct tree *node, struct arena *arena, const char *name,
	const struct store_leg *leg)
{
	struct tree *side = tree_add(node, name, arena_dup(arena, leg->uri).p);

	add_text(side, arena, "Tag", leg->tag);
	add_text(side, arena, "Target", leg->target);
	add_text(side, arena, "Routes", leg->routes);
	add_text(side, arena, "Socket", leg->socket);
	add_text(side, arena, "Flow", leg->flow);
	(void)tree_add_int(side, "CSeq", leg->cseq);
}

static void add_dialog(struct tree *list, struct listing *l, const struct store_dialog *d)
{
	struct tree *node = tree_add(list, "Dialog", arena_dup(l->arena, d->id).p);

	add_text(node, l->arena, "Call-ID", d->call_id);
	add_text(node, l->arena, "State", slice_str(store_dialog_state_name(d->state)));
	add_text(node, l->arena, "Node", d->node);
	(void)tree_add_int(node, "Started", d->started);
	(void)tree_add_int(node, "Timeout", (d->deadline_ms - l->now_ms) / 1000);
	add_text(node, l->arena, "Relay", d->relay);
	add_text(node, l->arena, "Set", d->set);
	add_text(node, l->arena, "Reason", d->reason);
	add_leg(node, l->arena, "Caller", &d->caller);
	add_leg(node, l->arena, "Callee", &d->callee);
}

static void answer(struct listing *l)
{
	struct tree *root = tree_new();
	struct tree *list = tree_add(root, "Dialogs", NULL);

	tree_set_list(list);
	for (unsigned i = 0; i < l->page.count; i++)
		add_dialog(list, l, &l->page.list[i]);
	(void)tree_addf(root, "Cursor", "%llu", (unsigned long long)l->page.cursor);
	bus_reply(l->req, root);
}

static void on_page(void *arg, int err)
{
	struct listing *l = arg;

	if (err == 0)
		answer(l);
	else
		bus_fail(l->req, err == -EINVAL ? 400 : 503, "the store: %s",
			strerror(-err));
	arena_put(l->arena);
	free(l);
}

void dlg_cmd_dialogs(void *self, struct bus_request *req, const json_t *params)
{
	struct dlg_service *s = self;
	struct listing *l = calloc(1, sizeof(*l));
	char room[32];
	const char *cursor = bus_param_text(params, "cursor", 0, room);
	int err;

	if (l)
		l->arena = arena_new(ANSWER_BLOCK, ANSWER_LIMIT);
	if (!l || !l->arena) {
		free(l);
		bus_fail(req, 500, "no memory");
		return;
	}
	l->req = req;
	l->now_ms = dlg_wall_ms();
	l->page.arena = l->arena;
	if (cursor && slice_u64(slice_str(cursor), UINT64_MAX, &l->page.cursor) != 0) {
		on_page(l, -EINVAL);
		return;
	}
	err = store_dialogs_scan(s->thread->store, &l->page, on_page, l);
	if (err != -EINPROGRESS)
		on_page(l, err);
}

/* dlg_end_dlg */

struct ending {
	struct bus_request *req;
	struct dlg_service *service;
	char id[DIALOG_ID_LEN + 1];
};

static void expired(void *arg, int err)
{
	struct ending *e = arg;

	if (err == 0) {
		dlg_service_look(e->service);
		bus_reply(e->req, tree_new());
	} else if (err == -ENOENT) {
		bus_fail(e->req, 404, "no dialog %s", e->id);
	} else if (err == -EALREADY) {
		bus_fail(e->req, 409, "dialog %s is ending already", e->id);
	} else if (err == -ECANCELED) {
		bus_fail(e->req, 503, "shutting down");
	} else {
		dlg_service_alone(e->service, slice_str(e->id), SLICE(DLG_OPERATOR));
		bus_fail(e->req, 503,
			"the store: %s; if dialog %s is this node's, it ends all the "
			"same",
			strerror(-err), e->id);
	}
	free(e);
}

void dlg_cmd_end(void *self, struct bus_request *req, const json_t *params)
{
	struct dlg_service *s = self;
	struct ending *e;
	char room[32];
	const char *id = bus_param_text(params, "id", 0, room);
	uint32_t hash;
	int err;

	if (!id || dialog_id_parse(slice_str(id), &hash) != 0) {
		bus_fail(req, 400,
			"expected the id of a dialog, as the command 'dialogs' shows it");
		return;
	}
	e = calloc(1, sizeof(*e));
	if (!e) {
		bus_fail(req, 500, "no memory");
		return;
	}
	e->req = req;
	e->service = s;
	(void)snprintf(e->id, sizeof(e->id), "%s", id);
	err = store_dialog_expire(s->thread->store, slice_str(e->id), dlg_wall_ms(),
		SLICE(DLG_OPERATOR), expired, e);
	if (err != -EINPROGRESS)
		expired(e, err);
}
