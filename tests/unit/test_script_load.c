/* What loading refuses and says: docs/script.md, "Loading". Places are exact. */
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

static void says(const char *text, const char *line)
{
	world_refuse(text, SCRIPT_OPENSIPS);
	world_complains(line);
}

static void says_only(const char *text, const char *line)
{
	says(text, line);
	if (world.errors.errors != 1)
		fail_msg("more than one error:\n%s", world_complaints());
}

static void warns(const char *text, enum script_dialect dialect, const char *line)
{
	world_load(text, dialect);
	world_complains(line);
}

TEST(an_unknown_function_is_named_with_the_nearest)
{
	says_only("route {\n    mrak(\"x\");\n}\n",
		"edge.route:2:5: unknown function 'mrak' (did you mean 'mark'?)");
}

TEST(a_function_of_a_plugin_that_is_off_names_the_plugin)
{
	static const struct ph_fn_alias absent[] = {{"save", "registrar"}, {NULL, NULL}};

	world.absent = absent;
	says_only("route { save(\"location\"); }",
		"edge.route:1:9: function 'save' needs plugin 'registrar'");
}

TEST(argument_counts_are_checked)
{
	says_only("route {\n\tput($var(x));\n}",
		"edge.route:2:2: 'put' takes 2 arguments, got 1");
	says_only("route { code(1, 2); }",
		"edge.route:1:9: 'code' takes 0 to 1 arguments, got 2");
	says_only("route { number(); }",
		"edge.route:1:9: 'number' takes 1 argument, got 0");
}

TEST(literals_are_checked)
{
	says_only("route { number(\"abc\"); }",
		"edge.route:1:16: argument 1 (n) of 'number' must be a number, found "
		"'abc'");
	says_only("route { letters(\"abx\"); }",
		"edge.route:1:17: argument 1 (flags) of 'letters': unknown flag letter "
		"'x'");
	says_only("route { names(\"private-contact,diff-ip-src-vie\"); }",
		"edge.route:1:15: argument 1 (flags) of 'names': expected a number or "
		"names of flags, "
		"found 'diff-ip-src-vie' (did you mean 'diff-ip-src-via'?)");
	says_only("route { flag(32); }",
		"edge.route:1:14: argument 1 (flag) of 'flag' must be a flag from 0 to "
		"31, found '32'");
	says_only("route { put(\"x\", \"y\"); }",
		"edge.route:1:13: argument 1 (variable) of 'put' must be a variable, "
		"found 'x'");
}

TEST(patterns_are_compiled_at_load)
{
	world_refuse("route {\n if ($ru =~ \"a(b\") exit;\n matches(\"[\");\n}",
		SCRIPT_OPENSIPS);
	assert_int_equal(world.errors.errors, 2);
	assert_int_equal(world.errors.list[0].line, 2);
	assert_int_equal(world.errors.list[0].column, 13);
	assert_non_null(strstr(world.errors.list[0].text, "bad pattern \"a(b\""));
	assert_int_equal(world.errors.list[1].column, 10);
}

TEST(unknown_variables_are_errors_at_their_place)
{
	says_only("route {\n  $var(x) = $nope;\n}",
		"edge.route:2:13: unknown variable '$nope'");
	says_only("route { mark(\"a $nope\"); }",
		"edge.route:1:17: unknown variable '$nope'");
}

TEST(read_only_variables_cannot_be_assigned)
{
	says_only("route { $si = \"1.2.3.4\"; }",
		"edge.route:1:9: '$si' cannot be assigned: it is read-only");
}

TEST(a_block_armed_but_not_defined_is_an_error)
{
	says_only("route {\n  arm(\"2\");\n}",
		"edge.route:2:7: 'failure_route[2]' is armed here but not defined");
	world_load("route { arm(\"0\"); }", SCRIPT_OPENSIPS);
}

TEST(a_route_called_but_not_defined_is_an_error)
{
	says_only("route { route(X); }",
		"edge.route:1:15: 'route[X]' is called here but not defined");
}

TEST(a_function_in_the_wrong_block_is_an_error)
{
	says_only("route { arm(1); }\nfailure_route[1] {\n   request_only();\n}",
		"edge.route:3:4: 'request_only' cannot be used in failure_route[1] "
		"(allowed: request_route, branch_route)");
}

TEST(a_function_in_the_wrong_block_is_found_through_calls)
{
	says_only("route { arm(1); route(NAT); }\nfailure_route[1] {\n   "
		  "route(A);\n}\nroute[A] {\n route(NAT);\n}\n"
		  "route[NAT] {\n  request_only();\n}",
		"edge.route:9:3: 'request_only' cannot be used in failure_route[1] "
		"(allowed: request_route, branch_route); "
		"reached by route(A) at 3:4, route(NAT) at 6:2");
}

