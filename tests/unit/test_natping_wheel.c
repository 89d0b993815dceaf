/* The schedule, with a clock of the test's own: one tick is 10 ms. */
#include "plugins/natping/ping_wheel.h"
#include "tests/unit/ph_test.h"

enum { THREADS = 3, PEERS = 10000, INTERVAL = 10, PERIOD = 1000, WINDOW = 10 };

struct peer {
	struct ping_place place; /* first */
	uint64_t joined, last;   /* tick; last 0: not yet */
	unsigned count;
	bool here;
};

static struct peer peers[PEERS];
static struct ping_wheel *wheels[THREADS];
static uint64_t now;
static unsigned *per_tick;  /* pings by tick since `begin` */
static uint64_t begin, end; /* of what is recorded */
static uint64_t shortest, longest;
static unsigned pinged;

static uint32_t hash_of(size_t i)
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return (uint32_t)(x >> 32);
}

static void on_ping(void *arg, struct ping_place *place)
{
	struct peer *p = (struct peer *)place;

	(void)arg;
	assert_true(p->here);
	if (p->count > 0) {
		uint64_t gap = now - p->last;

		shortest = gap < shortest ? gap : shortest;
		longest = gap > longest ? gap : longest;
	}
	p->last = now;
	p->count++;
	pinged++;
	if (per_tick != NULL && now >= begin && now < end)
		per_tick[now - begin]++;
}

static void join(size_t i)
{
	struct peer *p = &peers[i];

	*p = (struct peer){.joined = now, .here = true};
	ping_wheel_add(wheels[i % THREADS], &p->place, hash_of(i), now);
}

static void leave(size_t i)
{
	ping_wheel_remove(wheels[i % THREADS], &peers[i].place);
	peers[i].here = false;
}

static void turn_all(void)
{
	for (unsigned t = 0; t < THREADS; t++)
		(void)ping_wheel_turn(wheels[t], now, on_ping, NULL);
}

/* Turns come each tick or every other one, as a loop has them. */
static void run_until(uint64_t tick)
{
	while (now < tick) {
		now += 1 + (now % 7 == 0 && now + 1 < tick);
		turn_all();
	}
}

static void forget_gaps(void)
{
	shortest = UINT64_MAX;
	longest = 0;
	pinged = 0;
}

static void record(uint64_t ticks)
{
	free(per_tick);
	per_tick = calloc(ticks, sizeof(*per_tick));
	assert_non_null(per_tick);
	begin = now + 1;
	end = begin + ticks;
}

/* The most pings in any 100 ms of what was recorded. */
static unsigned worst_window(void)
{
	unsigned worst = 0, sum = 0;

	for (uint64_t i = 0; i < end - begin; i++) {
		sum += per_tick[i];
		if (i >= WINDOW)
			sum -= per_tick[i - WINDOW];
		worst = sum > worst ? sum : worst;
	}
	return worst;
}

static int setup(void **state)
{
	(void)state;
	now = 1700000000ull * 100 + 37;
	memset(peers, 0, sizeof(peers));
	forget_gaps();
	begin = end = 0;
	for (unsigned t = 0; t < THREADS; t++)
		assert_int_equal(ping_wheel_new(&wheels[t], INTERVAL, now), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned t = 0; t < THREADS; t++)
		ping_wheel_destroy(&wheels[t]);
	free(per_tick);
	per_tick = NULL;
	return 0;
}

static void ten_thousand_are_pinged_once_an_interval_and_smoothly(void **state)
{
	uint64_t start = now;

	(void)state;
	for (size_t i = 0; i < PEERS; i++)
		join(i);
	run_until(start + PERIOD);
	/* The first one within an interval. */
	for (size_t i = 0; i < PEERS; i++)
		assert_int_equal(peers[i].count, 1);
	record(3 * PERIOD);
	run_until(start + 4 * PERIOD);
	for (size_t i = 0; i < PEERS; i++)
		assert_int_equal(peers[i].count, 4);
	assert_in_range(shortest, PERIOD * 95 / 100, PERIOD);
	assert_in_range(longest, PERIOD, PERIOD * 105 / 100);
	/* The mean is 100 in 100 ms. 150 is what is promised; a plain hash alone would come near it. */
	assert_in_range(worst_window(), 100, 130);
}

static void who_joins_is_pinged_within_an_interval_and_who_leaves_never_again(
	void **state)
{
	size_t next = 0;

	(void)state;
	for (unsigned step = 0; step < 50; step++) {
		for (unsigned k = 0; k < 40; k++)
			join(next++);
		run_until(now + 37);
		if (step % 3 == 2)
			for (size_t i = next - 40; i < next - 20; i++)
				leave(i);
	}
	run_until(now + PERIOD);
	for (size_t i = 0; i < next; i++) {
		uint64_t age = now - peers[i].joined;

		if (!peers[i].here)
			continue;
		assert_in_range(peers[i].count, age / PERIOD, age / PERIOD + 1);
		assert_true(peers[i].count > 0);
	}
	assert_in_range(shortest, PERIOD - 5, PERIOD);
	assert_in_range(longest, PERIOD, PERIOD + 5);
}

