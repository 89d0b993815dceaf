/* Dialogs: every test runs against each backend. */
#include "tests/unit/store_both.h"
#include "tests/unit/store_dialog_test.h"

#define HOUR INT64_C(3600000)

static void leg_equal(const struct store_leg *got, const struct store_leg *want)
{
	assert_true(slice_eq(got->tag, want->tag));
	assert_true(slice_eq(got->uri, want->uri));
	assert_true(slice_eq(got->target, want->target));
	assert_true(slice_eq(got->routes, want->routes));
	assert_true(slice_eq(got->socket, want->socket));
	assert_true(slice_eq(got->flow, want->flow));
	assert_int_equal(got->cseq, want->cseq);
}

static void dialog_equal(const struct store_dialog *got, const struct store_dialog *want)
{
	assert_true(slice_eq(got->call_id, want->call_id));
	assert_true(slice_eq(got->id, want->id));
	assert_int_equal(got->state, want->state);
	leg_equal(&got->caller, &want->caller);
	leg_equal(&got->callee, &want->callee);
	assert_true(slice_eq(got->node, want->node));
	assert_true(slice_eq(got->set, want->set));
	assert_true(slice_eq(got->relay, want->relay));
	assert_true(slice_eq(got->notify, want->notify));
	assert_true(slice_eq(got->reason, want->reason));
	assert_int_equal(got->started, want->started);
	assert_int_equal(got->deadline_ms, want->deadline_ms);
	assert_int_equal(got->fence, want->fence);
}

static void a_dialog_is_found_whole_by_call_and_by_id(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR);
	struct store_dialogs got;

	d.fence = 7;
	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_get(t, CALL, DLG, &got), 0);
	assert_int_equal(got.count, 1);
	dialog_equal(&got.list[0], &d);
	assert_int_equal(dlg_find(t, DLG, &got), 0);
	assert_int_equal(got.count, 1);
	dialog_equal(&got.list[0], &d);
}

