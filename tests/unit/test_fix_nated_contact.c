#include "plugins/nat/fix_nated_contact.h"

#include "plugins/nat/add_rcv_param.h"
#include "tests/unit/sip_test.h"

static void message_with(struct sip_test *t, const char *headers)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), SIP_TEST_HEAD "%s\r\n", headers);
	sip_test_good(t, text);
}

/** Contact fields before and after, from 203.0.113.7:40312. */
static void fixed(const char *before, const char *params, const char *after)
{
	struct addr source = ph_test_addr("203.0.113.7", 40312);
	struct sip_test t;
	unsigned edits;

	message_with(&t, before);
	assert_int_equal(fix_nated_contact(&t.msg, &source, slice_str(params)), 0);
	assert_has(sip_test_plain(&t), after);
	/* a second call finds nothing to do */
	edits = t.msg.edits;
	assert_int_equal(fix_nated_contact(&t.msg, &source, slice_str(params)), 0);
	assert_int_equal(t.msg.edits, edits);
	assert_has(sip_test_plain(&t), after);
	sip_test_free(&t);
}

static void host_and_port_become_the_source(void **state)
{
	(void)state;
	fixed("Contact: <sip:alice@192.168.1.20:5060>\r\n", "",
		"\r\nContact: <sip:alice@203.0.113.7:40312>\r\n");
	fixed("Contact: <sip:192.168.1.20>\r\n", "",
		"\r\nContact: <sip:203.0.113.7:40312>\r\n");
}

static void everything_else_stays(void **state)
{
	(void)state;
	fixed("m: \"A, <B>\" "
	      "<sips:a:pw@h.local;transport=tcp;x=?y=z>;q=0.5;+sip.instance=\"<urn:1>"
	      "\"\r\n",
		"",
		"\r\nm: \"A, <B>\" <sips:a:pw@203.0.113.7:40312;transport=tcp;x=?y=z>"
		";q=0.5;+sip.instance=\"<urn:1>\"\r\n");
	fixed("Contact: sip:alice@10.0.0.1;expires=60\r\n", "",
		"\r\nContact: sip:alice@203.0.113.7:40312;expires=60\r\n");
}

static void all_contacts_of_all_headers_are_fixed(void **state)
{
	(void)state;
	fixed("Contact: <sip:a@10.0.0.1>,\r\n <sip:b@10.0.0.2:9>;q=1\r\nX: y\r\nm: "
	      "sip:c@10.0.0.3\r\n",
		"",
		"\r\nContact: <sip:a@203.0.113.7:40312>, "
		"<sip:b@203.0.113.7:40312>;q=1\r\n"
		"X: y\r\nm: sip:c@203.0.113.7:40312\r\n");
}

static void maddr_goes_as_it_would_win_over_the_host(void **state)
{
	(void)state;
	fixed("Contact: <sip:a@10.0.0.1;maddr=10.0.0.1;lr;MADDR=x;ob>\r\n", "",
		"\r\nContact: <sip:a@203.0.113.7:40312;lr;ob>\r\n");
}

static void uri_params_go_behind_the_port(void **state)
{
	(void)state;
	fixed("Contact: <sip:a@10.0.0.1;transport=udp>;q=1\r\n", ";nat=yes",
		"\r\nContact: <sip:a@203.0.113.7:40312;nat=yes;transport=udp>;q=1\r\n");
	fixed("Contact: sip:a@10.0.0.1;q=1\r\n", ";nat=yes;x",
		"\r\nContact: <sip:a@203.0.113.7:40312;nat=yes;x>;q=1\r\n");
	fixed("Contact: <sip:a@10.0.0.1;nat=yes2>\r\n", ";nat=yes",
		"\r\nContact: <sip:a@203.0.113.7:40312;nat=yes;nat=yes2>\r\n");
}

static void ipv6_source_gets_brackets(void **state)
{
	struct addr source = ph_test_addr("2001:db8::7", 5060);
	struct sip_test t;

	(void)state;
	message_with(&t, "Contact: <sip:a@[fd00::1]:5062;ob>\r\n");
	assert_int_equal(fix_nated_contact(&t.msg, &source, SLICE("")), 0);
	assert_has(sip_test_plain(&t), "\r\nContact: <sip:a@[2001:db8::7]:5060;ob>\r\n");
	sip_test_free(&t);
}

/** Refused with err, the message as it was. */
static void untouched(const char *headers, const char *params, int err)
{
	struct addr source = ph_test_addr("203.0.113.7", 40312);
	struct sip_test t;

	message_with(&t, headers);
	assert_int_equal(fix_nated_contact(&t.msg, &source, slice_str(params)), err);
	assert_int_equal(t.msg.edits, 0);
	assert_true(slice_eq(sip_test_plain(&t), t.msg.raw));
	sip_test_free(&t);
}

static void failures_leave_the_message_as_it_was(void **state)
{
	(void)state;
	untouched("", "", -ENOENT);
	untouched("Contact: *\r\n", "", -ENOENT);
	untouched("Contact: <sip:a@10.0.0.1>\r\nContact: *\r\n", "", -ENOENT);
	untouched("Contact: <tel:+1>\r\n", "", -EBADMSG);
	untouched("Contact: <sip:a@10.0.0.1>\r\nContact: <sip:a b>\r\n", "", -EBADMSG);
	untouched("Contact: <sip:a@10.0.0.1>\r\nContact: <sip:a\r\n", "", -EBADMSG);
	untouched("Contact: <sip:a@10.0.0.1>\r\n", "nat=yes", -EINVAL);
	untouched("Contact: <sip:a@10.0.0.1>\r\n", ";", -EINVAL);
	untouched("Contact: <sip:a@10.0.0.1>\r\n", ";x y", -EINVAL);
	untouched("Contact: <sip:a@10.0.0.1>\r\n", ";x>;y", -EINVAL);
	untouched("Contact: <sip:a@10.0.0.1>\r\n", ";x@10.0.0.2", -EINVAL);
	untouched("Contact: <sip:a@10.0.0.1>\r\n", ";x\r\nEvil: 1", -EINVAL);
}

