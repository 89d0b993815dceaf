/**
 * @file dialog_heap.h  A binary heap of records by deadline: the earliest at the top, each
 * record knows its place. Pure; whoever owns the records has the lock.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DIALOG_HEAP_NOWHERE SIZE_MAX

/** Embed it. */
struct dialog_heap_node {
	int64_t deadline_ms;
	size_t at; /**< place in the heap; DIALOG_HEAP_NOWHERE: not in it */
};

struct dialog_heap {
	struct dialog_heap_node **list;
	size_t count, cap;
};

/** 0 or -ENOMEM. */
int dialog_heap_add(struct dialog_heap *h, struct dialog_heap_node *n);
/** Fine when it is not in the heap. */
void dialog_heap_remove(struct dialog_heap *h, struct dialog_heap_node *n);
/** Another deadline for one that is in the heap. */
void dialog_heap_move(
	struct dialog_heap *h, struct dialog_heap_node *n, int64_t deadline_ms);
/** Those at or before until_ms, the earliest first, at most max (up to 256). How many. */
unsigned dialog_heap_due(const struct dialog_heap *h, int64_t until_ms,
	struct dialog_heap_node **out, unsigned max);
