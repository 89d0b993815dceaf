#include "tests/unit/ph_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <event2/event.h>

#include "core/base/loop.h"

#define PATIENCE_US ((uint64_t)10 * 1000000) /* a test that waits longer has failed */

/* What a callback saw. */
struct seen {
	struct loop *loop;
	struct timer timer;
	struct timer *others[3];
	struct seen *peer;
	struct loop_io *io;
	unsigned count;
	int what;
	uint64_t at_us;
};

static int setup(void **state)
{
	struct seen *s = calloc(1, sizeof(*s));

	assert_int_equal(loop_new(&s->loop), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct seen *s = *state;

	loop_io_del(&s->io);
	loop_destroy(&s->loop);
	assert_null(s->loop);
	loop_destroy(&s->loop);
	free(s);
	return 0;
}

/* Turns until *count is as wanted. */
static void await_count(struct loop *l, const unsigned *count, unsigned want)
{
	uint64_t end = clock_us() + PATIENCE_US;

	while (*count < want && clock_us() < end)
		loop_turn(l, 1000);
	assert_int_equal(*count, want);
}

static void on_timer(void *arg)
{
	struct seen *s = arg;

	s->count++;
	s->at_us = clock_us();
}

static void a_timer_runs_once_and_never_early(void **state)
{
	static const unsigned waits[] = {0, 1, 9, 10, 11, 25, 60, 700};
	struct seen *s = *state;

	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		uint64_t from = clock_us();

		s->count = 0;
		timer_init(&s->timer, on_timer, s);
		assert_false(timer_pending(&s->timer));
		timer_start(s->loop, &s->timer, waits[i]);
		assert_true(timer_pending(&s->timer));
		await_count(s->loop, &s->count, 1);
		assert_false(timer_pending(&s->timer));
		assert_true(s->at_us - from >= waits[i] * 1000);
		/* A tick, and much for a machine that is busy with other tests. */
		assert_true(s->at_us - from < waits[i] * 1000 + 1000000);
	}
	loop_turn(s->loop, 30);
	assert_int_equal(s->count, 1);
}

static void most_timers_are_less_than_two_ticks_late(void **state)
{
	struct seen *s = *state;
	unsigned good = 0;

	timer_init(&s->timer, on_timer, s);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t from = clock_us();

		timer_start(s->loop, &s->timer, 20 + i);
		await_count(s->loop, &s->count, i + 1);
		good += s->at_us - from < (uint64_t)(20 + i + 2 * LOOP_TICK_MS) * 1000;
	}
	/* The scheduler may spoil some. */
	assert_in_range(good, 10, 20);
}

static void a_stopped_timer_does_not_run(void **state)
{
	struct seen *s = *state;
	uint64_t end = clock_us() + 60000;

	timer_init(&s->timer, on_timer, s);
	timer_stop(&s->timer);
	timer_start(s->loop, &s->timer, 20);
	timer_stop(&s->timer);
	timer_stop(&s->timer);
	assert_false(timer_pending(&s->timer));
	while (clock_us() < end)
		loop_turn(s->loop, 20);
	assert_int_equal(s->count, 0);
}

static void starting_again_moves_the_time(void **state)
{
	struct seen *s = *state;
	uint64_t from = clock_us();

	timer_init(&s->timer, on_timer, s);
	timer_start(s->loop, &s->timer, 10);
	timer_start(s->loop, &s->timer, 80);
	await_count(s->loop, &s->count, 1);
	assert_true(s->at_us - from >= 80000);
	/* Also to an earlier one, when the alarm is armed for the later. */
	timer_start(s->loop, &s->timer, 5000);
	loop_turn(s->loop, 1);
	from = clock_us();
	timer_start(s->loop, &s->timer, 10);
	await_count(s->loop, &s->count, 2);
	assert_true(s->at_us - from < 4000000);
}

