/*
 * UDP in batches.
 *
 * In: recvmmsg() into arenas, one a datagram; what an arena's first block does not take goes into an overflow
 * area, so that arenas may be small and datagrams as long as max_message. Out: copied into one buffer a
 * socket, sendmmsg() at the end of the turn or every NET_UDP_OUT datagrams. When the kernel takes no
 * more, the buffer waits, bounded, until the socket is writable.
 */
#include <errno.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/net_internal.h"

int net_udp_init(struct net *n)
{
	unsigned count = n->setup.socks->count;

	n->udp = calloc(count > 0 ? count : 1, sizeof(*n->udp));
	if (n->udp == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++)
		n->udp[i].fd = -1;
	n->rx.size = (size_t)n->setup.conf->max_message + 1;
	n->rx.scratch = malloc(n->rx.size);
	if (n->rx.scratch == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < NET_UDP_BATCH; i++) {
		n->rx.over[i] = malloc(n->rx.size);
		if (n->rx.over[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

/* In */

/* CRLF keepalives of RFC 5626, the four zero bytes of old natping, and nothing at all. */
static bool is_keepalive(const char *p, size_t len)
{
	if (len == 4 && memcmp(p, "\0\0\0\0", 4) == 0)
		return true;
	while (len > 0 && (*p == '\r' || *p == '\n')) {
		p++;
		len--;
	}
	return len == 0;
}

struct rx_batch {
	struct mmsghdr msgs[NET_UDP_BATCH];
	struct iovec iov[NET_UDP_BATCH][2];
	struct sockaddr_storage from[NET_UDP_BATCH];
};

/* Point the batch at arenas and overflow areas. Returns how many slots there are. */
static unsigned batch_prepare(struct net *n, struct rx_batch *b)
{
	unsigned i;

	for (i = 0; i < NET_UDP_BATCH; i++) {
		struct msghdr *h = &b->msgs[i].msg_hdr;
		size_t room;

		if (n->rx.arenas[i] == NULL)
			n->rx.arenas[i] = arena_get(n->setup.arenas);
		if (n->rx.arenas[i] == NULL)
			break;
		b->iov[i][0].iov_base = arena_room(n->rx.arenas[i], &room);
		b->iov[i][0].iov_len = room;
		b->iov[i][1].iov_base = n->rx.over[i];
		b->iov[i][1].iov_len = room < n->rx.size ? n->rx.size - room : 0;
		*h = (struct msghdr){.msg_name = &b->from[i],
			.msg_namelen = sizeof(b->from[i]),
			.msg_iov = b->iov[i],
			.msg_iovlen = 2};
	}
	return i;
}

/* A datagram longer than the first block: put together in room of its own. */
static char *large_datagram(
	struct net *n, struct arena *a, const struct iovec iov[2], size_t len)
{
	size_t first = iov[0].iov_len;
	char *p;

	memcpy(n->rx.scratch, iov[0].iov_base, first);
	memcpy(n->rx.scratch + first, iov[1].iov_base, len - first);
	arena_reset(a);
	p = arena_alloc(a, len);
	if (p != NULL)
		memcpy(p, n->rx.scratch, len);
	return p;
}

/* Slot i of the batch to the handler, or counted and dropped: then its arena is used again. */
static void datagram_in(
	struct net_udp *u, struct rx_batch *b, unsigned i, struct net_rx *rx)
{
	struct net *n = u->net;
	struct arena *a = n->rx.arenas[i];
	const struct msghdr *h = &b->msgs[i].msg_hdr;
	size_t len = b->msgs[i].msg_len;
	char *p = b->iov[i][0].iov_base;

	if (len > (size_t)n->setup.conf->max_message || (h->msg_flags & MSG_TRUNC) != 0) {
		net_count(n, NET_C_OVERSIZED, 1);
		return;
	}
	if (len <= b->iov[i][0].iov_len && is_keepalive(p, len)) {
		net_count(n, NET_C_UDP_KEEPALIVES, 1);
		return;
	}
	if (addr_from_sa(&rx->src, h->msg_name, h->msg_namelen) != 0 ||
		addr_port(&rx->src) == 0)
		return; /* no answer could reach it */
	net_count(n, NET_C_UDP_RECEIVED, 1);
	if (len <= b->iov[i][0].iov_len) {
		arena_claim(a, len);
	} else {
		p = large_datagram(n, a, b->iov[i], len);
		if (p == NULL) {
			net_count(n, NET_C_OVERSIZED, 1);
			return;
		}
	}
	n->rx.arenas[i] = NULL; /* the handler's now */
	n->setup.handlers->on_message(n->setup.self, a, slice_make(p, len), rx);
}

/* One system call; true when there may be more. */
static bool receive_batch(struct net_udp *u)
{
	struct net *n = u->net;
	struct rx_batch b;
	struct net_rx rx = {
		.sock = u->sock->index, .transport = SIP_TR_UDP, .dst = u->sock->addr};
	unsigned slots = batch_prepare(n, &b);
	int got;

	if (slots == 0) {
		/* Without memory a datagram is lost, or the loop would turn for nothing. */
		(void)recv(u->fd, n->rx.scratch, n->rx.size, MSG_DONTWAIT);
		return false;
	}
	got = recvmmsg(u->fd, b.msgs, slots, MSG_DONTWAIT, NULL);
	if (got <= 0)
		return false; /* EAGAIN, or an ICMP error of something sent: nobody waits for it */
	net_count(n, NET_C_UDP_BATCHES, 1);
	rx.at_us = clock_us();
	for (int i = 0; i < got; i++)
		datagram_in(u, &b, (unsigned)i, &rx);
	return (unsigned)got == slots;
}

/* What the kernel had no room for. It was full then, so it is enough to ask when a batch is. */
static void drops_count(struct net_udp *u)
{
	uint32_t mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof(mem);

	if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, mem, &len) != 0 || len <= SK_MEMINFO_DROPS * sizeof(mem[0]))
		return;
	net_count(u->net, NET_C_UDP_DROPPED, (int64_t)(uint32_t)(mem[SK_MEMINFO_DROPS] - u->drops));
	u->drops = mem[SK_MEMINFO_DROPS];
}

/* Out */

static void watch(struct net_udp *u, bool blocked)
{
	if (u->blocked == blocked)
		return;
	u->blocked = blocked;
	if (loop_io_set(u->io, blocked ? LOOP_READ | LOOP_WRITE : LOOP_READ) != 0)
		LOG(u->net->log, LOG_L_ERR, "%s: cannot watch the socket", u->sock->text);
}

static void out_fail(struct net_udp *u, const struct net_udp_out *o, int err)
{
	net_count(u->net, NET_C_UDP_SEND_ERRORS, 1);
	net_fail(u->net, u->net->setup.worker, o->cookie, err);
}

/* One system call. How many left, or -errno of the first. */
static int send_batch(struct net_udp *u)
{
	struct mmsghdr msgs[NET_UDP_OUT];
	struct iovec iov[NET_UDP_OUT];
	unsigned count = u->count - u->head;
	int sent;

	if (count > NET_UDP_OUT)
		count = NET_UDP_OUT;
	for (unsigned i = 0; i < count; i++) {
		struct net_udp_out *o = &u->out[u->head + i];

		iov[i] = (struct iovec){u->bytes + o->off, o->len};
		msgs[i].msg_hdr = (struct msghdr){.msg_name = &o->to.sa,
			.msg_namelen = addr_len(&o->to),
			.msg_iov = &iov[i],
			.msg_iovlen = 1};
	}
	sent = sendmmsg(u->fd, msgs, count, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent >= 0 ? sent : -errno;
}

static void flush_one(struct net_udp *u)
{
	while (u->head < u->count) {
		int sent = send_batch(u);

		if (sent > 0) {
			net_count(u->net, NET_C_UDP_SENT, sent);
			u->head += (unsigned)sent;
		} else if (sent == -EAGAIN) {
			watch(u, true);
			return;
		} else if (sent != -EINTR) {
			/* This one will not go (unreachable, too long, filtered); the next may. */
			out_fail(u, &u->out[u->head], sent);
			u->head++;
		}
	}
	watch(u, false);
	u->head = u->count = 0;
	u->used = 0;
}

void net_udp_flush(struct net *n)
{
	for (unsigned i = 0; i < n->setup.socks->count; i++) {
		struct net_udp *u = &n->udp[i];

		if (u->fd >= 0 && u->head < u->count && !u->blocked)
			flush_one(u);
	}
}

/* Move what waits to the front, when the end is reached while the kernel takes nothing. */
static void out_compact(struct net_udp *u)
{
	size_t gone = u->head < u->count ? u->out[u->head].off : u->used;

	if (u->head == 0)
		return;
	memmove(u->bytes, u->bytes + gone, u->used - gone);
	memmove(u->out, u->out + u->head, (u->count - u->head) * sizeof(*u->out));
	u->used -= gone;
	u->count -= u->head;
	u->head = 0;
	for (unsigned i = 0; i < u->count; i++)
		u->out[i].off -= gone;
}

static bool out_full(const struct net_udp *u, size_t len)
{
	return u->count == NET_UDP_QUEUE || len > NET_UDP_BYTES - u->used;
}

int net_udp_send(struct net_udp *u, const struct net_dest *to, struct slice data)
{
	if (data.len > NET_UDP_MAX)
		return -EMSGSIZE;
	if (out_full(u, data.len) && !u->blocked)
		flush_one(u);
	if (out_full(u, data.len))
		out_compact(u);
	if (out_full(u, data.len)) {
		net_count(u->net, NET_C_UDP_SEND_ERRORS, 1);
		return -EAGAIN;
	}
	if (data.len > 0)
		memcpy(u->bytes + u->used, data.p, data.len);
	u->out[u->count++] =
		(struct net_udp_out){u->used, data.len, to->addr, to->cookie};
	u->used += data.len;
	if (u->count - u->head >= NET_UDP_OUT && !u->blocked)
		flush_one(u);
	else
		net_flush_soon(u->net);
	return 0;
}

/* Life */

static void on_io(void *arg, int fd, int what)
{
	struct net_udp *u = arg;

	(void)fd;
	if ((what & LOOP_WRITE) != 0 && u->blocked)
		flush_one(u);
	if ((what & LOOP_READ) == 0)
		return;
	for (unsigned i = 0; i < NET_UDP_TURN && receive_batch(u); i++)
		if (i == 0)
			drops_count(u);
}

/* A large buffer absorbs what comes while a turn is long; the kernel may give less. */
static void set_rcvbuf(struct net_udp *u)
{
	int want = (int)u->net->setup.conf->udp_rcvbuf;

	if (want <= 0)
		return;
	/* The first needs a privilege and passes the system's limit, the second does not. */
	if (setsockopt(u->fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof(want)) != 0)
		(void)setsockopt(u->fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof(want));
}

int net_udp_open(struct net *n, const struct net_sock *sock)
{
	struct net_udp *u = &n->udp[sock->index];
	const int on = 1;
	int fd;

	u->net = n;
	u->sock = sock;
	u->out = calloc(NET_UDP_QUEUE, sizeof(*u->out));
	/* Taken from the system page by page as it is used: mostly a few kB. */
	u->bytes = malloc(NET_UDP_BYTES);
	if (u->out == NULL || u->bytes == NULL)
		return -ENOMEM;
	fd = net_socket(addr_family(&sock->addr), SOCK_DGRAM);
	if (fd < 0)
		return fd;
	u->fd = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0)
		return -errno;
	set_rcvbuf(u);
	if (bind(fd, &sock->addr.sa, addr_len(&sock->addr)) != 0)
		return -errno;
	return loop_io_add(n->setup.loop, fd, LOOP_READ, on_io, u, &u->io);
}

int net_open_udp(struct net *n, char why[256])
{
	for (unsigned i = 0; i < n->setup.socks->count; i++) {
		const struct net_sock *sock = &n->setup.socks->list[i];
		int err;

		if (sock->transport != SIP_TR_UDP)
			continue;
		err = net_udp_open(n, sock);
		if (err != 0) {
			snprintf(why, 256, "%s: %s", sock->text, strerror(-err));
			return err;
		}
	}
	return 0;
}

void net_udp_close(struct net *n)
{
	for (unsigned i = 0; n->udp != NULL && i < n->setup.socks->count; i++) {
		struct net_udp *u = &n->udp[i];

		loop_io_del(&u->io);
		if (u->fd >= 0)
			close(u->fd);
		free(u->out);
		free(u->bytes);
	}
	free(n->udp);
	for (unsigned i = 0; i < NET_UDP_BATCH; i++) {
		arena_put(n->rx.arenas[i]);
		free(n->rx.over[i]);
	}
	free(n->rx.scratch);
}
