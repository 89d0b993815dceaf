/* Requests and replies through the proxy: RFC 3261 sections 16 and 17. */
#include "core/tm/record_route.h"
#include "tests/unit/tm_test.h"

static void options_and_its_reply_pass_with_our_via_added_and_taken(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	w->script = script_relay;
	phone_send(
		w, alice, REQ(alice, .method = "OPTIONS", .ruri = "sip:bob@example.org"));
	phone_expect(w, bob,
		"OPTIONS sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:");
	assert_int_equal(w->relay_code, TM_RELAYED);
	assert_has(bob->got, ";branch=z9hG4bKph");
	assert_has(bob->got, "branch=z9hG4bKalice1");
	assert_has(bob->got, "rport=");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", "X-From: bob\r\n"));
	phone_expect(w, alice, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:");
	assert_has(alice->got, "branch=z9hG4bKalice1");
	assert_has(alice->got, "X-From: bob");
	assert_has_not(alice->got, "z9hG4bKph");
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void retransmitted_request_is_answered_from_memory(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, .method = "REGISTER"));
	phone_expect(w, bob, "REGISTER ");
	phone_send(w, alice, REQ(alice, .method = "REGISTER"));
	phone_quiet(w, alice);
	phone_quiet(w, bob);
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_send(w, alice, REQ(alice, .method = "REGISTER"));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_quiet(w, bob);
	assert_int_equal(w->requests, 1);
	assert_int_equal(world_counter(w, TM_C_RETRANS_IN), 2);
	world_free(w);
}

static void invite_gets_100_then_ringing_then_200_and_ack_passes_without_state(
	void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];

	(void)state;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100 ");
	assert_has_not(alice->got, ";tag=ph");
	phone_expect(w, bob, "INVITE sip:bob@example.org SIP/2.0");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	phone_send(w, bob, reply_text(invite, "100 Trying", NULL, NULL));
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 180");
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(tm_busy(w->tm), 0);
	phone_send(w, alice,
		REQ(alice, .method = "ACK", .branch = "z9hG4bKack", .to_tag = "b1"));
	phone_expect(w, bob, "ACK ");
	assert_int_equal(w->requests, 2);
	phone_quiet(w, alice);
	world_free(w);
}

static void repeated_invite_gets_the_last_provisional_reply(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_send(w, bob, reply_text(bob->got, "183 Session Progress", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 183");
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 183");
	phone_quiet(w, bob);
	world_free(w);
}

static void busy_is_acknowledged_to_the_callee_and_the_caller_s_ack_is_absorbed(
	void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];

	(void)state;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	phone_send(w, bob, reply_text(invite, "486 Busy Here", "b1", NULL));
	phone_expect(w, bob, "ACK sip:bob@example.org SIP/2.0");
	assert_has(bob->got, ";tag=b1");
	phone_expect(w, alice, "SIP/2.0 486");
	phone_send(w, alice, REQ(alice, .method = "ACK", .to_tag = "b1"));
	WORLD_UNTIL(w, world_counter(w, TM_C_ACK_ABSORBED) == 1);
	/* bob's 486 once more, as if our ACK was lost */
	phone_send(w, bob, reply_text(invite, "486 Busy Here", "b1", NULL));
	phone_expect(w, bob, "ACK ");
	phone_quiet(w, alice);
	assert_int_equal(w->requests, 1);
	assert_int_equal(world_counter(w, TM_C_RETRANS_REPLY_IN), 1);
	world_free(w);
}

static void mark_reply(struct tm_world *w, struct ph_msg *reply)
{
	struct slice line = SLICE("X-Edited: yes\r\n");

	(void)w;
	assert_int_equal(sip_hdr_add_text(&reply->sip, SIP_AFTER, NULL, line), 0);
}

static void repeated_200_goes_to_the_caller_again_with_the_edits_of_its_block(
	void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];

	(void)state;
	w->script = script_relay;
	w->edit_reply = mark_reply;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "X-Edited: yes");
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "X-Edited: yes");
	assert_int_equal(w->replies, 1);
	/* another phone behind a proxy downstream answers too */
	phone_send(w, bob, reply_text(invite, "200 OK", "b2", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "tag=b2");
	assert_int_equal(w->replies, 2);
	/* and the caller's INVITE, late, gets nothing old */
	phone_send(w, alice, REQ(alice, ));
	phone_quiet(w, alice);
	phone_quiet(w, bob);
	world_free(w);
}