static void time_is_fresh_after_a_long_pause_outside_the_loop(void **state)
{
	struct seen *s = *state;
	uint64_t from, before = loop_now(s->loop);

	loop_turn(s->loop, 0);
	for (from = clock_us(); clock_us() < from + 30000;)
		;
	assert_true(loop_now(s->loop) >= before + 30);
	from = clock_us();
	timer_init(&s->timer, on_timer, s);
	timer_start(s->loop, &s->timer, 20);
	await_count(s->loop, &s->count, 1);
	assert_true(s->at_us - from >= 20000);
}

static void endless_timers_may_be_started(void **state)
{
	struct seen *s = *state;

	timer_init(&s->timer, on_timer, s);
	timer_start(s->loop, &s->timer, UINT64_MAX);
	loop_turn(s->loop, 20);
	assert_true(timer_pending(&s->timer));
	timer_start(s->loop, &s->timer, (uint64_t)365 * 86400 * 1000);
	loop_turn(s->loop, 20);
	assert_true(timer_pending(&s->timer));
	assert_int_equal(s->count, 0);
}

static void on_meddling(void *arg)
{
	struct seen *s = arg;

	s->count++;
	/* Of the same tick, not yet run: one is stopped, one freed, one put off. */
	timer_stop(s->others[0]);
	timer_stop(s->others[1]);
	free(s->others[1]);
	s->others[1] = NULL;
	timer_start(s->loop, s->others[2], 30);
	timer_start(s->loop, &s->timer, 1000);
}

static void a_callback_may_start_stop_and_free_any_timer(void **state)
{
	struct seen *s = *state, ran[3] = {{0}};
	struct timer kept[3] = {{0}};

	timer_init(&s->timer, on_meddling, s);
	timer_start(s->loop, &s->timer, 5);
	for (int i = 0; i < 3; i++) {
		s->others[i] = i == 1 ? malloc(sizeof(struct timer)) : &kept[i];
		timer_init(s->others[i], on_timer, &ran[i]);
		timer_start(s->loop, s->others[i], 5);
	}
	await_count(s->loop, &s->count, 1);
	assert_null(s->others[1]);
	assert_true(timer_pending(&s->timer));
	assert_int_equal(ran[0].count, 0);
	assert_int_equal(ran[1].count, 0);
	timer_stop(&s->timer);
	await_count(s->loop, &ran[2].count, 1);
	assert_false(timer_pending(&kept[0]));
}

struct own {
	struct timer timer;
	unsigned *freed;
};

static void on_own_end(void *arg)
{
	struct own *own = arg;

	++*own->freed;
	free(own);
}

static void a_callback_may_free_its_own_timer(void **state)
{
	struct seen *s = *state;
	unsigned freed = 0;

	for (int i = 0; i < 100; i++) {
		struct own *own = calloc(1, sizeof(*own));

		own->freed = &freed;
		timer_init(&own->timer, on_own_end, own);
		timer_start(s->loop, &own->timer, (uint64_t)i % 3 * 10);
	}
	await_count(s->loop, &freed, 100);
}

static void on_restart(void *arg)
{
	struct seen *s = arg;

	s->count++;
	timer_start(s->loop, &s->timer, 0);
}

static void a_timer_that_restarts_itself_at_once_leaves_turns_to_others(void **state)
{
	struct seen *s = *state;
	uint64_t from = clock_us();

	timer_init(&s->timer, on_restart, s);
	timer_start(s->loop, &s->timer, 0);
	await_count(s->loop, &s->count, 5);
	/* Once a tick: five of them last at least four. */
	assert_true(clock_us() - from >= 4 * LOOP_TICK_MS * 1000);
	timer_stop(&s->timer);
}

static void timers_pending_at_the_end_are_forgotten(void **state)
{
	struct seen *s = *state;

	timer_init(&s->timer, on_timer, s);
	timer_start(s->loop, &s->timer, 0);
	loop_destroy(&s->loop);
	assert_false(timer_pending(&s->timer));
	timer_stop(&s->timer); /* touches no freed memory */
	assert_int_equal(s->count, 0);
	assert_int_equal(loop_new(&s->loop), 0);
}

