/*
 * Which listener is meant? By text, by transport and family, by host and port.
 */
#include "core/net/net_internal.h"

const struct net_sock *net_sock_first(
	const struct net_socks *socks, enum sip_transport tr, int family)
{
	for (unsigned i = 0; i < socks->count; i++) {
		const struct net_sock *s = &socks->list[i];

		if (s->transport == tr && addr_family(&s->addr) == family)
			return s;
	}
	return NULL;
}

static bool port_is(uint16_t asked, uint16_t port)
{
	return asked == 0 || asked == port;
}

/* host:port is the listener as bound, or as advertised; port 0: any. host with or without brackets. */
static bool sock_is(const struct net_sock *s, struct slice host, uint16_t port)
{
	struct addr literal, adv;

	if (addr_parse_ip(&literal, host) != 0)
		return port_is(port, s->adv_port) &&
			slice_ieq(host, slice_str(s->adv_host));
	if (port_is(port, addr_port(&s->addr)) && addr_eq_ip(&s->addr, &literal))
		return true;
	return port_is(port, s->adv_port) &&
		addr_parse_ip(&adv, slice_str(s->adv_host)) == 0 &&
		addr_eq_ip(&adv, &literal);
}

bool net_is_local(const struct net_socks *socks, struct slice host, uint16_t port)
{
	/* A name may be written with its final dot. */
	if (host.len > 1 && host.p[host.len - 1] == '.')
		host.len--;
	for (unsigned i = 0; i < socks->count; i++) {
		if (sock_is(&socks->list[i], host, port))
			return true;
	}
	return false;
}

/* "host", "host:port", "[v6]:port" or a bare IPv6 address. */
static bool split(struct slice text, struct slice *host, uint16_t *port)
{
	struct addr a;
	struct slice tail;
	uint64_t n;
	size_t end;

	*host = text;
	*port = 0;
	if (addr_parse_ip(&a, text) == 0)
		return true;
	end = text.len;
	while (end > 0 && text.p[end - 1] != ':')
		end--;
	if (end == 0)
		return !slice_empty(text);
	*host = slice_sub(text, 0, end - 1);
	tail = slice_from(text, end);
	if (slice_u64(tail, 65535, &n) != 0)
		return false;
	*port = (uint16_t)n;
	return !slice_empty(*host);
}

const struct net_sock *net_sock_find(const struct net_socks *socks, struct slice text)
{
	struct slice name, rest, host;
	enum sip_transport tr;
	uint16_t port;

	if (!slice_cut(text, ':', &name, &rest) || !split(rest, &host, &port))
		return NULL;
	tr = sip_transport_of(name);
	for (unsigned i = 0; i < socks->count; i++) {
		if (socks->list[i].transport == tr &&
			sock_is(&socks->list[i], host, port))
			return &socks->list[i];
	}
	return NULL;
}
