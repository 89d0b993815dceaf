/* Records of a foreign database: a store in memory reads a Redis that it has nothing else to do
 * with. */
#include "tests/unit/store_test.h"

enum { COLUMNS = 2 };

struct rows_test {
	struct redis_server server;
	struct store_test t;
	char url[160];
	struct ph_test_log log;
};

static const struct slice columns[COLUMNS] = {
	{"rtpproxy_sock", sizeof("rtpproxy_sock") - 1}, {"set_id", sizeof("set_id") - 1}};

static int setup(void **state)
{
	struct rows_test *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	ph_test_log_start(&r->log);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rows_test *r = *state;

	ph_test_log_stop();
	if (r->t.loop != NULL)
		store_test_close(&r->t);
	redis_server_remove(&r->server);
	free(r);
	return 0;
}

static void open_store(struct rows_test *r, int64_t timeout)
{
	static char prefix[] = "pinhole:";
	struct store_conf conf = store_test_conf("memory", NULL, prefix);

	conf.connect_timeout = conf.command_timeout = timeout;
	store_test_open(&r->t, &conf);
}

/* With one deadline for all of six times timeout ms. */
static struct rows_test *running_for(void **state, int64_t timeout)
{
	struct rows_test *r = *state;

	if (redis_server_missing() != NULL) {
		print_message("%s\n", redis_server_missing());
		skip();
	}
	redis_server_start(&r->server);
	(void)snprintf(r->url, sizeof(r->url), "unix://%s", r->server.path);
	open_store(r, timeout);
	return r;
}

static struct rows_test *running(void **state)
{
	return running_for(state, 4000);
}

static void cli_says(struct rows_test *r, const char *command, const char *want)
{
	assert_string_equal(redis_server_cli(&r->server, command), want);
}

static int start(struct rows_test *r, const char *table, struct store_rows *out,
	struct store_answer *a)
{
	*out = (struct store_rows){.arena = r->t.arena};
	*a = (struct store_answer){0};
	return store_rows_get(r->t.h, r->url, slice_str(table), columns, COLUMNS, out,
		store_test_done, a);
}

static int read_rows(struct rows_test *r, const char *table, struct store_rows *out)
{
	struct store_answer a;
	int err = start(r, table, out, &a);

	assert_int_equal(err, -EINPROGRESS);
	return store_test_wait(&r->t, &a, err);
}

static void records_come_in_the_order_of_their_keys(void **state)
{
	struct rows_test *r = running(state);
	struct store_rows got;

	cli_says(r, "HSET rtpp:2 rtpproxy_sock udp:127.0.0.1:2 set_id 1 other x", "3\n");
	cli_says(r, "HSET rtpp:10 set_id 2", "1\n");
	cli_says(r,
		"HSET rtpp:1 rtpproxy_sock 'udp:127.0.0.1:1 udp:127.0.0.1:3=2' set_id 1",
		"2\n");
	cli_says(r, "HSET rtpp: nothing 1", "1\n");
	/* None of the table's. */
	cli_says(r, "HSET rtpp set_id 1", "1\n");
	cli_says(r, "HSET rtpp2:1 set_id 1", "1\n");
	cli_says(r, "HSET x:rtpp:1 set_id 1", "1\n");
	/* No record. */
	cli_says(r, "SET rtpp:seq 11", "OK\n");
	assert_int_equal(read_rows(r, "rtpp", &got), 0);
	assert_int_equal(got.count, 4);
	assert_slice_equal(got.keys[0], "rtpp:");
	assert_slice_equal(got.values[0], "");
	assert_slice_equal(got.values[1], "");
	assert_slice_equal(got.keys[1], "rtpp:1");
	assert_slice_equal(got.values[2], "udp:127.0.0.1:1 udp:127.0.0.1:3=2");
	assert_slice_equal(got.values[3], "1");
	assert_slice_equal(got.keys[2], "rtpp:10");
	assert_slice_equal(got.values[4], "");
	assert_slice_equal(got.values[5], "2");
	assert_slice_equal(got.keys[3], "rtpp:2");
	assert_slice_equal(got.values[6], "udp:127.0.0.1:2");
}

static void an_empty_table_is_no_error(void **state)
{
	struct rows_test *r = running(state);
	struct store_rows got;

	assert_int_equal(read_rows(r, "rtpp", &got), 0);
	assert_int_equal(got.count, 0);
}

static void a_table_is_named_literally(void **state)
{
	struct rows_test *r = running(state);
	struct store_rows got;

	cli_says(r, "HSET 'r*[t]?\\p:1' set_id 5", "1\n");
	cli_says(r, "HSET rxxtxp:1 set_id 6", "1\n");
	assert_int_equal(read_rows(r, "r*[t]?\\p", &got), 0);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.values[1], "5");
}

