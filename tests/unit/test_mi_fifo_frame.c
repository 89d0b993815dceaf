#include "plugins/mi/mi_fifo_frame.h"
#include "tests/unit/ph_test.h"

/* All that input gives, one line an event: "command>reply(arg)(arg)", "! why>reply". chunk: bytes given at once, 0: all. */
struct run {
	struct mi_fifo_frame frame;
	char text[8192];
	size_t len;
};

static void note(struct run *r, enum mi_fifo_event ev)
{
	const struct mi_fifo_frame *f = &r->frame;
	char *at = r->text;
	size_t size = sizeof(r->text);

	if (ev == MI_FIFO_MORE)
		return;
	if (ev == MI_FIFO_BAD) {
		r->len += (size_t)snprintf(at + r->len, size - r->len, "! %s>%.*s\n", f->why, SLICE_ARG(f->reply));
		return;
	}
	r->len += (size_t)snprintf(at + r->len, size - r->len, "%.*s>%.*s", SLICE_ARG(f->command), SLICE_ARG(f->reply));
	for (unsigned i = 0; i < f->arg_count; i++)
		r->len += (size_t)snprintf(at + r->len, size - r->len, "(%.*s)", SLICE_ARG(f->args[i]));
	r->len += (size_t)snprintf(at + r->len, size - r->len, "\n");
}

static void feed(struct run *r, struct slice input, size_t chunk)
{
	while (input.len > 0) {
		struct slice part = slice_sub(input, 0, chunk > 0 ? chunk : input.len);
		enum mi_fifo_event ev;

		input = slice_from(input, part.len);
		while ((ev = mi_fifo_parse(&r->frame, &part)) != MI_FIFO_MORE)
			note(r, ev);
		assert_int_equal(part.len, 0);
	}
}

/* However the input is cut, it gives the same. */
static void expect(struct slice input, const char *want, uint64_t skipped)
{
	static const size_t chunks[] = {0, 1, 2, 7, 1000};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		struct run *r = calloc(1, sizeof(*r));

		assert_non_null(r);
		feed(r, input, chunks[i]);
		assert_string_equal(r->text, want);
		assert_int_equal(r->frame.skipped, skipped);
		free(r);
	}
}

#define NO_END "! no empty line at the end of the request>"

static void a_request_has_a_command_a_reply_fifo_and_an_argument_a_line(void **state)
{
	(void)state;
	expect(SLICE(":nh_show_rtpp:reply_1\n\n"), "nh_show_rtpp>reply_1\n", 0);
	expect(SLICE(":nh_enable_rtpp:r\nudp:192.0.2.1:22222\n0\n\n"), "nh_enable_rtpp>r(udp:192.0.2.1:22222)(0)\n", 0);
	expect(SLICE(":nh_enable_rtpp:r\nudp6:::1:22222\n1\n\n"), "nh_enable_rtpp>r(udp6:::1:22222)(1)\n", 0);
}

static void without_a_reply_fifo_there_is_a_request_all_the_same(void **state)
{
	(void)state;
	expect(SLICE(":nh_enable_ping:\n1\n\n"), "nh_enable_ping>(1)\n", 0);
}

static void requests_follow_each_other_and_empty_lines_between_them_are_nothing(void **state)
{
	(void)state;
	expect(SLICE("\n\n:a:1\n\n\n:b:2\nx\n\n:c:3\n\n"), "a>1\nb>2(x)\nc>3\n", 0);
}

static void lines_may_end_with_cr_lf(void **state)
{
	(void)state;
	expect(SLICE(":a:1\r\nx y\r\n\r\n:b:2\r\n\r\n"), "a>1(x y)\nb>2\n", 0);
}

static void quotes_around_an_argument_are_taken_off(void **state)
{
	(void)state;
	expect(SLICE(":a:1\n\"x y\"\n\"\"\n\n"), "a>1(x y)()\n", 0);
	expect(SLICE(":a:1\n\"x\ny\"\n\n"), "! a quoted argument has no closing quote in its line>1\n", 3);
	expect(SLICE(":a:1\n\"\n\n"), "! a quoted argument has no closing quote in its line>1\n", 0);
}

