/* The preprocessor and the choice of the dialect: docs/script.md, "Directives". */
#include "tests/unit/script_world.h"

#include <unistd.h>

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

TEST(a_define_stands_for_its_text)
{
	world_traces("#!define NUM 5 # five\n#!define TEXT \"a b\"\n#!define CALL "
		     "mark(\"c\")\n"
		     "request_route { number(NUM); mark(TEXT); CALL; mark(\"NUM\"); }",
		SCRIPT_AUTO, "5;a bcNUM");
}

TEST(defines_may_use_defines_but_not_themselves)
{
	world_traces("!!define A B\n!!define B 7\n#!define C C\nroute { number(A); "
		     "plain(C); }",
		SCRIPT_AUTO, "7;C");
}

TEST(a_define_may_go_over_lines)
{
	world_traces("#!define X mark(\"a\"); \\\n mark(\"b\")\nroute { X; }\n",
		SCRIPT_AUTO, "ab");
	world_refuse("#!define X a \\\n b\nroute {\n zzzzz(1); }\n", SCRIPT_AUTO);
	world_complains("edge.route:4:2: unknown function 'zzzzz'");
}

TEST(faults_in_a_define_stand_where_its_name_stood)
{
	world_refuse("#!define BAD zzzzz(1)\nroute {\n   BAD;\n}", SCRIPT_AUTO);
	world_complains("edge.route:3:4: unknown function 'zzzzz'");
}

TEST(a_second_define_is_an_error)
{
	world_refuse("#!define A 1\n#!define A 2\nroute { }", SCRIPT_AUTO);
	world_complains("edge.route:2:1: 'A' is defined already at 1:1 (use #!redefine "
			"or #!trydef)");
	world_traces("#!define A 1\n#!trydef A 2\n#!trydefine B 3\nroute { number(A); "
		     "number(B); }",
		SCRIPT_AUTO, "1;3;");
	world_traces(
		"#!define A 1\n#!redefine A 2\nroute { number(A); }", SCRIPT_AUTO, "2;");
	world_traces("#!define A 1\n#!undef A\n#!ifdef A\n#!else\nroute { mark(\"no\"); "
		     "}\n#!endif\n",
		SCRIPT_AUTO, "no");
}

TEST(skipped_text_is_not_looked_at)
{
	world_traces(
		"#!define WITH_A\nroute {\n#!ifdef WITH_A\n mark(\"a\");\n#!ifndef "
		"WITH_A\n \"''( zzz\n#!else\n mark(\"b\");\n#!endif\n"
		"#!else\n /* \" zzz(\n#!ifdef X\n#!endif\n#!endif\n mark(\"c\");\n}\n",
		SCRIPT_AUTO, "abc");
}

TEST(unbalanced_conditionals_are_errors_where_they_begin)
{
	world_refuse("route { }\n  #!ifdef A\n", SCRIPT_AUTO);
	world_complains("edge.route:2:3: conditional without '#!endif'");
	world_refuse("route { }\n#!endif\n", SCRIPT_AUTO);
	world_complains("edge.route:2:1: '#!endif' without '#!ifdef'");
	world_refuse("#!ifdef A\n#!else\n#!else\n#!endif\nroute { }", SCRIPT_AUTO);
	world_complains("edge.route:3:1: '#!else' without '#!ifdef'");
}

TEST(substdef_replaces_in_strings_and_defines)
{
	world_traces("#!substdef \"!MY_IP!10.0.0.1!g\"\n#!substdef \"!FLT_X!5!g\"\n"
		     "route { mark(\"MY_IP and MY_IP \"); number(FLT_X); if ($si != "
		     "MY_IP) mark(\"n\"); }",
		SCRIPT_AUTO, "10.0.0.1 and 10.0.0.1 5;n");
	world_traces("#!substdefs \"!NAME!edge!g\"\nroute { mark(NAME); }", SCRIPT_AUTO,
		"edge");
	world_traces(
		"#!subst \"/a([0-9])/<\\1>/\"\nroute { mark(\"a1 a2\"); mark('xa3'); }",
		SCRIPT_AUTO, "<1> a2x<3>");
	world_refuse("#!subst \"/a(/b/\"\nroute { }", SCRIPT_AUTO);
	world_refuse("#!substdef \"!a\"\nroute { }", SCRIPT_AUTO);
}

TEST(names_come_from_the_configuration_too)
{
	char a[] = "WITH_NAT", b[] = "FLT_NATS=5";
	char *items[] = {a, b};

	world.defines = (struct conf_list){items, 2};
	world_traces("route {\n#!ifdef WITH_NAT\n number(FLT_NATS);\n#!endif\n}",
		SCRIPT_AUTO, "5;");
}

