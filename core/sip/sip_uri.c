#include "core/sip/sip_uri.h"

#include <errno.h>

#include "core/sip/sip_scan.h"

bool sip_param_next(struct slice *rest, struct slice *name, struct slice *value)
{
	const char *p, *end, *start, *eq;

	if (slice_empty(*rest))
		return false;
	p = rest->p;
	end = p + rest->len;
	while (p < end && (*p == ';' || sip_is(*p, SC_LWS)))
		p++;
	start = p;
	p = sip_skip(p, end, SC_TOKEN);
	*name = sip_between(start, p);
	if (p < end && *p != ';' && *p != '=') { /* more than a token */
		while (p < end && *p != ';' && *p != '=')
			p++;
		*name = sip_trim(start, p);
	}
	eq = p;
	if (p < end && *p == '=') {
		eq = ++p;
		p = sip_skip(p, end, SC_TOKEN);
		if (p == end || *p == ';') { /* nearly always */
			*value = sip_between(eq, p);
			*rest = sip_between(p, end);
			return true;
		}
	}
	while (p < end && *p != ';') {
		if (*p == '"')
			p = sip_quoted_end(p, end);
		else
			p++;
		if (!p)
			p = end;
	}
	*value = sip_trim(eq, p);
	*rest = sip_between(p, end);
	return p > start;
}

bool sip_param_get(struct slice params, struct slice name, struct slice *value)
{
	struct slice n, v;

	while (sip_param_next(&params, &n, &v)) {
		if (slice_ieq(n, name)) {
			*value = v;
			return true;
		}
	}
	return false;
}

static enum sip_scheme scheme_of(struct slice s)
{
	if (s.len == 3 && slice_ieq(s, SLICE("sip")))
		return SIP_SCHEME_SIP;
	if (s.len == 4 && slice_ieq(s, SLICE("sips")))
		return SIP_SCHEME_SIPS;
	if (slice_ieq(s, SLICE("tel")))
		return SIP_SCHEME_TEL;
	if (slice_ieq(s, SLICE("urn")))
		return SIP_SCHEME_URN;
	return SIP_SCHEME_OTHER;
}

static void read_params(struct sip_uri *u)
{
	struct slice rest = u->params, name, value;

	while (sip_param_next(&rest, &name, &value)) {
		if (name.len == 2 && slice_ieq(name, SLICE("lr")))
			u->lr = true;
		else if (name.len == 9 && slice_ieq(name, SLICE("transport")))
			u->transport = sip_transport_of(value);
		else if (name.len == 5 && slice_ieq(name, SLICE("maddr")))
			u->maddr = value;
	}
}

/** What follows "sip:" or "sips:". */
static int parse_sip(struct sip_uri *u, const char *p, const char *end)
{
	const char *at = memchr(p, '@', (size_t)(end - p));
	const char *host, *stop;

	if (at) {
		/* The user may hold ';', '?' and '/'; '@' is escaped everywhere but here. */
		u->user = sip_between(p, at);
		(void)slice_cut(u->user, ':', &u->user, &u->password);
		p = at + 1;
	}
	host = p;
	p = sip_host_end(host, end);
	if (!p)
		return -EINVAL;
	u->host = sip_between(host, p);
	if (p < end && *p == ':') {
		stop = sip_skip(p + 1, end, SC_DIGIT);
		if (sip_port_parse(sip_between(p + 1, stop), &u->port) != 0)
			return -EINVAL;
		p = stop;
	}
	u->hostport = sip_between(host, p);
	if (p < end && *p == ';') {
		stop = memchr(p, '?', (size_t)(end - p));
		if (!stop)
			stop = end;
		u->params = sip_between(p + 1, stop);
		p = stop;
		read_params(u);
	}
	if (p < end && *p == '?') {
		u->headers = sip_between(p + 1, end);
		p = end;
	}
	return p == end ? 0 : -EINVAL;
}

int sip_uri_parse(struct sip_uri *out, struct slice text)
{
	struct sip_uri u = {.text = text};
	const char *p, *end, *colon;

	if (text.len < 2 || !sip_is(text.p[0], SC_ALPHA))
		return -EINVAL;
	p = text.p;
	end = p + text.len;
	colon = sip_skip(p, end, SC_SCHEME);
	if (colon == end || *colon != ':' || colon + 1 == end)
		return -EINVAL;
	for (p = colon + 1; p < end; p++)
		if (sip_is(*p, SC_NOT_URI))
			return -EINVAL;
	u.scheme_text = sip_between(text.p, colon);
	u.scheme = scheme_of(u.scheme_text);
	if (u.scheme == SIP_SCHEME_SIP || u.scheme == SIP_SCHEME_SIPS) {
		int err = parse_sip(&u, colon + 1, end);

		if (err != 0)
			return err;
	} else if (u.scheme == SIP_SCHEME_TEL) {
		u.user = sip_between(colon + 1, end);
		(void)slice_cut(u.user, ';', &u.user, &u.params);
		if (slice_empty(u.user))
			return -EINVAL;
	}
	*out = u;
	return 0;
}

uint16_t sip_default_port(enum sip_scheme scheme, enum sip_transport tr)
{
	return scheme == SIP_SCHEME_SIPS || tr == SIP_TR_TLS || tr == SIP_TR_WSS ? 5061
										 : 5060;
}

void sip_uri_of_addr(struct buf *b, const struct addr *a, enum sip_transport tr)
{
	char text[ADDR_TEXT];

	buf_add(b, SLICE("sip:"));
	buf_add(b, addr_text(a, text));
	if (tr != SIP_TR_NONE && tr != SIP_TR_UDP && tr != SIP_TR_UNKNOWN) {
		buf_add(b, SLICE(";transport="));
		buf_str(b, sip_transport_name(tr));
	}
}
