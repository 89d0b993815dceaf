/*
 * Names with several next hops: RFC 3263 section 4.3. The resolver is the test's own; its hops are phones, or nobody.
 */
#include "tests/unit/tm_test.h"

static struct {
	struct net_hop hops[NET_MAX_HOPS];
	unsigned count;
	unsigned failed, answered; /* hops that were reported */
	struct net_hop last_failed;
	uint64_t failed_ms;
} resolver;

int net_resolve(struct net *n, const struct net_query *q,
	struct net_hop hops[NET_MAX_HOPS], unsigned *count, net_resolved fn, void *arg)
{
	(void)n;
	(void)q;
	(void)fn;
	(void)arg;
	memcpy(hops, resolver.hops, sizeof(resolver.hops));
	*count = resolver.count;
	return 0;
}

void net_hop_failed(struct net *n, const struct net_hop *hop, uint64_t ms)
{
	(void)n;
	resolver.failed++;
	resolver.last_failed = *hop;
	resolver.failed_ms = ms;
}

void net_hop_answered(struct net *n, const struct net_hop *hop)
{
	(void)n;
	(void)hop;
	resolver.answered++;
}

static void hop_is(const struct phone *p)
{
	struct net_hop *hop = &resolver.hops[resolver.count++];

	hop->transport = p->tcp ? SIP_TR_TCP : SIP_TR_UDP;
	hop->addr = ph_test_ipv4("127.0.0.1", p->port);
}

static unsigned relay_flags;

static void script_named(struct tm_world *w, struct ph_msg *msg)
{
	w->relay_code = tm_relay(w->tm, msg, NULL, relay_flags);
}

/* Alice, and phones that are the hops of one name. */
static struct tm_world *world_named(unsigned hops)
{
	struct tm_world *w = world_new();

	memset(&resolver, 0, sizeof(resolver));
	relay_flags = 0;
	phone_new(w);
	for (unsigned i = 0; i < hops; i++)
		hop_is(phone_new(w));
	w->script = script_named;
	w->conf.failover_timer = 150;
	return w;
}

/* The value of the topmost Via's branch in what p has got. */
static void branch_of(const struct phone *p, char out[100])
{
	const char *at = strstr(p->got, ";branch=");

	assert_non_null(at);
	snprintf(out, 100, "%.*s", (int)strcspn(at + 8, ";\r"), at + 8);
}

static void without_via(const char *text, char out[8192])
{
	const char *line = strstr(text, "\r\n") + 2;
	const char *next = strstr(line, "\r\n") + 2;

	snprintf(out, 8192, "%.*s%s", (int)(line - text), text, next);
}

static void edit_branch(struct tm_world *w, struct ph_msg *request, struct tm_branch *br)
{
	(void)w;
	(void)br;
	assert_int_equal(sip_hdr_add(&request->sip, SIP_AFTER, NULL, SLICE("X-Edited"),
				 SLICE("by the branch block"), NULL),
		0);
}

static void script_branch(struct tm_world *w, struct ph_msg *msg)
{
	msg->armed.on_branch = 1;
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static void silent_hop_is_followed_by_the_next_with_the_same_request(void **state)
{
	struct tm_world *w = world_named(2);
	struct phone *alice = &w->phones[0], *dead = &w->phones[1], *bob = &w->phones[2];
	char first[100], second[100], a[8192], b[8192];

	(void)state;
	w->script = script_branch;
	w->edit_branch = edit_branch;
	phone_send(w, alice, REQ(alice, .ruri = "sip:bob@name.example"));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, dead, "INVITE sip:bob@name.example");
	branch_of(dead, first);
	without_via(dead->got, a);
	phone_expect(w, bob, "INVITE sip:bob@name.example");
	branch_of(bob, second);
	without_via(bob->got, b);
	assert_string_not_equal(first, second);
	assert_string_equal(a, b);
	assert_non_null(strstr(b, "X-Edited: by the branch block"));
	assert_int_equal(w->branches, 1);
	assert_int_equal(resolver.failed, 1);
	assert_int_equal(addr_port(&resolver.last_failed.addr), dead->port);
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(resolver.answered, 1);
	assert_int_equal(world_counter(w, TM_C_FAILOVERS), 1);
	world_free(w);
}

