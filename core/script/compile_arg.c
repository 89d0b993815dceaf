/* One argument of a call: what its row wants of a literal, or how it is made at run time. */
#include <stdio.h>

#include "core/script/arg.h"
#include "core/script/compile.h"

struct slice literal_text(struct compile *c, const struct node *n)
{
	struct slice s = {0};

	if (n->kind == N_STR || n->kind == N_HOST || n->kind == N_IP ||
		(n->kind == N_CALL && n->bare) || (n->kind == N_INT && n->text.len > 0))
		s = n->text;
	else if (n->kind == N_INT)
		s = arena_printf(c->arena, "%lld", (long long)n->n);
	else
		return s;
	/* Also an empty literal has a place. */
	return s.p != NULL ? s : slice_make("", 0);
}

/* What one argument is made from. */
struct making {
	struct compile *c;
	const struct node *call, *arg;
	const struct ph_arg_row *row;
	struct script_arg *out;
	unsigned i;
	const void *conf; /* of the function's plugin */
};

static void complain(const struct making *m, const char *what, struct slice text)
{
	diag_error(m->c->diags, m->arg->loc, "argument %u (%s) of '%.*s' %s%s%.*s%s",
		m->i + 1, m->row->name ? m->row->name : "?", SLICE_ARG(m->call->text),
		what, text.p ? ", found '" : "", SLICE_ARG(text), text.p ? "'" : "");
}

static void format(const struct making *m, struct slice text)
{
	char why[160] = "";
	size_t at = 0;
	struct script_loc loc = m->arg->loc;

	if (pv_format_parse(&m->out->format, text, m->c->kamailio, why, &at) != 0) {
		/* Past the quote; escapes before the fault would shift it. */
		loc.column = (uint16_t)(loc.column + at + 1);
		diag_error(m->c->diags, loc, "%s", why);
		m->out->format = NULL;
		return;
	}
	if (program_own_format(m->c->prog, m->out->format) < 0) {
		pv_format_free(&m->out->format);
		compile_nomem(m->c);
	}
	m->out->how = ARG_FORMAT;
}

static void pattern(const struct making *m, struct slice text)
{
	char why[160];
	int re = program_regex(m->c->prog, text, REG_NEWLINE, why);

	if (re < 0)
		diag_error(m->c->diags, m->arg->loc, "bad pattern \"%.*s\": %s",
			SLICE_ARG(text), why);
	else
		m->out->ready.re = *PROGRAM_AT(m->c->prog->regexes, regex_t *, re);
}

/* False: told. */
static bool flags(const struct making *m, struct slice text)
{
	struct slice bad = text;
	const char *near = NULL;
	char hint[80] = "";

	if (arg_flags(m->row->flag_names, text, &m->out->ready.n, &bad) == 0)
		return true;
	if (m->row->flag_names != NULL) {
		const char *names[64];
		unsigned n = 0;

		for (const struct ph_flag_name *f = m->row->flag_names; f->name && n < 63;
			f++)
			names[n++] = f->name;
		names[n] = NULL;
		near = nearest_name(bad, names);
	}
	if (near != NULL)
		snprintf(hint, sizeof(hint), " (did you mean '%s'?)", near);
	diag_error(m->c->diags, m->arg->loc,
		"argument %u (%s) of '%.*s': expected a number%s, found '%.*s'%s",
		m->i + 1, m->row->name ? m->row->name : "?", SLICE_ARG(m->call->text),
		m->row->flag_names ? " or names of flags" : "", SLICE_ARG(bad), hint);
	return false;
}

static void route_name(const struct making *m, struct slice text)
{
	enum script_block_kind kind = SCRIPT_REPLY;
	struct block *b;

	if (!arg_route_kind(m->row->route_kw, &kind)) {
		complain(m, "names a block of a kind that is not supported", text);
		return;
	}
	m->out->ready.n = -1;
	if (slice_eq(text, SLICE("0")))
		return;
	b = block_find(m->c, kind, text);
	if (b == NULL) {
		diag_error(m->c->diags, m->arg->loc,
			"'%s[%.*s]' is armed here but not defined", m->row->route_kw,
			SLICE_ARG(text));
		return;
	}
	b->used = true;
	m->out->ready.n = (int64_t)b->index;
}

static void bit_flag(const struct making *m, struct slice text)
{
	struct compile *c = m->c;
	struct late_flag *late;
	int64_t n;

	if (slice_i64(text, &n) == 0) {
		if (n < 0 || n > 31)
			complain(m, "must be a flag from 0 to 31", text);
		m->out->ready.n = n & 31;
		c->flag_numbers |= (uint32_t)1 << (n & 31);
		return;
	}
	late = arena_zalloc(c->arena, sizeof(*late));
	if (late == NULL || !program_flag(c->prog, text, -1)) {
		compile_nomem(c);
		return;
	}
	late->flag = program_flag_find(c->prog, text);
	late->arg = &m->out->ready;
	late->loc = m->arg->loc;
	late->next = c->late_flags;
	if (late->flag != NULL)
		c->late_flags = late;
	else
		complain(m, "must be a flag", text);
}

