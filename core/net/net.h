/**
 * @file net.h  Sockets: listeners, UDP in batches, TCP connections, keepalives, next hops.
 *
 * The listeners (`struct net_sock`) are made once at start and then immutable, shared by all threads. Each
 * worker has a `struct net` of its own: its UDP sockets (SO_REUSEPORT), the TCP and TLS connections that it owns, its send batch.
 * A connection belongs to the worker hash(transport, remote address and port) mod N; others write by inbox. What is said of TCP
 * below holds for TLS, which is TCP with a handshake first.
 *
 * Received messages are complete SIP messages: UDP datagrams as they came; TCP framed by Content-Length (RFC 3261 section
 * 18.3), pipelined ones one by one; what cannot be framed comes once more as `broken`, then its connection ends. Keepalives never reach the handler: CRLF and 4 zero bytes on UDP are dropped and
 * counted, CRLFCRLF on TCP is answered with CRLF (RFC 5626 section 4.4.1).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/arena.h"
#include "core/base/conf.h"
#include "core/base/counter.h"
#include "core/base/loop.h"
#include "core/bus/inbox.h"
#include "core/net/tls.h"
#include "core/sip/sip_uri.h"

/** A listener. Read-only for all. */
struct net_sock {
	unsigned index;             /**< in the order of `listen`, from 0 */
	enum sip_transport transport; /**< SIP_TR_UDP, SIP_TR_TCP, SIP_TR_TLS */
	struct addr addr;           /**< what is bound; never a wildcard */
	char text[ADDR_TEXT + 8];   /**< "udp:10.0.0.5:5060" */
	char adv_host[256];         /**< advertised host (brackets for IPv6); the bound one without `advertise` */
	uint16_t adv_port;
	char adv_text[300];         /**< "udp:203.0.113.9:5060": the listener as phones see it */
	char via[300];              /**< "SIP/2.0/UDP 203.0.113.9:5060" */
};

/** All listeners, in order; a wildcard stands expanded. */
struct net_socks {
	const struct net_sock *list;
	unsigned count;
};

/** How a message came. Flat: travels through inboxes. */
struct net_rx {
	unsigned sock;          /**< index of the listener */
	enum sip_transport transport;
	struct addr src, dst;   /**< dst is the listener's bound address */
	uint64_t conn;          /**< TCP: id of the connection; 0 for UDP */
	uint64_t at_us;         /**< clock_us() at reception */
	int broken;             /**< streams: 0, or -EBADMSG or -EMSGSIZE: this can be no message, and behind it the connection ends */
};

/** Where a message goes. */
struct net_dest {
	const struct net_sock *sock; /**< NULL: net chooses (first listener of transport and family) */
	enum sip_transport transport;
	struct addr addr;
	uint64_t conn;      /**< TCP: try this connection first (replies); 0: any to addr */
	bool no_connect;    /**< TCP: only over an open connection; with conn: because its peer is behind NAT */
	uint64_t name;      /**< TLS: net_name() of the host that the peer has to be; 0: the address itself has to be proved */
	uint64_t cookie;    /**< non-zero: on_send_error gets it when this message cannot be sent */
};

