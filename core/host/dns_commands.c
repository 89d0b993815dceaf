#include "core/host/dns_commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/net/resolver.h"

#define SHOWN_MAX 1000 /* answers of one dns_cache */
#define HOST_MAX  (DNS_NAME_MAX + 8)

/* A dns_lookup under way. */
struct showing {
	struct host *h;
	struct bus_request *req;
};

static void show_hop(struct tree *root, struct host *h, const struct hop_found *f)
{
	const uint64_t now = loop_now(h->control.loop);
	char text[ADDR_TEXT];
	struct tree *node = tree_addf(root, "hop", "%s:%.*s", sip_transport_name(f->hop.transport),
		SLICE_ARG(addr_text(&f->hop.addr, text)));

	if (f->expires != UINT64_MAX)
		tree_attr_int(node, "ttl", f->expires > now ? (int64_t)(f->expires - now + 999) / 1000 : 0);
	if (bad_hops_peek(h->dns->bad, f->hop.transport, &f->hop.addr, now))
		tree_attr(node, "state", "failed");
	if (!net_sock_first(&h->conf.socks, f->hop.transport, addr_family(&f->hop.addr)))
		tree_attr(node, "unreachable", "no listener");
}

static void shown(void *arg, int err, const struct next_hops *n)
{
	struct showing *s = arg;
	struct tree *root;

	if (err != 0) {
		bus_fail(s->req, err == -ECANCELED ? 503 : 404, "no next hop: %s%s%s: %s", n->failed_name[0] ? dns_type_name(n->failed_type) : "",
			n->failed_name[0] ? " " : "", n->failed_name,
			err == -ECANCELED ? "shutting down" : n->failed_why ? n->failed_why : "no address");
	} else {
		root = tree_new();
		for (unsigned i = 0; i < n->count; i++)
			show_hop(root, s->h, &n->found[i]);
		tree_set_list(root);
		bus_reply(s->req, root);
	}
	free(s);
}

static bool transport_read(const char *text, enum sip_transport *out)
{
	static const enum sip_transport all[] = {SIP_TR_UDP, SIP_TR_TCP, SIP_TR_TLS};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcasecmp(text, sip_transport_name(all[i])) == 0) {
			*out = all[i];
			return true;
		}
	}
	return false;
}

/* "example.org", "example.org:5080", "[2001:db8::1]", "sip:alice@example.org;transport=tcp". The host lies in name. */
static bool query_read(const char *name, struct net_query *q)
{
	struct slice text = slice_str(name), host, port;
	uint64_t number = 0;
	struct sip_uri uri;

	*q = (struct net_query){.host = text, .scheme = SIP_SCHEME_SIP};
	if (slice_istarts(text, SLICE("sip:")) || slice_istarts(text, SLICE("sips:"))) {
		if (sip_uri_parse(&uri, text) != 0)
			return false;
		*q = (struct net_query){.host = uri.maddr.len > 0 ? uri.maddr : uri.host, .port = uri.port, .scheme = uri.scheme, .transport = uri.transport};
	} else if (text.len > 0 && text.p[0] != '[' && slice_cut(text, ':', &host, &port) && slice_chr(port, ':') < 0) {
		if (slice_u64(port, UINT16_MAX, &number) != 0 || number == 0)
			return false;
		q->host = host;
		q->port = (uint16_t)number;
	}
	return q->host.len > 0;
}

void dns_command_lookup(void *self, struct bus_request *req, const json_t *params)
{
	const char *name = json_string_value(bus_param(params, "name", 0));
	const char *transport = json_string_value(bus_param(params, "transport", 1));
	struct host *h = self;
	struct net_query q;
	struct showing *s;
	int err;

	if (!name || strlen(name) > HOST_MAX || !query_read(name, &q)) {
		bus_fail(req, 400, "Bad parameter: expected a host, HOST:PORT or a SIP URI");
		return;
	}
	if (transport && !transport_read(transport, &q.transport)) {
		bus_fail(req, 400, "Bad parameter: expected udp, tcp or tls");
		return;
	}
	s = malloc(sizeof(*s));
	if (!s) {
		bus_fail(req, 500, "no memory");
		return;
	}
	*s = (struct showing){h, req};
	err = resolver_show(h->resolver, &q, shown, s);
	if (err != -EINPROGRESS) {
		bus_fail(req, err == -EINVAL ? 400 : 503, "%s", err == -EINVAL ? "Bad parameter: expected a host, HOST:PORT or a SIP URI" : strerror(-err));
		free(s);
	}
}

