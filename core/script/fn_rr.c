#include <errno.h>

#include "core/script/fn_core.h"
#include "core/tm/record_route.h"

/** Parameters with a ';' before each. */
static void add_params(struct buf *b, struct slice params)
{
	params = slice_trim(params);
	if (!slice_empty(params) && params.p[0] != ';')
		buf_chr(b, ';');
	buf_add(b, params);
}

static int add_rr(struct ph_msg *msg, const struct net_sock *in, struct slice params)
{
	const struct sip_nameaddr *from = sip_from(&msg->sip, NULL);
	struct buf tail;

	buf_arena(&tail, msg->arena, 128, 8192);
	if (from && !slice_empty(from->tag)) {
		buf_str(&tail, ";ftag=");
		buf_add(&tail, from->tag);
	}
	add_params(&tail, msg->rr_params);
	add_params(&tail, params);
	if (tail.err != 0)
		return tail.err == -ENOMEM ? -ENOMEM : -EINVAL;
	return rr_add(msg, in, buf_slice(&tail));
}

static int record_route(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct script_env *env = self;
	const struct net_sock *in = msg->sock;
	sip_mark mark = sip_edit_mark(&msg->sip);
	int err;

	if (rr_ours(msg)) {
		fn_log(msg, LOG_L_WARN, "record_route: done already");
		return PH_FALSE;
	}
	if (!in && env->socks && env->socks->count > 0)
		in = &env->socks->list[0];
	if (!in)
		return fn_verdict(msg, "record_route", -EADDRNOTAVAIL);
	err = add_rr(msg, in, args[0].given ? args[0].s : (struct slice){0});
	if (err != 0)
		sip_rollback(&msg->sip, mark);
	return fn_verdict(msg, "record_route", err);
}

/** Put params into the URI of one header, before its '>'. */
static int extend_rr(struct ph_msg *msg, struct sip_hdr *h, struct slice params)
{
	ptrdiff_t end = slice_chr(h->value, '>');
	struct buf b;

	if (end < 0)
		return -EINVAL;
	buf_arena(&b, msg->arena, h->value.len + params.len + 2, 16384);
	buf_add(&b, slice_sub(h->value, 0, (size_t)end));
	add_params(&b, params);
	buf_add(&b, slice_from(h->value, (size_t)end));
	if (b.err != 0)
		return b.err == -ENOMEM ? -ENOMEM : -EINVAL;
	return sip_hdr_set(&msg->sip, h, buf_slice(&b));
}

static int add_rr_param(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	sip_mark mark = sip_edit_mark(&msg->sip);
	struct sip_hdr *h = rr_ours(msg);
	struct slice all;
	struct buf b;
	int err;

	(void)self;
	if (msg->sip.kind != SIP_REQUEST)
		return PH_FALSE;
	if (!h) { /* record_route() will take it along */
		buf_arena(&b, msg->arena, msg->rr_params.len + args[0].s.len + 2, 4096);
		buf_add(&b, msg->rr_params);
		add_params(&b, args[0].s);
		all = buf_slice(&b);
		if (b.err != 0)
			return fn_verdict(msg, "add_rr_param", b.err);
		msg->rr_params = all;
		return PH_TRUE;
	}
	err = extend_rr(msg, h, args[0].s);
	if (err != 0)
		sip_rollback(&msg->sip, mark);
	return fn_verdict(msg, "add_rr_param", err);
}

static int check_route_param(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	if (slice_empty(msg->route_params))
		return PH_FALSE;
	return fn_match(msg, &args[0], msg->route_params);
}

static const char *check_direction(const char *text, char why[128])
{
	(void)why;
	return strcmp(text, "downstream") == 0 || strcmp(text, "upstream") == 0
		? NULL
		: "expected downstream or upstream";
}

/** The ftag that record_route() left is the caller's tag: who sends it in From is the caller. */
static int is_direction(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct sip_nameaddr *from = sip_from(&msg->sip, NULL);
	struct slice ftag;
	bool downstream;

	(void)self;
	if (!from || !sip_param_get(msg->route_params, SLICE("ftag"), &ftag))
		return PH_FALSE;
	downstream = slice_eq(ftag, from->tag);
	return slice_ieq(args[0].s, SLICE("downstream")) == downstream ? PH_TRUE
								       : PH_FALSE;
}

static int loose_route(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)args;
	return fn_loose_route(self, msg);
}

/* clang-format off */
#define PARAMS(n) {.kind = PH_ARG_FMT, .name = (n)}
/* Those that make sense for requests alone stand in replies too where a block that serves both, as Kamailio's default
 * script has it, asks is_request() first. */
const struct ph_script_fn fn_rr_table[] = {
	{.name = "record_route", .args = {PARAMS("params")}, .max_args = 1, .routes = FN_R | FN_B | FN_F,
	 .call = record_route, .help = "Stays in the way of the dialog's later requests."},
	{.name = "loose_route", .routes = FN_R, .call = loose_route,
	 .help = "Follows the Route headers; false when there are none."},
	{.name = "add_rr_param", .args = {PARAMS("params")}, .min_args = 1, .max_args = 1,
	 .routes = FN_R | FN_B | FN_F | FN_O, .call = add_rr_param, .help = "Adds a parameter to our Record-Route."},
	{.name = "check_route_param", .args = {{.kind = PH_ARG_RE, .name = "regex"}}, .min_args = 1, .max_args = 1,
	 .routes = FN_R | FN_F | FN_B | FN_O, .call = check_route_param, .help = "Do the parameters of our Route match?"},
	{.name = "is_direction", .args = {{.kind = PH_ARG_STR, .name = "direction", .check = check_direction}},
	 .min_args = 1, .max_args = 1, .routes = FN_R | FN_F | FN_B | FN_O, .call = is_direction,
	 .help = "Is the request on its way from the caller (downstream) or from the callee (upstream)?"},
	{0},
};
/* clang-format on */
