/*
 * Every timer of RFC 3261 (table 4) and RFC 6026 with its default value, to the tick: A to M, for INVITE and other
 * requests, on UDP and TCP, on both sides of the proxy. Time is turned by hand.
 */
#include "tests/unit/tm_clock.h"

#define ALICE (&w->phones[0])
#define BOB   (&w->phones[1])

static struct tm_world *world_of(bool alice_tcp, bool bob_tcp)
{
	struct tm_world *w = world_new();

	w->conf.fr_timer = 64 * w->conf.t1; /* timers B and F as the RFC has them */
	if (alice_tcp)
		phone_new_tcp(w);
	else
		phone_new(w);
	if (bob_tcp)
		phone_new_tcp(w);
	else
		phone_new(w);
	w->script = script_relay;
	world_turn(w);
	return w;
}

/* Client transactions */

static void timer_a_doubles_without_end_and_timer_b_ends_an_invite(void **state)
{
	struct tm_world *w = world_of(false, false);
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	a = world_watch(w, BOB, "INVITE ", 31990);
	assert_arrivals(a, 0, 500, 1500, 3500, 7500, 15500, 31500);
	assert_int_equal(world_counter(w, TM_C_TIMEOUTS), 0);
	a = world_watch(w, ALICE, "SIP/2.0 408", 30);
	assert_int_equal(a.count, 1);
	assert_int_equal(world_counter(w, TM_C_TIMEOUTS), 1);
	world_free(w);
}

static void on_tcp_an_invite_is_sent_once_and_timer_b_ends_it(void **state)
{
	struct tm_world *w = world_of(false, true);
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	a = world_watch(w, BOB, "INVITE ", 31990);
	assert_arrivals(a, 0);
	phone_drop_all(w, ALICE);
	a = world_watch(w, ALICE, "SIP/2.0 408", 30);
	assert_int_equal(a.count, 1);
	world_free(w);
}

static void repeated_refusal_is_acknowledged_until_timer_d(void **state)
{
	struct tm_world *w = world_of(true, false);
	char refusal[8192];
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	snprintf(refusal, sizeof(refusal), "%s",
		reply_text(BOB->got, "486 Busy Here", "b1", NULL));
	phone_send(w, BOB, refusal);
	phone_has(w, BOB, "ACK ");
	world_pass(w, 31900);
	phone_send(w, BOB, refusal);
	a = world_watch(w, BOB, "ACK ", 20);
	assert_int_equal(a.count, 1);
	world_pass(w, 200);
	phone_send(w, BOB, refusal);
	a = world_watch(w, BOB, "ACK ", 20);
	assert_int_equal(a.count, 0);
	assert_int_equal(world_counter(w, TM_C_REPLIES_STRAY), 1);
	world_free(w);
}

static void on_tcp_timer_d_is_zero(void **state)
{
	struct tm_world *w = world_of(true, true);
	char refusal[8192];

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	snprintf(refusal, sizeof(refusal), "%s",
		reply_text(BOB->got, "486 Busy Here", "b1", NULL));
	phone_send(w, BOB, refusal);
	phone_has(w, BOB, "ACK ");
	phone_send(w, BOB, refusal);
	world_turn(w);
	assert_int_equal(world_counter(w, TM_C_REPLIES_STRAY), 1);
	world_free(w);
}

static void timer_e_doubles_up_to_t2_and_timer_f_ends_it(void **state)
{
	struct tm_world *w = world_of(false, false);
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	a = world_watch(w, BOB, "MESSAGE ", 31990);
	assert_arrivals(
		a, 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500);
	world_pass(w, 30);
	assert_int_equal(world_counter(w, TM_C_TIMEOUTS), 1);
	world_free(w);
}

static void on_tcp_a_message_is_sent_once_and_timer_f_ends_it(void **state)
{
	struct tm_world *w = world_of(false, true);
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	a = world_watch(w, BOB, "MESSAGE ", 31990);
	assert_arrivals(a, 0);
	assert_int_equal(world_counter(w, TM_C_TIMEOUTS), 0);
	world_pass(w, 30);
	assert_int_equal(world_counter(w, TM_C_TIMEOUTS), 1);
	world_free(w);
}

