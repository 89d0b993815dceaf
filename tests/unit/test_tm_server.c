/* Matching, replies made here, limits: RFC 3261 sections 8.2.7, 17.2.3, 18.2.2; RFC 3581. */
#include "tests/unit/tm_test.h"

static void script_404(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(tm_reply_stateless(
				 w->tm, msg, 404, SLICE("Not Found"), (struct slice){0}),
		1);
}

static void tag_of(const char *text, char out[64])
{
	const char *to = strstr(text, "\r\nTo:");
	const char *tag = to != NULL ? strstr(to, ";tag=") : NULL;

	assert_non_null(tag);
	tag += 5;
	snprintf(out, 64, "%.*s", (int)strcspn(tag, ";\r"), tag);
}

static void stateless_replies_to_repeats_are_equal_and_their_ack_is_absorbed(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);
	char first[8192], tag[64];

	(void)state;
	w->script = script_404;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 404 Not Found");
	snprintf(first, sizeof(first), "%s", alice->got);
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 404 Not Found");
	assert_string_equal(alice->got, first);
	assert_int_equal(w->requests, 2);
	tag_of(first, tag);
	phone_send(w, alice, REQ(alice, .method = "ACK", .to_tag = tag));
	WORLD_UNTIL(w, world_counter(w, TM_C_ACK_ABSORBED) == 1);
	/* with a tag of somebody else's making the script sees it */
	tag[5] = tag[5] == '0' ? '1' : '0';
	w->script = NULL;
	phone_send(w, alice, REQ(alice, .method = "ACK", .to_tag = tag));
	WORLD_UNTIL(w, w->requests == 3);
	assert_int_equal(world_counter(w, TM_C_SERVER), 0);
	world_free(w);
}

static void script_reply(struct tm_world *w, struct ph_msg *msg)
{
	assert_int_equal(tm_reply_body(w->tm, msg, 200, SLICE("Fine"),
				 SLICE("Content-Type: text/plain\r\n"), SLICE("hello")),
		1);
	assert_true(msg->replied);
	assert_int_equal(tm_reply_code(msg), 200);
}

static void reply_with_a_body_is_complete(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);

	(void)state;
	w->script = script_reply;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, alice, "SIP/2.0 200 Fine");
	assert_has(alice->got, "Content-Type: text/plain\r\n");
	assert_has(alice->got, "Content-Length: 5\r\n");
	assert_has(alice->got, "\r\n\r\nhello");
	world_free(w);
}

static void client_of_rfc_2543_is_matched_without_the_cookie(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, .branch = "1"));
	phone_expect(w, bob, "INVITE ");
	phone_await(w, alice, "SIP/2.0 100");
	phone_send(w, alice, REQ(alice, .branch = "1"));
	phone_expect(w, alice, "SIP/2.0 100");
	assert_int_equal(w->requests, 1);
	/* another call with the same branch is another transaction */
	phone_send(w, alice, REQ(alice, .branch = "1", .call = "call-2@test"));
	WORLD_UNTIL(w, w->requests == 2);
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 486");
	phone_send(w, alice,
		REQ(alice, .method = "ACK", .branch = "1", .call = "call-2@test",
			.to_tag = "b1"));
	WORLD_UNTIL(w, world_counter(w, TM_C_ACK_ABSORBED) == 1);
	assert_int_equal(w->requests, 2);
	world_free(w);
}

static void same_branch_from_another_sender_is_another_transaction(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	phone_new(w);
	w->script = script_404;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, alice, "SIP/2.0 404");
	/* the sent-by port differs */
	phone_send(w, bob, REQ(bob, .method = "MESSAGE"));
	phone_expect(w, bob, "SIP/2.0 404");
	assert_int_equal(w->requests, 2);
	world_free(w);
}

static void without_rport_the_reply_goes_to_the_port_in_via(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *listening = phone_new(w);
	char text[4096], *rport;

	(void)state;
	w->script = script_404;
	/* alice sends from one port and listens on another, as Via says */
	snprintf(text, sizeof(text), "%s", REQ(listening, .method = "MESSAGE"));
	rport = strstr(text, ";rport");
	memmove(rport, rport + 6, strlen(rport + 6) + 1);
	phone_send(w, alice, text);
	phone_expect(w, listening, "SIP/2.0 404");
	phone_quiet(w, alice);
	/* with it, to where the packet came from */
	phone_send(w, alice, REQ(listening, .method = "MESSAGE", .branch = "z9hG4bKr"));
	phone_expect(w, alice, "SIP/2.0 404");
	assert_has(alice->got, "rport=");
	phone_quiet(w, listening);
	world_free(w);
}