static void slow_hop_that_rings_after_all_is_cancelled(void **state)
{
	struct tm_world *w = world_named(2);
	struct phone *alice = &w->phones[0], *slow = &w->phones[1], *bob = &w->phones[2];
	char invite[8192];

	(void)state;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, slow, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", slow->got);
	phone_expect(w, bob, "INVITE ");
	phone_send(w, slow, reply_text(invite, "180 Ringing", "s1", NULL));
	phone_expect(w, slow, "CANCEL ");
	phone_send(w, slow, reply_text(slow->got, "200 OK", "s1", NULL));
	phone_send(w, slow, reply_text(invite, "487 Request Terminated", "s1", NULL));
	phone_expect(w, slow, "ACK ");
	/* None of that is the caller's business. */
	phone_quiet(w, alice);
	assert_int_equal(w->replies, 0);
	phone_send(w, bob, reply_text(bob->got, "486 Busy Here", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 486");
	world_free(w);
}

static void answer_of_a_slow_hop_reaches_the_caller(void **state)
{
	struct tm_world *w = world_named(2);
	struct phone *alice = &w->phones[0], *slow = &w->phones[1], *bob = &w->phones[2];
	char invite[8192];

	(void)state;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, slow, "INVITE ");
	snprintf(invite, sizeof(invite), "%s", slow->got);
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "100 Trying", "", NULL));
	phone_send(w, slow, reply_text(invite, "200 OK", "s1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_expect(w, bob, "CANCEL ");
	world_free(w);
}

static void provisional_reply_ends_the_search(void **state)
{
	struct tm_world *w = world_named(2);
	struct phone *alice = &w->phones[0], *bob = &w->phones[1], *other = &w->phones[2];

	(void)state;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, bob, "INVITE ");
	phone_send(w, bob, reply_text(bob->got, "100 Trying", "", NULL));
	world_run(w, 400);
	phone_quiet(w, other);
	assert_int_equal(resolver.failed, 0);
	world_free(w);
}

static void other_request_that_has_heard_100_waits_its_full_time(void **state)
{
	struct tm_world *w = world_named(2);
	struct phone *alice = &w->phones[0], *bob = &w->phones[1], *other = &w->phones[2];

	(void)state;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, bob, "MESSAGE ");
	phone_send(w, bob, reply_text(bob->got, "100 Trying", "", NULL));
	world_run(w, 400);
	phone_quiet(w, other);
	phone_send(w, bob, reply_text(bob->got, "202 Accepted", "b1", NULL));
	phone_await(w, alice, "SIP/2.0 202");
	world_free(w);
}

static void edit_reply(struct tm_world *w, struct ph_msg *reply)
{
	(void)w;
	assert_int_not_equal(reply->sip.status, 503);
}

static void hop_that_answers_503_is_acknowledged_and_followed(void **state)
{
	struct tm_world *w = world_named(2);
	struct phone *alice = &w->phones[0], *full = &w->phones[1], *bob = &w->phones[2];

	(void)state;
	w->conf.failover_timer = 5000;
	w->edit_reply = edit_reply;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, full, "INVITE ");
	phone_send(w, full,
		reply_text(full->got, "503 Service Unavailable", "f1",
			"Retry-After: 17 (maintenance)\r\n"));
	phone_expect(w, full, "ACK ");
	phone_expect(w, bob, "INVITE ");
	assert_int_equal(resolver.failed_ms, 17000);
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	world_free(w);
}

static void script_failure(struct tm_world *w, struct ph_msg *msg)
{
	msg->armed.on_failure = 1;
	w->relay_code = tm_relay(w->tm, msg, NULL, relay_flags);
}