static void both_phones_ring_one_answers_and_the_other_is_cancelled(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);
	char to_bob[8192], to_carol[8192];

	(void)state;
	w->script = script_fork;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE sip:bob@example.org SIP/2.0");
	phone_expect(w, carol, "INVITE sip:127.0.0.1:");
	snprintf(to_bob, sizeof(to_bob), "%s", bob->got);
	snprintf(to_carol, sizeof(to_carol), "%s", carol->got);
	phone_send(w, bob, reply_text(to_bob, "180 Ringing", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 180");
	phone_send(w, carol, reply_text(to_carol, "180 Ringing", "c1", NULL));
	phone_expect(w, alice, "SIP/2.0 180");
	phone_send(w, bob, reply_text(to_bob, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_expect(w, carol, "CANCEL sip:127.0.0.1:");
	assert_has(carol->got, "Reason: SIP;cause=200");
	phone_send(w, carol, reply_text(carol->got, "200 OK", "c1", NULL));
	phone_send(w, carol, reply_text(to_carol, "487 Request Terminated", "c1", NULL));
	phone_expect(w, carol, "ACK ");
	phone_quiet(w, alice);
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void both_answer_at_once_and_both_200s_reach_the_caller(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);

	(void)state;
	w->script = script_fork;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	phone_expect(w, carol, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 200");
	phone_send(w, carol, reply_text(carol->got, "200 OK", "c1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "tag=c1");
	phone_quiet(w, carol);
	world_free(w);
}

static void branch_without_provisional_is_cancelled_when_one_comes(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);
	char to_carol[8192];

	(void)state;
	w->script = script_fork;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	phone_expect(w, carol, "INVITE ");
	snprintf(to_carol, sizeof(to_carol), "%s", carol->got);
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 200");
	phone_quiet(w, carol);
	phone_send(w, carol, reply_text(to_carol, "180 Ringing", "c1", NULL));
	phone_expect(w, carol, "CANCEL ");
	phone_quiet(w, alice);
	world_free(w);
}

static void best_of_two_refusals_goes_upstream_when_both_are_in(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);

	(void)state;
	w->script = script_fork;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_expect(w, carol, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "500 Server Error", "b1", NULL));
	phone_expect(w, bob, "ACK ");
	phone_quiet(w, alice);
	phone_send(w, carol, reply_text(carol->got, "486 Busy Here", "c1", NULL));
	phone_expect(w, carol, "ACK ");
	phone_expect(w, alice, "SIP/2.0 486");
	world_free(w);
}

static void six_hundred_cancels_the_others_and_wins(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);
	char to_carol[8192];

	(void)state;
	w->script = script_fork;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	phone_expect(w, carol, "INVITE ");
	snprintf(to_carol, sizeof(to_carol), "%s", carol->got);
	phone_send(w, carol, reply_text(to_carol, "180 Ringing", "c1", NULL));
	phone_await(w, alice, "SIP/2.0 180");
	phone_send(w, bob, reply_text(bob->got, "603 Decline", "b1", NULL));
	phone_expect(w, carol, "CANCEL ");
	phone_quiet(w, alice);
	phone_send(w, carol, reply_text(to_carol, "487 Request Terminated", "c1", NULL));
	phone_expect(w, alice, "SIP/2.0 603");
	world_free(w);
}

static void challenges_of_all_branches_are_joined(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);

	(void)state;
	w->script = script_fork;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	phone_expect(w, carol, "INVITE ");
	phone_send(w, bob,
		reply_text(bob->got, "401 Unauthorized", "b1",
			"WWW-Authenticate: Digest realm=\"b\"\r\n"));
	phone_send(w, carol,
		reply_text(carol->got, "407 Proxy Authentication Required", "c1",
			"Proxy-Authenticate: Digest realm=\"c\"\r\n"));
	phone_await(w, alice, "SIP/2.0 401");
	assert_has(alice->got, "realm=\"b\"");
	assert_has(alice->got, "realm=\"c\"");
	world_free(w);
}

static void overloaded_server_s_503_does_not_keep_the_caller_away_from_us(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, bob, "MESSAGE ");
	phone_send(w, bob,
		reply_text(bob->got, "503 Overloaded", "b1", "Retry-After: 60\r\n"));
	phone_expect(w, alice, "SIP/2.0 500");
	assert_has_not(alice->got, "Retry-After");
	world_free(w);
}

