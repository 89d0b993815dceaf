/**
 * @file hosts.h  /etc/hosts, read by ourselves: names to addresses without asking anybody.
 *
 * One thread. The file is looked at when a name is asked for, at most once a second, and read again when it
 * has changed. A file that is missing is empty; lines that are no address and names are skipped.
 */
#pragma once

#include "core/base/addr.h"
#include "core/base/slice.h"

#define HOSTS_PATH "/etc/hosts"

struct hosts;

/** path NULL: no file. */
int hosts_new(struct hosts **out, const char *path);
void hosts_destroy(struct hosts **hp);
/** A line as in the file that holds for good, and before the file. */
void hosts_fix(struct hosts *h, struct slice line);
/** Is it an address and at least one name? */
bool hosts_line_ok(struct slice line);
/** Addresses of name (without case), port 0, in the file's order, at most max. Returns how many. */
unsigned hosts_find(struct hosts *h, struct slice name, uint64_t now_ms, struct addr *out,
	unsigned max);
