/**
 * @file worker.h  A worker thread: one loop, and everything that the calls it owns need.
 */
#pragma once

#include <pthread.h>

#include "core/host/gate.h"
#include "core/host/park.h"
#include "core/host/plugin.h"

struct host;

struct worker {
	struct ph_worker w; /**< first member: plugins hold this pointer */
	struct host *host;
	pthread_t thread;
	bool running;       /**< thread was created */
	struct inbox *inbox;
	struct parks *parks;
	struct script_program *program;
	int block_request, block_reply; /**< numbers of the unnamed blocks; -1 */
	struct script_env env;
	void **instances;   /**< of plugins, by their place in the table */
	unsigned started;   /**< how many of them */
	uint64_t message_number;
	bool draining;
	bool idle_told;     /**< the control thread knows that nothing is in flight */
	struct sip_limits sip_limits;
	struct log_gate flow_log;  /**< flow.c: lines about refusals */
	struct log_gate bad_log;   /**< process.c: lines about bad messages */
	uint64_t bad_since_us;     /**< process.c: when the second began that bad_answers counts */
	int64_t bad_answers;
	struct sending *sending; /**< local_request.c: requests that a local_route has in hand */
};

enum host_counter {
	HOST_C_MESSAGES, HOST_C_HANDED_OVER, HOST_C_HANDOVER_DROPS, HOST_C_BAD, HOST_C_NOT_SIP,
	HOST_C_BAD_ANSWERED, HOST_C_BAD_LEFT, HOST_C_NO_ROUTE,
	HOST_C_PARKED, HOST_C_PARKED_TOTAL, HOST_C_PARK_REFUSED, HOST_C_PARK_TIMEOUTS, HOST_C_WAKE_STALE, HOST_C_ACK_REPEATED,
	HOST_C_FLOW_CARRIED, HOST_C_FLOW_REFUSED, HOST_C_TLS_RELOADS, HOST_C_TLS_RELOAD_FAILURES, HOST_C_TLS_DAYS,
};
extern const struct counter_desc host_counters[];
void worker_count(struct worker *w, enum host_counter which, int64_t n);

/** Thread function; arg is a struct worker with host, index and count set. Goes through the steps of host.h's gate. */
void *worker_main(void *arg);
/** Requests of our own that are under way end with status 0, while the plugins that asked are still there. */
void local_requests_abandon(struct worker *w);
/** On the worker's thread (INBOX_CALL): begin to drain. */
void worker_drain(void *worker, void *arg);
/** On the worker's thread (INBOX_CALL): stop the loop. */
void worker_stop(void *worker, void *arg);