TEST(conditions_on_the_kind_of_block_are_understood)
{
	world_load("request_route { t_on_failure(\"1\"); route(A); } onreply_route { "
		   "route(A); } failure_route[1] { route(A); }"
		   "route[A] { if (is_request()) { if (!t_is_failure_route()) "
		   "request_only(); }"
		   " if (t_is_request_route() && request_only()) code(1);"
		   " if (is_reply() || t_is_failure_route()) return; request_only(); }",
		SCRIPT_AUTO);
	says_only("route { route(A); } onreply_route { route(A); } route[A] { if "
		  "(is_reply()) request_only(); else request_only(); }",
		"edge.route:1:76: 'request_only' cannot be used in onreply_route "
		"(allowed: request_route, branch_route); "
		"reached by route(A) at 1:37");
}

TEST(doubled_blocks_name_both_places)
{
	says_only("route { }\nroute[A] { }\n  route[A] { }\n",
		"edge.route:3:3: route[A] is defined already at 2:1");
	says_only("route { }\nrequest_route { }",
		"edge.route:2:1: request_route is defined already at 1:1");
	says_only("route[0] { }\nroute { }",
		"edge.route:2:1: request_route is defined already at 1:1");
}

TEST(one_missing_parenthesis_is_put_in_with_a_warning)
{
	warns("route {\n if (search(\"User-Agent: Cisco ATA.*\") {mark(\"a\");};\n}",
		SCRIPT_OPENSIPS,
		"edge.route:2:40: warning: ')' missing before '{': put in to close the "
		"condition opened at 2:5");
	assert_int_equal(
		world_run_block(SCRIPT_REQUEST, NULL, PH_ROUTE_REQUEST), SCRIPT_FINISHED);
	assert_string_equal(world.trace, "a");
}

TEST(two_missing_parentheses_are_an_error)
{
	says_only("route {\n if (code(code(1) {mark(\"a\");}\n}",
		"edge.route:2:19: unexpected '{': expected ')' to close the condition "
		"opened at 2:5");
}

TEST(else_without_a_semicolon_before_is_an_error)
{
	says_only("route { if (code(1)) code(2) else code(3); }",
		"edge.route:1:30: unexpected 'else': expected ';' before 'else'");
	says_only("route { if (code(1)) { code(2); }; else code(3); }",
		"edge.route:1:36: unexpected 'else': expected a statement");
}

TEST(a_missing_semicolon_is_named)
{
	says_only(
		"route {\n  code(1)\n}", "edge.route:3:1: unexpected '}': expected ';'");
	says_only("route {\n  code(1)\n  code(2);\n mark(\"a\");}",
		"edge.route:3:3: unexpected 'code': expected ';'");
}

TEST(a_word_without_parentheses_is_a_call_only_without_arguments)
{
	world_load("route { code; }", SCRIPT_OPENSIPS);
	says_only("route { number; }", "edge.route:1:9: expected '(' after 'number'");
	says_only("route { zzzzzz; }", "edge.route:1:9: expected '(' after 'zzzzzz'");
	says_only("route { foo bar; }",
		"edge.route:1:13: unexpected 'bar': expected '(' after 'foo'");
}

TEST(a_block_left_open_is_named)
{
	says_only("route {\n  if (code(1)) {\n    code(2);\n}\n\nroute[A] {\n "
		  "code(1);\n}\n",
		"edge.route:6:1: unexpected 'route': expected '}' to close the block "
		"opened at 1:7");
	says_only("route {\n code(1);\n",
		"edge.route:3:1: unexpected end of file: expected '}' to close the block "
		"opened at 1:7");
}

TEST(a_misspelled_block_is_named_with_the_nearest)
{
	says_only("reqest_route {\n code(1);\n}\nroute { code(2); }\n",
		"edge.route:1:1: unexpected 'reqest_route': expected a route block (did "
		"you mean 'request_route'?)");
}

TEST(a_brace_too_many_is_named)
{
	says_only("route { code(1); } }\nroute[A] { }",
		"edge.route:1:20: unexpected '}': expected a route block");
}

TEST(unterminated_text_is_an_error_where_it_begins)
{
	says_only("route {\n mark(\"abc);\n}\n", "edge.route:2:7: unterminated string");
	says_only("route {\n  /* abc /* x */ \n}\n",
		"edge.route:2:3: unterminated comment");
}

