/* Hashed timer wheel. */
#include <stddef.h>
#include <string.h>

#include "bench/wheel.h"

void wheel_init(struct wheel *wheel, uint64_t now)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->tick = now / WHEEL_TICK;
}

void wheel_start(struct wheel *wheel, struct wheel_timer *timer, uint64_t due)
{
	uint64_t tick = due / WHEEL_TICK + 1;
	struct wheel_timer **slot;

	wheel_stop(wheel, timer);
	/* What is due already fires with the next tick. */
	if (tick <= wheel->tick)
		tick = wheel->tick + 1;
	slot = &wheel->slots[tick % WHEEL_SLOTS];
	timer->due = tick;
	timer->next = *slot;
	timer->prev = slot;
	if (timer->next != NULL)
		timer->next->prev = &timer->next;
	*slot = timer;
	wheel->running++;
}

void wheel_stop(struct wheel *wheel, struct wheel_timer *timer)
{
	if (timer->prev == NULL)
		return;
	*timer->prev = timer->next;
	if (timer->next != NULL)
		timer->next->prev = timer->prev;
	timer->prev = NULL;
	timer->next = NULL;
	wheel->running--;
}

/* A slot also holds timers of later turns. After each firing the walk begins anew: the list may have changed. */
static void run_slot(struct wheel *wheel, void *context)
{
	struct wheel_timer *timer = wheel->slots[wheel->tick % WHEEL_SLOTS];

	while (timer != NULL) {
		if (timer->due <= wheel->tick) {
			wheel_stop(wheel, timer);
			timer->fire(context, timer);
			timer = wheel->slots[wheel->tick % WHEEL_SLOTS];
		} else {
			timer = timer->next;
		}
	}
}

void wheel_run(struct wheel *wheel, uint64_t now, void *context)
{
	uint64_t tick = now / WHEEL_TICK;

	while (wheel->tick < tick) {
		wheel->tick++;
		run_slot(wheel, context);
	}
}
