/**
 * @file tls_conn.h  TLS on one socket that does not block. Knows neither loops nor messages.
 *
 * One thread: the worker's that owns the connection. Writing to a peer that has gone raises SIGPIPE, which the process has to ignore.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/addr.h"
#include "core/net/tls.h"

struct tls_conn;

/**
 * The fd stays the caller's. server: the peer has connected to us. Else name (empty: none is known) is what we ask for by SNI, and what the
 * peer has to prove when tls.verify_server is on; without a name it is the address that it has to prove. 0 or -ENOMEM.
 */
int tls_conn_new(struct tls_conn **out, struct net_tls *tls, int fd, bool server, const char *name, const struct addr *peer);
/** Says goodbye (close_notify) when the handshake was done and nothing has failed. */
void tls_conn_destroy(struct tls_conn **tp);

/** 0: done. LOOP_READ, LOOP_WRITE: again when the socket is so. -errno: failed, tls_conn_why() says why; -EKEYREJECTED: the peer's certificate. */
int tls_conn_handshake(struct tls_conn *t);
/** For people, about a handshake that has failed. */
const char *tls_conn_why(const struct tls_conn *t);

/** As recv(): bytes, 0 at the end, -EAGAIN, -errno. */
ssize_t tls_conn_recv(struct tls_conn *t, void *p, size_t len);
/**
 * As send(): bytes taken (of one record), -EAGAIN, -errno. After -EAGAIN the next call has to begin with the same bytes and may have more.
 */
ssize_t tls_conn_send(struct tls_conn *t, const void *p, size_t len);
/** Bytes have been received that tls_conn_recv() has not given yet: the socket will not be readable for them. */
bool tls_conn_pending(const struct tls_conn *t);
/** May the peer, whose handshake is done, be taken for name as well? RFC 5922 section 7.5. */
bool tls_conn_proves(const struct tls_conn *t, const char *name);
/** "TLSv1.3 TLS_AES_256_GCM_SHA384". */
void tls_conn_describe(const struct tls_conn *t, char *out, size_t size);
