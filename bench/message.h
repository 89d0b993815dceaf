/**
 * @file message.h  Reading SIP messages, as much as the load generator needs. Slices into the bytes received.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/text.h"

#define MESSAGE_VIAS   8
#define MESSAGE_ROUTES 8

struct message {
	int status;          /**< of a reply; 0: a request */
	struct slice method; /**< of a request; in replies that of CSeq */
	struct slice call_id;
	struct slice from; /**< values */
	struct slice to;
	struct slice contact; /**< value of the first one */
	struct slice cseq;    /**< whole value */
	uint32_t cseq_number;
	struct slice vias[MESSAGE_VIAS]; /**< whole lines with CRLF */
	unsigned via_count;
	struct slice routes[MESSAGE_ROUTES]; /**< whole Record-Route lines */
	unsigned route_count;
	size_t content_length; /**< 0 when there is none */
	bool has_length;
	struct slice body;
	struct slice whole;
};

/**
 * Read the message that begins at p. For a datagram `whole` is true, and the body is what remains; on a stream it is
 * false, and Content-Length decides.
 * Returns its length, 0 when it is not complete yet (stream), or -EBADMSG.
 */
ssize_t message_read(struct message *m, const char *p, size_t len, bool whole);

bool message_has(struct slice s, const char *text);

/** The part between < and >, or all up to the first ;. */
struct slice message_uri(struct slice address);
