#include "core/host/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/certificates.h"
#include "core/host/commands.h"
#include "core/host/heartbeat.h"
#include "core/host/nodes.h"
#include "core/host/os.h"
#include "core/host/threads.h"
#include "core/net/resolver.h"

#define STEP_MS 10000
#define SECRET_BYTES 24
#define LOG_END_MS 1000 /* for the last lines, when their reader is slow */

static void run_call(void *host, const void *data, size_t len)
{
	struct inbox_call call;

	if (len != sizeof(call))
		return;
	memcpy(&call, data, sizeof(call));
	call.fn(host, call.arg);
}

static int register_counters(struct host *h)
{
	const char *which = "core";
	int err = counter_register(host_counters, &h->first_host);

	if (err == 0)
		err = counter_register(log_counters, &h->first_log);
	if (err == 0)
		err = counter_register(net_counters, &h->first_net);
	if (err == 0)
		err = counter_register(dns_counters, &h->first_dns);
	if (err == 0)
		err = counter_register(inbox_counters, &h->first_inbox);
	if (err == 0)
		err = counter_register(bus_counters, &h->first_bus);
	if (err == 0)
		err = counter_register(tm_counters, &h->first_tm);
	if (err == 0)
		err = counter_register(script_counters, &h->first_script);
	if (err == 0)
		err = counter_register(store_counters, &h->first_store);
	if (err == 0)
		err = plugin_table_counters(&h->plugins, &which);
	if (err != 0)
		LOG(h->log, LOG_L_ERR, "counters of %s cannot be registered: %s", which, strerror(-err));
	return err;
}

static int start_log(struct host *h)
{
	int err = counter_array_new(&h->log_counters);

	if (err == 0)
		err = log_start((size_t)h->conf.log_buffer, h->log_counters, h->first_log);
	if (err == 0)
		os_watch_crashes();
	return err;
}

static int name_inboxes(struct host *h)
{
	h->inbox_names = calloc(h->worker_count + 1, sizeof(*h->inbox_names));
	if (!h->inbox_names)
		return -ENOMEM;
	for (unsigned i = 0; i < h->worker_count; i++) {
		char *name = NULL;

		if (asprintf(&name, "worker.%u", i) < 0)
			return -ENOMEM;
		h->inbox_names[i] = name;
	}
	h->inbox_names[h->worker_count] = "control";
	return 0;
}

static int start_resolver(struct host *h)
{
	struct resolver_setup setup = {.loop = h->control.loop, .socks = &h->conf.socks, .counters = h->control.counters,
		.first_counter = h->first_dns};
	int err = dns_shared_new(&h->dns, &h->conf.dns);

	setup.shared = h->dns;
	if (err == 0)
		err = resolver_new(&h->resolver, &setup);
	h->control.resolver = h->resolver;
	return err;
}

static int start_control(struct host *h)
{
	struct ph_thread *t = &h->control;
	int err = loop_new(&t->loop);

	if (err == 0)
		err = counter_array_new(&t->counters);
	if (err == 0)
		err = bus_new(&h->bus);
	if (err == 0)
		err = inbox_new(&h->inbox, h->bus, "control", t->loop, t->counters, h->first_inbox);
	if (err == 0)
		err = bus_endpoint_new(&t->bus, h->bus, "control", t->loop, t->counters, h->first_bus);
	if (err == 0)
		err = store_open(&t->store, h->store, t->loop, t->counters, h->first_store);
	if (err == 0)
		err = nodes_new(&h->nodes, h);
	if (err == 0)
		err = start_resolver(h);
	if (err != 0)
		return err;
	t->nodes = h->nodes;
	t->name = "control";
	t->node = h->conf.node;
	t->socks = &h->conf.socks;
	t->key = &h->key;
	t->worker = -1;
	inbox_on(h->inbox, INBOX_CALL, run_call, h);
	return 0;
}

struct secret_wait {
	bool done;
	int err;
};

static void secret_here(void *arg, int err)
{
	struct secret_wait *w = arg;

	w->done = true;
	w->err = err;
}

