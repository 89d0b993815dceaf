/* Dialogs in Redis: what redis-cli shows, what readers mend, what people and races may spoil. */
#include "tests/unit/redis_dialog_test.h"

static void redis_cli_shows_a_dialog(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);
	char want[64];
	const char *got;

	d.fence = 4;
	d.reason = SLICE("maximum duration");
	assert_int_equal(dlg_put(&r->t, &d), 0);
	got = cli(r, "HGETALL " KEY);
	assert_non_null(strstr(got, "state\nconfirmed\n"));
	assert_non_null(strstr(got, "node\nedge1\n"));
	assert_non_null(strstr(got, "set\n1\n"));
	assert_non_null(strstr(got, "relay\nudp:127.0.0.1:22222\n"));
	assert_non_null(strstr(got, "notify\ntcp:127.0.0.1:9999\n"));
	assert_non_null(strstr(got, "started\n1700000000\n"));
	assert_non_null(strstr(got, "fence\n4\n"));
	assert_non_null(strstr(got, "reason\nmaximum duration\n"));
	assert_non_null(strstr(got, "caller_tag\n9fxced76sl\n"));
	assert_non_null(strstr(got, "caller_uri\n\"Alice\" <sip:alice@example.org>\n"));
	assert_non_null(strstr(got, "caller_target\nsip:alice@203.0.113.4:40312\n"));
	assert_non_null(strstr(got, "caller_flow\nudp:203.0.113.4:40312\n"));
	assert_non_null(strstr(got, "callee_socket\ntcp:198.51.100.7:5060\n"));
	assert_non_null(strstr(got, "callee_cseq\n4294967295\n"));
	(void)snprintf(want, sizeof(want), "deadline\n%lld\n", (long long)d.deadline_ms);
	assert_non_null(strstr(got, want));
	cli_says(r, "GET " ID, CALL "\n");
	(void)snprintf(want, sizeof(want), DLG "\n%lld\n", (long long)d.deadline_ms);
	cli_says(r, "ZRANGE " ZSET " 0 -1 WITHSCORES", want);
	cli_says(r, "DBSIZE", "3\n");
}

static void a_call_id_is_escaped_in_the_key(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);

	d.call_id = SLICE("{a b}%@[::1]");
	assert_int_equal(dlg_put(&r->t, &d), 0);
	cli_says(r, "EXISTS 'pinhole:dialog:{%7Ba%20b%7D%25@[::1]}:" DLG "'", "1\n");
	cli_says(r, "GET " ID, "{a b}%@[::1]\n");
}

static void records_live_a_while_past_their_deadline(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);
	const int64_t keep = STORE_DIALOG_KEEP_S * 1000;

	assert_int_equal(dlg_put(&r->t, &d), 0);
	assert_in_range(cli_number(r, "PTTL " KEY), HOUR, HOUR + keep);
	assert_in_range(cli_number(r, "PTTL " ID), HOUR, HOUR + keep);
	/* All nodes may lose Redis after this, for longer than keep. */
	assert_int_equal(dlg_expire(&r->t, DLG, dlg_now(), "media timeout"), 0);
	assert_in_range(cli_number(r, "PTTL " KEY), HOUR - 20000, HOUR + keep);
	assert_int_equal(dlg_claim(&r->t, 0, "edge1", dlg_now() + 30000), 0);
	settle(r);
	assert_in_range(cli_number(r, "PTTL " KEY), 60000, 30000 + keep);
	assert_in_range(cli_number(r, "PTTL " ID), 60000, 30000 + keep);
	assert_int_equal(dlg_end(&r->t, "media timeout"), 0);
	settle(r);
	assert_in_range(cli_number(r, "PTTL " KEY), keep - 20000, keep);
	assert_in_range(cli_number(r, "PTTL " ID), keep - 20000, keep);
	cli_says(r, "ZCARD " ZSET, "0\n");
	/* A put that comes too late does not make them stay. */
	assert_int_equal(dlg_put(&r->t, &d), -EALREADY);
	settle(r);
	assert_in_range(cli_number(r, "PTTL " KEY), 1, keep);
	assert_in_range(cli_number(r, "PTTL " ID), 1, keep);
	cli_says(r, "ZCARD " ZSET, "0\n");
}

