/* The way through another node, and what happens when that node is silent, slow, refuses or is dead. */
#include "tests/unit/tm_test.h"

#define SOCKET SLICE("udp:192.0.2.2:5060")

/* phones: 0 alice, 1 bob, 2 the other node. Bob has registered through its socket. */
static void script_foreign(struct tm_world *w, struct ph_msg *msg)
{
	if (msg->sip.method == SIP_CANCEL) {
		w->relay_code = tm_relay(w->tm, msg, NULL, 0);
		return;
	}
	msg->foreign = SOCKET;
	msg->du = phone_uri(msg, &w->phones[1]);
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static struct tm_world *world_of_nodes(void)
{
	struct tm_world *w = world_new();

	for (unsigned i = 0; i < 3; i++)
		phone_new(w);
	w->voice = &w->phones[2];
	w->script = script_foreign;
	w->conf.detour_timer = 150;
	return w;
}

#define ALICE (&w->phones[0])
#define BOB   (&w->phones[1])
#define NODE  (&w->phones[2])

static const char *branch_of(const char *text)
{
	static char out[4][64];
	static unsigned n;
	char *to = out[n++ % 4];
	const char *at = strstr(text, ";branch=");

	assert_non_null(at);
	snprintf(to, 64, "%.*s", (int)strcspn(at, "\r"), at);
	return to;
}

static void the_node_that_holds_the_socket_gets_the_request(void **state)
{
	struct tm_world *w = world_of_nodes();
	char route[64], invite[8192];

	(void)state;
	snprintf(route, sizeof(route), "Route: <sip:flow@127.0.0.1:%u;lr>\r\n", NODE->port);
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE sip:bob@example.org SIP/2.0");
	assert_has(NODE->got, route);
	snprintf(invite, sizeof(invite), "%s", NODE->got);
	phone_send(w, NODE, reply_text(invite, "100 Trying", NULL, NULL));
	world_run(w, 300);
	phone_quiet(w, BOB);
	phone_send(w, NODE, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 180");
	phone_send(w, NODE, reply_text(invite, "200 OK", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 200");
	phone_quiet(w, BOB);
	assert_int_equal(w->silent, 0);
	assert_int_equal(world_counter(w, TM_C_DETOURS), 1);
	assert_int_equal(world_counter(w, TM_C_DETOURS_FAILED), 0);
	world_free(w);
}

static void replies_seem_to_come_from_the_phone(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	phone_send(w, NODE, reply_text(NODE->got, "180 Ringing", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 180");
	assert_int_equal(addr_port(&w->source), BOB->port);
	world_free(w);
}

static void a_silent_node_is_passed_by(void **state)
{
	struct tm_world *w = world_of_nodes();
	const char *branch;

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	branch = branch_of(NODE->got);
	phone_expect(w, BOB, "INVITE sip:bob@example.org SIP/2.0");
	assert_has_not(BOB->got, "Route:");
	assert_has(BOB->got, branch);
	assert_int_equal(w->silent, 1);
	phone_send(w, BOB, reply_text(BOB->got, "180 Ringing", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 180");
	assert_int_equal(addr_port(&w->source), BOB->port);
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 200");
	phone_quiet(w, NODE);
	assert_int_equal(world_counter(w, TM_C_DETOURS_FAILED), 1);
	world_free(w);
}

static void the_direct_copy_is_repeated_until_an_answer_comes(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->conf.t1 = 60;
	w->conf.t2 = 120;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_await(w, NODE, "INVITE ");
	phone_expect(w, BOB, "INVITE ");
	phone_expect(w, BOB, "INVITE ");
	phone_expect(w, BOB, "INVITE ");
	while (phone_take(NODE))
		;
	phone_quiet(w, NODE);
	phone_quiet(w, NODE);
	assert_int_equal(w->silent, 1);
	world_free(w);
}

static void a_dead_node_is_not_asked_at_all(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->voice = NULL;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, BOB, "INVITE ");
	assert_has_not(BOB->got, "Route:");
	phone_quiet(w, NODE);
	assert_int_equal(w->silent, 0);
	world_free(w);
}

static void a_node_that_refuses_is_acknowledged_and_passed_by_at_once(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->conf.detour_timer = 10000;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	phone_send(w, NODE, reply_text(NODE->got, "503 Service Unavailable", "n1", NULL));
	phone_expect(w, NODE, "ACK ");
	assert_has(NODE->got, "Route: <sip:flow@");
	phone_expect(w, BOB, "INVITE ");
	assert_int_equal(w->silent, 1);
	phone_send(w, BOB, reply_text(BOB->got, "486 Busy Here", "b1", NULL));
	phone_expect(w, BOB, "ACK ");
	phone_await(w, ALICE, "SIP/2.0 486");
	world_free(w);
}

static void a_node_that_cannot_be_connected_is_passed_by_at_once(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->conf.detour_timer = 10000;
	/* nobody listens on that port for TCP */
	NODE->tcp = true;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, BOB, "INVITE ");
	assert_int_equal(w->silent, 1);
	NODE->tcp = false;
	world_free(w);
}

static void requests_other_than_invite_go_the_same_ways(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE"));
	phone_expect(w, NODE, "MESSAGE ");
	phone_send(w, NODE, reply_text(NODE->got, "100 Trying", NULL, NULL));
	world_run(w, 300);
	phone_quiet(w, BOB);
	phone_send(w, NODE, reply_text(NODE->got, "200 OK", "b1", NULL));
	phone_expect(w, ALICE, "SIP/2.0 200");

	phone_send(w, ALICE, REQ(ALICE, .method = "MESSAGE", .branch = "z9hG4bK2", .cseq = 2));
	phone_expect(w, NODE, "MESSAGE ");
	phone_expect(w, BOB, "MESSAGE ");
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_expect(w, ALICE, "SIP/2.0 200");
	phone_quiet(w, ALICE);
	world_free(w);
}

static void a_cancel_takes_the_way_through_the_node(void **state)
{
	struct tm_world *w = world_of_nodes();
	char invite[8192];

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", NODE->got);
	phone_send(w, NODE, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 180");
	phone_send(w, ALICE, REQ(ALICE, .method = "CANCEL"));
	phone_expect(w, NODE, "CANCEL ");
	assert_has(NODE->got, "Route: <sip:flow@");
	assert_has(NODE->got, branch_of(invite));
	phone_send(w, NODE, reply_text(invite, "487 Request Terminated", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 487");
	phone_quiet(w, BOB);
	world_free(w);
}

static void a_cancel_follows_the_direct_copy(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	phone_expect(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "180 Ringing", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 180");
	phone_send(w, ALICE, REQ(ALICE, .method = "CANCEL"));
	phone_expect(w, BOB, "CANCEL ");
	assert_has_not(BOB->got, "Route:");
	phone_quiet(w, NODE);
	world_free(w);
}

static void a_call_that_is_given_up_meanwhile_does_not_begin_directly(void **state)
{
	struct tm_world *w = world_of_nodes();
	char invite[8192];

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", NODE->got);
	phone_send(w, ALICE, REQ(ALICE, .method = "CANCEL"));
	phone_await(w, ALICE, "SIP/2.0 200");
	phone_await(w, ALICE, "SIP/2.0 487");
	phone_quiet(w, BOB);
	/* the node was only slow: it must not go on ringing */
	phone_send(w, NODE, reply_text(invite, "100 Trying", NULL, NULL));
	phone_expect(w, NODE, "CANCEL ");
	world_free(w);
}

/* A slow node has delivered its copy first: the phone calls the direct one a merged request. */
static void a_482_to_the_direct_copy_means_that_the_other_has_arrived(void **state)
{
	struct tm_world *w = world_of_nodes();
	char invite[8192];

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", NODE->got);
	phone_expect(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "482 Loop Detected", "b2", NULL));
	phone_expect(w, BOB, "ACK ");
	phone_send(w, NODE, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 180");
	phone_send(w, NODE, reply_text(invite, "200 OK", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 200");
	phone_quiet(w, BOB);
	world_free(w);
}

static void a_482_through_the_node_leaves_the_direct_copy_alone(void **state)
{
	struct tm_world *w = world_of_nodes();
	char invite[8192];

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", NODE->got);
	phone_expect(w, BOB, "INVITE ");
	phone_send(w, NODE, reply_text(invite, "482 Loop Detected", "b2", NULL));
	phone_expect(w, NODE, "ACK ");
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 200");
	world_free(w);
}

/* The pinhole let only the node's copy in. */
static void a_late_answer_through_the_node_counts(void **state)
{
	struct tm_world *w = world_of_nodes();
	char invite[8192];

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", NODE->got);
	phone_expect(w, BOB, "INVITE ");
	phone_send(w, NODE, reply_text(invite, "100 Trying", NULL, NULL));
	phone_send(w, NODE, reply_text(invite, "180 Ringing", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 180");
	phone_send(w, ALICE, REQ(ALICE, .method = "CANCEL"));
	phone_expect(w, NODE, "CANCEL ");
	phone_send(w, NODE, reply_text(invite, "487 Request Terminated", "b1", NULL));
	phone_expect(w, NODE, "ACK ");
	assert_has(NODE->got, "Route: <sip:flow@");
	phone_await(w, ALICE, "SIP/2.0 487");
	world_free(w);
}

/* It wakes up when the phone rings already: it must not ring twice. */
static void a_node_that_wakes_up_late_is_cancelled(void **state)
{
	struct tm_world *w = world_of_nodes();
	char invite[8192];

	(void)state;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", NODE->got);
	phone_expect(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "180 Ringing", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 180");
	phone_send(w, NODE, reply_text(invite, "100 Trying", NULL, NULL));
	phone_expect(w, NODE, "CANCEL ");
	assert_has(NODE->got, "Route: <sip:flow@");
	phone_send(w, NODE, reply_text(NODE->got, "200 OK", "n1", NULL));
	phone_send(w, NODE, reply_text(invite, "487 Request Terminated", "n1", NULL));
	phone_expect(w, NODE, "ACK ");
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 200");
	world_free(w);
}

static void neither_way_brings_an_answer(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->conf.fr_timer = 500;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	phone_expect(w, BOB, "INVITE ");
	phone_await(w, ALICE, "SIP/2.0 408");
	world_free(w);
}

static void an_impatient_branch_leaves_time_for_the_direct_copy(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->conf.detour_timer = 10000;
	w->conf.fr_timer = 400;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, BOB, "INVITE ");
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 200");
	world_free(w);
}

static void script_fork_foreign(struct tm_world *w, struct ph_msg *msg)
{
	struct tm_target t = {.ruri = phone_uri(msg, &w->phones[3]), .q = 1000};

	if (msg->sip.method == SIP_INVITE) {
		assert_int_equal(msg_add_branch(msg, &t), 0);
		t.foreign = SOCKET;
		t.du = phone_uri(msg, &w->phones[4]);
		assert_int_equal(msg_add_branch(msg, &t), 0);
	}
	script_foreign(w, msg);
}

static void each_branch_of_a_fork_has_its_own_way(void **state)
{
	struct tm_world *w = world_of_nodes();
	struct phone *near, *far;

	(void)state;
	near = phone_new(w);
	far = phone_new(w);
	w->script = script_fork_foreign;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE sip:bob@example.org");
	phone_expect(w, NODE, "INVITE sip:127.0.0.1");
	phone_expect(w, near, "INVITE ");
	assert_has_not(near->got, "Route:");
	phone_send(w, near, reply_text(near->got, "200 OK", "c1", NULL));
	phone_await(w, ALICE, "SIP/2.0 200");
	/* the others are not wanted any more: no direct copies */
	world_run(w, 250);
	phone_quiet(w, BOB);
	phone_quiet(w, far);
	world_free(w);
}

static void edit_the_branch(struct tm_world *w, struct ph_msg *request, struct tm_branch *br)
{
	(void)w;
	(void)br;
	assert_slice_equal(request->foreign, "udp:192.0.2.2:5060");
	assert_int_equal(sip_hdr_add(&request->sip, SIP_AFTER, NULL, SLICE("X-Branch"), SLICE("1"), NULL), 0);
}

static void script_foreign_branch(struct tm_world *w, struct ph_msg *msg)
{
	msg->armed.on_branch = 0;
	script_foreign(w, msg);
}

static void both_copies_have_the_edits_of_the_branch_block(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->script = script_foreign_branch;
	w->edit_branch = edit_the_branch;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, NODE, "INVITE ");
	assert_has(NODE->got, "X-Branch: 1");
	phone_expect(w, BOB, "INVITE ");
	assert_has(BOB->got, "X-Branch: 1");
	world_free(w);
}

/* In a dialog the Route set names the flow */

static void script_in_dialog(struct tm_world *w, struct ph_msg *msg)
{
	struct slice route = sip_hdr_value(&msg->sip, SIP_H_ROUTE);

	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
	/* what was taken off for the branch is there again */
	assert_true(slice_eq(sip_hdr_value(&msg->sip, SIP_H_ROUTE), route));
}

#define FLOW_ROUTE "Route: <sip:flow@192.0.2.2:5060;lr>, <sip:192.0.2.9;lr>\r\n"

static void a_flow_in_the_route_set_is_the_way_through_its_node(void **state)
{
	struct tm_world *w = world_of_nodes();
	char route[64];

	(void)state;
	w->script = script_in_dialog;
	w->flow = BOB;
	snprintf(route, sizeof(route), "Route: <sip:flow@127.0.0.1:%u;lr>\r\n", NODE->port);
	phone_send(w, ALICE, REQ(ALICE, .method = "BYE", .to_tag = "b1", .extra = FLOW_ROUTE));
	phone_expect(w, NODE, "BYE sip:bob@example.org");
	assert_has(NODE->got, route);
	assert_has(NODE->got, "Route: <sip:192.0.2.9;lr>\r\n");
	assert_has_not(NODE->got, "192.0.2.2");
	world_free(w);
}

static void a_flow_of_a_dead_node_is_left_out(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->script = script_in_dialog;
	w->flow = BOB;
	w->voice = NULL;
	phone_send(w, ALICE, REQ(ALICE, .method = "BYE", .to_tag = "b1", .extra = FLOW_ROUTE));
	phone_expect(w, BOB, "BYE sip:bob@example.org");
	assert_has_not(BOB->got, "flow@");
	assert_has(BOB->got, "Route: <sip:192.0.2.9;lr>\r\n");
	world_free(w);
}

static void a_flow_of_a_silent_node_is_left_out_after_a_while(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->script = script_in_dialog;
	w->flow = BOB;
	phone_send(w, ALICE, REQ(ALICE, .method = "BYE", .to_tag = "b1", .extra = FLOW_ROUTE));
	phone_expect(w, NODE, "BYE ");
	phone_expect(w, BOB, "BYE ");
	assert_has_not(BOB->got, "flow@");
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_expect(w, ALICE, "SIP/2.0 200");
	assert_int_equal(w->silent, 1);
	world_free(w);
}

static void a_flow_of_our_own_is_no_detour(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->script = script_in_dialog;
	w->flow = BOB;
	w->flow_sock = &w->socks.list[0];
	phone_send(w, ALICE, REQ(ALICE, .method = "BYE", .to_tag = "b1", .extra = FLOW_ROUTE));
	phone_expect(w, BOB, "BYE ");
	assert_has_not(BOB->got, "flow@");
	phone_quiet(w, NODE);
	assert_int_equal(world_counter(w, TM_C_DETOURS), 0);
	world_free(w);
}

static void script_elsewhere(struct tm_world *w, struct ph_msg *msg)
{
	msg->du = phone_uri(msg, &w->phones[1]);
	script_in_dialog(w, msg);
}

static void a_next_hop_of_the_script_stands_above_the_flow(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->script = script_elsewhere;
	w->flow = ALICE;
	phone_send(w, ALICE, REQ(ALICE, .method = "BYE", .to_tag = "b1", .extra = FLOW_ROUTE));
	phone_expect(w, BOB, "BYE ");
	assert_has(BOB->got, FLOW_ROUTE);
	world_free(w);
}

static void an_ack_takes_the_same_way(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->script = script_in_dialog;
	w->flow = BOB;
	phone_send(w, ALICE, REQ(ALICE, .method = "ACK", .to_tag = "b1", .extra = FLOW_ROUTE));
	phone_expect(w, NODE, "ACK ");
	assert_has(NODE->got, "Route: <sip:flow@127.0.0.1");
	w->voice = NULL;
	phone_send(w, ALICE, REQ(ALICE, .method = "ACK", .to_tag = "b1", .extra = FLOW_ROUTE, .branch = "z9hG4bK2"));
	phone_expect(w, BOB, "ACK ");
	assert_has_not(BOB->got, "flow@");
	phone_quiet(w, NODE);
	world_free(w);
}

/* At the node that carries */

static void script_carry(struct tm_world *w, struct ph_msg *msg)
{
	struct tm_target t = {.du = phone_uri(msg, &w->phones[1]),
		.flow = true,
		.via_params = SLICE("flow=abc"),
		.q = 1000};

	w->relay_code = tm_relay(w->tm, msg, &t, 0);
}

static void a_flow_without_its_connection_has_failed(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->script = script_carry;
	BOB->tcp = true;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_await(w, ALICE, "SIP/2.0 430 Flow Failed");
	BOB->tcp = false;
	assert_int_equal(counter_read(w->first_net + NET_C_TCP_CONNECTED), 0);
	world_free(w);
}

static void a_flow_goes_over_its_connection(void **state)
{
	struct tm_world *w = world_new();

	(void)state;
	phone_new(w);
	phone_new_tcp(w);
	world_run(w, 50);
	w->script = script_carry;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, BOB, "INVITE ");
	world_free(w);
}

static void our_via_carries_what_the_next_node_is_to_know(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->script = script_carry;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, BOB, "INVITE ");
	assert_has(BOB->got, ";flow=abc\r\n");
	phone_send(w, BOB, reply_text(BOB->got, "200 OK", "b1", NULL));
	phone_await(w, ALICE, "SIP/2.0 200");
	world_free(w);
}

static void script_carried(struct tm_world *w, struct ph_msg *msg)
{
	struct net_rx *carrier = arena_alloc(msg->arena, sizeof(*carrier));

	*carrier = msg->rx;
	msg->carrier = carrier;
	msg->rx.src.in = loopback(9);
	assert_int_equal(tm_reply(w->tm, msg, 404, (struct slice){0}, (struct slice){0}), 1);
}

static void replies_go_to_who_carried_the_request(void **state)
{
	struct tm_world *w = world_of_nodes();

	(void)state;
	w->script = script_carried;
	phone_send(w, ALICE, REQ(ALICE, ));
	phone_expect(w, ALICE, "SIP/2.0 404");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_node_that_holds_the_socket_gets_the_request),
		cmocka_unit_test(replies_seem_to_come_from_the_phone),
		cmocka_unit_test(a_silent_node_is_passed_by),
		cmocka_unit_test(the_direct_copy_is_repeated_until_an_answer_comes),
		cmocka_unit_test(a_dead_node_is_not_asked_at_all),
		cmocka_unit_test(a_node_that_refuses_is_acknowledged_and_passed_by_at_once),
		cmocka_unit_test(a_node_that_cannot_be_connected_is_passed_by_at_once),
		cmocka_unit_test(requests_other_than_invite_go_the_same_ways),
		cmocka_unit_test(a_cancel_takes_the_way_through_the_node),
		cmocka_unit_test(a_cancel_follows_the_direct_copy),
		cmocka_unit_test(a_call_that_is_given_up_meanwhile_does_not_begin_directly),
		cmocka_unit_test(a_482_to_the_direct_copy_means_that_the_other_has_arrived),
		cmocka_unit_test(a_482_through_the_node_leaves_the_direct_copy_alone),
		cmocka_unit_test(a_late_answer_through_the_node_counts),
		cmocka_unit_test(a_node_that_wakes_up_late_is_cancelled),
		cmocka_unit_test(neither_way_brings_an_answer),
		cmocka_unit_test(an_impatient_branch_leaves_time_for_the_direct_copy),
		cmocka_unit_test(each_branch_of_a_fork_has_its_own_way),
		cmocka_unit_test(both_copies_have_the_edits_of_the_branch_block),
		cmocka_unit_test(a_flow_in_the_route_set_is_the_way_through_its_node),
		cmocka_unit_test(a_flow_of_a_dead_node_is_left_out),
		cmocka_unit_test(a_flow_of_a_silent_node_is_left_out_after_a_while),
		cmocka_unit_test(a_flow_of_our_own_is_no_detour),
		cmocka_unit_test(a_next_hop_of_the_script_stands_above_the_flow),
		cmocka_unit_test(an_ack_takes_the_same_way),
		cmocka_unit_test(a_flow_without_its_connection_has_failed),
		cmocka_unit_test(a_flow_goes_over_its_connection),
		cmocka_unit_test(our_via_carries_what_the_next_node_is_to_know),
		cmocka_unit_test(replies_go_to_who_carried_the_request),
	};
	return cmocka_run_group_tests_name("tm_detour", tests, NULL, NULL);
}
