#include "core/host/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/host.h"
#include "core/host/process.h"

#define ARENA_BLOCK 8192
#define ARENA_KEEP 512
#define BUS_START_MS 2000

const struct counter_desc host_counters[] = {
	[HOST_C_MESSAGES] = {"messages", "SIP messages taken up by the worker that owns their call.", COUNTER_TOTAL},
	[HOST_C_HANDED_OVER] = {"handed_over", "Messages that were received by another worker than the call's.", COUNTER_TOTAL},
	[HOST_C_HANDOVER_DROPS] = {"handover_drops", "Messages lost because the other worker's inbox was full.", COUNTER_TOTAL},
	[HOST_C_BAD] = {"bad_messages", "Messages that could not be parsed.", COUNTER_TOTAL},
	[HOST_C_NOT_SIP] = {"not_sip", "Of these, dropped at their first line, which is none of SIP.", COUNTER_TOTAL},
	[HOST_C_BAD_ANSWERED] = {"bad_messages_answered", "Of these, answered with 400, 505 or 513.", COUNTER_TOTAL},
	[HOST_C_BAD_LEFT] = {"bad_messages_left", "Of these, left without an answer because limits.bad_answers was reached.", COUNTER_TOTAL},
	[HOST_C_NO_ROUTE] = {"requests_without_route", "Requests dropped because the script has no request_route.", COUNTER_TOTAL},
	[HOST_C_PARKED] = {"parked", "Messages whose script waits for the outside world now.", COUNTER_GAUGE},
	[HOST_C_PARKED_TOTAL] = {"parked_total", "Times that a script was suspended.", COUNTER_TOTAL},
	[HOST_C_PARK_REFUSED] = {"park_refused", "Messages refused with 503 because limits.parked was reached.", COUNTER_TOTAL},
	[HOST_C_PARK_TIMEOUTS] = {"park_timeouts", "Suspensions that were ended by their deadline.", COUNTER_TOTAL},
	[HOST_C_WAKE_STALE] = {"wakes_stale", "Wakes for a suspension that was over already.", COUNTER_TOTAL},
	[HOST_C_ACK_REPEATED] = {"acks_repeated", "Repeated ACKs dropped while the first one waits.", COUNTER_TOTAL},
	[HOST_C_FLOW_CARRIED] = {"flow_carried", "Requests carried between another node and a phone whose socket this node holds.", COUNTER_TOTAL},
	[HOST_C_FLOW_REFUSED] = {"flow_refused", "Requests refused with 403: the flow in their Route is forged, of another call or misused.", COUNTER_TOTAL},
	[HOST_C_TLS_RELOADS] = {"tls_reloads", "Times that the certificates were read again.", COUNTER_TOTAL},
	[HOST_C_TLS_RELOAD_FAILURES] = {"tls_reload_failures", "Times that they could not be, so that the former ones stayed in force.", COUNTER_TOTAL},
	[HOST_C_TLS_DAYS] = {"tls_certificate_days", "Days until the first of the certificates in force expires; negative: one has expired.", COUNTER_GAUGE},
	{0},
};

void worker_count(struct worker *w, enum host_counter which, int64_t n)
{
	counter_add(w->w.t.counters, w->host->first_host + which, n);
}

static void run_call(void *worker, const void *data, size_t len)
{
	struct inbox_call call;

	if (len != sizeof(call))
		return;
	memcpy(&call, data, sizeof(call));
	call.fn(worker, call.arg);
}

static bool is_myself(void *arg, struct slice host, uint16_t port)
{
	const struct worker *w = arg;
	const struct conf_list *aliases = &w->host->conf.aliases;

	if (net_is_local(w->w.t.socks, host, port))
		return true;
	for (unsigned i = 0; i < aliases->count; i++) {
		struct slice name = slice_str(aliases->items[i]), head, tail;
		uint64_t alias_port = 0;

		if (slice_cut(name, ':', &head, &tail) && slice_u64(tail, 65535, &alias_port) == 0)
			name = head;
		if (slice_ieq(name, host) && (alias_port == 0 || port == 0 || alias_port == port))
			return true;
	}
	return false;
}

