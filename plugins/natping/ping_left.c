#include "plugins/natping/ping_left.h"

#include <errno.h>
#include <stdlib.h>

enum {
	EVERY_MS = 1000,
	BUSY_MS = 50, /* till there is room for more reads */
	BLOCK = 4096,
	BLOCK_MAX = 1 << 20,
};

#define CURSOR_MAX sizeof(((struct store_left *)NULL)->cursor)

struct ping_left {
	struct ping_left_setup setup;
	struct timer next; /* begin, or go on */
	struct store_left page;
	unsigned sock;              /* whose turn it is */
	char cursors[][CURSOR_MAX]; /* by listener */
};

static void take(struct ping_left *l)
{
	for (unsigned i = 0; i < l->page.count; i++) {
		const struct store_left_one *one = &l->page.list[i];
		struct ping_key key;

		if (ping_book_owns(l->setup.book, one->aor, one->id, &key) &&
			ping_book_has(l->setup.book, key) &&
			!ping_reads_again(l->setup.reads, key, false))
			ping_reads_ask(l->setup.reads, key, one->aor, one->id);
	}
}

/* An answer about the listener whose turn it is. False: no more are asked for. */
static bool page_done(struct ping_left *l, int err)
{
	char *cursor = l->cursors[l->sock];

	if (err == -ECANCELED)
		return false;
	if (err == 0) {
		memcpy(cursor, l->page.cursor, CURSOR_MAX);
		take(l);
	} else {
		cursor[0] = '\0'; /* another Redis may answer next time */
	}
	if (err != 0 || !l->page.more)
		l->sock++;
	return true;
}

static void go_on(struct ping_left *l);

static void on_page(void *arg, int err)
{
	struct ping_left *l = arg;

	if (page_done(l, err))
		go_on(l);
}

static int ask(struct ping_left *l)
{
	arena_reset(l->page.arena);
	memcpy(l->page.cursor, l->cursors[l->sock], CURSOR_MAX);
	return store_left_get(l->setup.store,
		slice_str(l->setup.socks->list[l->sock].adv_text), &l->page, on_page, l);
}

static void go_on(struct ping_left *l)
{
	while (l->sock < l->setup.socks->count) {
		int err;

		if (!l->setup.mine[l->sock]) {
			l->sock++;
			continue;
		}
		if (ping_reads_room(l->setup.reads) < STORE_MAX_LEFT) {
			timer_start(l->setup.loop, &l->next, BUSY_MS);
			return;
		}
		err = ask(l);
		if (err == -EINPROGRESS || !page_done(l, err))
			return;
	}
	timer_start(l->setup.loop, &l->next, EVERY_MS);
}

static void on_next(void *arg)
{
	struct ping_left *l = arg;

	if (l->sock >= l->setup.socks->count)
		l->sock = 0;
	go_on(l);
}

int ping_left_new(struct ping_left **out, const struct ping_left_setup *setup)
{
	struct ping_left *l = calloc(1, sizeof(*l) + setup->socks->count * CURSOR_MAX);

	if (l == NULL)
		return -ENOMEM;
	l->setup = *setup;
	l->page.arena = arena_new(BLOCK, BLOCK_MAX);
	timer_init(&l->next, on_next, l);
	*out = l;
	if (l->page.arena == NULL) {
		ping_left_destroy(out);
		return -ENOMEM;
	}
	timer_start(setup->loop, &l->next, EVERY_MS);
	return 0;
}

void ping_left_destroy(struct ping_left **lp)
{
	struct ping_left *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	timer_stop(&l->next);
	arena_put(l->page.arena);
	free(l);
}
