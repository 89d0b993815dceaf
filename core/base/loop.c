#include "core/base/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/wheel.h"

#define LOOP_HOOKS   16
#define LOOP_FOREVER UINT64_MAX
#define LOOP_SLEEP_US                                                                    \
	((uint64_t)3600 * 1000000) /* libevent is asked for no more at once */
#define LOOP_DUE_MAX (UINT64_MAX / 2)

/*
 * The clock of one turn. A turn begins when the loop wakes: the first who asks for the time
 * then (mostly one of the callbacks below) reads it for all.
 */
struct turn_clock {
	uint64_t us;
	bool in_turn, fresh;
};

struct hook {
	bool (*fn)(void *arg);
	void *arg;
};

struct loop {
	struct event_base *base;
	struct turn_clock
		*clock; /* apart, because asking a const loop may read it anew */
	struct wheel wheel;
	struct timer *due;  /* of the tick at hand, not yet run */
	struct event alarm; /* ends the sleep when the wheel has something to do */
	uint64_t alarm_us;  /* when it is armed for; LOOP_FOREVER: not armed */
	struct event wake;  /* another thread wrote to wake_fd */
	int wake_fd;
	atomic_bool waking; /* written and not yet seen: one write is enough */
	atomic_bool stop;
	_Atomic uint64_t longest_us;
	struct hook hooks[LOOP_HOOKS];
	unsigned hook_count;
	struct loop_task *tasks; /* newest first */
	bool in_hooks;
	bool more; /* a hook has more to do: do not sleep */
};

struct loop_io {
	struct loop *loop;
	int fd;
	void (*fn)(void *arg, int fd, int what);
	void *arg;
	bool watched;
	struct event event;
};

uint64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t clock_wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

/* Outside of a turn (start-up) the time is always read. */
static uint64_t turn_us(const struct loop *l)
{
	struct turn_clock *clock = l->clock;

	if (!clock->in_turn || !clock->fresh) {
		clock->us = clock_us();
		clock->fresh = true;
	}
	return clock->us;
}

uint64_t loop_now(const struct loop *l)
{
	return turn_us(l) / 1000;
}

static void libevent_log(int severity, const char *text)
{
	static const enum log_level levels[] = {
		LOG_L_DBG, LOG_L_INFO, LOG_L_WARN, LOG_L_ERR};

	LOG(log_source_get("core"),
		severity >= 0 && severity < 4 ? levels[severity] : LOG_L_ERR,
		"libevent: %s", text);
}

static void libevent_once(void)
{
	event_set_log_callback(libevent_log);
	evthread_use_pthreads();
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;

	(void)fd;
	(void)what;
	/* The turn looks at the wheel by itself; here the sleep just ends. */
	l->alarm_us = LOOP_FOREVER;
	turn_us(l);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	uint64_t count;

	(void)what;
	turn_us(l);
	/*
	 * Empty it first, then the flag: the other way round a write in between would be
	 * read away with the flag up, and nobody would ever write again. Who finds the flag
	 * up until the exchange is served by this turn, whose end is yet to come.
	 */
	if (read(fd, &count, sizeof(count)) < 0)
		return; /* EAGAIN: a false alarm, the flag is somebody's who is about to write */
	atomic_exchange(&l->waking, false);
}

static int loop_open(struct loop *l)
{
	l->clock = calloc(1, sizeof(*l->clock));
	l->base = event_base_new();
	if (l->clock == NULL || l->base == NULL)
		return -ENOMEM;
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake_fd < 0)
		return -errno;
	if (event_assign(&l->alarm, l->base, -1, 0, on_alarm, l) != 0 ||
		event_assign(&l->wake, l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake,
			l) != 0 ||
		event_add(&l->wake, NULL) != 0)
		return -ENOMEM;
	wheel_init(&l->wheel, clock_us() / 1000 / LOOP_TICK_MS);
	return 0;
}

int loop_new(struct loop **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct loop *l = calloc(1, sizeof(*l));
	int err;

	if (l == NULL)
		return -ENOMEM;
	pthread_once(&once, libevent_once);
	l->wake_fd = -1;
	l->alarm_us = LOOP_FOREVER;
	err = loop_open(l);
	if (err != 0)
		loop_destroy(&l);
	else
		*out = l;
	return err;
}

