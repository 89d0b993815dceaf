#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/script/transform.h"

#define SUBST_MAX  131072 /* bytes of a result */
#define REPEAT_MAX 1000   /* product of the bounds in a regular expression */
#define GROUPS     10

/** A stretch of the replacement: text with variables, or a group. */
struct stretch {
	struct pv_format *text;
	unsigned group; /* when text is NULL */
};

struct subst {
	regex_t re;
	bool compiled, all;
	struct stretch *list;
	unsigned count;
};

/** End of the part that begins at pos: the next delimiter without a backslash before it. -1. */
static ptrdiff_t part_end(struct slice s, size_t pos, char delim)
{
	for (; pos < s.len; pos++) {
		if (s.p[pos] == '\\' && pos + 1 < s.len)
			pos++;
		else if (s.p[pos] == delim)
			return (ptrdiff_t)pos;
	}
	return -1;
}

/** A copy with "\<delim>" turned into the delimiter. */
static char *unquote(struct slice s, char delim)
{
	char *text = malloc(s.len + 1);
	size_t i, n = 0;

	if (!text)
		return NULL;
	for (i = 0; i < s.len; i++) {
		if (s.p[i] == '\\' && i + 1 < s.len && s.p[i + 1] == delim)
			i++;
		text[n++] = s.p[i];
	}
	text[n] = '\0';
	return text;
}

/** The highest number in "{m,n}"; *re moves to its end. */
static uint64_t highest_bound(const char **re)
{
	uint64_t n = 0, high = 1;
	const char *p = *re;

	for (; *p && *p != '}' && high <= REPEAT_MAX; p++) {
		n = *p >= '0' && *p <= '9' ? n * 10 + (uint64_t)(*p - '0') : 0;
		high = n > high ? n : high;
	}
	*re = *p ? p : p - 1;
	return high;
}

/** regcomp() copies what "{m,n}" repeats, and what '+' does once more: would it take memory out of proportion? */
static bool is_costly(const char *re)
{
	uint64_t product = 1;
	char before = '\0';

	for (; *re && product <= REPEAT_MAX; re++) {
		if (*re == '\\' && re[1])
			re++;
		else if (*re == '{')
			product *= highest_bound(&re);
		else if (*re == '+' && before && strchr(")}+*?", before))
			product *= 2;
		before = *re;
	}
	return product > REPEAT_MAX;
}

static int compile_re(
	struct subst *s, struct slice re, char delim, int cflags, char why[160])
{
	char *text = unquote(re, delim), fault[100];
	int err;

	if (!text)
		return -ENOMEM;
	if (is_costly(text)) {
		free(text);
		(void)snprintf(why, 160, "the regular expression repeats too much");
		return -EINVAL;
	}
	err = regcomp(&s->re, text, cflags);
	free(text);
	if (err == 0) {
		s->compiled = true;
		return 0;
	}
	(void)regerror(err, &s->re, fault, sizeof(fault));
	(void)snprintf(why, 160, "bad regular expression: %s", fault);
	return -EINVAL;
}

static int add_text(struct subst *s, struct slice text, bool kamailio, char why[160])
{
	size_t at;

	if (slice_empty(text))
		return 0;
	return pv_format_parse(&s->list[s->count++].text, text, kamailio, why, &at);
}

/** Cut the replacement at "\0" .. "\9". */
static int compile_replacement(
	struct subst *s, struct slice repl, char delim, bool kamailio, char why[160])
{
	char *text = unquote(repl, delim);
	struct slice all = slice_str(text);
	size_t start = 0, i;
	int err = 0;

	s->list = text ? calloc(all.len + 1, sizeof(*s->list)) : NULL;
	if (!s->list) {
		free(text);
		return -ENOMEM;
	}
	for (i = 0; i + 1 < all.len && err == 0; i++) {
		if (all.p[i] != '\\' || all.p[i + 1] < '0' || all.p[i + 1] > '9')
			continue;
		err = add_text(s, slice_sub(all, start, i - start), kamailio, why);
		if (err == 0)
			s->list[s->count++].group = (unsigned)(all.p[i + 1] - '0');
		start = ++i + 1;
	}
	if (err == 0)
		err = add_text(s, slice_from(all, start), kamailio, why);
	free(text);
	return err;
}

