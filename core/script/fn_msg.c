#include <errno.h>

#include "core/script/fn_core.h"
#include "core/sip/sip_write.h"

static struct slice method_of(const struct ph_msg *msg)
{
	return msg->sip.kind == SIP_REQUEST ? msg->sip.method_text
					    : msg->sip.cseq_method_text;
}

/** is_method("INVITE|ACK"): in replies the method of CSeq. */
static int is_method(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct slice method = method_of(msg), head, rest = args[0].s;

	(void)self;
	while (slice_cut(rest, '|', &head, &rest))
		if (slice_ieq(slice_trim(head), method))
			return PH_TRUE;
	return slice_ieq(slice_trim(rest), method) ? PH_TRUE : PH_FALSE;
}

static int is_request(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	return msg->sip.kind == SIP_REQUEST ? PH_TRUE : PH_FALSE;
}

static int is_reply(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)args;
	return msg->sip.kind == SIP_REPLY ? PH_TRUE : PH_FALSE;
}

static int has_totag(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);

	(void)self;
	(void)args;
	return to && !slice_empty(to->tag) ? PH_TRUE : PH_FALSE;
}

/** Max-Forwards: one less, or set when there is none (RFC 3261 section 16.6 step 3). -1: it was 0. -2: unreadable. */
static int process_maxfwd(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	uint32_t n = 0;
	int err = sip_number(&msg->sip, SIP_H_MAX_FORWARDS, &n);
	struct slice text;
	struct buf b;

	(void)self;
	if (err == -EBADMSG)
		return -2;
	if (err == 0 && n == 0)
		return PH_FALSE;
	if (err == 0)
		n = n > 255 ? 255 : n - 1;
	else
		n = args[0].n < 1 ? 1 : args[0].n > 255 ? 255 : (uint32_t)args[0].n;
	buf_arena(&b, msg->arena, 4, 4);
	buf_u64(&b, n);
	text = buf_slice(&b);
	if (b.err != 0)
		return fn_verdict(msg, "mf_process_maxfwd_header", -ENOMEM);
	if (err == 0)
		err = sip_hdr_set(
			&msg->sip, sip_hdr_first(&msg->sip, SIP_H_MAX_FORWARDS), text);
	else
		err = sip_hdr_add(
			&msg->sip, SIP_AFTER, NULL, SLICE("Max-Forwards"), text, NULL);
	return fn_verdict(msg, "mf_process_maxfwd_header", err);
}

/**
 * Is its sender the phone itself? A request has one Via then. A reply: our Record-Route is the first (mode 0), or exactly
 * two Vias, ours and the caller's (mode 1).
 */
static int is_first_hop(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct sip_via *via = sip_via_list(&msg->sip, NULL);
	const struct sip_nameaddr *rr;
	unsigned vias = 0;

	for (; via; via = via->next)
		vias++;
	if (msg->sip.kind == SIP_REQUEST)
		return vias == 1 ? PH_TRUE : PH_FALSE;
	if (args[0].given && args[0].n == 1)
		return vias == 2 ? PH_TRUE : PH_FALSE;
	rr = sip_nameaddrs(&msg->sip, SIP_H_RECORD_ROUTE, NULL);
	return rr && rr->uri_err == 0 && fn_uri_is_ours(self, &rr->uri) ? PH_TRUE
									: PH_FALSE;
}

/* sanity_check(): what the parser lets pass and a proxy may still refuse. Bits are Kamailio's. */

enum {
	SANE_RURI_SCHEME = 2,
	SANE_CSEQ_METHOD = 32,
	SANE_CSEQ_VALUE = 64,
	SANE_CONTENT_LENGTH = 128,
	SANE_EXPIRES = 256,
	SANE_PROXY_REQUIRE = 512,
	SANE_URIS = 1024,
};
enum { SANE_URI_RURI = 1, SANE_URI_FROM = 2, SANE_URI_TO = 4, SANE_URI_CONTACT = 8 };

struct complaint {
	unsigned code;
	const char *text;
	struct slice extra;
};

static bool complain(struct complaint *c, unsigned code, const char *text)
{
	c->code = code;
	c->text = text;
	return false;
}

static bool numbers_are_sane(struct ph_msg *msg, int64_t bits, struct complaint *c)
{
	uint32_t n;

	/* RFC 3261 section 8.1.1.5: below 2^31 */
	if ((bits & SANE_CSEQ_VALUE) && msg->sip.cseq > INT32_MAX)
		return complain(c, 400, "Bad CSeq Number");
	if ((bits & SANE_CSEQ_METHOD) && msg->sip.kind == SIP_REQUEST &&
		!slice_eq(msg->sip.method_text, msg->sip.cseq_method_text))
		return complain(c, 400, "CSeq Method Differs");
	if ((bits & SANE_CONTENT_LENGTH) &&
		sip_hdr_first(&msg->sip, SIP_H_CONTENT_LENGTH) &&
		(sip_number(&msg->sip, SIP_H_CONTENT_LENGTH, &n) != 0 ||
			n != msg->sip.body_received.len))
		return complain(c, 400, "Content-Length Mismatch");
	if ((bits & SANE_EXPIRES) && sip_number(&msg->sip, SIP_H_EXPIRES, &n) == -EBADMSG)
		return complain(c, 400, "Bad Expires Header");
	return true;
}

