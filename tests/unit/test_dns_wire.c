#include "core/net/dns_wire.h"
#include "tests/unit/dns_test.h"

static struct dns_parsed out;

static void parse(const struct packet *k, const char *name, enum dns_type type)
{
	/* Exactly as long as it is, so that a sanitizer sees what is read behind it. */
	uint8_t *copy = malloc(k->len);

	assert_non_null(copy);
	memcpy(copy, k->p, k->len);
	dns_parse(&out, copy, k->len, slice_str(name), type);
	for (unsigned i = 0; i < out.count; i++)
		assert_true(slice_empty(out.records[i].name) ||
			slice_contains(slice_make(out.text, sizeof(out.text)),
				out.records[i].name.p));
	free(copy);
}

static void addresses_come_with_the_least_ttl(void **state)
{
	struct packet k = packet_new(0, "Host.TEST", DNS_A);
	char text[ADDR_TEXT];

	(void)state;
	add_a(&k, NULL, 300, "192.0.2.1");
	add_a(&k, "HOST.test", 200, "192.0.2.2");
	add_a(&k, "other.test", 1, "192.0.2.3");
	add_a(&k, NULL, 250, "0.0.0.0");
	parse(&k, "host.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FOUND);
	assert_int_equal(out.count, 2);
	assert_int_equal(out.ttl, 200);
	assert_slice_equal(addr_ip_text(&out.records[1].addr, text), "192.0.2.2");
}

static void srv_records_have_all_their_fields(void **state)
{
	struct packet k = packet_new(0, "_sip._udp.test", DNS_SRV);

	(void)state;
	add_srv(&k, NULL, 60, 10, 20, 5070, "Host.Test");
	add_srv(&k, NULL, 60, 65535, 0, 1, "");
	parse(&k, "_sip._udp.test", DNS_SRV);
	assert_int_equal(out.count, 2);
	assert_int_equal(out.records[0].order, 10);
	assert_int_equal(out.records[0].weight, 20);
	assert_int_equal(out.records[0].port, 5070);
	assert_slice_equal(out.records[0].name, "host.test");
	assert_slice_equal(out.records[1].name, "");
	assert_int_equal(out.ttl, 60);
}

static void naptr_records_of_sip_alone_are_kept(void **state)
{
	struct packet k = packet_new(0, "test", DNS_NAPTR);

	(void)state;
	add_naptr(&k, 10, 1, "s", "SIP+D2U", "", "_sip._udp.test");
	add_naptr(&k, 20, 2, "S", "sips+d2t", "", "_sips._tcp.test");
	add_naptr(&k, 5, 1, "u", "E2U+sip", "!^.*$!sip:info@test!", "");
	add_naptr(&k, 6, 1, "u", "SIP+D2T", "!^.*$!sip:info@test!", "");
	add_naptr(&k, 7, 1, "a", "SIP+D2T", "", "host.test");
	add_naptr(&k, 8, 1, "s", "SIP+D2T", "", "");
	parse(&k, "test", DNS_NAPTR);
	assert_int_equal(out.outcome, DNS_FOUND);
	assert_int_equal(out.count, 2);
	assert_int_equal(out.records[0].service, DNS_SIP_D2U);
	assert_slice_equal(out.records[0].name, "_sip._udp.test");
	assert_int_equal(out.records[1].service, DNS_SIPS_D2T);
	assert_int_equal(out.records[1].order, 20);
	assert_int_equal(out.records[1].weight, 2);
}

static void cnames_are_followed_inside_the_answer_in_any_order(void **state)
{
	struct packet k = packet_new(0, "www.test", DNS_A);

	(void)state;
	add_a(&k, "c.test", 300, "192.0.2.1");
	add_cname(&k, "b.test", 30, "c.test");
	add_cname(&k, "www.test", 100, "b.test");
	parse(&k, "www.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FOUND);
	assert_int_equal(out.count, 1);
	assert_int_equal(out.ttl, 30);
}

static void cname_that_leads_out_of_the_answer_is_told(void **state)
{
	struct packet k = packet_new(0, "www.test", DNS_A);

	(void)state;
	add_cname(&k, NULL, 100, "Host.other.test");
	parse(&k, "www.test", DNS_A);
	assert_int_equal(out.outcome, DNS_ALIAS);
	assert_string_equal(out.alias, "host.other.test");
	assert_int_equal(out.ttl, 100);
	/* With a SOA the server says that there is nothing at its end. */
	add_soa(&k, 60, 30);
	parse(&k, "www.test", DNS_A);
	assert_int_equal(out.outcome, DNS_NO_DATA);
	assert_int_equal(out.ttl, 30);
}

static void cnames_in_a_circle_are_a_failure(void **state)
{
	struct packet k = packet_new(0, "a.test", DNS_A);

	(void)state;
	add_cname(&k, "a.test", 100, "b.test");
	add_cname(&k, "b.test", 100, "a.test");
	parse(&k, "a.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FAILED);
	assert_non_null(strstr(out.why, "circle"));
}

static void absence_lasts_as_long_as_the_soa_says(void **state)
{
	struct packet k = packet_new(3, "no.test", DNS_A);

	(void)state;
	add_soa(&k, 600, 45);
	parse(&k, "no.test", DNS_A);
	assert_int_equal(out.outcome, DNS_NO_NAME);
	assert_true(out.has_soa);
	assert_int_equal(out.ttl, 45);
	k = packet_new(0, "no.test", DNS_A);
	add_soa(&k, 20, 45);
	parse(&k, "no.test", DNS_A);
	assert_int_equal(out.outcome, DNS_NO_DATA);
	assert_int_equal(out.ttl, 20);
	k = packet_new(3, "no.test", DNS_A);
	parse(&k, "no.test", DNS_A);
	assert_int_equal(out.outcome, DNS_NO_NAME);
	assert_false(out.has_soa);
	assert_int_equal(out.ttl, 0);
}

static void errors_of_the_server_are_failures(void **state)
{
	static const unsigned codes[] = {1, 2, 4, 5, 9};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		struct packet k = packet_new(codes[i], "host.test", DNS_A);

		add_a(&k, NULL, 300, "192.0.2.1");
		parse(&k, "host.test", DNS_A);
		assert_int_equal(out.outcome, DNS_FAILED);
		assert_int_equal(out.count, 0);
	}
}

static void more_records_than_there_is_room_for_are_left_out(void **state)
{
	struct packet k = packet_new(0, "many.test", DNS_A);

	(void)state;
	for (unsigned i = 0; i < DNS_MAX_RECORDS + 5; i++)
		add_a(&k, NULL, 300, "192.0.2.1");
	parse(&k, "many.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FOUND);
	assert_int_equal(out.count, DNS_MAX_RECORDS);
}

static void what_would_be_no_name_in_text_equals_none(void **state)
{
	struct packet k = packet_new(0, "host.test", DNS_A);
	size_t at;

	(void)state;
	/* One label "host.test" is not the name of two labels. */
	put8(&k, 9);
	for (const char *p = "host.test"; *p != '\0'; p++)
		put8(&k, (unsigned char)*p);
	put8(&k, 0);
	put16(&k, DNS_A);
	put16(&k, 1);
	put32(&k, 300);
	at = k.len;
	put16(&k, 0);
	put32(&k, 0xc0000201);
	rr_end(&k, at);
	parse(&k, "host.test", DNS_A);
	assert_int_equal(out.outcome, DNS_NO_DATA);
}

static void pointers_lead_backwards_alone(void **state)
{
	struct packet k = packet_new(0, "host.test", DNS_A);
	const size_t here = k.len;

	(void)state;
	put16(&k, 0xc000 | (unsigned)here); /* to itself */
	put16(&k, DNS_A);
	put16(&k, 1);
	put32(&k, 300);
	put16(&k, 4);
	put32(&k, 0xc0000201);
	k.p[7] = 1;
	parse(&k, "host.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FAILED);
	k.p[here + 1] = (uint8_t)(here + 4); /* forwards */
	parse(&k, "host.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FAILED);
	k.p[here + 1] = 12;
	parse(&k, "host.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FOUND);
}

static void data_of_a_wrong_length_is_malformed(void **state)
{
	struct packet k = packet_new(0, "host.test", DNS_A);
	size_t at = rr_begin(&k, NULL, DNS_A, 300);

	(void)state;
	put32(&k, 0xc0000201);
	put8(&k, 1);
	rr_end(&k, at);
	parse(&k, "host.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FAILED);
	k = packet_new(0, "_sip._udp.test", DNS_SRV);
	at = rr_begin(&k, NULL, DNS_SRV, 300);
	put32(&k, 1);
	rr_end(&k, at);
	parse(&k, "_sip._udp.test", DNS_SRV);
	assert_int_equal(out.outcome, DNS_FAILED);
	/* Something behind the target. */
	k = packet_new(0, "_sip._udp.test", DNS_SRV);
	at = rr_begin(&k, NULL, DNS_SRV, 300);
	put32(&k, 1);
	put16(&k, 5060);
	put_name(&k, "host.test");
	put8(&k, 0);
	rr_end(&k, at);
	parse(&k, "_sip._udp.test", DNS_SRV);
	assert_int_equal(out.outcome, DNS_FAILED);
}

static struct packet everything(void)
{
	struct packet k = packet_new(0, "test", DNS_NAPTR);

	add_cname(&k, NULL, 100, "b.test");
	add_naptr(&k, 10, 1, "s", "SIP+D2U", "", "_sip._udp.test");
	add_srv(&k, NULL, 60, 10, 20, 5070, "Host.Test");
	add_a(&k, NULL, 300, "192.0.2.1");
	add_soa(&k, 600, 45);
	return k;
}

static void no_shortened_or_damaged_answer_is_read_beyond_its_end(void **state)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR};
	const struct packet whole = everything();

	(void)state;
	for (unsigned t = 0; t < 4; t++) {
		for (size_t len = 0; len <= whole.len; len++) {
			struct packet k = whole;

			k.len = len;
			parse(&k, "test", types[t]);
			assert_true(len == whole.len || out.outcome != DNS_FOUND ||
				out.count > 0);
		}
		for (size_t at = 0; at < whole.len; at++) {
			for (unsigned v = 0; v < 256; v += 5) {
				struct packet k = whole;

				k.p[at] = (uint8_t)v;
				parse(&k, "test", types[t]);
			}
		}
	}
}

static void what_is_no_answer_is_refused(void **state)
{
	struct packet k = packet_new(0, "host.test", DNS_A);

	(void)state;
	add_a(&k, NULL, 300, "192.0.2.1");
	k.p[2] &= 0x7f; /* a question */
	parse(&k, "host.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FAILED);
	k.p[2] |= 0x80;
	k.p[5] = 2; /* two questions */
	parse(&k, "host.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FAILED);
	k.p[5] = 1;
	k.p[6] = 0xff; /* more records than there are */
	parse(&k, "host.test", DNS_A);
	assert_int_equal(out.outcome, DNS_FAILED);
}

static void ttl_that_would_be_negative_is_none(void **state)
{
	struct packet k = packet_new(0, "host.test", DNS_A);

	(void)state;
	add_a(&k, NULL, 0x80000000u, "192.0.2.1");
	parse(&k, "host.test", DNS_A);
	assert_int_equal(out.ttl, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_come_with_the_least_ttl),
		cmocka_unit_test(srv_records_have_all_their_fields),
		cmocka_unit_test(naptr_records_of_sip_alone_are_kept),
		cmocka_unit_test(cnames_are_followed_inside_the_answer_in_any_order),
		cmocka_unit_test(cname_that_leads_out_of_the_answer_is_told),
		cmocka_unit_test(cnames_in_a_circle_are_a_failure),
		cmocka_unit_test(absence_lasts_as_long_as_the_soa_says),
		cmocka_unit_test(errors_of_the_server_are_failures),
		cmocka_unit_test(more_records_than_there_is_room_for_are_left_out),
		cmocka_unit_test(what_would_be_no_name_in_text_equals_none),
		cmocka_unit_test(pointers_lead_backwards_alone),
		cmocka_unit_test(data_of_a_wrong_length_is_malformed),
		cmocka_unit_test(no_shortened_or_damaged_answer_is_read_beyond_its_end),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(ttl_that_would_be_negative_is_none),
	};
	return cmocka_run_group_tests_name("dns_wire", tests, NULL, NULL);
}
