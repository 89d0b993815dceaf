#include "plugins/natping/ping_binding.h"

#include <string.h>

struct ping_binding ping_binding_of_store(struct slice aor, const struct store_contact *c)
{
	return (struct ping_binding){.aor = aor,
		.id = c->id,
		.uri = c->uri,
		.received = c->received,
		.path = c->path,
		.socket = c->socket,
		.expires = c->expires,
		.bflags = c->bflags};
}

struct ping_binding ping_binding_of_event(const struct bus_ev_contact *ev)
{
	return (struct ping_binding){.aor = slice_str(ev->aor),
		.id = slice_str(ev->id),
		.uri = slice_str(ev->uri),
		.received = slice_str(ev->received),
		.path = slice_str(ev->path),
		.socket = slice_str(ev->socket),
		.expires = ev->expires,
		.bflags = ev->bflags};
}

#define IS_FULL(field) (strlen(field) == sizeof(field) - 1)

bool ping_event_is_cut(const struct bus_ev_contact *ev)
{
	return IS_FULL(ev->uri) || IS_FULL(ev->received) || IS_FULL(ev->path) ||
		IS_FULL(ev->socket);
}

bool ping_event_is_nameless(const struct bus_ev_contact *ev)
{
	return IS_FULL(ev->aor) || IS_FULL(ev->id);
}
