#include "plugins/rtpp/rtpp_board.h"

#include <pthread.h>

#include "core/base/loop.h"
#include "plugins/rtpp/rtpp_roster.h"
#include "tests/unit/rtpp_test.h"

#define READERS 3
#define POSTS   2000

struct world {
	struct rtpp_board *board;
	struct rtpp_roster *roster;
	struct ph_test_log log;
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	assert_int_equal(rtpp_board_new(&w->board), 0);
	assert_int_equal(
		rtpp_roster_new(&w->roster, w->board, log_source_get("rtpp")), 0);
	ph_test_log_start(&w->log);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ph_test_log_stop();
	rtpp_roster_destroy(&w->roster);
	rtpp_board_destroy(&w->board);
	free(w);
	return 0;
}

static void post(struct world *w, const char *value, unsigned features)
{
	const char *const values[] = {value, NULL};

	rtpp_test_post(w->board, values, features);
}

static void before_the_first_post_there_are_no_sets(void **state)
{
	struct world *w = *state;

	assert_int_equal(rtpp_board_number(w->board), 0);
	assert_null(rtpp_board_take(w->board));
	assert_int_equal(rtpp_roster_view(w->roster)->sets->set_count, 0);
}

static void a_view_is_kept_by_who_holds_it(void **state)
{
	struct world *w = *state;
	struct rtpp_view *old, *now;

	post(w, "udp:192.0.2.1 udp:192.0.2.2", 1);
	old = rtpp_view_hold(rtpp_roster_view(w->roster));
	assert_ptr_equal(rtpp_roster_view(w->roster), old);
	post(w, "7 == udp:192.0.2.2", 3);
	now = rtpp_roster_view(w->roster);
	assert_ptr_not_equal(now, old);
	assert_int_equal(old->sets->relay_count, 2);
	assert_int_equal(now->sets->relay_count, 1);
	assert_int_equal(now->sets->sets[0].id, 7);
	/* A relay that stays is the same one, whichever view names it. */
	assert_ptr_equal(old->peers[1], now->peers[0]);
	assert_int_equal(now->peers[0]->features, 3);
	/* One that is in no set any more is still there for its calls. */
	assert_false(old->peers[0]->member);
	assert_ptr_equal(
		rtpp_roster_peer(w->roster, SLICE("udp:192.0.2.1")), old->peers[0]);
	rtpp_view_drop(&old);
	assert_null(old);
}

static void what_a_thread_found_out_holds_against_older_news(void **state)
{
	struct world *w = *state;
	struct rtpp_sets sets = {0};
	struct rtpp_generation *g;
	struct rtpp_state s = {.at_us = clock_us()};
	struct rtpp_peer *p;

	assert_null(rtpp_sets_add(&sets, "udp:192.0.2.1"));
	g = rtpp_generation_new(&sets);
	assert_int_equal(rtpp_board_post(w->board, g, &s), 0);
	p = rtpp_roster_view(w->roster)->peers[0];
	assert_true(rtpp_view_usable(rtpp_roster_view(w->roster), 0));
	p->down = true; /* silence */
	p->down_us = s.at_us + 5;
	s.features = 1; /* the news of something else */
	assert_int_equal(rtpp_board_post(w->board, g, &s), 0);
	assert_false(rtpp_view_usable(rtpp_roster_view(w->roster), 0));
	assert_int_equal(p->features, 1);
	s.at_us += 10; /* it has answered a probe since */
	assert_int_equal(rtpp_board_post(w->board, g, &s), 0);
	assert_true(rtpp_view_usable(rtpp_roster_view(w->roster), 0));
	s.disabled = true;
	assert_int_equal(rtpp_board_post(w->board, g, &s), 0);
	assert_false(rtpp_view_usable(rtpp_roster_view(w->roster), 0));
	assert_false(p->down);
	rtpp_generation_drop(&g);
}

static void relays_of_no_set_are_known_by_their_address(void **state)
{
	struct world *w = *state;
	struct rtpp_peer *p = rtpp_roster_peer(w->roster, SLICE("tcp:192.0.2.9:5"));

	assert_non_null(p);
	assert_false(p->member);
	assert_ptr_equal(rtpp_roster_peer(w->roster, SLICE("tcp:192.0.2.9:5")), p);
	assert_null(rtpp_roster_peer(w->roster, SLICE("udp:some.name")));
	assert_null(rtpp_roster_peer(w->roster, SLICE("rubbish")));
	assert_true(ph_test_log_has(&w->log, "udp:some.name"));
}

static void a_thread_knows_so_many_relays_and_no_more(void **state)
{
	struct world *w = *state;
	char url[64];

	for (unsigned i = 0; i < RTPP_MAX_PEERS; i++) {
		(void)snprintf(url, sizeof(url), "udp:10.0.%u.%u", i / 256, i % 256);
		assert_non_null(rtpp_roster_peer(w->roster, slice_str(url)));
	}
	assert_null(rtpp_roster_peer(w->roster, SLICE("udp:192.0.2.1")));
	assert_non_null(rtpp_roster_peer(w->roster, SLICE("udp:10.0.0.0")));
	post(w, "udp:192.0.2.1", 0); /* no room for it: the last view stays */
	assert_int_equal(rtpp_roster_view(w->roster)->sets->set_count, 0);
}

struct reader {
	pthread_t thread;
	struct rtpp_board *board;
	unsigned seen;
	bool torn;
};

static void *read_all(void *arg)
{
	struct reader *r = arg;
	struct rtpp_roster *roster;
	uint64_t last = 0;

	if (rtpp_roster_new(&roster, r->board, log_source_get("rtpp")) != 0)
		return NULL;
	while (last < POSTS) {
		struct rtpp_view *v = rtpp_roster_view(roster);
		uint64_t number = v->snapshot ? v->snapshot->number : 0;

		if (number == last)
			continue;
		/* Odd ones have one relay, even ones two, and their features say so. */
		r->torn |= v->sets->relay_count != (number % 2 ? 1 : 2) ||
			v->peers[0]->features != number;
		r->seen++;
		last = number;
	}
	rtpp_roster_destroy(&roster);
	return NULL;
}

static void threads_read_whole_snapshots(void **state)
{
	struct world *w = *state;
	struct reader readers[READERS] = {
		{.board = w->board}, {.board = w->board}, {.board = w->board}};

	for (unsigned i = 0; i < READERS; i++)
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, read_all, &readers[i]),
			0);
	for (unsigned i = 1; i <= POSTS; i++)
		post(w, i % 2 ? "udp:192.0.2.1" : "udp:192.0.2.1 udp:192.0.2.2", i);
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
		assert_false(readers[i].torn);
		assert_true(readers[i].seen > 0);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(before_the_first_post_there_are_no_sets),
		T(a_view_is_kept_by_who_holds_it),
		T(what_a_thread_found_out_holds_against_older_news),
		T(relays_of_no_set_are_known_by_their_address),
		T(a_thread_knows_so_many_relays_and_no_more),
		T(threads_read_whole_snapshots),
	};
	return cmocka_run_group_tests_name("rtpp_board", tests, NULL, NULL);
}
