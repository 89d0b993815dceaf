/* A worker's dialogs from INVITE to the end: what is written, sent and told. */
#include "tests/unit/dialog_fake.h"

#include "plugins/dialog/sweep.h"

#define ALICE "203.0.113.4", 40312
#define BOB   "203.0.113.9", 40001

static struct dlg_worker *worker(void)
{
	return fake.self;
}

/** "INVITE sip:bob@example.org SIP/2.0" or "SIP/2.0 200 OK", with the tags given ("" : none). */
static struct ph_msg *message(const char *start, const char *from, const char *to,
	unsigned cseq, const char *method, const char *more, const char *ip,
	uint16_t port)
{
	char text[4096], tag[2][64] = {"", ""};

	if (*from)
		(void)snprintf(tag[0], sizeof(tag[0]), ";tag=%s", from);
	if (*to)
		(void)snprintf(tag[1], sizeof(tag[1]), ";tag=%s", to);
	(void)snprintf(text, sizeof(text),
		"%s\r\nVia: SIP/2.0/UDP 192.168.1.2;branch=z9hG4bK1\r\nFrom: "
		"<sip:alice@example.org>%s\r\n"
		"To: <sip:bob@example.org>%s\r\nCall-ID: c1\r\nCSeq: %u "
		"%s\r\n%sContent-Length: 0\r\n\r\n",
		start, tag[0], tag[1], cseq, method, more);
	return fake_message(text, ip, port);
}

/** tm's branch is only told apart from none here: nothing looks into it. */
#define BRANCH ((const struct tm_branch *)(uintptr_t)1)

static void request_out(const char *method, const char *from, const char *to,
	unsigned cseq, const char *more, const char *ip, uint16_t port)
{
	char start[64];
	struct ph_msg *msg;

	(void)snprintf(start, sizeof(start), "%s sip:x@example.org SIP/2.0", method);
	msg = message(start, from, to, cseq, method, more, ip, port);
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_TRUE);
	ph_plugin.request_out(fake.self, msg, BRANCH, NULL);
	fake_drop(msg);
}

static void invite(unsigned cseq)
{
	struct ph_msg *msg = message("INVITE sip:bob@example.org SIP/2.0", "a1", "", cseq,
		"INVITE", "Contact: <sip:alice@203.0.113.4:40312>\r\n", ALICE);
	struct ph_arg args[PH_MAX_ARGS] = {{0}};

	assert_int_equal(ph_plugin.functions[0].call(fake.self, msg, args), PH_TRUE);
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_TRUE);
	ph_plugin.request_out(fake.self, msg, BRANCH, NULL);
	fake_drop(msg);
}

static void reply_out(unsigned status, const char *from, const char *to, unsigned cseq,
	const char *method, const char *more)
{
	char start[64];
	struct ph_msg *msg;

	(void)snprintf(start, sizeof(start), "SIP/2.0 %u x", status);
	msg = message(start, from, to, cseq, method, more, BOB);
	ph_plugin.reply_out(fake.self, msg);
	fake_drop(msg);
}

#define BOBS                                                                             \
	"Contact: <sip:bob@203.0.113.9:40001>\r\nRecord-Route: "                         \
	"<sip:p3.example.net;lr>, <sip:198.51.100.7;lr>\r\n"

static const char *call_up(void)
{
	static char id[DIALOG_ID_LEN + 1];

	dialog_id(id, &fake.key, SLICE("c1"), SLICE("a1"));
	invite(7);
	reply_out(200, "a1", "b1", 7, "INVITE", BOBS);
	return id;
}

static struct slice prop(enum bus_prop p)
{
	const struct call *call = call_of(fake.worker.calls, SLICE("c1"), false);

	return call ? call_prop(call, p) : (struct slice){0};
}

static void set_prop(enum bus_prop p, const char *value)
{
	assert_int_equal(call_prop_set(call_of(fake.worker.calls, SLICE("c1"), true), p,
				 slice_str(value)),
		0);
}

static int setup(void **state)
{
	(void)state;
	fake_start();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_stop();
	return 0;
}

/* From INVITE to answer */

static void an_invite_makes_an_early_record_and_its_answer_confirms_it(void **state)
{
	const struct store_dialog *d;
	const char *id;

	(void)state;
	invite(7);
	d = fake_record(0);
	assert_non_null(d);
	assert_int_equal(d->state, STORE_DIALOG_EARLY);
	assert_slice_equal(d->caller.tag, "a1");
	assert_slice_equal(d->caller.target, "sip:alice@203.0.113.4:40312");
	assert_slice_equal(d->caller.socket, "udp:198.51.100.7:5060");
	assert_slice_equal(d->caller.flow, "udp:203.0.113.4:40312");
	assert_slice_equal(d->callee.tag, "");
	assert_slice_equal(d->callee.uri, "<sip:bob@example.org>");
	assert_int_equal(d->caller.cseq, 7);
	assert_slice_equal(prop(BUS_PROP_DIALOG_STATUS), "early");
	assert_int_equal(fake_count("dialog_active"), 1);
	reply_out(180, "a1", "b1", 7, "INVITE", BOBS);
	assert_int_equal(fake.puts, 1);

	id = call_up(); /* the same INVITE leaves by another branch: nothing new */
	assert_int_equal(fake_count("dialog_created"), 1);
	d = fake_record(0);
	assert_slice_equal(d->id, id);
	assert_int_equal(d->state, STORE_DIALOG_CONFIRMED);
	assert_slice_equal(d->callee.tag, "b1");
	assert_slice_equal(d->callee.target, "sip:bob@203.0.113.9:40001");
	assert_slice_equal(d->callee.routes, "<sip:p3.example.net;lr>");
	assert_slice_equal(d->callee.flow, "udp:203.0.113.9:40001");
	assert_slice_equal(d->node, "edge1");
	assert_true(d->deadline_ms - dlg_wall_ms() > 43199000 &&
		d->deadline_ms - dlg_wall_ms() <= 43200000);
	assert_slice_equal(prop(BUS_PROP_DIALOG_STATUS), "confirmed");
	assert_slice_equal(prop(BUS_PROP_DIALOG_ID), id);
	assert_false(slice_empty(prop(BUS_PROP_DIALOG_START)));
	assert_string_equal(fake_last_event(BUS_DIALOG_STARTED)->id, id);
	assert_string_equal(fake_last_event(BUS_DIALOG_STARTED)->to_tag, "b1");
	assert_int_equal(fake_count("dialog_active"), 1);
}

