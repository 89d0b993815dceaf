#include "core/base/log_ring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

struct record {
	_Atomic uint32_t size; /* with this header, a multiple of 8; 0: not there yet */
	uint16_t len;          /* of the text; 0: the room up to the end of the ring is left empty */
	uint8_t body;
	uint8_t priority;
	char text[];
};
_Static_assert(sizeof(struct record) == 8, "any multiple of 8 has room for a record without text");

struct log_ring {
	_Alignas(CACHE_LINE) _Atomic uint64_t head; /* the putters' */
	_Alignas(CACHE_LINE) _Atomic uint64_t tail; /* the taker's */
	_Alignas(CACHE_LINE) size_t size, mask;
	char *room;
};

static struct record *record_at(const struct log_ring *r, uint64_t at)
{
	return (struct record *)(void *)(r->room + (at & r->mask));
}

int log_ring_new(struct log_ring **out, size_t size)
{
	struct log_ring *r;
	size_t whole = LOG_RING_MIN;

	if (size < LOG_RING_MIN || size > LOG_RING_MAX)
		return -EINVAL;
	while (whole < size)
		whole *= 2;
	r = aligned_alloc(CACHE_LINE, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	r->room = calloc(1, whole);
	if (r->room == NULL) {
		free(r);
		return -ENOMEM;
	}
	r->size = whole;
	r->mask = whole - 1;
	*out = r;
	return 0;
}

void log_ring_destroy(struct log_ring **rp)
{
	if (*rp == NULL)
		return;
	free((*rp)->room);
	free(*rp);
	*rp = NULL;
}

/* Room for size bytes in a row; *gap: bytes left empty before it, at the end of the ring. */
static bool take_room(struct log_ring *r, size_t size, bool urgent, uint64_t *at, size_t *gap)
{
	const size_t most = urgent ? r->size : r->size - r->size / 4;
	uint64_t head, tail;

	do {
		/* In this order, so that tail is not beyond head. Acquire: the taker has cleared what lies before its tail. */
		tail = atomic_load_explicit(&r->tail, memory_order_acquire);
		head = atomic_load_explicit(&r->head, memory_order_relaxed);
		*gap = r->size - (head & r->mask);
		if (*gap >= size)
			*gap = 0;
		if (head + *gap + size - tail > most)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&r->head, &head, head + *gap + size, memory_order_relaxed, memory_order_relaxed));
	*at = head;
	return true;
}

bool log_ring_put(struct log_ring *r, const struct log_record *line, bool urgent)
{
	size_t size = (sizeof(struct record) + line->len + 7) & ~(size_t)7, gap;
	struct record *to;
	uint64_t at;

	if (!take_room(r, size, urgent, &at, &gap))
		return false;
	/* The sizes are set in one order with the taker's look before it sleeps: log_writer.c. */
	if (gap > 0)
		atomic_store_explicit(&record_at(r, at)->size, (uint32_t)gap, memory_order_seq_cst);
	to = record_at(r, at + gap);
	to->len = line->len;
	to->body = (uint8_t)line->body;
	to->priority = (uint8_t)line->priority;
	memcpy(to->text, line->text, line->len);
	atomic_store_explicit(&to->size, (uint32_t)size, memory_order_seq_cst);
	return true;
}

unsigned log_ring_peek(struct log_ring *r, struct log_record *list, unsigned most)
{
	uint64_t at = atomic_load_explicit(&r->tail, memory_order_relaxed), from = at;
	unsigned count = 0;

	/* Behind a whole turn of the ring begins again what was seen first. */
	while (count < most && at - from < r->size) {
		struct record *rec = record_at(r, at);
		uint32_t size = atomic_load_explicit(&rec->size, memory_order_acquire);

		if (size == 0)
			break;
		at += size;
		if (rec->len > 0)
			list[count++] = (struct log_record){.text = rec->text, .len = rec->len, .body = rec->body,
				.priority = rec->priority, .end = at};
	}
	return count;
}

void log_ring_take(struct log_ring *r, const struct log_record *last)
{
	uint64_t at = atomic_load_explicit(&r->tail, memory_order_relaxed);

	while (at != last->end) {
		struct record *rec = record_at(r, at);
		uint32_t size = atomic_load_explicit(&rec->size, memory_order_relaxed);

		/* Of a gap only the header was written. */
		memset((void *)rec, 0, rec->len > 0 ? size : sizeof(*rec));
		at += size;
	}
	atomic_store_explicit(&r->tail, at, memory_order_release);
}

bool log_ring_is_empty(const struct log_ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	return atomic_load_explicit(&record_at(r, tail)->size, memory_order_seq_cst) == 0;
}

uint64_t log_ring_head(const struct log_ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_relaxed);
}
