/*
 * Next hops that take their time. The resolver here is the test's own: it answers when the test says so.
 */
#include "tests/unit/tm_test.h"

static struct {
	bool at_once;
	int err;
	struct net_hop hops[NET_MAX_HOPS];
	unsigned count;
	char host[64];
	net_resolved fn; /* the one that waits */
	void *arg;
} resolver;

int net_resolve(struct net *n, const struct net_query *q,
	struct net_hop hops[NET_MAX_HOPS], unsigned *count, net_resolved fn, void *arg)
{
	(void)n;
	snprintf(resolver.host, sizeof(resolver.host), "%.*s", SLICE_ARG(q->host));
	if (resolver.at_once) {
		memcpy(hops, resolver.hops, sizeof(resolver.hops));
		*count = resolver.count;
		return resolver.err;
	}
	assert_null(resolver.fn);
	resolver.fn = fn;
	resolver.arg = arg;
	return -EINPROGRESS;
}

void net_hop_failed(struct net *n, const struct net_hop *hop, uint64_t ms)
{
	(void)n;
	(void)hop;
	(void)ms;
}

void net_hop_answered(struct net *n, const struct net_hop *hop)
{
	(void)n;
	(void)hop;
}

static void resolver_answers(void)
{
	net_resolved fn = resolver.fn;

	assert_non_null(fn);
	resolver.fn = NULL;
	fn(resolver.arg, resolver.err, resolver.hops, resolver.count);
}

static void resolver_is(int err, unsigned count, const struct phone *p)
{
	memset(&resolver, 0, sizeof(resolver));
	resolver.err = err;
	resolver.count = count;
	for (unsigned i = 0; i < count; i++) {
		resolver.hops[i].transport = SIP_TR_UDP;
		resolver.hops[i].addr = ph_test_ipv4("127.0.0.1", p->port);
	}
}

static void script_named(struct tm_world *w, struct ph_msg *msg)
{
	if (msg->sip.method == SIP_OPTIONS)
		w->relay_code = tm_forward(w->tm, msg, NULL);
	else
		w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static struct tm_world *world_named(void)
{
	struct tm_world *w = world_new();

	phone_new(w);
	phone_new(w);
	w->script = script_named;
	return w;
}

static void request_leaves_when_its_name_is_found(void **state)
{
	struct tm_world *w = world_named();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	resolver_is(0, 1, bob);
	phone_send(w, alice, REQ(alice, .ruri = "sip:bob@somewhere.example"));
	phone_expect(w, alice, "SIP/2.0 100");
	assert_int_equal(w->relay_code, TM_RELAY_PARKED);
	assert_string_equal(resolver.host, "somewhere.example");
	phone_quiet(w, bob);
	resolver_answers();
	assert_int_equal(w->relayed, 1);
	assert_int_equal(w->relay_code, TM_RELAYED);
	phone_expect(w, bob, "INVITE sip:bob@somewhere.example");
	phone_send(w, bob, reply_text(bob->got, "200 OK", "b1", NULL));
	phone_expect(w, alice, "SIP/2.0 200");
	world_free(w);
}

static void name_that_is_not_found_in_the_end_is_answered(void **state)
{
	struct tm_world *w = world_named();
	struct phone *alice = &w->phones[0];

	(void)state;
	resolver_is(-ENOENT, 0, NULL);
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	WORLD_UNTIL(w, resolver.fn != NULL);
	resolver_answers();
	assert_int_equal(w->relay_code, TM_E_UNRESOLVED);
	phone_expect(w, alice, "SIP/2.0 478");
	world_free(w);
}

static void cancel_during_the_lookup_stops_the_call(void **state)
{
	struct tm_world *w = world_named();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	resolver_is(0, 1, bob);
	phone_send(w, alice, REQ(alice, ));
	phone_expect(w, alice, "SIP/2.0 100");
	phone_send(w, alice, REQ(alice, .method = "CANCEL"));
	phone_expect(w, alice, "SIP/2.0 200");
	assert_int_equal(w->cancelled, 1);
	resolver_answers();
	assert_int_equal(w->relay_code, TM_RELAYED);
	phone_expect(w, alice, "SIP/2.0 487");
	phone_quiet(w, bob);
	world_free(w);
}

static void answer_of_the_resolver_after_the_end_of_tm_is_harmless(void **state)
{
	struct tm_world *w = world_named();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];
	net_resolved fn;
	void *arg;

	(void)state;
	resolver_is(0, 1, bob);
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	WORLD_UNTIL(w, resolver.fn != NULL);
	fn = resolver.fn;
	arg = resolver.arg;
	resolver.fn = NULL;
	phone_send(w, alice,
		REQ(alice, .method = "OPTIONS", .branch = "z9hG4bKo", .call = "o@test"));
	WORLD_UNTIL(w, resolver.fn != NULL);
	tm_destroy(&w->tm);
	fn(arg, 0, resolver.hops, 1);
	resolver_answers();
	assert_int_equal(w->relayed, 0);
	world_free(w);
}

static void stateless_request_leaves_when_its_name_is_found(void **state)
{
	struct tm_world *w = world_named();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	resolver_is(0, 1, bob);
	phone_send(w, alice, REQ(alice, .method = "OPTIONS"));
	WORLD_UNTIL(w, resolver.fn != NULL);
	assert_int_equal(w->relay_code, TM_RELAY_PARKED);
	resolver_answers();
	assert_int_equal(w->relay_code, TM_RELAYED);
	phone_expect(w, bob, "OPTIONS ");
	world_free(w);
}

static void unreachable_address_is_passed_over_for_the_next(void **state)
{
	struct tm_world *w = world_named();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	resolver_is(0, 2, bob);
	resolver.at_once = true;
	/* we have no listener of that family */
	resolver.hops[0].addr = ph_test_ipv6("2001:db8::1", 5060);
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, bob, "MESSAGE ");
	assert_int_equal(w->relay_code, TM_RELAYED);
	resolver.count = 1;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE", .branch = "z9hG4bK2"));
	phone_expect(w, alice, "SIP/2.0 477");
	assert_int_equal(w->relay_code, TM_E_SEND);
	world_free(w);
}

static void script_wants_tcp_socket(struct tm_world *w, struct ph_msg *msg)
{
	msg->send_sock = &w->socks.list[1];
	w->relay_code = tm_relay(w->tm, msg, NULL, 0);
}

static void socket_that_does_not_fit_the_next_hop_is_replaced_and_counted(void **state)
{
	struct tm_world *w = world_named();
	struct phone *alice = &w->phones[0], *bob = &w->phones[1];

	(void)state;
	w->script = script_wants_tcp_socket;
	resolver_is(0, 1, bob);
	resolver.at_once = true;
	phone_send(w, alice, REQ(alice, .method = "MESSAGE"));
	phone_expect(w, bob, "MESSAGE ");
	assert_int_equal(world_counter(w, TM_C_SOCKET_FALLBACK), 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_leaves_when_its_name_is_found),
		cmocka_unit_test(name_that_is_not_found_in_the_end_is_answered),
		cmocka_unit_test(cancel_during_the_lookup_stops_the_call),
		cmocka_unit_test(answer_of_the_resolver_after_the_end_of_tm_is_harmless),
		cmocka_unit_test(stateless_request_leaves_when_its_name_is_found),
		cmocka_unit_test(unreachable_address_is_passed_over_for_the_next),
		cmocka_unit_test(
			socket_that_does_not_fit_the_next_hop_is_replaced_and_counted),
	};
	return cmocka_run_group_tests_name("tm_resolve", tests, NULL, NULL);
}