static void records_are_found_among_many_keys(void **state)
{
	struct rows_test *r = running(state);
	struct store_rows got;

	cli_says(r,
		"EVAL \"for i = 1, 20000 do redis.call('SET', 'k' .. i, 1) end "
		"for i = 1, 1024 do redis.call('HSET', 'rtpp:' .. (1000 + i), 'set_id', "
		"i) end\" 0",
		"\n");
	assert_int_equal(read_rows(r, "rtpp", &got), 0);
	assert_int_equal(got.count, STORE_MAX_ROWS);
	assert_slice_equal(got.keys[0], "rtpp:1001");
	assert_slice_equal(got.values[1], "1");
	assert_slice_equal(got.keys[1023], "rtpp:2024");
	assert_slice_equal(got.values[2047], "1024");
}

static void more_records_than_allowed_are_an_error(void **state)
{
	static const unsigned counts[] = {STORE_MAX_ROWS + 1, 5000};
	struct rows_test *r = running(state);
	struct store_rows got;

	for (unsigned i = 0; i < 2; i++) {
		char line[160];

		(void)snprintf(line, sizeof(line),
			"EVAL \"for i = 1, %u do redis.call('HSET', 'rtpp:' .. i, "
			"'set_id', 1) end\" 0",
			counts[i]);
		cli_says(r, line, "\n");
		assert_int_equal(read_rows(r, "rtpp", &got), -E2BIG);
		assert_int_equal(got.count, 0);
	}
}

static void the_connection_is_closed_at_the_end(void **state)
{
	struct rows_test *r = running(state);
	struct store_rows got;
	uint64_t end = clock_us() + 5000000;
	const char *list;

	assert_int_equal(read_rows(r, "rtpp", &got), 0);
	/* redis-cli itself is one of them. */
	do {
		loop_turn(r->t.loop, 10);
		list = redis_server_cli(&r->server, "CLIENT LIST");
	} while (strstr(strchr(list, '\n'), "id=") != NULL && clock_us() < end);
	assert_null(strstr(strchr(list, '\n'), "id="));
}

static void a_password_and_a_database_number_work(void **state)
{
	struct rows_test *r = running(state);
	struct store_rows got;

	cli_says(r, "-n 5 HSET rtpp:1 set_id 7", "1\n");
	cli_says(r, "CONFIG SET requirepass 'a b'", "OK\n");
	(void)snprintf(
		r->url, sizeof(r->url), "redis://:a%%20b@127.0.0.1:%u/5", r->server.port);
	assert_int_equal(read_rows(r, "rtpp", &got), 0);
	assert_int_equal(got.count, 1);
	(void)snprintf(
		r->url, sizeof(r->url), "redis://:wrong@127.0.0.1:%u/5", r->server.port);
	assert_int_equal(read_rows(r, "rtpp", &got), -ENOTCONN);
	assert_true(ph_test_log_has(&r->log, "WRONGPASS"));
	assert_false(ph_test_log_has(&r->log, "go on trying"));
	assert_false(ph_test_log_has(&r->log, ":wrong@"));
}

static void a_server_that_is_not_there_is_told_at_once(void **state)
{
	struct rows_test *r = *state;
	struct store_rows got;
	uint64_t began = clock_us();

	open_store(r, 4000);
	(void)snprintf(r->url, sizeof(r->url), "unix:///tmp/ph-no-redis.sock");
	assert_int_equal(read_rows(r, "rtpp", &got), -ENOTCONN);
	(void)snprintf(
		r->url, sizeof(r->url), "redis://127.0.0.1:%u", redis_server_free_port());
	assert_int_equal(read_rows(r, "rtpp", &got), -ENOTCONN);
	assert_true(clock_us() - began < 3000000);
}

static void a_server_that_hangs_meets_the_deadline(void **state)
{
	struct rows_test *r = running_for(state, 100);
	struct store_rows got;
	struct store_answer a;
	uint64_t began = clock_us();

	kill(r->server.pid, SIGSTOP);
	assert_int_equal(start(r, "rtpp", &got, &a), -EINPROGRESS);
	/* connected by the kernel, but no greeting */
	assert_true(store_test_wait(&r->t, &a, -EINPROGRESS) < 0);
	assert_true(clock_us() - began < 3000000);
	kill(r->server.pid, SIGCONT);
	loop_turn(r->t.loop, 20);
	assert_int_equal(a.times, 1);
	assert_int_equal(store_test_count("store_pending"), 0);
}

/* It hangs, or is gone, at any moment of the reading. */
static void a_server_that_hangs_or_dies_midway_is_one_failure(void **state)
{
	struct rows_test *r = running_for(state, 150);
	bool failed = false;

	cli_says(r,
		"EVAL \"for i = 1, 30000 do redis.call('SET', 'k' .. i, 1) end "
		"for i = 1, 500 do redis.call('HSET', 'rtpp:' .. i, 'set_id', i) end\" 0",
		"\n");
	for (unsigned turns = 1; turns < 24; turns += 2) {
		bool die = turns > 12;
		struct store_rows got;
		struct store_answer a;
		int err;

		assert_int_equal(start(r, "rtpp", &got, &a), -EINPROGRESS);
		for (unsigned i = 0; i < turns; i++)
			loop_turn(r->t.loop, 1);
		if (die)
			redis_server_stop(&r->server);
		else
			kill(r->server.pid, SIGSTOP);
		if (a.times == 0)
			(void)store_test_wait(&r->t, &a, -EINPROGRESS);
		err = a.err;
		assert_true(err == 0 || err == -ETIMEDOUT || err == -ENOTCONN);
		failed = failed || err != 0;
		assert_int_equal(got.count, err == 0 ? (die ? got.count : 500) : 0);
		if (die)
			redis_server_start(&r->server);
		else
			kill(r->server.pid, SIGCONT);
		for (unsigned i = 0; i < 5; i++)
			loop_turn(r->t.loop, 1);
		assert_int_equal(a.times, 1);
		arena_reset(r->t.arena);
	}
	assert_true(failed);
	assert_int_equal(store_test_count("store_pending"), 0);
}

