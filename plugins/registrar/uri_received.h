/**
 * @file uri_received.h  The received parameter that an edge's add_rcv_param(1) has put into a
 * Contact URI. Pure; any thread.
 */
#pragma once

#include "core/base/arena.h"
#include "core/sip/sip_uri.h"

/**
 * Take the received parameter out of a Contact URI, given as text: OpenSIPS writes its value in
 * quotes, which no URI may hold (RFC 3261 section 25.1). *uri is then the URI without it,
 * as the phone wrote it, in arena, and *received the value as it stood; neither is
 * written on failure.
 * 0; -ENOENT: there is none; -EINVAL: what is left is no URI; -ENOMEM.
 */
int uri_received_cut(struct arena *arena, struct slice text, struct sip_uri *uri,
	struct slice *received);
