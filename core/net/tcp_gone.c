/*
 * Connections that others had opened and that are gone: where they came from nobody listens. The port was chosen by the phone's
 * kernel or by its router, and a SYN to it at best reaches somebody else. Requests inside a call go there as long as the call
 * lasts, since the phone's Contact was given that address. So for an hour nothing is connected to it: the request fails at once.
 *
 * Who has 5060 or 5061 there may well listen: servers that connect from the port of their listener.
 */
#include "core/net/net_internal.h"

#define GONE_MS 3600000u

static bool may_listen(const struct addr *peer)
{
	return addr_port(peer) == 5060 || addr_port(peer) == 5061;
}

static struct net_gone *place_of(struct net *n, const struct addr *peer)
{
	return &n->tcp.gone[addr_hash(peer) % NET_TCP_GONE];
}

void net_tcp_remember(struct net_conn *c)
{
	if (!c->accepted || !c->spoken || may_listen(&c->peer))
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
