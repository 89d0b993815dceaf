/**
 * @file server.h  Two servers for comparison and help, on one UDP socket, in batches, until SIGTERM or SIGINT.
 *
 * echo: each SIP request comes back as a 200 made of its own header fields: what one datagram in and one out cost with
 * nothing done to it. relay: the control port of an RTP proxy (rtpproxy's protocol) that answers at once.
 * Both return 0, or a negative errno value after a line on stderr.
 */
#pragma once

#include "bench/options.h"

int server_run(const struct options *options);

/** The answer to a datagram, into out; its length, 0 for none. Both are pure. */
size_t server_echo(const char *in, size_t len, char *out, size_t size);
size_t server_relay(const char *in, size_t len, char *out, size_t size);
