#include "tests/unit/ph_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "core/base/log_line.h"

static struct ph_test_log captured;

static int capture(void **state)
{
	(void)state;
	log_set_default_level(LOG_L_INFO);
	ph_test_log_start(&captured);
	return 0;
}

static int release(void **state)
{
	(void)state;
	ph_test_log_stop();
	return 0;
}

static void a_line_has_time_level_source_and_call(void **state)
{
	struct log_source *src = log_source_get("t_line");
	int year, month, day, hour, minute, second, ms, end = 0;

	(void)state;
	LOG_CALL(src, LOG_L_NOTICE, SLICE("a84b4c@pc33"), "busy: %d", 486);
	assert_int_equal(captured.count, 1);
	assert_int_equal(sscanf(captured.text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year,
				 &month, &day, &hour, &minute, &second, &ms, &end),
		7);
	assert_int_equal(end, 24);
	assert_string_equal(
		captured.text + end, " NOTICE t_line: [a84b4c@pc33] busy: 486\n");
	ph_test_log_start(&captured);
	LOG(src, LOG_L_ERR, "plain");
	assert_string_equal(captured.text + end, " ERROR t_line: plain\n");
}

static void time_is_the_calendars(void **state)
{
	static const struct {
		struct timespec at;
		const char *want;
	} rows[] = {
		{{0, 0}, "1970-01-01T00:00:00.000Z"},
		{{951782399, 999999999}, "2000-02-28T23:59:59.999Z"},
		{{951782400, 0}, "2000-02-29T00:00:00.000Z"},
		{{951868800, 0}, "2000-03-01T00:00:00.000Z"},
		{{1795433553, 123456789}, "2026-11-23T11:32:33.123Z"},
		{{4107542400, 0}, "2100-03-01T00:00:00.000Z"},
		{{-1, 0}, "1969-12-31T23:59:59.000Z"},
	};
	char out[LOG_TIME_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		log_line_time(out, &rows[i].at);
		assert_string_equal(out, rows[i].want);
	}
	/* Every day of a century and a half, against the C library. */
	for (time_t day = -3650; day < 50000; day++) {
		struct timespec at = {.tv_sec = day * 86400 + 45296};
		char want[LOG_TIME_TEXT];
		struct tm tm;

		gmtime_r(&at.tv_sec, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		log_line_time(out, &at);
		assert_string_equal(out, want);
	}
}

static void levels_above_the_sources_own_are_not_made(void **state)
{
	struct log_source *one = log_source_get("t_one"), *two = log_source_get("t_two");

	(void)state;
	LOG(one, LOG_L_DBG, "no");
	LOG(one, LOG_L_INFO, "yes");
	assert_int_equal(captured.count, 1);
	log_set_level("t_one", LOG_L_DBG);
	LOG(one, LOG_L_DBG, "yes");
	LOG(two, LOG_L_DBG, "no");
	assert_int_equal(captured.count, 2);
	/* The default moves those without a level of their own, also those to come. */
	log_set_default_level(LOG_L_ERR);
	LOG(one, LOG_L_DBG, "yes");
	LOG(two, LOG_L_WARN, "no");
	LOG(log_source_get("t_three"), LOG_L_WARN, "no");
	LOG(log_source_get("t_three"), LOG_L_ALERT, "yes");
	assert_int_equal(captured.count, 4);
	/* A level can be set before its source is asked for. */
	log_set_level("t_four", LOG_L_DBG);
	assert_true(log_wants(log_source_get("t_four"), LOG_L_DBG));
}

static void a_source_is_one_for_its_name(void **state)
{
	static const char longer[] = "a_name_that_is_longer_than_any_source_may_be";
	struct log_source *src = log_source_get(longer);

	(void)state;
	assert_ptr_equal(log_source_get("t_one"), log_source_get("t_one"));
	assert_ptr_equal(log_source_find("t_one"), log_source_get("t_one"));
	assert_null(log_source_find("t_nobody"));
	assert_null(log_source_find("t_nobody")); /* asking makes none */
	assert_ptr_not_equal(log_source_get("t_one"), log_source_get("t_on"));
	assert_ptr_not_equal(log_source_get("t_one"), log_source_get("t_one2"));
	assert_int_equal(strlen(src->name), sizeof(src->name) - 1);
	assert_ptr_equal(log_source_get(longer), src);
}

static void text_from_the_wire_cannot_forge_a_line(void **state)
{
	(void)state;
	LOG_CALL(log_source_get("t_wire"), LOG_L_WARN, SLICE("x] y\r\nz"), "%s",
		"a\tb\r\n2026 ERROR core: forged\x1b[31m\x7f");
	assert_true(ph_test_log_has(&captured,
		"t_wire: [x] y\\x0d\\x0az] a\\x09b\\x0d\\x0a2026 ERROR core: "
		"forged\\x1b[31m\\x7f\n"));
	assert_null(strchr(strchr(captured.text, '\n') + 1, '\n'));
}

static void utf8_passes_and_all_else_is_quoted(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{"J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e",
			"J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x93\x9e"},
		{"\xc2\x9b"
		 "31m",
			"\\xc2\\x9b31m"},                     /* C1: an escape sequence */
		{"\xfc", "\\xfc"},                            /* Latin-1 */
		{"\xc0\xaf", "\\xc0\\xaf"},                   /* overlong */
		{"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},          /* overlong */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* a surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond the last */
		{"\xe2\x82", "\\xe2\\x82"},                   /* cut off */
		{"\xc3(", "\\xc3("},
	};
	char mem[256];
	struct buf b;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_fixed(&b, mem, sizeof(mem));
		assert_true(log_line_quote(&b, slice_str(rows[i].in)));
		assert_slice_equal(buf_slice(&b), rows[i].want);
	}
}

