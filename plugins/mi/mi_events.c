#include "plugins/mi/mi_events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct mi_events {
	struct bus_endpoint *bus;
	struct log_source *log;
	struct kept {
		int64_t at_us;
		uint32_t len;
		char packed[BUS_PACKED_MAX];
	} ring[MI_EVENTS];
	uint64_t seen;
	uint64_t lost;
};

static void on_event(void *arg, const struct bus_event *ev)
{
	struct mi_events *e = arg;
	struct kept *k = &e->ring[e->seen++ % MI_EVENTS];

	k->at_us = ev->at_us;
	k->len = bus_event_pack(k->packed, ev);
}

static void on_gap(void *arg, enum bus_topic topic, uint64_t lost)
{
	struct mi_events *e = arg;

	e->lost += lost;
	LOG(e->log, LOG_L_INFO, "%llu events of %s were lost under load", (unsigned long long)lost, bus_topic_name(topic));
}

int mi_events_new(struct mi_events **out, struct ph_thread *thread, struct log_source *log)
{
	struct mi_events *e = calloc(1, sizeof(*e));
	int err = 0;

	if (!e)
		return -ENOMEM;
	e->bus = thread->bus;
	e->log = log;
	for (int topic = 1; topic < BUS_TOPICS && err == 0; topic++)
		err = bus_subscribe(thread->bus, (enum bus_topic)topic, on_event, on_gap, e);
	if (err != 0) {
		mi_events_destroy(&e);
		return err;
	}
	*out = e;
	return 0;
}

void mi_events_destroy(struct mi_events **ep)
{
	struct mi_events *e = *ep;

	if (!e)
		return;
	bus_unsubscribe(e->bus, e);
	free(e);
	*ep = NULL;
}

static void show_contact(struct tree *node, const struct bus_ev_contact *c)
{
	tree_attr(node, "aor", c->aor);
	tree_attr(node, "uri", c->uri);
	if (c->received[0])
		tree_attr(node, "received", c->received);
	if (c->path[0])
		tree_attr(node, "path", c->path);
	if (c->expires)
		tree_attr_int(node, "expires", c->expires);
}

static void show_one(struct tree *root, const struct bus_event *ev)
{
	time_t t = (time_t)(ev->at_us / 1000000);
	char when[40];
	struct tm tm;
	struct tree *node;

	gmtime_r(&t, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	node = tree_addf(root, bus_topic_name((enum bus_topic)ev->topic), "%s.%03dZ", when, (int)(ev->at_us / 1000 % 1000));
	switch ((enum bus_topic)ev->topic) {
	case BUS_CONTACT_SAVED:
	case BUS_CONTACT_REMOVED:
	case BUS_CONTACT_UNREACHABLE:
		show_contact(node, &ev->contact);
		break;
	case BUS_RELAY_UP:
	case BUS_RELAY_DOWN:
		tree_attr(node, "url", ev->relay.url);
		if (ev->relay.reason[0])
			tree_attr(node, "reason", ev->relay.reason);
		break;
	case BUS_MEDIA_TIMEOUT:
	case BUS_DIALOG_DUE:
	case BUS_DIALOG_STARTED:
	case BUS_DIALOG_ENDED:
		tree_attr(node, "call_id", ev->dialog.call_id);
		if (ev->dialog.reason[0])
			tree_attr(node, "reason", ev->dialog.reason);
		break;
	case BUS_NODE_UP:
	case BUS_NODE_DOWN:
	case BUS_CONFIG_RELOADED:
		tree_attr(node, "node", ev->node.name);
		break;
	case BUS_TOPICS:
		break;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct kept *x = *(const struct kept *const *)a, *y = *(const struct kept *const *)b;

	return (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

/* By the time they happened: those of one thread may have waited a little to leave together. */
void mi_events_show(const struct mi_events *e, const char *topic, struct tree *root)
{
	unsigned count = e->seen < MI_EVENTS ? (unsigned)e->seen : MI_EVENTS;
	const struct kept *order[MI_EVENTS];
	struct bus_event ev;

	for (unsigned i = 0; i < count; i++)
		order[i] = &e->ring[(e->seen - count + i) % MI_EVENTS];
	qsort(order, count, sizeof(order[0]), by_time);
	tree_set_list(root);
	for (unsigned i = 0; i < count; i++) {
		if (bus_event_unpack(&ev, order[i]->packed, order[i]->len) > 0 &&
			(!topic || strcmp(topic, bus_topic_name((enum bus_topic)ev.topic)) == 0))
			show_one(root, &ev);
	}
	if (e->lost)
		tree_add_int(root, "lost", (int64_t)e->lost);
}
