/* The name of a dialog in the cluster. */
#include "core/tm/dialog_id.h"

#include "tests/unit/ph_test.h"

static const struct hash_key key = {0x0123456789abcdef, 0xfedcba9876543210};

static void every_node_with_the_secret_makes_the_same_id(void **state)
{
	char a[DIALOG_ID_LEN + 1], b[DIALOG_ID_LEN + 1];

	(void)state;
	dialog_id(a, &key, SLICE("call@host"), SLICE("tag1"));
	dialog_id(b, &key, SLICE("call@host"), SLICE("tag1"));
	assert_string_equal(a, b);
	assert_int_equal(strlen(a), DIALOG_ID_LEN);
	assert_int_equal(strspn(a, "0123456789abcdef"), DIALOG_ID_LEN);
}

static void id_begins_with_the_hash_that_chooses_the_worker(void **state)
{
	char id[DIALOG_ID_LEN + 1];
	uint32_t hash = 0;

	(void)state;
	dialog_id(id, &key, SLICE("call@host"), SLICE("tag1"));
	assert_int_equal(dialog_id_parse(slice_str(id), &hash), 0);
	assert_int_equal(hash, hash_call_id(&key, SLICE("call@host")));
}

static void other_calls_tags_and_secrets_give_other_ids(void **state)
{
	const struct hash_key other = {key.k0 + 1, key.k1};
	char a[DIALOG_ID_LEN + 1], b[DIALOG_ID_LEN + 1];

	(void)state;
	dialog_id(a, &key, SLICE("call"), SLICE("tag"));
	dialog_id(b, &key, SLICE("call"), SLICE("tah"));
	assert_string_not_equal(a, b);
	assert_memory_equal(a, b, 8);
	dialog_id(b, &key, SLICE("callt"), SLICE("ag"));
	assert_string_not_equal(a + 8, b + 8);
	dialog_id(b, &other, SLICE("call"), SLICE("tag"));
	assert_string_not_equal(a + 8, b + 8);
	dialog_id(b, &key, SLICE("tag"), SLICE("call"));
	assert_string_not_equal(a + 8, b + 8);
}

static void what_is_no_id_is_refused(void **state)
{
	uint32_t hash = 77;

	(void)state;
	assert_int_equal(dialog_id_parse(SLICE(""), &hash), -EINVAL);
	assert_int_equal(dialog_id_parse(SLICE("0123456789abcdef0123456"), &hash), -EINVAL);
	assert_int_equal(dialog_id_parse(SLICE("0123456789abcdef012345678"), &hash), -EINVAL);
	assert_int_equal(dialog_id_parse(SLICE("0123456789ABCDEF01234567"), &hash), -EINVAL);
	assert_int_equal(dialog_id_parse(SLICE("0123456789abcdef0123456g"), &hash), -EINVAL);
	assert_int_equal(hash, 77);
	assert_int_equal(dialog_id_parse(SLICE("0123456789abcdef01234567"), &hash), 0);
	assert_int_equal(hash, 0x01234567);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_node_with_the_secret_makes_the_same_id),
		cmocka_unit_test(id_begins_with_the_hash_that_chooses_the_worker),
		cmocka_unit_test(other_calls_tags_and_secrets_give_other_ids),
		cmocka_unit_test(what_is_no_id_is_refused),
	};

	return cmocka_run_group_tests_name("dialog_id", tests, NULL, NULL);
}
