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
	uint64_t total_us;           /**< exact where the kernel has /proc/PID/task/TID/schedstat, else the sum of the others */
	uint64_t user_us, system_us; /**< in clock ticks (10 ms) of each process: good for the share of the two */
};

/** A process and all that descend from it. Returns 0, or -ESRCH. */
int watch_find(struct watch *watch, pid_t root);

/** Of all processes and their threads. */
struct watch_cpu watch_cpu(const struct watch *watch);

/** Proportional set size in kB: what processes share counts once. */
uint64_t watch_memory(const struct watch *watch);
