/* Hashed timer wheel. */
#include <stddef.h>
#include <string.h>

#include "bench/alarms.h"

void alarms_init(struct alarms *alarms, uint64_t now)
{
	memset(alarms, 0, sizeof(*alarms));
	alarms->tick = now / ALARMS_TICK;
}

void alarms_start(struct alarms *alarms, struct alarm *alarm, uint64_t due)
{
	uint64_t tick = due / ALARMS_TICK + 1;
	struct alarm **slot;

	alarms_stop(alarm);
	/* What is due already fires with the next tick. */
	if (tick <= alarms->tick)
		tick = alarms->tick + 1;
	slot = &alarms->slots[tick % ALARMS_SLOTS];
	alarm->due = tick;
	alarm->next = *slot;
	alarm->prev = slot;
	if (alarm->next != NULL)
		alarm->next->prev = &alarm->next;
	*slot = alarm;
}

void alarms_stop(struct alarm *alarm)
{
	if (alarm->prev == NULL)
		return;
	*alarm->prev = alarm->next;
	if (alarm->next != NULL)
		alarm->next->prev = alarm->prev;
	alarm->prev = NULL;
	alarm->next = NULL;
}

/* A slot also holds timers of later turns. After each firing the walk begins anew: the list may have changed. */
static void run_slot(struct alarms *alarms, void *context)
{
	struct alarm *alarm = alarms->slots[alarms->tick % ALARMS_SLOTS];

	while (alarm != NULL) {
		if (alarm->due <= alarms->tick) {
			alarms_stop(alarm);
			alarm->fire(context, alarm);
			alarm = alarms->slots[alarms->tick % ALARMS_SLOTS];
		} else {
			alarm = alarm->next;
		}
	}
}

void alarms_run(struct alarms *alarms, uint64_t now, void *context)
{
	uint64_t tick = now / ALARMS_TICK;

	while (alarms->tick < tick) {
		alarms->tick++;
		run_slot(alarms, context);
	}
}
