/**
 * @file plugin.h  The only header a plugin needs.
 *
 * A plugin is a shared object that exports one constant, `ph_plugin`. Everything the host knows about it stands in that
 * table. It lives in three places: a *service*, one instance on the host's control thread, which owns its master state and
 * answers its commands; one *worker* instance on each worker thread, which runs its script functions; and *threads* of its own, when it asks for
 * some. They reach each other, and other plugins, by the bus and the store only (and by properties of a message or call on the same thread).
 *
 * Order at start, all on the control thread unless said: ABI and names compared; parameters read; load(); prepare() while we still are root;
 * service_start(); then on each worker's thread worker_start(); then on each thread of the plugin's own thread_start(). At stop the reverse:
 * thread_stop() on each, worker_stop() on each worker, service_stop(), unload().
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/conf.h"
#include "core/base/counter.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/slice.h"
#include "core/bus/bus.h"
#include "core/bus/events.h"
#include "core/bus/tree.h"
#include "core/net/net.h"
#include "core/script/fn.h"
#include "core/script/script.h"
#include "core/sip/sdp.h"
#include "core/sip/sip_header.h"
#include "core/sip/sip_msg.h"
#include "core/sip/sip_uri.h"
#include "core/sip/sip_write.h"
#include "core/tm/call.h"
#include "core/tm/msg.h"
#include "core/tm/tm.h"
#include "storage/store.h"

#define PH_PLUGIN_ABI 3

/** What every thread that runs plugin code has. Read-only for plugins; belongs to that thread. */
struct host_nodes;
struct ph_thread {
	struct loop *loop;
	struct bus_endpoint *bus;
	struct store_handle *store;
	struct counter_array *counters;
	const char *name;            /**< "control", "worker.0" */
	const char *node;            /**< this node's name */
	const struct net_socks *socks;
	const struct hash_key *key;  /**< of the cluster's secret */
	struct inbox_sender *senders; /**< the host's: to the workers' inboxes, then the control thread's */
	int worker;                  /**< index; -1: the control thread, or a plugin's own */
	struct host_nodes *nodes;    /**< who else is alive; see ph_socket_mine() */
	const int *udp_fds;          /**< by the listener's index; see ph_udp_fd() */
	unsigned workers;            /**< how many */
	struct resolver *resolver;   /**< see ph_addresses() */
};

/** A worker thread. */
struct ph_worker {
	struct ph_thread t;          /**< first member */
	unsigned index, count;
	struct net *net;
	struct tm *tm;
	struct calls *calls;
	const struct script_env *env;
	struct arena_pool *arenas;
	const char *server;          /**< Server header of replies; may be NULL */
};

/** Given to a plugin's start hooks. */
struct ph_plugin_ctx {
	const void *conf;            /**< its parameters, immutable */
	unsigned first_counter;      /**< index of its first counter */
	struct log_source *log;
};

/** A command of the control interface: a request on the bus, whatever way it came. */
struct ph_mi_cmd {
	const char *name;            /**< "nh_show_rtpp" */
	const char *params;          /**< names in order, blank-separated, optional ones in []: "url enable", "[enable]" */
	const char *help;            /**< one sentence */
	/**
	 * On the control thread, self is the service instance. params: an object by name, or an array by position, or NULL. Ends in exactly one
	 * bus_reply()/bus_fail(), now or later.
	 */
	void (*call)(void *self, struct bus_request *req, const json_t *params);
	/**
	 * Instead of call: run on every worker (self: the worker instance), each adding to a node of its own; the host
	 * collects them under one root ("worker:: 0", ...) and names a worker that missed the deadline.
	 */
	void (*worker)(void *self, const json_t *params, struct tree *out);
};

struct ph_plugin {
	unsigned abi;                /**< PH_PLUGIN_ABI: compared before anything is called */
	const char *name;            /**< equals the file's name */
	const char *version;
	const char *needs;           /**< plugins that must be listed before it, blank-separated; NULL: none */
	const char *help;            /**< one sentence */
	size_t conf_size;            /**< of the struct that params fill */
	const struct conf_param *params;       /**< ends with name NULL; or NULL */
	const struct ph_script_fn *functions;  /**< likewise */
	const struct ph_fn_alias *aliases;     /**< likewise */
	const struct counter_desc *counters;   /**< likewise */
	const struct ph_mi_cmd *commands;      /**< likewise */
	/** Check parameters against each other, prepare conf; complaints go to e. conf may be written here only. 0 or -errno. */
	int (*load)(void *conf, struct conf_errors *e);
	void (*unload)(void *conf);
	int (*service_start)(struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp);
	void (*service_stop)(void *self);
	int (*worker_start)(struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp);
	void (*worker_stop)(void *self);
	/** Once, on the control thread, before user and group are dropped: raw sockets, low ports. May write conf. Complains by itself. NULL: nothing. */
	int (*prepare)(void *conf, struct log_source *log);
	/**
	 * Threads of its own, which the host runs: how many (NULL or 0: none). Each has a loop, a bus endpoint (subscriptions made in thread_start()
	 * are in force when it has returned), a store handle, and senders to the workers' inboxes. Messages of calls are not theirs.
	 */
	unsigned (*threads)(const void *conf);
	int (*thread_start)(struct ph_thread *thread, unsigned index, const struct ph_plugin_ctx *ctx, void **selfp);
	void (*thread_stop)(void *self);

	/* What passes by: on the worker's thread, plugins in the order of the configuration. All may be NULL. */

