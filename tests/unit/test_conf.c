#include "tests/unit/ph_test.h"

#include <unistd.h>

#include "core/base/conf.h"

struct values {
	int64_t interval, timeout;
	bool enabled;
	char *name;
	struct conf_list socks;
	bool name_given;
};

static const char *check_name(const char *text)
{
	return strchr(text, ' ') == NULL ? NULL : "a word without blanks";
}

static const char *check_sock(const char *text)
{
	return strncmp(text, "udp:", 4) == 0 ? NULL : "udp:HOST:PORT";
}

/* clang-format off */
static const struct conf_param table[] = {
	{.name = "interval", .type = CONF_INT, .dflt = "0", .min = 1, .max = 3600,
	 .offset = offsetof(struct values, interval)},
	{.name = "timeout", .type = CONF_MS, .dflt = "500", .min = 0, .max = INT64_MAX,
	 .offset = offsetof(struct values, timeout)},
	{.name = "enabled", .type = CONF_BOOL, .dflt = "true",
	 .offset = offsetof(struct values, enabled)},
	{.name = "name", .type = CONF_STR, .dflt = "edge",
	 .offset = offsetof(struct values, name), .check = check_name, .given = offsetof(struct values, name_given)},
	{.name = "socks", .type = CONF_LIST,
	 .offset = offsetof(struct values, socks), .check = check_sock},
	{.name = "members", .type = CONF_GROUPS},
	{.name = NULL},
};
/* clang-format on */

