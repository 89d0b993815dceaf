/**
 * @file record_route.h  Our Record-Route: RFC 3261 section 16.6 step 4; two of them where the request leaves by another
 * listener than it came by: RFC 5658 section 6.
 *
 * By which listener a branch leaves is known when its next hop is: so a request carries one Record-Route of ours, for the
 * side that it came from, and the copy that goes elsewhere gets its second one while it is written. Each branch of a
 * fork has what is right for it. One thread.
 */
#pragma once

#include "core/tm/msg.h"

/**
 * Add ours on top, naming `in`: "<sip:host:port;transport=tcp;lr" + tail + ">"; tail: parameters with a ';' before each. 0, -ENOMEM,
 * -EINVAL.
 */
int rr_add(struct ph_msg *msg, const struct net_sock *in, struct slice tail);
/** Ours, if it is still there: a branch block's edits are taken back after the branch. NULL. */
struct sip_hdr *rr_ours(const struct ph_msg *msg);
/** The copy leaves by `out`: both of the pair, when that is not the listener of ours; as an edit. 0 or negative errno. */
int rr_pair(struct ph_msg *msg, const struct net_sock *out);
