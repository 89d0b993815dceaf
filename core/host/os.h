/**
 * @file os.h  What the daemon asks of the operating system: signals, user and group, systemd.
 *
 * Control thread only.
 */
#pragma once

#include "core/base/log.h"

struct host;

/** Block the signals that we handle; before any thread is made. SIGPIPE is ignored. */
void os_block_signals(void);
/** SIGTERM and SIGINT arrive in the control loop as host_shutdown(), SIGHUP as certificates_hangup(). 0 or -errno. */
int os_watch_signals(struct host *h);
void os_unwatch_signals(void);
/** The lines of the log that wait are written when the process crashes. Not in a sanitizer build, which has handlers of its own. */
void os_watch_crashes(void);
/** Become user and group (NULL: stay), all threads. 0 or -errno, logged. */
int os_drop_privileges(const char *user, const char *group, struct log_source *log);
/** To systemd, when it asked (NOTIFY_SOCKET). */
void os_notify(const char *state);
/** See that so many files may be open, as far as the hard limit allows; a warning when that is less. */
void os_raise_files(uint64_t wanted, struct log_source *log);
/** Cores this process may run on, at least 1. */
unsigned os_cores(void);