static void what_is_known_anew_keeps_its_turn(void **state)
{
	static struct peer again[PEERS];

	(void)state;
	for (size_t i = 0; i < 300; i++)
		join(i);
	run_until(now + PERIOD + 123);
	for (size_t i = 0; i < 300; i++) {
		again[i] = peers[i];
		ping_wheel_replace(wheels[i % THREADS], &peers[i].place, &again[i].place);
		assert_int_equal(again[i].place.phase, peers[i].place.phase);
	}
	run_until(now + 2 * PERIOD);
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(again[i].count - peers[i].count, 2);
	assert_in_range(shortest, PERIOD - 2, PERIOD);
	assert_in_range(longest, PERIOD, PERIOD + 2);
}

static void a_late_turn_leaves_nobody_out_and_makes_no_burst(void **state)
{
	static const unsigned stalls[] = {3, 10, 17, 25};
	uint64_t start = now;

	(void)state;
	for (size_t i = 0; i < PEERS; i++)
		join(i);
	run_until(start + PERIOD);
	forget_gaps();
	record(5 * PERIOD);
	for (unsigned k = 0; k < 4; k++) {
		run_until(now + 400);
		now += stalls[k];
		turn_all();
	}
	run_until(start + 6 * PERIOD);
	for (size_t i = 0; i < PEERS; i++)
		assert_int_equal(peers[i].count, 6);
	assert_in_range(shortest, PERIOD * 95 / 100, PERIOD);
	assert_in_range(longest, PERIOD, PERIOD * 105 / 100);
	assert_in_range(worst_window(), 100, 150);
}

static void after_a_long_stall_each_has_its_turn_once_and_in_order(void **state)
{
	uint64_t start = now;

	(void)state;
	for (size_t i = 0; i < 3000; i++)
		join(i);
	run_until(start + PERIOD);
	now += 600;
	run_until(start + 3 * PERIOD);
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(peers[i].count, 3);
	/* 6 s too late, then made up at 4 times the pace. */
	assert_in_range(longest, PERIOD + 550, PERIOD + 600);
	assert_in_range(shortest, 1, PERIOD - 500);
}

static void a_machine_that_slept_doubles_nobody(void **state)
{
	uint64_t start = now;

	(void)state;
	for (size_t i = 0; i < 3000; i++)
		join(i);
	run_until(start + PERIOD);
	now += 5 * PERIOD + 500;
	turn_all();
	pinged = 0;
	run_until(now + PERIOD);
	/* A whole interval's worth, and the half that was due. */
	assert_in_range(pinged, 4300, 4600);
	for (size_t i = 0; i < 3000; i++)
		assert_in_range(peers[i].count, 2, 3);
}

static void turns_that_are_always_slow_keep_the_period(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3000; i++)
		join(i);
	for (unsigned k = 0; k < 40;
		k++) { /* 50 ms each: more than the pace makes up for */
		now += 5;
		turn_all();
	}
	forget_gaps();
	for (uint64_t stop = now + 4 * PERIOD; now < stop;) {
		now += 5;
		turn_all();
	}
	assert_in_range(shortest, PERIOD * 95 / 100, PERIOD);
	assert_in_range(longest, PERIOD, PERIOD * 105 / 100);
	assert_in_range(pinged, 4 * 3000 - 100, 4 * 3000 + 100);
}

static void phases_are_those_of_the_clock_so_a_restart_hardly_moves_them(void **state)
{
	uint32_t before[200], moved;

	(void)state;
	for (size_t i = 0; i < PEERS; i++)
		join(i);
	for (size_t i = 0; i < 200; i++)
		before[i] = peers[i].place.phase;
	teardown(state);
	now += 12345;
	for (unsigned t = 0; t < THREADS; t++)
		assert_int_equal(ping_wheel_new(&wheels[t], INTERVAL, now), 0);
	for (size_t i = PEERS; i-- > 0;) /* the store gives them in another order */
		join(i);
	for (size_t i = 0; i < 200; i++) {
		moved = (peers[i].place.phase + PERIOD - before[i]) % PERIOD;
		assert_true(
			moved <= PERIOD * 4 / 100 || moved >= PERIOD - PERIOD * 4 / 100);
	}
}

