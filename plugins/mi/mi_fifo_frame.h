/**
 * @file mi_fifo_frame.h  What arrives in the control FIFO, taken apart into requests.
 *
 *     :nh_enable_rtpp:reply_4711     a command and the FIFO that waits for the answer (may be empty: none wanted)
 *     udp:192.0.2.1:22222            one argument a line
 *     "0"                            quotes around it are taken off; "" is an empty one
 *                                    an empty line ends the request
 *
 * Several clients write into one FIFO. What one writes at once (up to PIPE_BUF bytes) stays together; nothing else is sure. So the parser finds
 * its way again by itself: a line that reads exactly as the beginning of a request begins one, also where an argument could stand; after a
 * refused request the lines up to the next empty line or the next beginning are skipped; bytes that belong to no request are counted, and a
 * beginning at the end of such a line still counts as one, because the line before it was cut off by a client that went away.
 *
 * Pure: no I/O, no clock, no allocation. The struct points into itself: do not copy it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/slice.h"

#define MI_FIFO_REQUEST_MAX 8192 /**< bytes of a request, its lines together */
#define MI_FIFO_ARGS_MAX 32
#define MI_FIFO_COMMAND_MAX 63
#define MI_FIFO_REPLY_MAX 255

enum mi_fifo_event {
	MI_FIFO_MORE,    /**< all input is taken up, no request is complete */
	MI_FIFO_REQUEST, /**< command, reply and args hold one */
	MI_FIFO_BAD,     /**< one was refused: why, and reply when it could be read */
};

/** Zero-initialise. */
struct mi_fifo_frame {
	/* What an event tells, until the next call. */
	struct slice command;
	struct slice reply; /**< a plain file name; empty: no answer is wanted, or the name was none */
	struct slice args[MI_FIFO_ARGS_MAX];
	unsigned arg_count;
	const char *why;  /**< text for the client */
	uint64_t skipped; /**< bytes so far that belonged to no request; the caller may set it back */
	/* Inside. */
	enum { MI_FIFO_IDLE, MI_FIFO_ARGS, MI_FIFO_SKIP } state;
	bool told;         /**< an event was given: its text makes room at the next call */
	bool again;        /**< the line in hand begins the next request */
	bool cut;          /**< of the line in hand only the end is kept */
	size_t line, len;  /**< text[line..len): the line in hand */
	uint64_t line_len; /**< its length so far, with what is not kept */
	char text[MI_FIFO_REQUEST_MAX];
};

/** Take from *input until something is to be told; call again until it says MI_FIFO_MORE. */
enum mi_fifo_event mi_fifo_parse(struct mi_fifo_frame *f, struct slice *input);
/** Is a request, or a line, begun and not ended? Then a deadline should run, and at its end mi_fifo_expire(). */
bool mi_fifo_busy(const struct mi_fifo_frame *f);
/** Give up what is begun. MI_FIFO_BAD when it was a request, else MI_FIFO_MORE. */
enum mi_fifo_event mi_fifo_expire(struct mi_fifo_frame *f);