struct listing {
	struct host *h;
	struct tree *root;
	struct slice name;
	unsigned shown;
	unsigned left; /* not shown: too many */
};

static void record_text(struct buf *b, const struct dns_answer *a, const struct dns_record *r)
{
	static const char *const services[] = {[DNS_SIP_D2U] = "SIP+D2U", [DNS_SIP_D2T] = "SIP+D2T", [DNS_SIPS_D2T] = "SIPS+D2T"};
	char text[ADDR_TEXT];

	if (a->type == DNS_SRV)
		buf_printf(b, "%u %u %u %.*s.", r->order, r->weight, r->port, SLICE_ARG(r->name));
	else if (a->type == DNS_NAPTR)
		buf_printf(b, "%u %u %s %.*s.", r->order, r->weight, services[r->service], SLICE_ARG(r->name));
	else
		buf_add(b, addr_ip_text(&r->addr, text));
}

static bool list_answer(void *arg, const struct dns_answer *a, enum dns_fresh how)
{
	struct listing *l = arg;
	const uint64_t now = loop_now(l->h->control.loop);
	static const char *const outcomes[] = {[DNS_FOUND] = "found", [DNS_NO_NAME] = "no such name", [DNS_NO_DATA] = "no such record"};
	struct tree *node;
	char text[512];
	struct buf b;

	if (l->name.len > 0 && !slice_ieq(l->name, a->name))
		return true;
	if (l->shown == SHOWN_MAX) {
		l->left++;
		return true;
	}
	l->shown++;
	node = tree_addf(l->root, "answer", "%s %s", dns_type_name(a->type), a->name.p);
	tree_attr(node, "result", a->outcome == DNS_FAILED ? a->why : outcomes[a->outcome]);
	tree_attr_int(node, "ttl", a->expires > now ? (int64_t)(a->expires - now + 999) / 1000 : -(int64_t)(now - a->expires) / 1000);
	if (how != DNS_FRESH)
		tree_attr(node, "state", "stale");
	for (unsigned i = 0; i < a->count; i++) {
		buf_fixed(&b, text, sizeof(text));
		record_text(&b, a, &a->records[i]);
		tree_addf(node, "record", "%.*s", SLICE_ARG(buf_slice(&b)));
	}
	tree_set_list(node);
	return true;
}

/* Without the final dot: as the cache has it. */
static struct slice name_of(const json_t *params)
{
	struct slice name = slice_str(json_string_value(bus_param(params, "name", 0)));

	if (name.len > 1 && name.p[name.len - 1] == '.')
		name.len--;
	return name;
}

void dns_command_cache(void *self, struct bus_request *req, const json_t *params)
{
	struct host *h = self;
	struct listing l = {.h = h, .root = tree_new(), .name = name_of(params)};

	tree_add_int(l.root, "answers", (int64_t)dns_cache_count(h->dns->cache));
	dns_cache_each(h->dns->cache, loop_now(h->control.loop), list_answer, &l);
	if (l.left > 0)
		tree_add_int(l.root, "not_shown", (int64_t)l.left);
	tree_set_list(l.root);
	bus_reply(req, l.root);
}

void dns_command_flush(void *self, struct bus_request *req, const json_t *params)
{
	struct host *h = self;
	struct slice given = name_of(params);
	struct tree *root;
	char name[DNS_NAME_MAX + 1];

	if (given.len > DNS_NAME_MAX) {
		bus_fail(req, 400, "Bad parameter: expected a host name");
		return;
	}
	for (size_t i = 0; i < given.len; i++)
		name[i] = given.p[i] >= 'A' && given.p[i] <= 'Z' ? (char)(given.p[i] | 0x20) : given.p[i];
	root = tree_new();
	tree_add_int(root, "forgotten", (int64_t)dns_cache_flush(h->dns->cache, slice_make(name, given.len)));
	bus_reply(req, root);
}