struct net_conf { /* group `tcp` and limits */
	int64_t tcp_max_connections;   /**< of this process, TLS included; 4096 */
	int64_t tcp_max_per_source;    /**< accepted ones of one IPv4 address or IPv6 /64; 0: no limit; 256 */
	int64_t tcp_connect_timeout;   /**< ms; 5000 */
	int64_t tcp_idle_timeout;      /**< ms without a complete message or keepalive; 3600000 */
	int64_t tcp_message_timeout;   /**< ms for a begun message to become complete; 30000 */
	int64_t tcp_first_timeout;     /**< ms for who has connected to say something complete, a message or a keepalive; 0: for ever; 10000 */
	int64_t tcp_send_queue;        /**< bytes queued per connection; above: closed, counted; 1048576 */
	int64_t max_message;           /**< bytes; 65535 */
	int64_t udp_rcvbuf;            /**< bytes asked of the kernel; 0: its default; 4194304 */
	int64_t tls_handshake_timeout; /**< ms; as in group `tls` */
};
extern const struct conf_param net_tcp_params[]; /**< group `tcp` */
extern const struct counter_desc net_counters[];
enum {
	NET_C_UDP_RECEIVED, NET_C_UDP_SENT, NET_C_UDP_BATCHES, NET_C_UDP_SEND_ERRORS, NET_C_UDP_KEEPALIVES,
	NET_C_UDP_DROPPED,
	NET_C_TCP_RECEIVED, NET_C_TCP_SENT, NET_C_TCP_ACCEPTED, NET_C_TCP_CONNECTED, NET_C_TCP_OPEN /* gauge */,
	NET_C_TCP_REFUSED, NET_C_TCP_REFUSED_SOURCE, NET_C_TCP_KEEPALIVES, NET_C_TCP_BAD_FRAMES, NET_C_TCP_TIMEOUTS, NET_C_TCP_SEND_ERRORS,
	NET_C_TLS_RECEIVED, NET_C_TLS_SENT, NET_C_TLS_ACCEPTED, NET_C_TLS_CONNECTED, NET_C_TLS_OPEN /* gauge */,
	NET_C_TLS_HANDSHAKES, NET_C_TLS_FAILED, NET_C_TLS_REFUSED_CERTIFICATES, NET_C_TLS_TIMEOUTS,
	NET_C_OVERSIZED,
};

struct net_socks_builder;
/**
 * Turn `listen` entries into listeners. spec: "udp:198.51.100.7:5060", "tcp:[2001:db8::1]:5060", "udp:0.0.0.0" (expanded to all
 * interface addresses of that family that are up), port default 5060, of tls 5061; advertise: "host[:port]" or NULL. Each call adds; 0, or -EINVAL with
 * why[256] ("expected udp:, tcp: or tls:ADDRESS[:PORT]"). -EEXIST: the same twice.
 */
int net_socks_add(struct net_socks_builder **bp, const char *spec, const char *advertise, char why[256]);
/** Takes the builder. */
int net_socks_finish(struct net_socks_builder **bp, struct net_socks *out);
void net_socks_free(struct net_socks *socks);
/** Bind each UDP address once without SO_REUSEPORT (and each TCP one): is it free? 0, or -EADDRINUSE... with why[256]. */
int net_socks_probe(const struct net_socks *socks, char why[256]);
/** The listener with that bound or advertised "udp:ip:port" text (port optional); NULL. */
const struct net_sock *net_sock_find(const struct net_socks *socks, struct slice text);
/** The first of transport and family; NULL. */
const struct net_sock *net_sock_first(const struct net_socks *socks, enum sip_transport tr, int family);
/** Does host[:port] name a listener (bound or advertised)? port 0 matches any. Host without case, IPv6 with or without brackets. */
bool net_is_local(const struct net_socks *socks, struct slice host, uint16_t port);

struct net;
struct dns_shared;
struct net_handlers {
	/**
	 * A complete message; arena holds it at its start and now belongs to the handler (arena_put()).
	 */
	void (*on_message)(void *self, struct arena *arena, struct slice data, const struct net_rx *rx);
	/** A message sent with a cookie from this thread did not leave (connect failed, queue full...). err negative errno. */
	void (*on_send_error)(void *self, uint64_t cookie, int err);
};

