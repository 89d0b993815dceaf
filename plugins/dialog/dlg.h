/**
 * @file dlg.h  The dialogs that a worker has in memory, and which of them a message belongs to.
 *
 * One table per worker, its thread only. A dialog is named by Call-ID and the caller's tag (core/tm/dialog_id.h), so a forked INVITE has one: the
 * first 2xx makes it, whatever other phones answer. Bounded: max.
 */
#pragma once

#include "core/base/loop.h"
#include "core/tm/dialog_id.h"
#include "core/tm/msg.h"
#include "storage/store_dialog.h"

#define DLG_CALL_ID_MAX 255 /**< bytes; longer ones get no dialog: it must fit into an event */

struct dlg_table;
struct dlg_worker;
struct dlg_ending;

enum dlg_side { DLG_NOBODY, DLG_CALLER, DLG_CALLEE };

/** One dialog. Its record's texts belong to it: dlg_text(). */
struct dlg {
	struct dlg *next;            /**< in its bucket */
	struct dlg_worker *worker;
	uint32_t hash;               /**< hash_call_id() */
	char id[DIALOG_ID_LEN + 1];  /**< rec.id */
	struct store_dialog rec;     /**< state 0: only Call-ID and id are known, the store is asked for the rest */
	bool mine;                   /**< this node looks after it: rec.node */
	bool leaving;                /**< a BYE of a phone is under way: only its final reply is waited for */
	bool over;                   /**< ended; the store is still to be told */
	bool gone;                   /**< to be removed once its write is through */
	bool stored;                 /**< the store has, or may have, a record of it */
	bool dirty;                  /**< something is not written yet */
	bool writing;                /**< a write is under way */
	struct dlg *dirty_next, **dirty_prev; /**< waits for the store to be back; NULL: does not */
	struct ph_msg *invite;       /**< while early: counted */
	uint32_t invite_cseq;
	unsigned upstream;           /**< routes that lead to the caller */
	struct timer timer;          /**< the deadline, as this node acts on it */
	int64_t timeout;             /**< seconds, as last read from the call's property; 0: the default */
	struct dlg_ending *ending;   /**< see end.h; NULL: not being ended */
};

/** max: most dialogs. 0 or -ENOMEM. */
int dlg_table_new(struct dlg_table **out, unsigned max);
/** The table must be empty. */
void dlg_table_destroy(struct dlg_table **tp);
unsigned dlg_table_count(const struct dlg_table *t);
bool dlg_table_full(const struct dlg_table *t);
/** Any one; NULL: empty. */
struct dlg *dlg_table_any(struct dlg_table *t);

struct dlg *dlg_find_id(struct dlg_table *t, uint32_t hash, struct slice id);
/** The dialog of a request or reply with these tags, and who sent the request. to may be empty. NULL: none here. */
struct dlg *dlg_find(struct dlg_table *t, uint32_t hash, struct slice call_id,
	struct slice from, struct slice to, enum dlg_side *sender);
/** A new one with Call-ID and id alone. 0; -ENOSPC; -ENOMEM. */
int dlg_add(struct dlg_table *t, uint32_t hash, struct slice call_id, struct slice id,
	struct dlg **out);
/** Take it out and free it; nothing may be waiting for it any more. */
void dlg_remove(struct dlg_table *t, struct dlg *d);

/** Whose tags are these? Pure. DLG_NOBODY: of another dialog. */
enum dlg_side dlg_sender(
	const struct store_dialog *rec, struct slice from, struct slice to);
/** Put value in the place of one of the record's texts. True when that was a change. *err becomes -ENOMEM when it could not be (the old text stays). */
bool dlg_text(struct slice *at, struct slice value, int *err);
/** fn for each dialog of the part-th of parts shares of the table; it may remove the one that it is given. */
void dlg_table_visit(struct dlg_table *t, unsigned part, unsigned parts,
	void (*fn)(void *arg, struct dlg *d), void *arg);
/** The record as the store has it now, but for numbers that are higher here (CSeq). 0 or -ENOMEM. */
int dlg_take_newer(struct dlg *d, const struct store_dialog *found);
/** All of another record's texts and numbers but Call-ID and id. 0 or -ENOMEM (some may be the new ones). */
int dlg_take(struct dlg *d, const struct store_dialog *rec);
/** The side's own leg, and the other one. */
struct store_leg *dlg_leg(struct dlg *d, enum dlg_side side);