static void an_idle_loop_is_not_woken(void **state)
{
	struct seen *s = *state;
	unsigned turns = 0;
	uint64_t end;

	/* A far timer arms one alarm; a stopped one at most wakes once more. */
	timer_init(&s->timer, on_timer, s);
	timer_start(s->loop, &s->timer, 10);
	timer_stop(&s->timer);
	for (end = clock_us() + 200000; clock_us() < end; turns++)
		loop_turn(s->loop, 100);
	assert_in_range(turns, 2, 5);
	assert_false(event_base_get_num_events(
			     loop_base(s->loop), EVENT_BASE_COUNT_ADDED) > 2);
}

static void on_io(void *arg, int fd, int what)
{
	struct seen *s = arg;
	char byte;

	s->what = what;
	s->count++;
	if (what & LOOP_READ)
		(void)!read(fd, &byte, 1);
}

static void ready_files_are_told_until_they_are_drained(void **state)
{
	struct seen *s = *state;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(loop_io_add(s->loop, fds[0], LOOP_READ, on_io, s, &s->io), 0);
	loop_turn(s->loop, 0);
	assert_int_equal(s->count, 0);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	/* One byte is read a time; what is left is told again. */
	await_count(s->loop, &s->count, 3);
	assert_int_equal(s->what, LOOP_READ);
	loop_turn(s->loop, 0);
	assert_int_equal(s->count, 3);
	assert_int_equal(loop_io_set(s->io, LOOP_READ | LOOP_WRITE), 0);
	await_count(s->loop, &s->count, 4);
	assert_int_equal(s->what, LOOP_WRITE);
	assert_int_equal(loop_io_set(s->io, 0), 0);
	assert_int_equal(write(fds[1], "d", 1), 1);
	loop_turn(s->loop, 0);
	loop_turn(s->loop, 0);
	assert_int_equal(s->count, 4);
	assert_int_equal(loop_io_set(s->io, LOOP_READ), 0);
	await_count(s->loop, &s->count, 5);
	loop_io_del(&s->io);
	assert_null(s->io);
	assert_int_equal(write(fds[1], "e", 1), 1);
	loop_turn(s->loop, 0);
	assert_int_equal(s->count, 5);
	/* The files stayed ours. */
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
}

static void edges_are_told_once(void **state)
{
	struct seen *s = *state;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(
		loop_io_add(s->loop, fds[0], LOOP_READ | LOOP_EDGE, on_io, s, &s->io), 0);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	await_count(s->loop, &s->count, 1);
	loop_turn(s->loop, 0);
	loop_turn(s->loop, 0);
	assert_int_equal(s->count, 1);
	assert_int_equal(write(fds[1], "d", 1), 1);
	await_count(s->loop, &s->count, 2);
	loop_io_del(&s->io);
	close(fds[0]);
	close(fds[1]);
}

static void on_io_end(void *arg, int fd, int what)
{
	struct seen *s = arg;

	(void)fd;
	(void)what;
	s->count++;
	loop_io_del(&s->io);
}

static void a_watch_may_end_in_its_own_callback(void **state)
{
	struct seen *s = *state;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(write(fds[1], "abc", 3), 3);
	assert_int_equal(loop_io_add(s->loop, fds[0], LOOP_READ | LOOP_WRITE, on_io_end,
				 s, &s->io),
		0);
	await_count(s->loop, &s->count, 1);
	assert_null(s->io);
	loop_turn(s->loop, 0);
	assert_int_equal(s->count, 1);
	close(fds[0]);
	close(fds[1]);
}

static void on_io_end_both(void *arg, int fd, int what)
{
	struct seen *s = arg;

	(void)fd;
	(void)what;
	s->count++;
	loop_io_del(&s->io);
	loop_io_del(&s->peer->io);
}

static void a_callback_may_end_another_watch_that_is_ready_too(void **state)
{
	struct seen *s = *state, other = {.peer = s};
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	s->peer = &other;
	assert_int_equal(
		loop_io_add(s->loop, fds[0], LOOP_WRITE, on_io_end_both, s, &s->io), 0);
	assert_int_equal(loop_io_add(s->loop, fds[1], LOOP_WRITE, on_io_end_both, &other,
				 &other.io),
		0);
	loop_turn(s->loop, 1000);
	loop_turn(s->loop, 0);
	assert_int_equal(s->count + other.count, 1);
	assert_null(s->io);
	assert_null(other.io);
	close(fds[0]);
	close(fds[1]);
}

