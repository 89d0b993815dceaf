#include "plugins/natping/ping_target.h"

#include <errno.h>

#include "core/sip/sip_header.h"

static bool is_sip(const struct sip_uri *uri)
{
	return uri->scheme == SIP_SCHEME_SIP || uri->scheme == SIP_SCHEME_SIPS;
}

/* RFC 3261 section 19.1.1: headers are none of a Request-URI's components. */
static struct slice without_headers(const struct sip_uri *uri)
{
	if (slice_empty(uri->headers))
		return uri->text;
	return slice_sub(uri->text, 0, (size_t)(uri->headers.p - 1 - uri->text.p));
}

/* Where a request to this URI goes: RFC 3263 section 4, without DNS. */
static void go_to(struct ping_target *t, const struct sip_uri *uri)
{
	t->transport = sip_uri_transport(uri);
	t->host = slice_empty(uri->maddr) ? uri->host : uri->maddr;
	t->port =
		uri->port != 0 ? uri->port : sip_default_port(uri->scheme, t->transport);
}

/* The Path from its first value on that is another host's. */
static int take_path(struct ping_target *t, struct slice path,
	const struct net_socks *socks, struct arena *arena)
{
	const struct sip_nameaddr *first;
	int err = 0;

	first = sip_nameaddr_parse(arena, path, &err);
	if (first == NULL)
		return err == -ENOMEM ? err : -EBADMSG;
	while (first != NULL && first->uri_err == 0 &&
		net_is_local(socks, first->uri.host, first->uri.port))
		first = first->next;
	if (first == NULL)
		return 0;
	if (first->uri_err != 0 || !is_sip(&first->uri))
		return -EBADMSG;
	t->route = slice_from(path, (size_t)(first->text.p - path.p));
	go_to(t, &first->uri);
	return 0;
}

/* What is stored goes into a message: nothing of it may end a line. */
static bool is_one_line(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

int ping_target_of(struct ping_target *out, const struct ping_binding *b,
	const struct net_socks *socks, struct arena *arena)
{
	struct ping_target t = {0};
	struct sip_uri contact, received;
	int err;

	if (sip_uri_parse(&contact, b->uri) != 0 || !is_sip(&contact) ||
		!is_one_line(b->path))
		return -EBADMSG;
	go_to(&t, &contact);
	t.ruri = without_headers(&contact);
	if (!slice_empty(b->received)) {
		if (sip_uri_parse(&received, b->received) != 0 || !is_sip(&received))
			return -EBADMSG;
		go_to(&t, &received);
	}
	err = slice_empty(b->path) ? 0 : take_path(&t, b->path, socks, arena);
	if (err == 0)
		*out = t;
	return err;
}

static bool fits(const struct net_sock *s, enum sip_transport transport, int family)
{
	return s != NULL && s->transport == transport && addr_family(&s->addr) == family;
}

const struct net_sock *ping_target_sock(const struct net_socks *socks,
	const struct net_sock *home, const struct net_sock *force,
	enum sip_transport transport, int family)
{
	if (fits(home, transport, family))
		return home;
	if (fits(force, transport, family))
		return force;
	return net_sock_first(socks, transport, family);
}
