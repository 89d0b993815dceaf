/* Nodes and leases of the memory backend: those of this process. */
#include "storage/node_table.h"
#include "storage/store_memory.h"

static uint64_t now_ms(void)
{
	return clock_us() / 1000;
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
	(void)done, (void)arg;
	return node_table_beat(h->st->nodes, n, life_ms, now_ms());
}

static int memory_nodes(
	struct store_handle *h, struct store_nodes *out, store_done done, void *arg)
{
	(void)done, (void)arg;
	return node_table_list(h->st->nodes, now_ms(), out);
}

static int memory_lease_take(struct store_handle *h, struct slice thing, struct slice me,
	unsigned life_ms, struct arena *arena, struct slice *holder, store_done done,
	void *arg)
{
	(void)done, (void)arg;
	return node_table_take(h->st->nodes, thing, me, life_ms, now_ms(), arena, holder);
}

static int memory_lease_get(struct store_handle *h, struct slice thing,
	struct arena *arena, struct slice *holder, store_done done, void *arg)
{
	(void)done, (void)arg;
	return node_table_holder(h->st->nodes, thing, now_ms(), arena, holder);
}

static int memory_lease_drop(struct store_handle *h, struct slice thing, struct slice me,
	store_done done, void *arg)
{
	(void)done, (void)arg;
	node_table_drop(h->st->nodes, thing, me, now_ms());
	return 0;
}

const struct store_node_ops memory_node_ops = {
	.secret = memory_secret,
	.beat = memory_beat,
	.nodes = memory_nodes,
	.lease_take = memory_lease_take,
	.lease_get = memory_lease_get,
	.lease_drop = memory_lease_drop,
};
