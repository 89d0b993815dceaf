#include "core/host/nodes_table.h"

#include <string.h>

#include "core/base/hash.h"

#define SLOTS (2u * NODES_TABLE_MAX)

enum { FREE, TAKEN /* its name is being written */, READY };

static bool is(const struct nodes_entry *e, enum nodes_kind kind, struct slice name)
{
	return e->kind == kind && slice_eq(nodes_entry_name(e), name);
}

static struct nodes_entry *fill(struct nodes_entry *e, enum nodes_kind kind, struct slice name)
{
	e->kind = kind;
	e->len = (uint16_t)name.len;
	memcpy(e->name, name.p, name.len);
	atomic_store_explicit(&e->use, READY, memory_order_release);
	return e;
}

struct nodes_entry *nodes_table_find(struct nodes_table *t, enum nodes_kind kind, struct slice name)
{
	unsigned at = hash_fnv(name) + (unsigned)kind;

	if (slice_empty(name) || name.len > NODES_NAME_MAX)
		return NULL;
	/* At most half of the slots are ever taken, so there is a free one. */
	for (unsigned i = 0; i < SLOTS; i++) {
		struct nodes_entry *e = &t->list[(at + i) % SLOTS];
		unsigned use = atomic_load_explicit(&e->use, memory_order_acquire);

		if (use == READY && is(e, kind, name))
			return e;
		if (use == READY)
			continue;
		/* Another thread adds a name just now, perhaps this one: next time it will be here. */
		if (use == TAKEN)
			return NULL;
		if (atomic_fetch_add(&t->count, 1) >= NODES_TABLE_MAX) {
			atomic_fetch_sub(&t->count, 1);
			return NULL;
		}
		if (atomic_compare_exchange_strong(&e->use, &use, TAKEN))
			return fill(e, kind, name);
		atomic_fetch_sub(&t->count, 1);
		return NULL;
	}
	return NULL;
}

bool nodes_entry_alive(struct nodes_entry *e, uint64_t now_us)
{
	if (!e)
		return true;
	if (e->kind == NODES_SOCKET && !nodes_entry_wanted(e, now_us))
		nodes_entry_doubt(e);
	atomic_store_explicit(&e->asked_us, now_us, memory_order_relaxed);
	if (now_us < atomic_load_explicit(&e->silent_until_us, memory_order_relaxed))
		return false;
	return atomic_load_explicit(&e->state, memory_order_relaxed) != NODES_DEAD;
}

bool nodes_entry_silent(struct nodes_entry *e, uint64_t now_us, uint64_t until_us)
{
	return !e || atomic_exchange_explicit(&e->silent_until_us, until_us, memory_order_relaxed) <= now_us;
}

enum nodes_state nodes_entry_set(struct nodes_entry *e, enum nodes_state state)
{
	enum nodes_state was = (enum nodes_state)atomic_exchange_explicit(&e->state, state, memory_order_relaxed);

	/* It has come back: what was said about the one before does not hold any more. */
	if (was == NODES_DEAD && state == NODES_ALIVE)
		atomic_store_explicit(&e->silent_until_us, 0, memory_order_relaxed);
	return was;
}

void nodes_entry_doubt(struct nodes_entry *e)
{
	unsigned dead = NODES_DEAD;

	(void)atomic_compare_exchange_strong(&e->state, &dead, NODES_UNKNOWN);
}

bool nodes_entry_wanted(const struct nodes_entry *e, uint64_t now_us)
{
	uint64_t asked = atomic_load_explicit(&e->asked_us, memory_order_relaxed);

	/* A thread may have asked a moment after now_us was read. */
	return asked != 0 && (now_us < asked || now_us - asked <= NODES_ASKED_US);
}

struct nodes_entry *nodes_table_next(struct nodes_table *t, const struct nodes_entry *e)
{
	size_t i = e ? (size_t)(e - t->list) + 1 : 0;

	for (; i < SLOTS; i++)
		if (atomic_load_explicit(&t->list[i].use, memory_order_acquire) == READY)
			return &t->list[i];
	return NULL;
}
