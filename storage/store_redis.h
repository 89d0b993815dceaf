/**
 * @file store_redis.h  The operations of the redis backend, by file.
 */
#pragma once

#include "storage/redis_op.h"
#include "storage/redis_parse.h"

/* redis_update.c: writes of contacts */
int redis_update(struct store_handle *h, const struct store_update *upd,
	struct store_contacts *out, store_done done, void *arg);
int redis_remove(struct store_handle *h, struct slice aor, struct slice id,
	unsigned *removed, store_done done, void *arg);
/* redis_contacts.c: reads of contacts */
int redis_get(struct store_handle *h, struct slice aor, int64_t now,
	struct store_contacts *out, store_done done, void *arg);
/* redis_pages.c: contacts page by page */
int redis_scan(struct store_handle *h, int64_t now, struct store_page *page,
	store_done done, void *arg);
int redis_bindings(struct store_handle *h, struct slice socket, int64_t now,
	struct store_page *page, store_done done, void *arg);
/* redis_left.c: who has left a socket */
int redis_left(struct store_handle *h, struct slice socket, struct store_left *out,
	store_done done, void *arg);
/** Tell whoever pings there; nobody waits for an answer. */
void redis_left_add(struct redis_client *c, struct slice aor, const struct redis_gone *gone);
/* redis_node.c: what nodes share of themselves; redis_nodes.c: who there is; redis_lease.c: who does what */
int redis_secret(struct store_handle *h, struct arena *arena, struct slice proposal,
	struct slice *out, store_done done, void *arg);
int redis_beat(struct store_handle *h, const struct store_node *n, unsigned life_ms,
	store_done done, void *arg);
int redis_nodes(
	struct store_handle *h, struct store_nodes *out, store_done done, void *arg);
int redis_lease_take(struct store_handle *h, struct slice thing, struct slice me,
	unsigned life_ms, struct arena *arena, struct slice *holder, store_done done,
	void *arg);
int redis_lease_get(struct store_handle *h, struct slice thing, struct arena *arena,
	struct slice *holder, store_done done, void *arg);
int redis_lease_drop(struct store_handle *h, struct slice thing, struct slice me,
	store_done done, void *arg);
extern const struct store_relay_ops redis_relay_ops;   /**< redis_relay.c, redis_sets.c */
extern const struct store_dialog_ops redis_dialog_ops; /**< redis_dialog.c */

/** Does it mean that Redis cannot be asked just now? */
static inline bool redis_is_away(int err)
{
	return err == -ENOTCONN || err == -ETIMEDOUT;
}

/* redis_bindings.c: the index of a socket's bindings; none waits for an answer */
/** Into the sets of the sockets that the contacts came by. */
void redis_bind(struct redis_client *c, const struct store_update *upd);
/** Out of a socket's set, unless it has been saved again meanwhile, for longer. */
void redis_unbind(struct redis_client *c, struct slice aor, const struct redis_gone *gone);
/** The same for an entry as it stands in the set; member may be in the scratch. */
void redis_unbind_member(
	struct redis_client *c, struct slice socket, struct slice member, int64_t expires);
/** What has expired a while ago. */
void redis_bindings_clean(struct redis_client *c, struct slice socket, int64_t now);

/**
 * Words of a script's call: EVALSHA or EVAL, two keys of aor, room for more words. Resets
 * the client's scratch.
 */
void redis_script_args(struct redis_args *args, struct redis_client *c,
	enum store_script_id id, bool whole, struct slice aor, unsigned more);
/** "HMGET key fields..." of a contact. Does not reset the scratch. */
void redis_hmget_args(struct redis_args *args, struct redis_client *c, struct slice key);
