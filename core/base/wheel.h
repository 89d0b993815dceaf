/**
 * @file wheel.h  A hierarchical timer wheel. For loop.c.
 *
 * Pure: knows ticks, no clock; single thread. Four levels of 64 slots: a slot of level n is
 * 64^n ticks wide. A timer sits in the level that its distance asks for and moves down when
 * the wheel reaches its slot, at most three times in its life (Varghese and Lauck 1987).
 *
 *     level 0   |.|.|x|.| ... 64 slots of 1 tick
 *     level 1   |.|x|.|.| ... 64 slots of 64 ticks, each falls into level 0 when its time comes
 *     level 2   ...              of 4,096 ticks
 *     level 3   ...              of 262,144 ticks; what lies beyond goes round again
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/loop.h"

#define WHEEL_LEVELS 4
#define WHEEL_SLOTS  64

struct wheel {
	uint64_t tick;               /**< all timers due up to here have been taken */
	uint64_t used[WHEEL_LEVELS]; /**< a bit per slot; a set one may be empty */
	struct timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t count; /**< timers in the slots and on the list of due ones */
};

/** An empty wheel that stands at tick. */
void wheel_init(struct wheel *w, uint64_t tick);
/** Hang t, which is not pending, to be taken at t->due rounded up to a tick, but not before the next one. */
void wheel_add(struct wheel *w, struct timer *t);
/** Take t away from its slot or from the list of due ones. */
void wheel_remove(struct wheel *w, struct timer *t);
/**
 * The tick at which the wheel next has something to do: a timer is due or timers move down.
 * False when it is empty.
 */
bool wheel_next(struct wheel *w, uint64_t *tick);
/**
 * Move towards tick now, as far as the first slot with due timers. These are hung on *due (empty
 * before), those started first in front; take each with wheel_remove(). False when the wheel
 * stands at now and nothing (more) is due.
 */
bool wheel_advance(struct wheel *w, uint64_t now, struct timer **due);
/** Forget every timer. */
void wheel_clear(struct wheel *w);
