#include "core/base/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "core/base/log_line.h"

#define BATCH       64  /* lines in one writev() */
#define ROOM_MS     100 /* for room at the reader, before the end is looked at again */
#define CRASH_TRIES 300 /* of a millisecond, until the thread lets go of the ring */

const struct counter_desc log_counters[] = {
	{"log_lines", "Lines of the log that were written.", COUNTER_TOTAL},
	{"log_dropped", "Lines of the log that were left out: whoever reads it was too slow (log.buffer was full), or the write failed.",
		COUNTER_TOTAL},
	{"log_dropped_errors", "Those of them at level err or above.", COUNTER_TOTAL},
	{0},
};
enum { C_LINES, C_DROPPED, C_DROPPED_ERRORS };

static struct {
	struct log_ring *ring;
	pthread_t thread;
	bool to_syslog;
	struct counter_array *counters;
	unsigned first;

	atomic_bool running;      /* lines go into the ring */
	atomic_bool taken;        /* somebody takes from the ring: the thread, or who crashes */
	_Atomic uint32_t asleep;  /* the thread sleeps on it: a futex */
	_Atomic uint64_t stop_at; /* clock of now_ms(); 0: it goes on */
	_Atomic uint64_t dropped, dropped_errors;

	/* The thread's own. */
	uint64_t told, told_errors; /* of dropped, said in a line */
	uint64_t tell_at;           /* once the ring is written up to here; 0: there is nothing to tell */
	uint64_t done;              /* the ring is written up to here */
} w;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nap(long us)
{
	const struct timespec time = {.tv_nsec = us * 1000};

	nanosleep(&time, NULL);
}

static void wake(void)
{
	if (atomic_load(&w.asleep) != 0 && atomic_exchange(&w.asleep, 0) != 0)
		syscall(SYS_futex, &w.asleep, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Any thread. */
static void drop(unsigned lines, unsigned errors)
{
	counter_add_shared(w.counters, w.first + C_DROPPED, lines);
	counter_add_shared(w.counters, w.first + C_DROPPED_ERRORS, errors);
	atomic_fetch_add_explicit(&w.dropped_errors, errors, memory_order_relaxed);
	atomic_fetch_add_explicit(&w.dropped, lines, memory_order_release);
}

bool log_writer_put(const struct log_record *line, enum log_level level)
{
	const bool urgent = level <= LOG_L_ERR;

	if (!atomic_load_explicit(&w.running, memory_order_acquire))
		return false;
	if (log_ring_put(w.ring, line, urgent))
		wake(); /* it has said that it sleeps before it looked for the last time, or it sees the line */
	else
		drop(1, urgent);
	return true;
}

/* Writing. Lines of level err and above are those whose priority is at most LOG_ERR. */

static unsigned errors_among(const struct log_record *list, unsigned count)
{
	unsigned errors = 0;

	for (unsigned i = 0; i < count; i++)
		errors += list[i].priority <= LOG_ERR;
	return errors;
}

/* Room for PIPE_BUF bytes at the reader; true also when a write says what is wrong. */
static bool has_room(int ms)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&p, 1, ms) > 0;
}