/* Section 7.3.1: a list in one field is the same as several fields, "v" the same as "Via". */
static void vias_in_one_field_and_in_compact_form_are_kept_apart(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	static const char second[] = ",SIP/2.0/UDP p2.example.org:5080;branch=z9hG4bK2";
	char text[4096], *via;

	(void)state;
	w->script = script_relay;
	snprintf(text, sizeof(text), "%s",
		REQ(alice, .method = "MESSAGE",
			.extra = "v: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK3 , SIP / 2.0 / UDP 192.0.2.3:5070;branch=z9hG4bK4\r\n"));
	/* alice's own, with one more behind it in the same field */
	via = strstr(text, ";rport\r\n");
	memmove(via + 6 + strlen(second), via + 6, strlen(via + 6) + 1);
	memcpy(via + 6, second, strlen(second));
	via = strstr(text, "Via: ");
	memmove(via + 1, via + 3, strlen(via + 3) + 1);
	*via = 'V';
	phone_send(w, alice, text);
	phone_expect(w, bob, "MESSAGE ");
	/* what bob sends back is what he got */
	via = strstr(bob->got, "V: ");
	assert_non_null(via);
	assert_has(bob->got, "rport=");
	assert_has(via, "p2.example.org:5080;branch=z9hG4bK2");
	snprintf(text, sizeof(text), "SIP/2.0 200 OK\r\n%s", strstr(bob->got, "\r\n") + 2);
	phone_send(w, bob, text);
	phone_expect(w, alice, "SIP/2.0 200 OK\r\nV: SIP/2.0/UDP 127.0.0.1:");
	assert_has(alice->got, "branch=z9hG4bKalice1");
	assert_has(alice->got, "p2.example.org:5080;branch=z9hG4bK2");
	assert_has(alice->got, "v: SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK3 , SIP / 2.0 / UDP 192.0.2.3:5070;branch=z9hG4bK4\r\n");
	assert_has_not(alice->got, "z9hG4bKph");
	world_free(w);
}

static void maddr_in_via_is_not_followed(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *victim = phone_new(w);
	char text[4096], maddr[64], *at;

	(void)state;
	w->script = script_404;
	snprintf(text, sizeof(text), "%s", REQ(victim, .method = "MESSAGE"));
	snprintf(maddr, sizeof(maddr), ";maddr=127.0.0.2;ttl=1");
	at = strstr(text, ";rport");
	memmove(at + strlen(maddr), at + 6, strlen(at + 6) + 1);
	memcpy(at, maddr, strlen(maddr));
	phone_send(w, alice, text);
	/* to the sender's address, at the port in Via */
	phone_expect(w, victim, "SIP/2.0 404");
	assert_has(victim->got, ";maddr=127.0.0.2;ttl=1");
	phone_quiet(w, alice);
	world_free(w);
}

static void script_relay_and_check(struct tm_world *w, struct ph_msg *msg)
{
	if (msg->sip.method == SIP_ACK) {
		w->relay_code = tm_check(w->tm, msg);
		return;
	}
	assert_int_equal(tm_check(w->tm, msg), -1);
	relay_to_phones(w, msg, 1);
	assert_int_equal(tm_check(w->tm, msg), 1);
}

static void ack_to_a_known_200_is_recognised(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	w->script = script_relay_and_check;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 200");
	w->relay_code = 0;
	phone_send(w, alice,
		REQ(alice, .method = "ACK", .branch = "z9hG4bKack", .to_tag = "b1"));
	WORLD_UNTIL(w, w->relay_code == 1);
	phone_send(w, alice,
		REQ(alice, .method = "ACK", .branch = "z9hG4bKac2", .to_tag = "b1",
			.cseq = 7));
	WORLD_UNTIL(w, w->relay_code == -1);
	world_free(w);
}

static void full_table_refuses_new_transactions_with_503(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	w->conf.max_transactions = 1;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_send(w, alice, REQ(alice, .call = "call-2@test", .branch = "z9hG4bK2"));
	phone_expect(w, alice, "SIP/2.0 503");
	assert_has(alice->got, "Retry-After: 5\r\n");
	assert_int_equal(w->relay_code, TM_E_INTERNAL);
	assert_int_equal(world_counter(w, TM_C_FULL), 1);
	phone_quiet(w, bob);
	/* but the call that is there can be cancelled */
	phone_send(w, bob, reply_text(bob->got, "180 Ringing", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 180");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_expect(w, bob, "CANCEL ");
	world_free(w);
}

static void draining_lets_calls_in_flight_finish(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);

	(void)state;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	tm_drain(w->tm);
	phone_send(w, alice, REQ(alice, .call = "call-2@test", .branch = "z9hG4bK2"));
	phone_expect(w, alice, "SIP/2.0 503");
	assert_int_equal(tm_busy(w->tm), 1);
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void message_that_does_not_parse_gets_its_400(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);
	char text[4096], *cseq;

	(void)state;
	snprintf(text, sizeof(text), "%s", REQ(alice, .method = "MESSAGE"));
	cseq = strstr(text, "CSeq: 1 MESSAGE");
	memcpy(cseq, "CSeq: 1 INVITE ", 15);
	phone_send(w, alice, text);
	phone_expect(w, alice, "SIP/2.0 400");
	world_free(w);
}

static void script_reply_and_hold(struct tm_world *w, struct ph_msg *msg)
{
	script_reply(w, msg);
	world_hold(w, msg);
}

static void absorbed_register_keeps_only_its_reply(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);

	(void)state;
	w->script = script_reply_and_hold;
	phone_send(w, alice, REQ(alice, .method = "REGISTER"));
	phone_expect(w, alice, "SIP/2.0 200");
	/* the test alone still has the message */
	assert_int_equal(w->held[0]->refs, 1);
	assert_null(tm_request_of(w->held[0]));
	assert_int_equal(world_counter(w, TM_C_ACTIVE), 1);
	assert_int_equal(tm_busy(w->tm), 0);
	phone_send(w, alice, REQ(alice, .method = "REGISTER"));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(w->requests, 1);
	world_free(w);
}

