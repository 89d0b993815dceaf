/* The BYE to each side, read back with our own parser; and whose turn it is to send it. */
#include "tests/unit/ph_test.h"
#include "tests/unit/sip_test.h"

#include "core/sip/sip_header.h"
#include "plugins/dialog/bye.h"
#include "plugins/dialog/due.h"

static bool is_myself(void *arg, struct slice host, uint16_t port)
{
	(void)arg;
	return slice_eq(host, SLICE("198.51.100.7")) && (port == 0 || port == 5060);
}

static const struct leg_ours ours = {.is_myself = is_myself};

static struct store_dialog call(void)
{
	return (struct store_dialog){
		.call_id = SLICE("c1@example.org"),
		.id = SLICE("0123456789abcdef01234567"),
		.state = STORE_DIALOG_CONFIRMED,
		.node = SLICE("edge1"),
		.caller = {.tag = SLICE("a1"),
			.uri = SLICE("\"Alice\" <sip:alice@example.org>"),
			.target = SLICE("sip:alice@203.0.113.4:40312"),
			.socket = SLICE("udp:198.51.100.7:5060"),
			.flow = SLICE("udp:203.0.113.4:40312"),
			.cseq = 17},
		.callee = {.tag = SLICE("b1"),
			.uri = SLICE("<sip:bob@example.org>"),
			.target = SLICE("sip:bob@203.0.113.9:40001;transport=tcp"),
			.socket = SLICE("tcp:198.51.100.7:5060"),
			.flow = SLICE("tcp:203.0.113.9:40001"),
			.cseq = 0},
		.fence = 3,
	};
}

/** A BYE as it would be received, with a Via put in. */
struct read_back {
	struct sip_test sip;
	struct arena *arena;
	struct bye bye;
};

static void make(struct read_back *r, const struct store_dialog *d, enum bye_to to,
	const char *reason)
{
	char text[8192];
	ptrdiff_t line;

	r->arena = arena_new(16384, 1 << 20);
	assert_int_equal(bye_make(&r->bye, r->arena, d, to, slice_str(reason), &ours), 0);
	line = slice_find(r->bye.text, SLICE("\r\n")) + 2;
	assert_true(line > 2);
	(void)snprintf(text, sizeof(text),
		"%.*sVia: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1\r\n%.*s",
		SLICE_ARG(slice_sub(r->bye.text, 0, (size_t)line)),
		SLICE_ARG(slice_from(r->bye.text, (size_t)line)));
	sip_test_good(&r->sip, text);
	assert_int_equal(r->sip.msg.method, SIP_BYE);
	assert_slice_equal(r->sip.msg.call_id, "c1@example.org");
	assert_int_equal(r->sip.msg.raw.len, strlen(text)); /* Content-Length ends it */
}

static void done(struct read_back *r)
{
	sip_test_free(&r->sip);
	arena_put(r->arena);
}

static struct slice route(struct read_back *r, unsigned n)
{
	const struct sip_nameaddr *x = sip_nameaddrs(&r->sip.msg, SIP_H_ROUTE, NULL);

	while (x && n-- > 0)
		x = x->next;
	return x ? x->text : (struct slice){0};
}

static void to_the_caller_it_comes_from_the_callee(void **state)
{
	const struct store_dialog d = call();
	struct read_back r;

	(void)state;
	make(&r, &d, BYE_TO_CALLER, "media timeout");
	assert_slice_equal(r.sip.msg.ruri, "sip:alice@203.0.113.4:40312");
	assert_slice_equal(
		sip_hdr_value(&r.sip.msg, SIP_H_FROM), "<sip:bob@example.org>;tag=b1");
	assert_slice_equal(sip_hdr_value(&r.sip.msg, SIP_H_TO),
		"\"Alice\" <sip:alice@example.org>;tag=a1");
	assert_int_equal(r.sip.msg.cseq, 1); /* bob has sent nothing yet */
	assert_slice_equal(route(&r, 0), "");
	assert_slice_equal(r.bye.du, "sip:203.0.113.4:40312");
	assert_slice_equal(r.bye.socket, "udp:198.51.100.7:5060");
	assert_has(r.bye.text, "\r\nReason: SIP;cause=480;text=\"media timeout\"\r\n");
	assert_has(r.bye.text, "\r\nMax-Forwards: 70\r\n");
	done(&r);
}

