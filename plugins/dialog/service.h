/**
 * @file service.h  The plugin's service: which records of the store are due, whoever's they are.
 */
#pragma once

#include "plugins/dialog/dialog.h"

#define SERVICE_POLL_MS 500

struct dlg_look;

struct dlg_service {
	struct ph_thread *thread;
	const struct dlg_conf *conf;
	struct log_source *log;
	struct timer poll;
	struct dlg_look *look;     /**< under way; or NULL */
};

/** Look now, not at the next half second: somebody has made a dialog due. */
void dlg_service_look(struct dlg_service *s);
/** The store cannot be asked: the worker of the id ends it when it has it, and this node looks after it. */
void dlg_service_alone(struct dlg_service *s, struct slice id, struct slice reason);
