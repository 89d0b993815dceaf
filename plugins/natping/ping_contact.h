/**
 * @file ping_contact.h  What is kept of a contact: little, for there may be a million of them.
 */
#pragma once

#include "core/base/addr.h"
#include "core/base/slice.h"
#include "core/sip/sip_uri.h"
#include "plugins/natping/ping_wheel.h"

#define PING_NO_SOCK UINT16_MAX

/** Who a contact is: keyed hashes, which no stranger can make meet. */
struct ping_key {
	uint64_t aor, id;
};

struct ping_contact {
	struct ping_place place;   /**< first member */
	struct ping_contact *next; /**< of the table's bucket */
	struct ping_key key;
	uint32_t expires; /**< s since 1970 */
	uint32_t seen;    /**< when the store was known to have it: see ping_book.h */
	struct addr to;   /**< where the ping goes; with `host`, only the port counts */
	uint16_t
		home; /**< index of the listener that it registered through; PING_NO_SOCK: none of ours */
	uint16_t sock;     /**< the listener to send from; PING_NO_SOCK: none fits */
	uint8_t transport; /**< enum sip_transport */
	bool sip;          /**< asked by a SIP request, not by 4 bytes */
	uint16_t host_len, ruri_len, route_len;
	char text
		[]; /**< host (when it is a name), then for SIP requests the Request-URI and the Route */
};

static inline struct slice ping_contact_host(const struct ping_contact *c)
{
	return slice_make(c->text, c->host_len);
}
static inline struct slice ping_contact_ruri(const struct ping_contact *c)
{
	return slice_make(c->text + c->host_len, c->ruri_len);
}
static inline struct slice ping_contact_route(const struct ping_contact *c)
{
	return slice_make(c->text + c->host_len + c->ruri_len, c->route_len);
}
