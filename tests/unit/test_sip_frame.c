#include "tests/unit/sip_test.h"

#define MSG                                                                              \
	"OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\nCall-ID: "                       \
	"abc@d\r\nContent-Length: 4\r\n\r\nbody"

static ptrdiff_t frame(const char *text, size_t max, size_t *skip)
{
	size_t state = 0;

	return sip_frame(slice_str(text), max, skip, &state);
}

static void complete_message_has_its_length(void **state)
{
	size_t skip;

	(void)state;
	assert_int_equal(frame(MSG, 1000, &skip), sizeof(MSG) - 1);
	assert_int_equal(skip, 0);
	assert_int_equal(frame(MSG MSG, 1000, &skip), sizeof(MSG) - 1);
	assert_int_equal(frame("SIP/2.0 200 OK\nl : 1 \n\nx", 1000, &skip), 24);
	assert_int_equal(
		frame("A sip:b SIP/2.0\r\nContent-Length:\r\n 1\r\n\r\nx", 1000, &skip),
		41);
}

static void keepalives_are_skipped_and_counted(void **state)
{
	size_t skip;

	(void)state;
	assert_int_equal(frame("\r\n\r\n", 1000, &skip), 0);
	assert_int_equal(skip, 4);
	assert_int_equal(frame("\r\n\r\n" MSG, 1000, &skip), sizeof(MSG) - 1);
	assert_int_equal(skip, 4);
	assert_int_equal(frame("", 1000, &skip), 0);
	assert_int_equal(skip, 0);
}

static void one_byte_at_a_time_gives_the_same(void **state)
{
	static const char stream[] = "\r\n" MSG "\r\n\r\n" MSG;
	size_t at = 0, n = 0, state_of = 0, skip, found = 0;

	(void)state;
	while (at + n < sizeof(stream) - 1) {
		ptrdiff_t len =
			sip_frame(slice_make(stream + at, ++n), 1000, &skip, &state_of);

		assert_true(len >= 0);
		/* as a reader does it: keepalives go at once, a message when it is
		 * complete */
		at += skip;
		n -= skip;
		if (len > 0) {
			assert_int_equal(len, sizeof(MSG) - 1);
			assert_memory_equal(stream + at, MSG, sizeof(MSG) - 1);
			at += (size_t)len;
			n -= (size_t)len;
			found++;
		}
	}
	assert_int_equal(found, 2);
}

static void bytes_once_searched_are_not_searched_again(void **state)
{
	static const char text[] = "A sip:b SIP/2.0\r\nl: 3\r\n\r\nxy";
	size_t skip, state_of = 0;

	(void)state;
	assert_int_equal(sip_frame(slice_make(text, 10), 1000, &skip, &state_of), 0);
	assert_int_equal(state_of, 10);
	assert_int_equal(sip_frame(slice_make(text, 23), 1000, &skip, &state_of), 0);
	assert_int_equal(state_of, 22); /* the line end: an empty line may follow */
	assert_int_equal(
		sip_frame(slice_make(text, sizeof(text) - 1), 1000, &skip, &state_of), 0);
	assert_true(
		state_of > 1000); /* the length is known: nothing is searched any more */
}

static void what_cannot_be_framed_is_refused(void **state)
{
	size_t skip;

	(void)state;
	assert_int_equal(
		frame("A sip:b SIP/2.0\r\nVia: x\r\n\r\n", 1000, &skip), -EBADMSG);
	assert_int_equal(frame("A sip:b SIP/2.0\r\nl: x\r\n\r\n", 1000, &skip), -EBADMSG);
	assert_int_equal(
		frame("A sip:b SIP/2.0\r\nl: -1\r\n\r\n", 1000, &skip), -EBADMSG);
	assert_int_equal(
		frame("A sip:b SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\n", 1000, &skip), -EBADMSG);
	assert_int_equal(
		frame("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 1000, &skip),
		-EBADMSG);
	assert_int_equal(frame("\x16\x03\x01 tls", 1000, &skip), -EBADMSG);
	assert_int_equal(frame(" x", 1000, &skip), -EBADMSG);
}

static void too_long_messages_are_refused_early(void **state)
{
	size_t skip;

	(void)state;
	assert_int_equal(
		frame("A sip:b SIP/2.0\r\nl: 999\r\n\r\n", 1000, &skip), -EMSGSIZE);
	assert_int_equal(
		frame("A sip:b SIP/2.0\r\nl: 18446744073709551615\r\n\r\n", 1000, &skip),
		-EBADMSG);
	assert_int_equal(
		frame("A sip:b SIP/2.0\r\nX: yyyyyyyyyyyyyyyy", 20, &skip), -EMSGSIZE);
	assert_int_equal(frame("A sip:b SIP/2.0\r\nl: 10\r\n\r\n", 100, &skip), 0);
}

static void call_id_is_found_without_parsing(void **state)
{
	(void)state;
	assert_slice_equal(sip_peek_call_id(SLICE(MSG)), "abc@d");
	assert_slice_equal(
		sip_peek_call_id(SLICE("\r\nA b\ni : x y \nCall-ID: 2\n\n")), "x y");
	assert_slice_equal(
		sip_peek_call_id(SLICE("A b\r\nCall-ID:\r\n  q\r\n\r\n")), "q");
	assert_slice_equal(
		sip_peek_call_id(SLICE("A b\r\nX: 1\r\n\r\nCall-ID: no\r\n")), "");
	assert_slice_equal(sip_peek_call_id(SLICE("Call-ID: first line\r\n\r\n")), "");
	assert_slice_equal(sip_peek_call_id(SLICE("A b\r\nCall-ID: cut")), "");
	assert_slice_equal(sip_peek_call_id(SLICE("")), "");
	assert_slice_equal(sip_peek_call_id(SLICE("\0\0\0\0")), "");
}

static void garbage_is_told_by_its_first_line(void **state)
{
	(void)state;
	assert_true(sip_is_likely(SLICE(MSG)));
	assert_true(sip_is_likely(SLICE("\r\n\nSIP/2.0 200 OK\r\n")));
	assert_true(sip_is_likely(SLICE("sip/3.0\n")));
	assert_true(sip_is_likely(SLICE("INVITE  sip:a@b  SIP/7.0 \r\nx")));
	assert_false(sip_is_likely(SLICE("INVITE sip:a@b SIP/2.0"))); /* cut off in its first line */
	assert_false(sip_is_likely(SLICE("GET / HTTP/1.1\r\nSIP/2.0\r\n")));
	assert_false(sip_is_likely(SLICE("INVITE sip:a@b\r\nVia: SIP/2.0/UDP a\r\n")));
	assert_false(sip_is_likely(SLICE("SIP/2.0")));
	assert_false(sip_is_likely(SLICE("\x80 sip:a SIP/2.0\r\n")));
	assert_false(sip_is_likely(SLICE("\r\n\r\n")));
	assert_false(sip_is_likely(SLICE("\0\0\0\0")));
	assert_false(sip_is_likely((struct slice){0}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(complete_message_has_its_length),
		cmocka_unit_test(keepalives_are_skipped_and_counted),
		cmocka_unit_test(one_byte_at_a_time_gives_the_same),
		cmocka_unit_test(bytes_once_searched_are_not_searched_again),
		cmocka_unit_test(what_cannot_be_framed_is_refused),
		cmocka_unit_test(too_long_messages_are_refused_early),
		cmocka_unit_test(call_id_is_found_without_parsing),
		cmocka_unit_test(garbage_is_told_by_its_first_line),
	};
	return cmocka_run_group_tests_name("sip_frame", tests, NULL, NULL);
}