void loop_destroy(struct loop **lp)
{
	struct loop *l = *lp;

	*lp = NULL;
	if (l == NULL)
		return;
	wheel_clear(&l->wheel);
	/* Takes the events off as well. */
	if (l->base != NULL)
		event_base_free(l->base);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	free(l->clock);
	free(l);
}

struct event_base *loop_base(struct loop *l)
{
	return l->base;
}

void loop_wakeup(struct loop *l)
{
	const uint64_t one = 1;

	if (atomic_exchange(&l->waking, true))
		return;
	/* Fails only when the count is full, and then the loop is awake anyway. */
	if (write(l->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	loop_wakeup(l);
}

uint64_t loop_longest_turn_us(struct loop *l)
{
	return atomic_exchange_explicit(&l->longest_us, 0, memory_order_relaxed);
}

void timer_init(struct timer *t, void (*fn)(void *arg), void *arg)
{
	*t = (struct timer){.fn = fn, .arg = arg};
}

void timer_start(struct loop *l, struct timer *t, uint64_t ms)
{
	/* Rounded up: the part of a millisecond that has passed does not count. */
	uint64_t now = (turn_us(l) + 999) / 1000;

	timer_stop(t);
	t->loop = l;
	t->due = ms < LOOP_DUE_MAX - now ? now + ms : LOOP_DUE_MAX;
	/* An empty wheel stands still while the loop sleeps; it need not walk the way after. */
	if (l->wheel.count == 0)
		(void)wheel_advance(&l->wheel, now / LOOP_TICK_MS, &l->due);
	wheel_add(&l->wheel, t);
}

void timer_stop(struct timer *t)
{
	if (t->prev != NULL)
		wheel_remove(&t->loop->wheel, t);
}

/* Callbacks may start, stop and free any timer, so the list is looked at anew after each. */
static void run_timers(struct loop *l)
{
	uint64_t now = loop_now(l) / LOOP_TICK_MS;

	while (wheel_advance(&l->wheel, now, &l->due)) {
		while (l->due != NULL) {
			struct timer *t = l->due;

			wheel_remove(&l->wheel, t);
			t->fn(t->arg);
		}
	}
}

/* Arm the alarm for the wheel's next tick or until, whichever is first. */
static void set_alarm(struct loop *l, uint64_t until_us)
{
	uint64_t tick, now, wait;
	struct timeval tv;

	if (wheel_next(&l->wheel, &tick) && tick * LOOP_TICK_MS * 1000 < until_us)
		until_us = tick * LOOP_TICK_MS * 1000;
	if (until_us == LOOP_FOREVER) {
		if (l->alarm_us != LOOP_FOREVER)
			event_del(&l->alarm);
		l->alarm_us = LOOP_FOREVER;
		return;
	}
	/* Too early is harmless and rare: timers stopped meanwhile. */
	if (l->alarm_us <= until_us)
		return;
	now = clock_us();
	wait = until_us > now ? until_us - now : 1;
	if (wait > LOOP_SLEEP_US)
		wait = LOOP_SLEEP_US;
	tv.tv_sec = (time_t)(wait / 1000000);
	tv.tv_usec = (suseconds_t)(wait % 1000000);
	if (event_add(&l->alarm, &tv) == 0)
		l->alarm_us = until_us;
}

/* Close the gaps that hooks leave which were taken off. */
static void close_gaps(struct loop *l)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < l->hook_count; i++) {
		if (l->hooks[i].fn != NULL)
			l->hooks[kept++] = l->hooks[i];
	}
	l->hook_count = kept;
}

static void run_hooks(struct loop *l)
{
	l->more = false;
	l->in_hooks = true;
	for (unsigned i = 0; i < l->hook_count; i++) {
		if (l->hooks[i].fn != NULL && l->hooks[i].fn(l->hooks[i].arg))
			l->more = true;
	}
	l->in_hooks = false;
	close_gaps(l);
}

/* What they queue anew is for the next turn, which follows at once. */
static void run_tasks(struct loop *l)
{
	struct loop_task *list = l->tasks;

	l->tasks = NULL;
	while (list != NULL) {
		struct loop_task *t = list;

		list = t->next;
		t->queued = false;
		t->fn(t->arg);
	}
}

