/**
 * @file loop.h  A thread's event loop and its timers (libevent below).
 *
 * One loop belongs to one thread; only loop_stop() and loop_wakeup() may be called from others.
 * All timers of a thread hang on one coarse wheel (LOOP_TICK_MS): starting and stopping one is O(1), and the
 * kernel is asked for a wake-up only when one is pending.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct loop;
struct loop_io;

#define LOOP_TICK_MS 10

/** Embed it; zero-initialise, then timer_init(). Stopping an idle timer is fine. */
struct timer {
	void (*fn)(void *arg);
	void *arg;
	uint64_t due; /**< ms of loop_now() */
	struct timer *next;
	struct timer **prev; /**< NULL: not pending */
	struct loop *loop;
};

int loop_new(struct loop **out);
/** Timers still pending are forgotten, not run. */
void loop_destroy(struct loop **lp);
/** Runs until loop_stop(). */
void loop_run(struct loop *l);
/** One turn; waits at most max_ms for something to happen (tests). */
void loop_turn(struct loop *l, unsigned max_ms);
/** Any thread: loop_run() returns after the current turn. */
void loop_stop(struct loop *l);
/** Any thread: makes a sleeping loop take a turn. */
void loop_wakeup(struct loop *l);
struct event_base *loop_base(struct loop *l);
/** Monotonic ms, read once a turn: cheap. */
uint64_t loop_now(const struct loop *l);
/** Monotonic microseconds, read now. Any thread. */
uint64_t clock_us(void);
/** Seconds since 1970 (wall clock). Any thread. */
int64_t clock_wall(void);
/** Longest turn since the last call, in microseconds (a worker that waits shows here). */
uint64_t loop_longest_turn_us(struct loop *l);

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_EDGE = 4 };
/**
 * Watch fd until loop_io_del(), which comes before loop_destroy(); what is a set of LOOP_*. The fd stays
 * the caller's. 0 or -errno.
 */
int loop_io_add(struct loop *l, int fd, int what, void (*fn)(void *arg, int fd, int what), void *arg,
	struct loop_io **out);
/** Change what is watched. */
int loop_io_set(struct loop_io *io, int what);
/** NULLs the caller's pointer; safe inside its own callback. */
void loop_io_del(struct loop_io **iop);
/**
 * Call fn at the end of every turn, before the loop sleeps: batches are flushed here. In order of
 * registration; at most 16. 0 or -ENOSPC. fn returns true when there is more to do at once (the loop then does not sleep).
 */
int loop_on_turn_end(struct loop *l, bool (*fn)(void *arg), void *arg);
/** Embed it; fn once at the end of a turn, behind all the hooks. */
struct loop_task {
	void (*fn)(void *arg);
	void *arg;
	struct loop_task *next;
	bool queued;
};
/** This turn's end, or the next one's when called outside of a turn; the loop does not sleep before. Queued already: fine. */
void loop_at_end(struct loop *l, struct loop_task *t);
/** Take it back. */
void loop_not_at_end(struct loop *l, struct loop_task *t);
void loop_off_turn_end(struct loop *l, bool (*fn)(void *arg), void *arg);

void timer_init(struct timer *t, void (*fn)(void *arg), void *arg);
/** (Re)start; runs once, at least ms from now, at most a tick late. */
void timer_start(struct loop *l, struct timer *t, uint64_t ms);
void timer_stop(struct timer *t);
static inline bool timer_pending(const struct timer *t)
{
	return t->prev != NULL;
}
