#include "core/tm/msg.h"

#include "core/tm/tm.h"
#include "tests/unit/ph_test.h"

static struct ph_msg *message(void)
{
	struct arena *arena = arena_new(1024, 1 << 20);
	struct ph_msg *msg;

	assert_non_null(arena);
	msg = msg_new(arena);
	assert_non_null(msg);
	return msg;
}

static void new_message_has_nothing_armed_and_full_weight(void **state)
{
	struct ph_msg *msg = message();

	(void)state;
	assert_int_equal(msg->armed.on_reply, -1);
	assert_int_equal(msg->armed.on_failure, -1);
	assert_int_equal(msg->armed.on_branch, -1);
	assert_int_equal(msg->q, 1000);
	assert_ptr_equal(msg_root(msg), msg);
	assert_null(tm_request_of(msg));
	assert_int_equal(tm_reply_code(msg), 0);
	assert_false(tm_is_canceled(msg));
	msg_unref(&msg);
	assert_null(msg);
	msg_unref(&msg);
}

static void last_reference_gives_the_memory_back(void **state)
{
	struct ph_msg *msg = message(), *other = msg;

	(void)state;
	msg_ref(msg);
	msg_unref(&other);
	assert_int_equal(msg->refs, 1);
	msg_unref(&msg);
}

static void push(
	struct ph_msg *msg, const char *name, bool numeric, const char *text, int64_t n)
{
	const struct msg_avp value = {
		.is_int = text == NULL, .n = n, .s = slice_str(text)};

	assert_int_equal(msg_avp_push(msg, slice_str(name), numeric, &value), 0);
}

static void avps_are_stacks_by_name(void **state)
{
	struct ph_msg *msg = message();
	char name[] = "x";

	(void)state;
	push(msg, name, false, "first", 0);
	push(msg, "y", false, NULL, 7);
	push(msg, "x", false, "second", 0);
	name[0] = 'z';
	assert_slice_equal(msg_avp_find(msg, SLICE("x"), false, 0)->s, "second");
	assert_slice_equal(msg_avp_find(msg, SLICE("x"), false, 1)->s, "first");
	assert_null(msg_avp_find(msg, SLICE("x"), false, 2));
	assert_null(msg_avp_find(msg, SLICE("x"), true, 0));
	assert_true(msg_avp_find(msg, SLICE("y"), false, 0)->is_int);
	assert_int_equal(msg_avp_find(msg, SLICE("y"), false, 0)->n, 7);
	msg_avp_remove(msg, SLICE("x"), false, false);
	assert_slice_equal(msg_avp_find(msg, SLICE("x"), false, 0)->s, "first");
	push(msg, "x", false, "third", 0);
	msg_avp_remove(msg, SLICE("x"), false, true);
	assert_null(msg_avp_find(msg, SLICE("x"), false, 0));
	assert_non_null(msg_avp_find(msg, SLICE("y"), false, 0));
	msg_unref(&msg);
}

static void branches_keep_their_order_and_are_bounded(void **state)
{
	struct ph_msg *msg = message();
	char uri[] = "sip:a@b";
	const struct tm_target t = {
		.ruri = slice_str(uri), .du = SLICE("sip:c"), .q = 500, .bflags = 64};
	unsigned n = 0;

	(void)state;
	while (msg_add_branch(msg, &t) == 0) {
		uri[4] = (char)('b' + n);
		n++;
	}
	assert_int_equal(n, MSG_MAX_BRANCHES - 1);
	assert_int_equal(msg_add_branch(msg, &t), -ENOSPC);
	assert_int_equal(msg->branch_count, n);
	assert_slice_equal(msg->branches->ruri, "sip:a@b");
	assert_slice_equal(msg->branches->next->ruri, "sip:b@b");
	assert_slice_equal(msg->branches->du, "sip:c");
	assert_int_equal(msg->branches->path.len, 0);
	assert_int_equal(msg->branches->q, 500);
	assert_int_equal(msg->branches->bflags, 64);
	msg_unref(&msg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_message_has_nothing_armed_and_full_weight),
		cmocka_unit_test(last_reference_gives_the_memory_back),
		cmocka_unit_test(avps_are_stacks_by_name),
		cmocka_unit_test(branches_keep_their_order_and_are_bounded),
	};
	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
