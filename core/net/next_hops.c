#include "core/net/next_hops.h"

#include <errno.h>
#include <stdio.h>

/* What an attempt has come to. */
enum tried {
	HAS,     /* records, and perhaps hops */
	HAS_NOT, /* no such records */
	REFUSES, /* an SRV with target ".": the service is decidedly not there */
	FAILS,   /* nobody could say */
	WAITS,   /* nobody has said yet */
};

static bool is_name(struct slice host)
{
	if (slice_empty(host) || host.len > DNS_NAME_MAX || host.p[host.len - 1] == '.')
		return false;
	for (size_t i = 0; i < host.len; i++) {
		char c = host.p[i];
		bool ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			c == '_' || c == '.';

		if (!ok || (c == '.' && (i == 0 || host.p[i - 1] == '.')))
			return false;
	}
	return true;
}

/* Lower case, without the final dot that makes a name absolute. */
static struct slice normal(struct slice host, char out[DNS_NAME_MAX + 1])
{
	if (host.len > 1 && host.p[host.len - 1] == '.')
		host.len--;
	if (host.len > DNS_NAME_MAX)
		return (struct slice){0};
	for (size_t i = 0; i < host.len; i++)
		out[i] = host.p[i] >= 'A' && host.p[i] <= 'Z' ? (char)(host.p[i] | 0x20)
							      : host.p[i];
	out[host.len] = '\0';
	return slice_make(out, host.len);
}

/* RFC 3261 section 26.2.2: sips means TLS, whatever else is said. */
static enum sip_transport transport_of(const struct net_query *q)
{
	if (q->scheme == SIP_SCHEME_SIPS)
		return SIP_TR_TLS;
	return q->transport != SIP_TR_NONE ? q->transport : SIP_TR_UDP;
}

static void blame(
	struct next_hops *n, struct slice name, enum dns_type type, const char *why)
{
	snprintf(n->failed_name, sizeof(n->failed_name), "%.*s", SLICE_ARG(name));
	n->failed_type = type;
	n->failed_why = why;
}

