/**
 * @file log_writer.h  The thread that writes the log, so that no other waits for whoever reads it. For log.c.
 *
 * Lines go through a bounded ring (log_ring.h). Putting one costs a system call only when the thread sleeps, to wake it; after
 * it has written it looks again for LOG_NAP_US before it sleeps, so a burst of lines is one wake-up and few writes.
 *
 * It waits for room at the reader before it writes (poll), and writes at most what then fits in a pipe (PIPE_BUF), whole lines
 * in one writev(2). What finds the ring full is left out and counted; how many lines is said in a line of its own behind those
 * that were there before. The same holds for lines that could not be written, as on a full disk.
 */
#pragma once

#include "core/base/counter.h"
#include "core/base/log.h"
#include "core/base/log_ring.h"

#define LOG_NAP_US 2000

/** As log_start(). */
int log_writer_start(size_t room, bool to_syslog, struct counter_array *counters, unsigned first);
/** As log_stop(). */
int log_writer_stop(unsigned ms);
/** Any thread. false: the thread does not run, and the caller writes by itself. Otherwise the line is on its way, or counted. */
bool log_writer_put(const struct log_record *line, enum log_level level);
/** As log_flush_crash(). */
void log_writer_crash(void);
