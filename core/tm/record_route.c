#include "core/tm/record_route.h"

#include <errno.h>

/**
 * Must the dialog stay on TLS? Section 16.6 step 4: so it must when the Request-URI or the topmost Route is sips. What the
 * Request-URI has become meanwhile is the phone's Contact.
 */
static bool is_sips(struct ph_msg *msg)
{
	const struct sip_nameaddr *route = NULL;
	struct sip_uri uri;

	if (sip_uri_parse(&uri, msg->sip.ruri_received) == 0 &&
		uri.scheme == SIP_SCHEME_SIPS)
		return true;
	if (sip_hdr_first(&msg->sip, SIP_H_ROUTE))
		route = sip_nameaddrs(&msg->sip, SIP_H_ROUTE, NULL);
	return route && route->uri_err == 0 && route->uri.scheme == SIP_SCHEME_SIPS;
}

/** "<sip:host:port;transport=tcp", or "<sips:host:port" */
static void put_address(struct buf *b, struct ph_msg *msg, const struct net_sock *s)
{
	bool sips = s->transport == SIP_TR_TLS && is_sips(msg);

	buf_str(b, sips ? "<sips:" : "<sip:");
	buf_str(b, s->adv_host);
	if (s->adv_port != 0 &&
		s->adv_port != sip_default_port(SIP_SCHEME_SIP, s->transport)) {
		buf_chr(b, ':');
		buf_u64(b, s->adv_port);
	}
	if (s->transport != SIP_TR_UDP && !sips) {
		buf_str(b, ";transport=");
		buf_str(b, sip_transport_name(s->transport));
	}
}

static int value_of(struct ph_msg *msg, const struct net_sock *s, bool pair,
	struct slice rest, struct slice *out)
{
	struct buf b;

	buf_arena(&b, msg->arena, 128, 16384);
	put_address(&b, msg, s);
	if (pair)
		buf_str(&b, ";r2=on");
	buf_add(&b, rest);
	if (b.err != 0)
		return b.err == -ENOMEM ? -ENOMEM : -EINVAL;
	*out = buf_slice(&b);
	return 0;
}

int rr_add(struct ph_msg *msg, const struct net_sock *in, struct slice tail)
{
	struct slice rest = arena_printf(msg->arena, ";lr%.*s>", SLICE_ARG(tail));
	struct slice value;
	struct sip_hdr *h;
	int err = rest.p ? value_of(msg, in, false, rest, &value) : -ENOMEM;

	if (err == 0)
		err = sip_hdr_add(&msg->sip, SIP_BEFORE,
			sip_hdr_first(&msg->sip, SIP_H_RECORD_ROUTE),
			SLICE("Record-Route"), value, &h);
	if (err != 0)
		return err;
	msg->rr_hdr = h;
	msg->rr_sock = in;
	return 0;
}

struct sip_hdr *rr_ours(const struct ph_msg *msg)
{
	struct sip_hdr *h;

	if (!msg->rr_hdr)
		return NULL;
	h = sip_hdr_first(&msg->sip, SIP_H_RECORD_ROUTE);
	while (h && h != msg->rr_hdr)
		h = sip_hdr_next(h);
	return h;
}

int rr_pair(struct ph_msg *msg, const struct net_sock *out)
{
	struct sip_hdr *h = rr_ours(msg);
	struct slice value, rest;
	ptrdiff_t at;
	int err;

	if (!h || msg->rr_sock == out)
		return 0;
	/* What stands behind the address: a script may have put more there meanwhile. */
	at = slice_find(h->value, SLICE(";lr"));
	if (at < 0)
		return 0; /* the script has made something else of it */
	rest = slice_from(h->value, (size_t)at);
	err = value_of(msg, msg->rr_sock, true, rest, &value);
	if (err == 0)
		err = sip_hdr_set(&msg->sip, h, value);
	if (err == 0)
		err = value_of(msg, out, true, rest, &value);
	/* The one on top is the nearer one for who gets the message. */
	if (err == 0)
		err = sip_hdr_add(
			&msg->sip, SIP_BEFORE, h, SLICE("Record-Route"), value, NULL);
	return err;
}