/** Fill the arena of t but for spare pieces; how many pieces there were. */
static unsigned fill(struct sip_test *t, unsigned pieces, unsigned spare)
{
	unsigned n = 0;

	while ((pieces == 0 || n + spare < pieces) && arena_alloc(t->arena, 64))
		n++;
	return n;
}

static void without_memory_nothing_is_changed(void **state)
{
	static const char headers[] =
		"Contact: <sip:a@10.0.0.1>\r\nm: <sip:b@10.0.0.2>\r\n";
	struct addr source = ph_test_addr("203.0.113.7", 40312);
	unsigned pieces, spare, failed = 0;
	struct sip_test t;
	int err = -ENOMEM;

	(void)state;
	message_with(&t, headers);
	pieces = fill(&t, 0, 0);
	sip_test_free(&t);
	for (spare = 0; err != 0 && spare < 1000; spare++) {
		message_with(&t, headers);
		(void)fill(&t, pieces, spare);
		err = fix_nated_contact(&t.msg, &source, SLICE(""));
		if (err != 0) {
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(t.msg.edits, 0);
			failed++;
		}
		sip_test_free(&t);
	}
	assert_int_equal(err, 0);
	assert_true(failed > 10);
}

static void rcv(const char *before, bool in_uri, const char *after)
{
	struct sip_test t;

	message_with(&t, before);
	assert_int_equal(add_rcv_param(&t.msg,
				 SLICE("sip:203.0.113.7:40312;transport=tcp"), in_uri),
		0);
	assert_has(sip_test_plain(&t), after);
	sip_test_free(&t);
}

static void received_is_added_to_the_header_or_the_uri(void **state)
{
	(void)state;
	rcv("Contact: <sip:a@10.0.0.1;ob>;q=1, sip:b@h;expires=9\r\n", false,
		"\r\nContact: "
		"<sip:a@10.0.0.1;ob>;q=1;received=\"sip:203.0.113.7:40312;transport="
		"tcp\", "
		"<sip:b@h>;expires=9;received=\"sip:203.0.113.7:40312;transport="
		"tcp\"\r\n");
	rcv("Contact: \"A\" <sip:a@10.0.0.1;ob>;q=1\r\nm: sip:b@h;q=1\r\n", true,
		"\r\nContact: \"A\" "
		"<sip:a@10.0.0.1;ob;received=sip:203.0.113.7:40312%3Btransport%3Dtcp>;q="
		"1\r\n"
		"m: <sip:b@h;received=sip:203.0.113.7:40312%3Btransport%3Dtcp>;q=1\r\n");
}

static void received_of_the_sender_is_replaced(void **state)
{
	(void)state;
	rcv("Contact: <sip:a@10.0.0.1>;received=\"sip:6.6.6.6\";q=1\r\n", false,
		"\r\nContact: "
		"<sip:a@10.0.0.1>;q=1;received=\"sip:203.0.113.7:40312;transport="
		"tcp\"\r\n");
	rcv("Contact: <sip:a@10.0.0.1;received=sip:6.6.6.6>\r\n", true,
		"\r\nContact: "
		"<sip:a@10.0.0.1;received=sip:203.0.113.7:40312%3Btransport%3Dtcp>\r\n");
}

static void both_places_may_be_asked_for(void **state)
{
	struct sip_test t;

	(void)state;
	message_with(&t, "Contact: <sip:a@10.0.0.1>;received=\"sip:6.6.6.6\";q=1\r\n");
	assert_int_equal(add_rcv_param(&t.msg, SLICE("sip:203.0.113.7:40312"), false), 0);
	assert_int_equal(add_rcv_param(&t.msg, SLICE("sip:203.0.113.7:40312"), true), 0);
	assert_has(sip_test_plain(&t),
		"\r\nContact: <sip:a@10.0.0.1;received=sip:203.0.113.7:40312>;q=1"
		";received=\"sip:203.0.113.7:40312\"\r\n");
	sip_test_free(&t);
}

static void nothing_to_tell_is_no_failure(void **state)
{
	struct sip_test t;

	(void)state;
	message_with(&t, "Contact: *\r\n");
	assert_int_equal(add_rcv_param(&t.msg, SLICE("sip:203.0.113.7:40312"), false), 0);
	assert_int_equal(t.msg.edits, 0);
	sip_test_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_and_port_become_the_source),
		cmocka_unit_test(everything_else_stays),
		cmocka_unit_test(all_contacts_of_all_headers_are_fixed),
		cmocka_unit_test(maddr_goes_as_it_would_win_over_the_host),
		cmocka_unit_test(uri_params_go_behind_the_port),
		cmocka_unit_test(ipv6_source_gets_brackets),
		cmocka_unit_test(failures_leave_the_message_as_it_was),
		cmocka_unit_test(without_memory_nothing_is_changed),
		cmocka_unit_test(received_is_added_to_the_header_or_the_uri),
		cmocka_unit_test(received_of_the_sender_is_replaced),
		cmocka_unit_test(both_places_may_be_asked_for),
		cmocka_unit_test(nothing_to_tell_is_no_failure),
	};
	return cmocka_run_group_tests_name("fix_nated_contact", tests, NULL, NULL);
}
