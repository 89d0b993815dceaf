/* Bytes to tokens: docs/script.md, "Words". */
#include "tests/unit/script_world.h"

static int begin(void **state)
{
	(void)state;
	world_begin();
	return 0;
}

static int end(void **state)
{
	(void)state;
	world_end();
	return 0;
}

#define TEST(name) static void name(void **state __attribute__((unused)))

/* What a literal is worth. */
static void literal(const char *written, const char *want)
{
	char text[1024];

	snprintf(text, sizeof(text), "route { $var(x) = %s; mark(\"$var(x)\"); }",
		written);
	world_traces(text, SCRIPT_OPENSIPS, want);
}

TEST(comments_are_skipped)
{
	world_traces("# a\n// b\nroute { # c {\n /* d /* nested } */ \" */ "
		     "mark(\"//#/*\"); // e\n}",
		SCRIPT_OPENSIPS, "//#/*");
}

TEST(line_ends_may_be_crlf)
{
	world_traces("route {\r\n\tmark(\"a\");\r\n}\r\n", SCRIPT_OPENSIPS, "a");
	world_refuse("route {\r\n\tzzzzz(1);\r\n}\r\n", SCRIPT_OPENSIPS);
	world_complains("edge.route:2:2: unknown function 'zzzzz'");
}

TEST(integers_are_decimal_hexadecimal_and_octal)
{
	literal("42", "42");
	literal("0x1F", "31");
	literal("0X1f", "31");
	literal("017", "15");
	literal("0", "0");
	literal("-7", "-7");
	literal("9223372036854775807", "9223372036854775807");
	world_refuse("route { $var(x) = 9223372036854775808; }", SCRIPT_OPENSIPS);
	world_complains("edge.route:1:19: '9223372036854775808' is no number of 64 bits");
	world_refuse("route { $var(x) = 08; }", SCRIPT_OPENSIPS);
}

TEST(double_quotes_know_escapes_and_keep_unknown_ones)
{
	literal("\"a\\tb\\nc\\rd\\\"e\\\\f\"", "a\tb\nc\rd\"e\\f");
	literal("\"\\x41\\x4\\101\\60\"",
		"A\x04"
		"A0");
	literal("\"10\\.0\\d\\1\"", "10\\.0\\d\\1");
	literal("\"a\\\nb\"", "ab");
	literal("\"a\nb\"", "a\nb");
	literal("\"\"", "");
}

TEST(single_quotes_are_raw)
{
	literal("'a\\n\"b'", "a\\n\"b");
}

TEST(adjacent_strings_join)
{
	literal("\"a\" 'b'\n \"c\"", "abc");
}

TEST(booleans_are_one_and_zero)
{
	literal("yes", "1");
	literal("off", "0");
	literal("true", "1");
	literal("disable", "0");
}

TEST(null_has_three_spellings)
{
	assert_true(world_truth("$avp(x) == NULL && $avp(x) == null && $avp(x) == $null",
		SCRIPT_OPENSIPS));
}

TEST(word_operators_are_the_same_as_signs)
{
	assert_true(
		world_truth("not code(-1) and (code(-1) or code(1))", SCRIPT_OPENSIPS));
	assert_true(world_truth("7 mod 4 == 3", SCRIPT_OPENSIPS));
	assert_true(world_truth("\"7\" eq 7 and 5 ne \"6\" and \"07\" ieq 7 and 7 ine 8",
		SCRIPT_OPENSIPS));
}

TEST(addresses_stand_without_quotes)
{
	literal("1.2.3.4", "1.2.3.4");
	assert_true(world_truth("src_ip == 192.0.2.7", SCRIPT_OPENSIPS));
	assert_true(world_truth("src_ip == 192.0.2.0/24", SCRIPT_OPENSIPS));
	assert_true(world_truth("src_ip == 192.0.0.0/255.255.0.0", SCRIPT_OPENSIPS));
	assert_false(world_truth("src_ip == 10.0.0.0/8", SCRIPT_OPENSIPS));
	assert_true(world_truth("$si == 192.0.2.0/24", SCRIPT_OPENSIPS));
	assert_true(world_truth(
		"$si != [2001:db8::1] && $si != ::1 && $si != [2001:db8::]/32",
		SCRIPT_OPENSIPS));
	world_refuse("route { if (src_ip == 1.2.3.400) exit; }", SCRIPT_OPENSIPS);
	world_complains("edge.route:1:23: '1.2.3.400' is no IP address or network");
}

TEST(ipv6_addresses_compare_as_numbers)
{
	world.msg->rx.src = ph_test_addr("2001:db8::7", 5060);
	assert_true(world_truth("src_ip == [2001:DB8:0:0::7]", SCRIPT_OPENSIPS));
	assert_true(world_truth("src_ip == 2001:db8::/32", SCRIPT_OPENSIPS));
	assert_true(world_truth("src_ip == 2001:db8:0:0:0:0:0:7", SCRIPT_OPENSIPS));
	assert_false(world_truth("src_ip == ::1", SCRIPT_OPENSIPS));
}

TEST(brackets_are_parentheses_in_conditions)
{
	assert_true(world_truth("[ $var(x) == NULL ] && [1 + 1] == 2", SCRIPT_OPENSIPS));
}

TEST(names_of_blocks_may_hold_dashes_dots_and_quotes)
{
	world_traces("route { route(\"a-b.c\"); route(\"D\"); } route[a-b.c] { "
		     "mark(\"1\"); } route[\"D\"] { mark(\"2\"); }",
		SCRIPT_OPENSIPS, "12");
}

TEST(odd_bytes_are_named)
{
	world_refuse("route { code(1); \x01 ` }", SCRIPT_OPENSIPS);
	world_complains("edge.route:1:18: unexpected byte 0x01");
	world_complains("edge.route:1:20: unexpected character '`'");
}

TEST(variables_are_one_token_with_all_their_brackets)
{
	world_traces("route { $var(a) = $(hdr(User-Agent){s.substr,0,5}); "
		     "mark(\"$var(a)\"); if ($ru=~\"^sip:bob\") mark(\"!\"); }",
		SCRIPT_OPENSIPS, "Cisco!");
}

TEST(selects_are_refused_by_name)
{
	world_refuse("route { if (@to.tag == \"\") exit; }", SCRIPT_OPENSIPS);
	world_complains(
		"edge.route:1:13: '@to.tag': selects are not supported, use a variable");
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(comments_are_skipped),
		ROW(line_ends_may_be_crlf),
		ROW(integers_are_decimal_hexadecimal_and_octal),
		ROW(double_quotes_know_escapes_and_keep_unknown_ones),
		ROW(single_quotes_are_raw),
		ROW(adjacent_strings_join),
		ROW(booleans_are_one_and_zero),
		ROW(null_has_three_spellings),
		ROW(word_operators_are_the_same_as_signs),
		ROW(addresses_stand_without_quotes),
		ROW(ipv6_addresses_compare_as_numbers),
		ROW(brackets_are_parentheses_in_conditions),
		ROW(names_of_blocks_may_hold_dashes_dots_and_quotes),
		ROW(odd_bytes_are_named),
		ROW(variables_are_one_token_with_all_their_brackets),
		ROW(selects_are_refused_by_name),
	};

	return cmocka_run_group_tests_name("script_lexer", tests, NULL, NULL);
}
