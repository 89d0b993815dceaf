/**
 * @file tm_clock.h  Time that a test turns by hand: seconds of a transaction's life pass in microseconds, and to the tick.
 *
 * The program is linked with -Wl,--wrap=clock_gettime: whoever of ours asks for the monotonic time gets the test's. It stands
 * still unless world_pass() moves it, a tick of the loop at a time, so that every timer runs when it is due.
 */
#pragma once

#include <time.h>

#include "tests/unit/tm_test.h"

int __real_clock_gettime(clockid_t id, struct timespec *out);
int __wrap_clock_gettime(clockid_t id, struct timespec *out);

/* us; begins at some time that is no multiple of anything */
static uint64_t tm_clock_us = 1234567890;

int __wrap_clock_gettime(clockid_t id, struct timespec *out)
{
	if (id != CLOCK_MONOTONIC)
		return __real_clock_gettime(id, out);
	out->tv_sec = (time_t)(tm_clock_us / 1000000);
	out->tv_nsec = (long)(tm_clock_us % 1000000) * 1000;
	return 0;
}

static inline uint64_t tm_clock_ms(void)
{
	return tm_clock_us / 1000;
}

/** One turn in which no time passes: what lies in the sockets is read, what was sent leaves. */
static inline void world_turn(struct tm_world *w)
{
	for (unsigned i = 0; i < 3; i++)
		loop_turn(w->loop, 0);
}

/** ms pass. */
static inline void world_pass(struct tm_world *w, uint64_t ms)
{
	world_turn(w);
	for (uint64_t passed = 0; passed < ms; passed += LOOP_TICK_MS) {
		tm_clock_us += LOOP_TICK_MS * 1000u;
		loop_turn(w->loop, 0);
	}
	world_turn(w);
}

/** When the messages came that begin with `start`, in ms from `from`; others are passed over. Time passes until `until`. */
struct arrivals {
	unsigned count;
	uint64_t at[32];
	char last[8192];
};

static inline void arrivals_take(
	struct arrivals *a, struct phone *p, const char *start, uint64_t from)
{
	while (phone_take(p)) {
		if (strncmp(p->got, start, strlen(start)) != 0)
			continue;
		assert_in_range(a->count, 0, 31);
		a->at[a->count++] = tm_clock_ms() - from;
		snprintf(a->last, sizeof(a->last), "%s", p->got);
	}
}

static inline struct arrivals world_watch(
	struct tm_world *w, struct phone *p, const char *start, uint64_t ms)
{
	struct arrivals a = {0};
	uint64_t from = tm_clock_ms();

	world_turn(w);
	arrivals_take(&a, p, start, from);
	while (tm_clock_ms() - from < ms) {
		world_pass(w, LOOP_TICK_MS);
		arrivals_take(&a, p, start, from);
	}
	return a;
}

/** They came at these times; each interval may be a tick longer. */
static inline void arrivals_are_at(
	const struct arrivals *a, const unsigned *ms, unsigned count, int line)
{
	bool right = a->count == count;

	for (unsigned i = 0; right && i < count; i++)
		right = a->at[i] >= ms[i] && a->at[i] <= ms[i] + (i + 1) * LOOP_TICK_MS;
	if (right)
		return;
	for (unsigned i = 0; i < a->count; i++)
		print_error("came at %u ms\n", (unsigned)a->at[i]);
	for (unsigned i = 0; i < count; i++)
		print_error("expected at %u ms\n", ms[i]);
	_fail("arrivals", line);
}
#define assert_arrivals(a, ...)                                                          \
	do {                                                                             \
		const unsigned ms_[] = {__VA_ARGS__};                                    \
		arrivals_are_at(&(a), ms_, sizeof(ms_) / sizeof(ms_[0]), __LINE__);      \
	} while (0)

/** The next message that lies there begins with start; no time passes. */
static inline void phone_has_at(
	struct tm_world *w, struct phone *p, const char *start, int line)
{
	world_turn(w);
	while (phone_take(p)) {
		if (strncmp(p->got, start, strlen(start)) == 0)
			return;
	}
	print_error("\"%s\" has not come\n", start);
	_fail("phone_has", line);
}
#define phone_has(w, p, start) phone_has_at((w), (p), (start), __LINE__)

static inline void phone_drop_all(struct tm_world *w, struct phone *p)
{
	world_turn(w);
	while (phone_take(p))
		;
}
