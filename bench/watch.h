/**
 * @file watch.h  What the server under test costs: CPU time and memory of all its processes, from /proc.
 *
 * Taken by the load generator itself, so that it belongs to exactly the phase that is measured.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#define WATCH_MAX 512

struct watch {
	pid_t pids[WATCH_MAX];
	unsigned count;
};

struct watch_cpu {
	uint64_t user_us, system_us;
};

/** A process and all that descend from it. Returns 0, or -ESRCH. */
int watch_find(struct watch *watch, pid_t root);

/** utime and stime of /proc/PID/stat, all threads; a clock tick (10 ms) is the resolution. */
struct watch_cpu watch_cpu(const struct watch *watch);

/** Proportional set size in kB: what processes share counts once. */
uint64_t watch_memory(const struct watch *watch);
