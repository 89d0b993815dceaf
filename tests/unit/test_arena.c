#include "tests/unit/ph_test.h"

#include "core/base/arena.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(TEST_ASAN)
#define TEST_ASAN 1
#endif
#ifdef TEST_ASAN
#include <sanitizer/asan_interface.h>
#endif

static void pieces_are_aligned_apart_and_writable(void **state)
{
	struct arena *a = arena_new(256, 1 << 20);
	char *seen[200];

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		seen[i] = arena_alloc(a, i);
		assert_non_null(seen[i]);
		assert_int_equal((uintptr_t)seen[i] % _Alignof(max_align_t), 0);
		memset(seen[i], (int)i, i);
	}
	for (size_t i = 0; i < 200; i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_equal((unsigned char)seen[i][k], i);
	}
	arena_put(a);
}

static void pieces_of_no_bytes_are_valid_and_distinct(void **state)
{
	struct arena *a = arena_new(64, 4096);
	void *x = arena_alloc(a, 0), *y = arena_alloc(a, 0);

	(void)state;
	assert_non_null(x);
	assert_non_null(y);
	assert_ptr_not_equal(x, y);
	arena_put(a);
}

static void the_limit_holds_and_what_fits_still_fits(void **state)
{
	struct arena *a = arena_new(64, 1024);
	volatile size_t huge = SIZE_MAX; /* the compiler knows that this is nonsense */

	(void)state;
	assert_null(arena_alloc(a, 1025));
	assert_null(arena_alloc(a, huge));
	assert_null(arena_alloc(a, huge - 8));
	assert_non_null(arena_alloc(a, 1000));
	assert_null(arena_alloc(a, 17));
	assert_int_equal(arena_used(a), 1008);
	assert_non_null(arena_alloc(a, 16));
	assert_int_equal(arena_used(a), 1024);
	assert_null(arena_alloc(a, 0));
	assert_null(arena_printf(a, "%s", "").p);
	assert_null(arena_dup(a, SLICE("x")).p);
	arena_reset(a);
	assert_int_equal(arena_used(a), 0);
	assert_non_null(arena_alloc(a, 1024));
	arena_put(a);
}

static void a_limit_that_is_no_multiple_of_the_alignment_is_not_passed(void **state)
{
	struct arena *a = arena_new(64, 100);

	(void)state;
	assert_null(arena_alloc(a, 97));
	assert_non_null(arena_alloc(a, 96));
	assert_null(arena_alloc(a, 1));
	arena_put(a);
}

static void a_reset_gives_the_first_block_again(void **state)
{
	struct arena *a = arena_new(512, 1 << 20);
	void *first = arena_alloc(a, 10);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_non_null(arena_alloc(a, 100));
	arena_reset(a);
	assert_ptr_equal(arena_alloc(a, 10), first);
	arena_put(a);
}

static void big_pieces_leave_the_block_in_front_open(void **state)
{
	struct arena *a = arena_new(1024, 1 << 20);
	char *small, *next;

	(void)state;
	assert_non_null(arena_alloc(a, 1024));
	small = arena_alloc(a, 16);
	assert_non_null(arena_alloc(a, 5000));
	next = arena_alloc(a, 16);
	assert_true(next > small && next - small <= 64);
	/* Also when it is the first. */
	arena_reset(a);
	small = arena_alloc(a, 16);
	assert_non_null(arena_alloc(a, 5000));
	next = arena_alloc(a, 16);
	assert_true(next > small && next - small <= 64);
	arena_put(a);
}

static void zalloc_is_zero_even_in_used_memory(void **state)
{
	struct arena *a = arena_new(256, 4096);
	char *p = arena_alloc(a, 200);

	(void)state;
	memset(p, 0xff, 200);
	arena_reset(a);
	p = arena_zalloc(a, 200);
	for (int i = 0; i < 200; i++)
		assert_int_equal(p[i], 0);
	assert_null(arena_zalloc(a, 1 << 20));
	arena_put(a);
}

static void texts_are_copied_with_a_nul_behind(void **state)
{
	struct arena *a = arena_new(64, 1 << 16);
	char source[] = "Call-ID";
	struct slice copy = arena_dup(a, slice_str(source));
	struct slice empty = arena_dup(a, (struct slice){0});
	struct slice joined, printed;
	char wide[2000];

	(void)state;
	source[0] = 'X';
	assert_slice_equal(copy, "Call-ID");
	assert_int_equal(copy.p[copy.len], '\0');
	assert_non_null(empty.p);
	assert_int_equal(empty.len, 0);
	assert_int_equal(empty.p[0], '\0');
	joined = arena_join(a, SLICE("sip:"), SLICE("alice"));
	assert_slice_equal(joined, "sip:alice");
	assert_int_equal(joined.p[joined.len], '\0');
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	printed = arena_printf(a, "%s=%d", wide, 7);
	assert_int_equal(printed.len, sizeof(wide) - 1 + 2);
	assert_slice_equal(slice_from(printed, sizeof(wide) - 2), "w=7");
	arena_put(a);
}

