#include "core/net/dns_wire.h"

#include <errno.h>

#define HEADER         12
#define MAX_RR         1024 /* records of a response that are looked at */
#define T_CNAME        5
#define T_SOA          6
#define CLASS_IN       1
#define RCODE_NXDOMAIN 3

struct reader {
	const uint8_t *p;
	size_t len;
	size_t at;
	bool bad;
};

struct rr {
	char owner[DNS_NAME_MAX + 1];
	uint16_t type, class;
	uint32_t ttl;
	size_t data, data_len;
};

const char *dns_type_name(enum dns_type type)
{
	return type == DNS_A       ? "A"
		: type == DNS_AAAA ? "AAAA"
		: type == DNS_SRV  ? "SRV"
				   : "NAPTR";
}

static uint16_t u16(struct reader *r)
{
	uint16_t v;

	if (r->bad || r->len - r->at < 2) {
		r->bad = true;
		return 0;
	}
	v = (uint16_t)(r->p[r->at] << 8 | r->p[r->at + 1]);
	r->at += 2;
	return v;
}

static uint32_t u32(struct reader *r)
{
	uint32_t high = u16(r);

	return high << 16 | u16(r);
}

/* One label to the end of text. Dots and what is not printable have no place in a host name: such a name equals none. */
static bool label_add(char *text, size_t *n, const uint8_t *label, size_t len)
{
	if (*n + (*n > 0) + len > DNS_NAME_MAX)
		return false;
	if (*n > 0)
		text[(*n)++] = '.';
	for (size_t i = 0; i < len; i++) {
		uint8_t c = label[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		text[(*n)++] = c > ' ' && c < 0x7f && c != '.' ? (char)c : '?';
	}
	return true;
}

/* A name at r, which then stands behind it. A pointer may only lead backwards, so that there is no circle. */
static void name_read(struct reader *r, char text[DNS_NAME_MAX + 1])
{
	size_t at = r->at, least = r->at, n = 0;
	bool jumped = false;

	text[0] = '\0';
	while (!r->bad) {
		uint8_t len = at < r->len ? r->p[at] : 0xff;

		if (len == 0) {
			at++;
			break;
		}
		if (len >= 0xc0 && at + 1 < r->len) {
			size_t to = (size_t)(len & 0x3f) << 8 | r->p[at + 1];

			if (!jumped)
				r->at = at + 2;
			jumped = true;
			if (to >= least)
				r->bad = true;
			least = at = to;
		} else if (len > 63 || at + 1 + len > r->len ||
			!label_add(text, &n, r->p + at + 1, len)) {
			r->bad = true;
		} else {
			at += 1u + len;
		}
	}
	text[n] = '\0';
	if (!jumped && !r->bad)
		r->at = at;
}

/* False: there is no further one, or it cannot be read. */
static bool rr_read(struct reader *r, struct rr *rr)
{
	name_read(r, rr->owner);
	rr->type = u16(r);
	rr->class = u16(r);
	rr->ttl = u32(r);
	rr->data_len = u16(r);
	rr->data = r->at;
	if (r->bad || r->len - r->at < rr->data_len) {
		r->bad = true;
		return false;
	}
	r->at += rr->data_len;
	if (rr->ttl > INT32_MAX)
		rr->ttl = 0; /* RFC 2181 section 8 */
	return true;
}

static void least_ttl(struct dns_parsed *out, uint32_t ttl)
{
	if (ttl < out->ttl)
		out->ttl = ttl;
}

static bool is_text(const char *text, struct slice s)
{
	return slice_eq(slice_str(text), s);
}

/* The record's data alone: nothing in it may reach beyond, but for a name's pointer backwards. */
static struct reader data_of(const struct reader *all, const struct rr *rr)
{
	return (struct reader){
		.p = all->p, .len = rr->data + rr->data_len, .at = rr->data};
}

static bool name_keep(struct dns_parsed *out, struct reader *r, struct dns_record *rec)
{
	char *text = out->text + out->text_len;

	name_read(r, text);
	if (r->bad || r->at != r->len)
		return false;
	rec->name = slice_str(text);
	out->text_len += rec->name.len + 1;
	return true;
}

static struct slice string_read(struct reader *r)
{
	size_t len = r->at < r->len ? r->p[r->at] : 0xffff;
	struct slice s;

	if (r->bad || r->len - r->at < len + 1) {
		r->bad = true;
		return (struct slice){0};
	}
	s = slice_make((const char *)r->p + r->at + 1, len);
	r->at += len + 1;
	return s;
}

static bool srv_read(struct dns_parsed *out, struct reader *r, struct dns_record *rec)
{
	rec->order = u16(r);
	rec->weight = u16(r);
	rec->port = u16(r);
	return name_keep(out, r, rec);
}

/* Sets *wanted for one that says where an SRV record of a SIP service is. */
static bool naptr_read(
	struct dns_parsed *out, struct reader *r, struct dns_record *rec, bool *wanted)
{
	static const struct slice services[] = {[DNS_SIP_D2U] = SLICE("SIP+D2U"),
		[DNS_SIP_D2T] = SLICE("SIP+D2T"),
		[DNS_SIPS_D2T] = SLICE("SIPS+D2T")};
	struct slice flags, service, regexp;

	rec->order = u16(r);
	rec->weight = u16(r);
	flags = string_read(r);
	service = string_read(r);
	regexp = string_read(r);
	*wanted = false;
	for (unsigned i = 0; i <= DNS_SIPS_D2T; i++) {
		if (!slice_ieq(service, services[i]))
			continue;
		rec->service = (enum dns_service)i;
		*wanted = slice_ieq(flags, SLICE("s")) && regexp.len == 0;
	}
	if (!name_keep(out, r, rec))
		return false;
	*wanted = *wanted && rec->name.len > 0;
	return true;
}

static bool addr_read(
	struct reader *r, enum dns_type type, struct dns_record *rec, bool *wanted)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	const uint8_t *p = r->p + r->at;

	if (r->len - r->at != (type == DNS_A ? 4u : 16u))
		return false;
	if (type == DNS_A) {
		memcpy(&in.sin_addr, p, 4);
		(void)addr_from_sa(&rec->addr, (struct sockaddr *)&in, sizeof(in));
	} else {
		memcpy(&in6.sin6_addr, p, 16);
		(void)addr_from_sa(&rec->addr, (struct sockaddr *)&in6, sizeof(in6));
	}
	/* To 0.0.0.0 the kernel would send to ourselves. */
	*wanted = !addr_is_any(&rec->addr);
	return true;
}