static void to_the_callee_it_comes_from_the_caller(void **state)
{
	const struct store_dialog d = call();
	struct read_back r;

	(void)state;
	make(&r, &d, BYE_TO_CALLEE, "maximum duration");
	assert_slice_equal(r.sip.msg.ruri, "sip:bob@203.0.113.9:40001;transport=tcp");
	assert_slice_equal(sip_hdr_value(&r.sip.msg, SIP_H_FROM),
		"\"Alice\" <sip:alice@example.org>;tag=a1");
	assert_slice_equal(
		sip_hdr_value(&r.sip.msg, SIP_H_TO), "<sip:bob@example.org>;tag=b1");
	assert_int_equal(r.sip.msg.cseq, 18);
	assert_slice_equal(r.bye.du, "sip:203.0.113.9:40001;transport=tcp");
	assert_slice_equal(r.bye.socket, "tcp:198.51.100.7:5060");
	done(&r);
}

static void it_goes_along_the_route_set(void **state)
{
	struct store_dialog d = call();
	struct read_back r;

	(void)state;
	d.caller.routes = SLICE("<sip:p2.example.net;lr>, \"x, y\" "
				"<sip:p1.example.net:5070;transport=tcp;lr>;p=1");
	make(&r, &d, BYE_TO_CALLER, "x");
	assert_slice_equal(r.sip.msg.ruri, "sip:alice@203.0.113.4:40312");
	assert_slice_equal(route(&r, 0), "<sip:p2.example.net;lr>");
	assert_slice_equal(
		route(&r, 1), "\"x, y\" <sip:p1.example.net:5070;transport=tcp;lr>;p=1");
	assert_slice_equal(route(&r, 2), "");
	assert_slice_equal(r.bye.du, "sip:p2.example.net;lr");
	done(&r);
}

static void a_strict_router_gets_itself_as_request_uri(void **state)
{
	struct store_dialog d = call();
	struct read_back r;

	(void)state;
	/* RFC 3261 section 12.2.1.1; headers and method may not stand in a request URI */
	d.caller.routes = SLICE("<sip:p2.example.net;method=INVITE;x=y?Subject=z>, "
				"<sip:p1.example.net;lr>");
	make(&r, &d, BYE_TO_CALLER, "x");
	assert_slice_equal(r.sip.msg.ruri, "sip:p2.example.net;x=y");
	assert_slice_equal(route(&r, 0), "<sip:p1.example.net;lr>");
	assert_slice_equal(route(&r, 1), "<sip:alice@203.0.113.4:40312>");
	assert_slice_equal(route(&r, 2), "");
	assert_slice_equal(r.bye.du, "sip:p2.example.net;x=y");
	done(&r);
}

static void routes_through_ourselves_are_walked_already(void **state)
{
	struct store_dialog d = call();
	struct read_back r;

	(void)state;
	d.callee.routes = SLICE("<sip:token@198.51.100.7;lr>");
	make(&r, &d, BYE_TO_CALLEE, "x");
	assert_slice_equal(route(&r, 0), "");
	assert_slice_equal(r.bye.du, "sip:203.0.113.9:40001;transport=tcp");
	done(&r);
}

static void the_node_that_holds_the_phones_socket_is_no_route_of_its_own(void **state)
{
	struct store_dialog d = call();
	struct read_back r;

	(void)state;
	d.callee.socket = SLICE("udp:198.51.100.8:5062");
	d.callee.flow = SLICE("udp:203.0.113.9:40001");
	d.callee.routes =
		SLICE("<sip:token@198.51.100.8:5062;lr>, <sip:p9.example.net;lr>");
	make(&r, &d, BYE_TO_CALLEE, "x");
	assert_slice_equal(route(&r, 0), "<sip:p9.example.net;lr>");
	assert_slice_equal(r.bye.du, "sip:p9.example.net;lr");
	done(&r);
	d.callee.routes = SLICE("<sip:token@198.51.100.8:5062;lr>");
	make(&r, &d, BYE_TO_CALLEE, "x");
	assert_slice_equal(route(&r, 0), "");
	assert_slice_equal(r.bye.du, "sip:203.0.113.9:40001");
	assert_slice_equal(r.bye.socket, "udp:198.51.100.8:5062");
	done(&r);
	/* Another port, another transport: another hop. */
	d.callee.routes = SLICE("<sip:token@198.51.100.8;lr>");
	make(&r, &d, BYE_TO_CALLEE, "x");
	assert_slice_equal(route(&r, 0), "<sip:token@198.51.100.8;lr>");
	done(&r);
	d.callee.socket = SLICE("udp:Edge2.example.org:5060");
	d.callee.routes = SLICE("<sip:token@edge2.example.org;lr>");
	make(&r, &d, BYE_TO_CALLEE, "x");
	assert_slice_equal(route(&r, 0), "");
	done(&r);
}

