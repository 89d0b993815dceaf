/**
 * @file resolver.h  A thread's resolver: hosts, cache and questions behind net_resolve() (net.h).
 *
 * What is known - an address, a name of the configuration or of /etc/hosts, answers in the cache - is answered at once, without allocation or
 * system call. Else the lookup is suspended until the answers that it needs are there, or dns.deadline has passed.
 */
#pragma once

#include "core/net/bad_hops.h"
#include "core/net/dns_ask.h"
#include "core/net/net.h"
#include "core/net/next_hops.h"

/** What the resolvers of all threads share. */
struct dns_shared {
	const struct dns_conf *conf;
	struct dns_ttl ttl;
	struct dns_cache *cache;
	struct bad_hops *bad;
};
/** conf must outlive it. */
int dns_shared_new(struct dns_shared **out, const struct dns_conf *conf);
void dns_shared_destroy(struct dns_shared **sp);

struct resolver;
struct resolver_setup {
	struct loop *loop;
	const struct net_socks *socks;
	struct dns_shared *shared; /**< NULL: hosts alone, no DNS */
	struct counter_array *counters;
	unsigned first_counter;    /**< of dns_counters */
};
int resolver_new(struct resolver **out, const struct resolver_setup *setup);
/** Lookups under way end now, and further ones at once: -ECANCELED. */
void resolver_stop(struct resolver *r);
void resolver_destroy(struct resolver **rp);

/** As net_resolve(). With fn NULL an answer behind its TTL is used, and asked for anew. */
int resolver_find(struct resolver *r, const struct net_query *q, struct net_hop hops[NET_MAX_HOPS],
	unsigned *count, net_resolved fn, void *arg);
/** The same in detail, for people: n has the hops as DNS orders them, or why there is none. fn runs later, and -EINPROGRESS is returned; or it does not run: -EINVAL, -EBUSY, -ENOMEM. */
typedef void (*resolver_shown)(void *arg, int err, const struct next_hops *n);
int resolver_show(struct resolver *r, const struct net_query *q, resolver_shown fn, void *arg);
/**
 * The addresses of a name that are known now, port 0: of the hosts files, else of DNS. 0: none, or not yet: then it is asked for, for the next time.
 */
unsigned resolver_addresses(
	struct resolver *r, struct slice name, int family, struct addr *out, unsigned max);
/** A hop of several has failed for ms (0: dns.bad_hop_time), or has answered. */
void resolver_hop_failed(struct resolver *r, const struct net_hop *hop, uint64_t ms);
void resolver_hop_answered(struct resolver *r, const struct net_hop *hop);
