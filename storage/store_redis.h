/**
 * @file store_redis.h  The operations of the redis backend, by file.
 */
#pragma once

#include "storage/redis_op.h"

/* redis_update.c: writes of contacts */
int redis_update(struct store_handle *h, const struct store_update *upd,
	struct store_contacts *out, store_done done, void *arg);
int redis_remove(struct store_handle *h, struct slice aor, struct slice id,
	unsigned *removed, store_done done, void *arg);
/* redis_contacts.c: reads of contacts */
int redis_get(struct store_handle *h, struct slice aor, int64_t now,
	struct store_contacts *out, store_done done, void *arg);
int redis_scan(struct store_handle *h, int64_t now, struct store_page *page,
	store_done done, void *arg);
/* redis_node.c: what nodes share of themselves */
int redis_secret(struct store_handle *h, struct arena *arena, struct slice proposal,
	struct slice *out, store_done done, void *arg);
int redis_beat(struct store_handle *h, const struct store_node *n, unsigned life_ms,
	store_done done, void *arg);

/**
 * Words of a script's call: EVALSHA or EVAL, two keys of aor, room for more words. Resets
 * the client's scratch.
 */
void redis_script_args(struct redis_args *args, struct redis_client *c,
	enum store_script_id id, bool whole, struct slice aor, unsigned more);
/** Is it the answer of a server that has not seen the script yet? */
bool redis_is_noscript(const redisReply *r);
/** "HMGET key fields..." of a contact. Does not reset the scratch. */
void redis_hmget_args(struct redis_args *args, struct redis_client *c, struct slice key);
