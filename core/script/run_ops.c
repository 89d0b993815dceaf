/* Instructions that only touch values and variables. */
#include <errno.h>

#include "core/script/pv_row.h"
#include "core/script/run.h"

#define PATTERN_MAX 512 /* bytes of a pattern that comes at run time */
#define REPEAT_MAX  256 /* product of its {m,n} bounds: regcomp() multiplies them out */

static bool is_kamailio(const struct script_run *r)
{
	return r->prog->dialect == SCRIPT_KAMAILIO;
}

/* Would it take time or memory out of proportion? Its text may come from the wire. */
static bool is_greedy(struct slice p)
{
	uint64_t product = 1;

	for (size_t i = 0; i < p.len; i++) {
		uint64_t n = 0, high = 0;

		/* A back-reference makes matching exponential. */
		if (p.p[i] == '\\' && i + 1 < p.len && p.p[i + 1] >= '1' &&
			p.p[i + 1] <= '9')
			return true;
		if (p.p[i] == '\\') {
			i++;
			continue;
		}
		if (p.p[i] != '{')
			continue;
		for (i++; i < p.len && p.p[i] != '}'; i++) {
			n = p.p[i] >= '0' && p.p[i] <= '9'
				? n * 10 + (uint64_t)(p.p[i] - '0')
				: 0;
			if (n > high)
				high = n;
			if (high > REPEAT_MAX)
				return true;
		}
		product *= high > 1 ? high : 1;
		if (product > REPEAT_MAX)
			return true;
	}
	return false;
}

bool run_regcomp(struct script_run *r, regex_t *re, struct slice pattern, int flags)
{
	struct slice text = arena_dup(r->msg->arena, pattern);
	char why[128];
	int err;

	if (text.p == NULL || pattern.len > PATTERN_MAX || is_greedy(pattern) ||
		memchr(text.p, '\0', text.len) != NULL) {
		run_log(r, LOG_L_ERR, "pattern '%.*s' refused: too long or too costly",
			(int)(pattern.len < 60 ? pattern.len : 60),
			pattern.p ? pattern.p : "");
		return false;
	}
	err = regcomp(re, text.p, REG_EXTENDED | REG_ICASE | flags);
	if (err == 0)
		return true;
	regerror(err, re, why, sizeof(why));
	run_log(r, LOG_L_ERR, "bad pattern '%.*s': %s", SLICE_ARG(text), why);
	return false;
}

/* The bounds are given for texts with zero bytes in them; not every regexec() stops looking there. */
static bool matches(struct script_run *r, const regex_t *re, struct slice text)
{
	regmatch_t m = {.rm_so = 0, .rm_eo = (regoff_t)text.len};
	struct slice copy = arena_dup(r->msg->arena, text);

	return copy.p != NULL && regexec(re, copy.p, 1, &m, REG_STARTEND) == 0;
}

bool run_regex(struct script_run *r, struct slice pattern, struct slice text)
{
	regex_t re;
	bool hit;

	/* Captures are not wanted, but the bounds of the text are. */
	if (!run_regcomp(r, &re, pattern, 0))
		return false;
	hit = matches(r, &re, text);
	regfree(&re);
	return hit;
}

static void op_regex(struct script_run *r, const struct script_instr *in)
{
	struct script_value y, x;
	bool hit = false;

	y = in->op == OP_RE_VALUE ? run_pop(r) : value_of_int(0);
	x = run_pop(r);
	if (x.type != SCRIPT_NULL) {
		struct slice text = value_text(r->msg->arena, &x);

		if (in->op == OP_RE)
			hit = matches(r,
				*PROGRAM_AT(r->prog->regexes, regex_t *, (unsigned)in->a),
				text);
		else if (y.type != SCRIPT_NULL)
			hit = run_regex(r, value_text(r->msg->arena, &y), text);
	}
	run_push(r, value_of_int(hit != (in->b != 0)));
}

static void op_net(struct script_run *r, const struct script_instr *in)
{
	struct script_value x = run_pop(r);
	struct addr a;
	bool hit = x.type != SCRIPT_NULL &&
		addr_parse_ip(&a, value_text(r->msg->arena, &x)) == 0 &&
		addr_in_net(
			&a, PROGRAM_AT(r->prog->nets, struct addr_net, (unsigned)in->a));

	run_push(r, value_of_int(hit != (in->b != 0)));
}

static void op_myself(struct script_run *r, const struct script_instr *in)
{
	struct script_value x = run_pop(r);
	bool ours = x.type != SCRIPT_NULL &&
		script_is_myself(r->env, value_text(r->msg->arena, &x));

	run_push(r, value_of_int(ours != (in->b != 0)));
}

static void note(struct script_run *r, enum value_note n)
{
	if (n == VALUE_NO_NUMBER)
		run_log(r, LOG_L_WARN, "a text that is no number counts as 0 here");
	else if (n == VALUE_DIV_ZERO)
		run_log(r, LOG_L_ERR, "division by zero");
	else if (n == VALUE_NO_MEMORY)
		run_log(r, LOG_L_ERR, "no memory for the text");
}

