#include "core/net/net.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/net/net_internal.h"
#include "core/net/resolver.h"

/* clang-format off */
const struct conf_param net_tcp_params[] = {
	{.name = "max_connections", .type = CONF_INT, .dflt = "4096", .min = 1, .max = 1000000,
	 .offset = offsetof(struct net_conf, tcp_max_connections),
	 .help = "Most connections of this process, over TCP and TLS; further ones are closed at once."},
	{.name = "max_connections_per_source", .type = CONF_INT, .dflt = "256", .min = 0, .max = 1000000,
	 .offset = offsetof(struct net_conf, tcp_max_per_source),
	 .help = "Most of them that one IPv4 address, or the /64 of an IPv6 one, may have opened; 0: no limit."},
	{.name = "connect_timeout", .type = CONF_MS, .dflt = "5000", .min = 100, .max = 120000,
	 .offset = offsetof(struct net_conf, tcp_connect_timeout),
	 .help = "How long a connection may take to be established, in ms."},
	{.name = "idle_timeout", .type = CONF_MS, .dflt = "3600000", .min = 1000, .max = 86400000,
	 .offset = offsetof(struct net_conf, tcp_idle_timeout),
	 .help = "A connection without a message or keepalive for so long is closed, in ms."},
	{.name = "message_timeout", .type = CONF_MS, .dflt = "30000", .min = 100, .max = 600000,
	 .offset = offsetof(struct net_conf, tcp_message_timeout),
	 .help = "How long a begun message may take to be complete, and a queued one to be taken, in ms."},
	{.name = "first_message_timeout", .type = CONF_MS, .dflt = "10000", .min = 0, .max = 3600000,
	 .offset = offsetof(struct net_conf, tcp_first_timeout),
	 .help = "How long who has connected may take for a first message or keepalive, in ms; 0: as long as idle_timeout."},
	{.name = "send_queue", .type = CONF_INT, .dflt = "1048576", .min = 131072, .max = 1073741824,
	 .offset = offsetof(struct net_conf, tcp_send_queue),
	 .help = "Bytes that may wait for a slow peer; above that its connection is closed."},
	{0},
};

