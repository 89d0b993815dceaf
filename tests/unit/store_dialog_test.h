/**
 * @file store_dialog_test.h  A dialog for tests, and its operations waited for.
 */
#pragma once

#include <time.h>

#include "storage/store_dialog.h"
#include "tests/unit/store_test.h"

#define CALL "a84b4c76e66710@pc33.example.org"
#define DLG  "0011223344556677889900aa"

static inline int64_t dlg_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** A confirmed call that may last for so many ms. */
static inline struct store_dialog dlg_make(int64_t ms)
{
	return (struct store_dialog){
		.call_id = SLICE(CALL),
		.id = SLICE(DLG),
		.state = STORE_DIALOG_CONFIRMED,
		.caller = {.tag = SLICE("9fxced76sl"),
			.uri = SLICE("\"Alice\" <sip:alice@example.org>"),
			.target = SLICE("sip:alice@203.0.113.4:40312"),
			.routes =
				SLICE("<sip:p1.example.org;lr>, <sip:p2.example.org;lr>"),
			.socket = SLICE("udp:198.51.100.7:5060"),
			.flow = SLICE("udp:203.0.113.4:40312"),
			.cseq = 2},
		.callee = {.tag = SLICE("8321234356"),
			.uri = SLICE("<sip:bob@example.org>"),
			.target = SLICE("sip:bob@192.0.2.4"),
			.socket = SLICE("tcp:198.51.100.7:5060"),
			.flow = SLICE("tcp:192.0.2.4:5060"),
			.cseq = 4294967295},
		.node = SLICE("edge1"),
		.set = SLICE("1"),
		.relay = SLICE("udp:127.0.0.1:22222"),
		.notify = SLICE("tcp:127.0.0.1:9999"),
		.started = 1700000000,
		.deadline_ms = dlg_now() + ms,
	};
}

static inline int dlg_put(struct store_test *t, const struct store_dialog *d)
{
	struct store_answer a = {0};

	return store_test_wait(t, &a, store_dialog_put(t->h, d, store_test_done, &a));
}

static inline int dlg_get(struct store_test *t, const char *call_id, const char *id,
	struct store_dialogs *out)
{
	struct slice ids[] = {slice_str(id)};
	struct store_answer a = {0};

	*out = (struct store_dialogs){.arena = t->arena};
	return store_test_wait(t, &a,
		store_dialogs_get(
			t->h, slice_str(call_id), ids, 1, out, store_test_done, &a));
}

/** The dialog; fails when it is not there. */
static inline struct store_dialog dlg_read(struct store_test *t)
{
	struct store_dialogs out;

	assert_int_equal(dlg_get(t, CALL, DLG, &out), 0);
	assert_int_equal(out.count, 1);
	return out.list[0];
}

static inline int dlg_find(
	struct store_test *t, const char *id, struct store_dialogs *out)
{
	struct store_answer a = {0};

	*out = (struct store_dialogs){.arena = t->arena};
	return store_test_wait(
		t, &a, store_dialog_find(t->h, slice_str(id), out, store_test_done, &a));
}

static inline int dlg_due(struct store_test *t, int64_t until, struct store_dialogs *out)
{
	struct store_answer a = {0};

	*out = (struct store_dialogs){.arena = t->arena};
	return store_test_wait(
		t, &a, store_dialogs_due(t->h, until, out, store_test_done, &a));
}

/** How many are due by then; all of the call DLG. */
static inline unsigned dlg_due_count(struct store_test *t, int64_t until)
{
	struct store_dialogs out;

	assert_int_equal(dlg_due(t, until, &out), 0);
	return out.count;
}

static inline int dlg_expire(
	struct store_test *t, const char *id, int64_t at, const char *reason)
{
	struct store_answer a = {0};

	return store_test_wait(t, &a,
		store_dialog_expire(
			t->h, slice_str(id), at, slice_str(reason), store_test_done, &a));
}

static inline int dlg_claim(
	struct store_test *t, uint64_t fence, const char *me, int64_t retry)
{
	struct store_answer a = {0};

	return store_test_wait(t, &a,
		store_dialog_claim(t->h, SLICE(CALL), SLICE(DLG), fence, slice_str(me),
			retry, store_test_done, &a));
}

static inline int dlg_end(struct store_test *t, const char *reason)
{
	struct store_answer a = {0};

	return store_test_wait(t, &a,
		store_dialog_end(t->h, SLICE(CALL), SLICE(DLG), slice_str(reason),
			store_test_done, &a));
}
