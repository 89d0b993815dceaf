#include "plugins/rtpp/rtpp_conf.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

static const char no_memory[] = "more memory: there is none left";

/** The next word; several blanks count as one. False: none left. */
static bool next_word(struct slice *rest, struct slice *word)
{
	size_t n = 0;

	*rest = slice_trim(*rest);
	while (n < rest->len && !strchr(" \t\r\n", rest->p[n]))
		n++;
	*word = slice_sub(*rest, 0, n);
	*rest = slice_from(*rest, n);
	return n > 0;
}

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
static const char *read_udp(struct rtpp_relay *r, struct slice text, struct slice *host)
{
	struct slice port;

	r->family = AF_INET;
	if (slice_cut(text, ':', host, &port)) {
		const char *fault = read_port(port, &r->port);

		if (fault)
			return fault;
	} else {
		*host = text;
	}
	if (addr_parse_ip(&r->addr, *host) == 0)
		return addr_family(&r->addr) == AF_INET ? NULL
							: "udp6: for IPv6 addresses";
	return is_host_name(*host) ? NULL
				   : "udp:HOST[:PORT] with an IPv4 address or a name";
}

/** "[v6]:port", "name:port", or an address whose last ':' splits off the port as the guide writes it. */
static const char *read_udp6(struct rtpp_relay *r, struct slice text, struct slice *host)
{
	static const char want[] =
		"udp6:[ADDRESS][:PORT] with an IPv6 address, or udp6:NAME[:PORT]";
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

static const char *read_url(struct rtpp_relay *r, struct slice url)
{
	const char *fault;
	struct slice host;

	if (url.len > RTPP_URL_MAX)
		return "a shorter URL: at most 120 characters";
	*r = (struct rtpp_relay){.port = RTPP_DFLT_PORT};
	if (slice_starts(url, SLICE("udp:")))
		fault = read_udp(r, slice_from(url, 4), &host);
	else if (slice_starts(url, SLICE("udp6:")))
		fault = read_udp6(r, slice_from(url, 5), &host);
	else if (slice_starts(url, SLICE("unix:")) || slice_starts(url, SLICE("/")) ||
		slice_starts(url, SLICE("cunix:")) || slice_starts(url, SLICE("tcp:")) ||
		slice_starts(url, SLICE("tcp6:")))
		return "udp: or udp6:, as this version speaks to RTP proxies over UDP "
		       "only";
	else
		return "[SETID == ] udp:HOST[:PORT][=WEIGHT] or "
		       "udp6:[ADDRESS][:PORT][=WEIGHT], several separated by blanks";
	if (fault)
		return fault;
	memcpy(r->url, url.p, url.len);
	memcpy(r->host, host.p, host.len);
	if (addr_is_set(&r->addr))
		addr_set_port(&r->addr, r->port);
	return NULL;
}

int rtpp_relay_find(const struct rtpp_sets *sets, struct slice url)
{
	unsigned i;

	for (i = 0; i < sets->relay_count; i++)
		if (slice_eq(slice_str(sets->relays[i].url), url))
			return (int)i;
	return -1;
}

const struct rtpp_set *rtpp_set_find(const struct rtpp_sets *sets, uint64_t id)
{
	unsigned i;

	for (i = 0; i < sets->set_count; i++)
		if (sets->sets[i].id == id)
			return &sets->sets[i];
	return NULL;
}

const struct rtpp_node *rtpp_set_node(
	const struct rtpp_sets *sets, const struct rtpp_set *set, struct slice url)
{
	int relay = rtpp_relay_find(sets, url);
	unsigned i;

	for (i = 0; relay >= 0 && i < set->count; i++)
		if (set->nodes[i].relay == (unsigned)relay)
			return &set->nodes[i];
	return NULL;
}

static const char *relay_of(struct rtpp_sets *sets, struct slice url, unsigned *index)
{
	int at = rtpp_relay_find(sets, url);
	struct rtpp_relay r, *more;
	const char *fault;

	if (at >= 0) {
		*index = (unsigned)at;
		return NULL;
	}
	fault = read_url(&r, url);
	if (fault)
		return fault;
	if (sets->relay_count >= RTPP_MAX_RELAYS)
		return "at most 256 RTP proxies";
	more = reallocarray(sets->relays, sets->relay_count + 1, sizeof(*more));
	if (!more)
		return no_memory;
	more[sets->relay_count] = r;
	sets->relays = more;
	*index = sets->relay_count++;
	return NULL;
}

static const char *read_node(
	struct rtpp_sets *sets, struct rtpp_set *set, struct slice word)
{
	struct rtpp_node node = {.weight = 1, .index = sets->node_count}, *more;
	struct slice url = word, text;
	const char *fault;
	uint64_t weight;
	unsigned i;

	if (slice_cut(word, '=', &url, &text)) {
		if (slice_u64(text, RTPP_MAX_WEIGHT, &weight) != 0)
			return "a weight from 0 to 65535 behind '='";
		node.weight = (unsigned)weight;
	}
	if (slice_cut(url, '|', &url, &text) &&
		(addr_parse_ip(&node.advertised, text) != 0 ||
			addr_is_any(&node.advertised)))
		return "an IP address behind '|'";
	fault = relay_of(sets, url, &node.relay);
	if (fault)
		return fault;
	for (i = 0; i < set->count; i++)
		if (set->nodes[i].relay == node.relay)
			return "each RTP proxy once in a set";
	more = reallocarray(set->nodes, set->count + 1, sizeof(*more));
	if (!more)
		return no_memory;
	more[set->count++] = node;
	set->nodes = more;
	sets->node_count++;
	return NULL;
}

static const char *set_of(struct rtpp_sets *sets, unsigned id, struct rtpp_set **out)
{
	struct rtpp_set *more;
	unsigned i;

	for (i = 0; i < sets->set_count; i++) {
		if (sets->sets[i].id == id) {
			*out = &sets->sets[i];
			return NULL;
		}
	}
	more = reallocarray(sets->sets, sets->set_count + 1, sizeof(*more));
	if (!more)
		return no_memory;
	more[sets->set_count] = (struct rtpp_set){.id = id};
	sets->sets = more;
	*out = &more[sets->set_count++];
	return NULL;
}

const char *rtpp_sets_add(struct rtpp_sets *sets, const char *text)
{
	struct slice rest = slice_trim(slice_str(text)), word;
	ptrdiff_t at = slice_find(rest, SLICE("=="));
	struct rtpp_set *set;
	const char *fault;
	uint64_t id = 0;

	if (slice_empty(rest))
		return NULL;
	if (at >= 0) {
		if (slice_u64(slice_trim(slice_sub(rest, 0, (size_t)at)), RTPP_SETID_MAX,
			    &id) != 0)
			return "a set id from 0 to 2147483647 before '=='";
		rest = slice_from(rest, (size_t)at + 2);
		if (slice_empty(slice_trim(rest)))
			return "at least one RTP proxy behind '=='";
	}
	fault = set_of(sets, (unsigned)id, &set);
	while (!fault && next_word(&rest, &word))
		fault = read_node(sets, set, word);
	return fault;
}

void rtpp_sets_free(struct rtpp_sets *sets)
{
	unsigned i;

	for (i = 0; i < sets->set_count; i++)
		free(sets->sets[i].nodes);
	free(sets->sets);
	free(sets->relays);
	*sets = (struct rtpp_sets){0};
}

static int resolve(struct rtpp_relay *r)
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
	return err;
}

int rtpp_sets_resolve(struct rtpp_sets *sets, const struct rtpp_relay **which)
{
	unsigned i;

	for (i = 0; i < sets->relay_count; i++) {
		if (!addr_is_set(&sets->relays[i].addr) &&
			resolve(&sets->relays[i]) != 0) {
			*which = &sets->relays[i];
			return -ENOENT;
		}
	}
	return 0;
}

int rtpp_seconds(struct slice text, unsigned *ms)
{
	struct slice whole = text, fraction = {0};
	uint64_t s, f = 0, scale = 1000;
	size_t i;

	if (slice_cut(text, '.', &whole, &fraction) && slice_empty(fraction))
		return -EINVAL;
	if (slice_u64(whole, 60, &s) != 0)
		return -EINVAL;
	for (i = 0; i < fraction.len; i++) {
		if (fraction.p[i] < '0' || fraction.p[i] > '9')
			return -EINVAL;
		scale /= 10;
		f += (uint64_t)(fraction.p[i] - '0') * scale;
	}
	if (s * 1000 + f == 0 || s * 1000 + f > 60000)
		return -EINVAL;
	*ms = (unsigned)(s * 1000 + f);
	return 0;
}
