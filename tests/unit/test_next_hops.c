/*
 * RFC 3263 section 4 on answers that the test gives.
 */
#include <math.h>

#include "core/net/next_hops.h"
#include "tests/unit/ph_test.h"

/** A zone as text: what there is, what fails, what has not been said yet. */
struct zone {
	const char *const *
		lines; /* "NAME TYPE data...", "NAME TYPE failed", "NAME TYPE late"; NULL ends it */
	const char *hosts; /* "NAME ADDRESS" */
	bool udp, tcp, tls, four, six;
	char asked[4096];
	struct dns_answer *given[64];
	unsigned given_count;
};

static const struct dns_ttl ttl = {.max = 1000};

static bool word(const char **line, char out[128])
{
	size_t len = strcspn(*line, " ");

	snprintf(out, 128, "%.*s", (int)len, *line);
	*line += len + ((*line)[len] == ' ');
	return out[0] != '\0';
}

static enum dns_type type_of(const char *text)
{
	static const enum dns_type all[] = {DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR};

	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(text, dns_type_name(all[i])) == 0)
			return all[i];
	}
	fail_msg("no type: %s", text);
	return DNS_A;
}

static void record_read(struct dns_record *r, enum dns_type type, const char *line)
{
	char a[128], b[128], c[128], d[128];

	memset(r, 0, sizeof(*r));
	if (type == DNS_A || type == DNS_AAAA) {
		r->addr = ph_test_addr(line, 0);
		return;
	}
	assert_true(word(&line, a) && word(&line, b) && word(&line, c));
	r->order = (uint16_t)atoi(a);
	r->weight = (uint16_t)atoi(b);
	word(&line, d);
	r->name = slice_str(strcmp(d, ".") == 0 ? "" : strdup(d));
	if (type == DNS_SRV)
		r->port = (uint16_t)atoi(c);
	else
		r->service = strcmp(c, "SIP+D2U") == 0 ? DNS_SIP_D2U
			: strcmp(c, "SIP+D2T") == 0    ? DNS_SIP_D2T
						       : DNS_SIPS_D2T;
}

static const struct dns_answer *zone_answer(
	void *arg, struct slice name, enum dns_type type)
{
	static struct dns_parsed p;
	struct zone *z = arg;
	size_t used = strlen(z->asked);

	snprintf(z->asked + used, sizeof(z->asked) - used, "%s:%.*s ",
		dns_type_name(type), SLICE_ARG(name));
	memset(&p, 0, sizeof(p));
	p.outcome = DNS_NO_DATA;
	p.ttl = 100;
	for (unsigned i = 0; z->lines[i] != NULL; i++) {
		const char *line = z->lines[i];
		char owner[128], kind[128];

		assert_true(word(&line, owner) && word(&line, kind));
		if (!slice_eq(slice_str(owner), name) || type_of(kind) != type)
			continue;
		if (strcmp(line, "late") == 0)
			return NULL;
		if (strcmp(line, "failed") == 0) {
			p.outcome = DNS_FAILED;
			p.why = "server failure";
			break;
		}
		p.outcome = DNS_FOUND;
		record_read(&p.records[p.count++], type, line);
	}
	assert_in_range(z->given_count, 0, 63);
	z->given[z->given_count] = dns_answer_new(name, type, &p, &ttl, 0);
	for (unsigned i = 0; i < p.count; i++) {
		if (p.records[i].name.len > 0)
			free((void *)(uintptr_t)p.records[i].name.p);
	}
	return z->given[z->given_count++];
}

static unsigned zone_hosts(void *arg, struct slice name, struct addr *out, unsigned max)
{
	const struct zone *z = arg;
	const char *line = z->hosts;
	char owner[128];

	if (line == NULL || max == 0 || !word(&line, owner) ||
		!slice_eq(slice_str(owner), name))
		return 0;
	*out = ph_test_addr(line, 0);
	return 1;
}

static bool zone_listens(void *arg, enum sip_transport tr, int family)
{
	const struct zone *z = arg;
	bool has = tr == SIP_TR_UDP ? z->udp
		: tr == SIP_TR_TCP  ? z->tcp
				    : tr == SIP_TR_TLS && z->tls;

	if (family == 0)
		return has && (z->four || z->six);
	return has && (family == AF_INET ? z->four : z->six);
}

