/**
 * @file text.h  Writing a message piece by piece into a buffer, without printf.
 *
 * What does not fit is left out and `full` is set: look once, at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/slice.h"

struct text {
	char *p;
	char *end;
	bool full;
};

#define TEXT_LITERAL(t, s) text_put((t), (s), sizeof(s) - 1)

static inline void text_put(struct text *t, const char *p, size_t len)
{
	if ((size_t)(t->end - t->p) < len) {
		t->full = true;
		return;
	}
	memcpy(t->p, p, len);
	t->p += len;
}

static inline void text_slice(struct text *t, struct slice s)
{
	text_put(t, s.p, s.len);
}

static inline void text_string(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

/** Decimal, with zeros in front up to `width` digits. */
static inline void text_number(struct text *t, uint32_t value, unsigned width)
{
	char digits[10];
	unsigned n = sizeof(digits);

	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0 || (sizeof(digits) - n < width && n > 0));
	text_put(t, digits + n, sizeof(digits) - n);
}

static inline void text_hex(struct text *t, uint32_t value)
{
	char digits[8];
	unsigned n = sizeof(digits);

	do {
		digits[--n] = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value != 0);
	text_put(t, digits + n, sizeof(digits) - n);
}
