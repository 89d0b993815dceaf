/* The SIP request of a ping, read back by the parser, and the branch that recognises its replies. */
#include "core/sip/sip_header.h"
#include "plugins/natping/ping_branch.h"
#include "plugins/natping/ping_request.h"
#include "tests/unit/natping_test.h"
#include "tests/unit/sip_test.h"

static const struct hash_key key = {.k0 = 1, .k1 = 2};
static struct net_socks socks;
static struct ping_asker asker;
static char text[PING_REQUEST_MAX];
static struct arena *arena;
static struct sip_msg msg;

static int setup(void **state)
{
	(void)state;
	natping_test_socks(&socks);
	asker = (struct ping_asker){.method = SLICE("OPTIONS"),
		.from = SLICE("\"Ping, er\" <sip:pinger@example.org>"),
		.key = &key,
		.node = ping_branch_node(&key, SLICE("edge1")),
		.salt = 0x89abcdef,
		.number = 0x123456789abcdef};
	arena = arena_new(16384, 1 << 20);
	return arena != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	net_socks_free(&socks);
	arena_put(arena);
	return 0;
}

static void ask(unsigned sock, const char *ruri, const char *route)
{
	struct sip_error why = {0};
	struct buf b;

	buf_fixed(&b, text, sizeof(text));
	ping_request_write(
		&b, &asker, &socks.list[sock], slice_str(ruri), slice_str(route));
	assert_int_equal(b.err, 0);
	if (sip_parse(&msg, arena, buf_slice(&b), NULL, &why) != 0)
		fail_msg("not SIP: %s", why.text);
	assert_int_equal(msg.kind, SIP_REQUEST);
}

static void it_is_a_complete_request_to_the_contact(void **state)
{
	(void)state;
	ask(0, "sip:alice@192.168.1.20:5060;x=y", "");
	assert_slice_equal(msg.method_text, "OPTIONS");
	assert_slice_equal(msg.ruri, "sip:alice@192.168.1.20:5060;x=y");
	assert_slice_equal(sip_from(&msg, NULL)->uri_text, "sip:pinger@example.org");
	assert_slice_equal(sip_from(&msg, NULL)->display, "\"Ping, er\"");
	assert_slice_equal(sip_from(&msg, NULL)->tag, "89abcdef0123456789abcdef");
	assert_slice_equal(
		sip_to(&msg, NULL)->uri_text, "sip:alice@192.168.1.20:5060;x=y");
	assert_slice_equal(sip_to(&msg, NULL)->tag, "");
	assert_slice_equal(msg.call_id, "0123456789abcdef-89abcdef@203.0.113.9");
	assert_int_equal(msg.cseq, 1);
	assert_slice_equal(msg.cseq_method_text, "OPTIONS");
	assert_slice_equal(sip_hdr_value(&msg, SIP_H_MAX_FORWARDS), "70");
	assert_slice_equal(sip_hdr_value(&msg, SIP_H_CONTENT_LENGTH), "0");
	assert_null(sip_hdr_first(&msg, SIP_H_ROUTE));
	assert_slice_equal(msg.body, "");
}

static void its_via_and_contact_are_the_listener_as_phones_see_it(void **state)
{
	const struct sip_via *via;

	(void)state;
	ask(0, "sip:alice@192.168.1.20", "");
	via = sip_via_list(&msg, NULL);
	assert_null(via->next);
	assert_slice_equal(via->host, "203.0.113.9");
	assert_int_equal(via->port, 5070);
	assert_int_equal(via->transport, SIP_TR_UDP);
	assert_true(via->has_rport);
	assert_slice_equal(sip_nameaddrs(&msg, SIP_H_CONTACT, NULL)->uri_text,
		"sip:203.0.113.9:5070");
}

static void over_ipv6_addresses_have_brackets(void **state)
{
	(void)state;
	ask(2, "sip:alice@[2001:db8::7]:5060", "");
	assert_slice_equal(sip_via_list(&msg, NULL)->host, "[2001:db8::1]");
	assert_slice_equal(
		sip_nameaddrs(&msg, SIP_H_CONTACT, NULL)->uri.host, "[2001:db8::1]");
	assert_slice_equal(msg.call_id, "0123456789abcdef-89abcdef@[2001:db8::1]");
}

