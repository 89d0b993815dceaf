/**
 * @file store.h  What must outlive a thread: contacts, and what nodes share. Two backends: memory, redis.
 *
 * One `struct store` (the connection settings and, for memory, the table itself) is made by the host; each thread
 * opens a `struct store_handle` of its own and uses it from that thread alone.
 *
 * Every operation either returns 0 with the result filled in, or a negative errno and nothing happened, or
 * -EINPROGRESS: then its completion runs exactly once, later, on the same thread, from the handle's
 * loop - also on deadline (-ETIMEDOUT), lost connection (-ENOTCONN) and shutdown (-ECANCELED). Everything passed by
 * pointer (arguments, results, the arena) must live until then. Nothing here blocks.
 *
 * Writes are idempotent: Call-ID and CSeq are compared (RFC 3261 section 10.3), a repeated write changes nothing.
 * Keys of the redis backend: docs of the project, section "State"; made in storage/redis_keys.c only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/conf.h"
#include "core/base/counter.h"
#include "core/base/loop.h"
#include "core/base/slice.h"

struct store;
struct store_handle;

/** Group `storage` of the configuration. */
struct store_conf {
	char *backend; /**< "memory" or "redis" */
	/** redis://[user:password@]host[:port][/db], unix:///path[?db=n][&user=..&password=..]; hosts are literals or /etc/hosts names */
	char *url;
	char *prefix;              /**< of every key; "pinhole:" */
	int64_t connect_timeout;   /**< ms the start waits for the first connection; 2000 */
	int64_t command_timeout;   /**< ms per operation; 1000 */
	int64_t reconnect_max;     /**< ms, upper bound of the back-off between attempts; 2000 */
	int64_t max_pending;       /**< operations under way per handle, above it -EBUSY; 10000 */
	int64_t max_dialogs;       /**< memory: dialogs held at most, above it -ENOSPC; 100000 */
};
extern const struct conf_param store_params[];
extern const struct counter_desc store_counters[]; /**< ends with name NULL */

/**
 * conf is copied. loop-independent; start-up thread. 0; -EINVAL with a line for the operator in why (why[256]).
 */
int store_new(struct store **out, const struct store_conf *conf, const char *node, char why[256]);
/** After all handles are closed. */
void store_destroy(struct store **sp);
/** counters may be NULL; first is the index that counter_register(store_counters) gave. */
int store_open(struct store_handle **out, struct store *st, struct loop *loop, struct counter_array *counters,
	unsigned first);
/** Completions under way run with -ECANCELED before it returns. Not to be called from a completion. */
void store_close(struct store_handle **hp);
/** True when an operation can be answered now (memory: always). */
bool store_ready(const struct store_handle *h);
/** "memory", "redis://127.0.0.1:6379/0" without password; for logs. */
const char *store_describe(const struct store *st);

typedef void (*store_done)(void *arg, int err);

/** A binding of an AOR. Slices belong to whoever filled the struct (results: the given arena). */
struct store_contact {
	struct slice id;         /**< stable for instance+reg-id, else for the URI; store_contact_id() */
	struct slice uri;        /**< as registered */
	struct slice received;   /**< "sip:ip:port;transport=x" or empty */
	struct slice path;       /**< Path values joined by ", ", or empty */
	struct slice socket;     /**< "udp:198.51.100.7:5060": our listener as phones see it */
	struct slice call_id;
	uint32_t cseq;
	unsigned q;              /**< thousandths */
	uint32_t bflags;         /**< branch flags */
	bool nated;
	struct slice methods;    /**< Allow, as text */
	struct slice user_agent;
	struct slice instance;   /**< +sip.instance or empty */
	struct slice reg_id;
	int64_t expires;         /**< seconds since 1970; as update: <= now removes it */
	int64_t registered;      /**< seconds since 1970 of the last refresh */
	struct slice node;       /**< who saved it */
};

/** 16 hex digits and NUL into out. */
void store_contact_id(char out[17], struct slice uri, struct slice instance, struct slice reg_id);

/** What one REGISTER asks (RFC 3261 section 10.3 steps 6-7). All or nothing. */
struct store_update {
	struct slice aor;         /**< canonical: "alice@example.org" or "alice" */
	struct slice call_id;
	uint32_t cseq;
	int64_t now;              /**< seconds since 1970 */
	bool remove_all;          /**< Contact: * with Expires 0 */
	unsigned max_contacts;    /**< 0: no limit */
	bool replace;             /**< the new ones replace all others ("c1f" style); */
	const struct store_contact *contacts; /**< id filled in */
	unsigned count;
};

/** An AOR's bindings, those that have expired left out; highest q first, then newest first. */
struct store_contacts {
	struct arena *arena;      /**< set by the caller; holds the result */
	struct store_contact *list;
	unsigned count;
	bool unchanged;           /**< update: an older or repeated CSeq of the same Call-ID; nothing was written */
};

#define STORE_MAX_CONTACTS 256 /**< more of one AOR are not read */

/**
 * Apply a REGISTER; *out are the bindings afterwards. -ENOSPC: more than max_contacts (nothing written);
 * others: -ETIMEDOUT, -ENOTCONN, -EBUSY, -ENOMEM, -EIO.
 */
int store_contacts_update(struct store_handle *h, const struct store_update *upd, struct store_contacts *out,
	store_done done, void *arg);
/** Bindings of an AOR; none: 0 with count 0. */
int store_contacts_get(struct store_handle *h, struct slice aor, int64_t now, struct store_contacts *out,
	store_done done, void *arg);
/** Remove one binding by id (empty: all of the AOR). *removed counts. */
int store_contacts_remove(struct store_handle *h, struct slice aor, struct slice id, unsigned *removed,
	store_done done, void *arg);