static struct zone zone_of(const char *const *lines)
{
	return (struct zone){.lines = lines, .udp = true, .tcp = true, .four = true};
}

static void zone_clear(struct zone *z)
{
	while (z->given_count > 0)
		dns_answer_unref(&z->given[--z->given_count]);
	z->asked[0] = '\0';
}

/** "udp:192.0.2.1:5060 tcp:...", or the error's number. */
static const char *find(struct zone *z, struct net_query q, bool final)
{
	static char out[1024];
	struct next_hops n = {.query = &q,
		.naptr = true,
		.srv = true,
		.seed = 1,
		.families = {AF_INET, AF_INET6},
		.listens = zone_listens,
		.hosts = zone_hosts,
		.answer = zone_answer,
		.arg = z,
		.final = final};
	size_t used = 0;
	int err;

	zone_clear(z);
	err = next_hops_find(&n);
	snprintf(out, sizeof(out), "%s",
		err == 0                    ? ""
			: err == -EAGAIN    ? "EAGAIN"
			: err == -ENOENT    ? "ENOENT"
			: err == -ETIMEDOUT ? "ETIMEDOUT"
					    : "EINVAL");
	for (unsigned i = 0; err == 0 && i < n.count; i++) {
		char text[ADDR_TEXT];

		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%s:%.*s",
			i > 0 ? " " : "", sip_transport_name(n.found[i].hop.transport),
			SLICE_ARG(addr_text(&n.found[i].hop.addr, text)));
	}
	return out;
}

static const char *to(
	struct zone *z, const char *host, uint16_t port, enum sip_transport tr)
{
	return find(
		z, (struct net_query){slice_str(host), port, SIP_SCHEME_SIP, tr}, false);
}

static const char *to_sips(struct zone *z, const char *host)
{
	return find(z,
		(struct net_query){slice_str(host), 0, SIP_SCHEME_SIPS, SIP_TR_NONE},
		false);
}

static const char *const all[] = {
	"d.test NAPTR 20 10 SIP+D2U _sip._udp.d.test",
	"d.test NAPTR 10 20 SIP+D2T _sip._tcp.d.test",
	"d.test NAPTR 10 10 SIPS+D2T _sips._tcp.d.test",
	"_sip._udp.d.test SRV 1 0 5070 a.test",
	"_sip._tcp.d.test SRV 2 0 5072 b.test",
	"_sip._tcp.d.test SRV 1 0 5071 a.test",
	"_sips._tcp.d.test SRV 1 0 5073 a.test",
	"a.test A 192.0.2.1",
	"b.test A 192.0.2.2",
	"b.test AAAA 2001:db8::2",
	"_sip._udp.s.test SRV 1 0 5080 a.test",
	"_sip._tcp.s.test SRV 1 0 5081 b.test",
	NULL,
};

static void naptr_is_obeyed_for_the_transports_that_we_have(void **state)
{
	struct zone z = zone_of(all);

	(void)state;
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_NONE),
		"tcp:192.0.2.1:5071 tcp:192.0.2.2:5072");
	z.tls = true;
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_NONE),
		"tls:192.0.2.1:5073 tcp:192.0.2.1:5071 tcp:192.0.2.2:5072");
	assert_string_equal(to_sips(&z, "d.test"), "tls:192.0.2.1:5073");
	z.tls = z.tcp = false;
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_NONE), "udp:192.0.2.1:5070");
	zone_clear(&z);
}

static void port_means_addresses_and_transport_means_srv(void **state)
{
	struct zone z = zone_of(all);

	(void)state;
	assert_string_equal(to(&z, "a.test", 5099, SIP_TR_NONE), "udp:192.0.2.1:5099");
	assert_string_equal(z.asked, "A:a.test ");
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_UDP), "udp:192.0.2.1:5070");
	assert_string_equal(z.asked, "SRV:_sip._udp.d.test A:a.test ");
	assert_string_equal(to(&z, "a.test", 0, SIP_TR_TCP), "tcp:192.0.2.1:5060");
	assert_string_equal(to(&z, "192.0.2.77", 0, SIP_TR_NONE), "udp:192.0.2.77:5060");
	assert_string_equal(z.asked, "");
	zone_clear(&z);
}

