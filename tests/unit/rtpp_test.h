/**
 * @file rtpp_test.h  What tests of the plugin rtpp have in common: its counters, and sets on a board.
 */
#pragma once

#include "plugins/rtpp/rtpp_board.h"
#include "plugins/rtpp/rtpp_client.h"
#include "tests/unit/ph_test.h"

/* clang-format off */
static const struct counter_desc rtpp_test_counters[] = {
	[RTPP_C_COMMANDS] = {"commands", "", COUNTER_TOTAL},
	[RTPP_C_REPLIES] = {"replies", "", COUNTER_TOTAL},
	[RTPP_C_TIMEOUTS] = {"timeouts", "", COUNTER_TOTAL},
	[RTPP_C_RETRANSMISSIONS] = {"retransmissions", "", COUNTER_TOTAL},
	[RTPP_C_ERRORS] = {"errors", "", COUNTER_TOTAL},
	[RTPP_C_LATE] = {"late", "", COUNTER_TOTAL},
	[RTPP_C_RELAYS_DOWN] = {"down", "", COUNTER_GAUGE},
	[RTPP_C_OFFERS] = {"offers", "", COUNTER_TOTAL},
	[RTPP_C_ANSWERS] = {"answers", "", COUNTER_TOTAL},
	[RTPP_C_DELETES] = {"deletes", "", COUNTER_TOTAL},
	[RTPP_C_FAILOVERS] = {"failovers", "", COUNTER_TOTAL},
	[RTPP_C_ECHOES] = {"echoes", "", COUNTER_TOTAL},
	[RTPP_C_CONNECTIONS] = {"connections", "", COUNTER_GAUGE},
	[RTPP_C_BROKEN] = {"broken", "", COUNTER_TOTAL},
	[RTPP_C_NOTIFY_REFUSED] = {"notify_refused", "", COUNTER_TOTAL},
	[RTPP_C_PROMPTS] = {"prompts", "", COUNTER_TOTAL},
	[RTPP_C_PROMPT_STOPS] = {"prompt_stops", "", COUNTER_TOTAL},
	[RTPP_C_RECORDINGS] = {"recordings", "", COUNTER_TOTAL},
	[RTPP_C_SET_CHANGES] = {"set_changes", "", COUNTER_TOTAL},
	[RTPP_C_RELOADS] = {"reloads", "", COUNTER_TOTAL},
	[RTPP_C_RELOAD_FAILURES] = {"reload_failures", "", COUNTER_TOTAL},
	[RTPP_C_STORE_FAILURES] = {"store_failures", "", COUNTER_TOTAL},
	{0},
};
/* clang-format on */

/** The values of rtpproxy_sock, NULL at the end, as a new snapshot; every relay well, with these features. */
static inline void rtpp_test_post(
	struct rtpp_board *board, const char *const *values, unsigned features)
{
	struct rtpp_sets sets = {0};
	struct rtpp_generation *g;
	struct rtpp_state *states;

	for (; *values; values++)
		assert_null(rtpp_sets_add(&sets, *values));
	g = rtpp_generation_new(&sets);
	assert_non_null(g);
	states = calloc(g->sets.relay_count + 1, sizeof(*states));
	assert_non_null(states);
	for (unsigned i = 0; i < g->sets.relay_count; i++)
		states[i].features = features;
	assert_int_equal(rtpp_board_post(board, g, states), 0);
	free(states);
	rtpp_generation_drop(&g);
}
