#include "plugins/nat/nat_uac_test.h"
#include "tests/unit/sip_test.h"

/**
 * What hits in an INVITE with that Via and Contact fields, and an address in its SDP,
 * coming from ip:port.
 */
static unsigned hits_of(const char *via, const char *contacts, const char *media,
	const char *ip, uint16_t port)
{
	struct slice addr = slice_str(media);
	struct addr source = ph_test_addr(ip, port);
	struct nat_view view = {
		.source = &source, .media = &addr, .media_count = media ? 1 : 0};
	struct sip_test t;
	char text[1024];
	unsigned hits = 0xdead;

	(void)snprintf(text, sizeof(text),
		"INVITE sip:b@c SIP/2.0\r\nVia: %s\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
		"<sip:b@c>\r\n"
		"Call-ID: 1\r\nCSeq: 1 INVITE\r\n%s\r\n",
		via, contacts);
	sip_test_good(&t, text);
	view.via = sip_via_list(&t.msg, NULL);
	view.contacts = sip_nameaddrs(&t.msg, SIP_H_CONTACT, NULL);
	assert_int_equal(nat_uac_test(&view, nat_tests_of(255, false), &hits), 0);
	sip_test_free(&t);
	return hits;
}

static void phone_behind_home_router(void **state)
{
	(void)state;
	assert_int_equal(hits_of("SIP/2.0/UDP 192.168.1.20:5060",
				 "Contact: <sip:a@192.168.1.20>\r\n", "192.168.1.20",
				 "203.0.113.7", 40312),
		NAT_PRIVATE_CONTACT | NAT_DIFF_IP_SRC_VIA | NAT_PRIVATE_VIA |
			NAT_PRIVATE_SDP | NAT_DIFF_PORT_SRC_VIA |
			NAT_DIFF_IP_SRC_CONTACT | NAT_DIFF_PORT_SRC_CONTACT);
}

static void phone_with_a_public_address(void **state)
{
	(void)state;
	assert_int_equal(hits_of("SIP/2.0/UDP 203.0.113.7",
				 "Contact: <sip:a@203.0.113.7:5060>\r\n", "203.0.113.7",
				 "203.0.113.7", 5060),
		0);
	assert_int_equal(
		hits_of("SIP/2.0/TLS 203.0.113.7", "Contact: <sips:a@203.0.113.7>\r\n",
			NULL, "203.0.113.7", 5061),
		0);
}

static void nothing_to_look_at_is_no_hit(void **state)
{
	(void)state;
	assert_int_equal(
		hits_of("SIP/2.0/UDP 203.0.113.7", "", NULL, "203.0.113.7", 5060), 0);
	assert_int_equal(hits_of("SIP/2.0/UDP 203.0.113.7", "Contact: *\r\n", NULL,
				 "203.0.113.7", 5060),
		0);
	assert_int_equal(hits_of("SIP/2.0/UDP 203.0.113.7", "Contact: <tel:+1>\r\n", NULL,
				 "203.0.113.7", 5060),
		0);
}

static void addresses_are_compared_as_numbers(void **state)
{
	(void)state;
	assert_int_equal(hits_of("SIP/2.0/UDP 1.2.3.4", "", NULL, "1.2.3.45", 5060),
		NAT_DIFF_IP_SRC_VIA);
	assert_int_equal(hits_of("SIP/2.0/UDP [2001:DB8:0:0::1]",
				 "Contact: <sip:a@[2001:db8::0:1]>\r\n", NULL,
				 "2001:db8::1", 5060),
		0);
}

static void every_contact_is_looked_at_for_private_addresses(void **state)
{
	(void)state;
	assert_int_equal(hits_of("SIP/2.0/UDP 203.0.113.7",
				 "Contact: <sip:a@203.0.113.7>, <sip:a@x.org>\r\nm: "
				 "<sip:a@10.1.1.1:9>\r\n",
				 NULL, "203.0.113.7", 5060),
		NAT_PRIVATE_CONTACT);
}

