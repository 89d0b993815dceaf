/**
 * @file ph_test.h  What every unit test includes first: cmocka and a few helpers.
 *
 * Needs libbase only. cmocka asserts work on the main thread alone: other threads store
 * what they saw, and the main thread asserts it after joining them.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/addr.h"
#include "core/base/log.h"
#include "core/base/slice.h"

/** That address; the test fails when it is none. */
static inline struct addr ph_test_addr(const char *ip, uint16_t port)
{
	struct addr a = {0};

	if (addr_parse_ip(&a, slice_str(ip)) != 0)
		fail_msg("not an address: %s", ip);
	addr_set_port(&a, port);
	return a;
}

static inline struct addr ph_test_ipv4(const char *ip, uint16_t port)
{
	struct addr a = ph_test_addr(ip, port);

	if (addr_family(&a) != AF_INET)
		fail_msg("not an IPv4 address: %s", ip);
	return a;
}

static inline struct addr ph_test_ipv6(const char *ip, uint16_t port)
{
	struct addr a = ph_test_addr(ip, port);

	if (addr_family(&a) != AF_INET6)
		fail_msg("not an IPv6 address: %s", ip);
	return a;
}

static inline void ph_test_slice_equal(
	struct slice got, const char *want, const char *file, int line)
{
	if (slice_eq(got, slice_str(want)))
		return;
	print_error("found \"%.*s\" (%zu bytes), want \"%s\"\n", SLICE_ARG(got), got.len,
		want);
	_fail(file, line);
}

/** got is the text want (a C string). */
#define assert_slice_equal(got, want)                                                    \
	ph_test_slice_equal((got), (want), __FILE__, __LINE__)

/** Lines logged since ph_test_log_start(), each with a newline; cut when full. */
struct ph_test_log {
	char text[16384];
	size_t len;
	unsigned count;
};

static inline void ph_test_log_line(void *arg, const char *line)
{
	struct ph_test_log *log = arg;
	int len = snprintf(
		log->text + log->len, sizeof(log->text) - log->len, "%s\n", line);

	log->count++;
	if (len > 0 && (size_t)len < sizeof(log->text) - log->len)
		log->len += (size_t)len;
	else
		log->text[log->len] = '\0';
}

/** From here on lines go to log instead of stderr. One test thread only. */
static inline void ph_test_log_start(struct ph_test_log *log)
{
	log->text[0] = '\0';
	log->len = 0;
	log->count = 0;
	log_capture(ph_test_log_line, log);
}

static inline void ph_test_log_stop(void)
{
	log_capture(NULL, NULL);
}

/** Was such a text logged? */
static inline bool ph_test_log_has(const struct ph_test_log *log, const char *text)
{
	return strstr(log->text, text) != NULL;
}
