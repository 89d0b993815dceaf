#include "tests/unit/ph_test.h"

#include <pthread.h>

#include "core/base/counter.h"

static const struct counter_desc net_table[] = {
	{.name = "net_received", .help = "datagrams received", .kind = COUNTER_TOTAL},
	{.name = "net_sent", .help = "datagrams sent", .kind = COUNTER_TOTAL},
	{.name = NULL},
};
static const struct counter_desc tm_table[] = {
	{.name = "parked", .help = "parked scripts", .kind = COUNTER_GAUGE},
	{.name = NULL},
};

static int fresh(void **state)
{
	(void)state;
	counter_reset_all();
	return 0;
}

static void tables_follow_each_other(void **state)
{
	unsigned net = 77, tm = 77;

	(void)state;
	assert_int_equal(counter_register(net_table, &net), 0);
	assert_int_equal(counter_register(tm_table, &tm), 0);
	assert_int_equal(net, 0);
	assert_int_equal(tm, 2);
	assert_int_equal(counter_count(), 3);
	assert_int_equal(counter_find("net_sent"), 1);
	assert_int_equal(counter_find("parked"), 2);
	assert_int_equal(counter_find("nothing"), -ENOENT);
	assert_string_equal(counter_describe(2)->name, "parked");
	assert_string_equal(counter_describe(2)->help, "parked scripts");
	assert_int_equal(counter_describe(2)->kind, COUNTER_GAUGE);
}

static void a_refused_table_leaves_nothing_behind(void **state)
{
	const struct counter_desc clash[] = {
		{.name = "new_one"}, {.name = "net_sent"}, {.name = NULL}};
	const struct counter_desc twice[] = {
		{.name = "x"}, {.name = "x"}, {.name = NULL}};
	unsigned first = 77;

	(void)state;
	assert_int_equal(counter_register(net_table, &first), 0);
	first = 77;
	assert_int_equal(counter_register(clash, &first), -EEXIST);
	assert_int_equal(counter_register(twice, &first), -EEXIST);
	assert_int_equal(first, 77);
	assert_int_equal(counter_count(), 2);
	assert_int_equal(counter_find("new_one"), -ENOENT);
}

static void there_is_an_end_to_names(void **state)
{
	char name[16];
	const struct counter_desc one[] = {{.name = name}, {.name = NULL}};
	unsigned first, made = 0;
	int err = 0;

	(void)state;
	while (err == 0 && made < 100000) {
		snprintf(name, sizeof(name), "c%u", made);
		err = counter_register(one, &first);
		made += err == 0;
	}
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(counter_count(), made);
	/* Names are copies: this one is still what it was. */
	assert_string_equal(counter_describe(0)->name, "c0");
}

static void names_come_before_threads(void **state)
{
	struct counter_array *a;
	unsigned first;

	(void)state;
	assert_int_equal(counter_register(net_table, &first), 0);
	assert_int_equal(counter_array_new(&a), 0);
	assert_int_equal(counter_register(tm_table, &first), -EBUSY);
	counter_array_destroy(&a);
	assert_null(a);
	counter_array_destroy(&a);
	/* The sums are still in force. */
	assert_int_equal(counter_register(tm_table, &first), -EBUSY);
}

static void sums_are_over_all_arrays_also_those_gone(void **state)
{
	struct counter_array *a, *b;
	unsigned first;

	(void)state;
	assert_int_equal(counter_register(net_table, &first), 0);
	assert_int_equal(counter_array_new(&a), 0);
	assert_int_equal(counter_array_new(&b), 0);
	counter_add(a, 0, 5);
	counter_inc(b, 0);
	counter_add(b, 1, -3);
	assert_int_equal(counter_read(0), 6);
	assert_true(counter_read(1) == -3);
	counter_array_destroy(&a);
	assert_int_equal(counter_read(0), 6);
	counter_inc(b, 0);
	counter_array_destroy(&b);
	assert_int_equal(counter_read(0), 7);
	assert_int_equal(counter_array_new(&a), 0);
	counter_inc(a, 0);
	assert_int_equal(counter_read(0), 8);
	counter_reset_all();
	assert_int_equal(counter_count(), 0);
	assert_int_equal(counter_register(net_table, &first), 0);
	assert_int_equal(counter_read(0), 0);
}

#define THREADS 4
#define ROUNDS  20000

static void *count_up(void *arg)
{
	struct counter_array *a = NULL;
	int *err = arg;

	*err = counter_array_new(&a);
	for (int i = 0; *err == 0 && i < ROUNDS; i++) {
		counter_inc(a, 0);
		counter_add(a, 1, i % 2 == 0 ? 1 : -1);
	}
	if (*err == 0)
		counter_array_destroy(&a);
	return NULL;
}

static void threads_count_while_others_read(void **state)
{
	pthread_t threads[THREADS];
	int errs[THREADS];
	unsigned first;
	int64_t last = 0;

	(void)state;
	assert_int_equal(counter_register(net_table, &first), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, count_up, &errs[i]), 0);
	for (int i = 0; i < 1000; i++) {
		int64_t now = counter_read(0);

		/* A total never goes back, not even when an array is destroyed. */
		assert_true(now >= last && now <= THREADS * ROUNDS);
		last = now;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(errs[i], 0);
	}
	assert_int_equal(counter_read(0), THREADS * ROUNDS);
	assert_int_equal(counter_read(1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tables_follow_each_other, fresh),
		cmocka_unit_test_setup(a_refused_table_leaves_nothing_behind, fresh),
		cmocka_unit_test_setup(there_is_an_end_to_names, fresh),
		cmocka_unit_test_setup(names_come_before_threads, fresh),
		cmocka_unit_test_setup(sums_are_over_all_arrays_also_those_gone, fresh),
		cmocka_unit_test_setup(threads_count_while_others_read, fresh),
	};
	return cmocka_run_group_tests_name("counter", tests, NULL, fresh);
}