static void what_is_not_there_is_no_error(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialogs got;

	assert_int_equal(dlg_get(t, CALL, DLG, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(dlg_find(t, DLG, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(dlg_find(t, "a b{}%\n*", &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(dlg_due(t, dlg_now() + HOUR, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(dlg_expire(t, DLG, dlg_now(), "media timeout"), -ENOENT);
	assert_int_equal(dlg_claim(t, 0, "edge1", dlg_now() + 1000), -ENOENT);
	assert_int_equal(dlg_end(t, "BYE"), 0);
	/* And nothing of all this has made one. */
	assert_int_equal(dlg_get(t, CALL, DLG, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(dlg_due_count(t, dlg_now() + 2 * HOUR), 0);
}

static void several_of_a_call_are_read_at_once(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR), e = d;
	struct slice ids[] = {SLICE("one"), SLICE("none"), SLICE("two")};
	struct store_dialogs got = {.arena = t->arena};
	struct store_answer a[2] = {0};

	d.id = ids[0];
	e.id = ids[2];
	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_put(t, &e), 0);
	assert_int_equal(store_test_wait(t, &a[0],
				 store_dialogs_get(t->h, SLICE(CALL), ids, 3, &got,
					 store_test_done, &a[0])),
		0);
	assert_int_equal(got.count, 2);
	assert_slice_equal(got.list[0].id, "one");
	assert_slice_equal(got.list[1].id, "two");
	assert_int_equal(store_test_wait(t, &a[1],
				 store_dialogs_get(t->h, SLICE(CALL), ids, 0, &got,
					 store_test_done, &a[1])),
		0);
	assert_int_equal(got.count, 0);
}

static void a_dialog_of_another_call_is_not_found(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR);
	struct store_dialogs got;

	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_get(t, "another", DLG, &got), 0);
	assert_int_equal(got.count, 0);
}

static void a_put_replaces_all_but_the_fence(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(60000), got;

	d.state = STORE_DIALOG_EARLY;
	d.fence = 3;
	d.callee = (struct store_leg){.uri = SLICE("<sip:bob@example.org>")};
	assert_int_equal(dlg_put(t, &d), 0);
	got = dlg_read(t);
	dialog_equal(&got, &d);
	d = dlg_make(HOUR);
	d.fence = 99;
	d.caller.flow = SLICE("udp:203.0.113.4:50000");
	d.notify = SLICE("");
	assert_int_equal(dlg_put(t, &d), 0);
	got = dlg_read(t);
	assert_int_equal(got.fence, 3);
	got.fence = 99;
	dialog_equal(&got, &d);
	/* Its timer has moved with it. */
	assert_int_equal(dlg_due_count(t, d.deadline_ms - 1), 0);
	assert_int_equal(dlg_due_count(t, d.deadline_ms), 1);
}

static void a_deadline_may_move_both_ways(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR);
	int64_t first = d.deadline_ms;

	assert_int_equal(dlg_put(t, &d), 0);
	d.deadline_ms = first - 1000;
	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_due_count(t, first - 1001), 0);
	assert_int_equal(dlg_due_count(t, first - 1000), 1);
	d.deadline_ms = first + 1000;
	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_due_count(t, first), 0);
	assert_int_equal(dlg_due_count(t, first + 1000), 1);
}

/* Two messages have overtaken each other: 180 comes after 200. */
static void a_state_does_not_go_back(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR), got;
	int64_t deadline = d.deadline_ms;

	assert_int_equal(dlg_put(t, &d), 0);
	d.state = STORE_DIALOG_EARLY;
	d.deadline_ms = dlg_now() + 1000;
	d.caller.cseq = 5;
	assert_int_equal(dlg_put(t, &d), 0);
	got = dlg_read(t);
	assert_int_equal(got.state, STORE_DIALOG_CONFIRMED);
	assert_int_equal(got.deadline_ms, deadline);
	assert_int_equal(got.caller.cseq, 5);
	assert_int_equal(dlg_due_count(t, deadline - 1), 0);
	assert_int_equal(dlg_due_count(t, deadline), 1);
}

static void due_ones_come_with_the_oldest_first(void **state)
{
	struct store_test *t = store_both_test(state);
	static const char *const names[] = {"c", "a", "e", "b", "d"};
	static const int offsets[] = {300, 100, 500, 200, 400};
	struct store_dialog d = dlg_make(0);
	struct store_dialogs got;
	int64_t base = dlg_now() + 10000;

	for (unsigned i = 0; i < 5; i++) {
		d.id = slice_str(names[i]);
		d.deadline_ms = base + offsets[i];
		assert_int_equal(dlg_put(t, &d), 0);
	}
	assert_int_equal(dlg_due(t, base + 400, &got), 0);
	assert_int_equal(got.count, 4);
	assert_slice_equal(got.list[0].id, "a");
	assert_slice_equal(got.list[1].id, "b");
	assert_slice_equal(got.list[2].id, "c");
	assert_slice_equal(got.list[3].id, "d");
	assert_int_equal(got.list[0].deadline_ms, base + 100);
	assert_slice_equal(got.list[0].call_id, CALL);
}

static void no_answer_holds_more_than_its_bound(void **state)
{
	struct store_test *t = store_both_test(state);
	enum { MANY = STORE_MAX_DIALOGS + 30 };
	static char ids[MANY][16];
	struct store_dialog d = dlg_make(0);
	struct store_dialogs got;
	int64_t base = dlg_now() + 10000;

	/* In an order that is not theirs. */
	for (unsigned i = 0; i < MANY; i++) {
		unsigned n = i * 37 % MANY;

		(void)snprintf(ids[n], sizeof(ids[n]), "id%03u", n);
		d.id = slice_str(ids[n]);
		d.deadline_ms = base + n;
		assert_int_equal(dlg_put(t, &d), 0);
	}
	assert_int_equal(dlg_due(t, base + MANY, &got), 0);
	assert_int_equal(got.count, STORE_MAX_DIALOGS);
	for (unsigned i = 0; i < STORE_MAX_DIALOGS; i++)
		assert_slice_equal(got.list[i].id, ids[i]);
}

static void pages_show_every_dialog_that_has_not_ended(void **state)
{
	struct store_test *t = store_both_test(state);
	enum { MANY = 333 };
	static char ids[MANY][16], calls[MANY][16];
	unsigned seen[MANY] = {0}, pages = 0;
	struct store_dialogs page = {.arena = t->arena};
	struct store_dialog d = dlg_make(HOUR);

	for (unsigned i = 0; i < MANY; i++) {
		(void)snprintf(ids[i], sizeof(ids[i]), "id%u", i);
		(void)snprintf(calls[i], sizeof(calls[i]), "call%u", i);
		d.id = slice_str(ids[i]);
		d.call_id = slice_str(calls[i]);
		assert_int_equal(dlg_put(t, &d), 0);
	}
	d = dlg_make(HOUR);
	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_end(t, "BYE"), 0);
	do {
		struct store_answer a = {0};

		assert_int_equal(
			store_test_wait(t, &a,
				store_dialogs_scan(t->h, &page, store_test_done, &a)),
			0);
		for (unsigned i = 0; i < page.count; i++) {
			unsigned n = MANY;
			char id[32];

			assert_true(page.list[i].state != STORE_DIALOG_ENDED);
			(void)snprintf(
				id, sizeof(id), "%.*s", SLICE_ARG(page.list[i].id));
			assert_int_equal(sscanf(id, "id%u", &n), 1);
			assert_true(n < MANY);
			assert_slice_equal(page.list[i].call_id, calls[n]);
			seen[n]++;
		}
		assert_true(++pages < 1000);
	} while (page.cursor != 0);
	for (unsigned i = 0; i < MANY; i++)
		assert_true(seen[i] >= 1);
}

static void expire_brings_the_deadline_forward_and_says_why(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR), got;
	int64_t at = dlg_now() - 5;

	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_due_count(t, dlg_now()), 0);
	assert_int_equal(dlg_expire(t, DLG, at, "media timeout"), 0);
	got = dlg_read(t);
	assert_int_equal(got.deadline_ms, at);
	assert_slice_equal(got.reason, "media timeout");
	assert_int_equal(got.state, STORE_DIALOG_CONFIRMED);
	assert_int_equal(dlg_due_count(t, dlg_now()), 1);
	/* Only forward: a later one changes nothing, not even the reason. */
	assert_int_equal(dlg_expire(t, DLG, at + 1000, "another"), 0);
	got = dlg_read(t);
	assert_int_equal(got.deadline_ms, at);
	assert_slice_equal(got.reason, "media timeout");
	/* A deadline long ago is as good as one just now. */
	assert_int_equal(dlg_expire(t, DLG, 0, "yesterday"), 0);
	assert_int_equal(dlg_due_count(t, dlg_now()), 1);
}

