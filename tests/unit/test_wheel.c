#include "tests/unit/ph_test.h"

#include "core/base/wheel.h"

/* Timers in any order against a plain list of them: the same ones at the same ticks. */
#define TIMERS 300

struct model {
	struct wheel wheel;
	struct timer timers[TIMERS];
	bool pending[TIMERS];
	uint64_t tick_due[TIMERS];
	uint64_t random;
};

static uint64_t draw(struct model *m)
{
	m->random = m->random * 6364136223846793005U + 1442695040888963407U;
	return m->random >> 33;
}

/* Distances of all sizes: each level is met, its edges too. */
static uint64_t draw_ticks(struct model *m)
{
	static const uint64_t edges[] = {0, 1, 63, 64, 65, 4095, 4096, 4097, 262143,
		262144, 16777215, 16777216, 16777217, 40000000};

	switch (draw(m) % 4) {
	case 0:
		return edges[draw(m) % (sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return draw(m) % 100;
	case 2:
		return draw(m) % 10000;
	default:
		return draw(m) % 1000000;
	}
}

static void model_start(struct model *m, unsigned i)
{
	struct timer *t = &m->timers[i];
	/* A time within the tick: rounded up, so it counts as the next. */
	uint64_t due = m->wheel.tick * LOOP_TICK_MS + draw_ticks(m) * LOOP_TICK_MS +
		draw(m) % LOOP_TICK_MS;

	if (m->pending[i])
		wheel_remove(&m->wheel, t);
	t->due = due;
	wheel_add(&m->wheel, t);
	m->pending[i] = true;
	m->tick_due[i] = (due + LOOP_TICK_MS - 1) / LOOP_TICK_MS;
	if (m->tick_due[i] <= m->wheel.tick)
		m->tick_due[i] = m->wheel.tick + 1;
}

static uint64_t model_first(const struct model *m)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < TIMERS; i++) {
		if (m->pending[i] && m->tick_due[i] < first)
			first = m->tick_due[i];
	}
	return first;
}

/* Go to tick now; every timer due on the way comes out, at its tick, and no other. */
static void model_advance(struct model *m, uint64_t now)
{
	struct timer *due = NULL;

	while (wheel_advance(&m->wheel, now, &due)) {
		assert_true(m->wheel.tick == model_first(m));
		while (due != NULL) {
			unsigned i = (unsigned)(due - m->timers);

			assert_true(m->pending[i]);
			assert_true(m->tick_due[i] == m->wheel.tick);
			m->pending[i] = false;
			wheel_remove(&m->wheel, due);
		}
	}
	assert_true(m->wheel.tick == now);
	assert_true(model_first(m) > now);
}

static void timers_come_out_at_their_tick(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	uint64_t next;

	(void)state;
	m->random = 2026;
	/* A start that is no multiple of anything. */
	wheel_init(&m->wheel, 123456789);
	for (int step = 0; step < 20000; step++) {
		unsigned i = (unsigned)(draw(m) % TIMERS);
		unsigned pending = 0;

		if (draw(m) % 4 > 0) {
			model_start(m, i);
		} else if (m->pending[i]) {
			wheel_remove(&m->wheel, &m->timers[i]);
			m->pending[i] = false;
		}
		for (unsigned k = 0; k < TIMERS; k++)
			pending += m->pending[k];
		assert_int_equal(m->wheel.count, pending);
		/* Never later than the first timer: else the loop would oversleep. */
		assert_true(wheel_next(&m->wheel, &next) == (pending > 0));
		if (pending > 0)
			assert_true(next <= model_first(m) && next > m->wheel.tick);
		if (draw(m) % 8 == 0)
			model_advance(m, m->wheel.tick + draw_ticks(m) / 16);
	}
	model_advance(m, m->wheel.tick + 100000000);
	assert_int_equal(m->wheel.count, 0);
	free(m);
}

static void timers_of_one_tick_come_out_in_order_of_their_start(void **state)
{
	struct wheel w;
	struct timer t[5] = {{0}}, *due = NULL;

	(void)state;
	wheel_init(&w, 1000);
	for (int i = 0; i < 5; i++) {
		t[i].due = 20000; /* tick 2000: moves down once on its way */
		wheel_add(&w, &t[i]);
	}
	assert_true(wheel_advance(&w, 2000, &due));
	for (int i = 0; i < 5; i++) {
		assert_ptr_equal(due, &t[i]);
		wheel_remove(&w, due);
	}
	assert_null(due);
	assert_false(wheel_advance(&w, 2000, &due));
}

static void a_due_timer_can_be_taken_back(void **state)
{
	struct wheel w;
	struct timer a = {.due = 10}, b = {.due = 10}, c = {.due = 10}, *due = NULL;

	(void)state;
	wheel_init(&w, 0);
	wheel_add(&w, &a);
	wheel_add(&w, &b);
	wheel_add(&w, &c);
	assert_true(wheel_advance(&w, 1, &due));
	wheel_remove(&w, &b);
	assert_false(timer_pending(&b));
	assert_ptr_equal(due, &a);
	wheel_remove(&w, &a);
	assert_ptr_equal(due, &c);
	wheel_remove(&w, &c);
	assert_null(due);
	assert_int_equal(w.count, 0);
}

static void an_empty_wheel_asks_for_nothing_and_jumps(void **state)
{
	struct wheel w;
	struct timer t = {.due = 50}, *due = NULL;
	uint64_t next = 77;

	(void)state;
	wheel_init(&w, 0);
	assert_false(wheel_next(&w, &next));
	wheel_add(&w, &t);
	wheel_remove(&w, &t);
	assert_false(wheel_next(&w, &next));
	assert_int_equal(next, 77);
	assert_false(wheel_advance(&w, (uint64_t)1 << 50, &due));
	assert_true(w.tick == (uint64_t)1 << 50);
	/* The clock does not go back; if it did, nothing would happen. */
	assert_false(wheel_advance(&w, 5, &due));
	assert_true(w.tick == (uint64_t)1 << 50);
}

static void clearing_leaves_every_timer_idle(void **state)
{
	struct wheel w;
	struct timer t[100] = {{0}};

	(void)state;
	wheel_init(&w, 7);
	for (unsigned i = 0; i < 100; i++) {
		t[i].due = (uint64_t)i * i * i * 100;
		wheel_add(&w, &t[i]);
	}
	wheel_clear(&w);
	assert_int_equal(w.count, 0);
	for (unsigned i = 0; i < 100; i++)
		assert_false(timer_pending(&t[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_come_out_at_their_tick),
		cmocka_unit_test(timers_of_one_tick_come_out_in_order_of_their_start),
		cmocka_unit_test(a_due_timer_can_be_taken_back),
		cmocka_unit_test(an_empty_wheel_asks_for_nothing_and_jumps),
		cmocka_unit_test(clearing_leaves_every_timer_idle),
	};
	return cmocka_run_group_tests_name("wheel", tests, NULL, NULL);
}
