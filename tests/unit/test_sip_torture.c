/* The messages of RFC 4475 and RFC 5118, which lie in the fuzzers' corpus: what the parser
 * makes of each. What the daemon does with them: tests/system/test_torture.py. */
#include "core/sip/sip_header.h"
#include "tests/unit/sip_test.h"

#define FOLDER "tests/fuzz/corpus/message"

/** One message; by section of the RFC. why NULL: it parses. */
struct torture {
	const char *name;
	unsigned code; /**< that we would answer; 0: nothing, it is a reply */
	const char *why;
};

static const struct torture rows[] = {
	/* 3.1.1 valid messages, wild as they may look */
	{"wsinv", 0, NULL},
	{"intmeth", 0, NULL},
	{"esc01", 0, NULL},
	{"escnull", 0, NULL},
	{"esc02", 0, NULL},
	{"lwsdisp", 0, NULL},
	{"longreq", 0, NULL},
	{"dblreq", 0, NULL},
	{"semiuri", 0, NULL},
	{"transports", 0, NULL},
	{"mpart01", 0, NULL},
	{"unreason", 0, NULL},
	{"noreason", 0, NULL},
	/* 3.1.2 invalid messages */
	{"badinv01", 400, "Bad Via"},
	{"clerr", 400, "Content-Length Beyond End of Message"},
	{"ncl", 400, "Bad Content-Length"},
	{"scalar02", 400, "Bad CSeq"},
	{"scalarlg", 0, "Bad CSeq"},
	{"quotbal", 400, "Bad To"},
	{"ltgtruri", 400, "Bad Request-URI"},
	{"lwsruri", 400, "Bad Request Line"},
	/* An element may guess what was meant in the next five; different guesses of two
	 * hops are what attackers live on. */
	{"lwsstart", 400, "Bad Request Line"},
	{"trws", 400, "Bad Request Line"},
	{"escruri", 400, "Bad Request-URI"},
	{"badaspec", 400, "Bad To"},
	{"baddn", 400, "Bad From"},
	{"baddate", 0, NULL},  /* Date is nothing to a proxy */
	{"regbadct", 0, NULL}, /* its Contact is refused by whoever reads it, see below */
	{"badvers", 505, "Version Not Supported"},
	{"mismatch01", 400, "CSeq Method Does Not Match"},
	{"mismatch02", 400, "CSeq Method Does Not Match"},
	{"bigcode", 0, "Bad Status Line"},
	/* 3.2 and 3.3: the parser has nothing against them but for what is missing or
	 * doubled */
	{"badbranch", 0, NULL},
	{"insuf", 400, "Missing From"},
	{"unkscm", 0, NULL},
	{"novelsc", 0, NULL},
	{"unksm2", 0, NULL},
	{"bext01", 0, NULL},
	{"invut", 0, NULL},
	{"regaut01", 0, NULL},
	{"multi01", 400, "Multiple CSeq"},
	{"mcl01", 400, "Multiple Content-Length"},
	{"bcast", 0, NULL},
	{"zeromf", 0, NULL},
	{"cparam01", 0, NULL},
	{"cparam02", 0, NULL},
	{"regescrt", 0, NULL},
	{"sdp01", 0, NULL},
	/* 3.4 */
	{"inv2543", 0, NULL},
	/* RFC 5118 */
	{"ipv6-good", 0, NULL},
	{"ipv6-bad", 400, "Bad Request-URI"},
	{"port-ambiguous", 0, NULL},
	{"port-unambiguous", 0, NULL},
	{"via-received-param-with-delim", 0, NULL},
	{"via-received-param-no-delim", 0, NULL},
	{"ipv6-in-sdp", 0, NULL},
	{"mult-ip-in-header", 0, NULL},
	{"mult-ip-in-sdp", 0, NULL},
	{"ipv4-mapped-ipv6", 0, NULL},
	{"ipv6-bug-abnf-3-colons", 400, "Bad Request-URI"},
	{"ipv6-correct-abnf-2-colons", 0, NULL},
};

