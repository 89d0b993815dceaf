/* Log-linear histogram. */
#include "bench/histogram.h"

/* Below 2 * SUB a bucket holds one value; above, the highest 7 bits choose it. */
static unsigned bucket_of(uint64_t value)
{
	unsigned shift = 0;

	if (value >= 2 * HISTOGRAM_SUB)
		shift = 63U - (unsigned)__builtin_clzll(value) - 6U;
	return shift * HISTOGRAM_SUB + (unsigned)(value >> shift);
}

static uint64_t upper_end(unsigned bucket)
{
	unsigned shift = bucket < 2 * HISTOGRAM_SUB ? 0 : bucket / HISTOGRAM_SUB - 1;

	return ((uint64_t)(bucket - shift * HISTOGRAM_SUB) + 1) * (UINT64_C(1) << shift) - 1;
}

void histogram_add(struct histogram *h, uint64_t value)
{
	unsigned bucket = bucket_of(value);

	if (bucket >= HISTOGRAM_BUCKETS)
		bucket = HISTOGRAM_BUCKETS - 1;
	h->count[bucket]++;
	h->total++;
	if (value > h->max)
		h->max = value;
}

uint64_t histogram_percentile(const struct histogram *h, double percent)
{
	uint64_t wanted = (uint64_t)((double)h->total * percent / 100.0 + 0.5), seen = 0;
	unsigned i;

	if (h->total == 0)
		return 0;
	if (wanted == 0)
		wanted = 1;
	for (i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->count[i];
		if (seen >= wanted)
			break;
	}
	return upper_end(i) < h->max ? upper_end(i) : h->max;
}
