/**
 * @file arena.h  Memory that is given back all at once.
 *
 * One arena holds everything of one message: the received bytes come first, what is
 * parsed from them after. Single thread. Nothing in it is freed one by one.
 *
 * Running out of memory or over the arena's limit gives NULL; callers answer -ENOMEM.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"

struct arena;
struct arena_pool;

/**
 * A pool of reusable arenas for one thread.
 * block: size of an arena's first block in bytes; keep: most arenas kept for reuse;
 * limit: most bytes one arena may hold. 0 or -ENOMEM.
 */
int arena_pool_new(struct arena_pool **out, size_t block, unsigned keep, size_t limit);
void arena_pool_destroy(struct arena_pool **pp);
/** An empty arena, reused or new; NULL without memory. */
struct arena *arena_get(struct arena_pool *pool);
/** A lone arena without a pool (start-up, tests); block and limit as above. */
struct arena *arena_new(size_t block, size_t limit);
/** Give an arena back: to its pool (emptied, extra blocks freed), or free it. NULL is fine. */
void arena_put(struct arena *a);
/** Forget all that was allocated; the first block stays. */
void arena_reset(struct arena *a);

/** size bytes aligned for any type, uninitialised. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, alloc_size(2)));
/** Zeroed. */
void *arena_zalloc(struct arena *a, size_t size) __attribute__((malloc, alloc_size(2)));
/** A NUL-terminated copy (the NUL is not in the slice); {NULL,0} without memory. */
struct slice arena_dup(struct arena *a, struct slice s);
/** printf into the arena; {NULL,0} without memory. */
struct slice arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** a and b joined. */
struct slice arena_join(struct arena *a, struct slice x, struct slice y);

/**
 * Room at the start of an empty arena to receive into: *room bytes at the return value.
 * arena_claim() then keeps the first len of them. Nothing else may be allocated between.
 */
char *arena_room(struct arena *a, size_t *room);
void arena_claim(struct arena *a, size_t len);
/** Bytes handed out so far (for limits and tests). */
size_t arena_used(const struct arena *a);