/* Step 1: what others must find: the loop and the inbox. */
static int step_inbox(struct worker *w)
{
	struct host *h = w->host;
	int err = loop_new(&w->w.t.loop);

	if (err == 0)
		err = counter_array_new(&w->w.t.counters);
	if (err == 0)
		err = arena_pool_new(&w->w.arenas, ARENA_BLOCK, ARENA_KEEP, (size_t)h->conf.limits.arena);
	if (err == 0)
		err = inbox_new(&w->inbox, h->bus, h->inbox_names[w->w.index], w->w.t.loop, w->w.t.counters, h->first_inbox);
	return err;
}

static int make_net_and_tm(struct worker *w)
{
	struct host *h = w->host;
	const struct net_setup net = {.loop = w->w.t.loop, .socks = w->w.t.socks, .conf = &h->conf.net, .tls = h->tls, .inbox = w->inbox,
		.senders = w->w.t.senders, .worker = w->w.index, .workers = w->w.count, .arenas = w->w.arenas,
		.counters = w->w.t.counters, .first_counter = h->first_net, .dns = h->dns, .first_dns = h->first_dns, .handlers = &process_net_handlers, .self = w};
	struct tm_setup tm = {.loop = w->w.t.loop, .conf = &h->conf.tm, .key = &h->key, .arenas = w->w.arenas,
		.counters = w->w.t.counters, .first_counter = h->first_tm, .worker = w->w.index, .hooks = &process_tm_hooks,
		.self = w, .server = w->w.server};
	int err = net_new(&w->w.net, &net);

	if (err != 0)
		return err;
	w->w.t.resolver = net_resolver(w->w.net);
	err = calls_new(&w->w.calls, w->w.t.loop, (uint64_t)h->conf.limits.call_idle * 1000, (unsigned)h->conf.limits.calls);
	if (err != 0)
		return err;
	tm.net = w->w.net;
	tm.calls = w->w.calls;
	return tm_new(&w->w.tm, &tm);
}

static void wire_script(struct worker *w)
{
	struct host *h = w->host;

	w->program = script_ref(h->program);
	w->block_request = script_block(w->program, SCRIPT_REQUEST);
	w->block_reply = script_block(w->program, SCRIPT_REPLY_MAIN);
	w->env = (struct script_env){.tm = w->w.tm, .net = w->w.net, .socks = w->w.t.socks, .counters = w->w.t.counters,
		.first_counter = h->first_script, .instances = w->instances, .is_myself = is_myself, .arg = w,
		.max_loops = (unsigned)h->conf.limits.script_loops, .max_steps = (uint32_t)h->conf.limits.script_steps};
	w->w.env = &w->env;
	w->sip_limits = (struct sip_limits){.max_headers = (unsigned)h->conf.limits.headers, .max_size = (size_t)h->conf.limits.message};
}

/* The store answers others, so it will soon answer us: no phone shall get a 503 for having been early. */
static void wait_for_store(struct worker *w)
{
	uint64_t until = clock_us() + (uint64_t)w->host->conf.store.connect_timeout * 1000;

	while (w->host->store_up && !store_ready(w->w.t.store) && clock_us() < until)
		loop_turn(w->w.t.loop, 20);
}

static int wait_for_bus(struct worker *w)
{
	uint64_t until = clock_us() + BUS_START_MS * 1000;

	while (!bus_endpoint_started(w->w.t.bus)) {
		if (clock_us() > until)
			return -ETIMEDOUT;
		loop_turn(w->w.t.loop, 20);
	}
	return 0;
}

/* Step 2: everything but the plugins; then the UDP sockets. */
static int step_sockets(struct worker *w, char why[256])
{
	struct host *h = w->host;
	int err;

	err = inbox_sender_new(&w->w.t.senders, h->bus, h->inbox_names, w->w.count + 1, w->w.t.counters, h->first_inbox);
	if (err == 0)
		err = bus_endpoint_new(&w->w.t.bus, h->bus, w->w.t.name, w->w.t.loop, w->w.t.counters, h->first_bus);
	/* Before the store and net: what the woken scripts ask and send leaves in the same turn. */
	if (err == 0)
		err = parks_new(&w->parks, w, (unsigned)h->conf.limits.parked);
	if (err == 0)
		err = store_open(&w->w.t.store, h->store, w->w.t.loop, w->w.t.counters, h->first_store);
	if (err == 0)
		err = make_net_and_tm(w);
	if (err == 0)
		err = wait_for_bus(w);
	if (err != 0)
		return err;
	wait_for_store(w);
	wire_script(w);
	inbox_on(w->inbox, INBOX_DATAGRAM, process_handed_over, w);
	inbox_on(w->inbox, INBOX_WAKE, parks_on_wake, w->parks);
	inbox_on(w->inbox, INBOX_CALL, run_call, w);
	return net_open_udp(w->w.net, why);
}

