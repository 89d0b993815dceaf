/* Statements, codes and control flow: docs/script.md, "Control flow". */
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

TEST(if_takes_the_branch_of_its_condition)
{
	world_traces("route { if (code(1)) mark(\"a\"); else mark(\"b\");"
		     " if (code(-1)) { mark(\"c\"); } else { mark(\"d\"); } }",
		SCRIPT_OPENSIPS, "ad");
}

TEST(only_one_statement_belongs_to_an_if_without_braces)
{
	world_traces("route { if (code(-1)) mark(\"a\"); mark(\"b\"); }", SCRIPT_OPENSIPS,
		"b");
}

TEST(else_belongs_to_the_nearest_if)
{
	world_traces(
		"route { if (code(1)) if (code(-1)) mark(\"a\"); else mark(\"b\"); }",
		SCRIPT_OPENSIPS, "b");
}

TEST(a_condition_needs_no_parentheses)
{
	world_traces("route { if is_method(\"INVITE\") { mark(\"a\"); } }",
		SCRIPT_KAMAILIO, "a");
}

TEST(empty_statements_after_braces_are_fine)
{
	world_traces("route { if (code(1)) { mark(\"a\"); }; ;; mark(\"b\"); };",
		SCRIPT_OPENSIPS, "ab");
}

TEST(exit_ends_the_script_from_any_depth)
{
	world_traces("route { route(A); mark(\"x\"); } route[A] { if (code(1)) { exit; } "
		     "mark(\"y\"); }",
		SCRIPT_OPENSIPS, "");
	assert_true(world.result.exited);
	assert_false(world.result.dropped);
}

TEST(drop_ends_the_script_and_marks_the_message)
{
	world_traces("route { mark(\"a\"); drop; mark(\"b\"); }", SCRIPT_OPENSIPS, "a");
	assert_true(world.result.exited);
	assert_true(world.result.dropped);
}

TEST(a_function_that_answers_zero_ends_the_script)
{
	world_traces("route { code(0); mark(\"x\"); }", SCRIPT_OPENSIPS, "");
	assert_true(world.result.exited);
	assert_int_equal(world.result.code, 0);
}

TEST(a_zero_inside_a_condition_ends_the_script_too)
{
	world_traces(
		"route { if (!code(0)) mark(\"x\"); mark(\"y\"); }", SCRIPT_OPENSIPS, "");
	assert_true(world.result.exited);
}

TEST(return_leaves_the_block_with_its_code)
{
	world_traces("route { if (route(Y)) mark(\"a\"); if (route(N)) mark(\"b\"); else "
		     "mark(\"c\");"
		     " if (route(P)) mark(\"d\"); }"
		     "route[Y] { return; } route[N] { return -1; mark(\"x\"); } route[P] "
		     "{ return(2); }",
		SCRIPT_OPENSIPS, "acd");
}

TEST(return_of_zero_ends_the_script)
{
	world_traces("route { route(Z); mark(\"x\"); } route[Z] { return(0); }",
		SCRIPT_KAMAILIO, "");
	assert_true(world.result.exited);
}

TEST(return_takes_variables_null_and_text)
{
	world_traces("route { $var(a) = -3; route(A); mark(\"$rc \"); route(B); "
		     "mark(\"$rc \"); route(C); mark(\"$rc\"); }"
		     "route[A] { return $var(a); } route[B] { return $avp(none); } "
		     "route[C] { return \"word\"; }",
		SCRIPT_OPENSIPS, "-3 -1 1");
}

TEST(a_block_ends_with_the_code_of_its_last_statement)
{
	world_traces("route { route(A); mark(\"$rc \"); route(B); mark(\"$rc \"); "
		     "route(C); mark(\"$rc \");"
		     " route(D); mark(\"$rc\"); }"
		     "route[A] { code(7); } route[B] { code(-4); $var(x) = 1; }"
		     "route[C] { code(-4); if (code(-1)) code(9); } route[D] { if "
		     "(code(1)) { code(-5); } }",
		SCRIPT_OPENSIPS, "7 1 1 -5");
}

TEST(the_last_code_survives_conditions_and_assignments)
{
	world_traces(
		"route { if (!code(-3)) { $var(x) = 1; if ($var(x) == 1) { switch ($rc) {"
		" case -3: mark(\"three\"); break; default: mark(\"other\"); } } } }",
		SCRIPT_OPENSIPS, "three");
}

TEST(switch_falls_through_until_break)
{
	world_traces("route { $var(x) = 2; switch ($var(x)) { case 1: mark(\"1\"); case "
		     "2: mark(\"2\");"
		     " case 3: mark(\"3\"); break; case 4: mark(\"4\"); default: "
		     "mark(\"d\"); } mark(\"e\"); }",
		SCRIPT_OPENSIPS, "23e");
}

