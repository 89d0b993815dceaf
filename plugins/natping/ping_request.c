#include "plugins/natping/ping_request.h"

#include <inttypes.h>

#include "plugins/natping/ping_branch.h"

static void add_contact(struct buf *b, const struct net_sock *sock)
{
	buf_str(b, "\r\nContact: <sip:");
	buf_str(b, sock->adv_host);
	buf_printf(b, ":%u", (unsigned)sock->adv_port);
	if (sock->transport != SIP_TR_UDP) {
		buf_str(b, ";transport=");
		buf_str(b, sip_transport_name(sock->transport));
	}
	buf_chr(b, '>');
}

void ping_request_write(struct buf *b, struct ping_asker *a, const struct net_sock *sock,
	struct slice ruri, struct slice route)
{
	uint64_t number = a->number++;

	buf_add(b, a->method);
	buf_chr(b, ' ');
	buf_add(b, ruri);
	buf_str(b, " SIP/2.0\r\nVia: ");
	buf_str(b, sock->via);
	buf_str(b, ";branch=");
	ping_branch_write(b, a->key, a->node, number);
	buf_str(b, ";rport");
	if (!slice_empty(route)) {
		buf_str(b, "\r\nRoute: ");
		buf_add(b, route);
	}
	buf_str(b, "\r\nMax-Forwards: 70\r\nFrom: ");
	buf_add(b, a->from);
	buf_printf(b, ";tag=%08" PRIx32 "%016" PRIx64 "\r\nTo: <", a->salt, number);
	buf_add(b, ruri);
	buf_printf(b, ">\r\nCall-ID: %016" PRIx64 "-%08" PRIx32 "@", number, a->salt);
	buf_str(b, sock->adv_host);
	buf_str(b, "\r\nCSeq: 1 ");
	buf_add(b, a->method);
	add_contact(b, sock);
	buf_str(b, "\r\nContent-Length: 0\r\n\r\n");
}