static void over_tcp_via_and_contact_say_so(void **state)
{
	(void)state;
	ask(1, "sip:alice@192.168.1.20", "");
	assert_int_equal(sip_via_list(&msg, NULL)->transport, SIP_TR_TCP);
	assert_int_equal(
		sip_nameaddrs(&msg, SIP_H_CONTACT, NULL)->uri.transport, SIP_TR_TCP);
}

static void the_path_is_its_route(void **state)
{
	const struct sip_nameaddr *route;

	(void)state;
	ask(0, "sip:alice@192.168.1.20",
		"<sip:edge1.example.org;lr>, <sip:edge2.example.org;lr>");
	route = sip_nameaddrs(&msg, SIP_H_ROUTE, NULL);
	assert_slice_equal(route->uri_text, "sip:edge1.example.org;lr");
	assert_slice_equal(route->next->uri_text, "sip:edge2.example.org;lr");
	assert_null(route->next->next);
}

static void no_two_are_alike(void **state)
{
	struct slice branch, call_id, tag;

	(void)state;
	ask(0, "sip:alice@192.168.1.20", "");
	branch = arena_dup(arena, sip_via_list(&msg, NULL)->branch);
	call_id = arena_dup(arena, msg.call_id);
	tag = arena_dup(arena, sip_from(&msg, NULL)->tag);
	ask(0, "sip:alice@192.168.1.20", "");
	assert_false(slice_eq(branch, sip_via_list(&msg, NULL)->branch));
	assert_false(slice_eq(call_id, msg.call_id));
	assert_false(slice_eq(tag, sip_from(&msg, NULL)->tag));
}

static void what_does_not_fit_is_an_error_not_half_a_request(void **state)
{
	static char long_uri[PING_REQUEST_MAX];
	struct buf b;

	(void)state;
	memset(long_uri, 'a', sizeof(long_uri) - 1);
	buf_fixed(&b, text, sizeof(text));
	ping_request_write(
		&b, &asker, &socks.list[0], slice_str(long_uri), (struct slice){0});
	assert_int_equal(b.err, -EMSGSIZE);
}

static void the_branch_says_which_node_has_sent_it(void **state)
{
	const uint32_t other = ping_branch_node(&key, SLICE("edge2"));
	uint32_t node = 0;
	char room[128];
	struct buf b;

	(void)state;
	assert_true(other != asker.node);
	ask(0, "sip:alice@192.168.1.20", "");
	assert_true(slice_starts(sip_via_list(&msg, NULL)->branch, SLICE("z9hG4bK")));
	assert_true(ping_branch_match(&key, sip_via_list(&msg, NULL)->branch, &node));
	assert_true(node == asker.node);
	buf_fixed(&b, room, sizeof(room));
	ping_branch_write(&b, &key, other, 77);
	assert_true(ping_branch_match(&key, buf_slice(&b), &node));
	assert_true(node == other);
}

static void nobody_else_s_branch_is_ours(void **state)
{
	const struct hash_key stranger = {.k0 = 1, .k1 = 3};
	uint32_t node = 5;
	char room[128];
	struct buf b;

	(void)state;
	buf_fixed(&b, room, sizeof(room));
	ping_branch_write(&b, &key, 1, 2);
	assert_false(ping_branch_match(&stranger, buf_slice(&b), &node));
	for (size_t cut = 0; cut < b.len; cut++)
		assert_false(ping_branch_match(&key, slice_make(room, cut), &node));
	for (size_t i = 0; i < b.len; i++) {
		room[i] ^= 1;
		assert_false(ping_branch_match(&key, buf_slice(&b), &node));
		room[i] ^= 1;
	}
	buf_chr(&b, '0');
	assert_false(ping_branch_match(&key, buf_slice(&b), &node));
	assert_false(ping_branch_match(&key, SLICE("z9hG4bK776asdhds"), &node));
	assert_false(ping_branch_match(&key, (struct slice){0}, &node));
	assert_int_equal(node, 5);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_a_complete_request_to_the_contact),
		TEST(its_via_and_contact_are_the_listener_as_phones_see_it),
		TEST(over_ipv6_addresses_have_brackets),
		TEST(over_tcp_via_and_contact_say_so),
		TEST(the_path_is_its_route),
		TEST(no_two_are_alike),
		TEST(what_does_not_fit_is_an_error_not_half_a_request),
		TEST(the_branch_says_which_node_has_sent_it),
		TEST(nobody_else_s_branch_is_ours),
	};
	return cmocka_run_group_tests_name("natping_request", tests, NULL, NULL);
}