static void a_reply_name_that_leads_elsewhere_is_refused(void **state)
{
	static const char *const bad[] = {"../../etc/x", "/etc/x", "a/b", ".", "..", "a\tb\x01"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[64];

		snprintf(text, sizeof(text), ":nh_show_rtpp:%s\n\n:b:2\n\n", bad[i]);
		expect(slice_str(text), "! the reply FIFO is named without folder: it is looked for in fifo_reply_dir>\nb>2\n", 0);
	}
}

static void a_reply_name_may_be_as_long_as_a_file_name(void **state)
{
	char text[512], want[512], name[257];

	(void)state;
	memset(name, 'r', sizeof(name));
	snprintf(text, sizeof(text), ":a:%.255s\n\n", name);
	snprintf(want, sizeof(want), "a>%.255s\n", name);
	expect(slice_str(text), want, 0);
	snprintf(text, sizeof(text), ":a:%.256s\n\n", name);
	expect(slice_str(text), "! the reply FIFO is named without folder: it is looked for in fifo_reply_dir>\n", 0);
}

static void a_beginning_that_is_none_is_told_and_what_follows_is_skipped(void **state)
{
	(void)state;
	expect(SLICE(":nh_show_rtpp\nx\n\n:b:2\n\n"), "! a request begins with :command:reply_fifo, or :command: for no reply>\nb>2\n", 2);
	expect(SLICE("::r\nx\n\n:b:2\n\n"),
		"! a command's name is 1 to 63 letters, digits and _ . -; the command help lists them>r\nb>2\n", 2);
	expect(SLICE(":nh show:r\n\n:b:2\n\n"),
		"! a command's name is 1 to 63 letters, digits and _ . -; the command help lists them>r\nb>2\n", 0);
}

static void garbage_is_skipped_up_to_the_next_beginning(void **state)
{
	(void)state;
	expect(SLICE("GET / HTTP/1.1\nHost: x\n\n:b:2\n\n"), "b>2\n", 15 + 8);
	expect(SLICE("\0\xff\x01\n\n:b:2\n\n"), "b>2\n", 4);
}

static void a_beginning_behind_a_line_that_was_cut_off_counts(void **state)
{
	(void)state;
	expect(SLICE("\xff\xfe garbage:nh_show_rtpp:r2\n\n"), "nh_show_rtpp>r2\n", 10);
	/* a URL is none */
	expect(SLICE("udp:192.0.2.1:22222\n\n:b:2\n\n"), "b>2\n", 20);
	expect(SLICE("::1:5060\n\n"), "! a command's name is 1 to 63 letters, digits and _ . -; the command help lists them>1:5060\n", 0);
}

static void a_beginning_where_an_argument_may_stand_ends_the_request_before_it(void **state)
{
	(void)state;
	expect(SLICE(":a:1\nx\n:b:2\ny\n\n"), NO_END "1\nb>2(y)\n", 0);
	expect(SLICE(":a:1\n:b:2\n:c:3\r\n\r\n"), NO_END "1\n" NO_END "2\nc>3\n", 0);
	expect(SLICE(":a:1\n:not a beginning\n\n"), "a>1(:not a beginning)\n", 0);
}

static void control_characters_are_no_argument(void **state)
{
	(void)state;
	expect(SLICE(":a:1\nx\0y\nz\n\n:b:2\n\n"), "! an argument has control characters>1\nb>2\n", 2);
	expect(SLICE(":a:1\nx\ty\n\n"), "a>1(x\ty)\n", 0);
}

static void arguments_are_counted(void **state)
{
	char text[256] = ":a:1\n", want[256] = "a>1";

	(void)state;
	for (unsigned i = 0; i < MI_FIFO_ARGS_MAX; i++) {
		strcat(text, "x\n");
		strcat(want, "(x)");
	}
	strcat(want, "\n");
	strcat(text, "\n");
	expect(slice_str(text), want, 0);
	text[strlen(text) - 1] = '\0';
	strcat(text, "x\ny\n\n:b:2\n\n");
	expect(slice_str(text), "! more than 32 arguments>1\nb>2\n", 2);
}

/* text, then n times c, then end. */
static struct slice long_text(char *room, size_t size, const char *text, size_t n, char c, const char *end)
{
	size_t len = strlen(text);

	assert_true(len + n + strlen(end) < size);
	memcpy(room, text, len);
	memset(room + len, c, n);
	strcpy(room + len + n, end);
	return slice_str(room);
}

