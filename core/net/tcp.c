/*
 * TCP and TLS: listening, the tables of connections, and the worker that owns each.
 *
 * A connection belongs to the worker hash(transport, remote address and port) mod N. Worker 0 accepts and
 * passes the descriptor on before anything is read; others who want to write send an INBOX_NET item.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/net_internal.h"

#define BACKLOG 1024

/* Whose connection to that remote end is. */
static unsigned owner_of(const struct net *n, enum sip_transport tr, const struct addr *peer)
{
	return net_tcp_owner(tr, peer, n->setup.workers);
}

/* May that source have one more? */
static bool source_reserve(struct net *n, const struct addr *from)
{
	const int64_t max = n->setup.conf->tcp_max_per_source;
	char text[ADDR_TEXT];
	bool tell = false;

	if (sources_take(net_socks_block(n->setup.socks)->sources, from, max, &tell) == 0)
		return true;
	net_count(n, NET_C_TCP_REFUSED_SOURCE, 1);
	if (tell)
		LOG(n->log, LOG_L_WARN, "%.*s has %lld connections (tcp.max_connections_per_source): further ones are refused",
			SLICE_ARG(source_text(from, text)), (long long)max);
	return false;
}

bool net_tcp_reserve(struct net *n, const struct addr *from)
{
	struct net_socks_block *b = net_socks_block(n->setup.socks);
	bool room = atomic_fetch_add(&b->tcp_open, 1) < n->setup.conf->tcp_max_connections;

	if (!room)
		net_count(n, NET_C_TCP_REFUSED, 1);
	if (room && (from == NULL || source_reserve(n, from)))
		return true;
	atomic_fetch_sub(&b->tcp_open, 1);
	return false;
}

void net_tcp_release(struct net *n, const struct addr *from)
{
	struct net_socks_block *b = net_socks_block(n->setup.socks);

	atomic_fetch_sub(&b->tcp_open, 1);
	if (from != NULL)
		sources_release(b->sources, from);
}

/* Accepting */

static void accepted_refuse(struct net *n, int fd, const struct addr *peer)
{
	close(fd);
	net_tcp_release(n, peer);
	net_count(n, NET_C_TCP_REFUSED, 1);
}

/* A new descriptor, counted already, to its owner. */
static void accepted(struct net_listener *l, int fd, const struct addr *peer)
{
	struct net *n = l->net;
	unsigned owner = owner_of(n, l->sock->transport, peer);
	struct net_item item = {.kind = NET_ITEM_ACCEPTED,
		.fd = fd,
		.sock = (int)l->sock->index,
		.addr = *peer};
	struct net_conn *c;

	net_count(n, l->sock->transport == SIP_TR_TLS ? NET_C_TLS_ACCEPTED : NET_C_TCP_ACCEPTED, 1);
	if (owner == n->setup.worker)
		(void)net_conn_new(n, fd, l->sock, peer, NET_OPEN, 0, &c);
	else if (inbox_send(n->setup.senders, owner, INBOX_NET, &item, sizeof(item), NULL,
			 0) != 0)
		accepted_refuse(n, fd, peer);
}

static void listener_resume(void *arg)
{
	struct net_listener *l = arg;

	if (l->io != NULL && loop_io_set(l->io, LOOP_READ) != 0)
		LOG(l->net->log, LOG_L_ERR, "%s: cannot watch the socket", l->sock->text);
}

/*
 * No descriptor or memory for another connection: it stays in the kernel's queue, which would wake us
 * for it again and again. So look away for a moment.
 */
static void listener_pause(struct net_listener *l, int err)
{
	LOG(l->net->log, LOG_L_WARN, "%s: cannot accept: %s", l->sock->text,
		strerror(-err));
	net_count(l->net, NET_C_TCP_REFUSED, 1);
	(void)loop_io_set(l->io, 0);
	timer_start(l->net->setup.loop, &l->pause, NET_TCP_PAUSE);
}

/* One connection; false when there is none or there can be none. */
static bool accept_one(struct net_listener *l)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct addr peer;
	int fd = accept4(
		l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			errno == ENOMEM) {
			listener_pause(l, -errno);
			return false;
		}
		/* It went away meanwhile: the next one may be there. */
		return errno != EAGAIN && errno != EINVAL && errno != EBADF;
	}
	if (addr_from_sa(&peer, (struct sockaddr *)&from, len) != 0 ||
		!net_tcp_reserve(l->net, &peer))
		close(fd);
	else
		accepted(l, fd, &peer);
	return true;
}

static void on_accept(void *arg, int fd, int what)
{
	struct net_listener *l = arg;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < NET_TCP_ACCEPTS && accept_one(l); i++)
		;
}

