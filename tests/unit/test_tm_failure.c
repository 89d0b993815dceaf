/* Failure blocks: RFC 3261 section 16.7 with a script in between. */
#include "tests/unit/tm_test.h"

static void script_armed(struct tm_world *w, struct ph_msg *msg)
{
	if (msg->sip.method == SIP_CANCEL) {
		w->relay_code = tm_relay(w->tm, msg, NULL, 0);
		return;
	}
	msg->armed.on_failure = 1;
	relay_to_phones(w, msg, 1);
}

static void to_carol(struct tm_world *w, struct ph_msg *msg)
{
	const struct tm_target t = {.ruri = phone_uri(msg, &w->phones[2])};

	w->relay_code = tm_relay(w->tm, msg, &t, 0);
}

static struct tm_world *world_busy(void (*failure)(struct tm_world *, struct ph_msg *))
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	phone_new(w); /* carol */
	w->script = script_armed;
	w->failure = failure;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	phone_expect(w, bob, "ACK ");
	return w;
}

static void block_without_action_lets_the_reply_through(void **state)
{
	struct tm_world *w = world_busy(NULL);

	(void)state;
	phone_expect(w, &w->phones[0], "SIP/2.0 486");
	assert_int_equal(w->failures, 1);
	assert_int_equal(w->failure_code, 486);
	world_free(w);
}

