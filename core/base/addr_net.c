#include <arpa/inet.h>
#include <errno.h>

#include "core/base/addr.h"

static bool same_prefix(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static void clear_after(unsigned char *bytes, unsigned bits, unsigned total)
{
	for (unsigned i = bits; i < total; i++)
		bytes[i / 8] &= (unsigned char)~(0x80u >> (i % 8));
}

static unsigned char *net_bytes(struct addr *a, unsigned *bits)
{
	bool v4 = addr_family(a) == AF_INET;

	*bits = v4 ? 32 : 128;
	return v4 ? (unsigned char *)&a->in.sin_addr : a->in6.sin6_addr.s6_addr;
}

/* "255.255.0.0" to 16; ones must stand first and together. */
static int prefix_of_mask(struct slice text, unsigned *out)
{
	struct addr mask;
	uint32_t bits, zeros;

	if (addr_parse_ip(&mask, text) != 0 || addr_family(&mask) != AF_INET)
		return -EINVAL;
	bits = ntohl(mask.in.sin_addr.s_addr);
	zeros = ~bits;
	if ((zeros & (zeros + 1)) != 0)
		return -EINVAL;
	*out = 32;
	for (; zeros != 0; zeros >>= 1)
		--*out;
	return 0;
}

/* Bits of the prefix as written for text's own family. */
static int parse_prefix(struct slice text, bool v6, unsigned *out)
{
	uint64_t n;

	if (slice_chr(text, '.') >= 0)
		return v6 ? -EINVAL : prefix_of_mask(text, out);
	if (slice_u64(text, v6 ? 128 : 32, &n) != 0)
		return -EINVAL;
	*out = (unsigned)n;
	return 0;
}

int addr_parse_net(struct addr_net *out, struct slice text)
{
	struct slice ip = text, rest;
	struct addr_net net;
	unsigned total;
	unsigned char *bytes;
	bool bare = !slice_cut(text, '/', &ip, &rest);
	bool v6 = slice_chr(ip, ':') >= 0;

	if (addr_parse_ip(&net.net, ip) != 0)
		return -EINVAL;
	bytes = net_bytes(&net.net, &total);
	net.prefix = total;
	if (!bare && parse_prefix(rest, v6, &net.prefix) != 0)
		return -EINVAL;
	if (!bare && v6 && total == 32) {
		/* A mapped network is kept as IPv4, like its addresses. */
		if (net.prefix < 96)
			return -EINVAL;
		net.prefix -= 96;
	}
	clear_after(bytes, net.prefix, total);
	*out = net;
	return 0;
}

bool addr_in_net(const struct addr *a, const struct addr_net *net)
{
	if (addr_family(a) != addr_family(&net->net))
		return false;
	switch (addr_family(a)) {
	case AF_INET:
		return net->prefix <= 32 &&
			same_prefix((const unsigned char *)&a->in.sin_addr,
				(const unsigned char *)&net->net.in.sin_addr,
				net->prefix);
	case AF_INET6:
		return net->prefix <= 128 &&
			same_prefix(a->in6.sin6_addr.s6_addr,
				net->net.in6.sin6_addr.s6_addr, net->prefix);
	default:
		return false;
	}
}

static bool in_range(uint32_t ip, uint32_t net, unsigned prefix)
{
	return (ip ^ net) >> (32 - prefix) == 0;
}

bool addr_in_ipv4(const struct addr *a, uint32_t net, unsigned prefix)
{
	return addr_family(a) == AF_INET && in_range(ntohl(a->in.sin_addr.s_addr), net, prefix);
}

bool addr_is_rfc1918(const struct addr *a)
{
	uint32_t ip;

	if (addr_family(a) != AF_INET)
		return false;
	ip = ntohl(a->in.sin_addr.s_addr);
	return in_range(ip, 0x0a000000, 8) || in_range(ip, 0xac100000, 12) ||
		in_range(ip, 0xc0a80000, 16);
}

bool addr_is_private(const struct addr *a)
{
	const unsigned char *b = a->in6.sin6_addr.s6_addr;
	uint32_t ip;

	switch (addr_family(a)) {
	case AF_INET:
		ip = ntohl(a->in.sin_addr.s_addr);
		return addr_is_rfc1918(a) || in_range(ip, 0x64400000, 10) ||
			in_range(ip, 0xa9fe0000, 16);
	case AF_INET6:
		return (b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
	default:
		return false;
	}
}
