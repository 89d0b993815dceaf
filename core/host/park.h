/**
 * @file park.h  Messages that wait for the outside world (design section 3). The plugin's side is ph_park() in plugin.h.
 *
 * One table per worker, its thread only; wakes of other threads come in by inbox. A token names worker, slot and
 * generation; one that has been used, timed out or cancelled is stale, and waking it is a counted no-op.
 */
#pragma once

#include "core/host/plugin.h"

struct worker;
struct parks;

/**
 * Woken messages go on at the end of the loop's turn: make the table before whatever sends or writes then. 0 or negative errno.
 */
int parks_new(struct parks **out, struct worker *w, unsigned max);
/** The last hook of a turn: somebody was woken after ours had run, so the loop must not sleep. */
bool parks_pending(void *parks);
/** Nothing may be parked any more: parks_cancel_all() first. */
void parks_destroy(struct parks **pp);
/** How many are parked now. */
unsigned parks_count(const struct parks *p);
/** Wake all with -ECANCELED now, and those that park again meanwhile (shutdown). */
void parks_cancel_all(struct parks *p);
/** From the inbox: an item of kind INBOX_WAKE. */
void parks_on_wake(void *parks, const void *data, size_t len);
/** Is an ACK with this Call-ID, CSeq and To parked? Then the one that came is a repetition. */
bool parks_has_ack(const struct parks *p, const struct ph_msg *ack);