/* The first connection, for as long as connect_timeout allows. Without it the workers do not wait for theirs either. */
static void wait_for_store(struct host *h)
{
	uint64_t until = clock_us() + (uint64_t)h->conf.store.connect_timeout * 1000;

	while (!store_ready(h->control.store) && clock_us() < until)
		loop_turn(h->control.loop, 20);
	h->store_up = store_ready(h->control.store);
	if (!h->store_up)
		LOG(h->log, LOG_L_WARN, "%s is not there after %lld ms: starting without shared state", store_describe(h->store),
			(long long)h->conf.store.connect_timeout);
}

/* The secret that all nodes share: configured, or made by the first node and kept in the store. */
static int find_secret(struct host *h)
{
	struct secret_wait wait = {0};
	struct arena *arena = NULL;
	unsigned char raw[SECRET_BYTES];
	char text[2 * SECRET_BYTES + 1];
	struct slice secret = slice_str(h->conf.secret), proposal;
	int err;

	if (secret.len > 0)
		return hash_key_from(&h->key, secret);
	arena = arena_new(1024, 65536);
	if (!arena)
		return -ENOMEM;
	random_bytes(raw, sizeof(raw));
	hex_text(text, raw, sizeof(raw));
	proposal = slice_str(text);
	err = store_secret(h->control.store, arena, proposal, &secret, secret_here, &wait);
	while (err == -EINPROGRESS && !wait.done)
		loop_turn(h->control.loop, 20); /* the store's own deadline ends it */
	if (err == -EINPROGRESS)
		err = wait.err;
	if (err != 0) {
		LOG(h->log, LOG_L_WARN, "no shared secret from %s (%s): this start uses one of its own", store_describe(h->store),
			strerror(-err));
		secret = proposal;
	}
	err = hash_key_from(&h->key, secret);
	arena_put(arena);
	return err;
}

static int start_workers(struct host *h)
{
	h->workers = calloc(h->worker_count, sizeof(*h->workers));
	if (!h->workers)
		return -ENOMEM;
	gate_init(&h->gate, h->worker_count);
	for (unsigned i = 0; i < h->worker_count; i++) {
		struct worker *w = &h->workers[i];

		w->host = h;
		w->w.index = i;
		w->w.count = h->worker_count;
		w->w.server = h->conf.server_header && *h->conf.server_header ? h->conf.server_header : NULL;
		w->w.t.name = h->inbox_names[i];
		w->w.t.node = h->conf.node;
		w->w.t.socks = &h->conf.socks;
		w->w.t.key = &h->key;
		w->w.t.nodes = h->nodes;
		w->w.t.worker = (int)i;
		if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
			return -EAGAIN;
		w->running = true;
	}
	return 0;
}

static int wait_step(struct host *h)
{
	if (gate_wait(&h->gate, STEP_MS))
		return 0;
	LOG(h->log, LOG_L_CRIT, "%s", h->gate.why);
	return -ECANCELED;
}

static int start_services(struct host *h)
{
	for (unsigned i = 0; i < h->plugins.count; i++) {
		struct host_plugin *p = &h->plugins.list[i];
		int err = p->desc->service_start ? p->desc->service_start(&h->control, &p->ctx, &p->service) : 0;

		if (err != 0) {
			LOG(h->log, LOG_L_CRIT, "plugin '%s' does not start: %s", p->desc->name, strerror(-err));
			return err;
		}
		p->serving = true;
	}
	return 0;
}

/* Connections, and what the threads need beside them: sockets, the store, relays, the bus. */
static void raise_files(const struct host *h)
{
	const uint64_t each = 64 + 2 * (uint64_t)h->conf.socks.count;

	os_raise_files((uint64_t)h->conf.net.tcp_max_connections + 64 + (h->worker_count + 1) * each, h->log);
}