static void quoting_stops_at_whole_characters(void **state)
{
	char mem[5];
	struct buf b;

	(void)state;
	buf_fixed(&b, mem, sizeof(mem));
	assert_false(log_line_quote(&b, SLICE("abc\n")));
	assert_slice_equal(buf_slice(&b), "abc");
	assert_int_equal(b.err, 0);
	buf_fixed(&b, mem, sizeof(mem));
	assert_false(log_line_quote(&b, SLICE("abc\xe2\x82\xac")));
	assert_slice_equal(buf_slice(&b), "abc");
}

static void long_lines_are_cut_and_say_so(void **state)
{
	static char text[3 * LOG_LINE_MAX];
	struct log_source *src = log_source_get("t_long");

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	LOG(src, LOG_L_WARN, "%s", text);
	assert_int_equal(captured.len, LOG_LINE_MAX);
	assert_string_equal(captured.text + LOG_LINE_MAX - 5, "x...\n");
	/* Quoted text grows, and a long Call-ID leaves room for the text. */
	ph_test_log_start(&captured);
	memset(text, '\n', sizeof(text) - 2);
	text[sizeof(text) - 2] = 'x';
	LOG_CALL(src, LOG_L_WARN, slice_str(text), "%s", text);
	assert_true(captured.len <= LOG_LINE_MAX && captured.len > LOG_LINE_MAX - 8);
	assert_true(ph_test_log_has(&captured, "\\x0a...] \\x0a"));
	assert_true(ph_test_log_has(&captured, "...\n"));
}

static void a_newline_at_the_end_of_the_text_is_not_shown(void **state)
{
	(void)state;
	LOG(log_source_get("t_nl"), LOG_L_INFO, "from a script\r\n");
	assert_true(ph_test_log_has(&captured, "from a script\n"));
	assert_int_equal(captured.text[captured.len - 2], 't');
}

static void levels_are_read_in_all_their_spellings(void **state)
{
	static const struct {
		const char *text;
		enum log_level level;
	} rows[] = {{"debug", LOG_L_DBG}, {"INFO", LOG_L_INFO}, {"Notice", LOG_L_NOTICE},
		{"warn", LOG_L_WARN}, {"warning", LOG_L_WARN}, {"err", LOG_L_ERR},
		{"error", LOG_L_ERR}, {"crit", LOG_L_CRIT}, {"alert", LOG_L_ALERT},
		{"L_DBG", LOG_L_DBG}, {"L_INFO", LOG_L_INFO}, {"L_WARN", LOG_L_WARN},
		{"L_ERR", LOG_L_ERR}, {"l_crit", LOG_L_CRIT}, {"L_ALERT", LOG_L_ALERT},
		{"L_NOTICE", LOG_L_NOTICE}};
	enum log_level level = LOG_L_CRIT;

	(void)state;
	assert_int_equal(log_level_parse(SLICE("loud"), &level), -EINVAL);
	assert_int_equal(log_level_parse(SLICE(""), &level), -EINVAL);
	assert_int_equal(log_level_parse(SLICE("L_"), &level), -EINVAL);
	assert_int_equal(level, LOG_L_CRIT);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(log_level_parse(slice_str(rows[i].text), &level), 0);
		assert_true(level == rows[i].level);
		assert_int_equal(
			log_level_parse(slice_str(log_level_name(level)), &level), 0);
		assert_true(level == rows[i].level);
	}
	assert_string_equal(log_level_name((enum log_level)0), "warning");
	assert_string_equal(log_level_name((enum log_level)9), "debug");
}