static void ipv6_flows_have_brackets(void **state)
{
	struct store_dialog d = call();
	struct read_back r;

	(void)state;
	d.caller.target = SLICE("sip:alice@[2001:db8::4]:40312");
	d.caller.flow = SLICE("udp:[2001:db8::4]:40312");
	make(&r, &d, BYE_TO_CALLER, "x");
	assert_slice_equal(r.sip.msg.ruri, "sip:alice@[2001:db8::4]:40312");
	assert_slice_equal(r.bye.du, "sip:[2001:db8::4]:40312");
	done(&r);
}

static void without_a_contact_the_phone_is_where_it_was_heard(void **state)
{
	struct store_dialog d = call();
	struct read_back r;

	(void)state;
	d.caller.target = (struct slice){0};
	make(&r, &d, BYE_TO_CALLER, "x");
	assert_slice_equal(r.sip.msg.ruri, "sip:203.0.113.4:40312");
	done(&r);
	d = call();
	d.caller.flow = (struct slice){
		0}; /* it came through a proxy that is not in the route set */
	make(&r, &d, BYE_TO_CALLER, "x");
	assert_slice_equal(r.sip.msg.ruri, "sip:alice@203.0.113.4:40312");
	assert_slice_equal(r.bye.du, "");
	done(&r);
}

static void cseq_is_one_higher_than_what_that_side_has_sent(void **state)
{
	struct store_dialog d = call();
	struct read_back r;

	(void)state;
	d.callee.cseq = 101;
	make(&r, &d, BYE_TO_CALLER, "x");
	assert_int_equal(r.sip.msg.cseq, 102);
	done(&r);
	d.callee.cseq = 2147483647u; /* no number above it is legal */
	make(&r, &d, BYE_TO_CALLER, "x");
	assert_int_equal(r.sip.msg.cseq, 2147483647u);
	done(&r);
}

static void a_record_that_does_not_hold_together_sends_nothing(void **state)
{
	struct store_dialog d;
	struct arena *arena = arena_new(16384, 1 << 20);
	struct bye bye = {.text = SLICE("as before")};

	(void)state;
#define REFUSED(change)                                                                  \
	do {                                                                             \
		d = call();                                                              \
		change;                                                                  \
		assert_int_equal(                                                        \
			bye_make(&bye, arena, &d, BYE_TO_CALLEE, SLICE("x"), &ours),     \
			-EBADMSG);                                                       \
	} while (0)
	REFUSED(d.callee.tag = (struct slice){0});
	REFUSED(d.caller.tag = (struct slice){0});
	REFUSED(d.callee.uri = (struct slice){0});
	REFUSED(d.call_id = (struct slice){0});
	REFUSED(d.call_id = SLICE("c1\r\nX: y"));
	REFUSED(d.caller.uri = SLICE("<sip:a>\r\nX: y"));
	REFUSED(d.callee.target = SLICE("sip:x SIP/2.0\r\nX: y"));
	REFUSED(d.callee.routes = SLICE("<sip:p1"));
	REFUSED(d.callee.routes = SLICE("<sip:p1;lr>, <tel:>"));
	REFUSED(d.callee.target = d.callee.flow = (struct slice){0});
#undef REFUSED
	assert_slice_equal(bye.text, "as before");
	arena_put(arena);
}

static void reasons_are_quoted(void **state)
{
	struct arena *arena = arena_new(1024, 65536);

	(void)state;
	assert_slice_equal(bye_reason(arena, SLICE("a \"b\" \\ c\r\nd")),
		"Reason: SIP;cause=480;text=\"a \\\"b\\\" \\\\ c  d\"\r\n");
	arena_put(arena);
}

/* Whose turn */

static void the_owner_acts_at_once_others_when_it_is_gone_or_late(void **state)
{
	struct store_dialog d = call();
	const struct slice me = SLICE("edge1"), other = SLICE("edge2");

	(void)state;
	d.deadline_ms = 1000000;
	assert_false(due_for_us(&d, me, true, 999999));
	assert_true(due_for_us(&d, me, true, 1000000));
	assert_false(due_for_us(&d, other, true, 1000000));
	assert_false(due_for_us(&d, other, true, 1001999));
	assert_true(due_for_us(&d, other, true, 1002000));
	assert_true(due_for_us(&d, other, false, 1000000));
	assert_false(due_for_us(&d, other, false, 999999));
	d.state = STORE_DIALOG_ENDED;
	assert_false(due_for_us(&d, me, true, 2000000));
	d.state = STORE_DIALOG_ENDING; /* whoever had claimed it has died on the way */
	assert_true(due_for_us(&d, other, true, 1000000));
	d.state = STORE_DIALOG_EARLY; /* only the owner has the INVITE */
	assert_false(due_for_us(&d, other, true, 2000000));
	assert_true(due_for_us(&d, other, false, 2000000));
}

