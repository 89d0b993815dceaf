/* Timers: RFC 3261 section 17, RFC 6026. Times here are short; every wait is for a message, with a deadline. */
#include "tests/unit/tm_test.h"

static struct tm_world *world_fast(void)
{
	struct tm_world *w = world_new();

	w->conf.t1 = 20;
	w->conf.t2 = 80;
	w->conf.t4 = 50;
	phone_new(w);
	phone_new(w);
	w->script = script_relay;
	return w;
}

static void invite_is_repeated_at_growing_intervals_until_a_reply(void **state)
{
	struct tm_world *w = world_fast();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];
	char first[8192];
	uint64_t at;

	(void)state;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	at = clock_us();
	snprintf(first, sizeof(first), "%s", bob->got);
	for (unsigned i = 0; i < 3; i++) {
		phone_expect(w, bob, "INVITE ");
		assert_string_equal(bob->got, first);
	}
	/* 20 + 40 + 80 ms, but for the tick */
	assert_true(clock_us() - at >= 100000);
	phone_send(w, bob, reply_text(first, "100 Trying", NULL, NULL));
	world_run(w, 20);
	while (phone_take(bob))
		;
	assert_false(phone_wait(w, bob, 250));
	world_free(w);
}

static void non_invite_is_repeated_also_after_a_provisional_reply(void **state)
{
	struct tm_world *w = world_fast();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, bob, "MESSAGE ");
	phone_expect(w, bob, "MESSAGE ");
	phone_send(w, bob, reply_text(bob->got, "100 Trying", NULL, NULL));
	world_run(w, 20);
	while (phone_take(bob))
		;
	phone_expect(w, bob, "MESSAGE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 200");
	world_free(w);
}

static void silent_phone_is_a_408(void **state)
{
	struct tm_world *w = world_fast();
	struct phone *alice = &w->phones[0];

	(void)state;
	w->conf.fr_timer = 150;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, alice, "SIP/2.0 408");
	phone_send(w, alice, REQ(alice, .method = "ACK", .to_tag = "x"));
	WORLD_UNTIL(w, world_counter(w, TM_C_ACK_ABSORBED) == 1);
	while (phone_take(alice))
		;
	assert_int_equal(world_counter(w, TM_C_TIMEOUTS), 1);
	world_free(w);
}

static void phone_that_rings_too_long_is_cancelled_and_the_caller_gets_408(void **state)
{
	struct tm_world *w = world_fast();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];
	char invite[8192];

	(void)state;
	w->conf.fr_inv_timer = 120;
	w->conf.t4 = 2000; /* the answer to CANCEL, not this, ends it */
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_await(w, bob, "CANCEL ");
	phone_send(w, bob, reply_text(invite, "487 Request Terminated", "b1", NULL));
	phone_await(w, bob, "ACK ");
	phone_await(w, alice, "SIP/2.0 408");
	world_free(w);
}

static void vanished_phone_is_given_up_soon_after_the_cancel(void **state)
{
	struct tm_world *w = world_fast();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];
	char invite[8192];

	(void)state;
	w->conf.timer_c = 120;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_await(w, bob, "CANCEL ");
	phone_await(w, alice, "SIP/2.0 408");
	/* it comes back: its refusal is acknowledged, and that is all */
	phone_send(w, bob, reply_text(invite, "487 Request Terminated", "b1", NULL));
	phone_await(w, bob, "ACK ");
	world_free(w);
}

static void provisional_replies_prolong_the_ringing(void **state)
{
	struct tm_world *w = world_fast();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];
	char invite[8192];

	(void)state;
	w->conf.timer_c = 200;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	for (unsigned i = 0; i < 4; i++) {
		phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
		phone_await(w, alice, "SIP/2.0 180");
		world_run(w, 100);
	}
	while (phone_take(bob))
		assert_has_not(bob->got, "CANCEL");
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 200");
	world_free(w);
}

static void refusal_is_repeated_to_the_caller_until_its_ack(void **state)
{
	struct tm_world *w = world_fast();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "404 Not Found", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 404");
	phone_expect(w, alice, "SIP/2.0 404");
	phone_expect(w, alice, "SIP/2.0 404");
	phone_send(w, alice, REQ(alice, .method = "ACK", .to_tag = "b1"));
	world_run(w, 20);
	while (phone_take(alice))
		;
	assert_false(phone_wait(w, alice, 200));
	world_free(w);
}

static void everything_is_forgotten_in_the_end(void **state)
{
	struct tm_world *w = world_fast();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	w->conf.t1 = 10; /* 64 * T1: 640 ms */
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 200");
	phone_send(w, alice,
		REQ(alice, .method = "MESSAGE", .branch = "z9hG4bKm",
			.call = "call-2@test"));
	phone_await(w, bob, "MESSAGE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 200");
	phone_send(w, alice, REQ(alice, .branch = "z9hG4bKn", .call = "call-3@test"));
	phone_await(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 486"); /* never acknowledged */
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 3);
	WORLD_UNTIL(w, world_counter(w, TM_C_ACTIVE) == 0);
	world_free(w);
}

static void script_forgets(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(tm_newtran(w->tm, msg), 0);
	assert_int_equal(tm_newtran(w->tm, msg), -EALREADY);
}

static void transaction_that_nobody_answers_goes_away(void **state)
{
	struct tm_world *w = world_fast();
	struct phone *alice = &w->phones[0];

	(void)state;
	w->conf.t1 = 10;
	w->script = script_forgets;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	WORLD_UNTIL(w, world_counter(w, TM_C_ACTIVE) == 1);
	WORLD_UNTIL(w, world_counter(w, TM_C_ACTIVE) == 0);
	assert_int_equal(tm_busy(w->tm), 0);
	phone_quiet(w, alice);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invite_is_repeated_at_growing_intervals_until_a_reply),
		cmocka_unit_test(non_invite_is_repeated_also_after_a_provisional_reply),
		cmocka_unit_test(silent_phone_is_a_408),
		cmocka_unit_test(
			phone_that_rings_too_long_is_cancelled_and_the_caller_gets_408),
		cmocka_unit_test(vanished_phone_is_given_up_soon_after_the_cancel),
		cmocka_unit_test(provisional_replies_prolong_the_ringing),
		cmocka_unit_test(refusal_is_repeated_to_the_caller_until_its_ack),
		cmocka_unit_test(everything_is_forgotten_in_the_end),
		cmocka_unit_test(transaction_that_nobody_answers_goes_away),
	};
	return cmocka_run_group_tests_name("tm_timer", tests, NULL, NULL);
}
