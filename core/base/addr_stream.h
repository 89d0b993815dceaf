/**
 * @file addr_stream.h  Where a stream socket is, as parameters write it: "tcp:IP:PORT" ("tcp:[IPv6]:PORT"), "unix:/PATH", "/PATH".
 *
 * Pure; any thread.
 */
#pragma once

#include <sys/un.h>

#include "core/base/addr.h"

struct addr_stream {
	bool is_unix;
	struct addr tcp;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /**< absolute */
};
/** NULL and *out (may be NULL); else what would be right, and *out is untouched. */
const char *addr_stream_parse(struct addr_stream *out, const char *text);
