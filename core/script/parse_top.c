#include "core/script/parse.h"
#include "core/script/pp.h"
#include "core/script/program.h"

static void flag_names(struct parse *p, const struct token *t)
{
	struct slice rest = slice_trim(slice_from(t->raw, t->text.len)), item;

	while (!slice_empty(rest)) {
		struct slice name, number;
		uint64_t bit = 0;

		if (!slice_cut(rest, ',', &item, &rest)) {
			item = rest;
			rest = (struct slice){0};
		}
		name = slice_trim(item);
		if (!slice_cut(name, ':', &name, &number)) {
			if (!program_flag(p->prog, name, -1))
				p->diags->nomem = true;
			continue;
		}
		name = slice_trim(name);
		if (slice_u64(slice_trim(number), 31, &bit) != 0)
			diag_error(p->diags, t->loc,
				"flag '%.*s': expected a number from 0 to 31",
				SLICE_ARG(name));
		else if (!program_flag(p->prog, name, (int)bit))
			p->diags->nomem = true;
	}
}

void parse_global(struct parse *p, const struct token *t)
{
	if (slice_eq(t->text, SLICE("flags")) && slice_chr(t->raw, '=') < 0) {
		flag_names(p, t);
		return;
	}
	if (p->skip_globals)
		diag_warning(p->diags, t->loc,
			"'%.*s' belongs in the configuration file: ignored",
			SLICE_ARG(t->text));
	else
		diag_error(p->diags, t->loc, "'%.*s' belongs in the configuration file",
			SLICE_ARG(t->text));
}

/* "name", 'name', name, "name,5": without quotes and the timer's number. */
static struct slice block_name(struct parse *p, struct slice keyword, struct slice name)
{
	struct pp_define *d;
	struct slice number;

	if (slice_eq(keyword, SLICE("timer_route")))
		slice_cut(name, ',', &name, &number);
	name = slice_trim(name);
	d = pp_find(&p->pp, name);
	if (d != NULL)
		name = slice_trim(d->text);
	if (name.len >= 2 && (name.p[0] == '"' || name.p[0] == '\'') &&
		name.p[name.len - 1] == name.p[0])
		name = slice_sub(name, 1, name.len - 2);
	return name;
}

static bool name_is_sound(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '_' || c == ':' || c == '-' ||
			    c == '.'))
			return false;
	}
	return name.len > 0;
}

struct row {
	const char *keyword;
	enum script_block_kind kind, unnamed;
	unsigned routes;
	enum { NAME_NEVER, NAME_MAY, NAME_MUST } named;
	bool supported;
};

static const struct row rows[] = {
	{"request_route", SCRIPT_REQUEST, SCRIPT_REQUEST, PH_ROUTE_REQUEST, NAME_NEVER,
		true},
	{"route", SCRIPT_REQUEST, SCRIPT_REQUEST, PH_ROUTE_REQUEST, NAME_MAY, true},
	{"onreply_route", SCRIPT_REPLY, SCRIPT_REPLY_MAIN, PH_ROUTE_REPLY, NAME_MAY,
		true},
	{"reply_route", SCRIPT_REPLY, SCRIPT_REPLY_MAIN, PH_ROUTE_REPLY, NAME_MAY, true},
	{"failure_route", SCRIPT_FAILURE, SCRIPT_FAILURE, PH_ROUTE_FAILURE, NAME_MUST,
		true},
	{"branch_route", SCRIPT_BRANCH, SCRIPT_BRANCH, PH_ROUTE_BRANCH, NAME_MUST, true},
	{"local_route", SCRIPT_LOCAL, SCRIPT_LOCAL, PH_ROUTE_LOCAL, NAME_NEVER, true},
	{"event_route", SCRIPT_LOCAL, SCRIPT_LOCAL, PH_ROUTE_EVENT, NAME_MUST, false},
	{"error_route", SCRIPT_LOCAL, SCRIPT_LOCAL, 0, NAME_NEVER, false},
	{"startup_route", SCRIPT_LOCAL, SCRIPT_LOCAL, 0, NAME_NEVER, false},
	{"onsend_route", SCRIPT_LOCAL, SCRIPT_LOCAL, 0, NAME_MAY, false},
	{"timer_route", SCRIPT_LOCAL, SCRIPT_LOCAL, 0, NAME_MUST, false},
};

static const struct row *row_of(struct slice keyword)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_eq(keyword, slice_str(rows[i].keyword)))
			return &rows[i];
	return &rows[0];
}

static void check_name(struct parse *p, const struct block *b, const struct row *row)
{
	int len = (int)b->keyword.len;

	if (row->named == NAME_MUST && slice_empty(b->name))
		diag_error(p->diags, b->loc, "expected a name after '%.*s'", len,
			b->keyword.p);
	else if (row->named == NAME_NEVER && !slice_empty(b->name))
		diag_error(
			p->diags, b->name_loc, "'%.*s' has no name", len, b->keyword.p);
	else if (!slice_empty(b->name) && !name_is_sound(b->name))
		diag_error(p->diags, b->name_loc, "'%.*s' is no name for a block",
			SLICE_ARG(b->name));
}

static void classify(struct parse *p, struct block *b)
{
	const struct row *row = row_of(b->keyword);
	bool named;

	check_name(p, b, row);
	/* Block 0 of a kind is the one without a name. */
	if (row->named == NAME_MAY && slice_eq(b->name, SLICE("0")))
		b->name = (struct slice){0};
	named = !slice_empty(b->name);
	b->kind = named ? row->kind : row->unnamed;
	b->routes = row->routes;
	b->resolved = row->supported;
	if (slice_eq(b->keyword, SLICE("route")) && named)
		b->routes = 0;
	if (slice_eq(b->keyword, SLICE("event_route")) &&
		slice_eq(b->name, SLICE("tm:local-request"))) {
		b->name = (struct slice){0};
		b->routes = PH_ROUTE_LOCAL;
		b->resolved = true;
	}
	if (!b->resolved)
		diag_warning(p->diags, b->loc,
			"%.*s%s%.*s%s never runs here: only its syntax is checked",
			SLICE_ARG(b->keyword), named ? "[" : "", SLICE_ARG(b->name),
			named ? "]" : "");
}

void parse_block(struct parse *p, const struct token *kw, const struct token *name,
	struct node *body)
{
	struct block *b = arena_zalloc(p->arena, sizeof(*b));

	if (b == NULL) {
		p->diags->nomem = true;
		return;
	}
	b->keyword = kw->raw;
	b->loc = kw->loc;
	b->body = body;
	if (name->raw.p != NULL) {
		b->name = block_name(p, kw->raw, name->text);
		b->name_loc = name->loc;
	}
	classify(p, b);
	*p->blocks_end = b;
	p->blocks_end = &b->next;
}
