/* CANCEL: RFC 3261 sections 9 and 16.10. */
#include "tests/unit/tm_test.h"

/* INVITEs go to bob; CANCELs the way a route script sends them: t_relay(). */
static void script_calls(struct tm_world *w, struct ph_msg *msg)
{
	if (msg->sip.method == SIP_CANCEL)
		w->relay_code = tm_relay(w->tm, msg, NULL, 0);
	else
		relay_to_phones(w, msg, w->phone_count > 2 ? 2 : 1);
}

static struct tm_world *world_ringing(char invite[8192])
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	w->script = script_calls;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, 8192, "%s", bob->got);
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 180");
	return w;
}

static void caller_hangs_up_before_the_answer(void **state)
{
	char invite[8192];
	struct tm_world *w = world_ringing(invite);
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];
	char *branch;

	(void)state;
	phone_send(w, alice,
		REQ(alice, .method = "CANCEL",
			.extra = "Reason: SIP;cause=600;text=\"gone\"\r\nReason: Q.850;cause=16\r\n"));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "CSeq: 1 CANCEL");
	phone_expect(w, bob, "CANCEL sip:bob@example.org SIP/2.0");
	assert_has(bob->got, "Reason: SIP;cause=600;text=\"gone\"\r\nReason: Q.850;cause=16\r\n");
	/* the same branch as our INVITE, and one Via only */
	branch = strstr(invite, "branch=");
	branch[strcspn(branch, "\r;")] = '\0';
	assert_has(bob->got, branch);
	assert_has_not(bob->got, "z9hG4bKalice1");
	world_free(w);
}

static void cancelled_callee_ends_the_call_with_487(void **state)
{
	char invite[8192];
	struct tm_world *w = world_ringing(invite);
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_expect(w, bob, "CANCEL ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_send(w, bob, reply_text(invite, "487 Request Terminated", "b1", NULL));
	phone_expect(w, bob, "ACK ");
	phone_expect(w, alice, "SIP/2.0 487");
	assert_has(alice->got, "CSeq: 1 INVITE");
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void repeated_cancel_is_answered_again_and_not_forwarded(void **state)
{
	char invite[8192];
	struct tm_world *w = world_ringing(invite);
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_expect(w, bob, "CANCEL ");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_quiet(w, bob);
	assert_int_equal(w->requests, 2);
	world_free(w);
}

static void cancel_that_crosses_the_200_does_not_undo_it(void **state)
{
	char invite[8192];
	struct tm_world *w = world_ringing(invite);
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_expect(w, bob, "CANCEL ");
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "CSeq: 1 INVITE");
	world_free(w);
}

static void cancel_after_the_answer_is_answered_and_goes_nowhere(void **state)
{
	char invite[8192];
	struct tm_world *w = world_ringing(invite);
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "CSeq: 1 CANCEL");
	phone_quiet(w, bob);
	world_free(w);
}

static void cancel_waits_for_a_provisional_reply(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];

	(void)state;
	w->script = script_calls;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_quiet(w, bob);
	phone_send(w, bob, reply_text(invite, "100 Trying", NULL, NULL));
	phone_expect(w, bob, "CANCEL ");
	world_free(w);
}

static void our_cancel_is_repeated_until_it_is_answered(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];

	(void)state;
	w->conf.t1 = 40;
	w->conf.t2 = 80;
	w->script = script_calls;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 180");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_await(w, bob, "CANCEL ");
	phone_expect(w, bob, "CANCEL ");
	phone_expect(w, bob, "CANCEL ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	world_run(w, 20);
	while (phone_take(bob))
		;
	phone_quiet(w, bob);
	phone_quiet(w, bob);
	world_free(w);
}

static void callee_that_never_answers_a_cancel_ends_with_487(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	w->conf.t1 = 10;
	w->conf.t2 = 40;
	w->script = script_calls;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "180 Ringing", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 180");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_await(w, alice, "SIP/2.0 487");
	world_free(w);
}

static void all_branches_that_ring_are_cancelled(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);
	char to_bob[8192], to_carol[8192];

	(void)state;
	w->script = script_calls;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	phone_expect(w, carol, "INVITE ");
	snprintf(to_bob, sizeof(to_bob), "%s", bob->got);
	snprintf(to_carol, sizeof(to_carol), "%s", carol->got);
	phone_send(w, bob, reply_text(to_bob, "180 Ringing", "b1", NULL));
	phone_send(w, carol, reply_text(to_carol, "180 Ringing", "c1", NULL));
	phone_await(w, alice, "SIP/2.0 180");
	phone_expect(w, alice, "SIP/2.0 180");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, bob, "CANCEL ");
	phone_expect(w, carol, "CANCEL ");
	phone_send(w, bob, reply_text(to_bob, "487 Request Terminated", "b1", NULL));
	phone_send(w, carol, reply_text(to_carol, "487 Request Terminated", "c1", NULL));
	phone_await(w, alice, "SIP/2.0 487");
	phone_quiet(w, alice);
	world_free(w);
}

static void script_cancel_to_bob(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(tm_check(w->tm, msg), -1);
	relay_to_phones(w, msg, 1);
}

static void cancel_of_an_unknown_invite_is_forwarded_without_state(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	w->script = script_cancel_to_bob;
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, bob, "CANCEL ");
	assert_has(bob->got, "z9hG4bKalice1");
	phone_quiet(w, alice);
	phone_send(w, bob, reply_text(bob->got, "481 No Transaction", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 481");
	assert_int_equal(world_counter(w, TM_C_SERVER), 0);
	world_free(w);
}

static void script_late(struct tm_world *w, struct ph_msg *msg)
{
	if (msg->sip.method == SIP_CANCEL) {
		w->relay_code = tm_relay(w->tm, msg, NULL, 0);
		return;
	}
	/* the transaction is made, the script ends: nobody will ever answer */
	assert_int_equal(tm_newtran(w->tm, msg), 0);
}

static void cancelled_invite_without_branches_is_ended_at_once(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);

	(void)state;
	w->script = script_late;
	phone_send(w, alice, REQ(alice, ));
	phone_quiet(w, alice);
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_expect(w, alice, "SIP/2.0 487");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(caller_hangs_up_before_the_answer),
		cmocka_unit_test(cancelled_callee_ends_the_call_with_487),
		cmocka_unit_test(repeated_cancel_is_answered_again_and_not_forwarded),
		cmocka_unit_test(cancel_that_crosses_the_200_does_not_undo_it),
		cmocka_unit_test(cancel_after_the_answer_is_answered_and_goes_nowhere),
		cmocka_unit_test(cancel_waits_for_a_provisional_reply),
		cmocka_unit_test(our_cancel_is_repeated_until_it_is_answered),
		cmocka_unit_test(callee_that_never_answers_a_cancel_ends_with_487),
		cmocka_unit_test(all_branches_that_ring_are_cancelled),
		cmocka_unit_test(cancel_of_an_unknown_invite_is_forwarded_without_state),
		cmocka_unit_test(cancelled_invite_without_branches_is_ended_at_once),
	};
	return cmocka_run_group_tests_name("tm_cancel", tests, NULL, NULL);
}