/* False: the record is malformed. */
static bool record_take(struct dns_parsed *out, const struct reader *all,
	const struct rr *rr, enum dns_type type)
{
	struct dns_record rec = {0};
	struct reader r = data_of(all, rr);
	size_t text_len = out->text_len;
	bool wanted = true, good;

	if (out->count == DNS_MAX_RECORDS)
		return true;
	if (type == DNS_SRV)
		good = srv_read(out, &r, &rec);
	else if (type == DNS_NAPTR)
		good = naptr_read(out, &r, &rec, &wanted);
	else
		good = addr_read(&r, type, &rec, &wanted);
	if (good && wanted)
		out->records[out->count++] = rec;
	else
		out->text_len = text_len;
	return good;
}

/* The records of owner in the answer section. Returns how many there were, also of no use; -1: malformed. *alias: its CNAME, or empty. */
static int section_scan(struct dns_parsed *out, struct reader r, unsigned count,
	const char *owner, enum dns_type type, char alias[DNS_NAME_MAX + 1])
{
	int found = 0;
	struct rr rr;

	alias[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		if (!rr_read(&r, &rr))
			return -1;
		if (rr.class != CLASS_IN || !is_text(rr.owner, slice_str(owner)))
			continue;
		if (rr.type == (uint16_t)type) {
			if (!record_take(out, &r, &rr, type))
				return -1;
			found++;
			least_ttl(out, rr.ttl);
		} else if (rr.type == T_CNAME && alias[0] == '\0') {
			struct reader data = data_of(&r, &rr);

			name_read(&data, alias);
			if (data.bad || alias[0] == '\0')
				return -1;
			least_ttl(out, rr.ttl);
		}
	}
	return found;
}

