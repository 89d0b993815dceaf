/**
 * @file net_internal.h  What the files of core/net share. One thread: the worker's.
 */
#pragma once

#include <stdatomic.h>
#include <sys/uio.h>

#include "core/base/log.h"
#include "core/net/names.h"
#include "core/net/net.h"
#include "core/net/sources.h"
#include "core/net/tls_conn.h"

#define NET_UDP_BATCH   32         /* datagrams a system call receives */
#define NET_UDP_TURN    4          /* batches a socket may receive a turn */
#define NET_UDP_OUT     64         /* datagrams a system call sends */
#define NET_UDP_QUEUE   1024       /* datagrams that wait for a full kernel buffer */
#define NET_UDP_BYTES   (1u << 20) /* and their bytes */
#define NET_UDP_MAX     65507      /* what fits in a datagram */
#define NET_TCP_BURST   8          /* messages of one connection a turn */
#define NET_TCP_BUCKETS 1024       /* of the connection tables: a power of 2 */
#define NET_TCP_GONE    1024       /* connections that are remembered */
#define NET_TCP_ACCEPTS 64         /* connections a listener may accept a turn */
#define NET_TCP_PAUSE   100 /* ms without accepting when there are no descriptors */
#define NET_TLS_SHAKES  4     /* steps of handshakes a turn: one costs as much as a hundred messages */
#define NET_TLS_RECORD  16384 /* bytes of a record at most: RFC 8446 section 5.1 */
#define NET_ID_SHIFT    48  /* of a connection's id: worker + 1 above, a count below */

/** The listeners and what their nets share; struct net_socks points into it. */
struct net_socks_block {
	atomic_llong tcp_open; /**< connections of all workers */
	struct sources *sources; /**< of those that were accepted */
	struct names *names;
	struct net_sock list[];
};
struct net_socks_block *net_socks_block(const struct net_socks *socks);

/* UDP */

/** A datagram that waits in the batch. */
struct net_udp_out {
	size_t off;
	size_t len;
	struct addr to;
	uint64_t cookie;
};

/** One UDP socket of this worker. */
struct net_udp {
	struct net *net;
	const struct net_sock *sock;
	int fd;
	struct loop_io *io;
	bool blocked; /* the kernel's buffer is full: wait until it is writable */
	uint32_t drops; /* of the receive buffer, as the kernel said last */
	struct net_udp_out *out;
	unsigned head, count; /* out[head..count) wait */
	char *bytes;
	size_t used;
};

/** Where datagrams are received; used by all sockets of the worker in turn. */
struct net_udp_rx {
	struct arena *arenas[NET_UDP_BATCH]; /* NULL: to be taken from the pool */
	char *over[NET_UDP_BATCH]; /* what an arena's first block does not take */
	char *scratch;             /* a large datagram, put together */
	size_t size;               /* of each of these: max_message + 1 */
};

/* TCP */

/** What travels in INBOX_NET; a write is followed by its bytes. */
struct net_item {
	enum { NET_ITEM_ACCEPTED, NET_ITEM_WRITE, NET_ITEM_FAILED } kind;
	enum sip_transport transport; /* WRITE */
	int fd;          /* ACCEPTED */
	int sock;        /* index of the listener; -1: chosen */
	int err;         /* FAILED */
	unsigned origin; /* worker that is told of a failure */
	bool no_connect;
	struct addr addr;
	uint64_t conn;
	uint64_t name;
	uint64_t cookie;
};

/** A message in a send queue, or the rest of it. */
struct net_chunk {
	struct net_chunk *next;
	size_t off, len;
	uint64_t cookie;
	unsigned origin;
	bool is_message; /* no keepalive answer */
	char data[];
};

enum net_conn_state { NET_CONNECTING, NET_HANDSHAKE, NET_OPEN, NET_DEAD };

/**
 * A TCP or TLS connection, on the worker that owns it. Closing takes it out of the tables at once; its memory goes
 * at the end of the turn, so that whoever has it in hand may look at its state.
 */
struct net_conn {
	struct net *net;
	uint64_t id;
	const struct net_sock *sock;
	struct addr peer;
	int fd;
	struct loop_io *io;
	int watched;
	enum net_conn_state state;
	bool accepted; /* else we have connected */
	bool behind_nat; /* who replies to it has said so: by this connection or not at all */
	bool spoken;   /* something complete has come: a message or a keepalive */
	uint64_t name; /* TLS: whom we connect to, as in net_dest */
	struct tls_conn *tls; /* NULL: TCP, or still connecting */
	int tls_wants; /* HANDSHAKE: what the socket has to become, LOOP_* */
	struct net_conn *by_id, *by_addr;
	/* in: bytes in[in_start..in_end) are not consumed */
	char *in;
	size_t in_start, in_end, in_cap;
	size_t frame_state;
	unsigned crlf; /* how much of CRLFCRLF has been seen */
	/* times in ms of loop_now(); began_ms and stuck_ms 0: nothing begun, nothing queued */
	uint64_t open_ms, active_ms, began_ms, stuck_ms;
	struct timer timer;
	/* out */
	struct net_chunk *out, **out_end;
	size_t out_bytes;
	bool out_blocked; /* the kernel takes no more */
	bool in_ready, in_dirty;
	struct net_conn *next_ready, *next_dirty, *next_dead;
};

struct net_listener {
	struct net *net;
	const struct net_sock *sock;
	int fd;
	struct loop_io *io;
	struct timer pause;
};

/** Where the connection of a phone behind NAT came from that is gone. */
struct net_gone {
	struct addr peer;
	enum sip_transport transport;
	uint64_t until_ms;
};

