/* Nodes and leases: arguments checked, operations counted, and on to the backend. */
#include "storage/store_node.h"

#include <stdlib.h>

#include "storage/store_priv.h"

static int compare(const void *a, const void *b)
{
	const struct store_node *x = a, *y = b;

	return slice_cmp(x->name, y->name);
}

void store_nodes_sort(struct store_node *list, unsigned count)
{
	if (count > 1)
		qsort(list, count, sizeof(*list), compare);
}

static int check_name(struct slice name)
{
	if (slice_empty(name))
		return -EINVAL;
	return name.len > STORE_NAME_MAX ? -ENAMETOOLONG : 0;
}

static const struct store_node_ops *ops(const struct store_handle *h)
{
	return h->st->backend->nodes;
}

int store_secret(struct store_handle *h, struct arena *arena, struct slice proposal,
	struct slice *out, store_done done, void *arg)
{
	int err = slice_empty(proposal) ? -EINVAL : 0;

	return store_answered(
		h, err != 0 ? err : ops(h)->secret(h, arena, proposal, out, done, arg));
}

int store_node_beat(struct store_handle *h, const struct store_node *n, unsigned life_ms,
	store_done done, void *arg)
{
	int err = life_ms == 0 ? -EINVAL : check_name(n->name);

	return store_answered(h, err != 0 ? err : ops(h)->beat(h, n, life_ms, done, arg));
}

int store_nodes_get(
	struct store_handle *h, struct store_nodes *out, store_done done, void *arg)
{
	return store_answered(h, ops(h)->nodes(h, out, done, arg));
}

int store_lease_take(struct store_handle *h, struct slice thing, struct slice me,
	unsigned life_ms, struct arena *arena, struct slice *holder, store_done done,
	void *arg)
{
	int err = life_ms == 0 ? -EINVAL : check_name(thing);

	if (err == 0)
		err = check_name(me);
	return store_answered(h,
		err != 0 ? err
			 : ops(h)->lease_take(
				   h, thing, me, life_ms, arena, holder, done, arg));
}

int store_lease_get(struct store_handle *h, struct slice thing, struct arena *arena,
	struct slice *holder, store_done done, void *arg)
{
	int err = check_name(thing);

	return store_answered(h,
		err != 0 ? err : ops(h)->lease_get(h, thing, arena, holder, done, arg));
}

int store_lease_drop(struct store_handle *h, struct slice thing, struct slice me,
	store_done done, void *arg)
{
	int err = check_name(thing);

	if (err == 0)
		err = check_name(me);
	return store_answered(
		h, err != 0 ? err : ops(h)->lease_drop(h, thing, me, done, arg));
}
