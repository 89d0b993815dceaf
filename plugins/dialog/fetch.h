/**
 * @file fetch.h  A request of a call that this worker does not know: another node may have set it up, or this one before a restart.
 *
 * The worker's thread. The store is asked by the ids that Call-ID and tags make, the request waits at most FETCH_MS. Who is not known there is not asked for
 * again for FETCH_MISS_MS.
 */
#pragma once

#include "plugins/dialog/dialog.h"

#define FETCH_MS      1000
#define FETCH_MISS_MS 10000

/** Verdict of a request_in hook: PH_TRUE: go on (found or not); PH_PARK; PH_STOP: too much is parked, 503 has been sent. */
int fetch_dialog(struct dlg_worker *w, struct ph_msg *msg, struct slice from, struct slice to);
