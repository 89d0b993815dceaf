/**
 * @file store_priv.h  What store.c and the backends share. Nobody outside storage/
 * includes this.
 */
#pragma once

#include <errno.h>
#include <time.h>

#include "core/base/log.h"
#include "storage/store.h"
#include "storage/store_dialog.h"
#include "storage/store_table.h"

#define STORE_AOR_MAX                                                                    \
	512 /**< bytes of an AOR; longer ones are refused with -ENAMETOOLONG */

#define STORE_NAME_MAX 1024 /**< bytes of a socket, a relay's URL, a node, a lease's thing */

/** Indexes of store_counters. */
enum store_count {
	STORE_C_OPS,
	STORE_C_FAILED,
	STORE_C_TIMEOUTS,
	STORE_C_LATE,
	STORE_C_REFUSED,
	STORE_C_PENDING,
	STORE_C_CONNECTS,
	STORE_C_LOST,
	STORE_C_OWN_READS,
	STORE_C_MENDED,
};

/** The operations by group; their contract is store.h's. */
struct store_contact_ops {
	int (*update)(struct store_handle *h, const struct store_update *upd,
		struct store_contacts *out, store_done done, void *arg);
	int (*get)(struct store_handle *h, struct slice aor, int64_t now,
		struct store_contacts *out, store_done done, void *arg);
	int (*remove)(struct store_handle *h, struct slice aor, struct slice id,
		unsigned *removed, store_done done, void *arg);
	int (*scan)(struct store_handle *h, int64_t now, struct store_page *page,
		store_done done, void *arg);
	int (*bindings)(struct store_handle *h, struct slice socket, int64_t now,
		struct store_page *page, store_done done, void *arg);
	int (*left)(struct store_handle *h, struct slice socket, struct store_left *out,
		store_done done, void *arg);
};

struct store_node_ops {
	int (*secret)(struct store_handle *h, struct arena *arena, struct slice proposal,
		struct slice *out, store_done done, void *arg);
	int (*beat)(struct store_handle *h, const struct store_node *n, unsigned life_ms,
		store_done done, void *arg);
	int (*nodes)(struct store_handle *h, struct store_nodes *out, store_done done,
		void *arg);
	int (*lease_take)(struct store_handle *h, struct slice thing, struct slice me,
		unsigned life_ms, struct arena *arena, struct slice *holder,
		store_done done, void *arg);
	int (*lease_get)(struct store_handle *h, struct slice thing, struct arena *arena,
		struct slice *holder, store_done done, void *arg);
	int (*lease_drop)(struct store_handle *h, struct slice thing, struct slice me,
		store_done done, void *arg);
};

struct store_relay_ops {
	int (*seed)(struct store_handle *h, const struct store_relay_weight *list,
		unsigned count, store_done done, void *arg);
	int (*sets)(struct store_handle *h, struct store_sets *out, store_done done,
		void *arg);
	int (*relays)(struct store_handle *h, const struct slice *urls, unsigned count,
		struct store_relays *out, store_done done, void *arg);
	int (*enable)(struct store_handle *h, struct slice url, bool on, store_done done,
		void *arg);
	int (*report)(struct store_handle *h, const struct store_relay *r,
		store_done done, void *arg);
};

struct store_dialog_ops {
	int (*put)(struct store_handle *h, const struct store_dialog *d, store_done done,
		void *arg);
	int (*get)(struct store_handle *h, struct slice call_id, const struct slice *ids,
		unsigned count, struct store_dialogs *out, store_done done, void *arg);
	int (*find)(struct store_handle *h, struct slice id, struct store_dialogs *out,
		store_done done, void *arg);
	int (*due)(struct store_handle *h, int64_t until_ms, struct store_dialogs *out,
		store_done done, void *arg);
	int (*scan)(struct store_handle *h, struct store_dialogs *page, store_done done,
		void *arg);
	int (*expire)(struct store_handle *h, struct slice id, int64_t at_ms,
		struct slice reason, store_done done, void *arg);
	int (*claim)(struct store_handle *h, struct slice call_id, struct slice id,
		uint64_t fence, struct slice me, int64_t retry_ms, store_done done,
		void *arg);
	int (*end)(struct store_handle *h, struct slice call_id, struct slice id,
		struct slice reason, store_done done, void *arg);
};

/** One backend. open and close may be NULL. */
struct store_backend {
	const char *name;
	int (*open)(struct store_handle *h);
	void (*close)(struct store_handle *h);
	bool (*ready)(const struct store_handle *h);
	const struct store_contact_ops *contacts;
	const struct store_node_ops *nodes;
	const struct store_relay_ops *relays;
	const struct store_dialog_ops *dialogs;
};
extern const struct store_backend store_memory;
extern const struct store_backend store_redis;

struct redis_target;
struct redis_client;
struct dialog_table;
struct node_table;
struct relay_table;
struct rows_op;

/** Made at start, read-only afterwards; what is in table has locks of its own. */
struct store {
	const struct store_backend *backend;
	struct store_conf
		conf; /**< backend and url are not kept (the url may hold a password) */
	char *node;
	char *describe;
	struct log_source *log;
	struct store_table
		*table; /**< memory: the store; redis: what this node saved itself */
	struct node_table *nodes; /**< memory only */
	/** memory: the store; redis: the sets that were seeded here */
	struct relay_table *relays;
	struct dialog_table *dialogs; /**< memory only */
	struct redis_target *target;  /**< redis only */
};

/** One thread's. */
struct store_handle {
	struct store *st;
	struct loop *loop;
	struct counter_array *counters;
	unsigned first;
	struct redis_client *redis; /**< redis only */
	struct rows_op *rows;       /**< reads of foreign databases under way */
	unsigned rows_count;
};

static inline void store_count(struct store_handle *h, enum store_count which, int64_t n)
{
	if (h->counters != NULL)
		counter_add(h->counters, h->first + (unsigned)which, n);
}

/** Copies text to *to, which moves on; the copy. */
static inline struct slice store_pack(char **to, struct slice text)
{
	char *start = *to;

	if (!slice_empty(text))
		memcpy(start, text.p, text.len);
	*to += text.len;
	return slice_make(start, text.len);
}

/** ms since 1970 (wall clock). */
static inline int64_t store_wall_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** Errors that mean trouble, and not just an answer: a lost race, or nothing there. */
static inline bool store_is_failure(int err)
{
	return err != 0 && err != -EINPROGRESS && err != -EALREADY && err != -ENOENT;
}

/** Count an operation by what its start returned; returns that. */
int store_answered(struct store_handle *h, int err);