static void without_naptr_the_first_transport_with_srv_is_used(void **state)
{
	struct zone z = zone_of(all);

	(void)state;
	assert_string_equal(to(&z, "s.test", 0, SIP_TR_NONE), "udp:192.0.2.1:5080");
	z.udp = false;
	assert_string_equal(to(&z, "s.test", 0, SIP_TR_NONE), "tcp:192.0.2.2:5081");
	z.udp = true;
	assert_string_equal(to(&z, "b.test", 0, SIP_TR_NONE), "udp:192.0.2.2:5060");
	assert_string_equal(to(&z, "nothing.test", 0, SIP_TR_NONE), "ENOENT");
	zone_clear(&z);
}

static void families_are_those_of_our_listeners(void **state)
{
	struct zone z = zone_of(all);

	(void)state;
	z.six = true;
	assert_string_equal(to(&z, "b.test", 0, SIP_TR_NONE),
		"udp:192.0.2.2:5060 udp:[2001:db8::2]:5060");
	z.four = false;
	assert_string_equal(to(&z, "b.test", 0, SIP_TR_NONE), "udp:[2001:db8::2]:5060");
	zone_clear(&z);
}

static void questions_travel_side_by_side(void **state)
{
	static const char *const late[] = {"d.test NAPTR late",
		"_sip._udp.s.test SRV late", "_sip._tcp.s.test SRV late", "h.test A late",
		"h.test AAAA late", "_sip._udp.t.test SRV 1 0 5060 x.test",
		"_sip._udp.t.test SRV 2 0 5060 y.test", "x.test A late", "y.test A late",
		NULL};
	struct zone z = zone_of(late);

	(void)state;
	z.six = true;
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_NONE), "EAGAIN");
	assert_string_equal(to(&z, "s.test", 0, SIP_TR_NONE), "EAGAIN");
	assert_non_null(strstr(z.asked, "SRV:_sip._udp.s.test SRV:_sip._tcp.s.test"));
	assert_string_equal(to(&z, "h.test", 5060, SIP_TR_NONE), "EAGAIN");
	assert_non_null(strstr(z.asked, "A:h.test AAAA:h.test"));
	z.six = false;
	assert_string_equal(to(&z, "t.test", 0, SIP_TR_UDP), "EAGAIN");
	assert_non_null(strstr(z.asked, "A:x.test A:y.test"));
	zone_clear(&z);
}

static void at_the_deadline_what_is_there_must_do(void **state)
{
	static const char *const lines[] = {
		"h.test A 192.0.2.1", "h.test AAAA late", "l.test A late", NULL};
	struct zone z = zone_of(lines);
	const struct net_query h = {SLICE("h.test"), 5060, SIP_SCHEME_SIP, SIP_TR_UDP};
	const struct net_query l = {SLICE("l.test"), 5060, SIP_SCHEME_SIP, SIP_TR_UDP};

	(void)state;
	z.six = true;
	assert_string_equal(find(&z, h, false), "EAGAIN");
	assert_string_equal(find(&z, h, true), "udp:192.0.2.1:5060");
	assert_string_equal(find(&z, l, true), "ETIMEDOUT");
	zone_clear(&z);
}

static void failure_of_srv_is_not_taken_for_its_absence(void **state)
{
	static const char *const lines[] = {"d.test A 192.0.2.1",
		"_sip._udp.d.test SRV failed", "n.test NAPTR failed",
		"n.test A 192.0.2.2", "_sip._udp.e.test SRV failed",
		"_sip._tcp.e.test SRV 1 0 5061 d.test", NULL};
	struct zone z = zone_of(lines);

	(void)state;
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_NONE), "ETIMEDOUT");
	/* Another transport has it. */
	assert_string_equal(to(&z, "e.test", 0, SIP_TR_NONE), "tcp:192.0.2.1:5061");
	/* Servers that do not know NAPTR are many. */
	assert_string_equal(to(&z, "n.test", 0, SIP_TR_NONE), "udp:192.0.2.2:5060");
	zone_clear(&z);
}

