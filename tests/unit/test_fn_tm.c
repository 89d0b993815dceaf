#include "tests/unit/fn_world.h"

static void relaying_goes_to_the_messages_own_target(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "t_relay", NULL), 1);
	assert_int_equal(world->relays, 1);
	assert_slice_equal(world->to.ruri, "");
	assert_int_equal(world->flags, 0);
}

static void flags_are_numbers_or_names(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "t_relay", "0x02", NULL), 1);
	assert_int_equal(world->flags, TM_F_NO_ERROR_REPLY);
	assert_int_equal(world_call(msg, "t_relay", "1", NULL), 1);
	assert_int_equal(world->flags, TM_F_NO_100);
	assert_int_equal(
		world_call(msg, "t_relay", "no-auto-477,no-dns-failover", NULL), 1);
	assert_int_equal(world->flags, TM_F_NO_ERROR_REPLY | TM_F_NO_DNS_FAILOVER);
	assert_slice_equal(world->to.ruri, "");
}

static void is_sent_to(
	const char *dest, const char *second, const char *du, unsigned flags)
{
	struct ph_msg *msg = world_invite();

	assert_int_equal(world_call(msg, "t_relay", dest, second, NULL), 1);
	if (!slice_eq(world->to.du, slice_str(du)))
		fail_msg("%s goes to %.*s, not to %s", dest, SLICE_ARG(world->to.du), du);
	assert_int_equal(world->flags, flags);
	assert_slice_equal(world->to.ruri, "sip:bob@example.org;user=phone");
}

static void destinations_have_many_forms(void **state)
{
	(void)state;
	is_sent_to("udp:192.0.2.9:5070", NULL, "sip:192.0.2.9:5070;transport=udp", 0);
	is_sent_to("tcp:gw.example", NULL, "sip:gw.example;transport=tcp", 0);
	is_sent_to("udp:192.0.2.9:5070", "0x02", "sip:192.0.2.9:5070;transport=udp", 2);
	is_sent_to("192.0.2.9", "5070", "sip:192.0.2.9:5070", 0);
	is_sent_to("gw.example", "0", "sip:gw.example", 0);
	is_sent_to("192.0.2.9:5070", NULL, "sip:192.0.2.9:5070", 0);
	is_sent_to("192.0.2.9:5070", "1", "sip:192.0.2.9:5070", 1);
	is_sent_to(
		"sip:gw.example;transport=tcp", NULL, "sip:gw.example;transport=tcp", 0);
	is_sent_to("[2001:db8::9]:5070", NULL, "sip:[2001:db8::9]:5070", 0);
	is_sent_to("2001:db8::9", "5070", "sip:[2001:db8::9]:5070", 0);
	is_sent_to("tcp:[2001:db8::9]", NULL, "sip:[2001:db8::9];transport=tcp", 0);
}

static void a_bad_destination_is_an_internal_error(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_test_log log;

	(void)state;
	ph_test_log_start(&log);
	assert_int_equal(world_call(msg, "t_relay", "udp:192.0.2.9:99999", NULL), -1);
	assert_int_equal(world_call(msg, "t_relay", "no host", NULL), -1);
	ph_test_log_stop();
	assert_int_equal(world->relays, 0);
	assert_int_equal(world_call(msg, "sl_reply_error", NULL), 1);
	assert_int_equal(world->code, 500);
}

static void the_set_next_hop_wins_over_the_argument(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_set(msg, "$du", "sip:set.example"), 0);
	assert_int_equal(world_call(msg, "t_relay", "udp:192.0.2.9", NULL), 1);
	assert_slice_equal(world->to.ruri, "");
	assert_slice_equal(world->to.du, "sip:set.example");
}

static void waiting_for_a_name_parks_the_script(void **state)
{
	(void)state;
	world->relay_code = TM_RELAY_PARKED;
	assert_int_equal(world_call(world_invite(), "t_relay", NULL), PH_PARK);
}

