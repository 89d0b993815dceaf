/* Blocks that are suspended while the network goes on. */
#include "tests/unit/tm_test.h"

/* As the host does it for a function that waits: transaction, mark, keep. */
static void script_park(struct tm_world *w, struct ph_msg *msg)
{
	if (msg->sip.method == SIP_CANCEL) {
		w->relay_code = tm_relay(w->tm, msg, NULL, 0);
		return;
	}
	assert_int_equal(tm_newtran(w->tm, msg), 0);
	tm_script_parked(w->tm, msg, true);
	world_hold(w, msg);
}

static void parked_invite_has_its_100_and_repeated_ones_are_absorbed(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	struct ph_msg *msg;

	(void)state;
	w->script = script_park;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	assert_int_equal(w->requests, 1);
	assert_int_equal(tm_busy(w->tm), 1);
	msg = world_take(w);
	tm_script_parked(w->tm, msg, false);
	assert_int_equal(relay_to_phones(w, msg, 1), TM_RELAYED);
	msg_unref(&msg);
	phone_expect(w, bob, "INVITE ");
	phone_quiet(w, alice);
	world_free(w);
}

static void parked_register_is_silent_until_its_reply(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);
	struct ph_msg *msg;

	(void)state;
	w->script = script_park;
	phone_send(w, alice, REQ(alice, .method = "REGISTER"));
	WORLD_UNTIL(w, w->held_count == 1);
	phone_send(w, alice, REQ(alice, .method = "REGISTER"));
	phone_quiet(w, alice);
	assert_int_equal(w->held_count, 1);
	msg = world_take(w);
	tm_script_parked(w->tm, msg, false);
	/* sl_send_reply() after a wait goes through the transaction */
	assert_int_equal(
		tm_reply_stateless(w->tm, msg, 200, SLICE("OK"), (struct slice){0}), 1);
	/* and only once */
	assert_int_equal(tm_reply(w->tm, msg, 500, SLICE("No"), (struct slice){0}), -1);
	msg_unref(&msg);
	phone_expect(w, alice, "SIP/2.0 200");
	phone_send(w, alice, REQ(alice, .method = "REGISTER"));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void cancel_of_a_parked_invite_is_answered_and_the_script_finds_out(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	struct ph_msg *msg;

	(void)state;
	w->script = script_park;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "CSeq: 1 CANCEL");
	assert_int_equal(w->last_in, TM_REQ_ABSORBED);
	assert_int_equal(w->cancelled, 1);
	assert_int_equal(w->requests, 1);
	/* a repeated one is answered, not told again */
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(w->cancelled, 1);
	phone_quiet(w, alice);
	msg = world_take(w);
	assert_true(tm_is_canceled(msg));
	tm_script_parked(w->tm, msg, false);
	assert_int_equal(relay_to_phones(w, msg, 1), TM_RELAYED);
	msg_unref(&msg);
	phone_expect(w, alice, "SIP/2.0 487");
	phone_quiet(w, bob);
	phone_send(w, alice, REQ(alice, .method = "ACK", .to_tag = "x"));
	WORLD_UNTIL(w, world_counter(w, TM_C_ACK_ABSORBED) == 1);
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void cancelled_invite_whose_script_never_relays_is_ended_in_the_end(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);
	struct ph_msg *msg;

	(void)state;
	w->conf.t1 = 10;
	w->script = script_park;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	msg = world_take(w);
	tm_script_parked(w->tm, msg, false);
	msg_unref(&msg);
	phone_await(w, alice, "SIP/2.0 487");
	world_free(w);
}

static void park_reply_call(
	struct tm_world *w, struct phone *alice, struct phone *bob, char invite[8192])
{
	w->script = script_relay;
	w->park_replies = true;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, 8192, "%s", bob->got);
}

static void second_reply_waits_for_the_first_and_order_is_kept(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];
	struct ph_msg *reply;

	(void)state;
	park_reply_call(w, alice, bob, invite);
	w->park_status = 183;
	phone_send(w, bob, reply_text(invite, "183 Session Progress", "b1", NULL));
	WORLD_UNTIL(w, w->held_count == 1);
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	phone_quiet(w, alice);
	assert_int_equal(w->replies, 1);
	reply = world_take(w);
	tm_reply_continue(w->tm, reply, TM_GO);
	msg_unref(&reply);
	phone_expect(w, alice, "SIP/2.0 183");
	phone_expect(w, alice, "SIP/2.0 180");
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(w->replies, 3);
	world_free(w);
}

