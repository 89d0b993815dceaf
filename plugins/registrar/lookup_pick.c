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

bool lookup_needs_flow(const struct store_contact *c)
{
	struct sip_uri uri;

	return slice_empty(c->path) && !slice_empty(c->received) &&
		sip_uri_parse(&uri, c->received) == 0 &&
		(uri.transport == SIP_TR_TCP || uri.transport == SIP_TR_TLS || uri.scheme == SIP_SCHEME_SIPS);
}
