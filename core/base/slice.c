#include "core/base/slice.h"

#include <errno.h>

static unsigned char lower(char c)
{
	unsigned char u = (unsigned char)c;

	return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

static int icmp_bytes(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int diff = (int)lower(a[i]) - (int)lower(b[i]);

		if (diff != 0)
			return diff;
	}
	return 0;
}

/* The order of two texts whose common prefix is equal. */
static int cmp_len(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

bool slice_same_letters(const char *a, const char *b, size_t len)
{
	return icmp_bytes(a, b, len) == 0;
}

int slice_cmp(struct slice a, struct slice b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int diff = common > 0 ? memcmp(a.p, b.p, common) : 0;

	return diff != 0 ? diff : cmp_len(a.len, b.len);
}

int slice_icmp(struct slice a, struct slice b)
{
	int diff = icmp_bytes(a.p, b.p, a.len < b.len ? a.len : b.len);

	return diff != 0 ? diff : cmp_len(a.len, b.len);
}

bool slice_starts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && slice_eq(slice_make(s.p, prefix.len), prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len && slice_eq(slice_from(s, s.len - suffix.len), suffix);
}

bool slice_istarts(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && icmp_bytes(s.p, prefix.p, prefix.len) == 0;
}

struct slice slice_sub(struct slice s, size_t off, size_t len)
{
	s = slice_from(s, off);
	if (s.len > len)
		s.len = len;
	return s;
}

ptrdiff_t slice_find(struct slice s, struct slice needle)
{
	const char *at;

	if (needle.len == 0)
		return 0;
	if (s.len < needle.len)
		return -1;
	at = memmem(s.p, s.len, needle.p, needle.len);
	return at != NULL ? at - s.p : -1;
}

ptrdiff_t slice_ifind(struct slice s, struct slice needle)
{
	if (needle.len == 0)
		return 0;
	for (size_t i = 0; s.len - i >= needle.len; i++) {
		if (icmp_bytes(s.p + i, needle.p, needle.len) == 0)
			return (ptrdiff_t)i;
	}
	return -1;
}

bool slice_cut(struct slice s, char c, struct slice *head, struct slice *tail)
{
	ptrdiff_t at = slice_chr(s, c);

	if (at < 0)
		return false;
	/* s is a copy, so head or tail may be the caller's own s. */
	*head = slice_make(s.p, (size_t)at);
	*tail = slice_from(s, (size_t)at + 1);
	return true;
}

static int digit_value(char c, unsigned base)
{
	int v;

	if (c >= '0' && c <= '9')
		v = c - '0';
	else if (lower(c) >= 'a' && lower(c) <= 'f')
		v = lower(c) - 'a' + 10;
	else
		return -1;
	return (unsigned)v < base ? v : -1;
}

/* Digits only. A bad byte anywhere is -EINVAL, even behind an overflow. */
static int parse_digits(struct slice s, unsigned base, uint64_t max, uint64_t *out)
{
	bool over = false;
	uint64_t n = 0;

	if (s.len == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		int v = digit_value(s.p[i], base);

		if (v < 0)
			return -EINVAL;
		if (n > (UINT64_MAX - (unsigned)v) / base)
			over = true;
		n = n * base + (unsigned)v;
	}
	if (over || n > max)
		return -ERANGE;
	*out = n;
	return 0;
}

int slice_u64(struct slice s, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	/* Up to 19 digits cannot overflow. */
	if (s.len == 0 || s.len > 19)
		return parse_digits(s, 10, max, out);
	for (size_t i = 0; i < s.len; i++) {
		unsigned v = (unsigned)(unsigned char)s.p[i] - '0';

		if (v > 9)
			return -EINVAL;
		n = n * 10 + v;
	}
	if (n > max)
		return -ERANGE;
	*out = n;
	return 0;
}

int slice_i64(struct slice s, int64_t *out)
{
	bool minus = s.len > 0 && s.p[0] == '-';
	/* The negative range reaches one further. */
	uint64_t max = (uint64_t)INT64_MAX + (minus ? 1 : 0);
	unsigned base = 10;
	uint64_t n;
	int err;

	if (minus)
		s = slice_from(s, 1);
	if (slice_istarts(s, SLICE("0x"))) {
		base = 16;
		s = slice_from(s, 2);
	}
	err = parse_digits(s, base, max, &n);
	if (err != 0)
		return err;
	*out = minus ? (int64_t)(0 - n) : (int64_t)n;
	return 0;
}
