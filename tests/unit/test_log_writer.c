/* The thread that writes the log: its lines go into a pipe that the test reads, or does not. */
#include "tests/unit/ph_test.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/log_ring.h"

static struct {
	int saved, in; /* stderr before; where its lines can be read */
	struct counter_array *counters;
	unsigned first;
	struct log_source *src;
	char text[1 << 20]; /* what was read */
	size_t len;
} t;

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int start(void **state)
{
	int fds[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	t.saved = dup(STDERR_FILENO);
	if (t.saved < 0 || pipe(fds) != 0 || dup2(fds[1], STDERR_FILENO) < 0)
		return -1;
	close(fds[1]);
	t.in = fds[0];
	t.len = 0;
	t.src = log_source_get("t");
	log_set_default_level(LOG_L_DBG);
	if (counter_register(log_counters, &t.first) != 0 || counter_array_new(&t.counters) != 0)
		return -1;
	return log_start(LOG_RING_MIN, t.counters, t.first);
}

static int stop(void **state)
{
	(void)state;
	close(t.in);
	(void)log_stop(5000); /* nobody reads: what is left fails at once */
	dup2(t.saved, STDERR_FILENO);
	close(t.saved);
	counter_array_destroy(&t.counters);
	counter_reset_all();
	return 0;
}

/* A bit more of what was written; false after 10 s. */
static bool read_more(double until)
{
	struct pollfd p = {.fd = t.in, .events = POLLIN};
	ssize_t n = 0;

	if (poll(&p, 1, 100) > 0)
		n = read(t.in, t.text + t.len, sizeof(t.text) - 1 - t.len);
	t.len += n > 0 ? (size_t)n : 0;
	t.text[t.len] = '\0';
	return n >= 0 && now() < until;
}

static bool read_until(const char *end)
{
	double until = now() + 10;

	t.text[t.len] = '\0';
	while (strstr(t.text, end) == NULL)
		if (!read_more(until))
			return false;
	return true;
}

/* The sum of the lines that tell how many were left out, and of the errors among them. */
static int64_t told(int64_t *errors)
{
	long long sum = 0, n, e;

	*errors = 0;
	for (const char *p = t.text; (p = strstr(p, "WARN log: ")) != NULL; p++)
		if (sscanf(p, "WARN log: %lld lines left out, %lld of them errors", &n, &e) == 2) {
			sum += n;
			*errors += e;
		}
	return sum;
}

static unsigned lines(void)
{
	unsigned count = 0;

	for (const char *p = t.text; (p = strchr(p, '\n')) != NULL; p++)
		count++;
	return count;
}

static int64_t counter(unsigned index)
{
	return counter_read(t.first + index);
}

/* Within 10 s; at least: it may be more. */
static bool counter_becomes(unsigned index, int64_t least)
{
	double until = now() + 10;

	while (counter(index) < least && now() < until)
		sched_yield();
	return counter(index) >= least;
}

static void a_line_is_written_soon(void **state)
{
	double at = now();

	(void)state;
	LOG_CALL(t.src, LOG_L_NOTICE, SLICE("a84b4c@pc33"), "busy: %d", 486);
	assert_true(read_until(" NOTICE t: [a84b4c@pc33] busy: 486\n"));
	assert_true(now() - at < 5);
	assert_int_equal(lines(), 1);
	/* And again from its sleep. */
	LOG(t.src, LOG_L_DBG, "second");
	assert_true(read_until(" DEBUG t: second\n"));
	assert_true(counter_becomes(0, 2));
}

/* Lines whose number is counted up; what does not fit the pipe and the ring is left out. */
static unsigned flood(unsigned count, const char *text)
{
	for (unsigned i = 0; i < count; i++)
		LOG(t.src, LOG_L_INFO, "%s %u", text, i);
	return count;
}

/* Read until all are told of; as many as were counted. */
static void assert_all_told(void)
{
	double until = now() + 10;
	int64_t errors = 0;

	while (told(&errors) < counter(1) && read_more(until))
		;
	assert_int_equal(told(&errors), counter(1));
	assert_int_equal(errors, counter(2));
}

static void nobody_waits_for_a_reader_that_stopped(void **state)
{
	double at = now();
	unsigned seen = 0;

	(void)state;
	flood(20000, "a line that is as long as lines of the log usually are, or a bit longer, as it happens");
	assert_true(now() - at < 5); /* it ends at all; with a write a line it would not */
	LOG(t.src, LOG_L_ERR, "an error has a place");
	assert_true(counter_becomes(1, 10000));
	assert_int_equal(counter(2), 0);
	assert_true(read_until("an error has a place\n"));
	assert_all_told();
	/* What was not left out is there, to the last line. */
	for (const char *p = t.text; (p = strstr(p, "as it happens ")) != NULL; p++)
		seen++;
	assert_int_equal(seen, 20000 - counter(1));
	/* And then all is as before. */
	t.len = 0;
	LOG(t.src, LOG_L_INFO, "afterwards");
	assert_true(read_until("afterwards\n"));
	assert_int_equal(lines(), 1);
}

static void errors_that_are_left_out_are_told_of(void **state)
{
	(void)state;
	flood(20000, "a line");
	for (unsigned i = 0; i < 5000; i++)
		LOG(t.src, LOG_L_ERR, "an error that has all the room that is left");
	assert_true(counter_becomes(2, 1));
	assert_true(counter(2) < 5000);
	assert_all_told();
}

static void a_reader_that_went_away_costs_its_lines(void **state)
{
	int fds[2];

	(void)state;
	close(t.in);
	t.in = dup(t.saved); /* something to close */
	LOG(t.src, LOG_L_INFO, "to nobody");
	LOG(t.src, LOG_L_ERR, "to nobody either");
	assert_true(counter_becomes(1, 2));
	assert_int_equal(counter(2), 1);
	/* Somebody reads again, as when a full disk has room again. */
	close(t.in);
	assert_int_equal(pipe(fds), 0);
	assert_int_not_equal(dup2(fds[1], STDERR_FILENO), -1);
	close(fds[1]);
	t.in = fds[0];
	LOG(t.src, LOG_L_INFO, "heard");
	assert_true(read_until("2 lines left out, 1 of them errors"));
	assert_non_null(strstr(t.text, "heard\n"));
	assert_null(strstr(t.text, "to nobody"));
}

static void *read_all(void *arg)
{
	const struct timespec later = {.tv_nsec = 50000000};

	nanosleep(&later, NULL); /* it is stopping by then */
	return read_until(arg) ? arg : NULL;
}

static void what_waits_at_the_end_is_written(void **state)
{
	unsigned count = 64; /* more than the pipe takes, less than the ring */
	pthread_t reader;
	void *found = NULL;

	(void)state;
	assert_true(fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096) >= 4096);
	flood(count, "a line that waits; a line that waits; a line that waits; a line that waits; a line that waits");
	assert_int_equal(pthread_create(&reader, NULL, read_all, (void *)(uintptr_t) "waits 63\n"), 0);
	assert_int_equal(log_stop(5000), 0);
	pthread_join(reader, &found);
	assert_non_null(found);
	assert_int_equal(counter(0), count);
	/* From here on the caller writes. */
	LOG(t.src, LOG_L_INFO, "by itself");
	assert_true(read_until("by itself\n"));
	assert_int_equal(counter(0), count);
	assert_int_equal(log_stop(0), 0);
}

