/* The memory backend from many threads: nothing is lost, and all agree on the result. */
#include "tests/unit/store_test.h"

#include <pthread.h>

enum { THREADS = 4, AORS = 32, ROUNDS = 400 };

struct writer {
	struct store_test *t;
	unsigned index;
	unsigned failed;
};

/* Each thread keeps a binding of its own in every AOR. */
static void *write_and_read(void *arg)
{
	struct writer *w = arg;
	struct store_handle *h = NULL;
	struct loop *loop = NULL;
	struct arena *arena = arena_new(16384, 1 << 20);
	char uri[48], id[17], aor[16];

	if (arena == NULL || loop_new(&loop) != 0 ||
		store_open(&h, w->t->store, loop, NULL, 0) != 0) {
		w->failed++;
		return NULL;
	}
	(void)snprintf(uri, sizeof(uri), "sip:x@10.0.0.%u", w->index + 1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct store_contacts out = {.arena = arena};
		struct store_contact c = store_test_contact(w->t, id, uri, 60);
		struct store_update upd = store_test_register(w->t, uri, i + 1, &c, 1);

		(void)snprintf(aor, sizeof(aor), "user%u", i % AORS);
		upd.aor = slice_str(aor);
		upd.call_id = slice_str(uri);
		c.call_id = upd.call_id;
		c.cseq = i + 1;
		if (store_contacts_update(h, &upd, &out, NULL, NULL) != 0 ||
			out.count == 0 ||
			store_contacts_get(h, upd.aor, w->t->now, &out, NULL, NULL) !=
				0 ||
			out.count == 0)
			w->failed++;
		arena_reset(arena);
	}
	store_close(&h);
	loop_destroy(&loop);
	arena_put(arena);
	return NULL;
}

static void bindings_of_all_threads_are_there_at_the_end(void **state)
{
	static struct store_test t;
	char url[] = "", prefix[] = "";
	struct store_conf conf = store_test_conf("memory", url, prefix);
	struct writer writers[THREADS];
	pthread_t threads[THREADS];
	struct store_contacts got = {0};

	(void)state;
	store_test_open(&t, &conf);
	for (unsigned i = 0; i < THREADS; i++) {
		writers[i] = (struct writer){.t = &t, .index = i};
		assert_int_equal(
			pthread_create(&threads[i], NULL, write_and_read, &writers[i]),
			0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(writers[i].failed, 0);
	}
	for (unsigned i = 0; i < AORS; i++) {
		char aor[16];

		(void)snprintf(aor, sizeof(aor), "user%u", i);
		assert_int_equal(store_test_get(&t, aor, &got), 0);
		assert_int_equal(got.count, THREADS);
	}
	store_test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bindings_of_all_threads_are_there_at_the_end),
	};
	return cmocka_run_group_tests_name("store_threads", tests, NULL, NULL);
}
