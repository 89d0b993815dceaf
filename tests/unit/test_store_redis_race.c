/*
 * Dialogs in Redis when several write at once: the timers must not say a later time than the
 * record for longer than the writers are at work. What another connection would do between two
 * steps of an operation is done by redis-cli, at each turn of the loop in which it can fall.
 */
#include "tests/unit/redis_dialog_test.h"

enum { TURNS = 8 }; /* more than any operation here takes */

/* What store_dialog_expire() of another node writes, in its order. */
static void expire_by_hand(struct redis_test *r, int64_t at)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "ZADD " ZSET " LT %lld " DLG, (long long)at);
	(void)cli(r, line);
	(void)snprintf(line, sizeof(line),
		"HSET " KEY " deadline %lld reason 'media timeout'", (long long)at);
	cli_says(r, line, "0\n");
	(void)snprintf(line, sizeof(line), "ZADD " ZSET " LT %lld " DLG, (long long)at);
	(void)cli(r, line);
}

static void turns(struct redis_test *r, unsigned n)
{
	while (n-- > 0)
		loop_turn(r->t.loop, 2);
}

static void until_answered(struct redis_test *r, const struct store_answer *a)
{
	uint64_t end = clock_us() + 5000000;

	while (a->times == 0 && clock_us() < end)
		loop_turn(r->t.loop, 5);
	assert_int_equal(a->times, 1);
}

/* The timers say too early a time; while a reader corrects them the deadline comes forward. */
static void an_expire_while_a_stale_timer_is_corrected_is_not_lost(void **state)
{
	struct redis_test *r = redis_test_connected(state);

	for (unsigned n = 0; n < TURNS; n++) {
		struct store_dialog d = dlg_make(HOUR);
		struct store_dialogs out = {.arena = r->t.arena};
		struct store_answer a = {0};
		int64_t at = dlg_now() + 5000;

		(void)cli(r, "DEL " KEY);
		assert_int_equal(dlg_put(&r->t, &d), 0);
		settle(r);
		cli_says(r, "ZADD " ZSET " 1000 " DLG, "0\n");
		assert_int_equal(
			store_dialogs_due(r->t.h, dlg_now(), &out, store_test_done, &a),
			-EINPROGRESS);
		turns(r, n);
		expire_by_hand(r, at);
		until_answered(r, &a);
		settle(r);
		assert_int_equal(cli_number(r, "ZSCORE " ZSET " " DLG) <= at, true);
		/* Too early is corrected by the next reader. */
		assert_int_equal(dlg_due_count(&r->t, dlg_now()), 0);
		until_timer_is(r, at);
	}
}

/* The timers name what is not there; while a reader takes it out it is made. */
static void a_dialog_made_while_its_id_leaves_the_timers_is_not_lost(void **state)
{
	struct redis_test *r = redis_test_connected(state);

	for (unsigned n = 0; n < TURNS; n++) {
		struct store_dialogs out = {.arena = r->t.arena};
		struct store_answer a = {0};

		(void)cli(r, "DEL " KEY " " ID " " ZSET);
		cli_says(r, "ZADD " ZSET " 1000 " DLG, "1\n");
		if (n % 2 == 0)
			cli_says(r, "SET " ID " " CALL, "OK\n");
		assert_int_equal(
			store_dialogs_due(r->t.h, dlg_now(), &out, store_test_done, &a),
			-EINPROGRESS);
		turns(r, n / 2);
		cli_says(r, "SET " ID " " CALL, "OK\n");
		(void)cli(r, "ZADD " ZSET " LT 1000 " DLG);
		cli_says(r, "HSET " KEY " state confirmed deadline 1000", "2\n");
		until_answered(r, &a);
		settle(r);
		until_timer_is(r, 1000);
	}
}

/* A later deadline is being written; before the timers have it, it comes forward. */
static void an_expire_while_a_later_deadline_is_written_is_not_lost(void **state)
{
	struct redis_test *r = redis_test_connected(state);

	for (unsigned n = 0; n < TURNS; n++) {
		struct store_dialog d = dlg_make(60000);
		struct store_answer a = {0};
		int64_t at = dlg_now() + 5000;
		int64_t score;

		(void)cli(r, "DEL " KEY);
		assert_int_equal(dlg_put(&r->t, &d), 0);
		settle(r);
		d.deadline_ms = dlg_now() + HOUR;
		assert_int_equal(
			store_dialog_put(r->t.h, &d, store_test_done, &a), -EINPROGRESS);
		turns(r, n);
		expire_by_hand(r, at);
		until_answered(r, &a);
		settle(r);
		score = cli_number(r, "ZSCORE " ZSET " " DLG);
		assert_int_equal(score, at);
		assert_int_equal(dlg_read(&r->t).deadline_ms, at);
	}
}

/* A reader that has seen the old deadline writes it into the timers just before the script runs. */
static void a_corrected_timer_does_not_outlive_an_expire(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);
	struct store_answer a = {0};
	int64_t at = dlg_now() + 5000;
	bool between = false;
	char line[128];
	uint64_t end = clock_us() + 5000000;

	assert_int_equal(dlg_put(&r->t, &d), 0);
	settle(r);
	/* The server has lost its scripts: that makes two steps where we can get between. */
	cli_says(r, "SCRIPT FLUSH", "OK\n");
	cli_says(r, "CONFIG RESETSTAT", "OK\n");
	assert_int_equal(store_dialog_expire(r->t.h, SLICE(DLG), at,
				 SLICE("media timeout"), store_test_done, &a),
		-EINPROGRESS);
	while (a.times == 0 && clock_us() < end) {
		const char *stats = cli(r, "INFO commandstats");

		if (!between && strstr(stats, "cmdstat_evalsha:") != NULL &&
			strstr(stats, "cmdstat_eval:") == NULL) {
			between = true;
			(void)snprintf(line, sizeof(line), "ZADD " ZSET " %lld " DLG,
				(long long)d.deadline_ms);
			cli_says(r, line, "0\n");
		}
		loop_turn(r->t.loop, 1);
	}
	assert_true(between);
	assert_int_equal(a.err, 0);
	settle(r);
	until_timer_is(r, at);
}

