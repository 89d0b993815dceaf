#include "tests/unit/fn_world.h"

static void replies_without_a_transaction(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "sl_send_reply", "404", "Not $rU", NULL), 1);
	assert_int_equal(world->stateless, 1);
	assert_int_equal(world->code, 404);
	assert_string_equal(world->reason, "Not bob");
	assert_true(msg->replied);
	msg = world_invite();
	assert_int_equal(world_call(msg, "sl_reply", "100", "Trying", NULL), 1);
	assert_false(msg->replied);
	assert_int_equal(world_call(msg, "send_reply", "480", "", NULL), 1);
	assert_int_equal(world->stateless, 3);
	assert_string_equal(world->reason, sip_reason(480));
}

static void replies_go_through_a_transaction_that_is_there(void **state)
{
	struct ph_msg *msg = world_invite();
	struct tm_trans trans = {.request = msg};

	(void)state;
	assert_int_equal(world_call(msg, "t_reply", "486", "Busy", NULL), 1);
	msg->trans = &trans;
	assert_int_equal(world_call(msg, "send_reply", "486", "Busy", NULL), 1);
	assert_int_equal(world_call(msg, "sl_send_reply", "486", "Busy", NULL), 1);
	assert_int_equal(world->replies, 3);
	assert_int_equal(world->stateless, 0);
	world->reply_code = -1;
	assert_int_equal(world_call(msg, "t_reply", "486", "Busy", NULL), -1);
	msg->trans = NULL;
}

static void what_is_no_reply_is_not_sent(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;
	struct ph_msg *ack = world_msg("ACK sip:b@h SIP/2.0\nv: SIP/2.0/UDP "
				       "h;branch=z9hG4bK1\nf: <sip:a@x>;tag=1\n"
				       "t: <sip:b@y>;tag=2\ni: c\nCSeq: 7 ACK\n\n");

	(void)state;
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "sl_send_reply", "99", "x", NULL), -1);
	assert_int_equal(world_call(msg, "send_reply", "700", "x", NULL), -1);
	assert_int_equal(world_call(msg, "t_reply", "-1", "x", NULL), -1);
	assert_int_equal(world_call(msg, "sl_send_reply", "404", "a\r\nX: y", NULL), -1);
	assert_int_equal(world_call(ack, "sl_send_reply", "404", "x", NULL), -1);
	assert_int_equal(world_call(ack, "t_reply", "404", "x", NULL), -1);
	ph_test_log_stop();
	assert_int_equal(world->replies + world->stateless, 0);
}

static void error_replies_are_sent_once(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "sl_reply_error", NULL), 1);
	assert_int_equal(world->code, 500);
	assert_int_equal(world_call(msg, "sl_reply_error", NULL), 1);
	assert_int_equal(world_call(msg, "send_reply_error", NULL), 1);
	assert_int_equal(world->stateless, 1);
	msg = world_invite();
	msg->last_error = 513;
	assert_int_equal(world_call(msg, "send_reply_error", NULL), 1);
	assert_int_equal(world->code, 513);
}

static void headers_for_replies_are_collected(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	assert_int_equal(world_call(msg, "append_to_reply", "X-A: $rU\r\n", NULL), 1);
	assert_int_equal(world_call(msg, "append_to_reply", "X-B: 2", NULL), 1);
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "append_to_reply", "no header", NULL), -1);
	ph_test_log_stop();
	assert_int_equal(msg->sip.edits, 0);
	assert_int_equal(world_call(msg, "sl_send_reply", "302", "Moved", NULL), 1);
	assert_string_equal(world->extra, "X-A: bob\r\nX-B: 2\r\n");
}

static struct ph_msg *options_to(const char *uri)
{
	char msg[512];

	snprintf(msg, sizeof(msg),
		"OPTIONS %s SIP/2.0\nv: SIP/2.0/UDP h;branch=z9hG4bK1\nf: "
		"<sip:a@x>;tag=1\n"
		"t: <sip:b@y>\ni: c\nCSeq: 7 OPTIONS\n\n",
		uri);
	return world_msg(msg);
}

static void options_for_the_server_itself(void **state)
{
	(void)state;
	assert_int_equal(
		world_call(options_to("sip:example.org"), "options_reply", NULL), 1);
	assert_int_equal(world->code, 200);
	assert_non_null(strstr(world->extra, "Accept: "));
	assert_int_equal(
		world_call(options_to("sip:bob@example.org"), "options_reply", NULL), -1);
	assert_int_equal(
		world_call(options_to("sip:other.example"), "options_reply", NULL), -1);
	assert_int_equal(world_call(world_invite(), "options_reply", NULL), -1);
	assert_int_equal(world->stateless, 1);
}

static void replies_are_sent_to_the_source(void **state)
{
	struct ph_msg *msg = world_invite();
	const char *text;

	(void)state;
	assert_int_equal(world_call(msg, "force_rport", NULL), 1);
	assert_int_equal(world_call(msg, "add_rport", NULL), 1);
	assert_true(msg->via_fixed);
	assert_non_null(strstr(world_text(msg), ";received=192.0.2.10"));
	text = strstr(world_text(msg), "rport=40000");
	assert_non_null(text);
	assert_null(strstr(text + 1, "rport=")); /* once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			replies_without_a_transaction, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			replies_go_through_a_transaction_that_is_there, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_no_reply_is_not_sent, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			error_replies_are_sent_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			headers_for_replies_are_collected, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			options_for_the_server_itself, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			replies_are_sent_to_the_source, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("fn_reply", tests, NULL, NULL);
}
