/**
 * @file addr.h  IP addresses and ports, compared as numbers.
 *
 * Pure; any thread. IPv4-mapped IPv6 addresses are stored as IPv4.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/slice.h"

/** An address with port; family AF_UNSPEC (0) is "none". */
struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

#define ADDR_TEXT 64 /**< room for any text that the functions below write, with NUL */

/** A network; prefix in bits. */
struct addr_net {
	struct addr net;
	unsigned prefix;
};

static inline int addr_family(const struct addr *a)
{
	return a->sa.sa_family;
}
static inline bool addr_is_set(const struct addr *a)
{
	return a->sa.sa_family != AF_UNSPEC;
}
socklen_t addr_len(const struct addr *a);
/** Host order. */
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
/** From the kernel; mapped addresses become IPv4. 0 or -EAFNOSUPPORT. */
int addr_from_sa(struct addr *out, const struct sockaddr *sa, socklen_t len);
/**
 * Strict literal without port: "192.0.2.1" (four decimal parts, no leading zeros),
 * "2001:db8::1" or "[2001:db8::1]". Port becomes 0. 0 or -EINVAL.
 */
int addr_parse_ip(struct addr *out, struct slice text);
/** "host:port", "[v6]:port", a bare address (port dflt). Literals only. 0 or -EINVAL. */
int addr_parse(struct addr *out, struct slice text, uint16_t dflt);
bool addr_eq(const struct addr *a, const struct addr *b);    /**< address and port */
bool addr_eq_ip(const struct addr *a, const struct addr *b); /**< address only */
bool addr_is_any(const struct addr *a);
/** 32 bits over family, address and port. */
uint32_t addr_hash(const struct addr *a);
/** "192.0.2.1" / "2001:db8::1" (no brackets), NUL-terminated in out[ADDR_TEXT]; returns it as slice. */
struct slice addr_ip_text(const struct addr *a, char *out);
/** The same with brackets round IPv6, as SIP URIs want it. */
struct slice addr_host_text(const struct addr *a, char *out);
/** "192.0.2.1:5060" / "[2001:db8::1]:5060"; "none" when unset, also of the two above. */
struct slice addr_text(const struct addr *a, char *out);
/** "10.0.0.0/8", "10.0.0.0/255.0.0.0", a bare address (full length). 0 or -EINVAL. */
int addr_parse_net(struct addr_net *out, struct slice text);
/** In that IPv4 network (host order, prefix 1 to 32)? */
bool addr_in_ipv4(const struct addr *a, uint32_t net, unsigned prefix);
bool addr_in_net(const struct addr *a, const struct addr_net *net);
/** RFC 1918 (10/8, 172.16/12, 192.168/16) or RFC 6598 (100.64/10) or IPv6 ULA (fc00::/7), link-local. */
bool addr_is_private(const struct addr *a);
/** RFC 1918 only. */
bool addr_is_rfc1918(const struct addr *a);