static int listener_open(struct net_listener *l)
{
	const int on = 1;
	int fd = net_socket(addr_family(&l->sock->addr), SOCK_STREAM);

	if (fd < 0)
		return fd;
	l->fd = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
		bind(fd, &l->sock->addr.sa, addr_len(&l->sock->addr)) != 0 ||
		listen(fd, BACKLOG) != 0)
		return -errno;
	return loop_io_add(l->net->setup.loop, fd, LOOP_READ, on_accept, l, &l->io);
}

int net_listen_tcp(struct net *n, char why[256])
{
	const struct net_socks *socks = n->setup.socks;

	n->tcp.listeners = calloc(socks->count, sizeof(*n->tcp.listeners));
	if (n->tcp.listeners == NULL) {
		snprintf(why, 256, "out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < socks->count; i++) {
		struct net_listener *l;
		int err;

		if (!net_is_stream(socks->list[i].transport))
			continue;
		l = &n->tcp.listeners[n->tcp.listener_count++];
		*l = (struct net_listener){.net = n, .sock = &socks->list[i], .fd = -1};
		timer_init(&l->pause, listener_resume, l);
		err = listener_open(l);
		if (err != 0) {
			snprintf(why, 256, "%s: %s", l->sock->text, strerror(-err));
			return err;
		}
	}
	return 0;
}

void net_stop_accepting(struct net *n)
{
	for (unsigned i = 0; i < n->tcp.listener_count; i++) {
		struct net_listener *l = &n->tcp.listeners[i];

		timer_stop(&l->pause);
		loop_io_del(&l->io);
		if (l->fd >= 0)
			close(l->fd);
		l->fd = -1;
	}
}

/* Sending */

static struct net_conn *conn_by_id(struct net *n, uint64_t id)
{
	struct net_conn *c = n->tcp.by_id[id % NET_TCP_BUCKETS];

	while (c != NULL && c->id != id)
		c = c->by_id;
	return c;
}

static bool is_for(const struct net_conn *c, const struct net_dest *to)
{
	return addr_eq(&c->peer, &to->addr) && c->sock->transport == to->transport &&
		(to->transport != SIP_TR_TLS || net_tls_serves(c, to->name));
}

static struct net_conn *conn_by_addr(struct net *n, const struct net_dest *to)
{
	struct net_conn *c = n->tcp.by_addr[addr_hash(&to->addr) % NET_TCP_BUCKETS];

	while (c != NULL && !is_for(c, to))
		c = c->by_addr;
	return c;
}

/* A socket on its way to peer, from the listener's address and a port of the kernel's choice. fd or -errno. */
static int connect_start(const struct net_sock *sock, const struct addr *peer)
{
	const int on = 1;
	struct addr local = sock->addr;
	int fd = net_socket(addr_family(peer), SOCK_STREAM);
	int err = 0;

	if (fd < 0)
		return fd;
	addr_set_port(&local, 0);
	/* So that the port is chosen for this peer: one local port may serve many. */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, &local.sa, addr_len(&local)) != 0 ||
		(connect(fd, &peer->sa, addr_len(peer)) != 0 && errno != EINPROGRESS))
		err = -errno;
	if (err != 0) {
		close(fd);
		return err;
	}
	return fd;
}

static int conn_to(struct net *n, const struct net_dest *to, struct net_conn **out)
{
	const struct net_sock *sock = net_pick(n, to);
	int fd;

	if (sock == NULL)
		return -EHOSTUNREACH;
	if (!net_tcp_reserve(n, NULL))
		return -EAGAIN;
	fd = connect_start(sock, &to->addr);
	if (fd < 0) {
		net_tcp_release(n, NULL);
		return fd;
	}
	return net_conn_new(n, fd, sock, &to->addr, NET_CONNECTING, to->name, out);
}

static int item_write(struct net *n, unsigned owner, const struct net_dest *to,
	unsigned origin, struct slice data)
{
	const struct net_item item = {.kind = NET_ITEM_WRITE,
		.transport = to->transport,
		.fd = -1,
		.sock = to->sock != NULL ? (int)to->sock->index : -1,
		.origin = origin,
		.no_connect = to->no_connect,
		.addr = to->addr,
		.conn = to->conn,
		.name = to->name,
		.cookie = to->cookie};

	return inbox_send(n->setup.senders, owner, INBOX_NET, &item, sizeof(item), data.p,
		data.len);
}

/* On this worker if it owns the connection, else by the owner's inbox. origin hears of later failures. */
static int tcp_write(
	struct net *n, const struct net_dest *to, unsigned origin, struct slice data)
{
	struct net_dest any = *to;
	struct net_conn *c = NULL;
	unsigned owner = (unsigned)(to->conn >> NET_ID_SHIFT) - 1;
	int err = 0;

