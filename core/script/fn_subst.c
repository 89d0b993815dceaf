#include <errno.h>
#include <stdio.h>

#include "core/script/fn_core.h"
#include "core/script/hdr_received.h"
#include "core/script/ruri.h"
#include "core/script/transform.h"

#define SUBST_EXPR_MAX 512 /* bytes of an expression: it may come at run time */

/** A literal "/re/replacement/flags" is checked at load. */
static const char *check_subst(const char *text, char why[128])
{
	struct subst *s;
	char fault[160] = "no memory";

	if (subst_new(&s, slice_str(text), false, fault) == 0) {
		subst_free(&s);
		return NULL;
	}
	(void)snprintf(why, 128, "%.127s", fault);
	return why;
}

/** NULL when expr is no substitution; logged. */
static struct subst *compile(const struct ph_msg *msg, struct slice expr)
{
	struct subst *s = NULL;
	char why[160] = "too long";

	if (expr.len > SUBST_EXPR_MAX ||
		subst_new(&s, expr, run_is_kamailio(msg), why) != 0)
		fn_log(msg, LOG_L_ERR, "bad substitution '%.*s': %s",
			(int)(expr.len < 100 ? expr.len : 100), expr.p ? expr.p : "",
			why);
	return s;
}

/** Replace in a part of the request URI. PH_FALSE: nothing matched. */
static int subst_part(const struct script_env *env, struct ph_msg *msg, struct slice expr,
	enum uri_part part)
{
	struct script_value v = {.type = SCRIPT_NULL};
	struct slice out;
	struct subst *s;
	int n;

	if (uri_part_get(msg->sip.ruri, part, &v) != 0)
		return PH_FALSE;
	s = compile(msg, expr);
	if (!s)
		return PH_FALSE;
	n = subst_run(s, env, msg, v.type == SCRIPT_NULL ? SLICE("") : v.s, &out);
	subst_free(&s);
	if (n == 0)
		return PH_FALSE;
	return fn_verdict(msg, "subst_uri", n < 0 ? n : ruri_set_part(msg, part, out));
}

static int subst_uri(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return subst_part(self, msg, args[0].s, URI_ALL);
}

static int subst_user(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return subst_part(self, msg, args[0].s, URI_USER);
}

/** In all headers of a name. How many were changed, or -errno; then some may be changed. */
static int subst_headers(const struct subst *s, const struct script_env *env,
	struct ph_msg *msg, struct slice name)
{
	enum sip_hdr_id id = sip_hdr_id_of(name);
	struct sip_hdr *h;
	int changed = 0;

	for (h = msg->sip.first; h; h = h->next) {
		struct slice out;
		int n, err;

		if ((h->flags & SIP_HDR_REMOVED) || !hdr_is(h, id, name))
			continue;
		n = subst_run(s, env, msg, h->value, &out);
		err = n > 0 ? sip_hdr_set(&msg->sip, h, out) : n;
		if (err < 0)
			return err;
		changed += n > 0;
	}
	return changed;
}

static int subst_hf(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	sip_mark mark = sip_edit_mark(&msg->sip);
	struct subst *s = compile(msg, args[1].s);
	int n;

	if (!s)
		return PH_FALSE;
	n = subst_headers(s, self, msg, slice_trim(args[0].s));
	subst_free(&s);
	if (n < 0) {
		sip_rollback(&msg->sip, mark);
		return fn_verdict(msg, "subst_hf", n);
	}
	return n > 0 ? PH_TRUE : PH_FALSE;
}

static int subst_body(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct subst *s = compile(msg, args[0].s);
	struct slice out;
	int n;

	if (!s)
		return PH_FALSE;
	n = subst_run(s, self, msg, msg->sip.body, &out);
	subst_free(&s);
	if (n == 0)
		return PH_FALSE;
	return fn_verdict(msg, "subst_body", n < 0 ? n : sip_set_body(&msg->sip, out));
}

/** replace_body(re, text): the first match. */
static int replace_body(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct slice body = arena_dup(msg->arena, msg->sip.body); /* ends with NUL */
	regmatch_t m = {.rm_so = 0, .rm_eo = (regoff_t)body.len};
	struct buf b;

	(void)self;
	if (!body.p)
		return fn_verdict(msg, "replace_body", -ENOMEM);
	if (!args[0].re || regexec(args[0].re, body.p, 1, &m, REG_STARTEND) != 0)
		return PH_FALSE;
	buf_arena(&b, msg->arena, body.len + args[1].s.len, 131072);
	buf_add(&b, slice_sub(body, 0, (size_t)m.rm_so));
	buf_add(&b, args[1].s);
	buf_add(&b, slice_from(body, (size_t)m.rm_eo));
	return fn_verdict(msg, "replace_body",
		b.err ? b.err : sip_set_body(&msg->sip, buf_slice(&b)));
}

/* clang-format off */
#define EXPR {.kind = PH_ARG_STR, .name = "expression", .check = check_subst}
#define SUBST_ROUTES (FN_R | FN_F | FN_B | FN_O)
const struct ph_script_fn fn_subst_table[] = {
	{.name = "subst_uri", .args = {EXPR}, .min_args = 1, .max_args = 1, .routes = SUBST_ROUTES,
	 .call = subst_uri, .help = "Replaces in the request URI; false when nothing matched."},
	{.name = "subst_user", .args = {EXPR}, .min_args = 1, .max_args = 1, .routes = SUBST_ROUTES,
	 .call = subst_user, .help = "Replaces in the user of the request URI; false when nothing matched."},
	{.name = "subst_hf", .args = {{.kind = PH_ARG_FMT, .name = "name"}, EXPR}, .min_args = 2, .max_args = 2,
	 .routes = SUBST_ROUTES, .call = subst_hf, .help = "Replaces in the headers of a name; false when nothing matched."},
	{.name = "subst_body", .args = {EXPR}, .min_args = 1, .max_args = 1, .routes = SUBST_ROUTES,
	 .call = subst_body, .help = "Replaces in the body; false when nothing matched."},
	{.name = "replace_body", .args = {{.kind = PH_ARG_RE, .name = "regex"}, {.kind = PH_ARG_FMT, .name = "text"}},
	 .min_args = 2, .max_args = 2, .routes = SUBST_ROUTES, .call = replace_body,
	 .help = "Puts a text in the place of what matches first in the body."},
	{0},
};
/* clang-format on */