struct net_tcp {
	struct net_conn *by_id[NET_TCP_BUCKETS];
	struct net_conn *by_addr[NET_TCP_BUCKETS];
	uint64_t last_id;
	struct net_conn *ready; /* whole messages wait in their buffers */
	struct net_conn *dirty; /* something to send */
	struct net_conn *dead;
	struct net_gone gone[NET_TCP_GONE];
	struct net_listener *listeners;
	unsigned listener_count;
};

struct net_failure {
	uint64_t cookie;
	int err;
};

struct net {
	struct net_setup setup;
	struct log_source *log;
	struct net_udp *udp; /* by the listener's index; fd -1 for those of TCP */
	struct net_udp_rx rx;
	struct timer flush_timer; /* in case nothing else ends a turn after a send */
	struct net_tcp tcp;
	char *tls_out; /* where a queue becomes a record; NET_TLS_RECORD bytes, made with the first one */
	unsigned tls_shakes; /* steps of handshakes in this turn */
	uint64_t tls_logged_us; /* handshakes that fail are a stranger's choice: so many lines a second */
	unsigned tls_logged, tls_unlogged;
	struct net_failure *failures; /* told at the end of the turn */
	unsigned failure_count, failure_cap;
	struct resolver *resolver;
	bool hooked;
};

static inline void net_count(struct net *n, unsigned which, int64_t by)
{
	counter_add(n->setup.counters, n->setup.first_counter + which, by);
}
/** The listener to send from: that of `to` if it fits, else the first that does; NULL. */
const struct net_sock *net_pick(struct net *n, const struct net_dest *to);
/** Tell the worker origin that the message with that cookie did not leave. cookie 0: nobody asked. */
void net_fail(struct net *n, unsigned origin, uint64_t cookie, int err);
/** See that a turn ends soon, and with it the sending. */
void net_flush_soon(struct net *n);
/** A received message into an arena and to the handler; arena NULL: a new one. */
void net_deliver(struct net *n, struct slice data, const struct net_rx *rx);

int net_udp_init(struct net *n);
int net_udp_open(struct net *n, const struct net_sock *sock);
void net_udp_close(struct net *n);
int net_udp_send(struct net_udp *u, const struct net_dest *to, struct slice data);
void net_udp_flush(struct net *n);

/** A socket of the house: non-blocking, close-on-exec, IPv6 only IPv6. fd or -errno. */
int net_socket(int family, int type);

/** Does it go over connections? */
static inline bool net_is_stream(enum sip_transport tr)
{
	return tr == SIP_TR_TCP || tr == SIP_TR_TLS;
}
/** The worker that owns the connection to peer. */
unsigned net_tcp_owner(enum sip_transport tr, const struct addr *peer, unsigned workers);
int net_tcp_send(struct net *n, const struct net_dest *to, struct slice data);
void net_tcp_item(void *arg, const void *data, size_t len);
void net_tcp_close(struct net *n);
/** Messages that wait in buffers; true: there are more. */
bool net_tcp_ready(struct net *n);
void net_tcp_flush(struct net *n);
void net_tcp_reap(struct net *n);
/** Count one more connection of the process, if it may be. from: who wants it; NULL: we do. */
bool net_tcp_reserve(struct net *n, const struct addr *from);
void net_tcp_release(struct net *n, const struct addr *from);

/** A connection is closed: when it was that of a phone behind NAT, nobody can connect to where it came from. */
void net_tcp_remember(struct net_conn *c);
/** Is it no use to connect to that? */
bool net_tcp_is_gone(struct net *n, const struct net_dest *to);

/**
 * Takes fd and the reserved place, also when it fails. state: NET_OPEN for one that was accepted, NET_CONNECTING for one of ours, which is to
 * reach name (TLS).
 */
int net_conn_new(struct net *n, int fd, const struct net_sock *sock,
	const struct addr *peer, enum net_conn_state state, uint64_t name, struct net_conn **out);
/** err: what those hear whose messages are in its queue. */
void net_conn_close(struct net_conn *c, int err);
/** Messages out of what has been received, and of what TLS holds still. */
void net_conn_more(struct net_conn *c);
/** It may be used from now on. */
void net_conn_opened(struct net_conn *c);
/** One more message, by its transport. */
void net_conn_count(struct net_conn *c, unsigned tcp, unsigned tls, int64_t by);
/** Watch for what its state asks: readable unless whole messages wait, writable when bytes do. */
void net_conn_watch(struct net_conn *c);
/** See that the timer looks at this connection no later than at its next deadline. */
void net_conn_arm(struct net_conn *c);

/** Queue a message (copied). 0; -ENOMEM; -EAGAIN: too much waits, the connection has been closed. */
int net_conn_send(struct net_conn *c, struct slice data, uint64_t cookie, unsigned origin,
	bool is_message);
void net_conn_flush(struct net_conn *c);
/** Forget what waits; who asked hears err. */
void net_conn_drop_out(struct net_conn *c, int err);

/* TLS */

/** Begin the handshake; the descriptor is connected. 0 or -errno: then the connection is as it was. */
int net_tls_start(struct net_conn *c);
/** Go on with it. The connection is open afterwards, waits, or has been closed; why it failed is logged and counted. */
void net_tls_step(struct net_conn *c);
/** The deadline has passed. */
void net_tls_too_late(struct net_conn *c);
/** Write from the front of the queue, one record. Bytes taken, or -errno. */
ssize_t net_tls_write(struct net_conn *c);
/** Will the connection do for a message to that name? */
bool net_tls_serves(const struct net_conn *c, uint64_t name);
