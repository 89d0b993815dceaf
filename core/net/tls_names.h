/**
 * @file tls_names.h  Whose certificate is it? RFC 5922 section 7.
 *
 * Pure; any thread.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

#include "core/base/addr.h"

/**
 * May the owner of that certificate speak for name, a SIP domain or host? By the URIs sip:NAME and the DNS names in its subjectAltName; by its
 * subject's CN only when there are none of these (section 7.1). Wildcards do not count (section 7.2).
 */
bool tls_names_prove(X509 *x, const char *name);
/** For a host that is written as an address: is it among the IP addresses of the subjectAltName? */
bool tls_names_prove_addr(X509 *x, const struct addr *addr);
/** What it is for, parted by blanks; cut when there is no more room. */
void tls_names_text(X509 *x, char *out, size_t size);