/* What the row's own checks say of the literal; NULL: nothing. */
static const char *wrong(const struct making *m, char why[128])
{
	const char *text = m->out->ready.s.p, *bad = NULL;

	/* Also names may come to a sum that is too much. */
	if (m->row->kind == PH_ARG_FLAGS)
		text = arena_printf(m->c->arena, "%lld", (long long)m->out->ready.n).p;
	if (text == NULL)
		return NULL;
	if (m->row->check != NULL)
		bad = m->row->check(text, why);
	if (bad == NULL && m->row->check_dialect != NULL)
		bad = m->row->check_dialect(text, m->c->kamailio, why);
	if (bad == NULL && m->row->check_with != NULL)
		bad = m->row->check_with(m->conf, text, why);
	return bad;
}

static void literal(const struct making *m, struct slice text)
{
	char why[128];
	const char *bad;

	m->out->how = ARG_READY;
	m->out->ready.given = true;
	m->out->ready.s = arena_dup(m->c->prog->arena, text);
	if (m->out->ready.s.p == NULL)
		compile_nomem(m->c);
	switch ((int)m->row->kind) {
	case PH_ARG_INT:
		if (slice_i64(text, &m->out->ready.n) != 0)
			complain(m, "must be a number", text);
		break;
	case PH_ARG_FLAGS:
		if (!flags(m, text))
			return;
		break;
	case PH_ARG_RE:
		pattern(m, text);
		break;
	case PH_ARG_ROUTE:
		route_name(m, text);
		break;
	case PH_ARG_BITFLAG:
		bit_flag(m, text);
		break;
	default:
		break;
	}
	bad = wrong(m, why);
	if (bad != NULL)
		diag_error(m->c->diags, m->arg->loc, "argument %u (%s) of '%.*s': %s",
			m->i + 1, m->row->name ? m->row->name : "?",
			SLICE_ARG(m->call->text), bad);
}

static void variable(const struct making *m)
{
	struct script_pv *pv = m->arg->pv;
	char why[160] = "";
	size_t used = 0, at = 0;

	if (m->arg->kind == N_PV && pv == NULL) {
		pv_fault(m->c, m->arg);
		return;
	}
	if (m->arg->kind == N_STR) {
		if (pv_parse(&pv, m->arg->text, m->c->kamailio, &used, why, &at) != 0) {
			complain(m, "must be a variable", m->arg->text);
			return;
		}
		if (program_own_pv(m->c->prog, pv) < 0) {
			script_pv_free(&pv);
			compile_nomem(m->c);
			return;
		}
		if (used != m->arg->text.len)
			complain(m, "must be a variable", m->arg->text);
	}
	if (pv == NULL)
		complain(m, "must be a variable", (struct slice){0});
	m->out->how = ARG_READY;
	m->out->ready.given = true;
	m->out->ready.pv = pv;
	m->out->ready.s = arena_dup(m->c->prog->arena, m->arg->text);
}

/* Names known at run time only: any block of the kind may be meant. */
static void note_dynamic(const struct making *m)
{
	enum script_block_kind kind;

	if (m->row->kind == PH_ARG_ROUTE && arg_route_kind(m->row->route_kw, &kind))
		m->c->dynamic_arms |= 1U << kind;
}

void compile_arg(struct compile *c, const struct node *call, struct script_site *site,
	unsigned i, const struct node *arg)
{
	struct making m = {
		c, call, arg, &site->fn->args[i], &site->args[i], i, site->conf};
	enum ph_arg_kind kind = m.row->kind;
	struct slice text;

	if (arg->kind == N_NONE)
		return;
	if (kind == PH_ARG_PV) {
		variable(&m);
		return;
	}
	text = literal_text(c, arg);
	if (text.p == NULL) {
		note_dynamic(&m);
		compile_value(c, arg);
		m.out->how = ARG_VALUE;
		site->values++;
	} else if (arg->kind == N_STR && kind == PH_ARG_FMT &&
		slice_chr(text, '$') >= 0) {
		format(&m, text);
	} else if (arg->kind == N_STR && looks_variable(text) && kind != PH_ARG_STR &&
		kind != PH_ARG_NAME && kind != PH_ARG_RE && kind != PH_ARG_FMT) {
		note_dynamic(&m);
		format(&m, text);
	} else {
		literal(&m, text);
	}
}
