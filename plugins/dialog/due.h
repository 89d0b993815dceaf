/**
 * @file due.h  Who ends a dialog whose time has come, and what the steps of ending it lead to. Pure.
 *
 * The node in the record ends it at once. Any other one does when that node is not alive, or DUE_OVERDUE_MS later: then the owner sleeps, or is
 * gone so freshly that its heartbeat is still there (but for calls that ring: nobody else could do anything about them). Whoever does claims the record first with the fence that it has read; of several that read
 * the same one wins. One that was claimed has a new deadline: when that passes, the winner has died on the way, and everybody may.
 */
#pragma once

#include "storage/store_dialog.h"

#define DUE_OVERDUE_MS 2000
#define DUE_RETRY_MS   3500 /**< after a claim: more than END_SETTLE_MS, and BYEs still come within 5 s when the winner dies */

/** Is it this node's turn? owner_alive: as far as its heartbeat tells. */
bool due_for_us(const struct store_dialog *d, struct slice me, bool owner_alive, int64_t now_ms);

enum due_step {
	DUE_CLAIM,  /**< as next step */
	DUE_ACT,    /**< end it now: claimed, or nobody can be asked */
	DUE_LATER,  /**< its deadline has been moved: wait for that */
	DUE_LEAVE,  /**< not ours to end now: whoever is to hears of it again */
	DUE_GONE,   /**< somebody else has ended it, or does now */
};
/** What a worker that wants to end a dialog knows. */
struct due_view {
	bool mine;         /**< it is in memory here, and this node looks after it */
	bool by_deadline;  /**< nobody has asked: our own timer has run down, and there is no change of ours that the record may lack */
	int64_t now_ms;
};
/** The record has been read with err; found NULL: there is none. */
enum due_step due_after_read(int err, const struct store_dialog *found, const struct due_view *view);
/** store_dialog_claim() has answered err. */
enum due_step due_after_claim(int err, const struct due_view *view);
