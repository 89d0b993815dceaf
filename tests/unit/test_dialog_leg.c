/* What a dialog keeps of each side of a call. */
#include "tests/unit/ph_test.h"
#include "tests/unit/sip_test.h"

#include "plugins/dialog/leg.h"

/* We are edge.example.org and 198.51.100.7:5060, also with TCP; 198.51.100.8 is another node. */
static bool is_myself(void *arg, struct slice host, uint16_t port)
{
	(void)arg;
	return (slice_ieq(host, SLICE("edge.example.org")) ||
		       slice_eq(host, SLICE("198.51.100.7")) ||
		       slice_eq(host, SLICE("[2001:db8::7]"))) &&
		(port == 0 || port == 5060);
}

static const struct leg_ours ours = {.is_myself = is_myself};

static void parse(struct sip_test *t, const char *start, const char *headers)
{
	char text[8192];

	assert_true(
		snprintf(text, sizeof(text),
			"%s\r\nVia: SIP/2.0/UDP 192.168.1.2;branch=z9hG4bK1\r\n"
			"%sCall-ID: c1\r\nCSeq: 17 INVITE\r\nContent-Length: 0\r\n\r\n",
			start, headers) < (int)sizeof(text));
	sip_test_good(t, text);
}

static int invite(struct sip_test *t, struct store_leg *leg, const char *headers)
{
	parse(t, "INVITE sip:bob@example.org SIP/2.0", headers);
	memset(leg, 0, sizeof(*leg));
	return leg_of_invite(leg, t->arena, &t->msg, &ours);
}

static int answer(
	struct sip_test *t, struct store_leg *leg, unsigned upstream, const char *headers)
{
	parse(t, "SIP/2.0 200 OK", headers);
	memset(leg, 0, sizeof(*leg));
	return leg_of_answer(leg, t->arena, &t->msg, &ours, upstream);
}

#define FROM  "From: \"Alice\" <sip:alice@example.org>;tag=a1\r\n"
#define TO    "To: <sip:bob@example.org>\r\n"
#define TOTAG "To: <sip:bob@example.org>;tag=b1\r\n"
#define BOB   "Contact: <sip:bob@203.0.113.9:40001>\r\n"

static void caller_without_proxies(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	assert_int_equal(
		invite(&t, &leg,
			FROM TO "Contact: <sip:alice@203.0.113.4:40312>;q=1\r\n"),
		0);
	assert_slice_equal(leg.tag, "a1");
	assert_slice_equal(leg.uri, "\"Alice\" <sip:alice@example.org>");
	assert_slice_equal(leg.target, "sip:alice@203.0.113.4:40312");
	assert_slice_equal(leg.routes, "");
	assert_int_equal(leg.cseq, 17);
	sip_test_free(&t);
}

static void quoted_names_and_other_parameters_stay(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	assert_int_equal(
		invite(&t, &leg,
			"From: \"Al \\\" <x>;tag=no, \" "
			"<sip:alice@example.org;user=phone>;x=y;TAG=a1;z\r\n" TO),
		0);
	assert_slice_equal(leg.tag, "a1");
	assert_slice_equal(leg.uri,
		"\"Al \\\" <x>;tag=no, \" <sip:alice@example.org;user=phone>;x=y;z");
	assert_slice_equal(leg.target, "");
	sip_test_free(&t);
}

static void an_address_without_brackets_stays_without(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	assert_int_equal(
		invite(&t, &leg, "From: sip:alice@example.org;tag=a1;p=1\r\n" TO), 0);
	assert_slice_equal(leg.uri, "sip:alice@example.org;p=1");
	sip_test_free(&t);
}

static void folds_become_blanks(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	assert_int_equal(
		invite(&t, &leg,
			"From: \"A\r\n B\" <sip:alice@example.org>\r\n ;tag=a1\r\n" TO
			"Record-Route: <sip:p1.example.net;lr>;x=\"a\r\n b\"\r\n"),
		0);
	assert_int_equal(slice_chr(leg.uri, '\r'), -1);
	assert_int_equal(slice_chr(leg.uri, '\n'), -1);
	assert_int_equal(slice_chr(leg.routes, '\n'), -1);
	sip_test_free(&t);
}

