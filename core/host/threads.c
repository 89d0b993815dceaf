#include "core/host/threads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/host.h"
#include "core/net/resolver.h"

#define BUS_MS   2000
#define START_MS 10000

struct own_thread {
	struct threads *all;
	struct ph_thread t;
	const struct host_plugin *plugin;
	unsigned index; /**< among its plugin's */
	char name[48];
	void *self;
	bool plugin_started;
	pthread_t thread;
	bool running;
};

struct threads {
	struct host *host;
	struct gate gate;
	bool open; /**< all have a loop, and run it */
	struct own_thread *list;
	unsigned count;
};

static int wait_for_bus(struct own_thread *o)
{
	uint64_t until = clock_us() + BUS_MS * 1000;

	while (!bus_endpoint_started(o->t.bus)) {
		if (clock_us() > until)
			return -ETIMEDOUT;
		loop_turn(o->t.loop, 20);
	}
	return 0;
}

static int equip(struct own_thread *o)
{
	struct host *h = o->all->host;
	int err = loop_new(&o->t.loop);

	if (err == 0)
		err = counter_array_new(&o->t.counters);
	if (err == 0)
		err = inbox_sender_new(&o->t.senders, h->bus, h->inbox_names, h->worker_count + 1, o->t.counters, h->first_inbox);
	if (err == 0)
		err = bus_endpoint_new(&o->t.bus, h->bus, o->name, o->t.loop, o->t.counters, h->first_bus);
	if (err == 0)
		err = store_open(&o->t.store, h->store, o->t.loop, o->t.counters, h->first_store);
	if (err == 0)
		err = resolver_new(&o->t.resolver, &(struct resolver_setup){.loop = o->t.loop, .socks = o->t.socks, .shared = h->dns,
			.counters = o->t.counters, .first_counter = h->first_dns});
	if (err == 0)
		err = wait_for_bus(o);
	return err;
}

static int start_plugin(struct own_thread *o)
{
	int err = o->plugin->desc->thread_start(&o->t, o->index, &o->plugin->ctx, &o->self);

	if (err != 0)
		return err;
	o->plugin_started = true;
	return wait_for_bus(o);
}

static void give_back(struct own_thread *o)
{
	/* Completions under way run with -ECANCELED while the plugin is still there. */
	store_close(&o->t.store);
	if (o->plugin_started && o->plugin->desc->thread_stop)
		o->plugin->desc->thread_stop(o->self);
	resolver_destroy(&o->t.resolver);
	bus_endpoint_destroy(&o->t.bus);
	inbox_sender_destroy(&o->t.senders);
	counter_array_destroy(&o->t.counters);
	loop_destroy(&o->t.loop);
}

static void *thread_main(void *arg)
{
	struct own_thread *o = arg;
	char why[256];
	int err = equip(o);

	if (err == 0)
		err = start_plugin(o);
	if (err != 0)
		snprintf(why, sizeof(why), "thread %s does not start: %s", o->name, strerror(-err));
	if (gate_pass(&o->all->gate, 1, err != 0 ? why : NULL))
		loop_run(o->t.loop);
	/* The control thread may still be inside loop_stop(). */
	gate_pass(&o->all->gate, 2, NULL);
	give_back(o);
	return NULL;
}

static unsigned wanted(const struct host_plugin *p)
{
	return p->desc->threads && p->desc->thread_start ? p->desc->threads(p->conf) : 0;
}

static void fill(struct threads *all)
{
	struct host *h = all->host;
	struct own_thread *o = all->list;

	for (unsigned i = 0; i < h->plugins.count; i++)
		for (unsigned k = 0, n = wanted(&h->plugins.list[i]); k < n; k++, o++) {
			o->all = all;
			o->plugin = &h->plugins.list[i];
			o->index = k;
			snprintf(o->name, sizeof(o->name), "%s.%u", o->plugin->desc->name, k);
			/* What does not belong to one thread alone is as the control thread has it. */
			o->t = (struct ph_thread){.name = o->name, .node = h->control.node, .socks = h->control.socks,
				.key = h->control.key, .worker = -1, .nodes = h->control.nodes, .udp_fds = h->control.udp_fds,
				.workers = h->control.workers};
		}
}

static int launch(struct threads *all)
{
	for (unsigned i = 0; i < all->count; i++) {
		if (pthread_create(&all->list[i].thread, NULL, thread_main, &all->list[i]) != 0)
			return -EAGAIN;
		all->list[i].running = true;
	}
	if (!gate_wait(&all->gate, START_MS)) {
		LOG(all->host->log, LOG_L_CRIT, "%s", all->gate.why);
		return -ECANCELED;
	}
	all->open = true;
	gate_open(&all->gate);
	return 0;
}

int threads_start(struct threads **out, struct host *h)
{
	struct threads *all;
	unsigned n = 0;

	for (unsigned i = 0; i < h->plugins.count; i++)
		n += wanted(&h->plugins.list[i]);
	if (n == 0)
		return 0;
	all = calloc(1, sizeof(*all));
	if (!all)
		return -ENOMEM;
	all->list = calloc(n, sizeof(*all->list));
	if (!all->list) {
		free(all);
		return -ENOMEM;
	}
	all->host = h;
	all->count = n;
	gate_init(&all->gate, n);
	fill(all);
	*out = all; /* also when it fails: threads_stop() copes */
	return launch(all);
}

void threads_stop(struct threads **tp)
{
	struct threads *all = *tp;

	*tp = NULL;
	if (!all)
		return;
	for (unsigned i = 0; i < all->count; i++)
		if (all->open)
			loop_stop(all->list[i].t.loop);
	gate_abort(&all->gate);
	for (unsigned i = 0; i < all->count; i++)
		if (all->list[i].running)
			pthread_join(all->list[i].thread, NULL);
	gate_destroy(&all->gate);
	free(all->list);
	free(all);
}
