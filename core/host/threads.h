/**
 * @file threads.h  The threads that plugins declare (ph_plugin.threads): the host makes them, starts them, ends them.
 *
 * Control thread. Each has a loop, a bus endpoint, a store handle, counters and senders to the inboxes, and runs until threads_stop().
 */
#pragma once

struct host;
struct threads;

/** Make and start all of them, after the workers' plugins; returns when every thread_start() is through and its subscriptions are in force. 0 or
 * negative errno, logged; what has started is stopped by threads_stop(). */
int threads_start(struct threads **out, struct host *h);
/** Stop and join, before the workers stop. NULL is fine. */
void threads_stop(struct threads **tp);