static void retransmission_of_a_waiting_reply_is_dropped(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];
	struct ph_msg *reply;

	(void)state;
	park_reply_call(w, alice, bob, invite);
	w->park_status = 200;
	for (unsigned i = 0; i < 3; i++)
		phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	WORLD_UNTIL(w, world_counter(w, TM_C_RETRANS_REPLY_IN) == 2);
	assert_int_equal(w->held_count, 1);
	reply = world_take(w);
	tm_reply_continue(w->tm, reply, TM_GO);
	msg_unref(&reply);
	phone_expect(w, alice, "SIP/2.0 200");
	phone_quiet(w, alice);
	assert_int_equal(w->replies, 1);
	world_free(w);
}

static void refusal_is_acknowledged_while_its_block_waits(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];
	struct ph_msg *reply;

	(void)state;
	park_reply_call(w, alice, bob, invite);
	phone_send(w, bob, reply_text(invite, "486 Busy Here", "b1", NULL));
	phone_expect(w, bob, "ACK ");
	phone_send(w, bob, reply_text(invite, "486 Busy Here", "b1", NULL));
	phone_expect(w, bob, "ACK ");
	phone_quiet(w, alice);
	assert_int_equal(tm_busy(w->tm), 1);
	reply = world_take(w);
	/* a final reply cannot be dropped */
	tm_reply_continue(w->tm, reply, TM_DROP);
	msg_unref(&reply);
	phone_expect(w, alice, "SIP/2.0 486");
	world_free(w);
}

static void flood_of_provisional_replies_behind_a_parked_one_is_bounded(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192], extra[32];
	struct ph_msg *reply;
	unsigned got = 0;

	(void)state;
	park_reply_call(w, alice, bob, invite);
	w->park_status = 180;
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	WORLD_UNTIL(w, w->held_count == 1);
	for (unsigned i = 0; i < 40; i++) {
		snprintf(extra, sizeof(extra), "RSeq: %u\r\n", i + 1);
		phone_send(
			w, bob, reply_text(invite, "183 Session Progress", "b1", extra));
	}
	WORLD_UNTIL(w, world_counter(w, TM_C_REPLIES_STRAY) == 24);
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	world_run(w, 20);
	reply = world_take(w);
	tm_reply_continue(w->tm, reply, TM_GO);
	msg_unref(&reply);
	phone_expect(w, alice, "SIP/2.0 180");
	while (phone_wait(w, alice, TM_TEST_QUIET_MS) &&
		strncmp(alice->got, "SIP/2.0 183", 11) == 0)
		got++;
	assert_int_equal(got, 16);
	assert_has(alice->got, "SIP/2.0 200");
	world_free(w);
}

static void answer_of_one_phone_passes_while_the_reply_of_another_is_parked(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);
	char to_bob[8192], to_carol[8192];
	struct ph_msg *reply;

	(void)state;
	w->script = script_fork;
	w->park_replies = true;
	w->park_status = 180;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_expect(w, carol, "INVITE ");
	snprintf(to_bob, sizeof(to_bob), "%s", bob->got);
	snprintf(to_carol, sizeof(to_carol), "%s", carol->got);
	phone_send(w, bob, reply_text(to_bob, "180 Ringing", "b1", NULL));
	WORLD_UNTIL(w, w->held_count == 1);
	phone_send(w, carol, reply_text(to_carol, "200 OK", "c1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_expect(w, bob, "CANCEL ");
	/* bob's 180 comes out of its block too late to matter */
	reply = world_take(w);
	tm_reply_continue(w->tm, reply, TM_GO);
	msg_unref(&reply);
	phone_quiet(w, alice);
	phone_send(w, bob, reply_text(to_bob, "487 Request Terminated", "b1", NULL));
	phone_await(w, bob, "ACK ");
	phone_quiet(w, alice);
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void second_200_that_was_parked_still_reaches_the_caller(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);
	struct ph_msg *reply;

	(void)state;
	w->script = script_fork;
	w->park_replies = true;
	w->park_status = 200;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_expect(w, carol, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_send(w, carol, reply_text(carol->got, "200 OK", "c1", NULL));
	WORLD_UNTIL(w, w->held_count == 2);
	for (unsigned i = 0; i < 2; i++) {
		reply = world_take(w);
		tm_reply_continue(w->tm, reply, TM_GO);
		msg_unref(&reply);
		phone_expect(w, alice, "SIP/2.0 200");
	}
	phone_quiet(w, bob);
	phone_quiet(w, carol);
	world_free(w);
}

static void cancel_while_the_200_is_parked_does_not_reach_the_callee(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];
	struct ph_msg *reply;

	(void)state;
	park_reply_call(w, alice, bob, invite);
	w->park_status = 200;
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 180");
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	WORLD_UNTIL(w, w->held_count == 1);
	w->script = script_park; /* the CANCEL: t_relay() */
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "CSeq: 1 CANCEL");
	phone_quiet(w, bob);
	phone_quiet(w, alice);
	reply = world_take(w);
	tm_reply_continue(w->tm, reply, TM_GO);
	msg_unref(&reply);
	phone_expect(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "CSeq: 1 INVITE");
	world_free(w);
}

