/**
 * @file seen.h  A short memory of ids: an RTP proxy tells of a call once per stream, and repeats itself after it has connected anew.
 *
 * Bounded: when two ids meet in a place, the older one is forgotten. Pure; one thread.
 */
#pragma once

#include "core/tm/dialog_id.h"

#define SEEN_PLACES 1024u

struct seen {
	struct {
		char id[DIALOG_ID_LEN];
		uint64_t until; /**< ms; 0: nobody */
	} places[SEEN_PLACES];
};

/** Has this id been here within its time? If not, it has now, for ms. id has DIALOG_ID_LEN bytes. */
bool seen_lately(struct seen *s, struct slice id, uint64_t now_ms, uint64_t ms);
