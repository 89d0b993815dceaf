/**
 * @file life.h  A dialog's states in a worker's memory: made, answered, over; and what others are told of it (properties of the call, events, counters).
 *
 * The worker's thread. Writing behind it is write.h, ending it is end.h.
 */
#pragma once

#include "plugins/dialog/dialog.h"

/**
 * The initial INVITE has left: a new early dialog, or a new attempt of the same caller (after 401, 407...). An INVITE that comes by a second time
 * (spiral) changes nothing. NULL: none (full, too long, malformed: logged and counted).
 */
struct dlg *life_create(struct dlg_worker *w, struct ph_msg *invite);
/** Is there room for another one? Ended ones that only wait for the store make it. */
bool life_has_room(struct dlg_worker *w);
/** The dialog of that id; when it is not here, a new one of which Call-ID and id are known (state 0). 0; -E2BIG; -ENOSPC; -EINVAL; -ENOMEM. */
int life_named(struct dlg_worker *w, uint32_t hash, struct slice call_id,
	struct slice id, struct dlg **out);
/** A dialog that another node, or an earlier life of this one, has written. 0 and *out; -EINVAL: not a living one, or not of this id; -ENOSPC; -ENOMEM. */
int life_adopt(struct dlg_worker *w, const struct store_dialog *rec, struct dlg **out);
/** Answered: the record's callee is filled in. */
void life_confirm(struct dlg *d);
/**
 * Ended. by_us: nobody runs the script for a BYE. d may be gone afterwards, unless it is being ended (end.h).
 */
void life_over(struct dlg *d, const char *reason, bool by_us);
/** Another node has ended it, or its record is gone: forget it. d is gone afterwards. */
void life_elsewhere(struct dlg *d);
/** Forget it silently. d is gone afterwards (or when its write is through). */
void life_drop(struct dlg *d);

/** Start the timer for the record's deadline. */
void life_arm(struct dlg *d);
/** Has a script changed $DLG_timeout? Then the deadline follows. True: changed. */
bool life_take_timeout(struct dlg *d);
/** What rtpp has left with the call since. True: changed. */
bool life_take_media(struct dlg *d);
/** Leave id, state and what is stored of others with the call; make: also when nothing is remembered of it (any more). */
void life_props(struct dlg *d, bool make);
