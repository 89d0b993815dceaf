#include "core/script/compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void compile_nomem(struct compile *c)
{
	c->diags->nomem = true;
}

unsigned here(const struct compile *c)
{
	return c->prog->code.count;
}

int emit(struct compile *c, enum script_op op, int a, int b, int pops, int pushes)
{
	struct script_instr *in = program_table_add(&c->prog->code, sizeof(*in));
	struct script_loc *loc = program_table_add(&c->prog->places, sizeof(*loc));

	if (in == NULL || loc == NULL) {
		compile_nomem(c);
		return 0;
	}
	*in = (struct script_instr){.op = (uint16_t)op, .b = (uint16_t)b, .a = a};
	*loc = c->loc;
	c->depth = c->depth - (unsigned)pops + (unsigned)pushes;
	if (c->depth > c->max_depth)
		c->max_depth = c->depth;
	return (int)c->prog->code.count - 1;
}

void patch_here(struct compile *c, int at)
{
	if (!c->diags->nomem)
		PROGRAM_AT(c->prog->code, struct script_instr, at)->a = (int32_t)here(c);
}

int add_const(struct compile *c, const struct script_value *v)
{
	struct script_value *slot;

	if (c->prog->consts.count >= UINT16_MAX) {
		diag_error(c->diags, c->loc, "too many constants");
		return 0;
	}
	slot = program_table_add(&c->prog->consts, sizeof(*slot));
	if (slot == NULL) {
		compile_nomem(c);
		return 0;
	}
	*slot = *v;
	if (v->type == SCRIPT_TEXT) {
		slot->s = arena_dup(c->prog->arena, v->s);
		if (slot->s.p == NULL)
			compile_nomem(c);
	}
	return (int)c->prog->consts.count - 1;
}

/* Loops and switches: where `break` leads */

struct breaks {
	int *list;
	unsigned count, cap, depth;
	bool can;
};

static struct breaks breaks_begin(struct compile *c)
{
	struct breaks outer = {
		c->breaks, c->break_count, c->break_cap, c->break_depth, c->can_break};

	c->breaks = NULL;
	c->break_count = c->break_cap = 0;
	c->break_depth = c->depth;
	c->can_break = true;
	return outer;
}

static void breaks_end(struct compile *c, struct breaks outer)
{
	for (unsigned i = 0; i < c->break_count; i++)
		patch_here(c, c->breaks[i]);
	free(c->breaks);
	c->breaks = outer.list;
	c->break_count = outer.count;
	c->break_cap = outer.cap;
	c->break_depth = outer.depth;
	c->can_break = outer.can;
}

static void compile_break(struct compile *c)
{
	unsigned depth = c->depth;
	int jump;

	if (!c->can_break) {
		/* The old meaning: the block ends, with code 0. */
		struct script_value zero = {.type = SCRIPT_INT};

		emit(c, OP_CONST, add_const(c, &zero), 0, 0, 1);
		emit(c, OP_RETURN, 0, 0, 1, 0);
		return;
	}
	jump = emit(c, OP_JUMP, 0, 0, 0, 0);
	c->depth = depth;
	if (c->break_count == c->break_cap) {
		unsigned cap = c->break_cap ? c->break_cap * 2 : 8;
		int *list = realloc(c->breaks, cap * sizeof(*list));

		if (list == NULL) {
			compile_nomem(c);
			return;
		}
		c->breaks = list;
		c->break_cap = cap;
	}
	c->breaks[c->break_count++] = jump;
}

static void statement(struct compile *c, const struct node *n);

static bool ends(const struct node *n)
{
	return n->kind == S_RETURN || n->kind == S_EXIT || n->kind == S_DROP ||
		n->kind == S_BREAK;
}

/* Does control never come past it? */
static bool never_passes(const struct node *n)
{
	if (n->kind != S_BLOCK)
		return ends(n);
	for (n = n->a; n != NULL; n = n->next)
		if (ends(n))
			return true;
	return false;
}

static void statements(struct compile *c, const struct node *list)
{
	unsigned kinds = c->kinds;
	bool dead = false;

	for (const struct node *n = list; n != NULL; n = n->next) {
		if (dead && n->kind != S_EMPTY) {
			diag_warning(c->diags, n->loc, "this statement is never reached");
			dead = false;
		}
		statement(c, n);
		dead = ends(n) || (dead && n->kind == S_EMPTY);
		/* if (is_reply()) return; leaves the others. */
		if (n->kind == S_IF && n->c == NULL && never_passes(n->b))
			c->kinds &= guard_kinds(n->a, false);
	}
	c->kinds = kinds;
}

static void if_statement(struct compile *c, const struct node *n)
{
	unsigned kinds = c->kinds;
	int skip, end;

	emit(c, OP_CODE, 1, 0, 0, 0);
	compile_condition(c, n->a);
	skip = emit(c, OP_FALSE, 0, 0, 1, 0);
	c->kinds = kinds & guard_kinds(n->a, true);
	statement(c, n->b);
	c->kinds = kinds;
	if (n->c == NULL) {
		patch_here(c, skip);
		return;
	}
	end = emit(c, OP_JUMP, 0, 0, 0, 0);
	patch_here(c, skip);
	c->kinds = kinds & guard_kinds(n->a, false);
	statement(c, n->c);
	c->kinds = kinds;
	patch_here(c, end);
}