static void first_answer_to_a_forked_non_invite_wins(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new(w);

	(void)state;
	w->script = script_fork;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, bob, "MESSAGE ");
	phone_expect(w, carol, "MESSAGE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_send(w, carol, reply_text(carol->got, "200 OK", "c1", NULL));
	phone_quiet(w, alice);
	phone_quiet(w, carol);
	world_free(w);
}

static void missing_max_forwards_is_added(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char text[4096], *at;

	(void)state;
	w->script = script_relay;
	snprintf(text, sizeof(text), "%s", REQ(alice, .method = "OPTIONS"));
	at = strstr(text, "Max-Forwards: 70\r\n");
	memmove(at, at + 18, strlen(at + 18) + 1);
	phone_send(w, alice, text);
	phone_expect(w, bob, "OPTIONS ");
	assert_has(bob->got, "Max-Forwards: 70\r\n");
	world_free(w);
}

static void script_path(struct tm_world *w, struct ph_msg *msg)
{
	msg->path = arena_printf(msg->arena, "<sip:127.0.0.1:%u;lr>", w->phones[1].port);
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static void path_becomes_the_first_route_and_the_next_hop(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	const char *first, *second;

	(void)state;
	w->script = script_path;
	phone_send(w, alice,
		REQ(alice, .method = "MESSAGE",
			.extra = "Route: <sip:192.0.2.9;lr>\r\n"));
	phone_expect(w, bob, "MESSAGE sip:bob@example.org SIP/2.0");
	first = strstr(bob->got, "Route: <sip:127.0.0.1:");
	second = strstr(bob->got, "Route: <sip:192.0.2.9;lr>");
	assert_non_null(first);
	assert_non_null(second);
	assert_true(first < second);
	world_free(w);
}

static void script_as_it_stands(struct tm_world *w, struct ph_msg *msg)
{
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static void without_du_the_topmost_route_is_the_next_hop(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char route[80];

	(void)state;
	w->script = script_as_it_stands;
	snprintf(route, sizeof(route), "Route: <sip:127.0.0.1:%u;lr>\r\n", bob->port);
	phone_send(w, alice,
		REQ(alice, .method = "BYE", .ruri = "sip:bob@192.0.2.7", .extra = route));
	phone_expect(w, bob, "BYE sip:bob@192.0.2.7 SIP/2.0");
	world_free(w);
}

static void unresolvable_next_hop_is_reported_and_answered(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);

	(void)state;
	w->script = script_as_it_stands;
	phone_send(w, alice,
		REQ(alice, .method = "MESSAGE", .ruri = "sip:bob@no-such-host.invalid"));
	phone_expect(w, alice, "SIP/2.0 478");
	assert_int_equal(w->relay_code, TM_E_UNRESOLVED);
	phone_send(w, alice,
		REQ(alice, .method = "MESSAGE", .ruri = "tel:+1234",
			.branch = "z9hG4bKtel"));
	phone_expect(w, alice, "SIP/2.0 400");
	assert_int_equal(w->relay_code, TM_E_BAD_MESSAGE);
	world_free(w);
}

static void script_quiet_error(struct tm_world *w, struct ph_msg *msg)
{
	w->relay_code = tm_relay(w->tm, msg, NULL, TM_F_NO_ERROR_REPLY);
	assert_int_equal(msg->last_error, 478);
}

static void error_reply_is_left_to_a_script_that_asks_for_it(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);

	(void)state;
	w->script = script_quiet_error;
	phone_send(w, alice,
		REQ(alice, .method = "MESSAGE", .ruri = "sip:bob@no-such-host.invalid"));
	phone_quiet(w, alice);
	assert_int_equal(w->relay_code, TM_E_UNRESOLVED);
	world_free(w);
}

static void script_fork_recorded(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(rr_add(msg, msg->sock, SLICE(";ftag=a1")), 0);
	relay_to_phones(w, msg, 2);
}

