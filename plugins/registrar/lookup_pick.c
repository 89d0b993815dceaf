#include "plugins/registrar/lookup_pick.h"

#include <errno.h>

#include "core/sip/sip_header.h"

bool lookup_allows(const struct store_contact *c, struct slice method)
{
	struct slice rest = c->methods, word;

	if (slice_empty(rest) || slice_eq(method, SLICE("ACK")) ||
		slice_eq(method, SLICE("CANCEL")))
		return true;
	while (!slice_empty(rest)) {
		if (!slice_cut(rest, ',', &word, &rest)) {
			word = rest;
			rest = (struct slice){0};
		}
		if (slice_eq(slice_trim(word), method))
			return true;
	}
	return false;
}

int lookup_next_hop(struct slice *out, struct arena *arena, const struct store_contact *c)
{
	const struct sip_nameaddr *first;
	int err = 0;

	if (slice_empty(c->path)) {
		*out = c->received;
		return 0;
	}
	first = sip_nameaddr_parse(arena, c->path, &err);
	if (first == NULL)
		return err == -ENOMEM ? err : -EBADMSG;
	if (first->uri_err != 0)
		return -EBADMSG;
	*out = first->uri_text;
	return 0;
}

int lookup_scheme(struct tm_target *t, struct arena *arena, bool sips)
{
	struct slice uri = t->ruri;

	if (sips || !slice_istarts(uri, SLICE("sips:")))
		return 0;
	t->ruri = arena_printf(arena, "sip:%.*s", SLICE_ARG(slice_from(uri, 5)));
	if (t->ruri.p == NULL)
		return -ENOMEM;
	if (slice_empty(t->du))
		t->du = uri;
	return 0;
}

bool lookup_is_flow(struct slice received)
{
	struct sip_uri uri;

	return sip_uri_parse(&uri, received) == 0 &&
		(uri.scheme == SIP_SCHEME_SIP || uri.scheme == SIP_SCHEME_SIPS) &&
		sip_uri_transport(&uri) != SIP_TR_UDP;
}
