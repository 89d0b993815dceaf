/**
 * @file tls_set.h  One set of certificates as OpenSSL has them; counted, never changed.
 */
#pragma once

#include <openssl/ssl.h>

#include "core/net/tls.h"

struct tls_set;
/** The set in force, counted for the caller. Any thread; takes a lock, so once a connection. */
struct tls_set *tls_set_get(struct net_tls *t);
void tls_set_put(struct tls_set **sp);
/** For connections that others make, and that we make. They live as long as the set. */
SSL_CTX *tls_set_server(struct tls_set *s);
SSL_CTX *tls_set_client(struct tls_set *s);
bool tls_set_verifies_servers(const struct tls_set *s);

/** SSL_VERIFY_*; -1: no such word. */
int tls_verify_client_of(const char *text);
/** TLS1_2_VERSION...; 0: no such version. */
int tls_version_of(const char *text);
bool tls_ciphers_known(const char *text);
/** The reason that OpenSSL gives for what has just failed on this thread, in words; empties its list. */
const char *tls_reason(char out[256]);
