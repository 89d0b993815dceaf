/**
 * @file store_priv.h  What store.c and the backends share. Nobody outside storage/
 * includes this.
 */
#pragma once

#include "core/base/log.h"
#include "storage/store.h"
#include "storage/store_table.h"

#define STORE_AOR_MAX                                                                    \
	512 /**< bytes of an AOR; longer ones are refused with -ENAMETOOLONG */

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

/** One backend. open and close may be NULL; the operations have the contract of store.h. */
struct store_backend {
	const char *name;
	int (*open)(struct store_handle *h);
	void (*close)(struct store_handle *h);
	bool (*ready)(const struct store_handle *h);
	int (*update)(struct store_handle *h, const struct store_update *upd,
		struct store_contacts *out, store_done done, void *arg);
	int (*get)(struct store_handle *h, struct slice aor, int64_t now,
		struct store_contacts *out, store_done done, void *arg);
	int (*remove)(struct store_handle *h, struct slice aor, struct slice id,
		unsigned *removed, store_done done, void *arg);
	int (*scan)(struct store_handle *h, int64_t now, struct store_page *page,
		store_done done, void *arg);
	int (*secret)(struct store_handle *h, struct arena *arena, struct slice proposal,
		struct slice *out, store_done done, void *arg);
	int (*beat)(struct store_handle *h, const struct store_node *n, unsigned life_ms,
		store_done done, void *arg);
};
extern const struct store_backend store_memory;
extern const struct store_backend store_redis;

struct redis_target;
struct redis_client;

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
	struct redis_target *target; /**< redis only */
};

/** One thread's. */
struct store_handle {
	struct store *st;
	struct loop *loop;
	struct counter_array *counters;
	unsigned first;
	struct redis_client *redis; /**< redis only */
};

static inline void store_count(struct store_handle *h, enum store_count which, int64_t n)
{
	if (h->counters != NULL)
		counter_add(h->counters, h->first + (unsigned)which, n);
}
