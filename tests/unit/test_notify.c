/* What RTP proxies say, in all the forms of facts section 13.6, and where they may say it. */
#include "tests/unit/ph_test.h"

#include "plugins/notify/lines.h"
#include "plugins/notify/notify_mode.h"
#include "plugins/notify/seen.h"

/** What a connection's bytes have been read as: "one|two|<long>|". */
struct heard {
	struct lines lines;
	char room[64];
	char text[4096];
};

static void on_line(void *arg, enum lines_event what, struct slice text)
{
	struct heard *h = arg;
	const size_t len = strlen(h->text);

	if (what == LINES_TOO_LONG)
		text = SLICE("<long>");
	(void)snprintf(h->text + len, sizeof(h->text) - len, "%.*s|", SLICE_ARG(text));
}

static void start(struct heard *h)
{
	h->text[0] = '\0';
	lines_init(&h->lines, h->room, sizeof(h->room));
}

#define FEED(h, literal) lines_feed(&(h)->lines, SLICE(literal), on_line, (h))

/** All at once, and byte by byte: the same. */
static void check_forms(struct slice bytes, const char *want)
{
	struct heard h;

	start(&h);
	lines_feed(&h.lines, bytes, on_line, &h);
	lines_end(&h.lines, on_line, &h);
	assert_string_equal(h.text, want);
	start(&h);
	for (size_t i = 0; i < bytes.len; i++)
		lines_feed(&h.lines, slice_make(bytes.p + i, 1), on_line, &h);
	lines_end(&h.lines, on_line, &h);
	assert_string_equal(h.text, want);
	for (size_t cut = 0; cut <= bytes.len; cut++) {
		start(&h);
		lines_feed(&h.lines, slice_sub(bytes, 0, cut), on_line, &h);
		lines_feed(&h.lines, slice_from(bytes, cut), on_line, &h);
		lines_end(&h.lines, on_line, &h);
		assert_string_equal(h.text, want);
	}
}

static void every_form_is_read_whatever_the_cut(void **state)
{
	(void)state;
	check_forms(SLICE("tagA\n"), "tagA|");
	check_forms(SLICE("tagA\r\n"), "tagA|");
	check_forms(SLICE("tagA\0"), "tagA|");
	check_forms(SLICE("tagA\n\0"), "tagA|"); /* builds before October 2010 */
	check_forms(SLICE("  \ttagA \t\n"), "tagA|");
	check_forms(SLICE("tagA\ntagA\ntagB\n"),
		"tagA|tagA|tagB|"); /* coalesced, once per stream */
	check_forms(SLICE("tag%20B\n"), "tag B|");
	check_forms(SLICE("%74%61g%2fA\n"), "tag/A|");
	check_forms(SLICE("tag B\n"), "tag B|"); /* decoded by the proxy already */
	check_forms(SLICE("100%\n%\n%4\n%zz\n%4"), "100%|%|%4|%zz|%4|");
	check_forms(SLICE("\n\n\r\n \n\0\0"), "");
	check_forms(SLICE("tagA"), "tagA|"); /* closed without a line end */
	check_forms(SLICE("tagA\ntag"), "tagA|tag|");
	check_forms(SLICE(""), "");
	check_forms(SLICE("35000 35002\n"), "35000 35002|");
}

static void a_line_over_the_bound_costs_itself_alone(void **state)
{
	char big[300];
	struct heard h;

	(void)state;
	memset(big, 'x', sizeof(big));
	start(&h);
	FEED(&h, "before\n");
	for (unsigned i = 0; i < 100; i++)
		lines_feed(&h.lines, slice_make(big, sizeof(big)), on_line, &h);
	assert_string_equal(h.text, "before|<long>|"); /* told once, however long */
	FEED(&h, "tail\nafter\n");
	assert_string_equal(h.text, "before|<long>|after|");
	lines_feed(&h.lines, slice_make(big, 64), on_line, &h); /* exactly the bound */
	FEED(&h, "\n");
	assert_int_equal(strlen(h.text), strlen("before|<long>|after|") + 65);
	start(&h);
	lines_feed(&h.lines, slice_make(big, 65), on_line, &h);
	lines_end(&h.lines, on_line, &h);
	assert_string_equal(h.text, "<long>|");
}

static void all_bytes_are_only_text(void **state)
{
	char all[254];
	struct heard h;

	(void)state;
	for (unsigned i = 0, c = 1; c < 256; c++)
		if (c != '\n')
			all[i++] = (char)c;
	start(&h);
	for (unsigned i = 0; i < sizeof(all); i++) {
		lines_feed(&h.lines, slice_make(all + i, 1), on_line, &h);
		FEED(&h, "\n");
	}
	FEED(&h, "after\n");
	assert_non_null(strstr(h.text, "|after|"));
}

static void a_repeated_id_is_known_for_a_while(void **state)
{
	static struct seen s;
	const struct slice a = SLICE("0123456789abcdef01234567"),
			   b = SLICE("0123456789abcdef01234568");

	(void)state;
	memset(&s, 0, sizeof(s));
	assert_false(seen_lately(&s, a, 1000, 500));
	assert_true(seen_lately(&s, a, 1499, 500));
	assert_false(seen_lately(&s, b, 1499, 500));
	assert_true(seen_lately(&s, b, 1500, 500));
	assert_false(seen_lately(&s, a, 1500, 500)); /* not prolonged by the repetition */
	for (unsigned i = 0; i < 5000; i++) { /* a flood forgets, and breaks nothing */
		char id[DIALOG_ID_LEN + 1];

		(void)snprintf(id, sizeof(id), "%024x", i);
		assert_false(seen_lately(&s, slice_str(id), 2000, 500));
	}
}

static void modes_are_octal(void **state)
{
	unsigned mode = 1;

	(void)state;
	assert_null(notify_mode_parse(&mode, "0660"));
	assert_int_equal(mode, 0660);
	assert_null(notify_mode_parse(&mode, "600"));
	assert_int_equal(mode, 0600);
	for (const char *const *bad = (const char *const[]){"", "8", "0o660", "rw",
		     "01777", "-1", "000000660", NULL};
		*bad; bad++)
		assert_non_null(notify_mode_parse(&mode, *bad));
	assert_int_equal(mode, 0600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_is_read_whatever_the_cut),
		cmocka_unit_test(a_line_over_the_bound_costs_itself_alone),
		cmocka_unit_test(all_bytes_are_only_text),
		cmocka_unit_test(a_repeated_id_is_known_for_a_while),
		cmocka_unit_test(modes_are_octal),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
