#include "core/host/heartbeat.h"

#include <errno.h>
#include <stdlib.h>

#include "core/host/host.h"

struct heartbeat {
	struct host *host;
	struct timer timer;
	struct store_node node; /**< lives as long as a write under way */
	struct buf sockets;
	bool under_way;
};

static void beat_done(void *arg, int err)
{
	struct heartbeat *b = arg;

	(void)err; /* the store says itself that it is away; the next beat follows in a second */
	b->under_way = false;
}

static void beat(void *arg)
{
	struct heartbeat *b = arg;

	timer_start(b->host->control.loop, &b->timer, HEARTBEAT_MS);
	if (b->under_way)
		return;
	b->node.load = (unsigned)counter_read(b->host->first_tm + TM_C_ACTIVE);
	b->under_way = store_node_beat(b->host->control.store, &b->node, HEARTBEAT_LIFE_MS, beat_done, b) == -EINPROGRESS;
}

int heartbeat_new(struct heartbeat **out, struct host *h)
{
	struct heartbeat *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->host = h;
	buf_heap(&b->sockets, 256, 65536);
	for (unsigned i = 0; i < h->conf.socks.count; i++)
		buf_printf(&b->sockets, "%s%s", i ? " " : "", h->conf.socks.list[i].adv_text);
	if (b->sockets.err != 0) {
		heartbeat_destroy(&b);
		return -ENOMEM;
	}
	b->node = (struct store_node){.name = slice_str(h->conf.node), .version = SLICE(PACKAGE_VERSION),
		.sockets = buf_slice(&b->sockets), .started = h->started};
	timer_init(&b->timer, beat, b);
	timer_start(h->control.loop, &b->timer, 0);
	*out = b;
	return 0;
}

void heartbeat_destroy(struct heartbeat **hp)
{
	struct heartbeat *b = *hp;

	if (!b)
		return;
	timer_stop(&b->timer);
	buf_free(&b->sockets);
	free(b);
	*hp = NULL;
}
