#include "storage/dialog_heap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum { FIRST_CAP = 256, DUE_MAX = 256 };

static void place(struct dialog_heap *h, size_t at, struct dialog_heap_node *n)
{
	h->list[at] = n;
	n->at = at;
}

static void up(struct dialog_heap *h, struct dialog_heap_node *n)
{
	size_t at = n->at;

	while (at > 0) {
		struct dialog_heap_node *parent = h->list[(at - 1) / 2];

		if (parent->deadline_ms <= n->deadline_ms)
			break;
		place(h, at, parent);
		at = (at - 1) / 2;
	}
	place(h, at, n);
}

static void down(struct dialog_heap *h, struct dialog_heap_node *n)
{
	size_t at = n->at;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= h->count)
			break;
		if (child + 1 < h->count &&
			h->list[child + 1]->deadline_ms < h->list[child]->deadline_ms)
			child++;
		if (h->list[child]->deadline_ms >= n->deadline_ms)
			break;
		place(h, at, h->list[child]);
		at = child;
	}
	place(h, at, n);
}

int dialog_heap_add(struct dialog_heap *h, struct dialog_heap_node *n)
{
	if (h->count == h->cap) {
		size_t cap = h->cap == 0 ? FIRST_CAP : h->cap * 2;
		struct dialog_heap_node **list =
			realloc(h->list, cap * sizeof(struct dialog_heap_node *));

		if (list == NULL)
			return -ENOMEM;
		h->list = list;
		h->cap = cap;
	}
	place(h, h->count++, n);
	up(h, n);
	return 0;
}

void dialog_heap_remove(struct dialog_heap *h, struct dialog_heap_node *n)
{
	struct dialog_heap_node *last;
	size_t at = n->at;

	if (at == DIALOG_HEAP_NOWHERE)
		return;
	n->at = DIALOG_HEAP_NOWHERE;
	last = h->list[--h->count];
	if (last == n)
		return;
	place(h, at, last);
	up(h, last);
	down(h, last);
}

void dialog_heap_move(
	struct dialog_heap *h, struct dialog_heap_node *n, int64_t deadline_ms)
{
	n->deadline_ms = deadline_ms;
	up(h, n);
	down(h, n);
}

/* The places where the next earliest may be: the children of those taken already. */
struct front {
	size_t at[DUE_MAX + 1];
	unsigned count;
};

static void front_add(
	struct front *f, const struct dialog_heap *h, size_t at, int64_t until)
{
	if (at < h->count && h->list[at]->deadline_ms <= until)
		f->at[f->count++] = at;
}

static size_t front_take(struct front *f, const struct dialog_heap *h)
{
	unsigned best = 0, i;
	size_t at;

	for (i = 1; i < f->count; i++)
		if (h->list[f->at[i]]->deadline_ms < h->list[f->at[best]]->deadline_ms)
			best = i;
	at = f->at[best];
	f->at[best] = f->at[--f->count];
	return at;
}

unsigned dialog_heap_due(const struct dialog_heap *h, int64_t until_ms,
	struct dialog_heap_node **out, unsigned max)
{
	struct front f = {.count = 0};
	unsigned n = 0;

	if (max > DUE_MAX)
		max = DUE_MAX;
	front_add(&f, h, 0, until_ms);
	while (n < max && f.count > 0) {
		size_t at = front_take(&f, h);

		out[n++] = h->list[at];
		front_add(&f, h, 2 * at + 1, until_ms);
		front_add(&f, h, 2 * at + 2, until_ms);
	}
	return n;
}