static void a_put_that_comes_after_a_further_one_leaves_the_life(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);

	assert_int_equal(dlg_put(&r->t, &d), 0);
	d.state = STORE_DIALOG_EARLY;
	d.deadline_ms = dlg_now() + 1000;
	assert_int_equal(dlg_put(&r->t, &d), 0);
	settle(r);
	assert_true(cli_number(r, "PTTL " KEY) > HOUR - 20000);
	assert_true(cli_number(r, "PTTL " ID) > HOUR - 20000);
}

static void nothing_is_left_of_a_forgotten_dialog(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);

	assert_int_equal(dlg_put(&r->t, &d), 0);
	assert_int_equal(dlg_end(&r->t, ""), 0);
	redis_test_until_cli(r, "KEYS '*'", "\n");
}

static void a_claim_of_nothing_leaves_nothing(void **state)
{
	struct redis_test *r = redis_test_connected(state);

	assert_int_equal(dlg_claim(&r->t, 0, "edge1", dlg_now() + 1000), -ENOENT);
	redis_test_until_cli(r, "KEYS '*'", "\n");
	/* The id key is there, the record has expired. */
	cli_says(r, "SET " ID " " CALL, "OK\n");
	assert_int_equal(dlg_expire(&r->t, DLG, dlg_now(), "media timeout"), -ENOENT);
	redis_test_until_cli(r, "KEYS '*'", ID "\n");
}

static void the_timers_follow_the_record(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(60000);
	int64_t retry = dlg_now() + 90000;

	d.state = STORE_DIALOG_EARLY;
	assert_int_equal(dlg_put(&r->t, &d), 0);
	until_timer_is(r, d.deadline_ms);
	d = dlg_make(HOUR);
	assert_int_equal(dlg_put(&r->t, &d), 0);
	until_timer_is(r, d.deadline_ms);
	assert_int_equal(dlg_expire(&r->t, DLG, 1700000000000, "media timeout"), 0);
	until_timer_is(r, 1700000000000);
	assert_int_equal(dlg_claim(&r->t, 0, "edge2", retry), 0);
	until_timer_is(r, retry);
	/* Refused ones leave no trace. */
	assert_int_equal(dlg_put(&r->t, &d), -EALREADY);
	settle(r);
	until_timer_is(r, retry);
	assert_int_equal(dlg_expire(&r->t, DLG, 1700000000000, "BYE"), -EALREADY);
	settle(r);
	until_timer_is(r, retry);
	assert_int_equal(dlg_claim(&r->t, 0, "edge1", retry - 80000), -EALREADY);
	settle(r);
	until_timer_is(r, retry);
}

static void a_lost_timer_is_mended_by_who_reads_the_call(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);

	assert_int_equal(dlg_put(&r->t, &d), 0);
	cli_says(r, "DEL " ZSET, "1\n");
	(void)dlg_read(&r->t);
	until_timer_is(r, d.deadline_ms);
	cli_says(r, "DEL " ID, "1\n");
	(void)dlg_read(&r->t);
	redis_test_until_cli(r, "GET " ID, CALL "\n");
	assert_in_range(cli_number(r, "PTTL " ID), HOUR - 20000,
		HOUR + STORE_DIALOG_KEEP_S * 1000);
	/* And by whoever writes. */
	cli_says(r, "DEL " ZSET " " ID, "2\n");
	assert_int_equal(dlg_put(&r->t, &d), 0);
	until_timer_is(r, d.deadline_ms);
	cli_says(r, "GET " ID, CALL "\n");
	cli_says(r, "DEL " ZSET " " ID, "2\n");
	assert_int_equal(dlg_claim(&r->t, 0, "edge1", d.deadline_ms), 0);
	until_timer_is(r, d.deadline_ms);
	redis_test_until_cli(r, "GET " ID, CALL "\n");
}