TEST(all_faults_are_reported_in_order)
{
	world_refuse("route {\n  foo(1;\n  mrak(\"x\");\n  if (code(1) code(2); \n  "
		     "$var(x) = ;\n  number(\"y\");\n}\n"
		     "onreply_route[A] {\n  $si = 1;\n  bad bad;\n}\n",
		SCRIPT_OPENSIPS);
	assert_string_equal(world_complaints(),
		"edge.route:2:8: unexpected ';': expected ')' to close the arguments "
		"opened at 2:6\n"
		"edge.route:3:3: unknown function 'mrak' (did you mean 'mark'?)\n"
		"edge.route:4:15: unexpected 'code': expected ')' to close the condition "
		"opened at 4:6\n"
		"edge.route:5:13: unexpected ';': expected a value\n"
		"edge.route:6:10: argument 1 (n) of 'number' must be a number, found "
		"'y'\n"
		"edge.route:8:1: warning: onreply_route[A] is never armed\n"
		"edge.route:9:3: '$si' cannot be assigned: it is read-only\n"
		"edge.route:10:7: unexpected 'bad': expected '(' after 'bad'\n");
}

TEST(faults_inside_a_switch_stay_inside)
{
	says("route {\n switch ($rc) {\n case 1: code(1 2);\n code(2); break;\n case $x: "
	     "code(3);\n"
	     " default: code(4);\n }\n code(5);\n}",
		"edge.route:3:17: unexpected '2': expected ')' to close the arguments "
		"opened at 3:14");
	world_complains("edge.route:5:7: unexpected '$x': expected a number, a string, a "
			"boolean or '-'");
	assert_int_equal(world.errors.errors, 2);
}

TEST(at_most_fifty_errors_are_kept)
{
	char text[4096] = "route {\n";

	for (int i = 0; i < 80; i++)
		strcat(text, "zzzzzz(1);\n");
	strcat(text, "}");
	world_refuse(text, SCRIPT_OPENSIPS);
	assert_int_equal(world.errors.errors, 50);
	assert_int_equal(world.errors.list[49].line, 51);
}

TEST(pasted_settings_are_refused_or_skipped)
{
	const char *text =
		"debug=3\nlisten=udp:1.2.3.4:5060 # comment\nloadmodule \"tm.so\"\n"
		"modparam(\"tm\", \"fr_timer\",\n   5)\ntcp.max = 5 desc \"x { y\"\n"
		"route { mark(\"a\"); }\n";

	world_refuse(text, SCRIPT_OPENSIPS);
	assert_string_equal(world_complaints(),
		"edge.route:1:1: 'debug' belongs in the configuration file\n"
		"edge.route:2:1: 'listen' belongs in the configuration file\n"
		"edge.route:3:1: 'loadmodule' belongs in the configuration file\n"
		"edge.route:4:1: 'modparam' belongs in the configuration file\n"
		"edge.route:6:1: 'tcp.max' belongs in the configuration file\n");
	world.skip_globals = true;
	world_traces(text, SCRIPT_OPENSIPS, "a");
	assert_int_equal(world.errors.count, 5);
	assert_true(world.errors.list[0].warning);
}

TEST(declared_flags_have_their_numbers_and_others_get_free_ones)
{
	world_traces("flags NATS:5, ACC : 1,\n  LATER;\nroute { flag(NATS); "
		     "flag(\"ACC\"); flag(31); flag(OTHER); flag(OTHER); }",
		SCRIPT_OPENSIPS, "5;1;31;30;30;");
}

TEST(unknown_events_are_checked_for_syntax_only)
{
	warns("route { } event_route[xhttp:request] {\n  xhttp_reply(\"200\"); "
	      "$sht(a=>b) = 1; $nope(x) = 2; }",
		SCRIPT_AUTO,
		"edge.route:1:11: warning: event_route[xhttp:request] never runs here: "
		"only its syntax is checked");
	says("route { } event_route[a:b] { foo( }",
		"edge.route:1:35: unexpected '}': expected a value");
}

TEST(precedence_that_differs_is_warned_about)
{
	warns("route { if (code(1) || code(2) && code(3)) exit; }", SCRIPT_OPENSIPS,
		"edge.route:1:32: warning: '&&' binds tighter than '||'; OpenSIPS goes "
		"from left to right (write parentheses)");
	warns("route { $var(a) = 1 + 2 * 3; }", SCRIPT_OPENSIPS,
		"edge.route:1:25: warning: multiplied before it is added; OpenSIPS goes "
		"from left to right (write parentheses)");
	warns("route { if (!$var(x) == 1) exit; }", SCRIPT_OPENSIPS,
		"edge.route:1:13: warning: '!' applies to the whole comparison here "
		"(write parentheses)");
	world_load("route { if (code(1) || (code(2) && code(3))) exit; if (!uri==myself) "
		   "exit; }",
		SCRIPT_OPENSIPS);
	assert_int_equal(world.errors.count, 0);
}

