#include "plugins/nat/nat_uac_test.h"

#include <errno.h>

#define NAMED_SHIFT 16 /* of NAT_NAMED() */
/* The first five mean the same in both dialects. */
#define COMMON                                                                           \
	(NAT_PRIVATE_CONTACT | NAT_DIFF_IP_SRC_VIA | NAT_PRIVATE_VIA | NAT_PRIVATE_SDP | \
		NAT_DIFF_PORT_SRC_VIA)
#define OPENSIPS                                                                         \
	(COMMON | NAT_DIFF_IP_SRC_CONTACT | NAT_DIFF_PORT_SRC_CONTACT | NAT_CARRIER_GRADE)

unsigned nat_tests_of(int64_t flags, bool kamailio)
{
	/* Kamailio's numbers from 32 up; 512 (where the request goes to) is not offered. */
	static const unsigned theirs[] = {NAT_PRIVATE_SRC, NAT_WEBSOCKET,
		NAT_DIFF_PORT_SRC_CONTACT, NAT_DIFF_IP_SRC_SDP};
	int64_t numbers = flags & (NAT_NAMED(1) - 1), named = flags >> NAMED_SHIFT;
	unsigned tests, i;

	if (flags < 0 || (named & ~(int64_t)NAT_TESTS) != 0)
		return 0;
	if (!kamailio)
		return (numbers & ~(int64_t)OPENSIPS) == 0 ? (unsigned)(numbers | named)
							   : 0;
	tests = (unsigned)(named | (numbers & COMMON));
	numbers &= ~(int64_t)COMMON;
	for (i = 0; i < sizeof(theirs) / sizeof(theirs[0]); i++) {
		int64_t bit = (int64_t)32 << i;

		if (numbers & bit)
			tests |= theirs[i];
		numbers &= ~bit;
	}
	return numbers == 0 ? tests : 0;
}

static bool in_network(struct slice host, struct slice network)
{
	struct addr_net net;
	struct addr a;

	return addr_parse_ip(&a, host) == 0 && addr_parse_net(&net, network) == 0 &&
		addr_in_net(&a, &net);
}

static bool is_carrier_grade(struct slice host)
{
	return in_network(host, SLICE("192.0.0.0/29"));
}

static bool is_private(struct slice host)
{
	struct addr a;

	return addr_parse_ip(&a, host) == 0 && addr_is_private(&a);
}

static bool is_private_in_kamailio(struct slice host)
{
	return is_private(host) || in_network(host, SLICE("192.0.0.0/24"));
}

/** Which hosts are private, for the dialect of the script. */
static bool (*private_of(const struct nat_view *view))(struct slice host)
{
	return view->kamailio ? is_private_in_kamailio : is_private;
}

static bool is_source(struct slice host, const struct addr *source)
{
	struct addr a;

	return addr_parse_ip(&a, host) == 0 && addr_eq_ip(&a, source);
}

static bool is_null(struct slice host)
{
	struct addr a;

	return addr_parse_ip(&a, host) == 0 && addr_is_any(&a);
}

static bool any_contact(const struct sip_nameaddr *c, bool (*test)(struct slice host))
{
	for (; c; c = c->next)
		if (test(c->uri.host))
			return true;
	return false;
}

static unsigned test_source(const struct nat_view *view)
{
	char text[ADDR_TEXT];
	unsigned hits = 0;

	if (private_of(view)(addr_ip_text(view->source, text)))
		hits |= NAT_PRIVATE_SRC;
	if (view->transport == SIP_TR_WS || view->transport == SIP_TR_WSS)
		hits |= NAT_WEBSOCKET;
	return hits;
}

static unsigned test_via(const struct nat_view *view)
{
	const struct sip_via *via = view->via;
	uint16_t port =
		via->port ? via->port : sip_default_port(SIP_SCHEME_SIP, via->transport);
	unsigned hits = 0;

	/* A received parameter is not looked at: ours is there whenever rport was asked,
	 * and a sender can write its own. */
	if (!is_source(slice_empty(via->maddr) ? via->host : via->maddr, view->source))
		hits |= NAT_DIFF_IP_SRC_VIA;
	if (private_of(view)(via->host))
		hits |= NAT_PRIVATE_VIA;
	if (port != addr_port(view->source))
		hits |= NAT_DIFF_PORT_SRC_VIA;
	if (is_carrier_grade(via->host))
		hits |= NAT_CARRIER_GRADE;
	return hits;
}

static unsigned test_contacts(const struct nat_view *view)
{
	const struct sip_uri *uri = &view->contacts->uri;
	uint16_t port =
		uri->port ? uri->port : sip_default_port(uri->scheme, uri->transport);
	unsigned hits = 0;

	if (any_contact(view->contacts, private_of(view)))
		hits |= NAT_PRIVATE_CONTACT;
	if (any_contact(view->contacts, is_carrier_grade))
		hits |= NAT_CARRIER_GRADE;
	if (slice_empty(uri->host))
		return hits; /* tel: and the like say nothing of where they are */
	if (!is_source(uri->host, view->source))
		hits |= NAT_DIFF_IP_SRC_CONTACT;
	if (port != addr_port(view->source))
		hits |= NAT_DIFF_PORT_SRC_CONTACT;
	return hits;
}

static unsigned test_media(const struct nat_view *view)
{
	unsigned hits = 0, i;

	for (i = 0; i < view->media_count; i++) {
		if (private_of(view)(view->media[i]))
			hits |= NAT_PRIVATE_SDP;
		/* 0.0.0.0 is a call on hold, and says nothing of where the phone is. */
		if (!is_null(view->media[i]) && !is_source(view->media[i], view->source))
			hits |= NAT_DIFF_IP_SRC_SDP;
	}
	return hits;
}

int nat_uac_test(const struct nat_view *view, unsigned tests, unsigned *hits)
{
	unsigned found;

	if (addr_family(view->source) != AF_INET && addr_family(view->source) != AF_INET6)
		return -EAFNOSUPPORT;
	found = test_source(view) | test_media(view);
	if (view->via)
		found |= test_via(view);
	if (view->contacts)
		found |= test_contacts(view);
	*hits = found & tests;
	return 0;
}
