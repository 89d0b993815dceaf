#include "core/sip/sip_msg.h"

#include <string.h>

#include "core/sip/sip_uri.h"

static const struct slice methods[SIP_METHODS] = {
	[SIP_OTHER] = {"", 0},
	[SIP_INVITE] = {"INVITE", 6},
	[SIP_ACK] = {"ACK", 3},
	[SIP_CANCEL] = {"CANCEL", 6},
	[SIP_BYE] = {"BYE", 3},
	[SIP_REGISTER] = {"REGISTER", 8},
	[SIP_OPTIONS] = {"OPTIONS", 7},
	[SIP_PRACK] = {"PRACK", 5},
	[SIP_UPDATE] = {"UPDATE", 6},
	[SIP_INFO] = {"INFO", 4},
	[SIP_SUBSCRIBE] = {"SUBSCRIBE", 9},
	[SIP_NOTIFY] = {"NOTIFY", 6},
	[SIP_REFER] = {"REFER", 5},
	[SIP_MESSAGE] = {"MESSAGE", 7},
	[SIP_PUBLISH] = {"PUBLISH", 7},
};

static const char *const header_names[SIP_H_COUNT] = {
	[SIP_H_OTHER] = "",
	[SIP_H_VIA] = "Via",
	[SIP_H_FROM] = "From",
	[SIP_H_TO] = "To",
	[SIP_H_CALL_ID] = "Call-ID",
	[SIP_H_CSEQ] = "CSeq",
	[SIP_H_CONTACT] = "Contact",
	[SIP_H_MAX_FORWARDS] = "Max-Forwards",
	[SIP_H_ROUTE] = "Route",
	[SIP_H_RECORD_ROUTE] = "Record-Route",
	[SIP_H_PATH] = "Path",
	[SIP_H_CONTENT_TYPE] = "Content-Type",
	[SIP_H_CONTENT_LENGTH] = "Content-Length",
	[SIP_H_CONTENT_ENCODING] = "Content-Encoding",
	[SIP_H_EXPIRES] = "Expires",
	[SIP_H_MIN_EXPIRES] = "Min-Expires",
	[SIP_H_USER_AGENT] = "User-Agent",
	[SIP_H_SUPPORTED] = "Supported",
	[SIP_H_REQUIRE] = "Require",
	[SIP_H_PROXY_REQUIRE] = "Proxy-Require",
	[SIP_H_AUTHORIZATION] = "Authorization",
	[SIP_H_PROXY_AUTHORIZATION] = "Proxy-Authorization",
	[SIP_H_WWW_AUTHENTICATE] = "WWW-Authenticate",
	[SIP_H_PROXY_AUTHENTICATE] = "Proxy-Authenticate",
	[SIP_H_ALLOW] = "Allow",
	[SIP_H_RETRY_AFTER] = "Retry-After",
	[SIP_H_DATE] = "Date",
	[SIP_H_SUBJECT] = "Subject",
	[SIP_H_EVENT] = "Event",
};

/* The same in lower case, by length, so that a name is compared with two or three
 * candidates at most. */
struct known {
	const char *lower;
	enum sip_hdr_id id;
};

static const struct known len2[] = {{"to", SIP_H_TO}, {NULL, 0}};
static const struct known len3[] = {{"via", SIP_H_VIA}, {NULL, 0}};
static const struct known len4[] = {{"from", SIP_H_FROM}, {"cseq", SIP_H_CSEQ},
	{"path", SIP_H_PATH}, {"date", SIP_H_DATE}, {NULL, 0}};
static const struct known len5[] = {{"route", SIP_H_ROUTE}, {"allow", SIP_H_ALLOW},
	{"event", SIP_H_EVENT}, {NULL, 0}};
static const struct known len7[] = {{"call-id", SIP_H_CALL_ID},
	{"contact", SIP_H_CONTACT}, {"expires", SIP_H_EXPIRES},
	{"require", SIP_H_REQUIRE}, {"subject", SIP_H_SUBJECT}, {NULL, 0}};
