/**
 * @file tls.h  Certificates and keys of TLS: what stands in group `tls`, and the set of them that is in force.
 *
 * A set is made as a whole from its files, or not at all, and never changes; a connection keeps the one it began with. Reloading makes a
 * new set from the same files and puts it in the place of the old one. OpenSSL 3; RFC 3261 section 26, RFC 5922.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/conf.h"

/** A certificate for those who ask for that name (SNI, RFC 6066 section 3). */
struct net_tls_domain {
	char *name; /**< "example.org", or "*.example.org": one label more */
	char *certificate;
	char *private_key; /**< NULL: in the certificate's file */
};

struct net_tls_conf { /* group `tls`; names of files are whole paths here */
	char *certificate;
	char *private_key;
	char *ca; /**< file or folder; NULL: the system's */
	char *verify_client;
	bool verify_server;
	char *min_version;
	char *ciphers;
	int64_t handshake_timeout; /**< ms */
	struct net_tls_domain *domains;
	unsigned domain_count;
};
extern const struct conf_param net_tls_params[];        /**< group `tls` */
extern const struct conf_param net_tls_domain_params[]; /**< a member of tls.domains */

/** Why there is no set of certificates. */
struct net_tls_error {
	const char *param; /**< "certificate"...: the parameter that is to blame */
	int domain;        /**< of tls.domains, from 0; -1: of the group itself */
	char text[512];    /**< with what was found there */
};

struct net_tls;
/** conf is borrowed until net_tls_destroy(). 0; -EINVAL with *why; -ENOMEM. */
int net_tls_new(struct net_tls **out, const struct net_tls_conf *conf, struct net_tls_error *why);
/** The files again, for new connections; with an error nothing has changed. Any thread. 0; -EINVAL with *why; -ENOMEM. */
int net_tls_reload(struct net_tls *t, struct net_tls_error *why);
/** No connection may be left. */
void net_tls_destroy(struct net_tls **tp);

/** A certificate in force. Texts live as long as the call that gives it. */
struct net_tls_certificate {
	const char *domain; /**< NULL: the default one */
	const char *file;
	const char *subject, *issuer;
	const char *names; /**< what it is for: "example.org *.example.org 192.0.2.1" */
	int64_t not_before, not_after; /**< s since 1970 */
};
/** The default one first, then those of the domains, in their order. Any thread. */
void net_tls_certificates(struct net_tls *t, void (*fn)(void *arg, const struct net_tls_certificate *c), void *arg);