static enum tried ask(struct next_hops *n, struct slice name, enum dns_type type,
	const struct dns_answer **out)
{
	const struct dns_answer *a = n->answer(n->arg, name, type);

	*out = a;
	if (a == NULL) {
		blame(n, name, type, "no answer in time");
		return n->final ? FAILS : WAITS;
	}
	if (a->outcome == DNS_FOUND && a->count > 0)
		return HAS;
	blame(n, name, type,
		a->outcome == DNS_FAILED            ? a->why
			: a->outcome == DNS_NO_NAME ? "no such name"
			: a->outcome == DNS_NO_DATA ? "no such record"
						    : "no record that is of use");
	return a->outcome == DNS_FAILED ? FAILS : HAS_NOT;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void hop_add(struct next_hops *n, enum sip_transport tr, const struct addr *addr,
	uint16_t port, uint64_t expires)
{
	struct hop_found *f = &n->found[n->count];

	if (n->count == NET_MAX_HOPS)
		return;
	f->hop.transport = tr;
	f->hop.addr = *addr;
	f->expires = expires;
	addr_set_port(&f->hop.addr, port);
	for (unsigned i = 0; i < n->count; i++) {
		if (n->found[i].hop.transport == tr &&
			addr_eq(&n->found[i].hop.addr, &f->hop.addr))
			return;
	}
	n->count++;
}

static enum tried hosts_look(
	struct next_hops *n, struct slice name, enum sip_transport tr, uint16_t port)
{
	struct addr addrs[NET_MAX_HOPS];
	unsigned count = n->hosts(n->arg, name, addrs, NET_MAX_HOPS), fit = 0;

	/* Addresses that no listener can reach are left out, unless that leaves none, which the sender then is told. */
	for (unsigned i = 0; i < count; i++)
		fit += n->listens(n->arg, tr, addr_family(&addrs[i]));
	for (unsigned f = 0; f < 2; f++) {
		for (unsigned i = 0; i < count; i++) {
			int family = addr_family(&addrs[i]);

			if (family == n->families[f] &&
				(fit == 0 || n->listens(n->arg, tr, family)))
				hop_add(n, tr, &addrs[i], port, UINT64_MAX);
		}
	}
	return count > 0 ? HAS : HAS_NOT;
}

/* WAITS stands above all, then what there is, then what failed. */
static enum tried both(enum tried a, enum tried b)
{
	if (a == WAITS || b == WAITS)
		return WAITS;
	if (a == HAS || b == HAS)
		return HAS;
	return a == FAILS || b == FAILS ? FAILS : HAS_NOT;
}

static enum tried addresses(struct next_hops *n, struct slice name, enum sip_transport tr,
	uint16_t port, uint64_t expires)
{
	const bool any = n->listens(n->arg, tr, n->families[0]) ||
		n->listens(n->arg, tr, n->families[1]);
	enum tried result = HAS_NOT;
	struct addr literal;

	if (addr_parse_ip(&literal, name) == 0) {
		hop_add(n, tr, &literal, port, expires);
		return HAS;
	}
	if (hosts_look(n, name, tr, port) == HAS)
		return HAS;
	for (unsigned f = 0; f < 2; f++) {
		const enum dns_type type = n->families[f] == AF_INET ? DNS_A : DNS_AAAA;
		const struct dns_answer *a;
		enum tried t;

		if (any && !n->listens(n->arg, tr, n->families[f]))
			continue;
		t = ask(n, name, type, &a);
		for (unsigned i = 0; t == HAS && i < a->count; i++)
			hop_add(n, tr, &a->records[i].addr, port,
				sooner(expires, a->expires));
		result = both(result, t);
	}
	return result;
}

uint64_t next_hops_random(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* The records order[first..last) have one priority: draw one after another. */
static void draw(const struct dns_answer *a, uint64_t *random, unsigned *order,
	unsigned first, unsigned last)
{
	for (; first + 1 < last; first++) {
		uint64_t sum = 0, point;
		unsigned i;

		for (i = first; i < last; i++)
			sum += a->records[order[i]].weight;
		/* 0..sum, both included: records of weight 0 stand in front, and are drawn once in a while. */
		point = next_hops_random(random) % (sum + 1);
		sum = 0;
		for (i = first; i + 1 < last; i++) {
			sum += a->records[order[i]].weight;
			if (sum >= point)
				break;
		}
		while (i > first) {
			unsigned t = order[i];

			order[i] = order[i - 1];
			order[--i] = t;
		}
	}
}

/* Before that one: lower priority; of one priority, weight 0. Ties stay as they came. */
static bool stands_before(const struct dns_record *a, const struct dns_record *b)
{
	if (a->order != b->order)
		return a->order < b->order;
	return a->weight == 0 && b->weight != 0;
}

void next_hops_order(
	const struct dns_answer *a, uint64_t seed, unsigned order[DNS_MAX_RECORDS])
{
	unsigned first = 0;

	for (unsigned i = 0; i < a->count; i++) {
		unsigned at = i;

		while (at > 0 &&
			stands_before(&a->records[i], &a->records[order[at - 1]])) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
	}
	for (unsigned i = 1; i <= a->count; i++) {
		if (i < a->count &&
			a->records[order[i]].order == a->records[order[first]].order)
			continue;
		draw(a, &seed, order, first, i);
		first = i;
	}
}

static enum tried srv_targets(struct next_hops *n, const struct dns_answer *a,
	enum sip_transport tr, uint64_t expires)
{
	unsigned order[DNS_MAX_RECORDS], used = 0;
	enum tried result = HAS_NOT;

	next_hops_order(a, n->seed, order);
	expires = sooner(expires, a->expires);
	for (unsigned i = 0; i < a->count && used < NET_MAX_HOPS; i++) {
		const struct dns_record *rec = &a->records[order[i]];

		if (rec->name.len == 0 || rec->port == 0)
			continue;
		used++;
		result = both(result, addresses(n, rec->name, tr, rec->port, expires));
	}
	return used > 0 ? result : REFUSES;
}

/* Is there SRV for it? HAS also when its targets have no address: then there is nothing else to look for. */
static enum tried srv_named(
	struct next_hops *n, struct slice name, enum sip_transport tr, uint64_t expires)
{
	const struct dns_answer *a;
	enum tried t = ask(n, name, DNS_SRV, &a);

	if (t != HAS)
		return t;
	t = srv_targets(n, a, tr, expires);
	return t == HAS_NOT ? HAS : t;
}

static enum tried srv_of(struct next_hops *n, struct slice host, enum sip_transport tr)
{
	const char *service = tr == SIP_TR_UDP ? "_sip._udp"
		: tr == SIP_TR_TCP             ? "_sip._tcp"
					       : "_sips._tcp";
	char name[NEXT_HOPS_NAME];
	int len = snprintf(name, sizeof(name), "%s.%.*s", service, SLICE_ARG(host));

	if (tr != SIP_TR_UDP && tr != SIP_TR_TCP && tr != SIP_TR_TLS)
		return HAS_NOT;
	if (len > DNS_NAME_MAX)
		return HAS_NOT;
	return srv_named(n, slice_make(name, (size_t)len), tr, UINT64_MAX);
}

static enum sip_transport transport_of_service(enum dns_service s)
{
	static const enum sip_transport tr[] = {[DNS_SIP_D2U] = SIP_TR_UDP,
		[DNS_SIP_D2T] = SIP_TR_TCP,
		[DNS_SIPS_D2T] = SIP_TR_TLS};

	return tr[s];
}

static bool usable(const struct next_hops *n, enum sip_transport tr)
{
	if (n->query->scheme == SIP_SCHEME_SIPS && tr != SIP_TR_TLS)
		return false;
	return n->listens(n->arg, tr, 0);
}

/* The next of those that may be used by order and preference; the first has none before it. NULL: no further one. */
static const struct dns_record *naptr_next(const struct next_hops *n,
	const struct dns_answer *a, const struct dns_record *before)
{
	const struct dns_record *best = NULL;

	for (unsigned i = 0; i < a->count; i++) {
		const struct dns_record *r = &a->records[i];
		const uint32_t key = (uint32_t)r->order << 16 | r->weight;

		if (!usable(n, transport_of_service(r->service)))
			continue;
		if (before != NULL) {
			const uint32_t last =
				(uint32_t)before->order << 16 | before->weight;

			if (key < last || (key == last && r <= before))
				continue;
		}
		if (best == NULL || key < ((uint32_t)best->order << 16 | best->weight))
			best = r;
	}
	return best;
}

/*
 * Section 4.1. RFC 3403 section 4.1: once a record was chosen, those of a higher order are not looked at; they are here when it led nowhere.
 */
static enum tried naptr_of(struct next_hops *n, struct slice host)
{
	const struct dns_answer *a;
	const struct dns_record *rec = NULL;
	enum tried t = ask(n, host, DNS_NAPTR, &a), result = HAS_NOT;
	uint16_t order = 0;

	if (t == WAITS)
		return WAITS;
	if (t != HAS)
		return HAS_NOT; /* also when nobody could say: servers that do not know NAPTR are many */
	while ((rec = naptr_next(n, a, rec)) != NULL && n->count < NET_MAX_HOPS) {
		if (n->count > 0 && rec->order != order)
			break;
		order = rec->order;
		t = srv_named(
			n, rec->name, transport_of_service(rec->service), a->expires);
		if (t == WAITS)
			return WAITS;
		if (t != HAS_NOT)
			result = both(result, t == REFUSES ? HAS_NOT : t);
	}
	return n->count > 0 ? HAS : result;
}

/* Section 4.1, without NAPTR: the SRV of each transport; the first that has any is used. */
static enum tried srv_of_each(struct next_hops *n, struct slice host)
{
	static const enum sip_transport all[] = {SIP_TR_UDP, SIP_TR_TCP, SIP_TR_TLS};
	enum tried result = HAS_NOT;
	bool waits = false;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		enum tried t;

		if (!usable(n, all[i]))
			continue;
		n->count = 0;
		t = srv_of(n, host, all[i]);
		if (t == HAS && !waits)
			return HAS;
		waits = waits || t == WAITS;
		if (t == FAILS || (t == REFUSES && result == HAS_NOT))
			result = t;
	}
	n->count = 0;
	return waits ? WAITS : result;
}

static enum tried by_records(struct next_hops *n, struct slice host)
{
	const struct net_query *q = n->query;
	enum tried t = HAS_NOT;

	if (q->port != 0)
		return HAS_NOT;
	if (q->transport != SIP_TR_NONE)
		return n->srv ? srv_of(n, host, transport_of(q)) : HAS_NOT;
	if (n->naptr)
		t = naptr_of(n, host);
	if (t == HAS_NOT && n->srv)
		t = srv_of_each(n, host);
	return t;
}

struct slice next_hops_name(struct slice host, char out[DNS_NAME_MAX + 1])
{
	host = normal(host, out);
	return is_name(host) ? host : (struct slice){0};
}

bool next_hops_literal(const struct net_query *q, struct net_hop *out)
{
	if (addr_parse_ip(&out->addr, q->host) != 0)
		return false;
	out->transport = transport_of(q);
	addr_set_port(&out->addr,
		q->port != 0 ? q->port : sip_default_port(q->scheme, out->transport));
	return true;
}

int next_hops_find(struct next_hops *n)
{
	const struct net_query *q = n->query;
	const enum sip_transport tr = transport_of(q);
	const uint16_t port = q->port != 0 ? q->port : sip_default_port(q->scheme, tr);
	char text[DNS_NAME_MAX + 1];
	struct slice host;
	enum tried t;

	n->count = 0;
	n->failed_name[0] = '\0';
	n->failed_type = DNS_A;
	n->failed_why = NULL;
	if (next_hops_literal(q, &n->found[0].hop)) {
		n->found[0].expires = UINT64_MAX;
		n->count = 1;
		return 0;
	}
	host = next_hops_name(q->host, text);
	if (host.len == 0) {
		n->failed_why = "not a host name";
		return -EINVAL;
	}
	/* Whoever gave the name an address by hand means that one. */
	t = hosts_look(n, host, tr, port);
	if (t == HAS_NOT)
		t = by_records(n, host);
	if (t == HAS_NOT)
		t = addresses(n, host, tr, port, UINT64_MAX);
	if (t == WAITS)
		return -EAGAIN;
	if (n->count > 0)
		return 0;
	if (t == REFUSES)
		n->failed_why = "the service is not there (SRV target \".\")";
	return t == FAILS ? -ETIMEDOUT : -ENOENT;
}