static void logging_leaves_errno_alone(void **state)
{
	(void)state;
	errno = EXDEV;
	LOG(log_source_get("t_errno"), LOG_L_INFO, "%m");
	assert_int_equal(errno, EXDEV);
	assert_true(ph_test_log_has(&captured, strerror(EXDEV)));
}

/* Whether the system's log has it cannot be seen from here; that stderr has not, can. */
static void lines_for_syslog_do_not_go_to_stderr(void **state)
{
	int fds[2], saved = dup(STDERR_FILENO);
	char text[256] = "";

	(void)state;
	ph_test_log_stop();
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	assert_int_not_equal(dup2(fds[1], STDERR_FILENO), -1);
	log_open_syslog("pinhole-unit-test");
	LOG(log_source_get("t_syslog"), LOG_L_INFO, "to syslog");
	log_open_stderr();
	LOG(log_source_get("t_syslog"), LOG_L_INFO, "to stderr");
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 24);
	assert_string_equal(text + 24, " INFO t_syslog: to stderr\n");
	close(fds[0]);
	close(fds[1]);
}

#define WRITERS 4
#define LINES   200

static void *write_lines(void *arg)
{
	struct log_source *src = log_source_get(arg);

	for (int i = 0; i < LINES; i++)
		LOG(src, LOG_L_INFO, "line %d of %s;", i, (const char *)arg);
	return NULL;
}

/* Lines of several threads through one pipe: whole, and each thread's in order. */
static void lines_of_threads_do_not_mix(void **state)
{
	static char names[WRITERS][16];
	pthread_t threads[WRITERS];
	int next[WRITERS] = {0}, fds[2], saved = dup(STDERR_FILENO);
	char line[256];
	FILE *in;

	(void)state;
	ph_test_log_stop();
	log_open_stderr();
	assert_int_equal(pipe(fds), 0);
	/* All lines fit the pipe, so nobody waits. */
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 1 << 18) >= WRITERS * LINES * 80);
	assert_int_not_equal(dup2(fds[1], STDERR_FILENO), -1);
	close(fds[1]);
	for (int i = 0; i < WRITERS; i++) {
		snprintf(names[i], sizeof(names[i]), "t_%d", i);
		assert_int_equal(
			pthread_create(&threads[i], NULL, write_lines, names[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);
	in = fdopen(fds[0], "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		int thread = -1, number = -1, again = -1, end = 0;

		assert_int_equal(sscanf(line + 24, " INFO t_%d: line %d of t_%d;\n%n",
					 &thread, &number, &again, &end),
			3);
		assert_int_equal(24 + (size_t)end, strlen(line));
		assert_int_equal(thread, again);
		assert_in_range(thread, 0, WRITERS - 1);
		assert_int_equal(number, next[thread]++);
	}
	fclose(in);
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(next[i], LINES);
}

static void a_gate_lets_one_line_a_second_through_and_counts_the_others(void **state)
{
	struct log_gate gate = {0};
	unsigned more = 99;

	(void)state;
	assert_true(log_gate_open(&gate, 5000000, &more));
	assert_int_equal(more, 0);
	assert_false(log_gate_open(&gate, 5000000, &more));
	assert_false(log_gate_open(&gate, 4999000, &more)); /* another thread's clock was read a little before */
	assert_false(log_gate_open(&gate, 5999999, &more));
	assert_int_equal(more, 0);
	assert_true(log_gate_open(&gate, 6000000, &more));
	assert_int_equal(more, 3);
	assert_true(log_gate_open(&gate, 9000000, &more));
	assert_int_equal(more, 0);
}

#define WITH_CAPTURE(test) cmocka_unit_test_setup_teardown(test, capture, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_CAPTURE(a_line_has_time_level_source_and_call),
		WITH_CAPTURE(time_is_the_calendars),
		WITH_CAPTURE(levels_above_the_sources_own_are_not_made),
		WITH_CAPTURE(a_source_is_one_for_its_name),
		WITH_CAPTURE(text_from_the_wire_cannot_forge_a_line),
		WITH_CAPTURE(utf8_passes_and_all_else_is_quoted),
		WITH_CAPTURE(quoting_stops_at_whole_characters),
		WITH_CAPTURE(long_lines_are_cut_and_say_so),
		WITH_CAPTURE(a_newline_at_the_end_of_the_text_is_not_shown),
		WITH_CAPTURE(levels_are_read_in_all_their_spellings),
		WITH_CAPTURE(logging_leaves_errno_alone),
		WITH_CAPTURE(lines_for_syslog_do_not_go_to_stderr),
		WITH_CAPTURE(lines_of_threads_do_not_mix),
		cmocka_unit_test(a_gate_lets_one_line_a_second_through_and_counts_the_others),
	};
	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