static void proxies_behind_us_are_the_way_to_the_caller_in_their_order(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	assert_int_equal(
		invite(&t, &leg,
			FROM TO "Record-Route: <sip:p2.example.net;lr>, "
				"<sip:p1.example.net:5070;lr>;x=1\r\n"
				"Record-Route: \"first, hop\" <sip:p0.example.net>\r\n"),
		0);
	assert_slice_equal(leg.routes,
		"<sip:p2.example.net;lr>, <sip:p1.example.net:5070;lr>;x=1, \"first, "
		"hop\" <sip:p0.example.net>");
	assert_int_equal(leg_routes_count(t.arena, leg.routes), 3);
	sip_test_free(&t);
}

static void our_own_record_routes_are_left_out(void **state)
{
	struct sip_test t;
	struct store_leg leg;
	struct sip_hdr *h;

	(void)state;
	/* Two of ours that record_route() has added under any name, one that was there (a spiral). */
	parse(&t, "INVITE sip:bob@example.org SIP/2.0",
		FROM TO "Record-Route: <sip:198.51.100.7;lr;ftag=a1>\r\nRecord-Route: "
			"<sip:p1.example.net;lr>\r\n");
	h = sip_hdr_first(&t.msg, SIP_H_RECORD_ROUTE);
	assert_int_equal(sip_hdr_add(&t.msg, SIP_BEFORE, h, SLICE("Record-Route"),
				 SLICE("<sip:name.invalid;lr;r2=on>"), &h),
		0);
	assert_int_equal(
		sip_hdr_add(&t.msg, SIP_BEFORE, h, SLICE("Record-Route"),
			SLICE("<sip:name.invalid;transport=tcp;lr;r2=on>"), NULL),
		0);
	assert_int_equal(leg_of_invite(&leg, t.arena, &t.msg, &ours), 0);
	assert_slice_equal(leg.routes, "<sip:p1.example.net;lr>");
	sip_test_free(&t);
}

static void a_contact_repaired_by_the_script_is_what_counts(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	parse(&t, "INVITE sip:bob@example.org SIP/2.0",
		FROM TO "Contact: <sip:alice@192.168.1.2:5060>\r\n");
	assert_int_equal(sip_hdr_set(&t.msg, sip_hdr_first(&t.msg, SIP_H_CONTACT),
				 SLICE("<sip:alice@203.0.113.4:40312;transport=tcp>")),
		0);
	assert_int_equal(leg_of_invite(&leg, t.arena, &t.msg, &ours), 0);
	assert_slice_equal(leg.target, "sip:alice@203.0.113.4:40312;transport=tcp");
	sip_test_free(&t);
}

static void callee_without_proxies(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	assert_int_equal(
		answer(&t, &leg, 0,
			FROM TOTAG BOB "Record-Route: <sip:198.51.100.7;lr;ftag=a1>\r\n"),
		0);
	assert_slice_equal(leg.tag, "b1");
	assert_slice_equal(leg.uri, "<sip:bob@example.org>");
	assert_slice_equal(leg.target, "sip:bob@203.0.113.9:40001");
	assert_slice_equal(leg.routes, "");
	assert_int_equal(leg.cseq, 0);
	sip_test_free(&t);
}

static void proxies_before_us_are_the_way_to_the_callee_reversed(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	assert_int_equal(
		answer(&t, &leg, 2,
			FROM TOTAG BOB
			"Record-Route: <sip:p5.example.net;lr>, "
			"<sip:p4.example.net;lr>\r\n"
			"Record-Route: <sip:p3.example.net>\r\n"
			"Record-Route: <sip:198.51.100.7;transport=tcp;r2=on;lr>, "
			"<sip:198.51.100.7;r2=on;lr>\r\n"
			"Record-Route: <sip:p2.example.net;lr>, "
			"<sip:p1.example.net;lr>\r\n"),
		0);
	assert_slice_equal(leg.routes,
		"<sip:p3.example.net>, <sip:p4.example.net;lr>, <sip:p5.example.net;lr>");
	sip_test_free(&t);
}

