/* Who is alive, as any thread may ask without waiting. */
#include <pthread.h>

#include "core/host/nodes_table.h"
#include "tests/unit/ph_test.h"

#define SECOND UINT64_C(1000000)
#define SOCKET SLICE("udp:198.51.100.7:5060")

static struct nodes_table *table_new(void)
{
	struct nodes_table *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	return t;
}

static unsigned count(struct nodes_table *t)
{
	unsigned n = 0;

	for (struct nodes_entry *e = NULL; (e = nodes_table_next(t, e)) != NULL;)
		n++;
	return n;
}

static void who_is_not_known_counts_as_alive(void **state)
{
	struct nodes_table *t = table_new();
	struct nodes_entry *e = nodes_table_find(t, NODES_SOCKET, SOCKET);

	(void)state;
	assert_non_null(e);
	assert_true(nodes_entry_alive(e, SECOND));
	assert_true(nodes_entry_alive(NULL, SECOND));
	assert_slice_equal(nodes_entry_name(e), "udp:198.51.100.7:5060");
	free(t);
}

static void a_name_has_one_entry_of_each_kind(void **state)
{
	struct nodes_table *t = table_new();
	struct nodes_entry *e = nodes_table_find(t, NODES_SOCKET, SOCKET);

	(void)state;
	assert_ptr_equal(nodes_table_find(t, NODES_SOCKET, SOCKET), e);
	assert_ptr_not_equal(nodes_table_find(t, NODES_NODE, SOCKET), e);
	assert_int_equal(count(t), 2);
	free(t);
}

static void the_store_says_who_is_dead(void **state)
{
	struct nodes_table *t = table_new();
	struct nodes_entry *e = nodes_table_find(t, NODES_SOCKET, SOCKET);

	(void)state;
	assert_true(nodes_entry_alive(e, SECOND));
	assert_int_equal(nodes_entry_set(e, NODES_DEAD), NODES_UNKNOWN);
	assert_false(nodes_entry_alive(e, SECOND));
	assert_int_equal(nodes_entry_set(e, NODES_ALIVE), NODES_DEAD);
	assert_true(nodes_entry_alive(e, SECOND));
	free(t);
}

static void who_was_silent_is_left_alone_for_a_while(void **state)
{
	struct nodes_table *t = table_new();
	struct nodes_entry *e = nodes_table_find(t, NODES_SOCKET, SOCKET);

	(void)state;
	nodes_entry_set(e, NODES_ALIVE);
	assert_true(nodes_entry_silent(e, 10 * SECOND, 15 * SECOND));
	assert_false(nodes_entry_silent(e, 11 * SECOND, 16 * SECOND));
	nodes_entry_set(e, NODES_ALIVE); /* its heartbeat has not run out yet */
	assert_false(nodes_entry_alive(e, 11 * SECOND));
	assert_true(nodes_entry_alive(e, 16 * SECOND));
	free(t);
}

static void who_has_come_back_is_asked_again_at_once(void **state)
{
	struct nodes_table *t = table_new();
	struct nodes_entry *e = nodes_table_find(t, NODES_SOCKET, SOCKET);

	(void)state;
	nodes_entry_silent(e, 10 * SECOND, 15 * SECOND);
	nodes_entry_set(e, NODES_DEAD);
	nodes_entry_set(e, NODES_ALIVE);
	assert_true(nodes_entry_alive(e, 11 * SECOND));
	free(t);
}

static void only_who_is_asked_for_is_looked_after(void **state)
{
	struct nodes_table *t = table_new();
	struct nodes_entry *e = nodes_table_find(t, NODES_SOCKET, SOCKET);

	(void)state;
	assert_false(nodes_entry_wanted(e, SECOND));
	nodes_entry_alive(e, 2 * SECOND);
	assert_true(nodes_entry_wanted(e, SECOND)); /* asked while the round began */
	assert_true(nodes_entry_wanted(e, 2 * SECOND + NODES_ASKED_US));
	assert_false(nodes_entry_wanted(e, 3 * SECOND + NODES_ASKED_US));
	free(t);
}

