/**
 * @file end.h  Ending a call: the record is read and claimed, both ends get their BYE (or the INVITE that still rings is cancelled), the record is ended.
 *
 * The worker's thread. Who may is decided in due.h. Without the store a node ends its own calls unasked.
 */
#pragma once

#include "plugins/dialog/dialog.h"

#define END_SETTLE_MS 2500 /**< so long the replies to the BYEs are waited for before the record is ended; a dead phone has 32 s to answer all the same */

/** reason: why; NULL: its deadline has passed. 0: under way, d may be gone; -EALREADY: it is ended already, or a phone's BYE is under way; -ENOMEM. */
int dlg_end(struct dlg *d, const char *reason);
/** The same by id, whether it is in memory or not. Others also: -EINVAL: no id, or not of this worker; -ENOSPC. */
int dlg_end_id(struct dlg_worker *w, struct slice call_id, struct slice id, const char *reason);
/** At the worker's stop: BYEs that are on their way have nobody any more who waits. */
void dlg_end_stop(struct dlg_worker *w);
/** d goes away with the worker. */
void dlg_end_abandon(struct dlg *d);