/* Who saves the call's new CSeq has not heard of the timeout. */
static void a_put_does_not_undo_an_expire(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR), got;
	int64_t at = dlg_now();

	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_expire(t, DLG, at, "media timeout"), 0);
	d.caller.cseq = 9;
	d.deadline_ms += 1000;
	assert_int_equal(dlg_put(t, &d), 0);
	got = dlg_read(t);
	assert_int_equal(got.deadline_ms, at);
	assert_slice_equal(got.reason, "media timeout");
	assert_int_equal(got.caller.cseq, 9);
	assert_int_equal(dlg_due_count(t, dlg_now()), 1);
}

static void a_claim_takes_the_dialog_once(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(-1000), got;
	int64_t retry = dlg_now() + 30000;

	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_claim(t, 0, "edge2", retry), 0);
	got = dlg_read(t);
	assert_int_equal(got.state, STORE_DIALOG_ENDING);
	assert_int_equal(got.fence, 1);
	assert_slice_equal(got.node, "edge2");
	assert_int_equal(got.deadline_ms, retry);
	assert_slice_equal(got.callee.tag, "8321234356");
	assert_int_equal(dlg_claim(t, 0, "edge1", retry), -EALREADY);
	assert_int_equal(dlg_claim(t, 0, "edge2", retry), -EALREADY);
	assert_int_equal(dlg_due_count(t, retry - 1), 0);
	/* The one that claimed has died: whoever finds it due claims again. */
	assert_int_equal(dlg_due_count(t, retry), 1);
	assert_int_equal(dlg_claim(t, 1, "edge1", retry + 5000), 0);
	assert_int_equal(dlg_read(t).fence, 2);
	assert_slice_equal(dlg_read(t).node, "edge1");
}

static void a_claim_before_the_deadline_moves_it_forward(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR);
	int64_t retry = dlg_now() + 5000;

	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_claim(t, 0, "edge1", retry), 0);
	assert_int_equal(dlg_due_count(t, retry - 1), 0);
	assert_int_equal(dlg_due_count(t, retry), 1);
}

