/* Suspending: anywhere, nested, and in any order. */
#include "tests/unit/script_world.h"

#include "core/script/run.h"

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

static void starts_suspended(const char *text)
{
	world_load(text, SCRIPT_OPENSIPS);
	assert_int_equal(world_run_block(SCRIPT_REQUEST, NULL, PH_ROUTE_REQUEST),
		SCRIPT_SUSPENDED);
	assert_non_null(world.msg->run);
}

TEST(a_statement_goes_on_with_the_code_of_its_function)
{
	starts_suspended("route { mark(\"a\"); wait(); mark(\"$rc\"); }");
	assert_string_equal(world.trace, "a");
	assert_int_equal(world.done, 0);
	world_wake(42);
	assert_string_equal(world.trace, "a42");
	assert_int_equal(world.done, 1);
	assert_null(world.msg->run);
}

TEST(the_middle_of_a_condition_waits)
{
	const char *text = "route { if (code(1) && wait() && code(1)) mark(\"T\"); else "
			   "mark(\"F\"); }";

	starts_suspended(text);
	world_wake(1);
	assert_string_equal(world.trace, "T");
	starts_suspended(text);
	world_wake(-1);
	assert_string_equal(world.trace, "F");
}

TEST(a_negated_and_nested_condition_waits)
{
	starts_suspended("route { if (!(code(-1) || !wait()) && 1 + 1 == 2) mark(\"T\"); "
			 "else mark(\"F\"); }");
	world_wake(5);
	assert_string_equal(world.trace, "T");
}

TEST(a_called_block_waits_and_returns)
{
	starts_suspended("route { $var(x) = 7; if (route(A)) mark(\"$var(x)\"); } "
			 "route[A] { wait(); return $rc; }");
	world_wake(3);
	assert_string_equal(world.trace, "7");
}

TEST(loops_and_switches_go_on_where_they_were)
{
	starts_suspended("route { $var(i) = 0; while ($var(i) < 2) { switch ($var(i)) { "
			 "case 0: wait(); mark(\"a$rc\");"
			 " break; case 1: wait(); mark(\"b$rc\"); } $var(i) += 1; } "
			 "mark(\"e\"); }");
	world_wake(1);
	assert_string_equal(world.trace, "a1");
	assert_int_equal(world.done, 0);
	world_wake(2);
	assert_string_equal(world.trace, "a1b2e");
}

TEST(for_goes_on_with_the_next_value)
{
	starts_suspended("route { $avp(x) = \"p\"; $avp(x) = \"q\"; for ($var(v) in "
			 "$(avp(x)[*])) { wait(); mark(\"$var(v)\"); } }");
	world_wake(1);
	world_wake(1);
	assert_string_equal(world.trace, "qp");
	assert_int_equal(world.done, 1);
}

TEST(a_zero_that_comes_late_ends_the_script)
{
	starts_suspended(
		"route { route(A); mark(\"x\"); } route[A] { wait(); mark(\"y\"); }");
	world_wake(0);
	assert_string_equal(world.trace, "");
	assert_int_equal(world.done, 1);
	assert_true(world.result.exited);
}

TEST(an_answer_before_the_function_returns_is_kept)
{
	world_traces("route { early(9); mark(\"$rc\"); }", SCRIPT_OPENSIPS, "9");
}

TEST(a_nested_block_that_waits_suspends_its_caller)
{
	starts_suspended("route { $var(x) = \"v\"; if (nest(\"B\")) mark(\"o$rc\"); } "
			 "branch_route[B] { mark(\"b$var(x)\"); wait();"
			 " mark(\"c\"); }");
	assert_string_equal(world.trace, "bv");
	assert_int_equal(world.msg->route, PH_ROUTE_BRANCH);
	world.outer_code = 8;
	world_wake(1);
	assert_string_equal(world.trace, "bvco8");
	assert_int_equal(world.done, 2);
	assert_null(world.msg->run);
	assert_int_equal(world.msg->route, 0);
}

TEST(a_nested_block_that_does_not_wait_is_a_plain_call)
{
	world_traces("route { nest(\"B\"); mark(\"$rc\"); } branch_route[B] { "
		     "mark(\"b\"); return 4; }",
		SCRIPT_OPENSIPS, "b4");
}

TEST(a_caller_may_go_on_while_its_block_waits)
{
	struct script_run *branch, *outer;

	starts_suspended("route { spawn(\"B\"); mark(\"a\"); wait(); mark(\"o$rc\"); } "
			 "branch_route[B] { wait(); mark(\"b$rc\"); }");
	assert_string_equal(world.trace, "a");
	outer = world.msg->run;
	assert_int_equal(world.msg->route, PH_ROUTE_REQUEST);
	branch = outer->parent;
	script_resume_run(world.msg, branch, 5);
	assert_string_equal(world.trace, "ab5");
	assert_ptr_equal(world.msg->run, outer);
	script_resume_run(world.msg, outer, 6);
	assert_string_equal(world.trace, "ab5o6");
	assert_int_equal(world.done, 1);
}

TEST(a_wake_for_a_run_that_is_over_does_nothing)
{
	struct script_run *run;

	starts_suspended("route { wait(); mark(\"a\"); }");
	run = world.msg->run;
	script_resume_run(world.msg, run, 1);
	script_resume_run(world.msg, run, 1);
	script_resume(world.msg, 1);
	assert_string_equal(world.trace, "a");
	assert_int_equal(world.done, 1);
}

TEST(giving_up_ends_a_suspended_run)
{
	starts_suspended("route { wait(); mark(\"x\"); }");
	script_abort(world.msg);
	assert_int_equal(world.done, 1);
	assert_int_equal(world.result.code, -1);
	assert_true(world.result.exited);
	assert_null(world.msg->run);
	assert_string_equal(world.trace, "");
}

TEST(giving_up_inside_a_function_ends_the_run_when_it_returns)
{
	world_traces(
		"route { mark(\"a\"); abort_run(); mark(\"x\"); }", SCRIPT_OPENSIPS, "a");
	assert_int_equal(world.result.code, -1);
}

TEST(a_suspended_run_keeps_its_program)
{
	starts_suspended("route { wait(); mark(\"old\"); }");
	script_unref(&world.prog);
	world_wake(1);
	assert_string_equal(world.trace, "old");
}

TEST(a_pattern_made_at_run_time_lives_until_the_call_is_over)
{
	world_traces("route { $var(p) = \"^tw.$\"; if (matches($var(p))) mark(\"y\"); }",
		SCRIPT_OPENSIPS, "y");
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(a_statement_goes_on_with_the_code_of_its_function),
		ROW(the_middle_of_a_condition_waits),
		ROW(a_negated_and_nested_condition_waits),
		ROW(a_called_block_waits_and_returns),
		ROW(loops_and_switches_go_on_where_they_were),
		ROW(for_goes_on_with_the_next_value),
		ROW(a_zero_that_comes_late_ends_the_script),
		ROW(an_answer_before_the_function_returns_is_kept),
		ROW(a_nested_block_that_waits_suspends_its_caller),
		ROW(a_nested_block_that_does_not_wait_is_a_plain_call),
		ROW(a_caller_may_go_on_while_its_block_waits),
		ROW(a_wake_for_a_run_that_is_over_does_nothing),
		ROW(giving_up_ends_a_suspended_run),
		ROW(giving_up_inside_a_function_ends_the_run_when_it_returns),
		ROW(a_suspended_run_keeps_its_program),
		ROW(a_pattern_made_at_run_time_lives_until_the_call_is_over),
	};

	return cmocka_run_group_tests_name("script_park", tests, NULL, NULL);
}
