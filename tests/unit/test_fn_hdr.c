#include "tests/unit/fn_world.h"

static void lines_are_added_at_the_end_or_the_start(void **state)
{
	struct ph_msg *msg = world_invite();
	const char *text;

	(void)state;
	assert_int_equal(world_call(msg, "append_hf", "P-Last: $si\r\n", NULL), 1);
	assert_int_equal(
		world_call(msg, "insert_hf", "P-First: 1\r\nP-Second: 2\r\n", NULL), 1);
	text = world_text(msg);
	assert_non_null(strstr(text, "SIP/2.0\r\nP-First: 1\r\nP-Second: 2\r\nVia: "));
	assert_non_null(
		strstr(text, "Content-Length: 5\r\nP-Last: 192.0.2.10\r\n\r\nhello"));
}

static void lines_are_added_beside_a_named_header(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "append_hf", "P-A: 1\r\n", "Call-ID", NULL), 1);
	assert_int_equal(world_call(msg, "insert_hf", "P-B: 1\r\n", "call-id", NULL), 1);
	assert_non_null(strstr(
		world_text(msg), "P-B: 1\r\nCall-ID: c1@192.168.1.20\r\nP-A: 1\r\n"));
}

static void a_missing_line_end_is_added_and_told(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "append_hf", "P-A: 1", NULL), 1);
	ph_test_log_stop();
	assert_true(ph_test_log_has(
		&log, "edge.route:7 request_route: append_hf: the text should end with"));
	assert_non_null(strstr(world_text(msg), "P-A: 1\r\n\r\nhello"));
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "append_hf", "P-B: 1\nP-C: 2\n", NULL), 1);
	ph_test_log_stop();
	assert_int_equal(log.count, 0);
	assert_non_null(strstr(world_text(msg), "P-B: 1\r\nP-C: 2\r\n\r\n"));
}

static void what_is_no_header_line_is_refused_whole(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	ph_test_log_start(&log);
	assert_int_equal(
		world_call(msg, "append_hf", "P-A: 1\r\nno header\r\n", NULL), -1);
	assert_int_equal(world_call(msg, "append_hf", "P-A: 1\r\n\r\nbody", NULL), -1);
	assert_int_equal(world_call(msg, "append_hf", "", NULL), -1);
	ph_test_log_stop();
	assert_int_equal(msg->sip.edits, 0);
}

static void all_headers_of_a_name_are_removed(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "is_present_hf", "X-Tag", NULL), 1);
	assert_int_equal(world_call(msg, "remove_hf", "X-TAG", NULL), 1);
	assert_int_equal(world_call(msg, "is_present_hf", "X-Tag", NULL), -1);
	assert_int_equal(world_call(msg, "remove_hf", "X-Tag", NULL), -1);
	assert_null(strcasestr(world_text(msg), "x-tag"));
	/* compact and long form are one name */
	assert_int_equal(world_call(msg, "remove_hf", "m", NULL), 1);
	assert_null(strstr(world_text(msg), "Contact"));
}

static void headers_are_removed_by_pattern(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "remove_hf_re", "^x-", NULL), 1);
	assert_int_equal(world_call(msg, "remove_hf_re", "^x-", NULL), -1);
	assert_int_equal(world_call(msg, "remove_hf", "User-*", "g", NULL), 1);
	assert_int_equal(world_call(msg, "remove_hf", "User-*", NULL), -1);
	assert_null(strstr(world_text(msg), "User-Agent"));
}

static void what_makes_a_message_stays(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "remove_hf", "Call-ID", NULL), -1);
	assert_int_equal(world_call(msg, "remove_hf", "Via", NULL), -1);
	assert_int_equal(world_call(msg, "remove_hf_re", "^(from|subject)$", NULL), -1);
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "Call-ID cannot be removed"));
	assert_int_equal(msg->sip.edits, 0);
}

static void applied_changes_keep_the_message_whole(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "record_route", NULL), 1);
	assert_int_equal(world_set(msg, "$rU", "carol"), 0);
	assert_int_equal(world_call(msg, "msg_apply_changes", NULL), 1);
	assert_int_equal(msg->sip.edits, 0);
	assert_string_equal(world_pv(msg, "$ou $rb $hdrcnt(Record-Route)"),
		"sip:carol@example.org;user=phone hello 1");
	assert_int_equal(world_call(msg, "add_rr_param", ";nat=yes", NULL), 1);
	assert_non_null(strstr(world_text(msg), ";nat=yes>"));
	assert_int_equal(world_call(msg, "msg_apply_changes", NULL), 1);
	assert_int_equal(world_call(msg, "msg_apply_changes", NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(lines_are_added_at_the_end_or_the_start,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(lines_are_added_beside_a_named_header,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_missing_line_end_is_added_and_told,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_is_no_header_line_is_refused_whole,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			all_headers_of_a_name_are_removed, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			headers_are_removed_by_pattern, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_makes_a_message_stays, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(applied_changes_keep_the_message_whole,
			world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("fn_hdr", tests, NULL, NULL);
}