static void an_ending_dialog_is_in_one_hand(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR), got;
	int64_t retry = dlg_now() + 30000;

	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_claim(t, 0, "edge2", retry), 0);
	assert_int_equal(dlg_put(t, &d), -EALREADY);
	assert_int_equal(dlg_expire(t, DLG, dlg_now(), "media timeout"), -EALREADY);
	got = dlg_read(t);
	assert_slice_equal(got.node, "edge2");
	assert_int_equal(got.deadline_ms, retry);
	assert_int_equal(dlg_due_count(t, retry - 1), 0);
	assert_int_equal(dlg_due_count(t, retry), 1);
	/* Whose hand it is in may write; the state stays. */
	d.node = SLICE("edge2");
	d.callee.cseq = 11;
	assert_int_equal(dlg_put(t, &d), 0);
	got = dlg_read(t);
	assert_int_equal(got.state, STORE_DIALOG_ENDING);
	assert_int_equal(got.deadline_ms, retry);
	assert_int_equal(got.callee.cseq, 11);
	assert_int_equal(got.fence, 1);
	/* And move its own next attempt. */
	d.state = STORE_DIALOG_ENDING;
	d.deadline_ms = retry + 1000;
	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_due_count(t, retry), 0);
	assert_int_equal(dlg_due_count(t, retry + 1000), 1);
}

static void an_ended_dialog_stays_ended(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR), got;

	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_end(t, "BYE"), 0);
	assert_int_equal(dlg_end(t, "again"), 0);
	assert_int_equal(dlg_put(t, &d), -EALREADY);
	assert_int_equal(dlg_claim(t, 0, "edge1", dlg_now()), -EALREADY);
	assert_int_equal(dlg_expire(t, DLG, dlg_now(), "media timeout"), -EALREADY);
	/* It can be read for a while: a late request is answered properly. */
	got = dlg_read(t);
	assert_int_equal(got.state, STORE_DIALOG_ENDED);
	assert_slice_equal(got.reason, "BYE");
	assert_slice_equal(got.caller.tag, "9fxced76sl");
	assert_int_equal(dlg_due_count(t, dlg_now() + 2 * HOUR), 0);
}