static void another_node_of_ours_stays_as_it_is_the_way_to_its_phone(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	assert_int_equal(
		answer(&t, &leg, 0,
			FROM TOTAG BOB "Record-Route: <sip:flowtoken@198.51.100.8;lr>\r\n"
				       "Record-Route: <sip:edge.example.org;lr>\r\n"),
		0);
	assert_slice_equal(leg.routes, "<sip:flowtoken@198.51.100.8;lr>");
	sip_test_free(&t);
}

static void without_a_record_route_of_ours_the_callers_are_counted_off(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	assert_int_equal(answer(&t, &leg, 2,
				 FROM TOTAG BOB
				 "Record-Route: <sip:p3.example.net;lr>, "
				 "<sip:p2.example.net;lr>, <sip:p1.example.net;lr>\r\n"),
		0);
	assert_slice_equal(leg.routes, "<sip:p3.example.net;lr>");
	sip_test_free(&t);
	assert_int_equal(
		answer(&t, &leg, 4,
			FROM TOTAG BOB "Record-Route: <sip:p3.example.net;lr>\r\n"),
		0);
	assert_slice_equal(leg.routes, "");
	sip_test_free(&t);
}

static void ipv6_everywhere(void **state)
{
	struct sip_test t;
	struct store_leg leg;

	(void)state;
	assert_int_equal(answer(&t, &leg, 0,
				 FROM TOTAG "Contact: <sip:bob@[2001:db8::9]:40001>\r\n"
					    "Record-Route: <sip:[2001:db8::3];lr>, "
					    "<sip:[2001:db8::7]:5060;lr>\r\n"),
		0);
	assert_slice_equal(leg.target, "sip:bob@[2001:db8::9]:40001");
	assert_slice_equal(leg.routes, "<sip:[2001:db8::3];lr>");
	sip_test_free(&t);
}

static void two_answers_of_a_forked_invite_differ_by_tag_alone(void **state)
{
	struct sip_test t;
	struct store_leg one, two;

	(void)state;
	assert_int_equal(answer(&t, &one, 0, FROM TOTAG BOB), 0);
	assert_slice_equal(one.tag, "b1");
	sip_test_free(&t);
	assert_int_equal(answer(&t, &two, 0,
				 FROM "To: <sip:bob@example.org>;tag=b2\r\nContact: "
				      "<sip:bob@203.0.113.10>\r\n"),
		0);
	assert_slice_equal(two.tag, "b2");
	assert_slice_equal(two.target, "sip:bob@203.0.113.10");
	sip_test_free(&t);
}

static void what_cannot_be_kept_is_refused_and_nothing_written(void **state)
{
	static char route[6000], line[6200];
	struct sip_test t;
	struct store_leg leg = {.tag = SLICE("as before")};

	(void)state;
	parse(&t, "INVITE sip:bob@example.org SIP/2.0",
		"From: <sip:alice@example.org>\r\n" TO);
	assert_int_equal(
		leg_of_invite(&leg, t.arena, &t.msg, &ours), -EBADMSG); /* no tag */
	sip_test_free(&t);
	parse(&t, "INVITE sip:bob@example.org SIP/2.0",
		FROM TO "Record-Route: <sip:p1\r\n");
	assert_int_equal(leg_of_invite(&leg, t.arena, &t.msg, &ours), -EBADMSG);
	sip_test_free(&t);
	parse(&t, "INVITE sip:bob@example.org SIP/2.0",
		FROM TO "Record-Route: <nothing at all>\r\n");
	assert_int_equal(leg_of_invite(&leg, t.arena, &t.msg, &ours), -EBADMSG);
	sip_test_free(&t);
	memset(route, 'x', sizeof(route) - 1);
	(void)snprintf(line, sizeof(line),
		FROM TO "Record-Route: <sip:%s@p1.example.net;lr>\r\n", route);
	parse(&t, "INVITE sip:bob@example.org SIP/2.0", line);
	assert_int_equal(leg_of_invite(&leg, t.arena, &t.msg, &ours), -E2BIG);
	sip_test_free(&t);
	route[200] = '\0';
	(void)snprintf(
		line, sizeof(line), "From: <sip:alice@example.org>;tag=%s\r\n" TO, route);
	parse(&t, "INVITE sip:bob@example.org SIP/2.0", line);
	assert_int_equal(leg_of_invite(&leg, t.arena, &t.msg, &ours), -E2BIG);
	sip_test_free(&t);
	assert_slice_equal(leg.tag, "as before");
}