static void what_is_known_of_a_listener_is_good_while_it_is_looked_after(void **state)
{
	struct nodes_table *t = table_new();
	struct nodes_entry *e = nodes_table_find(t, NODES_SOCKET, SOCKET);
	struct nodes_entry *node = nodes_table_find(t, NODES_NODE, SLICE("edge1"));
	uint64_t later = 11 * SECOND + NODES_ASKED_US;

	(void)state;
	nodes_entry_alive(e, 10 * SECOND);
	nodes_entry_set(e, NODES_DEAD);
	assert_false(nodes_entry_alive(e, 10 * SECOND));
	assert_true(nodes_entry_alive(e, later));
	/* heartbeats are always looked after */
	nodes_entry_alive(node, 10 * SECOND);
	nodes_entry_set(node, NODES_DEAD);
	assert_false(nodes_entry_alive(node, later));
	free(t);
}

static void a_store_that_is_away_makes_no_dead(void **state)
{
	struct nodes_table *t = table_new();
	struct nodes_entry *e = nodes_table_find(t, NODES_SOCKET, SOCKET);

	(void)state;
	nodes_entry_alive(e, SECOND);
	nodes_entry_set(e, NODES_DEAD);
	nodes_entry_doubt(e);
	assert_true(nodes_entry_alive(e, SECOND));
	nodes_entry_set(e, NODES_ALIVE);
	nodes_entry_doubt(e);
	assert_int_equal(nodes_entry_set(e, NODES_ALIVE), NODES_ALIVE);
	free(t);
}

static void a_full_table_answers_alive_and_keeps_what_it_has(void **state)
{
	struct nodes_table *t = table_new();
	struct nodes_entry *first = nodes_table_find(t, NODES_SOCKET, SOCKET);
	unsigned made = 1;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 2 * NODES_TABLE_MAX; i++) {
		snprintf(name, sizeof(name), "node%u", i);
		if (nodes_table_find(t, NODES_NODE, slice_str(name)) != NULL)
			made++;
	}
	assert_int_equal(made, NODES_TABLE_MAX);
	assert_int_equal(count(t), NODES_TABLE_MAX);
	assert_ptr_equal(nodes_table_find(t, NODES_SOCKET, SOCKET), first);
	free(t);
}

static void empty_and_endless_names_have_no_entry(void **state)
{
	struct nodes_table *t = table_new();
	char name[NODES_NAME_MAX + 1];

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_null(nodes_table_find(t, NODES_NODE, slice_make(name, sizeof(name))));
	assert_null(nodes_table_find(t, NODES_NODE, (struct slice){0}));
	assert_non_null(nodes_table_find(t, NODES_NODE, slice_make(name, NODES_NAME_MAX)));
	free(t);
}

struct asker {
	struct nodes_table *t;
	pthread_t thread;
	unsigned bad;
};

/* All threads ask for the same names, at first all of them new. */
static void *ask(void *arg)
{
	struct asker *a = arg;
	char name[32];

	for (unsigned i = 0; i < 20000; i++) {
		struct nodes_entry *e;

		snprintf(name, sizeof(name), "node%u", i % 100);
		e = nodes_table_find(a->t, NODES_NODE, slice_str(name));
		if (e != NULL && !slice_eq(nodes_entry_name(e), slice_str(name)))
			a->bad++;
		nodes_entry_alive(e, SECOND);
	}
	return NULL;
}

static void threads_that_ask_at_once_find_the_same_entry(void **state)
{
	struct nodes_table *t = table_new();
	struct asker a[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		a[i] = (struct asker){.t = t};
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask, &a[i]), 0);
	}
	for (unsigned i = 0; i < 200; i++)
		for (struct nodes_entry *e = NULL; (e = nodes_table_next(t, e)) != NULL;)
			nodes_entry_set(e, i % 2 ? NODES_ALIVE : NODES_DEAD);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(a[i].thread, NULL), 0);
		assert_int_equal(a[i].bad, 0);
	}
	assert_int_equal(count(t), 100);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_not_known_counts_as_alive),
		cmocka_unit_test(a_name_has_one_entry_of_each_kind),
		cmocka_unit_test(the_store_says_who_is_dead),
		cmocka_unit_test(who_was_silent_is_left_alone_for_a_while),
		cmocka_unit_test(who_has_come_back_is_asked_again_at_once),
		cmocka_unit_test(only_who_is_asked_for_is_looked_after),
		cmocka_unit_test(what_is_known_of_a_listener_is_good_while_it_is_looked_after),
		cmocka_unit_test(a_store_that_is_away_makes_no_dead),
		cmocka_unit_test(a_full_table_answers_alive_and_keeps_what_it_has),
		cmocka_unit_test(empty_and_endless_names_have_no_entry),
		cmocka_unit_test(threads_that_ask_at_once_find_the_same_entry),
	};
	return cmocka_run_group_tests_name("nodes_table", tests, NULL, NULL);
}