static void call_goes_on_to_another_phone(void **state)
{
	struct tm_world *w = world_busy(to_carol);
	struct phone *alice = &w->phones[0], *carol = &w->phones[2];

	(void)state;
	phone_expect(w, carol, "INVITE sip:127.0.0.1:");
	assert_int_equal(w->relay_code, TM_RELAYED);
	phone_quiet(w, alice);
	phone_send(w, carol, reply_text(carol->got, "200 OK", "c1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	world_free(w);
}

static void second_failure_without_a_block_picks_the_best_of_all(void **state)
{
	struct tm_world *w = world_busy(to_carol);
	struct phone *alice = &w->phones[0], *carol = &w->phones[2];

	(void)state;
	phone_expect(w, carol, "INVITE ");
	phone_send(w, carol, reply_text(carol->got, "500 Broken", "c1", NULL));
	phone_expect(w, alice, "SIP/2.0 486");
	assert_int_equal(w->failures, 1);
	world_free(w);
}

static void rearm_and_go_on(struct tm_world *w, struct ph_msg *msg)
{
	if (w->failures > 1)
		return;
	msg->armed.on_failure = 1;
	to_carol(w, msg);
}

static void block_that_is_armed_again_runs_for_the_next_failure(void **state)
{
	struct tm_world *w = world_busy(rearm_and_go_on);
	struct phone *alice = &w->phones[0], *carol = &w->phones[2];

	(void)state;
	phone_expect(w, carol, "INVITE ");
	phone_send(w, carol, reply_text(carol->got, "404 Not Found", "c1", NULL));
	phone_expect(w, alice, "SIP/2.0 404");
	assert_int_equal(w->failures, 2);
	world_free(w);
}

static void answer_503(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(
		tm_reply(w->tm, msg, 480, SLICE("Nobody There"), SLICE("X-Who: us\r\n")),
		1);
	/* a second one, and another relay, come too late */
	assert_int_equal(tm_reply(w->tm, msg, 404, SLICE("x"), (struct slice){0}), -1);
	to_carol(w, msg);
	assert_int_equal(w->relay_code, TM_E_INTERNAL);
}

static void script_s_own_reply_replaces_the_callee_s(void **state)
{
	struct tm_world *w = world_busy(answer_503);
	struct phone *alice = &w->phones[0];

	(void)state;
	phone_expect(w, alice, "SIP/2.0 480 Nobody There");
	assert_has(alice->got, "X-Who: us\r\n");
	assert_has(alice->got, "Server: pinhole-test\r\n");
	phone_quiet(w, alice);
	phone_quiet(w, &w->phones[2]);
	world_free(w);
}

static void same_again(struct tm_world *w, struct ph_msg *msg)
{
	assert_null(msg->branches);
	assert_true(msg->du.len > 0);
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static void target_of_the_first_relay_is_still_there(void **state)
{
	struct tm_world *w = world_busy(same_again);
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b2", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	world_free(w);
}

static void script_path_armed(struct tm_world *w, struct ph_msg *msg)
{
	msg->armed.on_failure = 1;
	msg->path = arena_printf(msg->arena, "<sip:127.0.0.1:%u;lr>", w->phones[1].port);
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static void other_ruri(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(sip_set_ruri(&msg->sip, phone_uri(msg, &w->phones[2])), 0);
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static void path_of_the_first_target_does_not_hold_for_another(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);

	(void)state;
	w->script = script_path_armed;
	w->failure = other_ruri;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	phone_expect(w, carol, "INVITE ");
	assert_has_not(carol->got, "Route:");
	phone_expect(w, bob, "ACK ");
	phone_quiet(w, bob);
	world_free(w);
}

static void to_nowhere(struct tm_world *w, struct ph_msg *msg)
{
	const struct tm_target t = {.ruri = SLICE("sip:x@no-such-host.invalid")};

	msg->armed.on_failure = 1;
	w->relay_code = tm_relay(w->tm, msg, &t, 0);
}

static void relay_that_fails_in_the_block_leaves_the_first_reply(void **state)
{
	struct tm_world *w = world_busy(to_nowhere);

	(void)state;
	phone_expect(w, &w->phones[0], "SIP/2.0 486");
	assert_int_equal(w->relay_code, TM_E_UNRESOLVED);
	assert_int_equal(w->failures, 1);
	world_free(w);
}

static void parked_block_goes_on_later(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);
	struct ph_msg *msg;

	(void)state;
	w->script = script_armed;
	w->park_failures = true;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	phone_expect(w, bob, "ACK ");
	phone_quiet(w, alice);
	assert_int_equal(tm_busy(w->tm), 1);
	msg = world_take(w);
	assert_int_equal(tm_reply_code(msg), 486);
	assert_slice_equal(tm_reply_reason(msg), "Busy Here");
	to_carol(w, msg);
	tm_failure_continue(w->tm, msg);
	msg_unref(&msg);
	phone_expect(w, carol, "INVITE ");
	phone_quiet(w, alice);
	phone_send(w, carol, reply_text(carol->got, "200 OK", "c1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	world_free(w);
}

static void new_branch_that_fails_while_the_block_is_parked_is_not_forgotten(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);
	struct ph_msg *msg;

	(void)state;
	w->script = script_armed;
	w->park_failures = true;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	WORLD_UNTIL(w, w->held_count == 1);
	msg = world_take(w);
	to_carol(w, msg);
	phone_expect(w, carol, "INVITE ");
	phone_send(w, carol, reply_text(carol->got, "403 Forbidden", "c1", NULL));
	phone_expect(w, carol, "ACK ");
	phone_quiet(w, alice);
	tm_failure_continue(w->tm, msg);
	msg_unref(&msg);
	phone_expect(w, alice, "SIP/2.0 403");
	world_free(w);
}

static void cancel_during_a_parked_block_makes_its_relay_moot(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);
	struct ph_msg *msg;

	(void)state;
	w->script = script_armed;
	w->park_failures = true;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	WORLD_UNTIL(w, w->held_count == 1);
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(w->cancelled, 1);
	msg = world_take(w);
	to_carol(w, msg);
	assert_int_equal(w->relay_code, TM_RELAYED);
	tm_failure_continue(w->tm, msg);
	msg_unref(&msg);
	phone_expect(w, alice, "SIP/2.0 487");
	phone_quiet(w, carol);
	world_free(w);
}

static void cancelled_call_passes_the_block_with_its_487(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];

	(void)state;
	w->script = script_armed;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 180");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, bob, "CANCEL ");
	phone_send(w, bob, reply_text(invite, "487 Request Terminated", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 487");
	assert_int_equal(w->failures, 1);
	assert_int_equal(w->failure_code, 487);
	world_free(w);
}

static void script_armed_and_parked(struct tm_world *w, struct ph_msg *msg)
{
	script_armed(w, msg);
	tm_script_parked(w->tm, msg, true);
	world_hold(w, msg);
}

static void failure_waits_until_the_request_s_own_block_lets_go(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	struct ph_msg *msg;

	(void)state;
	phone_new(w);
	w->script = script_armed_and_parked;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	phone_expect(w, bob, "ACK ");
	phone_quiet(w, alice);
	assert_int_equal(w->failures, 0);
	msg = world_take(w);
	tm_script_parked(w->tm, msg, false);
	assert_int_equal(w->failures, 0);
	msg_unref(&msg);
	phone_expect(w, alice, "SIP/2.0 486");
	assert_int_equal(w->failures, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_without_action_lets_the_reply_through),
		cmocka_unit_test(call_goes_on_to_another_phone),
		cmocka_unit_test(target_of_the_first_relay_is_still_there),
		cmocka_unit_test(path_of_the_first_target_does_not_hold_for_another),
		cmocka_unit_test(second_failure_without_a_block_picks_the_best_of_all),
		cmocka_unit_test(block_that_is_armed_again_runs_for_the_next_failure),
		cmocka_unit_test(script_s_own_reply_replaces_the_callee_s),
		cmocka_unit_test(relay_that_fails_in_the_block_leaves_the_first_reply),
		cmocka_unit_test(parked_block_goes_on_later),
		cmocka_unit_test(
			new_branch_that_fails_while_the_block_is_parked_is_not_forgotten),
		cmocka_unit_test(cancel_during_a_parked_block_makes_its_relay_moot),
		cmocka_unit_test(cancelled_call_passes_the_block_with_its_487),
		cmocka_unit_test(failure_waits_until_the_request_s_own_block_lets_go),
	};
	return cmocka_run_group_tests_name("tm_failure", tests, NULL, NULL);
}
