/* What holds for every request that is forwarded, whatever the script does: RFC 3261 section 16.3, RFC 5393. */
#include "tests/unit/tm_test.h"

#define ALICE (&w->phones[0])
#define BOB   (&w->phones[1])

static struct tm_world *world_of_two(void)
{
	struct tm_world *w = world_new();

	phone_new(w);
	phone_new(w);
	w->script = script_relay;
	return w;
}

/* A request of alice with another Max-Forwards line, or none. */
static char *with_hops(char *text, const char *line)
{
	static char out[4096];
	char *at = strstr(text, "Max-Forwards: 70\r\n");

	assert_non_null(at);
	snprintf(out, sizeof(out), "%.*s%s%s", (int)(at - text), text, line,
		at + strlen("Max-Forwards: 70\r\n"));
	return out;
}

/* Max-Forwards */

static void max_forwards_is_counted_down_without_the_script(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "OPTIONS"));
	phone_expect(w, BOB, "OPTIONS ");
	assert_has(BOB->got, "Max-Forwards: 69\r\n");
	assert_has_not(BOB->got, "Max-Forwards: 70\r\n");
	phone_send(w, ALICE,
		with_hops(REQ(ALICE, .method = "OPTIONS", .branch = "z9hG4bK1"),
			"Max-Forwards: 1\r\n"));
	phone_await(w, BOB, "OPTIONS ");
	assert_has(BOB->got, "Max-Forwards: 0\r\n");
	/* what is out of range becomes the most that is in it */
	phone_send(w, ALICE,
		with_hops(REQ(ALICE, .method = "OPTIONS", .branch = "z9hG4bK2"),
			"max-forwards:4000\r\n"));
	phone_await(w, BOB, "OPTIONS ");
	assert_has(BOB->got, "max-forwards: 255\r\n");
	world_free(w);
}

static void max_forwards_of_0_is_answered_483_and_goes_nowhere(void **state)
{
	static const char *const methods[] = {"INVITE", "OPTIONS", "MESSAGE", "CANCEL"};
	struct tm_world *w = world_of_two();
	char branch[32];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bKm%u", i);
		phone_send(w, ALICE,
			with_hops(REQ(ALICE, .method = methods[i], .branch = branch),
				"Max-Forwards: 0\r\n"));
		phone_expect(w, ALICE, "SIP/2.0 483 Too Many Hops");
		assert_int_equal(w->relay_code, TM_E_HOPS);
	}
	phone_send(w, ALICE,
		with_hops(
			REQ(ALICE, .method = "ACK", .branch = "z9hG4bKa", .to_tag = "b1"),
			"Max-Forwards: 0\r\n"));
	WORLD_UNTIL(w, w->requests == 5);
	phone_quiet(w, ALICE);
	phone_quiet(w, BOB);
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void unreadable_max_forwards_is_a_400(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	phone_send(w, ALICE,
		with_hops(REQ(ALICE, .method = "OPTIONS"), "Max-Forwards: many\r\n"));
	phone_expect(w, ALICE, "SIP/2.0 400");
	phone_quiet(w, BOB);
	world_free(w);
}

static void script_counts_itself(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(
		sip_hdr_set(&msg->sip, sip_hdr_first(&msg->sip, SIP_H_MAX_FORWARDS),
			SLICE("12")),
		0);
	relay_to_phones(w, msg, 1);
}

static void max_forwards_that_the_script_wrote_stays(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	w->script = script_counts_itself;
	phone_send(w, ALICE, REQ(ALICE, .method = "OPTIONS"));
	phone_expect(w, BOB, "OPTIONS ");
	assert_has(BOB->got, "Max-Forwards: 12\r\n");
	world_free(w);
}

static void script_forward(struct tm_world *w, struct ph_msg *msg)
{
	msg->du = phone_uri(msg, BOB);
	w->relay_code = tm_forward(w->tm, msg, NULL);
}

static void the_same_holds_without_a_transaction(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	w->script = script_forward;
	phone_send(w, ALICE, REQ(ALICE, .method = "OPTIONS"));
	phone_expect(w, BOB, "OPTIONS ");
	assert_has(BOB->got, "Max-Forwards: 69\r\n");
	phone_send(w, ALICE,
		with_hops(REQ(ALICE, .method = "OPTIONS"), "Max-Forwards: 0\r\n"));
	WORLD_UNTIL(w, w->relay_code == TM_E_HOPS);
	phone_quiet(w, BOB);
	world_free(w);
}

/* Extensions */

