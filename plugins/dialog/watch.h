/**
 * @file watch.h  What passes by becomes, changes and ends dialogs: the plugin's hooks. RFC 3261 section 12.
 *
 * The worker's thread. Requests and replies are looked at as they leave, with the edits of the script: a Contact is kept as the peer sees it.
 */
#pragma once

#include "plugins/dialog/dialog.h"

/** The tags of a message; false: it has none that could be a dialog's. to may be empty. */
bool watch_tags(struct ph_msg *msg, struct slice *from, struct slice *to);
/** Its dialog, when it is here, and who sent it (of a reply: who sent the request); else NULL. */
struct dlg *watch_find(struct dlg_worker *w, struct ph_msg *msg, enum dlg_side *sender);
/** $DLG_dir of a request inside a dialog that is here. */
void watch_direction(struct dlg_worker *w, struct ph_msg *msg);