static const struct known len9[] = {{"supported", SIP_H_SUPPORTED}, {NULL, 0}};
static const struct known len10[] = {{"user-agent", SIP_H_USER_AGENT}, {NULL, 0}};
static const struct known len11[] = {{"min-expires", SIP_H_MIN_EXPIRES},
	{"retry-after", SIP_H_RETRY_AFTER}, {NULL, 0}};
static const struct known len12[] = {{"max-forwards", SIP_H_MAX_FORWARDS},
	{"record-route", SIP_H_RECORD_ROUTE}, {"content-type", SIP_H_CONTENT_TYPE},
	{NULL, 0}};
static const struct known len13[] = {{"authorization", SIP_H_AUTHORIZATION},
	{"proxy-require", SIP_H_PROXY_REQUIRE}, {NULL, 0}};
static const struct known len14[] = {{"content-length", SIP_H_CONTENT_LENGTH}, {NULL, 0}};
static const struct known len16[] = {{"content-encoding", SIP_H_CONTENT_ENCODING},
	{"www-authenticate", SIP_H_WWW_AUTHENTICATE}, {NULL, 0}};
static const struct known len18[] = {
	{"proxy-authenticate", SIP_H_PROXY_AUTHENTICATE}, {NULL, 0}};
static const struct known len19[] = {
	{"proxy-authorization", SIP_H_PROXY_AUTHORIZATION}, {NULL, 0}};

#define LONGEST 19
static const struct known *const by_length[LONGEST + 1] = {
	[2] = len2,
	[3] = len3,
	[4] = len4,
	[5] = len5,
	[7] = len7,
	[9] = len9,
	[10] = len10,
	[11] = len11,
	[12] = len12,
	[13] = len13,
	[14] = len14,
	[16] = len16,
	[18] = len18,
	[19] = len19,
};

/* Compact forms, by letter: RFC 3261 section 7.3.3 and the registry of header fields. */
static const struct {
	const char *name;
	enum sip_hdr_id id;
} compact[26] = {
	['a' - 'a'] = {"Accept-Contact", SIP_H_OTHER},
	['b' - 'a'] = {"Referred-By", SIP_H_OTHER},
	['c' - 'a'] = {"Content-Type", SIP_H_CONTENT_TYPE},
	['d' - 'a'] = {"Request-Disposition", SIP_H_OTHER},
	['e' - 'a'] = {"Content-Encoding", SIP_H_CONTENT_ENCODING},
	['f' - 'a'] = {"From", SIP_H_FROM},
	['i' - 'a'] = {"Call-ID", SIP_H_CALL_ID},
	['j' - 'a'] = {"Reject-Contact", SIP_H_OTHER},
	['k' - 'a'] = {"Supported", SIP_H_SUPPORTED},
	['l' - 'a'] = {"Content-Length", SIP_H_CONTENT_LENGTH},
	['m' - 'a'] = {"Contact", SIP_H_CONTACT},
	['n' - 'a'] = {"Identity-Info", SIP_H_OTHER},
	['o' - 'a'] = {"Event", SIP_H_EVENT},
	['r' - 'a'] = {"Refer-To", SIP_H_OTHER},
	['s' - 'a'] = {"Subject", SIP_H_SUBJECT},
	['t' - 'a'] = {"To", SIP_H_TO},
	['u' - 'a'] = {"Allow-Events", SIP_H_OTHER},
	['v' - 'a'] = {"Via", SIP_H_VIA},
	['x' - 'a'] = {"Session-Expires", SIP_H_OTHER},
	['y' - 'a'] = {"Identity", SIP_H_OTHER},
};

static const struct slice transports[] = {
	[SIP_TR_NONE] = {"", 0},
	[SIP_TR_UDP] = {"udp", 3},
	[SIP_TR_TCP] = {"tcp", 3},
	[SIP_TR_TLS] = {"tls", 3},
	[SIP_TR_SCTP] = {"sctp", 4},
	[SIP_TR_WS] = {"ws", 2},
	[SIP_TR_WSS] = {"wss", 3},
	[SIP_TR_UNKNOWN] = {"", 0},
};