static void timer_e_is_t2_after_a_provisional_reply_and_timer_f_stays(void **state)
{
	struct tm_world *w = world_of(false, false);
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, BOB, "MESSAGE ");
	phone_send(w, BOB, reply_text(BOB->got, "100 Trying", NULL, NULL));
	a = world_watch(w, BOB, "MESSAGE ", 31990);
	assert_arrivals(a, 4000, 8000, 12000, 16000, 20000, 24000, 28000);
	assert_int_equal(world_counter(w, TM_C_TIMEOUTS), 0);
	world_pass(w, 40);
	assert_int_equal(world_counter(w, TM_C_TIMEOUTS), 1);
	world_free(w);
}

static void timer_k_absorbs_repeated_replies_for_5_s(void **state)
{
	struct tm_world *w = world_of(false, false);
	char ok[8192];

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, BOB, "MESSAGE ");
	snprintf(ok, sizeof(ok), "%s", reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_send(w, BOB, ok);
	phone_has(w, ALICE, "SIP/2.0 200");
	world_pass(w, 4900);
	phone_send(w, BOB, ok);
	world_turn(w);
	assert_int_equal(world_counter(w, TM_C_RETRANS_REPLY_IN), 1);
	world_pass(w, 150);
	phone_send(w, BOB, ok);
	world_turn(w);
	assert_int_equal(world_counter(w, TM_C_RETRANS_REPLY_IN), 1);
	assert_int_equal(world_counter(w, TM_C_REPLIES_STRAY), 1);
	assert_false(phone_take(ALICE));
	world_free(w);
}

static void on_tcp_timer_k_is_zero(void **state)
{
	struct tm_world *w = world_of(false, true);
	char ok[8192];

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, BOB, "MESSAGE ");
	snprintf(ok, sizeof(ok), "%s", reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_send(w, BOB, ok);
	phone_has(w, ALICE, "SIP/2.0 200");
	phone_send(w, BOB, ok);
	world_turn(w);
	assert_int_equal(world_counter(w, TM_C_REPLIES_STRAY), 1);
	world_free(w);
}

/* RFC 6026: also on TCP, because it waits for other phones' 2xx and not for lost packets. */
static void timer_m_forwards_further_200s_for_32_s(bool bob_tcp)
{
	struct tm_world *w = world_of(false, bob_tcp);
	char invite[8192];

	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", BOB->got);
	phone_send(w, BOB, reply_text(invite, "200 OK", "b1", NULL));
	phone_has(w, ALICE, "SIP/2.0 200");
	world_pass(w, 31900);
	phone_drop_all(w, ALICE);
	phone_send(w, BOB, reply_text(invite, "200 OK", "b1", NULL));
	phone_has(w, ALICE, "SIP/2.0 200");
	phone_send(w, BOB, reply_text(invite, "200 OK", "b2", NULL));
	phone_has(w, ALICE, "SIP/2.0 200");
	assert_has(ALICE->got, ";tag=b2");
	world_pass(w, 200);
	/* then it is a stray reply, and those go nowhere: RFC 6026 section 7.3 */
	phone_send(w, BOB, reply_text(invite, "200 OK", "b1", NULL));
	world_turn(w);
	assert_false(phone_take(ALICE));
	assert_int_equal(world_counter(w, TM_C_REPLIES_STRAY), 1);
	world_free(w);
}

static void timer_m_forwards_200s_of_udp(void **state)
{
	(void)state;
	timer_m_forwards_further_200s_for_32_s(false);
}

static void timer_m_forwards_200s_of_tcp(void **state)
{
	(void)state;
	timer_m_forwards_further_200s_for_32_s(true);
}

static void timer_c_cancels_and_the_caller_gets_408(void **state)
{
	struct tm_world *w = world_of(false, false);
	struct arrivals a;
	char invite[8192];

	(void)state;
	w->conf.fr_inv_timer = 300000; /* not this one */
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", BOB->got);
	phone_send(w, BOB, reply_text(invite, "180 Ringing", "b1", NULL));
	world_pass(w, 100000);
	/* 100 Trying does not begin it anew, 183 does: section 16.7 step 2 */
	phone_send(w, BOB, reply_text(invite, "183 Session Progress", "b1", NULL));
	world_pass(w, 100000);
	phone_send(w, BOB, reply_text(invite, "100 Trying", NULL, NULL));
	a = world_watch(w, BOB, "CANCEL ", 79900);
	assert_int_equal(a.count, 0);
	a = world_watch(w, BOB, "CANCEL ", 150);
	assert_int_equal(a.count, 1);
	phone_send(w, BOB, reply_text(a.last, "200 OK", "b1", NULL));
	phone_send(w, BOB, reply_text(invite, "487 Request Terminated", "b1", NULL));
	phone_has(w, BOB, "ACK ");
	phone_has(w, ALICE, "SIP/2.0 408");
	world_free(w);
}

