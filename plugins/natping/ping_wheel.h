/**
 * @file ping_wheel.h  Who is pinged when: a ring of ticks, one revolution an interval.
 *
 * Pure: knows ticks of PING_TICK_MS, no clock; single thread. Everybody has a place on the ring, given by a hash of the contact, and keeps it: the
 * period is the interval, only the phase is random. Ticks are counted from 1970, so a node that starts again, or takes
 * a socket over, goes on (nearly) where the pings were.
 *
 *     tick      0   1   2   3       ...            P-1       P ticks = one interval
 *     slots    |a  |   |b,c|   |   ...            |d  |      each a list of contacts
 *                       ^ hand: everything up to here has had its turn
 *
 * When P is larger than PING_SLOTS_MAX, several ticks share a slot, and each contact knows its tick.
 *
 * A random phase leaves crowds and gaps. So a contact takes the emptiest tick within 2 % of the ring around the one that its hash
 * names, when the ring has a slot for each tick.
 *
 * A turn that comes late makes up for it, nobody is left out and nobody is pinged twice: at 9/8 of the pace, so that a
 * hiccup does not become a burst; at 4 times when it is more than 1/40 of the interval behind. More than a whole interval behind (the
 * machine slept) the whole revolutions that were missed are left out.
 */
#pragma once

#include <stdint.h>

#define PING_TICK_MS   10
#define PING_SLOTS_MAX 16384
#define PING_NAP_TICKS 100 /**< ping_wheel_next() never says more */

/** A contact's place; embed it, as the first member. */
struct ping_place {
	struct ping_place *next, **prev; /**< of the slot */
	uint32_t phase;                  /**< tick of the ring */
};

struct ping_wheel;

/** interval in s, 1..86400. The hand stands at tick now. 0, -ENOMEM. */
int ping_wheel_new(struct ping_wheel **out, unsigned interval, uint64_t now);
void ping_wheel_destroy(struct ping_wheel **wp);
/** At tick now, give p a place for hash; its first turn comes within one interval. */
void ping_wheel_add(
	struct ping_wheel *w, struct ping_place *p, uint32_t hash, uint64_t now);
/** Put the new one at the old one's place, which is taken off. */
void ping_wheel_replace(
	struct ping_wheel *w, struct ping_place *old, struct ping_place *new);
void ping_wheel_remove(struct ping_wheel *w, struct ping_place *p);
/**
 * It is tick now: run fn for those whose turn it is; fn may remove the one that it is given. Returns how many ticks the hand is
 * behind afterwards.
 */
uint64_t ping_wheel_turn(struct ping_wheel *w, uint64_t now,
	void (*fn)(void *arg, struct ping_place *p), void *arg);
/** In how many ticks from now, at least 1, the next turn is due; 0: the wheel is empty. */
unsigned ping_wheel_next(const struct ping_wheel *w, uint64_t now);