/** One page of all bindings in the store, for commands: cursor 0 starts, 0 at the end. */
struct store_page {
	struct arena *arena;
	uint64_t cursor; /**< in: where to go on; out: the next, 0 at the end */
	struct slice *aors;              /**< one for each contact */
	struct store_contact *contacts;
	unsigned count;
};
int store_contacts_scan(struct store_handle *h, int64_t now, struct store_page *page, store_done done, void *arg);

/**
 * The secret that nodes share: the stored one, else proposal is stored and returned (SET NX). Result in arena.
 */
int store_secret(struct store_handle *h, struct arena *arena, struct slice proposal, struct slice *out,
	store_done done, void *arg);
/** Heartbeat of this node: version, start time, sockets, load; lives for life_ms. */
struct store_node {
	struct slice name, version, sockets;
	int64_t started;
	unsigned load; /**< calls */
};
int store_node_beat(struct store_handle *h, const struct store_node *n, unsigned life_ms, store_done done, void *arg);

/* Nodes and leases */

/** All nodes with a heartbeat, sorted by name (memory: none but what beat on this handle's store). */
struct store_nodes {
	struct arena *arena; /**< set by the caller; holds the result */
	struct store_node *list;
	unsigned count;
};
#define STORE_MAX_NODES 256
int store_nodes_get(struct store_handle *h, struct store_nodes *out, store_done done, void *arg);
/**
 * Take or renew "<thing>" for me for life_ms, unless another holds it: *holder (in arena) is who has it afterwards. Key lease:<thing>. Memory: among
 * those that ask this process.
 */
int store_lease_take(struct store_handle *h, struct slice thing, struct slice me, unsigned life_ms, struct arena *arena,
	struct slice *holder, store_done done, void *arg);
/** Who holds it; empty: nobody. */
int store_lease_get(struct store_handle *h, struct slice thing, struct arena *arena, struct slice *holder, store_done done, void *arg);
/** Give it back if it is mine. */
int store_lease_drop(struct store_handle *h, struct slice thing, struct slice me, store_done done, void *arg);

/* Bindings of a socket */

/**
 * One page of the bindings whose pinhole belongs to socket, expired ones left out; cursor as for store_contacts_scan(). Index entries that name
 * nothing are taken out by the way. A binding may come twice; none that was there all the time is missed. A page may be empty before the end. While
 * Redis is away it comes from what this node saved itself; a scan under way goes on there, from the beginning.
 */
int store_bindings_scan(struct store_handle *h, struct slice socket, int64_t now, struct store_page *page, store_done done, void *arg);

/* RTP-proxy sets and relays, shared by the nodes */

struct store_relay_weight {
	int64_t set;
	struct slice url;
	int64_t weight; /**< 0 to STORE_MAX_WEIGHT; -1: taken out */
};
struct store_sets {
	struct arena *arena; /**< set by the caller; holds the result */
	struct store_relay_weight *list; /**< sorted by set, then url */
	unsigned count;
};
#define STORE_MAX_RELAYS 1024  /**< in all sets together; more: -E2BIG (memory: -ENOSPC) */
#define STORE_MAX_WEIGHT 65535
/** Write those that are not there yet (HSETNX): rtpp:set:<id>, url -> weight. */
int store_sets_seed(struct store_handle *h, const struct store_relay_weight *list, unsigned count, store_done done, void *arg);
/**
 * All sets there are. Their ids are kept in the SET rtpp:sets; one that is missing there is found when it was seeded here, or by a search that looks at
 * some hundred keys each time. Values that are no weights are left out.
 */
int store_sets_get(struct store_handle *h, struct store_sets *out, store_done done, void *arg);

/** rtpp:relay:<url>; texts are empty and numbers 0 where nothing is written. */
struct store_relay {
	struct slice url;
	bool enabled;           /**< the operator's switch; true when not written */
	struct slice state;     /**< "up", "down": as reported_by saw it last */
	int64_t disabled_until; /**< seconds since 1970; 0: not */
	struct slice last_error;
	struct slice reported_by; /**< node */
};
struct store_relays {
	struct arena *arena;
	struct store_relay *list; /**< in the order asked */
	unsigned count;
};
int store_relays_get(struct store_handle *h, const struct slice *urls, unsigned count, struct store_relays *out, store_done done, void *arg);
/** The operator's switch. */
int store_relay_enable(struct store_handle *h, struct slice url, bool on, store_done done, void *arg);
/** What this node thinks of it: state, disabled_until, last_error, reported_by; not the switch. */
int store_relay_report(struct store_handle *h, const struct store_relay *r, store_done done, void *arg);

/**
 * Records of a database table, for db_url: over a connection of its own, closed at the end. url as store_conf.url; a record of table T is a HASH with a
 * key "T:<anything>", its columns are fields. Columns that a record does not have are empty. Records come in the order of their keys. Works with either backend.
 * One deadline for all: connect_timeout and five times command_timeout. At most 4 at once on a handle, else -EBUSY. Not reachable, or refused: -ENOTCONN,
 * the reason is logged.
 */
struct store_rows {
	struct arena *arena;
	struct slice *keys;
	struct slice *values; /**< count * columns */
	unsigned count;
};
#define STORE_MAX_ROWS 1024 /**< more: -E2BIG */
/** NULL when store_rows_get() could use the url, else what would be right. */
const char *store_rows_check_url(const char *url);
/** Never 0: -EINPROGRESS, or an error. */
int store_rows_get(struct store_handle *h, const char *url, struct slice table, const struct slice *columns, unsigned column_count,
	struct store_rows *out, store_done done, void *arg);

/* Dialogs: storage/store_dialog.h */
