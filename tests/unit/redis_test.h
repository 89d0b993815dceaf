/**
 * @file redis_test.h  A store on a Redis of the test's own, which the test may stop, pause, read
 * and write with redis-cli. T(f) is the row of a test in the table of its file.
 */
#pragma once

#include "tests/unit/store_test.h"

#define ALICE "alice@example.org"

struct redis_test {
	struct redis_server server;
	struct store_test t;
	char url[160];
	char prefix[16];
	struct ph_test_log log;
};

static inline int redis_test_setup(void **state)
{
	struct redis_test *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -1;
	(void)snprintf(r->prefix, sizeof(r->prefix), "pinhole:");
	ph_test_log_start(&r->log);
	*state = r;
	return 0;
}

static inline int redis_test_teardown(void **state)
{
	struct redis_test *r = *state;

	ph_test_log_stop();
	if (r->t.loop != NULL)
		store_test_close(&r->t);
	redis_server_remove(&r->server);
	free(r);
	return 0;
}

static inline struct redis_test *redis_test_of(void **state)
{
	if (redis_server_missing() != NULL) {
		print_message("%s\n", redis_server_missing());
		skip();
	}
	return *state;
}

static inline struct store_conf redis_test_conf(struct redis_test *r)
{
	return store_test_conf("redis", r->url, r->prefix);
}

/* Server and store by UNIX socket, connected; the deadline of operations in ms. */
static inline struct redis_test *redis_test_connected_for(
	void **state, int64_t command_timeout)
{
	struct redis_test *r = redis_test_of(state);
	struct store_conf conf;

	redis_server_start(&r->server);
	(void)snprintf(r->url, sizeof(r->url), "unix://%s", r->server.path);
	conf = redis_test_conf(r);
	conf.command_timeout = command_timeout;
	store_test_open(&r->t, &conf);
	store_test_until_ready(&r->t, true);
	return r;
}

/* With a deadline that only a stopped server misses, however busy the machine. */
static inline struct redis_test *redis_test_connected(void **state)
{
	return redis_test_connected_for(state, 4000);
}

static inline int redis_test_save(
	struct redis_test *r, const char *aor, const char *uri, uint32_t cseq)
{
	char id[17];
	struct store_contact c = store_test_contact(&r->t, id, uri, 60);
	struct store_update upd = store_test_register(&r->t, "call-1", cseq, &c, 1);
	struct store_contacts out = {0};

	c.cseq = cseq;
	upd.aor = slice_str(aor);
	return store_test_update(&r->t, &upd, &out);
}

/* Waits till redis-cli prints want for command. */
static inline void redis_test_until_cli(
	struct redis_test *r, const char *command, const char *want)
{
	uint64_t end = clock_us() + 5000000;
	const char *got;

	do {
		loop_turn(r->t.loop, 10);
		got = redis_server_cli(&r->server, command);
	} while (strcmp(got, want) != 0 && clock_us() < end);
	assert_string_equal(got, want);
}

static inline void redis_test_until_logged(struct redis_test *r, const char *text)
{
	uint64_t end = clock_us() + 5000000;

	while (!ph_test_log_has(&r->log, text) && clock_us() < end)
		loop_turn(r->t.loop, 20);
	if (!ph_test_log_has(&r->log, text))
		fail_msg("not logged: %s\nbut: %s", text, r->log.text);
}

#define T(f) cmocka_unit_test_setup_teardown(f, redis_test_setup, redis_test_teardown)
