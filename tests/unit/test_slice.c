#include "tests/unit/ph_test.h"

static const struct slice none;

static void equality_is_bytewise_or_without_ascii_case(void **state)
{
	(void)state;
	assert_true(slice_eq(SLICE("Via"), SLICE("Via")));
	assert_false(slice_eq(SLICE("Via"), SLICE("via")));
	assert_true(slice_ieq(SLICE("Call-ID"), SLICE("CALL-id")));
	assert_false(slice_ieq(SLICE("Via"), SLICE("Vi")));
	/* Only letters have a case: '@' and '`', '[' and '{' differ by the same bit. */
	assert_false(slice_ieq(SLICE("@["), SLICE("`{")));
	assert_false(slice_ieq(SLICE("\xc4"), SLICE("\xe4")));
	assert_true(slice_eq(none, SLICE("")));
	assert_true(slice_ieq(none, SLICE("")));
}

static void order_is_that_of_strcmp_with_the_shorter_first(void **state)
{
	(void)state;
	assert_true(slice_cmp(SLICE("a"), SLICE("b")) < 0);
	assert_true(slice_cmp(SLICE("b"), SLICE("a")) > 0);
	assert_true(slice_cmp(SLICE("ab"), SLICE("a")) > 0);
	assert_true(slice_cmp(SLICE("a"), SLICE("ab")) < 0);
	assert_true(slice_cmp(SLICE("\x7f"), SLICE("\x80")) < 0);
	assert_true(slice_cmp(SLICE("B"), SLICE("a")) < 0);
	assert_int_equal(slice_cmp(none, SLICE("")), 0);
	assert_true(slice_icmp(SLICE("B"), SLICE("a")) > 0);
	assert_true(slice_icmp(SLICE("a"), SLICE("AB")) < 0);
	assert_true(slice_icmp(SLICE("\x7f"), SLICE("\x80")) < 0);
	assert_int_equal(slice_icmp(SLICE("aB"), SLICE("Ab")), 0);
	assert_int_equal(slice_icmp(none, none), 0);
}

static void prefixes_are_found_with_and_without_case(void **state)
{
	(void)state;
	assert_true(slice_starts(SLICE("sip:a"), SLICE("sip:")));
	assert_false(slice_starts(SLICE("SIP:a"), SLICE("sip:")));
	assert_true(slice_istarts(SLICE("SIP:a"), SLICE("sip:")));
	assert_false(slice_istarts(SLICE("si"), SLICE("sip:")));
	assert_true(slice_starts(none, none));
	assert_true(slice_istarts(SLICE("x"), none));
	assert_false(slice_starts(none, SLICE("x")));
}

static void trim_takes_blanks_and_line_ends_at_both_ends_only(void **state)
{
	(void)state;
	assert_slice_equal(slice_trim(SLICE(" \t\r\na b\r\n ")), "a b");
	assert_slice_equal(slice_trim(SLICE(" \t\r\n")), "");
	assert_slice_equal(slice_trim(SLICE("a")), "a");
	assert_int_equal(slice_trim(none).len, 0);
	/* A NUL is no blank. */
	assert_int_equal(slice_trim(SLICE("\0 ")).len, 1);
}

static void parts_are_clamped_to_the_whole(void **state)
{
	const struct slice s = SLICE("abcdef");

	(void)state;
	assert_slice_equal(slice_from(s, 2), "cdef");
	assert_slice_equal(slice_from(s, 6), "");
	assert_slice_equal(slice_from(s, SIZE_MAX), "");
	assert_ptr_equal(slice_from(s, 100).p, s.p + 6);
	assert_slice_equal(slice_sub(s, 1, 3), "bcd");
	assert_slice_equal(slice_sub(s, 4, SIZE_MAX), "ef");
	assert_slice_equal(slice_sub(s, 9, 9), "");
	assert_int_equal(slice_sub(none, 3, 3).len, 0);
	assert_null(slice_from(none, 3).p);
}

static void searching_gives_the_first_index_or_minus_one(void **state)
{
	const struct slice s = SLICE("a;b;c");

	(void)state;
	assert_int_equal(slice_chr(s, ';'), 1);
	assert_int_equal(slice_chr(s, 'x'), -1);
	assert_int_equal(slice_chr(none, 'x'), -1);
	assert_int_equal(slice_find(s, SLICE("b;")), 2);
	assert_int_equal(slice_find(s, SLICE("B;")), -1);
	assert_int_equal(slice_find(s, SLICE("")), 0);
	assert_int_equal(slice_find(none, SLICE("")), 0);
	assert_int_equal(slice_find(none, SLICE("a")), -1);
	assert_int_equal(slice_ifind(s, SLICE("B;")), 2);
	assert_int_equal(slice_ifind(s, SLICE("C")), 4);
	assert_int_equal(slice_ifind(s, SLICE("c;")), -1);
	assert_int_equal(slice_ifind(s, none), 0);
	assert_int_equal(slice_ifind(none, SLICE("a")), -1);
	assert_int_equal(slice_ifind(SLICE("ab"), SLICE("abc")), -1);
	assert_int_equal(slice_ifind(SLICE("aab"), SLICE("AB")), 1);
}