static uint64_t load8(const char *p)
{
	uint64_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

static uint32_t load4(const char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

/**
 * Equal without case; lower is in lower case. Whole words at a time, the last one
 * overlapping the one before: a name is a token, in which bit 5 tells letters' case and
 * nothing else.
 */
static bool same_letters(const char *p, const char *lower, size_t len)
{
	const uint64_t case_bits = 0x2020202020202020u;
	size_t i;

	if (len >= 8) {
		for (i = 0; i + 8 < len; i += 8)
			if ((load8(p + i) | case_bits) != load8(lower + i))
				return false;
		return (load8(p + len - 8) | case_bits) == load8(lower + len - 8);
	}
	if (len >= 4)
		return (load4(p) | (uint32_t)case_bits) == load4(lower) &&
			(load4(p + len - 4) | (uint32_t)case_bits) ==
			load4(lower + len - 4);
	for (i = 0; i < len; i++)
		if ((p[i] | 0x20) != lower[i])
			return false;
	return true;
}

/** Index into compact, or -1. */
static int compact_index(struct slice name)
{
	int c;

	if (name.len != 1)
		return -1;
	c = (name.p[0] | 0x20) - 'a';
	return c >= 0 && c < 26 && compact[c].name ? c : -1;
}

enum sip_hdr_id sip_hdr_id_of(struct slice name)
{
	const struct known *k;
	int c = compact_index(name);

	if (c >= 0)
		return compact[c].id;
	k = name.len <= LONGEST ? by_length[name.len] : NULL;
	for (; k && k->lower; k++)
		if ((name.p[0] | 0x20) == k->lower[0] &&
			same_letters(name.p, k->lower, name.len))
			return k->id;
	return SIP_H_OTHER;
}

const char *sip_hdr_name(enum sip_hdr_id id)
{
	return id < SIP_H_COUNT ? header_names[id] : "";
}

/** The long form of a name of SIP_H_OTHER. */
static struct slice long_form(struct slice name)
{
	int c = compact_index(name);

	return c >= 0 ? slice_str(compact[c].name) : name;
}

static struct sip_hdr *other_from(struct sip_hdr *h, struct slice name)
{
	name = long_form(name);
	for (; h; h = h->same)
		if (!(h->flags & SIP_HDR_REMOVED) &&
			slice_ieq(long_form(h->name), name))
			return h;
	return NULL;
}

static struct sip_hdr *in_force(struct sip_hdr *h)
{
	while (h && (h->flags & SIP_HDR_REMOVED))
		h = h->same;
	return h;
}

struct sip_hdr *sip_hdr_first(const struct sip_msg *msg, enum sip_hdr_id id)
{
	return id < SIP_H_COUNT ? in_force(msg->by_id[id]) : NULL;
}

struct sip_hdr *sip_hdr_next(const struct sip_hdr *h)
{
	if (h->id == SIP_H_OTHER)
		return other_from(h->same, h->name);
	return in_force(h->same);
}

struct sip_hdr *sip_hdr_find(const struct sip_msg *msg, struct slice name)
{
	enum sip_hdr_id id = sip_hdr_id_of(name);

	if (id != SIP_H_OTHER)
		return sip_hdr_first(msg, id);
	return other_from(msg->by_id[SIP_H_OTHER], name);
}

struct slice sip_hdr_value(const struct sip_msg *msg, enum sip_hdr_id id)
{
	const struct sip_hdr *h = sip_hdr_first(msg, id);

	return h ? h->value : (struct slice){0};
}

enum sip_method sip_method_of(struct slice text)
{
	unsigned m;

	for (m = SIP_INVITE; m < SIP_METHODS; m++)
		if (slice_eq(methods[m], text))
			return (enum sip_method)m;
	return SIP_OTHER;
}

const char *sip_method_name(enum sip_method m)
{
	return m < SIP_METHODS ? methods[m].p : "";
}

enum sip_transport sip_transport_of(struct slice text)
{
	unsigned t;

	if (slice_empty(text))
		return SIP_TR_NONE;
	for (t = SIP_TR_UDP; t < SIP_TR_UNKNOWN; t++)
		if (slice_ieq(transports[t], text))
			return (enum sip_transport)t;
	return SIP_TR_UNKNOWN;
}

const char *sip_transport_name(enum sip_transport tr)
{
	return tr <= SIP_TR_UNKNOWN ? transports[tr].p : "";
}
