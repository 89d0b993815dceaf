#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/script/lexer.h"
#include "core/script/parse.h"

#define INCLUDE_DEPTH 10

static int push(struct parse *p, struct lex_file *lf, struct slice text)
{
	lf->parse = p;
	lf->text = text;
	lf->outer = p->top;
	lf->conds = p->pp.cond_count;
	/* The scanner writes into its copy, and wants two zero bytes after it. */
	lf->buf = calloc(1, text.len + 2);
	if (lf->buf == NULL)
		return -ENOMEM;
	if (text.len > 0)
		memcpy(lf->buf, text.p, text.len);
	if (lexer_open(lf) != 0) {
		free(lf->buf);
		return -ENOMEM;
	}
	p->top = lf;
	p->files++;
	return 0;
}

static void pop(struct parse *p)
{
	struct lex_file *lf = p->top;

	p->top = lf->outer;
	p->files--;
	if (lf->define != NULL)
		lf->define->busy = false;
	else if (lf->outer != NULL)
		p->includes--;
	lexer_close(lf);
	free(lf->buf);
	free(lf);
}

static int push_source(struct parse *p, unsigned source)
{
	const struct source *src = &p->sources->list[source];
	struct lex_file *lf = calloc(1, sizeof(*lf));
	int err;

	if (lf == NULL)
		return -ENOMEM;
	lf->loc = (struct script_loc){.line = 1, .column = 1, .file = (uint16_t)source};
	err = push(p, lf, slice_make(src->text, src->len));
	if (err != 0)
		free(lf);
	return err;
}

int scan_push_define(struct parse *p, struct pp_define *d, struct script_loc loc)
{
	struct lex_file *lf;
	int err;

	if (p->files >= SCAN_MAX_FILES) {
		diag_error(p->diags, loc, "defines are nested too deeply");
		return -E2BIG;
	}
	lf = calloc(1, sizeof(*lf));
	if (lf == NULL) {
		p->diags->nomem = true;
		return -ENOMEM;
	}
	lf->loc = loc;
	lf->fixed = true;
	lf->define = d;
	err = push(p, lf, d->text);
	if (err != 0) {
		p->diags->nomem = true;
		free(lf);
		return err;
	}
	d->busy = true;
	return 0;
}

/* path as seen from the file that names it. */
static struct slice resolve(struct parse *p, const struct lex_file *lf, struct slice path)
{
	const char *from = p->sources->list[lf->loc.file].name;
	const char *slash = strrchr(from, '/');

	if (path.p[0] == '/' || slash == NULL)
		return arena_dup(p->arena, path);
	return arena_printf(
		p->arena, "%.*s/%.*s", (int)(slash - from), from, SLICE_ARG(path));
}

void scan_include(struct parse *p, struct lex_file *lf, struct slice path, bool optional,
	struct script_loc loc)
{
	struct slice name;
	int src;

	if (slice_empty(path)) {
		diag_error(p->diags, loc, "expected a file name in quotes");
		return;
	}
	if (p->includes >= INCLUDE_DEPTH) {
		diag_error(p->diags, loc,
			"files include each other too deeply (at most %d)",
			INCLUDE_DEPTH);
		return;
	}
	name = resolve(p, lf, path);
	src = name.p == NULL ? -ENOMEM : sources_read(p->sources, name.p);
	if (src == -ENOENT && optional)
		return;
	if (src >= 0)
		src = push_source(p, (unsigned)src);
	if (src == 0)
		p->includes++;
	else if (src == -ENOMEM)
		p->diags->nomem = true;
	else
		diag_error(p->diags, loc, "cannot read '%.*s': %s", SLICE_ARG(path),
			src == -ENOSPC ? "too many files" : strerror(-src));
}

int parse_open(struct parse *p, unsigned source)
{
	p->blocks_end = &p->blocks;
	return push_source(p, source);
}

void parse_close(struct parse *p)
{
	while (p->top != NULL)
		pop(p);
}

void scan_raw(struct parse *p, struct token *t)
{
	int code;

	for (;;) {
		struct lex_file *lf = p->top;

		memset(t, 0, sizeof(*t));
		/* A scanner must not be asked again after its end. */
		code = p->fatal || p->ended ? LEX_END : lexer_token(lf, t);
		if (code == LEX_AGAIN)
			continue;
		if (code != LEX_END)
			break;
		if (lf->define == NULL && !p->fatal)
			pp_close(&p->pp, lf->conds);
		if (lf->outer == NULL) {
			*t = (struct token){.loc = lf->loc};
			p->ended = true;
			break;
		}
		pop(p);
	}
	t->code = code;
	p->lex_depth += code == '{' ? 1 : code == '}' && p->lex_depth > 0 ? -1 : 0;
}
