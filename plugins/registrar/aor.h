/**
 * @file aor.h  An address-of-record as the store knows it. Pure; any thread. RFC 3261
 * sections 10.3 step 5, 19.1.4.
 */
#pragma once

#include "core/base/arena.h"
#include "core/sip/sip_uri.h"

#define AOR_MAX                                                                          \
	256 /**< bytes; what is stored may be a little longer by the table's name */

struct aor_rules {
	bool use_domain;     /**< "alice@example.org", else "alice" */
	bool case_sensitive; /**< of the user part; the domain never is */
};

/**
 * The AOR of uri in the table domain ("location" and empty are the main one), in arena.
 * User unescaped, domain in lower case; port and parameters do not count. A tel URI's
 * number is its user. 0; -EINVAL: no user part, or bytes in it that no AOR may have;
 * -EMSGSIZE: longer than AOR_MAX; -ENOMEM.
 */
int aor_of_uri(struct slice *out, struct arena *arena, const struct aor_rules *rules,
	struct slice domain, const struct sip_uri *uri);

/**
 * What tells one Contact URI from another: scheme, host and parameter names in lower
 * case, parameters sorted. So two spellings of one URI are one binding, as far as section
 * 19.1.4 can be had with a key. {NULL,0} without memory.
 */
struct slice aor_contact_key(struct arena *arena, const struct sip_uri *uri);
