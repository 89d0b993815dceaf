/**
 * @file store_table.h  Bindings in memory, shared by all threads.
 *
 *     table --> 64 shards, a mutex each --> buckets --> record (an AOR) --> bindings
 *
 * Shard and bucket come from a keyed hash of the AOR, so that phones cannot choose them.
 * Within a shard the upper bits of the hash number the bucket: walking the buckets walks
 * the hash values upwards, and a cursor (a hash value) stays good when a shard grows
 * between two pages. Nothing here waits for more than another thread's turn in one shard.
 *
 * What has expired is skipped by readers and freed little by little by writers.
 */
#pragma once

#include "storage/store.h"

struct store_table;

int store_table_new(struct store_table **out);
void store_table_destroy(struct store_table **tp);

/** store_contacts_update() for this table; never -EINPROGRESS. */
int store_table_update(struct store_table *t, const struct store_update *upd,
	struct store_contacts *out);
/** Write upd as another store has accepted it: CSeq and limit are not looked at. 0 or
 * -ENOMEM. */
int store_table_mirror(struct store_table *t, const struct store_update *upd);
int store_table_get(
	struct store_table *t, struct slice aor, int64_t now, struct store_contacts *out);
/** How many were removed that had not expired. */
unsigned store_table_remove(
	struct store_table *t, struct slice aor, struct slice id, int64_t now);
/**
 * One page of about 100 bindings: those of a socket, or all when it is empty. A page may hold
 * fewer, or none, before the end: no call looks at more than a few thousand.
 */
int store_table_scan(
	struct store_table *t, struct slice socket, int64_t now, struct store_page *page);
/** store_secret() for this table. 0 or -ENOMEM. */
int store_table_secret(struct store_table *t, struct arena *arena, struct slice proposal,
	struct slice *out);
/** Bindings held, expired ones that nobody has freed yet included. */
size_t store_table_size(struct store_table *t);
