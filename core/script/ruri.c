#include "core/script/ruri.h"

#include <errno.h>

#include "core/script/pv_row.h"

static const char *transport_text(enum sip_transport tr)
{
	switch (tr) {
	case SIP_TR_TCP:
		return "TCP";
	case SIP_TR_TLS:
		return "TLS";
	case SIP_TR_SCTP:
		return "SCTP";
	case SIP_TR_WS:
		return "WS";
	case SIP_TR_WSS:
		return "WSS";
	case SIP_TR_NONE:
	case SIP_TR_UDP:
	case SIP_TR_UNKNOWN:
		break;
	}
	return "UDP";
}

int uri_part_get(struct slice text, enum uri_part part, struct script_value *out)
{
	struct sip_uri u;

	if (part == URI_ALL)
		return pv_text_or_null(out, text);
	if (slice_empty(text) || sip_uri_parse(&u, text) != 0)
		return -ENOENT;
	switch (part) {
	case URI_USER:
		return slice_empty(u.user) ? 0 : pv_text(out, u.user);
	case URI_USERPASS:
		return slice_empty(u.password) ? 0 : pv_text(out, u.password);
	case URI_HOST:
		return slice_empty(u.host) ? 0 : pv_text(out, u.host);
	case URI_HOSTPORT:
		return slice_empty(u.hostport) ? 0 : pv_text(out, u.hostport);
	case URI_PORT:
		if (u.port != 0)
			return pv_int(out, u.port);
		return pv_int(out, sip_default_port(u.scheme, u.transport));
	case URI_SCHEME:
		return pv_text(out, u.scheme_text);
	case URI_TRANSPORT:
		return pv_static(out, transport_text(sip_uri_transport(&u)));
	case URI_ALL:
		break;
	}
	return -ENOENT;
}

/** Put value in the place of a part of u; u's text itself is stale then. */
static int replace_part(struct sip_uri *u, enum uri_part part, struct slice value)
{
	uint64_t port;

	switch (part) {
	case URI_USER:
		u->user = value;
		if (slice_empty(value))
			u->password = value;
		return 0;
	case URI_USERPASS:
		u->password = (struct slice){0};
		if (!slice_cut(value, ':', &u->user, &u->password))
			u->user = value;
		return 0;
	case URI_HOST:
		u->host = value;
		return slice_empty(value) ? -EINVAL : 0;
	case URI_HOSTPORT:
		u->host = value;
		u->port = 0;
		return slice_empty(value) ? -EINVAL : 0;
	case URI_PORT:
		if (slice_empty(value)) {
			u->port = 0;
			return 0;
		}
		if (slice_u64(value, UINT16_MAX, &port) != 0)
			return -EINVAL;
		u->port = (uint16_t)port;
		return 0;
	case URI_ALL:
	case URI_SCHEME:
	case URI_TRANSPORT:
		break;
	}
	return -EINVAL;
}

static void write_uri(struct buf *b, const struct sip_uri *u)
{
	buf_add(b, u->scheme_text);
	buf_chr(b, ':');
	if (!slice_empty(u->user)) {
		buf_add(b, u->user);
		if (!slice_empty(u->password)) {
			buf_chr(b, ':');
			buf_add(b, u->password);
		}
		buf_chr(b, '@');
	}
	buf_add(b, u->host);
	if (u->port != 0) {
		buf_chr(b, ':');
		buf_u64(b, u->port);
	}
	if (!slice_empty(u->params)) {
		buf_chr(b, ';');
		buf_add(b, u->params);
	}
	if (!slice_empty(u->headers)) {
		buf_chr(b, '?');
		buf_add(b, u->headers);
	}
}

/** uri lives in the arena. Another destination is no phone of another node any more. */
static int set_uri(struct ph_msg *msg, struct slice uri)
{
	int err = sip_set_ruri(&msg->sip, uri);

	if (err == 0 && slice_empty(msg->du))
		msg->foreign = (struct slice){0};
	return err;
}

/** The whole URI; copied and checked. */
static int set_all(struct ph_msg *msg, struct slice uri)
{
	struct sip_uri check;
	struct slice kept;

	if (msg->sip.kind != SIP_REQUEST || sip_uri_parse(&check, uri) != 0)
		return -EINVAL;
	kept = arena_dup(msg->arena, uri);
	return kept.p ? set_uri(msg, kept) : -ENOMEM;
}

int ruri_set_part(struct ph_msg *msg, enum uri_part part, struct slice value)
{
	struct sip_uri u;
	struct buf b;
	int err;

	if (part == URI_ALL)
		return set_all(msg, value);
	if (msg->sip.kind != SIP_REQUEST || sip_uri_parse(&u, msg->sip.ruri) != 0)
		return -EINVAL;
	if (u.scheme != SIP_SCHEME_SIP && u.scheme != SIP_SCHEME_SIPS)
		return -EINVAL;
	err = replace_part(&u, part, value);
	if (err != 0)
		return err;
	buf_arena(&b, msg->arena, msg->sip.ruri.len + value.len + 8, UINT16_MAX);
	write_uri(&b, &u);
	if (b.err != 0)
		return b.err == -ENOMEM ? -ENOMEM : -EINVAL;
	return sip_uri_parse(&u, buf_slice(&b)) == 0
		? set_uri(msg, buf_slice(&b))
		: -EINVAL;
}

int du_set(struct ph_msg *msg, struct slice uri)
{
	struct sip_uri u;
	struct slice kept;

	if (slice_empty(uri)) {
		msg->du = (struct slice){0};
		msg->foreign = (struct slice){0};
		msg->flow = false;
		return 0;
	}
	if (sip_uri_parse(&u, uri) != 0 ||
		(u.scheme != SIP_SCHEME_SIP && u.scheme != SIP_SCHEME_SIPS))
		return -EINVAL;
	kept = arena_dup(msg->arena, uri);
	if (!kept.p)
		return -ENOMEM;
	msg->du = kept;
	msg->foreign = (struct slice){0};
	msg->flow = false;
	return 0;
}
