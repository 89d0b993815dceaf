#include "core/host/flow.h"

#include <errno.h>
#include <string.h>

#include "core/host/flow_token.h"
#include "core/host/host.h"
#include "core/host/nodes.h"


/* Texts */

/** "udp:198.51.100.7:5060" of our URI, in the arena. */
static struct slice socket_of(struct arena *a, const struct sip_uri *uri)
{
	enum sip_transport tr = sip_uri_transport(uri);
	uint16_t port = uri->port != 0 ? uri->port : sip_default_port(uri->scheme, tr);

	return arena_printf(a, "%s:%.*s:%u", sip_transport_name(tr), SLICE_ARG(uri->host), (unsigned)port);
}

/** The other way round. 0 or -EINVAL. */
static int query_of(struct slice socket, struct net_query *out)
{
	struct slice name, rest;
	struct sip_uri uri;
	char text[sizeof(((struct net_sock *)NULL)->adv_text) + 8];
	int len;

	if (!slice_cut(socket, ':', &name, &rest))
		return -EINVAL;
	len = snprintf(text, sizeof(text), "sip:%.*s", SLICE_ARG(rest));
	if (len < 0 || (size_t)len >= sizeof(text) || sip_uri_parse(&uri, slice_make(text, (size_t)len)) != 0)
		return -EINVAL;
	*out = (struct net_query){.host = slice_sub(rest, 0, uri.host.len), .port = uri.port, .scheme = SIP_SCHEME_SIP,
		.transport = sip_transport_of(name)};
	return out->transport == SIP_TR_UNKNOWN || out->transport == SIP_TR_NONE ? -EINVAL : 0;
}

/** "<sip:TOKEN@198.51.100.7:5060;transport=tcp;lr>" for a flow of that socket, in the arena; empty. */
static struct slice route_value(struct worker *w, struct ph_msg *msg, const struct flow *flow, struct slice socket)
{
	const struct flow_bond bond = {.socket = socket, .call_id = msg->sip.call_id};
	char token[FLOW_TOKEN_MAX];
	struct slice name, hostport;
	bool udp;

	if (!slice_cut(socket, ':', &name, &hostport) || flow_token_write(token, w->w.t.key, flow, &bond) != 0)
		return (struct slice){0};
	udp = slice_eq(name, SLICE("udp"));
	return arena_printf(msg->arena, "<sip:%s@%.*s%s%.*s;lr>", token, SLICE_ARG(hostport), udp ? "" : ";transport=",
		udp ? 0 : (int)name.len, name.p);
}

/* At the node that has a request for another's phone */

int flow_of_route(void *self, struct ph_msg *request, const struct sip_uri *route, struct tm_flow *out)
{
	struct worker *w = self;
	struct flow_bond bond = {.call_id = request->sip.call_id};
	struct flow flow;

	if (!flow_token_is(route->user))
		return -ENOENT;
	bond.socket = socket_of(request->arena, route);
	if (!bond.socket.p || flow_token_read(&flow, w->w.t.key, route->user, &bond) != 0 || flow.kind != FLOW_DIALOG)
		return -ENOENT;
	*out = (struct tm_flow){.socket = bond.socket, .phone = {.transport = flow.transport, .addr = flow.remote}};
	if (ph_socket_mine(&w->w.t, bond.socket))
		out->sock = net_sock_find(w->w.t.socks, bond.socket);
	return 0;
}

int flow_detour(void *self, struct ph_msg *request, struct slice socket, const struct net_hop *phone, struct tm_detour *out)
{
	struct worker *w = self;
	const struct flow flow = {.kind = FLOW_NODE, .transport = phone->transport, .remote = phone->addr};
	struct net_hop hops[NET_MAX_HOPS];
	struct net_query query;
	unsigned count = 0;

	if (!nodes_socket_alive(w->w.t.nodes, socket))
		return -ENOENT;
	/* An advertised name is followed when it is known at once. */
	if (query_of(socket, &query) != 0 || net_resolve(w->w.net, &query, hops, &count, NULL, NULL) != 0 || count == 0)
		return -ENOENT;
	out->hop = hops[0];
	out->route = route_value(w, request, &flow, socket);
	return out->route.p ? 0 : -ENOENT;
}

void flow_silent(void *self, struct slice socket)
{
	struct worker *w = self;

	if (nodes_socket_silent(w->w.t.nodes, socket))
		LOG(w->host->log, LOG_L_WARN, "the node of %.*s does not answer: its phones are called directly for %u s",
			SLICE_ARG(socket), NODES_SILENCE_MS / 1000u);
}

