/**
 * @file buf.h  An append-only text buffer that remembers its first error.
 *
 * Append without checking, look at err once at the end. Either over fixed memory
 * (buf_fixed(): never grows, -EMSGSIZE when full) or growing in an arena or on the heap.
 * Single thread.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/slice.h"

struct buf {
	char *p;
	size_t len;
	size_t cap; /**< never above max */
	size_t max; /**< never longer than this */
	int err;    /**< 0, -ENOMEM, -EMSGSIZE: the first that happened; appends then do nothing */
	struct arena *arena;
	enum { BUF_FIXED, BUF_ARENA, BUF_HEAP } kind;
};

void buf_fixed(struct buf *b, char *mem, size_t cap);
void buf_arena(struct buf *b, struct arena *a, size_t first, size_t max);
/** Heap memory: buf_free() or take b->p. */
void buf_heap(struct buf *b, size_t first, size_t max);
void buf_free(struct buf *b);
/** Empty it and forget the error; the memory stays. */
void buf_reset(struct buf *b);

/** Room for more bytes at the end, which count as written: where to write them. NULL: too long or no memory; err is set. */
char *buf_room(struct buf *b, size_t more);

static inline void buf_add(struct buf *b, struct slice s)
{
	char *to;

	if (s.len == 0)
		return;
	if (s.len <= b->cap - b->len && b->err == 0) {
		to = b->p + b->len;
		b->len += s.len;
	} else {
		to = buf_room(b, s.len);
	}
	if (to != NULL)
		memcpy(to, s.p, s.len);
}

static inline void buf_chr(struct buf *b, char c)
{
	if (b->len < b->cap && b->err == 0)
		b->p[b->len++] = c;
	else
		buf_add(b, slice_make(&c, 1));
}

void buf_str(struct buf *b, const char *s);
/** In lower case (ASCII). */
void buf_lower(struct buf *b, struct slice s);
void buf_u64(struct buf *b, uint64_t n);
/** The lowest of its hexadecimal digits, so many. */
void buf_hex(struct buf *b, uint64_t n, unsigned digits);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){b->p, b->len};
}
