/**
 * @file natping.h  The plugin's parts on one screen: parameters, the switch, one instance per thread, per worker, and the service.
 *
 * The pings are sent by threads of the plugin's own. Each keeps the contacts that its share of the hash gives it (ping_book.h), told by the registrar's
 * events and, for what events cannot tell, by reading the store (ping_scan.h, ping_read.h). Workers only absorb the replies. The
 * service answers nh_enable_ping.
 */
#pragma once

#include <stdatomic.h>

#include "core/host/plugin.h"
#include "plugins/natping/natping_count.h"

/** nh_enable_ping sets it, the threads read it. Of this process: on again after a restart. */
struct natping_switch {
	atomic_bool on;
};

struct natping_conf {
	/* as configured */
	int64_t natping_interval;         /**< s; 0: no pings at all */
	int64_t natping_processes;        /**< threads */
	int64_t natping_resync;           /**< s between two readings of the store */
	int64_t natping_max_contacts;     /**< of a thread */
	int64_t nat_bflag, sipping_bflag; /**< -1: none */
	bool ping_nated_only, natping_tcp;
	char *natping_socket, *force_socket;
	char *sipping_from, *sipping_method;
	/* prepared by load() and prepare() */
	char *from;           /**< sipping_from as a name-addr; NULL: no SIP pings */
	struct addr raw_from; /**< natping_socket; not set: none */
	int raw_fd;           /**< -1: none */
	struct natping_switch *ping_switch;
};

/** The listener that force_socket names; NULL: none is named, or (then *wrong) none of ours. */
const struct net_sock *natping_force_sock(
	const struct natping_conf *conf, const struct net_socks *socks, bool *wrong);

/* natping_thread.c */
int natping_thread_start(struct ph_thread *thread, unsigned index,
	const struct ph_plugin_ctx *ctx, void **selfp);
void natping_thread_stop(void *self);

/* natping_worker.c: replies to SIP pings end here */
int natping_worker_start(
	struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp);
void natping_worker_stop(void *self);
bool natping_reply_stray(void *self, struct ph_msg *reply);

/* nh_enable_ping.c */
int natping_service_start(
	struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp);
void natping_service_stop(void *self);
void natping_enable_ping(void *self, struct bus_request *req, const json_t *params);
