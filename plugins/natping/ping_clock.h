/**
 * @file ping_clock.h  Ticks since 1970 (ping_wheel.h) that go as evenly as the monotonic clock.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#include "core/base/loop.h"
#include "plugins/natping/ping_wheel.h"

struct ping_clock {
	uint64_t offset_us; /**< wall clock minus clock_us() when it was started */
};

static inline void ping_clock_start(struct ping_clock *c)
{
	struct timespec wall;

	(void)clock_gettime(CLOCK_REALTIME, &wall); /* cannot fail */
	c->offset_us = (uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000 -
		clock_us();
}

static inline uint64_t ping_clock_tick(const struct ping_clock *c)
{
	return (clock_us() + c->offset_us) / (PING_TICK_MS * 1000);
}
