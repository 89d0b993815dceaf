/* Values, truth and comparison in both dialects: docs/script.md, "Values". */
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

/* The same in both, or not. */
static void both(const char *condition, bool opensips, bool kamailio)
{
	if (world_truth(condition, SCRIPT_OPENSIPS) != opensips)
		fail_msg("opensips: %s", condition);
	if (world_truth(condition, SCRIPT_KAMAILIO) != kamailio)
		fail_msg("kamailio: %s", condition);
}

static void shows(const char *expr, const char *want)
{
	char text[512];

	snprintf(text, sizeof(text), "route { $avp(r) = %s; mark(\"$avp(r)\"); }", expr);
	world_traces(text, SCRIPT_OPENSIPS, want);
}

TEST(null_equals_null_only)
{
	both("$avp(x) == $null", true, true);
	both("$avp(x) == \"\"", false, true);
	both("$avp(x) != \"\"", true, false);
	both("$avp(x) == 0", false, true);
	both("$avp(x) == \"a\"", false, false);
	both("$avp(x) != \"a\"", true, true);
	both("$avp(x) < 5", false, false);
	both("$rm == NULL", false, false);
}

TEST(text_compares_with_case_in_kamailio)
{
	both("$rm == \"invite\"", true, false);
	both("$rm == \"INVITE\"", true, true);
	both("\"b\" > \"A\"", true, true);
	both("\"a\" < \"B\"", true, false);
}

TEST(integers_and_text_that_is_an_integer_compare_as_numbers)
{
	both("5 == \"5\"", true, true);
	both("10 > \"9\"", true, true);
	both("\"10\" > \"9\"", false, false);
	both("5 == \"x\"", false, false);
	both("-1 < 0", true, true);
	both("0x10 == 16", true, true);
}

TEST(a_bare_value_is_true_by_its_dialect)
{
	both("\"text\"", true, false);
	both("\"7\"", true, true);
	both("\"\"", false, false);
	both("-1", true, false);
	both("0", false, false);
	both("$avp(x)", false, false);
	both("$rm", true, false);
}

TEST(a_code_is_true_above_zero_in_both)
{
	both("code(-2)", false, false);
	both("code(2)", true, true);
	both("!code(-2) && code(3)", true, true);
	both("code(-2) || code(-3)", false, false);
}

TEST(unset_variables_are_null_or_zero)
{
	both("$var(a) == NULL", true, false);
	both("$var(a) == 0", false, true);
	both("defined $var(a)", false, true);
	world_traces("route { mark(\"$var(other)\"); }", SCRIPT_KAMAILIO, "0");
}

TEST(assigning_null_removes_a_value)
{
	world_traces("route { $avp(a) = 1; $avp(a) = 2; mark(\"$avp(a)\"); $avp(a) = "
		     "$null; mark(\"$avp(a)\"); }",
		SCRIPT_OPENSIPS, "21");
	world_traces("route { $avp(a) = 1; $avp(a) = 2; $avp(a) := 3; mark(\"$avp(a)\"); "
		     "$avp(a) = NULL;"
		     " if ($avp(a) == NULL) mark(\"n\"); }",
		SCRIPT_OPENSIPS, "3n");
	world_traces("route { $avp(a) = 1; $avp(a) += 5; mark(\"$avp(a)\"); $avp(a) = "
		     "NULL; if (!defined $avp(a)) mark(\"n\"); }",
		SCRIPT_OPENSIPS, "6n");
}

TEST(the_left_side_decides_what_plus_means)
{
	shows("1 + 2", "3");
	shows("\"1\" + 2", "12");
	shows("1 + \"2\"", "3");
	shows("\"a\" + \"b\" + 3", "ab3");
	shows("$rU + \"@\" + $rd", "bob@example.org");
}

TEST(arithmetic_follows_the_usual_order)
{
	shows("1 + 2 * 3", "7");
	shows("(1 + 2) * 3", "9");
	shows("7 - 2 - 1", "4");
	shows("7 / 2", "3");
	shows("7 % 4", "3");
	shows("6 & 3 | 8", "10");
	shows("1 << 4", "16");
	shows("5 ^ 1", "4");
	shows("~0", "-1");
	shows("-(3)", "-3");
	shows("9223372036854775807 + 1", "-9223372036854775808");
	shows("1 << 64", "0");
}

TEST(division_by_zero_gives_null_and_a_line)
{
	struct ph_test_log log;

	ph_test_log_start(&log);
	world_traces("route { $avp(a) = 5 / 0; if ($avp(a) == NULL) mark(\"n\"); $var(z) "
		     "= 0; $avp(a) = 5 % $var(z); mark(\"e\"); }",
		SCRIPT_OPENSIPS, "ne");
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "division by zero"));
}

TEST(the_smallest_number_divides_by_minus_one)
{
	shows("(-9223372036854775807 - 1) / -1", "-9223372036854775808");
	shows("(-9223372036854775807 - 1) % -1", "0");
}

TEST(casts_change_the_type)
{
	shows("(str)5 + 6", "56");
	shows("(int)\"5\" + 6", "11");
}