static void what_cannot_be_watched_is_refused(void **state)
{
	struct seen *s = *state;
	struct ph_test_log log;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct loop_io *io = (struct loop_io *)(void *)s;

	ph_test_log_start(&log);
	close(fd);
	assert_int_equal(loop_io_add(s->loop, fd, LOOP_READ, on_io, s, &io), -EBADF);
	ph_test_log_stop();
	assert_ptr_equal(io, s);
	/* And libevent's own words went to our log. */
	assert_true(ph_test_log_has(&log, "libevent"));
}

static bool stop_in_turn(void *arg)
{
	struct seen *s = arg;

	loop_stop(s->loop);
	return false;
}

static void *stop_later(void *arg)
{
	loop_stop(arg);
	return NULL;
}

static void a_stop_from_another_thread_ends_the_sleep(void **state)
{
	struct seen *s = *state;
	pthread_t thread;

	for (int i = 0; i < 50; i++) {
		/* Before or after the loop falls asleep: it is never lost. */
		assert_int_equal(pthread_create(&thread, NULL, stop_later, s->loop), 0);
		loop_run(s->loop);
		pthread_join(thread, NULL);
	}
	/* The stop was used up: a turn sleeps again. */
	timer_init(&s->timer, on_timer, s);
	timer_start(s->loop, &s->timer, 20);
	await_count(s->loop, &s->count, 1);
}

static void a_loop_without_timers_has_no_alarm(void **state)
{
	struct seen *s = *state;
	int before =
		event_base_get_num_events(loop_base(s->loop), EVENT_BASE_COUNT_ADDED);

	timer_init(&s->timer, on_timer, s);
	timer_start(s->loop, &s->timer, 5000);
	loop_turn(s->loop, 1);
	timer_start(s->loop, &s->timer, 5000);
	loop_stop(s->loop);
	loop_run(s->loop);
	loop_wakeup(s->loop);
	loop_turn(s->loop, 1000);
	assert_int_equal(
		event_base_get_num_events(loop_base(s->loop), EVENT_BASE_COUNT_ADDED),
		before + 1);
	timer_stop(&s->timer);
	assert_int_equal(loop_on_turn_end(s->loop, stop_in_turn, s), 0);
	loop_wakeup(s->loop);
	loop_run(s->loop);
	assert_int_equal(
		event_base_get_num_events(loop_base(s->loop), EVENT_BASE_COUNT_ADDED),
		before);
}

struct waker {
	struct loop *loop;
	atomic_uint rung; /* calls of loop_wakeup() */
	unsigned heard;   /* what the loop knows of them */
	unsigned want;
};

static void *ring(void *arg)
{
	struct waker *w = arg;

	for (unsigned i = 0; i < w->want; i++) {
		atomic_fetch_add(&w->rung, 1);
		loop_wakeup(w->loop);
	}
	return NULL;
}

static bool on_turn_heard(void *arg)
{
	struct waker *w = arg;

	w->heard = atomic_load(&w->rung);
	if (w->heard == w->want)
		loop_stop(w->loop);
	return false;
}

static void no_wakeup_is_lost(void **state)
{
	struct seen *s = *state;
	struct waker w = {.loop = s->loop, .want = 2000};
	pthread_t thread;

	/* A lost one would let loop_run() sleep for ever: the alarm ends the test. */
	alarm(30);
	assert_int_equal(loop_on_turn_end(s->loop, on_turn_heard, &w), 0);
	for (int i = 0; i < 20; i++) {
		atomic_store(&w.rung, 0);
		assert_int_equal(pthread_create(&thread, NULL, ring, &w), 0);
		loop_run(s->loop);
		pthread_join(thread, NULL);
		assert_int_equal(w.heard, w.want);
	}
	loop_off_turn_end(s->loop, on_turn_heard, &w);
	alarm(0);
}

