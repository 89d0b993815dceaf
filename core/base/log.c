#include "core/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "core/base/log_line.h"
#include "core/base/log_writer.h"

#define LOG_GATE_US 1000000
#define LOG_CALL_ID_MAX (LOG_LINE_MAX / 16) /* bytes, each of which may become \xHH */

/* A source as log.c keeps it. */
struct source {
	struct log_source pub; /* first: the two are one address */
	bool own_level;        /* set by name, not by the default */
};

static struct {
	pthread_mutex_t lock; /* of what follows, down to first */
	struct log_source *first;
	enum log_level dflt;
	bool to_syslog;
	char ident[64]; /* syslog keeps the pointer */
	void (*capture)(void *arg, const char *line);
	void *capture_arg;
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .dflt = LOG_L_INFO};

/* Answered when there is no memory for one more source. */
static struct source spare = {.pub = {.name = "other", .level = LOG_L_INFO}};

static const struct level_row {
	const char *name;  /* in the configuration */
	const char *alias; /* in scripts, behind "L_" */
	const char *shown;
	enum log_level level;
	int priority;
} levels[] = {
	{"alert", "alert", "ALERT", LOG_L_ALERT, LOG_ALERT},
	{"crit", "crit", "CRIT", LOG_L_CRIT, LOG_CRIT},
	{"error", "err", "ERROR", LOG_L_ERR, LOG_ERR},
	{"warning", "warn", "WARN", LOG_L_WARN, LOG_WARNING},
	{"notice", "notice", "NOTICE", LOG_L_NOTICE, LOG_NOTICE},
	{"info", "info", "INFO", LOG_L_INFO, LOG_INFO},
	{"debug", "dbg", "DEBUG", LOG_L_DBG, LOG_DEBUG},
};

#define LEVELS (sizeof(levels) / sizeof(levels[0]))

/* Script levels that have no row (0, above 4) are rounded to the next that has one. */
static const struct level_row *level_row(enum log_level level)
{
	for (size_t i = 0; i < LEVELS; i++) {
		if (level <= levels[i].level)
			return &levels[i];
	}
	return &levels[LEVELS - 1];
}

int log_level_parse(struct slice text, enum log_level *out)
{
	if (slice_istarts(text, SLICE("L_")))
		text = slice_from(text, 2);
	for (size_t i = 0; i < LEVELS; i++) {
		if (slice_ieq(text, slice_str(levels[i].name)) ||
			slice_ieq(text, slice_str(levels[i].alias))) {
			*out = levels[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

const char *log_level_name(enum log_level level)
{
	return level_row(level)->name;
}

void log_open_stderr(void)
{
	if (logger.to_syslog)
		closelog();
	logger.to_syslog = false;
}

void log_open_syslog(const char *ident)
{
	snprintf(logger.ident, sizeof(logger.ident), "%s", ident);
	openlog(logger.ident, LOG_PID | LOG_NDELAY, LOG_DAEMON);
	logger.to_syslog = true;
}

void log_capture(void (*fn)(void *arg, const char *line), void *arg)
{
	logger.capture = fn;
	logger.capture_arg = arg;
}

/* Under the lock. */
static struct log_source *find_source(const char *name)
{
	struct log_source *at = logger.first;

	/* As much of the name as is kept. */
	while (at != NULL && strncmp(at->name, name, sizeof(at->name) - 1) != 0)
		at = at->next;
	return at;
}

/* Under the lock. */
static struct source *source_of(const char *name)
{
	struct log_source *at = find_source(name);
	struct source *made;

	if (at != NULL)
		return (struct source *)at;
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return &spare;
	snprintf(made->pub.name, sizeof(made->pub.name), "%s", name);
	atomic_init(&made->pub.level, logger.dflt);
	made->pub.next = logger.first;
	logger.first = &made->pub;
	return made;
}

struct log_source *log_source_get(const char *name)
{
	struct source *source;

	pthread_mutex_lock(&logger.lock);
	source = source_of(name);
	pthread_mutex_unlock(&logger.lock);
	return &source->pub;
}

struct log_source *log_source_find(const char *name)
{
	struct log_source *found;

	pthread_mutex_lock(&logger.lock);
	found = find_source(name);
	pthread_mutex_unlock(&logger.lock);
	return found;
}

static void set_level(struct source *source, enum log_level level)
{
	atomic_store_explicit(&source->pub.level, level, memory_order_relaxed);
}

void log_set_default_level(enum log_level level)
{
	pthread_mutex_lock(&logger.lock);
	logger.dflt = level;
	for (struct log_source *s = logger.first; s != NULL; s = s->next) {
		struct source *source = (struct source *)s;

		if (!source->own_level)
			set_level(source, level);
	}
	set_level(&spare, level);
	pthread_mutex_unlock(&logger.lock);
}

void log_set_level(const char *name, enum log_level level)
{
	struct source *source;

	pthread_mutex_lock(&logger.lock);
	source = source_of(name);
	if (source != &spare) {
		source->own_level = true;
		set_level(source, level);
	}
	pthread_mutex_unlock(&logger.lock);
}

int log_start(size_t room, struct counter_array *counters, unsigned first)
{
	return log_writer_start(room, logger.to_syslog, counters, first);
}

int log_stop(unsigned ms)
{
	return log_writer_stop(ms);
}

void log_flush_crash(void)
{
	log_writer_crash();
}

bool log_gate_open(struct log_gate *g, uint64_t now_us, unsigned *shut_out)
{
	/* The times of messages that another thread received may go back a little. */
	if (g->last_us != 0 && now_us < g->last_us + LOG_GATE_US) {
		g->shut_out++;
		return false;
	}
	*shut_out = g->shut_out;
	g->last_us = now_us;
	g->shut_out = 0;
	return true;
}

static void write_all(const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDERR_FILENO, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody is left to tell */
		p += n;
		len -= (size_t)n;
	}
}

/* A line of len bytes with its newline; behind body is what syslog has. */
static void emit(const struct level_row *row, char *line, size_t len, size_t body)
{
	const struct log_record rec = {.text = line,
		.len = (uint16_t)len,
		.body = (uint16_t)body,
		.priority = row->priority};

	if (logger.capture == NULL && log_writer_put(&rec, row->level))
		return;
	if (logger.capture == NULL && !logger.to_syslog) {
		write_all(line, len);
		return;
	}
	line[len - 1] = '\0';
	if (logger.capture != NULL)
		logger.capture(logger.capture_arg, line);
	else
		syslog(row->priority, "%s", line + body);
}

void log_write(struct log_source *src, enum log_level level, struct slice call_id,
	const char *fmt, ...)
{
	const struct level_row *row = level_row(level);
	char line[LOG_LINE_MAX + 1];
	/* What is cut here fills a line by itself, so that it is seen to be cut. */
	char text[LOG_LINE_MAX + 1];
	int saved = errno;
	struct buf b;
	size_t body;
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len < 0)
		len = 0;
	if ((size_t)len >= sizeof(text)) {
		len = (int)sizeof(text) - 1;
	} else {
		/* Scripts like to end their texts with a newline. */
		while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
			len--;
	}
	buf_fixed(&b, line, LOG_LINE_MAX);
	log_line_make(
		&b, &body, src->name, row->shown, call_id, slice_make(text, (size_t)len));
	emit(row, line, b.len, body);
	errno = saved;
}
