/* RTP-proxy sets and relays of the memory backend. */
#include "storage/relay_table.h"
#include "storage/store_memory.h"

static int memory_seed(struct store_handle *h, const struct store_relay_weight *list,
	unsigned count, store_done done, void *arg)
{
	(void)done, (void)arg;
	return relay_table_seed(h->st->relays, list, count);
}

static int memory_sets(
	struct store_handle *h, struct store_sets *out, store_done done, void *arg)
{
	(void)done, (void)arg;
	return relay_table_sets(h->st->relays, out);
}

static int memory_relays(struct store_handle *h, const struct slice *urls, unsigned count,
	struct store_relays *out, store_done done, void *arg)
{
	struct store_relay *list = arena_alloc(out->arena, count * sizeof(*list));
	unsigned i;
	int err = list == NULL ? -ENOMEM : 0;

	(void)done, (void)arg;
	for (i = 0; i < count && err == 0; i++)
		err = relay_table_get(h->st->relays, urls[i], out->arena, &list[i]);
	if (err != 0)
		return err;
	out->list = list;
	out->count = count;
	return 0;
}

static int memory_enable(
	struct store_handle *h, struct slice url, bool on, store_done done, void *arg)
{
	(void)done, (void)arg;
	return relay_table_enable(h->st->relays, url, on);
}

static int memory_report(
	struct store_handle *h, const struct store_relay *r, store_done done, void *arg)
{
	(void)done, (void)arg;
	return relay_table_report(h->st->relays, r);
}

const struct store_relay_ops memory_relay_ops = {
	.seed = memory_seed,
	.sets = memory_sets,
	.relays = memory_relays,
	.enable = memory_enable,
	.report = memory_report,
};