static void load(struct sip_test *t, const char *name)
{
	const char *srcdir = getenv("srcdir");
	static char bytes[65536];
	char path[4096];
	size_t len;
	FILE *f;

	(void)snprintf(
		path, sizeof(path), "%s/" FOLDER "/%s.dat", srcdir ? srcdir : ".", name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s: %s", path, strerror(errno));
	len = fread(bytes, 1, sizeof(bytes), f);
	(void)fclose(f);
	sip_test_parse(t, slice_make(bytes, len));
}

static void each_message_is_taken_or_refused_as_it_should(void **state)
{
	unsigned i, wrong = 0;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct torture *row = &rows[i];
		struct sip_test t;

		load(&t, row->name);
		if ((t.err != 0) != (row->why != NULL) ||
			(row->why &&
				(t.why.code != row->code ||
					strcmp(t.why.text, row->why) != 0))) {
			print_error("%s: err %d code %u \"%s\"\n", row->name, t.err,
				t.why.code, t.why.text ? t.why.text : "");
			wrong++;
		}
		sip_test_free(&t);
	}
	assert_int_equal(wrong, 0);
}

static void blanks_and_folds_everywhere(void **state)
{
	struct sip_test t;
	struct sip_nameaddr *n;
	struct sip_via *v;
	uint32_t number;
	unsigned q;

	(void)state;
	load(&t, "wsinv");
	assert_int_equal(t.msg.cseq, 9);
	assert_int_equal(sip_number(&t.msg, SIP_H_MAX_FORWARDS, &number), 0);
	assert_int_equal(number, 68);
	assert_slice_equal(sip_to(&t.msg, NULL)->tag, "1918181833n");
	assert_slice_equal(sip_from(&t.msg, NULL)->tag, "98asjd8");
	assert_slice_equal(sip_from(&t.msg, NULL)->display, "\"J Rosenberg \\\\\\\"\"");
	v = sip_via_list(&t.msg, NULL);
	assert_slice_equal(v->branch, "390skdjuw");
	assert_int_equal(v->transport, SIP_TR_UDP);
	v = v->next;
	assert_int_equal(v->transport, SIP_TR_TCP);
	assert_slice_equal(v->host, "spindle.example.com");
	assert_slice_equal(v->branch, "z9hG4bK9ikj8");
	v = v->next;
	assert_slice_equal(v->host, "192.168.255.111");
	assert_slice_equal(v->branch, "z9hG4bK30239");
	assert_null(v->next);
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_SUBJECT), "");
	n = sip_nameaddrs(&t.msg, SIP_H_CONTACT, NULL);
	assert_slice_equal(n->uri.host, "example.com");
	assert_int_equal(sip_contact_q(n, &q), 0);
	assert_int_equal(q, 330);
	assert_true(sip_nameaddrs(&t.msg, SIP_H_ROUTE, NULL)->uri.lr);
	assert_int_equal(t.msg.body.len, 150);
	sip_test_free(&t);
}