struct hook_log {
	struct loop *loop;
	char *text;
	const char *name;
	unsigned more;
	bool leave;
};

static bool on_turn_end(void *arg)
{
	struct hook_log *h = arg;

	strcat(h->text, h->name);
	if (h->leave)
		loop_off_turn_end(h->loop, on_turn_end, h);
	if (h->more == 0)
		return false;
	h->more--;
	return true;
}

static void hooks_run_at_the_end_of_every_turn_in_order(void **state)
{
	struct seen *s = *state;
	char text[64] = "";
	struct hook_log a = {s->loop, text, "a", 0, false};
	struct hook_log b = {s->loop, text, "b", 0, true};
	struct hook_log c = {s->loop, text, "c", 0, false};

	assert_int_equal(loop_on_turn_end(s->loop, on_turn_end, &a), 0);
	assert_int_equal(loop_on_turn_end(s->loop, on_turn_end, &b), 0);
	assert_int_equal(loop_on_turn_end(s->loop, on_turn_end, &c), 0);
	loop_turn(s->loop, 0);
	loop_turn(s->loop, 0); /* b has left, in its own call */
	assert_string_equal(text, "abcac");
	loop_off_turn_end(s->loop, on_turn_end, &a);
	loop_off_turn_end(s->loop, on_turn_end, &a);
	loop_turn(s->loop, 0);
	assert_string_equal(text, "abcacc");
	loop_off_turn_end(s->loop, on_turn_end, &c);
	loop_turn(s->loop, 0);
	assert_string_equal(text, "abcacc");
}

static void a_hook_with_more_to_do_keeps_the_loop_awake(void **state)
{
	struct seen *s = *state;
	char text[64] = "";
	struct hook_log h = {s->loop, text, "x", 3, false};
	uint64_t from = clock_us();

	assert_int_equal(loop_on_turn_end(s->loop, on_turn_end, &h), 0);
	loop_turn(s->loop, 0);
	for (int i = 0; i < 3; i++)
		loop_turn(s->loop, 5000);
	assert_string_equal(text, "xxxx");
	assert_true(clock_us() - from < 4000000);
	/* Then it sleeps again. */
	from = clock_us();
	loop_turn(s->loop, 30);
	assert_true(clock_us() - from >= 25000);
}

/* A descriptor that nobody empties: readable in every turn. */
static void count_ready(void *arg, int fd, int what)
{
	unsigned *calls = arg;

	(void)fd;
	(void)what;
	/* the test fails, instead of hanging, when the turn does not end */
	if (++*calls > 1000)
		abort();
}

static void a_busy_descriptor_does_not_keep_hooks_that_have_more_to_do_from_running(void **state)
{
	struct seen *s = *state;
	char text[64] = "";
	struct hook_log h = {s->loop, text, "x", 3, false};
	struct loop_io *io = NULL;
	unsigned calls = 0;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_io_add(s->loop, fds[0], LOOP_READ, count_ready, &calls, &io), 0);
	assert_int_equal(loop_on_turn_end(s->loop, on_turn_end, &h), 0);
	for (int i = 0; i < 4; i++)
		loop_turn(s->loop, 1000);
	assert_string_equal(text, "xxxx");
	assert_true(calls >= 3 && calls <= 8);
	loop_off_turn_end(s->loop, on_turn_end, &h);
	loop_io_del(&io);
	close(fds[0]);
	close(fds[1]);
}

static void there_is_room_for_sixteen_hooks(void **state)
{
	struct seen *s = *state;
	char text[64] = "";
	struct hook_log h = {s->loop, text, "x", 0, false};

	for (int i = 0; i < 16; i++)
		assert_int_equal(loop_on_turn_end(s->loop, on_turn_end, &h), 0);
	assert_int_equal(loop_on_turn_end(s->loop, on_turn_end, &h), -ENOSPC);
	loop_off_turn_end(s->loop, on_turn_end, &h);
	assert_int_equal(loop_on_turn_end(s->loop, on_turn_end, &h), 0);
	loop_turn(s->loop, 0);
	assert_string_equal(text, "x");
}