static void the_end_does_not_wait_for_ever(void **state)
{
	double at = now();

	(void)state;
	assert_true(fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096) >= 4096);
	flood(2000, "a line that nobody reads; a line that nobody reads; a line that nobody reads");
	assert_int_equal(log_stop(300), 0);
	assert_true(now() - at >= 0.3 && now() - at < 5);
}

#define WRITERS 4
#define LINES   100

static void *write_lines(void *arg)
{
	struct log_source *src = log_source_get(arg);

	for (int i = 0; i < LINES; i++)
		LOG(src, LOG_L_INFO, "line %d of %s;", i, (const char *)arg);
	return NULL;
}

/* Whole, and each thread's in its order. */
static void lines_of_threads_do_not_mix(void **state)
{
	static char names[WRITERS][16];
	pthread_t threads[WRITERS];
	int next[WRITERS] = {0};
	char *save = NULL;

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		snprintf(names[i], sizeof(names[i]), "t_%d", i);
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	LOG(t.src, LOG_L_INFO, "the end");
	assert_true(read_until("t: the end\n"));
	assert_int_equal(counter(1), 0);
	for (char *line = strtok_r(t.text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		int thread = -1, number = -1, again = -1, end = 0;

		if (strstr(line, "the end"))
			break;
		assert_int_equal(sscanf(line + 24, " INFO t_%d: line %d of t_%d;%n", &thread, &number, &again, &end), 3);
		assert_int_equal(24 + (size_t)end, strlen(line));
		assert_int_equal(thread, again);
		assert_in_range(thread, 0, WRITERS - 1);
		assert_int_equal(number, next[thread]++);
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(next[i], LINES);
}

#ifndef PH_SANITIZED
static void on_crash(int number)
{
	log_flush_crash();
	raise(number);
}

/* In a process of its own: the pipe is full, lines wait, it crashes, and only then somebody reads. */
static void crash_with_lines_waiting(void)
{
	struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_RESETHAND};
	struct rlimit none = {0};

	setrlimit(RLIMIT_CORE, &none);
	sigaction(SIGSEGV, &action, NULL);
	if (log_start(LOG_RING_MIN, t.counters, t.first) != 0)
		_exit(1);
	fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096);
	flood(150, "a line that waits; a line that waits; a line that waits; a line that waits; a line");
	LOG(t.src, LOG_L_CRIT, "the last words");
	raise(SIGSEGV);
	_exit(2);
}

static void a_crash_writes_what_waits(void **state)
{
	int status = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(log_stop(1000), 0); /* no threads at the fork */
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		crash_with_lines_waiting();
	assert_true(read_until("the last words\n"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	assert_int_equal(lines(), 151);
}
#endif

#define WITH_WRITER(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_WRITER(a_line_is_written_soon),
		WITH_WRITER(nobody_waits_for_a_reader_that_stopped),
		WITH_WRITER(errors_that_are_left_out_are_told_of),
		WITH_WRITER(a_reader_that_went_away_costs_its_lines),
		WITH_WRITER(what_waits_at_the_end_is_written),
		WITH_WRITER(the_end_does_not_wait_for_ever),
		WITH_WRITER(lines_of_threads_do_not_mix),
#ifndef PH_SANITIZED
		WITH_WRITER(a_crash_writes_what_waits),
#endif
	};
	return cmocka_run_group_tests_name("log_writer", tests, NULL, NULL);
}