static void failure_block_comes_when_all_hops_have_failed_with_the_last_code(void **state)
{
	struct tm_world *w = world_named(3);
	struct phone *alice = &w->phones[0];

	(void)state;
	w->script = script_failure;
	w->conf.failover_timer = 5000;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	for (unsigned i = 1; i <= 3; i++) {
		struct phone *p = &w->phones[i];

		phone_expect(w, p, "INVITE ");
		assert_int_equal(w->failures, 0);
		phone_send(w, p,
			reply_text(p->got,
				i < 3 ? "503 Service Unavailable"
				      : "480 Temporarily Unavailable",
				"f1", NULL));
		phone_expect(w, p, "ACK ");
	}
	phone_expect(w, alice, "SIP/2.0 480");
	assert_int_equal(w->failures, 1);
	assert_int_equal(w->failure_code, 480);
	world_free(w);
}

static void last_503_is_the_one_that_counts(void **state)
{
	struct tm_world *w = world_named(2);
	struct phone *alice = &w->phones[0];

	(void)state;
	w->script = script_failure;
	w->conf.failover_timer = 5000;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	for (unsigned i = 1; i <= 2; i++) {
		struct phone *p = &w->phones[i];

		phone_expect(w, p, "INVITE ");
		phone_send(
			w, p, reply_text(p->got, "503 Service Unavailable", "f1", NULL));
		phone_expect(w, p, "ACK ");
	}
	/* Section 16.7 step 6: it would keep the caller away from us. */
	phone_expect(w, alice, "SIP/2.0 500");
	assert_int_equal(w->failure_code, 503);
	assert_int_equal(resolver.failed, 2);
	world_free(w);
}

static void nothing_is_tried_after_a_cancel(void **state)
{
	struct tm_world *w = world_named(2);
	struct phone *alice = &w->phones[0], *dead = &w->phones[1],
		     *other = &w->phones[2];

	(void)state;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, dead, "INVITE ");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	phone_await(w, alice, "SIP/2.0 487");
	phone_quiet(w, other);
	world_free(w);
}

static void flag_of_the_script_keeps_to_the_first_hop(void **state)
{
	struct tm_world *w = world_named(2);
	struct phone *alice = &w->phones[0], *dead = &w->phones[1],
		     *other = &w->phones[2];

	(void)state;
	relay_flags = TM_F_NO_DNS_FAILOVER;
	w->conf.fr_timer = 300;
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_expect(w, dead, "INVITE ");
	phone_await(w, alice, "SIP/2.0 408");
	phone_quiet(w, other);
	assert_int_equal(resolver.failed, 0);
	world_free(w);
}

static void closed_tcp_port_is_followed_by_udp_with_a_via_of_its_own(void **state)
{
	struct tm_world *w = world_named(0);
	struct phone *alice = &w->phones[0], *bob;
	struct phone closed = {.tcp = true, .port = free_port()};

	(void)state;
	w->conf.failover_timer = 5000;
	hop_is(&closed);
	hop_is(&closed);
	resolver.hops[1].addr = ph_test_ipv4("127.0.0.2", closed.port);
	bob = phone_new(w);
	hop_is(bob);
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, bob, "MESSAGE ");
	assert_non_null(strstr(bob->got, "\r\nVia: SIP/2.0/UDP 127.0.0.1"));
	assert_int_equal(resolver.failed, 2);
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			silent_hop_is_followed_by_the_next_with_the_same_request),
		cmocka_unit_test(slow_hop_that_rings_after_all_is_cancelled),
		cmocka_unit_test(answer_of_a_slow_hop_reaches_the_caller),
		cmocka_unit_test(provisional_reply_ends_the_search),
		cmocka_unit_test(other_request_that_has_heard_100_waits_its_full_time),
		cmocka_unit_test(hop_that_answers_503_is_acknowledged_and_followed),
		cmocka_unit_test(
			failure_block_comes_when_all_hops_have_failed_with_the_last_code),
		cmocka_unit_test(last_503_is_the_one_that_counts),
		cmocka_unit_test(nothing_is_tried_after_a_cancel),
		cmocka_unit_test(flag_of_the_script_keeps_to_the_first_hop),
		cmocka_unit_test(
			closed_tcp_port_is_followed_by_udp_with_a_via_of_its_own),
	};
	return cmocka_run_group_tests_name("tm_failover", tests, NULL, NULL);
}