static void each_branch_has_the_record_routes_that_fit_its_transport(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w), *carol = phone_new_tcp(w);
	char one[128], two[256];

	(void)state;
	w->script = script_fork_recorded;
	snprintf(one, sizeof(one), "Record-Route: <sip:127.0.0.1:%u;lr;ftag=a1>\r\n", w->port);
	snprintf(two, sizeof(two),
		"Record-Route: <sip:127.0.0.1:%u;transport=tcp;r2=on;lr;ftag=a1>\r\n"
		"Record-Route: <sip:127.0.0.1:%u;r2=on;lr;ftag=a1>\r\n",
		w->port, w->port);
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	assert_has(bob->got, one);
	assert_has_not(bob->got, "r2=on");
	phone_expect(w, carol, "INVITE ");
	assert_has(carol->got, two);
	world_free(w);
}

static void reply_that_is_not_ours_goes_nowhere(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char reply[8192], *at;

	(void)state;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, .method = "OPTIONS"));
	phone_expect(w, bob, "OPTIONS ");
	snprintf(reply, sizeof(reply), "%s", reply_text(bob->got, "200 OK", "b1", NULL));
	at = strstr(reply, "z9hG4bKph");
	/* a slot that exists, but the hash is wrong */
	at[40] = at[40] == '0' ? '1' : '0';
	phone_send(w, bob, reply);
	phone_quiet(w, alice);
	assert_int_equal(world_counter(w, TM_C_REPLIES_STRAY), 1);
	/* the top Via is somebody else's */
	phone_send(w, bob,
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n"
		"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: call-1@test\r\n"
		"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
	phone_quiet(w, alice);
	assert_int_equal(world_counter(w, TM_C_REPLIES_STRAY), 2);
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	world_free(w);
}

static void script_forward(struct tm_world *w, struct ph_msg *msg)
{
	msg->du = phone_uri(msg, &w->phones[1]);
	w->relay_code = tm_forward(w->tm, msg, NULL);
}

static void forwarding_without_state_brings_the_reply_back_and_keeps_nothing(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char first[8192];

	(void)state;
	w->script = script_forward;
	phone_send(w, alice, REQ(alice, .method = "OPTIONS"));
	phone_expect(w, bob, "OPTIONS ");
	snprintf(first, sizeof(first), "%s", bob->got);
	/* a retransmission leaves with the same branch */
	phone_send(w, alice, REQ(alice, .method = "OPTIONS"));
	phone_expect(w, bob, "OPTIONS ");
	assert_string_equal(bob->got, first);
	phone_send(w, bob, reply_text(first, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(world_counter(w, TM_C_SERVER), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_its_reply_pass_with_our_via_added_and_taken),
		cmocka_unit_test(retransmitted_request_is_answered_from_memory),
		cmocka_unit_test(
			invite_gets_100_then_ringing_then_200_and_ack_passes_without_state),
		cmocka_unit_test(repeated_invite_gets_the_last_provisional_reply),
		cmocka_unit_test(
			busy_is_acknowledged_to_the_callee_and_the_caller_s_ack_is_absorbed),
		cmocka_unit_test(
			repeated_200_goes_to_the_caller_again_with_the_edits_of_its_block),
		cmocka_unit_test(both_phones_ring_one_answers_and_the_other_is_cancelled),
		cmocka_unit_test(both_answer_at_once_and_both_200s_reach_the_caller),
		cmocka_unit_test(branch_without_provisional_is_cancelled_when_one_comes),
		cmocka_unit_test(best_of_two_refusals_goes_upstream_when_both_are_in),
		cmocka_unit_test(six_hundred_cancels_the_others_and_wins),
		cmocka_unit_test(challenges_of_all_branches_are_joined),
		cmocka_unit_test(
			overloaded_server_s_503_does_not_keep_the_caller_away_from_us),
		cmocka_unit_test(first_answer_to_a_forked_non_invite_wins),
		cmocka_unit_test(missing_max_forwards_is_added),
		cmocka_unit_test(path_becomes_the_first_route_and_the_next_hop),
		cmocka_unit_test(without_du_the_topmost_route_is_the_next_hop),
		cmocka_unit_test(unresolvable_next_hop_is_reported_and_answered),
		cmocka_unit_test(error_reply_is_left_to_a_script_that_asks_for_it),
		cmocka_unit_test(
			each_branch_has_the_record_routes_that_fit_its_transport),
		cmocka_unit_test(reply_that_is_not_ours_goes_nowhere),
		cmocka_unit_test(
			forwarding_without_state_brings_the_reply_back_and_keeps_nothing),
	};
	return cmocka_run_group_tests_name("tm_proxy", tests, NULL, NULL);
}
