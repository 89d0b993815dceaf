/* Dialogs: arguments checked, operations counted, and on to the backend. */
#include "storage/store_dialog.h"

#include "storage/store_dialog_record.h"
#include "storage/store_priv.h"

static int check_text(struct slice text, size_t max)
{
	if (slice_empty(text))
		return -EINVAL;
	return text.len > max ? -ENAMETOOLONG : 0;
}

static int check_id(struct slice id)
{
	return check_text(id, STORE_DIALOG_ID_MAX);
}

static int check_names(struct slice call_id, struct slice id)
{
	int err = check_text(call_id, STORE_CALL_ID_MAX);

	return err != 0 ? err : check_id(id);
}

static int check_time(int64_t n)
{
	return n <= 0 || n > STORE_DIALOG_NUMBER_MAX ? -EINVAL : 0;
}

static int check_dialog(const struct store_dialog *d)
{
	int err = check_names(d->call_id, d->id);

	if (err != 0)
		return err;
	/* Who wants it ended says store_dialog_end(). */
	if (d->state < STORE_DIALOG_EARLY || d->state > STORE_DIALOG_ENDING ||
		slice_empty(d->node) || d->started < 0 ||
		check_time(d->deadline_ms) != 0 || d->fence > STORE_DIALOG_NUMBER_MAX)
		return -EINVAL;
	return store_dialog_size(d) > STORE_DIALOG_TEXT_MAX ? -EMSGSIZE : 0;
}

static const struct store_dialog_ops *ops(const struct store_handle *h)
{
	return h->st->backend->dialogs;
}

int store_dialog_put(
	struct store_handle *h, const struct store_dialog *d, store_done done, void *arg)
{
	int err = check_dialog(d);

	return store_answered(h, err != 0 ? err : ops(h)->put(h, d, done, arg));
}

int store_dialogs_get(struct store_handle *h, struct slice call_id,
	const struct slice *ids, unsigned count, struct store_dialogs *out,
	store_done done, void *arg)
{
	int err = check_text(call_id, STORE_CALL_ID_MAX);
	unsigned i;

	if (count > STORE_MAX_DIALOGS)
		err = -E2BIG;
	for (i = 0; i < count && err == 0; i++)
		err = check_id(ids[i]);
	return store_answered(
		h, err != 0 ? err : ops(h)->get(h, call_id, ids, count, out, done, arg));
}

int store_dialog_find(struct store_handle *h, struct slice id, struct store_dialogs *out,
	store_done done, void *arg)
{
	int err = check_id(id);

	return store_answered(h, err != 0 ? err : ops(h)->find(h, id, out, done, arg));
}

int store_dialogs_due(struct store_handle *h, int64_t until_ms, struct store_dialogs *out,
	store_done done, void *arg)
{
	int err = check_time(until_ms);

	return store_answered(
		h, err != 0 ? err : ops(h)->due(h, until_ms, out, done, arg));
}

int store_dialogs_scan(
	struct store_handle *h, struct store_dialogs *page, store_done done, void *arg)
{
	return store_answered(h, ops(h)->scan(h, page, done, arg));
}

int store_dialog_expire(struct store_handle *h, struct slice id, int64_t at_ms,
	struct slice reason, store_done done, void *arg)
{
	int err = check_id(id);

	if (at_ms <= 0) /* long ago is long ago */
		at_ms = 1;
	if (err == 0)
		err = check_time(at_ms);
	if (err == 0 && reason.len > STORE_NAME_MAX)
		err = -ENAMETOOLONG;
	return store_answered(
		h, err != 0 ? err : ops(h)->expire(h, id, at_ms, reason, done, arg));
}

int store_dialog_claim(struct store_handle *h, struct slice call_id, struct slice id,
	uint64_t fence, struct slice me, int64_t retry_ms, store_done done, void *arg)
{
	int err = check_names(call_id, id);

	if (err == 0)
		err = check_text(me, STORE_NAME_MAX);
	if (err == 0)
		err = check_time(retry_ms);
	if (err == 0 && fence >= STORE_DIALOG_NUMBER_MAX)
		err = -EINVAL;
	return store_answered(h,
		err != 0 ? err
			 : ops(h)->claim(h, call_id, id, fence, me, retry_ms, done, arg));
}

int store_dialog_end(struct store_handle *h, struct slice call_id, struct slice id,
	struct slice reason, store_done done, void *arg)
{
	int err = check_names(call_id, id);

	if (err == 0 && reason.len > STORE_NAME_MAX)
		err = -ENAMETOOLONG;
	return store_answered(
		h, err != 0 ? err : ops(h)->end(h, call_id, id, reason, done, arg));
}
