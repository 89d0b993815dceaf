/**
 * @file redis_dialog_test.h  For tests of dialogs in Redis: their keys, read and written by hand.
 */
#pragma once

#include "tests/unit/redis_test.h"
#include "tests/unit/store_dialog_test.h"

#define HOUR INT64_C(3600000)
#define KEY  "'pinhole:dialog:{" CALL "}:" DLG "'"
#define ID   "pinhole:dialog:id:" DLG
#define ZSET "pinhole:dialog:timers"

static inline const char *cli(struct redis_test *r, const char *command)
{
	return redis_server_cli(&r->server, command);
}

static inline void cli_says(struct redis_test *r, const char *command, const char *want)
{
	assert_string_equal(cli(r, command), want);
}

/* Of command, whose reply is a number. */
static inline int64_t cli_number(struct redis_test *r, const char *command)
{
	return strtoll(cli(r, command), NULL, 10);
}

static inline void until_timer_is(struct redis_test *r, int64_t ms)
{
	char want[32];

	(void)snprintf(want, sizeof(want), "%lld\n", (long long)ms);
	redis_test_until_cli(r, "ZSCORE " ZSET " " DLG, want);
}

/** All that was sent without waiting is done. */
static inline void settle(struct redis_test *r)
{
	uint64_t end = clock_us() + 5000000;
	struct store_dialogs out;

	do {
		assert_int_equal(dlg_find(&r->t, "nobody", &out), 0);
		loop_turn(r->t.loop, 1);
	} while (store_test_count("store_pending") != 0 && clock_us() < end);
	assert_int_equal(dlg_find(&r->t, "nobody", &out), 0);
}
