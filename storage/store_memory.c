/* The memory backend: shared tables, answered at once. */
#include "storage/store_memory.h"

static bool memory_ready(const struct store_handle *h)
{
	(void)h;
	return true;
}

static int memory_update(struct store_handle *h, const struct store_update *upd,
	struct store_contacts *out, store_done done, void *arg)
{
	(void)done, (void)arg;
	return store_table_update(h->st->table, upd, out);
}

static int memory_get(struct store_handle *h, struct slice aor, int64_t now,
	struct store_contacts *out, store_done done, void *arg)
{
	(void)done, (void)arg;
	return store_table_get(h->st->table, aor, now, out);
}

static int memory_remove(struct store_handle *h, struct slice aor, struct slice id,
	unsigned *removed, store_done done, void *arg)
{
	(void)done, (void)arg;
	*removed = store_table_remove(h->st->table, aor, id, clock_wall());
	return 0;
}

static int memory_scan(struct store_handle *h, int64_t now, struct store_page *page,
	store_done done, void *arg)
{
	(void)done, (void)arg;
	return store_table_scan(h->st->table, SLICE(""), now, page);
}

static int memory_bindings(struct store_handle *h, struct slice socket, int64_t now,
	struct store_page *page, store_done done, void *arg)
{
	(void)done, (void)arg;
	return store_table_scan(h->st->table, socket, now, page);
}

/* Whoever writes here is told by events. */
static int memory_left(struct store_handle *h, struct slice socket,
	struct store_left *out, store_done done, void *arg)
{
	(void)h, (void)socket, (void)done, (void)arg;
	out->list = NULL;
	out->count = 0;
	out->more = false;
	return 0;
}

static const struct store_contact_ops contacts = {
	.update = memory_update,
	.get = memory_get,
	.remove = memory_remove,
	.scan = memory_scan,
	.bindings = memory_bindings,
	.left = memory_left,
};

const struct store_backend store_memory = {
	.name = "memory",
	.open = NULL,
	.close = NULL,
	.ready = memory_ready,
	.contacts = &contacts,
	.nodes = &memory_node_ops,
	.relays = &memory_relay_ops,
	.dialogs = &memory_dialog_ops,
};
