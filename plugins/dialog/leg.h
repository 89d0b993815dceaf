/**
 * @file leg.h  What a dialog keeps of each side of a call, read off the messages that set it up and change it.
 *
 * RFC 3261 sections 12.1 and 12.2. We stand between the two and will speak to each in the other's name, so we keep of each side
 * what the other one keeps of it - remote target, route set - as seen from here: of a route set only the part that
 * lies between us and that side.
 *
 *     caller --- P1 --- P2 --- us --- P3 --- callee       Record-Route of the 2xx: P3, us, P2, P1
 *         routes to the caller: P2, P1                    routes to the callee: P3
 *
 * Pure; results live in the given arena. Folds of header values become blanks.
 */
#pragma once

#include "core/base/addr.h"
#include "core/sip/sip_header.h"
#include "storage/store_dialog.h"

#define LEG_TEXT_MAX 4096 /**< bytes of one side's texts together; more is -E2BIG */
#define LEG_TAG_MAX  127  /**< of a tag: it must fit into an event */

/** Whose Record-Route is this? Ours are left out of route sets. */
struct leg_ours {
	bool (*is_myself)(void *arg, struct slice host, uint16_t port);
	void *arg;
};
bool leg_uri_is_ours(const struct leg_ours *ours, const struct sip_uri *uri);

/**
 * The caller by its initial INVITE as it leaves here: tag, uri, target, routes, cseq; socket and flow are the host's to say. 0; -EBADMSG: the headers do
 * not parse, or a tag is missing; -E2BIG; -ENOMEM. *out is written on success only.
 */
int leg_of_invite(struct store_leg *out, struct arena *arena, struct sip_msg *invite,
	const struct leg_ours *ours);
/** The called side's uri, known from the INVITE's To. Errors as above. */
int leg_of_to(struct store_leg *out, struct arena *arena, struct sip_msg *invite);
/**
 * The callee by the 2xx as it goes upstream: tag, uri, target, routes. upstream: how many routes lead to the caller (they stand at the end of the 2xx's list).
 * Errors as above.
 */
int leg_of_answer(struct store_leg *out, struct arena *arena, struct sip_msg *reply,
	const struct leg_ours *ours, unsigned upstream);
/** The Contact that a target refresh brings (a request or a 2xx of INVITE or UPDATE); empty: none that would do. */
struct slice leg_contact(struct arena *arena, struct sip_msg *msg);
/** How many values a route set has. */
unsigned leg_routes_count(struct arena *arena, struct slice routes);

/** "udp:203.0.113.4:40312"; empty without memory. */
struct slice leg_flow(
	struct arena *arena, enum sip_transport transport, const struct addr *addr);
/** Back again: 0 or -EINVAL. */
int leg_flow_parse(struct slice flow, enum sip_transport *transport, struct addr *addr);