static void late_completion_after_the_end_of_tm_is_harmless(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];

	(void)state;
	park_reply_call(w, alice, bob, invite);
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	WORLD_UNTIL(w, w->held_count == 1);
	tm_destroy(&w->tm);
	assert_null(tm_request_of(w->held[0]));
	assert_ptr_equal(msg_root(w->held[0]), w->held[0]);
	world_free(w); /* drops the reply: the last reference */
}

static void shutdown_with_a_parked_request_gives_everything_back(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);

	(void)state;
	w->script = script_park;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	tm_drain(w->tm);
	assert_int_equal(tm_busy(w->tm), 1);
	world_free(w);
}

static void arm_branch(struct tm_world *w, struct ph_msg *msg)
{
	msg->armed.on_branch = 1;
	relay_to_phones(w, msg, 2);
	if (w->relay_code == TM_RELAY_PARKED)
		world_hold(w, msg);
}

static void edit_branch(struct tm_world *w, struct ph_msg *request, struct tm_branch *br)
{
	char text[40];

	(void)w;
	snprintf(text, sizeof(text), "X-Branch: %u\r\n", tm_branch_index(br));
	assert_ptr_equal(request->branch, br);
	assert_int_equal(sip_hdr_add_text(&request->sip, SIP_AFTER, NULL,
				 arena_dup(request->arena, slice_str(text))),
		0);
	request->bflags |= 1u << tm_branch_index(br);
}

static void edits_of_a_branch_block_touch_that_branch_only(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);

	(void)state;
	w->script = arm_branch;
	w->edit_branch = edit_branch;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE sip:bob@example.org");
	assert_has(bob->got, "X-Branch: 0");
	assert_has_not(bob->got, "X-Branch: 1");
	phone_expect(w, carol, "INVITE sip:127.0.0.1:");
	assert_has(carol->got, "X-Branch: 1");
	assert_has_not(carol->got, "X-Branch: 0");
	assert_int_equal(*tm_branch_flags(w->held_branch), 2);
	world_free(w);
}

static void parked_branch_block_holds_back_the_later_branches(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);

	(void)state;
	w->script = arm_branch;
	w->park_branches = true;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	assert_int_equal(w->relay_code, TM_RELAY_PARKED);
	phone_quiet(w, bob);
	tm_branch_continue(w->tm, w->held_branch, TM_GO);
	phone_expect(w, bob, "INVITE ");
	assert_int_equal(w->relayed, 0);
	/* bob refuses while carol's block still waits: no decision yet */
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	phone_expect(w, bob, "ACK ");
	phone_quiet(w, alice);
	tm_branch_continue(w->tm, w->held_branch, TM_GO);
	phone_expect(w, carol, "INVITE ");
	assert_int_equal(w->relayed, 1);
	assert_int_equal(w->relay_code, TM_RELAYED);
	phone_send(w, carol, reply_text(carol->got, "404 Not Found", "c1", NULL));
	phone_expect(w, alice, "SIP/2.0 404");
	world_free(w);
}

static void answer_during_a_parked_branch_block_makes_the_later_branches_moot(
	void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);

	(void)state;
	w->script = arm_branch;
	w->park_branches = true;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	tm_branch_continue(w->tm, w->held_branch, TM_GO);
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	tm_branch_continue(w->tm, w->held_branch, TM_GO);
	phone_quiet(w, carol);
	assert_int_equal(w->relay_code, TM_RELAYED);
	assert_int_equal(w->relayed, 1);
	world_free(w);
}

