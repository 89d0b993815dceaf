/**
 * @file rtpp_board.h  Where the service posts what the workers go by: sets of relays, and how each relay is.
 *
 * One board in the process, shared by all threads of the plugin. What is posted is immutable and counted: whoever works with a
 * snapshot holds it, also while a newer one is up. Looking whether there is a newer one costs one atomic read, so workers look at each
 * message and nobody has to be told; a snapshot that nobody missed is never lost.
 *
 * Any thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "plugins/rtpp/rtpp_sets.h"

/** Sets as they were read in one step. Counted: consecutive snapshots share one. */
struct rtpp_generation {
	atomic_uint refs;
	struct rtpp_sets sets;
};

/** What the service knows of a relay. */
struct rtpp_state {
	bool down;         /**< does not answer */
	bool disabled;     /**< by an operator: no new calls, its own go on */
	unsigned features; /**< set of enum rtpp_feature */
	uint64_t at_us;    /**< clock_us() when down was found out */
};

struct rtpp_snapshot {
	atomic_uint refs;
	uint64_t number; /**< from 1 */
	struct rtpp_generation *generation;
	struct rtpp_state states[]; /**< by index of the generation's relays */
};

struct rtpp_board;

int rtpp_board_new(struct rtpp_board **out);
void rtpp_board_destroy(struct rtpp_board **bp);
/** Takes sets (emptied). NULL without memory; one reference. */
struct rtpp_generation *rtpp_generation_new(struct rtpp_sets *sets);
void rtpp_generation_drop(struct rtpp_generation **gp);
/** Put a new snapshot up: generation (a reference is taken) with a copy of the states of its relays. 0 or -ENOMEM. */
int rtpp_board_post(struct rtpp_board *b, struct rtpp_generation *generation,
	const struct rtpp_state *states);
/** Number of the snapshot that is up; 0: none yet. */
uint64_t rtpp_board_number(struct rtpp_board *b);
/** It, with a reference; NULL: none yet. */
struct rtpp_snapshot *rtpp_board_take(struct rtpp_board *b);
void rtpp_snapshot_drop(struct rtpp_snapshot **sp);
