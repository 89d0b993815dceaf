#include "storage/redis_keys.h"

#include <errno.h>
#include <stdint.h>

static bool plain(unsigned char c)
{
	return c > ' ' && c != 0x7f && c != '{' && c != '}' && c != '%';
}

/* Upper bound of what escape() writes. */
static size_t escaped_max(struct slice s)
{
	return s.len * 3;
}

static char *escape(char *to, struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (plain(c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = "0123456789ABCDEF"[c >> 4];
		*to++ = "0123456789ABCDEF"[c & 15];
	}
	return to;
}

static char *put(char *to, struct slice s)
{
	if (!slice_empty(s))
		memcpy(to, s.p, s.len);
	return to + s.len;
}

/* head + kind + escaped name + tail */
static struct slice make(struct arena *a, const char *prefix, struct slice kind,
	struct slice name, struct slice tail, struct slice id)
{
	struct slice head = slice_str(prefix);
	char *p, *start;

	/* The callers bound each part; this is for the sum. */
	if (name.len > SIZE_MAX / 4 - head.len - kind.len - tail.len - id.len)
		return (struct slice){0};
	start = arena_alloc(
		a, head.len + kind.len + escaped_max(name) + tail.len + id.len);
	if (start == NULL)
		return (struct slice){0};
	p = put(start, head);
	p = put(p, kind);
	p = escape(p, name);
	p = put(p, tail);
	p = put(p, id);
	return slice_make(start, (size_t)(p - start));
}

struct slice redis_key_aor(struct arena *a, const char *prefix, struct slice aor)
{
	return make(a, prefix, SLICE("aor:{"), aor, SLICE("}"), SLICE(""));
}

struct slice redis_key_contacts(struct arena *a, const char *prefix, struct slice aor)
{
	return make(a, prefix, SLICE("contact:{"), aor, SLICE("}:"), SLICE(""));
}

struct slice redis_key_contact(
	struct arena *a, const char *prefix, struct slice aor, struct slice id)
{
	return make(a, prefix, SLICE("contact:{"), aor, SLICE("}:"), id);
}

struct slice redis_key_binding(struct arena *a, const char *prefix, struct slice socket)
{
	return make(a, prefix, SLICE("binding:"), socket, SLICE(""), SLICE(""));
}

struct slice redis_key_member(struct arena *a, struct slice aor, struct slice id)
{
	return make(a, "", SLICE("{"), aor, SLICE("}:"), id);
}

struct slice redis_key_secret(struct arena *a, const char *prefix)
{
	return make(a, prefix, SLICE("secret"), SLICE(""), SLICE(""), SLICE(""));
}

struct slice redis_key_node(struct arena *a, const char *prefix, struct slice name)
{
	return make(a, prefix, SLICE("node:"), name, SLICE(""), SLICE(""));
}

struct slice redis_key_contacts_pattern(struct arena *a, const char *prefix)
{
	struct slice head = slice_str(prefix);
	struct slice tail = SLICE("contact:{*");
	char *start = arena_alloc(a, head.len * 2 + tail.len);
	char *p = start;
	size_t i;

	if (start == NULL)
		return (struct slice){0};
	for (i = 0; i < head.len; i++) {
		/* What SCAN's MATCH would take as a pattern. */
		if (strchr("*?[]^\\", head.p[i]) != NULL)
			*p++ = '\\';
		*p++ = head.p[i];
	}
	p = put(p, tail);
	return slice_make(start, (size_t)(p - start));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Exactly what escape() writes; anything else is not ours. */
static int unescape(struct arena *a, struct slice s, struct slice *out)
{
	char *start = arena_alloc(a, s.len);
	char *p = start;
	size_t i;

	if (start == NULL)
		return -ENOMEM;
	for (i = 0; i < s.len; i++) {
		int hi, lo;

		if (s.p[i] != '%') {
			*p++ = s.p[i];
			continue;
		}
		if (i + 2 >= s.len)
			return -EINVAL;
		hi = hex_digit(s.p[i + 1]);
		lo = hex_digit(s.p[i + 2]);
		if (hi < 0 || lo < 0)
			return -EINVAL;
		*p++ = (char)(hi * 16 + lo);
		i += 2;
	}
	*out = slice_make(start, (size_t)(p - start));
	return 0;
}

int redis_key_parse_contact(struct arena *a, const char *prefix, struct slice key,
	struct slice *aor, struct slice *id)
{
	struct slice head = slice_str(prefix);
	struct slice rest, name, tail;
	int err;

	if (!slice_starts(key, head))
		return -EINVAL;
	rest = slice_from(key, head.len);
	if (!slice_starts(rest, SLICE("contact:{")))
		return -EINVAL;
	rest = slice_from(rest, sizeof("contact:{") - 1);
	if (!slice_cut(rest, '}', &name, &tail) || slice_empty(name))
		return -EINVAL;
	if (!slice_starts(tail, SLICE(":")) || tail.len < 2)
		return -EINVAL;
	err = unescape(a, name, &rest);
	if (err != 0)
		return err;
	*aor = rest;
	*id = slice_from(tail, 1);
	return 0;
}