TEST(switch_takes_default_when_nothing_matches)
{
	world_traces("route { switch ($rm) { case \"BYE\": mark(\"b\"); break; default: "
		     "mark(\"d\"); } }",
		SCRIPT_OPENSIPS, "d");
}

TEST(default_may_stand_before_the_cases)
{
	world_traces("route { switch ($rm) { default: mark(\"d\"); break; case "
		     "\"INVITE\": mark(\"i\"); } }",
		SCRIPT_KAMAILIO, "i");
}

TEST(integer_cases_match_text_that_is_an_integer)
{
	world_traces("route { $var(x) = \"200\"; switch ($var(x)) { case 200: "
		     "mark(\"ok\"); } }",
		SCRIPT_OPENSIPS, "ok");
}

TEST(return_inside_a_switch_leaves_the_block)
{
	world_traces("route { route(A); mark(\"b\"); } route[A] { switch (1) { case 1: "
		     "mark(\"a\"); return; }"
		     " mark(\"x\"); }",
		SCRIPT_OPENSIPS, "ab");
}

TEST(while_runs_as_long_as_its_condition_holds)
{
	world_traces("route { $var(i) = 0; while ($var(i) < 3) { mark(\"$var(i)\"); "
		     "$var(i) = $var(i) + 1; } }",
		SCRIPT_OPENSIPS, "012");
}

TEST(break_leaves_the_innermost_loop)
{
	world_traces("route { $var(i) = 0; while (1) { $var(i) += 1; while (1) { "
		     "mark(\"i\"); break; }"
		     " if ($var(i) == 2) break; } mark(\"e\"); }",
		SCRIPT_OPENSIPS, "iie");
}

TEST(break_in_a_switch_stays_in_the_loop)
{
	world_traces("route { $var(i) = 0; while ($var(i) < 2) { switch ($var(i)) { case "
		     "0: mark(\"z\"); break;"
		     " default: mark(\"o\"); break; } $var(i) += 1; } mark(\"e\"); }",
		SCRIPT_OPENSIPS, "zoe");
}

TEST(an_endless_loop_is_left_after_the_limit)
{
	struct ph_test_log log;

	world.env.max_loops = 7;
	ph_test_log_start(&log);
	world_traces(
		"route { $var(i) = 0; while (1) { $var(i) += 1; } mark(\"$var(i)\"); }",
		SCRIPT_OPENSIPS, "7");
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "loop left after 7 turns"));
	assert_true(ph_test_log_has(&log, "edge.route:1 request_route"));
}

TEST(break_outside_loops_ends_the_block_with_code_zero)
{
	world_traces("route { mark(\"a\"); if (code(1)) { break; } mark(\"b\"); }",
		SCRIPT_OPENSIPS, "a");
	assert_int_equal(world.result.code, 0);
}

TEST(for_takes_each_value_of_an_avp)
{
	world_traces("route { $avp(x) = \"a\"; $avp(x) = \"b\"; $avp(x) = \"c\";"
		     " for ($var(v) in $(avp(x)[*])) { mark(\"$var(v)\"); if ($var(v) == "
		     "\"b\") break; } mark(\"e\"); }",
		SCRIPT_OPENSIPS, "cbe");
}

TEST(for_goes_over_header_fields)
{
	world_request("OPTIONS sip:a@b SIP/2.0\nVia: SIP/2.0/UDP "
		      "h;branch=z9hG4bK2\nFrom: <sip:a@b>;tag=1\n"
		      "To: <sip:a@b>\nCall-ID: 1\nCSeq: 1 OPTIONS\nMax-Forwards: 1\nX-N: "
		      "1\nX-N: 2\nContent-Length: 0\n\n");
	world_traces("route { for ($var(v) in $(hdr(X-N)[*])) mark(\"<$var(v)>\"); }",
		SCRIPT_OPENSIPS, "<1><2>");
}

TEST(route_passes_parameters)
{
	world_traces("route { route(A, \"one\", 2); } route[A] { mark(\"$param(1) "
		     "$param(2)\"); }",
		SCRIPT_OPENSIPS, "one 2");
}

TEST(route_takes_words_strings_numbers_and_variables)
{
	world_traces("route { route(A); route(\"A\"); route(3); $var(n) = \"A\"; "
		     "route($var(n)); route(\"$var(n)\"); }"
		     "route[A] { mark(\"a\"); } route[3] { mark(\"3\"); }",
		SCRIPT_OPENSIPS, "aa3aa");
}

TEST(an_unknown_route_at_run_time_is_false_and_logged)
{
	struct ph_test_log log;

	ph_test_log_start(&log);
	world_traces("route { $var(n) = \"nope\"; if (!route($var(n))) mark(\"$rc\"); }",
		SCRIPT_OPENSIPS, "-1");
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "there is no route[nope]"));
}

TEST(endless_recursion_is_stopped)
{
	struct ph_test_log log;

	ph_test_log_start(&log);
	world_traces(
		"route { route(A); mark(\"x\"); } route[A] { mark(\".\"); route(A); }",
		SCRIPT_OPENSIPS,
		"........................................................................"
		"............................");
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "nested too deeply"));
	assert_int_equal(world.result.code, -1);
}

