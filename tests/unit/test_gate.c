#include "core/host/gate.h"
#include "tests/unit/ph_test.h"

#define THREADS 4

struct walker {
	struct gate *gate;
	pthread_t thread;
	const char *fail_at_2;
	unsigned steps;
};

static void *walk(void *arg)
{
	struct walker *w = arg;

	for (unsigned step = 1; step <= 3; step++) {
		if (!gate_pass(w->gate, step, step == 2 ? w->fail_at_2 : NULL))
			return NULL;
		w->steps = step;
	}
	return NULL;
}

static void start(struct walker *w, struct gate *g, const char *fail_at_2)
{
	for (unsigned i = 0; i < THREADS; i++) {
		w[i] = (struct walker){.gate = g, .fail_at_2 = i == 1 ? fail_at_2 : NULL};
		assert_int_equal(pthread_create(&w[i].thread, NULL, walk, &w[i]), 0);
	}
}

static void finish(struct walker *w)
{
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
}

static void nobody_begins_a_step_before_all_have_done_the_last(void **state)
{
	struct walker w[THREADS];
	struct gate g;

	(void)state;
	gate_init(&g, THREADS);
	start(w, &g, NULL);
	for (unsigned step = 1; step <= 3; step++) {
		assert_true(gate_wait(&g, 5000));
		assert_int_equal(g.open, step - 1);
		gate_open(&g);
	}
	finish(w);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(w[i].steps, 3);
	gate_destroy(&g);
}

static void a_failure_is_told_and_stops_all(void **state)
{
	struct walker w[THREADS];
	struct gate g;

	(void)state;
	gate_init(&g, THREADS);
	start(w, &g, "no socket");
	assert_true(gate_wait(&g, 5000));
	gate_open(&g);
	assert_false(gate_wait(&g, 5000));
	assert_string_equal(g.why, "no socket");
	gate_abort(&g);
	finish(w);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(w[i].steps, 1);
	gate_destroy(&g);
}

static void a_thread_that_is_late_is_noticed(void **state)
{
	struct gate g;

	(void)state;
	gate_init(&g, 1);
	assert_false(gate_wait(&g, 20));
	assert_non_null(strstr(g.why, "did not start in 20 ms"));
	gate_destroy(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_begins_a_step_before_all_have_done_the_last),
		cmocka_unit_test(a_failure_is_told_and_stops_all),
		cmocka_unit_test(a_thread_that_is_late_is_noticed),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
