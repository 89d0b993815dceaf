/**
 * @file ping_scan.h  Reading the contacts of our listeners from the store: at the start, when a listener becomes ours, after a gap of events, when the store is
 * back, and every natping_resync seconds.
 *
 * One thread's, one listener at a time, page by page. Events go on meanwhile: a page is older than what was heard since it was asked for
 * (ping_scan_touch()). A reading that fails, or that the store did while it was away itself, does not count: it is begun again.
 */
#pragma once

#include "core/base/loop.h"
#include "plugins/natping/ping_book.h"
#include "plugins/natping/ping_clock.h"
#include "storage/store.h"

struct ping_scan;

struct ping_scan_setup {
	struct loop *loop;
	struct store_handle *store;
	const struct net_socks *socks;
	struct ping_book *book;
	const struct ping_clock *clock;
	struct natping_tally tally;
	void (*changed)(
		void *arg); /**< the book has changed: somebody's turn may be earlier than planned */
	void *arg;
};

/** 0, -ENOMEM. */
int ping_scan_new(struct ping_scan **out, const struct ping_scan_setup *setup);
/** After store_close(): no page is under way any more. */
void ping_scan_destroy(struct ping_scan **sp);
/** Read that listener's contacts soon (again). At most once a second. */
void ping_scan_want(struct ping_scan *s, unsigned sock);
/** Something newer than any page under way was heard of this contact, or (whole_aor) of this AOR. */
void ping_scan_touch(struct ping_scan *s, struct ping_key key, bool whole_aor);
