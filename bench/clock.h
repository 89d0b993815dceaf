/**
 * @file clock.h  Time of the load generator: nanoseconds of the monotonic clock.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#define CLOCK_MS  UINT64_C(1000000)
#define CLOCK_SEC UINT64_C(1000000000)

static inline uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * CLOCK_SEC + (uint64_t)now.tv_nsec;
}
