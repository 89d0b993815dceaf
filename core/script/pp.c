#include "core/script/pp.h"

#include <stdlib.h>

void pp_init(struct pp *pp, struct arena *arena, struct diags *diags)
{
	memset(pp, 0, sizeof(*pp));
	pp->arena = arena;
	pp->diags = diags;
	pp->substs_end = &pp->substs;
}

void pp_free(struct pp *pp)
{
	for (struct pp_subst *s = pp->substs; s != NULL; s = s->next)
		regfree(&s->re);
	pp->substs = NULL;
}

struct pp_define *pp_find(const struct pp *pp, struct slice name)
{
	for (struct pp_define *d = pp->defines; d != NULL; d = d->next)
		if (slice_eq(d->name, name))
			return d;
	return NULL;
}

static bool is_word_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		(!first && c >= '0' && c <= '9');
}

/* Takes a word from the front of *rest; empty without one. */
static struct slice take_word(struct slice *rest)
{
	struct slice s = slice_trim(*rest);
	size_t n = 0;

	while (n < s.len && is_word_char(s.p[n], n == 0))
		n++;
	*rest = slice_trim(slice_from(s, n));
	return slice_sub(s, 0, n);
}

/* The text of a define with its continued lines joined. */
static struct slice joined(struct pp *pp, struct slice text)
{
	char *out;
	size_t n = 0;

	if (slice_chr(text, '\n') < 0)
		return text;
	out = arena_alloc(pp->arena, text.len);
	if (out == NULL) {
		pp->diags->nomem = true;
		return (struct slice){0};
	}
	for (size_t i = 0; i < text.len; i++) {
		size_t nl = i + 1 < text.len && text.p[i + 1] == '\r' ? i + 2 : i + 1;

		if (text.p[i] == '\\' && nl < text.len && text.p[nl] == '\n') {
			out[n++] = ' ';
			i = nl;
		} else {
			out[n++] = text.p[i];
		}
	}
	return slice_make(out, n);
}

enum define_how { DEFINE_NEW, DEFINE_TRY, DEFINE_AGAIN };

static void define(struct pp *pp, struct slice name, struct slice text,
	struct script_loc loc, enum define_how how)
{
	struct pp_define *d = pp_find(pp, name);

	if (d != NULL) {
		char place[LOC_TEXT];

		if (how == DEFINE_AGAIN)
			d->text = joined(pp, text);
		else if (how == DEFINE_NEW)
			diag_error(pp->diags, loc,
				"'%.*s' is defined already at %s (use #!redefine or "
				"#!trydef)",
				SLICE_ARG(name),
				d->loc.line == 0
					? "script_defines"
					: loc_text(pp->diags, loc, d->loc, place));
		return;
	}
	d = arena_zalloc(pp->arena, sizeof(*d));
	if (d == NULL) {
		pp->diags->nomem = true;
		return;
	}
	d->name = name;
	d->text = joined(pp, text);
	d->loc = loc;
	d->next = pp->defines;
	pp->defines = d;
}

static void undefine(struct pp *pp, struct slice name)
{
	for (struct pp_define **dp = &pp->defines; *dp != NULL; dp = &(*dp)->next)
		if (slice_eq((*dp)->name, name)) {
			*dp = (*dp)->next;
			return;
		}
}

void pp_predefine(struct pp *pp, const struct conf_list *defines)
{
	for (unsigned i = 0; defines != NULL && i < defines->count; i++) {
		struct slice name = slice_str(defines->items[i]), text = {0};

		slice_cut(name, '=', &name, &text);
		define(pp, slice_trim(name), slice_trim(text), (struct script_loc){0},
			DEFINE_AGAIN);
	}
}

static void define_line(
	struct pp *pp, struct slice rest, struct script_loc loc, enum define_how how)
{
	struct slice name = take_word(&rest);

	if (slice_empty(name))
		diag_error(pp->diags, loc, "expected a name after the directive");
	else
		define(pp, name, rest, loc, how);
}

static void open_cond(struct pp *pp, struct script_loc loc, bool taken)
{
	if (pp->cond_count == PP_MAX_CONDS) {
		diag_error(pp->diags, loc,
			"conditionals are nested too deeply (at most %d)", PP_MAX_CONDS);
		return;
	}
	pp->conds[pp->cond_count++] =
		(struct pp_cond){.loc = loc, .taken = taken, .outer_skip = pp->skipping};
	pp->skipping = pp->skipping || !taken;
}

static void cond_line(
	struct pp *pp, struct slice word, struct slice rest, struct script_loc loc)
{
	struct slice name = take_word(&rest);
	bool known = pp_find(pp, name) != NULL;

	if (slice_empty(name) && !pp->skipping)
		diag_error(pp->diags, loc, "expected a name after '#!%.*s'",
			SLICE_ARG(word));
	open_cond(pp, loc, slice_eq(word, SLICE("ifdef")) ? known : !known);
}

