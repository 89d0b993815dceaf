/**
 * @file rtpp_url.h  How one RTP proxy is reached: its URL.
 *
 *     udp:HOST[:PORT]   udp6:[ADDRESS][:PORT]      datagrams
 *     unix:/PATH   or   /PATH                      UNIX stream, a connection for each command
 *     cunix:/PATH   tcp:HOST[:PORT]   tcp6:[ADDRESS][:PORT]   one connection, commands in a row
 *
 * Parsing is pure; any thread.
 */
#pragma once

#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/slice.h"

#define RTPP_URL_MAX   120 /**< longest URL; fits into events */
#define RTPP_PATH_MAX  107 /**< of a UNIX socket, without NUL (sun_path) */
#define RTPP_DFLT_PORT 22222

enum rtpp_way {
	RTPP_WAY_UDP,
	RTPP_WAY_ONCE,   /**< a connection for each command, closed by the relay */
	RTPP_WAY_STREAM, /**< a connection that stays */
};

/** One RTP proxy. */
struct rtpp_relay {
	char url[RTPP_URL_MAX + 1]; /**< as written: its name for commands and events */
	enum rtpp_way way;
	int family;                  /**< AF_INET, AF_INET6, AF_UNIX */
	char host[RTPP_URL_MAX + 1]; /**< literal or name; AF_UNIX: the path */
	uint16_t port;
	struct addr
		addr; /**< unset: host is a name that is not resolved yet, or a path */
};

/** NULL and *out; or what would be right (static text). */
const char *rtpp_url_read(struct rtpp_relay *out, struct slice url);
/** Is host a name whose address is still to be found? */
bool rtpp_relay_is_named(const struct rtpp_relay *r);
/** Find it by the system's resolver. May block: at the start only. 0 or -ENOENT. */
int rtpp_relay_resolve(struct rtpp_relay *r);
