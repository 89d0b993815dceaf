#include "plugins/natping/ping_wheel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#define TICKS_A_SECOND (1000 / PING_TICK_MS)
#define SPREAD         50 /* a place may be 1/50 of the ring away from its hash */
#define BEHIND         40 /* more than 1/40 of the ring behind: faster */

/* Speeds in eighths of the pace. */
enum { PACE = 8, MAKE_UP = 9, HURRY = 32 };
/* A turn that comes late has at most this many ticks to its credit; it is what a burst can be. */
#define CREDIT_TICKS 2

struct slot {
	struct ping_place *first;
	unsigned count;
};

struct ping_wheel {
	uint32_t ticks; /* of one revolution */
	uint32_t slot_count;
	uint64_t done;   /* the hand */
	uint64_t turned; /* when ping_wheel_turn() was last called */
	unsigned credit; /* eighths of a tick */
	uint64_t count;
	struct slot slots[];
};

int ping_wheel_new(struct ping_wheel **out, unsigned interval, uint64_t now)
{
	uint32_t ticks = (uint32_t)interval * TICKS_A_SECOND;
	uint32_t slots = ticks < PING_SLOTS_MAX ? ticks : PING_SLOTS_MAX;
	struct ping_wheel *w = calloc(1, sizeof(*w) + slots * sizeof(w->slots[0]));

	if (w == NULL)
		return -ENOMEM;
	w->ticks = ticks;
	w->slot_count = slots;
	w->done = w->turned = now;
	*out = w;
	return 0;
}

void ping_wheel_destroy(struct ping_wheel **wp)
{
	free(*wp);
	*wp = NULL;
}

static struct slot *slot_of(struct ping_wheel *w, uint32_t phase)
{
	return &w->slots[phase % w->slot_count];
}

/* The emptiest tick around the wanted one, the nearest of those. */
static uint32_t choose(struct ping_wheel *w, uint32_t wanted)
{
	uint32_t best = wanted, reach = w->ticks / SPREAD;

	if (w->slot_count < w->ticks)
		return wanted;
	for (uint32_t d = 1; d <= reach && w->slots[best].count > 0; d++) {
		uint32_t after = (wanted + d) % w->ticks;
		uint32_t before = (wanted + w->ticks - d) % w->ticks;

		if (w->slots[after].count < w->slots[best].count)
			best = after;
		if (w->slots[before].count < w->slots[best].count)
			best = before;
	}
	return best;
}

static void link_in(struct ping_wheel *w, struct ping_place *p)
{
	struct slot *s = slot_of(w, p->phase);

	p->next = s->first;
	p->prev = &s->first;
	if (s->first != NULL)
		s->first->prev = &p->next;
	s->first = p;
	s->count++;
	w->count++;
}

/* While the owner naps, the hand stands still before empty slots. Who comes now is not late. */
static void wake_up(struct ping_wheel *w, uint64_t now)
{
	if (w->count == 0 && now > w->done)
		w->done = now;
	while (w->done < now &&
		slot_of(w, (uint32_t)((w->done + 1) % w->ticks))->count == 0)
		w->done++;
}

void ping_wheel_add(
	struct ping_wheel *w, struct ping_place *p, uint32_t hash, uint64_t now)
{
	wake_up(w, now);
	/* Not hash % ticks: thread and phase come from one hash. */
	p->phase = choose(w, (uint32_t)((uint64_t)hash * w->ticks >> 32));
	link_in(w, p);
}

void ping_wheel_replace(
	struct ping_wheel *w, struct ping_place *old, struct ping_place *new)
{
	new->phase = old->phase;
	ping_wheel_remove(w, old);
	link_in(w, new);
}

void ping_wheel_remove(struct ping_wheel *w, struct ping_place *p)
{
	*p->prev = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	p->prev = NULL;
	slot_of(w, p->phase)->count--;
	w->count--;
}

static void run(struct slot *s, uint32_t phase,
	void (*fn)(void *arg, struct ping_place *p), void *arg)
{
	struct ping_place *p = s->first, *next;

	for (; p != NULL; p = next) {
		next = p->next;
		if (p->phase == phase)
			fn(arg, p);
	}
}

/* What this turn may do, in eighths of a tick. */
static void earn(struct ping_wheel *w, uint64_t now)
{
	uint64_t elapsed = now - w->turned;
	unsigned speed =
		now - w->done > w->ticks / BEHIND + CREDIT_TICKS ? HURRY : MAKE_UP;

	w->turned = now;
	w->credit += (unsigned)(elapsed < CREDIT_TICKS ? elapsed : CREDIT_TICKS) * speed;
}

uint64_t ping_wheel_turn(struct ping_wheel *w, uint64_t now,
	void (*fn)(void *arg, struct ping_place *p), void *arg)
{
	if (now <= w->done)
		return 0;
	w->done += (now - w->done - 1) / w->ticks * w->ticks;
	earn(w, now);
	while (w->done < now) {
		uint32_t phase = (uint32_t)((w->done + 1) % w->ticks);
		struct slot *s = slot_of(w, phase);

		/* What is empty costs nothing. */
		if (s->count > 0 && w->credit < PACE)
			return now - w->done;
		if (s->count > 0)
			w->credit -= PACE;
		w->done++;
		run(s, phase, fn, arg);
	}
	if (w->credit > PACE - 1)
		w->credit = PACE - 1;
	return 0;
}

unsigned ping_wheel_next(const struct ping_wheel *w, uint64_t now)
{
	/* Half a ring at most: who wakes up late from that is not a revolution behind yet. */
	const uint64_t nap =
		w->ticks / 2 < PING_NAP_TICKS ? w->ticks / 2 : PING_NAP_TICKS;
	uint64_t tick = w->done;

	if (w->count == 0)
		return 0;
	while (tick < now + nap) {
		tick++;
		if (w->slots[tick % w->ticks % w->slot_count].count > 0)
			break;
	}
	return tick > now ? (unsigned)(tick - now) : 1;
}