static void without_being_asked_there_is_no_dialog(void **state)
{
	(void)state;
	request_out("INVITE", "a1", "", 7, "", ALICE);
	reply_out(200, "a1", "b1", 7, "INVITE", BOBS);
	assert_int_equal(fake.puts, 0);
	set_prop(BUS_PROP_DIALOG_WANTED, "1"); /* rtpp's flag n */
	request_out("INVITE", "a1", "", 8, "", ALICE);
	assert_int_equal(fake.puts, 1);
}

static void the_second_answer_of_a_forked_invite_is_the_callers_to_end(void **state)
{
	(void)state;
	call_up();
	reply_out(200, "a1", "b2", 7, "INVITE", "Contact: <sip:bob2@203.0.113.10>\r\n");
	assert_slice_equal(fake_record(0)->callee.tag, "b1");
	request_out("BYE", "a1", "b2", 8, "", ALICE); /* its BYE does not end ours */
	reply_out(200, "a1", "b2", 8, "BYE", "");
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_CONFIRMED);
}

static void requests_inside_move_cseq_target_and_flow(void **state)
{
	const struct store_dialog *d;

	(void)state;
	call_up();
	request_out("INVITE", "b1", "a1", 101, "Contact: <sip:bob@203.0.113.9:40055>\r\n",
		"203.0.113.9", 40055);
	d = fake_record(0);
	assert_int_equal(d->callee.cseq, 101);
	assert_slice_equal(d->callee.target, "sip:bob@203.0.113.9:40055");
	assert_slice_equal(d->callee.flow, "udp:203.0.113.9:40055");
	assert_int_equal(d->caller.cseq, 7);
	reply_out(200, "b1", "a1", 101, "INVITE",
		"Contact: <sip:alice@203.0.113.4:40400>\r\n");
	assert_slice_equal(d->caller.target, "sip:alice@203.0.113.4:40400");
	request_out("INFO", "a1", "b1", 9, "Contact: <sip:not@a.refresh>\r\n", ALICE);
	assert_int_equal(d->caller.cseq, 9);
	assert_slice_equal(d->caller.target, "sip:alice@203.0.113.4:40400");
	request_out("OPTIONS", "a1", "b1", 8, "", ALICE); /* late: an older number */
	assert_int_equal(d->caller.cseq, 9);
	request_out("ACK", "a1", "b1", 99, "",
		ALICE); /* the number of its INVITE, not a new one */
	assert_int_equal(d->caller.cseq, 9);
}

static void through_a_proxy_the_packets_source_is_not_the_phones(void **state)
{
	const unsigned puts = (call_up(), fake.puts);

	(void)state;
	request_out("INFO", "a1", "b1", 7,
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK0\r\n", "192.0.2.99", 5060);
	assert_slice_equal(fake_record(0)->caller.flow, "udp:203.0.113.4:40312");
	assert_int_equal(fake.puts, puts); /* nothing has changed, nothing is written */
}

/* Ends that phones bring about */

static void a_bye_ends_it_when_it_is_answered(void **state)
{
	(void)state;
	call_up();
	request_out("BYE", "b1", "a1", 55, "", BOB);
	assert_int_equal(fake.ends, 0);
	reply_out(200, "b1", "a1", 55, "BYE", "");
	assert_int_equal(fake.ends, 1);
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_ENDED);
	assert_slice_equal(fake_record(0)->reason, "BYE");
	assert_int_equal(fake_last_event(BUS_DIALOG_ENDED)->by_us, 0);
	assert_slice_equal(prop(BUS_PROP_DIALOG_END), "BYE");
	assert_slice_equal(prop(BUS_PROP_DIALOG_STATUS), "ended");
	assert_int_equal(dlg_table_count(worker()->table), 0);
	assert_int_equal(fake_count("dialog_active"), 0);
	assert_int_equal(fake_count("dialog_ended_bye"), 1);
}

static void a_bye_that_is_asked_for_a_password_does_not(void **state)
{
	const char *id = call_up();

	(void)state;
	request_out("BYE", "a1", "b1", 8, "", ALICE);
	fake_event(
		BUS_MEDIA_TIMEOUT, id, "media timeout", false); /* a phone was faster */
	assert_int_equal(fake.claims, 0);
	reply_out(407, "a1", "b1", 8, "BYE", "");
	assert_int_equal(fake.ends, 0);
	fake_event(BUS_MEDIA_TIMEOUT, id, "media timeout", false);
	assert_int_equal(fake.claims, 1);
}

