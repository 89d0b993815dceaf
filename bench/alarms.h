/**
 * @file alarms.h  Timers of the load generator: a hashed wheel of 1024 slots of 4 ms.
 *
 * Starting and stopping cost a few instructions, since nearly every timer of a transaction is stopped before it
 * fires. A timer fires up to 4 ms late, never early. It lives inside its owner's structure.
 */
#pragma once

#include <stdint.h>

#define ALARMS_SLOTS 1024
#define ALARMS_TICK  (4 * UINT64_C(1000000))

struct alarm {
	struct alarm *next, **prev; /**< prev is NULL while it does not run */
	uint64_t due;
	void (*fire)(void *context, struct alarm *alarm); /**< set once by the owner */
};

struct alarms {
	struct alarm *slots[ALARMS_SLOTS];
	uint64_t tick; /**< the last one that was run */
};

void alarms_init(struct alarms *alarms, uint64_t now);

/** Start, or start again. due is a time of clock_now(). */
void alarms_start(struct alarms *alarms, struct alarm *alarm, uint64_t due);
/** Stop it if it runs. */
void alarms_stop(struct alarm *alarm);

/** Fire what is due; what fires may start and stop any timer. */
void alarms_run(struct alarms *alarms, uint64_t now, void *context);
