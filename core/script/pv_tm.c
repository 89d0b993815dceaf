#include <errno.h>
#include <stdio.h>

#include "core/base/loop.h"
#include "core/script/pv_row.h"
#include "core/tm/dialog_id.h"

#define JOINED_MAX 65536 /* bytes of $(avp(x)[*]) */

int pv_get_null(const struct pv_call *c, struct script_value *out)
{
	(void)c;
	(void)out;
	return -ENOENT;
}

/* Script variables and the run */

static int get_var(const struct pv_call *c, struct script_value *out)
{
	return run_var_get(c->msg, c->inner, out);
}

static int set_var(const struct pv_call *c, const struct script_value *v)
{
	return run_var_set(c->msg, c->inner, v);
}

struct slice pv_var_name(const struct script_pv *pv)
{
	if (pv->row->get != get_var || pv->chain || !pv->inner)
		return (struct slice){0};
	return slice_str(pv->inner);
}

static int get_code(const struct pv_call *c, struct script_value *out)
{
	return pv_int(out, run_last_code(c->msg));
}

static int get_param(const struct pv_call *c, struct script_value *out)
{
	uint64_t i;

	if (slice_u64(c->inner, 1000, &i) != 0 || i == 0)
		return -ENOENT;
	return run_param(c->msg, (unsigned)i, out);
}

static int get_format(const struct pv_call *c, struct script_value *out)
{
	return pv_made(out, arena_dup(c->msg->arena, c->inner));
}

/* AVPs */

/** "s:name", "i:42", "42", "name". */
static struct slice avp_name(struct slice text, bool *numeric)
{
	uint64_t n;

	*numeric = false;
	if (slice_starts(text, SLICE("s:")))
		return slice_from(text, 2);
	if (slice_starts(text, SLICE("i:"))) {
		*numeric = true;
		return slice_from(text, 2);
	}
	*numeric = slice_u64(text, UINT32_MAX, &n) == 0;
	return text;
}

static const char *check_avp(struct slice in)
{
	bool numeric;
	struct slice name = avp_name(in, &numeric);
	uint64_t n;

	if (slice_empty(name))
		return "an AVP needs a name";
	if (numeric && slice_u64(name, UINT32_MAX, &n) != 0)
		return "a number is expected after 'i:'";
	return NULL;
}

static void avp_value(const struct msg_avp *a, struct script_value *out)
{
	if (a->is_int)
		(void)pv_int(out, a->n);
	else
		(void)pv_text(out, a->s);
}

static int64_t avp_count(struct ph_msg *msg, struct slice name, bool numeric)
{
	unsigned n = 0;

	while (msg_avp_find(msg, name, numeric, n))
		n++;
	return n;
}

/** The value that the index names; NULL. */
static struct msg_avp *avp_at(const struct pv_call *c, struct slice name, bool numeric)
{
	int64_t at = c->index == PV_AT ? c->at : 0;

	if (at < 0)
		at += avp_count(c->msg, name, numeric);
	if (at < 0 || at > UINT16_MAX)
		return NULL;
	return msg_avp_find(c->msg, name, numeric, (unsigned)at);
}

static int get_avp(const struct pv_call *c, struct script_value *out)
{
	bool numeric;
	struct slice name = avp_name(c->inner, &numeric);
	const struct msg_avp *a;
	struct buf b;
	unsigned i;

	if (c->index != PV_ALL) {
		a = avp_at(c, name, numeric);
		if (!a)
			return -ENOENT;
		avp_value(a, out);
		return 0;
	}
	buf_arena(&b, c->msg->arena, 128, JOINED_MAX);
	for (i = 0; (a = msg_avp_find(c->msg, name, numeric, i)); i++) {
		struct script_value v = {.type = SCRIPT_NULL};

		avp_value(a, &v);
		if (i > 0)
			buf_str(&b, ", ");
		buf_add(&b, value_text(c->msg->arena, &v));
	}
	if (b.err != 0)
		return -ENOMEM;
	return i ? pv_text(out, buf_slice(&b)) : -ENOENT;
}

