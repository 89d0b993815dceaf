/**
 * @file sweep.h  Own dialogs are compared with their records now and then: another node may have ended one while this one slept, or heard its phones, and a
 * Redis that came back empty has lost them all.
 *
 * The worker's thread. Each dialog's turn comes once in SWEEP_S, which is less than an ended record stays (STORE_DIALOG_KEEP_S).
 */
#pragma once

#include "plugins/dialog/dialog.h"

#define SWEEP_S 30

void dlg_sweep_start(struct dlg_worker *w);
/** Compare d with its record now, when nothing is under way for it. */
void dlg_sweep_one(struct dlg *d);
