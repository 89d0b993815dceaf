/* The resolver as the part of net that others see. */
#include "core/net/net_internal.h"
#include "core/net/resolver.h"

int net_resolve(struct net *n, const struct net_query *q,
	struct net_hop hops[NET_MAX_HOPS], unsigned *n_hops, net_resolved fn, void *arg)
{
	return resolver_find(n->resolver, q, hops, n_hops, fn, arg);
}

struct resolver *net_resolver(const struct net *n)
{
	return n->resolver;
}

void net_stop_resolving(struct net *n)
{
	if (n != NULL)
		resolver_stop(n->resolver);
}

void net_hop_failed(struct net *n, const struct net_hop *hop, uint64_t ms)
{
	resolver_hop_failed(n->resolver, hop, ms);
}

void net_hop_answered(struct net *n, const struct net_hop *hop)
{
	resolver_hop_answered(n->resolver, hop);
}
