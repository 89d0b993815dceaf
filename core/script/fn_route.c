#include <errno.h>
#include <stdio.h>

#include "core/script/fn_core.h"

/*
 * Loose routing: RFC 3261 section 16.4 and 16.6 step 6.
 *
 *   Route: <ours;r2=on>, <ours;r2=on>, <next>, ...
 *          \_______ taken off ______/  \__ becomes $du, stays in the message
 */

static struct sip_nameaddr *routes(struct ph_msg *msg, int *err)
{
	return sip_nameaddrs(&msg->sip, SIP_H_ROUTE, err);
}

static bool is_ours(const struct script_env *env, const struct sip_nameaddr *n)
{
	return n && n->uri_err == 0 && fn_uri_is_ours(env, &n->uri);
}

static bool is_pair(const struct sip_uri *uri)
{
	struct slice value;

	return sip_param_get(uri->params, SLICE("r2"), &value);
}

/** The socket that a Record-Route of ours named: a request goes back the way it came. */
static void use_sock(
	const struct script_env *env, struct ph_msg *msg, const struct sip_uri *uri)
{
	enum sip_transport tr = sip_uri_transport(uri);
	const struct net_sock *s;
	char text[320];
	int len;

	if (!env->socks)
		return;
	len = snprintf(text, sizeof(text), "%s:%.*s:%u", sip_transport_name(tr),
		SLICE_ARG(uri->host),
		(unsigned)(uri->port ? uri->port : sip_default_port(uri->scheme, tr)));
	if (len < 0 || (size_t)len >= sizeof(text))
		return;
	s = net_sock_find(env->socks, slice_make(text, (size_t)len));
	if (s)
		msg->send_sock = s;
}

/** Our own value on top goes, and the second one of a pair. paired: the first one went already, from the request URI. */
static int drop_ours(const struct script_env *env, struct ph_msg *msg, bool paired)
{
	struct sip_nameaddr *top;
	int err;

	top = routes(msg, &err);
	if (err != 0)
		return err;
	if (!is_ours(env, top))
		return 0;
	if (paired) {
		if (!is_pair(&top->uri))
			return 0;
		use_sock(env, msg, &top->uri);
		return sip_nameaddr_remove(&msg->sip, top, top);
	}
	msg->route_params = top->uri.params;
	paired = is_pair(&top->uri);
	err = sip_nameaddr_remove(&msg->sip, top, top);
	return err == 0 && paired ? drop_ours(env, msg, true) : err;
}

/**
 * A strict router before us put our Route into the request URI and the real one last: RFC 3261 section 16.4. *was_ours: so it was.
 */
static int undo_strict(
	const struct script_env *env, struct ph_msg *msg, bool *was_ours, bool *paired)
{
	struct sip_nameaddr *first, *last;
	struct sip_uri uri;
	int err;

	*was_ours = false;
	if (sip_uri_parse(&uri, msg->sip.ruri) != 0 || !uri.lr ||
		!fn_uri_is_ours(env, &uri))
		return 0;
	first = routes(msg, &err);
	if (err != 0)
		return err;
	for (last = first; last->next; last = last->next)
		continue;
	if (last->uri_err)
		return -EBADMSG;
	err = sip_set_ruri(&msg->sip, last->uri_text);
	if (err != 0)
		return err;
	*was_ours = true;
	*paired = is_pair(&uri);
	msg->route_params = uri.params;
	return sip_nameaddr_remove(&msg->sip, first, last);
}

/** The next hop is a strict router: it wants its address in the request URI and ours last in Route. */
static int go_strict(struct ph_msg *msg, struct sip_nameaddr *next)
{
	struct sip_hdr *last = NULL, *h;
	struct slice value = arena_printf(msg->arena, "<%.*s>", SLICE_ARG(msg->sip.ruri));
	struct slice hop = next->uri_text;
	int err;

	if (!value.p)
		return -ENOMEM;
	for (h = sip_hdr_first(&msg->sip, SIP_H_ROUTE); h; h = sip_hdr_next(h))
		last = h;
	err = sip_hdr_add(&msg->sip, SIP_AFTER, last, SLICE("Route"), value, NULL);
	if (err == 0)
		err = sip_set_ruri(&msg->sip, hop);
	if (err == 0)
		err = sip_nameaddr_remove(&msg->sip, next, next);
	if (err == 0) {
		msg->du = hop;
		msg->flow = false;
	}
	return err;
}

/** What remains of the route set says where to go. */
static int follow(struct ph_msg *msg, bool in_dialog)
{
	struct sip_nameaddr *next;
	int err;

	next = routes(msg, &err);
	if (err != 0)
		return err;
	if (!next) /* all were ours: an initial request has no route set then */
		return in_dialog ? PH_TRUE : PH_FALSE;
	if (next->uri_err)
		return -EBADMSG;
	if (next->uri.lr) {
		msg->du = next->uri_text;
		msg->flow = false;
		return PH_TRUE;
	}
	err = go_strict(msg, next);
	return err ? err : PH_TRUE;
}

static int route(const struct script_env *env, struct ph_msg *msg)
{
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);
	bool was_ours = false, paired = false;
	int err = undo_strict(env, msg, &was_ours, &paired);

	if (err == 0 && (!was_ours || paired))
		err = drop_ours(env, msg, paired);
	return err ? err : follow(msg, to && !slice_empty(to->tag));
}

int fn_loose_route(const struct script_env *env, struct ph_msg *msg)
{
	const struct net_sock *send_sock = msg->send_sock;
	sip_mark mark = sip_edit_mark(&msg->sip);
	struct slice du = msg->du, params = msg->route_params;
	int code;

	if (!sip_hdr_first(&msg->sip, SIP_H_ROUTE))
		return PH_FALSE;
	code = route(env, msg);
	if (code == PH_TRUE || code == PH_FALSE)
		return code;
	sip_rollback(&msg->sip, mark);
	msg->du = du;
	msg->route_params = params;
	msg->send_sock = send_sock;
	return fn_verdict(msg, "loose_route", code);
}
