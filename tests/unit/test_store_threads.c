/* The memory backend from many threads: nothing is lost, and all agree on the result. */
#include "tests/unit/store_dialog_test.h"

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
	char prefix[] = "";
	struct store_conf conf = store_test_conf("memory", NULL, prefix);
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

/* Dialogs, leases, sets */

enum { FENCES = 300, DIALOGS = 8 };

struct contender {
	struct store_test *t;
	unsigned index;
	unsigned failed;
	unsigned won; /* claims */
};

/* All claim the same fences of one dialog; beside that each writes, reads and ends dialogs that
 * the others read. */
static void contend(struct contender *c, struct store_handle *h, struct arena *arena)
{
	struct store_dialogs out = {.arena = arena};
	struct slice holder;
	char me[16], id[16];

	(void)snprintf(me, sizeof(me), "edge%u", c->index);
	for (unsigned fence = 0; fence < FENCES; fence++) {
		struct store_dialog d = dlg_make((int64_t)(fence % 3) * 1000 - 1000);
		struct store_relay_weight w = {fence % 20, slice_str(me), 1};
		struct store_sets sets = {.arena = arena};
		struct store_nodes nodes = {.arena = arena};
		struct store_node n = {.name = slice_str(me), .load = fence};
		int err = store_dialog_claim(h, SLICE(CALL), SLICE(DLG), fence,
			slice_str(me), dlg_now() + 1000, NULL, NULL);

		if (err == 0)
			c->won++;
		else if (err != -EALREADY)
			c->failed++;
		(void)snprintf(id, sizeof(id), "%u", (fence + c->index) % DIALOGS);
		d.id = slice_str(id);
		err = store_dialog_put(h, &d, NULL, NULL);
		if (err != 0 && err != -EALREADY)
			c->failed++;
		err = store_dialog_expire(h, d.id, dlg_now(), SLICE("x"), NULL, NULL);
		if (err != 0 && err != -EALREADY && err != -ENOENT)
			c->failed++;
		if (store_dialogs_due(h, dlg_now(), &out, NULL, NULL) != 0 ||
			store_dialog_find(h, d.id, &out, NULL, NULL) != 0 ||
			store_dialogs_scan(h, &out, NULL, NULL) != 0)
			c->failed++;
		if (fence % 5 == 0 &&
			store_dialog_end(h, d.call_id, d.id, SLICE(""), NULL, NULL) != 0)
			c->failed++;
		if (store_lease_take(h, SLICE("x"), slice_str(me), 5, arena, &holder,
			    NULL, NULL) != 0 ||
			store_sets_seed(h, &w, 1, NULL, NULL) != 0 ||
			store_sets_get(h, &sets, NULL, NULL) != 0 ||
			store_relay_enable(h, w.url, fence % 2 == 0, NULL, NULL) != 0 ||
			store_node_beat(h, &n, 60000, NULL, NULL) != 0 ||
			store_nodes_get(h, &nodes, NULL, NULL) != 0 || nodes.count == 0 ||
			sets.count == 0)
			c->failed++;
		arena_reset(arena);
		out.cursor = 0;
		/* Nobody is more than a fence ahead: else there is no race. */
		while (store_dialogs_get(h, SLICE(CALL),
			       &(struct slice){DLG, strlen(DLG)}, 1, &out, NULL,
			       NULL) == 0 &&
			out.count == 1 && out.list[0].fence <= fence)
			arena_reset(arena);
	}
}

static void *contend_thread(void *arg)
{
	struct contender *c = arg;
	struct store_handle *h = NULL;
	struct loop *loop = NULL;
	struct arena *arena = arena_new(65536, 8 << 20);

	if (arena == NULL || loop_new(&loop) != 0 ||
		store_open(&h, c->t->store, loop, NULL, 0) != 0) {
		c->failed++;
		return NULL;
	}
	contend(c, h, arena);
	store_close(&h);
	loop_destroy(&loop);
	arena_put(arena);
	return NULL;
}

static void each_fence_is_claimed_by_one_thread(void **state)
{
	static struct store_test t;
	char prefix[] = "";
	struct store_conf conf = store_test_conf("memory", NULL, prefix);
	struct contender contenders[THREADS];
	pthread_t threads[THREADS];
	struct store_dialog d = dlg_make(1000);
	unsigned won = 0;

	(void)state;
	store_test_open(&t, &conf);
	assert_int_equal(dlg_put(&t, &d), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		contenders[i] = (struct contender){.t = &t, .index = i};
		assert_int_equal(
			pthread_create(&threads[i], NULL, contend_thread, &contenders[i]),
			0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(contenders[i].failed, 0);
		won += contenders[i].won;
	}
	assert_int_equal(won, FENCES);
	assert_int_equal(dlg_read(&t).fence, FENCES);
	store_test_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bindings_of_all_threads_are_there_at_the_end),
		cmocka_unit_test(each_fence_is_claimed_by_one_thread),
	};
	return cmocka_run_group_tests_name("store_threads", tests, NULL, NULL);
}
