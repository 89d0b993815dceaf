#include "core/base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST 64 /* bytes of the first growth */

void buf_fixed(struct buf *b, char *mem, size_t cap)
{
	*b = (struct buf){.p = mem, .cap = cap, .max = cap, .kind = BUF_FIXED};
}

void buf_arena(struct buf *b, struct arena *a, size_t first, size_t max)
{
	*b = (struct buf){.max = max, .arena = a, .kind = BUF_ARENA};
	b->p = first > 0 ? arena_alloc(a, first) : NULL;
	b->cap = b->p == NULL ? 0 : first < max ? first : max;
	if (first > 0 && b->p == NULL)
		b->err = -ENOMEM;
}

void buf_heap(struct buf *b, size_t first, size_t max)
{
	*b = (struct buf){.max = max, .kind = BUF_HEAP};
	b->p = first > 0 ? malloc(first) : NULL;
	b->cap = b->p == NULL ? 0 : first < max ? first : max;
	if (first > 0 && b->p == NULL)
		b->err = -ENOMEM;
}

void buf_free(struct buf *b)
{
	if (b->kind == BUF_HEAP)
		free(b->p);
	*b = (struct buf){.kind = BUF_FIXED};
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->err = 0;
}

/* Capacity for at least need bytes; the text moves along. */
static int buf_grow(struct buf *b, size_t need)
{
	size_t cap = b->cap <= SIZE_MAX / 2 ? b->cap * 2 : need;
	char *p;

	if (b->kind == BUF_FIXED)
		return -EMSGSIZE;
	if (cap < need)
		cap = need;
	if (cap < BUF_FIRST)
		cap = BUF_FIRST;
	if (cap > b->max)
		cap = b->max;
	if (b->kind == BUF_HEAP) {
		p = realloc(b->p, cap);
	} else {
		p = arena_alloc(b->arena, cap);
		if (p != NULL && b->len > 0)
			memcpy(p, b->p, b->len);
	}
	if (p == NULL)
		return -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

char *buf_room(struct buf *b, size_t more)
{
	char *to;

	if (b->err != 0)
		return NULL;
	if (b->len > b->max || more > b->max - b->len)
		b->err = -EMSGSIZE;
	else if (more > b->cap - b->len)
		b->err = buf_grow(b, b->len + more);
	if (b->err != 0)
		return NULL;
	to = b->p + b->len;
	b->len += more;
	return to;
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, slice_str(s));
}

void buf_lower(struct buf *b, struct slice s)
{
	char *to = s.len > 0 ? buf_room(b, s.len) : NULL;

	for (size_t i = 0; to != NULL && i < s.len; i++)
		to[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
}

void buf_hex(struct buf *b, uint64_t n, unsigned digits)
{
	char *to = buf_room(b, digits);

	for (; to != NULL && digits > 0; n >>= 4)
		to[--digits] = "0123456789abcdef"[n & 15];
}

void buf_u64(struct buf *b, uint64_t n)
{
	char digits[20]; /* UINT64_MAX has as many */
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	buf_add(b, slice_make(digits + at, sizeof(digits) - at));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	size_t room = b->cap - b->len;
	va_list again;
	char *whole;
	int len;

	if (b->err != 0)
		return;
	va_copy(again, ap);
	len = vsnprintf(room > 0 ? b->p + b->len : NULL, room, fmt, ap);
	if (len < 0) {
		b->err = -EINVAL;
	} else if ((size_t)len < room && (size_t)len <= b->max - b->len) {
		b->len += (size_t)len;
	} else if (vasprintf(&whole, fmt, again) < 0) {
		b->err = -ENOMEM;
	} else {
		/* It may fit yet: to the last byte, where vsnprintf() wants one for its NUL. */
		buf_add(b, slice_make(whole, (size_t)len));
		free(whole);
	}
	va_end(again);
}
