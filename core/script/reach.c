/* Which blocks are reached as what: from each block that the host runs, through route(X). */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/script/compile.h"

#define KINDS 6

static const char *const kind_names[KINDS] = {"request_route", "onreply_route",
	"failure_route", "branch_route", "local_route", "event_route"};

const char *block_label(const struct block *b, char out[LOC_TEXT])
{
	if (slice_empty(b->name))
		snprintf(out, LOC_TEXT, "%s",
			b->kind == SCRIPT_REQUEST              ? "request_route"
				: b->kind == SCRIPT_REPLY_MAIN ? "onreply_route"
							       : "local_route");
	else
		snprintf(out, LOC_TEXT, "%.*s[%.*s]", SLICE_ARG(b->keyword),
			SLICE_ARG(b->name));
	return out;
}

struct block *block_find(
	const struct compile *c, enum script_block_kind kind, struct slice name)
{
	for (struct block *b = c->blocks; b != NULL; b = b->next)
		if (b->resolved && b->kind == kind && slice_eq(b->name, name))
			return b;
	return NULL;
}

/* One block in one kind of run. */
struct state {
	struct block *block;
	unsigned kind;
	const struct call_use *by; /**< route(X) that led here; NULL: the host runs it */
	struct state *from;
	struct state *next; /**< to be looked at */
};

struct reach {
	struct compile *c;
	struct block **blocks;  /**< by number */
	struct call_use **uses; /**< of each block, chained by next */
	unsigned *seen;         /**< set of kinds, per block */
	struct state *first, **end;
};

static void visit(struct reach *r, struct block *b, unsigned kind,
	const struct call_use *by, struct state *from)
{
	struct state *s;

	if (r->seen[b->index] & (1U << kind))
		return;
	r->seen[b->index] |= 1U << kind;
	s = arena_zalloc(r->c->arena, sizeof(*s));
	if (s == NULL) {
		compile_nomem(r->c);
		return;
	}
	s->block = b;
	s->kind = kind;
	s->by = by;
	s->from = from;
	*r->end = s;
	r->end = &s->next;
}

static void add_path(struct buf *b, const struct reach *r, const struct state *s)
{
	const struct state *path[8];
	unsigned n = 0;

	/* From the last call outwards; the first ones are what an operator looks for. */
	for (; s->by != NULL; s = s->from)
		if (n < 8)
			path[n++] = s;
	for (unsigned i = n; i-- > 0;) {
		char place[LOC_TEXT];
		const struct node *call = path[i]->by->node;

		buf_printf(b, "%s route(%.*s) at %s", i + 1 == n ? "; reached by" : ",",
			SLICE_ARG(path[i]->block->name),
			loc_text(r->c->diags, path[0]->by->node->loc, call->loc, place));
	}
}

static void not_here(
	const struct reach *r, const struct state *s, const struct call_use *u)
{
	const struct state *root = s;
	char mem[1024], label[LOC_TEXT];
	bool first = true;
	struct buf b;

	while (root->by != NULL)
		root = root->from;
	buf_fixed(&b, mem, sizeof(mem));
	buf_printf(&b, "'%.*s' cannot be used in %s (allowed: ", SLICE_ARG(u->node->text),
		block_label(root->block, label));
	for (unsigned k = 0; k < KINDS; k++)
		if (u->fn->routes & (1U << k)) {
			buf_printf(&b, "%s%s", first ? "" : ", ", kind_names[k]);
			first = false;
		}
	buf_str(&b, ")");
	add_path(&b, r, s);
	diag_error(r->c->diags, u->node->loc, "%.*s", (int)b.len, b.p);
}

static void look_at(struct reach *r, struct state *s)
{
	for (struct call_use *u = r->uses[s->block->index]; u != NULL; u = u->next) {
		if (!(u->kinds & (1U << s->kind)))
			continue;
		if (u->fn == NULL) {
			r->blocks[u->target]->used = true;
			visit(r, r->blocks[u->target], s->kind, u, s);
		} else if (!(u->fn->routes & (1U << s->kind)) && !u->reported) {
			not_here(r, s, u);
			u->reported = true;
		}
	}
}

static void unused(struct compile *c)
{
	char label[LOC_TEXT];

	for (const struct block *b = c->blocks; b != NULL; b = b->next) {
		bool called = b->kind == SCRIPT_REQUEST;

		if (!b->resolved || b->used || slice_empty(b->name) ||
			(called ? c->dynamic_routes
				: (c->dynamic_arms & (1U << b->kind)) != 0))
			continue;
		diag_warning(c->diags, b->loc, "%s is never %s", block_label(b, label),
			called ? "called" : "armed");
	}
}

/* The uses by block, in order of the text. */
static bool sort_uses(struct reach *r, unsigned count)
{
	struct call_use ***ends = arena_zalloc(r->c->arena, (count + 1) * sizeof(*ends));
	struct call_use *u, *next;

	r->blocks = arena_zalloc(r->c->arena, (count + 1) * sizeof(struct block *));
	r->uses = arena_zalloc(r->c->arena, (count + 1) * sizeof(*r->uses));
	r->seen = arena_zalloc(r->c->arena, (count + 1) * sizeof(*r->seen));
	if (ends == NULL || r->blocks == NULL || r->uses == NULL || r->seen == NULL)
		return false;
	for (unsigned i = 0; i < count; i++)
		ends[i] = &r->uses[i];
	for (struct block *b = r->c->blocks; b != NULL; b = b->next)
		if (b->resolved)
			r->blocks[b->index] = b;
	for (u = r->c->uses; u != NULL; u = next) {
		next = u->next;
		u->next = NULL;
		*ends[u->block] = u;
		ends[u->block] = &u->next;
	}
	return true;
}

void check_reach(struct compile *c)
{
	struct reach r = {.c = c};

	if (!sort_uses(&r, c->prog->blocks.count)) {
		compile_nomem(c);
		return;
	}
	r.end = &r.first;
	for (struct block *b = c->blocks; b != NULL; b = b->next)
		for (unsigned k = 0; k < KINDS; k++)
			if (b->resolved && (b->routes & (1U << k)))
				visit(&r, b, k, NULL, NULL);
	for (struct state *s = r.first; s != NULL; s = s->next)
		look_at(&r, s);
	unused(c);
}

void bind_flags(struct compile *c)
{
	uint32_t taken = c->flag_numbers;
	int bit = 31;

	for (const struct script_flag *f = c->prog->flags; f != NULL; f = f->next)
		if (f->bit >= 0)
			taken |= (uint32_t)1 << f->bit;
	for (const struct late_flag *l = c->late_flags; l != NULL; l = l->next) {
		while (l->flag->bit < 0 && bit >= 0 && (taken & ((uint32_t)1 << bit)))
			bit--;
		if (l->flag->bit < 0 && bit >= 0)
			l->flag->bit = bit--;
		if (l->flag->bit < 0)
			diag_error(c->diags, l->loc,
				"no bit is left for flag '%.*s': there are 32",
				SLICE_ARG(l->flag->name));
		else
			l->arg->n = l->flag->bit;
	}
}
