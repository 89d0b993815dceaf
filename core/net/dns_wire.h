/**
 * @file dns_wire.h  What a DNS server sends, and what of it matters to a SIP next hop.
 *
 * RFC 1035 section 4, RFC 2782 (SRV), RFC 3403 (NAPTR), RFC 2308 (negative answers). c-ares' own parsers tell no TTL of SRV
 * and NAPTR records, so the response is read here. Pure; any thread; every octet comes from a stranger: no count, length or
 * pointer in it is believed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/slice.h"

enum dns_type {
	DNS_A = 1,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_NAPTR = 35,
};
/** "A", "AAAA", "SRV", "NAPTR". */
const char *dns_type_name(enum dns_type type);

enum dns_outcome {
	DNS_FOUND,   /**< records, perhaps none that is of use */
	DNS_NO_NAME, /**< NXDOMAIN */
	DNS_NO_DATA, /**< the name has no such record */
	DNS_ALIAS,   /**< a CNAME, whose target the server did not look up: ask for that */
	DNS_FAILED,
};

/** Services of NAPTR records that SIP knows (RFC 3263 section 4.1); records of others are left out. */
enum dns_service { DNS_SIP_D2U, DNS_SIP_D2T, DNS_SIPS_D2T };

#define DNS_NAME_MAX    253 /**< characters of a name as text (RFC 1035 section 2.3.4) */
#define DNS_MAX_RECORDS 32  /**< of one answer; further ones are left out */
#define DNS_MAX_ALIASES 8   /**< CNAMEs in a row */

struct dns_record {
	struct addr addr;     /**< A, AAAA; port 0 */
	uint16_t order;       /**< NAPTR order; SRV priority */
	uint16_t weight;      /**< NAPTR preference; SRV weight */
	uint16_t port;        /**< SRV */
	enum dns_service service;
	struct slice name;    /**< NAPTR replacement, SRV target: lower case, without final dot; "." is empty */
};

struct dns_parsed {
	enum dns_outcome outcome;
	const char *why;      /**< DNS_FAILED: the reason, a literal */
	uint32_t ttl;         /**< seconds: the least of the records used; of negative answers what their SOA says */
	bool has_soa;         /**< negative: it said how long */
	char alias[DNS_NAME_MAX + 1];
	unsigned count;
	struct dns_record records[DNS_MAX_RECORDS];
	size_t text_len;      /**< the names lie in text */
	char text[DNS_MAX_RECORDS * (DNS_NAME_MAX + 1)];
};

/**
 * Read the response to a question for name (lower case, no final dot) and type. Always fills in *out: what cannot be read is DNS_FAILED.
 */
void dns_parse(struct dns_parsed *out, const void *packet, size_t len, struct slice name,
	enum dns_type type);
