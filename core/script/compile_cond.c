/* Comparisons: with `myself`, networks and patterns, and the condition keywords. */
#include "core/script/compile.h"
#include "core/script/parse.h"

#define MAX_LEN 65535 /* what `max_len` means: the receive limit */

enum { EQUAL = 1, MATCH = 2, ORDER = 4, MYSELF = 8, ADDRESS = 16 };

static const struct keyword {
	const char *name, *pv;
	const char *host; /* the part that an unquoted host name is compared with */
	unsigned takes;
} keywords[] = {
	{"method", "$rm", NULL, EQUAL | MATCH},
	{"uri", "$ru", "$rd", EQUAL | MATCH | MYSELF},
	{"from_uri", "$fu", "$fd", EQUAL | MATCH | MYSELF},
	{"to_uri", "$tu", "$td", EQUAL | MATCH | MYSELF},
	{"status", "$rs", NULL, EQUAL | MATCH | ORDER},
	{"src_ip", "$si", NULL, EQUAL | MATCH | MYSELF | ADDRESS},
	{"dst_ip", "$Ri", NULL, EQUAL | MATCH | MYSELF | ADDRESS},
	{"src_port", "$sp", NULL, EQUAL | ORDER},
	{"dst_port", "$Rp", NULL, EQUAL | ORDER},
	{"proto", "$pr", NULL, EQUAL},
	{"af", "$af", NULL, EQUAL},
	{"msg:len", "$ml", NULL, EQUAL | ORDER},
};

static bool is_match(enum node_op op)
{
	return op == O_MATCH || op == O_NMATCH;
}

static void give_up(struct compile *c)
{
	emit(c, OP_NULL, 0, 0, 0, 1);
}

/* Left is on the stack. */
static void against_pattern(struct compile *c, const struct node *right, bool negated)
{
	char why[160];
	int re;

	if (right->kind != N_STR) {
		compile_value(c, right);
		emit(c, OP_RE_VALUE, 0, negated, 2, 1);
		return;
	}
	re = program_regex(c->prog, right->text, REG_NOSUB, why);
	if (re < 0)
		diag_error(c->diags, right->loc, "bad pattern \"%.*s\": %s",
			SLICE_ARG(right->text), why);
	emit(c, OP_RE, re < 0 ? 0 : re, negated, 1, 1);
}

/* Left is on the stack. False: text is no address. */
static bool against_net(struct compile *c, struct slice text, bool negated)
{
	struct addr_net net, *slot;

	if (!lex_net(text, &net))
		return false;
	slot = program_table_add(&c->prog->nets, sizeof(*slot));
	if (slot == NULL)
		compile_nomem(c);
	else
		*slot = net;
	emit(c, OP_NET, (int)c->prog->nets.count - 1, negated, 1, 1);
	return true;
}

void compile_compare(struct compile *c, const struct node *n)
{
	bool equality = n->op == O_EQ || n->op == O_NE;

	compile_value(c, n->a);
	if (is_match(n->op)) {
		against_pattern(c, n->b, n->op == O_NMATCH);
	} else if (equality && n->b->kind == N_MYSELF) {
		emit(c, OP_MYSELF, 0, n->op == O_NE, 1, 1);
	} else if (!(equality && n->b->kind == N_IP &&
			   against_net(c, n->b->text, n->op == O_NE))) {
		compile_value(c, n->b);
		emit(c, OP_BIN, n->op, CMP_DIALECT, 2, 1);
	}
}

static const struct keyword *keyword_of(struct slice name)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (slice_eq(name, slice_str(keywords[i].name)))
			return &keywords[i];
	return NULL;
}

static bool takes(const struct keyword *k, enum node_op op)
{
	if (op == O_EQ || op == O_NE)
		return k->takes & EQUAL;
	return k->takes & (is_match(op) ? MATCH : ORDER);
}

static void push_variable(struct compile *c, const struct node *n, const char *text)
{
	struct script_pv *pv = NULL;
	size_t used, at;
	char why[160] = "";
	int i;

	if (pv_parse(&pv, slice_str(text), c->kamailio, &used, why, &at) != 0) {
		diag_error(c->diags, n->loc, "'%.*s': %s", SLICE_ARG(n->text), why);
		give_up(c);
		return;
	}
	i = program_own_pv(c->prog, pv);
	if (i < 0) {
		script_pv_free(&pv);
		compile_nomem(c);
	}
	emit(c, OP_PV, i, 0, 0, 1);
}

/* What stands on the right of == and its like, pushed; false after a complaint. */
static bool push_operand(struct compile *c, const struct node *n)
{
	const struct node *right = n->a;
	struct script_value v = {.type = SCRIPT_INT, .n = MAX_LEN};

	if (right->kind != N_HOST || !slice_eq(n->text, SLICE("msg:len"))) {
		compile_value(c, right);
		return true;
	}
	if (!slice_eq(right->text, SLICE("max_len"))) {
		diag_error(c->diags, right->loc,
			"expected a number or max_len, found '%.*s'",
			SLICE_ARG(right->text));
		return false;
	}
	emit(c, OP_CONST, add_const(c, &v), 0, 0, 1);
	return true;
}

/* src_ip and dst_ip against a literal. False: not one of these cases. */
static bool address(struct compile *c, const struct keyword *k, const struct node *n)
{
	const struct node *right = n->a;

	if (!(k->takes & ADDRESS) || is_match(n->op) ||
		(right->kind != N_IP && right->kind != N_STR && right->kind != N_HOST))
		return false;
	if (!against_net(c, right->text, n->op == O_NE))
		diag_error(c->diags, right->loc, "'%.*s' is no IP address or network%s",
			SLICE_ARG(right->text),
			right->kind == N_HOST ? " (names are not looked up here)" : "");
	return true;
}

void compile_keyword(struct compile *c, const struct node *n)
{
	const struct keyword *k = keyword_of(n->text);
	const struct node *right = n->a;
	bool host;

	if (k == NULL || !takes(k, n->op)) {
		diag_error(c->diags, n->loc,
			k == NULL ? "condition '%.*s' is not supported"
				  : "'%.*s' cannot be compared in this way",
			SLICE_ARG(n->text));
		give_up(c);
		return;
	}
	host = k->host != NULL && right->kind == N_HOST;
	push_variable(c, n, host ? k->host : k->pv);
	if (right->kind == N_MYSELF) {
		if (!(k->takes & MYSELF) || is_match(n->op))
			diag_error(c->diags, right->loc,
				"'%.*s' cannot be compared with 'myself'",
				SLICE_ARG(n->text));
		emit(c, OP_MYSELF, 0, n->op == O_NE, 1, 1);
	} else if (is_match(n->op)) {
		against_pattern(c, right, n->op == O_NMATCH);
	} else if (!address(c, k, n) && push_operand(c, n)) {
		emit(c, OP_BIN, n->op, CMP_NOCASE, 2, 1);
	}
}
