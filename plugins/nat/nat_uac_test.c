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

/* A host that is a name says nothing of where it is: its family is AF_UNSPEC. */
static struct addr literal(struct slice host)
{
	struct addr a = {0};

	(void)addr_parse_ip(&a, host);
	return a;
}

static bool is_carrier_grade(const struct addr *a)
{
	return addr_in_ipv4(a, 0xc0000000, 29); /* 192.0.0.0/29: RFC 6333 */
}

/** Which addresses are private, for the dialect of the script. */
static bool is_private(const struct nat_view *view, const struct addr *a)
{
	return addr_is_private(a) || (view->kamailio && addr_in_ipv4(a, 0xc0000000, 24));
}

static bool is_source(const struct nat_view *view, const struct addr *a)
{
	return addr_is_set(a) && addr_eq_ip(a, view->source);
}

static unsigned test_source(const struct nat_view *view)
{
	unsigned hits = 0;

	if (is_private(view, view->source))
		hits |= NAT_PRIVATE_SRC;
	if (view->transport == SIP_TR_WS || view->transport == SIP_TR_WSS)
		hits |= NAT_WEBSOCKET;
	return hits;
}

static unsigned test_via(const struct nat_view *view)
{
	const struct sip_via *via = view->via;
	const struct addr host = literal(via->host);
	const struct addr maddr = literal(via->maddr);
	uint16_t port =
		via->port ? via->port : sip_default_port(SIP_SCHEME_SIP, via->transport);
	unsigned hits = 0;

	/* A received parameter is not looked at: ours is there whenever rport was asked,
	 * and a sender can write its own. */
	if (!is_source(view, slice_empty(via->maddr) ? &host : &maddr))
		hits |= NAT_DIFF_IP_SRC_VIA;
	if (is_private(view, &host))
		hits |= NAT_PRIVATE_VIA;
	if (port != addr_port(view->source))
		hits |= NAT_DIFF_PORT_SRC_VIA;
	if (is_carrier_grade(&host))
		hits |= NAT_CARRIER_GRADE;
	return hits;
}

static unsigned test_contact(const struct nat_view *view, const struct sip_uri *uri, bool first)
{
	const struct addr host = literal(uri->host);
	unsigned hits = 0;

	if (is_private(view, &host))
		hits |= NAT_PRIVATE_CONTACT;
	if (is_carrier_grade(&host))
		hits |= NAT_CARRIER_GRADE;
	/* tel: and the like say nothing of where they are */
	if (first && !slice_empty(uri->host) && !is_source(view, &host))
		hits |= NAT_DIFF_IP_SRC_CONTACT;
	return hits;
}

static unsigned test_contacts(const struct nat_view *view)
{
	const struct sip_uri *uri = &view->contacts->uri;
	uint16_t port =
		uri->port ? uri->port : sip_default_port(uri->scheme, uri->transport);
	unsigned hits = 0;

	for (const struct sip_nameaddr *c = view->contacts; c; c = c->next)
		hits |= test_contact(view, &c->uri, c == view->contacts);
	if (!slice_empty(uri->host) && port != addr_port(view->source))
		hits |= NAT_DIFF_PORT_SRC_CONTACT;
	return hits;
}

static unsigned test_media(const struct nat_view *view)
{
	unsigned hits = 0, i;

	for (i = 0; i < view->media_count; i++) {
		const struct addr a = literal(view->media[i]);

		if (is_private(view, &a))
			hits |= NAT_PRIVATE_SDP;
		/* 0.0.0.0 is a call on hold, and says nothing of where the phone is. */
		if (!addr_is_any(&a) && !is_source(view, &a))
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
