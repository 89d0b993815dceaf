#include "core/script/compile.h"

void pv_fault(struct compile *c, const struct node *n)
{
	struct script_loc loc = n->loc;

	if (n->why == NULL)
		return;
	/* n: where in the variable the fault lies. */
	if (slice_chr(slice_sub(n->text, 0, (size_t)n->n), '\n') < 0)
		loc.column = (uint16_t)(loc.column + n->n);
	diag_error(c->diags, loc, "%s", n->why);
}

bool looks_variable(struct slice text)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		char next = text.p[i + 1];

		if (text.p[i] == '$' &&
			((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
				next == '('))
			return true;
	}
	return false;
}

static void constant(struct compile *c, struct script_value v)
{
	emit(c, OP_CONST, add_const(c, &v), 0, 0, 1);
}

static void text_constant(struct compile *c, const struct node *n)
{
	if (n->kind == N_STR && looks_variable(n->text))
		diag_warning(c->diags, n->loc,
			"variables in a plain string are not expanded: they stay as "
			"written");
	constant(c, (struct script_value){.type = SCRIPT_TEXT, .s = n->text});
}

/* The slot of a plain $var(name); -1 for everything else. */
static int var_slot(struct compile *c, const struct node *n)
{
	struct slice name, *slot;
	int i;

	if (n->text.len < 2 || n->text.p[1] == '(')
		return -1;
	name = pv_var_name(n->pv);
	if (slice_empty(name))
		return -1;
	i = program_var(c->prog, name);
	if (i >= 0)
		return i;
	slot = program_table_add(&c->prog->vars, sizeof(*slot));
	if (slot != NULL)
		*slot = arena_dup(c->prog->arena, name);
	if (slot == NULL || slot->p == NULL)
		compile_nomem(c);
	return (int)c->prog->vars.count - 1;
}

static void variable(struct compile *c, const struct node *n)
{
	int slot;

	if (n->pv == NULL) {
		pv_fault(c, n);
		emit(c, OP_NULL, 0, 0, 0, 1);
		return;
	}
	slot = var_slot(c, n);
	if (pv_is_null(n->pv))
		emit(c, OP_NULL, 0, 0, 0, 1);
	else if (slot >= 0)
		emit(c, OP_VAR, slot, 0, 0, 1);
	else
		emit(c, OP_PV, (int)n->n, 0, 0, 1);
}

/* n->b NULL: the value lies on the stack already. */
void compile_assign(struct compile *c, const struct node *n)
{
	enum script_set how = SET_PLAIN;
	int slot;

	if (n->a->pv == NULL)
		pv_fault(c, n->a);
	else if (!script_pv_writable(n->a->pv))
		diag_error(c->diags, n->a->loc,
			"'%.*s' cannot be assigned: it is read-only",
			SLICE_ARG(n->a->text));
	if (n->op == O_REPLACE)
		how = SET_REPLACE;
	if (n->op != O_SET && n->op != O_REPLACE) {
		how = SET_NEWEST;
		variable(c, n->a);
	}
	if (n->b != NULL)
		compile_value(c, n->b);
	if (how == SET_NEWEST)
		emit(c, OP_BIN, n->op, 0, 2, 1);
	slot = n->a->pv != NULL ? var_slot(c, n->a) : -1;
	if (slot >= 0)
		emit(c, OP_SET_VAR, slot, 0, 1, 0);
	else
		emit(c, OP_SET, n->a->pv != NULL ? (int)n->a->n : 0, how, 1, 0);
}

static bool is_builtin(const struct node *n)
{
	return n->kind == N_CALL && !n->bare &&
		(slice_eq(n->text, SLICE("strlen")) ||
			slice_eq(n->text, SLICE("strempty")));
}

static void builtin(struct compile *c, const struct node *n)
{
	if (n->a == NULL || n->a->next != NULL) {
		diag_error(
			c->diags, n->loc, "'%.*s' takes 1 argument", SLICE_ARG(n->text));
		emit(c, OP_NULL, 0, 0, 0, 1);
		return;
	}
	compile_value(c, n->a);
	emit(c, slice_eq(n->text, SLICE("strlen")) ? OP_STRLEN : OP_STREMPTY, 0, 0, 1, 1);
}

static void logic(struct compile *c, const struct node *n)
{
	unsigned kinds = c->kinds;
	int skip;

	compile_condition(c, n->a);
	skip = emit(c, n->kind == N_AND ? OP_AND : OP_OR, 0, 0, 1, 0);
	c->kinds = kinds & guard_kinds(n->a, n->kind == N_AND);
	compile_condition(c, n->b);
	c->kinds = kinds;
	emit(c, OP_TRUTH, 0, 0, 1, 1);
	patch_here(c, skip);
}

static void unary(struct compile *c, const struct node *n)
{
	if (n->op == O_NOT)
		compile_condition(c, n->a);
	else
		compile_value(c, n->a);
	emit(c, OP_UN, n->op, 0, 1, 1);
}

static void binary(struct compile *c, const struct node *n)
{
	if (n->op >= O_EQ) {
		compile_compare(c, n);
		return;
	}
	compile_value(c, n->a);
	compile_value(c, n->b);
	emit(c, OP_BIN, n->op, 0, 2, 1);
}

static void refused(struct compile *c, const struct node *n)
{
	if (n->kind == N_MYSELF)
		diag_error(
			c->diags, n->loc, "'myself' can only be compared with == or !=");
	else if (n->kind == N_SELECT)
		diag_error(c->diags, n->loc,
			"'%.*s': selects are not supported, use a variable",
			SLICE_ARG(n->text));
	emit(c, OP_NULL, 0, 0, 0, 1);
}

void compile_value(struct compile *c, const struct node *n)
{
	switch ((int)n->kind) {
	case N_INT:
		constant(c, (struct script_value){.type = SCRIPT_INT, .n = n->n});
		break;
	case N_STR:
	case N_IP:
	case N_HOST:
		text_constant(c, n);
		break;
	case N_PV:
		variable(c, n);
		break;
	case N_CALL:
		if (is_builtin(n))
			builtin(c, n);
		else
			compile_call(c, n);
		break;
	case N_ROUTE:
		compile_route(c, n);
		break;
	case N_COND:
		compile_keyword(c, n);
		break;
	case N_BIN:
		binary(c, n);
		break;
	case N_AND:
	case N_OR:
		logic(c, n);
		break;
	case N_UN:
		unary(c, n);
		break;
	case N_ASSIGN:
		compile_assign(c, n);
		constant(c, (struct script_value){.type = SCRIPT_INT, .n = 1});
		break;
	default:
		refused(c, n);
		break;
	}
}

void compile_condition(struct compile *c, const struct node *n)
{
	compile_value(c, n);
	/* A code is true above 0, whatever the dialect thinks of integers. */
	if (n->kind == N_ROUTE || (n->kind == N_CALL && !is_builtin(n)))
		emit(c, OP_OK, 0, 0, 1, 1);
}