/* The workers wait at the gate meanwhile. */
static int share_sockets(struct host *h)
{
	h->udp_fds = calloc(h->conf.socks.count + 1, sizeof(*h->udp_fds));
	if (!h->udp_fds)
		return -ENOMEM;
	for (unsigned i = 0; i < h->conf.socks.count; i++)
		h->udp_fds[i] = net_udp_fd(h->workers[0].w.net, i);
	h->control.udp_fds = h->udp_fds;
	h->control.workers = h->worker_count;
	for (unsigned i = 0; i < h->worker_count; i++) {
		h->workers[i].w.t.udp_fds = h->udp_fds;
		h->workers[i].w.t.workers = h->worker_count;
	}
	return 0;
}

static int prepare_plugins(struct host *h)
{
	for (unsigned i = 0; i < h->plugins.count; i++) {
		struct host_plugin *p = &h->plugins.list[i];
		int err = p->desc->prepare ? p->desc->prepare(p->conf, p->ctx.log) : 0;

		if (err != 0) {
			LOG(h->log, LOG_L_CRIT, "plugin '%s' cannot start: %s", p->desc->name, strerror(-err));
			return err;
		}
	}
	return 0;
}

/* Steps as in worker.c: inboxes; sockets; TCP; plugins. */
static int go_through_steps(struct host *h)
{
	int err = wait_step(h);

	if (err != 0)
		return err;
	err = inbox_sender_new(&h->control.senders, h->bus, h->inbox_names, h->worker_count + 1, h->control.counters,
		h->first_inbox);
	if (err != 0)
		return err;
	gate_open(&h->gate);
	err = wait_step(h);
	if (err == 0)
		err = share_sockets(h);
	if (err != 0)
		return err;
	gate_open(&h->gate);
	err = wait_step(h);
	if (err == 0)
		err = prepare_plugins(h);
	if (err == 0)
		err = os_drop_privileges(h->conf.user, h->conf.group, h->log);
	if (err == 0)
		err = start_services(h);
	if (err == 0)
		err = certificates_new(&h->certificates, h);
	if (err == 0)
		err = commands_new(&h->commands, h);
	if (err != 0)
		return err;
	gate_open(&h->gate);
	err = wait_step(h);
	if (err == 0)
		err = threads_start(&h->threads, h);
	if (err == 0)
		gate_open(&h->gate);
	return err;
}

static void say_ready(struct host *h)
{
	for (unsigned i = 0; i < h->conf.socks.count; i++) {
		const struct net_sock *s = &h->conf.socks.list[i];

		LOG(h->log, LOG_L_INFO, "listening on %s%s%s", s->text, strcmp(s->text, s->adv_text) == 0 ? "" : ", as ",
			strcmp(s->text, s->adv_text) == 0 ? "" : s->adv_text);
	}
	LOG(h->log, LOG_L_NOTICE, "ready: node %s, %u workers, store %s, pid %ld", h->conf.node, h->worker_count,
		store_describe(h->store), (long)getpid());
	os_notify("READY=1\nSTATUS=serving");
}

int host_start(struct host *h)
{
	char why[256] = "";
	int err;

	h->started = clock_wall();
	h->worker_count = h->conf.workers > 0 ? (unsigned)h->conf.workers : os_cores();
	err = net_socks_probe(&h->conf.socks, why);
	if (err != 0) {
		LOG(h->log, LOG_L_CRIT, "%s", why);
		return err;
	}
	raise_files(h);
	err = register_counters(h);
	if (err == 0)
		err = start_log(h);
	if (err == 0)
		err = name_inboxes(h);
	if (err == 0)
		err = start_control(h);
	if (err == 0)
		err = os_watch_signals(h);
	if (err == 0)
		wait_for_store(h);
	if (err == 0)
		err = find_secret(h);
	if (err == 0)
		err = start_workers(h);
	if (err == 0)
		err = go_through_steps(h);
	if (err == 0)
		err = heartbeat_new(&h->heartbeat, h);
	if (err == 0)
		nodes_start(h->nodes);
	if (err == 0)
		say_ready(h);
	else
		LOG(h->log, LOG_L_CRIT, "not started: %s", strerror(-err));
	return err;
}

void host_run(struct host *h)
{
	loop_run(h->control.loop);
}

