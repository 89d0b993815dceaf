/* A function's call: its arguments, the call itself, and what its answer means. */
#include <errno.h>

#include "core/script/arg.h"
#include "core/script/run.h"

static bool refuse(struct script_run *r, const struct script_site *site, unsigned i,
	const char *what, struct slice text)
{
	run_log(r, LOG_L_ERR, "%s: argument %u (%s): '%.*s' %s", site->fn->name, i + 1,
		site->fn->args[i].name ? site->fn->args[i].name : "?",
		(int)(text.len < 100 ? text.len : 100), text.p ? text.p : "", what);
	return false;
}

static bool make_pattern(struct script_run *r, unsigned i, struct slice text)
{
	if (r->patterns == NULL)
		r->patterns =
			arena_zalloc(r->msg->arena, PH_MAX_ARGS * sizeof(*r->patterns));
	if (r->patterns == NULL || !run_regcomp(r, &r->patterns[i], text, REG_NEWLINE))
		return false;
	r->patterns_used |= 1U << i;
	r->args[i].re = &r->patterns[i];
	return true;
}

static bool make_bit(struct script_run *r, struct slice text, int64_t *out)
{
	const struct script_flag *f;

	if (slice_i64(text, out) == 0)
		return *out >= 0 && *out <= 31;
	f = program_flag_find(r->prog, text);
	if (f == NULL || f->bit < 0)
		return false;
	*out = f->bit;
	return true;
}

static bool make_route(struct script_run *r, const struct ph_arg_row *row,
	struct slice text, int64_t *out)
{
	enum script_block_kind kind;

	*out = -1;
	if (slice_eq(text, SLICE("0")))
		return true;
	if (!arg_route_kind(row->route_kw, &kind))
		return false;
	*out = script_block_named(r->prog, kind, text);
	return *out >= 0;
}

/* A value that came at run time becomes what the row asks for. */
static bool convert(struct script_run *r, const struct script_site *site, unsigned i,
	const struct script_value *v)
{
	const struct ph_arg_row *row = &site->fn->args[i];
	struct ph_arg *arg = &r->args[i];
	struct slice text = value_text(r->msg->arena, v), bad = text;

	*arg = (struct ph_arg){.given = true, .s = text};
	if (text.p == NULL)
		return refuse(r, site, i, "no memory", text);
	switch ((int)row->kind) {
	case PH_ARG_INT:
		return value_int(v, &arg->n) == 0 ||
			refuse(r, site, i, "is no number", text);
	case PH_ARG_FLAGS:
		return arg_flags(row->flag_names, text, &arg->n, &bad) == 0 ||
			refuse(r, site, i, "is no flag", bad);
	case PH_ARG_RE:
		return make_pattern(r, i, text);
	case PH_ARG_ROUTE:
		return make_route(r, row, text, &arg->n) ||
			refuse(r, site, i, "is no block of the script", text);
	case PH_ARG_BITFLAG:
		return make_bit(r, text, &arg->n) ||
			refuse(r, site, i, "is no flag", text);
	case PH_ARG_PV:
		return refuse(r, site, i, "is no variable", text);
	default:
		return true;
	}
}

static bool make_args(struct script_run *r, const struct script_site *site)
{
	unsigned value = r->top - site->values;
	bool fine = true;

	for (unsigned i = 0; i < site->fn->max_args && fine; i++) {
		const struct script_arg *a = &site->args[i];
		struct script_value v = {.type = SCRIPT_TEXT};

		r->args[i] = (struct ph_arg){0};
		switch (a->how) {
		case ARG_READY:
			r->args[i] = a->ready;
			break;
		case ARG_FORMAT:
			if (pv_format_eval(a->format, r->env, r->msg, &v.s) != 0)
				fine = refuse(r, site, i, "no memory", (struct slice){0});
			else
				fine = convert(r, site, i, &v);
			break;
		case ARG_VALUE:
			fine = convert(r, site, i, &r->stack[value++]);
			break;
		case ARG_NONE:
		default:
			break;
		}
	}
	r->top -= site->values;
	return fine;
}

void run_call_over(struct script_run *r)
{
	for (unsigned i = 0; r->patterns_used != 0 && i < PH_MAX_ARGS; i++)
		if (r->patterns_used & (1U << i))
			regfree(&r->patterns[i]);
	r->patterns_used = 0;
}

static void *self_of(const struct script_run *r, const struct script_site *site)
{
	/* Core functions get the env; they do not write to it. */
	union {
		const struct script_env *env;
		void *self;
	} core = {.env = r->env};

	return site->core ? core.self : r->env->instances[site->instance];
}

int run_call(struct script_run *r, const struct script_site *site)
{
	int code;

	if (!make_args(r, site))
		return PH_FALSE;
	/* Blocks called by names known at run time only cannot be checked at load. */
	if ((site->fn->routes & r->msg->route) == 0) {
		run_log(r, LOG_L_ERR, "%s cannot be used in this kind of block",
			site->fn->name);
		return PH_FALSE;
	}
	r->woken = false;
	code = site->fn->call(self_of(r, site), r->msg, r->args);
	if (code == PH_PARK && r->woken)
		code = r->woken_code;
	r->woken = false;
	return code;
}
