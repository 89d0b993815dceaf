/* When units begin: so many at a time, or so many a second. */
#include "bench/clock.h"
#include "bench/load.h"

#define LONGEST_WAIT  (4 * CLOCK_MS) /* the tick of alarms.h */
#define SHORTEST_WAIT UINT64_C(50000) /* what is due within this time begins together: fewer turns, like real traffic */

struct pacing {
	const struct pace *pace;
	uint64_t started;
	double begin; /**< ns: when the first unit of a rate was due */
	bool waits;   /**< the next one is due and found no phone */
};

static bool may_start(const struct pacing *pacing)
{
	if (pacing->pace->work == WORK_NONE)
		return false;
	return pacing->pace->count == 0 || pacing->started < pacing->pace->count;
}

static void by_window(struct load *load, struct pacing *pacing)
{
	while (load->in_flight < pacing->pace->window && may_start(pacing)) {
		if (!uac_start(load, pacing->pace->work, load->now))
			break;
		pacing->started++;
	}
}

static uint64_t next_due(const struct pacing *pacing)
{
	return (uint64_t)(pacing->begin + (double)pacing->started * 1e9 / pacing->pace->rate);
}

/*
 * Open loop: each unit has its time, and its latency counts from then on, even when no phone was free. So a server that
 * stands still is seen by all who would have asked it meanwhile.
 */
static void by_rate(struct load *load, struct pacing *pacing)
{
	while (may_start(pacing)) {
		uint64_t due = next_due(pacing);

		if (due > load->now)
			break;
		if (!uac_start(load, pacing->pace->work, due)) {
			load->stats.late += pacing->waits ? 0 : 1;
			pacing->waits = true;
			break;
		}
		pacing->waits = false;
		pacing->started++;
	}
}

static uint64_t wait_of(const struct load *load, const struct pacing *pacing)
{
	uint64_t due, wait = LONGEST_WAIT;

	if (pacing->pace->window == 0 && may_start(pacing)) {
		due = next_due(pacing);
		wait = due > load->now ? due - load->now : SHORTEST_WAIT;
		if (wait < SHORTEST_WAIT)
			wait = SHORTEST_WAIT;
	}
	return wait < LONGEST_WAIT ? wait : LONGEST_WAIT;
}

uint64_t pace_run(struct load *load, const struct pace *pace)
{
	struct pacing pacing = {.pace = pace};

	load->now = clock_now();
	pacing.begin = (double)load->now;
	while (load->now < pace->until && load->links.lost == 0) {
		if (pace->drain && !may_start(&pacing) && load->in_flight == 0)
			break;
		if (!pace->drain && !may_start(&pacing))
			break;
		if (pace->window > 0)
			by_window(load, &pacing);
		else
			by_rate(load, &pacing);
		links_flush(&load->links);
		links_wait(&load->links, wait_of(load, &pacing));
		load->now = clock_now();
		alarms_run(&load->alarms, load->now, load);
	}
	links_flush(&load->links);
	return pacing.started;
}