const struct counter_desc net_counters[] = {
	[NET_C_UDP_RECEIVED] = {"net_udp_received", "Messages received over UDP.", COUNTER_TOTAL},
	[NET_C_UDP_SENT] = {"net_udp_sent", "Messages sent over UDP.", COUNTER_TOTAL},
	[NET_C_UDP_BATCHES] = {"net_udp_batches", "System calls that received from UDP.", COUNTER_TOTAL},
	[NET_C_UDP_SEND_ERRORS] = {"net_udp_send_errors", "Messages that UDP did not take.", COUNTER_TOTAL},
	[NET_C_UDP_KEEPALIVES] = {"net_udp_keepalives", "Keepalives received over UDP.", COUNTER_TOTAL},
	[NET_C_UDP_DROPPED] = {"net_udp_dropped", "Datagrams that the kernel dropped because the receive buffer was full.", COUNTER_TOTAL},
	[NET_C_TCP_RECEIVED] = {"net_tcp_received", "Messages received over TCP.", COUNTER_TOTAL},
	[NET_C_TCP_SENT] = {"net_tcp_sent", "Messages sent over TCP.", COUNTER_TOTAL},
	[NET_C_TCP_ACCEPTED] = {"net_tcp_accepted", "TCP connections accepted.", COUNTER_TOTAL},
	[NET_C_TCP_CONNECTED] = {"net_tcp_connected", "TCP connections made.", COUNTER_TOTAL},
	[NET_C_TCP_OPEN] = {"net_tcp_open", "TCP connections now.", COUNTER_GAUGE},
	[NET_C_TCP_REFUSED] = {"net_tcp_refused", "TCP and TLS connections refused for want of room.", COUNTER_TOTAL},
	[NET_C_TCP_REFUSED_SOURCE] = {"net_tcp_refused_source", "TCP and TLS connections refused because their source has enough of them.", COUNTER_TOTAL},
	[NET_C_TCP_KEEPALIVES] = {"net_tcp_keepalives", "Keepalives answered over TCP and TLS.", COUNTER_TOTAL},
	[NET_C_TCP_BAD_FRAMES] = {"net_tcp_bad_frames", "TCP and TLS connections closed for bytes that are no SIP.", COUNTER_TOTAL},
	[NET_C_TCP_TIMEOUTS] = {"net_tcp_timeouts", "TCP and TLS connections closed as too slow or idle.", COUNTER_TOTAL},
	[NET_C_TCP_SEND_ERRORS] = {"net_tcp_send_errors", "Messages that did not leave over TCP or TLS.", COUNTER_TOTAL},
	[NET_C_TLS_RECEIVED] = {"net_tls_received", "Messages received over TLS.", COUNTER_TOTAL},
	[NET_C_TLS_SENT] = {"net_tls_sent", "Messages sent over TLS.", COUNTER_TOTAL},
	[NET_C_TLS_ACCEPTED] = {"net_tls_accepted", "TLS connections accepted, before their handshake.", COUNTER_TOTAL},
	[NET_C_TLS_CONNECTED] = {"net_tls_connected", "TLS connections made, their handshakes done.", COUNTER_TOTAL},
	[NET_C_TLS_OPEN] = {"net_tls_open", "TLS connections now, those in their handshake included.", COUNTER_GAUGE},
	[NET_C_TLS_HANDSHAKES] = {"net_tls_handshakes", "TLS handshakes done, on either side.", COUNTER_TOTAL},
	[NET_C_TLS_FAILED] = {"net_tls_failed", "TLS handshakes that failed, for any reason.", COUNTER_TOTAL},
	[NET_C_TLS_REFUSED_CERTIFICATES] = {"net_tls_refused_certificates", "Of these, because we did not believe the other side's certificate.", COUNTER_TOTAL},
	[NET_C_TLS_TIMEOUTS] = {"net_tls_timeouts", "Of these, because tls.handshake_timeout was over.", COUNTER_TOTAL},
	[NET_C_OVERSIZED] = {"net_oversized", "Messages longer than max_message.", COUNTER_TOTAL},
	{0},
};
/* clang-format on */