	/**
	 * A request that is new to us (no retransmission, no CANCEL, no ACK to a negative reply), before the script: PH_TRUE it goes on; PH_STOP the
	 * hook has dealt with it; PH_PARK after ph_park(): what resume returns is this hook's verdict.
	 */
	int (*request_in)(void *self, struct ph_msg *msg);
	/**
	 * A request has been written for one branch: after branch_route, its edits are still in force; br NULL: forwarded without a transaction
	 * (ACK). dest is where it goes. Once a branch.
	 */
	void (*request_out)(void *self, struct ph_msg *msg, const struct tm_branch *br, const struct net_dest *dest);
	/** A reply of a transaction is about to go upstream: after its onreply blocks, with their edits. reply->branch may be NULL. */
	void (*reply_out)(void *self, struct ph_msg *reply);
	/** A final reply of ours (not a phone's) answers this request: 408, 487, the script's own... */
	void (*reply_local)(void *self, struct ph_msg *request, unsigned code);
	/** A reply with our Via alone, to something that no transaction of ours has sent. True: it was the plugin's, nobody else sees it. */
	bool (*reply_stray)(void *self, struct ph_msg *reply);
	/** The INVITE that this worker's plugin had parked was cancelled. May be NULL. */
	void (*cancelled)(void *self, struct ph_msg *msg);
};

#define PH_EXPORT __attribute__((visibility("default")))
extern PH_EXPORT const struct ph_plugin ph_plugin;

/* Suspending a message: design section 3 */

/** Names one suspension: worker, slot, generation. 0 is none. */
typedef uint64_t ph_token;

/** Goes on on the owning worker. result: what ph_wake() gave, -ETIMEDOUT at the deadline, -ECANCELED at shutdown. Returns a
 * code for the script, or PH_PARK after another ph_park(). */
typedef int (*ph_resume)(void *self, struct ph_msg *msg, void *state, int result);

/**
 * Suspend msg, which a script function of this worker has in hand; the function then returns PH_PARK. self and state are given to resume; state
 * lives in msg->arena. deadline in ms, at most PH_PARK_MAX_MS. A request without transaction gets one (its retransmissions are absorbed, an INVITE
 * has its 100). 0 and *token; -EBUSY: over limits.parked or the transaction table is full - a 503 has been sent,
 * return PH_STOP; -ENOMEM.
 */
#define PH_PARK_MAX_MS 60000
int ph_park(struct ph_msg *msg, ph_resume resume, void *self, void *state, unsigned deadline_ms, ph_token *token);
/** From the owning worker's thread or any other worker thread or the control thread (env: the caller's ph_thread). A stale token is a counted no-op. */
void ph_wake(struct ph_thread *from, ph_token token, int result);
bool ph_parked(struct ph_worker *w, ph_token token);

/* Requests made here: core/tm/tm.h, tm_local(); local_route runs first */

/**
 * Send a request of our own statefully (RFC 3261 section 8.1). text: complete message, request line to body, without Via; Content-Length and
 * Max-Forwards are added when missing. target: ruri may be empty (the text's). The script's local_route runs, and may drop it. done runs once,
 * never from here: status of the final reply (408: none came, 503: could not be sent, 0: dropped or shutdown) and the reply (borrowed, NULL when made
 * here). 0 or negative errno, and done will not run: -EXDEV: the Call-ID is another worker's (ph_call_worker()), where the reply would come in.
 */
int ph_send_request(struct ph_worker *w, struct slice text, const struct tm_target *target, tm_local_done done, void *arg);

/** The worker that owns a call. Any thread. */
static inline unsigned ph_call_worker(const struct ph_thread *t, struct slice call_id)
{
	return hash_call_id(t->key, call_id) % t->workers;
}

/* Other nodes */

/**
 * Does this node speak for a listener ("udp:198.51.100.7:5060", as phones see it)? One of ours whose lease no other living node holds; none any
 * more once this node drains. Any thread.
 */
bool ph_socket_mine(const struct ph_thread *t, struct slice socket);
/** Is that node alive as far as its heartbeat in the store tells (this one: true)? Any thread; learned in the background: unknown counts as alive. */
bool ph_node_alive(const struct ph_thread *t, struct slice node);
/**
 * The addresses of a host name that are known now, port 0: those of the hosts files, else of DNS. Never waits: 0 says that there is none, or not yet; then it is
 * being asked for, and whoever comes again in a second finds it. Any thread with a ph_thread, its own.
 */
unsigned ph_addresses(struct ph_thread *t, struct slice name, int family, struct addr *out, unsigned max);
/** The file descriptor of a UDP listener, for sending from any thread (sendmmsg); -1: not UDP. Valid until thread_stop() has returned. */
int ph_udp_fd(const struct ph_thread *t, const struct net_sock *sock);
/** Send one message from any thread: UDP at once, TCP through the owner of the connection. 0 or negative errno; what fails later is counted. */
int ph_post(struct ph_thread *t, const struct net_dest *to, struct slice data);

/* Small things */

struct script_env;
/** Log with the call and the place in the script. src: ctx->log. */
#define PH_LOG_MSG(src, level, msg, fmt, ...) \
	LOG_CALL((src), (level), (msg)->sip.call_id, "%s: " fmt, script_where(msg), ##__VA_ARGS__)
/** A property with the scope that events.h gives it. Copied; empty removes. 0, -ENOMEM, -ENOSPC. */
int ph_prop_set(struct ph_msg *msg, enum bus_prop p, struct slice value);
/** Empty when not set. */
struct slice ph_prop(struct ph_msg *msg, enum bus_prop p);
/** "sip:ip:port;transport=x" of the packet's source, in msg's arena (empty without memory): the "received" URI. */
struct slice ph_source_uri(struct ph_msg *msg);