static void a_bye_that_nobody_answers_ends_it(void **state)
{
	struct ph_msg *bye;

	(void)state;
	call_up();
	bye = message("BYE sip:x@example.org SIP/2.0", "a1", "b1", 8, "BYE", "", ALICE);
	ph_plugin.request_out(fake.self, bye, BRANCH, NULL);
	ph_plugin.reply_local(fake.self, bye, 408);
	fake_drop(bye);
	assert_int_equal(fake.ends, 1);
}

static void a_bye_that_cannot_be_sent_on_ends_it(void **state)
{
	struct ph_msg *bye;

	(void)state;
	call_up();
	bye = message("BYE sip:x@example.org SIP/2.0", "a1", "b1", 8, "BYE", "", ALICE);
	ph_plugin.reply_local(fake.self, bye, 407); /* what a script asks or refuses is its own affair */
	ph_plugin.reply_local(fake.self, bye, 403);
	assert_int_equal(fake.ends, 0);
	ph_plugin.reply_local(fake.self, bye, 477);
	fake_drop(bye);
	assert_int_equal(fake.ends, 1);
}

static void a_bye_without_a_transaction_ends_it_at_once(void **state)
{
	struct ph_msg *bye;

	(void)state;
	call_up();
	bye = message("BYE sip:x@example.org SIP/2.0", "a1", "b1", 8, "BYE", "", ALICE);
	ph_plugin.request_out(fake.self, bye, NULL, NULL);
	fake_drop(bye);
	assert_int_equal(fake.ends, 1);
}

static void a_call_that_rings_is_cancelled(void **state)
{
	const char *id;

	(void)state;
	invite(7);
	id = worker()->table ? dlg_table_any(worker()->table)->id : "";
	fake_event(BUS_MEDIA_TIMEOUT, id, "media timeout", false);
	assert_int_equal(fake.aborted, 480);
	assert_string_equal(
		fake.abort_reason, "Reason: SIP;cause=480;text=\"media timeout\"\r\n");
	assert_int_equal(fake.sent_count, 0);
	fake_turn(50);
	assert_slice_equal(prop(BUS_PROP_DIALOG_END), "media timeout");
	assert_null(fake_record(0)); /* the next attempt begins anew */
	assert_int_equal(dlg_table_count(worker()->table), 0);
}

static void the_branch_tells_how_the_callee_was_reached(void **state)
{
	struct ph_msg *reply;

	(void)state;
	invite(7);
	reply = message("SIP/2.0 200 OK", "a1", "b1", 7, "INVITE", BOBS, "192.0.2.1", 1);
	reply->branch = fake_branch("", "", "203.0.113.9", 40002);
	ph_plugin.reply_out(fake.self, reply);
	fake_drop(reply);
	assert_slice_equal(fake_record(0)->callee.socket, "udp:198.51.100.7:5060");
	assert_slice_equal(fake_record(0)->callee.flow, "udp:203.0.113.9:40002");
}

static void a_phone_of_another_nodes_socket_is_kept_with_that_socket(void **state)
{
	struct ph_msg *reply;

	(void)state;
	invite(7);
	reply = message(
		"SIP/2.0 200 OK", "a1", "b1", 7, "INVITE", BOBS, "198.51.100.8", 5060);
	reply->branch = fake_branch(
		"udp:198.51.100.8:5060", "sip:203.0.113.9:40001", "198.51.100.8", 5060);
	ph_plugin.reply_out(fake.self, reply);
	fake_drop(reply);
	assert_slice_equal(fake_record(0)->callee.socket, "udp:198.51.100.8:5060");
	assert_slice_equal(fake_record(0)->callee.flow, "udp:203.0.113.9:40001");
}

static void a_refused_call_is_over(void **state)
{
	(void)state;
	invite(7);
	reply_out(486, "a1", "b1", 7, "INVITE", "");
	assert_slice_equal(prop(BUS_PROP_DIALOG_END), "failed: 486");
	assert_null(fake_record(0)); /* the next attempt begins anew */
	assert_int_equal(fake_count("dialog_ended_failed"), 1);
	assert_int_equal(dlg_table_count(worker()->table), 0);
}

static void a_cancelled_call_is_over(void **state)
{
	(void)state;
	invite(7);
	reply_out(487, "a1", "b1", 7, "INVITE", "");
	assert_slice_equal(prop(BUS_PROP_DIALOG_END), "cancelled");
	assert_null(fake_record(0)); /* the next attempt begins anew */
	assert_int_equal(fake_count("dialog_ended_cancelled"), 1);
}

static void a_final_reply_of_ours_ends_the_ringing(void **state)
{
	struct ph_msg *msg;

	(void)state;
	invite(7);
	msg = message(
		"INVITE sip:bob@example.org SIP/2.0", "a1", "", 7, "INVITE", "", ALICE);
	ph_plugin.reply_local(fake.self, msg, 408);
	fake_drop(msg);
	assert_slice_equal(prop(BUS_PROP_DIALOG_END), "failed: 408");
	assert_null(fake_record(0)); /* the next attempt begins anew */
}