static void a_cancel_of_ours_is_repeated_like_any_request_and_given_up(void **state)
{
	struct tm_world *w = world_of(false, false);
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "180 Ringing", "b1", NULL));
	phone_has(w, ALICE, "SIP/2.0 180");
	phone_send(w, ALICE, REQ(ALICE, .method = "CANCEL"));
	a = world_watch(w, BOB, "CANCEL ", 31990);
	assert_arrivals(
		a, 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500);
	/* section 9.1: 64*T1 after the CANCEL the transaction counts as cancelled */
	a = world_watch(w, ALICE, "SIP/2.0 487", 40);
	assert_int_equal(a.count, 1);
	world_free(w);
}

static void script_impatient(struct tm_world *w, struct ph_msg *msg)
{
	msg->fr_timer = 3000;
	msg->fr_inv_timer = 7000;
	relay_to_phones(w, msg, 1);
}

/* t_set_fr() */
static void a_script_may_be_less_patient(void **state)
{
	struct tm_world *w = world_of(false, false);
	struct arrivals a;

	(void)state;
	w->script = script_impatient;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	a = world_watch(w, ALICE, "SIP/2.0 408", 3100);
	assert_arrivals(a, 3000);
	phone_drop_all(w, BOB);
	phone_send(w, ALICE, REQ(ALICE, .branch = "z9hG4bK2", .call = "call-2@test"));
	phone_has(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "180 Ringing", "b1", NULL));
	a = world_watch(w, BOB, "CANCEL ", 7100);
	assert_arrivals(a, 7000);
	world_free(w);
}

/* Server transactions */

static void timer_g_doubles_up_to_t2_and_timer_h_gives_up(void **state)
{
	struct tm_world *w = world_of(false, true);
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "486 Busy Here", "b1", NULL));
	a = world_watch(w, ALICE, "SIP/2.0 486", 31980);
	assert_arrivals(
		a, 0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 1);
	world_pass(w, 40);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 0);
	world_free(w);
}

static void on_tcp_a_refusal_is_sent_once_and_timer_h_gives_up(void **state)
{
	struct tm_world *w = world_of(true, true);
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "486 Busy Here", "b1", NULL));
	a = world_watch(w, ALICE, "SIP/2.0 486", 31980);
	assert_arrivals(a, 0);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 1);
	world_pass(w, 40);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 0);
	world_free(w);
}

static void timer_i_absorbs_acks_for_5_s(void **state)
{
	struct tm_world *w = world_of(false, true);

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "486 Busy Here", "b1", NULL));
	phone_has(w, ALICE, "SIP/2.0 486");
	phone_send(w, ALICE, REQ(ALICE, .method = "ACK", .to_tag = "b1"));
	world_pass(w, 4900);
	/* Confirmed: neither the refusal nor the repeated INVITE brings anything */
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_send(w, ALICE, REQ(ALICE, .method = "ACK", .to_tag = "b1"));
	world_turn(w);
	assert_false(phone_take(ALICE));
	assert_int_equal(world_counter(w, TM_C_ACK_ABSORBED), 2);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 1);
	world_pass(w, 150);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 0);
	world_free(w);
}

static void on_tcp_timer_i_is_zero(void **state)
{
	struct tm_world *w = world_of(true, true);

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "486 Busy Here", "b1", NULL));
	phone_has(w, ALICE, "SIP/2.0 486");
	phone_send(w, ALICE, REQ(ALICE, .method = "ACK", .to_tag = "b1"));
	world_turn(w);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 0);
	world_free(w);
}

static void timer_j_answers_repeats_for_32_s(void **state)
{
	struct tm_world *w = world_of(false, true);

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, BOB, "MESSAGE ");
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_has(w, ALICE, "SIP/2.0 200");
	world_pass(w, 31900);
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, ALICE, "SIP/2.0 200");
	assert_int_equal(w->requests, 1);
	world_pass(w, 150);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 0);
	world_free(w);
}

static void on_tcp_timer_j_is_zero(void **state)
{
	struct tm_world *w = world_of(true, true);

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, BOB, "MESSAGE ");
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_has(w, ALICE, "SIP/2.0 200");
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 0);
	world_free(w);
}

