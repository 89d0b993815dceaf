/*
 * Listeners: from the configuration's `listen` to immutable structs.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/net/net_internal.h"

#define SOCKS_MAX 256

struct net_socks_builder {
	unsigned count, cap;
	struct net_socks_block *block;
};

struct net_socks_block *net_socks_block(const struct net_socks *socks)
{
	/* The list is a member of the block, made by net_socks_finish(); the counter in it may change. */
	return (struct net_socks_block *)((uintptr_t)socks->list -
		offsetof(struct net_socks_block, list));
}

static int complain(char why[256], int err, const char *what, struct slice text)
{
	snprintf(why, 256, "%s, found \"%.*s\"", what,
		text.len < 128 ? (int)text.len : 128, text.p != NULL ? text.p : "");
	return err;
}

/* Room for one more. 0 or -errno. */
static int builder_grow(struct net_socks_builder *b)
{
	unsigned cap = b->cap > 0 ? b->cap * 2 : 8;
	struct net_socks_block *block;

	if (b->count == SOCKS_MAX)
		return -ENOSPC;
	if (b->count < b->cap)
		return 0;
	block = realloc(b->block, sizeof(*block) + cap * sizeof(block->list[0]));
	if (block == NULL)
		return -ENOMEM;
	b->block = block;
	b->cap = cap;
	return 0;
}

static bool builder_has(
	const struct net_socks_builder *b, enum sip_transport tr, const struct addr *a)
{
	for (unsigned i = 0; i < b->count; i++) {
		if (b->block->list[i].transport == tr &&
			addr_eq(&b->block->list[i].addr, a))
			return true;
	}
	return false;
}

/* The host of an advertised address: a literal, or what may be a name. */
static bool is_host(struct slice host)
{
	struct addr a;

	if (addr_parse_ip(&a, host) == 0)
		return true;
	if (slice_empty(host) || host.len >= 254)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		unsigned char c = (unsigned char)host.p[i];
		bool ok = (c >= '0' && c <= '9') ||
			((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
			c == '.' || c == '_';

		if (!ok)
			return false;
	}
	return true;
}

/* "host", "host:port", "[v6]", "[v6]:port", "v6"; *port stays as it is without one. */
static int parse_advertise(struct slice text, struct slice *host, uint16_t *port)
{
	struct slice tail = {0};
	uint64_t n;
	ptrdiff_t end;
	struct addr a;

	*host = text;
	if (addr_parse_ip(&a, text) == 0)
		return 0;
	end = slice_starts(text, SLICE("[")) ? slice_chr(text, ']') + 1
					     : slice_chr(text, ':');
	if (end > 0) {
		*host = slice_sub(text, 0, (size_t)end);
		tail = slice_from(text, (size_t)end);
	}
	if (!slice_empty(tail)) {
		if (tail.p[0] != ':' || slice_u64(slice_from(tail, 1), 65535, &n) != 0 ||
			n == 0)
			return -EINVAL;
		*port = (uint16_t)n;
	}
	return is_host(*host) ? 0 : -EINVAL;
}

static void upper(char *out, size_t size, const char *text)
{
	size_t i;

	for (i = 0; i + 1 < size && text[i] != '\0'; i++)
		out[i] =
			text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32) : text[i];
	out[i] = '\0';
}

/* The texts that stand in messages, made once. */
static void sock_texts(struct net_sock *s)
{
	const char *tr = sip_transport_name(s->transport);
	char ip[ADDR_TEXT], big[16], host[sizeof(s->adv_host)];

	memcpy(host, s->adv_host, sizeof(host));
	addr_text(&s->addr, ip);
	snprintf(s->text, sizeof(s->text), "%.6s:%s", tr, ip);
	snprintf(s->adv_text, sizeof(s->adv_text), "%.6s:%s:%u", tr, host, s->adv_port);
	upper(big, sizeof(big), tr);
	snprintf(s->via, sizeof(s->via), "SIP/2.0/%s %s:%u", big, host, s->adv_port);
}

