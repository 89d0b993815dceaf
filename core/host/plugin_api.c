/* The small functions of plugin.h. Suspending is in park.c. */
#include <errno.h>

#include "core/host/plugin.h"
#include "core/net/resolver.h"

int ph_prop_set(struct ph_msg *msg, enum bus_prop p, struct slice value)
{
	struct call *call;

	if (bus_prop_scope(p) == BUS_SCOPE_MESSAGE) {
		struct slice copy = {0};

		if ((size_t)p >= sizeof(msg->props) / sizeof(msg->props[0]))
			return -ENOSPC;
		if (value.len > 0) {
			copy = arena_dup(msg->arena, value);
			if (!copy.p)
				return -ENOMEM;
		}
		msg->props[p] = copy.p;
		return 0;
	}
	call = call_of(msg->worker->calls, msg->sip.call_id, value.len > 0);
	if (!call)
		return value.len > 0 ? -ENOSPC : 0;
	return call_prop_set(call, p, value);
}

struct slice ph_prop(struct ph_msg *msg, enum bus_prop p)
{
	struct call *call;

	if (bus_prop_scope(p) == BUS_SCOPE_MESSAGE)
		return (size_t)p < sizeof(msg->props) / sizeof(msg->props[0]) ? slice_str(msg->props[p]) : (struct slice){0};
	call = call_of(msg->worker->calls, msg->sip.call_id, false);
	return call ? call_prop(call, p) : (struct slice){0};
}

unsigned ph_addresses(struct ph_thread *t, struct slice name, int family, struct addr *out, unsigned max)
{
	return resolver_addresses(t->resolver, name, family, out, max);
}

int ph_udp_fd(const struct ph_thread *t, const struct net_sock *sock)
{
	return t->udp_fds[sock->index];
}

int ph_post(struct ph_thread *t, const struct net_dest *to, struct slice data)
{
	const struct net_post post = {
		.socks = t->socks, .udp_fds = t->udp_fds, .senders = t->senders, .workers = t->workers};

	return net_post(&post, to, data);
}

struct slice ph_source_uri(struct ph_msg *msg)
{
	struct buf b;

	buf_arena(&b, msg->arena, 96, 256);
	sip_uri_of_addr(&b, &msg->rx.src, msg->rx.transport);
	return b.err == 0 ? buf_slice(&b) : (struct slice){0};
}
