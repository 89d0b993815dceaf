/* Transactions over TCP: no retransmissions, replies on their connection, failures that come back. */
#include "tests/unit/tm_test.h"

static void reply_goes_back_on_the_connection_it_came_by(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new_tcp(w), *bob = phone_new(w);

	(void)state;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP ");
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 486");
	phone_send(w, alice, REQ(alice, .method = "ACK", .to_tag = "b1"));
	/* timer I is zero: nothing to absorb any more but bob's repeats */
	WORLD_UNTIL(w, world_counter(w, TM_C_ACK_ABSORBED) == 1);
	world_free(w);
}

static void script_to_tcp(struct tm_world *w, struct ph_msg *msg)
{
	msg->du = phone_uri(msg, &w->phones[1]);
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static void request_uses_the_phone_s_open_connection_and_is_not_repeated(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new_tcp(w);

	(void)state;
	w->conf.t1 = 20;
	/* what opens the connection on our side */
	w->script = NULL;
	phone_send(w, bob,
		REQ(bob, .method = "OPTIONS", .branch = "z9hG4bKo", .call = "o@test"));
	WORLD_UNTIL(w, w->requests == 1);
	w->script = script_to_tcp;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, bob, "MESSAGE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/TCP ");
	phone_quiet(w, bob);
	phone_quiet(w, bob);
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	world_free(w);
}

static void script_to_closed(struct tm_world *w, struct ph_msg *msg)
{
	/* nobody listens there */
	msg->du = arena_printf(msg->arena, "sip:127.0.0.1:%u;transport=tcp", free_port());
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static void script_forward_to_bob(struct tm_world *w, struct ph_msg *msg)
{
	msg->du = phone_uri(msg, &w->phones[1]);
	assert_int_equal(tm_forward(w->tm, msg, NULL), TM_RELAYED);
}

static void reply_without_state_finds_the_connection_that_the_request_came_by(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new_tcp(w), *bob = phone_new(w);
	char text[4096], *rport;

	(void)state;
	w->script = script_forward_to_bob;
	/* alice does not ask for rport */
	snprintf(text, sizeof(text), "%s", REQ(alice, .method = "MESSAGE"));
	rport = strstr(text, ";rport");
	memmove(rport, rport + 6, strlen(rport + 6) + 1);
	/* and writes a port at which nobody listens */
	phone_send(w, alice, text);
	phone_expect(w, bob, "MESSAGE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(world_counter(w, TM_C_SERVER), 0);
	world_free(w);
}

static void refused_connection_ends_in_500_at_once(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w);

	(void)state;
	w->script = script_to_closed;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, alice, "SIP/2.0 500");
	phone_send(w, alice, REQ(alice, .branch = "z9hG4bKi", .call = "call-2@test"));
	phone_await(w, alice, "SIP/2.0 500");
	world_free(w);
}

static void non_invite_over_tcp_is_forgotten_with_its_reply(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new_tcp(w), *bob = phone_new(w);

	(void)state;
	w->conf.t4 = 20;
	w->script = script_relay;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, bob, "MESSAGE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	/* timer J is zero; only bob's side has its timer K */
	WORLD_UNTIL(w, world_counter(w, TM_C_ACTIVE) == 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply_goes_back_on_the_connection_it_came_by),
		cmocka_unit_test(
			request_uses_the_phone_s_open_connection_and_is_not_repeated),
		cmocka_unit_test(
			reply_without_state_finds_the_connection_that_the_request_came_by),
		cmocka_unit_test(refused_connection_ends_in_500_at_once),
		cmocka_unit_test(non_invite_over_tcp_is_forgotten_with_its_reply),
	};
	return cmocka_run_group_tests_name("tm_tcp", tests, NULL, NULL);
}