struct net_setup {
	struct loop *loop;
	const struct net_socks *socks;
	const struct net_conf *conf;
	struct net_tls *tls;          /**< NULL: there is no listener of TLS */
	struct inbox *inbox;          /**< this worker's; net takes INBOX_NET */
	struct inbox_sender *senders; /**< to all workers, index = worker */
	unsigned worker, workers;
	struct arena_pool *arenas;
	struct counter_array *counters;
	unsigned first_counter;
	struct dns_shared *dns;       /**< resolver.h; NULL: names come from /etc/hosts alone */
	unsigned first_dns;           /**< of dns_counters */
	const struct net_handlers *handlers;
	void *self;
};
int net_new(struct net **out, const struct net_setup *setup);
/** Bind and watch the UDP sockets of this worker. All workers do so before net_listen_tcp(). 0 or -errno with why. */
int net_open_udp(struct net *n, char why[256]);
/** Worker 0 only: TCP and TLS listeners; accepted fds go to their owners before anything is read. */
int net_listen_tcp(struct net *n, char why[256]);
/** Draining: accept no new connections; the rest goes on. */
void net_stop_accepting(struct net *n);
void net_destroy(struct net **np);

/**
 * Send one message (copied). UDP: into the batch that goes out at the end of the turn (or when full). TCP: to the owner of the
 * connection, which connects when there is none. 0; -ENOTCONN, -EMSGSIZE, -EHOSTUNREACH (no listener of that family), -EAGAIN
 * (the owner's inbox is full): then no on_send_error comes.
 */
int net_send(struct net *n, const struct net_dest *to, struct slice data);
/** Send the UDP batch now. */
void net_flush(struct net *n);
const struct net_socks *net_socks_of(const struct net *n);
/**
 * The number of a host's name for net_dest.name: who is reached over TLS has to prove it (RFC 5922). 0 for an address: then it is the one that is connected to.
 */
uint64_t net_name(struct net *n, struct slice host);

/* From threads that have no net */

/** The descriptor of this net's UDP socket for a listener; -1: not UDP. Sending on it is safe from any thread while the net lives. */
int net_udp_fd(const struct net *n, unsigned sock);
struct net_post {
	const struct net_socks *socks;
	const int *udp_fds;           /**< by the listener's index, from net_udp_fd() */
	struct inbox_sender *senders; /**< the calling thread's, to all workers */
	unsigned workers;
};
/**
 * Send one message (copied). UDP: at once; TCP: through the worker that owns the connection. 0 or negative errno (-EAGAIN: full); what fails
 * later is counted by that worker.
 */
int net_post(const struct net_post *p, const struct net_dest *to, struct slice data);

/* Next hops (RFC 3263 section 4; resolver.h) */

struct net_hop {
	enum sip_transport transport;
	struct addr addr;
};
/** What a URI asks for: host (literal with or without brackets, or a name), port (0: default), transport (NONE: UDP, TLS for sips). */
struct net_query {
	struct slice host;
	uint16_t port;
	enum sip_scheme scheme;
	enum sip_transport transport;
};
typedef void (*net_resolved)(void *arg, int err, const struct net_hop *hops, unsigned count);
#define NET_MAX_HOPS 8
/**
 * 0 with *hops, *count filled in, in the order in which they are to be tried; -ENOENT: DNS says that there is none; -ETIMEDOUT: it did not say; -EINVAL: not a
 * host; -EBUSY: too many wait; -EINPROGRESS: fn runs later, once, from the loop, at the latest after dns.deadline; -ECANCELED there: net goes away. What failed
 * is logged. fn NULL: only what is known now, also behind its TTL; -EAGAIN: it is being asked for, for the next time.
 */
int net_resolve(struct net *n, const struct net_query *q, struct net_hop hops[NET_MAX_HOPS], unsigned *count, net_resolved fn,
	void *arg);
/** The resolver of this worker. */
struct resolver;
struct resolver *net_resolver(const struct net *n);
/** Lookups under way end now with -ECANCELED, and so does every further one: before those go who wait. */
void net_stop_resolving(struct net *n);
/** One of several hops has failed: for ms (0: dns.bad_hop_time) it comes behind the others, for all workers. */
void net_hop_failed(struct net *n, const struct net_hop *hop, uint64_t ms);
/** One has answered: if it was thought to be bad it is not any more. */
void net_hop_answered(struct net *n, const struct net_hop *hop);
