#include "plugins/natping/ping_scan.h"

#include <errno.h>
#include <stdlib.h>

enum {
	TOUCHED_MAX = 256,
	RETRY_MS = 1000,
	GAP_MS = 1000,   /* between the beginnings of two readings of one listener */
	SLICE_US = 3000, /* of a turn, when the store answers at once */
	PAGE_BLOCK = 65536,
	PAGE_MAX = 8 << 20,
};

struct touched {
	struct ping_key key;
	bool whole_aor;
};

struct line {
	bool wanted;
	bool begun_once;
	uint64_t begun; /* ms of loop_now() */
};

struct ping_scan {
	struct ping_scan_setup setup;
	struct timer next; /* begin, or go on */
	struct store_page page;
	bool under_way; /* a listener is being read */
	bool sound;     /* the store was there all the time */
	unsigned sock;  /* which */
	uint32_t mark;
	unsigned touched_count; /* above TOUCHED_MAX: some are not remembered */
	struct touched touched[TOUCHED_MAX];
	struct line lines[]; /* by listener */
};

static bool is_touched(const struct ping_scan *s, struct ping_key key)
{
	for (unsigned i = 0; i < s->touched_count && i < TOUCHED_MAX; i++) {
		const struct touched *t = &s->touched[i];

		if (t->key.aor == key.aor && (t->whole_aor || t->key.id == key.id))
			return true;
	}
	return false;
}

void ping_scan_touch(struct ping_scan *s, struct ping_key key, bool whole_aor)
{
	if (!s->under_way)
		return;
	if (s->touched_count < TOUCHED_MAX)
		s->touched[s->touched_count] = (struct touched){key, whole_aor};
	else
		s->lines[s->sock].wanted =
			true; /* what this page gets wrong the next reading mends */
	s->touched_count++;
}

/* A binding that has moved to another socket since is pinged from there. */
static void take_page(struct ping_scan *s)
{
	const struct slice name = slice_str(s->setup.socks->list[s->sock].adv_text);
	uint64_t now = ping_clock_tick(s->setup.clock);

	for (unsigned i = 0; i < s->page.count; i++) {
		const struct ping_binding b =
			ping_binding_of_store(s->page.aors[i], &s->page.contacts[i]);
		struct ping_key key;

		/* What cannot be kept is counted there. */
		if (slice_eq(b.socket, name) &&
			ping_book_owns(s->setup.book, b.aor, b.id, &key) &&
			!is_touched(s, key))
			(void)ping_book_save(s->setup.book, key, &b, now);
	}
	s->setup.changed(s->setup.arg);
}

/* A page has come. True: there are more. */
static bool page_done(struct ping_scan *s, int err)
{
	s->sound = s->sound && store_ready(s->setup.store);
	if (err == 0)
		take_page(s);
	if (err == 0 && s->page.cursor != 0)
		return true;
	s->under_way = false;
	if (err == -ECANCELED)
		return false;
	if (err == 0 && s->sound) {
		ping_book_scan_end(s->setup.book, s->sock, s->mark);
		natping_count(&s->setup.tally, NATPING_C_READS, 1);
		timer_start(s->setup.loop, &s->next, 0);
		return false;
	}
	s->lines[s->sock].wanted = true;
	timer_start(s->setup.loop, &s->next, RETRY_MS);
	return false;
}

static void go_on(struct ping_scan *s);

static void on_page(void *arg, int err)
{
	struct ping_scan *s = arg;

	if (page_done(s, err))
		go_on(s);
}

/* Ask for pages until one is under way, or this turn has had enough. */
static void go_on(struct ping_scan *s)
{
	uint64_t until = clock_us() + SLICE_US;
	struct slice name = slice_str(s->setup.socks->list[s->sock].adv_text);

	do {
		int err;

		arena_reset(s->page.arena);
		s->touched_count = 0;
		err = store_bindings_scan(
			s->setup.store, name, clock_wall(), &s->page, on_page, s);
		if (err == -EINPROGRESS || !page_done(s, err))
			return;
	} while (clock_us() < until);
	timer_start(s->setup.loop, &s->next, 0);
}

/* A listener that may be read now; else in how many ms one may (0: none is wanted). */
static struct line *choose(struct ping_scan *s, uint64_t *wait)
{
	uint64_t now = loop_now(s->setup.loop);

	*wait = 0;
	for (unsigned i = 0; i < s->setup.socks->count; i++) {
		struct line *l = &s->lines[i];

		if (!l->wanted)
			continue;
		if (!l->begun_once || now - l->begun >= GAP_MS)
			return l;
		*wait = GAP_MS;
	}
	return NULL;
}

static void on_next(void *arg)
{
	struct ping_scan *s = arg;
	struct line *l;
	uint64_t wait;

	if (s->under_way) {
		go_on(s);
		return;
	}
	l = choose(s, &wait);
	if (l == NULL) {
		if (wait > 0)
			timer_start(s->setup.loop, &s->next, wait);
		return;
	}
	l->wanted = false;
	l->begun_once = true;
	l->begun = loop_now(s->setup.loop);
	s->sock = (unsigned)(l - s->lines);
	s->under_way = true;
	s->sound = store_ready(s->setup.store);
	s->mark = ping_book_scan_begin(s->setup.book);
	s->page.cursor = 0;
	go_on(s);
}

void ping_scan_want(struct ping_scan *s, unsigned sock)
{
	s->lines[sock].wanted = true;
	if (!s->under_way && !timer_pending(&s->next))
		timer_start(s->setup.loop, &s->next, 0);
}

int ping_scan_new(struct ping_scan **out, const struct ping_scan_setup *setup)
{
	struct ping_scan *s =
		calloc(1, sizeof(*s) + setup->socks->count * sizeof(s->lines[0]));

	if (s == NULL)
		return -ENOMEM;
	s->setup = *setup;
	s->page.arena = arena_new(PAGE_BLOCK, PAGE_MAX);
	timer_init(&s->next, on_next, s);
	*out = s;
	if (s->page.arena != NULL)
		return 0;
	ping_scan_destroy(out);
	return -ENOMEM;
}

void ping_scan_destroy(struct ping_scan **sp)
{
	struct ping_scan *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	timer_stop(&s->next);
	arena_put(s->page.arena);
	free(s);
}