static void strange_characters_where_they_are_legal(void **state)
{
	struct sip_test t;

	(void)state;
	load(&t, "intmeth");
	assert_int_equal(t.msg.method, SIP_OTHER);
	assert_slice_equal(sip_to(&t.msg, NULL)->uri.user,
		"1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
	assert_slice_equal(sip_from(&t.msg, NULL)->uri.host, "example.com");
	assert_slice_equal(sip_from(&t.msg, NULL)->tag, "_token~1'+`*%!-.");
	sip_test_free(&t);
	load(&t, "semiuri");
	{
		struct sip_uri u;

		assert_int_equal(sip_uri_parse(&u, t.msg.ruri), 0);
		assert_slice_equal(u.user, "user;par=u%40example.net");
		assert_slice_equal(u.host, "example.com");
	}
	sip_test_free(&t);
}

static void escaped_names_are_other_names(void **state)
{
	struct sip_test t;
	struct sip_nameaddr *n;

	(void)state;
	load(&t, "esc02");
	assert_int_equal(t.msg.method, SIP_OTHER);
	n = sip_nameaddrs(&t.msg, SIP_H_CONTACT, NULL);
	assert_slice_equal(n->uri.user, "alias1");
	assert_slice_equal(n->next->uri.user, "alias3");
	assert_null(n->next->next);
	sip_test_free(&t);
}

static void bytes_behind_the_message_are_ignored(void **state)
{
	struct sip_test t;

	(void)state;
	load(&t, "dblreq");
	assert_int_equal(t.msg.method, SIP_REGISTER);
	assert_slice_equal(t.msg.body, "");
	assert_slice_equal(sip_hdr_value(&t.msg, SIP_H_CALL_ID),
		"dblreq.0ha0isndaksdj99sdfafnl3lk233412");
	sip_test_free(&t);
}

static void all_transports_of_vias(void **state)
{
	static const enum sip_transport want[] = {
		SIP_TR_UDP, SIP_TR_SCTP, SIP_TR_TLS, SIP_TR_UNKNOWN, SIP_TR_TCP};
	const struct sip_via *v;
	struct sip_test t;
	unsigned i = 0;

	(void)state;
	load(&t, "transports");
	for (v = sip_via_list(&t.msg, NULL); v; v = v->next)
		assert_int_equal(v->transport, want[i++]);
	assert_int_equal(i, 5);
	sip_test_free(&t);
}

static void contact_with_headers_needs_brackets(void **state)
{
	struct sip_test t;
	int err = 0;

	(void)state;
	load(&t, "regbadct");
	assert_null(sip_nameaddrs(&t.msg, SIP_H_CONTACT, &err));
	assert_int_equal(err, -EBADMSG);
	sip_test_free(&t);
	load(&t, "regescrt");
	assert_slice_equal(sip_nameaddrs(&t.msg, SIP_H_CONTACT, NULL)->uri.headers,
		"Route=%3Csip:sip.example.com%3E");
	sip_test_free(&t);
}

static void contact_parameters_are_told_from_uri_parameters(void **state)
{
	struct sip_test t;
	struct sip_nameaddr *n;

	(void)state;
	load(&t, "cparam01");
	n = sip_nameaddrs(&t.msg, SIP_H_CONTACT, NULL);
	assert_slice_equal(n->params, "unknownparam");
	assert_slice_equal(n->uri.params, "");
	sip_test_free(&t);
	load(&t, "cparam02");
	n = sip_nameaddrs(&t.msg, SIP_H_CONTACT, NULL);
	assert_slice_equal(n->uri.params, "unknownparam");
	assert_slice_equal(n->params, "");
	sip_test_free(&t);
}

static void ports_stand_behind_the_bracket(void **state)
{
	struct sip_test t;
	struct sip_uri u;

	(void)state;
	load(&t, "port-ambiguous");
	assert_int_equal(sip_uri_parse(&u, t.msg.ruri), 0);
	assert_slice_equal(u.host, "[2001:db8::10:5070]");
	assert_int_equal(u.port, 0);
	sip_test_free(&t);
	load(&t, "port-unambiguous");
	assert_int_equal(sip_uri_parse(&u, t.msg.ruri), 0);
	assert_slice_equal(u.host, "[2001:db8::10]");
	assert_int_equal(u.port, 5070);
	sip_test_free(&t);
}

static void received_of_ipv6_with_and_without_brackets(void **state)
{
	struct sip_test t;

	(void)state;
	load(&t, "via-received-param-with-delim");
	assert_slice_equal(sip_via_list(&t.msg, NULL)->received, "[2001:db8::9:255]");
	assert_slice_equal(sip_via_list(&t.msg, NULL)->branch, "z9hG4bKas3-111");
	sip_test_free(&t);
	load(&t, "via-received-param-no-delim");
	assert_slice_equal(sip_via_list(&t.msg, NULL)->received, "2001:db8::9:255");
	sip_test_free(&t);
}

static void the_top_via_is_read_whatever_follows_it(void **state)
{
	struct sip_test t;

	(void)state;
	load(&t, "badinv01");
	assert_null(sip_via_list(&t.msg, NULL));
	assert_slice_equal(sip_via_top(&t.msg)->host, "192.0.2.15");
	assert_true(sip_can_reply(&t.msg));
	sip_test_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_is_taken_or_refused_as_it_should),
		cmocka_unit_test(blanks_and_folds_everywhere),
		cmocka_unit_test(strange_characters_where_they_are_legal),
		cmocka_unit_test(escaped_names_are_other_names),
		cmocka_unit_test(bytes_behind_the_message_are_ignored),
		cmocka_unit_test(all_transports_of_vias),
		cmocka_unit_test(contact_with_headers_needs_brackets),
		cmocka_unit_test(contact_parameters_are_told_from_uri_parameters),
		cmocka_unit_test(ports_stand_behind_the_bracket),
		cmocka_unit_test(received_of_ipv6_with_and_without_brackets),
		cmocka_unit_test(the_top_via_is_read_whatever_follows_it),
	};
	return cmocka_run_group_tests_name("sip_torture", tests, NULL, NULL);
}