static void root_as_target_says_that_the_service_is_not_there(void **state)
{
	static const char *const lines[] = {"d.test A 192.0.2.1",
		"_sip._udp.d.test SRV 0 0 0 .", "e.test A 192.0.2.1",
		"_sip._udp.e.test SRV 0 0 0 .", "_sip._tcp.e.test SRV 1 0 5061 d.test",
		NULL};
	struct zone z = zone_of(lines);

	(void)state;
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_NONE), "ENOENT");
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_UDP), "ENOENT");
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_TCP), "tcp:192.0.2.1:5060");
	assert_string_equal(to(&z, "e.test", 0, SIP_TR_NONE), "tcp:192.0.2.1:5061");
	zone_clear(&z);
}

static void srv_whose_targets_have_no_address_is_the_end(void **state)
{
	static const char *const lines[] = {
		"d.test A 192.0.2.1", "_sip._udp.d.test SRV 1 0 5060 gone.test", NULL};
	struct zone z = zone_of(lines);

	(void)state;
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_UDP), "ENOENT");
	zone_clear(&z);
}

static void naptr_of_foreign_transports_alone_is_as_good_as_none(void **state)
{
	static const char *const lines[] = {"d.test NAPTR 1 1 SIPS+D2T _sips._tcp.d.test",
		"_sips._tcp.d.test SRV 1 0 5061 a.test", "a.test A 192.0.2.1",
		"_sip._udp.d.test SRV 1 0 5060 a.test", NULL};
	struct zone z = zone_of(lines);

	(void)state;
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_NONE), "udp:192.0.2.1:5060");
	z.tls = true;
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_NONE), "tls:192.0.2.1:5061");
	zone_clear(&z);
}

static void naptr_of_higher_order_counts_when_the_lower_leads_nowhere(void **state)
{
	static const char *const lines[] = {"d.test NAPTR 1 1 SIP+D2T _sip._tcp.d.test",
		"d.test NAPTR 2 1 SIP+D2U _sip._udp.d.test",
		"_sip._udp.d.test SRV 1 0 5060 a.test", "a.test A 192.0.2.1", NULL};
	struct zone z = zone_of(lines);

	(void)state;
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_NONE), "udp:192.0.2.1:5060");
	zone_clear(&z);
}

static void hosts_come_before_dns(void **state)
{
	struct zone z = zone_of(all);

	(void)state;
	z.hosts = "d.test 192.0.2.99";
	assert_string_equal(to(&z, "D.test.", 0, SIP_TR_NONE), "udp:192.0.2.99:5060");
	assert_string_equal(z.asked, "");
	z.hosts = "a.test 192.0.2.99";
	assert_string_equal(to(&z, "d.test", 0, SIP_TR_UDP), "udp:192.0.2.99:5070");
	zone_clear(&z);
}

static void same_place_is_tried_once_and_there_are_at_most_eight(void **state)
{
	static const char *const lines[] = {"_sip._udp.d.test SRV 1 0 5060 a.test",
		"_sip._udp.d.test SRV 2 0 5060 a.test",
		"_sip._udp.d.test SRV 3 0 5061 a.test", "a.test A 192.0.2.1",
		"a.test A 192.0.2.2", "a.test A 192.0.2.3", "a.test A 192.0.2.4",
		"a.test A 192.0.2.5", NULL};
	struct zone z = zone_of(lines);
	const char *found = to(&z, "d.test", 0, SIP_TR_UDP);
	unsigned count = 0;

	(void)state;
	for (const char *p = found; (p = strstr(p, "udp:")) != NULL; p++)
		count++;
	assert_int_equal(count, NET_MAX_HOPS);
	assert_non_null(strstr(found, "192.0.2.5:5060 udp:192.0.2.1:5061"));
	zone_clear(&z);
}

static void long_names_are_no_trouble(void **state)
{
	struct zone z = zone_of(all);
	char name[300];

	(void)state;
	memset(name, 'a', sizeof(name));
	for (unsigned i = 60; i < 300; i += 60)
		name[i] = '.';
	name[253] = '\0';
	assert_string_equal(to(&z, name, 0, SIP_TR_NONE), "ENOENT");
	name[253] = 'a';
	name[254] = '\0';
	assert_string_equal(to(&z, name, 0, SIP_TR_NONE), "EINVAL");
	assert_string_equal(to(&z, "a..b", 0, SIP_TR_NONE), "EINVAL");
	assert_string_equal(to(&z, "a.b..", 0, SIP_TR_NONE), "EINVAL");
	assert_string_equal(to(&z, "a/b", 0, SIP_TR_NONE), "EINVAL");
	zone_clear(&z);
}