static void an_interval_of_a_day_has_its_turns_too(void **state)
{
	struct ping_wheel *w;
	const uint64_t day = 86400 * 100;
	uint64_t start = now;
	unsigned steps = 0;

	(void)state;
	assert_int_equal(ping_wheel_new(&w, 86400, now), 0);
	for (size_t i = 0; i < 1000; i++) {
		peers[i] = (struct peer){.here = true};
		ping_wheel_add(w, &peers[i].place, hash_of(i), now);
	}
	/* Woken only when somebody may be due. */
	while (now < start + 2 * day) {
		now += ping_wheel_next(w, now);
		(void)ping_wheel_turn(w, now, on_ping, NULL);
		steps++;
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(peers[i].count, 2);
	assert_int_equal(shortest, day);
	assert_int_equal(longest, day);
	assert_true(steps < 2 * day / 10);
	ping_wheel_destroy(&w);
}

static void an_interval_of_a_second_has_its_turns_too(void **state)
{
	struct ping_wheel *w;

	(void)state;
	assert_int_equal(ping_wheel_new(&w, 1, now), 0);
	for (size_t i = 0; i < 1000; i++) {
		peers[i] = (struct peer){.here = true};
		ping_wheel_add(w, &peers[i].place, hash_of(i), now);
	}
	for (unsigned k = 0; k < 1000; k++) {
		now++;
		(void)ping_wheel_turn(w, now, on_ping, NULL);
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(peers[i].count, 10);
	assert_int_equal(shortest, 100);
	assert_int_equal(longest, 100);
	ping_wheel_destroy(&w);
}

/* The loop's timers may be late: a nap of a whole ring and a tick looked like a revolution missed, and left the turn out. */
static void one_phone_and_an_owner_who_wakes_up_late(void **state)
{
	struct ping_wheel *w;

	(void)state;
	assert_int_equal(ping_wheel_new(&w, 1, now), 0);
	peers[0] = (struct peer){.here = true};
	ping_wheel_add(w, &peers[0].place, hash_of(0), now);
	begin = now;
	while (now < begin + 20 * 100) {
		now += ping_wheel_next(w, now) + 3;
		(void)ping_wheel_turn(w, now, on_ping, NULL);
	}
	assert_in_range(peers[0].count, 19, 21);
	assert_in_range(shortest, 94, 100);
	assert_in_range(longest, 100, 106);
	ping_wheel_destroy(&w);
}

static void who_joins_a_sleeping_wheel_waits_for_the_turn(void **state)
{
	struct ping_wheel *w;
	uint64_t first;

	(void)state;
	assert_int_equal(ping_wheel_new(&w, INTERVAL, now), 0);
	assert_int_equal(ping_wheel_next(w, now), 0); /* nobody: no need to wake up */
	now += 3 * PERIOD + 250;
	peers[0] = (struct peer){.here = true};
	ping_wheel_add(w, &peers[0].place, hash_of(0), now);
	(void)ping_wheel_turn(w, now, on_ping, NULL);
	assert_int_equal(peers[0].count, 0);
	first = now;
	while (peers[0].count == 0) {
		assert_in_range(ping_wheel_next(w, now), 1, PING_NAP_TICKS);
		now += ping_wheel_next(w, now);
		(void)ping_wheel_turn(w, now, on_ping, NULL);
	}
	assert_in_range(now - first, 1, PERIOD);
	/* One who comes while it naps, for a tick that the hand has not passed but time has. */
	now += 60;
	peers[1] = (struct peer){.here = true};
	ping_wheel_add(w, &peers[1].place,
		(uint32_t)((((now - 30) % PERIOD) << 32) / PERIOD + 1), now);
	assert_int_equal(peers[1].place.phase, (now - 30) % PERIOD);
	(void)ping_wheel_turn(w, now, on_ping, NULL);
	assert_int_equal(peers[1].count, 0);
	ping_wheel_destroy(&w);
}

static void drop_it(void *arg, struct ping_place *p)
{
	ping_wheel_remove(arg, p);
	pinged++;
}

static void one_may_be_dropped_in_its_turn(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3000; i++)
		join(i);
	for (unsigned k = 0; k < 2 * PERIOD; k++) {
		now++;
		for (unsigned t = 0; t < THREADS; t++)
			(void)ping_wheel_turn(wheels[t], now, drop_it, wheels[t]);
	}
	assert_int_equal(pinged, 3000);
	for (unsigned t = 0; t < THREADS; t++)
		assert_int_equal(ping_wheel_next(wheels[t], now), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ten_thousand_are_pinged_once_an_interval_and_smoothly),
		TEST(who_joins_is_pinged_within_an_interval_and_who_leaves_never_again),
		TEST(what_is_known_anew_keeps_its_turn),
		TEST(a_late_turn_leaves_nobody_out_and_makes_no_burst),
		TEST(after_a_long_stall_each_has_its_turn_once_and_in_order),
		TEST(a_machine_that_slept_doubles_nobody),
		TEST(turns_that_are_always_slow_keep_the_period),
		TEST(phases_are_those_of_the_clock_so_a_restart_hardly_moves_them),
		TEST(an_interval_of_a_day_has_its_turns_too),
		TEST(an_interval_of_a_second_has_its_turns_too),
		TEST(one_phone_and_an_owner_who_wakes_up_late),
		TEST(who_joins_a_sleeping_wheel_waits_for_the_turn),
		TEST(one_may_be_dropped_in_its_turn),
	};
	return cmocka_run_group_tests_name("natping_wheel", tests, NULL, NULL);
}
