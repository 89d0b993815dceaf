/**
 * @file log.h  One line an event.
 *
 * Any thread. A line is "<time> <LEVEL> <source>: [<call-id>] text" and leaves whole to stderr, or goes to
 * syslog. Text from the wire is quoted: control bytes become \xHH, a line is cut at LOG_LINE_MAX.
 *
 * Between log_start() and log_stop() a thread of its own writes: whoever logs does not wait, the lines of one
 * thread keep their order, times are those of the call (syslog has its own), and what nobody reads fast enough
 * is left out, counted and told of. Before and after, the line is written by the call itself.
 */
#pragma once

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/counter.h"
#include "core/base/slice.h"

enum log_level { /* the numbers that scripts use: L_ALERT -3 .. L_DBG 4 */
	LOG_L_ALERT = -3,
	LOG_L_CRIT = -2,
	LOG_L_ERR = -1,
	LOG_L_WARN = 1,
	LOG_L_NOTICE = 2,
	LOG_L_INFO = 3,
	LOG_L_DBG = 4,
};
#define LOG_LINE_MAX 4096

/** Whoever logs: the core's parts ("core", "net", "tm", "script", "bus", "store") and each plugin. */
struct log_source {
	char name[32];
	atomic_int level; /**< lines above it are not made */
	struct log_source *next;
};

/** Where lines go; call once at start, before other threads. ident is for syslog. */
void log_open_stderr(void);
void log_open_syslog(const char *ident);
/**
 * From here on a thread writes. room: bytes of lines that may wait, LOG_RING_MIN to LOG_RING_MAX (log_ring.h); a
 * quarter is for level err and above. first: of log_counters in counters, which nothing else uses until
 * log_stop(). After log_open_...(), on the thread that stops it. 0 or negative errno.
 */
int log_start(size_t room, struct counter_array *counters, unsigned first);
/**
 * The lines that wait are written, for ms at most, and the thread ends; no other thread may log any more. 0 (also
 * when it does not run), or -ETIMEDOUT: it hangs in a write, and still uses the counters.
 */
int log_stop(unsigned ms);
/** In a handler of a signal that ends the process: what waits is written to stderr, for a fraction of a second at most. */
void log_flush_crash(void);
extern const struct counter_desc log_counters[];
/** Tests: lines go to fn instead (NULL: back). Not thread-safe. */
void log_capture(void (*fn)(void *arg, const char *line), void *arg);
/** The source of that name, made when new with the default level. Never NULL; lives for ever. */
struct log_source *log_source_get(const char *name);
/** The source of that name; NULL: nobody logs under it. */
struct log_source *log_source_find(const char *name);
/** For all sources, present and to come, that have no level of their own. */
void log_set_default_level(enum log_level level);
void log_set_level(const char *source, enum log_level level);
/** "debug" "info" "notice" "warn"/"warning" "err"/"error" "crit" "alert", any case, or "L_INFO" forms. 0 or -EINVAL. */
int log_level_parse(struct slice text, enum log_level *out);
const char *log_level_name(enum log_level level);

/** Keeps lines about what strangers may send a million times down to one a second. Zero-initialise; one thread. */
struct log_gate {
	uint64_t last_us; /**< when it let the last one through; 0: never */
	unsigned shut_out; /**< since then */
};
/**
 * May a line be written now? True: *shut_out is how many were kept back since the one before, for the text ("N more since the last such
 * line"). now_us is clock_us() of about now.
 */
bool log_gate_open(struct log_gate *g, uint64_t now_us, unsigned *shut_out);

/** Use the macros below. call_id may be empty. */
void log_write(struct log_source *src, enum log_level level, struct slice call_id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static inline bool log_wants(struct log_source *src, enum log_level level)
{
	return (int)level <= atomic_load_explicit(&src->level, memory_order_relaxed);
}

#define LOG(src, level, ...)                                                              \
	do {                                                                              \
		if (log_wants((src), (level)))                                            \
			log_write((src), (level), (struct slice){0}, __VA_ARGS__);        \
	} while (0)
/** The same with the Call-ID of the call concerned. */
#define LOG_CALL(src, level, call_id, ...)                                                \
	do {                                                                              \
		if (log_wants((src), (level)))                                            \
			log_write((src), (level), (call_id), __VA_ARGS__);                \
	} while (0)