static void closing_cancels_each_read_once(void **state)
{
	struct rows_test *r = running(state);
	struct store_rows got[4];
	struct store_answer a[4];
	struct store_rows more;
	struct store_answer no;

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(start(r, "rtpp", &got[i], &a[i]), -EINPROGRESS);
	assert_int_equal(start(r, "rtpp", &more, &no), -EBUSY);
	/* Some are on their way, one has its answer and is not yet closed. */
	while (a[0].times == 0)
		loop_turn(r->t.loop, 10);
	store_close(&r->t.h);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(a[i].times, 1);
		assert_true(a[i].err == 0 || a[i].err == -ECANCELED);
	}
	assert_int_equal(a[0].err, 0);
	assert_int_equal(no.times, 0);
}

static void closing_before_the_first_turn_is_clean(void **state)
{
	struct rows_test *r = running(state);
	struct store_rows got;
	struct store_answer a;

	assert_int_equal(start(r, "rtpp", &got, &a), -EINPROGRESS);
	store_close(&r->t.h);
	assert_int_equal(a.times, 1);
	assert_int_equal(a.err, -ECANCELED);
}

static void a_store_on_redis_reads_another_redis_too(void **state)
{
	struct rows_test *r = *state;
	static char prefix[] = "pinhole:";
	struct store_conf conf;
	struct store_rows got;

	if (redis_server_missing() != NULL) {
		print_message("%s\n", redis_server_missing());
		skip();
	}
	redis_server_start(&r->server);
	(void)snprintf(r->url, sizeof(r->url), "unix://%s?db=0", r->server.path);
	conf = store_test_conf("redis", r->url, prefix);
	store_test_open(&r->t, &conf);
	store_test_until_ready(&r->t, true);
	(void)snprintf(r->url, sizeof(r->url), "redis://127.0.0.1:%u/9", r->server.port);
	cli_says(r, "-n 9 HSET rtpp:1 set_id 7", "1\n");
	assert_int_equal(read_rows(r, "rtpp", &got), 0);
	assert_int_equal(got.count, 1);
	assert_true(store_ready(r->t.h));
}

static void bad_arguments_are_refused_at_once(void **state)
{
	struct rows_test *r = *state;
	struct store_rows got = {0};
	struct store_answer a = {0};
	static struct slice many[100];

	open_store(r, 4000);
	assert_int_equal(store_rows_get(r->t.h, "mysql://localhost/x", SLICE("t"),
				 columns, COLUMNS, &got, store_test_done, &a),
		-EINVAL);
	assert_int_equal(store_rows_get(r->t.h, "redis://127.0.0.1", SLICE(""), columns,
				 COLUMNS, &got, store_test_done, &a),
		-EINVAL);
	assert_int_equal(store_rows_get(r->t.h, "redis://127.0.0.1", SLICE("t"), columns,
				 0, &got, store_test_done, &a),
		-EINVAL);
	assert_int_equal(store_rows_get(r->t.h, "redis://127.0.0.1", SLICE("t"), many,
				 100, &got, store_test_done, &a),
		-E2BIG);
	loop_turn(r->t.loop, 0);
	assert_int_equal(a.times, 0);
	assert_null(store_rows_check_url("redis://127.0.0.1:6379/2"));
	assert_null(store_rows_check_url("unix:///run/redis.sock?db=2"));
	assert_non_null(strstr(store_rows_check_url("mysql://localhost/x"), "redis://"));
	assert_non_null(strstr(store_rows_check_url(""), "unix://"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(records_come_in_the_order_of_their_keys),
		T(an_empty_table_is_no_error),
		T(a_table_is_named_literally),
		T(records_are_found_among_many_keys),
		T(more_records_than_allowed_are_an_error),
		T(the_connection_is_closed_at_the_end),
		T(a_password_and_a_database_number_work),
		T(a_server_that_is_not_there_is_told_at_once),
		T(a_server_that_hangs_meets_the_deadline),
		T(a_server_that_hangs_or_dies_midway_is_one_failure),
		T(closing_cancels_each_read_once),
		T(closing_before_the_first_turn_is_clean),
		T(a_store_on_redis_reads_another_redis_too),
		T(bad_arguments_are_refused_at_once),
	};
	return cmocka_run_group_tests_name("store_rows", tests, NULL, NULL);
}
