/* Requests made here, INVITEs ended here, and what passing messages tell: RFC 3261 sections 8.1 and 17.1. */
#include "tests/unit/tm_test.h"

static const char bye[] = "BYE sip:bob@127.0.0.1 SIP/2.0\r\n"
			  "From: <sip:alice@example.org>;tag=a1\r\n"
			  "To: <sip:bob@example.org>;tag=b1\r\n"
			  "Call-ID: local-1@test\r\n"
			  "CSeq: 7 BYE\r\n\r\n";

struct outcome {
	unsigned calls, status;
	bool replied;
};

static void done(void *arg, unsigned status, struct ph_msg *reply)
{
	struct outcome *o = arg;

	o->calls++;
	o->status = status;
	o->replied = reply != NULL;
}

static int send_to(struct tm_world *w, const char *text, const char *du, struct outcome *o)
{
	struct tm_target target = {.du = slice_str(du)};
	struct ph_msg *msg = NULL;
	int err = tm_local_new(&msg, w->tm, NULL, slice_str(text));

	if (err != 0)
		return err;
	target.ruri = msg->sip.ruri;
	err = tm_local(w->tm, msg, &target, done, o);
	msg_unref(&msg);
	return err;
}

static const char *uri_of_phone(const struct phone *p)
{
	static char text[64];

	snprintf(text, sizeof(text), "sip:127.0.0.1:%u", p->port);
	return text;
}

static void a_request_of_ours_gets_its_final_reply(void **state)
{
	struct tm_world *w = world_new();
	struct phone *bob = phone_new(w);
	struct outcome o = {0};

	(void)state;
	assert_int_equal(send_to(w, bye, uri_of_phone(bob), &o), 0);
	assert_int_equal(o.calls, 0);
	phone_expect(w, bob, "BYE sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:");
	assert_has(bob->got, "Max-Forwards: 70\r\n");
	assert_has(bob->got, "Content-Length: 0\r\n");
	assert_has_not(bob->got, "local.invalid");
	phone_send(w, bob, reply_text(bob->got, "481 Gone", NULL, NULL));
	WORLD_UNTIL(w, o.calls == 1);
	assert_int_equal(o.status, 481);
	assert_true(o.replied);
	/* Repeated, it is absorbed. */
	phone_send(w, bob, reply_text(bob->got, "481 Gone", NULL, NULL));
	world_run(w, TM_TEST_QUIET_MS);
	assert_int_equal(o.calls, 1);
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void it_is_repeated_and_ends_with_408_when_nobody_answers(void **state)
{
	struct tm_world *w = world_new();
	struct phone *bob = phone_new(w);
	struct outcome o = {0};

	(void)state;
	w->conf.t1 = 20;
	w->conf.t2 = 80;
	w->conf.fr_timer = 300;
	assert_int_equal(send_to(w, bye, uri_of_phone(bob), &o), 0);
	phone_expect(w, bob, "BYE ");
	phone_expect(w, bob, "BYE ");
	assert_int_equal(tm_busy(w->tm), 1);
	WORLD_UNTIL(w, o.calls == 1);
	assert_int_equal(o.status, 408);
	assert_false(o.replied);
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void what_cannot_be_sent_is_told_later(void **state)
{
	struct tm_world *w = world_new();
	struct outcome o = {0};

	(void)state;
	assert_int_equal(send_to(w, bye, "sip:no.such.host.invalid", &o), 0);
	assert_int_equal(o.calls, 0);
	WORLD_UNTIL(w, o.calls == 1);
	assert_int_equal(o.status, 503);
	assert_false(o.replied);
	assert_int_equal(send_to(w, bye, "tel:123", &o), 0);
	WORLD_UNTIL(w, o.calls == 2);
	assert_int_equal(tm_busy(w->tm), 0);
	world_free(w);
}

static void text_that_is_no_request_is_refused(void **state)
{
	struct tm_world *w = world_new();
	struct outcome o = {0};

	(void)state;
	assert_int_equal(send_to(w, "BYE sip:b@x SIP/2.0\r\n\r\n", "sip:127.0.0.1", &o), -EBADMSG);
	assert_int_equal(send_to(w, "nonsense", "sip:127.0.0.1", &o), -EBADMSG);
	assert_int_equal(send_to(w, "", "sip:127.0.0.1", &o), -EBADMSG);
	assert_int_equal(o.calls, 0);
	world_free(w);
}

static void what_is_under_way_ends_with_0_when_tm_goes(void **state)
{
	struct tm_world *w = world_new();
	struct phone *bob = phone_new(w);
	struct outcome o = {0};

	(void)state;
	assert_int_equal(send_to(w, bye, uri_of_phone(bob), &o), 0);
	world_free(w);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.status, 0);
}

static void they_can_all_be_ended_at_once(void **state)
{
	struct tm_world *w = world_new();
	struct phone *bob = phone_new(w);
	struct outcome o = {0};

	(void)state;
	assert_int_equal(send_to(w, bye, uri_of_phone(bob), &o), 0);
	tm_local_abandon(w->tm);
	assert_int_equal(o.calls, 1);
	assert_int_equal(o.status, 0);
	phone_expect(w, bob, "BYE ");
	phone_send(w, bob, reply_text(bob->got, "200 OK", NULL, NULL));
	world_run(w, TM_TEST_QUIET_MS);
	assert_int_equal(o.calls, 1);
	world_free(w);
	assert_int_equal(o.calls, 1);
}

static struct ph_msg *held_invite;

static void script_hold_invite(struct tm_world *w, struct ph_msg *msg)
{
	script_relay(w, msg);
	if (held_invite == NULL && msg->sip.method == SIP_INVITE) {
		held_invite = msg;
		msg_ref(msg);
	}
}

static void an_invite_that_rings_is_ended_from_here(void **state)
{
	struct tm_world *w = world_new();
	struct phone *alice = phone_new(w), *bob = phone_new(w);
	char invite[8192];

	(void)state;
	held_invite = NULL;
	w->script = script_hold_invite;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100 ");
	phone_expect(w, bob, "INVITE ");
	memcpy(invite, bob->got, sizeof(invite));
	phone_send(w, bob, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 180 ");
	assert_int_equal(tm_abort(w->tm, held_invite, 480, SLICE("Reason: SIP;cause=480;text=\"media timeout\"\r\n")), 0);
	phone_expect(w, alice, "SIP/2.0 480 ");
	assert_has(alice->got, "Reason: SIP;cause=480;text=\"media timeout\"\r\n");
	phone_expect(w, bob, "CANCEL ");
	assert_has(bob->got, "Reason: SIP;cause=480;text=\"media timeout\"\r\n");
	assert_int_equal(tm_abort(w->tm, held_invite, 480, SLICE("")), -EALREADY);
	msg_unref(&held_invite);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_of_ours_gets_its_final_reply),
		cmocka_unit_test(it_is_repeated_and_ends_with_408_when_nobody_answers),
		cmocka_unit_test(what_cannot_be_sent_is_told_later),
		cmocka_unit_test(text_that_is_no_request_is_refused),
		cmocka_unit_test(what_is_under_way_ends_with_0_when_tm_goes),
		cmocka_unit_test(they_can_all_be_ended_at_once),
		cmocka_unit_test(an_invite_that_rings_is_ended_from_here),
	};

	return cmocka_run_group_tests_name("tm_local", tests, NULL, NULL);
}
