/* Dialogs of the memory backend. */
#include "storage/dialog_table.h"
#include "storage/store_memory.h"

static int memory_put(
	struct store_handle *h, const struct store_dialog *d, store_done done, void *arg)
{
	(void)done, (void)arg;
	return dialog_table_put(h->st->dialogs, d, store_wall_ms());
}

static int memory_get(struct store_handle *h, struct slice call_id,
	const struct slice *ids, unsigned count, struct store_dialogs *out,
	store_done done, void *arg)
{
	struct store_dialogs found = {.arena = out->arena};
	unsigned i;
	int err = 0;

	(void)done, (void)arg;
	found.list = arena_alloc(out->arena, count * sizeof(*found.list));
	if (found.list == NULL)
		return -ENOMEM;
	for (i = 0; i < count && err == 0; i++)
		err = dialog_table_find(
			h->st->dialogs, call_id, ids[i], store_wall_ms(), &found);
	if (err == 0)
		*out = found;
	return err;
}

static int memory_find(struct store_handle *h, struct slice id, struct store_dialogs *out,
	store_done done, void *arg)
{
	/* The empty Call-ID fits all. */
	return memory_get(h, SLICE(""), &id, 1, out, done, arg);
}

static int memory_due(struct store_handle *h, int64_t until_ms, struct store_dialogs *out,
	store_done done, void *arg)
{
	struct store_dialogs found = {.arena = out->arena};
	int err = dialog_table_due(h->st->dialogs, until_ms, store_wall_ms(), &found);

	(void)done, (void)arg;
	if (err == 0)
		*out = found;
	return err;
}

static int memory_scan(
	struct store_handle *h, struct store_dialogs *page, store_done done, void *arg)
{
	(void)done, (void)arg;
	return dialog_table_scan(h->st->dialogs, store_wall_ms(), page);
}

static int memory_expire(struct store_handle *h, struct slice id, int64_t at_ms,
	struct slice reason, store_done done, void *arg)
{
	(void)done, (void)arg;
	return dialog_table_expire(h->st->dialogs, id, at_ms, reason, store_wall_ms());
}

static int memory_claim(struct store_handle *h, struct slice call_id, struct slice id,
	uint64_t fence, struct slice me, int64_t retry_ms, store_done done, void *arg)
{
	(void)done, (void)arg;
	return dialog_table_claim(
		h->st->dialogs, call_id, id, fence, me, retry_ms, store_wall_ms());
}

static int memory_end(struct store_handle *h, struct slice call_id, struct slice id,
	struct slice reason, store_done done, void *arg)
{
	(void)done, (void)arg;
	return dialog_table_end(h->st->dialogs, call_id, id, reason, store_wall_ms());
}

const struct store_dialog_ops memory_dialog_ops = {
	.put = memory_put,
	.get = memory_get,
	.find = memory_find,
	.due = memory_due,
	.scan = memory_scan,
	.expire = memory_expire,
	.claim = memory_claim,
	.end = memory_end,
};