/* RFC 2308 section 5: the lesser of the SOA's own TTL and of its last field. */
static void soa_look(struct dns_parsed *out, struct reader r, unsigned count)
{
	char name[DNS_NAME_MAX + 1];
	struct rr rr;

	for (unsigned i = 0; i < count && rr_read(&r, &rr); i++) {
		struct reader data = data_of(&r, &rr);
		uint32_t minimum;

		if (rr.type != T_SOA || rr.class != CLASS_IN)
			continue;
		name_read(&data, name);
		name_read(&data, name);
		for (unsigned field = 0; field < 4; field++)
			(void)u32(&data);
		minimum = u32(&data);
		if (data.bad)
			continue;
		out->has_soa = true;
		least_ttl(out, rr.ttl);
		least_ttl(out, minimum);
		return;
	}
}

static void failed(struct dns_parsed *out, const char *why)
{
	out->outcome = DNS_FAILED;
	out->why = why;
	out->count = 0;
	out->ttl = 0;
}

static const char *rcode_text(unsigned rcode)
{
	switch (rcode) {
	case 1:
		return "the server did not understand the question";
	case 2:
		return "server failure";
	case 4:
		return "the server does not know such questions";
	case 5:
		return "the server refused";
	default:
		return "the server answered with an error";
	}
}

static void body_read(struct dns_parsed *out, struct reader *r, unsigned answers,
	unsigned authority, unsigned rcode, struct slice name, enum dns_type type)
{
	char owner[DNS_NAME_MAX + 1], alias[DNS_NAME_MAX + 1];
	int found = 0;
	struct rr rr;
	struct reader behind = *r;
	unsigned aliases = 0;

	for (unsigned i = 0; i < answers; i++) {
		if (!rr_read(&behind, &rr)) {
			failed(out, "malformed answer");
			return;
		}
	}
	memcpy(owner, name.p, name.len);
	owner[name.len] = '\0';
	for (;;) {
		found = section_scan(out, *r, answers, owner, type, alias);
		if (found < 0) {
			failed(out, "malformed answer");
			return;
		}
		if (found > 0 || alias[0] == '\0')
			break;
		if (++aliases > DNS_MAX_ALIASES) {
			failed(out, "CNAMEs in a circle, or too many");
			return;
		}
		memcpy(owner, alias, sizeof(owner));
	}
	if (found > 0) {
		out->outcome = DNS_FOUND;
		return;
	}
	soa_look(out, behind, authority);
	if (rcode == RCODE_NXDOMAIN) {
		out->outcome = DNS_NO_NAME;
	} else if (aliases > 0 && !out->has_soa) {
		out->outcome = DNS_ALIAS;
		memcpy(out->alias, owner, sizeof(out->alias));
	} else {
		out->outcome = DNS_NO_DATA;
	}
	if (!out->has_soa && out->outcome != DNS_ALIAS)
		out->ttl = 0;
}

void dns_parse(struct dns_parsed *out, const void *packet, size_t len, struct slice name,
	enum dns_type type)
{
	struct reader r = {.p = packet, .len = len, .at = 2};
	char question[DNS_NAME_MAX + 1];
	uint16_t flags, questions, answers, authority;
	unsigned rcode;

	out->outcome = DNS_FAILED;
	out->why = "malformed answer";
	out->ttl = UINT32_MAX;
	out->has_soa = false;
	out->count = 0;
	out->text_len = 0;
	out->alias[0] = '\0';
	if (len < HEADER || name.len > DNS_NAME_MAX) {
		failed(out, out->why);
		return;
	}
	flags = u16(&r);
	questions = u16(&r);
	answers = u16(&r);
	authority = u16(&r);
	(void)u16(&r);
	rcode = flags & 0x0fu;
	if (questions == 1) {
		name_read(&r, question);
		(void)u32(&r);
	}
	if (r.bad || questions > 1 || (flags & 0x8000u) == 0 || answers > MAX_RR ||
		authority > MAX_RR)
		failed(out, "malformed answer");
	else if (rcode != 0 && rcode != RCODE_NXDOMAIN)
		failed(out, rcode_text(rcode));
	else
		body_read(out, &r, answers, authority, rcode, name, type);
}
