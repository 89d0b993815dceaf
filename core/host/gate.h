/**
 * @file gate.h  Start in steps: all threads do a step, then the control thread does its part, then the next.
 *
 * Worker threads call gate_pass() after each step; the control thread waits for all of them and opens the next. Every wait is bounded.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned threads;  /**< how many pass */
	unsigned arrived;  /**< at the step under way */
	unsigned open;     /**< steps that were opened */
	bool stop;         /**< do not go on */
	char why[256];     /**< the first failure */
};

void gate_init(struct gate *g, unsigned threads);
void gate_destroy(struct gate *g);
/** A thread has done step n (from 1); why: its failure, NULL when fine. Waits until step n+1 is opened: true; false: give up. */
bool gate_pass(struct gate *g, unsigned n, const char *why);
/** Control thread: wait until all have arrived, at most timeout_ms. False: someone failed (why) or is late. */
bool gate_wait(struct gate *g, unsigned timeout_ms);
/** Control thread: let them do the next step. */
void gate_open(struct gate *g);
/** Control thread: they return from gate_pass() with false; also those that wait for a step that never comes, at the end. */
void gate_abort(struct gate *g);
