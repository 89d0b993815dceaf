/**
 * @file dns_ask.h  Questions to DNS servers, asked through c-ares on one thread's loop.
 *
 * A c-ares channel belongs to the thread whose loop watches its sockets (c-ares 1.18: calls on one channel must not overlap, channels are
 * independent). It is made so that it reads no file and looks nothing up by itself; names are asked for as they are. A question that is in flight is
 * not sent again: whoever asks for the same joins it. A truncated answer is fetched over TCP. Answers go into the cache that all threads share.
 *
 * No call waits, and done() never runs from inside dns_ask().
 */
#pragma once

#include "core/base/counter.h"
#include "core/base/loop.h"
#include "core/net/dns_cache.h"
#include "core/net/dns_conf.h"

extern const struct counter_desc dns_counters[];
enum {
	DNS_C_LOOKUPS /* next hops by name */, DNS_C_WAITED, DNS_C_REFUSED, DNS_C_UNRESOLVED, DNS_C_QUERIES, DNS_C_HITS,
	DNS_C_NEGATIVE_HITS, DNS_C_STALE_USED, DNS_C_JOINED, DNS_C_TIMEOUTS, DNS_C_FAILURES, DNS_C_EVICTED, DNS_C_IN_FLIGHT /* gauge */,
	DNS_C_BAD_HOPS,
};

struct dns_question;

/** Whoever waits for an answer; embed it. */
struct dns_wait {
	/** Once, unless forgotten before: the answer, borrowed. */
	void (*done)(struct dns_wait *w, struct dns_answer *a);
	struct dns_question *question; /**< NULL: does not wait */
	struct dns_wait *next, **prev;
};

struct dns_asker;
struct dns_asker_setup {
	struct loop *loop;
	const struct dns_conf *conf;
	const struct dns_ttl *ttl;
	struct dns_cache *cache;
	struct counter_array *counters;
	unsigned first_counter;
};
int dns_asker_new(struct dns_asker **out, const struct dns_asker_setup *setup);
/** Questions in flight are given up; waits must have been forgotten. */
void dns_asker_destroy(struct dns_asker **ap);
/**
 * Wait for the answer for name (lower case, no final dot) and type. stale: there is an answer whose time is over, which does after a second
 * without a better one. 0; -EBUSY: dns.max_lookups questions are in flight; -ENOMEM.
 */
int dns_ask(struct dns_asker *a, struct slice name, enum dns_type type,
	struct dns_answer *stale, struct dns_wait *w);
/** done() will not run any more; the question goes on, for the cache. */
void dns_wait_forget(struct dns_wait *w);
bool dns_wait_is_for(const struct dns_wait *w, struct slice name, enum dns_type type);
