/*
 * TLS on a connection of ours: the handshake as a state of its own, and the send queue as records.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/net/net_internal.h"

#define LOG_LINES    10      /* about handshakes that failed, of one worker */
#define LOG_EVERY_US 1000000 /* in that time */

static struct slice name_of(const struct net_conn *c, char text[NAME_MAX_LEN + 1])
{
	return names_text(net_socks_block(c->net->setup.socks)->names, c->name, text);
}

uint64_t net_name(struct net *n, struct slice host)
{
	struct addr a;

	if (addr_parse_ip(&a, host) == 0)
		return 0;
	return names_number(net_socks_block(n->setup.socks)->names, host);
}

bool net_tls_serves(const struct net_conn *c, uint64_t name)
{
	char text[NAME_MAX_LEN + 1];

	if (name == 0 || c->name == name)
		return true;
	if (c->tls == NULL || c->state != NET_OPEN)
		return false;
	return names_text(net_socks_block(c->net->setup.socks)->names, name, text).len > 0 && tls_conn_proves(c->tls, text);
}

int net_tls_start(struct net_conn *c)
{
	struct net *n = c->net;
	char name[NAME_MAX_LEN + 1];
	int err;

	if (n->setup.tls == NULL)
		return -EPROTONOSUPPORT;
	(void)name_of(c, name);
	err = tls_conn_new(&c->tls, n->setup.tls, c->fd, c->accepted, name, &c->peer);
	if (err != 0)
		return err;
	c->state = NET_HANDSHAKE;
	c->tls_wants = c->accepted ? LOOP_READ : LOOP_WRITE;
	c->active_ms = loop_now(n->setup.loop);
	return 0;
}

/* One line for each, but a flood of them is a number. */
static bool may_log(struct net *n)
{
	const uint64_t now = clock_us();

	if (now - n->tls_logged_us >= LOG_EVERY_US) {
		if (n->tls_unlogged > 0)
			LOG(n->log, LOG_L_INFO, "%u more TLS handshakes failed", n->tls_unlogged);
		n->tls_logged_us = now;
		n->tls_logged = n->tls_unlogged = 0;
	}
	if (n->tls_logged < LOG_LINES) {
		n->tls_logged++;
		return true;
	}
	n->tls_unlogged++;
	return false;
}

static void handshake_failed(struct net_conn *c, int err, const char *why)
{
	char peer[ADDR_TEXT];

	net_count(c->net, NET_C_TLS_FAILED, 1);
	if (may_log(c->net))
		LOG(c->net->log, LOG_L_INFO, "%s: TLS handshake %s %.*s failed: %s", c->sock->text, c->accepted ? "of" : "with",
			SLICE_ARG(addr_text(&c->peer, peer)), why);
	net_conn_close(c, err);
}

void net_tls_too_late(struct net_conn *c)
{
	net_count(c->net, NET_C_TLS_TIMEOUTS, 1);
	handshake_failed(c, -ETIMEDOUT, "not done in time (tls.handshake_timeout)");
}

static void handshake_done(struct net_conn *c)
{
	char peer[ADDR_TEXT], how[128];

	net_count(c->net, NET_C_TLS_HANDSHAKES, 1);
	if (log_wants(c->net->log, LOG_L_DBG)) {
		tls_conn_describe(c->tls, how, sizeof(how));
		LOG(c->net->log, LOG_L_DBG, "%s: %.*s: %s", c->sock->text, SLICE_ARG(addr_text(&c->peer, peer)), how);
	}
	net_conn_opened(c);
	/* The first message may have come with the last bytes of the handshake. */
	if (c->state == NET_OPEN && tls_conn_pending(c->tls))
		net_conn_more(c);
}

void net_tls_step(struct net_conn *c)
{
	int r = tls_conn_handshake(c->tls);

	if (r == 0) {
		handshake_done(c);
	} else if (r > 0) {
		c->tls_wants = r;
		net_conn_watch(c);
	} else {
		if (r == -EKEYREJECTED)
			net_count(c->net, NET_C_TLS_REFUSED_CERTIFICATES, 1);
		handshake_failed(c, r, tls_conn_why(c->tls));
	}
}

/* What stands at the front of the queue, put together as far as a record takes it. */
static struct slice gather(struct net_conn *c)
{
	char *out = c->net->tls_out;
	size_t len = 0;

	for (const struct net_chunk *k = c->out; k != NULL && len < NET_TLS_RECORD; k = k->next) {
		size_t room = NET_TLS_RECORD - len, left = k->len - k->off;
		size_t take = left < room ? left : room;

		memcpy(out + len, k->data + k->off, take);
		len += take;
	}
	return slice_make(out, len);
}

ssize_t net_tls_write(struct net_conn *c)
{
	struct net *n = c->net;
	const struct net_chunk *first = c->out;
	struct slice data = slice_make(first->data + first->off, first->len - first->off);

	if (first->next != NULL && data.len < NET_TLS_RECORD) {
		if (n->tls_out == NULL)
			n->tls_out = malloc(NET_TLS_RECORD);
		if (n->tls_out != NULL) /* else one by one */
			data = gather(c);
	}
	return tls_conn_send(c->tls, data.p, data.len);
}
