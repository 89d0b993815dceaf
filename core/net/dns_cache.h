/**
 * @file dns_cache.h  Answers of DNS servers, shared by all threads of the process.
 *
 * An answer is immutable and counted: whoever was given one keeps it as long as needed, without a lock. The table is divided into parts
 * with a mutex each, held for a look-up or an exchange of one pointer. It is bounded: above that what was not asked for longest goes.
 *
 *     found     until its TTL; then `stale_ttl` more for when no server answers (RFC 8767)
 *     negative  as long as its SOA says (RFC 2308)
 *     failed    `failure_ttl`: a server that is in trouble is not asked again for every message
 */
#pragma once

#include <stdatomic.h>

#include "core/net/dns_wire.h"

struct dns_ttl {
	int64_t min, max;      /**< s: a found answer's TTL is brought between them */
	int64_t negative;      /**< s, at most */
	int64_t failure;       /**< s */
	int64_t stale;         /**< s behind the TTL */
};

struct dns_answer {
	atomic_uint refs;
	enum dns_type type;
	enum dns_outcome outcome;   /**< not DNS_ALIAS */
	const char *why;            /**< DNS_FAILED; a literal */
	uint64_t expires;           /**< ms of loop_now() */
	struct slice name;          /**< what was asked for; it and the records' names lie behind the records */
	unsigned count;
	struct dns_record records[];
};
/** A copy of what was parsed, with one reference, for name; NULL without memory. now: ms of loop_now(). */
struct dns_answer *dns_answer_new(struct slice name, enum dns_type type, const struct dns_parsed *p,
	const struct dns_ttl *ttl, uint64_t now);
void dns_answer_ref(struct dns_answer *a);
/** NULL is fine; the caller's pointer becomes NULL. */
void dns_answer_unref(struct dns_answer **ap);

enum dns_fresh {
	DNS_MISSING,
	DNS_FRESH,
	DNS_STALE,      /**< its time is over: ask, and use it when no server answers */
	DNS_STALE_HELD, /**< likewise, and the servers were in trouble a moment ago: use it */
};

struct dns_cache;
/** size: answers that are kept. */
int dns_cache_new(struct dns_cache **out, unsigned size, const struct dns_ttl *ttl);
void dns_cache_destroy(struct dns_cache **cp);
/** The answer for name (lower case, no final dot), counted; NULL and DNS_MISSING. */
struct dns_answer *dns_cache_get(struct dns_cache *c, struct slice name, enum dns_type type,
	uint64_t now, enum dns_fresh *how);
/**
 * Keep a new answer. Takes it, and gives back what is to be used: the answer itself, or, when it is DNS_FAILED and there is a stale one, that
 * (counted; *stale set). *evicted: how many had to go.
 */
struct dns_answer *dns_cache_put(struct dns_cache *c, struct dns_answer *a, uint64_t now,
	bool *stale, unsigned *evicted);
/** No answer so far, and nobody waits longer: the stale one serves for failure_ttl. */
void dns_cache_hold(struct dns_cache *c, struct slice name, enum dns_type type, uint64_t now);
/** Forget all about name; empty: about every name. Returns how many answers. */
unsigned dns_cache_flush(struct dns_cache *c, struct slice name);
/** Each answer that may still be used; fn returns false to end. A part of the table is locked meanwhile: fn must be short. */
void dns_cache_each(struct dns_cache *c, uint64_t now,
	bool (*fn)(void *arg, const struct dns_answer *a, enum dns_fresh how), void *arg);
/** Answers in the table. Any thread. */
unsigned dns_cache_count(struct dns_cache *c);