/** The node that carried it here says in its Via where it heard it. */
static void take_source(struct worker *w, struct ph_msg *msg)
{
	const struct flow_bond bond = {.call_id = msg->sip.call_id, .cseq = msg->sip.cseq};
	const struct sip_via *via = sip_via_list(&msg->sip, NULL);
	struct net_rx *carrier;
	struct slice token;
	struct flow flow;

	if (!via || !via->others || !sip_param_get(via->params, SLICE("flow"), &token) || flow_token_read(&flow, w->w.t.key, token, &bond) != 0 ||
		flow.kind != FLOW_HEARD)
		return;
	carrier = arena_alloc(msg->arena, sizeof(*carrier));
	if (!carrier)
		return;
	*carrier = msg->rx;
	msg->carrier = carrier;
	msg->rx.src = flow.remote;
	msg->rx.transport = flow.transport;
	msg->rx.conn = 0;
}

/* At the node that holds the socket */

struct carrying {
	struct worker *w;
	struct ph_msg *msg;
	struct flow flow;
	const struct net_sock *sock; /**< the flow's */
};

static void refuse(struct worker *w, struct ph_msg *msg, const char *why)
{
	char src[ADDR_TEXT];
	unsigned more;

	worker_count(w, HOST_C_FLOW_REFUSED, 1);
	if (log_gate_open(&w->flow_log, clock_us(), &more))
		LOG_CALL(w->host->log, LOG_L_WARN, msg->sip.call_id,
			"refused a request with a flow in Route from %.*s: %s (%u more since the last such line)",
			SLICE_ARG(addr_text(&msg->rx.src, src)), why, more);
	tm_reply_stateless(w->w.tm, msg, 403, SLICE("Flow Refused"), (struct slice){0}); /* an ACK has no answer */
}

/** Does the phone itself speak? A new port of its router does not make it another; then the tags say who it is. */
static bool is_of_phone(const struct carrying *c)
{
	const struct net_rx *rx = &c->msg->rx;
	const struct sip_nameaddr *from = sip_from(&c->msg->sip, NULL);

	if (c->flow.kind != FLOW_DIALOG || rx->transport != c->flow.transport)
		return false;
	if (addr_eq(&rx->src, &c->flow.remote))
		return true;
	return addr_eq_ip(&rx->src, &c->flow.remote) && from && flow_tag(c->w->w.t.key, from->tag) != c->flow.caller;
}

static bool has_to_tag(struct ph_msg *msg)
{
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);

	return to && !slice_empty(to->tag);
}

static bool makes_dialog(struct ph_msg *msg)
{
	enum sip_method m = msg->sip.method;

	return (m == SIP_INVITE || m == SIP_SUBSCRIBE || m == SIP_REFER || m == SIP_NOTIFY) && !has_to_tag(msg);
}

static int record_route(struct carrying *c)
{
	struct sip_msg *sip = &c->msg->sip;
	const struct sip_nameaddr *from = sip_from(sip, NULL);
	struct flow flow = c->flow;
	struct slice value;

	flow.kind = FLOW_DIALOG;
	flow.caller = flow_tag(c->w->w.t.key, from ? from->tag : (struct slice){0});
	value = route_value(c->w, c->msg, &flow, slice_str(c->sock->adv_text));
	return value.p ? sip_hdr_add(sip, SIP_BEFORE, sip_hdr_first(sip, SIP_H_RECORD_ROUTE), SLICE("Record-Route"), value, NULL) : -ENOMEM;
}

/** On its way: no block and no plugin sees it here. */
static void carry(struct carrying *c, const struct tm_target *to, bool to_phone)
{
	struct tm *tm = c->w->w.tm;
	struct ph_msg *msg = c->msg;
	const struct slice none = {0};

	msg->no_script = true;
	worker_count(c->w, HOST_C_FLOW_CARRIED, 1);
	if (msg->sip.method == SIP_ACK) {
		(void)tm_forward(tm, msg, to);
	} else if (msg->sip.method == SIP_CANCEL && !msg->cancels) {
		tm_reply_stateless(tm, msg, 481, none, none);
	} else {
		/*
		 * The other node waits for a word of ours, not of the phone's, before it takes another way. Between nodes a 100 may
		 * answer any request at once; RFC 4320 section 4.1 would have it late, for proxies that forward it.
		 */
		if (to_phone && msg->sip.method != SIP_CANCEL && tm_newtran(tm, msg) == 0)
			(void)tm_reply(tm, msg, 100, none, none);
		if (!to_phone || msg->sip.method == SIP_CANCEL || msg->trans)
			(void)tm_relay(tm, msg, to, 0);
	}
}

