#include "plugins/dialog/leg.h"

#include <errno.h>

bool leg_uri_is_ours(const struct leg_ours *ours, const struct sip_uri *uri)
{
	uint16_t port = uri->port;

	if (slice_empty(uri->host) ||
		(uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_SIPS))
		return false;
	if (port == 0)
		port = sip_default_port(uri->scheme, uri->transport);
	return ours->is_myself(ours->arg, uri->host, port);
}

static bool is_ours(const struct leg_ours *ours, const struct sip_nameaddr *route)
{
	return (route->hdr && (route->hdr->flags & SIP_HDR_ADDED)) ||
		leg_uri_is_ours(ours, &route->uri);
}

/** Header text for keeping: a fold becomes blanks. */
static void add_unfolded(struct buf *b, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		const char c = text.p[i];

		buf_chr(b, c == '\r' || c == '\n' ? ' ' : c);
	}
}

static int finish(const struct buf *b, struct slice *out)
{
	if (b->err != 0)
		return b->err == -EMSGSIZE ? -E2BIG : b->err;
	*out = buf_slice(b);
	return 0;
}

/** From or To without its tag. */
static int without_tag(
	struct arena *arena, const struct sip_nameaddr *n, struct slice *out)
{
	struct slice rest = n->params, name, value;
	struct buf b;

	buf_arena(&b, arena, n->text.len + 1, LEG_TEXT_MAX);
	if (n->brackets) {
		add_unfolded(&b, n->display);
		buf_str(&b, slice_empty(n->display) ? "<" : " <");
	}
	add_unfolded(&b, n->uri_text);
	if (n->brackets)
		buf_chr(&b, '>');
	while (sip_param_next(&rest, &name, &value)) {
		if (slice_ieq(name, SLICE("tag")))
			continue;
		buf_chr(&b, ';');
		add_unfolded(&b, name);
		if (!slice_empty(value)) {
			buf_chr(&b, '=');
			add_unfolded(&b, value);
		}
	}
	return finish(&b, out);
}

static int take_tag(struct arena *arena, const struct sip_nameaddr *n, struct slice *out)
{
	if (slice_empty(n->tag))
		return -EBADMSG;
	if (n->tag.len > LEG_TAG_MAX)
		return -E2BIG;
	*out = arena_dup(arena, n->tag);
	return out->p ? 0 : -ENOMEM;
}

struct slice leg_contact(struct arena *arena, struct sip_msg *msg)
{
	const struct sip_nameaddr *c = sip_nameaddrs(msg, SIP_H_CONTACT, NULL);

	if (!c || c->uri_err != 0 || c->uri_text.len > LEG_TEXT_MAX)
		return (struct slice){0};
	return arena_dup(arena, c->uri_text);
}

/** One value behind those that are there already. */
static void add_route(struct buf *b, const struct sip_nameaddr *route)
{
	if (b->len > 0)
		buf_str(b, ", ");
	add_unfolded(b, route->text);
}

/** All Record-Routes, which must parse. *list NULL: there are none. */
static int record_routes(struct sip_msg *msg, struct sip_nameaddr **list)
{
	int err = 0;

	*list = NULL;
	if (!sip_hdr_first(msg, SIP_H_RECORD_ROUTE))
		return 0;
	*list = sip_nameaddrs(msg, SIP_H_RECORD_ROUTE, &err);
	for (const struct sip_nameaddr *r = *list; r; r = r->next)
		if (r->uri_err != 0)
			return -EBADMSG;
	return *list ? 0 : err;
}

/** Towards the caller: as they stand, the nearest to us on top. */
static int routes_upstream(struct arena *arena, struct sip_msg *invite,
	const struct leg_ours *ours, struct slice *out)
{
	struct sip_nameaddr *list;
	struct buf b;
	int err = record_routes(invite, &list);

	buf_arena(&b, arena, 256, LEG_TEXT_MAX);
	for (const struct sip_nameaddr *r = list; r && err == 0; r = r->next)
		if (!is_ours(ours, r))
			add_route(&b, r);
	return err != 0 ? err : finish(&b, out);
}

/** The first count values of list, the last of them first. */
static void add_reversed(struct buf *b, const struct sip_nameaddr *list, unsigned count)
{
	while (count-- > 0 && b->err == 0) {
		const struct sip_nameaddr *r = list;

		for (unsigned i = 0; i < count; i++)
			r = r->next;
		add_route(b, r);
	}
}