/* Step 4, after the services have started. */
static int step_plugins(struct worker *w, char why[256])
{
	const struct plugin_table *t = &w->host->plugins;

	for (; w->started < t->count; w->started++) {
		const struct host_plugin *p = &t->list[w->started];
		int err = p->desc->worker_start ? p->desc->worker_start(&w->w, &p->ctx, &w->instances[w->started]) : 0;

		if (err != 0) {
			snprintf(why, 256, "plugin '%s' does not start on a worker: %s", p->desc->name, strerror(-err));
			return err;
		}
	}
	return 0;
}

static void give_back(struct worker *w)
{
	const struct plugin_table *t = &w->host->plugins;

	/* Scripts that wait for a next hop go on, and end, while there is a tm that hears of it. */
	net_stop_resolving(w->w.net);
	if (w->parks)
		parks_cancel_all(w->parks);
	local_requests_abandon(w);
	/* Completions under way run with -ECANCELED: the plugins that asked are still there, their scripts are over. */
	store_close(&w->w.t.store);
	while (w->started > 0) {
		const struct host_plugin *p = &t->list[--w->started];

		if (p->desc->worker_stop)
			p->desc->worker_stop(w->instances[w->started]);
	}
	tm_destroy(&w->w.tm);
	calls_destroy(&w->w.calls);
	net_destroy(&w->w.net);
	parks_destroy(&w->parks);
	script_unref(&w->program);
	bus_endpoint_destroy(&w->w.t.bus);
	inbox_sender_destroy(&w->w.t.senders);
	inbox_destroy(&w->inbox);
	arena_pool_destroy(&w->w.arenas);
	counter_array_destroy(&w->w.t.counters);
	loop_destroy(&w->w.t.loop);
	free(w->instances);
}

/* While draining: tell the control thread once nothing is in flight. */
static bool drain_step(void *arg)
{
	struct worker *w = arg;
	const struct inbox_call call = {.fn = host_worker_idle, .arg = w};

	if (w->draining && !w->idle_told && tm_busy(w->w.tm) == 0 && parks_count(w->parks) == 0)
		w->idle_told = inbox_send(w->w.t.senders, w->w.count, INBOX_CALL, &call, sizeof(call), NULL, 0) == 0;
	return false;
}

void worker_drain(void *worker, void *arg)
{
	struct worker *w = worker;

	(void)arg;
	w->draining = true;
	tm_drain(w->w.tm);
	net_stop_accepting(w->w.net);
}

void worker_stop(void *worker, void *arg)
{
	(void)arg;
	loop_stop(((struct worker *)worker)->w.t.loop);
}

/* One step through the gate; err with an empty why is spelled out. */
static bool pass(struct worker *w, unsigned step, int err, char why[256])
{
	if (err != 0 && !why[0])
		snprintf(why, 256, "%s does not start: %s", w->w.t.name, strerror(-err));
	return gate_pass(&w->host->gate, step, err != 0 ? why : NULL);
}

void *worker_main(void *arg)
{
	struct worker *w = arg;
	char why[256] = "";

	pthread_setname_np(pthread_self(), w->w.t.name); /* for top(1); of at most 15 characters */
	w->instances = calloc(w->host->plugins.count + 1, sizeof(*w->instances));
	if (!pass(w, 1, w->instances ? step_inbox(w) : -ENOMEM, why))
		goto out;
	if (!pass(w, 2, step_sockets(w, why), why))
		goto out;
	if (!pass(w, 3, w->w.index == 0 ? net_listen_tcp(w->w.net, why) : 0, why))
		goto out;
	if (!pass(w, 4, step_plugins(w, why), why))
		goto out;
	if (loop_on_turn_end(w->w.t.loop, drain_step, w) == 0 && loop_on_turn_end(w->w.t.loop, parks_pending, w->parks) == 0)
		loop_run(w->w.t.loop);
	/* The control thread may still be inside loop_stop(): the loop stays until it says that it is done with us. */
	gate_pass(&w->host->gate, 5, NULL);
out:
	give_back(w);
	return NULL;
}
