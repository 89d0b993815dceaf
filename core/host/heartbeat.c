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

struct store_node heartbeat_node(const struct heartbeat *b)
{
	return b->node;
}

static void wait_for_beat(struct heartbeat *b, uint64_t until)
{
	while (b->under_way && clock_us() < until)
		loop_turn(b->host->control.loop, 10);
}

void heartbeat_end(struct heartbeat *b)
{
	uint64_t until = clock_us() + HEARTBEAT_FAREWELL_MS * 1000;

	if (!b)
		return;
	timer_stop(&b->timer);
	wait_for_beat(b, until);
	if (b->under_way || !store_ready(b->host->control.store))
		return;
	b->under_way = store_node_beat(b->host->control.store, &b->node, 1, beat_done, b) == -EINPROGRESS;
	wait_for_beat(b, until);
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