/** Towards the callee: those above the first of ours, the nearest to us at their end. */
static int routes_downstream(struct arena *arena, struct sip_msg *reply,
	const struct leg_ours *ours, unsigned upstream, struct slice *out)
{
	struct sip_nameaddr *list;
	unsigned above = 0, total = 0;
	bool met_us = false;
	struct buf b;
	int err = record_routes(reply, &list);

	if (err != 0)
		return err;
	for (const struct sip_nameaddr *r = list; r; r = r->next, total++) {
		met_us = met_us || is_ours(ours, r);
		if (!met_us)
			above++;
	}
	/* The script has not recorded us: what the INVITE had not yet is of those behind us. */
	if (!met_us)
		above = total > upstream ? total - upstream : 0;
	/* More than fit cannot fit: the square of what a stranger wrote would be too much work. */
	if (above > LEG_TEXT_MAX / 8)
		return -E2BIG;
	buf_arena(&b, arena, 256, LEG_TEXT_MAX);
	add_reversed(&b, list, above);
	return finish(&b, out);
}

static int small_enough(const struct store_leg *leg)
{
	return leg->uri.len + leg->target.len + leg->routes.len <= LEG_TEXT_MAX ? 0
										: -E2BIG;
}

int leg_of_invite(struct store_leg *out, struct arena *arena, struct sip_msg *invite,
	const struct leg_ours *ours)
{
	const struct sip_nameaddr *from = sip_from(invite, NULL);
	struct store_leg leg = {.cseq = invite->cseq};
	int err;

	if (!from)
		return -EBADMSG;
	err = take_tag(arena, from, &leg.tag);
	if (err == 0)
		err = without_tag(arena, from, &leg.uri);
	if (err == 0)
		err = routes_upstream(arena, invite, ours, &leg.routes);
	leg.target = leg_contact(arena, invite);
	if (err == 0)
		err = small_enough(&leg);
	if (err == 0)
		*out = leg;
	return err;
}

int leg_of_to(struct store_leg *out, struct arena *arena, struct sip_msg *invite)
{
	const struct sip_nameaddr *to = sip_to(invite, NULL);
	struct store_leg leg = {0};
	int err = to ? without_tag(arena, to, &leg.uri) : -EBADMSG;

	if (err == 0)
		*out = leg;
	return err;
}

int leg_of_answer(struct store_leg *out, struct arena *arena, struct sip_msg *reply,
	const struct leg_ours *ours, unsigned upstream)
{
	const struct sip_nameaddr *to = sip_to(reply, NULL);
	struct store_leg leg = {0};
	int err;

	if (!to)
		return -EBADMSG;
	err = take_tag(arena, to, &leg.tag);
	if (err == 0)
		err = without_tag(arena, to, &leg.uri);
	if (err == 0)
		err = routes_downstream(arena, reply, ours, upstream, &leg.routes);
	leg.target = leg_contact(arena, reply);
	if (err == 0)
		err = small_enough(&leg);
	if (err == 0)
		*out = leg;
	return err;
}

unsigned leg_routes_count(struct arena *arena, struct slice routes)
{
	const struct sip_nameaddr *r =
		slice_empty(routes) ? NULL : sip_nameaddr_parse(arena, routes, NULL);
	unsigned n = 0;

	for (; r; r = r->next)
		n++;
	return n;
}

struct slice leg_flow(
	struct arena *arena, enum sip_transport transport, const struct addr *addr)
{
	char text[ADDR_TEXT];

	return arena_printf(arena, "%s:%.*s", sip_transport_name(transport),
		SLICE_ARG(addr_text(addr, text)));
}

int leg_flow_parse(struct slice flow, enum sip_transport *transport, struct addr *addr)
{
	struct slice name, rest;
	enum sip_transport tr;
	struct addr a;

	if (!slice_cut(flow, ':', &name, &rest))
		return -EINVAL;
	tr = sip_transport_of(name);
	if (tr == SIP_TR_NONE || tr == SIP_TR_UNKNOWN || addr_parse(&a, rest, 0) != 0 ||
		addr_port(&a) == 0)
		return -EINVAL;
	*transport = tr;
	*addr = a;
	return 0;
}