static void after_a_challenge_the_same_call_goes_on(void **state)
{
	const struct store_dialog *d;

	(void)state;
	invite(7);
	reply_out(407, "a1", "b0", 7, "INVITE", "");
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_EARLY);
	invite(8);
	reply_out(200, "a1", "b1", 7, "INVITE",
		BOBS); /* of the first attempt: not the answer */
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_EARLY);
	reply_out(200, "a1", "b1", 8, "INVITE", BOBS);
	d = fake_record(0);
	assert_int_equal(d->state, STORE_DIALOG_CONFIRMED);
	assert_int_equal(d->caller.cseq, 8);
	assert_int_equal(fake.record_count, 1);
	assert_int_equal(fake_count("dialog_active"), 1);
}

static void a_call_tried_again_after_a_failure_lives_again(void **state)
{
	(void)state;
	invite(7);
	fake.hold = true;
	reply_out(503, "a1", "b0", 7, "INVITE", ""); /* its end is still being written */
	invite(8);
	fake_release(9);
	fake.hold = false;
	reply_out(200, "a1", "b1", 8, "INVITE", BOBS);
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_CONFIRMED);
	assert_int_equal(fake_count("dialog_active"), 1);
	assert_int_equal(dlg_table_count(worker()->table), 1);
}

/* Writing */

static void one_write_is_under_way_and_the_latest_follows(void **state)
{
	(void)state;
	fake.hold = true;
	invite(7);
	assert_int_equal(fake.puts, 1);
	reply_out(200, "a1", "b1", 7, "INVITE", BOBS);
	for (unsigned i = 8; i < 20; i++)
		request_out("INFO", "a1", "b1", i, "", ALICE);
	assert_int_equal(fake.puts, 1);
	fake_release(1);
	assert_int_equal(fake.puts, 2);
	assert_int_equal(fake_record(0)->caller.cseq, 19);
	fake_release(1);
	assert_int_equal(fake.puts, 2);
	assert_int_equal(fake_count("dialog_writes"), 2);
}

static void what_the_store_missed_is_written_when_it_is_back(void **state)
{
	(void)state;
	fake.err = -ENOTCONN;
	call_up();
	assert_int_equal(fake.record_count, 0);
	assert_int_equal(fake_count("dialog_dirty"), 1);
	fake.err = 0;
	fake_turn(700);
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_CONFIRMED);
	assert_int_equal(fake_count("dialog_dirty"), 0);
}

static void an_end_that_the_store_missed_is_told_when_it_is_back(void **state)
{
	(void)state;
	call_up();
	fake.err = -ETIMEDOUT;
	request_out("BYE", "a1", "b1", 8, "", ALICE);
	reply_out(200, "a1", "b1", 8, "BYE", "");
	assert_int_equal(dlg_table_count(worker()->table), 1);
	fake.err = 0;
	fake_turn(700);
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_ENDED);
	assert_int_equal(dlg_table_count(worker()->table), 0);
}

static void a_record_that_another_node_has_ended_is_let_go(void **state)
{
	(void)state;
	call_up();
	fake.records[0].state = STORE_DIALOG_ENDING;
	request_out("INFO", "a1", "b1", 8, "", ALICE);
	assert_int_equal(dlg_table_count(worker()->table), 0);
	assert_int_equal(fake.ends, 0);
	assert_int_equal(fake_count("dialog_ended_elsewhere"), 1);
	assert_slice_equal(prop(BUS_PROP_DIALOG_END), "ended by another node");
}

static void the_table_is_bounded_and_the_ended_make_room(void **state)
{
	struct ph_msg *other =
		fake_message("INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP "
			     "192.168.1.2;branch=z9hG4bK1\r\n"
			     "From: <sip:c@example.org>;tag=c1\r\nTo: "
			     "<sip:bob@example.org>\r\nCall-ID: c2\r\nCSeq: 1 INVITE\r\n"
			     "Content-Length: 0\r\n\r\n",
			ALICE);
	struct ph_arg args[PH_MAX_ARGS] = {{0}};

	(void)state;
	fake_stop();
	fake_start();
	fake_drop(other);
	dlg_table_destroy(&worker()->table);
	assert_int_equal(dlg_table_new(&worker()->table, 1), 0);
	call_up();
	other = fake_message("INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP "
			     "192.168.1.2;branch=z9hG4bK1\r\n"
			     "From: <sip:c@example.org>;tag=c1\r\nTo: "
			     "<sip:bob@example.org>\r\nCall-ID: c2\r\nCSeq: 1 INVITE\r\n"
			     "Content-Length: 0\r\n\r\n",
		ALICE);
	assert_int_equal(ph_plugin.functions[0].call(fake.self, other, args), PH_FALSE);
	assert_int_equal(fake_count("dialog_refused"), 1);
	fake.err = -ENOTCONN;
	request_out("BYE", "a1", "b1", 8, "", ALICE);
	reply_out(200, "a1", "b1", 8, "BYE",
		""); /* ended, and the store is still to be told */
	assert_int_equal(dlg_table_count(worker()->table), 1);
	assert_int_equal(ph_plugin.functions[0].call(fake.self, other, args), PH_TRUE);
	fake_drop(other);
}

