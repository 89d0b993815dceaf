#include "core/base/arena.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(ARENA_ASAN)
#define ARENA_ASAN 1
#endif

#define ARENA_ALIGN     ((size_t)16)
#define ARENA_MIN_BLOCK ((size_t)64)

_Static_assert(_Alignof(max_align_t) <= 16, "pieces are aligned to 16 bytes");

/*
 * Under AddressSanitizer all room that is not handed out is poisoned, with a gap behind
 * every piece: overruns inside an arena and uses after its reset are reported like those
 * of the heap.
 */
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define ARENA_GAP ARENA_ALIGN

/* Not inline: the compiler would take the poisoning for a read of fresh memory. */
static __attribute__((noinline)) void room_forbid(char *p, size_t len)
{
	__asan_poison_memory_region(p, len);
}

static void room_allow(char *p, size_t len)
{
	__asan_unpoison_memory_region(p, len);
}
#else
#define ARENA_GAP ((size_t)0)

static void room_forbid(char *p, size_t len)
{
	(void)p;
	(void)len;
}

static void room_allow(char *p, size_t len)
{
	(void)p;
	(void)len;
}
#endif

/* A block; its room follows the struct. */
struct block {
	struct block *next;
	size_t size, used;
	_Alignas(16) char room[];
};

/*
 *  arena ─ first block (stays)
 *        ├ extra ─ block ─ block ...    freed by a reset; big pieces have one of their own
 *        └ fill: the block, first or extra, that small pieces come from
 */
struct arena {
	struct arena_pool *pool; /* NULL: lone, or its pool is gone */
	struct arena *next;      /* in the pool's list of free ones */
	struct block *extra, *fill;
	size_t block;
	size_t limit;
	size_t used; /* handed out in all blocks, rounded up, without gaps */
	struct block first;
};

struct arena_pool {
	struct arena *idle;
	unsigned idle_count, keep;
	unsigned out; /* arenas in use: the pool lives until the last comes back */
	bool dead;
	size_t block, limit;
};