static void script_relay_and_hold(struct tm_world *w, struct ph_msg *msg)
{
	script_relay(w, msg);
	world_hold(w, msg);
}

static void accepted_call_gives_its_memory_back_and_still_forwards_200s(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];

	(void)state;
	w->conf.t4 = 50;
	w->script = script_relay_and_hold;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, bob, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", bob->got);
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 200");
	assert_non_null(tm_request_of(w->held[0]));
	WORLD_UNTIL(w, tm_request_of(w->held[0]) == NULL);
	assert_int_equal(w->held[0]->refs, 1);
	phone_send(w, bob, reply_text(invite, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_send(w, bob, reply_text(invite, "200 OK", "b2", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_has(alice->got, "tag=b2");
	world_free(w);
}

/* One request of a call, and bob's reply to it. */
static void one_exchange(struct tm_world *w, struct req r, const char *status)
{
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	assert_non_null(call_of(w->calls, slice_str(r.call), true));
	phone_send(w, alice, req_text(alice, r));
	phone_await(w, bob, r.method);
	phone_send(w, bob, reply_text(bob->got, status, "b1", NULL));
	phone_await(w, alice, "SIP/2.0 ");
	while (strncmp(alice->got + 8, status, 3) != 0)
		phone_await(w, alice, "SIP/2.0 ");
}

static void record_of_a_call_lingers_after_bye_and_refusal_only(void **state)
{
	struct tm_world *w = world_new();

	(void)state;
	phone_new(w);
	phone_new(w);
	tm_destroy(&w->tm);
	calls_destroy(&w->calls);
	assert_int_equal(calls_new(&w->calls, w->loop, 300, 100), 0);
	world_tm(w);
	w->script = script_relay;
	one_exchange(w,
		(struct req){.method = "BYE", .call = "bye", .branch = "z9hG4bK1"},
		"200 OK");
	one_exchange(w,
		(struct req){.method = "INVITE", .call = "busy", .branch = "z9hG4bK2"},
		"486 Busy");
	one_exchange(w,
		(struct req){.method = "INVITE", .call = "who", .branch = "z9hG4bK3"},
		"401 Who");
	one_exchange(w,
		(struct req){.method = "INVITE", .call = "yes", .branch = "z9hG4bK4"},
		"200 OK");
	one_exchange(w,
		(struct req){.method = "INVITE",
			.call = "again",
			.branch = "z9hG4bK5",
			.to_tag = "x"},
		"488 No");
	assert_int_equal(calls_count(w->calls), 5);
	/* those that are not over go when they are not used */
	WORLD_UNTIL(w, calls_count(w->calls) == 2);
	assert_non_null(call_of(w->calls, SLICE("bye"), false));
	assert_non_null(call_of(w->calls, SLICE("busy"), false));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			stateless_replies_to_repeats_are_equal_and_their_ack_is_absorbed),
		cmocka_unit_test(reply_with_a_body_is_complete),
		cmocka_unit_test(client_of_rfc_2543_is_matched_without_the_cookie),
		cmocka_unit_test(same_branch_from_another_sender_is_another_transaction),
		cmocka_unit_test(without_rport_the_reply_goes_to_the_port_in_via),
		cmocka_unit_test(vias_in_one_field_and_in_compact_form_are_kept_apart),
		cmocka_unit_test(maddr_in_via_is_not_followed),
		cmocka_unit_test(ack_to_a_known_200_is_recognised),
		cmocka_unit_test(full_table_refuses_new_transactions_with_503),
		cmocka_unit_test(draining_lets_calls_in_flight_finish),
		cmocka_unit_test(message_that_does_not_parse_gets_its_400),
		cmocka_unit_test(absorbed_register_keeps_only_its_reply),
		cmocka_unit_test(
			accepted_call_gives_its_memory_back_and_still_forwards_200s),
		cmocka_unit_test(record_of_a_call_lingers_after_bye_and_refusal_only),
	};
	return cmocka_run_group_tests_name("tm_server", tests, NULL, NULL);
}
