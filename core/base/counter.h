/**
 * @file counter.h  Numbers an operator may ask for.
 *
 * Counters are registered before the threads start; then each thread has an array of its own
 * that it alone writes (relaxed atomics), and readers sum over all of them. No lock on the way.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum counter_kind {
	COUNTER_TOTAL, /**< only goes up */
	COUNTER_GAUGE, /**< up and down: the sum of what threads added and took away */
};

/** A plugin's or a part's table ends with name NULL. */
struct counter_desc {
	const char *name; /**< lower case with underscores, "rtpp_timeouts" */
	const char *help;
	enum counter_kind kind;
};

struct counter_array; /**< one thread's */

/**
 * Register a table; *first is the index of its first row, the others follow. Only before the
 * first counter_array_new(). 0, -EEXIST (a name twice), -ENOSPC, -EBUSY (threads run already).
 */
int counter_register(const struct counter_desc *table, unsigned *first);
/** Forget all (tests, end of process); no thread may use an array any more. */
void counter_reset_all(void);
int counter_array_new(struct counter_array **out);
/** Its values stay in the sums. */
void counter_array_destroy(struct counter_array **ap);
/** By the owning thread only. n may be negative for gauges. */
void counter_add(struct counter_array *a, unsigned index, int64_t n);
/** By any thread, where no thread's own array is at hand and the way is rare: a locked instruction. Of an index that only this writes. */
void counter_add_shared(struct counter_array *a, unsigned index, int64_t n);
static inline void counter_inc(struct counter_array *a, unsigned index)
{
	counter_add(a, index, 1);
}
/** Sum over all threads; any thread. */
int64_t counter_read(unsigned index);
/** Index of a name, or -ENOENT. */
int counter_find(const char *name);
unsigned counter_count(void);
const struct counter_desc *counter_describe(unsigned index);
