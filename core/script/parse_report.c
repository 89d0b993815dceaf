#include "core/script/parse_report.h"

#include <stdio.h>

#include "core/base/buf.h"
#include "core/script/parser.h"

#define SHOWN 40 /* bytes of a token that a message shows */

static const char *const block_words[] = {"request_route", "route", "onreply_route",
	"reply_route", "failure_route", "branch_route", "local_route", "event_route",
	"error_route", "startup_route", "onsend_route", "timer_route", NULL};

static void add_token(struct buf *b, const struct token *t, bool end)
{
	struct slice s = t->raw;
	ptrdiff_t nl = slice_chr(s, '\n');

	if (end) {
		buf_str(b, "unexpected end of file");
		return;
	}
	if (nl >= 0)
		s.len = (size_t)nl;
	buf_printf(b, "unexpected '%.*s%s'", (int)(s.len < SHOWN ? s.len : SHOWN), s.p,
		s.len > SHOWN || nl >= 0 ? "..." : "");
}

/* "')' to close the condition opened at 41:8" */
static void add_close(struct buf *b, struct parse *p)
{
	const struct scan_open *o = &p->parens[p->paren_depth - 1];
	char place[LOC_TEXT];
	const char *what = "parenthesis";

	if (o->after == T_IF || o->after == T_WHILE || o->after == T_SWITCH)
		what = "condition";
	else if (o->after == T_IDENT || o->after == T_ROUTE)
		what = "arguments";
	buf_printf(b, "')' to close the %s opened at %s", what,
		loc_text(p->diags, p->last.loc, o->loc, place));
}

static void add_names(struct buf *b, const struct parse_wanted *w)
{
	for (unsigned i = 0; i < w->count; i++)
		buf_printf(b, "%s%s",
			i == 0                      ? ""
				: i + 1 == w->count ? " or "
						    : ", ",
			w->names[i]);
}

static void add_wanted(struct buf *b, struct parse *p, const struct parse_wanted *w)
{
	buf_str(b, ": expected ");
	if (p->last.code == T_ELSE && w->semicolon && !w->any_statement)
		buf_str(b, "';' before 'else'");
	else if (p->prev.code == T_IDENT && w->open)
		buf_printf(b, "'(' after '%.*s'", SLICE_ARG(p->prev.text));
	else if (w->any_block)
		buf_str(b, "a route block");
	else if (w->any_statement)
		buf_str(b, "a statement");
	else if (w->any_value)
		buf_str(b, "a value");
	else if (w->assign && p->prev.code == T_PV)
		buf_str(b, "'=' or another assignment");
	else if (w->close && p->paren_depth > 0)
		add_close(b, p);
	else if (w->semicolon)
		buf_str(b, "';'");
	else
		add_names(b, w);
}

void parse_report(struct parse *p, const struct parse_wanted *w, bool end)
{
	char mem[512];
	struct buf b;

	if (!p->reported && !p->fatal) {
		buf_fixed(&b, mem, sizeof(mem));
		add_token(&b, &p->last, end);
		add_wanted(&b, p, w);
		if (p->brace_depth == 0 && p->last.code == T_IDENT &&
			p->last.text.len < 64) {
			char word[64];
			const char *near;

			snprintf(word, sizeof(word), "%.*s", SLICE_ARG(p->last.text));
			near = conf_nearest(word, block_words);
			if (near != NULL)
				buf_printf(&b, " (did you mean '%s'?)", near);
		}
		diag_error(p->diags, p->last.loc, "%.*s", (int)b.len, b.p);
	}
	p->reported = false;
	feed_error(p);
}

struct node *parse_pv(struct parse *p, const struct token *t)
{
	struct node *n = node_text(p, N_PV, t->loc, t->text);

	n->pv = t->pv;
	n->why = t->why;
	n->n = t->n;
	return n;
}

struct node *parse_call(struct parse *p, enum node_kind kind, const struct token *name,
	struct node_list args)
{
	struct node *n = node_text(p, kind, name->loc, name->text);

	/* foo() has one argument that is not there. */
	if (args.first != NULL && args.first == args.last && args.first->kind == N_NONE)
		args.first = NULL;
	n->a = args.first;
	for (struct node *a = args.first; a != NULL; a = a->next)
		if (a->depth >= n->depth)
			n->depth = a->depth + 1;
	return n;
}

struct node *parse_myself(struct parse *p, struct script_loc loc, enum node_op op,
	const struct token *keyword)
{
	struct node *n = node_text(p, N_COND, loc, keyword->text);

	n->op = op;
	n->a = node_new(p, N_MYSELF, loc);
	return n;
}