static struct store_handle *other_handle(struct redis_test *r)
{
	struct store_handle *other = NULL;
	uint64_t end = clock_us() + 5000000;

	assert_int_equal(store_open(&other, r->t.store, r->t.loop, NULL, 0), 0);
	while (!store_ready(other) && clock_us() < end)
		loop_turn(r->t.loop, 20);
	assert_true(store_ready(other));
	return other;
}

enum { HANDLES = 4 };

/* A random write of one of some dialogs, by one of the handles. */
static int random_write(struct store_handle *h, struct slice id, struct store_dialog *d,
	struct store_answer *a, unsigned dice)
{
	int64_t at = dlg_now() + (int64_t)(dice / 16 % 7200000) - HOUR;

	d->id = id;
	d->deadline_ms = at;
	d->state = dice % 3 == 0 ? STORE_DIALOG_EARLY : STORE_DIALOG_CONFIRMED;
	switch (dice % 8) {
	case 0:
	case 1:
	case 2:
		return store_dialog_put(h, d, store_test_done, a);
	case 3:
	case 4:
		return store_dialog_expire(
			h, id, at, SLICE("media timeout"), store_test_done, a);
	case 5:
		return store_dialog_claim(h, d->call_id, id, dice / 8 % 4, SLICE("edge1"),
			at, store_test_done, a);
	case 6:
		return dice % 5 != 0
			? store_dialog_expire(h, id, at, SLICE("x"), store_test_done, a)
			: store_dialog_end(
				  h, d->call_id, id, SLICE("BYE"), store_test_done, a);
	default:
		return 0;
	}
}

/* Whatever happens at once: in the end the timers say what the records say. */
static void the_timers_agree_with_the_records_after_any_race(void **state)
{
	static const char check[] =
		"EVAL \"local bad, live = 0, 0; "
		"for i = 0, 19 do "
		"local v = redis.call('HMGET', 'pinhole:dialog:{" CALL
		"}:id' .. i, 'state', 'deadline'); "
		"local s = redis.call('ZSCORE', '" ZSET "', 'id' .. i); "
		"if v[1] and v[1] ~= 'ended' then live = live + 1; "
		"if not s or tonumber(s) ~= tonumber(v[2]) then bad = bad + 1 end "
		"elseif s then bad = bad + 1 end end; return {bad, live}\" 0";
	struct redis_test *r = redis_test_connected(state);
	struct store_handle *handles[HANDLES] = {
		r->t.h, other_handle(r), other_handle(r), other_handle(r)};
	struct store_dialog dialogs[HANDLES];
	char ids[20][8];

	for (unsigned i = 0; i < 20; i++)
		(void)snprintf(ids[i], sizeof(ids[i]), "id%u", i);
	srand(4711);
	for (unsigned round = 0; round < 300; round++) {
		struct store_answer a[HANDLES] = {0};
		struct slice id = slice_str(ids[round % 20]);
		struct store_dialogs out = {.arena = r->t.arena};
		struct store_answer due = {0};
		unsigned waiting = 0;

		for (unsigned i = 0; i < HANDLES; i++) {
			dialogs[i] = dlg_make(0);
			if (random_write(handles[i], id, &dialogs[i], &a[i],
				    (unsigned)rand()) == -EINPROGRESS)
				waiting++;
		}
		if (store_dialogs_due(handles[round % HANDLES], dlg_now() + HOUR, &out,
			    store_test_done, &due) == -EINPROGRESS)
			waiting++;
		for (uint64_t end = clock_us() + 5000000; clock_us() < end;) {
			unsigned done = due.times;

			for (unsigned i = 0; i < HANDLES; i++)
				done += a[i].times;
			if (done == waiting)
				break;
			loop_turn(r->t.loop, 5);
		}
		if (round % 50 == 49)
			arena_reset(r->t.arena);
	}
	settle(r);
	{
		/* The other handles' mending counts for none of the counters: wait for it. */
		uint64_t end = clock_us() + 5000000;

		while (strncmp(cli(r, check), "0\n", 2) != 0 && clock_us() < end)
			loop_turn(r->t.loop, 10);
	}
	assert_int_equal(strncmp(cli(r, check), "0\n", 2), 0);
	assert_string_not_equal(cli(r, check), "0\n0\n");
	for (unsigned i = 1; i < HANDLES; i++)
		store_close(&handles[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_expire_while_a_stale_timer_is_corrected_is_not_lost),
		T(a_dialog_made_while_its_id_leaves_the_timers_is_not_lost),
		T(an_expire_while_a_later_deadline_is_written_is_not_lost),
		T(a_corrected_timer_does_not_outlive_an_expire),
		T(the_timers_agree_with_the_records_after_any_race),
	};
	return cmocka_run_group_tests_name("store_redis_race", tests, NULL, NULL);
}