static void ids_that_name_nothing_leave_the_timers(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);
	char line[128];

	assert_int_equal(dlg_put(&r->t, &d), 0);
	/* No such id at all; an id whose record is gone; one that is no text of ours. */
	cli_says(r, "ZADD " ZSET " 1000 nobody 2000 gone 3000 '' 4000 'a b{}' -inf minus",
		"5\n");
	cli_says(r, "SET pinhole:dialog:id:gone some-call", "OK\n");
	(void)snprintf(line, sizeof(line),
		"ZADD " ZSET " 5000 $(head -c 200 /dev/zero | tr '\\0' x)");
	cli_says(r, line, "1\n");
	assert_int_equal(dlg_due_count(&r->t, dlg_now()), 0);
	redis_test_until_cli(r, "ZRANGE " ZSET " 0 -1", DLG "\n");
	assert_true(store_test_count("store_mended") >= 5);
}

static void a_stale_timer_is_corrected_and_not_believed(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);

	assert_int_equal(dlg_put(&r->t, &d), 0);
	cli_says(r, "ZADD " ZSET " 1000 " DLG, "0\n");
	assert_int_equal(dlg_due_count(&r->t, dlg_now()), 0);
	until_timer_is(r, d.deadline_ms);
}

static void an_ended_one_leaves_the_timers(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(-1000);

	assert_int_equal(dlg_put(&r->t, &d), 0);
	assert_int_equal(dlg_end(&r->t, "BYE"), 0);
	cli_says(r, "ZADD " ZSET " 1000 " DLG, "1\n");
	assert_int_equal(dlg_due_count(&r->t, dlg_now()), 0);
	redis_test_until_cli(r, "ZCARD " ZSET, "0\n");
}

static void many_dead_ids_do_not_hide_a_live_one_for_ever(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(-1000);
	uint64_t end = clock_us() + 10000000;

	assert_int_equal(dlg_put(&r->t, &d), 0);
	cli_says(r,
		"EVAL \"for i = 1, 350 do redis.call('ZADD', KEYS[1], i, 'dead' .. i) "
		"end\" 1 " ZSET,
		"\n");
	while (dlg_due_count(&r->t, dlg_now()) == 0 && clock_us() < end)
		;
	assert_int_equal(dlg_due_count(&r->t, dlg_now()), 1);
	redis_test_until_cli(r, "ZCARD " ZSET, "1\n");
}

static void spoilt_fields_do_no_harm(void **state)
{
	static const char *const spoils[] = {"state busy", "state ''", "deadline soon",
		"deadline -5", "deadline 99999999999999999999", "fence many", "fence -1",
		"started yesterday", "caller_cseq x", "callee_cseq 4294967296",
		"callee_cseq 1.5"};
	struct redis_test *r = redis_test_connected(state);
	struct store_dialogs got;
	char line[160];

	for (unsigned i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		struct store_dialog d = dlg_make(-1000);

		assert_int_equal(dlg_put(&r->t, &d), 0);
		(void)snprintf(line, sizeof(line), "HSET " KEY " %s", spoils[i]);
		cli_says(r, line, "0\n");
		assert_int_equal(dlg_get(&r->t, CALL, DLG, &got), 0);
		assert_int_equal(got.count, 0);
		assert_int_equal(dlg_find(&r->t, DLG, &got), 0);
		assert_int_equal(got.count, 0);
		assert_int_equal(dlg_due_count(&r->t, dlg_now()), 0);
		settle(r);
		/* Nobody meets it every second. */
		cli_says(r, "ZCARD " ZSET, "0\n");
		/* Who writes it again writes it whole. */
		assert_int_equal(dlg_put(&r->t, &d), 0);
		assert_int_equal(dlg_read(&r->t).state, STORE_DIALOG_CONFIRMED);
		assert_int_equal(dlg_read(&r->t).caller.cseq, 2);
		assert_int_equal(dlg_read(&r->t).deadline_ms, d.deadline_ms);
		assert_int_equal(dlg_due_count(&r->t, dlg_now()), 1);
		cli_says(r, "DEL " KEY, "1\n");
	}
	assert_true(ph_test_log_has(&r->log, "makes no sense"));
}