	if (to->conn != 0 && owner < n->setup.workers) {
		if (owner != n->setup.worker)
			return item_write(n, owner, to, origin, data);
		c = conn_by_id(n, to->conn);
		if (c != NULL && to->no_connect)
			c->behind_nat = c->accepted;
	}
	/* That connection is gone, or any will do: whose is the one to the address? */
	any.conn = 0;
	if (c == NULL) {
		if (addr_port(&to->addr) == 0)
			return -ENOTCONN;
		owner = owner_of(n, to->transport, &to->addr);
		if (owner != n->setup.worker)
			return item_write(n, owner, &any, origin, data);
		c = conn_by_addr(n, to);
	}
	if (c == NULL)
		err = to->no_connect || net_tcp_is_gone(n, &any) ? -ENOTCONN : conn_to(n, &any, &c);
	return err != 0 ? err : net_conn_send(c, data, to->cookie, origin, true);
}

int net_tcp_send(struct net *n, const struct net_dest *to, struct slice data)
{
	int err;

	if (data.len == 0 || data.len > INBOX_ITEM_MAX - sizeof(struct net_item))
		return -EMSGSIZE;
	err = tcp_write(n, to, n->setup.worker, data);
	if (err != 0)
		net_count(n, NET_C_TCP_SEND_ERRORS, 1);
	return err;
}

/* From other workers */

static const struct net_sock *sock_at(const struct net *n, int index)
{
	return index >= 0 && (unsigned)index < n->setup.socks->count
		? &n->setup.socks->list[index]
		: NULL;
}

static void item_accepted(struct net *n, const struct net_item *item)
{
	const struct net_sock *sock = sock_at(n, item->sock);
	struct net_conn *c;

	if (sock == NULL)
		accepted_refuse(n, item->fd, &item->addr);
	else
		(void)net_conn_new(n, item->fd, sock, &item->addr, NET_OPEN, 0, &c);
}

static void item_written(struct net *n, const struct net_item *item, struct slice data)
{
	const struct net_dest to = {.sock = sock_at(n, item->sock),
		.transport = item->transport,
		.addr = item->addr,
		.conn = item->conn,
		.name = item->name,
		.no_connect = item->no_connect,
		.cookie = item->cookie};
	int err = tcp_write(n, &to, item->origin, data);

	if (err == 0)
		return;
	net_count(n, NET_C_TCP_SEND_ERRORS, 1);
	net_fail(n, item->origin, item->cookie, err);
}

void net_tcp_item(void *arg, const void *data, size_t len)
{
	struct net *n = arg;
	struct net_item item;

	if (len < sizeof(item))
		return;
	memcpy(&item, data, sizeof(item));
	switch (item.kind) {
	case NET_ITEM_ACCEPTED:
		item_accepted(n, &item);
		break;
	case NET_ITEM_WRITE:
		item_written(n, &item,
			slice_make(
				(const char *)data + sizeof(item), len - sizeof(item)));
		break;
	case NET_ITEM_FAILED:
		net_fail(n, n->setup.worker, item.cookie, item.err);
		break;
	}
}

/* The end of a turn */

bool net_tcp_ready(struct net *n)
{
	struct net_conn *list = n->tcp.ready;

	n->tcp.ready = NULL;
	while (list != NULL) {
		struct net_conn *c = list;

		list = c->next_ready;
		c->in_ready = false;
		if (c->state != NET_DEAD)
			net_conn_more(c);
		net_conn_watch(c); /* unless more waits still */
	}
	return n->tcp.ready != NULL;
}

void net_tcp_flush(struct net *n)
{
	while (n->tcp.dirty != NULL) {
		struct net_conn *c = n->tcp.dirty;

		n->tcp.dirty = c->next_dirty;
		c->in_dirty = false;
		if (c->state == NET_OPEN)
			net_conn_flush(c);
	}
}

static void conn_free(struct net_conn *c)
{
	free(c->in);
	free(c);
}

void net_tcp_reap(struct net *n)
{
	struct net_conn *list = n->tcp.dead;

	n->tcp.dead = NULL;
	while (list != NULL) {
		struct net_conn *c = list;

		list = c->next_dead;
		if (!c->in_ready && !c->in_dirty) {
			conn_free(c);
			continue;
		}
		c->next_dead = n->tcp.dead;
		n->tcp.dead = c;
	}
}

void net_tcp_close(struct net *n)
{
	net_stop_accepting(n);
	free(n->tcp.listeners);
	for (unsigned i = 0; i < NET_TCP_BUCKETS; i++) {
		while (n->tcp.by_id[i] != NULL)
			net_conn_close(n->tcp.by_id[i], -ESHUTDOWN);
	}
	while (n->tcp.dead != NULL) {
		struct net_conn *c = n->tcp.dead;

		n->tcp.dead = c->next_dead;
		conn_free(c);
	}
}
