/**
 * @file ping_read.h  Reading one contact from the store: its event did not hold all of it, or the store says that it has left us.
 *
 * One thread's. What is heard of a contact while it is being read makes it read once more.
 */
#pragma once

#include "plugins/natping/ping_book.h"
#include "plugins/natping/ping_clock.h"
#include "storage/store.h"

struct ping_reads;

struct ping_reads_setup {
	struct store_handle *store;
	struct ping_book *book;
	const struct ping_clock *clock;
	const struct net_socks *socks;
	struct slice node;          /**< this one */
	void (*changed)(void *arg); /**< the book has changed */
	void (*lost)(void *arg); /**< one could not be read: all are to be read again */
	void *arg;
};

/** 0, -ENOMEM. */
int ping_reads_new(struct ping_reads **out, const struct ping_reads_setup *setup);
/** After store_close(). */
void ping_reads_destroy(struct ping_reads **rp);
/**
 * Take it from the store; what is not there is dropped, and what has been registered through another node since. Not
 * while it is under way already: ping_reads_again() first.
 */
void ping_reads_ask(
	struct ping_reads *r, struct ping_key key, struct slice aor, struct slice id);
/** How many more can be under way. */
unsigned ping_reads_room(const struct ping_reads *r);
/** Something newer was heard of this contact, or (whole_aor) of this AOR: what is under way is read once more. False: nothing is. */
bool ping_reads_again(struct ping_reads *r, struct ping_key key, bool whole_aor);