static void private_networks(void **state)
{
	static const char *const hosts[] = {"10.0.0.1", "172.16.0.1", "172.31.255.255",
		"192.168.0.1", "100.64.0.1", "100.127.255.254", "[fd00::1]"};
	static const char *const others[] = {"9.255.255.255", "172.15.0.1", "172.32.0.1",
		"192.169.0.1", "100.63.0.1", "100.128.0.1", "[2001:db8::1]",
		"phone.example.com"};
	char via[64];
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		(void)snprintf(via, sizeof(via), "SIP/2.0/UDP %s", hosts[i]);
		assert_true(
			hits_of(via, "", NULL, "203.0.113.7", 5060) & NAT_PRIVATE_VIA);
	}
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		(void)snprintf(via, sizeof(via), "SIP/2.0/UDP %s", others[i]);
		assert_false(
			hits_of(via, "", NULL, "203.0.113.7", 5060) & NAT_PRIVATE_VIA);
	}
}

static void maddr_is_compared_instead_of_the_host(void **state)
{
	(void)state;
	assert_int_equal(hits_of("SIP/2.0/UDP h.example.com;maddr=203.0.113.7", "", NULL,
				 "203.0.113.7", 5060),
		0);
	assert_int_equal(hits_of("SIP/2.0/UDP 203.0.113.7;maddr=203.0.113.8", "", NULL,
				 "203.0.113.7", 5060),
		NAT_DIFF_IP_SRC_VIA);
}

static void received_that_the_sender_wrote_fools_nobody(void **state)
{
	(void)state;
	assert_int_equal(hits_of("SIP/2.0/UDP 203.0.113.7;received=6.6.6.6;rport=1", "",
				 NULL, "203.0.113.7", 5060),
		0);
	assert_int_equal(hits_of("SIP/2.0/UDP 203.0.113.8;received=203.0.113.7", "", NULL,
				 "203.0.113.7", 5060),
		NAT_DIFF_IP_SRC_VIA);
}

static void carrier_grade_nat_is_a_test_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(hits_of("SIP/2.0/UDP 203.0.113.7",
				 "Contact: <sip:a@192.0.0.2>, <sip:b@h>\r\n", NULL,
				 "203.0.113.7", 5060),
		NAT_CARRIER_GRADE | NAT_DIFF_IP_SRC_CONTACT);
	assert_int_equal(
		hits_of("SIP/2.0/UDP 192.0.0.8", "", NULL, "192.0.0.8", 5060), 0);
}

static void only_the_tests_asked_for_count(void **state)
{
	struct addr source = ph_test_addr("203.0.113.7", 40312);
	struct sip_via via = {.host = SLICE("192.168.1.20"), .port = 5060};
	struct nat_view view = {.via = &via, .source = &source};
	unsigned hits = 0xdead;

	(void)state;
	assert_int_equal(
		nat_uac_test(&view, NAT_PRIVATE_VIA | NAT_PRIVATE_SDP, &hits), 0);
	assert_int_equal(hits, NAT_PRIVATE_VIA);
}

static void unknown_family_leaves_the_result_alone(void **state)
{
	struct addr source = {.sa.sa_family = AF_UNIX};
	struct nat_view view = {.source = &source};
	unsigned hits = 0xdead;

	(void)state;
	assert_int_equal(nat_uac_test(&view, NAT_TESTS, &hits), -EAFNOSUPPORT);
	assert_int_equal(hits, 0xdead);
}

/** What hits of Kamailio's tests in a message that came from ip with media in its SDP. */
static unsigned kamailio_hits(
	const char *ip, enum sip_transport transport, const char *media)
{
	struct addr source = ph_test_addr(ip, 5060);
	struct slice addr = slice_str(media);
	struct nat_view view = {.source = &source,
		.transport = transport,
		.media = &addr,
		.media_count = media ? 1 : 0,
		.kamailio = true};
	unsigned hits = 0xdead;

	assert_int_equal(nat_uac_test(&view, nat_tests_of(511, true), &hits), 0);
	return hits;
}

