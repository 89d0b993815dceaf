/**
 * @file dns_conf.h  Group `dns` of the configuration, and /etc/resolv.conf.
 */
#pragma once

#include "core/base/addr.h"
#include "core/base/conf.h"

#define DNS_PORT        53
#define DNS_MAX_SERVERS 8

struct dns_conf {
	struct conf_list servers; /**< "ip[:port]"; empty: those of resolv_conf */
	struct conf_list hosts;   /**< "ADDRESS NAME [NAME...]" */
	char *resolv_conf;        /**< looked at again when it has changed */
	char *hosts_file;         /**< likewise; empty: none */
	int64_t timeout;          /**< ms: of the first try; each further round doubles it */
	int64_t tries;            /**< of each server */
	int64_t deadline;         /**< ms: of one next hop's lookups in all */
	int64_t max_lookups;      /**< next hops being looked up, per worker; and questions in flight */
	int64_t cache_size;       /**< answers, of the process */
	int64_t min_ttl, max_ttl, negative_ttl, failure_ttl, stale_ttl; /**< s */
	int64_t bad_hop_time;     /**< ms: how long a hop that failed stands behind the others */
	bool naptr, srv;
	char *prefer;             /**< "auto", "ipv4", "ipv6" */
};
extern const struct conf_param dns_params[];

/** Families in the order that prefer says; for "auto": first, the family of the first listener, comes first. */
void dns_families(const struct dns_conf *conf, int first, int out[2]);
/** The servers of conf, or of its resolv_conf, or 127.0.0.1 as resolv.conf(5) has it. Reads a file of the system's own. Returns how many. */
unsigned dns_servers(const struct dns_conf *conf, struct addr out[DNS_MAX_SERVERS]);
/** The nameservers that such a text names. */
unsigned dns_servers_read(struct slice text, struct addr *out, unsigned max);
