#include "plugins/rtpp/rtpp_url.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

static bool is_host_name(struct slice s)
{
	size_t i;

	for (i = 0; i < s.len; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'))
			return false;
	}
	/* Four numbers that are no address are no name either. */
	return s.len > 0 && !(s.p[s.len - 1] >= '0' && s.p[s.len - 1] <= '9');
}

static const char *read_port(struct slice text, uint16_t *port)
{
	uint64_t n;

	if (slice_u64(text, UINT16_MAX, &n) != 0 || n == 0)
		return "a port from 1 to 65535 behind the last ':'";
	*port = (uint16_t)n;
	return NULL;
}

/** "host[:port]" */
static const char *read_ip4(struct rtpp_relay *r, struct slice text, struct slice *host)
{
	struct slice port;

	r->family = AF_INET;
	if (slice_starts(text, SLICE("[")))
		return "udp6: or tcp6: for IPv6 addresses";
	if (slice_cut(text, ':', host, &port)) {
		const char *fault = read_port(port, &r->port);

		if (fault)
			return fault;
	} else {
		*host = text;
	}
	if (addr_parse_ip(&r->addr, *host) == 0)
		return addr_family(&r->addr) == AF_INET
			? NULL
			: "udp6: or tcp6: for IPv6 addresses";
	return is_host_name(*host) ? NULL
				   : "udp:HOST[:PORT] with an IPv4 address or a name "
				     "(likewise tcp:)";
}

/** "[v6]:port", "name:port", or an address whose last ':' splits off the port as the guide writes it. */
static const char *read_ip6(struct rtpp_relay *r, struct slice text, struct slice *host)
{
	static const char want[] = "udp6:[ADDRESS][:PORT] with an IPv6 address, or "
				   "udp6:NAME[:PORT] (likewise tcp6:)";
	ptrdiff_t at;

	r->family = AF_INET6;
	if (text.len > 0 && text.p[0] == '[') {
		at = slice_chr(text, ']');
		if (at < 0)
			return want;
		*host = slice_sub(text, 1, (size_t)at - 1);
		text = slice_from(text, (size_t)at + 1);
		if (addr_parse_ip(&r->addr, *host) != 0 ||
			addr_family(&r->addr) != AF_INET6)
			return want;
		if (text.len > 0 && text.p[0] != ':')
			return want;
		return text.len > 0 ? read_port(slice_from(text, 1), &r->port) : NULL;
	}
	for (at = (ptrdiff_t)text.len; at > 0 && text.p[at - 1] != ':';)
		at--;
	if (at > 0) {
		*host = slice_sub(text, 0, (size_t)at - 1);
		if (is_host_name(*host) || addr_parse_ip(&r->addr, *host) == 0)
			return addr_is_set(&r->addr) && addr_family(&r->addr) != AF_INET6
				? want
				: read_port(slice_from(text, (size_t)at), &r->port);
	}
	*host = text;
	if (addr_parse_ip(&r->addr, text) == 0)
		return addr_family(&r->addr) == AF_INET6 ? NULL : want;
	return is_host_name(text) ? NULL : want;
}

static const char *read_path(struct rtpp_relay *r, struct slice text, struct slice *host)
{
	r->family = AF_UNIX;
	r->port = 0;
	*host = text;
	if (text.len < 2 || text.p[0] != '/')
		return "unix:/PATH or cunix:/PATH, an absolute path";
	if (text.len > RTPP_PATH_MAX)
		return "a shorter path: the kernel takes 107 characters for a UNIX "
		       "socket";
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return "a path without blanks and control characters";
	return NULL;
}

/* clang-format off */
static const struct scheme {
	const char *prefix;
	enum rtpp_way way;
	const char *(*read)(struct rtpp_relay *r, struct slice text, struct slice *host);
} schemes[] = {
	{"udp:", RTPP_WAY_UDP, read_ip4},
	{"udp6:", RTPP_WAY_UDP, read_ip6},
	{"unix:", RTPP_WAY_ONCE, read_path},
	{"cunix:", RTPP_WAY_STREAM, read_path},
	{"tcp:", RTPP_WAY_STREAM, read_ip4},
	{"tcp6:", RTPP_WAY_STREAM, read_ip6},
	{"", RTPP_WAY_ONCE, read_path}, /* a bare path; must be the last one */
};
/* clang-format on */

const char *rtpp_url_read(struct rtpp_relay *out, struct slice url)
{
	const struct scheme *s = schemes;
	struct rtpp_relay r = {.port = RTPP_DFLT_PORT};
	struct slice host = {0};
	const char *fault;

	if (url.len > RTPP_URL_MAX)
		return "a shorter URL: at most 120 characters";
	while (!slice_starts(url, slice_str(s->prefix)))
		s++;
	if (!*s->prefix && !slice_starts(url, SLICE("/")))
		return "[SETID == ] URL[=WEIGHT], several separated by blanks, where URL "
		       "is udp:HOST[:PORT], udp6:[ADDRESS][:PORT], unix:/PATH, "
		       "cunix:/PATH, tcp:HOST[:PORT] or tcp6:[ADDRESS][:PORT]";
	r.way = s->way;
	fault = s->read(&r, slice_from(url, strlen(s->prefix)), &host);
	if (fault)
		return fault;
	memcpy(r.url, url.p, url.len);
	memcpy(r.host, host.p, host.len);
	if (addr_is_set(&r.addr))
		addr_set_port(&r.addr, r.port);
	*out = r;
	return NULL;
}

bool rtpp_relay_is_named(const struct rtpp_relay *r)
{
	return r->family != AF_UNIX && !addr_is_set(&r->addr);
}

int rtpp_relay_resolve(struct rtpp_relay *r)
{
	const struct addrinfo hints = {.ai_family = r->family, .ai_socktype = SOCK_DGRAM};
	struct addrinfo *list;
	int err;

	if (getaddrinfo(r->host, NULL, &hints, &list) != 0)
		return -ENOENT;
	err = addr_from_sa(&r->addr, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	if (err == 0)
		addr_set_port(&r->addr, r->port);
	return err == 0 ? 0 : -ENOENT;
}
