#include "core/bus/events.h"

#include <stddef.h>
#include <string.h>

/* A text of an event, and where what follows the texts begins. */
struct text {
	uint16_t offset, size;
};
#define TEXT(member, field) {offsetof(struct bus_event, member.field), sizeof(((struct bus_event *)0)->member.field)}
#define MAX_TEXTS 6

/* clang-format off */
static const struct shape {
	struct text texts[MAX_TEXTS + 1];
	uint16_t rest, end; /* from the first member behind the texts to the end */
} contact = {{TEXT(contact, aor), TEXT(contact, id), TEXT(contact, uri), TEXT(contact, received), TEXT(contact, path),
	TEXT(contact, socket)}, offsetof(struct bus_event, contact.expires),
	offsetof(struct bus_event, contact) + sizeof(struct bus_ev_contact)},
relay = {{TEXT(relay, url), TEXT(relay, reason)}, offsetof(struct bus_event, relay.until),
	offsetof(struct bus_event, relay) + sizeof(struct bus_ev_relay)},
dialog = {{TEXT(dialog, call_id), TEXT(dialog, id), TEXT(dialog, reason), TEXT(dialog, from_tag), TEXT(dialog, to_tag)},
	offsetof(struct bus_event, dialog.by_us), offsetof(struct bus_event, dialog) + sizeof(struct bus_ev_dialog)},
node = {{TEXT(node, name)}, offsetof(struct bus_event, node) + sizeof(struct bus_ev_node),
	offsetof(struct bus_event, node) + sizeof(struct bus_ev_node)};

static const struct {
	const char *name;
	const struct shape *shape;
} topics[BUS_TOPICS] = {
	[BUS_CONTACT_SAVED] = {"contact.saved", &contact},
	[BUS_CONTACT_REMOVED] = {"contact.removed", &contact},
	[BUS_CONTACT_UNREACHABLE] = {"contact.unreachable", &contact},
	[BUS_RELAY_UP] = {"relay.up", &relay},
	[BUS_RELAY_DOWN] = {"relay.down", &relay},
	[BUS_MEDIA_TIMEOUT] = {"media.timeout", &dialog},
	[BUS_DIALOG_DUE] = {"dialog.due", &dialog},
	[BUS_DIALOG_STARTED] = {"dialog.started", &dialog},
	[BUS_DIALOG_ENDED] = {"dialog.ended", &dialog},
	[BUS_NODE_UP] = {"node.up", &node},
	[BUS_NODE_DOWN] = {"node.down", &node},
	[BUS_CONFIG_RELOADED] = {"config.reloaded", &node},
};

static const struct {
	const char *name;
	enum bus_prop_scope scope;
	bool stored;
} props[BUS_PROPS] = {
	[BUS_PROP_DIALOG_ID] = {"dialog.id", BUS_SCOPE_CALL, false},
	[BUS_PROP_RELAY_URL] = {"relay.url", BUS_SCOPE_CALL, true},
	[BUS_PROP_RTPP_SET] = {"rtpp.set", BUS_SCOPE_CALL, true},
	[BUS_PROP_NAT_SIGNS] = {"nat.signs", BUS_SCOPE_MESSAGE, false},
	[BUS_PROP_DIALOG_END] = {"dialog.end", BUS_SCOPE_CALL, false},
	[BUS_PROP_RTPP_CHOICE] = {"rtpp.choice", BUS_SCOPE_MESSAGE, false},
	[BUS_PROP_DIALOG_WANTED] = {"dialog.wanted", BUS_SCOPE_CALL, false},
	[BUS_PROP_DIALOG_TIMEOUT] = {"dialog.timeout", BUS_SCOPE_CALL, true},
	[BUS_PROP_DIALOG_STATUS] = {"dialog.status", BUS_SCOPE_CALL, false},
	[BUS_PROP_DIALOG_START] = {"dialog.start", BUS_SCOPE_CALL, false},
	[BUS_PROP_DIALOG_DIR] = {"dialog.dir", BUS_SCOPE_MESSAGE, false},
	[BUS_PROP_RTPP_NOTIFY] = {"rtpp.notify", BUS_SCOPE_CALL, true},
	[BUS_PROP_RTPP_AUDIO] = {"rtpp.audio", BUS_SCOPE_CALL, false},
};
/* clang-format on */

const char *bus_topic_name(enum bus_topic topic)
{
	return (unsigned)topic < BUS_TOPICS ? topics[topic].name : NULL;
}

bool bus_event_can_wait(enum bus_topic topic)
{
	return topic == BUS_CONTACT_SAVED;
}

#define HEAD offsetof(struct bus_event, contact)

_Static_assert(sizeof(struct bus_event) + 2 * MAX_TEXTS <= BUS_PACKED_MAX, "a packed event has room");

uint32_t bus_event_pack(char *out, const struct bus_event *ev)
{
	const char *from = (const char *)ev;
	const struct shape *s;
	char *to = out;

	if (bus_topic_name((enum bus_topic)ev->topic) == NULL)
		return 0;
	s = topics[ev->topic].shape;
	memcpy(to, from, HEAD);
	to += HEAD;
	for (const struct text *t = s->texts; t->size > 0; t++) {
		uint16_t len = (uint16_t)strnlen(from + t->offset, t->size - 1u);

		memcpy(to, &len, sizeof(len));
		memcpy(to + sizeof(len), from + t->offset, len);
		to += sizeof(len) + len;
	}
	memcpy(to, from + s->rest, (size_t)(s->end - s->rest));
	to += s->end - s->rest;
	return (uint32_t)(to - out);
}

uint32_t bus_event_unpack(struct bus_event *ev, const char *in, size_t len)
{
	char *to = (char *)ev;
	const struct shape *s;
	const char *p = in, *end = in + len;
	uint16_t n;

	if (len < HEAD)
		return 0;
	memcpy(ev, p, HEAD);
	p += HEAD;
	if (bus_topic_name((enum bus_topic)ev->topic) == NULL)
		return 0;
	s = topics[ev->topic].shape;
	for (const struct text *t = s->texts; t->size > 0; t++) {
		if ((size_t)(end - p) < sizeof(n))
			return 0;
		memcpy(&n, p, sizeof(n));
		p += sizeof(n);
		if (n >= t->size || n > end - p)
			return 0;
		memcpy(to + t->offset, p, n);
		to[t->offset + n] = '\0';
		p += n;
	}
	if (end - p < s->end - s->rest)
		return 0;
	memcpy(to + s->rest, p, (size_t)(s->end - s->rest));
	return (uint32_t)(p - in) + s->end - s->rest;
}

enum bus_prop_scope bus_prop_scope(enum bus_prop p)
{
	return (unsigned)p < BUS_PROPS && props[p].scope != 0 ? props[p].scope
							      : BUS_SCOPE_MESSAGE;
}

const char *bus_prop_name(enum bus_prop p)
{
	return (unsigned)p < BUS_PROPS ? props[p].name : NULL;
}

bool bus_prop_stored(enum bus_prop p)
{
	return (unsigned)p < BUS_PROPS && props[p].stored;
}
