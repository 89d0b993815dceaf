#include "plugins/nat/nat_uac_test.h"

#include <errno.h>

static bool is_private(struct slice host)
{
	struct addr a;

	return addr_parse_ip(&a, host) == 0 && addr_is_private(&a);
}

static bool is_carrier_grade(struct slice host)
{
	struct addr_net net;
	struct addr a;

	return addr_parse_ip(&a, host) == 0 &&
		addr_parse_net(&net, SLICE("192.0.0.0/29")) == 0 && addr_in_net(&a, &net);
}

static bool is_source(struct slice host, const struct addr *source)
{
	struct addr a;

	return addr_parse_ip(&a, host) == 0 && addr_eq_ip(&a, source);
}

static bool any_contact(const struct sip_nameaddr *c, bool (*test)(struct slice host))
{
	for (; c; c = c->next)
		if (test(c->uri.host))
			return true;
	return false;
}

static unsigned test_via(const struct sip_via *via, const struct addr *source)
{
	uint16_t port =
		via->port ? via->port : sip_default_port(SIP_SCHEME_SIP, via->transport);
	unsigned hits = 0;

	/* A received parameter is not looked at: ours is there whenever rport was asked,
	 * and a sender can write its own. */
	if (!is_source(slice_empty(via->maddr) ? via->host : via->maddr, source))
		hits |= NAT_DIFF_IP_SRC_VIA;
	if (is_private(via->host))
		hits |= NAT_PRIVATE_VIA;
	if (port != addr_port(source))
		hits |= NAT_DIFF_PORT_SRC_VIA;
	if (is_carrier_grade(via->host))
		hits |= NAT_CARRIER_GRADE;
	return hits;
}

static unsigned test_contacts(const struct sip_nameaddr *first, const struct addr *source)
{
	const struct sip_uri *uri = &first->uri;
	uint16_t port =
		uri->port ? uri->port : sip_default_port(uri->scheme, uri->transport);
	unsigned hits = 0;

	if (any_contact(first, is_private))
		hits |= NAT_PRIVATE_CONTACT;
	if (any_contact(first, is_carrier_grade))
		hits |= NAT_CARRIER_GRADE;
	if (slice_empty(uri->host))
		return hits; /* tel: and the like say nothing of where they are */
	if (!is_source(uri->host, source))
		hits |= NAT_DIFF_IP_SRC_CONTACT;
	if (port != addr_port(source))
		hits |= NAT_DIFF_PORT_SRC_CONTACT;
	return hits;
}

int nat_uac_test(const struct nat_view *view, unsigned flags, unsigned *hits)
{
	unsigned found = 0, i;

	if (addr_family(view->source) != AF_INET && addr_family(view->source) != AF_INET6)
		return -EAFNOSUPPORT;
	if (view->via)
		found |= test_via(view->via, view->source);
	if (view->contacts)
		found |= test_contacts(view->contacts, view->source);
	for (i = 0; i < view->media_count; i++)
		if (is_private(view->media[i]))
			found |= NAT_PRIVATE_SDP;
	*hits = found & flags;
	return 0;
}
