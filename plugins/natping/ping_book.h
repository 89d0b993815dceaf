/**
 * @file ping_book.h  The contacts that one thread pings.
 *
 * Single thread; knows no clock, no sockets but by name. All threads hear of all contacts; each keeps those whose hash over AOR and id says so.
 *
 * `seen` and `gone`: the truth is the store. Reading the contacts of a listener anew begins with ping_book_scan_begin() and, when all have been read, ends
 * with ping_book_scan_end(): what nobody has seen since the beginning is gone, and is dropped when its turn comes (ping_book_is_gone()).
 */
#pragma once

#include "core/base/hash.h"
#include "core/base/log.h"
#include "plugins/natping/natping_count.h"
#include "plugins/natping/ping_table.h"
#include "plugins/natping/ping_target.h"

struct ping_book;

struct ping_rules {
	const struct net_socks *socks;
	const struct net_sock
		*force; /**< for those whose own listener is none of ours; or NULL */
	const struct hash_key *key;
	unsigned threads, index; /**< this one's share */
	unsigned interval;       /**< s */
	uint32_t wanted_bflags;  /**< ping only contacts with one of these; 0: all */
	uint32_t sip_bflags; /**< those with one of these get a SIP request; 0: none */
	bool tcp;            /**< also those that came over a connection */
	unsigned max;        /**< contacts kept */
};

/** 0, -ENOMEM. now in ticks (ping_wheel.h). */
int ping_book_new(struct ping_book **out, const struct ping_rules *rules,
	const struct natping_tally *tally, struct log_source *log, uint64_t now);
void ping_book_destroy(struct ping_book **bp);
struct ping_wheel *ping_book_wheel(struct ping_book *b);

/** Is it this thread's? *key is written in any case. An empty id is everybody's: it means the whole AOR. */
bool ping_book_owns(const struct ping_book *b, struct slice aor, struct slice id,
	struct ping_key *key);
bool ping_book_has(const struct ping_book *b, struct ping_key key);
/**
 * It is registered like this: keep it, or change what is known of it; one that is not to be pinged (any more) is dropped. The caller has asked
 * ping_book_owns(). 0; -ENOSPC (counted), -EBADMSG (counted): not kept; -ENOMEM.
 */
int ping_book_save(struct ping_book *b, struct ping_key key,
	const struct ping_binding *binding, uint64_t now);
/** whole_aor: all contacts of the AOR, whatever their id. */
void ping_book_remove(struct ping_book *b, struct ping_key key, bool whole_aor);
/** Drop one whose turn it is. */
void ping_book_drop(struct ping_book *b, struct ping_contact *c);

/** What is seen from now on carries the returned mark. */
uint32_t ping_book_scan_begin(struct ping_book *b);
void ping_book_scan_end(struct ping_book *b, unsigned sock, uint32_t mark);
/** The store did not have it when it was last read. */
bool ping_book_is_gone(const struct ping_book *b, const struct ping_contact *c);