static void while_statement(struct compile *c, const struct node *n)
{
	struct breaks outer;
	int top, limit, out;

	emit(c, OP_CODE, 1, 0, 0, 0);
	emit(c, OP_LOOP, 0, 0, 0, 1);
	outer = breaks_begin(c);
	top = (int)here(c);
	limit = emit(c, OP_TURN, 0, 0, 0, 0);
	compile_condition(c, n->a);
	out = emit(c, OP_FALSE, 0, 0, 1, 0);
	statement(c, n->b);
	c->loc = n->loc;
	emit(c, OP_JUMP, top, 0, 0, 0);
	patch_here(c, limit);
	patch_here(c, out);
	breaks_end(c, outer);
	emit(c, OP_POP, 0, 0, 1, 0);
}

static void for_statement(struct compile *c, const struct node *n)
{
	const struct node assign = {
		.kind = N_ASSIGN, .op = O_SET, .loc = n->loc, .a = n->a};
	struct breaks outer;
	int top, out;

	if (n->b->pv == NULL || n->b->n > UINT16_MAX) {
		pv_fault(c, n->b);
		return;
	}
	emit(c, OP_CODE, 1, 0, 0, 0);
	emit(c, OP_LOOP, 0, 0, 0, 1);
	outer = breaks_begin(c);
	top = (int)here(c);
	out = emit(c, OP_EACH, 0, (int)n->b->n, 0, 1);
	compile_assign(c, &assign);
	statement(c, n->c);
	c->loc = n->loc;
	emit(c, OP_JUMP, top, 0, 0, 0);
	patch_here(c, out);
	breaks_end(c, outer);
	emit(c, OP_POP, 0, 0, 1, 0);
}

static struct script_value case_value(const struct node *n)
{
	if (n->kind == N_INT)
		return (struct script_value){.type = SCRIPT_INT, .n = n->n};
	return (struct script_value){.type = SCRIPT_TEXT, .s = n->text};
}

static void switch_statement(struct compile *c, const struct node *n)
{
	unsigned count = 0, i = 0;
	struct breaks outer;
	int *jumps, other = -1;

	for (const struct node *k = n->b; k != NULL; k = k->next)
		count++;
	jumps = arena_alloc(c->arena, (count + 1) * sizeof(*jumps));
	if (jumps == NULL) {
		compile_nomem(c);
		return;
	}
	emit(c, OP_CODE, 1, 0, 0, 0);
	outer = breaks_begin(c);
	compile_value(c, n->a);
	for (const struct node *k = n->b; k != NULL; k = k->next, i++)
		if (k->a != NULL) {
			struct script_value v = case_value(k->a);

			jumps[i] = emit(c, OP_CASE, 0, add_const(c, &v), 0, 0);
		}
	emit(c, OP_POP, 0, 0, 1, 0);
	other = emit(c, OP_JUMP, 0, 0, 0, 0);
	i = 0;
	for (const struct node *k = n->b; k != NULL; k = k->next, i++) {
		if (k->a == NULL && other < 0)
			diag_error(c->diags, k->loc, "a second 'default'");
		patch_here(c, k->a != NULL ? jumps[i] : other >= 0 ? other : 0);
		if (k->a == NULL)
			other = -1;
		statements(c, k->b);
	}
	if (other >= 0)
		patch_here(c, other);
	breaks_end(c, outer);
}

static void end_statement(struct compile *c, const struct node *n)
{
	static const enum script_op ops[] = {OP_RETURN, OP_EXIT, OP_DROP};
	unsigned depth = c->depth;
	struct script_value code = {.type = SCRIPT_INT, .n = n->kind == S_RETURN};

	if (n->a != NULL)
		compile_value(c, n->a);
	else
		emit(c, OP_CONST, add_const(c, &code), 0, 0, 1);
	emit(c, ops[n->kind - S_RETURN], 0, 0, 1, 0);
	c->depth = depth;
}

static void statement(struct compile *c, const struct node *n)
{
	c->loc = n->loc;
	switch ((int)n->kind) {
	case S_BLOCK:
		statements(c, n->a);
		break;
	case S_EXPR:
		if (n->a->kind == N_ASSIGN) {
			compile_assign(c, n->a);
			break;
		}
		compile_value(c, n->a);
		emit(c, OP_RESULT, 0, 0, 1, 0);
		break;
	case S_IF:
		if_statement(c, n);
		break;
	case S_WHILE:
		while_statement(c, n);
		break;
	case S_FOR:
		for_statement(c, n);
		break;
	case S_SWITCH:
		switch_statement(c, n);
		break;
	case S_RETURN:
	case S_EXIT:
	case S_DROP:
		end_statement(c, n);
		break;
	case S_BREAK:
		compile_break(c);
		break;
	default:
		break;
	}
}

static void compile_block(struct compile *c, struct block *b)
{
	struct script_block *out;
	int32_t entry = (int32_t)here(c);

	c->block = b;
	c->depth = c->max_depth = 0;
	c->can_break = false;
	c->kinds = PH_ROUTES_ALL;
	c->loc = b->loc;
	statements(c, b->body->a);
	emit(c, OP_END, 0, 0, 0, 0);
	out = PROGRAM_AT(c->prog->blocks, struct script_block, b->index);
	out->entry = entry;
	out->stack = c->max_depth + 1;
}

int compile_blocks(struct compile *c)
{
	c->uses_end = &c->uses;
	for (struct block *b = c->blocks; b != NULL && !c->diags->nomem; b = b->next)
		if (b->resolved)
			compile_block(c, b);
	if (c->diags->nomem)
		return -ENOMEM;
	check_reach(c);
	bind_flags(c);
	return c->diags->nomem ? -ENOMEM : 0;
}
