/* dns_parse(): the first octet chooses the type that was asked for, the rest is what a server sent. */
#include <stdlib.h>

#include "core/net/dns_cache.h"
#include "tests/fuzz/fuzz.h"

static void check_record(
	const struct dns_parsed *p, const struct dns_record *r, enum dns_type type)
{
	if (type == DNS_A || type == DNS_AAAA) {
		FUZZ_CHECK(addr_is_set(&r->addr) && !addr_is_any(&r->addr));
		return;
	}
	FUZZ_CHECK(r->name.p >= p->text &&
		r->name.p + r->name.len < p->text + sizeof(p->text));
	FUZZ_CHECK(r->name.len <= DNS_NAME_MAX && r->name.p[r->name.len] == '\0');
	for (size_t i = 0; i < r->name.len; i++)
		FUZZ_CHECK(r->name.p[i] > ' ' && r->name.p[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR};
	static const struct dns_ttl ttl = {
		.min = 1, .max = 100, .negative = 100, .failure = 5};
	static struct dns_parsed p;
	enum dns_type type;
	struct dns_answer *a;

	if (size == 0)
		return 0;
	type = types[data[0] % 4];
	dns_parse(&p, data + 1, size - 1, SLICE("d.test"), type);
	FUZZ_CHECK(p.count <= DNS_MAX_RECORDS && p.text_len <= sizeof(p.text));
	FUZZ_CHECK(p.outcome == DNS_FOUND || p.count == 0);
	FUZZ_CHECK((p.outcome == DNS_ALIAS) ==
		(p.outcome == DNS_ALIAS && p.alias[0] != '\0'));
	for (unsigned i = 0; i < p.count; i++)
		check_record(&p, &p.records[i], type);
	a = dns_answer_new(SLICE("d.test"), type, &p, &ttl, 0);
	FUZZ_CHECK(a != NULL && a->expires <= 100000);
	for (unsigned i = 0; i < p.count; i++)
		FUZZ_CHECK(slice_eq(a->records[i].name, p.records[i].name));
	dns_answer_unref(&a);
	return 0;
}
