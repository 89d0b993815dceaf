#include "plugins/registrar/wait.h"

#include <errno.h>

void registrar_wait_init(struct registrar_wait *w, struct registrar *self,
	struct ph_msg *msg, int (*finish)(struct registrar_wait *w, int err))
{
	*w = (struct registrar_wait){.self = self, .msg = msg, .finish = finish};
}

void registrar_wait_done(void *arg, int err)
{
	struct registrar_wait *w = arg;
	struct ph_msg *msg = w->msg;

	if (!w->over)
		ph_wake(&w->self->worker->t, w->token, err);
	/* May free the arena and w with it. */
	msg_unref(&msg);
}

static int resumed(void *self, struct ph_msg *msg, void *state, int result)
{
	struct registrar_wait *w = state;

	(void)self;
	(void)msg;
	w->over = true;
	return w->finish(w, result);
}

int registrar_wait_for(struct registrar_wait *w, int err)
{
	if (err != -EINPROGRESS)
		return w->finish(w, err);
	msg_ref(w->msg);
	/* The store's own deadline comes first; this one is for the store that breaks its
	 * word. */
	err = ph_park(w->msg, resumed, w->self, w, PH_PARK_MAX_MS, &w->token);
	if (err == 0)
		return PH_PARK;
	w->over = true;
	if (err == -EBUSY)
		return PH_STOP; /* answered with 503 */
	return w->finish(w, err);
}