static void on_slow_timer(void *arg)
{
	struct seen *s = arg;
	uint64_t from = clock_us();

	s->count++;
	while (clock_us() < from + 20000)
		;
}

static void the_longest_turn_is_remembered_without_the_sleep(void **state)
{
	struct seen *s = *state;

	(void)loop_longest_turn_us(s->loop);
	timer_init(&s->timer, on_slow_timer, s);
	timer_start(s->loop, &s->timer, 300);
	await_count(s->loop, &s->count, 1);
	assert_in_range(loop_longest_turn_us(s->loop), 20000, 290000);
	assert_in_range(loop_longest_turn_us(s->loop), 0, 0);
}

static void on_now(void *arg)
{
	struct seen *s = arg;
	uint64_t from = clock_us(), now = loop_now(s->loop);

	while (clock_us() < from + 5000)
		;
	/* One time for the whole turn. */
	s->what = loop_now(s->loop) == now;
	s->count++;
}

static void time_stands_still_within_a_turn(void **state)
{
	struct seen *s = *state;
	uint64_t before;

	timer_init(&s->timer, on_now, s);
	timer_start(s->loop, &s->timer, 30);
	await_count(s->loop, &s->count, 1);
	assert_int_equal(s->what, 1);
	before = clock_us() / 1000;
	assert_true(loop_now(s->loop) >= before);
	assert_true(clock_wall() > 1700000000);
}

static void on_tick_signal(int number)
{
	(void)number;
}

static void signals_do_not_disturb_a_sleeping_loop(void **state)
{
	struct seen *s = *state;
	struct sigaction action = {.sa_handler = on_tick_signal}, old;
	const struct itimerval often = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}};
	uint64_t from = clock_us();

	assert_int_equal(sigaction(SIGALRM, &action, &old), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	timer_init(&s->timer, on_timer, s);
	timer_start(s->loop, &s->timer, 60);
	await_count(s->loop, &s->count, 1);
	assert_true(s->at_us - from >= 60000);
	assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
	sigaction(SIGALRM, &old, NULL);
}

#define LOOP_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOOP_TEST(a_timer_runs_once_and_never_early),
		LOOP_TEST(most_timers_are_less_than_two_ticks_late),
		LOOP_TEST(a_stopped_timer_does_not_run),
		LOOP_TEST(starting_again_moves_the_time),
		LOOP_TEST(time_is_fresh_after_a_long_pause_outside_the_loop),
		LOOP_TEST(endless_timers_may_be_started),
		LOOP_TEST(a_callback_may_start_stop_and_free_any_timer),
		LOOP_TEST(a_callback_may_free_its_own_timer),
		LOOP_TEST(a_timer_that_restarts_itself_at_once_leaves_turns_to_others),
		LOOP_TEST(timers_pending_at_the_end_are_forgotten),
		LOOP_TEST(an_idle_loop_is_not_woken),
		LOOP_TEST(ready_files_are_told_until_they_are_drained),
		LOOP_TEST(edges_are_told_once),
		LOOP_TEST(a_watch_may_end_in_its_own_callback),
		LOOP_TEST(a_callback_may_end_another_watch_that_is_ready_too),
		LOOP_TEST(what_cannot_be_watched_is_refused),
		LOOP_TEST(a_stop_from_another_thread_ends_the_sleep),
		LOOP_TEST(a_loop_without_timers_has_no_alarm),
		LOOP_TEST(no_wakeup_is_lost),
		LOOP_TEST(hooks_run_at_the_end_of_every_turn_in_order),
		LOOP_TEST(a_hook_with_more_to_do_keeps_the_loop_awake),
		LOOP_TEST(a_busy_descriptor_does_not_keep_hooks_that_have_more_to_do_from_running),
		LOOP_TEST(there_is_room_for_sixteen_hooks),
		LOOP_TEST(the_longest_turn_is_remembered_without_the_sleep),
		LOOP_TEST(time_stands_still_within_a_turn),
		LOOP_TEST(signals_do_not_disturb_a_sleeping_loop),
	};
	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
