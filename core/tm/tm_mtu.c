/*
 * Requests too large for a datagram: RFC 3261 section 18.1.1. With tm.udp_mtu set, one that would be longer goes over TCP
 * to the same address, with TCP in our Via; when nobody takes the connection, over UDP after all. So TCP is just one more
 * hop before the one that it stands for.
 *
 * Not for a phone that is reached through a pinhole: behind its router nobody takes connections.
 */
#include "core/tm/tm_priv.h"

#define MTU_OURS                                                                         \
	1024u /* more than our Via, Routes and Record-Routes add in any usual case: below it nothing is measured */

static bool may_switch(const struct tm *tm, const struct ph_msg *request,
	const struct tm_target *target, unsigned flags)
{
	const uint64_t mtu = (uint64_t)tm->s.conf->udp_mtu;

	if ((flags & TM_F_KEEP_UDP) || target->flow || target->foreign.len > 0)
		return false;
	/* A next hop and the listener that goes with it: what a registrar remembers of a phone behind NAT. */
	if (target->sock != NULL && target->du.len > 0)
		return false;
	return request->sip.raw.len + request->sip.body.len + MTU_OURS > mtu;
}

/* As it would leave over UDP. */
static bool too_long(struct tm *tm, struct ph_msg *request,
	const struct tm_target *target, const struct net_hop *hop)
{
	static const char branch[TM_BRANCH_LEN + 1] =
		"z9hG4bK-as-long-as-any-other-branch-value-of-ours";
	struct net_dest dest;

	return send_write_to(tm, request, target, hop, branch, &dest) == 0 &&
		tm->out.len > (size_t)tm->s.conf->udp_mtu;
}

unsigned mtu_hops(struct tm *tm, struct ph_msg *request, const struct tm_target *target,
	unsigned flags, const struct net_hop *hops, unsigned count,
	struct net_hop out[NET_MAX_HOPS])
{
	bool may = may_switch(tm, request, target, flags);
	unsigned n = 0;

	for (unsigned i = 0; i < count && n < NET_MAX_HOPS; i++) {
		bool tcp = may && hops[i].transport == SIP_TR_UDP &&
			n + 1 < NET_MAX_HOPS &&
			net_sock_first(net_socks_of(tm->s.net), SIP_TR_TCP,
				addr_family(&hops[i].addr)) != NULL &&
			too_long(tm, request, target, &hops[i]);

		if (tcp) {
			out[n] = hops[i];
			out[n++].transport = SIP_TR_TCP;
			tm_count(tm, TM_C_MTU_SWITCHES);
		}
		out[n++] = hops[i];
	}
	return n;
}