static void op_binary(struct script_run *r, const struct script_instr *in)
{
	struct script_value y = run_pop(r), x = run_pop(r), out;
	enum node_op op = (enum node_op)in->a;

	if (op >= O_EQ)
		out = value_of_int(value_compare(
			r->msg->arena, op, &x, &y, is_kamailio(r), in->b == CMP_NOCASE));
	else
		note(r, value_arith(r->msg->arena, op, &x, &y, &out));
	run_push(r, out);
}

static void op_unary(struct script_run *r, const struct script_instr *in)
{
	struct script_value x = run_pop(r), out;

	note(r,
		value_unary(
			r->msg->arena, (enum node_op)in->a, &x, is_kamailio(r), &out));
	run_push(r, out);
}

static void op_pv(struct script_run *r, const struct script_instr *in)
{
	const struct script_pv *pv =
		*PROGRAM_AT(r->prog->pvs, struct script_pv *, (unsigned)in->a);
	struct script_value v = {.type = SCRIPT_NULL};

	if (script_pv_get(pv, r->env, r->msg, &v) == -ENOMEM)
		run_log(r, LOG_L_ERR, "no memory for a variable");
	run_push(r, v);
}

static void op_format(struct script_run *r, const struct script_instr *in)
{
	struct slice s = {0};

	if (pv_format_eval(
		    *PROGRAM_AT(r->prog->formats, struct pv_format *, (unsigned)in->a),
		    r->env, r->msg, &s) != 0)
		run_log(r, LOG_L_ERR, "no memory for the text");
	run_push(r, value_of_text(s));
}

/* Take values of a stack away: all of them, or the newest. */
static void take_away(struct script_run *r, const struct script_pv *pv, bool all)
{
	static const struct script_value null = {.type = SCRIPT_NULL};
	struct script_value v;

	for (unsigned i = 0; i < 1000; i++) {
		if (script_pv_get(pv, r->env, r->msg, &v) != 0 ||
			script_pv_set(pv, r->env, r->msg, &null) != 0 || !all)
			return;
	}
}

static void op_set(struct script_run *r, const struct script_instr *in)
{
	struct script_value v = run_pop(r);
	const struct script_pv *pv;
	int err;

	if (in->op == OP_SET_VAR) {
		err = run_slot_set(r, (unsigned)in->a, &v);
	} else {
		pv = *PROGRAM_AT(r->prog->pvs, struct script_pv *, (unsigned)in->a);
		/* The message may keep it longer than the program lives. */
		if (v.type == SCRIPT_TEXT)
			v.s = arena_dup(r->msg->arena, v.s);
		if (in->b != SET_PLAIN && script_pv_is_avp(pv))
			take_away(r, pv, in->b == SET_REPLACE);
		/* := null leaves nothing to take. */
		if (v.type == SCRIPT_TEXT && v.s.p == NULL)
			err = -ENOMEM;
		else if (in->b == SET_REPLACE && v.type == SCRIPT_NULL && script_pv_is_avp(pv))
			err = 0; /* := null leaves nothing to take */
		else
			err = script_pv_set(pv, r->env, r->msg, &v);
	}
	run_frame(r)->code = err == 0 ? PH_TRUE : PH_FALSE;
	if (err != 0)
		run_log(r, LOG_L_ERR, "assignment failed: %s", strerror(-err));
}

static void op_length(struct script_run *r, const struct script_instr *in)
{
	struct script_value v = run_pop(r);
	struct slice s = value_text(r->msg->arena, &v);

	run_push(r, value_of_int(in->op == OP_STRLEN ? (int64_t)s.len : s.len == 0));
}

bool run_value_op(struct script_run *r, const struct script_instr *in)
{
	struct script_value *top = r->top > 0 ? &r->stack[r->top - 1] : r->stack;

	switch ((int)in->op) {
	case OP_CONST:
		run_push(r,
			*PROGRAM_AT(
				r->prog->consts, struct script_value, (unsigned)in->a));
		return true;
	case OP_NULL:
		run_push(r, (struct script_value){.type = SCRIPT_NULL});
		return true;
	case OP_PV:
		op_pv(r, in);
		return true;
	case OP_FORMAT:
		op_format(r, in);
		return true;
	case OP_VAR:
		run_push(r, run_slot(r, (unsigned)in->a));
		return true;
	case OP_SET:
	case OP_SET_VAR:
		op_set(r, in);
		return true;
	case OP_POP:
		r->top--;
		return true;
	case OP_BIN:
		op_binary(r, in);
		return true;
	case OP_RE:
	case OP_RE_VALUE:
		op_regex(r, in);
		return true;
	case OP_NET:
		op_net(r, in);
		return true;
	case OP_MYSELF:
		op_myself(r, in);
		return true;
	case OP_UN:
		op_unary(r, in);
		return true;
	case OP_TRUTH:
		*top = value_of_int(value_truth(top, is_kamailio(r)));
		return true;
	case OP_OK:
		*top = value_of_int(top->type == SCRIPT_INT && top->n > 0);
		return true;
	case OP_STRLEN:
	case OP_STREMPTY:
		op_length(r, in);
		return true;
	default:
		return false;
	}
}