static void a_contact_that_is_none_refreshes_nothing(void **state)
{
	static const char *const no_good[] = {
		"", "Contact: *\r\n", "Contact: <mailto:x>,\r\n", "Contact: <sip:>\r\n"};
	struct sip_test t;

	(void)state;
	for (size_t i = 0; i < sizeof(no_good) / sizeof(no_good[0]); i++) {
		char headers[256];

		(void)snprintf(headers, sizeof(headers), FROM TO "%s", no_good[i]);
		parse(&t, "INVITE sip:bob@example.org SIP/2.0", headers);
		assert_slice_equal(leg_contact(t.arena, &t.msg), "");
		sip_test_free(&t);
	}
}

static void flows_are_written_and_read(void **state)
{
	struct arena *arena = arena_new(1024, 65536);
	struct addr a = ph_test_addr("203.0.113.4", 40312), b;
	enum sip_transport tr;

	(void)state;
	assert_slice_equal(leg_flow(arena, SIP_TR_UDP, &a), "udp:203.0.113.4:40312");
	assert_int_equal(leg_flow_parse(SLICE("udp:203.0.113.4:40312"), &tr, &b), 0);
	assert_true(addr_eq(&a, &b));
	assert_int_equal(tr, SIP_TR_UDP);
	a = ph_test_addr("2001:db8::4", 5070);
	assert_slice_equal(leg_flow(arena, SIP_TR_TCP, &a), "tcp:[2001:db8::4]:5070");
	assert_int_equal(leg_flow_parse(SLICE("tcp:[2001:db8::4]:5070"), &tr, &b), 0);
	assert_true(addr_eq(&a, &b));
	assert_int_equal(tr, SIP_TR_TCP);
	for (const char *const *bad = (const char *const[]){"", "udp",
		     "udp:", "203.0.113.4:1", "foo:203.0.113.4:1", "udp:203.0.113.4",
		     "udp:example.org:5060", "udp:203.0.113.4:0", "udp:203.0.113.4:99999",
		     NULL};
		*bad; bad++)
		assert_int_equal(leg_flow_parse(slice_str(*bad), &tr, &b), -EINVAL);
	arena_put(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(caller_without_proxies),
		cmocka_unit_test(quoted_names_and_other_parameters_stay),
		cmocka_unit_test(an_address_without_brackets_stays_without),
		cmocka_unit_test(folds_become_blanks),
		cmocka_unit_test(
			proxies_behind_us_are_the_way_to_the_caller_in_their_order),
		cmocka_unit_test(our_own_record_routes_are_left_out),
		cmocka_unit_test(a_contact_repaired_by_the_script_is_what_counts),
		cmocka_unit_test(callee_without_proxies),
		cmocka_unit_test(proxies_before_us_are_the_way_to_the_callee_reversed),
		cmocka_unit_test(
			another_node_of_ours_stays_as_it_is_the_way_to_its_phone),
		cmocka_unit_test(
			without_a_record_route_of_ours_the_callers_are_counted_off),
		cmocka_unit_test(ipv6_everywhere),
		cmocka_unit_test(two_answers_of_a_forked_invite_differ_by_tag_alone),
		cmocka_unit_test(what_cannot_be_kept_is_refused_and_nothing_written),
		cmocka_unit_test(a_contact_that_is_none_refreshes_nothing),
		cmocka_unit_test(flows_are_written_and_read),
	};

	return cmocka_run_group_tests_name("dialog_leg", tests, NULL, NULL);
}
