/**
 * @file slice.h  Text as pointer and length, borrowed from somebody's buffer.
 *
 * A slice owns nothing and is not NUL-terminated. Text from the wire lives in the
 * message's buffer; copy it (arena_dup()) the moment it must outlive the message.
 * Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Borrowed text. p may be NULL only when len is 0. */
struct slice {
	const char *p;
	size_t len;
};

/** A slice of a string literal. */
#define SLICE(lit) ((struct slice){(lit), sizeof(lit) - 1})
/** For printf: "%.*s", SLICE_ARG(s). */
#define SLICE_ARG(s) (int)(s).len, (s).p ? (s).p : ""

static inline struct slice slice_make(const char *p, size_t len)
{
	return (struct slice){p, len};
}

/** Of a NUL-terminated string; NULL gives the empty slice. */
static inline struct slice slice_str(const char *s)
{
	return (struct slice){s, s ? strlen(s) : 0};
}

static inline bool slice_empty(struct slice s)
{
	return s.len == 0;
}

/** Bytewise equal. */
static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/** For slice_ieq(). */
bool slice_same_letters(const char *a, const char *b, size_t len);
/** Equal without regard to ASCII case (SIP tokens, RFC 3261 section 7.3.1). */
static inline bool slice_ieq(struct slice a, struct slice b)
{
	/* Most texts are written as everybody writes them. */
	return a.len == b.len &&
		(a.len == 0 || memcmp(a.p, b.p, a.len) == 0 || slice_same_letters(a.p, b.p, a.len));
}

/** Like strcmp()/strcasecmp(), shorter first on a common prefix. */
int slice_cmp(struct slice a, struct slice b);
int slice_icmp(struct slice a, struct slice b);
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
bool slice_istarts(struct slice s, struct slice prefix);
static inline bool slice_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/** Without blanks, tabs, CR and LF at both ends. */
static inline struct slice slice_trim(struct slice s)
{
	while (s.len > 0 && slice_is_blank(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len > 0 && slice_is_blank(s.p[s.len - 1]))
		s.len--;
	return s;
}

/** From offset off (clamped) to the end. */
static inline struct slice slice_from(struct slice s, size_t off)
{
	if (off > s.len)
		off = s.len;
	return off > 0 ? slice_make(s.p + off, s.len - off) : s;
}

/** len bytes from off, both clamped to s. */
struct slice slice_sub(struct slice s, size_t off, size_t len);
/** Index of the first c, or -1. */
static inline ptrdiff_t slice_chr(struct slice s, char c)
{
	const char *at = s.len > 0 ? (const char *)memchr(s.p, c, s.len) : NULL;

	return at != NULL ? at - s.p : -1;
}

/** Index of the first occurrence of needle, or -1. Empty needle: 0. */
ptrdiff_t slice_find(struct slice s, struct slice needle);
ptrdiff_t slice_ifind(struct slice s, struct slice needle);
/** Cut at the first c: *head is before it, *tail after it. False (and nothing written) without c. */
bool slice_cut(struct slice s, char c, struct slice *head, struct slice *tail);
/**
 * Strict unsigned decimal, no sign, no blanks, no overflow, at most max.
 * 0 and *out, or -EINVAL (also when empty), -ERANGE.
 */
int slice_u64(struct slice s, uint64_t max, uint64_t *out);
/**
 * Signed integer as scripts and parameters write it: decimal or 0x hex, optional '-'.
 * 0 and *out, or -EINVAL, -ERANGE.
 */
int slice_i64(struct slice s, int64_t *out);
/** True when p lies inside s (for "is this still the received text?"). */
static inline bool slice_contains(struct slice s, const char *p)
{
	return s.p && p >= s.p && p < s.p + s.len;
}
