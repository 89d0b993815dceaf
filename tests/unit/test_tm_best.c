/* Which reply goes upstream, and when: RFC 3261 section 16.7 steps 5 to 7 and 10. */
#include "tests/unit/tm_clock.h"

#define ALICE (&w->phones[0])
#define BOB   (&w->phones[1])
#define CAROL (&w->phones[2])

struct fork {
	struct tm_world *w;
	char to_bob[8192], to_carol[8192];
};

/* A call of alice that rings nowhere yet, at bob and carol. */
static struct tm_world *fork_new(struct fork *f)
{
	struct tm_world *w = world_new();

	for (unsigned i = 0; i < 3; i++)
		phone_new(w);
	w->script = script_fork;
	f->w = w;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, ALICE, "SIP/2.0 100");
	phone_has(w, BOB, "INVITE ");
	snprintf(f->to_bob, sizeof(f->to_bob), "%s", BOB->got);
	phone_has(w, CAROL, "INVITE ");
	snprintf(f->to_carol, sizeof(f->to_carol), "%s", CAROL->got);
	return w;
}

static void says(struct fork *f, bool bob, const char *status)
{
	struct tm_world *w = f->w;

	phone_send(w, bob ? BOB : CAROL,
		reply_text(
			bob ? f->to_bob : f->to_carol, status, bob ? "b1" : "c1", NULL));
	world_turn(w);
}

static void expect_final(struct tm_world *w, unsigned code)
{
	char start[32];

	snprintf(start, sizeof(start), "SIP/2.0 %u ", code);
	phone_has(w, ALICE, start);
	world_turn(w);
	assert_false(phone_take(ALICE));
}

static void the_better_of_two_refusals(void **state)
{
	static const struct {
		unsigned bob, carol, best;
	} rows[] = {
		/* the lowest class, whoever said it first */
		{404, 302, 302},
		{302, 404, 302},
		{500, 404, 404},
		{404, 500, 404},
		{500, 302, 302},
		/* what tells the caller how to ask again */
		{404, 401, 401},
		{407, 404, 407},
		{400, 415, 415},
		{400, 420, 420},
		{404, 484, 484},
		{480, 407, 407},
		/* 503 is nobody's but the server's who says it, and is not passed on */
		{500, 503, 500},
		{503, 504, 504},
		{503, 503, 500},
		{503, 486, 486},
		/* a 6xx stands above all refusals */
		{404, 603, 603},
		{302, 600, 600},
		{503, 606, 606},
		{486, 480, 480},
		{408, 486, 408},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fork f;
		struct tm_world *w = fork_new(&f);
		char status[32];

		snprintf(status, sizeof(status), "%u Some Reason", rows[i].bob);
		says(&f, true, status);
		assert_false(phone_take(ALICE));
		snprintf(status, sizeof(status), "%u Some Reason", rows[i].carol);
		says(&f, false, status);
		expect_final(w, rows[i].best);
		world_free(w);
	}
}

static void a_6xx_cancels_the_others_and_waits_for_them(void **state)
{
	struct fork f;
	struct tm_world *w = fork_new(&f);

	(void)state;
	says(&f, false, "180 Ringing");
	phone_has(w, ALICE, "SIP/2.0 180");
	says(&f, true, "603 Decline");
	phone_has(w, BOB, "ACK ");
	phone_has(w, CAROL, "CANCEL ");
	assert_false(phone_take(ALICE));
	says(&f, false, "487 Request Terminated");
	expect_final(w, 603);
	world_free(w);
}

static void a_2xx_that_crosses_the_cancel_after_a_6xx_still_wins(void **state)
{
	struct fork f;
	struct tm_world *w = fork_new(&f);

	(void)state;
	says(&f, false, "180 Ringing");
	phone_has(w, ALICE, "SIP/2.0 180");
	says(&f, true, "600 Busy Everywhere");
	phone_has(w, CAROL, "CANCEL ");
	says(&f, false, "200 OK");
	expect_final(w, 200);
	assert_has(ALICE->got, ";tag=c1");
	world_free(w);
}

static void a_2xx_is_forwarded_although_a_final_reply_has_been(void **state)
{
	struct fork f;
	struct tm_world *w = fork_new(&f);

	(void)state;
	says(&f, true, "486 Busy Here");
	says(&f, false, "180 Ringing");
	phone_has(w, ALICE, "SIP/2.0 180");
	/* nobody answers in time, not even the CANCEL; then somebody does */
	world_pass(w, 120000 + 5100);
	phone_has(w, CAROL, "CANCEL ");
	phone_has(w, ALICE, "SIP/2.0 486");
	phone_send(w, ALICE, REQ(ALICE, .method = "ACK", .to_tag = "b1"));
	world_turn(w);
	says(&f, false, "200 OK");
	phone_has(w, ALICE, "SIP/2.0 200");
	world_free(w);
}

