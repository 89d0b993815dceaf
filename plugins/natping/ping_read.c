#include "plugins/natping/ping_read.h"

#include <errno.h>
#include <stdlib.h>

enum { READS_MAX = 256, BLOCK = 4096, BLOCK_MAX = 4 << 20 };

struct read {
	struct ping_reads *all;
	struct read *next;
	struct arena *arena;
	struct ping_key key;
	struct slice aor, id;
	struct store_contacts found;
	bool again;
};

struct ping_reads {
	struct ping_reads_setup setup;
	struct read *list; /* under way */
	unsigned count;
};

int ping_reads_new(struct ping_reads **out, const struct ping_reads_setup *setup)
{
	struct ping_reads *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->setup = *setup;
	*out = r;
	return 0;
}

void ping_reads_destroy(struct ping_reads **rp)
{
	free(*rp);
	*rp = NULL;
}

bool ping_reads_again(struct ping_reads *r, struct ping_key key, bool whole_aor)
{
	bool any = false;

	for (struct read *one = r->list; one != NULL; one = one->next) {
		if (one->key.aor == key.aor && (whole_aor || one->key.id == key.id))
			any = one->again = true;
	}
	return any;
}

unsigned ping_reads_room(const struct ping_reads *r)
{
	return READS_MAX - r->count;
}

static void finish(struct read *one)
{
	struct read **at = &one->all->list;

	while (*at != one)
		at = &(*at)->next;
	*at = one->next;
	one->all->count--;
	arena_put(one->arena);
	free(one);
}

static bool is_here(const struct ping_reads_setup *s, const struct store_contact *c)
{
	return slice_eq(c->node, s->node) || net_sock_find(s->socks, c->socket) != NULL;
}

static void take(struct read *one)
{
	const struct ping_reads_setup *s = &one->all->setup;

	for (unsigned i = 0; i < one->found.count; i++) {
		const struct ping_binding b =
			ping_binding_of_store(one->aor, &one->found.list[i]);

		if (!slice_eq(b.id, one->id) || !is_here(s, &one->found.list[i]))
			continue;
		(void)ping_book_save(s->book, one->key, &b,
			ping_clock_tick(s->clock)); /* counted there */
		s->changed(s->arg);
		return;
	}
	ping_book_remove(s->book, one->key, false);
}

static void start(struct read *one);

static void on_done(void *arg, int err)
{
	struct read *one = arg;
	const struct ping_reads_setup *s = &one->all->setup;

	if (err == 0 && one->again) {
		start(one);
		return;
	}
	if (err == 0)
		take(one);
	else if (err != -ECANCELED)
		s->lost(s->arg);
	finish(one);
}

static void start(struct read *one)
{
	int err;

	one->again = false;
	err = store_contacts_get(
		one->all->setup.store, one->aor, clock_wall(), &one->found, on_done, one);
	if (err != -EINPROGRESS)
		on_done(one, err);
}

static struct read *read_new(
	struct ping_reads *r, struct ping_key key, struct slice aor, struct slice id)
{
	struct read *one = calloc(1, sizeof(*one));

	if (one == NULL)
		return NULL;
	one->arena = arena_new(BLOCK, BLOCK_MAX);
	if (one->arena == NULL) {
		free(one);
		return NULL;
	}
	one->all = r;
	one->key = key;
	one->aor = arena_dup(one->arena, aor);
	one->id = arena_dup(one->arena, id);
	one->found.arena = one->arena;
	one->next = r->list;
	r->list = one;
	r->count++;
	return one;
}

void ping_reads_ask(
	struct ping_reads *r, struct ping_key key, struct slice aor, struct slice id)
{
	struct read *one = r->count < READS_MAX ? read_new(r, key, aor, id) : NULL;

	if (one != NULL)
		start(one);
	else
		r->setup.lost(r->setup.arg);
}