void loop_at_end(struct loop *l, struct loop_task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	t->next = l->tasks;
	l->tasks = t;
}

void loop_not_at_end(struct loop *l, struct loop_task *t)
{
	struct loop_task **at = &l->tasks;

	while (*at != NULL && *at != t)
		at = &(*at)->next;
	if (*at != NULL)
		*at = t->next;
	t->queued = false;
}

static void note_turn(struct loop *l)
{
	/* The clock was read at the wake-up, at the latest by run_timers(). */
	uint64_t took = clock_us() - l->clock->us;

	/* Only this thread raises it; a reader may take it to 0 between: the turn counts anew. */
	if (took > atomic_load_explicit(&l->longest_us, memory_order_relaxed))
		atomic_store_explicit(&l->longest_us, took, memory_order_relaxed);
}

/* A turn: sleep until something happens (or until_us), callbacks, timers, hooks. */
static void turn(struct loop *l, uint64_t until_us)
{
	bool sleep = !l->more && l->tasks == NULL && until_us > 0;

	if (sleep)
		set_alarm(l, until_us);
	l->clock->in_turn = true;
	l->clock->fresh = false;
	event_base_loop(l->base, sleep ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
	run_timers(l);
	run_hooks(l);
	run_tasks(l);
	note_turn(l);
	l->clock->in_turn = false;
}

void loop_turn(struct loop *l, unsigned max_ms)
{
	turn(l, max_ms > 0 ? clock_us() + (uint64_t)max_ms * 1000 : 0);
}

void loop_run(struct loop *l)
{
	/* Taken back at the end, so that a stop before the start is not lost. */
	while (!atomic_load(&l->stop))
		turn(l, LOOP_FOREVER);
	atomic_store(&l->stop, false);
}

int loop_on_turn_end(struct loop *l, bool (*fn)(void *arg), void *arg)
{
	if (l->hook_count == LOOP_HOOKS)
		return -ENOSPC;
	l->hooks[l->hook_count++] = (struct hook){fn, arg};
	return 0;
}

void loop_off_turn_end(struct loop *l, bool (*fn)(void *arg), void *arg)
{
	for (unsigned i = 0; i < l->hook_count; i++) {
		if (l->hooks[i].fn == fn && l->hooks[i].arg == arg)
			l->hooks[i] = (struct hook){0};
	}
	/* A hook that takes one off must not shift the others under the running loop. */
	if (!l->in_hooks)
		close_gaps(l);
}

static void on_io(evutil_socket_t fd, short what, void *arg)
{
	struct loop_io *io = arg;

	turn_us(io->loop);
	/* fn may delete io: nothing of it is touched afterwards. */
	io->fn(io->arg, fd,
		(what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0));
}

static void io_unwatch(struct loop_io *io)
{
	if (io->watched)
		event_del(&io->event);
	io->watched = false;
}

int loop_io_set(struct loop_io *io, int what)
{
	int flags = EV_PERSIST;

	if (what & LOOP_READ)
		flags |= EV_READ;
	if (what & LOOP_WRITE)
		flags |= EV_WRITE;
	if (what & LOOP_EDGE)
		flags |= EV_ET;
	io_unwatch(io);
	if ((what & (LOOP_READ | LOOP_WRITE)) == 0)
		return 0;
	errno = 0;
	if (event_assign(&io->event, io->loop->base, io->fd, (short)flags, on_io, io) !=
		0)
		return -EINVAL;
	if (event_add(&io->event, NULL) != 0)
		return errno != 0 ? -errno : -EIO;
	io->watched = true;
	return 0;
}

int loop_io_add(struct loop *l, int fd, int what, void (*fn)(void *arg, int fd, int what),
	void *arg, struct loop_io **out)
{
	struct loop_io *io = calloc(1, sizeof(*io));
	int err;

	if (io == NULL)
		return -ENOMEM;
	io->loop = l;
	io->fd = fd;
	io->fn = fn;
	io->arg = arg;
	err = loop_io_set(io, what);
	if (err != 0)
		free(io);
	else
		*out = io;
	return err;
}

void loop_io_del(struct loop_io **iop)
{
	struct loop_io *io = *iop;

	*iop = NULL;
	if (io == NULL)
		return;
	io_unwatch(io);
	free(io);
}
