/**
 * @file redis_parse.h  Redis' replies made into our structs. Pure; what is kept is copied
 * into the arena.
 *
 * A person or another program may have written the keys: nothing in a reply is trusted.
 */
#pragma once

#include <hiredis/hiredis.h>

#include "storage/store.h"

/** A string reply; empty for nil. -EBADMSG for anything else. */
int redis_parse_text(const redisReply *r, struct slice *out);
/** An array of cursor and array: what SCAN and its kin answer. *list points into the reply. -EBADMSG. */
int redis_parse_scan(const redisReply *r, uint64_t *cursor, const redisReply **list);
/** A ZSET's score in whole numbers, rounded down and clamped to 0..INT64_MAX. -EBADMSG. */
int redis_parse_score(const redisReply *r, int64_t *out);
/** A number within 0..max; nil is 0: older records lack younger fields. -EBADMSG. */
int redis_parse_number(const redisReply *r, int64_t max, int64_t *out);
/** An integer reply or a string of one. -EBADMSG. */
int redis_parse_int(const redisReply *r, int64_t *out);
/**
 * The values of store_fields, in that order, from values[0..STORE_FIELDS). -ENOENT: there
 * is no such contact (no uri); -EBADMSG: a field that makes no sense; -ENOMEM. id is
 * copied too.
 */
int redis_parse_contact(struct store_contact *out, struct arena *arena, struct slice id,
	redisReply *const *values, size_t count);

/** A binding that a script took from its socket's index. */
struct redis_gone {
	struct slice id, socket;
	int64_t expires;
};
/** Slices borrow from the reply. At most max are read. Returns how many; what is malformed
 * is left out. */
unsigned redis_parse_gone(const redisReply *r, struct redis_gone *out, unsigned max);

/**
 * Reply of the update script: {code, gone, kept, added}. What was added is copied from upd. *gone
 * points into the reply. 0 or -EBADMSG, -ENOMEM; on code 2 -ENOSPC.
 */
int redis_parse_update(const redisReply *r, const struct store_update *upd,
	struct store_contacts *out, const redisReply **gone);
/** Does a reply of that script name id among the bindings in force? */
bool redis_parse_in_force(const redisReply *r, struct slice id);
