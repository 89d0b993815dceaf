#include "core/host/command_params.h"
#include "tests/unit/ph_test.h"

/* NULL: they fit; else what is said. */
static const char *check(const char *table, const char *params)
{
	static char why[160];
	json_t *j = params ? json_loads(params, 0, NULL) : NULL;
	int err;

	assert_true(!params || j);
	why[0] = '\0';
	err = command_params_check(table, j, why, sizeof(why));
	json_decref(j);
	assert_true(err == 0 || err == -EINVAL);
	return err == 0 ? NULL : why;
}

static void a_command_without_parameters_takes_none(void **state)
{
	(void)state;
	assert_null(check(NULL, NULL));
	assert_null(check("", "[]"));
	assert_null(check(NULL, "{}"));
	assert_string_equal(check(NULL, "[\"x\"]"), "Too few or too many arguments: expected none");
	assert_string_equal(check(NULL, "{\"x\":1}"), "Bad parameter: there is no 'x': expected none");
}

static void parameters_by_position_are_counted(void **state)
{
	(void)state;
	assert_null(check("url enable", "[\"udp:192.0.2.1:1\",0]"));
	assert_string_equal(check("url enable", "[\"udp:192.0.2.1:1\"]"), "Too few or too many arguments: expected url enable");
	assert_string_equal(check("url enable", NULL), "Too few or too many arguments: expected url enable");
	assert_string_equal(check("url enable", "[1,2,3]"), "Too few or too many arguments: expected url enable");
	assert_null(check("source [level]", "[\"tm\"]"));
	assert_null(check("source [level]", "[\"tm\",\"debug\"]"));
	assert_null(check("[aor] [cursor]", NULL));
}

static void parameters_by_name_are_those_of_the_table(void **state)
{
	(void)state;
	assert_null(check("url enable", "{\"enable\":true,\"url\":\"x\"}"));
	assert_null(check("source [level]", "{\"source\":\"tm\"}"));
	assert_string_equal(check("source [level]", "{\"level\":\"debug\"}"), "Too few or too many arguments: expected source [level]");
	assert_string_equal(check("source [level]", "{\"source\":\"tm\",\"lvl\":\"debug\"}"),
		"Bad parameter: there is no 'lvl': expected source [level]");
	assert_string_equal(check("source [level]", "{\"[level]\":1}"), "Bad parameter: there is no '[level]': expected source [level]");
}

static void a_value_is_no_list(void **state)
{
	(void)state;
	assert_string_equal(check("[aor]", "[[\"x\"]]"), "Bad parameter: number 1 must be text, a number or a bool");
	assert_string_equal(check("[aor]", "{\"aor\":{}}"), "Bad parameter: 'aor' must be text, a number or a bool");
	assert_null(check("[aor]", "[null]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_without_parameters_takes_none),
		cmocka_unit_test(parameters_by_position_are_counted),
		cmocka_unit_test(parameters_by_name_are_those_of_the_table),
		cmocka_unit_test(a_value_is_no_list),
	};

	return cmocka_run_group_tests_name("command_params", tests, NULL, NULL);
}
