#include "tests/unit/fn_world.h"

static struct pv_format *parse(const char *text)
{
	struct pv_format *f = NULL;
	char why[160];
	size_t at;

	if (pv_format_parse(&f, slice_str(text), false, why, &at) != 0)
		fail_msg("%s: %s", text, why);
	return f;
}

static size_t fault_at(const char *text, const char *complaint)
{
	struct pv_format *f = NULL;
	char why[160] = "";
	size_t at = 999;

	assert_int_equal(pv_format_parse(&f, slice_str(text), false, why, &at), -EINVAL);
	assert_null(f);
	if (!strstr(why, complaint))
		fail_msg("%s: '%s' lacks '%s'", text, why, complaint);
	return at;
}

static void text_and_variables_are_mixed(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_string_equal(world_pv(msg, "from $fU@$fd, $si:$sp."),
		"from alice@home.example, 192.0.2.10:40000.");
	assert_string_equal(world_pv(msg, "<$ru>$ru[0]"),
		"<sip:bob@example.org;user=phone>sip:bob@example.org;user=phone[0]");
	assert_string_equal(world_pv(msg, ""), "");
	assert_string_equal(world_pv(msg, "$rU"), "bob");
}

static void null_shows_as_a_word(void **state)
{
	(void)state;
	assert_string_equal(world_pv(world_invite(), "du=$du;"), "du=<null>;");
}

static void two_dollars_are_one(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_string_equal(
		world_pv(msg, "5 $$ for $$rU and $rU"), "5 $ for $rU and bob");
	assert_string_equal(world_pv(msg, "$$$$"), "$$");
}

static void what_it_gives_outlives_the_program(void **state)
{
	struct ph_msg *msg = world_invite();
	struct pv_format *f = parse("lasting");
	struct slice s;

	(void)state;
	assert_int_equal(pv_format_eval(f, &world->env, msg, &s), 0);
	pv_format_free(&f);
	assert_slice_equal(s, "lasting");
}

static void faults_have_their_place_in_the_text(void **state)
{
	(void)state;
	assert_int_equal(fault_at("call $foo", "unknown variable '$foo'"), 5);
	assert_int_equal(fault_at("a $ b", "begins no variable"), 2);
	assert_int_equal(fault_at("ends in $", "begins no variable"), 8);
	assert_int_equal(fault_at("x $(hdr(X)[q])", "is no index"), 11);
	assert_int_equal(fault_at("$ru $_s(a $foo)", "unknown variable '$foo'"), 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			text_and_variables_are_mixed, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			null_shows_as_a_word, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			two_dollars_are_one, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_it_gives_outlives_the_program, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			faults_have_their_place_in_the_text, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("pv_format", tests, NULL, NULL);
}
