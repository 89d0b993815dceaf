/* The memory backend: the shared table, answered at once. A single node has nobody to share
 * a secret or a heartbeat with. */
#include <errno.h>

#include "storage/store_priv.h"

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
	return store_table_scan(h->st->table, now, page);
}

static int memory_secret(struct store_handle *h, struct arena *arena,
	struct slice proposal, struct slice *out, store_done done, void *arg)
{
	(void)done, (void)arg;
	return store_table_secret(h->st->table, arena, proposal, out);
}

static int memory_beat(struct store_handle *h, const struct store_node *n,
	unsigned life_ms, store_done done, void *arg)
{
	(void)h, (void)n, (void)life_ms, (void)done, (void)arg;
	return 0;
}

const struct store_backend store_memory = {
	.name = "memory",
	.open = NULL,
	.close = NULL,
	.ready = memory_ready,
	.update = memory_update,
	.get = memory_get,
	.remove = memory_remove,
	.scan = memory_scan,
	.secret = memory_secret,
	.beat = memory_beat,
};
