#include <stdio.h>

#include "core/base/buf.h"
#include "core/script/pp.h"

#define SUBST_MAX_TEXT 65536

/* "!a!b!flags" at its delimiters. */
static bool split(
	struct slice spec, struct slice *re, struct slice *repl, struct slice *flags)
{
	char delim;

	if (spec.len < 3)
		return false;
	delim = spec.p[0];
	return slice_cut(slice_from(spec, 1), delim, re, repl) &&
		slice_cut(*repl, delim, repl, flags) && re->len > 0;
}

bool pp_subst_add(struct pp *pp, struct slice spec, struct script_loc loc,
	struct slice *id, struct slice *repl)
{
	struct slice re, to, flags;
	struct pp_subst *s;
	char why[128];
	int cflags = REG_EXTENDED, err;

	if (!split(spec, &re, &to, &flags)) {
		diag_error(pp->diags, loc,
			"expected \"/pattern/replacement/flags\", found '%.*s'",
			SLICE_ARG(spec));
		return false;
	}
	s = arena_zalloc(pp->arena, sizeof(*s));
	re = arena_dup(pp->arena, re);
	if (s == NULL || re.p == NULL) {
		pp->diags->nomem = true;
		return false;
	}
	if (slice_chr(flags, 'i') >= 0)
		cflags |= REG_ICASE;
	err = regcomp(&s->re, re.p, cflags);
	if (err != 0) {
		regerror(err, &s->re, why, sizeof(why));
		diag_error(pp->diags, loc, "bad pattern '%.*s': %s", SLICE_ARG(re), why);
		return false;
	}
	s->repl = to;
	s->all = slice_chr(flags, 'g') >= 0;
	*pp->substs_end = s;
	pp->substs_end = &s->next;
	*id = re;
	*repl = to;
	return true;
}

static void add_replacement(
	struct buf *out, struct slice repl, const char *base, const regmatch_t m[10])
{
	for (size_t i = 0; i < repl.len; i++) {
		unsigned n;

		if (repl.p[i] != '\\' || i + 1 == repl.len) {
			buf_chr(out, repl.p[i]);
			continue;
		}
		i++;
		n = (unsigned)(repl.p[i] - '0');
		if (n > 9)
			buf_chr(out, repl.p[i]);
		else if (m[n].rm_so >= 0)
			buf_add(out,
				slice_make(base + m[n].rm_so,
					(size_t)(m[n].rm_eo - m[n].rm_so)));
	}
}

static struct slice apply_one(struct pp *pp, const struct pp_subst *s, struct slice text)
{
	regmatch_t m[10];
	struct buf out;
	size_t off = 0;
	bool any = false;

	text = arena_dup(pp->arena, text);
	if (text.p == NULL) {
		pp->diags->nomem = true;
		return text;
	}
	buf_arena(&out, pp->arena, text.len + 32, SUBST_MAX_TEXT);
	while (off <= text.len) {
		m[0].rm_so = 0;
		m[0].rm_eo = (regoff_t)(text.len - off);
		if (regexec(&s->re, text.p + off, 10, m,
			    REG_STARTEND | (off ? REG_NOTBOL : 0)) != 0)
			break;
		buf_add(&out, slice_sub(text, off, (size_t)m[0].rm_so));
		add_replacement(&out, s->repl, text.p + off, m);
		any = true;
		off += (size_t)m[0].rm_eo;
		/* An empty match replaces before the next byte, which then passes. */
		if (m[0].rm_eo == m[0].rm_so) {
			buf_add(&out, slice_sub(text, off, 1));
			off++;
		}
		if (!s->all)
			break;
	}
	if (!any)
		return text;
	buf_add(&out, slice_from(text, off));
	if (out.err != 0) {
		pp->diags->nomem = true;
		return text;
	}
	return buf_slice(&out);
}

struct slice pp_subst_apply(struct pp *pp, struct slice text)
{
	for (const struct pp_subst *s = pp->substs; s != NULL && text.p != NULL;
		s = s->next)
		text = apply_one(pp, s, text);
	return text;
}