/** Is it about ourselves after all? Then the script decides. */
static bool ends_here(const struct carrying *c, struct sip_nameaddr *next)
{
	const struct script_env *env = &c->w->env;
	struct sip_uri ruri;
	const struct sip_uri *uri = &ruri;

	if (next && (next->uri_err != 0 || !next->uri.lr))
		return true;
	if (next)
		uri = &next->uri;
	else if (sip_uri_parse(&ruri, c->msg->sip.ruri) != 0)
		return true;
	return env->is_myself(env->arg, uri->host, uri->port);
}

/** From the phone: on to whoever follows in its route set. */
static bool from_phone(struct carrying *c)
{
	const struct flow_bond bond = {.call_id = c->msg->sip.call_id, .cseq = c->msg->sip.cseq};
	const struct flow heard = {.kind = FLOW_HEARD, .transport = c->msg->rx.transport, .remote = c->msg->rx.src};
	struct tm_target to = {.q = 1000};
	char token[FLOW_TOKEN_MAX];

	if (ends_here(c, sip_nameaddrs(&c->msg->sip, SIP_H_ROUTE, NULL)))
		return false;
	if (flow_token_write(token, c->w->w.t.key, &heard, &bond) == 0)
		to.via_params = arena_printf(c->msg->arena, "flow=%s", token);
	carry(c, &to, false);
	return true;
}

static bool is_our_listener(const struct carrying *c)
{
	char ip[ADDR_TEXT];

	return net_is_local(c->w->w.t.socks, addr_ip_text(&c->flow.remote, ip), addr_port(&c->flow.remote));
}

/** To the phone, wherever the Request-URI points. */
static void to_phone(struct carrying *c)
{
	struct ph_msg *msg = c->msg;
	struct tm_target to = {.sock = c->sock, .flow = true, .q = 1000};
	struct buf du;

	if (is_our_listener(c)) {
		refuse(c->w, msg, "it leads to ourselves");
		return;
	}
	buf_arena(&du, msg->arena, ADDR_TEXT + 24, 256);
	sip_uri_of_addr(&du, &c->flow.remote, c->flow.transport);
	to.du = buf_slice(&du);
	if (du.err != 0 || (makes_dialog(msg) && record_route(c) != 0)) {
		tm_reply_stateless(c->w->w.tm, msg, 500, (struct slice){0}, (struct slice){0});
		return;
	}
	carry(c, &to, true);
}

/** The topmost Route value, if it is a flow of a listener of ours. 1: it is; 0: it is none; -EBADMSG: it is forged. */
static int read_route(struct carrying *c, struct sip_nameaddr *top)
{
	struct flow_bond bond = {.call_id = c->msg->sip.call_id};
	struct slice socket;

	if (!top || top->uri_err != 0 || !flow_token_is(top->uri.user))
		return 0;
	socket = socket_of(c->msg->arena, &top->uri);
	c->sock = net_sock_find(c->w->w.t.socks, socket);
	if (!c->sock)
		return net_is_local(c->w->w.t.socks, top->uri.host, top->uri.port) ? -EBADMSG : 0;
	bond.socket = slice_str(c->sock->adv_text);
	if (flow_token_read(&c->flow, c->w->w.t.key, top->uri.user, &bond) != 0 || c->flow.kind == FLOW_HEARD)
		return -EBADMSG;
	return 1;
}

/** The Route goes, and what else names the same flow: who kept our Record-Route may have put both. */
static int take_routes(const struct carrying *c)
{
	struct carrying next = {.w = c->w, .msg = c->msg};
	int err = 0;

	while (err == 0) {
		struct sip_nameaddr *top = sip_nameaddrs(&c->msg->sip, SIP_H_ROUTE, NULL);

		if (read_route(&next, top) != 1 || next.sock != c->sock || !addr_eq(&next.flow.remote, &c->flow.remote))
			break;
		err = sip_nameaddr_remove(&c->msg->sip, top, top);
	}
	return err;
}

bool flow_request(struct worker *w, struct ph_msg *msg)
{
	struct carrying c = {.w = w, .msg = msg};
	int r;

	take_source(w, msg);
	if (!sip_hdr_first(&msg->sip, SIP_H_ROUTE))
		return false;
	r = read_route(&c, sip_nameaddrs(&msg->sip, SIP_H_ROUTE, NULL));
	if (r == 0)
		return false;
	if (r < 0) {
		refuse(w, msg, "it is not of this cluster, or not of this call");
		return true;
	}
	if (c.flow.kind == FLOW_DIALOG && !has_to_tag(msg)) {
		refuse(w, msg, "it is good inside its dialog only");
		return true;
	}
	if (take_routes(&c) != 0) {
		tm_reply_stateless(w->w.tm, msg, 500, (struct slice){0}, (struct slice){0});
		return true;
	}
	if (is_of_phone(&c))
		return from_phone(&c);
	to_phone(&c);
	return true;
}
