/**
 * @file wait.h  A message that waits for the store.
 *
 * The store writes its answer into the message's arena, whatever becomes of the script
 * meanwhile (deadline, shutdown, a table of parked messages that is full): so a reference
 * to the message is held until the store is done, too.
 */
#pragma once

#include "plugins/registrar/registrar.h"

/** Embed it first in the state of the waiting function; lives in the message's arena. */
struct registrar_wait {
	struct registrar *self;
	struct ph_msg *msg;
	ph_token token;
	bool over; /**< nobody waits any more */
	/** The store has answered: returns the script's code. err as of store.h. */
	int (*finish)(struct registrar_wait *w, int err);
};

void registrar_wait_init(struct registrar_wait *w, struct registrar *self,
	struct ph_msg *msg, int (*finish)(struct registrar_wait *w, int err));
/** For the store: done function; its arg is w. */
void registrar_wait_done(void *w, int err);
/** err is what the operation returned: finishes now, or parks the message. The script's
 * code. */
int registrar_wait_for(struct registrar_wait *w, int err);