/** A list of addresses all of whose URIs hold, or no such header. */
static bool addresses_are_sane(struct ph_msg *msg, enum sip_hdr_id id)
{
	int err;
	const struct sip_nameaddr *n = sip_nameaddrs(&msg->sip, id, &err);

	if (err != 0)
		return false;
	for (; n; n = n->next)
		if (n->uri_err)
			return false;
	return true;
}

static bool uris_are_sane(
	struct ph_msg *msg, int64_t bits, int64_t uri_bits, struct complaint *c)
{
	bool request = msg->sip.kind == SIP_REQUEST;
	struct sip_uri uri = {.scheme = SIP_SCHEME_OTHER};
	bool readable = request && sip_uri_parse(&uri, msg->sip.ruri) == 0;

	if (request && (bits & SANE_RURI_SCHEME) && readable &&
		uri.scheme == SIP_SCHEME_OTHER)
		return complain(c, 416, "Unsupported URI Scheme");
	if (!(bits & SANE_URIS))
		return true;
	if (request && (uri_bits & SANE_URI_RURI) && !readable)
		return complain(c, 400, "Bad Request URI");
	if ((uri_bits & SANE_URI_FROM) && !addresses_are_sane(msg, SIP_H_FROM))
		return complain(c, 400, "Bad From URI");
	if ((uri_bits & SANE_URI_TO) && !addresses_are_sane(msg, SIP_H_TO))
		return complain(c, 400, "Bad To URI");
	if ((uri_bits & SANE_URI_CONTACT) && !addresses_are_sane(msg, SIP_H_CONTACT))
		return complain(c, 400, "Bad Contact URI");
	return true;
}

/** A proxy that does not know what is required says which: RFC 3261 section 16.3 step 5. We know none. */
static bool extensions_are_sane(struct ph_msg *msg, int64_t bits, struct complaint *c)
{
	struct slice wanted = sip_hdr_value(&msg->sip, SIP_H_PROXY_REQUIRE);

	if (!(bits & SANE_PROXY_REQUIRE) || slice_empty(wanted) ||
		msg->sip.method == SIP_ACK || msg->sip.method == SIP_CANCEL)
		return true;
	c->extra = arena_printf(msg->arena, "Unsupported: %.*s\r\n", SLICE_ARG(wanted));
	return complain(c, 420, "Bad Extension");
}

static int sanity_check(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	int64_t bits = args[0].given ? args[0].n : 0xfff;
	int64_t uri_bits =
		args[1].given ? args[1].n : SANE_URI_RURI | SANE_URI_FROM | SANE_URI_TO;
	struct complaint c = {0};

	if (numbers_are_sane(msg, bits, &c) && uris_are_sane(msg, bits, uri_bits, &c) &&
		extensions_are_sane(msg, bits, &c))
		return PH_TRUE;
	fn_log(msg, LOG_L_INFO, "sanity_check: %s", c.text);
	if (msg->sip.kind == SIP_REQUEST && msg->sip.method != SIP_ACK)
		(void)fn_reply(self, msg, c.code, slice_str(c.text), c.extra);
	return PH_FALSE;
}

/* clang-format off */
const struct ph_script_fn fn_msg_table[] = {
	{.name = "is_method", .args = {{.kind = PH_ARG_FMT, .name = "methods"}}, .min_args = 1, .max_args = 1,
	 .routes = PH_ROUTES_ALL, .call = is_method, .help = "Is the method one of these, parted by '|'?"},
	{.name = "is_request", .routes = PH_ROUTES_ALL, .call = is_request, .help = "Is it a request?"},
	{.name = "is_reply", .routes = PH_ROUTES_ALL, .call = is_reply, .help = "Is it a reply?"},
	{.name = "has_totag", .routes = PH_ROUTES_ALL, .call = has_totag,
	 .help = "Has the To header a tag: does the message belong to a dialog?"},
	{.name = "mf_process_maxfwd_header", .args = {{.kind = PH_ARG_INT, .name = "limit"}}, .min_args = 1,
	 .max_args = 1, .routes = FN_R, .call = process_maxfwd,
	 .help = "Counts Max-Forwards down, or adds it; false when it was 0."},
	{.name = "is_first_hop", .args = {{.kind = PH_ARG_INT, .name = "mode"}}, .max_args = 1,
	 .routes = FN_R | FN_F | FN_B | FN_O, .call = is_first_hop, .help = "Does the message come straight from its maker?"},
	{.name = "sanity_check", .args = {{.kind = PH_ARG_INT, .name = "checks"}, {.kind = PH_ARG_INT, .name = "uri_checks"}},
	 .max_args = 2, .routes = FN_R | FN_O, .call = sanity_check,
	 .help = "Checks numbers and URIs; false when something is bad, and then it has replied."},
	{0},
};
/* clang-format on */
