#include "core/base/wheel.h"

#include <stddef.h>

#define SLOT_BITS 6
#define SLOT_MASK (WHEEL_SLOTS - 1)
#define WHEEL_SPAN                                                                       \
	((uint64_t)1 << (SLOT_BITS * WHEEL_LEVELS)) /* ticks: 46 hours of 10 ms */

static void link_timer(struct timer *t, struct timer **head)
{
	t->next = *head;
	t->prev = head;
	if (t->next != NULL)
		t->next->prev = &t->next;
	*head = t;
}

static void unlink_timer(struct timer *t)
{
	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	t->next = NULL;
	t->prev = NULL;
}

void wheel_init(struct wheel *w, uint64_t tick)
{
	*w = (struct wheel){.tick = tick};
}

/* May be the present tick: timers that move down can be due in the very slot that is next. */
static void hang(struct wheel *w, struct timer *t, uint64_t tick)
{
	uint64_t ahead = tick - w->tick;
	unsigned level = 0, slot;

	if (ahead >= WHEEL_SPAN) {
		ahead = WHEEL_SPAN - 1;
		tick = w->tick + ahead;
	}
	while (ahead >= (uint64_t)WHEEL_SLOTS << (SLOT_BITS * level))
		level++;
	slot = (unsigned)(tick >> (SLOT_BITS * level)) & SLOT_MASK;
	link_timer(t, &w->slots[level][slot]);
	w->used[level] |= (uint64_t)1 << slot;
}

static uint64_t due_tick(const struct timer *t)
{
	return t->due / LOOP_TICK_MS + (t->due % LOOP_TICK_MS != 0);
}

void wheel_add(struct wheel *w, struct timer *t)
{
	uint64_t tick = due_tick(t);

	hang(w, t, tick > w->tick ? tick : w->tick + 1);
	w->count++;
}

void wheel_remove(struct wheel *w, struct timer *t)
{
	unlink_timer(t);
	w->count--;
}

/* Slots ahead of the present one to the first with timers: 1 to 64, or 0 for none. */
static unsigned slots_ahead(struct wheel *w, unsigned level)
{
	unsigned from = ((unsigned)(w->tick >> (SLOT_BITS * level)) + 1) & SLOT_MASK;

	while (w->used[level] != 0) {
		uint64_t bits = w->used[level];
		unsigned ahead, slot;

		if (from > 0)
			bits = bits >> from | bits << (WHEEL_SLOTS - from);
		ahead = (unsigned)__builtin_ctzll(bits);
		slot = (from + ahead) & SLOT_MASK;
		if (w->slots[level][slot] != NULL)
			return ahead + 1;
		/* Its timers were stopped. */
		w->used[level] &= ~((uint64_t)1 << slot);
	}
	return 0;
}

bool wheel_next(struct wheel *w, uint64_t *tick)
{
	bool found = false;

	for (unsigned level = 0; level < WHEEL_LEVELS && w->count > 0; level++) {
		unsigned ahead = slots_ahead(w, level);
		uint64_t at;

		if (ahead == 0)
			continue;
		at = ((w->tick >> (SLOT_BITS * level)) + ahead) << (SLOT_BITS * level);
		if (!found || at < *tick)
			*tick = at;
		found = true;
	}
	return found;
}

/* Empty a slot of the present tick; its timers, hung newest first, come out oldest first. */
static struct timer *take_slot(struct wheel *w, unsigned level)
{
	unsigned slot = (unsigned)(w->tick >> (SLOT_BITS * level)) & SLOT_MASK;
	struct timer *list = NULL;

	while (w->slots[level][slot] != NULL) {
		struct timer *t = w->slots[level][slot];

		unlink_timer(t);
		t->next = list;
		list = t;
	}
	w->used[level] &= ~((uint64_t)1 << slot);
	return list;
}

/* The timers of the slots that begin at the present tick move down, widest first. */
static void move_down(struct wheel *w)
{
	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
		uint64_t inside = ((uint64_t)1 << (SLOT_BITS * level)) - 1;
		struct timer *t, *next;

		if ((w->tick & inside) != 0)
			continue;
		for (t = take_slot(w, level); t != NULL; t = next) {
			uint64_t tick = due_tick(t);

			next = t->next;
			hang(w, t, tick > w->tick ? tick : w->tick);
		}
	}
}

/* The singly linked list made whole again behind *head. */
static void adopt(struct timer *list, struct timer **head)
{
	*head = list;
	for (struct timer **at = head; *at != NULL; at = &(*at)->next)
		(*at)->prev = at;
}

bool wheel_advance(struct wheel *w, uint64_t now, struct timer **due)
{
	uint64_t next;

	while (wheel_next(w, &next) && next <= now) {
		w->tick = next;
		move_down(w);
		adopt(take_slot(w, 0), due);
		if (*due != NULL)
			return true;
	}
	/* Nothing hangs between here and now, so the wheel may jump. */
	if (w->tick < now)
		w->tick = now;
	return false;
}

void wheel_clear(struct wheel *w)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		for (unsigned slot = 0; slot < WHEEL_SLOTS; slot++) {
			while (w->slots[level][slot] != NULL)
				wheel_remove(w, w->slots[level][slot]);
		}
	}
}