static int sock_add(struct net_socks_builder *b, enum sip_transport tr,
	const struct addr *a, struct slice advertise, char why[256])
{
	struct slice host = {0};
	char ip[ADDR_TEXT];
	struct net_sock *s;
	struct addr literal;
	uint16_t port = addr_port(a);
	int err = builder_grow(b);

	if (err != 0)
		return complain(why, err, "too many listeners", (struct slice){0});
	if (!slice_empty(advertise)) {
		if (parse_advertise(advertise, &host, &port) != 0)
			return complain(why, -EINVAL,
				"expected an advertised HOST[:PORT]", advertise);
		if (addr_parse_ip(&literal, host) == 0)
			host = addr_host_text(&literal, ip);
	} else {
		host = addr_host_text(a, ip);
	}
	s = &b->block->list[b->count];
	*s = (struct net_sock){
		.index = b->count, .transport = tr, .addr = *a, .adv_port = port};
	snprintf(s->adv_host, sizeof(s->adv_host), "%.*s", SLICE_ARG(host));
	sock_texts(s);
	b->count++;
	return 0;
}

/* An interface's address that may be listened on: up, of the family, not bound to one link. */
static bool is_usable(const struct ifaddrs *i, int family, struct addr *out)
{
	if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0 ||
		i->ifa_addr->sa_family != family)
		return false;
	if (addr_from_sa(out, i->ifa_addr,
		    family == AF_INET ? sizeof(struct sockaddr_in)
				      : sizeof(struct sockaddr_in6)) != 0)
		return false;
	return family != AF_INET6 || !IN6_IS_ADDR_LINKLOCAL(&out->in6.sin6_addr);
}

/* A wildcard: all addresses of its family; those that are listed already stay as they are. */
static int expand(struct net_socks_builder *b, enum sip_transport tr,
	const struct addr *any, struct slice advertise, char why[256])
{
	struct ifaddrs *all;
	unsigned before = b->count;
	bool known = false;
	int err = 0;

	if (getifaddrs(&all) != 0)
		return complain(
			why, -errno, "cannot list the interfaces", (struct slice){0});
	for (const struct ifaddrs *i = all; i != NULL && err == 0; i = i->ifa_next) {
		struct addr a;

		if (!is_usable(i, addr_family(any), &a))
			continue;
		addr_set_port(&a, addr_port(any));
		if (builder_has(b, tr, &a))
			known = true;
		else
			err = sock_add(b, tr, &a, advertise, why);
	}
	freeifaddrs(all);
	if (err == 0 && b->count == before) {
		err = known ? -EEXIST : -EINVAL;
		snprintf(why, 256,
			known ? "all its addresses are listed already"
			      : "no interface has an address of that family");
	}
	return err;
}

static int parse_spec(const char *spec, enum sip_transport *tr, struct addr *a)
{
	struct slice name, rest;

	if (!slice_cut(slice_str(spec), ':', &name, &rest))
		return -EINVAL;
	*tr = sip_transport_of(name);
	if (*tr != SIP_TR_UDP && !net_is_stream(*tr))
		return -EINVAL;
	return addr_parse(a, rest, sip_default_port(SIP_SCHEME_SIP, *tr));
}

int net_socks_add(struct net_socks_builder **bp, const char *spec, const char *advertise,
	char why[256])
{
	struct net_socks_builder *b = *bp;
	enum sip_transport tr;
	struct addr a;

	if (parse_spec(spec, &tr, &a) != 0 || addr_port(&a) == 0)
		return complain(why, -EINVAL,
			"expected udp:, tcp: or tls:ADDRESS[:PORT]",
			slice_str(spec));
	if (b == NULL) {
		b = *bp = calloc(1, sizeof(*b));
		if (b == NULL)
			return complain(why, -ENOMEM, "out of memory", (struct slice){0});
	}
	if (addr_is_any(&a))
		return expand(b, tr, &a, slice_str(advertise), why);
	if (builder_has(b, tr, &a))
		return complain(
			why, -EEXIST, "this address is listed already", slice_str(spec));
	return sock_add(b, tr, &a, slice_str(advertise), why);
}

int net_socks_finish(struct net_socks_builder **bp, struct net_socks *out)
{
	struct net_socks_builder *b = *bp;

	*bp = NULL;
	if (b == NULL || b->count == 0) {
		if (b != NULL)
			free(b->block);
		free(b);
		return -EINVAL;
	}
	atomic_init(&b->block->tcp_open, 0);
	b->block->sources = NULL;
	b->block->names = NULL;
	*out = (struct net_socks){b->block->list, b->count};
	if (sources_new(&b->block->sources) != 0 || names_new(&b->block->names) != 0)
		net_socks_free(out);
	free(b);
	return out->list != NULL ? 0 : -ENOMEM;
}

void net_socks_free(struct net_socks *socks)
{
	if (socks->list != NULL) {
		struct net_socks_block *block = net_socks_block(socks);

		sources_destroy(&block->sources);
		names_destroy(&block->names);
		free(block);
	}
	*socks = (struct net_socks){0};
}
