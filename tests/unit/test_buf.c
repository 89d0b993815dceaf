#include "tests/unit/ph_test.h"

#include "core/base/buf.h"

static void everything_is_appended_in_order(void **state)
{
	char mem[128];
	struct buf b;

	(void)state;
	buf_fixed(&b, mem, sizeof(mem));
	buf_str(&b, "SIP/2.0");
	buf_chr(&b, ' ');
	buf_u64(&b, 200);
	buf_add(&b, SLICE(" OK\r\n"));
	buf_printf(&b, "%s: %d", "CSeq", 1);
	buf_add(&b, (struct slice){0});
	buf_str(&b, NULL);
	assert_int_equal(b.err, 0);
	assert_slice_equal(buf_slice(&b), "SIP/2.0 200 OK\r\nCSeq: 1");
}

static void numbers_are_written_up_to_the_largest(void **state)
{
	char mem[64];
	struct buf b;

	(void)state;
	buf_fixed(&b, mem, sizeof(mem));
	buf_u64(&b, 0);
	buf_chr(&b, ' ');
	buf_u64(&b, 10);
	buf_chr(&b, ' ');
	buf_u64(&b, UINT64_MAX);
	assert_slice_equal(buf_slice(&b), "0 10 18446744073709551615");
}

static void a_fixed_buffer_takes_its_last_byte_and_no_more(void **state)
{
	char mem[8] = "";
	struct buf b;

	(void)state;
	buf_fixed(&b, mem, 4);
	mem[4] = '#';
	buf_str(&b, "abcd");
	assert_int_equal(b.err, 0);
	buf_chr(&b, 'e');
	assert_int_equal(b.err, -EMSGSIZE);
	assert_slice_equal(buf_slice(&b), "abcd");
	assert_int_equal(mem[4], '#');
	/* printf too, which wants a byte for its NUL. */
	buf_fixed(&b, mem, 4);
	buf_printf(&b, "%s", "wxyz");
	assert_int_equal(b.err, 0);
	assert_slice_equal(buf_slice(&b), "wxyz");
	assert_int_equal(mem[4], '#');
	buf_fixed(&b, mem, 4);
	buf_printf(&b, "%d", 12345);
	assert_int_equal(b.err, -EMSGSIZE);
	assert_int_equal(b.len, 0);
	assert_int_equal(mem[4], '#');
}

static void after_an_error_nothing_is_appended_until_reset(void **state)
{
	char mem[4];
	struct buf b;

	(void)state;
	buf_fixed(&b, mem, sizeof(mem));
	buf_str(&b, "ab");
	buf_str(&b, "cde");
	buf_chr(&b, 'x'); /* would fit */
	buf_printf(&b, "x");
	assert_int_equal(b.err, -EMSGSIZE);
	assert_slice_equal(buf_slice(&b), "ab");
	buf_reset(&b);
	assert_int_equal(b.err, 0);
	buf_str(&b, "wxyz");
	assert_slice_equal(buf_slice(&b), "wxyz");
}

static void growing_keeps_the_text(struct buf *b)
{
	for (unsigned i = 0; i < 1000; i++)
		buf_printf(b, "%04u", i);
	assert_int_equal(b->err, 0);
	assert_int_equal(b->len, 4000);
	for (unsigned i = 0; i < 1000; i++) {
		char want[8];

		snprintf(want, sizeof(want), "%04u", i);
		assert_slice_equal(slice_sub(buf_slice(b), i * 4, 4), want);
	}
}

static void arena_and_heap_buffers_grow(void **state)
{
	struct arena *a = arena_new(256, 1 << 20);
	struct buf b;

	(void)state;
	buf_arena(&b, a, 16, 4000);
	growing_keeps_the_text(&b);
	buf_free(&b); /* the arena's: nothing happens to it */
	arena_put(a);
	buf_heap(&b, 0, SIZE_MAX);
	growing_keeps_the_text(&b);
	buf_reset(&b);
	assert_int_equal(b.len, 0);
	assert_true(b.cap >= 4000);
	growing_keeps_the_text(&b);
	buf_free(&b);
	buf_free(&b);
	assert_null(b.p);
}

static void no_buffer_passes_its_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_heap(&b, 64, 10);
	buf_str(&b, "123456789");
	buf_printf(&b, "%s", "0");
	assert_int_equal(b.err, 0);
	buf_printf(&b, "x"); /* there would be room */
	assert_int_equal(b.err, -EMSGSIZE);
	assert_slice_equal(buf_slice(&b), "1234567890");
	buf_free(&b);
}

static void an_arena_without_room_is_remembered_as_such(void **state)
{
	struct arena *a = arena_new(64, 128);
	struct buf b;

	(void)state;
	buf_arena(&b, a, 32, 1000);
	for (int i = 0; i < 50; i++)
		buf_str(&b, "0123456789");
	assert_int_equal(b.err, -ENOMEM);
	assert_true(b.len >= 20);
	buf_arena(&b, a, 4096, 4096);
	assert_int_equal(b.err, -ENOMEM);
	buf_chr(&b, 'x');
	assert_int_equal(b.len, 0);
	arena_put(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_appended_in_order),
		cmocka_unit_test(numbers_are_written_up_to_the_largest),
		cmocka_unit_test(a_fixed_buffer_takes_its_last_byte_and_no_more),
		cmocka_unit_test(after_an_error_nothing_is_appended_until_reset),
		cmocka_unit_test(arena_and_heap_buffers_grow),
		cmocka_unit_test(no_buffer_passes_its_maximum),
		cmocka_unit_test(an_arena_without_room_is_remembered_as_such),
	};
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
