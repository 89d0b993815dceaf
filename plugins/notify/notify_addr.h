/**
 * @file notify_addr.h  rtpp_notify_socket: where the RTP proxies tell of calls whose media are silent.
 *
 * "tcp:IP:PORT" ("tcp:[IPv6]:PORT"), "unix:/path", or a path. Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <sys/un.h>

#include "core/base/addr.h"

struct notify_addr {
	bool is_unix;
	struct addr tcp;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};
/** NULL and *out (may be NULL); else what would be right, and *out is untouched. */
const char *notify_addr_parse(struct notify_addr *out, const char *text);
/** "0660": a mode in octal. NULL and *out (may be NULL), else what would be right. */
const char *notify_mode_parse(unsigned *out, const char *text);