static const struct due_view mine = {.mine = true, .now_ms = 1000000},
			     not_mine = {.now_ms = 1000000},
			     by_deadline = {.mine = true,
				     .by_deadline = true,
				     .now_ms = 1000000};

static void what_has_been_read_decides_whether_to_claim(void **state)
{
	struct store_dialog d = call();

	(void)state;
	d.deadline_ms = 1000000;
	assert_int_equal(due_after_read(0, &d, &mine), DUE_CLAIM);
	assert_int_equal(due_after_read(0, &d, &not_mine), DUE_CLAIM);
	assert_int_equal(due_after_read(0, &d, &by_deadline), DUE_CLAIM);
	d.deadline_ms = 1000001; /* another node has heard $DLG_timeout */
	assert_int_equal(due_after_read(0, &d, &by_deadline), DUE_LATER);
	assert_int_equal(due_after_read(0, &d, &mine), DUE_CLAIM);
	d.state = STORE_DIALOG_ENDING;
	assert_int_equal(due_after_read(0, &d, &mine), DUE_GONE);
	d.deadline_ms = 1000000;
	assert_int_equal(due_after_read(0, &d, &not_mine), DUE_CLAIM);
	d.state = STORE_DIALOG_ENDED;
	assert_int_equal(due_after_read(0, &d, &mine), DUE_GONE);
}

static void without_the_store_a_node_ends_its_own_calls_alone(void **state)
{
	static const int away[] = {-ENOTCONN, -ETIMEDOUT, -EBUSY, -EIO, -ENOMEM};

	(void)state;
	for (size_t i = 0; i < sizeof(away) / sizeof(away[0]); i++) {
		assert_int_equal(due_after_read(away[i], NULL, &mine), DUE_ACT);
		assert_int_equal(due_after_read(away[i], NULL, &not_mine), DUE_LEAVE);
		assert_int_equal(due_after_claim(away[i], &mine), DUE_ACT);
		assert_int_equal(due_after_claim(away[i], &not_mine), DUE_LEAVE);
	}
	assert_int_equal(
		due_after_read(0, NULL, &mine), DUE_ACT); /* the store has lost it */
	assert_int_equal(due_after_read(0, NULL, &not_mine), DUE_GONE);
	assert_int_equal(due_after_claim(-ENOENT, &mine), DUE_ACT);
	assert_int_equal(due_after_claim(-ENOENT, &not_mine), DUE_GONE);
	/* Not because it stops itself. */
	assert_int_equal(due_after_read(-ECANCELED, NULL, &mine), DUE_LEAVE);
	assert_int_equal(due_after_claim(-ECANCELED, &mine), DUE_LEAVE);
}

static void of_two_that_claim_one_acts(void **state)
{
	(void)state;
	assert_int_equal(due_after_claim(0, &not_mine), DUE_ACT);
	assert_int_equal(due_after_claim(-EALREADY, &mine), DUE_GONE);
	assert_int_equal(due_after_claim(-EALREADY, &not_mine), DUE_GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_the_caller_it_comes_from_the_callee),
		cmocka_unit_test(to_the_callee_it_comes_from_the_caller),
		cmocka_unit_test(it_goes_along_the_route_set),
		cmocka_unit_test(a_strict_router_gets_itself_as_request_uri),
		cmocka_unit_test(routes_through_ourselves_are_walked_already),
		cmocka_unit_test(
			the_node_that_holds_the_phones_socket_is_no_route_of_its_own),
		cmocka_unit_test(ipv6_flows_have_brackets),
		cmocka_unit_test(without_a_contact_the_phone_is_where_it_was_heard),
		cmocka_unit_test(cseq_is_one_higher_than_what_that_side_has_sent),
		cmocka_unit_test(a_record_that_does_not_hold_together_sends_nothing),
		cmocka_unit_test(reasons_are_quoted),
		cmocka_unit_test(the_owner_acts_at_once_others_when_it_is_gone_or_late),
		cmocka_unit_test(what_has_been_read_decides_whether_to_claim),
		cmocka_unit_test(without_the_store_a_node_ends_its_own_calls_alone),
		cmocka_unit_test(of_two_that_claim_one_acts),
	};

	return cmocka_run_group_tests_name("dialog_bye", tests, NULL, NULL);
}
