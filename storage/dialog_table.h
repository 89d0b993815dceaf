/**
 * @file dialog_table.h  Dialogs in memory, shared by all threads of one process.
 *
 *     hash --> chains of records            heap: those not ended, by deadline
 *                                           queue: ended ones, by when they go
 *
 * One mutex: a call asks a handful of times in its life. What has gone past its deadline by
 * STORE_DIALOG_KEEP_S, or ended that long ago, is not seen any more, and freed by whoever
 * writes next. The operations are those of store_dialog.h; now_ms: ms since 1970.
 */
#pragma once

#include "storage/store_dialog.h"

struct dialog_table;

/** max: records held at most; one more is refused with -ENOSPC. */
int dialog_table_new(struct dialog_table **out, size_t max);
void dialog_table_destroy(struct dialog_table **tp);

int dialog_table_put(struct dialog_table *t, const struct store_dialog *d, int64_t now_ms);
/** call_id empty: by id alone. Adds to out, whose list has room. 0 or -ENOMEM. */
int dialog_table_find(struct dialog_table *t, struct slice call_id, struct slice id,
	int64_t now_ms, struct store_dialogs *out);
/** At most STORE_MAX_DIALOGS, the oldest deadline first. */
int dialog_table_due(
	struct dialog_table *t, int64_t until_ms, int64_t now_ms, struct store_dialogs *out);
/** One page; about STORE_MAX_DIALOGS. */
int dialog_table_scan(struct dialog_table *t, int64_t now_ms, struct store_dialogs *page);
int dialog_table_expire(struct dialog_table *t, struct slice id, int64_t at_ms,
	struct slice reason, int64_t now_ms);
int dialog_table_claim(struct dialog_table *t, struct slice call_id, struct slice id,
	uint64_t fence, struct slice me, int64_t retry_ms, int64_t now_ms);
int dialog_table_end(struct dialog_table *t, struct slice call_id, struct slice id,
	struct slice reason, int64_t now_ms);
