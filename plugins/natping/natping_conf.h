/**
 * @file natping_conf.h  The texts of parameters: are they right, and what do they mean? Start-up only.
 */
#pragma once

#include "core/base/addr.h"
#include "core/net/net.h"

/* For the parameters' rows: NULL, or what would be right. */
const char *natping_check_socket(
	const char *text); /**< natping_socket: an IPv4 literal with a port or without */
const char *natping_check_force(
	const char *text); /**< force_socket: [udp:|tcp:]ADDRESS[:PORT] */
const char *natping_check_from(
	const char *text); /**< sipping_from: a SIP URI or name-addr, without tag */
const char *natping_check_method(const char *text); /**< sipping_method */

/** natping_socket as an address; port 5060 when there is none. 0 or -EINVAL. */
int natping_read_socket(struct addr *out, const char *text);
/** sipping_from, which was found right, as From has it: a bare URI gets its brackets. On the heap; NULL without memory. */
char *natping_from_text(const char *text);
/** The listener of that text; NULL. */
const struct net_sock *natping_find_force(
	const struct net_socks *socks, const char *text);