static void create_dialog_is_for_invites_that_begin_a_call(void **state)
{
	struct ph_arg args[PH_MAX_ARGS] = {{0}};
	struct ph_msg *msg;
	char why[128];

	(void)state;
	msg = message(
		"INVITE sip:bob@example.org SIP/2.0", "a1", "b1", 7, "INVITE", "", ALICE);
	assert_int_equal(ph_plugin.functions[0].call(fake.self, msg, args), PH_FALSE);
	fake_drop(msg);
	msg = message(
		"OPTIONS sip:bob@example.org SIP/2.0", "a1", "", 7, "OPTIONS", "", ALICE);
	assert_int_equal(ph_plugin.functions[0].call(fake.self, msg, args), PH_FALSE);
	fake_drop(msg);
	assert_null(dlg_check_flags("BPpRr", why));
	assert_null(dlg_check_flags("B, P", why));
	assert_string_equal(dlg_check_flags("Bx", why),
		"unknown flag letter 'x', expected some of BPpRr");
	msg = message(
		"INVITE sip:bob@example.org SIP/2.0", "a1", "", 7, "INVITE", "", ALICE);
	args[0] = (struct ph_arg){.given = true, .s = SLICE("q")};
	assert_int_equal(ph_plugin.functions[0].call(fake.self, msg, args), PH_FALSE);
	fake_drop(msg);
}

/* The deadline and its script */

static void dlg_timeout_before_the_answer_counts_from_the_answer_later_from_now(
	void **state)
{
	int64_t left;

	(void)state;
	invite(7);
	set_prop(BUS_PROP_DIALOG_TIMEOUT, "100");
	reply_out(200, "a1", "b1", 7, "INVITE", BOBS);
	left = fake_record(0)->deadline_ms - dlg_wall_ms();
	assert_true(left > 99000 && left <= 100000);
	set_prop(BUS_PROP_DIALOG_TIMEOUT, "30");
	request_out("INFO", "a1", "b1", 8, "", ALICE);
	left = fake_record(0)->deadline_ms - dlg_wall_ms();
	assert_true(left > 29000 && left <= 30000);
	fake_turn(50);
	request_out("INFO", "a1", "b1", 9, "",
		ALICE); /* the same value does not start anew */
	assert_true(fake_record(0)->deadline_ms - dlg_wall_ms() <= left - 50);
}

static void at_the_deadline_both_get_their_bye(void **state)
{
	(void)state;
	invite(7);
	set_prop(BUS_PROP_DIALOG_TIMEOUT, "1");
	reply_out(200, "a1", "b1", 7, "INVITE", BOBS);
	fake_turn(500);
	assert_int_equal(fake.sent_count, 0);
	fake_turn(700);
	assert_int_equal(fake.sent_count, 2);
	assert_int_equal(fake.claims, 1);
	assert_non_null(strstr(fake.sent[0].text, "text=\"maximum duration\""));
	assert_string_equal(fake.sent[0].du, "sip:203.0.113.4:40312");
	assert_ptr_equal(fake.sent[0].sock, &fake.sock[0]);
	assert_string_equal(fake.sent[0].foreign, "");
	assert_non_null(
		strstr(fake.sent[1].text, "\r\nRoute: <sip:p3.example.net;lr>\r\n"));
	assert_non_null(strstr(fake.sent[1].text, "\r\nCSeq: 8 BYE\r\n"));
	assert_string_equal(fake.sent[1].du, "sip:p3.example.net;lr");
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_ENDING);
	assert_slice_equal(prop(BUS_PROP_DIALOG_END), "maximum duration");
	fake_answer(0, 200);
	fake_turn(50);
	assert_int_equal(fake.ends, 0); /* the other one has not answered */
	fake_answer(1, 481);
	fake_turn(50);
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_ENDED);
	assert_int_equal(dlg_table_count(worker()->table), 0);
	assert_int_equal(fake_count("dialog_byes_sent"), 2);
	assert_int_equal(fake_count("dialog_byes_answered"), 2);
	assert_int_equal(fake_count("dialog_ended_max_duration"), 1);
}

static void a_deadline_that_another_node_has_moved_is_waited_for(void **state)
{
	(void)state;
	invite(7);
	set_prop(BUS_PROP_DIALOG_TIMEOUT, "1");
	reply_out(200, "a1", "b1", 7, "INVITE", BOBS);
	fake.records[0].deadline_ms += 60000;
	fake_turn(1200);
	assert_int_equal(fake.gets, 1);
	assert_int_equal(fake.claims, 0);
	assert_int_equal(fake.sent_count, 0);
}

/* Ends that are ours */

static void a_dead_phone_does_not_keep_the_record(void **state)
{
	const char *id = call_up();

	(void)state;
	fake_event(BUS_MEDIA_TIMEOUT, id, "media timeout", false);
	assert_int_equal(fake.sent_count, 2);
	fake_answer(0, 200);
	fake_turn(END_SETTLE_MS + 200);
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_ENDED);
	assert_int_equal(dlg_table_count(worker()->table), 0);
	fake_answer(1, 408); /* much later: nobody waits any more */
	assert_int_equal(fake_count("dialog_byes_failed"), 1);
}

static void a_lost_claim_sends_nothing(void **state)
{
	const char *id = call_up();

	(void)state;
	fake.hold = true;
	fake_event(BUS_MEDIA_TIMEOUT, id, "media timeout", false);
	fake.records[0].fence++; /* between our reading and our claim */
	fake_release(9);
	fake_release(9);
	assert_int_equal(fake.claims, 1);
	assert_int_equal(fake.sent_count, 0);
	assert_int_equal(dlg_table_count(worker()->table), 0);
	assert_int_equal(fake_count("dialog_claims_lost"), 1);
	assert_int_equal(fake.ends, 0);
}

