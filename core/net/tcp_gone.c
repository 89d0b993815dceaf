/*
 * Connections of phones behind NAT that are gone: nobody can connect to where they came from. The port was chosen by the phone's
 * router, and a SYN to it at best reaches somebody else. Requests inside a call go there as long as the call lasts, since
 * the phone's Contact was given that address. So for an hour nothing is connected to it: the request fails at once.
 *
 * Others, who connect from the port that they listen at as servers and sipp do, are not concerned.
 */
#include "core/net/net_internal.h"

#define GONE_MS 3600000u

static struct net_gone *place_of(struct net *n, const struct addr *peer)
{
	return &n->tcp.gone[addr_hash(peer) % NET_TCP_GONE];
}

void net_tcp_remember(struct net_conn *c)
{
	if (!c->behind_nat)
		return;
	*place_of(c->net, &c->peer) = (struct net_gone){.peer = c->peer,
		.transport = c->sock->transport,
		.until_ms = loop_now(c->net->setup.loop) + GONE_MS};
}

bool net_tcp_is_gone(struct net *n, const struct net_dest *to)
{
	const struct net_gone *g = place_of(n, &to->addr);

	return g->until_ms > loop_now(n->setup.loop) && g->transport == to->transport && addr_eq(&g->peer, &to->addr);
}
