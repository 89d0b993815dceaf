#include "storage/node_table.h"

#include <pthread.h>
#include <stdlib.h>

#include "storage/store_node.h"
#include "storage/store_priv.h"

enum { LEASES_MAX = 4096 };

/* A node, or a lease: then the name is the thing, and version says who holds it. */
struct entry {
	struct entry *next;
	uint64_t until; /* ms */
	struct store_node n;
	char text[];
};

struct list {
	struct entry *first;
	unsigned count;
};

struct node_table {
	pthread_mutex_t lock;
	struct list nodes, leases;
};

int node_table_new(struct node_table **out)
{
	struct node_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return -ENOMEM;
	(void)pthread_mutex_init(&t->lock, NULL); /* default attributes: cannot fail */
	*out = t;
	return 0;
}

static void unlink_entry(struct list *l, struct entry **link)
{
	struct entry *e = *link;

	*link = e->next;
	l->count--;
	free(e);
}

void node_table_destroy(struct node_table **tp)
{
	struct node_table *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	while (t->nodes.first != NULL)
		unlink_entry(&t->nodes, &t->nodes.first);
	while (t->leases.first != NULL)
		unlink_entry(&t->leases, &t->leases.first);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* Forgets what is over by the way. */
static struct entry **find(struct list *l, struct slice name, uint64_t now_ms)
{
	struct entry **link = &l->first;
	struct entry **found = NULL;

	while (*link != NULL)
		if ((*link)->until <= now_ms) {
			unlink_entry(l, link);
		} else {
			if (slice_eq((*link)->n.name, name))
				found = link;
			link = &(*link)->next;
		}
	return found;
}

/* In the place of the one of that name. */
static int replace(struct list *l, const struct store_node *n, uint64_t until,
	uint64_t now_ms, unsigned max)
{
	struct entry *e =
		malloc(sizeof(*e) + n->name.len + n->version.len + n->sockets.len);
	struct entry **old;
	char *to;

	if (e == NULL)
		return -ENOMEM;
	to = e->text;
	e->n = *n;
	e->n.name = store_pack(&to, n->name);
	e->n.version = store_pack(&to, n->version);
	e->n.sockets = store_pack(&to, n->sockets);
	e->until = until;
	old = find(l, n->name, now_ms);
	if (old != NULL)
		unlink_entry(l, old);
	if (l->count >= max) {
		free(e);
		return -ENOSPC;
	}
	e->next = l->first;
	l->first = e;
	l->count++;
	return 0;
}

int node_table_beat(struct node_table *t, const struct store_node *n, unsigned life_ms,
	uint64_t now_ms)
{
	int err;

	pthread_mutex_lock(&t->lock);
	err = replace(&t->nodes, n, now_ms + life_ms, now_ms, STORE_MAX_NODES);
	pthread_mutex_unlock(&t->lock);
	return err;
}

static int list_locked(struct node_table *t, uint64_t now_ms, struct store_nodes *out)
{
	const struct entry *e;

	(void)find(&t->nodes, SLICE(""), now_ms);
	out->list = arena_alloc(out->arena, t->nodes.count * sizeof(*out->list));
	if (out->list == NULL)
		return -ENOMEM;
	for (e = t->nodes.first; e != NULL; e = e->next) {
		struct store_node *n = &out->list[out->count++];

		*n = e->n;
		n->name = arena_dup(out->arena, e->n.name);
		n->version = arena_dup(out->arena, e->n.version);
		n->sockets = arena_dup(out->arena, e->n.sockets);
		if (n->name.p == NULL || n->version.p == NULL || n->sockets.p == NULL)
			return -ENOMEM;
	}
	store_nodes_sort(out->list, out->count);
	return 0;
}

int node_table_list(struct node_table *t, uint64_t now_ms, struct store_nodes *out)
{
	struct store_nodes found = {.arena = out->arena};
	int err;

	pthread_mutex_lock(&t->lock);
	err = list_locked(t, now_ms, &found);
	pthread_mutex_unlock(&t->lock);
	if (err == 0)
		*out = found;
	return err;
}

/* Who holds it, into arena. */
static int holder_locked(struct node_table *t, struct slice thing, uint64_t now_ms,
	struct arena *arena, struct slice *holder)
{
	struct entry **link = find(&t->leases, thing, now_ms);
	struct slice who =
		arena_dup(arena, link != NULL ? (*link)->n.version : SLICE(""));

	if (who.p == NULL)
		return -ENOMEM;
	*holder = who;
	return 0;
}

int node_table_take(struct node_table *t, struct slice thing, struct slice me,
	unsigned life_ms, uint64_t now_ms, struct arena *arena, struct slice *holder)
{
	const struct store_node lease = {.name = thing, .version = me};
	struct entry **link;
	int err = 0;

	pthread_mutex_lock(&t->lock);
	link = find(&t->leases, thing, now_ms);
	if (link == NULL || slice_eq((*link)->n.version, me))
		err = replace(&t->leases, &lease, now_ms + life_ms, now_ms, LEASES_MAX);
	if (err == 0)
		err = holder_locked(t, thing, now_ms, arena, holder);
	pthread_mutex_unlock(&t->lock);
	return err;
}

int node_table_holder(struct node_table *t, struct slice thing, uint64_t now_ms,
	struct arena *arena, struct slice *holder)
{
	int err;

	pthread_mutex_lock(&t->lock);
	err = holder_locked(t, thing, now_ms, arena, holder);
	pthread_mutex_unlock(&t->lock);
	return err;
}

void node_table_drop(
	struct node_table *t, struct slice thing, struct slice me, uint64_t now_ms)
{
	struct entry **link;

	pthread_mutex_lock(&t->lock);
	link = find(&t->leases, thing, now_ms);
	if (link != NULL && slice_eq((*link)->n.version, me))
		unlink_entry(&t->leases, link);
	pthread_mutex_unlock(&t->lock);
}