static void without_the_store_own_calls_end_all_the_same(void **state)
{
	const char *id = call_up();

	(void)state;
	fake.err = -ETIMEDOUT;
	fake_event(BUS_MEDIA_TIMEOUT, id, "media timeout", false);
	assert_int_equal(fake.sent_count, 2);
	assert_int_equal(fake_count("dialog_claims_unasked"), 1);
	fake_answer(0, 200);
	fake_answer(1, 200);
	fake_turn(50);
	fake.err = 0;
	fake_turn(700);
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_ENDED);
	assert_int_equal(fake.sent_count, 2);
}

static void asked_twice_it_ends_once(void **state)
{
	const char *id = call_up();

	(void)state;
	fake.hold = true;
	for (unsigned i = 0; i < 3; i++) {
		fake_event(BUS_MEDIA_TIMEOUT, id, "media timeout", false);
		fake_event(BUS_DIALOG_DUE, id, "media timeout", true);
	}
	fake_release(1);
	fake_event(BUS_DIALOG_DUE, id, "media timeout", true);
	fake_release(1);
	fake_event(BUS_DIALOG_DUE, id, "media timeout", true);
	assert_int_equal(fake.gets, 1);
	assert_int_equal(fake.claims, 1);
	assert_int_equal(fake.sent_count, 2);
	assert_string_equal(fake_last_event(BUS_DIALOG_ENDED)->reason, "media timeout");
	assert_int_equal(fake_last_event(BUS_DIALOG_ENDED)->by_us, 1);
}

/** The record of a call that edge2 has set up, with a phone on a socket of edge2's. */
static const char *elsewhere(void)
{
	const char *id = call_up();
	struct dlg *d = dlg_table_any(worker()->table);

	dlg_remove(worker()->table, d);
	fake.records[0].node = SLICE("edge2");
	fake.records[0].relay = SLICE("udp:127.0.0.1:22222");
	fake.records[0].set = SLICE("7");
	fake.records[0].callee.socket = SLICE("udp:198.51.100.8:5060");
	fake.records[0].callee.routes = SLICE("<sip:token@198.51.100.8;lr>");
	call_end(call_of(fake.worker.calls, SLICE("c1"), true));
	for (enum bus_prop p = BUS_PROP_DIALOG_ID; p < BUS_PROPS; p++)
		set_prop(p, "");
	fake.event_count = 0;
	return id;
}

static void a_call_of_another_node_ends_here_when_the_service_says_so(void **state)
{
	const char *id = elsewhere();

	(void)state;
	fake_event(
		BUS_MEDIA_TIMEOUT, id, "media timeout", false); /* its node does that */
	fake_event(BUS_DIALOG_DUE, id, "ended by an operator", false);
	assert_int_equal(fake.gets, 0);
	fake_event(BUS_DIALOG_DUE, id, "media timeout", true);
	assert_int_equal(fake.claims, 1);
	assert_slice_equal(fake_record(0)->node, "edge1");
	assert_int_equal(fake.sent_count, 2);
	assert_string_equal(fake.sent[1].foreign, "udp:198.51.100.8:5060");
	assert_null(fake.sent[1].sock);
	assert_string_equal(fake.sent[1].du, "sip:203.0.113.9:40001");
	assert_slice_equal(prop(BUS_PROP_RELAY_URL),
		"udp:127.0.0.1:22222"); /* for rtpp, which deletes the session */
	assert_slice_equal(prop(BUS_PROP_RTPP_SET), "7");
	fake_answer(0, 200);
	fake_answer(1, 200);
	fake_turn(50);
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_ENDED);
	assert_int_equal(dlg_table_count(worker()->table), 0);
	assert_int_equal(
		fake_count("dialog_active"), 1); /* call_up()'s own, removed by hand */
}

static void an_id_that_names_nothing_leaves_nothing(void **state)
{
	(void)state;
	fake_event(BUS_DIALOG_DUE, "0123456789abcdef01234567", "", true);
	fake_event(BUS_DIALOG_DUE, "no id", "", true);
	assert_int_equal(dlg_table_count(worker()->table), 0);
	fake.err = -ENOTCONN;
	fake_event(BUS_DIALOG_DUE, "0123456789abcdef01234567", "", true);
	assert_int_equal(dlg_table_count(worker()->table), 0);
	assert_int_equal(fake.sent_count, 0);
}

/* Compared with the record now and then */

static void sweep(void)
{
	dlg_sweep_one(dlg_table_any(worker()->table));
}

static void a_record_that_was_lost_is_written_again(void **state)
{
	(void)state;
	call_up();
	fake.record_count = 0; /* Redis has come back empty */
	sweep();
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_CONFIRMED);
	assert_slice_equal(fake_record(0)->callee.tag, "b1");
	assert_int_equal(fake_count("dialog_restored"), 1);
}

static void what_another_node_has_heard_is_taken_over(void **state)
{
	const struct store_dialog *mine;

	(void)state;
	call_up();
	fake.records[0].caller.flow = SLICE("udp:203.0.113.4:40999");
	fake.records[0].callee.cseq = 77;
	fake.records[0].caller.cseq = 1; /* older than ours */
	fake.records[0].deadline_ms -= 1000;
	sweep();
	mine = &dlg_table_any(worker()->table)->rec;
	assert_slice_equal(mine->caller.flow, "udp:203.0.113.4:40999");
	assert_int_equal(mine->callee.cseq, 77);
	assert_int_equal(mine->caller.cseq, 7);
	assert_int_equal(mine->deadline_ms, fake_record(0)->deadline_ms);
	assert_int_equal(fake.puts, 2);
}