static void kamailio_asks_for_the_source(void **state)
{
	(void)state;
	assert_int_equal(kamailio_hits("203.0.113.7", SIP_TR_UDP, NULL), 0);
	assert_int_equal(kamailio_hits("10.0.0.1", SIP_TR_UDP, NULL), NAT_PRIVATE_SRC);
	assert_int_equal(kamailio_hits("192.0.0.200", SIP_TR_UDP, NULL), NAT_PRIVATE_SRC);
	assert_int_equal(kamailio_hits("fd00::1", SIP_TR_UDP, NULL), NAT_PRIVATE_SRC);
	assert_int_equal(kamailio_hits("203.0.113.7", SIP_TR_WSS, NULL), NAT_WEBSOCKET);
	assert_int_equal(kamailio_hits("203.0.113.7", SIP_TR_UDP, "203.0.113.7"), 0);
	assert_int_equal(kamailio_hits("203.0.113.7", SIP_TR_UDP, "203.0.113.8"),
		NAT_DIFF_IP_SRC_SDP);
	assert_int_equal(kamailio_hits("203.0.113.7", SIP_TR_UDP, "0.0.0.0"), 0);
}

static void numbers_mean_what_the_dialect_says(void **state)
{
	(void)state;
	assert_int_equal(nat_tests_of(31, false), 31);
	assert_int_equal(nat_tests_of(31, true), 31);
	assert_int_equal(nat_tests_of(32, false), NAT_DIFF_IP_SRC_CONTACT);
	assert_int_equal(nat_tests_of(32, true), NAT_PRIVATE_SRC);
	assert_int_equal(nat_tests_of(64, false), NAT_DIFF_PORT_SRC_CONTACT);
	assert_int_equal(nat_tests_of(64, true), NAT_WEBSOCKET);
	assert_int_equal(nat_tests_of(128, false), NAT_CARRIER_GRADE);
	assert_int_equal(nat_tests_of(128, true), NAT_DIFF_PORT_SRC_CONTACT);
	assert_int_equal(nat_tests_of(256, true), NAT_DIFF_IP_SRC_SDP);
	assert_int_equal(nat_tests_of(19 + 128, true),
		NAT_PRIVATE_CONTACT | NAT_DIFF_IP_SRC_VIA | NAT_DIFF_PORT_SRC_VIA |
			NAT_DIFF_PORT_SRC_CONTACT);
}

static void names_mean_the_same_in_both_dialects(void **state)
{
	int64_t flags =
		NAT_NAMED(NAT_CARRIER_GRADE) | NAT_NAMED(NAT_DIFF_IP_SRC_CONTACT) | 1;
	unsigned want = NAT_CARRIER_GRADE | NAT_DIFF_IP_SRC_CONTACT | NAT_PRIVATE_CONTACT;

	(void)state;
	assert_int_equal(nat_tests_of(flags, false), want);
	assert_int_equal(nat_tests_of(flags, true), want);
}

static void what_is_no_sum_of_tests_is_none(void **state)
{
	(void)state;
	assert_int_equal(nat_tests_of(0, false), 0);
	assert_int_equal(nat_tests_of(-1, false), 0);
	assert_int_equal(nat_tests_of(256, false), 0);
	assert_int_equal(nat_tests_of(257, false), 0);
	assert_int_equal(nat_tests_of(512, true), 0);
	assert_int_equal(nat_tests_of(513, true), 0);
	assert_int_equal(nat_tests_of(INT64_MAX, true), 0);
	assert_int_equal(nat_tests_of(INT64_MIN, true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phone_behind_home_router),
		cmocka_unit_test(phone_with_a_public_address),
		cmocka_unit_test(nothing_to_look_at_is_no_hit),
		cmocka_unit_test(addresses_are_compared_as_numbers),
		cmocka_unit_test(every_contact_is_looked_at_for_private_addresses),
		cmocka_unit_test(private_networks),
		cmocka_unit_test(maddr_is_compared_instead_of_the_host),
		cmocka_unit_test(received_that_the_sender_wrote_fools_nobody),
		cmocka_unit_test(carrier_grade_nat_is_a_test_of_its_own),
		cmocka_unit_test(only_the_tests_asked_for_count),
		cmocka_unit_test(unknown_family_leaves_the_result_alone),
		cmocka_unit_test(kamailio_asks_for_the_source),
		cmocka_unit_test(numbers_mean_what_the_dialect_says),
		cmocka_unit_test(names_mean_the_same_in_both_dialects),
		cmocka_unit_test(what_is_no_sum_of_tests_is_none),
	};
	return cmocka_run_group_tests_name("nat_uac_test", tests, NULL, NULL);
}