static size_t round_up(size_t n)
{
	return (n + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
}

static size_t sane_block(size_t block)
{
	return round_up(block < ARENA_MIN_BLOCK ? ARENA_MIN_BLOCK : block);
}

static struct arena *arena_make(size_t block, size_t limit)
{
	struct arena *a;

	if (block > SIZE_MAX / 2)
		return NULL;
	block = sane_block(block);
	a = malloc(sizeof(*a) + block);
	if (a == NULL)
		return NULL;
	*a = (struct arena){.block = block, .limit = limit, .first.size = block};
	a->fill = &a->first;
	room_forbid(a->first.room, block);
	return a;
}

static void arena_free(struct arena *a)
{
	arena_reset(a);
	room_allow(a->first.room, a->first.size);
	free(a);
}

int arena_pool_new(struct arena_pool **out, size_t block, unsigned keep, size_t limit)
{
	struct arena_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return -ENOMEM;
	pool->block = block;
	pool->keep = keep;
	pool->limit = limit;
	*out = pool;
	return 0;
}

void arena_pool_destroy(struct arena_pool **pp)
{
	struct arena_pool *pool = *pp;

	*pp = NULL;
	if (pool == NULL)
		return;
	while (pool->idle != NULL) {
		struct arena *a = pool->idle;

		pool->idle = a->next;
		arena_free(a);
	}
	pool->idle_count = 0;
	pool->dead = true;
	if (pool->out == 0)
		free(pool);
}

struct arena *arena_get(struct arena_pool *pool)
{
	struct arena *a = pool->idle;

	if (a != NULL) {
		/* The one used last is the one still in the processor's cache. */
		pool->idle = a->next;
		pool->idle_count--;
		a->next = NULL;
	} else {
		a = arena_make(pool->block, pool->limit);
		if (a == NULL)
			return NULL;
		a->pool = pool;
	}
	pool->out++;
	return a;
}

struct arena *arena_new(size_t block, size_t limit)
{
	return arena_make(block, limit);
}

void arena_put(struct arena *a)
{
	struct arena_pool *pool;

	if (a == NULL)
		return;
	pool = a->pool;
	if (pool == NULL) {
		arena_free(a);
		return;
	}
	pool->out--;
	if (!pool->dead && pool->idle_count < pool->keep) {
		arena_reset(a);
		a->next = pool->idle;
		pool->idle = a;
		pool->idle_count++;
		return;
	}
	arena_free(a);
	if (pool->dead && pool->out == 0)
		free(pool);
}

void arena_reset(struct arena *a)
{
	while (a->extra != NULL) {
		struct block *b = a->extra;

		a->extra = b->next;
		room_allow(b->room, b->size);
		free(b);
	}
	a->first.used = 0;
	a->fill = &a->first;
	a->used = 0;
	room_forbid(a->first.room, a->first.size);
}

/* A piece of the block, or NULL when it does not fit; size is rounded up. */
static char *block_take(struct block *b, size_t size, size_t asked)
{
	char *p = b->room + b->used;

	if (size > b->size - b->used)
		return NULL;
	b->used += size;
	/* The gap may be cut off at the block's end. */
	b->used += ARENA_GAP < b->size - b->used ? ARENA_GAP : b->size - b->used;
	room_allow(p, asked);
	return p;
}

/* One more block for a piece of size bytes. A big piece leaves the one being filled as it is. */
static struct block *block_add(struct arena *a, size_t size)
{
	bool big = size > a->block / 2;
	size_t room = big ? size : a->block;
	struct block *b;

	if (room > SIZE_MAX - sizeof(*b))
		return NULL;
	b = malloc(sizeof(*b) + room);
	if (b == NULL)
		return NULL;
	b->size = room;
	b->used = 0;
	b->next = a->extra;
	a->extra = b;
	if (!big)
		a->fill = b;
	room_forbid(b->room, room);
	return b;
}

void *arena_alloc(struct arena *a, size_t asked)
{
	size_t size;
	struct block *b;
	char *p;

	/* First without rounding, so that the rounding cannot wrap. */
	if (asked > a->limit - a->used)
		return NULL;
	size = asked > 0 ? round_up(asked) : ARENA_ALIGN;
	if (size < asked || size > a->limit - a->used)
		return NULL;
	p = block_take(a->fill, size, asked);
	if (p == NULL) {
		b = block_add(a, size);
		if (b == NULL)
			return NULL;
		p = block_take(b, size, asked);
	}
	a->used += size;
	return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
	void *p = arena_alloc(a, size);

	return p != NULL ? memset(p, 0, size) : NULL;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
	return arena_join(a, s, (struct slice){0});
}

struct slice arena_join(struct arena *a, struct slice x, struct slice y)
{
	size_t len = x.len + y.len;
	char *p;

	if (len < x.len || len == SIZE_MAX)
		return (struct slice){0};
	p = arena_alloc(a, len + 1);
	if (p == NULL)
		return (struct slice){0};
	if (x.len > 0)
		memcpy(p, x.p, x.len);
	if (y.len > 0)
		memcpy(p + x.len, y.p, y.len);
	p[len] = '\0';
	return slice_make(p, len);
}

struct slice arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = len >= 0 ? arena_alloc(a, (size_t)len + 1) : NULL;
	if (p == NULL)
		return (struct slice){0};
	va_start(ap, fmt);
	vsnprintf(p, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return slice_make(p, (size_t)len);
}

char *arena_room(struct arena *a, size_t *room)
{
	size_t limit = a->limit & ~(ARENA_ALIGN - 1);

	assert(a->first.used == 0);
	*room = a->first.size < limit ? a->first.size : limit;
	room_allow(a->first.room, *room);
	return a->first.room;
}

void arena_claim(struct arena *a, size_t len)
{
	char *p;

	assert(a->first.used == 0 && len <= a->first.size);
	room_forbid(a->first.room, a->first.size);
	if (len == 0)
		return;
	p = block_take(&a->first, round_up(len), len);
	assert(p == a->first.room);
	(void)p;
	a->used = round_up(len);
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
