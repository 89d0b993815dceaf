#include "storage/store_dialog_record.h"

#include <errno.h>
#include <stdlib.h>

static const char *const state_names[] = {
	[STORE_DIALOG_EARLY] = "early",
	[STORE_DIALOG_CONFIRMED] = "confirmed",
	[STORE_DIALOG_ENDING] = "ending",
	[STORE_DIALOG_ENDED] = "ended",
};

const char *store_dialog_state_name(enum store_dialog_state s)
{
	return state_names[s];
}

int store_dialog_state_parse(struct slice text, enum store_dialog_state *out)
{
	unsigned i;

	for (i = STORE_DIALOG_EARLY; i <= STORE_DIALOG_ENDED; i++)
		if (slice_eq(text, slice_str(state_names[i]))) {
			*out = (enum store_dialog_state)i;
			return 0;
		}
	return -EINVAL;
}

struct slice *store_dialog_text(struct store_dialog *d, unsigned index)
{
	struct store_leg *a = &d->caller, *b = &d->callee;
	struct slice *const texts[STORE_DIALOG_TEXTS] = {&d->call_id, &d->id, &d->node,
		&d->set, &d->relay, &d->notify, &d->reason, &a->tag, &a->uri, &a->target,
		&a->routes, &a->socket, &a->flow, &b->tag, &b->uri, &b->target,
		&b->routes, &b->socket, &b->flow};

	return texts[index];
}

size_t store_dialog_size(const struct store_dialog *d)
{
	struct store_dialog copy = *d;
	size_t size = 0;
	unsigned i;

	for (i = 0; i < STORE_DIALOG_TEXTS; i++)
		size += store_dialog_text(&copy, i)->len;
	return size;
}

void store_dialog_pack(struct store_dialog *d, char *to)
{
	unsigned i;

	for (i = 0; i < STORE_DIALOG_TEXTS; i++) {
		struct slice *text = store_dialog_text(d, i);

		if (!slice_empty(*text))
			memcpy(to, text->p, text->len);
		text->p = to;
		to += text->len;
	}
}

int store_dialog_copy(
	struct store_dialog *out, const struct store_dialog *d, struct arena *arena)
{
	struct store_dialog copy = *d;
	char *to = arena_alloc(arena, store_dialog_size(d));

	if (to == NULL)
		return -ENOMEM;
	store_dialog_pack(&copy, to);
	*out = copy;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct store_dialog *x = a, *y = b;

	if (x->deadline_ms != y->deadline_ms)
		return x->deadline_ms < y->deadline_ms ? -1 : 1;
	return slice_cmp(x->id, y->id);
}

void store_dialogs_sort(struct store_dialog *list, unsigned count)
{
	if (count > 1)
		qsort(list, count, sizeof(*list), compare);
}

int store_dialog_may_put(const struct store_dialog *d, const struct store_dialog *was)
{
	bool taken = was->state == STORE_DIALOG_ENDING && !slice_eq(was->node, d->node);

	return was->state == STORE_DIALOG_ENDED || taken ? -EALREADY : 0;
}

bool store_dialog_keep(struct store_dialog *d, const struct store_dialog *was)
{
	bool further = was->state > d->state;
	bool expired = d->state < STORE_DIALOG_ENDING && !slice_empty(was->reason) &&
		!slice_eq(was->reason, d->reason) && was->deadline_ms < d->deadline_ms;

	if (!further && !expired)
		return false;
	if (further)
		d->state = was->state;
	d->deadline_ms = was->deadline_ms;
	d->reason = was->reason;
	return true;
}

int64_t store_dialog_keep_ms(int64_t deadline_ms, int64_t now_ms)
{
	int64_t left = deadline_ms > now_ms ? deadline_ms - now_ms : 0;

	return left + STORE_DIALOG_KEEP_S * 1000;
}
