#include "tests/unit/ph_test.h"

#include "core/net/names.h"

static struct names *names;

static int setup(void **state)
{
	(void)state;
	return names_new(&names);
}

static int teardown(void **state)
{
	(void)state;
	names_destroy(&names);
	return 0;
}

static void a_name_keeps_its_number_whatever_its_case(void **state)
{
	uint64_t a = names_number(names, SLICE("example.org")), b = names_number(names, SLICE("Example.ORG."));
	char text[NAME_MAX_LEN + 1];

	(void)state;
	assert_true(a != 0);
	assert_int_equal(a, b);
	assert_true(names_number(names, SLICE("example.net")) != a);
	assert_true(slice_eq(names_text(names, a, text), SLICE("example.org")));
	assert_string_equal(text, "example.org");
}

static void what_is_no_name_has_no_number(void **state)
{
	char longest[NAME_MAX_LEN + 1], text[NAME_MAX_LEN + 1];
	uint64_t n;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(names_number(names, SLICE("")), 0);
	assert_int_equal(names_number(names, slice_make(longest, sizeof(longest))), 0);
	n = names_number(names, slice_make(longest, NAME_MAX_LEN));
	assert_true(n != 0);
	assert_int_equal(names_text(names, n, text).len, NAME_MAX_LEN);
	assert_int_equal(names_text(names, 0, text).len, 0);
	assert_string_equal(text, "");
	assert_int_equal(names_text(names, 0xdeadbeefcafe, text).len, 0);
}

/* Strangers may ask for names without end. */
static void a_name_that_had_to_make_room_is_no_other_name(void **state)
{
	uint64_t first = names_number(names, SLICE("first.example")), kept;
	char name[64], text[NAME_MAX_LEN + 1];

	(void)state;
	kept = names_number(names, SLICE("kept.example"));
	for (unsigned i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_true(names_number(names, slice_str(name)) != 0);
		assert_int_equal(names_number(names, SLICE("kept.example")), kept); /* in use */
	}
	assert_int_equal(names_text(names, first, text).len, 0);
	assert_true(names_number(names, SLICE("first.example")) != first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_keeps_its_number_whatever_its_case, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_name_has_no_number, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_that_had_to_make_room_is_no_other_name, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
