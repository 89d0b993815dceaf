#include <errno.h>

#include "core/script/pv_row.h"
#include "core/script/transform.h"

#define TEXT_MAX 131072 /* bytes that a transformation may make */

/** Room for a result of about len bytes. */
static void room(const struct tr_call *c, struct buf *b, size_t len)
{
	buf_arena(b, c->arena, len ? len : 1, TEXT_MAX);
}

static int made(const struct buf *b, struct script_value *out)
{
	return b->err ? -ENOMEM : pv_text(out, buf_slice(b));
}

static int run_len(const struct tr_call *c, struct slice in, struct script_value *out)
{
	(void)c;
	return pv_int(out, (int64_t)in.len);
}

static int run_int(const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct script_value v = {.type = SCRIPT_TEXT, .s = slice_trim(in)};
	int64_t n;

	(void)c;
	return value_int(&v, &n) == 0 ? pv_int(out, n) : -ENOENT;
}

/** Item i of in cut at sep; negative i counts from the end. Empty when there is none. */
static struct slice item_at(struct slice in, char sep, int64_t i)
{
	struct slice head, rest = in;
	int64_t count = 1;
	size_t k;

	if (i < 0) {
		for (k = 0; k < in.len; k++)
			count += in.p[k] == sep;
		i += count;
		if (i < 0)
			return SLICE("");
	}
	for (; slice_cut(rest, sep, &head, &rest); i--)
		if (i == 0)
			return head;
	return i == 0 ? rest : SLICE("");
}

static int run_select(const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct slice sep = tr_text(c, 1);

	return pv_text(
		out, item_at(in, slice_empty(sep) ? ',' : sep.p[0], tr_int(c, 0, 0)));
}

static int run_substr(const struct tr_call *c, struct slice in, struct script_value *out)
{
	int64_t off = tr_int(c, 0, 0), len = tr_int(c, 1, 0), size = (int64_t)in.len;

	if (off < 0)
		off = off + size < 0 ? 0 : off + size;
	if (off > size)
		off = size;
	if (len == 0 || len > size - off)
		len = size - off;
	if (len < 0) /* counts from the end */
		len = size - off + len < 0 ? 0 : size - off + len;
	return pv_text(out, slice_sub(in, (size_t)off, (size_t)len));
}

enum { TO_LOWER, TO_UPPER };

static int run_case(const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct buf b;
	size_t i;

	room(c, &b, in.len);
	for (i = 0; i < in.len; i++) {
		char ch = in.p[i];

		if (c->what == TO_LOWER && ch >= 'A' && ch <= 'Z')
			ch = (char)(ch + 32);
		else if (c->what == TO_UPPER && ch >= 'a' && ch <= 'z')
			ch = (char)(ch - 32);
		buf_chr(&b, ch);
	}
	return made(&b, out);
}

enum { STRIP_FRONT, STRIP_TAIL };

static int run_strip(const struct tr_call *c, struct slice in, struct script_value *out)
{
	int64_t n = tr_int(c, 0, 0);
	size_t cut = n <= 0 ? 0 : (uint64_t)n > in.len ? in.len : (size_t)n;

	if (c->what == STRIP_TAIL)
		return pv_text(out, slice_sub(in, 0, in.len - cut));
	return pv_text(out, slice_from(in, cut));
}

static int run_trim(const struct tr_call *c, struct slice in, struct script_value *out)
{
	size_t start = 0, end = in.len;

	if (c->what != STRIP_TAIL)
		while (start < end && strchr(" \t\r\n", in.p[start]) && in.p[start])
			start++;
	if (c->what != STRIP_FRONT)
		while (end > start && strchr(" \t\r\n", in.p[end - 1]) && in.p[end - 1])
			end--;
	return pv_text(out, slice_sub(in, start, end - start));
}

static int run_index(const struct tr_call *c, struct slice in, struct script_value *out)
{
	return pv_int(out, slice_find(in, tr_text(c, 0)));
}

/** {s.replace,a,b} and {s.rm,a}. */
static int run_replace(const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct slice what = tr_text(c, 0), by = tr_text(c, 1);
	struct buf b;
	ptrdiff_t at;

	if (slice_empty(what))
		return pv_text(out, in);
	room(c, &b, in.len);
	while ((at = slice_find(in, what)) >= 0) {
		buf_add(&b, slice_sub(in, 0, (size_t)at));
		buf_add(&b, by);
		in = slice_from(in, (size_t)at + what.len);
	}
	buf_add(&b, in);
	return made(&b, out);
}

enum { BEFORE, AFTER };

static int run_around(const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct slice mark = tr_text(c, 0);
	ptrdiff_t at = slice_empty(mark) ? -1 : slice_chr(in, mark.p[0]);

	if (c->what == BEFORE)
		return pv_text(out, at < 0 ? in : slice_sub(in, 0, (size_t)at));
	return pv_text(out, at < 0 ? SLICE("") : slice_from(in, (size_t)at + 1));
}

/** "abc" gives "a,ab,abc"; the parameter bounds their length. */
static int run_prefixes(
	const struct tr_call *c, struct slice in, struct script_value *out)
{
	int64_t most = tr_int(c, 0, (int64_t)in.len);
	struct buf b;
	size_t i;

	room(c, &b, 64);
	for (i = 1; i <= in.len && (int64_t)i <= most && b.err == 0; i++) {
		if (i > 1)
			buf_chr(&b, ',');
		buf_add(&b, slice_sub(in, 0, i));
	}
	return made(&b, out);
}

static int run_numeric(const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct buf b;
	size_t i;

	room(c, &b, in.len);
	for (i = 0; i < in.len; i++)
		if (in.p[i] >= '0' && in.p[i] <= '9')
			buf_chr(&b, in.p[i]);
	return made(&b, out);
}

static int run_subst(const struct tr_call *c, struct slice in, struct script_value *out)
{
	struct slice text;
	int n = subst_run(c->subst, c->env, c->msg, in, &text);

	return n < 0 ? n : pv_text(out, text);
}

/* clang-format off */
const struct tr_row tr_text_rows[] = {
	{.name = "s.len", .run = run_len},
	{.name = "s.int", .run = run_int},
	{.name = "s.select", .min = 1, .max = 2, .run = run_select},
	{.name = "s.substr", .min = 1, .max = 2, .run = run_substr},
	{.name = "s.tolower", .run = run_case, .what = TO_LOWER},
	{.name = "s.toupper", .run = run_case, .what = TO_UPPER},
	{.name = "s.strip", .min = 1, .max = 1, .run = run_strip, .what = STRIP_FRONT},
	{.name = "s.striptail", .min = 1, .max = 1, .run = run_strip, .what = STRIP_TAIL},
	{.name = "s.trim", .run = run_trim, .what = 2},
	{.name = "s.ltrim", .run = run_trim, .what = STRIP_FRONT},
	{.name = "s.rtrim", .run = run_trim, .what = STRIP_TAIL},
	{.name = "s.index", .min = 1, .max = 1, .run = run_index},
	{.name = "s.replace", .min = 2, .max = 2, .run = run_replace},
	{.name = "s.rm", .min = 1, .max = 1, .run = run_replace},
	{.name = "s.before", .min = 1, .max = 1, .run = run_around, .what = BEFORE},
	{.name = "s.after", .min = 1, .max = 1, .run = run_around, .what = AFTER},
	{.name = "s.prefixes", .max = 1, .run = run_prefixes},
	{.name = "s.numeric", .run = run_numeric},
	{.name = "re.subst", .min = 1, .max = 1, .run = run_subst},
	{0},
};
/* clang-format on */
