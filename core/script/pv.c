#include "core/script/pv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/loop.h"
#include "core/script/pv_row.h"
#include "core/script/transform.h"

/** A compilation on its way through text. */
struct parse {
	struct slice text;
	size_t pos;
	bool kamailio;
	char *why; /* [160] */
	size_t *at;
};

static const struct pv_row *const tables[] = {
	pv_uri_rows,
	pv_msg_rows,
	pv_hdr_rows,
	pv_net_rows,
	pv_tm_rows,
	NULL,
};

static const struct pv_row *find_row(struct slice name)
{
	const struct pv_row *const *t, *row;

	for (t = tables; *t; t++)
		for (row = *t; row->name; row++)
			if (slice_eq(slice_str(row->name), name))
				return row;
	return NULL;
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_';
}

static char peek(const struct parse *ps)
{
	return ps->pos < ps->text.len ? ps->text.p[ps->pos] : '\0';
}

/** The complaint is before, text (cut), behind. */
static int fault(struct parse *ps, size_t pos, const char *before, struct slice text,
	const char *behind)
{
	*ps->at = pos;
	(void)snprintf(ps->why, 160, "%s%.*s%s", before,
		text.len > 60 ? 60 : (int)text.len, text.p ? text.p : "", behind);
	return -EINVAL;
}

/** The same without text. */
static int fault_plain(struct parse *ps, size_t pos, const char *what)
{
	return fault(ps, pos, what, (struct slice){0}, "");
}

static char *copy_text(struct slice s)
{
	return strndup(s.p ? s.p : "", s.len);
}

/** The name at pos; a dot belongs to it only when the dotted name is known. */
static int parse_name(struct parse *ps, const struct pv_row **out)
{
	size_t start = ps->pos, end = start, dotted;
	const struct pv_row *row;

	while (end < ps->text.len && is_name(ps->text.p[end]))
		end++;
	if (end == start)
		return fault_plain(
			ps, start, "expected the name of a variable after '$'");
	row = find_row(slice_sub(ps->text, start, end - start));
	if (end < ps->text.len && ps->text.p[end] == '.') {
		const struct pv_row *longer;

		for (dotted = end + 1;
			dotted < ps->text.len && is_name(ps->text.p[dotted]);)
			dotted++;
		longer = find_row(slice_sub(ps->text, start, dotted - start));
		if (longer) {
			row = longer;
			end = dotted;
		}
	}
	if (!row)
		return fault(ps, start - 1, "unknown variable '$",
			slice_sub(ps->text, start, end - start), "'");
	ps->pos = end;
	*out = row;
	return 0;
}

/** Offset of the bracket that closes the one at pos, or text.len. */
static size_t closing(struct slice text, size_t pos, char open, char close)
{
	unsigned depth = 0;

	for (; pos < text.len; pos++) {
		if (text.p[pos] == open)
			depth++;
		else if (text.p[pos] == close && --depth == 0)
			break;
	}
	return pos;
}

/** A variable that must fill the whole of part, which stands at offset off. */
static int parse_whole_pv(
	struct parse *ps, struct slice part, size_t off, struct script_pv **out)
{
	size_t used;
	int err = pv_parse(out, part, ps->kamailio, &used, ps->why, ps->at);

	if (err != 0) {
		*ps->at += off;
		return err;
	}
	if (used == part.len)
		return 0;
	script_pv_free(out);
	return fault(ps, off + used, "unexpected '", slice_from(part, used),
		"' after the variable");
}

/** "(inner)" at pos. */
static int parse_inner(struct parse *ps, struct script_pv *pv)
{
	size_t open = ps->pos, end = closing(ps->text, open, '(', ')');
	struct slice raw = slice_sub(ps->text, open + 1, end - open - 1),
		     inner = slice_trim(raw);
	size_t off = open + 1 + (inner.p ? (size_t)(inner.p - raw.p) : 0);
	const char *bad;
	int err = 0;

	if (end == ps->text.len)
		return fault_plain(ps, open, "no ')' closes this '('");
	if (slice_empty(inner))
		return fault(ps, open, "'$", slice_str(pv->row->name),
			"()' needs a name inside");
	ps->pos = end + 1;
	if (pv->row->takes & PV_INNER_PV)
		return parse_whole_pv(ps, inner, off, &pv->inner_pv);
	if (slice_chr(inner, '$') >= 0) {
		err = pv_format_parse(
			&pv->inner_fmt, inner, ps->kamailio, ps->why, ps->at);
		if (err != 0)
			*ps->at += off;
		return err;
	}
	bad = pv->row->check ? pv->row->check(inner) : NULL;
	if (bad)
		return fault_plain(ps, off, bad);
	pv->inner = copy_text(inner);
	return pv->inner ? 0 : -ENOMEM;
}

/** "[i]" at pos, inside $( ). */
static int parse_index(struct parse *ps, struct script_pv *pv)
{
	size_t open = ps->pos, end = closing(ps->text, open, '[', ']');
	struct slice in;

	if (end == ps->text.len)
		return fault_plain(ps, open, "no ']' closes this '['");
	in = slice_trim(slice_sub(ps->text, open + 1, end - open - 1));
	if (!(pv->row->takes & PV_INDEXED))
		return fault(ps, open, "'$", slice_str(pv->row->name), "' has no index");
	ps->pos = end + 1;
	if (slice_eq(in, SLICE("*"))) {
		pv->index = PV_ALL;
		return 0;
	}
	pv->index = PV_AT;
	if (!slice_empty(in) && in.p[0] == '$')
		return parse_whole_pv(ps, in, (size_t)(in.p - ps->text.p), &pv->at_pv);
	if (slice_i64(in, &pv->at) != 0)
		return fault(
			ps, open + 1, "'", in, "' is no index: expected a number or '*'");
	return 0;
}