static void a_request_that_is_too_long_is_told_and_skipped(void **state)
{
	static char room[65536];

	(void)state;
	expect(long_text(room, sizeof(room), ":a:1\n", 50000, 'x', "\nz\n\n:b:2\n\n"), "! a request is longer than 8192 bytes>1\nb>2\n", 50003);
	/* the client died, the next one writes behind it */
	expect(long_text(room, sizeof(room), ":a:1\n", 50000, 'x', ":b:2\n\n"), "! a request is longer than 8192 bytes>1\nb>2\n", 50000);
}

static void the_longest_request_fits_exactly(void **state)
{
	static char room[65536];
	const size_t most = MI_FIFO_REQUEST_MAX - 4; /* ":a:1", without newlines */
	struct run *r = calloc(1, sizeof(*r));

	(void)state;
	assert_non_null(r);
	feed(r, long_text(room, sizeof(room), ":a:1\n", most, 'x', "\n"), 0);
	assert_int_equal(r->frame.state, MI_FIFO_ARGS);
	assert_int_equal(r->frame.args[0].len, most);
	free(r);
}

static void an_endless_line_takes_no_memory_and_loses_no_request(void **state)
{
	static char room[65536];

	(void)state;
	expect(long_text(room, sizeof(room), "", 60000, 'x', "\n:b:2\n\n"), "b>2\n", 60001);
	expect(long_text(room, sizeof(room), "", 60000, '\xff', ":b:2\n\n"), "b>2\n", 60000);
	expect(long_text(room, sizeof(room), ":", 60000, ':', "\n\n:b:2\n\n"), "b>2\n", 60002);
}

static void what_is_begun_can_be_given_up(void **state)
{
	struct run *r = calloc(1, sizeof(*r));

	(void)state;
	assert_non_null(r);
	assert_false(mi_fifo_busy(&r->frame));
	feed(r, SLICE(":a:1\nx\ny"), 0);
	assert_true(mi_fifo_busy(&r->frame));
	note(r, mi_fifo_expire(&r->frame));
	assert_string_equal(r->text, "! no empty line at the end of the request came in time>1\n");
	assert_false(mi_fifo_busy(&r->frame));
	feed(r, SLICE(":b:2\n\n"), 0); /* not behind the "y" */
	assert_string_equal(r->text, "! no empty line at the end of the request came in time>1\nb>2\n");
	feed(r, SLICE("half a li"), 0);
	assert_true(mi_fifo_busy(&r->frame));
	assert_int_equal(mi_fifo_expire(&r->frame), MI_FIFO_MORE);
	feed(r, SLICE(":c:3\n\n"), 0);
	assert_non_null(strstr(r->text, "\nc>3\n"));
	assert_int_equal(r->frame.skipped, 1 + 9);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_has_a_command_a_reply_fifo_and_an_argument_a_line),
		cmocka_unit_test(without_a_reply_fifo_there_is_a_request_all_the_same),
		cmocka_unit_test(requests_follow_each_other_and_empty_lines_between_them_are_nothing),
		cmocka_unit_test(lines_may_end_with_cr_lf),
		cmocka_unit_test(quotes_around_an_argument_are_taken_off),
		cmocka_unit_test(a_reply_name_that_leads_elsewhere_is_refused),
		cmocka_unit_test(a_reply_name_may_be_as_long_as_a_file_name),
		cmocka_unit_test(a_beginning_that_is_none_is_told_and_what_follows_is_skipped),
		cmocka_unit_test(garbage_is_skipped_up_to_the_next_beginning),
		cmocka_unit_test(a_beginning_behind_a_line_that_was_cut_off_counts),
		cmocka_unit_test(a_beginning_where_an_argument_may_stand_ends_the_request_before_it),
		cmocka_unit_test(control_characters_are_no_argument),
		cmocka_unit_test(arguments_are_counted),
		cmocka_unit_test(a_request_that_is_too_long_is_told_and_skipped),
		cmocka_unit_test(the_longest_request_fits_exactly),
		cmocka_unit_test(an_endless_line_takes_no_memory_and_loses_no_request),
		cmocka_unit_test(what_is_begun_can_be_given_up),
	};

	return cmocka_run_group_tests_name("mi_fifo_frame", tests, NULL, NULL);
}