static void received_bytes_come_first(void **state)
{
	struct arena *a = arena_new(1500, 1 << 16);
	size_t room = 0;
	char *p = arena_room(a, &room), *next;

	(void)state;
	assert_true(room >= 1500);
	memset(p, 'r', room);
	arena_claim(a, 333);
	assert_true(arena_used(a) >= 333 && arena_used(a) < 333 + 16);
	next = arena_alloc(a, 8);
	assert_true(next >= p + 333 && next < p + 400);
	memset(next, 'n', 8);
	assert_int_equal(p[332], 'r');
	arena_reset(a);
	/* Nothing received: nothing held. */
	assert_ptr_equal(arena_room(a, &room), p);
	arena_claim(a, 0);
	assert_int_equal(arena_used(a), 0);
	assert_ptr_equal(arena_room(a, &room), p);
	arena_claim(a, room);
	assert_non_null(arena_alloc(a, 1));
	arena_put(a);
}

static void room_to_receive_is_within_the_limit(void **state)
{
	struct arena *a = arena_new(4096, 1024);
	size_t room = 0;

	(void)state;
	arena_room(a, &room);
	assert_int_equal(room, 1024);
	arena_claim(a, room);
	assert_null(arena_alloc(a, 1));
	arena_put(a);
}

static void a_pool_gives_the_last_one_back_emptied(void **state)
{
	struct arena_pool *pool = NULL;
	struct arena *a, *b;

	(void)state;
	assert_int_equal(arena_pool_new(&pool, 256, 1, 4096), 0);
	a = arena_get(pool);
	b = arena_get(pool);
	assert_ptr_not_equal(a, b);
	assert_non_null(arena_alloc(a, 2000));
	assert_null(arena_alloc(a, 4000));
	arena_put(a);
	arena_put(b); /* one more than is kept: freed (LeakSanitizer looks) */
	assert_ptr_equal(arena_get(pool), a);
	assert_int_equal(arena_used(a), 0);
	arena_put(a);
	arena_put(NULL);
	arena_pool_destroy(&pool);
	assert_null(pool);
	arena_pool_destroy(&pool);
}

static void an_arena_may_outlive_its_pool(void **state)
{
	struct arena_pool *pool = NULL;
	struct arena *a, *b;

	(void)state;
	assert_int_equal(arena_pool_new(&pool, 256, 8, 4096), 0);
	a = arena_get(pool);
	b = arena_get(pool);
	arena_pool_destroy(&pool);
	assert_non_null(arena_alloc(a, 100));
	arena_put(a);
	arena_put(b);
}

static void sanitizers_see_uses_after_a_reset_and_overruns(void **state)
{
	(void)state;
#ifdef TEST_ASAN
	struct arena *a = arena_new(256, 4096);
	char *p = arena_alloc(a, 20);

	assert_false(__asan_address_is_poisoned(p + 19));
	assert_true(__asan_address_is_poisoned(p + 20));
	(void)arena_alloc(a, 20);
	assert_true(__asan_address_is_poisoned(p + 32));
	arena_reset(a);
	assert_true(__asan_address_is_poisoned(p));
	arena_put(a);
#else
	skip();
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_apart_and_writable),
		cmocka_unit_test(pieces_of_no_bytes_are_valid_and_distinct),
		cmocka_unit_test(the_limit_holds_and_what_fits_still_fits),
		cmocka_unit_test(
			a_limit_that_is_no_multiple_of_the_alignment_is_not_passed),
		cmocka_unit_test(a_reset_gives_the_first_block_again),
		cmocka_unit_test(big_pieces_leave_the_block_in_front_open),
		cmocka_unit_test(zalloc_is_zero_even_in_used_memory),
		cmocka_unit_test(texts_are_copied_with_a_nul_behind),
		cmocka_unit_test(received_bytes_come_first),
		cmocka_unit_test(room_to_receive_is_within_the_limit),
		cmocka_unit_test(a_pool_gives_the_last_one_back_emptied),
		cmocka_unit_test(an_arena_may_outlive_its_pool),
		cmocka_unit_test(sanitizers_see_uses_after_a_reset_and_overruns),
	};
	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