/** Index, transformations and the ')' of "$(name...)". */
static int parse_tail(struct parse *ps, size_t open, struct script_pv *pv)
{
	size_t used;
	int err = 0;

	if (peek(ps) == '[')
		err = parse_index(ps, pv);
	if (err == 0 && peek(ps) == '{') {
		err = transform_parse(&pv->chain, slice_from(ps->text, ps->pos),
			ps->kamailio, &used, ps->why, ps->at);
		if (err != 0)
			*ps->at += ps->pos;
		else
			ps->pos += used;
	}
	if (err != 0)
		return err;
	if (ps->pos == ps->text.len)
		return fault_plain(ps, open, "no ')' closes this '$('");
	if (peek(ps) != ')')
		return fault(ps, ps->pos, "unexpected '", slice_sub(ps->text, ps->pos, 1),
			"' in a variable, expected ')'");
	ps->pos++;
	return 0;
}

static int parse_pv(struct parse *ps, struct script_pv *pv)
{
	bool bracket;
	size_t start = ps->pos;
	int err;

	if (peek(ps) != '$')
		return fault_plain(ps, ps->pos, "expected '$'");
	ps->pos++;
	bracket = peek(ps) == '(';
	if (bracket)
		ps->pos++;
	err = parse_name(ps, &pv->row);
	if (err != 0)
		return err;
	if (peek(ps) == '(' && (pv->row->takes & (PV_INNER | PV_INNER_MAY | PV_INNER_PV)))
		err = parse_inner(ps, pv);
	else if (pv->row->takes & (PV_INNER | PV_INNER_PV))
		err = fault(ps, start, "'$", slice_str(pv->row->name),
			"' needs a name in parentheses");
	if (err == 0 && bracket)
		err = parse_tail(ps, start, pv);
	return err;
}

/** Variables inside variables: each level is one on the C stack. */
#define MAX_DEPTH 16
static _Thread_local unsigned depth;

int pv_parse(struct script_pv **out, struct slice text, bool kamailio, size_t *used,
	char why[160], size_t *at)
{
	struct parse ps = {.text = text, .kamailio = kamailio, .why = why, .at = at};
	struct script_pv *pv;
	int err;

	*at = 0;
	if (depth >= MAX_DEPTH)
		return fault_plain(&ps, 0, "variables are nested too deeply");
	pv = calloc(1, sizeof(*pv));
	if (!pv)
		return -ENOMEM;
	pv->kamailio = kamailio;
	pv->compiled_at = clock_wall();
	depth++;
	err = parse_pv(&ps, pv);
	depth--;
	if (err != 0) {
		script_pv_free(&pv);
		return err;
	}
	*used = ps.pos;
	*out = pv;
	return 0;
}

struct script_pv *script_pv_new(const char *text, char why[128])
{
	struct script_pv *pv;
	size_t used, at;
	char long_why[160] = "no memory";

	if (pv_parse(&pv, slice_str(text), false, &used, long_why, &at) != 0) {
		(void)snprintf(why, 128, "%.127s", long_why);
		return NULL;
	}
	if (text[used] != '\0') {
		(void)snprintf(
			why, 128, "unexpected '%.60s' after the variable", text + used);
		script_pv_free(&pv);
		return NULL;
	}
	return pv;
}

void script_pv_free(struct script_pv **pvp)
{
	struct script_pv *pv = *pvp;

	if (!pv)
		return;
	*pvp = NULL;
	free(pv->inner);
	pv_format_free(&pv->inner_fmt);
	script_pv_free(&pv->inner_pv);
	script_pv_free(&pv->at_pv);
	transform_free(&pv->chain);
	free(pv);
}

/** Evaluate what stands in parentheses and in the index. */
static int prepare(const struct script_pv *pv, const struct script_env *env,
	struct ph_msg *msg, struct pv_call *c)
{
	*c = (struct pv_call){.pv = pv,
		.env = env,
		.msg = msg,
		.what = pv->row->what,
		.inner = slice_str(pv->inner),
		.index = pv->index,
		.at = pv->at};
	if (pv->inner_fmt) {
		int err = pv_format_eval(pv->inner_fmt, env, msg, &c->inner);

		if (err != 0)
			return err;
	}
	if (pv->at_pv) {
		struct script_value v;
		int err = script_pv_get(pv->at_pv, env, msg, &v);

		if (err != 0)
			return err;
		if (value_int(&v, &c->at) != 0)
			return -ENOENT;
	}
	return 0;
}

int script_pv_get(const struct script_pv *pv, const struct script_env *env,
	struct ph_msg *msg, struct script_value *out)
{
	struct script_value v = {.type = SCRIPT_NULL};
	struct pv_call c;
	int err = prepare(pv, env, msg, &c);

	if (err == 0)
		err = pv->row->get(&c, &v);
	if (err == 0 && v.type == SCRIPT_NULL)
		err = -ENOENT;
	if (err == 0 && pv->chain)
		err = transform_run(pv->chain, env, msg, &v);
	*out = err == 0 ? v : (struct script_value){.type = SCRIPT_NULL};
	return err;
}

int script_pv_set(const struct script_pv *pv, const struct script_env *env,
	struct ph_msg *msg, const struct script_value *value)
{
	struct pv_call c;
	int err;

	if (!script_pv_writable(pv))
		return -EROFS;
	err = prepare(pv, env, msg, &c);
	if (err == 0)
		err = pv->row->set(&c, value);
	return err == -ENOENT ? -EINVAL : err;
}

bool script_pv_writable(const struct script_pv *pv)
{
	return pv->row->set && !pv->chain;
}

bool pv_is_null(const struct script_pv *pv)
{
	return pv->row->get == pv_get_null;
}
