#include "core/script/ast.h"

#include "core/script/parse.h"

struct node *node_new(struct parse *p, enum node_kind kind, struct script_loc loc)
{
	struct node *n = arena_zalloc(p->arena, sizeof(*n));

	if (n == NULL) {
		/* The tree is never looked at then: diags.nomem ends the load. */
		p->diags->nomem = true;
		n = &p->oom;
		memset(n, 0, sizeof(*n));
	}
	n->kind = kind;
	n->loc = loc;
	return n;
}

struct node *node_text(
	struct parse *p, enum node_kind kind, struct script_loc loc, struct slice text)
{
	struct node *n = node_new(p, kind, loc);

	n->text = text;
	return n;
}

struct node *node_int(struct parse *p, struct script_loc loc, int64_t value)
{
	struct node *n = node_new(p, N_INT, loc);

	n->n = value;
	return n;
}

static unsigned list_depth(const struct node *n)
{
	unsigned depth = 0;

	for (; n != NULL; n = n->next)
		if (n->depth > depth)
			depth = n->depth;
	return depth;
}

struct node *node_tree(struct parse *p, enum node_kind kind, enum node_op op,
	struct script_loc loc, struct node *a, struct node *b, struct node *c)
{
	const struct node *const kids[] = {a, b, c};
	struct node *n;

	n = node_new(p, kind, loc);
	if (n == &p->oom)
		return n;
	n->op = op;
	n->a = a;
	n->b = b;
	n->c = c;
	for (unsigned i = 0; i < 3; i++) {
		unsigned depth = list_depth(kids[i]);

		if (depth >= n->depth)
			n->depth = depth + 1;
	}
	if (n->depth > NODE_MAX_DEPTH && !p->too_deep) {
		diag_error(p->diags, loc, "nested too deeply (at most %d levels)",
			NODE_MAX_DEPTH);
		p->too_deep = true;
	}
	return n;
}

static bool is_compare(enum node_op op)
{
	return op >= O_EQ && op <= O_INE;
}

static bool is_factor(const struct node *n)
{
	return n->kind == N_BIN && !n->paren &&
		(n->op == O_MUL || n->op == O_DIV || n->op == O_MOD);
}

/* `!$x == y`: one family negates first, the other compares first. */
static struct node *negated_compare(struct parse *p, enum node_op op,
	struct script_loc loc, struct node * not, struct node *b)
{
	if (p->kamailio) {
		diag_warning(p->diags, not ->loc,
			"'!' applies to the left side only here (write parentheses)");
		return node_tree(p, N_BIN, op, loc, not, b, NULL);
	}
	diag_warning(p->diags, not ->loc,
		"'!' applies to the whole comparison here (write parentheses)");
	return node_unary(
		p, O_NOT, not ->loc, node_tree(p, N_BIN, op, loc, not ->a, b, NULL));
}

struct node *node_binary(struct parse *p, enum node_op op, struct script_loc loc,
	struct node *a, struct node *b)
{
	if (is_compare(op) && a->kind == N_UN && a->op == O_NOT && !a->paren &&
		a != &p->oom)
		return negated_compare(p, op, loc, a, b);
	if (!p->kamailio && (op == O_ADD || op == O_SUB) && is_factor(b))
		diag_warning(p->diags, b->loc,
			"multiplied before it is added; OpenSIPS goes from left to right "
			"(write parentheses)");
	return node_tree(p, N_BIN, op, loc, a, b, NULL);
}

struct node *node_unary(
	struct parse *p, enum node_op op, struct script_loc loc, struct node *a)
{
	if (op == O_NEG && a->kind == N_INT && !a->paren && a != &p->oom) {
		a->n = (int64_t)(0 - (uint64_t)a->n);
		a->loc = loc;
		return a;
	}
	return node_tree(p, N_UN, op, loc, a, NULL, NULL);
}

struct node *node_logic(struct parse *p, enum node_kind kind, struct script_loc loc,
	struct node *a, struct node *b)
{
	if (!p->kamailio && kind == N_OR && b->kind == N_AND && !b->paren)
		diag_warning(p->diags, b->loc,
			"'&&' binds tighter than '||'; OpenSIPS goes from left to right "
			"(write parentheses)");
	return node_tree(p, kind, O_NOT, loc, a, b, NULL);
}

struct node *node_join(struct parse *p, struct node *a, struct slice text)
{
	a->text = arena_join(p->arena, a->text, text);
	if (a->text.p == NULL) {
		p->diags->nomem = true;
		a->text = (struct slice){0};
	}
	return a;
}

void list_add(struct node_list *l, struct node *n)
{
	if (l->last == NULL)
		l->first = n;
	else
		l->last->next = n;
	l->last = n;
}