static int push_avp(const struct pv_call *c, struct slice name, bool numeric,
	const struct script_value *v)
{
	struct msg_avp value = {.is_int = v->type == SCRIPT_INT, .n = v->n};

	if (!value.is_int)
		value.s = v->s;
	return msg_avp_push(c->msg, name, numeric, &value);
}

/** `=`: push, null pops; with an index the value there is replaced; with [*] all are. */
static int set_avp(const struct pv_call *c, const struct script_value *v)
{
	bool numeric;
	struct slice name = avp_name(c->inner, &numeric);
	struct msg_avp *a;

	if (slice_empty(name))
		return -EINVAL;
	if (c->index == PV_ALL)
		msg_avp_remove(c->msg, name, numeric, true);
	else if (v->type == SCRIPT_NULL)
		msg_avp_remove(c->msg, name, numeric, false);
	if (v->type == SCRIPT_NULL)
		return 0;
	if (c->index != PV_AT)
		return push_avp(c, name, numeric, v);
	a = avp_at(c, name, numeric);
	if (!a)
		return -EINVAL;
	if (v->type == SCRIPT_TEXT) {
		struct slice s = arena_dup(msg_root(c->msg)->arena, v->s);

		if (!s.p)
			return -ENOMEM;
		a->s = s;
	}
	a->is_int = v->type == SCRIPT_INT;
	a->n = v->n;
	return 0;
}

bool script_pv_is_avp(const struct script_pv *pv)
{
	return pv->row->set == set_avp;
}

/* Flags */

enum { FL_MESSAGE, FL_BRANCH };

static uint32_t *flags_of(const struct pv_call *c)
{
	if (c->what == FL_MESSAGE)
		return &msg_root(c->msg)->flags;
	return c->msg->branch ? tm_branch_flags(c->msg->branch) : &c->msg->bflags;
}

static int get_flags(const struct pv_call *c, struct script_value *out)
{
	return pv_int(out, *flags_of(c));
}

static int set_flags(const struct pv_call *c, const struct script_value *v)
{
	int64_t n = 0;

	if (v->type != SCRIPT_NULL && (value_int(v, &n) != 0 || n < 0 || n > UINT32_MAX))
		return -EINVAL;
	*flags_of(c) = (uint32_t)n;
	return 0;
}

/* The transaction */

enum { T_BRANCH, T_CODE, T_REASON };

static int get_trans(const struct pv_call *c, struct script_value *out)
{
	const struct ph_msg *msg = c->msg;
	unsigned code;

	if (c->what == T_BRANCH)
		return msg->branch ? pv_int(out, tm_branch_index(msg->branch)) : -ENOENT;
	if (msg->sip.kind == SIP_REPLY)
		return c->what == T_CODE ? pv_int(out, msg->sip.status)
					 : pv_text(out, msg->sip.reason);
	code = tm_reply_code(msg);
	if (code == 0)
		return -ENOENT;
	return c->what == T_CODE ? pv_int(out, code)
				 : pv_text_or_null(out, tm_reply_reason(msg));
}

/** $T_req(pv): pv of the transaction's request, seen from a reply. */
static int get_request(const struct pv_call *c, struct script_value *out)
{
	struct ph_msg *request =
		c->msg->sip.kind == SIP_REQUEST ? c->msg : tm_request_of(c->msg);

	return request ? script_pv_get(c->pv->inner_pv, c->env, request, out) : -ENOENT;
}

/* The dialog: what its plugin leaves with the call. Null before there is one, and without the plugin. */

static struct call *call_of_msg(const struct pv_call *c, bool make)
{
	struct calls *calls = c->env && c->env->tm ? tm_calls(c->env->tm) : NULL;

	return calls ? call_of(calls, c->msg->sip.call_id, make) : NULL;
}

static struct slice dialog_prop(const struct pv_call *c, enum bus_prop p)
{
	const struct call *call = call_of_msg(c, false);

	return call ? call_prop(call, p) : (struct slice){0};
}

static int get_dialog(const struct pv_call *c, struct script_value *out)
{
	return pv_text_or_null(out, dialog_prop(c, (enum bus_prop)c->what));
}

