/**
 * @file log_ring.h  Lines on their way from the threads that log to the one that writes. For log_writer.c.
 *
 * Bounded, lock-free, many putters and one taker; nobody waits, and putting costs no system call.
 *
 *      tail                                    head            both only grow; a position is one of them & mask
 *       |                                       |
 *   ....[size|text...][size|text..][0|........][size|text]....
 *                                   |
 *                                   taken, but not filled yet: what is behind it waits for it
 *
 * A putter takes its room by moving head (compare and exchange), copies its line there and at last sets the record's size.
 * The taker sees a record when its size is not 0. It gives room back by clearing it and then moving tail, so all room that
 * may be taken is 0. A record never wraps: one that does not fit before the end leaves a record without text there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_RING_MIN 65536u       /**< bytes: a few lines of LOG_LINE_MAX */
#define LOG_RING_MAX (1u << 28)

struct log_ring;

/** A line as the taker sees it; valid until it is given back. */
struct log_record {
	const char *text; /**< no NUL */
	uint16_t len;
	uint16_t body;    /**< of the text, where what stands behind the time begins */
	int priority;     /**< of syslog */
	uint64_t end;     /**< for log_ring_take() */
};

/** size in bytes, LOG_RING_MIN to LOG_RING_MAX, is rounded up to a power of two. 0, -EINVAL or -ENOMEM. */
int log_ring_new(struct log_ring **out, size_t size);
void log_ring_destroy(struct log_ring **rp);
/**
 * Any thread: a copy of the record's text, len, body and priority. The last quarter of the room is kept for urgent ones.
 * false: there is no room.
 */
bool log_ring_put(struct log_ring *r, const struct log_record *line, bool urgent);
/** The taker: the oldest lines, at most `most`, in the order of their putting. How many. */
unsigned log_ring_peek(struct log_ring *r, struct log_record *list, unsigned most);
/** The taker: the lines up to one that was peeked at are done with. */
void log_ring_take(struct log_ring *r, const struct log_record *last);
/** The taker: is nothing there? In one order with what log_ring_put() did (sequentially consistent). */
bool log_ring_is_empty(const struct log_ring *r);
/** Any thread: where the next line will be put. A line put later ends behind it. */
uint64_t log_ring_head(const struct log_ring *r);