TEST(negation_and_comparison_follow_the_dialect)
{
	both("!$avp(x) == 1", true, true);
	world_load("route { $var(x) = 0; if (!$var(x) == 0) mark(\"T\"); else "
		   "mark(\"F\"); }",
		SCRIPT_OPENSIPS);
	world_run_block(SCRIPT_REQUEST, NULL, PH_ROUTE_REQUEST);
	assert_string_equal(world.trace, "F");
	world_load("route { $var(x) = 0; if (!$var(x) == 1) mark(\"T\"); else "
		   "mark(\"F\"); }",
		SCRIPT_KAMAILIO);
	world_run_block(SCRIPT_REQUEST, NULL, PH_ROUTE_REQUEST);
	assert_string_equal(world.trace, "T");
	both("!uri==myself", false, false);
}

TEST(logic_stops_early_and_gives_one_or_zero)
{
	world_traces("route { $var(a) = (code(1) && code(5)); mark(\"$var(a)\");"
		     " if (code(-1) && note(\"x\")) mark(\"y\"); if (code(1) || "
		     "note(\"x\")) mark(\"z\"); }",
		SCRIPT_OPENSIPS, "1z");
}

TEST(patterns_ignore_case_and_treat_null)
{
	both("$ru =~ \"^SIP:B[a-z]b@\"", true, true);
	both("$ru !~ \"^tel:\"", true, true);
	both("$avp(x) =~ \".*\"", false, false);
	both("$avp(x) !~ \".*\"", true, true);
	both("$rm =~ $rm", true, true);
}

TEST(patterns_that_come_at_run_time_are_bounded)
{
	struct ph_test_log log;

	ph_test_log_start(&log);
	both("\"aaaa\" =~ ((str)\"((a{200}){200}){200}\" + \"\")", false, false);
	both("\"aa\" =~ ((str)\"(a)\\1\" + \"\")", false, false);
	both("\"aa\" =~ ((str)\"a(\" + \"\")", false, false);
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "too long or too costly"));
	assert_true(ph_test_log_has(&log, "bad pattern"));
}

TEST(condition_keywords_read_the_message)
{
	both("method == \"INVITE\" && method == INVITE && method == \"invite\"", true,
		true);
	both("method =~ \"^(INV|ACK)\" && method != \"BYE\"", true, true);
	both("uri == \"sip:bob@example.org;transport=udp\" && uri =~ \"bob\"", true,
		true);
	both("uri == myself && myself == uri && to_uri == myself && from_uri != myself",
		true, true);
	both("uri == example.org && from_uri == example.com && uri != example.net", true,
		true);
	both("src_ip == 192.0.2.7 && src_ip == \"192.0.2.7\" && dst_ip == 198.51.100.1",
		true, true);
	both("dst_ip == myself && src_ip != myself", true, true);
	both("src_port == 5070 && src_port > 1024 && dst_port <= 5060", true, true);
	both("proto == UDP && proto == udp && proto != \"TCP\" && af == INET && af != "
	     "inet6",
		true, true);
	both("msg:len < max_len && msg:len > 100", true, true);
	both("$rd == myself && $fd != myself", true, true);
}

TEST(status_reads_replies)
{
	world_request(
		"SIP/2.0 183 Progress\nVia: SIP/2.0/UDP h;branch=z9hG4bK2\nFrom: "
		"<sip:a@b>;tag=1\n"
		"To: <sip:a@b>;tag=2\nCall-ID: 1\nCSeq: 1 INVITE\nContent-Length: 0\n\n");
	both("status == \"183\" && status == 183 && status =~ \"(183)|(2[0-9][0-9])\" && "
	     "status != \"200\"",
		true, true);
	both("method == \"INVITE\"", true, true);
}

TEST(lengths_and_emptiness)
{
	both("strlen($rU) == 3 && strempty($avp(x)) && !strempty($rm) && strlen(\"\") == "
	     "0",
		true, true);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(null_equals_null_only),
		ROW(text_compares_with_case_in_kamailio),
		ROW(integers_and_text_that_is_an_integer_compare_as_numbers),
		ROW(a_bare_value_is_true_by_its_dialect),
		ROW(a_code_is_true_above_zero_in_both),
		ROW(unset_variables_are_null_or_zero),
		ROW(assigning_null_removes_a_value),
		ROW(the_left_side_decides_what_plus_means),
		ROW(arithmetic_follows_the_usual_order),
		ROW(division_by_zero_gives_null_and_a_line),
		ROW(the_smallest_number_divides_by_minus_one),
		ROW(casts_change_the_type),
		ROW(negation_and_comparison_follow_the_dialect),
		ROW(logic_stops_early_and_gives_one_or_zero),
		ROW(patterns_ignore_case_and_treat_null),
		ROW(patterns_that_come_at_run_time_are_bounded),
		ROW(condition_keywords_read_the_message),
		ROW(status_reads_replies),
		ROW(lengths_and_emptiness),
	};

	return cmocka_run_group_tests_name("script_value", tests, NULL, NULL);
}
