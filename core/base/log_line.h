/**
 * @file log_line.h  How a line of the log is written. For log.c.
 *
 * Pure, no allocation; any thread.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/slice.h"

/** Room for log_line_time() with its NUL. */
#define LOG_TIME_TEXT 32

/**
 * "2026-11-23T11:22:33.123Z" into out. Own arithmetic: gmtime_r() takes a lock of the C library.
 */
void log_line_time(char out[LOG_TIME_TEXT], const struct timespec *now);
/**
 * Append text with what could disturb a terminal or a line-based reader as \xHH: control
 * bytes (C1 too) and bytes that are no UTF-8. Stops at whole characters when b is full.
 * Returns false when something was left out.
 */
bool log_line_quote(struct buf *b, struct slice text);
/**
 * "<time> <LEVEL> <source>: [<call-id>] text" with its newline into b, which has room for a hundred bytes at
 * least; "..." says that the end is missing. *body is where <LEVEL> begins. The time is now.
 */
void log_line_make(struct buf *b, size_t *body, const char *source, const char *level,
	struct slice call_id, struct slice text);