/* 407 to the first INVITE: the second has the same Call-ID and tag, so the same id. */
static void a_dialog_that_ends_without_reason_is_forgotten(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_dialog d = dlg_make(HOUR);
	struct store_dialogs got;

	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_end(t, ""), 0);
	assert_int_equal(dlg_get(t, CALL, DLG, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(dlg_find(t, DLG, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(dlg_due_count(t, dlg_now() + 2 * HOUR), 0);
	assert_int_equal(dlg_put(t, &d), 0);
	assert_int_equal(dlg_read(t).state, STORE_DIALOG_CONFIRMED);
}

static void odd_call_ids_are_kept_apart(void **state)
{
	struct store_test *t = store_both_test(state);
	static char longest[256];
	static const char *const calls[] = {"a", "{a}", "a}:x", "a%7D:x", "a b", "%", "*",
		"a\r\nSET x 1", "\303\251@[::1]", "id", longest};
	const unsigned count = sizeof(calls) / sizeof(calls[0]);
	static char ids[16][8];
	struct store_dialogs got;

	memset(longest, '{', 255);
	for (unsigned i = 0; i < count; i++) {
		struct store_dialog d = dlg_make(HOUR);

		(void)snprintf(ids[i], sizeof(ids[i]), "id%u", i);
		d.call_id = slice_str(calls[i]);
		d.id = slice_str(ids[i]);
		d.started = i;
		assert_int_equal(dlg_put(t, &d), 0);
	}
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(dlg_get(t, calls[i], ids[i], &got), 0);
		assert_int_equal(got.count, 1);
		assert_int_equal(got.list[0].started, i);
		assert_slice_equal(got.list[0].call_id, calls[i]);
		assert_int_equal(dlg_find(t, ids[i], &got), 0);
		assert_int_equal(got.count, 1);
		assert_slice_equal(got.list[0].call_id, calls[i]);
	}
	assert_int_equal(dlg_due_count(t, dlg_now() + 2 * HOUR), count);
}

static void any_byte_in_a_dialog_comes_back(void **state)
{
	struct store_test *t = store_both_test(state);
	static const char bytes[] = "%s %b \r\n*3\r\n$\0\xff\"'\\ {x}";
	struct store_dialog d = dlg_make(HOUR);

	d.callee.uri = slice_make(bytes, sizeof(bytes) - 1);
	d.id = SLICE("i d{}%\n*");
	assert_int_equal(dlg_put(t, &d), 0);
	struct store_dialogs got;
	assert_int_equal(dlg_find(t, "i d{}%\n*", &got), 0);
	assert_int_equal(got.count, 1);
	dialog_equal(&got.list[0], &d);
	assert_int_equal(dlg_due_count(t, d.deadline_ms), 1);
}

static void bad_dialogs_are_refused_at_once(void **state)
{
	struct store_test *t = store_both_test(state);
	static char big[66000];
	const struct store_dialog good = dlg_make(HOUR);
	struct store_dialog d = good;
	struct store_dialogs got = {.arena = t->arena};
	struct slice ids[STORE_MAX_DIALOGS + 1];
	struct store_answer a = {0};

	memset(big, 'x', sizeof(big));
	d.call_id = SLICE("");
	assert_int_equal(store_dialog_put(t->h, &d, store_test_done, &a), -EINVAL);
	d.call_id = slice_make(big, 1025);
	assert_int_equal(store_dialog_put(t->h, &d, store_test_done, &a), -ENAMETOOLONG);
	d = good;
	d.id = SLICE("");
	assert_int_equal(store_dialog_put(t->h, &d, store_test_done, &a), -EINVAL);
	d = good;
	d.state = STORE_DIALOG_ENDED;
	assert_int_equal(store_dialog_put(t->h, &d, store_test_done, &a), -EINVAL);
	d = good;
	d.deadline_ms = 0;
	assert_int_equal(store_dialog_put(t->h, &d, store_test_done, &a), -EINVAL);
	d = good;
	d.node = SLICE("");
	assert_int_equal(store_dialog_put(t->h, &d, store_test_done, &a), -EINVAL);
	d = good;
	d.caller.routes = slice_make(big, sizeof(big));
	assert_int_equal(store_dialog_put(t->h, &d, store_test_done, &a), -EMSGSIZE);
	for (unsigned i = 0; i <= STORE_MAX_DIALOGS; i++)
		ids[i] = SLICE("x");
	assert_int_equal(store_dialogs_get(t->h, SLICE(CALL), ids, STORE_MAX_DIALOGS + 1,
				 &got, store_test_done, &a),
		-E2BIG);
	assert_int_equal(
		store_dialog_find(t->h, slice_make(big, 129), &got, store_test_done, &a),
		-ENAMETOOLONG);
	loop_turn(t->loop, 0);
	assert_int_equal(a.times, 0);
}

/* Two answers of operations that were asked for in one breath. */
static void race(struct store_test *t, struct store_answer a[2], const int err[2])
{
	uint64_t end = clock_us() + 5000000;

	for (unsigned i = 0; i < 2; i++)
		if (err[i] != -EINPROGRESS)
			a[i] = (struct store_answer){.times = 1, .err = err[i]};
	while ((a[0].times == 0 || a[1].times == 0) && clock_us() < end)
		loop_turn(t->loop, 20);
	assert_int_equal(a[0].times, 1);
	assert_int_equal(a[1].times, 1);
}

static struct store_handle *other_handle(struct store_test *t)
{
	struct store_handle *other = NULL;
	uint64_t end = clock_us() + 5000000;

	assert_int_equal(store_open(&other, t->store, t->loop, NULL, 0), 0);
	while (!store_ready(other) && clock_us() < end)
		loop_turn(t->loop, 20);
	assert_true(store_ready(other));
	return other;
}

static void of_two_that_claim_one_fence_one_wins(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_handle *other = other_handle(t);
	struct store_dialog d = dlg_make(HOUR);

	assert_int_equal(dlg_put(t, &d), 0);
	for (unsigned fence = 0; fence < 50; fence++) {
		struct store_answer a[2] = {0};
		/* The same name: two threads of one node. */
		const int err[2] = {
			store_dialog_claim(t->h, SLICE(CALL), SLICE(DLG), fence,
				SLICE("edge1"), dlg_now() + 1000, store_test_done, &a[0]),
			store_dialog_claim(other, SLICE(CALL), SLICE(DLG), fence,
				SLICE("edge1"), dlg_now() + 1000, store_test_done, &a[1]),
		};

		race(t, a, err);
		assert_int_equal(a[0].err + a[1].err, -EALREADY);
		assert_int_equal(dlg_read(t).fence, fence + 1);
	}
	store_close(&other);
}

static void a_put_that_meets_an_end_does_not_outlive_it(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_handle *other = other_handle(t);

	for (unsigned i = 0; i < 50; i++) {
		struct store_dialog d = dlg_make(HOUR);
		struct store_answer a[2] = {0};
		char id[16];
		int err[2];
		struct store_dialogs got;

		(void)snprintf(id, sizeof(id), "id%u", i);
		d.id = slice_str(id);
		assert_int_equal(dlg_put(t, &d), 0);
		err[0] = store_dialog_put(t->h, &d, store_test_done, &a[0]);
		err[1] = store_dialog_end(
			other, SLICE(CALL), d.id, SLICE("BYE"), store_test_done, &a[1]);
		race(t, a, err);
		assert_true(a[0].err == 0 || a[0].err == -EALREADY);
		assert_int_equal(a[1].err, 0);
		assert_int_equal(dlg_get(t, CALL, id, &got), 0);
		assert_int_equal(got.count, 1);
		assert_int_equal(got.list[0].state, STORE_DIALOG_ENDED);
	}
	assert_int_equal(dlg_due_count(t, dlg_now() + 2 * HOUR), 0);
	store_close(&other);
}

static void an_expire_that_meets_a_claim_does_not_move_it(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_handle *other = other_handle(t);

	for (unsigned i = 0; i < 50; i++) {
		struct store_dialog d = dlg_make(HOUR);
		int64_t retry = dlg_now() + 30000;
		struct store_answer a[2] = {0};
		char id[16];
		int err[2];
		struct store_dialogs got;

		(void)snprintf(id, sizeof(id), "id%u", i);
		d.id = slice_str(id);
		assert_int_equal(dlg_put(t, &d), 0);
		err[0] = store_dialog_expire(t->h, d.id, dlg_now(),
			SLICE("media timeout"), store_test_done, &a[0]);
		err[1] = store_dialog_claim(other, SLICE(CALL), d.id, 0, SLICE("edge2"),
			retry, store_test_done, &a[1]);
		race(t, a, err);
		assert_true(a[0].err == 0 || a[0].err == -EALREADY);
		assert_int_equal(a[1].err, 0);
		assert_int_equal(dlg_get(t, CALL, id, &got), 0);
		assert_int_equal(got.list[0].state, STORE_DIALOG_ENDING);
		assert_int_equal(got.list[0].deadline_ms, retry);
	}
	assert_int_equal(dlg_due_count(t, dlg_now() + 20000), 0);
	assert_int_equal(dlg_due_count(t, dlg_now() + HOUR), 50);
	store_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_dialog_is_found_whole_by_call_and_by_id),
		BOTH(what_is_not_there_is_no_error),
		BOTH(several_of_a_call_are_read_at_once),
		BOTH(a_dialog_of_another_call_is_not_found),
		BOTH(a_put_replaces_all_but_the_fence),
		BOTH(a_deadline_may_move_both_ways),
		BOTH(a_state_does_not_go_back),
		BOTH(due_ones_come_with_the_oldest_first),
		BOTH(no_answer_holds_more_than_its_bound),
		BOTH(pages_show_every_dialog_that_has_not_ended),
		BOTH(expire_brings_the_deadline_forward_and_says_why),
		BOTH(a_put_does_not_undo_an_expire),
		BOTH(a_claim_takes_the_dialog_once),
		BOTH(a_claim_before_the_deadline_moves_it_forward),
		BOTH(an_ending_dialog_is_in_one_hand),
		BOTH(an_ended_dialog_stays_ended),
		BOTH(a_dialog_that_ends_without_reason_is_forgotten),
		BOTH(odd_call_ids_are_kept_apart),
		BOTH(any_byte_in_a_dialog_comes_back),
		BOTH(bad_dialogs_are_refused_at_once),
		BOTH(of_two_that_claim_one_fence_one_wins),
		BOTH(a_put_that_meets_an_end_does_not_outlive_it),
		BOTH(an_expire_that_meets_a_claim_does_not_move_it),
	};
	return cmocka_run_group_tests_name(
		"store_dialog", tests, store_both_start, store_both_stop);
}
