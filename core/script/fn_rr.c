#include <errno.h>

#include "core/script/fn_core.h"

/* Record-Route: RFC 3261 section 16.6 step 4; two of them when the message changes transport or network: RFC 5658 section 6 */

static bool other_way(const struct net_sock *a, const struct net_sock *b)
{
	return a && b && a != b;
}

/** Does the target obviously leave by another transport or address family than in? Then the socket for that, else in. */
static const struct net_sock *sock_of_uri(
	const struct script_env *env, struct slice text, const struct net_sock *in)
{
	const struct net_sock *out;
	enum sip_transport tr = in->transport;
	int family = addr_family(&in->addr);
	struct sip_uri uri;
	struct addr addr;

	if (slice_empty(text) || sip_uri_parse(&uri, text) != 0 ||
		fn_uri_is_ours(env, &uri))
		return in;
	if (uri.scheme == SIP_SCHEME_SIPS ||
		(uri.transport != SIP_TR_NONE && uri.transport != SIP_TR_UNKNOWN))
		tr = sip_uri_transport(&uri);
	if (addr_parse_ip(&addr, uri.host) == 0) {
		family = addr_family(&addr);
		if (uri.transport == SIP_TR_NONE && uri.scheme == SIP_SCHEME_SIP)
			tr = SIP_TR_UDP; /* RFC 3263 section 4.1: an address without transport */
	}
	if (tr == in->transport && family == addr_family(&in->addr))
		return in;
	out = net_sock_first(env->socks, tr, family);
	return out ? out : in;
}

/** The socket that msg will leave from, as far as it can be told now. */
static const struct net_sock *sock_out(
	const struct script_env *env, const struct ph_msg *msg, const struct net_sock *in)
{
	const struct tm_target *target =
		msg->branch ? tm_branch_target(msg->branch) : NULL;

	if (msg->send_sock)
		return msg->send_sock;
	if (target && target->sock)
		return target->sock;
	return sock_of_uri(env, slice_empty(msg->du) ? msg->sip.ruri : msg->du, in);
}

/** Parameters with a ';' before each. */
static void add_params(struct buf *b, struct slice params)
{
	params = slice_trim(params);
	if (!slice_empty(params) && params.p[0] != ';')
		buf_chr(b, ';');
	buf_add(b, params);
}

/**
 * Must the dialog stay on TLS? RFC 3261 section 16.6 step 4: so it must when the Request-URI or the topmost Route is sips. What the
 * Request-URI has become meanwhile is the phone's Contact.
 */
static bool is_sips(struct ph_msg *msg)
{
	const struct sip_nameaddr *route = NULL;
	struct sip_uri uri;

	if (sip_uri_parse(&uri, msg->sip.ruri_received) == 0 && uri.scheme == SIP_SCHEME_SIPS)
		return true;
	if (sip_hdr_first(&msg->sip, SIP_H_ROUTE))
		route = sip_nameaddrs(&msg->sip, SIP_H_ROUTE, NULL);
	return route && route->uri_err == 0 && route->uri.scheme == SIP_SCHEME_SIPS;
}

/** "<sip:host:port;transport=tcp;r2=on;lr;ftag=x;nat=yes>", or "<sips:host:port;r2=on..." */
static int rr_value(struct ph_msg *msg, const struct net_sock *s, bool pair,
	struct slice params, struct slice *out)
{
	const struct sip_nameaddr *from = sip_from(&msg->sip, NULL);
	bool sips = s->transport == SIP_TR_TLS && is_sips(msg);
	struct buf b;

	buf_arena(&b, msg->arena, 128, 8192);
	buf_str(&b, sips ? "<sips:" : "<sip:");
	buf_str(&b, s->adv_host);
	if (s->adv_port != 0 &&
		s->adv_port != sip_default_port(SIP_SCHEME_SIP, s->transport)) {
		buf_chr(&b, ':');
		buf_u64(&b, s->adv_port);
	}
	if (s->transport != SIP_TR_UDP && !sips) {
		buf_str(&b, ";transport=");
		buf_str(&b, sip_transport_name(s->transport));
	}
	if (pair)
		buf_str(&b, ";r2=on");
	buf_str(&b, ";lr");
	if (from && !slice_empty(from->tag)) {
		buf_str(&b, ";ftag=");
		buf_add(&b, from->tag);
	}
	add_params(&b, msg->rr_params);
	add_params(&b, params);
	buf_chr(&b, '>');
	if (b.err != 0)
		return b.err == -ENOMEM ? -ENOMEM : -EINVAL;
	*out = buf_slice(&b);
	return 0;
}

struct sip_hdr *fn_our_rr(const struct ph_msg *msg)
{
	struct sip_hdr *h;

	if (!msg->rr_hdr)
		return NULL;
	h = sip_hdr_first(&msg->sip, SIP_H_RECORD_ROUTE);
	while (h && h != msg->rr_hdr)
		h = sip_hdr_next(h);
	return h;
}

static int add_rr(struct ph_msg *msg, const struct net_sock *in,
	const struct net_sock *out, struct slice params)
{
	bool pair = other_way(in, out);
	struct slice value;
	struct sip_hdr *h = NULL;
	int err = rr_value(msg, in, pair, params, &value);

	if (err == 0)
		err = sip_hdr_add(&msg->sip, SIP_BEFORE,
			sip_hdr_first(&msg->sip, SIP_H_RECORD_ROUTE),
			SLICE("Record-Route"), value, &h);
	if (err != 0 || !pair) {
		if (err == 0)
			msg->rr_hdr = h;
		return err;
	}
	/* The one on top is the nearer one for who gets the message. */
	err = rr_value(msg, out, pair, params, &value);
	if (err == 0)
		err = sip_hdr_add(
			&msg->sip, SIP_BEFORE, h, SLICE("Record-Route"), value, &h);
	if (err == 0)
		msg->rr_hdr = h;
	return err;
}

static int record_route(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct script_env *env = self;
	const struct net_sock *in = msg->sock;
	sip_mark mark = sip_edit_mark(&msg->sip);
	int err;

	if (fn_our_rr(msg)) {
		fn_log(msg, LOG_L_WARN, "record_route: done already");
		return PH_FALSE;
	}
	if (!in && env->socks && env->socks->count > 0)
		in = &env->socks->list[0];
	if (!in)
		return fn_verdict(msg, "record_route", -EADDRNOTAVAIL);
	err = add_rr(msg, in, sock_out(env, msg, in),
		args[0].given ? args[0].s : (struct slice){0});
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
	struct sip_hdr *h = fn_our_rr(msg);
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
	if (err == 0 && slice_find(h->value, SLICE(";r2=on")) >= 0 && sip_hdr_next(h))
		err = extend_rr(msg, sip_hdr_next(h), args[0].s);
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