static void a_record_with_a_state_alone_is_none(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialogs got;

	cli_says(r, "HSET " KEY " state confirmed", "1\n");
	assert_int_equal(dlg_get(&r->t, CALL, DLG, &got), 0);
	assert_int_equal(got.count, 0);
	/* With a deadline it is one: the least that ends it. */
	cli_says(r, "HSET " KEY " deadline 1700000000000", "1\n");
	assert_int_equal(dlg_get(&r->t, CALL, DLG, &got), 0);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.list[0].fence, 0);
	assert_slice_equal(got.list[0].node, "");
	assert_int_equal(dlg_claim(&r->t, 0, "edge1", dlg_now() + 1000), 0);
	assert_int_equal(dlg_read(&r->t).fence, 1);
}

static void a_record_that_is_too_big_is_left_alone(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);
	struct store_dialogs got;

	assert_int_equal(dlg_put(&r->t, &d), 0);
	cli_says(r, "HSET " KEY " caller_routes $(head -c 100000 /dev/zero | tr '\\0' x)",
		"0\n");
	assert_int_equal(dlg_get(&r->t, CALL, DLG, &got), 0);
	assert_int_equal(got.count, 0);
}

static void keys_of_another_type_do_no_harm(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(-1000);
	struct store_dialogs got;

	/* The record is a text. */
	cli_says(r, "SET " KEY " text", "OK\n");
	cli_says(r, "SET " ID " " CALL, "OK\n");
	cli_says(r, "ZADD " ZSET " 1000 " DLG, "1\n");
	assert_int_equal(dlg_get(&r->t, CALL, DLG, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(dlg_due_count(&r->t, dlg_now()), 0);
	redis_test_until_cli(r, "ZCARD " ZSET, "0\n");
	assert_int_equal(dlg_put(&r->t, &d), -EIO);
	assert_int_equal(dlg_claim(&r->t, 0, "edge1", dlg_now()), -EIO);
	assert_int_equal(dlg_end(&r->t, "BYE"), -EIO);
	cli_says(r, "DEL " KEY, "1\n");
	/* The id is a list. */
	cli_says(r, "DEL " ID, "1\n");
	cli_says(r, "RPUSH " ID " a", "1\n");
	assert_int_equal(dlg_find(&r->t, DLG, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(dlg_expire(&r->t, DLG, dlg_now(), "media timeout"), -EIO);
	/* SET does not ask for the type. */
	assert_int_equal(dlg_put(&r->t, &d), 0);
	cli_says(r, "GET " ID, CALL "\n");
	/* The timers are a text. */
	cli_says(r, "SET " ZSET " text", "OK\n");
	assert_int_equal(dlg_put(&r->t, &d), -EIO);
	assert_int_equal(dlg_due(&r->t, dlg_now(), &got), -EIO);
	assert_true(ph_test_log_has(&r->log, "WRONGTYPE"));
}

static void scripts_that_the_server_forgot_are_sent_again(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(HOUR);

	cli_says(r, "SCRIPT FLUSH", "OK\n");
	assert_int_equal(dlg_put(&r->t, &d), 0);
	assert_int_equal(dlg_put(&r->t, &d), 0);
	cli_says(r, "SCRIPT FLUSH", "OK\n");
	assert_int_equal(dlg_expire(&r->t, DLG, dlg_now() + 1000, "media timeout"), 0);
	cli_says(r, "SCRIPT FLUSH", "OK\n");
	assert_int_equal(dlg_claim(&r->t, 0, "edge1", dlg_now() + 1000), 0);
	cli_says(r, "SCRIPT FLUSH", "OK\n");
	assert_int_equal(dlg_end(&r->t, "BYE"), 0);
	assert_int_equal(dlg_read(&r->t).state, STORE_DIALOG_ENDED);
}

/* One of each kind of operation. */
enum { KINDS = 8 };

struct batch {
	struct store_dialog d;
	struct slice ids[1];
	struct store_dialogs out[KINDS];
	struct store_answer answers[KINDS];
};

static void start_batch(struct redis_test *r, struct batch *b)
{
	struct store_handle *h = r->t.h;
	int err[KINDS];
	unsigned n = 0;

	memset(b, 0, sizeof(*b));
	b->d = dlg_make(HOUR);
	b->ids[0] = b->d.id;
	for (unsigned i = 0; i < KINDS; i++)
		b->out[i].arena = r->t.arena;
#define START(call) err[n] = call, n++
	START(store_dialog_put(h, &b->d, store_test_done, &b->answers[n]));
	START(store_dialogs_get(
		h, b->d.call_id, b->ids, 1, &b->out[n], store_test_done, &b->answers[n]));
	START(store_dialog_find(h, b->d.id, &b->out[n], store_test_done, &b->answers[n]));
	START(store_dialogs_due(
		h, dlg_now(), &b->out[n], store_test_done, &b->answers[n]));
	START(store_dialogs_scan(h, &b->out[n], store_test_done, &b->answers[n]));
	START(store_dialog_expire(h, b->d.id, dlg_now(), SLICE("media timeout"),
		store_test_done, &b->answers[n]));
	START(store_dialog_claim(h, b->d.call_id, b->d.id, 0, SLICE("edge1"),
		dlg_now() + 1000, store_test_done, &b->answers[n]));
	START(store_dialog_end(
		h, b->d.call_id, b->d.id, SLICE("BYE"), store_test_done, &b->answers[n]));
#undef START
	for (unsigned i = 0; i < KINDS; i++)
		assert_int_equal(err[i], -EINPROGRESS);
}

static void all_answered(const struct batch *b, int err)
{
	for (unsigned i = 0; i < KINDS; i++) {
		assert_int_equal(b->answers[i].times, 1);
		assert_int_equal(b->answers[i].err, err);
		assert_int_equal(b->out[i].count, 0);
	}
	assert_int_equal(store_test_count("store_pending"), 0);
}

static void each_operation_fails_once_when_redis_is_killed(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	static struct batch b;

	kill(r->server.pid, SIGSTOP);
	start_batch(r, &b);
	loop_turn(r->t.loop, 0);
	redis_server_stop(&r->server);
	store_test_until_ready(&r->t, false);
	all_answered(&b, -ENOTCONN);
	assert_int_equal(dlg_put(&r->t, &b.d), -ENOTCONN);
}

static void each_operation_meets_its_deadline_when_redis_hangs(void **state)
{
	struct redis_test *r = redis_test_connected_for(state, 300);
	static struct batch b;
	uint64_t end = clock_us() + 5000000;

	kill(r->server.pid, SIGSTOP);
	start_batch(r, &b);
	while (store_test_count("store_pending") != 0 && clock_us() < end)
		loop_turn(r->t.loop, 10);
	all_answered(&b, -ETIMEDOUT);
	kill(r->server.pid, SIGCONT);
	store_test_until_ready(&r->t, true);
	loop_turn(r->t.loop, 20);
	all_answered(&b, -ETIMEDOUT);
	assert_int_equal(dlg_end(&r->t, "BYE"), 0);
}

static void closing_cancels_each_operation_once(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	static struct batch b;

	start_batch(r, &b);
	store_close(&r->t.h);
	all_answered(&b, -ECANCELED);
	loop_turn(r->t.loop, 20);
	all_answered(&b, -ECANCELED);
}

/* In the middle: some replies have come, others have not. */
static void a_kill_between_two_steps_is_one_failure(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_dialog d = dlg_make(-1000);

	assert_int_equal(dlg_put(&r->t, &d), 0);
	for (unsigned turns = 0; turns < 6; turns++) {
		struct store_dialogs out = {.arena = r->t.arena};
		struct store_answer a = {0};

		assert_int_equal(
			store_dialogs_due(r->t.h, dlg_now(), &out, store_test_done, &a),
			-EINPROGRESS);
		for (unsigned i = 0; i < turns; i++)
			loop_turn(r->t.loop, 1);
		redis_server_stop(&r->server);
		store_test_until_ready(&r->t, false);
		assert_int_equal(a.times, 1);
		assert_true(a.err == -ENOTCONN || a.err == 0);
		redis_server_start(&r->server);
		store_test_until_ready(&r->t, true);
		assert_int_equal(dlg_put(&r->t, &d), 0);
	}
	assert_int_equal(store_test_count("store_pending"), 0);
}

static void a_restricted_user_can_do_all_this(void **state)
{
	struct redis_test *r = redis_test_of(state);
	struct store_dialog d = dlg_make(HOUR);
	struct store_conf conf;

	redis_server_start(&r->server);
	cli_says(r,
		"ACL SETUSER edge on '>pw' '~pinhole:*' '+@all' '-@dangerous' '-@admin'",
		"OK\n");
	(void)snprintf(
		r->url, sizeof(r->url), "redis://edge:pw@127.0.0.1:%u/0", r->server.port);
	conf = redis_test_conf(r);
	store_test_open(&r->t, &conf);
	store_test_until_ready(&r->t, true);
	assert_int_equal(dlg_put(&r->t, &d), 0);
	assert_int_equal(dlg_due_count(&r->t, dlg_now()), 0);
	assert_int_equal(dlg_expire(&r->t, DLG, dlg_now(), "media timeout"), 0);
	assert_int_equal(dlg_due_count(&r->t, dlg_now()), 1);
	assert_int_equal(dlg_claim(&r->t, 0, "edge1", dlg_now() + 1000), 0);
	assert_int_equal(dlg_end(&r->t, "BYE"), 0);
	assert_false(ph_test_log_has(&r->log, "NOPERM"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(redis_cli_shows_a_dialog),
		T(a_call_id_is_escaped_in_the_key),
		T(records_live_a_while_past_their_deadline),
		T(a_put_that_comes_after_a_further_one_leaves_the_life),
		T(nothing_is_left_of_a_forgotten_dialog),
		T(a_claim_of_nothing_leaves_nothing),
		T(the_timers_follow_the_record),
		T(a_lost_timer_is_mended_by_who_reads_the_call),
		T(ids_that_name_nothing_leave_the_timers),
		T(a_stale_timer_is_corrected_and_not_believed),
		T(an_ended_one_leaves_the_timers),
		T(many_dead_ids_do_not_hide_a_live_one_for_ever),
		T(spoilt_fields_do_no_harm),
		T(a_record_with_a_state_alone_is_none),
		T(a_record_that_is_too_big_is_left_alone),
		T(keys_of_another_type_do_no_harm),
		T(scripts_that_the_server_forgot_are_sent_again),
		T(each_operation_fails_once_when_redis_is_killed),
		T(each_operation_meets_its_deadline_when_redis_hangs),
		T(closing_cancels_each_operation_once),
		T(a_kill_between_two_steps_is_one_failure),
		T(a_restricted_user_can_do_all_this),
	};
	return cmocka_run_group_tests_name("store_redis_dialog", tests, NULL, NULL);
}
