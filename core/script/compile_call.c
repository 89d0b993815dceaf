#include <stdio.h>

#include "core/script/compile.h"

static void use(struct compile *c, const struct node *n, const struct ph_script_fn *fn,
	int target)
{
	struct call_use *u = arena_zalloc(c->arena, sizeof(*u));

	if (u == NULL) {
		compile_nomem(c);
		return;
	}
	u->node = n;
	u->fn = fn;
	u->block = c->block->index;
	u->kinds = c->kinds;
	u->target = target;
	*c->uses_end = u;
	c->uses_end = &u->next;
}

static void unknown(struct compile *c, const struct node *n)
{
	const char *plugin = fn_index_plugin(c->fns, n->text);
	const char *near = fn_index_nearest(c->fns, n->text);

	if (plugin != NULL)
		diag_error(c->diags, n->loc, "function '%.*s' needs plugin '%s'",
			SLICE_ARG(n->text), plugin);
	else if (n->bare && near == NULL)
		diag_error(c->diags, n->loc, "expected '(' after '%.*s'",
			SLICE_ARG(n->text));
	else
		diag_error(c->diags, n->loc, "unknown function '%.*s'%s%s%s",
			SLICE_ARG(n->text), near ? " (did you mean '" : "",
			near ? near : "", near ? "'?)" : "");
}

static unsigned count_args(const struct node *n)
{
	unsigned count = 0;

	for (const struct node *a = n->a; a != NULL; a = a->next)
		count++;
	return count;
}

static bool count_fits(
	struct compile *c, const struct node *n, const struct ph_script_fn *fn)
{
	unsigned got = count_args(n);

	if (n->bare && fn->min_args > 0) {
		diag_error(c->diags, n->loc, "expected '(' after '%.*s'",
			SLICE_ARG(n->text));
		return false;
	}
	if (got >= fn->min_args && got <= fn->max_args && got <= PH_MAX_ARGS)
		return true;
	if (fn->min_args == fn->max_args)
		diag_error(c->diags, n->loc, "'%.*s' takes %u argument%s, got %u",
			SLICE_ARG(n->text), fn->min_args, fn->min_args == 1 ? "" : "s",
			got);
	else
		diag_error(c->diags, n->loc, "'%.*s' takes %u to %u arguments, got %u",
			SLICE_ARG(n->text), fn->min_args, fn->max_args, got);
	return false;
}

static struct script_site *new_site(struct compile *c, const struct fn_entry *e)
{
	struct script_site *site = arena_zalloc(c->prog->arena, sizeof(*site)), **slot;

	slot = program_table_add(&c->prog->sites, sizeof(*slot));
	if (site == NULL || slot == NULL) {
		compile_nomem(c);
		return NULL;
	}
	*slot = site;
	site->fn = e->fn;
	site->core = e->core;
	site->instance = e->instance;
	site->conf = e->conf;
	return site;
}

void compile_call(struct compile *c, const struct node *n)
{
	const struct fn_entry *e = fn_index_find(c->fns, n->text);
	struct script_site *site = NULL;
	unsigned i = 0, index;

	if (e == NULL)
		unknown(c, n);
	else if (count_fits(c, n, e->fn))
		site = new_site(c, e);
	if (site == NULL) {
		emit(c, OP_NULL, 0, 0, 0, 1);
		return;
	}
	index = c->prog->sites.count - 1;
	for (const struct node *a = n->a; a != NULL; a = a->next)
		compile_arg(c, n, site, i++, a);
	use(c, n, e->fn, -1);
	emit(c, OP_CALL, (int)index, 0, (int)site->values, 1);
}

/* The name of route(): pushed when it is known at run time only; else *target, or -1 after a complaint. */
static bool route_is_dynamic(struct compile *c, const struct node *n, int *target)
{
	struct slice name = literal_text(c, n->a);
	struct pv_format *format = NULL;
	char why[160] = "";
	size_t at = 0;
	struct block *b;
	int i;

	if (name.p == NULL) {
		compile_value(c, n->a);
		return true;
	}
	if (n->a->kind == N_STR && looks_variable(name)) {
		if (pv_format_parse(&format, name, c->kamailio, why, &at) != 0) {
			diag_error(c->diags, n->a->loc, "%s", why);
			return false;
		}
		i = program_own_format(c->prog, format);
		if (i < 0) {
			pv_format_free(&format);
			compile_nomem(c);
		}
		emit(c, OP_FORMAT, i, 0, 0, 1);
		return true;
	}
	b = block_find(
		c, SCRIPT_REQUEST, slice_eq(name, SLICE("0")) ? (struct slice){0} : name);
	if (b == NULL)
		diag_error(c->diags, n->a->loc,
			"'route[%.*s]' is called here but not defined", SLICE_ARG(name));
	else
		*target = (int)b->index;
	return false;
}

void compile_route(struct compile *c, const struct node *n)
{
	unsigned values = 0;
	int target = -1;
	bool dynamic;

	if (n->a == NULL || n->a->kind == N_NONE) {
		diag_error(c->diags, n->loc, "'route' needs the name of a block");
		emit(c, OP_NULL, 0, 0, 0, 1);
		return;
	}
	dynamic = route_is_dynamic(c, n, &target);
	for (const struct node *a = n->a->next; a != NULL; a = a->next) {
		if (a->kind == N_NONE)
			emit(c, OP_NULL, 0, 0, 0, 1);
		else
			compile_value(c, a);
		values++;
	}
	if (values > UINT16_MAX)
		diag_error(c->diags, n->loc, "too many arguments");
	c->dynamic_routes |= dynamic;
	if (dynamic)
		emit(c, OP_ROUTE_BY, 0, (int)values, (int)values + 1, 1);
	else
		emit(c, OP_ROUTE, target, (int)values, (int)values, 1);
	if (target >= 0)
		use(c, n, NULL, target);
}
