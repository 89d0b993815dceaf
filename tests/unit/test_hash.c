#include "tests/unit/ph_test.h"

#include "core/base/hash.h"

/* The key 00 01 .. 0f of the paper's appendix A. */
static const struct hash_key paper_key = {0x0706050403020100U, 0x0f0e0d0c0b0a0908U};

static void siphash_gives_the_values_of_its_authors(void **state)
{
	/* vectors_sip64 of the reference implementation, for inputs 00, 00 01, ... */
	static const struct {
		size_t len;
		uint64_t want;
	} rows[] = {
		{0, 0x726fdb47dd0e0e31U},
		{1, 0x74f839c593dc67fdU},
		{2, 0x0d6c8009d9a94f5aU},
		{3, 0x85676696d7fb7e2dU},
		{4, 0xcf2794e0277187b7U},
		{5, 0x18765564cd99a68dU},
		{6, 0xcbc9466e58fee3ceU},
		{7, 0xab0200f58b01d137U},
		{8, 0x93f5f5799a932462U},
		{15, 0xa129ca6149be45e5U}, /* printed in the paper */
		{63, 0x958a324ceb064572U},
	};
	char input[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		input[i] = (char)i;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t got = hash_sip(&paper_key, slice_make(input, rows[i].len));

		if (got != rows[i].want)
			fail_msg("%zu bytes: %016llx", rows[i].len,
				(unsigned long long)got);
	}
}

static void siphash_does_not_depend_on_alignment(void **state)
{
	char input[40];

	(void)state;
	for (int shift = 0; shift < 8; shift++) {
		memcpy(input + shift, "a84b4c76e66710@pc33.atlanta", 27);
		assert_true(hash_sip(&paper_key, slice_make(input + shift, 27)) ==
			hash_sip(&paper_key, SLICE("a84b4c76e66710@pc33.atlanta")));
	}
}

static void a_key_is_the_start_of_the_secrets_sha256(void **state)
{
	struct hash_key key, other;

	(void)state;
	/* SHA-256("abc") = ba7816bf 8f01cfea 414140de 5dae2223 ... (FIPS 180-2 B.1) */
	assert_int_equal(hash_key_from(&key, SLICE("abc")), 0);
	assert_true(key.k0 == 0xeacf018fbf1678baU);
	assert_true(key.k1 == 0x2322ae5dde404141U);
	/* SHA-256("") = e3b0c442 98fc1c14 9afbf4c8 996fb924 ... */
	assert_int_equal(hash_key_from(&other, (struct slice){0}), 0);
	assert_true(other.k0 == 0x141cfc9842c4b0e3U);
	assert_true(other.k1 == 0x24b96f99c8f4fb9aU);
}

static void the_call_hash_folds_siphash_and_depends_on_the_key(void **state)
{
	const struct hash_key other = {1, 2};

	(void)state;
	assert_true(hash_call_id(&paper_key, (struct slice){0}) ==
		(0x726fdb47U ^ 0xdd0e0e31U));
	assert_int_not_equal(hash_call_id(&paper_key, SLICE("call@host")),
		hash_call_id(&other, SLICE("call@host")));
	assert_int_not_equal(hash_call_id(&paper_key, SLICE("call@host")),
		hash_call_id(&paper_key, SLICE("Call@host")));
}

static void fnv_gives_the_published_values(void **state)
{
	(void)state;
	assert_int_equal(hash_fnv((struct slice){0}), 0x811c9dc5);
	assert_int_equal(hash_fnv(SLICE("a")), 0xe40c292c);
	assert_int_equal(hash_fnv(SLICE("foobar")), 0xbf9cf968);
}

static void random_bytes_fill_exactly_what_is_asked(void **state)
{
	unsigned char mem[600], zero[500] = {0}, seen[256] = {0};
	unsigned kinds = 0;

	(void)state;
	memset(mem, 0, sizeof(mem));
	random_bytes(mem + 50, 500);
	assert_memory_not_equal(mem + 50, zero, 500);
	assert_memory_equal(mem, zero, 50);
	assert_memory_equal(mem + 550, zero, 50);
	for (size_t i = 50; i < 550; i++)
		kinds += seen[mem[i]]++ == 0;
	/* 500 draws of 256 values: about 220 kinds; under 150 is out of all likelihood. */
	assert_true(kinds > 150);
	random_bytes(mem, 0);
	assert_memory_equal(mem, zero, 50);
}

static void fast_random_numbers_use_all_bits_and_do_not_repeat(void **state)
{
	uint64_t last = random_fast(), all_or = 0, all_and = UINT64_MAX;

	(void)state;
	for (int i = 0; i < 200; i++) {
		uint64_t n = random_fast();

		assert_true(n != last);
		all_or |= n;
		all_and &= n;
		last = n;
	}
	assert_true(all_or == UINT64_MAX);
	assert_true(all_and == 0);
}

static void hexadecimal_text_is_lower_case(void **state)
{
	char out[16];

	(void)state;
	memset(out, '#', sizeof(out));
	hex_text(out, "\x00\x9f\xAB\xff", 4);
	assert_string_equal(out, "009fabff");
	assert_int_equal(out[9], '#');
	hex_text(out, "", 0);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_gives_the_values_of_its_authors),
		cmocka_unit_test(siphash_does_not_depend_on_alignment),
		cmocka_unit_test(a_key_is_the_start_of_the_secrets_sha256),
		cmocka_unit_test(the_call_hash_folds_siphash_and_depends_on_the_key),
		cmocka_unit_test(fnv_gives_the_published_values),
		cmocka_unit_test(random_bytes_fill_exactly_what_is_asked),
		cmocka_unit_test(fast_random_numbers_use_all_bits_and_do_not_repeat),
		cmocka_unit_test(hexadecimal_text_is_lower_case),
	};
	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