static void cancel_during_a_parked_branch_block_stops_the_fork(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);
	char invite[8192];

	(void)state;
	w->script = arm_branch;
	w->park_branches = true;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	tm_branch_continue(w->tm, w->held_branch, TM_GO);
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 180");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(w->cancelled, 1);
	phone_expect(w, bob, "CANCEL ");
	tm_branch_continue(w->tm, w->held_branch, TM_GO);
	phone_quiet(w, carol);
	phone_send(w, bob, reply_text(invite, "487 Request Terminated", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 487");
	world_free(w);
}

static void dropped_branches_leave_no_destination(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);

	(void)state;
	w->script = arm_branch;
	w->park_branches = true;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	tm_branch_continue(w->tm, w->held_branch, TM_DROP);
	tm_branch_continue(w->tm, w->held_branch, TM_DROP);
	phone_expect(w, alice, "SIP/2.0 480");
	assert_int_equal(w->relay_code, TM_E_NO_DEST);
	phone_quiet(w, bob);
	phone_quiet(w, carol);
	world_free(w);
}

static void reply_in_branch(
	struct tm_world *w, struct ph_msg *request, struct tm_branch *br)
{
	(void)br;
	assert_int_equal(
		tm_reply(w->tm, request, 403, SLICE("No"), (struct slice){0}), 1);
	assert_int_equal(tm_relay(w->tm, request, NULL, 0), TM_E_INTERNAL);
}

static void reply_from_a_branch_block_ends_the_fork(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);

	(void)state;
	w->script = arm_branch;
	w->edit_branch = reply_in_branch;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, alice, "SIP/2.0 403");
	assert_int_equal(w->branches, 1);
	assert_int_equal(w->relay_code, TM_RELAYED);
	phone_quiet(w, bob);
	phone_quiet(w, carol);
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void shutdown_with_a_parked_branch_block_gives_everything_back(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);

	(void)state;
	phone_new(w);
	phone_new(w);
	w->script = arm_branch;
	w->park_branches = true;
	w->edit_branch = edit_branch;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	world_free(w);
}

static void script_forward(struct tm_world *w, struct ph_msg *msg)
{
	msg->du = phone_uri(msg, &w->phones[1]);
	w->relay_code = tm_forward(w->tm, msg, NULL);
}

static void parked_reply_of_a_stateless_request_is_forwarded_when_it_goes_on(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	struct ph_msg *reply;

	(void)state;
	w->script = script_forward;
	w->park_replies = true;
	phone_send(w, alice, REQ(alice, .method = "OPTIONS"));
	phone_expect(w, bob, "OPTIONS ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_quiet(w, alice);
	reply = world_take(w);
	tm_reply_continue(w->tm, reply, TM_GO);
	msg_unref(&reply);
	phone_expect(w, alice, "SIP/2.0 200");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			parked_invite_has_its_100_and_repeated_ones_are_absorbed),
		cmocka_unit_test(parked_register_is_silent_until_its_reply),
		cmocka_unit_test(
			cancel_of_a_parked_invite_is_answered_and_the_script_finds_out),
		cmocka_unit_test(
			cancelled_invite_whose_script_never_relays_is_ended_in_the_end),
		cmocka_unit_test(second_reply_waits_for_the_first_and_order_is_kept),
		cmocka_unit_test(retransmission_of_a_waiting_reply_is_dropped),
		cmocka_unit_test(refusal_is_acknowledged_while_its_block_waits),
		cmocka_unit_test(
			flood_of_provisional_replies_behind_a_parked_one_is_bounded),
		cmocka_unit_test(
			answer_of_one_phone_passes_while_the_reply_of_another_is_parked),
		cmocka_unit_test(second_200_that_was_parked_still_reaches_the_caller),
		cmocka_unit_test(
			cancel_while_the_200_is_parked_does_not_reach_the_callee),
		cmocka_unit_test(late_completion_after_the_end_of_tm_is_harmless),
		cmocka_unit_test(shutdown_with_a_parked_request_gives_everything_back),
		cmocka_unit_test(edits_of_a_branch_block_touch_that_branch_only),
		cmocka_unit_test(parked_branch_block_holds_back_the_later_branches),
		cmocka_unit_test(
			answer_during_a_parked_branch_block_makes_the_later_branches_moot),
		cmocka_unit_test(cancel_during_a_parked_branch_block_stops_the_fork),
		cmocka_unit_test(dropped_branches_leave_no_destination),
		cmocka_unit_test(reply_from_a_branch_block_ends_the_fork),
		cmocka_unit_test(
			shutdown_with_a_parked_branch_block_gives_everything_back),
		cmocka_unit_test(
			parked_reply_of_a_stateless_request_is_forwarded_when_it_goes_on),
	};
	return cmocka_run_group_tests_name("tm_park", tests, NULL, NULL);
}