static void an_extension_that_a_proxy_must_know_is_refused_with_420(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	phone_send(w, ALICE,
		REQ(ALICE, .extra = "Proxy-Require: foo, bar\r\nProxy-Require: baz\r\n"));
	phone_expect(w, ALICE, "SIP/2.0 420 Bad Extension");
	assert_has(ALICE->got, "Unsupported: foo, bar\r\nUnsupported: baz\r\n");
	assert_int_equal(w->relay_code, TM_E_EXTENSION);
	phone_quiet(w, BOB);
	/* but not in requests that must not be answered so: section 8.2.2.3 */
	phone_send(w, ALICE,
		REQ(ALICE, .method = "ACK", .branch = "z9hG4bKa", .to_tag = "b1",
			.extra = "Proxy-Require: foo\r\n"));
	phone_expect(w, BOB, "ACK ");
	phone_send(w, ALICE,
		REQ(ALICE, .method = "CANCEL", .branch = "z9hG4bKb",
			.extra = "Proxy-Require: foo\r\n"));
	phone_expect(w, BOB, "CANCEL ");
	world_free(w);
}

static void script_answers_itself(struct tm_world *w, struct ph_msg *msg)
{
	msg->du = phone_uri(msg, BOB);
	w->relay_code = tm_relay(w->tm, msg, NULL, TM_F_NO_ERROR_REPLY);
	assert_int_equal(msg->last_error, 420);
	assert_slice_equal(msg->reply_extra, "Unsupported: foo\r\n");
	msg->reply_extra = (struct slice){0};
	assert_int_equal(tm_forward(w->tm, msg, NULL), TM_E_EXTENSION);
	assert_slice_equal(msg->reply_extra, "Unsupported: foo\r\n");
}

static void a_script_that_answers_itself_has_the_lines_for_it(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	w->script = script_answers_itself;
	phone_send(w, ALICE, REQ(ALICE, .extra = "Proxy-Require: foo\r\n"));
	WORLD_UNTIL(w, w->relay_code == TM_E_EXTENSION);
	phone_quiet(w, ALICE);
	world_free(w);
}

static void script_knows_foo(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(
		sip_hdr_remove(&msg->sip, sip_hdr_first(&msg->sip, SIP_H_PROXY_REQUIRE)),
		0);
	relay_to_phones(w, msg, 1);
}

static void a_script_that_knows_the_extension_takes_the_header_off(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	w->script = script_knows_foo;
	phone_send(w, ALICE, REQ(ALICE, .extra = "Proxy-Require: foo\r\n"));
	phone_expect(w, BOB, "INVITE ");
	assert_has_not(BOB->got, "Proxy-Require");
	world_free(w);
}

static void what_the_callee_must_know_is_none_of_a_proxys_business(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .extra = "Require: 100rel, nothing-we-know\r\n"));
	phone_expect(w, BOB, "INVITE ");
	assert_has(BOB->got, "Require: 100rel, nothing-we-know\r\n");
	world_free(w);
}

/* Loops */

static void script_to_itself(struct tm_world *w, struct ph_msg *msg)
{
	msg->du = arena_printf(msg->arena, "sip:127.0.0.1:%u", w->port);
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static void a_script_that_sends_to_itself_is_stopped(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	w->script = script_to_itself;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_await(w, ALICE, "SIP/2.0 482 Loop Detected");
	assert_int_equal(world_counter(w, TM_C_LOOPS), 1);
	/* from alice, from ourselves; the next was like the second */
	assert_int_equal(w->requests, 2);
	phone_send(w, ALICE, REQ(ALICE, .method = "ACK", .to_tag = "x"));
	WORLD_UNTIL(w, tm_busy(w->tm) == 0);
	world_free(w);
}

/* What a proxy that bob is sends back to us: with its Via, one hop less. */
static char *turned_round(
	const struct phone *p, const char *text, const char *ruri, const char *branch)
{
	static char out[8192];
	const char *line = strstr(text, "\r\n") + 2;

	snprintf(out, sizeof(out),
		"INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%u;branch=%s\r\n%s",
		ruri, p->port, branch, line);
	return out;
}

/* A script may let a PBX do what a stranger may not, so it counts who sends; once round, it is the same one. */
static void a_loop_through_another_proxy_is_found(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, BOB, "INVITE ");
	phone_send(
		w, BOB, turned_round(BOB, BOB->got, "sip:bob@example.org", "z9hG4bKp1"));
	phone_expect(w, BOB, "SIP/2.0 100");
	phone_expect(w, BOB, "INVITE ");
	phone_send(
		w, BOB, turned_round(BOB, BOB->got, "sip:bob@example.org", "z9hG4bKp2"));
	phone_expect(w, BOB, "SIP/2.0 482");
	assert_int_equal(world_counter(w, TM_C_LOOPS), 1);
	assert_int_equal(w->requests, 2);
	world_free(w);
}