TEST(unknown_directives_are_comments_with_a_warning)
{
	world_load("#!/usr/sbin/kamailio\n#!KAMAILIO\n#!frob x\nroute { }", SCRIPT_AUTO);
	assert_int_equal(world.errors.count, 1);
	world_complains("edge.route:3:1: warning: unknown directive '#!frob': taken as a "
			"comment");
	world_refuse("#!ifexp A == 1\nzzz(\n#!endif\nroute { }", SCRIPT_AUTO);
	assert_int_equal(world.errors.errors, 1);
}

TEST(directives_inside_comments_and_strings_are_text)
{
	world_traces("/*\n#!ifdef X\n*/\nroute { mark(\"\n#!else\n\"); }", SCRIPT_AUTO,
		"\n#!else\n");
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

TEST(included_files_are_read_where_they_are_named)
{
	char dir[] = "/tmp/ph-script-XXXXXX", a[64], b[64], c[64];
	struct script_options opt = {.file = a};
	char want[256];

	assert_non_null(mkdtemp(dir));
	snprintf(a, sizeof(a), "%s/a.route", dir);
	snprintf(b, sizeof(b), "%s/b.route", dir);
	snprintf(c, sizeof(c), "%s/c.route", dir);
	write_file(a,
		"#!include_file \"b.route\"\nimport_file \"none.route\"\n#!import_file "
		"\"none.route\"\n"
		"route {\n  include_file \"c.route\"\n  exit;\n}\n");
	write_file(b, "#!define CODE 200\nroute[B] {\n xlog(\"x\");\n}\n");
	write_file(c, "route(B);\n xlog(CODE;\n");
	assert_int_equal(script_load(&world.prog, &opt, &world.errors), -EINVAL);
	snprintf(want, sizeof(want),
		"%s:2:11: unexpected ';': expected ')' to close the arguments opened at "
		"2:6",
		c);
	world_complains(want);
	assert_int_equal(world.errors.errors, 1);
	write_file(c, "route(B);\n xlog(CODE);\n");
	script_errors_free(&world.errors);
	assert_int_equal(script_load(&world.prog, &opt, &world.errors), 0);
	write_file(b, "#!include_file \"b.route\"\n");
	script_unref(&world.prog);
	script_errors_free(&world.errors);
	assert_int_equal(script_load(&world.prog, &opt, &world.errors), -EINVAL);
	snprintf(want, sizeof(want),
		"%s:1:1: files include each other too deeply (at most 10)", b);
	world_complains(want);
	unlink(a);
	unlink(b);
	unlink(c);
	rmdir(dir);
}

static void is_dialect(const char *text, enum script_dialect want, const char *reason)
{
	world_load(text, SCRIPT_AUTO);
	assert_int_equal(script_dialect_of(world.prog), want);
	assert_string_equal(script_dialect_reason(world.prog), reason);
}

TEST(the_dialect_is_found_in_the_text)
{
	is_dialect("route { xlog(\"request_route // x\"); } # request_route",
		SCRIPT_OPENSIPS, "nothing in it is Kamailio's alone");
	is_dialect("\n#!KAMAILIO\nroute { }", SCRIPT_KAMAILIO, "line 2 begins with '#!'");
	is_dialect("request_route { }", SCRIPT_KAMAILIO, "'request_route' in line 1");
	is_dialect(
		"route { }\nreply_route { }", SCRIPT_KAMAILIO, "'reply_route' in line 2");
	is_dialect("route { } // x", SCRIPT_KAMAILIO, "a // comment in line 1");
	is_dialect("route { } event_route[tm:local-request] { }", SCRIPT_KAMAILIO,
		"event_route[module:event] in line 1");
	is_dialect("route { } event_route[E_X] { }", SCRIPT_OPENSIPS,
		"nothing in it is Kamailio's alone");
	world_load("request_route { }", SCRIPT_OPENSIPS);
	assert_int_equal(script_dialect_of(world.prog), SCRIPT_OPENSIPS);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(a_define_stands_for_its_text),
		ROW(defines_may_use_defines_but_not_themselves),
		ROW(a_define_may_go_over_lines),
		ROW(faults_in_a_define_stand_where_its_name_stood),
		ROW(a_second_define_is_an_error),
		ROW(skipped_text_is_not_looked_at),
		ROW(unbalanced_conditionals_are_errors_where_they_begin),
		ROW(substdef_replaces_in_strings_and_defines),
		ROW(names_come_from_the_configuration_too),
		ROW(unknown_directives_are_comments_with_a_warning),
		ROW(directives_inside_comments_and_strings_are_text),
		ROW(included_files_are_read_where_they_are_named),
		ROW(the_dialect_is_found_in_the_text),
	};

	return cmocka_run_group_tests_name("script_pp", tests, NULL, NULL);
}
