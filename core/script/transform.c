#include "core/script/transform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/** A parameter: literal text or a variable. */
struct tr_param {
	char *text; /* owned */
	struct script_pv *pv;
};

struct transform {
	const struct tr_row *row;
	unsigned count;
	struct tr_param param[TR_MAX_PARAMS];
	struct subst *subst;
	struct transform *next;
};

/** A chain on its way through text. */
struct parse {
	struct slice text;
	size_t pos;
	bool kamailio;
	char *why; /* [160] */
	size_t *at;
};

static const struct tr_row *const tables[] = {
	tr_text_rows, tr_code_rows, tr_uri_rows, NULL};

static const struct tr_row *find_row(struct slice name)
{
	const struct tr_row *const *t, *row;

	for (t = tables; *t; t++)
		for (row = *t; row->name; row++)
			if (slice_eq(slice_str(row->name), name))
				return row;
	return NULL;
}

static int fault(struct parse *ps, size_t pos, const char *what, struct slice text)
{
	*ps->at = pos;
	(void)snprintf(ps->why, 160, "%s '%.*s'", what,
		text.len > 60 ? 60 : (int)text.len, text.p ? text.p : "");
	return -EINVAL;
}

/** End of a literal parameter: the next ',' (not for the last one) or the '}' of this level. */
static size_t literal_end(const struct parse *ps, bool last)
{
	size_t pos = ps->pos;
	unsigned depth = 0;

	for (; pos < ps->text.len; pos++) {
		char c = ps->text.p[pos];

		if (c == '{')
			depth++;
		else if (c == '}' && depth-- == 0)
			break;
		else if (c == ',' && depth == 0 && !last)
			break;
	}
	return pos;
}

static int parse_param(struct parse *ps, struct transform *t)
{
	bool last = t->count + 1 == t->row->max;
	struct tr_param *p = &t->param[t->count];
	size_t end, used;
	int err;

	t->count++;
	if (ps->pos < ps->text.len && ps->text.p[ps->pos] == '$' &&
		strcmp(t->row->name, "re.subst") != 0) {
		err = pv_parse(&p->pv, slice_from(ps->text, ps->pos), ps->kamailio, &used,
			ps->why, ps->at);
		if (err != 0) {
			*ps->at += ps->pos;
			return err;
		}
		ps->pos += used;
		return 0;
	}
	end = literal_end(ps, last);
	p->text = strndup(ps->text.p + ps->pos, end - ps->pos);
	ps->pos = end;
	return p->text ? 0 : -ENOMEM;
}

/** re.subst is compiled at once. */
static int compile_subst(struct parse *ps, size_t open, struct transform *t)
{
	int err =
		subst_new(&t->subst, slice_str(t->param[0].text), ps->kamailio, ps->why);

	if (err == -EINVAL)
		*ps->at = open;
	return err;
}

/** One "{class.name,params}" at pos. */
static int parse_one(struct parse *ps, struct transform *t)
{
	size_t open = ps->pos, start = ++ps->pos;
	struct slice name;
	int err = 0;

	while (ps->pos < ps->text.len && !strchr(",{}", ps->text.p[ps->pos]))
		ps->pos++;
	name = slice_trim(slice_sub(ps->text, start, ps->pos - start));
	t->row = find_row(name);
	if (!t->row)
		return fault(ps, open, "unknown transformation", name);
	while (err == 0 && ps->pos < ps->text.len && ps->text.p[ps->pos] == ',') {
		if (t->count == t->row->max)
			return fault(ps, ps->pos, "too many parameters for", name);
		ps->pos++;
		err = parse_param(ps, t);
	}
	if (err != 0)
		return err;
	if (ps->pos == ps->text.len || ps->text.p[ps->pos] != '}')
		return fault(ps, open, "no '}' closes", name);
	if (t->count < t->row->min)
		return fault(ps, open, "too few parameters for", name);
	ps->pos++;
	return strcmp(t->row->name, "re.subst") == 0 ? compile_subst(ps, open, t) : 0;
}

int transform_parse(struct transform **out, struct slice text, bool kamailio,
	size_t *used, char why[160], size_t *at)
{
	struct parse ps = {.text = text, .kamailio = kamailio, .why = why, .at = at};
	struct transform *first = NULL, **tail = &first;
	int err = 0;

	while (err == 0 && ps.pos < text.len && text.p[ps.pos] == '{') {
		struct transform *t = calloc(1, sizeof(*t));

		if (!t) {
			err = -ENOMEM;
			break;
		}
		*tail = t;
		tail = &t->next;
		err = parse_one(&ps, t);
	}
	if (err != 0) {
		transform_free(&first);
		return err;
	}
	*used = ps.pos;
	*out = first;
	return 0;
}

void transform_free(struct transform **tp)
{
	struct transform *t = *tp;
	unsigned i;

	*tp = NULL;
	while (t) {
		struct transform *next = t->next;

		for (i = 0; i < t->count; i++) {
			free(t->param[i].text);
			script_pv_free(&t->param[i].pv);
		}
		subst_free(&t->subst);
		free(t);
		t = next;
	}
}

static int run_one(const struct transform *t, const struct script_env *env,
	struct ph_msg *msg, struct script_value *value)
{
	struct tr_call c = {.arena = msg->arena,
		.env = env,
		.msg = msg,
		.what = t->row->what,
		.count = t->count,
		.subst = t->subst};
	struct slice in = value_text(msg->arena, value);
	struct script_value out = {.type = SCRIPT_NULL};
	unsigned i;
	int err;

	if (!in.p && in.len > 0)
		return -ENOMEM;
	for (i = 0; i < t->count; i++) {
		if (t->param[i].pv) {
			err = script_pv_get(t->param[i].pv, env, msg, &c.param[i]);
			if (err != 0)
				return err;
		} else {
			c.param[i] = (struct script_value){
				.type = SCRIPT_TEXT, .s = slice_str(t->param[i].text)};
		}
	}
	err = t->row->run(&c, in, &out);
	if (err == 0)
		*value = out;
	return err;
}

int transform_run(const struct transform *t, const struct script_env *env,
	struct ph_msg *msg, struct script_value *value)
{
	for (; t; t = t->next) {
		int err = value->type == SCRIPT_NULL ? -ENOENT
						     : run_one(t, env, msg, value);

		if (err != 0) {
			*value = (struct script_value){.type = SCRIPT_NULL};
			return err;
		}
	}
	return value->type == SCRIPT_NULL ? -ENOENT : 0;
}

int64_t tr_int(const struct tr_call *c, unsigned i, int64_t dflt)
{
	struct script_value v;
	int64_t n;

	if (i >= c->count)
		return dflt;
	v = c->param[i];
	if (v.type == SCRIPT_TEXT)
		v.s = slice_trim(v.s);
	return value_int(&v, &n) == 0 ? n : dflt;
}

struct slice tr_text(const struct tr_call *c, unsigned i)
{
	return i < c->count ? value_text(c->arena, &c->param[i]) : (struct slice){0};
}
