/**
 * @file store_both.h  For tests that run against each backend: BOTH(f) in the table of a file,
 * store_both_test(state) at the start of f, and the group's store_both_start and _stop.
 */
#pragma once

#include "tests/unit/store_test.h"

struct store_both_param {
	const char *backend;
};
static struct store_both_param store_both_memory = {"memory"},
			       store_both_redis = {"redis"};

static struct redis_server store_both_server;

/** The test's own part of a key, as in redis_server_cli(). */
static char store_both_prefix[32];

/* Each test has keys of its own in the one server. */
static int store_both_setup(void **state)
{
	static struct store_test test;
	static unsigned serial;
	const struct store_both_param *p = *state;
	char url[128];
	struct store_conf conf;

	if (p == &store_both_redis && redis_server_missing() != NULL)
		return 0;
	(void)snprintf(url, sizeof(url), "unix://%s", store_both_server.path);
	(void)snprintf(store_both_prefix, sizeof(store_both_prefix), "t%u:", ++serial);
	conf = store_test_conf(p->backend, url, store_both_prefix);
	store_test_open(&test, &conf);
	store_test_until_ready(&test, true);
	*state = &test;
	return 0;
}

static int store_both_teardown(void **state)
{
	if (*state != &store_both_redis)
		store_test_close(*state);
	return 0;
}

static inline struct store_test *store_both_test(void **state)
{
	if (*state == &store_both_redis) {
		print_message("%s\n", redis_server_missing());
		skip();
	}
	return *state;
}

static int store_both_start(void **state)
{
	(void)state;
	log_set_default_level(LOG_L_ERR);
	if (redis_server_missing() == NULL)
		redis_server_start(&store_both_server);
	return 0;
}

static int store_both_stop(void **state)
{
	(void)state;
	redis_server_remove(&store_both_server);
	return 0;
}

#define BOTH(f)                                                                          \
	{"memory: " #f, f, store_both_setup, store_both_teardown, &store_both_memory},   \
	{                                                                                \
		"redis: " #f, f, store_both_setup, store_both_teardown,                  \
			&store_both_redis                                                \
	}
