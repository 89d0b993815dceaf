#include <errno.h>
#include <unistd.h>

#include "core/script/hdr_received.h"
#include "core/script/pv_row.h"

/** What of From and To. In the row's `what`: for To 16 more. */
enum { NA_URI, NA_USER, NA_DOMAIN, NA_DISPLAY, NA_TAG };
#define OF_TO 16

static int get_party(const struct pv_call *c, struct script_value *out)
{
	enum sip_hdr_id id = c->what >= OF_TO ? SIP_H_TO : SIP_H_FROM;
	const struct sip_nameaddr *n;
	int err = received_nameaddr(c->msg, id, &n);

	if (err != 0)
		return err;
	switch (c->what % OF_TO) {
	case NA_URI:
		return pv_text_or_null(out, n->uri_text);
	case NA_USER:
		return n->uri_err ? -ENOENT : pv_text_or_null(out, n->uri.user);
	case NA_DOMAIN:
		return n->uri_err ? -ENOENT : pv_text_or_null(out, n->uri.host);
	case NA_DISPLAY:
		return pv_text_or_null(out, n->display);
	default:
		return pv_text_or_null(out, n->tag);
	}
}

/** Variables that show a header's value as it came. */
static int get_value(const struct pv_call *c, struct script_value *out)
{
	const struct sip_hdr *h = received_hdr(&c->msg->sip, (enum sip_hdr_id)c->what);

	return h ? pv_text(out, h->received) : -ENOENT;
}

static int get_content_length(const struct pv_call *c, struct script_value *out)
{
	const struct sip_hdr *h = received_hdr(&c->msg->sip, SIP_H_CONTENT_LENGTH);
	uint64_t n;

	if (!h || slice_u64(h->received, UINT32_MAX, &n) != 0)
		return -ENOENT;
	return pv_int(out, (int64_t)n);
}

enum {
	M_CALL_ID,
	M_CSEQ,
	M_METHOD,
	M_STATUS,
	M_REASON,
	M_BODY,
	M_BUF,
	M_LEN,
	M_NUMBER,
	M_PID
};

static int get_msg(const struct pv_call *c, struct script_value *out)
{
	const struct ph_msg *msg = c->msg;
	const struct sip_msg *sip = &msg->sip;

	switch (c->what) {
	case M_CALL_ID:
		return pv_text_or_null(out, sip->call_id);
	case M_CSEQ:
		return pv_int(out, sip->cseq);
	case M_METHOD:
		return pv_text_or_null(out,
			sip->kind == SIP_REQUEST ? sip->method_text
						 : sip->cseq_method_text);
	case M_STATUS:
		return sip->kind == SIP_REPLY ? pv_int(out, sip->status) : -ENOENT;
	case M_REASON:
		return sip->kind == SIP_REPLY ? pv_text(out, sip->reason) : -ENOENT;
	case M_BODY:
		return pv_text_or_null(out, sip->body_received);
	case M_BUF:
		return pv_text_or_null(out, sip->raw);
	case M_LEN:
		return pv_int(out, (int64_t)sip->raw.len);
	case M_NUMBER:
		return pv_int(out, (int64_t)msg->number);
	default:
		return pv_int(out, getpid());
	}
}

/** $msg(len), $msg(buf), $msg(body). */
static const char *check_msg_field(struct slice in)
{
	if (slice_eq(in, SLICE("len")) || slice_eq(in, SLICE("buf")) ||
		slice_eq(in, SLICE("body")))
		return NULL;
	return "$msg() takes one of len, buf, body";
}

static int get_msg_field(const struct pv_call *c, struct script_value *out)
{
	struct pv_call call = *c;

	if (slice_eq(c->inner, SLICE("len")))
		call.what = M_LEN;
	else if (slice_eq(c->inner, SLICE("buf")))
		call.what = M_BUF;
	else if (slice_eq(c->inner, SLICE("body")))
		call.what = M_BODY;
	else
		return -ENOENT;
	return get_msg(&call, out);
}

/* clang-format off */
const struct pv_row pv_msg_rows[] = {
	{.name = "fu", .get = get_party, .what = NA_URI},
	{.name = "fU", .get = get_party, .what = NA_USER},
	{.name = "fd", .get = get_party, .what = NA_DOMAIN},
	{.name = "fn", .get = get_party, .what = NA_DISPLAY},
	{.name = "ft", .get = get_party, .what = NA_TAG},
	{.name = "from", .get = get_party, .what = NA_URI},
	{.name = "from.user", .get = get_party, .what = NA_USER},
	{.name = "from.domain", .get = get_party, .what = NA_DOMAIN},
	{.name = "tu", .get = get_party, .what = OF_TO + NA_URI},
	{.name = "tU", .get = get_party, .what = OF_TO + NA_USER},
	{.name = "td", .get = get_party, .what = OF_TO + NA_DOMAIN},
	{.name = "tn", .get = get_party, .what = OF_TO + NA_DISPLAY},
	{.name = "tt", .get = get_party, .what = OF_TO + NA_TAG},
	{.name = "to", .get = get_party, .what = OF_TO + NA_URI},
	{.name = "to.user", .get = get_party, .what = OF_TO + NA_USER},
	{.name = "to.domain", .get = get_party, .what = OF_TO + NA_DOMAIN},
	{.name = "ct", .get = get_value, .what = SIP_H_CONTACT},
	{.name = "cT", .get = get_value, .what = SIP_H_CONTENT_TYPE},
	{.name = "ua", .get = get_value, .what = SIP_H_USER_AGENT},
	{.name = "cl", .get = get_content_length},
	{.name = "ci", .get = get_msg, .what = M_CALL_ID},
	{.name = "cs", .get = get_msg, .what = M_CSEQ},
	{.name = "rm", .get = get_msg, .what = M_METHOD},
	{.name = "rs", .get = get_msg, .what = M_STATUS},
	{.name = "rr", .get = get_msg, .what = M_REASON},
	{.name = "rb", .get = get_msg, .what = M_BODY},
	{.name = "mb", .get = get_msg, .what = M_BUF},
	{.name = "ml", .get = get_msg, .what = M_LEN},
	{.name = "mi", .get = get_msg, .what = M_NUMBER},
	{.name = "pp", .get = get_msg, .what = M_PID},
	{.name = "msg", .get = get_msg_field, .takes = PV_INNER, .check = check_msg_field},
	{0},
};
/* clang-format on */
