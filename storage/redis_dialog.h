/**
 * @file redis_dialog.h  Dialogs in Redis: what the files redis_dialog*.c and redis_timers.c
 * share.
 *
 * The record is one HASH; dialog:id:<id> and dialog:timers lead to it, from other slots of a
 * Cluster. Their order makes that every state a crash can leave is mended by the next reader:
 *
 *     the timers may name a record too early, never too late: a new deadline is first
 *     written there if it is earlier (ZADD LT), then into the record, then there whatever
 *     it is; whoever writes a later one, or takes an id out, looks at the record again.
 */
#pragma once

#include "storage/store_dialog_record.h"
#include "storage/store_redis.h"

/** Fields of the HASH, in the order that HMGET asks for them. */
enum dialog_field {
	DIALOG_F_STATE,
	DIALOG_F_DEADLINE,
	DIALOG_F_FENCE,
	DIALOG_F_REASON,
	DIALOG_F_PLAIN, /**< from here on a put writes them as they are */
	DIALOG_F_NODE = DIALOG_F_PLAIN,
	DIALOG_F_SET,
	DIALOG_F_RELAY,
	DIALOG_F_NOTIFY,
	DIALOG_F_STARTED,
	DIALOG_F_CALLER,                     /**< and the six behind it: enum dialog_leg_field */
	DIALOG_F_CALLEE = DIALOG_F_CALLER + 7,
	DIALOG_FIELDS = DIALOG_F_CALLEE + 7,
};
enum dialog_leg_field {
	DIALOG_L_TAG,
	DIALOG_L_URI,
	DIALOG_L_TARGET,
	DIALOG_L_ROUTES,
	DIALOG_L_SOCKET,
	DIALOG_L_FLOW,
	DIALOG_L_CSEQ,
};
extern const char *const redis_dialog_fields[DIALOG_FIELDS];

/* redis_dialog_parse.c; pure */
/**
 * Values of all fields, in their order. call_id and id are copied too. -ENOENT: no such record
 * (no state); -EBADMSG: one that makes no sense; -ENOMEM.
 */
int redis_parse_dialog(struct store_dialog *out, struct arena *arena, struct slice call_id,
	struct slice id, redisReply *const *values, size_t count);
/** Adds name and value of each plain field. */
void redis_dialog_plain_args(struct redis_args *args, const struct store_dialog *d);

/* redis_dialog_read.c */
int redis_dialogs_get(struct store_handle *h, struct slice call_id,
	const struct slice *ids, unsigned count, struct store_dialogs *out,
	store_done done, void *arg);
int redis_dialog_find(struct store_handle *h, struct slice id, struct store_dialogs *out,
	store_done done, void *arg);
int redis_dialogs_due(struct store_handle *h, int64_t until_ms, struct store_dialogs *out,
	store_done done, void *arg);
int redis_dialogs_scan(
	struct store_handle *h, struct store_dialogs *page, store_done done, void *arg);

/* redis_timers.c: the index entries, mended. Nobody waits for it. */
/**
 * Make the timers say deadline_ms of a dialog (0: nothing, take it out), then look at the
 * record and go by that, should it say something else by now. call_id may be empty: found by
 * the id. Both are copied.
 */
void redis_timers_mend(struct redis_client *c, struct slice call_id, struct slice id,
	int64_t deadline_ms);
/** dialog:id:<id> leads to call_id, for as long as a record with that deadline lives. nx: unless
 * it is there. */
void redis_dialog_id_write(struct redis_client *c, struct slice call_id, struct slice id,
	int64_t deadline_ms, bool nx);
/** Words of: ZADD timers [option] deadline id. Resets the scratch. */
void redis_timers_add_args(struct redis_args *args, struct redis_client *c,
	const char *option, int64_t deadline_ms, struct slice id);
/** Words of: ZREM timers id. Resets the scratch. */
void redis_timers_remove_args(
	struct redis_args *args, struct redis_client *c, struct slice id);
/** Words of: GET dialog:id:<id>. Resets the scratch. */
void redis_dialog_name_args(
	struct redis_args *args, struct redis_client *c, struct slice id);
