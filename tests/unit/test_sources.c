#include "tests/unit/ph_test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/net/sources.h"

static struct sources *sources;

static int setup(void **state)
{
	(void)state;
	return sources_new(&sources);
}

static int teardown(void **state)
{
	(void)state;
	sources_destroy(&sources);
	return 0;
}

static int take(const char *ip, uint16_t port, int64_t max)
{
	const struct addr a = ph_test_addr(ip, port);
	bool tell = false;

	return sources_take(sources, &a, max, &tell);
}

static void give(const char *ip, uint16_t port)
{
	const struct addr a = ph_test_addr(ip, port);

	sources_release(sources, &a);
}

static void a_source_has_its_number_of_connections_whatever_its_ports(void **state)
{
	(void)state;
	for (uint16_t port = 1; port <= 3; port++)
		assert_int_equal(take("192.0.2.1", port, 3), 0);
	assert_int_equal(take("192.0.2.1", 4, 3), -EDQUOT);
	assert_int_equal(take("192.0.2.2", 1, 3), 0);
	give("192.0.2.1", 2);
	assert_int_equal(take("192.0.2.1", 9, 3), 0);
	assert_int_equal(take("192.0.2.1", 10, 3), -EDQUOT);
}

static void addresses_of_one_64_are_one_source(void **state)
{
	(void)state;
	assert_int_equal(take("2001:db8:0:1::1", 1, 2), 0);
	assert_int_equal(take("2001:db8:0:1:ffff::2", 1, 2), 0);
	assert_int_equal(take("2001:db8:0:1::3", 1, 2), -EDQUOT);
	assert_int_equal(take("2001:db8:0:2::1", 1, 2), 0);
	give("2001:db8:0:1::1", 1);
	assert_int_equal(take("2001:db8:0:1::3", 1, 2), 0);
}

static void zero_is_no_limit(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(take("192.0.2.1", 1, 0), 0);
	/* They are counted all the same, in case the limit is set one day. */
	assert_int_equal(take("192.0.2.1", 1, 10000), -EDQUOT);
}

static void who_has_too_many_is_told_of_once_a_minute(void **state)
{
	const struct addr a = ph_test_addr("192.0.2.1", 1), b = ph_test_addr("192.0.2.2", 1);
	bool tell = false;

	(void)state;
	assert_int_equal(sources_take(sources, &a, 1, &tell), 0);
	assert_int_equal(sources_take(sources, &b, 1, &tell), 0);
	assert_int_equal(sources_take(sources, &a, 1, &tell), -EDQUOT);
	assert_true(tell);
	assert_int_equal(sources_take(sources, &a, 1, &tell), -EDQUOT);
	assert_false(tell);
	assert_int_equal(sources_take(sources, &b, 1, &tell), -EDQUOT);
	assert_true(tell);
}

static void a_source_is_shown_as_what_is_counted(void **state)
{
	const struct addr v4 = ph_test_addr("192.0.2.1", 5060), v6 = ph_test_addr("2001:db8:1:2:3:4:5:6", 5060);
	char text[ADDR_TEXT];

	(void)state;
	assert_true(slice_eq(source_text(&v4, text), SLICE("192.0.2.1")));
	assert_true(slice_eq(source_text(&v6, text), SLICE("2001:db8:1:2::/64")));
}

#define THREADS 4
#define TURNS   20000
#define MOST    3

static atomic_int inside, most_inside;

static void *hammer(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < TURNS; i++) {
		int n;

		if (take("192.0.2.1", (uint16_t)i, MOST) != 0)
			continue;
		n = atomic_fetch_add(&inside, 1) + 1;
		if (n > atomic_load(&most_inside))
			atomic_store(&most_inside, n);
		atomic_fetch_sub(&inside, 1);
		give("192.0.2.1", (uint16_t)i);
	}
	return NULL;
}

static void the_limit_holds_over_all_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(atomic_load(&most_inside) >= 1 && atomic_load(&most_inside) <= MOST);
	/* All have been given back. */
	assert_int_equal(take("192.0.2.1", 1, 1), 0);
	assert_int_equal(take("192.0.2.1", 1, 1), -EDQUOT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_source_has_its_number_of_connections_whatever_its_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_of_one_64_are_one_source, setup, teardown),
		cmocka_unit_test_setup_teardown(zero_is_no_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(who_has_too_many_is_told_of_once_a_minute, setup, teardown),
		cmocka_unit_test_setup_teardown(a_source_is_shown_as_what_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(the_limit_holds_over_all_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
