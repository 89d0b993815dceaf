#include "core/base/addr.h"

#include <arpa/inet.h>
#include <errno.h>

#include "core/base/buf.h"

static bool bytes_are_mapped(const struct in6_addr *in6)
{
	return IN6_IS_ADDR_V4MAPPED(in6);
}

static void set_in(struct addr *out, const void *bytes4, in_port_t port_net)
{
	memset(out, 0, sizeof(*out));
	out->in.sin_family = AF_INET;
	out->in.sin_port = port_net;
	memcpy(&out->in.sin_addr, bytes4, 4);
}

/* A mapped address becomes IPv4 here, so that nothing else has to think of it. */
static void set_in6(struct addr *out, const struct in6_addr *in6, in_port_t port_net)
{
	if (bytes_are_mapped(in6)) {
		set_in(out, &in6->s6_addr[12], port_net);
		return;
	}
	memset(out, 0, sizeof(*out));
	out->in6.sin6_family = AF_INET6;
	out->in6.sin6_port = port_net;
	out->in6.sin6_addr = *in6;
}

socklen_t addr_len(const struct addr *a)
{
	switch (addr_family(a)) {
	case AF_INET:
		return sizeof(a->in);
	case AF_INET6:
		return sizeof(a->in6);
	default:
		return 0;
	}
}

uint16_t addr_port(const struct addr *a)
{
	switch (addr_family(a)) {
	case AF_INET:
		return ntohs(a->in.sin_port);
	case AF_INET6:
		return ntohs(a->in6.sin6_port);
	default:
		return 0;
	}
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (addr_family(a) == AF_INET)
		a->in.sin_port = htons(port);
	else if (addr_family(a) == AF_INET6)
		a->in6.sin6_port = htons(port);
}

int addr_from_sa(struct addr *out, const struct sockaddr *sa, socklen_t len)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	/* Copied first: what the caller has need not be aligned for its family. */
	if (len >= sizeof(in) && sa->sa_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		set_in(out, &in.sin_addr, in.sin_port);
		return 0;
	}
	if (len >= sizeof(in6) && sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		set_in6(out, &in6.sin6_addr, in6.sin6_port);
		/* A link-local peer is reached through its interface only. */
		if (addr_family(out) == AF_INET6)
			out->in6.sin6_scope_id = in6.sin6_scope_id;
		return 0;
	}
	return -EAFNOSUPPORT;
}

/* Four decimal parts, 0 to 255, without leading zeros (those were octal once). */
static int parse_in(struct addr *out, struct slice text)
{
	unsigned char bytes[4];
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		size_t from = at;
		unsigned n = 0;

		for (; at < text.len && at < from + 3 && text.p[at] >= '0' && text.p[at] <= '9'; at++)
			n = n * 10 + (unsigned)(text.p[at] - '0');
		if (at == from || n > 255 || (text.p[from] == '0' && at > from + 1))
			return -EINVAL;
		bytes[i] = (unsigned char)n;
		if (i < 3 && (at == text.len || text.p[at++] != '.'))
			return -EINVAL;
	}
	if (at != text.len)
		return -EINVAL;
	set_in(out, bytes, 0);
	return 0;
}

static int parse_in6(struct addr *out, struct slice text)
{
	char copy[INET6_ADDRSTRLEN];
	struct in6_addr in6;

	/* A NUL inside would end the copy early and hide what follows. */
	if (text.len >= sizeof(copy) || slice_chr(text, '\0') >= 0)
		return -EINVAL;
	if (text.len > 0)
		memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET6, copy, &in6) != 1)
		return -EINVAL;
	set_in6(out, &in6, 0);
	return 0;
}

int addr_parse_ip(struct addr *out, struct slice text)
{
	if (text.len >= 2 && text.p[0] == '[' && text.p[text.len - 1] == ']')
		return parse_in6(out, slice_sub(text, 1, text.len - 2));
	if (parse_in(out, text) == 0)
		return 0;
	return slice_chr(text, ':') >= 0 ? parse_in6(out, text) : -EINVAL;
}

/* Where the host ends and ":port" begins; text.len when there is no port. */
static size_t host_end(struct slice text)
{
	ptrdiff_t at;

	if (text.len > 0 && text.p[0] == '[') {
		at = slice_chr(text, ']');
		return at >= 0 ? (size_t)at + 1 : text.len;
	}
	at = slice_chr(text, ':');
	/* Two colons without brackets: a bare IPv6 address. */
	if (at < 0 || slice_chr(slice_from(text, (size_t)at + 1), ':') >= 0)
		return text.len;
	return (size_t)at;
}

