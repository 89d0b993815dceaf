/**
 * @file host.h  The daemon: one control thread and N workers, wired together from a configuration.
 */
#pragma once

#include "core/host/gate.h"
#include "core/host/host_conf.h"
#include "core/host/plugin_table.h"
#include "core/host/worker.h"

struct commands;
struct dns_shared;
struct resolver;
struct heartbeat;
struct host_nodes;
struct certificates;

struct host {
	struct host_conf conf;
	struct plugin_table plugins;
	struct script_program *program;
	struct net_tls *tls;        /**< NULL: no listener of TLS */
	struct certificates *certificates;
	struct log_source *log;

	struct bus *bus;
	struct store *store;
	struct ph_thread control;   /**< the main thread's */
	struct inbox *inbox;        /**< of the control thread, last in every sender's list */
	struct arena_pool *arenas;
	struct hash_key key;
	const char **inbox_names;   /**< workers', then "control" */

	int *udp_fds;               /**< worker 0's, by the listener's index: anybody may send on them */
	struct threads *threads;    /**< of plugins */
	struct worker *workers;
	unsigned worker_count;
	struct gate gate;
	struct commands *commands;
	struct heartbeat *heartbeat;
	struct host_nodes *nodes;
	struct counter_array *log_counters; /**< of the thread that writes the log */
	struct dns_shared *dns;     /**< cache of all threads */
	struct resolver *resolver;  /**< the control thread's */
	unsigned first_log, first_dns, first_net, first_inbox, first_bus, first_tm, first_script, first_store, first_host;

	int64_t started;            /**< wall clock, seconds */
	bool store_up;              /**< the control thread's store handle was connected at the start */
	bool draining;
	unsigned idle_workers;
	struct timer drain_deadline;
};

struct host_options {
	const char *conf_path;
	const struct host_override *overrides;
	bool check_only;
};

/**
 * Read and check everything: configuration, plugins, script. Complaints are printed to stderr, all of them. 0; -EINVAL: errors were printed.
 */
int host_load(struct host *h, const struct host_options *opt);
/** Start all threads; returns when everything listens. 0 or negative errno, logged. */
int host_start(struct host *h);
/** Run until a signal or a failure ends it. */
void host_run(struct host *h);
/** Stop all threads, free everything; also after a failed load or start. */
void host_stop(struct host *h);
/** Begin to drain; a second time: stop at once. */
void host_shutdown(struct host *h);
/** On the control thread (INBOX_CALL): a worker has nothing in flight any more. */
void host_worker_idle(void *host, void *worker);
