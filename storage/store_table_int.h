/**
 * @file store_table_int.h  The inside of the table, for its own files: store_table*.c.
 *
 * Whoever touches a shard's buckets holds its lock.
 */
#pragma once

#include <pthread.h>

#include "core/base/hash.h"
#include "storage/store_table.h"

enum {
	SHARD_BITS = 6,
	SHARDS = 1 << SHARD_BITS,
	FIRST_BITS = 4, /* buckets of a new shard: 16 */
	MOST_BITS = 24,
	SWEEP_SECONDS = 64, /* with writes in them, in which all buckets are looked through for expired bindings */
	PAGE = 100,
	PAGE_LOOK = 4000, /* bindings that one page looks at, to find those of a socket */
};

struct binding {
	struct binding *next;
	bool drop; /* chosen to go by the update under way */
	struct store_contact c;
	char text[]; /* what the slices of c point to */
};

struct record {
	struct record *next;
	uint32_t hash;
	struct binding *bindings;
	size_t len;
	char aor[];
};

struct shard {
	pthread_mutex_t lock;
	struct record **buckets;
	unsigned bits;
	unsigned sweep; /* the bucket to look through next */
	int64_t swept;  /* the second of the last write that did */
	size_t records;
	size_t bindings;
};

struct store_table {
	struct hash_key key;
	pthread_mutex_t secret_lock;
	char *secret; /* NULL: none yet */
	size_t secret_len;
	struct shard shards[SHARDS];
};

struct shard *store_table_shard(struct store_table *t, struct slice aor, uint32_t *hash);
struct record **store_table_bucket(struct shard *s, uint32_t hash);
struct record *store_table_find(struct shard *s, uint32_t hash, struct slice aor);
/** Free the bindings of r that are chosen to go, or over. How many. */
unsigned store_table_prune(struct shard *s, struct record *r, int64_t now);
/** Prune a bucket and free the records that hold nothing. */
void store_table_clean(struct shard *s, struct record **bucket, int64_t now);
/**
 * Copy the bindings of r (or NULL) that stay, and those of the list added (or NULL), into
 * out. Writes out only on success; 0 or -ENOMEM.
 */
int store_table_report(struct store_contacts *out, const struct record *r,
	const struct binding *added, int64_t now);
