/**
 * @file lines.h  The bytes of a connection as lines, as rtpproxies of all ages write them (facts section 13.6).
 *
 * A line ends with LF, CR LF or NUL; blanks around it do not count, empty ones are skipped; %XX is decoded. Bytes may come one at a time or several
 * lines at once. A line over the bound costs that line alone. Pure; one thread.
 */
#pragma once

#include "core/base/slice.h"

enum lines_event {
	LINES_ONE,      /**< a complete line, decoded */
	LINES_TOO_LONG, /**< one over the bound; what follows up to its end is skipped. text is empty */
};
typedef void (*lines_fn)(void *arg, enum lines_event what, struct slice text);

struct lines {
	char *room;     /**< max bytes; the caller's */
	size_t max, len;
	bool skipping;  /**< the rest of a line that was too long */
};

void lines_init(struct lines *l, char *room, size_t max);
/** fn for each line that is complete now; text is valid during the call. */
void lines_feed(struct lines *l, struct slice bytes, lines_fn fn, void *arg);
/** The sender has closed: what it has said of its last line is that line. */
void lines_end(struct lines *l, lines_fn fn, void *arg);