TEST(statements_after_exit_are_warned_about)
{
	warns("route {\n exit;\n code(1);\n}", SCRIPT_OPENSIPS,
		"edge.route:3:2: warning: this statement is never reached");
}

TEST(blocks_that_nobody_uses_are_warned_about)
{
	warns("route { }\nroute[A] { }", SCRIPT_OPENSIPS,
		"edge.route:2:1: warning: route[A] is never called");
	world_load("route { route($var(x)); }\nroute[A] { }", SCRIPT_OPENSIPS);
	assert_int_equal(world.errors.count, 0);
}

TEST(variables_in_plain_strings_are_warned_about)
{
	warns("route { $var(x) = \"sip:$rU@h\"; }", SCRIPT_OPENSIPS,
		"edge.route:1:19: warning: variables in a plain string are not expanded: "
		"they stay as written");
}

TEST(a_missing_file_is_one_error)
{
	struct script_options opt = {.file = "/nonexistent/x.route"};

	assert_int_equal(script_load(&world.prog, &opt, &world.errors), -ENOENT);
	assert_int_equal(world.errors.count, 1);
	assert_string_equal(world.errors.list[0].text,
		"/nonexistent/x.route: cannot read it: No such file or directory");
}

TEST(deep_nesting_is_refused_not_followed)
{
	char *text = calloc(1, 60000);
	size_t n = 0;

	assert_non_null(text);
	n += (size_t)sprintf(text, "route { if (");
	for (int i = 0; i < 5000; i++)
		text[n++] = '!';
	strcpy(text + n, "code(1)) exit; }");
	world_refuse(text, SCRIPT_OPENSIPS);
	n = (size_t)sprintf(text, "route { $var(x) = ");
	for (int i = 0; i < 5000; i++)
		text[n++] = '(';
	strcpy(text + n, "1; }");
	world_refuse(text, SCRIPT_OPENSIPS);
	n = (size_t)sprintf(text, "route { $var(x) = 1");
	for (int i = 0; i < 5000; i++)
		n += (size_t)sprintf(text + n, "+1");
	strcpy(text + n, "; }");
	world_refuse(text, SCRIPT_OPENSIPS);
	free(text);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(an_unknown_function_is_named_with_the_nearest),
		ROW(a_function_of_a_plugin_that_is_off_names_the_plugin),
		ROW(argument_counts_are_checked),
		ROW(literals_are_checked),
		ROW(patterns_are_compiled_at_load),
		ROW(unknown_variables_are_errors_at_their_place),
		ROW(read_only_variables_cannot_be_assigned),
		ROW(a_block_armed_but_not_defined_is_an_error),
		ROW(a_route_called_but_not_defined_is_an_error),
		ROW(a_function_in_the_wrong_block_is_an_error),
		ROW(a_function_in_the_wrong_block_is_found_through_calls),
		ROW(conditions_on_the_kind_of_block_are_understood),
		ROW(doubled_blocks_name_both_places),
		ROW(one_missing_parenthesis_is_put_in_with_a_warning),
		ROW(two_missing_parentheses_are_an_error),
		ROW(else_without_a_semicolon_before_is_an_error),
		ROW(a_missing_semicolon_is_named),
		ROW(a_word_without_parentheses_is_a_call_only_without_arguments),
		ROW(a_block_left_open_is_named),
		ROW(a_misspelled_block_is_named_with_the_nearest),
		ROW(a_brace_too_many_is_named),
		ROW(unterminated_text_is_an_error_where_it_begins),
		ROW(all_faults_are_reported_in_order),
		ROW(faults_inside_a_switch_stay_inside),
		ROW(at_most_fifty_errors_are_kept),
		ROW(pasted_settings_are_refused_or_skipped),
		ROW(declared_flags_have_their_numbers_and_others_get_free_ones),
		ROW(unknown_events_are_checked_for_syntax_only),
		ROW(precedence_that_differs_is_warned_about),
		ROW(statements_after_exit_are_warned_about),
		ROW(blocks_that_nobody_uses_are_warned_about),
		ROW(variables_in_plain_strings_are_warned_about),
		ROW(a_missing_file_is_one_error),
		ROW(deep_nesting_is_refused_not_followed),
	};

	return cmocka_run_group_tests_name("script_load", tests, NULL, NULL);
}
