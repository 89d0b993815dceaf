/**
 * @file store_test.h  A store of one backend for tests, and waiting for its answers.
 */
#pragma once

#include "tests/unit/redis_server.h"

#include "core/base/counter.h"
#include "core/base/loop.h"
#include "storage/store.h"

#define STORE_TEST_WAIT_MS 10000

/** One completion. */
struct store_answer {
	unsigned times;
	int err;
};

static inline void store_test_done(void *arg, int err)
{
	struct store_answer *a = arg;

	a->times++;
	a->err = err;
}

struct store_test {
	struct loop *loop;
	struct store *store;
	struct store_handle *h;
	struct counter_array *counters;
	unsigned first;
	struct arena *arena;
	int64_t now;
};

static inline void store_test_open(struct store_test *t, const struct store_conf *conf)
{
	char why[256] = "";

	*t = (struct store_test){.now = clock_wall()};
	counter_reset_all();
	assert_int_equal(counter_register(store_counters, &t->first), 0);
	assert_int_equal(counter_array_new(&t->counters), 0);
	assert_int_equal(loop_new(&t->loop), 0);
	if (store_new(&t->store, conf, "edge1", why) != 0)
		fail_msg("%s", why);
	assert_int_equal(store_open(&t->h, t->store, t->loop, t->counters, t->first), 0);
	t->arena = arena_new(65536, 8 << 20);
	assert_non_null(t->arena);
}

static inline void store_test_close(struct store_test *t)
{
	store_close(&t->h);
	store_destroy(&t->store);
	loop_destroy(&t->loop);
	counter_array_destroy(&t->counters);
	counter_reset_all();
	arena_put(t->arena);
}

static inline int64_t store_test_count(const char *name)
{
	int index = counter_find(name);

	assert_true(index >= 0);
	return counter_read((unsigned)index);
}

/** Turns of the loop until the store is (not) ready. */
static inline void store_test_until_ready(struct store_test *t, bool ready)
{
	uint64_t end = clock_us() + (uint64_t)STORE_TEST_WAIT_MS * 1000;

	while (store_ready(t->h) != ready) {
		if (clock_us() > end)
			fail_msg("the store is %s after %d ms",
				ready ? "not ready" : "still ready", STORE_TEST_WAIT_MS);
		loop_turn(t->loop, 20);
	}
}

/** The result of an operation that returned err: waits for its completion if it is to
 * come. */
static inline int store_test_wait(struct store_test *t, struct store_answer *a, int err)
{
	uint64_t end = clock_us() + (uint64_t)STORE_TEST_WAIT_MS * 1000;

	if (err != -EINPROGRESS) {
		assert_int_equal(a->times, 0);
		return err;
	}
	assert_int_equal(a->times, 0); /* never from inside the call */
	while (a->times == 0) {
		if (clock_us() > end)
			fail_msg("no completion within %d ms", STORE_TEST_WAIT_MS);
		loop_turn(t->loop, 20);
	}
	assert_int_equal(a->times, 1);
	return a->err;
}

static inline struct store_conf store_test_conf(
	const char *backend, char *url, char *prefix)
{
	return (struct store_conf){
		.backend = (char *)(uintptr_t)backend,
		.url = url,
		.prefix = prefix,
		.connect_timeout = 1000,
		.command_timeout = 4000, /* a busy machine is no reason to fail */
		.reconnect_max = 200,
		.max_pending = 1000,
		.max_dialogs = 1000,
	};
}

/** A contact named by its URI, expiring in seconds (negative: a removal). */
static inline struct store_contact store_test_contact(
	const struct store_test *t, char id[17], const char *uri, int64_t seconds)
{
	store_contact_id(id, slice_str(uri), SLICE(""), SLICE(""));
	return (struct store_contact){
		.id = slice_str(id),
		.uri = slice_str(uri),
		.received = SLICE("sip:203.0.113.7:40312"),
		.path = SLICE("<sip:edge.example.org;lr>"),
		.socket = SLICE("udp:198.51.100.7:5060"),
		.call_id = SLICE("call-1"),
		.cseq = 1,
		.q = 1000,
		.bflags = 64,
		.nated = true,
		.methods = SLICE("INVITE, ACK, BYE"),
		.user_agent = SLICE("phone/1.0"),
		.expires = t->now + seconds,
		.registered = t->now,
		.node = SLICE("edge1"),
	};
}

/** One REGISTER. */
static inline struct store_update store_test_register(const struct store_test *t,
	const char *call_id, uint32_t cseq, const struct store_contact *contacts,
	unsigned count)
{
	return (struct store_update){
		.aor = SLICE("alice@example.org"),
		.call_id = slice_str(call_id),
		.cseq = cseq,
		.now = t->now,
		.contacts = contacts,
		.count = count,
	};
}

static inline int store_test_update(
	struct store_test *t, const struct store_update *upd, struct store_contacts *out)
{
	struct store_answer a = {0};

	out->arena = t->arena;
	return store_test_wait(
		t, &a, store_contacts_update(t->h, upd, out, store_test_done, &a));
}

static inline int store_test_get(
	struct store_test *t, const char *aor, struct store_contacts *out)
{
	struct store_answer a = {0};

	out->arena = t->arena;
	return store_test_wait(t, &a,
		store_contacts_get(
			t->h, slice_str(aor), t->now, out, store_test_done, &a));
}