static void cut_splits_at_the_first_separator(void **state)
{
	struct slice head = SLICE("untouched"), tail = SLICE("untouched");
	struct slice rest = SLICE("a,b,c");

	(void)state;
	assert_false(slice_cut(SLICE("abc"), ',', &head, &tail));
	assert_slice_equal(head, "untouched");
	assert_slice_equal(tail, "untouched");
	/* The usual loop: the tail goes where the whole was. */
	assert_true(slice_cut(rest, ',', &head, &rest));
	assert_slice_equal(head, "a");
	assert_slice_equal(rest, "b,c");
	assert_true(slice_cut(SLICE(",x"), ',', &head, &tail));
	assert_slice_equal(head, "");
	assert_slice_equal(tail, "x");
	assert_true(slice_cut(SLICE("x,"), ',', &head, &tail));
	assert_slice_equal(tail, "");
	assert_false(slice_cut(none, ',', &head, &tail));
}

static void unsigned_numbers_are_strict(void **state)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x1", "1a", "a",
		"1.0", "99999999999999999999x"};
	uint64_t n = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(slice_u64(slice_str(bad[i]), UINT64_MAX, &n), -EINVAL);
	assert_int_equal(slice_u64(SLICE("1\0"), UINT64_MAX, &n), -EINVAL);
	assert_int_equal(
		slice_u64(SLICE("18446744073709551616"), UINT64_MAX, &n), -ERANGE);
	assert_int_equal(
		slice_u64(SLICE("99999999999999999999"), UINT64_MAX, &n), -ERANGE);
	/* Would be 0 again if the overflow went unseen. */
	assert_int_equal(slice_u64(SLICE("340282366920938463463374607431768211456"),
				 UINT64_MAX, &n),
		-ERANGE);
	assert_int_equal(slice_u64(SLICE("65536"), 65535, &n), -ERANGE);
	assert_int_equal(n, 77);
	assert_int_equal(slice_u64(SLICE("18446744073709551615"), UINT64_MAX, &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(slice_u64(SLICE("0065535"), 65535, &n), 0);
	assert_int_equal(n, 65535);
	assert_int_equal(slice_u64(SLICE("0"), 0, &n), 0);
	assert_int_equal(n, 0);
}

static void signed_numbers_may_be_hexadecimal(void **state)
{
	static const char *const bad[] = {
		"", "-", "--1", "+1", "0x", "-0x", "0xg", "1e3", " 1", "0x-1", "x1"};
	int64_t n = 77;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(slice_i64(slice_str(bad[i]), &n), -EINVAL);
	assert_int_equal(slice_i64(SLICE("9223372036854775808"), &n), -ERANGE);
	assert_int_equal(slice_i64(SLICE("-9223372036854775809"), &n), -ERANGE);
	assert_int_equal(slice_i64(SLICE("0x8000000000000000"), &n), -ERANGE);
	assert_int_equal(slice_i64(SLICE("0x10000000000000000"), &n), -ERANGE);
	assert_int_equal(n, 77);
	assert_int_equal(slice_i64(SLICE("9223372036854775807"), &n), 0);
	assert_true(n == INT64_MAX);
	assert_int_equal(slice_i64(SLICE("-9223372036854775808"), &n), 0);
	assert_true(n == INT64_MIN);
	assert_int_equal(slice_i64(SLICE("0xFf"), &n), 0);
	assert_int_equal(n, 255);
	assert_int_equal(slice_i64(SLICE("-0x10"), &n), 0);
	assert_true(n == -16);
	/* No octal: a leading zero means nothing. */
	assert_int_equal(slice_i64(SLICE("010"), &n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(slice_i64(SLICE("-0"), &n), 0);
	assert_int_equal(n, 0);
}

static void contains_knows_its_own_bytes(void **state)
{
	const char text[] = "abcdef";
	const struct slice s = slice_make(text + 1, 3);

	(void)state;
	assert_false(slice_contains(s, text));
	assert_true(slice_contains(s, text + 1));
	assert_true(slice_contains(s, text + 3));
	assert_false(slice_contains(s, text + 4));
	assert_false(slice_contains(none, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equality_is_bytewise_or_without_ascii_case),
		cmocka_unit_test(order_is_that_of_strcmp_with_the_shorter_first),
		cmocka_unit_test(prefixes_are_found_with_and_without_case),
		cmocka_unit_test(trim_takes_blanks_and_line_ends_at_both_ends_only),
		cmocka_unit_test(parts_are_clamped_to_the_whole),
		cmocka_unit_test(searching_gives_the_first_index_or_minus_one),
		cmocka_unit_test(cut_splits_at_the_first_separator),
		cmocka_unit_test(unsigned_numbers_are_strict),
		cmocka_unit_test(signed_numbers_may_be_hexadecimal),
		cmocka_unit_test(contains_knows_its_own_bytes),
	};
	return cmocka_run_group_tests_name("slice", tests, NULL, NULL);
}