static void tell_workers(struct host *h, void (*fn)(void *, void *))
{
	const struct inbox_call call = {.fn = fn};

	for (unsigned i = 0; i < h->worker_count; i++)
		if (inbox_send(h->control.senders, i, INBOX_CALL, &call, sizeof(call), NULL, 0) != 0)
			LOG(h->log, LOG_L_WARN, "worker %u does not take messages: its inbox is full", i);
}

static void drain_over(void *arg)
{
	struct host *h = arg;

	LOG(h->log, LOG_L_WARN, "shutdown_timeout: stopping with transactions in flight on %u of %u workers",
		h->worker_count - h->idle_workers, h->worker_count);
	loop_stop(h->control.loop);
}

void host_worker_idle(void *host, void *worker)
{
	struct host *h = host;

	(void)worker;
	if (++h->idle_workers < h->worker_count)
		return;
	LOG(h->log, LOG_L_NOTICE, "drained: nothing is in flight");
	loop_stop(h->control.loop);
}

void host_shutdown(struct host *h)
{
	if (h->draining) {
		LOG(h->log, LOG_L_NOTICE, "second signal: stopping at once");
		loop_stop(h->control.loop);
		return;
	}
	h->draining = true;
	os_notify("STOPPING=1\nSTATUS=draining");
	LOG(h->log, LOG_L_NOTICE, "draining: no new transactions; those in flight have %lld s",
		(long long)h->conf.shutdown_timeout);
	timer_init(&h->drain_deadline, drain_over, h);
	timer_start(h->control.loop, &h->drain_deadline, (uint64_t)h->conf.shutdown_timeout * 1000);
	nodes_leave(h->nodes);
	tell_workers(h, worker_drain);
}

static void stop_workers(struct host *h)
{
	if (!h->workers)
		return;
	for (unsigned i = 0; i < h->worker_count; i++)
		if (h->workers[i].running && h->workers[i].w.t.loop)
			loop_stop(h->workers[i].w.t.loop);
	gate_abort(&h->gate);
	for (unsigned i = 0; i < h->worker_count; i++)
		if (h->workers[i].running)
			pthread_join(h->workers[i].thread, NULL);
	gate_destroy(&h->gate);
	free(h->workers);
	h->workers = NULL;
}

static void stop_control(struct host *h)
{
	/* It may turn the loop: while all who hear of it are there. */
	nodes_leave(h->nodes);
	heartbeat_end(h->heartbeat);
	resolver_destroy(&h->resolver); /* ends dns_lookup commands under way */
	commands_destroy(&h->commands);
	certificates_destroy(&h->certificates);
	for (unsigned i = h->plugins.count; i-- > 0;) {
		struct host_plugin *p = &h->plugins.list[i];

		if (p->serving && p->desc->service_stop)
			p->desc->service_stop(p->service);
		p->serving = false;
	}
	store_close(&h->control.store);
	heartbeat_destroy(&h->heartbeat);
	nodes_destroy(&h->nodes);
	inbox_sender_destroy(&h->control.senders);
	bus_endpoint_destroy(&h->control.bus);
	inbox_destroy(&h->inbox);
	os_unwatch_signals();
	timer_stop(&h->drain_deadline);
	counter_array_destroy(&h->control.counters);
	loop_destroy(&h->control.loop);
}

void host_stop(struct host *h)
{
	threads_stop(&h->threads); /* they send on the workers' sockets */
	stop_workers(h);
	stop_control(h);
	bus_destroy(&h->bus);
	dns_shared_destroy(&h->dns);
	store_destroy(&h->store);
	script_unref(&h->program);
	net_tls_destroy(&h->tls);
	plugin_table_free(&h->plugins);
	for (unsigned i = 0; h->inbox_names && i < h->worker_count; i++)
		free((void *)(uintptr_t)h->inbox_names[i]);
	free(h->inbox_names);
	free(h->udp_fds);
	host_conf_free(&h->conf);
	if (log_stop(LOG_END_MS) != 0)
		return; /* it hangs in a write, and counts behind it: the end of the process ends it */
	counter_array_destroy(&h->log_counters);
	counter_reset_all();
}