static void a_failed_relay_has_been_answered_already(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	world->relay_code = TM_E_UNRESOLVED;
	assert_int_equal(world_call(msg, "t_relay", NULL), -4);
	assert_int_equal(world_call(msg, "sl_reply_error", NULL), 1);
	assert_int_equal(world->replies + world->stateless, 0);
	/* unless the script wanted to do it itself */
	msg = world_invite();
	assert_int_equal(world_call(msg, "t_relay", "0x02", NULL), -4);
	msg->last_error = 478;
	assert_int_equal(world_call(msg, "sl_reply_error", NULL), 1);
	assert_int_equal(world->stateless, 1);
	assert_int_equal(world->code, 478);
}

static void a_target_is_tried_once(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "append_branch", NULL), 1);
	assert_int_equal(world_call(msg, "append_branch", "sip:carol@h", NULL), 1);
	assert_int_equal(world_call(msg, "t_relay", NULL), 1);
	assert_int_equal(msg->branch_count, 1);
	assert_slice_equal(msg->branches->ruri, "sip:carol@h");
	assert_null(msg->branches->next);
}

static void a_failure_block_that_adds_targets_means_these(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "t_relay", NULL), 1);
	msg->route = PH_ROUTE_FAILURE;
	assert_int_equal(world_call(msg, "append_branch", "sip:carol@h", NULL), 1);
	assert_int_equal(world_call(msg, "append_branch", "sip:dave@h", NULL), 1);
	assert_int_equal(world_call(msg, "t_relay", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:carol@h");
	assert_int_equal(msg->branch_count, 1);
	assert_slice_equal(msg->branches->ruri, "sip:dave@h");
	/* another URI is a target of its own */
	msg->branches = NULL;
	msg->branch_count = 0;
	assert_int_equal(world_set(msg, "$ru", "sip:erin@h"), 0);
	assert_int_equal(world_call(msg, "append_branch", "sip:frank@h", NULL), 1);
	assert_int_equal(world_call(msg, "t_relay", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:erin@h");
	assert_int_equal(msg->branch_count, 1);
	/* and so is the old one when it is asked for */
	assert_int_equal(world_call(msg, "append_branch", NULL), 1);
	assert_int_equal(world_call(msg, "t_relay", NULL), 1);
	assert_string_equal(world_pv(msg, "$ru"), "sip:erin@h");
}

static void over_a_given_transport(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "t_relay_to_tcp", NULL), 1);
	assert_slice_equal(world->to.du, "sip:example.org;transport=tcp");
	assert_int_equal(world_call(msg, "t_relay_to_udp", "192.0.2.9", "5070", NULL), 1);
	assert_slice_equal(world->to.du, "sip:192.0.2.9:5070;transport=udp");
}

static void forwarding_without_state(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "forward", NULL), 1);
	assert_slice_equal(world->to.ruri, "");
	assert_int_equal(world_call(msg, "forward", "192.0.2.9", "5070", NULL), 1);
	assert_slice_equal(world->to.du, "sip:192.0.2.9:5070");
	assert_int_equal(world_call(msg, "forward", "udp:192.0.2.9:5070", NULL), 1);
	assert_slice_equal(world->to.du, "sip:192.0.2.9:5070;transport=udp");
	world->relay_code = TM_E_SEND;
	assert_int_equal(world_call(msg, "forward", NULL), -1);
	assert_int_equal(world->forwards, 4);
	/* a name is being looked up: the script waits */
	world->relay_code = TM_RELAY_PARKED;
	assert_int_equal(world_call(msg, "forward", NULL), PH_PARK);
	assert_int_equal(world_call(msg, "forward", "sip:a-name.example", NULL), PH_PARK);
}

static void making_and_finding_transactions(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "t_newtran", NULL), 1);
	world->newtran_code = -EALREADY;
	assert_int_equal(world_call(msg, "t_newtran", NULL), 1);
	world->newtran_code = -EBUSY;
	assert_int_equal(world_call(msg, "t_newtran", NULL), PH_STOP);
	world->newtran_code = -EINVAL;
	assert_int_equal(world_call(msg, "t_newtran", NULL), -1);
	assert_int_equal(world_call(msg, "t_check_trans", NULL), 1);
	world->check_code = -1;
	assert_int_equal(world_call(msg, "t_check_trans", NULL), -1);
	assert_int_equal(world_call(msg, "t_precheck_trans", NULL), -1);
	assert_int_equal(world_call(msg, "t_release", NULL), 1);
	assert_int_equal(world_call(msg, "t_lookup_cancel", NULL), -1);
}

