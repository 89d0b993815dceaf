/**
 * @file names.h  Host names as numbers, for messages that travel: the name that a TLS peer has to prove (RFC 5922).
 *
 * A destination is a flat struct that is copied and kept; a name in it would be a quarter of a kilobyte or a pointer that dangles. The table has a
 * fixed size: when it is full, what was not asked for longest makes room, and its number then means nothing. Any thread, under one lock: only
 * messages that leave over TLS come here.
 */
#pragma once

#include <stdint.h>

#include "core/base/slice.h"

#define NAME_MAX_LEN 253 /**< RFC 1035 section 2.3.4, as text */

struct names;

int names_new(struct names **out);
void names_destroy(struct names **np);
/** Its number, never 0; 0 for what is too long or empty. Without case, without a final dot. */
uint64_t names_number(struct names *n, struct slice name);
/** NUL-terminated, lower case; empty: 0, or it had to make room. */
struct slice names_text(struct names *n, uint64_t number, char out[NAME_MAX_LEN + 1]);
