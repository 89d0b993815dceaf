#include "storage/redis_keys.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

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

struct slice redis_key_left(struct arena *a, const char *prefix, struct slice socket)
{
	return make(a, prefix, SLICE("left:"), socket, SLICE(""), SLICE(""));
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

struct slice redis_key_nodes(struct arena *a, const char *prefix)
{
	return make(a, prefix, SLICE("nodes"), SLICE(""), SLICE(""), SLICE(""));
}

struct slice redis_key_lease(struct arena *a, const char *prefix, struct slice thing)
{
	return make(a, prefix, SLICE("lease:"), thing, SLICE(""), SLICE(""));
}

struct slice redis_key_set(struct arena *a, const char *prefix, int64_t set)
{
	return arena_printf(a, "%srtpp:set:%" PRId64, prefix, set);
}

struct slice redis_key_sets(struct arena *a, const char *prefix)
{
	return make(a, prefix, SLICE("rtpp:sets"), SLICE(""), SLICE(""), SLICE(""));
}

struct slice redis_key_relay(struct arena *a, const char *prefix, struct slice url)
{
	return make(a, prefix, SLICE("rtpp:relay:"), url, SLICE(""), SLICE(""));
}

struct slice redis_key_dialog(
	struct arena *a, const char *prefix, struct slice call_id, struct slice id)
{
	return make(a, prefix, SLICE("dialog:{"), call_id, SLICE("}:"), id);
}

struct slice redis_key_dialog_id(struct arena *a, const char *prefix, struct slice id)
{
	return make(a, prefix, SLICE("dialog:id:"), SLICE(""), SLICE(""), id);
}

struct slice redis_key_timers(struct arena *a, const char *prefix)
{
	return make(a, prefix, SLICE("dialog:timers"), SLICE(""), SLICE(""), SLICE(""));
}

struct slice redis_key_pattern(struct arena *a, struct slice head, const char *tail)
{
	char *start = arena_alloc(a, head.len * 2 + strlen(tail));
	char *p = start;
	size_t i;

	if (start == NULL)
		return (struct slice){0};
	for (i = 0; i < head.len; i++) {
		/* What SCAN's MATCH would take as a pattern. */
		if (head.p[i] != '\0' && strchr("*?[]^\\", head.p[i]) != NULL)
			*p++ = '\\';
		*p++ = head.p[i];
	}
	p = put(p, slice_str(tail));
	return slice_make(start, (size_t)(p - start));
}

struct slice redis_key_contacts_pattern(struct arena *a, const char *prefix)
{
	return redis_key_pattern(a, slice_str(prefix), "contact:{*");
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

/* "{name}:id" */
static int parse_braced(
	struct arena *a, struct slice text, struct slice *name, struct slice *id)
{
	struct slice inner, tail;
	int err;

	if (!slice_starts(text, SLICE("{")) ||
		!slice_cut(slice_from(text, 1), '}', &inner, &tail) || slice_empty(inner))
		return -EINVAL;
	if (!slice_starts(tail, SLICE(":")) || tail.len < 2)
		return -EINVAL;
	err = unescape(a, inner, name);
	if (err == 0)
		*id = slice_from(tail, 1);
	return err;
}

int redis_key_parse_member(
	struct arena *a, struct slice member, struct slice *aor, struct slice *id)
{
	return parse_braced(a, member, aor, id);
}

/* What follows prefix and kind in key. */
static bool cut_head(
	struct slice key, const char *prefix, struct slice kind, struct slice *rest)
{
	struct slice head = slice_str(prefix);

	if (!slice_starts(key, head) || !slice_starts(slice_from(key, head.len), kind))
		return false;
	*rest = slice_from(key, head.len + kind.len);
	return true;
}

int redis_key_parse_contact(struct arena *a, const char *prefix, struct slice key,
	struct slice *aor, struct slice *id)
{
	struct slice rest;

	if (!cut_head(key, prefix, SLICE("contact:"), &rest))
		return -EINVAL;
	return parse_braced(a, rest, aor, id);
}

int redis_key_set_id(struct slice text, int64_t *set)
{
	char again[24];
	int64_t n;

	if (slice_i64(text, &n) != 0)
		return -EINVAL;
	/* Only as redis_key_set() writes it: "007" is another key. */
	(void)snprintf(again, sizeof(again), "%" PRId64, n);
	if (!slice_eq(text, slice_str(again)))
		return -EINVAL;
	*set = n;
	return 0;
}

int redis_key_parse_set(const char *prefix, struct slice key, int64_t *set)
{
	struct slice rest;

	if (!cut_head(key, prefix, SLICE("rtpp:set:"), &rest))
		return -EINVAL;
	return redis_key_set_id(rest, set);
}
