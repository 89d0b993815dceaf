/**
 * @file wheel.h  Timers of the load generator: a hashed wheel of 1024 slots of 4 ms.
 *
 * Starting and stopping cost a few instructions, since nearly every timer of a transaction is stopped before it
 * fires. A timer fires up to 4 ms late, never early. It lives inside its owner's structure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_SLOTS 1024
#define WHEEL_TICK  (4 * UINT64_C(1000000))

struct wheel_timer {
	struct wheel_timer *next, **prev; /**< prev is NULL while it does not run */
	uint64_t due;
	void (*fire)(void *context, struct wheel_timer *timer); /**< set once by the owner */
};

struct wheel {
	struct wheel_timer *slots[WHEEL_SLOTS];
	uint64_t tick; /**< the last one that was run */
	unsigned running;
};

void wheel_init(struct wheel *wheel, uint64_t now);

/** Start, or start again. due is a time of clock_now(). */
void wheel_start(struct wheel *wheel, struct wheel_timer *timer, uint64_t due);
void wheel_stop(struct wheel *wheel, struct wheel_timer *timer);
static inline bool wheel_runs(const struct wheel_timer *timer)
{
	return timer->prev != 0;
}

/** Fire what is due; what fires may start and stop any timer. */
void wheel_run(struct wheel *wheel, uint64_t now, void *context);
