/**
 * @file write.h  A dialog's record in the store, kept up behind what happens: no message waits for it.
 *
 * At most one write per dialog is under way; what changes meanwhile is written with the next one. When the store is away, dialogs with changes stand in the
 * worker's list and are written when it is back. The worker's thread.
 */
#pragma once

#include "plugins/dialog/dialog.h"

/** d has changed, or is over: then its record is ended, and d freed when the store has it. While d->ending is set an end waits for it. */
void dlg_write(struct dlg *d);
/** Nothing more is to be written: free d, at once or when its write is through. */
void dlg_write_forget(struct dlg *d);
/** At the worker's start. */
void dlg_write_init(struct dlg_worker *w);
/** A line about the store, at most one in a second. */
void dlg_complain(struct dlg_worker *w, struct slice call_id, const char *what, int err);