static void a_call_ended_while_this_node_slept_is_let_go_of(void **state)
{
	(void)state;
	call_up();
	fake.records[0].state = STORE_DIALOG_ENDED;
	sweep();
	assert_int_equal(dlg_table_count(worker()->table), 0);
	assert_int_equal(fake_count("dialog_active"), 0);
	assert_int_equal(fake_count("dialog_ended_elsewhere"), 1);
}

static void a_comparison_that_is_overtaken_changes_nothing(void **state)
{
	(void)state;
	call_up();
	fake.hold = true;
	sweep();
	request_out("OPTIONS", "a1", "b1", 9, "", ALICE); /* a write under way */
	fake.records[0].state = STORE_DIALOG_CONFIRMED;
	fake_release(1);
	assert_int_equal(dlg_table_any(worker()->table)->rec.caller.cseq, 9);
	fake_release(9);
	sweep(); /* and one whose dialog is gone when it is answered */
	request_out("BYE", "a1", "b1", 10, "", ALICE);
	fake_release(9);
	sweep();
	reply_out(200, "a1", "b1", 10, "BYE", "");
	fake_release(9);
	assert_int_equal(dlg_table_count(worker()->table), 0);
}

static void every_dialog_has_its_turn(void **state)
{
	(void)state;
	call_up();
	fake_turn(1100);
	assert_int_equal(worker()->sweep_part, 1);
	for (unsigned i = 0; i < SWEEP_S; i++)
		worker()->sweep.fn(worker()->sweep.arg);
	assert_int_equal(fake.gets, 1);
}

/* Calls of other nodes that come by here */

static struct ph_msg *unknown(const char *method, const char *from, const char *to)
{
	char start[64];

	(void)snprintf(start, sizeof(start), "%s sip:x@example.org SIP/2.0", method);
	return message(start, from, to, 200, method, "", BOB);
}

static void a_request_of_an_unknown_call_waits_for_its_record(void **state)
{
	const char *id = elsewhere();
	struct ph_msg *msg = unknown("INFO", "b1", "a1");
	int64_t deadline = fake_record(0)->deadline_ms;

	(void)state;
	fake.hold = true;
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_PARK);
	fake_release(1);
	assert_int_equal(fake.woken, 77);
	assert_int_equal(fake_wake(fake.woken_with), PH_TRUE);
	assert_slice_equal(prop(BUS_PROP_RELAY_URL), "udp:127.0.0.1:22222");
	assert_slice_equal(prop(BUS_PROP_DIALOG_ID), id);
	assert_slice_equal(prop(BUS_PROP_DIALOG_STATUS), "confirmed");
	assert_slice_equal(ph_prop(msg, BUS_PROP_DIALOG_DIR), "upstream");
	fake.hold = false;
	ph_plugin.request_out(fake.self, msg, BRANCH, NULL);
	assert_slice_equal(fake_record(0)->node, "edge2"); /* who looks after it stays */
	assert_int_equal(fake_record(0)->callee.cseq, 200);
	assert_int_equal(fake_record(0)->deadline_ms, deadline);
	assert_int_equal(fake_count("dialog_fetched"), 1);
	fake_drop(msg);
	msg = unknown("INFO", "b1", "a1");
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_TRUE); /* known now */
	assert_int_equal(fake.gets, 1);
	fake_drop(msg);
}

static void its_bye_ends_it_here(void **state)
{
	(void)state;
	elsewhere();
	request_out("BYE", "a1", "b1", 8, "", ALICE);
	reply_out(200, "a1", "b1", 8, "BYE", "");
	assert_int_equal(fake_record(0)->state, STORE_DIALOG_ENDED);
	assert_int_equal(fake_count("dialog_active"), 1);
}

static void a_call_that_nobody_has_recorded_is_asked_for_once(void **state)
{
	struct ph_msg *msg = unknown("INFO", "x", "y");

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_TRUE);
	assert_int_equal(fake.gets, 1);
	assert_int_equal(fake_count("dialog_fetch_misses"), 1);
	fake_drop(msg);
	msg = unknown("NOTIFY", "x2", "y2"); /* another kind of dialog */
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_TRUE);
	assert_int_equal(fake.gets, 1);
	fake_drop(msg);
}

static void without_the_store_a_request_goes_on_without_its_dialog(void **state)
{
	struct ph_msg *msg = unknown("INFO", "x", "y");

	(void)state;
	fake.err = -ENOTCONN;
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_TRUE);
	fake.err = 0;
	assert_int_equal(
		ph_plugin.request_in(fake.self, msg), PH_TRUE); /* asked again at once */
	assert_int_equal(fake.gets, 2);
	fake_drop(msg);
}

static void a_store_that_answers_after_the_deadline_finds_a_message_that_is_still_there(
	void **state)
{
	struct ph_msg *msg;

	(void)state;
	elsewhere();
	msg = unknown("INFO", "b1", "a1");
	fake.hold = true;
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_PARK);
	assert_int_equal(fake_wake(-ETIMEDOUT), PH_TRUE);
	fake_drop(msg);
	fake_release(1); /* the last reference goes with it */
	assert_int_equal(fake.woken, 0);
	assert_int_equal(fake_count("dialog_fetch_failures"), 1);
}