/* RFC 2782 */

static struct dns_answer *srv_answer(const unsigned (*rows)[2], unsigned count)
{
	static struct dns_parsed p;

	memset(&p, 0, sizeof(p));
	p.count = count;
	for (unsigned i = 0; i < count; i++) {
		p.records[i].order = (uint16_t)rows[i][0];
		p.records[i].weight = (uint16_t)rows[i][1];
	}
	return dns_answer_new(SLICE("x"), DNS_SRV, &p, &ttl, 0);
}

static void order_is_by_priority_and_a_permutation(void **state)
{
	static const unsigned rows[][2] = {
		{20, 5}, {10, 0}, {10, 60}, {5, 1}, {20, 0}, {10, 40}};
	struct dns_answer *a = srv_answer(rows, 6);
	unsigned order[DNS_MAX_RECORDS];

	(void)state;
	for (uint64_t seed = 1; seed < 2000; seed++) {
		unsigned seen = 0;

		next_hops_order(a, seed, order);
		for (unsigned i = 0; i < 6; i++) {
			seen |= 1u << order[i];
			assert_true(i == 0 || rows[order[i - 1]][0] <= rows[order[i]][0]);
		}
		assert_int_equal(seen, 63);
	}
	dns_answer_unref(&a);
}

/* How often each of count records is drawn first in n tries, against what its weight says: a chi-square test. */
static double chi_square(const unsigned (*rows)[2], unsigned count, unsigned n)
{
	struct dns_answer *a = srv_answer(rows, count);
	unsigned order[DNS_MAX_RECORDS], first[DNS_MAX_RECORDS] = {0}, sum = 0;
	uint64_t seed = 4711;
	double chi = 0;

	for (unsigned i = 0; i < count; i++)
		sum += rows[i][1];
	for (unsigned i = 0; i < n; i++) {
		next_hops_order(a, next_hops_random(&seed) | 1, order);
		first[order[0]]++;
	}
	for (unsigned i = 0; i < count; i++) {
		/* Of the numbers 0..sum the one of weight w gets w, the first one more. */
		double want = n * (rows[i][1] + (i == 0)) / (double)(sum + 1);

		chi += (first[i] - want) * (first[i] - want) / want;
	}
	dns_answer_unref(&a);
	return chi;
}

static void weights_are_kept_in_the_long_run(void **state)
{
	static const unsigned three[][2] = {{1, 60}, {1, 30}, {1, 10}},
			      even[][2] = {{1, 1}, {1, 1}, {1, 1}, {1, 1}};
	static const unsigned zero[][2] = {{1, 0}, {1, 99}};

	(void)state;
	/* Above these chance leads once in a thousand times; the sequence is the same each time. */
	assert_true(chi_square(three, 3, 50000) < 13.8);
	assert_true(chi_square(even, 4, 50000) < 16.3);
	/* Weight 0: a small chance, not none. */
	assert_true(chi_square(zero, 2, 50000) < 10.8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(naptr_is_obeyed_for_the_transports_that_we_have),
		cmocka_unit_test(port_means_addresses_and_transport_means_srv),
		cmocka_unit_test(without_naptr_the_first_transport_with_srv_is_used),
		cmocka_unit_test(families_are_those_of_our_listeners),
		cmocka_unit_test(questions_travel_side_by_side),
		cmocka_unit_test(at_the_deadline_what_is_there_must_do),
		cmocka_unit_test(failure_of_srv_is_not_taken_for_its_absence),
		cmocka_unit_test(root_as_target_says_that_the_service_is_not_there),
		cmocka_unit_test(srv_whose_targets_have_no_address_is_the_end),
		cmocka_unit_test(naptr_of_foreign_transports_alone_is_as_good_as_none),
		cmocka_unit_test(
			naptr_of_higher_order_counts_when_the_lower_leads_nowhere),
		cmocka_unit_test(hosts_come_before_dns),
		cmocka_unit_test(same_place_is_tried_once_and_there_are_at_most_eight),
		cmocka_unit_test(long_names_are_no_trouble),
		cmocka_unit_test(order_is_by_priority_and_a_permutation),
		cmocka_unit_test(weights_are_kept_in_the_long_run),
	};
	return cmocka_run_group_tests_name("next_hops", tests, NULL, NULL);
}
