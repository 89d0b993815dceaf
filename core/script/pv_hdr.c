#include <errno.h>

#include "core/script/hdr_received.h"
#include "core/script/pv_row.h"

#define JOINED_MAX 65536 /* bytes of $(hdr(X)[*]) */

bool hdr_is(const struct sip_hdr *h, enum sip_hdr_id id, struct slice name)
{
	return h->id == id && (id != SIP_H_OTHER || slice_ieq(h->name, name));
}

struct sip_hdr *received_next(const struct sip_msg *msg, const struct sip_hdr *h,
	enum sip_hdr_id id, struct slice name)
{
	struct sip_hdr *n = h ? h->next : msg->first;

	while (n && ((n->flags & SIP_HDR_ADDED) || !hdr_is(n, id, name)))
		n = n->next;
	return n;
}

struct sip_hdr *received_hdr(const struct sip_msg *msg, enum sip_hdr_id id)
{
	struct sip_hdr *h = msg->by_id[id];

	while (h && (h->id != id || (h->flags & SIP_HDR_ADDED)))
		h = h->next;
	return h;
}

int hdr_nameaddr(
	struct ph_msg *msg, const struct sip_hdr *h, const struct sip_nameaddr **out)
{
	int err;

	*out = sip_nameaddr_parse(msg->arena, h->received, &err);
	if (*out)
		return 0;
	return err == -ENOMEM ? -ENOMEM : -ENOENT;
}

int received_nameaddr(
	struct ph_msg *msg, enum sip_hdr_id id, const struct sip_nameaddr **out)
{
	const struct sip_hdr *h = received_hdr(&msg->sip, id);
	const struct sip_nameaddr *n = NULL;
	int err = 0;

	if (!h)
		return -ENOENT;
	/* Untouched and alone, as nearly always: what others have parsed already will do. */
	if (h->flags == 0 && (id == SIP_H_FROM || id == SIP_H_TO))
		n = id == SIP_H_FROM ? sip_from(&msg->sip, &err)
				     : sip_to(&msg->sip, &err);
	if (!n)
		return err == -ENOMEM ? -ENOMEM : hdr_nameaddr(msg, h, out);
	*out = n;
	return 0;
}

static int64_t count_hdrs(const struct pv_call *c, enum sip_hdr_id id)
{
	const struct sip_hdr *h = NULL;
	int64_t n = 0;

	while ((h = received_next(&c->msg->sip, h, id, c->inner)))
		n++;
	return n;
}

static int get_all_hdrs(
	const struct pv_call *c, enum sip_hdr_id id, struct script_value *out)
{
	const struct sip_hdr *h = NULL;
	struct buf b;

	buf_arena(&b, c->msg->arena, 128, JOINED_MAX);
	while ((h = received_next(&c->msg->sip, h, id, c->inner))) {
		if (b.len > 0)
			buf_str(&b, ", ");
		buf_add(&b, h->received);
	}
	if (b.err != 0)
		return -ENOMEM;
	return pv_text_or_null(out, buf_slice(&b));
}

static int get_hdr(const struct pv_call *c, struct script_value *out)
{
	enum sip_hdr_id id = sip_hdr_id_of(c->inner);
	const struct sip_hdr *h;
	int64_t at = c->index == PV_AT ? c->at : 0;

	if (c->index == PV_ALL)
		return get_all_hdrs(c, id, out);
	if (at < 0)
		at += count_hdrs(c, id);
	if (at < 0)
		return -ENOENT;
	h = received_next(&c->msg->sip, NULL, id, c->inner);
	for (; h && at > 0; at--)
		h = received_next(&c->msg->sip, h, id, c->inner);
	return h ? pv_text(out, h->received) : -ENOENT;
}

static int get_hdr_count(const struct pv_call *c, struct script_value *out)
{
	return pv_int(out, count_hdrs(c, sip_hdr_id_of(c->inner)));
}

static int get_rr_count(const struct pv_call *c, struct script_value *out)
{
	const struct sip_hdr *h = NULL;
	int64_t n = 0;

	while ((h = received_next(
			&c->msg->sip, h, SIP_H_RECORD_ROUTE, (struct slice){0})))
		n++;
	return pv_int(out, n);
}

/** Our Record-Routes on top: 2 when they are a pair that belongs together (r2=on), else 1; 0 without any. */
static int get_rr_top_count(const struct pv_call *c, struct script_value *out)
{
	const struct sip_nameaddr *n;
	struct slice value;
	int err = received_nameaddr(c->msg, SIP_H_RECORD_ROUTE, &n);

	if (err == -ENOMEM)
		return err;
	if (err != 0)
		return pv_int(out, 0);
	return pv_int(out,
		n->uri_err == 0 && sip_param_get(n->uri.params, SLICE("r2"), &value) ? 2
										     : 1);
}

static const char *const party_headers[] = {
	"P-Asserted-Identity",
	"P-Preferred-Identity",
	"Remote-Party-ID",
	"Diversion",
	"Refer-To",
};
enum { P_ASSERTED, P_PREFERRED, P_REMOTE, P_DIVERSION, P_REFER_TO };