static int read_flags(struct slice flags, bool *all, int *cflags, char why[160])
{
	size_t i;

	for (i = 0; i < flags.len; i++) {
		switch (flags.p[i]) {
		case 'g':
			*all = true;
			break;
		case 'i':
			*cflags |= REG_ICASE;
			break;
		case 's':
			*cflags &= ~REG_NEWLINE;
			break;
		default:
			(void)snprintf(why, 160, "unknown flag '%c' of a substitution",
				flags.p[i]);
			return -EINVAL;
		}
	}
	return 0;
}

int subst_new(struct subst **out, struct slice expr, bool kamailio, char why[160])
{
	int cflags = REG_EXTENDED | REG_NEWLINE, err;
	ptrdiff_t mid, end;
	struct subst *s;

	mid = expr.len > 2 ? part_end(expr, 1, expr.p[0]) : -1;
	end = mid < 0 ? -1 : part_end(expr, (size_t)mid + 1, expr.p[0]);
	if (end < 0) {
		(void)snprintf(
			why, 160, "a substitution has the form /regex/replacement/flags");
		return -EINVAL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	err = read_flags(slice_from(expr, (size_t)end + 1), &s->all, &cflags, why);
	if (err == 0)
		err = compile_re(
			s, slice_sub(expr, 1, (size_t)mid - 1), expr.p[0], cflags, why);
	if (err == 0)
		err = compile_replacement(s,
			slice_sub(expr, (size_t)mid + 1, (size_t)(end - mid - 1)),
			expr.p[0], kamailio, why);
	if (err != 0) {
		subst_free(&s);
		return err;
	}
	*out = s;
	return 0;
}

void subst_free(struct subst **sp)
{
	struct subst *s = *sp;
	unsigned i;

	if (!s)
		return;
	*sp = NULL;
	for (i = 0; i < s->count; i++)
		pv_format_free(&s->list[i].text);
	free(s->list);
	if (s->compiled)
		regfree(&s->re);
	free(s);
}

static int add_replacement(const struct subst *s, const struct script_env *env,
	struct ph_msg *msg, const char *base, const regmatch_t *m, struct buf *b)
{
	unsigned i;

	for (i = 0; i < s->count; i++) {
		const struct stretch *st = &s->list[i];
		const regmatch_t *g = &m[st->group];
		struct slice text;
		int err;

		if (!st->text) {
			if (g->rm_so >= 0)
				buf_add(b,
					slice_make(base + g->rm_so,
						(size_t)(g->rm_eo - g->rm_so)));
			continue;
		}
		err = pv_format_eval(st->text, env, msg, &text);
		if (err != 0)
			return err;
		buf_add(b, text);
	}
	return 0;
}

int subst_run(const struct subst *s, const struct script_env *env, struct ph_msg *msg,
	struct slice in, struct slice *out)
{
	/* A copy that ends with NUL: with REG_STARTEND regexec() needs none, but sanitizers look for it. */
	const char *base = arena_dup(msg->arena, in.p ? in : SLICE("")).p;
	size_t pos = 0, copied = 0;
	struct buf b;
	int count = 0;

	if (!base)
		return -ENOMEM;
	buf_arena(&b, msg->arena, in.len + 64, SUBST_MAX);
	while (pos <= in.len && b.err == 0) {
		regmatch_t m[GROUPS];
		int flags = REG_STARTEND |
			(pos > 0 && base[pos - 1] != '\n' ? REG_NOTBOL : 0),
		    err;

		m[0].rm_so = (regoff_t)pos;
		m[0].rm_eo = (regoff_t)in.len;
		if (regexec(&s->re, base, GROUPS, m, flags) != 0)
			break;
		buf_add(&b, slice_make(base + copied, (size_t)m[0].rm_so - copied));
		err = add_replacement(s, env, msg, base, m, &b);
		if (err != 0)
			return err;
		copied = (size_t)m[0].rm_eo;
		/* An empty match must not be found again in the same place. */
		pos = m[0].rm_eo > m[0].rm_so ? copied : copied + 1;
		count++;
		if (!s->all)
			break;
	}
	if (count == 0) {
		*out = in;
		return 0;
	}
	buf_add(&b, slice_from(slice_make(base, in.len), copied));
	if (b.err != 0)
		return -ENOMEM;
	*out = buf_slice(&b);
	return count;
}
