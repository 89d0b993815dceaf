/**
 * @file store_dialog.h  Dialogs and their timers, shared by the nodes. Contract of store.h.
 *
 *     dialog:{<call-id>}:<id>   HASH    dialog:id:<id>   STRING call-id    dialog:timers   ZSET id by deadline (ms)
 *
 * The index keys are written first and mended by readers. A record lives until its deadline and a while longer
 * (STORE_DIALOG_KEEP_S), so that nothing stays for ever when all nodes are gone. One whose deadline was brought forward is kept
 * until the former one (redis), so that it is ended even after all nodes had lost Redis for a while.
 *
 * A Call-ID has at most 1024 bytes, an id 128, all texts of a dialog 65535; more: -ENAMETOOLONG, -EMSGSIZE. Times in ms and fences
 * are below 2^53.
 *
 * fence counts the changes of hands: whoever wants to end a dialog claims it with the fence that it has read; of two
 * that read the same one wins.
 */
#pragma once

#include "storage/store.h"

#define STORE_DIALOG_KEEP_S  60  /**< seconds that an ended dialog's record, and one past its deadline, stays to be read */
#define STORE_MAX_DIALOGS    100 /**< most that one answer holds */

enum store_dialog_state {
	STORE_DIALOG_EARLY = 1,
	STORE_DIALOG_CONFIRMED,
	STORE_DIALOG_ENDING, /**< claimed: BYEs are on their way */
	STORE_DIALOG_ENDED,
};
/** "early", "confirmed", "ending", "ended": how the record says it. */
const char *store_dialog_state_name(enum store_dialog_state s);

/** One side of the call, as we reach it. */
struct store_leg {
	struct slice tag;    /**< its tag; callee: empty while early */
	struct slice uri;    /**< name-addr or URI of From or To without tag, as the initial INVITE had it */
	struct slice target; /**< remote target: Contact URI, as repaired (RFC 3261 section 12.1) */
	struct slice routes; /**< Route values towards it, joined by ", ", ours left out; or empty */
	struct slice socket; /**< our listener towards it, as the phone sees it: "udp:198.51.100.7:5060" */
	struct slice flow;   /**< address it was last heard from or sent to: "udp:203.0.113.4:40312" */
	uint32_t cseq;       /**< highest CSeq number that it has sent; 0: none */
};

struct store_dialog {
	struct slice call_id, id;
	enum store_dialog_state state;
	struct store_leg caller, callee;
	struct slice node;   /**< who looks after it */
	struct slice set, relay, notify; /**< of rtpp: properties rtpp.set, relay.url, rtpp.notify */
	int64_t started;     /**< seconds since 1970; when it was answered, or made while early */
	int64_t deadline_ms; /**< ms since 1970: ended then */
	struct slice reason; /**< why it ends: "media timeout", "maximum duration", "BYE"; or empty */
	uint64_t fence;
};

/** A copy whose slices live in arena. 0 or -ENOMEM. */
int store_dialog_copy(struct store_dialog *out, const struct store_dialog *d, struct arena *arena);

struct store_dialogs {
	struct arena *arena;       /**< set by the caller; holds the result */
	struct store_dialog *list;
	unsigned count;
	uint64_t cursor;           /**< scan: as in struct store_page */
};

/**
 * Make or replace the record (all fields but fence, which is kept; it begins at d->fence) and its timer. One that has state ENDED, or is ENDING in
 * another node's hand, stays as it is: -EALREADY. d->state is EARLY, CONFIRMED or ENDING, and does not go back: a record that is further keeps its
 * state, deadline and reason, the rest is written. So does a deadline that store_dialog_expire() brought forward, with its reason, unless the put says
 * the same reason or an earlier deadline. Memory: -ENOSPC above storage.max_dialogs.
 */
int store_dialog_put(struct store_handle *h, const struct store_dialog *d, store_done done, void *arg);
/** Those of a call with one of these ids that exist (the other ids are no error). */
int store_dialogs_get(struct store_handle *h, struct slice call_id, const struct slice *ids, unsigned count, struct store_dialogs *out,
	store_done done, void *arg);
/** By id alone. None: 0 with count 0. */
int store_dialog_find(struct store_handle *h, struct slice id, struct store_dialogs *out, store_done done, void *arg);
/** Those whose deadline is at or before until_ms, the oldest first, at most STORE_MAX_DIALOGS. Ids in the timers that name nothing are taken out. */
int store_dialogs_due(struct store_handle *h, int64_t until_ms, struct store_dialogs *out, store_done done, void *arg);
/** One page of those that have not ended, for commands: about STORE_MAX_DIALOGS. One may come twice. */
int store_dialogs_scan(struct store_handle *h, struct store_dialogs *page, store_done done, void *arg);
/**
 * Its deadline becomes at_ms, for reason; only forward in time (an earlier deadline stays), only while EARLY or CONFIRMED. -ENOENT: no such dialog; -EALREADY: it is ending.
 */
int store_dialog_expire(struct store_handle *h, struct slice id, int64_t at_ms, struct slice reason, store_done done, void *arg);
/**
 * Take it over to end it: when its fence is still `fence` it becomes fence + 1, node me and state ENDING, and the deadline moves to retry_ms (when I die before
 * the end, whoever finds it due then claims again). -EALREADY: another one did, or it has ended; -ENOENT.
 */
int store_dialog_claim(struct store_handle *h, struct slice call_id, struct slice id, uint64_t fence, struct slice me, int64_t retry_ms,
	store_done done, void *arg);
/**
 * ENDED, for reason: out of the timers, its keys go away after STORE_DIALOG_KEEP_S. Fine when it is gone. Reason empty: it never came about, and is
 * forgotten at once - an INVITE that was challenged comes again with the same Call-ID and tag, so with the same id.
 */
int store_dialog_end(struct store_handle *h, struct slice call_id, struct slice id, struct slice reason, store_done done, void *arg);
