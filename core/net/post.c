/* Sending from threads that have no net of their own. */
#include <errno.h>
#include <sys/socket.h>

#include "core/net/net_internal.h"

int net_udp_fd(const struct net *n, unsigned sock)
{
	return sock < n->setup.socks->count ? n->udp[sock].fd : -1;
}

unsigned net_tcp_owner(enum sip_transport tr, const struct addr *peer, unsigned workers)
{
	return (addr_hash(peer) ^ (unsigned)tr * 0x9e3779b9u) % workers;
}

static int post_tcp(
	const struct net_post *p, const struct net_sock *sock, const struct net_dest *to, struct slice data)
{
	const struct net_item item = {.kind = NET_ITEM_WRITE,
		.transport = to->transport,
		.fd = -1,
		.sock = sock != NULL ? (int)sock->index : -1,
		.no_connect = to->no_connect,
		.addr = to->addr,
		.conn = to->conn,
		.name = to->name};

	return inbox_send(p->senders, net_tcp_owner(to->transport, &to->addr, p->workers), INBOX_NET, &item, sizeof(item), data.p,
		data.len);
}

int net_post(const struct net_post *p, const struct net_dest *to, struct slice data)
{
	const struct net_sock *sock = to->sock;
	int family = addr_family(&to->addr);
	ssize_t sent;

	if (sock == NULL || sock->transport != to->transport || addr_family(&sock->addr) != family)
		sock = net_sock_first(p->socks, to->transport, family);
	if (sock == NULL)
		return -EHOSTUNREACH;
	if (net_is_stream(to->transport))
		return post_tcp(p, sock, to, data);
	sent = sendto(p->udp_fds[sock->index], data.p, data.len, MSG_DONTWAIT | MSG_NOSIGNAL, &to->addr.sa,
		addr_len(&to->addr));
	return sent >= 0 ? 0 : -errno;
}
