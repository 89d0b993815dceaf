/*
 * Next hops: what a URI's host, port and transport come to. Literals, and names of /etc/hosts; the answer
 * is always there at once.
 */
#include <errno.h>

#include "core/net/net_internal.h"

#define HOST_MAX 253 /* RFC 1035 section 2.3.4, as text */

/* What a host name may consist of; a final dot is fine. */
static bool is_name(struct slice host)
{
	if (slice_empty(host) || host.len > HOST_MAX)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		char c = host.p[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';

		if (!ok)
			return false;
	}
	return host.p[0] != '.';
}

/* RFC 3261 section 26.2.2: sips means TLS, whatever else is said. */
static enum sip_transport transport_of(const struct net_query *q)
{
	if (q->scheme == SIP_SCHEME_SIPS)
		return SIP_TR_TLS;
	return q->transport != SIP_TR_NONE ? q->transport : SIP_TR_UDP;
}

/*
 * A name may stand for addresses of both families: those that no listener can reach are left
 * out, unless that leaves none, which the sender then is told.
 */
static unsigned reachable(
	struct net *n, enum sip_transport tr, struct addr *addrs, unsigned count)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++) {
		if (net_sock_first(n->setup.socks, tr, addr_family(&addrs[i])) != NULL)
			addrs[kept++] = addrs[i];
	}
	return kept > 0 ? kept : count;
}

int net_resolve(struct net *n, const struct net_query *q,
	struct net_hop hops[NET_MAX_HOPS], unsigned *count, net_resolved fn, void *arg)
{
	const enum sip_transport tr = transport_of(q);
	const uint16_t port = q->port != 0 ? q->port : sip_default_port(q->scheme, tr);
	struct slice name = q->host;
	struct addr addrs[NET_MAX_HOPS];
	unsigned found = 1;

	(void)fn;
	(void)arg;
	if (addr_parse_ip(&addrs[0], q->host) != 0) {
		if (!is_name(name))
			return -EINVAL;
		if (name.p[name.len - 1] == '.')
			name.len--;
		found = hosts_find(
			n->hosts, name, loop_now(n->setup.loop), addrs, NET_MAX_HOPS);
		if (found == 0)
			return -ENOENT;
		found = reachable(n, tr, addrs, found);
	}
	for (unsigned i = 0; i < found; i++) {
		hops[i].transport = tr;
		hops[i].addr = addrs[i];
		addr_set_port(&hops[i].addr, port);
	}
	*count = found;
	return 0;
}