/* RFC 6026: the server transaction absorbs the INVITE and passes 2xx, with and without packets that get lost. */
static void timer_l_keeps_an_accepted_invite_for_32_s(bool alice_tcp)
{
	struct tm_world *w = world_of(alice_tcp, true);

	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_has(w, ALICE, "SIP/2.0 200");
	world_pass(w, 31900);
	phone_send(w, ALICE, REQ(ALICE, ));
	world_turn(w);
	assert_false(phone_take(ALICE));
	assert_int_equal(w->requests, 1);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 1);
	world_pass(w, 150);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 0);
	world_free(w);
}

static void timer_l_of_udp(void **state)
{
	(void)state;
	timer_l_keeps_an_accepted_invite_for_32_s(false);
}

static void timer_l_of_tcp(void **state)
{
	(void)state;
	timer_l_keeps_an_accepted_invite_for_32_s(true);
}

/* RFC 4320: requests other than INVITE */

static void a_message_gets_its_100_when_its_sender_has_become_slow(void **state)
{
	struct tm_world *w = world_of(false, false);
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	a = world_watch(w, ALICE, "SIP/2.0 ", 20000);
	assert_arrivals(a, 3500);
	assert_has(a.last, "SIP/2.0 100 Trying");
	/* and repeats get it again */
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, ALICE, "SIP/2.0 100");
	world_free(w);
}

static void a_message_that_is_answered_in_time_gets_no_100(void **state)
{
	struct tm_world *w = world_of(false, false);
	struct arrivals a;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, BOB, "MESSAGE ");
	world_pass(w, 3400);
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	a = world_watch(w, ALICE, "SIP/2.0 ", 10000);
	assert_int_equal(a.count, 1);
	assert_has(a.last, "SIP/2.0 200");
	world_free(w);
}

static void script_waits(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(tm_newtran(w->tm, msg), 0);
	tm_script_parked(w->tm, msg, true);
	world_hold(w, msg);
}

static void script_ignores(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(tm_newtran(w->tm, msg), 0);
}

static void a_parked_message_gets_its_100_and_a_dropped_one_nothing(void **state)
{
	struct tm_world *w = world_of(false, false);
	struct arrivals a;

	(void)state;
	w->script = script_waits;
	phone_send(w, ALICE, REQ(ALICE, .method = "REGISTER"));
	a = world_watch(w, ALICE, "SIP/2.0 ", 5000);
	assert_arrivals(a, 3500);
	w->script = script_ignores;
	phone_send(w, ALICE, REQ(ALICE, .method = "REGISTER", .branch = "z9hG4bKother"));
	a = world_watch(w, ALICE, "SIP/2.0 ", 40000);
	assert_int_equal(a.count, 0);
	world_free(w);
}

static void a_message_that_nobody_answers_ends_without_a_408(void **state)
{
	struct tm_world *w = world_of(false, false);
	struct arrivals a;

	(void)state;
	w->conf.fr_timer = 10000;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	a = world_watch(w, ALICE, "SIP/2.0 ", 15000);
	assert_arrivals(a, 3500);
	assert_has(a.last, "SIP/2.0 100");
	assert_int_equal(world_counter(w, TM_C_TIMEOUTS), 1);
	assert_int_equal(tm_busy(w->tm), 0);
	/* repeats are absorbed, also by the transaction that is over */
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	world_turn(w);
	assert_false(phone_take(ALICE));
	assert_int_equal(w->requests, 1);
	world_pass(w, 32100);
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 0);
	world_free(w);
}

static void a_408_of_the_next_hop_to_a_message_is_not_passed_on(void **state)
{
	struct tm_world *w = world_of(false, false);

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, BOB, "MESSAGE ");
	phone_send(w, BOB, reply_text(BOB->got, "408 Request Timeout", "b1", NULL));
	world_turn(w);
	assert_false(phone_take(ALICE));
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void of_a_forked_message_what_was_said_stands_before_a_timeout(void **state)
{
	struct tm_world *w = world_of(false, false);

	(void)state;
	phone_new(w);
	w->script = script_fork;
	w->conf.fr_timer = 10000;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, BOB, "MESSAGE ");
	phone_send(w, BOB, reply_text(BOB->got, "500 Server Internal Error", "b1", NULL));
	world_pass(w, 10100);
	phone_has(w, ALICE, "SIP/2.0 500");
	world_free(w);
}

