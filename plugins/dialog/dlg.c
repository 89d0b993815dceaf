#include "plugins/dialog/dlg.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS_MIN 64u
#define BUCKETS_MAX (1u << 17)

struct dlg_table {
	struct dlg **buckets;
	uint32_t mask;
	unsigned count, max;
};

int dlg_table_new(struct dlg_table **out, unsigned max)
{
	struct dlg_table *t = calloc(1, sizeof(*t));
	uint32_t buckets = BUCKETS_MIN;

	if (!t)
		return -ENOMEM;
	while (buckets < max && buckets < BUCKETS_MAX)
		buckets *= 2;
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	if (!t->buckets) {
		free(t);
		return -ENOMEM;
	}
	t->mask = buckets - 1;
	t->max = max;
	*out = t;
	return 0;
}

void dlg_table_destroy(struct dlg_table **tp)
{
	struct dlg_table *t = *tp;

	*tp = NULL;
	if (!t)
		return;
	free(t->buckets);
	free(t);
}

unsigned dlg_table_count(const struct dlg_table *t)
{
	return t->count;
}

bool dlg_table_full(const struct dlg_table *t)
{
	return t->count >= t->max;
}

struct dlg *dlg_table_any(struct dlg_table *t)
{
	for (uint32_t i = 0; t->count > 0 && i <= t->mask; i++)
		if (t->buckets[i])
			return t->buckets[i];
	return NULL;
}

void dlg_table_visit(struct dlg_table *t, unsigned part, unsigned parts,
	void (*fn)(void *arg, struct dlg *d), void *arg)
{
	for (uint32_t i = part; i <= t->mask; i += parts) {
		struct dlg *next;

		for (struct dlg *d = t->buckets[i]; d; d = next) {
			next = d->next;
			fn(arg, d);
		}
	}
}

struct dlg *dlg_find_id(struct dlg_table *t, uint32_t hash, struct slice id)
{
	struct dlg *d = t->buckets[hash & t->mask];

	while (d && !(d->hash == hash && slice_eq(d->rec.id, id)))
		d = d->next;
	return d;
}

enum dlg_side dlg_sender(
	const struct store_dialog *rec, struct slice from, struct slice to)
{
	const bool early = slice_empty(rec->callee.tag);

	if (slice_empty(rec->caller.tag))
		return DLG_NOBODY;
	if (slice_eq(from, rec->caller.tag))
		return early || slice_empty(to) || slice_eq(to, rec->callee.tag)
			? DLG_CALLER
			: DLG_NOBODY;
	if (slice_eq(to, rec->caller.tag) && !slice_empty(from))
		return early || slice_eq(from, rec->callee.tag) ? DLG_CALLEE : DLG_NOBODY;
	return DLG_NOBODY;
}

struct dlg *dlg_find(struct dlg_table *t, uint32_t hash, struct slice call_id,
	struct slice from, struct slice to, enum dlg_side *sender)
{
	for (struct dlg *d = t->buckets[hash & t->mask]; d; d = d->next) {
		enum dlg_side side;

		if (d->hash != hash || d->over || !slice_eq(d->rec.call_id, call_id))
			continue;
		side = dlg_sender(&d->rec, from, to);
		if (side != DLG_NOBODY) {
			*sender = side;
			return d;
		}
	}
	return NULL;
}

int dlg_add(struct dlg_table *t, uint32_t hash, struct slice call_id, struct slice id,
	struct dlg **out)
{
	struct dlg *d;
	int err = 0;

	if (t->count >= t->max)
		return -ENOSPC;
	if (id.len != DIALOG_ID_LEN)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	dlg_text(&d->rec.call_id, call_id, &err);
	if (err != 0) {
		free(d);
		return err;
	}
	memcpy(d->id, id.p, id.len);
	d->rec.id = slice_make(d->id, id.len);
	d->hash = hash;
	d->next = t->buckets[hash & t->mask];
	t->buckets[hash & t->mask] = d;
	t->count++;
	*out = d;
	return 0;
}

/** The texts of the record that are allocated; id lives in the struct itself. */
#define DLG_TEXTS 16
static void list_texts(struct store_dialog *rec, struct slice *texts[DLG_TEXTS])
{
	struct slice *const all[DLG_TEXTS] = {&rec->caller.tag, &rec->caller.uri,
		&rec->caller.target, &rec->caller.routes, &rec->caller.socket,
		&rec->caller.flow, &rec->callee.tag, &rec->callee.uri,
		&rec->callee.target, &rec->callee.routes, &rec->callee.socket,
		&rec->callee.flow, &rec->node, &rec->set, &rec->relay, &rec->notify};

	memcpy(texts, all, sizeof(all));
}

static void free_text(struct slice *at)
{
	free((char *)(uintptr_t)at->p);
	*at = (struct slice){0};
}

void dlg_remove(struct dlg_table *t, struct dlg *d)
{
	struct dlg **at = &t->buckets[d->hash & t->mask];
	struct slice *texts[DLG_TEXTS];

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	t->count--;
	timer_stop(&d->timer);
	list_texts(&d->rec, texts);
	for (unsigned i = 0; i < DLG_TEXTS; i++)
		free_text(texts[i]);
	free_text(&d->rec.reason);
	free_text(&d->rec.call_id);
	msg_unref(&d->invite);
	free(d);
}

bool dlg_text(struct slice *at, struct slice value, int *err)
{
	char *copy = NULL;

	if (slice_eq(*at, value))
		return false;
	if (!slice_empty(value)) {
		copy = malloc(value.len);
		if (!copy) {
			*err = -ENOMEM;
			return false;
		}
		memcpy(copy, value.p, value.len);
	}
	free_text(at);
	*at = slice_make(copy, value.len);
	return true;
}

int dlg_take(struct dlg *d, const struct store_dialog *rec)
{
	struct store_dialog from = *rec;
	struct slice *to[DLG_TEXTS], *texts[DLG_TEXTS];
	int err = 0;

	list_texts(&d->rec, to);
	list_texts(&from, texts);
	for (unsigned i = 0; i < DLG_TEXTS; i++)
		dlg_text(to[i], *texts[i], &err);
	dlg_text(&d->rec.reason, rec->reason, &err);
	d->rec.state = rec->state;
	d->rec.caller.cseq = rec->caller.cseq;
	d->rec.callee.cseq = rec->callee.cseq;
	d->rec.started = rec->started;
	d->rec.deadline_ms = rec->deadline_ms;
	d->rec.fence = rec->fence;
	return err;
}

int dlg_take_newer(struct dlg *d, const struct store_dialog *found)
{
	const uint32_t caller = d->rec.caller.cseq, callee = d->rec.callee.cseq;
	int err = dlg_take(d, found);

	if (caller > d->rec.caller.cseq)
		d->rec.caller.cseq = caller;
	if (callee > d->rec.callee.cseq)
		d->rec.callee.cseq = callee;
	return err;
}

struct store_leg *dlg_leg(struct dlg *d, enum dlg_side side)
{
	return side == DLG_CALLER ? &d->rec.caller : &d->rec.callee;
}