/* false: an error; what it leaves of a line is left. */
static bool write_whole(struct iovec *iov, unsigned count)
{
	while (count > 0) {
		ssize_t n = writev(STDERR_FILENO, iov, (int)count);

		if (n < 0 && (errno == EINTR || (errno == EAGAIN && has_room(ROOM_MS))))
			continue;
		if (n < 0)
			return false;
		for (; count > 0 && (size_t)n >= iov->iov_len; iov++, count--)
			n -= (ssize_t)iov->iov_len;
		if (count > 0) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return true;
}

/* As many lines as fit in PIPE_BUF; they are all written, or dropped. How many. */
static unsigned write_lines(const struct log_record *list, unsigned count)
{
	struct iovec iov[BATCH];
	size_t size = 0;
	unsigned n = 0;

	for (; n < count && (n == 0 || size + list[n].len <= PIPE_BUF); n++) {
		iov[n].iov_base = (void *)(uintptr_t)list[n].text;
		iov[n].iov_len = list[n].len;
		size += list[n].len;
	}
	if (write_whole(iov, n))
		counter_add(w.counters, w.first + C_LINES, n);
	else
		drop(n, errors_among(list, n));
	return n;
}

/* One line, without its time and its newline: syslog has both by itself. */
static void write_syslog(const struct log_record *line)
{
	syslog(line->priority, "%.*s", (int)(line->len - line->body - 1), line->text + line->body);
	counter_inc(w.counters, w.first + C_LINES);
}

/* Nothing is there, it was written, or there was no room for it. */
enum outcome { NOTHING, WRITTEN, NO_ROOM };

static enum outcome write_some(void)
{
	struct log_record list[BATCH];
	unsigned count = log_ring_peek(w.ring, list, BATCH);

	if (count == 0)
		return NOTHING;
	if (w.to_syslog) {
		count = 1;
		write_syslog(&list[0]);
	} else if (has_room(ROOM_MS)) {
		count = write_lines(list, count);
	} else {
		return NO_ROOM;
	}
	w.done = list[count - 1].end;
	log_ring_take(w.ring, &list[count - 1]);
	return WRITTEN;
}

static bool write_left_out(uint64_t lines, uint64_t errors)
{
	static const char source[] = "log", level[] = "WARN";
	char text[128], line[256];
	struct log_record rec = {.text = line, .priority = LOG_WARNING};
	struct iovec iov = {.iov_base = line};
	struct buf b;
	size_t body;
	int len = snprintf(text, sizeof(text), "%llu lines left out, %llu of them errors: the log was not read fast enough, or not written",
		(unsigned long long)lines, (unsigned long long)errors);

	buf_fixed(&b, line, sizeof(line));
	log_line_make(&b, &body, source, level, (struct slice){0}, slice_make(text, (size_t)len));
	rec.len = (uint16_t)b.len;
	rec.body = (uint16_t)body;
	iov.iov_len = b.len;
	if (w.to_syslog) {
		write_syslog(&rec);
		return true;
	}
	if (!write_whole(&iov, 1))
		return false;
	counter_inc(w.counters, w.first + C_LINES);
	return true;
}

/* Behind the lines that were there when some were left out. ms: how long to wait for room. */
static void tell_left_out(int ms)
{
	uint64_t dropped = atomic_load_explicit(&w.dropped, memory_order_acquire);
	uint64_t errors = atomic_load_explicit(&w.dropped_errors, memory_order_relaxed);

	if (dropped == w.told)
		return;
	if (w.tell_at == 0)
		w.tell_at = log_ring_head(w.ring);
	if (w.done < w.tell_at || (!w.to_syslog && !has_room(ms)))
		return;
	w.tell_at = 0;
	if (!write_left_out(dropped - w.told, errors - w.told_errors))
		return; /* the next such line has these as well */
	w.told = dropped;
	w.told_errors = errors;
}

/* The thread */

static void sleep_until_woken(void)
{
	atomic_store(&w.asleep, 1);
	if (log_ring_is_empty(w.ring) && atomic_load(&w.stop_at) == 0)
		syscall(SYS_futex, &w.asleep, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0);
	atomic_store(&w.asleep, 0);
}

static enum outcome turn(void)
{
	enum outcome what;

	while (atomic_exchange_explicit(&w.taken, true, memory_order_acquire))
		nap(LOG_NAP_US); /* somebody crashes */
	what = write_some();
	tell_left_out(what == NOTHING ? ROOM_MS : 0);
	atomic_store_explicit(&w.taken, false, memory_order_release);
	return what;
}

static void *writer_main(void *arg)
{
	bool rested = true;

	for (;;) {
		enum outcome what = turn();
		uint64_t stop_at = atomic_load(&w.stop_at);

		if (stop_at != 0 && ((what == NOTHING && log_ring_is_empty(w.ring)) || now_ms() > stop_at))
			return arg;
		if (what != NOTHING) {
			rested = false;
			continue;
		}
		if (rested && stop_at == 0 && w.tell_at == 0)
			sleep_until_woken();
		else
			nap(LOG_NAP_US);
		rested = true;
	}
}

int log_writer_start(size_t room, bool to_syslog, struct counter_array *counters, unsigned first)
{
	int err = log_ring_new(&w.ring, room);

	if (err != 0)
		return err;
	w.to_syslog = to_syslog;
	w.counters = counters;
	w.first = first;
	w.told = w.told_errors = w.tell_at = w.done = 0;
	atomic_store(&w.dropped, 0);
	atomic_store(&w.dropped_errors, 0);
	atomic_store(&w.stop_at, 0);
	err = pthread_create(&w.thread, NULL, writer_main, NULL);
	if (err != 0) {
		log_ring_destroy(&w.ring);
		return -err;
	}
	pthread_setname_np(w.thread, "log");
	atomic_store_explicit(&w.running, true, memory_order_release);
	return 0;
}

int log_writer_stop(unsigned ms)
{
	struct timespec until;

	if (!atomic_exchange(&w.running, false))
		return 0;
	atomic_store(&w.stop_at, now_ms() + ms);
	wake();
	/* Only a write for which there was room, and then was none, or the system's log keeps it longer. */
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000 + 1;
	if (pthread_timedjoin_np(w.thread, NULL, &until) != 0) {
		pthread_detach(w.thread);
		return -ETIMEDOUT;
	}
	log_ring_destroy(&w.ring);
	return 0;
}

void log_writer_crash(void)
{
	uint64_t until = now_ms() + CRASH_TRIES;
	struct log_record line;

	if (!atomic_load(&w.running))
		return;
	while (atomic_exchange_explicit(&w.taken, true, memory_order_acquire)) {
		if (now_ms() > until)
			return; /* its own crash, or it hangs */
		nap(1000);
	}
	while (now_ms() < until && log_ring_peek(w.ring, &line, 1) == 1 && has_room(ROOM_MS)) {
		struct iovec iov = {.iov_base = (void *)(uintptr_t)line.text, .iov_len = line.len};

		(void)write_whole(&iov, 1);
		log_ring_take(w.ring, &line);
	}
}