/** URI of the first address in a header that sip/ does not know by number. */
static int get_party_uri(const struct pv_call *c, struct script_value *out)
{
	const struct sip_hdr *h = received_next(
		&c->msg->sip, NULL, SIP_H_OTHER, slice_str(party_headers[c->what]));
	const struct sip_nameaddr *n;
	int err = h ? hdr_nameaddr(c->msg, h, &n) : -ENOENT;

	return err ? err : pv_text_or_null(out, n->uri_text);
}

static const char *const contact_fields[] = {
	"name", "uri", "q", "expires", "methods", "received", "params", NULL};

static const char *check_contact_field(struct slice in)
{
	unsigned i;

	for (i = 0; contact_fields[i]; i++)
		if (slice_eq(in, slice_str(contact_fields[i])))
			return NULL;
	return "$ct.fields() takes one of name, uri, q, expires, methods, received, "
	       "params";
}

static int get_contact_field(const struct pv_call *c, struct script_value *out)
{
	const struct sip_nameaddr *n;
	struct slice value;
	int err = received_nameaddr(c->msg, SIP_H_CONTACT, &n);

	if (err != 0)
		return err;
	if (slice_eq(c->inner, SLICE("name")))
		return pv_text_or_null(out, n->display);
	if (slice_eq(c->inner, SLICE("uri")))
		return pv_text_or_null(out, n->uri_text);
	if (slice_eq(c->inner, SLICE("params")))
		return pv_text_or_null(out, n->params);
	return sip_param_get(n->params, c->inner, &value) ? pv_text(out, value) : -ENOENT;
}

/* Digest credentials: RFC 2617 section 3.2.2, RFC 3261 section 22.4 */

static struct slice unquote(struct slice s)
{
	if (s.len >= 2 && s.p[0] == '"' && s.p[s.len - 1] == '"')
		return slice_sub(s, 1, s.len - 2);
	return s;
}

/** One `name=value` of "Digest a=b, c="d"". */
static bool credential(struct slice creds, struct slice name, struct slice *out)
{
	size_t pos = 0, start;

	while (pos < creds.len && creds.p[pos] != ' ' && creds.p[pos] != '\t')
		pos++; /* the scheme */
	while (pos < creds.len) {
		struct slice item, key, value;
		bool quoted = false;

		for (start = pos; pos < creds.len && (quoted || creds.p[pos] != ',');
			pos++) {
			if (quoted && creds.p[pos] == '\\' && pos + 1 < creds.len)
				pos++;
			else if (creds.p[pos] == '"')
				quoted = !quoted;
		}
		item = slice_sub(creds, start, pos - start);
		pos++;
		if (slice_cut(item, '=', &key, &value) &&
			slice_ieq(slice_trim(key), name)) {
			*out = unquote(slice_trim(value));
			return true;
		}
	}
	return false;
}

enum { CR_USER, CR_DOMAIN, CR_WHOLE_USER, CR_REALM, CR_NONCE, CR_URI };

static int get_credential(const struct pv_call *c, struct script_value *out)
{
	static const char *const names[] = {
		"username", "username", "username", "realm", "nonce", "uri"};
	const struct sip_hdr *h = received_hdr(&c->msg->sip, SIP_H_PROXY_AUTHORIZATION);
	struct slice value, head, tail;

	if (!h)
		h = received_hdr(&c->msg->sip, SIP_H_AUTHORIZATION);
	if (!h || !credential(h->received, slice_str(names[c->what]), &value))
		return -ENOENT;
	if (c->what == CR_USER && slice_cut(value, '@', &head, &tail))
		return pv_text_or_null(out, head);
	if (c->what == CR_DOMAIN)
		return slice_cut(value, '@', &head, &tail) ? pv_text_or_null(out, tail)
							   : -ENOENT;
	return pv_text_or_null(out, value);
}

/* clang-format off */
const struct pv_row pv_hdr_rows[] = {
	{.name = "hdr", .get = get_hdr, .takes = PV_INNER | PV_INDEXED},
	{.name = "hdrcnt", .get = get_hdr_count, .takes = PV_INNER},
	{.name = "hdrc", .get = get_hdr_count, .takes = PV_INNER},
	{.name = "rr_count", .get = get_rr_count},
	{.name = "rr_top_count", .get = get_rr_top_count},
	{.name = "ai", .get = get_party_uri, .what = P_ASSERTED},
	{.name = "pu", .get = get_party_uri, .what = P_PREFERRED},
	{.name = "re", .get = get_party_uri, .what = P_REMOTE},
	{.name = "di", .get = get_party_uri, .what = P_DIVERSION},
	{.name = "rt", .get = get_party_uri, .what = P_REFER_TO},
	{.name = "ct.fields", .get = get_contact_field, .takes = PV_INNER, .check = check_contact_field},
	{.name = "au", .get = get_credential, .what = CR_USER},
	{.name = "ad", .get = get_credential, .what = CR_DOMAIN},
	{.name = "aU", .get = get_credential, .what = CR_WHOLE_USER},
	{.name = "ar", .get = get_credential, .what = CR_REALM},
	{.name = "an", .get = get_credential, .what = CR_NONCE},
	{.name = "adu", .get = get_credential, .what = CR_URI},
	{0},
};
/* clang-format on */
