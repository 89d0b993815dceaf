/**
 * @file ping_target.h  Where a ping of a binding goes, and from which of our sockets. Pure; any thread.
 *
 * Both kinds of ping take the same way: first URI of the stored Path > received > contact. Pinholes belong to an address and port of ours: the
 * socket that the phone registered through sends; when that one is none of ours or cannot (another transport or family), force_socket; then the
 * first that can.
 */
#pragma once

#include "core/base/arena.h"
#include "core/net/net.h"
#include "plugins/natping/ping_binding.h"

struct ping_target {
	enum sip_transport transport; /**< never NONE */
	struct slice
		host; /**< a literal, with or without brackets, or a name; maddr when there is one */
	uint16_t port;
	struct slice ruri;  /**< the contact without what a Request-URI may not have */
	struct slice route; /**< the Path, or empty */
};

/**
 * Slices of *out point into b. Path values in front that name ourselves are left out: the message is here already. 0; -EBADMSG: some URI of the
 * binding is none, or no SIP URI; -ENOMEM.
 */
int ping_target_of(struct ping_target *out, const struct ping_binding *b,
	const struct net_socks *socks, struct arena *arena);
/** The listener to send from; home, force: NULL, or what comes first. NULL: none fits. */
const struct net_sock *ping_target_sock(const struct net_socks *socks,
	const struct net_sock *home, const struct net_sock *force,
	enum sip_transport transport, int family);