int addr_parse(struct addr *out, struct slice text, uint16_t dflt)
{
	size_t end = host_end(text);
	struct slice rest = slice_from(text, end);
	uint64_t port = dflt;
	struct addr a;

	if (addr_parse_ip(&a, slice_sub(text, 0, end)) != 0)
		return -EINVAL;
	if (rest.len > 0) {
		if (rest.p[0] != ':' || slice_u64(slice_from(rest, 1), 65535, &port) != 0)
			return -EINVAL;
	}
	addr_set_port(&a, (uint16_t)port);
	*out = a;
	return 0;
}

/* The address in network order; its length in bytes, 0 for none. */
static size_t ip_bytes(const struct addr *a, const unsigned char **out)
{
	switch (addr_family(a)) {
	case AF_INET:
		*out = (const unsigned char *)&a->in.sin_addr;
		return 4;
	case AF_INET6:
		*out = a->in6.sin6_addr.s6_addr;
		return 16;
	default:
		*out = NULL;
		return 0;
	}
}

bool addr_eq_ip(const struct addr *a, const struct addr *b)
{
	const unsigned char *x, *y;
	size_t len = ip_bytes(a, &x);

	if (len != ip_bytes(b, &y))
		return false;
	return x == NULL || y == NULL || memcmp(x, y, len) == 0;
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_eq_ip(a, b) && addr_port(a) == addr_port(b);
}

bool addr_is_any(const struct addr *a)
{
	static const unsigned char zero[16];
	const unsigned char *bytes;
	size_t len = ip_bytes(a, &bytes);

	return bytes != NULL && memcmp(bytes, zero, len) == 0;
}

uint32_t addr_hash(const struct addr *a)
{
	const unsigned char *bytes;
	size_t len = ip_bytes(a, &bytes);
	uint64_t h = ((uint64_t)addr_port(a) << 16) ^ (uint64_t)len;
	uint32_t word;

	for (size_t i = 0; bytes != NULL && i < len; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15U;
		h ^= h >> 32;
	}
	/* The finaliser of MurmurHash3: every bit of the input reaches every bit out. */
	h *= 0xff51afd7ed558ccdU;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53U;
	h ^= h >> 33;
	return (uint32_t)h;
}

static void add_in(struct buf *b, const unsigned char bytes[4])
{
	char text[16];
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		unsigned n = bytes[i];

		if (n >= 100)
			text[at++] = (char)('0' + n / 100);
		if (n >= 10)
			text[at++] = (char)('0' + n / 10 % 10);
		text[at++] = (char)('0' + n % 10);
		text[at++] = '.';
	}
	buf_add(b, slice_make(text, at - 1));
}

static void add_ip(struct buf *b, const struct addr *a)
{
	char text[INET6_ADDRSTRLEN];
	const unsigned char *bytes;

	switch (ip_bytes(a, &bytes)) {
	case 4:
		add_in(b, bytes);
		break;
	case 16:
		if (inet_ntop(AF_INET6, bytes, text, sizeof(text)) != NULL)
			buf_str(b, text);
		break;
	default:
		buf_str(b, "none");
		break;
	}
}

static void add_host(struct buf *b, const struct addr *a)
{
	bool v6 = addr_family(a) == AF_INET6;

	if (v6)
		buf_chr(b, '[');
	add_ip(b, a);
	if (v6)
		buf_chr(b, ']');
}

static struct slice finish(struct buf *b)
{
	struct slice s = buf_slice(b);

	buf_chr(b, '\0');
	return s;
}

struct slice addr_ip_text(const struct addr *a, char *out)
{
	struct buf b;

	buf_fixed(&b, out, ADDR_TEXT);
	add_ip(&b, a);
	return finish(&b);
}

struct slice addr_host_text(const struct addr *a, char *out)
{
	struct buf b;

	buf_fixed(&b, out, ADDR_TEXT);
	add_host(&b, a);
	return finish(&b);
}

struct slice addr_text(const struct addr *a, char *out)
{
	struct buf b;

	buf_fixed(&b, out, ADDR_TEXT);
	add_host(&b, a);
	if (addr_is_set(a)) {
		buf_chr(&b, ':');
		buf_u64(&b, addr_port(a));
	}
	return finish(&b);
}
