/* The way of a request: next hop, socket, and the message as it leaves. RFC 3261 section 16.6. */
#include <errno.h>
#include <stdio.h>

#include "core/tm/record_route.h"
#include "core/tm/tm_priv.h"

/* Where a URI leads; maddr stands above the host (section 16.6 step 7, RFC 3263 section 4). */
static int query_of(const struct sip_uri *uri, struct net_query *out)
{
	if (uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS)
		return TM_E_BAD_MESSAGE;
	*out = (struct net_query){.host = uri->maddr.len > 0 ? uri->maddr : uri->host,
		.port = uri->port,
		.scheme = uri->scheme,
		.transport = uri->transport};
	return out->host.len > 0 ? 0 : TM_E_BAD_MESSAGE;
}

static int query_of_text(struct slice text, struct net_query *out)
{
	struct sip_uri uri;

	if (sip_uri_parse(&uri, text) != 0)
		return TM_E_BAD_MESSAGE;
	return query_of(&uri, out);
}

static int query_of_route(const struct sip_nameaddr *route, struct net_query *out)
{
	return route->uri_err == 0 ? query_of(&route->uri, out) : TM_E_BAD_MESSAGE;
}

static int next_hop(
	struct ph_msg *msg, const struct tm_target *target, struct net_query *out)
{
	const struct sip_nameaddr *route;
	int err = 0;

	if (target->du.len > 0)
		return query_of_text(target->du, out);
	if (target->path.len > 0) {
		route = sip_nameaddr_parse(msg->arena, target->path, &err);
		return route != NULL ? query_of_route(route, out) : TM_E_BAD_MESSAGE;
	}
	if (sip_hdr_first(&msg->sip, SIP_H_ROUTE) != NULL) {
		route = sip_nameaddrs(&msg->sip, SIP_H_ROUTE, &err);
		return route != NULL ? query_of_route(route, out) : TM_E_BAD_MESSAGE;
	}
	return query_of_text(target->ruri, out);
}

/*
 * RFC 3261 section 26.2.2, RFC 5630 section 5.3: a request for a sips URI goes over TLS or not at all. A next hop that names no transport is asked
 * for TLS, one that names another is none.
 */
static int stay_secure(struct net_query *hop)
{
	if (hop->scheme == SIP_SCHEME_SIPS || hop->transport == SIP_TR_TLS)
		return 0;
	if (hop->transport != SIP_TR_NONE)
		return TM_E_NO_DEST;
	hop->scheme = SIP_SCHEME_SIPS;
	return 0;
}

int send_next_hop(
	struct ph_msg *msg, const struct tm_target *target, struct net_query *out)
{
	int err = next_hop(msg, target, out);

	return err == 0 && slice_istarts(target->ruri, SLICE("sips:")) ? stay_secure(out)
								       : err;
}

static bool sock_fits(const struct net_sock *sock, const struct net_hop *hop)
{
	return sock != NULL && sock->transport == hop->transport &&
		addr_family(&sock->addr) == addr_family(&hop->addr);
}

int send_sock(struct tm *tm, const struct ph_msg *msg, const struct net_sock *wanted,
	const struct net_hop *hop, const struct net_sock **out)
{
	const struct net_sock *sock = wanted;

	if (!sock_fits(sock, hop)) {
		if (wanted != NULL)
			tm_count(tm, TM_C_SOCKET_FALLBACK);
		sock = msg->sock;
	}
	if (!sock_fits(sock, hop))
		sock = net_sock_first(
			net_socks_of(tm->s.net), hop->transport, addr_family(&hop->addr));
	if (sock == NULL)
		return -EHOSTUNREACH;
	*out = sock;
	return 0;
}

/* Write msg for target into tm->out, our Via with branch on top. */
static int send_write(struct tm *tm, struct ph_msg *msg, const struct tm_target *target,
	const struct net_sock *sock, const char *branch)
{
	char via[sizeof(sock->via) + TM_BRANCH_LEN + MSG_VIA_PARAMS + 16];
	char hops[RULES_HOPS_TEXT];
	sip_mark mark = sip_edit_mark(&msg->sip);
	int err;
	struct sip_forward fwd = {.ruri = target->ruri, .route = target->path, .hops = rules_hops(msg, hops)};

	snprintf(via, sizeof(via), "%s;branch=%s%s%.*s", sock->via, branch,
		target->via_params.len > 0 ? ";" : "", SLICE_ARG(target->via_params));
	fwd.via = slice_str(via);
	err = rr_pair(msg, sock);
	buf_reset(&tm->out);
	if (err == 0)
		sip_write_request(&tm->out, &msg->sip, &fwd);
	sip_rollback(&msg->sip, mark);
	return err != 0 ? err : tm->out.err;
}

int send_write_to(struct tm *tm, struct ph_msg *msg, const struct tm_target *target,
	const struct net_hop *hop, const char *branch, struct net_dest *out)
{
	const struct net_sock *sock;
	struct net_query query;
	int err = send_sock(tm, msg, target->sock, hop, &sock);

	if (err == 0)
		err = send_write(tm, msg, target, sock, branch);
	if (err != 0)
		return err;
	*out = (struct net_dest){.sock = sock,
		.transport = hop->transport,
		.addr = hop->addr,
		.no_connect = target->flow};
	/* RFC 5922 section 7.3: whom the URI names has to prove it, wherever DNS has led. */
	if (hop->transport == SIP_TR_TLS && !target->flow && next_hop(msg, target, &query) == 0)
		out->name = net_name(tm->s.net, query.host);
	return 0;
}
