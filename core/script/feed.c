/* The parser's diet: tokens after counting, repairs and recovery. */
#include "core/script/parse.h"
#include "core/script/parser.h"

static void fetch(struct parse *p, struct token *t)
{
	if (p->queued > 0)
		*t = p->queue[--p->queued];
	else
		scan_raw(p, t);
}

/* The last one put back comes first. Never more than three at a time. */
static void put_back(struct parse *p, const struct token *t)
{
	p->queue[p->queued++] = *t;
}

static struct token made(const struct token *at, int code, const char *raw)
{
	return (struct token){.code = code, .loc = at->loc, .raw = slice_str(raw)};
}

/* Is t the keyword of a new block (and not route(X), or a word among arguments)? */
static bool begins_block(struct parse *p, const struct token *t)
{
	struct token next;

	if (t->code == T_BLOCK)
		return true;
	if (t->code != T_ROUTE)
		return false;
	fetch(p, &next);
	put_back(p, &next);
	return next.code == T_NAME || next.code == '{';
}

static bool ends_value(int code)
{
	return code == T_IDENT || code == T_INT || code == T_STRING || code == T_PV ||
		code == T_IP || code == T_HOST || code == T_BOOL || code == T_NULL ||
		code == T_MYSELF || code == T_SELECT || code == ')' || code == ']';
}

/* A '{' where parentheses are open: one missing ')' is put in. */
static void open_brace(struct parse *p, struct token *t)
{
	const struct scan_open *o;
	char place[LOC_TEXT];

	if (p->paren_depth == 0 || !ends_value(p->last.code))
		return;
	o = &p->parens[0];
	loc_text(p->diags, t->loc, o->loc, place);
	if (p->paren_depth > 1) {
		diag_error(p->diags, t->loc,
			"unexpected '{': expected ')' to close the %s opened at %s",
			o->after == T_IF || o->after == T_WHILE ? "condition"
								: "parenthesis",
			place);
		p->reported = true;
		return;
	}
	diag_warning(p->diags, t->loc,
		"')' missing before '{': put in to close the condition opened at %s",
		place);
	put_back(p, t);
	*t = made(t, ')', ")");
}

/* A block that begins, or the file that ends, inside a block: close what is open. */
static void close_blocks(struct parse *p, struct token *t)
{
	char place[LOC_TEXT];

	if (!p->closing) {
		p->closing = true;
		diag_error(p->diags, t->loc,
			"unexpected %s%.*s%s: expected '}' to close the block opened at "
			"%s",
			t->code ? "'" : "end of file", SLICE_ARG(t->raw),
			t->code ? "'" : "",
			loc_text(p->diags, t->loc, p->braces[0].loc, place));
		p->lex_depth = p->queued > 0 && p->queue[p->queued - 1].code == '{';
	}
	p->reported = true;
	put_back(p, t);
	*t = made(t, '}', "}");
}

static void step(struct parse *p, struct token *t)
{
	fetch(p, t);
	if (t->code == T_BLOCK && p->paren_depth > 0) {
		t->code = T_IDENT;
	} else if (t->code == '{') {
		open_brace(p, t);
	} else if (p->brace_depth > 0 && (t->code == LEX_END || begins_block(p, t))) {
		if (!p->fatal)
			close_blocks(p, t);
	} else if (p->closing) {
		p->closing = false;
		p->reported = false;
	}
}

/* Skip to the end of the broken statement; the parser then sees a ';'. */
static void recover(struct parse *p, struct token *t)
{
	unsigned nested = 0;

	p->recovering = false;
	p->paren_depth = 0;
	if (p->last.code == '}') {
		if (p->last_closed) {
			/* It closes the block that the broken statement lies in. */
			p->brace_depth++;
			put_back(p, &p->last);
		}
		*t = made(&p->last, ';', ";");
		return;
	}
	if (p->last.code == '{' && p->brace_depth > 0) {
		p->brace_depth--;
		nested = 1;
	}
	for (;;) {
		fetch(p, t);
		if (t->code == ';' && nested == 0)
			return;
		if (t->code == '{')
			nested++;
		if (t->code == '}' && nested > 0 && --nested == 0) {
			struct token next;

			fetch(p, &next);
			put_back(p, &next);
			if (next.code == T_ELSE)
				continue;
			break;
		}
		if ((nested == 0 &&
			    (t->code == '}' || t->code == T_CASE ||
				    t->code == T_DEFAULT)) ||
			t->code == LEX_END || begins_block(p, t)) {
			put_back(p, t);
			break;
		}
	}
	*t = made(t, ';', ";");
}

static void open_one(
	struct parse *p, struct scan_open *list, unsigned *depth, struct token *t)
{
	if (*depth == SCAN_MAX_NESTING) {
		diag_error(p->diags, t->loc, "nested too deeply (at most %d levels)",
			SCAN_MAX_NESTING);
		p->fatal = true;
		t->code = LEX_END;
		return;
	}
	list[(*depth)++] = (struct scan_open){.loc = t->loc, .after = p->last.code};
}

int feed_token(struct parse *p, struct token *t)
{
	if (p->stale_parens)
		p->paren_depth = 0;
	p->stale_parens = false;
	if (p->recovering)
		recover(p, t);
	else
		step(p, t);
	if (p->fatal)
		t->code = LEX_END;
	/* From the next one on: what the parser says of this one names what is open. */
	p->stale_parens = t->code == '{' || t->code == '}' || t->code == ';';
	p->last_closed = false;
	switch (t->code) {
	case '(':
		open_one(p, p->parens, &p->paren_depth, t);
		break;
	case ')':
		p->paren_depth -= p->paren_depth > 0;
		break;
	case '{':
		open_one(p, p->braces, &p->brace_depth, t);
		break;
	case '}':
		p->last_closed = p->brace_depth > 0;
		p->brace_depth -= p->brace_depth > 0;
		break;
	default:
		break;
	}
	p->prev = p->last;
	p->last = *t;
	return t->code;
}

void feed_error(struct parse *p)
{
	/* A ';' ends the broken statement itself; after the end there is nothing to skip. */
	p->recovering = p->last.code != ';' && p->last.code != LEX_END;
}