struct fixture {
	config_t config;
	struct values values;
	struct conf_errors errors;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	config_init(&f->config);
	assert_int_equal(conf_defaults(table, &f->values), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	config_destroy(&f->config);
	conf_values_free(table, &f->values);
	conf_errors_free(&f->errors);
	free(f);
	return 0;
}

/* The members of group "g" as text, through a real file so that its name is told. */
static void read_group(struct fixture *f, const char *text)
{
	char path[] = "/tmp/ph_test_conf_XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	if (config_read_file(&f->config, path) != CONFIG_TRUE)
		fail_msg("line %d: %s", config_error_line(&f->config),
			config_error_text(&f->config));
	conf_read(table, config_lookup(&f->config, "g"), "g", &f->values, &f->errors);
	unlink(path);
}

/* The complaint number i ends like that, behind "<file>:<line>: ". */
static void assert_complaint(
	const struct fixture *f, unsigned i, unsigned line, const char *want)
{
	char place[32];
	const char *at;

	assert_true(i < f->errors.count);
	snprintf(place, sizeof(place), ":%u: ", line);
	at = strstr(f->errors.lines[i], place);
	if (at == NULL || strcmp(at + strlen(place), want) != 0 ||
		strncmp(f->errors.lines[i], "/tmp/ph_test_conf_", 18) != 0)
		fail_msg("found \"%s\", want line %u and \"%s\"", f->errors.lines[i],
			line, want);
}

static void defaults_hold_when_nothing_is_said(void **state)
{
	struct fixture *f = *state;

	conf_read(table, NULL, "g", &f->values, &f->errors);
	assert_int_equal(f->values.interval, 0); /* out of range on purpose: "off" */
	assert_int_equal(f->values.timeout, 500);
	assert_true(f->values.enabled);
	assert_string_equal(f->values.name, "edge");
	assert_false(f->values.name_given);
	assert_int_equal(f->values.socks.count, 0);
	assert_int_equal(f->errors.count, 0);
}

static void what_is_written_is_told_from_its_default(void **state)
{
	struct fixture *f = *state;

	read_group(f, "g = { name = \"edge\"; };");
	assert_int_equal(f->errors.count, 0);
	assert_true(f->values.name_given);
}

static void values_of_every_type_are_read(void **state)
{
	struct fixture *f = *state;

	read_group(f,
		"g = { interval = 30; timeout = 10000000000L; enabled = false;\n"
		"name = \"x\"; socks = ( \"udp:a:1\", \"udp:b:2\" ); };");
	assert_int_equal(f->errors.count, 0);
	assert_int_equal(f->values.interval, 30);
	assert_true(f->values.timeout == 10000000000);
	assert_false(f->values.enabled);
	assert_string_equal(f->values.name, "x");
	assert_int_equal(f->values.socks.count, 2);
	assert_string_equal(f->values.socks.items[0], "udp:a:1");
	assert_string_equal(f->values.socks.items[1], "udp:b:2");
}

static void operators_may_write_values_in_several_ways(void **state)
{
	struct fixture *f = *state;

	read_group(f,
		"g = { interval = \"30\"; timeout = 0x10; enabled = 0; name = 5;\n"
		"socks = [ \"udp:a:1\" ]; };");
	assert_int_equal(f->errors.count, 0);
	assert_int_equal(f->values.interval, 30);
	assert_int_equal(f->values.timeout, 16);
	assert_false(f->values.enabled);
	assert_string_equal(f->values.name, "5");
	assert_int_equal(f->values.socks.count, 1);
	read_group(f, "g = { enabled = 1; name = 0.1; socks = \"udp:c:3\"; };");
	assert_int_equal(f->errors.count, 0);
	assert_true(f->values.enabled);
	assert_string_equal(f->values.name, "0.1");
	assert_int_equal(f->values.socks.count, 1);
	assert_string_equal(f->values.socks.items[0], "udp:c:3");
	read_group(f, "g = { socks = (); name = 12345678901L; };");
	assert_int_equal(f->errors.count, 0);
	assert_int_equal(f->values.socks.count, 0);
	assert_string_equal(f->values.name, "12345678901");
}

static void every_error_is_told_with_its_place(void **state)
{
	struct fixture *f = *state;

	read_group(f,
		"x = 1;\ng = {\n"
		"  interval = 99999;\n"
		"  timeout = -1;\n"
		"  enabled = \"maybe\";\n"
		"  name = \"two words\";\n"
		"  socks = ( \"udp:a:1\",\n"
		"            \"tcp:b:2\",\n"
		"            { a = 1; } );\n"
		"};");
	assert_int_equal(f->errors.count, 6);
	assert_int_equal(conf_error_count(&f->errors), 6);
	assert_complaint(
		f, 0, 3, "g.interval: found 99999, want an integer from 1 to 3600");
	assert_complaint(f, 1, 4, "g.timeout: found -1, want milliseconds, at least 0");
	assert_complaint(f, 2, 5, "g.enabled: found \"maybe\", want true or false");
	assert_complaint(
		f, 3, 6, "g.name: found \"two words\", want a word without blanks");
	assert_complaint(f, 4, 8, "g.socks: found \"tcp:b:2\", want udp:HOST:PORT");
	assert_complaint(f, 5, 9, "g.socks: found a group, want a string in the list");
	/* And nothing was taken. */
	assert_int_equal(f->values.interval, 0);
	assert_int_equal(f->values.timeout, 500);
	assert_true(f->values.enabled);
	assert_string_equal(f->values.name, "edge");
	assert_int_equal(f->values.socks.count, 0);
}

static void wrong_types_are_refused(void **state)
{
	struct fixture *f = *state;

	read_group(f,
		"g = {\n interval = 1.5;\n timeout = true;\n enabled = 2;\n name = "
		"false;\n"
		" socks = { a = 1; };\n};");
	assert_int_equal(f->errors.count, 5);
	assert_complaint(
		f, 0, 2, "g.interval: found 1.5, want an integer from 1 to 3600");
	assert_complaint(f, 1, 3, "g.timeout: found true, want milliseconds, at least 0");
	assert_complaint(f, 2, 4, "g.enabled: found 2, want true or false");
	assert_complaint(f, 3, 5, "g.name: found false, want a string");
	assert_complaint(f, 4, 6, "g.socks: found a group, want a list of strings");
	conf_errors_free(&f->errors);
	read_group(f,
		"g = {\n interval = \"12x\";\n timeout = ( 1 );\n enabled = [ 1 ];\n"
		" name = ( \"a\" );\n socks = ( true );\n};");
	assert_int_equal(f->errors.count, 5);
	assert_complaint(
		f, 0, 2, "g.interval: found \"12x\", want an integer from 1 to 3600");
	assert_complaint(
		f, 1, 3, "g.timeout: found a list, want milliseconds, at least 0");
	assert_complaint(f, 2, 4, "g.enabled: found a list, want true or false");
	assert_complaint(f, 3, 5, "g.name: found a list, want a string");
	assert_complaint(f, 4, 6, "g.socks: found true, want a string in the list");
}

static void unknown_names_are_told_with_the_nearest(void **state)
{
	struct fixture *f = *state;

	read_group(
		f, "g = {\n intervall = 5;\n Name = \"x\";\n utterly_strange = 1;\n};");
	assert_int_equal(f->errors.count, 3);
	assert_complaint(
		f, 0, 2, "g.intervall: unknown name, did you mean \"interval\"?");
	assert_complaint(f, 1, 3, "g.Name: unknown name, did you mean \"name\"?");
	assert_complaint(f, 2, 4, "g.utterly_strange: unknown name");
	assert_int_equal(f->values.interval, 0);
}

static void a_group_must_be_one(void **state)
{
	struct fixture *f = *state;

	read_group(f, "\ng = 5;");
	assert_complaint(
		f, 0, 2, "g: found a single value, want a group: { name = value; ... }");
	read_group(f, "g = ( 5 );");
	assert_complaint(f, 1, 1, "g: found a list, want a group: { name = value; ... }");
}

static void groups_in_a_group_are_left_to_their_owner(void **state)
{
	struct fixture *f = *state;

	read_group(f, "g = { members = ( { anything = 1; }, { } ); };");
	read_group(f, "g = { members = { anything = 1; }; };");
	read_group(f, "g = { members = ( ); };");
	assert_int_equal(f->errors.count, 0);
	read_group(f, "g = { members = 5; };");
	assert_complaint(f, 0, 1, "g.members: found 5, want a list of groups");
	read_group(f, "g = { members = \"x\"; };");
	assert_complaint(f, 1, 1, "g.members: found \"x\", want a list of groups");
	read_group(f, "g = {\n members = ( { },\n 5,\n ( ) ); };");
	assert_complaint(f, 2, 3, "g.members: found a single value, want a group in the list");
	assert_complaint(f, 3, 4, "g.members: found a list, want a group in the list");
	read_group(f, "g = { members = [ 5 ]; };");
	assert_complaint(f, 4, 1, "g.members: found a list, want a list of groups");
}

/* The value as a quoted text in the file. */
static int set_text(const struct conf_param *row, const char *text, const char *where,
	void *values, struct conf_errors *e)
{
	config_setting_t *s;
	config_t c;
	int err;

	config_init(&c);
	s = config_setting_add(config_root_setting(&c), "value", CONFIG_TYPE_STRING);
	assert_true(config_setting_set_string(s, text));
	err = conf_read_one(row, s, where, values, e);
	config_destroy(&c);
	return err;
}

static void quoted_texts_are_taken_where_a_text_or_a_number_is_wanted(void **state)
{
	struct fixture *f = *state;
	struct values *v = &f->values;

	assert_int_equal(set_text(&table[0], "60", "g", v, &f->errors), 0);
	assert_int_equal(set_text(&table[3], "new", "g", v, &f->errors), 0);
	assert_int_equal(set_text(&table[4], "udp:a:1", "g", v, &f->errors), 0);
	assert_int_equal(f->errors.count, 0);
	assert_int_equal(v->interval, 60);
	assert_string_equal(v->name, "new");
	assert_int_equal(v->socks.count, 1);
	assert_int_equal(set_text(&table[4], "", "g", v, &f->errors), 0);
	assert_int_equal(v->socks.count, 0);
	assert_int_equal(set_text(&table[0], "x", "g", v, &f->errors), -EINVAL);
	assert_int_equal(set_text(&table[2], "false", "g", v, &f->errors), -EINVAL);
	assert_int_equal(set_text(&table[3], "a b", "g", v, &f->errors), -EINVAL);
	assert_int_equal(f->errors.count, 3);
	assert_non_null(strstr(f->errors.lines[0],
		"g.interval: found \"x\", want an integer from 1 to 3600"));
	assert_non_null(strstr(
		f->errors.lines[1], "g.enabled: found \"false\", want true or false"));
	assert_non_null(strstr(
		f->errors.lines[2], "g.name: found \"a b\", want a word without blanks"));
	assert_int_equal(v->interval, 60);
	assert_string_equal(v->name, "new");
}

static void numbers_without_bounds_take_any(void **state)
{
	struct fixture *f = *state;
	struct conf_param row = {.name = "shift",
		.type = CONF_INT,
		.offset = offsetof(struct values, interval)};

	assert_int_equal(
		set_text(&row, "-9223372036854775808", "g", &f->values, &f->errors), 0);
	assert_true(f->values.interval == INT64_MIN);
	assert_int_equal(
		set_text(&row, "9223372036854775808", "g", &f->values, &f->errors),
		-EINVAL);
	row.type = CONF_MS;
	assert_int_equal(set_text(&row, "1s", "g", &f->values, &f->errors), -EINVAL);
	assert_non_null(strstr(f->errors.lines[0],
		"g.shift: found \"9223372036854775808\", want an integer"));
	assert_non_null(strstr(f->errors.lines[1],
		"g.shift: found \"1s\", want a number of milliseconds"));
}

static void long_values_are_shortened_in_complaints(void **state)
{
	struct fixture *f = *state;
	char text[500];

	memset(text, 'a', sizeof(text) - 1);
	text[100] = ' ';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(set_text(&table[3], text, "g", &f->values, &f->errors), -EINVAL);
	assert_true(strlen(f->errors.lines[0]) < 150);
	assert_non_null(strstr(f->errors.lines[0], "aaa...\", want"));
}

static void numbers_are_told_as_the_file_has_them(void **state)
{
	struct fixture *f = *state;

	/* libconfig makes 60 of the first. */
	read_group(f,
		"g = {\ninterval = 4294967356;\n/* timeout = 5 */ timeout = "
		"-4294967296;\n};\n");
	assert_int_equal(f->errors.count, 2);
	assert_complaint(
		f, 0, 2, "g.interval: found 4294967356, want an integer from 1 to 3600");
	assert_complaint(
		f, 1, 3, "g.timeout: found -4294967296, want milliseconds, at least 0");
	assert_int_equal(f->values.interval, 0);
	assert_int_equal(f->values.timeout, 500);
}

static void numbers_too_long_for_anything_are_told_whole(void **state)
{
	struct fixture *f = *state;

	read_group(f,
		"g = { interval: 99999999999999999999 ; timeout = 0x1FFFFFFFFL; "
		"xinterval = 1; };\n");
	assert_int_equal(f->errors.count, 2);
	assert_complaint(f, 0, 1,
		"g.interval: found 99999999999999999999, want an integer from 1 to 3600");
	assert_int_equal(f->values.timeout, 0x1FFFFFFFF);
}

static void control_characters_are_written_out(void **state)
{
	struct fixture *f = *state;

	read_group(f, "g = { name = \"a b\\r\\n\\t\\x01\"; };\n");
	assert_int_equal(f->errors.count, 1);
	assert_complaint(f, 0, 1,
		"g.name: found \"a b\\r\\n\\t\\x01\", want a word without blanks");
}

static void a_secret_is_not_repeated(void **state)
{
	struct conf_param row = table[3];
	struct fixture *f = *state;

	row.secret = true;
	read_group(f, "g = { name = \"pass word\"; };\n");
	conf_errors_free(&f->errors);
	assert_int_equal(conf_read_one(&row, config_lookup(&f->config, "g.name"), "g",
				 &f->values, &f->errors),
		-EINVAL);
	assert_complaint(
		f, 0, 1, "g.name: found a text of 9 bytes, want a word without blanks");
}

static void complaints_name_what_is_known_of_their_place(void **state)
{
	struct fixture *f = *state;
	struct conf_errors *e = &f->errors;

	conf_error(e, "edge.conf", 12, "bad %s", "thing");
	conf_error(e, "edge.conf", 0, "no line");
	conf_warning(e, "edge.conf", 3, "odd");
	conf_error(e, NULL, 7, "nowhere");
	conf_error_at(e, NULL, "no setting");
	assert_int_equal(config_read_string(&f->config, "\nx = 1;"), CONFIG_TRUE);
	conf_error_at(e, config_lookup(&f->config, "x"), "from a string");
	assert_string_equal(e->lines[0], "edge.conf:12: bad thing");
	assert_string_equal(e->lines[1], "edge.conf: no line");
	assert_string_equal(e->lines[2], "edge.conf:3: warning: odd");
	assert_string_equal(e->lines[3], "nowhere");
	assert_string_equal(e->lines[4], "no setting");
	assert_string_equal(e->lines[5], "(configuration):2: from a string");
	assert_int_equal(e->count, 6);
	assert_int_equal(conf_error_count(e), 5);
	for (int i = 0; i < 100; i++)
		conf_error(e, NULL, 0, "%d", i);
	assert_string_equal(e->lines[105], "99");
	conf_errors_free(e);
	assert_int_equal(e->count, 0);
}

static void rows_are_found_by_their_exact_name(void **state)
{
	(void)state;
	assert_ptr_equal(conf_find(table, "enabled"), &table[2]);
	assert_null(conf_find(table, "Enabled"));
	assert_null(conf_find(table, "enable"));
}

static void the_nearest_name_is_at_most_three_edits_away(void **state)
{
	static const char *const names[] = {
		"registrar", "rtpp", "natping", "mi", "rtpproxy_sock", NULL};
	char big[200];

	(void)state;
	assert_string_equal(conf_nearest("registrar", names), "registrar");
	assert_string_equal(conf_nearest("registar", names), "registrar"); /* one lost */
	assert_string_equal(
		conf_nearest("reegistrar", names), "registrar");            /* one more */
	assert_string_equal(conf_nearest("regisrtar", names), "registrar"); /* swapped */
	/* Two swaps: with letters replaced it would be four edits. */
	assert_string_equal(conf_nearest("ergisrtar", names), "registrar");
	assert_string_equal(conf_nearest("NATPING", names), "natping");
	assert_string_equal(conf_nearest("natp", names), "rtpp"); /* 2; natping is 3 */
	assert_string_equal(conf_nearest("rtpprxy_scok", names), "rtpproxy_sock");
	assert_string_equal(conf_nearest("xxxistrar", names), "registrar"); /* 3 */
	assert_null(conf_nearest("xxxxstrar", names));                      /* 4 */
	assert_null(conf_nearest("xy", names)); /* "mi" has nothing in common with it */
	assert_null(conf_nearest("", names));
	memset(big, 'r', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_null(conf_nearest(big, names));
}

#define CONF_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONF_TEST(defaults_hold_when_nothing_is_said),
		CONF_TEST(what_is_written_is_told_from_its_default),
		CONF_TEST(values_of_every_type_are_read),
		CONF_TEST(operators_may_write_values_in_several_ways),
		CONF_TEST(every_error_is_told_with_its_place),
		CONF_TEST(wrong_types_are_refused),
		CONF_TEST(unknown_names_are_told_with_the_nearest),
		CONF_TEST(a_group_must_be_one),
		CONF_TEST(quoted_texts_are_taken_where_a_text_or_a_number_is_wanted),
		CONF_TEST(numbers_without_bounds_take_any),
		CONF_TEST(long_values_are_shortened_in_complaints),
		CONF_TEST(numbers_are_told_as_the_file_has_them),
		CONF_TEST(numbers_too_long_for_anything_are_told_whole),
		CONF_TEST(control_characters_are_written_out),
		CONF_TEST(a_secret_is_not_repeated),
		CONF_TEST(groups_in_a_group_are_left_to_their_owner),
		CONF_TEST(complaints_name_what_is_known_of_their_place),
		cmocka_unit_test(rows_are_found_by_their_exact_name),
		cmocka_unit_test(the_nearest_name_is_at_most_three_edits_away),
	};
	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
