/**
 * @file rtpp_share_priv.h  Between rtpp_share.c (rounds) and rtpp_share_steps.c (what a round does).
 */
#pragma once

#include "plugins/rtpp/rtpp_service.h"
#include "plugins/rtpp/rtpp_share.h"

#define SHARE_ARENA_MAX (4u << 20)
#define MAX_WAITING     16

/** Of a round, in this order. */
enum share_step { SWITCHES, REPORTS, SEED, SETS, RELAYS, DONE };

struct share_asker {
	struct bus_request *req;
	bool told; /* it threw a switch: what it wanted holds here already */
};

struct rtpp_share {
	struct rtpp_service
		*service; /* NULL: the service is gone, its last operation is not */
	struct store_handle *store;
	struct timer tick;

	/* Own sets as they are put into the store */
	struct arena *own_arena;
	struct store_relay_weight *own;
	unsigned own_count;
	bool seeded;

	/* Shared sets as they were read last */
	struct store_sets sets;

	/* The round under way */
	bool running, started; /* started: a first one is over */
	bool again;            /* one more behind it */
	enum share_step step;
	struct arena *arena;
	struct slice url; /* whose switch or report is being written */
	bool on;
	struct store_relay report;
	struct store_sets found;
	struct store_relays relays;
	bool away; /* the last one failed: logged */

	struct share_asker now[MAX_WAITING],
		next[MAX_WAITING]; /* answered by this round, by the next one */
	unsigned now_count, next_count;
};

/**
 * Begin the step in hand. 0: it is done; -EINPROGRESS: rtpp_share_on_done() follows; -EAGAIN: there was nothing to do and the next one is in hand; other
 * errors: the round is over.
 */
int rtpp_share_step(struct rtpp_share *sh);
/** The step in hand has ended well: its results come into force, the next one is in hand. */
void rtpp_share_step_done(struct rtpp_share *sh);
void rtpp_share_on_done(void *arg, int err);