static void when_too_much_is_parked_a_request_ends_and_an_ack_goes_on(void **state)
{
	struct ph_msg *msg;

	(void)state;
	elsewhere();
	fake.hold = true;
	fake.park_err = -EBUSY;
	msg = unknown("INFO", "b1", "a1");
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_STOP);
	fake_drop(msg);
	msg = unknown("ACK", "a1", "b1");
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_TRUE);
	fake_drop(msg);
	fake_release(9);
}

static void records_that_no_node_of_ours_could_have_written_are_not_taken(void **state)
{
	struct ph_msg *msg;

	(void)state;
	elsewhere();
	fake.records[0].caller.tag =
		SLICE("a2"); /* another call's record under this id */
	msg = unknown("INFO", "b1", "a1");
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_TRUE);
	assert_int_equal(dlg_table_count(worker()->table), 0);
	fake_drop(msg);
}

static void a_stop_in_the_middle_of_everything_leaves_nothing_behind(void **state)
{
	const char *id = call_up();
	struct ph_msg *msg;

	(void)state;
	fake.hold = true;
	request_out("INFO", "a1", "b1", 8, "", ALICE); /* a write under way */
	fake_event(
		BUS_MEDIA_TIMEOUT, id, "media timeout", false); /* a reading under way */
	msg = fake_message(
		"INFO sip:x@example.org SIP/2.0\r\nVia: SIP/2.0/UDP "
		"192.168.1.2;branch=z9hG4bK1\r\n"
		"From: <sip:c@example.org>;tag=c1\r\nTo: "
		"<sip:bob@example.org>;tag=d1\r\nCall-ID: c2\r\nCSeq: 1 INFO\r\n"
		"Content-Length: 0\r\n\r\n",
		ALICE);
	assert_int_equal(ph_plugin.request_in(fake.self, msg), PH_PARK);
	fake_drop(msg);
	/* teardown stops it all; no BYE leaves because of that */
}

static void a_stop_while_byes_are_on_their_way_leaves_nothing_behind(void **state)
{
	const char *id = call_up();

	(void)state;
	fake_event(BUS_MEDIA_TIMEOUT, id, "media timeout", false);
	assert_int_equal(fake.sent_count, 2);
	invite(9); /* the same call once more while it ends: nothing new */
	assert_int_equal(dlg_table_count(worker()->table), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_invite_makes_an_early_record_and_its_answer_confirms_it),
		TEST(without_being_asked_there_is_no_dialog),
		TEST(the_second_answer_of_a_forked_invite_is_the_callers_to_end),
		TEST(requests_inside_move_cseq_target_and_flow),
		TEST(through_a_proxy_the_packets_source_is_not_the_phones),
		TEST(a_bye_ends_it_when_it_is_answered),
		TEST(a_bye_that_is_asked_for_a_password_does_not),
		TEST(a_bye_that_nobody_answers_ends_it),
		TEST(a_bye_that_cannot_be_sent_on_ends_it),
		TEST(a_bye_without_a_transaction_ends_it_at_once),
		TEST(a_call_that_rings_is_cancelled),
		TEST(the_branch_tells_how_the_callee_was_reached),
		TEST(a_phone_of_another_nodes_socket_is_kept_with_that_socket),
		TEST(a_refused_call_is_over),
		TEST(a_cancelled_call_is_over),
		TEST(a_final_reply_of_ours_ends_the_ringing),
		TEST(after_a_challenge_the_same_call_goes_on),
		TEST(a_call_tried_again_after_a_failure_lives_again),
		TEST(one_write_is_under_way_and_the_latest_follows),
		TEST(what_the_store_missed_is_written_when_it_is_back),
		TEST(an_end_that_the_store_missed_is_told_when_it_is_back),
		TEST(a_record_that_another_node_has_ended_is_let_go),
		TEST(the_table_is_bounded_and_the_ended_make_room),
		TEST(create_dialog_is_for_invites_that_begin_a_call),
		TEST(dlg_timeout_before_the_answer_counts_from_the_answer_later_from_now),
		TEST(at_the_deadline_both_get_their_bye),
		TEST(a_deadline_that_another_node_has_moved_is_waited_for),
		TEST(a_dead_phone_does_not_keep_the_record),
		TEST(a_lost_claim_sends_nothing),
		TEST(without_the_store_own_calls_end_all_the_same),
		TEST(asked_twice_it_ends_once),
		TEST(a_call_of_another_node_ends_here_when_the_service_says_so),
		TEST(an_id_that_names_nothing_leaves_nothing),
		TEST(a_record_that_was_lost_is_written_again),
		TEST(what_another_node_has_heard_is_taken_over),
		TEST(a_call_ended_while_this_node_slept_is_let_go_of),
		TEST(a_comparison_that_is_overtaken_changes_nothing),
		TEST(every_dialog_has_its_turn),
		TEST(a_request_of_an_unknown_call_waits_for_its_record),
		TEST(its_bye_ends_it_here),
		TEST(a_call_that_nobody_has_recorded_is_asked_for_once),
		TEST(without_the_store_a_request_goes_on_without_its_dialog),
		TEST(a_store_that_answers_after_the_deadline_finds_a_message_that_is_still_there),
		TEST(when_too_much_is_parked_a_request_ends_and_an_ack_goes_on),
		TEST(records_that_no_node_of_ours_could_have_written_are_not_taken),
		TEST(a_stop_in_the_middle_of_everything_leaves_nothing_behind),
		TEST(a_stop_while_byes_are_on_their_way_leaves_nothing_behind),
	};

	return cmocka_run_group_tests_name("dialog_worker", tests, NULL, NULL);
}