/** Seconds the call may last. */
static int get_timeout(const struct pv_call *c, struct script_value *out)
{
	int64_t n;

	return slice_i64(dialog_prop(c, BUS_PROP_DIALOG_TIMEOUT), &n) == 0 ? pv_int(out, n) : -ENOENT;
}

static int set_timeout(const struct pv_call *c, const struct script_value *v)
{
	struct call *call = call_of_msg(c, v->type != SCRIPT_NULL);
	char text[24];
	int64_t n;

	if (v->type == SCRIPT_NULL)
		return call ? call_prop_set(call, BUS_PROP_DIALOG_TIMEOUT, (struct slice){0}) : 0;
	if (value_int(v, &n) != 0 || n < 1 || n > DIALOG_TIMEOUT_MAX)
		return -EINVAL;
	if (!call)
		return -ENOMEM;
	(void)snprintf(text, sizeof(text), "%lld", (long long)n);
	return call_prop_set(call, BUS_PROP_DIALOG_TIMEOUT, slice_str(text));
}

/** Seconds since it was answered. */
static int get_lifetime(const struct pv_call *c, struct script_value *out)
{
	int64_t since;

	return slice_i64(dialog_prop(c, BUS_PROP_DIALOG_START), &since) == 0 ? pv_int(out, clock_wall() - since) : -ENOENT;
}

/** As Kamailio and OpenSIPS number them: 1 not answered, 4 answered (2xx and its ACK are not told apart), 5 ended. */
static int get_dialog_status(const struct pv_call *c, struct script_value *out)
{
	struct slice s = dialog_prop(c, BUS_PROP_DIALOG_STATUS);

	if (slice_empty(s))
		return -ENOENT;
	return pv_int(out, slice_eq(s, SLICE("early")) ? 1 : slice_eq(s, SLICE("confirmed")) ? 4 : 5);
}

static int get_direction(const struct pv_call *c, struct script_value *out)
{
	return pv_text_or_null(out, slice_str(c->msg->props[BUS_PROP_DIALOG_DIR]));
}

static int get_stat(const struct pv_call *c, struct script_value *out)
{
	char name[64];
	int index;

	if (c->inner.len >= sizeof(name))
		return -ENOENT;
	(void)snprintf(name, sizeof(name), "%.*s", SLICE_ARG(c->inner));
	index = counter_find(name);
	return index < 0 ? -ENOENT : pv_int(out, counter_read((unsigned)index));
}

/* clang-format off */
const struct pv_row pv_tm_rows[] = {
	{.name = "null", .get = pv_get_null},
	{.name = "NULL", .get = pv_get_null},
	{.name = "var", .get = get_var, .set = set_var, .takes = PV_INNER},
	{.name = "avp", .get = get_avp, .set = set_avp, .takes = PV_INNER | PV_INDEXED, .check = check_avp},
	{.name = "rc", .get = get_code},
	{.name = "retcode", .get = get_code},
	{.name = "param", .get = get_param, .takes = PV_INNER},
	{.name = "_s", .get = get_format, .takes = PV_INNER},
	{.name = "mf", .get = get_flags, .set = set_flags, .what = FL_MESSAGE},
	{.name = "bf", .get = get_flags, .set = set_flags, .what = FL_BRANCH},
	{.name = "T_branch_idx", .get = get_trans, .what = T_BRANCH},
	{.name = "T_reply_code", .get = get_trans, .what = T_CODE},
	{.name = "T_reply_reason", .get = get_trans, .what = T_REASON},
	{.name = "T_req", .get = get_request, .takes = PV_INNER_PV},
	{.name = "DLG_end_reason", .get = get_dialog, .what = BUS_PROP_DIALOG_END},
	{.name = "DLG_did", .get = get_dialog, .what = BUS_PROP_DIALOG_ID},
	{.name = "DLG_timeout", .get = get_timeout, .set = set_timeout},
	{.name = "DLG_lifetime", .get = get_lifetime},
	{.name = "DLG_status", .get = get_dialog_status},
	{.name = "DLG_dir", .get = get_direction},
	{.name = "stat", .get = get_stat, .takes = PV_INNER},
	{0},
};
/* clang-format on */