static void blocks_are_armed_and_disarmed(void **state)
{
	struct ph_msg *msg = world_invite();

	(void)state;
	assert_int_equal(world_call(msg, "t_is_set", "onreply_route", NULL), -1);
	assert_int_equal(world_call(msg, "t_on_reply", "3", NULL), 1);
	assert_int_equal(world_call(msg, "t_on_failure", "4", NULL), 1);
	assert_int_equal(world_call(msg, "t_on_branch", "5", NULL), 1);
	assert_int_equal(msg->armed.on_reply, 3);
	assert_int_equal(msg->armed.on_failure, 4);
	assert_int_equal(msg->armed.on_branch, 5);
	assert_int_equal(world_call(msg, "t_is_set", "onreply_route", NULL), 1);
	assert_int_equal(world_call(msg, "t_is_set", "failure_route", NULL), 1);
	assert_int_equal(world_call(msg, "t_is_set", "branch_route", NULL), 1);
	assert_int_equal(world_call(msg, "t_on_failure", "-1", NULL), 1);
	assert_int_equal(world_call(msg, "t_is_set", "failure_route", NULL), -1);
}

static void a_reply_block_armed_in_a_branch_is_that_branchs(void **state)
{
	struct ph_msg *msg = world_invite();
	struct tm_branch branch = {.on_reply = -1};

	(void)state;
	msg->route = PH_ROUTE_BRANCH;
	msg->branch = &branch;
	assert_int_equal(world_call(msg, "t_on_reply", "6", NULL), 1);
	assert_int_equal(branch.on_reply, 6);
	assert_int_equal(msg->armed.on_reply, -1);
	assert_int_equal(world_call(msg, "t_is_branch_route", NULL), 1);
	assert_int_equal(world_call(msg, "t_is_request_route", NULL), -1);
}

static void the_code_in_hand(void **state)
{
	struct ph_msg *msg = world_invite();
	struct ph_msg *reply = world_msg("SIP/2.0 183 Progress\nv: SIP/2.0/UDP "
					 "h;branch=z9hG4bK1\nf: <sip:a@x>;tag=1\n"
					 "t: <sip:b@y>;tag=2\ni: c\nCSeq: 7 INVITE\n\n");

	(void)state;
	assert_int_equal(world_call(msg, "t_check_status", "4..", NULL), -1);
	world->failure_code = 486;
	assert_int_equal(world_call(msg, "t_check_status", "4[08]6", NULL), 1);
	assert_int_equal(world_call(msg, "t_check_status", "^6", NULL), -1);
	assert_int_equal(
		world_call(reply, "t_check_status", "(18[03])|(2[0-9][0-9])", NULL), 1);
	assert_int_equal(world_call(msg, "t_was_cancelled", NULL), -1);
	world->canceled = true;
	assert_int_equal(world_call(msg, "t_is_canceled", NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(relaying_goes_to_the_messages_own_target,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			flags_are_numbers_or_names, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			destinations_have_many_forms, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_bad_destination_is_an_internal_error,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(the_set_next_hop_wins_over_the_argument,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			waiting_for_a_name_parks_the_script, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_failed_relay_has_been_answered_already,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_target_is_tried_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_failure_block_that_adds_targets_means_these,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			over_a_given_transport, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			forwarding_without_state, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			making_and_finding_transactions, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			blocks_are_armed_and_disarmed, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			a_reply_block_armed_in_a_branch_is_that_branchs, world_setup,
			world_teardown),
		cmocka_unit_test_setup_teardown(
			the_code_in_hand, world_setup, world_teardown),
	};

	return cmocka_run_group_tests_name("fn_tm", tests, NULL, NULL);
}
