#include "plugins/dialog/bye.h"

#include <errno.h>

#define BYE_MAX  16384
#define CSEQ_MAX 2147483647u /* section 8.1.1.5: less than 2^31 */

/** What decides about the request's head. */
struct head {
	struct slice ruri;
	struct sip_nameaddr *routes; /* Route headers, in order */
	bool strict;                 /* the remote target stands behind them */
	struct slice du;
};

struct slice bye_reason(struct arena *arena, struct slice reason)
{
	struct buf b;

	buf_arena(&b, arena, 96, 512);
	buf_str(&b, "Reason: SIP;cause=480;text=\"");
	for (size_t i = 0; i < reason.len; i++) {
		const char c = reason.p[i];

		if (c == '"' || c == '\\')
			buf_chr(&b, '\\');
		buf_chr(&b, (unsigned char)c < ' ' || c == 127 ? ' ' : c);
	}
	buf_str(&b, "\"\r\n");
	return b.err == 0 ? buf_slice(&b) : (struct slice){0};
}

static bool same_host(struct slice a, struct slice b)
{
	struct addr x, y;

	if (addr_parse_ip(&x, a) == 0 && addr_parse_ip(&y, b) == 0)
		return addr_eq_ip(&x, &y);
	return slice_ieq(a, b);
}

/** Does uri name the listener "udp:198.51.100.7:5060"? */
static bool names_listener(const struct sip_uri *uri, struct slice socket)
{
	struct slice name, host;
	uint64_t port;
	size_t colon = socket.len;

	if (!slice_cut(socket, ':', &name, &host))
		return false;
	while (colon > 0 && socket.p[colon - 1] != ':')
		colon--;
	if (slice_u64(slice_from(socket, colon), UINT16_MAX, &port) != 0 ||
		colon < name.len + 2)
		return false;
	host.len = colon - 1 - (name.len + 1);
	return sip_transport_of(name) == sip_uri_transport(uri) &&
		port ==
		(uri->port != 0 ? uri->port
				: sip_default_port(uri->scheme, uri->transport)) &&
		same_host(host, uri->host);
}

/** sip:host:port;transport of the address; empty when flow is none. */
static struct slice uri_of_flow(struct arena *arena, struct slice flow)
{
	enum sip_transport tr;
	struct addr addr;
	struct buf b;

	if (leg_flow_parse(flow, &tr, &addr) != 0)
		return (struct slice){0};
	buf_arena(&b, arena, 96, 256);
	sip_uri_of_addr(&b, &addr, tr);
	return b.err == 0 ? buf_slice(&b) : (struct slice){0};
}

/** Without what may not stand in a request URI (table 1 of section 19.1.1): headers, and the method parameter. */
static struct slice as_ruri(struct arena *arena, const struct sip_uri *uri)
{
	struct slice rest = uri->params, name, value, head = uri->text;
	ptrdiff_t end = slice_chr(head, '?');
	struct buf b;

	if (end >= 0)
		head.len = (size_t)end;
	if (!slice_empty(uri->params))
		head.len = (size_t)(uri->params.p - head.p) - 1;
	buf_arena(&b, arena, uri->text.len + 1, LEG_TEXT_MAX);
	buf_add(&b, head);
	while (sip_param_next(&rest, &name, &value)) {
		if (slice_ieq(name, SLICE("method")))
			continue;
		buf_chr(&b, ';');
		buf_add(&b, name);
		if (!slice_empty(value)) {
			buf_chr(&b, '=');
			buf_add(&b, value);
		}
	}
	return b.err == 0 ? buf_slice(&b) : (struct slice){0};
}

/** The route set without what we are ourselves. */
static int foreign_routes(struct arena *arena, const struct store_leg *leg,
	const struct leg_ours *ours, struct sip_nameaddr **out)
{
	struct sip_nameaddr *r;
	int err = 0;

	*out = NULL;
	if (slice_empty(leg->routes))
		return 0;
	r = sip_nameaddr_parse(arena, leg->routes, &err);
	if (!r)
		return err != 0 ? err : -EBADMSG;
	while (r && r->uri_err == 0 &&
		(leg_uri_is_ours(ours, &r->uri) || names_listener(&r->uri, leg->socket)))
		r = r->next;
	for (const struct sip_nameaddr *x = r; x; x = x->next)
		if (x->uri_err != 0)
			return -EBADMSG;
	*out = r;
	return 0;
}

/** Section 12.2.1.1: request URI, Route headers and next hop. */
static int decide_head(struct head *h, struct arena *arena, const struct store_leg *leg,
	const struct leg_ours *ours)
{
	int err = foreign_routes(arena, leg, ours, &h->routes);

	if (err != 0)
		return err;
	h->du = uri_of_flow(arena, leg->flow);
	h->ruri = slice_empty(leg->target) ? h->du : leg->target;
	if (slice_empty(h->ruri))
		return -EBADMSG;
	if (!h->routes)
		return 0;
	h->du = as_ruri(arena, &h->routes->uri);
	if (!h->routes->uri.lr) {
		h->ruri = h->du;
		h->routes = h->routes->next;
		h->strict = true;
	}
	return slice_empty(h->du) ? -ENOMEM : 0;
}

static void add_address(struct buf *b, const char *name, const struct store_leg *leg)
{
	buf_printf(b, "%s: %.*s;tag=%.*s\r\n", name, SLICE_ARG(leg->uri),
		SLICE_ARG(leg->tag));
}

static bool is_line(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] == '\r' || text.p[i] == '\n' || text.p[i] == '\0')
			return false;
	return true;
}

static bool is_leg(const struct store_leg *leg)
{
	return !slice_empty(leg->tag) && !slice_empty(leg->uri) && is_line(leg->tag) &&
		is_line(leg->uri) && is_line(leg->target) && is_line(leg->routes);
}

int bye_make(struct bye *out, struct arena *arena, const struct store_dialog *d,
	enum bye_to to, struct slice reason, const struct leg_ours *ours)
{
	const struct store_leg *they = to == BYE_TO_CALLER ? &d->caller : &d->callee;
	const struct store_leg *as = to == BYE_TO_CALLER ? &d->callee : &d->caller;
	struct head h = {0};
	struct buf b;
	int err;

	if (!is_leg(they) || !is_leg(as) || slice_empty(d->call_id) ||
		!is_line(d->call_id))
		return -EBADMSG;
	err = decide_head(&h, arena, they, ours);
	if (err != 0)
		return err;
	buf_arena(&b, arena, 1024, BYE_MAX);
	buf_printf(&b, "BYE %.*s SIP/2.0\r\n", SLICE_ARG(h.ruri));
	for (const struct sip_nameaddr *r = h.routes; r; r = r->next)
		buf_printf(&b, "Route: %.*s\r\n", SLICE_ARG(r->text));
	if (h.strict && !slice_empty(they->target))
		buf_printf(&b, "Route: <%.*s>\r\n", SLICE_ARG(they->target));
	buf_str(&b, "Max-Forwards: 70\r\n");
	add_address(&b, "From", as);
	add_address(&b, "To", they);
	buf_printf(&b, "Call-ID: %.*s\r\nCSeq: %u BYE\r\n", SLICE_ARG(d->call_id),
		as->cseq < CSEQ_MAX ? as->cseq + 1 : CSEQ_MAX);
	buf_add(&b, bye_reason(arena, reason));
	buf_str(&b, "Content-Length: 0\r\n\r\n");
	if (b.err != 0)
		return b.err == -EMSGSIZE ? -E2BIG : b.err;
	*out = (struct bye){.text = buf_slice(&b), .du = h.du, .socket = they->socket};
	return 0;
}