int net_socket(int family, int type)
{
	const int on = 1;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

const struct net_sock *net_pick(struct net *n, const struct net_dest *to)
{
	const struct net_sock *s = to->sock;
	int family = addr_family(&to->addr);

	if (s != NULL && s->transport == to->transport && addr_family(&s->addr) == family)
		return s;
	return net_sock_first(n->setup.socks, to->transport, family);
}

static void failure_keep(struct net *n, uint64_t cookie, int err)
{
	unsigned cap = n->failure_cap > 0 ? n->failure_cap * 2 : 16;
	struct net_failure *more;

	if (n->failure_count == n->failure_cap) {
		more = realloc(n->failures, cap * sizeof(*more));
		if (more == NULL)
			return; /* the sender's own timer speaks */
		n->failures = more;
		n->failure_cap = cap;
	}
	n->failures[n->failure_count++] = (struct net_failure){cookie, err};
	net_flush_soon(n);
}

void net_fail(struct net *n, unsigned origin, uint64_t cookie, int err)
{
	const struct net_item item = {
		.kind = NET_ITEM_FAILED, .cookie = cookie, .err = err, .origin = origin};

	if (cookie == 0)
		return;
	if (origin == n->setup.worker)
		failure_keep(n, cookie, err);
	else
		/* Full: counted there; the sender's own timer speaks. */
		(void)inbox_send(n->setup.senders, origin, INBOX_NET, &item, sizeof(item),
			NULL, 0);
}

/* Handlers may send and so fail again: those are for the next turn. */
static bool failures_tell(struct net *n)
{
	struct net_failure *list = n->failures;
	unsigned count = n->failure_count;

	if (count == 0)
		return false;
	n->failures = NULL;
	n->failure_count = n->failure_cap = 0;
	for (unsigned i = 0; i < count; i++)
		n->setup.handlers->on_send_error(
			n->setup.self, list[i].cookie, list[i].err);
	free(list);
	return n->failure_count > 0;
}

void net_flush(struct net *n)
{
	net_udp_flush(n);
}

static bool on_turn_end(void *arg)
{
	struct net *n = arg;
	bool more;

	more = net_tcp_ready(n);
	more = failures_tell(n) || more;
	n->tls_shakes = 0;
	timer_stop(&n->flush_timer);
	net_tcp_flush(n);
	net_udp_flush(n);
	net_tcp_reap(n);
	return more || n->failure_count > 0;
}

static void on_flush_timer(void *arg)
{
	/* The end of the turn that this timer made does the work. */
	(void)arg;
}

void net_flush_soon(struct net *n)
{
	if (!timer_pending(&n->flush_timer))
		timer_start(n->setup.loop, &n->flush_timer, 0);
}

void net_deliver(struct net *n, struct slice data, const struct net_rx *rx)
{
	struct arena *a = arena_get(n->setup.arenas);
	size_t room;
	char *p;

	if (a == NULL)
		return;
	p = arena_room(a, &room);
	if (data.len <= room) {
		memcpy(p, data.p, data.len);
		arena_claim(a, data.len);
	} else {
		arena_reset(a);
		p = arena_alloc(a, data.len);
		if (p == NULL) {
			net_count(n, NET_C_OVERSIZED, 1);
			arena_put(a);
			return;
		}
		memcpy(p, data.p, data.len);
	}
	n->setup.handlers->on_message(n->setup.self, a, slice_make(p, data.len), rx);
}

int net_new(struct net **out, const struct net_setup *setup)
{
	struct net *n = calloc(1, sizeof(*n));
	const struct resolver_setup resolver = {.loop = setup->loop,
		.socks = setup->socks,
		.shared = setup->dns,
		.counters = setup->counters,
		.first_counter = setup->first_dns};
	int err;

	if (n == NULL)
		return -ENOMEM;
	n->setup = *setup;
	n->log = log_source_get("net");
	timer_init(&n->flush_timer, on_flush_timer, n);
	err = net_udp_init(n);
	if (err == 0)
		err = resolver_new(&n->resolver, &resolver);
	if (err == 0)
		err = loop_on_turn_end(setup->loop, on_turn_end, n);
	if (err != 0) {
		net_destroy(&n);
		return err;
	}
	n->hooked = true;
	inbox_on(setup->inbox, INBOX_NET, net_tcp_item, n);
	*out = n;
	return 0;
}

void net_destroy(struct net **np)
{
	struct net *n = *np;

	*np = NULL;
	if (n == NULL)
		return;
	/* Those who wait for a next hop are told while net can still be asked. */
	resolver_destroy(&n->resolver);
	if (n->hooked) {
		/* What was sent in this turn still goes. */
		net_tcp_flush(n);
		net_udp_flush(n);
		inbox_on(n->setup.inbox, INBOX_NET, NULL, NULL);
		loop_off_turn_end(n->setup.loop, on_turn_end, n);
	}
	net_tcp_close(n);
	net_udp_close(n);
	timer_stop(&n->flush_timer);
	free(n->failures);
	free(n->tls_out);
	free(n);
}

int net_send(struct net *n, const struct net_dest *to, struct slice data)
{
	const struct net_sock *sock;

	if (net_is_stream(to->transport))
		return net_tcp_send(n, to, data);
	sock = to->transport == SIP_TR_UDP ? net_pick(n, to) : NULL;
	if (sock == NULL || n->udp[sock->index].fd < 0)
		return -EHOSTUNREACH;
	return net_udp_send(&n->udp[sock->index], to, data);
}

const struct net_socks *net_socks_of(const struct net *n)
{
	return n->setup.socks;
}
