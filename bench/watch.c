/* Reads /proc. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/watch.h"

#define PROCESSES 32768

struct stat_line {
	pid_t parent;
	unsigned long user, system; /* ticks */
};

/* The name of a program may hold blanks and parentheses: the fields begin behind the last one. */
static bool read_stat(pid_t pid, struct stat_line *out)
{
	char path[64], line[1024];
	int parent;
	FILE *file;
	char *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (file == NULL)
		return false;
	p = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
	fclose(file);
	if (p == NULL || sscanf(p + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &parent, &out->user, &out->system) != 3)
		return false;
	out->parent = parent;
	return true;
}

static bool watched(const struct watch *watch, pid_t pid)
{
	unsigned i;

	for (i = 0; i < watch->count; i++) {
		if (watch->pids[i] == pid)
			return true;
	}
	return false;
}

static size_t list_processes(pid_t *pids, pid_t *parents, size_t max)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct stat_line line;
	size_t n = 0;

	while (proc != NULL && n < max && (entry = readdir(proc)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		pids[n] = atoi(entry->d_name);
		if (read_stat(pids[n], &line))
			parents[n++] = line.parent;
	}
	if (proc != NULL)
		closedir(proc);
	return n;
}

int watch_find(struct watch *watch, pid_t root)
{
	pid_t *pids = calloc(2 * PROCESSES, sizeof(*pids)), *parents = pids != NULL ? pids + PROCESSES : NULL;
	struct stat_line line;
	unsigned before;
	size_t i, n;

	watch->count = 0;
	if (pids == NULL || !read_stat(root, &line)) {
		free(pids);
		return -ESRCH;
	}
	watch->pids[watch->count++] = root;
	n = list_processes(pids, parents, PROCESSES);
	do {
		before = watch->count;
		for (i = 0; i < n && watch->count < WATCH_MAX; i++) {
			if (watched(watch, parents[i]) && !watched(watch, pids[i]))
				watch->pids[watch->count++] = pids[i];
		}
	} while (watch->count != before);
	free(pids);
	return 0;
}

/* Nanoseconds that the threads of a process have run; 0 when the kernel does not tell. */
static uint64_t thread_time(pid_t pid)
{
	char path[300];
	unsigned long long ran;
	uint64_t sum = 0;
	struct dirent *entry;
	FILE *file;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, entry->d_name);
		file = entry->d_name[0] != '.' ? fopen(path, "r") : NULL;
		if (file == NULL)
			continue;
		if (fscanf(file, "%llu", &ran) == 1)
			sum += ran;
		fclose(file);
	}
	if (tasks != NULL)
		closedir(tasks);
	return sum;
}

struct watch_cpu watch_cpu(const struct watch *watch)
{
	uint64_t tick = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	struct watch_cpu sum = {0, 0, 0};
	struct stat_line line;
	uint64_t exact = 0;
	unsigned i;

	for (i = 0; i < watch->count; i++) {
		if (read_stat(watch->pids[i], &line)) {
			sum.user_us += line.user * tick;
			sum.system_us += line.system * tick;
		}
		exact += thread_time(watch->pids[i]);
	}
	sum.total_us = exact > 0 ? exact / 1000 : sum.user_us + sum.system_us;
	return sum;
}

uint64_t watch_memory(const struct watch *watch)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < watch->count; i++) {
		unsigned long kilobytes;
		char path[64], line[256];
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)watch->pids[i]);
		file = fopen(path, "r");
		while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
			if (sscanf(line, "Pss: %lu", &kilobytes) == 1)
				sum += kilobytes;
		}
		if (file != NULL)
			fclose(file);
	}
	return sum;
}
