/* Where a reply goes. */
#include <errno.h>

#include "core/tm/tm_priv.h"

static uint16_t sent_by_port(const struct sip_via *via)
{
	return via->port != 0 ? via->port
			      : sip_default_port(SIP_SCHEME_SIP, via->transport);
}

int dest_of_reply(struct tm *tm, struct sip_msg *request, const struct net_rx *rx,
	struct net_dest *out)
{
	const struct net_socks *socks = net_socks_of(tm->s.net);
	const struct sip_via *via = sip_via_top(request);
	struct addr sent_by;

	if (via == NULL)
		return -EBADMSG;
	*out = (struct net_dest){.transport = rx->transport, .addr = rx->src};
	if (rx->sock < socks->count)
		out->sock = &socks->list[rx->sock];
	if (rx->transport != SIP_TR_UDP) {
		/* The connection that it came by; when that is gone, a new one to where the sender listens. */
		out->conn = rx->conn;
		/* Who writes a private address, and comes from another one, is behind NAT: nobody can connect to it. */
		out->no_connect = addr_parse_ip(&sent_by, via->host) == 0 &&
			addr_is_private(&sent_by) && !addr_eq_ip(&sent_by, &rx->src);
		if (rx->transport == SIP_TR_TLS)
			out->name = net_name(tm->s.net, via->host);
		addr_set_port(&out->addr, sent_by_port(via));
		return 0;
	}
	if (via->has_rport)
		return 0;
	/*
	 * sent-by, or `received` when that differs: in both cases the source address. maddr is not followed: with it a
	 * stranger could point us at anybody.
	 */
	addr_set_port(&out->addr, sent_by_port(via));
	return 0;
}

int dest_of_via(const struct sip_via *via, struct net_query *out)
{
	/* RFC 3263 section 5: a name without a port has its place in SRV records, as a request's would have. */
	uint64_t port = via->received.len > 0 ? sent_by_port(via) : via->port;

	if (via->rport.len > 0 &&
		(slice_u64(via->rport, UINT16_MAX, &port) != 0 || port == 0))
		return -EBADMSG;
	*out = (struct net_query){
		.host = via->received.len > 0 ? via->received : via->host,
		.port = (uint16_t)port,
		.scheme = SIP_SCHEME_SIP,
		.transport = via->transport};
	return 0;
}
