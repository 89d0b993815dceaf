/**
 * @file source.h  Where script text comes from, and the list of what is wrong with it.
 *
 * Load time only; one thread. Every token carries a place; faults are collected, sorted by place and published
 * in one go (script_errors).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/slice.h"
#include "core/script/script.h"

/** A place in the text: lines and columns from 1, a tab is one column. line 0: none. */
struct script_loc {
	uint32_t line;
	uint16_t column;
	uint16_t file; /**< index into struct sources */
};

/** One file, as read; lives as long as the load. */
struct source {
	char *name; /**< for messages */
	char *text;
	size_t len;
};

#define SOURCES_MAX  256
#define SOURCE_BYTES ((size_t)4 << 20) /**< most bytes of one file */
struct sources {
	struct source list[SOURCES_MAX];
	unsigned count;
};

/** Copies text. Index of the new source; -ENOMEM, -ENOSPC, -EFBIG. */
int sources_add(struct sources *s, const char *name, struct slice text);
/** Reads a file. Also -errno of open and read. */
int sources_read(struct sources *s, const char *name);
void sources_free(struct sources *s);

struct diag;
/** Complaints collected. Zero-initialise, set sources. */
struct diags {
	const struct sources *sources;
	struct diag *list;
	unsigned count, cap;
	unsigned errors, warnings;
	bool nomem; /**< memory ran out somewhere in the load */
};

void diag_error(struct diags *d, struct script_loc loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void diag_warning(struct diags *d, struct script_loc loc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** Sort, drop doubles, keep SCRIPT_MAX_ERRORS of each sort, write them to out. */
#define SCRIPT_MAX_ERRORS 50
void diags_publish(struct diags *d, struct script_errors *out);
void diags_free(struct diags *d);
/** "12:3", or "other.route:12:3" when loc lies in another file than from; in out, which is returned. */
#define LOC_TEXT 160
const char *loc_text(const struct diags *d, struct script_loc from, struct script_loc loc,
	char out[LOC_TEXT]);
static inline bool loc_eq(struct script_loc a, struct script_loc b)
{
	return a.file == b.file && a.line == b.line && a.column == b.column;
}
