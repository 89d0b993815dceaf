/**
 * @file sources.h  How many connections each source address has: one table for all workers.
 *
 * A source is an IPv4 address, or the /64 of an IPv6 one, which is what one subscriber usually has. Any thread; a
 * connection takes its place when it is accepted and gives it back when it is closed, so nothing here runs per message.
 * Memory: one small entry for each source that has a connection now.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/addr.h"

struct sources;

int sources_new(struct sources **out);
void sources_destroy(struct sources **sp);
/**
 * One more connection of that source: 0; -EDQUOT: it has max already (0: as many as it likes); -ENOMEM. With -EDQUOT *tell says whether this should
 * be logged: true once a minute for each source.
 */
int sources_take(struct sources *s, const struct addr *from, int64_t max, bool *tell);
/** What sources_take() gave with 0. */
void sources_release(struct sources *s, const struct addr *from);
/** "198.51.100.7" or "2001:db8:1:2::/64", NUL-terminated in out[ADDR_TEXT]. */
struct slice source_text(const struct addr *from, char *out);
