/**
 * @file histogram.h  Latencies in log-linear buckets: 64 to each power of two, so a value is off by less than 1.6 %.
 *
 * Values are nanoseconds. Constant size, no allocation.
 */
#pragma once

#include <stdint.h>

#define HISTOGRAM_SUB     64
#define HISTOGRAM_BUCKETS (60 * HISTOGRAM_SUB)

struct histogram {
	uint64_t count[HISTOGRAM_BUCKETS];
	uint64_t total; /**< how many values */
	uint64_t max;   /**< the largest one, exactly */
};

void histogram_add(struct histogram *h, uint64_t value);

/** The value that `percent` of all values do not exceed (the upper end of its bucket); 0 when there is none. */
uint64_t histogram_percentile(const struct histogram *h, double percent);
