/**
 * @file nodes_table.h  What any thread may know of other nodes and their sockets: names, and whether somebody stands behind them.
 *
 * A table of names that only grows, up to NODES_TABLE_MAX; entries are found and added by any thread without a lock. One thread, the one that
 * asks the store, writes the answers. A name that is new, and one for which there is no room, counts as alive. Times are microseconds of
 * clock_us().
 *
 * Whoever is not asked for is not looked after, so what is known of a listener is good for NODES_ASKED_US; a node's heartbeat is always looked after.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/slice.h"

#define NODES_TABLE_MAX 512                  /**< names */
#define NODES_NAME_MAX 310                   /**< bytes: the longest listener's text and more */
#define NODES_ASKED_US (60 * UINT64_C(1000000)) /**< a name is looked after for so long since it was asked for last */

enum nodes_kind { NODES_SOCKET = 1, NODES_NODE };
enum nodes_state { NODES_UNKNOWN, NODES_ALIVE, NODES_DEAD };

struct nodes_entry {
	_Atomic(unsigned) use; /**< nodes_table.c's */
	enum nodes_kind kind;  /**< this and the name: written once, before anybody finds the entry */
	uint16_t len;
	char name[NODES_NAME_MAX];
	_Atomic(unsigned) state;
	_Atomic(uint64_t) asked_us;        /**< when somebody last wanted to know; 0: nobody did */
	_Atomic(uint64_t) silent_until_us; /**< a request had no answer: not alive until then */
};

struct nodes_table {
	_Atomic(unsigned) count;
	struct nodes_entry list[2 * NODES_TABLE_MAX];
};

/** The entry, made when it is new and there is room; NULL. Any thread. */
struct nodes_entry *nodes_table_find(struct nodes_table *t, enum nodes_kind kind, struct slice name);
/** May a request be sent there? Remembers that it was asked. entry NULL: true. Any thread. */
bool nodes_entry_alive(struct nodes_entry *e, uint64_t now_us);
/** It was silent: not alive until then. False: it was so already. Any thread; entry may be NULL. */
bool nodes_entry_silent(struct nodes_entry *e, uint64_t now_us, uint64_t until_us);
/** What the store says. The state before. One thread. */
enum nodes_state nodes_entry_set(struct nodes_entry *e, enum nodes_state state);
/** The store does not answer: it may have come back meanwhile. */
void nodes_entry_doubt(struct nodes_entry *e);
/** Did somebody ask for it lately? */
bool nodes_entry_wanted(const struct nodes_entry *e, uint64_t now_us);
/** The next entry that is in use behind e (NULL: the first); NULL at the end. */
struct nodes_entry *nodes_table_next(struct nodes_table *t, const struct nodes_entry *e);
static inline struct slice nodes_entry_name(const struct nodes_entry *e)
{
	return slice_make(e->name, e->len);
}
