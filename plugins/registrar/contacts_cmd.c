#include "plugins/registrar/contacts_cmd.h"

#include <errno.h>
#include <stdlib.h>

enum { ANSWER_BLOCK = 16384, ANSWER_LIMIT = 16 << 20 };

/* One command under way; freed when it is answered. */
struct asking {
	struct bus_request *req;
	struct arena *arena;
	struct slice aor; /* empty: a page */
	struct store_contacts contacts;
	struct store_page page;
	int64_t now;
};

static void add_text(
	struct tree *node, struct arena *arena, const char *name, struct slice value)
{
	if (!slice_empty(value))
		(void)tree_add(node, name,
			arena_dup(arena, value).p); /* bus_reply() tells at the end */
}

static void add_contact(struct tree *list, struct asking *a, struct slice aor,
	const struct store_contact *c)
{
	struct tree *node = tree_add(list, "Contact", arena_dup(a->arena, c->uri).p);

	add_text(node, a->arena, "AOR", aor);
	add_text(node, a->arena, "Id", c->id);
	(void)tree_add_int(node, "Expires", c->expires - a->now);
	(void)tree_addf(node, "Q", "%u.%03u", c->q / 1000, c->q % 1000);
	add_text(node, a->arena, "Received", c->received);
	add_text(node, a->arena, "Path", c->path);
	add_text(node, a->arena, "Socket", c->socket);
	add_text(node, a->arena, "Call-ID", c->call_id);
	(void)tree_add_int(node, "CSeq", c->cseq);
	(void)tree_add_int(node, "Flags", c->bflags);
	(void)tree_add_int(node, "NAT", c->nated ? 1 : 0);
	add_text(node, a->arena, "User-Agent", c->user_agent);
	add_text(node, a->arena, "Node", c->node);
}

static void answer(struct asking *a)
{
	struct tree *root = tree_new();
	struct tree *list = tree_add(root, "Contacts", NULL);
	unsigned i;

	tree_set_list(list);
	for (i = 0; i < a->contacts.count; i++)
		add_contact(list, a, a->aor, &a->contacts.list[i]);
	for (i = 0; i < a->page.count; i++)
		add_contact(list, a, a->page.aors[i], &a->page.contacts[i]);
	if (slice_empty(a->aor))
		(void)tree_addf(
			root, "Cursor", "%llu", (unsigned long long)a->page.cursor);
	bus_reply(a->req, root);
}

static void on_done(void *arg, int err)
{
	struct asking *a = arg;

	if (err == 0)
		answer(a);
	else
		bus_fail(a->req, err == -EINVAL || err == -ENAMETOOLONG ? 400 : 503,
			"the store: %s", strerror(-err));
	arena_put(a->arena);
	free(a);
}

void registrar_contacts(void *self, struct bus_request *req, const json_t *params)
{
	struct registrar_service *service = self;
	struct asking *a = calloc(1, sizeof(*a));
	char room[2][32];
	const char *aor = bus_param_text(params, "aor", 0, room[0]);
	const char *cursor = bus_param_text(params, "cursor", 1, room[1]);
	int err;

	if (a != NULL)
		a->arena = arena_new(ANSWER_BLOCK, ANSWER_LIMIT);
	if (a == NULL || a->arena == NULL) {
		free(a);
		bus_fail(req, 500, "no memory");
		return;
	}
	a->req = req;
	a->now = clock_wall();
	a->contacts.arena = a->page.arena = a->arena;
	if (cursor != NULL &&
		slice_u64(slice_str(cursor), UINT64_MAX, &a->page.cursor) != 0) {
		on_done(a, -EINVAL);
		return;
	}
	if (aor != NULL && aor[0] != '\0') {
		a->aor = arena_dup(a->arena, slice_str(aor));
		err = store_contacts_get(
			service->thread->store, a->aor, a->now, &a->contacts, on_done, a);
	} else {
		err = store_contacts_scan(
			service->thread->store, a->now, &a->page, on_done, a);
	}
	if (err != -EINPROGRESS)
		on_done(a, err);
}