static void else_line(struct pp *pp, struct script_loc loc)
{
	struct pp_cond *c = pp->cond_count > 0 ? &pp->conds[pp->cond_count - 1] : NULL;

	if (c == NULL || c->had_else) {
		diag_error(pp->diags, loc, "'#!else' without '#!ifdef'");
		return;
	}
	c->had_else = true;
	c->taken = !c->taken;
	pp->skipping = c->outer_skip || !c->taken;
}

static void endif_line(struct pp *pp, struct script_loc loc)
{
	if (pp->cond_count == 0) {
		diag_error(pp->diags, loc, "'#!endif' without '#!ifdef'");
		return;
	}
	pp->cond_count--;
	pp->skipping = pp->conds[pp->cond_count].outer_skip;
}

void pp_close(struct pp *pp, unsigned level)
{
	while (pp->cond_count > level) {
		diag_error(pp->diags, pp->conds[pp->cond_count - 1].loc,
			"conditional without '#!endif'");
		endif_line(pp, (struct script_loc){0});
	}
}

static bool conditional(
	struct pp *pp, struct slice word, struct slice rest, struct script_loc loc)
{
	if (slice_eq(word, SLICE("ifdef")) || slice_eq(word, SLICE("ifndef"))) {
		cond_line(pp, word, rest, loc);
	} else if (slice_eq(word, SLICE("ifexp"))) {
		if (!pp->skipping)
			diag_error(pp->diags, loc,
				"'#!ifexp' is not supported (use #!ifdef)");
		open_cond(pp, loc, false);
	} else if (slice_eq(word, SLICE("else"))) {
		else_line(pp, loc);
	} else if (slice_eq(word, SLICE("endif"))) {
		endif_line(pp, loc);
	} else {
		return false;
	}
	return true;
}

/* What stands between quotes in a directive's argument. */
static struct slice unquoted(struct slice s)
{
	s = slice_trim(s);
	if (s.len >= 2 && (s.p[0] == '"' || s.p[0] == '\'') && s.p[s.len - 1] == s.p[0])
		return slice_sub(s, 1, s.len - 2);
	return s;
}

static void subst_line(
	struct pp *pp, struct slice word, struct slice rest, struct script_loc loc)
{
	struct slice id, repl;

	if (!pp_subst_add(pp, unquoted(rest), loc, &id, &repl))
		return;
	if (slice_eq(word, SLICE("substdef")))
		define(pp, id, repl, loc, DEFINE_TRY);
	else if (slice_eq(word, SLICE("substdefs")))
		define(pp, id, arena_printf(pp->arena, "\"%.*s\"", SLICE_ARG(repl)), loc,
			DEFINE_TRY);
}

static bool is_mark(struct slice word)
{
	static const char *const marks[] = {
		"KAMAILIO", "OPENSER", "SER", "ALL", "MAXCOMPAT", "OPENSIPS", NULL};

	for (unsigned i = 0; marks[i] != NULL; i++)
		if (slice_eq(word, slice_str(marks[i])))
			return true;
	return false;
}

static bool defining(
	struct pp *pp, struct slice word, struct slice rest, struct script_loc loc)
{
	if (slice_eq(word, SLICE("define")) || slice_eq(word, SLICE("def")))
		define_line(pp, rest, loc, DEFINE_NEW);
	else if (slice_eq(word, SLICE("trydef")) || slice_eq(word, SLICE("trydefine")))
		define_line(pp, rest, loc, DEFINE_TRY);
	else if (slice_eq(word, SLICE("redefine")) || slice_eq(word, SLICE("redef")))
		define_line(pp, rest, loc, DEFINE_AGAIN);
	else if (slice_eq(word, SLICE("undef")) || slice_eq(word, SLICE("undefine")))
		undefine(pp, take_word(&rest));
	else if (slice_starts(word, SLICE("subst")))
		subst_line(pp, word, rest, loc);
	else
		return false;
	return true;
}

enum pp_result pp_directive(
	struct pp *pp, struct slice line, struct script_loc loc, struct slice *path)
{
	struct slice rest = slice_trim(line), word;

	if (slice_starts(rest, SLICE("#!")) || slice_starts(rest, SLICE("!!")))
		rest = slice_from(rest, 2);
	word = take_word(&rest);
	if (conditional(pp, word, rest, loc) || pp->skipping || is_mark(word) ||
		defining(pp, word, rest, loc))
		return PP_DONE;
	if (slice_eq(word, SLICE("include_file")) ||
		slice_eq(word, SLICE("import_file"))) {
		*path = unquoted(rest);
		return slice_eq(word, SLICE("include_file")) ? PP_INCLUDE : PP_IMPORT;
	}
	if (slice_starts(word, SLICE("defe")) || slice_starts(word, SLICE("trydefe")))
		diag_error(pp->diags, loc,
			"'#!%.*s' is not supported (use script_defines)",
			SLICE_ARG(word));
	else
		diag_warning(pp->diags, loc,
			"unknown directive '#!%.*s': taken as a comment",
			SLICE_ARG(word));
	return PP_DONE;
}