static void every_2xx_of_a_fork_is_forwarded_and_repeated(void **state)
{
	struct fork f;
	struct tm_world *w = fork_new(&f);

	(void)state;
	says(&f, true, "200 OK");
	phone_has(w, ALICE, "SIP/2.0 200");
	assert_has(ALICE->got, ";tag=b1");
	says(&f, false, "200 OK");
	phone_has(w, ALICE, "SIP/2.0 200");
	assert_has(ALICE->got, ";tag=c1");
	says(&f, true, "200 OK");
	phone_has(w, ALICE, "SIP/2.0 200");
	assert_has(ALICE->got, ";tag=b1");
	says(&f, false, "200 OK");
	phone_has(w, ALICE, "SIP/2.0 200");
	assert_has(ALICE->got, ";tag=c1");
	world_free(w);
}

static void provisional_replies_of_all_branches_are_forwarded_but_100(void **state)
{
	struct fork f;
	struct tm_world *w = fork_new(&f);

	(void)state;
	says(&f, true, "100 Trying");
	says(&f, false, "100 Trying");
	assert_false(phone_take(ALICE));
	says(&f, true, "180 Ringing");
	phone_has(w, ALICE, "SIP/2.0 180");
	assert_has(ALICE->got, ";tag=b1");
	says(&f, false, "183 Session Progress");
	phone_has(w, ALICE, "SIP/2.0 183");
	assert_has(ALICE->got, ";tag=c1");
	says(&f, true, "199 Early Dialog Terminated");
	phone_has(w, ALICE, "SIP/2.0 199");
	world_free(w);
}

static void provisional_replies_after_the_final_one_end_here(void **state)
{
	struct fork f;
	struct tm_world *w = fork_new(&f);

	(void)state;
	says(&f, true, "200 OK");
	phone_has(w, ALICE, "SIP/2.0 200");
	says(&f, false, "180 Ringing");
	world_turn(w);
	assert_false(phone_take(ALICE));
	/* it was told to stop as soon as that was allowed */
	phone_has(w, CAROL, "CANCEL ");
	world_free(w);
}

static void challenges_are_joined_whoever_asks_and_however(void **state)
{
	struct fork f;
	struct tm_world *w = fork_new(&f);

	(void)state;
	phone_send(w, BOB,
		reply_text(f.to_bob, "407 Proxy Authentication Required", "b1",
			"Proxy-Authenticate: Digest realm=\"p1\", nonce=\"1\"\r\n"
			"Proxy-Authenticate: Digest realm=\"p2\", nonce=\"2\"\r\n"));
	phone_send(w, CAROL,
		reply_text(f.to_carol, "401 Unauthorized", "c1",
			"WWW-Authenticate: Digest realm=\"w1\", nonce=\"3\"\r\n"));
	world_turn(w);
	phone_has(w, ALICE, "SIP/2.0 401");
	assert_has(ALICE->got, "WWW-Authenticate: Digest realm=\"w1\", nonce=\"3\"\r\n");
	assert_has(
		ALICE->got, "Proxy-Authenticate: Digest realm=\"p1\", nonce=\"1\"\r\n");
	assert_has(
		ALICE->got, "Proxy-Authenticate: Digest realm=\"p2\", nonce=\"2\"\r\n");
	world_free(w);
}

static void a_server_that_cannot_be_reached_is_like_one_that_says_503(void **state)
{
	struct tm_world *w = world_new();

	(void)state;
	phone_new(w);
	phone_new(w);
	phone_new(w);
	BOB->tcp = true; /* over which there is nobody at this port */
	w->script = script_fork;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_has(w, CAROL, "INVITE ");
	phone_send(w, CAROL, reply_text(CAROL->got, "504 Server Time-out", "c1", NULL));
	world_pass(w, 100);
	phone_has(w, ALICE, "SIP/2.0 504");
	world_free(w);
}

static void a_phones_answer_stands_before_the_silence_of_another(void **state)
{
	struct fork f;
	struct tm_world *w = fork_new(&f);

	(void)state;
	says(&f, true, "486 Busy Here");
	world_pass(w, 30100);
	expect_final(w, 486);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_better_of_two_refusals),
		cmocka_unit_test(a_phones_answer_stands_before_the_silence_of_another),
		cmocka_unit_test(a_6xx_cancels_the_others_and_waits_for_them),
		cmocka_unit_test(a_2xx_that_crosses_the_cancel_after_a_6xx_still_wins),
		cmocka_unit_test(a_2xx_is_forwarded_although_a_final_reply_has_been),
		cmocka_unit_test(every_2xx_of_a_fork_is_forwarded_and_repeated),
		cmocka_unit_test(
			provisional_replies_of_all_branches_are_forwarded_but_100),
		cmocka_unit_test(provisional_replies_after_the_final_one_end_here),
		cmocka_unit_test(challenges_are_joined_whoever_asks_and_however),
		cmocka_unit_test(
			a_server_that_cannot_be_reached_is_like_one_that_says_503),
	};
	return cmocka_run_group_tests_name("tm_best", tests, NULL, NULL);
}
