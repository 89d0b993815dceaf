/*
 * What waits to be sent on a connection: whole messages, gathered over a turn and written with one system
 * call, over TLS one for each record. A peer that does not read costs its own bounded queue, then its connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/net/net_internal.h"

#define OUT_IOV 64

/* What a chunk weighs in the queue: small ones are mostly head. */
static size_t weight(size_t len)
{
	return sizeof(struct net_chunk) + len;
}

static struct net_chunk *out_pop(struct net_conn *c)
{
	struct net_chunk *k = c->out;

	c->out = k->next;
	if (c->out == NULL)
		c->out_end = &c->out;
	c->out_bytes -= weight(k->len - k->off);
	return k;
}

void net_conn_drop_out(struct net_conn *c, int err)
{
	while (c->out != NULL) {
		struct net_chunk *k = out_pop(c);

		if (k->is_message)
			net_count(c->net, NET_C_TCP_SEND_ERRORS, 1);
		net_fail(c->net, k->origin, k->cookie, err);
		free(k);
	}
}

/* The kernel has taken that many bytes more. */
static void out_taken(struct net_conn *c, size_t bytes)
{
	while (c->out != NULL && bytes >= c->out->len - c->out->off) {
		struct net_chunk *k;

		bytes -= c->out->len - c->out->off;
		k = out_pop(c);
		if (k->is_message)
			net_conn_count(c, NET_C_TCP_SENT, NET_C_TLS_SENT, 1);
		free(k);
	}
	if (bytes > 0 && c->out != NULL) {
		c->out->off += bytes;
		c->out_bytes -= bytes;
	}
}

/* One system call. Bytes taken, or -errno. */
static ssize_t out_write(struct net_conn *c)
{
	struct iovec iov[OUT_IOV];
	struct msghdr msg = {.msg_iov = iov};
	ssize_t sent;

	if (c->tls != NULL)
		return net_tls_write(c);
	for (struct net_chunk *k = c->out; k != NULL && msg.msg_iovlen < OUT_IOV;
		k = k->next)
		iov[msg.msg_iovlen++] = (struct iovec){k->data + k->off, k->len - k->off};
	sent = sendmsg(c->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	return sent >= 0 ? sent : -errno;
}

void net_conn_flush(struct net_conn *c)
{
	while (c->out != NULL) {
		ssize_t sent = out_write(c);

		if (sent == -EINTR)
			continue;
		if (sent == -EAGAIN) {
			/* No progress since: then the deadline runs. */
			if (c->stuck_ms == 0)
				c->stuck_ms = loop_now(c->net->setup.loop);
			c->out_blocked = true;
			net_conn_watch(c);
			net_conn_arm(c);
			return;
		}
		if (sent < 0) {
			net_conn_close(c, (int)sent);
			return;
		}
		c->stuck_ms = 0;
		out_taken(c, (size_t)sent);
	}
	c->out_blocked = false;
	net_conn_watch(c);
}

static void dirty_add(struct net_conn *c)
{
	/* While the kernel takes nothing, or is connecting, its "writable" starts the sending. */
	if (c->in_dirty || c->state != NET_OPEN || c->out_blocked)
		return;
	c->in_dirty = true;
	c->next_dirty = c->net->tcp.dirty;
	c->net->tcp.dirty = c;
	net_flush_soon(c->net);
}

int net_conn_send(struct net_conn *c, struct slice data, uint64_t cookie, unsigned origin,
	bool is_message)
{
	const size_t max = (size_t)c->net->setup.conf->tcp_send_queue;
	struct net_chunk *k;

	if (weight(data.len) > max - c->out_bytes && c->state == NET_OPEN &&
		!c->out_blocked)
		net_conn_flush(c); /* a burst within one turn, not a slow peer */
	if (c->state == NET_DEAD)
		return -EPIPE;
	if (weight(data.len) > max - c->out_bytes) {
		net_conn_close(c, -ENOBUFS);
		return -EAGAIN;
	}
	k = malloc(weight(data.len));
	if (k == NULL)
		return -ENOMEM;
	*k = (struct net_chunk){.len = data.len,
		.cookie = cookie,
		.origin = origin,
		.is_message = is_message};
	memcpy(k->data, data.p, data.len);
	*c->out_end = k;
	c->out_end = &k->next;
	c->out_bytes += weight(data.len);
	dirty_add(c);
	return 0;
}
