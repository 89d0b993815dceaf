/**
 * @file next_hops.h  RFC 3263 section 4: from a URI's host, port and transport to the places to try, in order.
 *
 * Pure: what DNS knows comes in through a function, randomness as a number. It is run again from the start each time
 * another answer has come: as long as one is missing that decides, it says -EAGAIN, and has asked for all that may be needed, so that
 * questions travel side by side.
 *
 *     port given                     A/AAAA
 *     transport given                SRV of that transport; none: A/AAAA
 *     neither                        NAPTR -> SRV -> A/AAAA; no NAPTR: SRV of each transport of ours; none: A/AAAA
 */
#pragma once

#include "core/net/dns_cache.h"
#include "core/net/net.h"

#define NEXT_HOPS_NAME (DNS_NAME_MAX + 16) /* with "_sips._tcp." before it */

struct hop_found {
	struct net_hop hop;
	uint64_t expires; /**< ms: the first of the answers that led here to expire; UINT64_MAX: none did */
};

struct next_hops {
	/* In */
	const struct net_query *query;
	bool naptr, srv;              /**< may be looked for */
	uint64_t seed;                /**< the same for all runs of one query */
	int families[2];              /**< in the order wanted */
	/** Have we a listener of that transport and family? family 0: of any. */
	bool (*listens)(void *arg, enum sip_transport tr, int family);
	/** Addresses that are known without DNS: how many. */
	unsigned (*hosts)(void *arg, struct slice name, struct addr *out, unsigned max);
	/** The answer, which stays good until the caller has copied the result; NULL: not there yet. */
	const struct dns_answer *(*answer)(void *arg, struct slice name, enum dns_type type);
	void *arg;
	bool final;                   /**< what is not there yet counts as failed */

	/* Out */
	struct hop_found found[NET_MAX_HOPS];
	unsigned count;
	/* Without hops: the last that led nowhere */
	char failed_name[NEXT_HOPS_NAME];
	enum dns_type failed_type;
	const char *failed_why;
};

/**
 * 0 with count > 0; -EAGAIN: an answer is missing; -EINVAL: the host is neither address nor name; -ENOENT: DNS says there is none; -ETIMEDOUT: an
 * answer could not be had.
 */
int next_hops_find(struct next_hops *n);

/** Lower case and without final dot, as the cache has names, in out; empty: not a host name. */
struct slice next_hops_name(struct slice host, char out[DNS_NAME_MAX + 1]);
/** Is the host an address? Then its one hop, without any look-up. */
bool next_hops_literal(const struct net_query *q, struct net_hop *out);
/** xorshift64*: the next of a sequence that begins with any seed but 0. */
uint64_t next_hops_random(uint64_t *state);
/**
 * RFC 2782: by priority, then at random in proportion to the weights. order receives the indexes of a's records.
 */
void next_hops_order(const struct dns_answer *a, uint64_t seed, unsigned order[DNS_MAX_RECORDS]);