TEST(too_many_steps_stop_the_script)
{
	struct ph_test_log log;

	world.env.max_steps = 500;
	world.env.max_loops = 1000000;
	ph_test_log_start(&log);
	world_traces(
		"route { while (1) { $var(x) = 1; } mark(\"x\"); }", SCRIPT_OPENSIPS, "");
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "too many steps"));
	assert_true(world.result.exited);
}

TEST(a_function_for_other_blocks_is_false_when_reached_by_a_dynamic_route)
{
	struct ph_test_log log;

	world_load("route { } onreply_route { $var(n) = \"A\"; route($var(n)); "
		   "mark(\"$rc\"); }"
		   "route[A] { request_only(); }",
		SCRIPT_OPENSIPS);
	ph_test_log_start(&log);
	assert_int_equal(world_run_block(SCRIPT_REPLY_MAIN, NULL, PH_ROUTE_REPLY),
		SCRIPT_FINISHED);
	ph_test_log_stop();
	assert_string_equal(world.trace, "-1");
	assert_true(ph_test_log_has(&log, "request_only cannot be used"));
}

TEST(return_of_zero_in_kamailios_reply_block_drops_the_reply)
{
	world_load("request_route { } onreply_route { return 0; }", SCRIPT_KAMAILIO);
	assert_int_equal(world_run_block(SCRIPT_REPLY_MAIN, NULL, PH_ROUTE_REPLY),
		SCRIPT_FINISHED);
	assert_true(world.result.dropped);
	world_load("route { } onreply_route { return 0; }", SCRIPT_OPENSIPS);
	assert_int_equal(world_run_block(SCRIPT_REPLY_MAIN, NULL, PH_ROUTE_REPLY),
		SCRIPT_FINISHED);
	assert_false(world.result.dropped);
}

TEST(the_place_names_line_and_block)
{
	world_traces("route {\n route(A);\n}\nroute[A] {\n\n where();\n}\n",
		SCRIPT_OPENSIPS, "edge.route:6 route[A]");
	assert_string_equal(script_where(world.msg), "");
}

TEST(running_out_of_memory_ends_the_run)
{
	struct ph_test_log log;

	ph_test_log_start(&log);
	world.env.max_loops = 1000;
	world_load("route { $var(s) = \"0123456789abcdef\"; while (1) { $var(s) = "
		   "$var(s) + $var(s); } mark(\"e\"); }",
		SCRIPT_OPENSIPS);
	assert_int_equal(
		world_run_block(SCRIPT_REQUEST, NULL, PH_ROUTE_REQUEST), SCRIPT_FINISHED);
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "no memory"));
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(if_takes_the_branch_of_its_condition),
		ROW(only_one_statement_belongs_to_an_if_without_braces),
		ROW(else_belongs_to_the_nearest_if),
		ROW(a_condition_needs_no_parentheses),
		ROW(empty_statements_after_braces_are_fine),
		ROW(exit_ends_the_script_from_any_depth),
		ROW(drop_ends_the_script_and_marks_the_message),
		ROW(a_function_that_answers_zero_ends_the_script),
		ROW(a_zero_inside_a_condition_ends_the_script_too),
		ROW(return_leaves_the_block_with_its_code),
		ROW(return_of_zero_ends_the_script),
		ROW(return_takes_variables_null_and_text),
		ROW(a_block_ends_with_the_code_of_its_last_statement),
		ROW(the_last_code_survives_conditions_and_assignments),
		ROW(switch_falls_through_until_break),
		ROW(switch_takes_default_when_nothing_matches),
		ROW(default_may_stand_before_the_cases),
		ROW(integer_cases_match_text_that_is_an_integer),
		ROW(return_inside_a_switch_leaves_the_block),
		ROW(while_runs_as_long_as_its_condition_holds),
		ROW(break_leaves_the_innermost_loop),
		ROW(break_in_a_switch_stays_in_the_loop),
		ROW(an_endless_loop_is_left_after_the_limit),
		ROW(break_outside_loops_ends_the_block_with_code_zero),
		ROW(for_takes_each_value_of_an_avp),
		ROW(for_goes_over_header_fields),
		ROW(route_passes_parameters),
		ROW(route_takes_words_strings_numbers_and_variables),
		ROW(an_unknown_route_at_run_time_is_false_and_logged),
		ROW(endless_recursion_is_stopped),
		ROW(too_many_steps_stop_the_script),
		ROW(a_function_for_other_blocks_is_false_when_reached_by_a_dynamic_route),
		ROW(return_of_zero_in_kamailios_reply_block_drops_the_reply),
		ROW(the_place_names_line_and_block),
		ROW(running_out_of_memory_ends_the_run),
	};

	return cmocka_run_group_tests_name("script_machine", tests, NULL, NULL);
}