static void a_spiral_is_no_loop(void **state)
{
	static const char *const turns[] = {
		"sip:carol@example.org", "sip:dave@example.org", "sip:erin@example.org"};
	struct tm_world *w = world_of_two();
	char branch[32];

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, BOB, "INVITE ");
	for (unsigned i = 0; i < 3; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bKp%u", i);
		phone_send(w, BOB, turned_round(BOB, BOB->got, turns[i], branch));
		phone_expect(w, BOB, "SIP/2.0 100");
		phone_expect(w, BOB, "INVITE ");
	}
	assert_int_equal(world_counter(w, TM_C_LOOPS), 0);
	assert_int_equal(w->requests, 4);
	world_free(w);
}

static void a_via_that_only_looks_like_ours_is_no_loop(void **state)
{
	struct tm_world *w = world_of_two();

	(void)state;
	phone_send(w, ALICE,
		REQ(ALICE,
			.extra =
				"Via: SIP/2.0/UDP 127.0.0.1:5060;branch="
				"z9hG4bKph00000000000000010123456789abcdef01234567\r\n"
				"Via: SIP/2.0/UDP 127.0.0.1:5060;branch="
				"z9hG4bKph0000000000000001xxxxxxxxxxxxxxxxxxxxxxxx\r\n"));
	phone_expect(w, BOB, "INVITE ");
	assert_int_equal(world_counter(w, TM_C_LOOPS), 0);
	world_free(w);
}

/* A full table */

static void the_last_places_are_for_calls_that_stand(void **state)
{
	struct tm_world *w = world_of_two();
	char branch[32], call[32];
	unsigned i;

	(void)state;
	w->conf.max_transactions = 16;
	for (i = 0; i < 15; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bKn%u", i);
		snprintf(call, sizeof(call), "call-%u@test", i);
		phone_send(w, ALICE, REQ(ALICE, .branch = branch, .call = call));
		phone_expect(w, ALICE, i < 14 ? "SIP/2.0 100" : "SIP/2.0 503");
	}
	assert_has(ALICE->got, "Retry-After: 5\r\n");
	assert_int_equal(world_counter(w, TM_C_FULL), 1);
	while (phone_take(BOB))
		;
	for (i = 0; i < 3; i++) {
		snprintf(branch, sizeof(branch), "z9hG4bKb%u", i);
		snprintf(call, sizeof(call), "other-%u@test", i);
		phone_send(w, ALICE,
			REQ(ALICE, .method = "BYE", .branch = branch, .call = call,
				.to_tag = "b1"));
		if (i < 2)
			phone_expect(w, BOB, "BYE ");
	}
	phone_expect(w, ALICE, "SIP/2.0 503");
	/* what needs no place goes through in any case */
	phone_send(w, ALICE,
		REQ(ALICE, .method = "ACK", .branch = "z9hG4bKack", .call = "more@test",
			.to_tag = "b1"));
	phone_await(w, BOB, "ACK ");
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 16);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(max_forwards_is_counted_down_without_the_script),
		cmocka_unit_test(max_forwards_of_0_is_answered_483_and_goes_nowhere),
		cmocka_unit_test(unreadable_max_forwards_is_a_400),
		cmocka_unit_test(max_forwards_that_the_script_wrote_stays),
		cmocka_unit_test(the_same_holds_without_a_transaction),
		cmocka_unit_test(an_extension_that_a_proxy_must_know_is_refused_with_420),
		cmocka_unit_test(a_script_that_answers_itself_has_the_lines_for_it),
		cmocka_unit_test(a_script_that_knows_the_extension_takes_the_header_off),
		cmocka_unit_test(what_the_callee_must_know_is_none_of_a_proxys_business),
		cmocka_unit_test(a_script_that_sends_to_itself_is_stopped),
		cmocka_unit_test(a_loop_through_another_proxy_is_found),
		cmocka_unit_test(a_spiral_is_no_loop),
		cmocka_unit_test(a_via_that_only_looks_like_ours_is_no_loop),
		cmocka_unit_test(the_last_places_are_for_calls_that_stand),
	};
	return cmocka_run_group_tests_name("tm_rules", tests, NULL, NULL);
}
