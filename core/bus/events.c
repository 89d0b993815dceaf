#include "core/bus/events.h"

#include <stddef.h>

/* clang-format off */
static const struct {
	const char *name;
	uint32_t size; /* of the member */
} topics[BUS_TOPICS] = {
	[BUS_CONTACT_SAVED] = {"contact.saved", sizeof(struct bus_ev_contact)},
	[BUS_CONTACT_REMOVED] = {"contact.removed", sizeof(struct bus_ev_contact)},
	[BUS_CONTACT_UNREACHABLE] = {"contact.unreachable", sizeof(struct bus_ev_contact)},
	[BUS_RELAY_UP] = {"relay.up", sizeof(struct bus_ev_relay)},
	[BUS_RELAY_DOWN] = {"relay.down", sizeof(struct bus_ev_relay)},
	[BUS_MEDIA_TIMEOUT] = {"media.timeout", sizeof(struct bus_ev_dialog)},
	[BUS_DIALOG_DUE] = {"dialog.due", sizeof(struct bus_ev_dialog)},
	[BUS_DIALOG_STARTED] = {"dialog.started", sizeof(struct bus_ev_dialog)},
	[BUS_DIALOG_ENDED] = {"dialog.ended", sizeof(struct bus_ev_dialog)},
	[BUS_NODE_UP] = {"node.up", sizeof(struct bus_ev_node)},
	[BUS_NODE_DOWN] = {"node.down", sizeof(struct bus_ev_node)},
	[BUS_CONFIG_RELOADED] = {"config.reloaded", sizeof(struct bus_ev_node)},
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

uint32_t bus_event_size(enum bus_topic topic)
{
	if (bus_topic_name(topic) == NULL)
		return 0;
	return (uint32_t)offsetof(struct bus_event, contact) + topics[topic].size;
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
