#include "plugins/dialog/due.h"

#include <errno.h>

bool due_for_us(
	const struct store_dialog *d, struct slice me, bool owner_alive, int64_t now_ms)
{
	if (d->state == STORE_DIALOG_ENDED || d->deadline_ms > now_ms)
		return false;
	if (d->state == STORE_DIALOG_ENDING || slice_eq(d->node, me) || !owner_alive)
		return true;
	/* An INVITE that rings can be ended by the node that has its transaction alone. */
	return d->state == STORE_DIALOG_CONFIRMED &&
		now_ms - d->deadline_ms >= DUE_OVERDUE_MS;
}

/** The store does not answer: a node ends its own calls unasked, but not because it stops. */
static enum due_step without_store(int err, const struct due_view *view)
{
	return view->mine && err != -ECANCELED ? DUE_ACT : DUE_LEAVE;
}

enum due_step due_after_read(
	int err, const struct store_dialog *found, const struct due_view *view)
{
	if (err != 0)
		return without_store(err, view);
	if (!found)
		return view->mine ? DUE_ACT : DUE_GONE;
	switch (found->state) {
	case STORE_DIALOG_EARLY:
	case STORE_DIALOG_CONFIRMED:
		if (view->by_deadline && found->deadline_ms > view->now_ms)
			return DUE_LATER;
		return DUE_CLAIM;
	case STORE_DIALOG_ENDING:
		return found->deadline_ms <= view->now_ms ? DUE_CLAIM : DUE_GONE;
	case STORE_DIALOG_ENDED:
		break;
	}
	return DUE_GONE;
}

enum due_step due_after_claim(int err, const struct due_view *view)
{
	if (err == 0)
		return DUE_ACT;
	if (err == -EALREADY)
		return DUE_GONE;
	if (err == -ENOENT)
		return view->mine ? DUE_ACT : DUE_GONE;
	return without_store(err, view);
}