static void failure_answers(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(tm_reply(w->tm, msg, 480, SLICE("Gone"), (struct slice){0}), 1);
}

static void script_relay_watched(struct tm_world *w, struct ph_msg *msg)
{
	msg->armed.on_failure = 1;
	relay_to_phones(w, msg, 1);
}

static void a_failure_block_sees_the_408_of_a_message_and_may_say_more(void **state)
{
	struct tm_world *w = world_of(false, false);

	(void)state;
	w->conf.fr_timer = 10000;
	w->script = script_relay_watched;
	w->failure = failure_answers;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	world_pass(w, 10100);
	assert_int_equal(w->failure_code, 408);
	phone_has(w, ALICE, "SIP/2.0 480 Gone");
	world_free(w);
}

static void late_replies_to_a_message_go_nowhere(void **state)
{
	struct tm_world *w = world_of(false, false);

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, BOB, "MESSAGE ");
	world_pass(w, 32100);
	phone_drop_all(w, ALICE);
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	world_turn(w);
	assert_false(phone_take(ALICE));
	assert_int_equal(world_counter(w, TM_C_REPLIES_STRAY), 1);
	world_free(w);
}

static void provisional_replies_to_a_message_end_here(void **state)
{
	struct tm_world *w = world_of(false, false);

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_has(w, BOB, "MESSAGE ");
	phone_send(w, BOB, reply_text(BOB->got, "183 Session Progress", "b1", NULL));
	world_turn(w);
	assert_false(phone_take(ALICE));
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_has(w, ALICE, "SIP/2.0 200");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timer_a_doubles_without_end_and_timer_b_ends_an_invite),
		cmocka_unit_test(on_tcp_an_invite_is_sent_once_and_timer_b_ends_it),
		cmocka_unit_test(repeated_refusal_is_acknowledged_until_timer_d),
		cmocka_unit_test(on_tcp_timer_d_is_zero),
		cmocka_unit_test(timer_e_doubles_up_to_t2_and_timer_f_ends_it),
		cmocka_unit_test(on_tcp_a_message_is_sent_once_and_timer_f_ends_it),
		cmocka_unit_test(
			timer_e_is_t2_after_a_provisional_reply_and_timer_f_stays),
		cmocka_unit_test(timer_k_absorbs_repeated_replies_for_5_s),
		cmocka_unit_test(on_tcp_timer_k_is_zero),
		cmocka_unit_test(timer_m_forwards_200s_of_udp),
		cmocka_unit_test(timer_m_forwards_200s_of_tcp),
		cmocka_unit_test(timer_c_cancels_and_the_caller_gets_408),
		cmocka_unit_test(
			a_cancel_of_ours_is_repeated_like_any_request_and_given_up),
		cmocka_unit_test(a_script_may_be_less_patient),
		cmocka_unit_test(timer_g_doubles_up_to_t2_and_timer_h_gives_up),
		cmocka_unit_test(on_tcp_a_refusal_is_sent_once_and_timer_h_gives_up),
		cmocka_unit_test(timer_i_absorbs_acks_for_5_s),
		cmocka_unit_test(on_tcp_timer_i_is_zero),
		cmocka_unit_test(timer_j_answers_repeats_for_32_s),
		cmocka_unit_test(on_tcp_timer_j_is_zero),
		cmocka_unit_test(timer_l_of_udp),
		cmocka_unit_test(timer_l_of_tcp),
		cmocka_unit_test(a_message_gets_its_100_when_its_sender_has_become_slow),
		cmocka_unit_test(a_message_that_is_answered_in_time_gets_no_100),
		cmocka_unit_test(a_parked_message_gets_its_100_and_a_dropped_one_nothing),
		cmocka_unit_test(a_message_that_nobody_answers_ends_without_a_408),
		cmocka_unit_test(a_408_of_the_next_hop_to_a_message_is_not_passed_on),
		cmocka_unit_test(
			of_a_forked_message_what_was_said_stands_before_a_timeout),
		cmocka_unit_test(
			a_failure_block_sees_the_408_of_a_message_and_may_say_more),
		cmocka_unit_test(late_replies_to_a_message_go_nowhere),
		cmocka_unit_test(provisional_replies_to_a_message_end_here),
	};
	return cmocka_run_group_tests_name("tm_clock", tests, NULL, NULL);
}
