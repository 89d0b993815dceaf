/*
 * For tests of what a plugin may hook into: threads of its own, requests before the script, requests and replies on their way out,
 * requests of our own.
 *
 * A request with X-Park waits 50 ms before the script sees it; one with X-Stop is answered with 603 here. test_send sends an OPTIONS
 * from worker 0 to the URI given.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/host/plugin.h"

enum {
	C_THREADS, C_SAVED, C_IN, C_OUT, C_ACK_OUT, C_REPLY_OUT, C_LOCAL, C_STRAY, C_SENT_OK, C_SENT_FAILED, C_SENT_DROPPED, C_PREPARED,
};
static const struct counter_desc watcher_counters[] = {
	[C_THREADS] = {"watcher_threads", "Threads that run.", COUNTER_GAUGE},
	[C_SAVED] = {"watcher_saved", "contact.saved seen by threads.", COUNTER_TOTAL},
	[C_IN] = {"watcher_in", "Requests seen before the script.", COUNTER_TOTAL},
	[C_OUT] = {"watcher_out", "Requests seen leaving by a branch.", COUNTER_TOTAL},
	[C_ACK_OUT] = {"watcher_ack_out", "Requests seen leaving without a transaction.", COUNTER_TOTAL},
	[C_REPLY_OUT] = {"watcher_reply_out", "Replies seen going upstream.", COUNTER_TOTAL},
	[C_LOCAL] = {"watcher_local", "Final replies made here.", COUNTER_TOTAL},
	[C_STRAY] = {"watcher_stray", "Replies to nothing of ours.", COUNTER_TOTAL},
	[C_SENT_OK] = {"watcher_sent_ok", "Requests of ours answered with 2xx.", COUNTER_TOTAL},
	[C_SENT_FAILED] = {"watcher_sent_failed", "Requests of ours that failed.", COUNTER_TOTAL},
	[C_SENT_DROPPED] = {"watcher_sent_dropped", "Requests of ours that local_route dropped.", COUNTER_TOTAL},
	[C_PREPARED] = {"watcher_prepared", "prepare() had run when the service started.", COUNTER_TOTAL},
	{0},
};

struct watcher_conf {
	int64_t threads;
	bool prepared;
};
static const struct conf_param watcher_params[] = {
	{.name = "threads", .type = CONF_INT, .dflt = "2", .min = 0, .max = 4, .offset = offsetof(struct watcher_conf, threads),
	 .help = "Threads of the plugin."},
	{0},
};

/* On any thread: what it counts with. */
struct watcher {
	struct ph_thread *thread;
	struct ph_worker *worker;
	unsigned first;
};

static void count(const struct watcher *w, unsigned which, int64_t n)
{
	counter_add(w->thread->counters, w->first + which, n);
}

static int make(struct watcher **out, struct ph_thread *thread, const struct ph_plugin_ctx *ctx)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->thread = thread;
	w->first = ctx->first_counter;
	*out = w;
	return 0;
}

static int prepare(void *conf, struct log_source *log)
{
	(void)log;
	((struct watcher_conf *)conf)->prepared = true;
	return 0;
}

static int service_start(struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct watcher *w;
	int err = make(&w, thread, ctx);

	if (err != 0)
		return err;
	if (((const struct watcher_conf *)ctx->conf)->prepared)
		count(w, C_PREPARED, 1);
	*selfp = w;
	return 0;
}

static unsigned threads(const void *conf)
{
	return (unsigned)((const struct watcher_conf *)conf)->threads;
}

static void on_saved(void *arg, const struct bus_event *ev)
{
	(void)ev;
	count(arg, C_SAVED, 1);
}

static int thread_start(struct ph_thread *thread, unsigned index, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct watcher *w;
	int err = make(&w, thread, ctx);

	(void)index;
	if (err == 0)
		err = bus_subscribe(thread->bus, BUS_CONTACT_SAVED, on_saved, NULL, w);
	if (err != 0)
		return err;
	count(w, C_THREADS, 1);
	*selfp = w;
	return 0;
}

static void thread_stop(void *self)
{
	struct watcher *w = self;

	bus_unsubscribe(w->thread->bus, w);
	count(w, C_THREADS, -1);
	free(w);
}

static int worker_start(struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct watcher *w;
	int err = make(&w, &worker->t, ctx);

	if (err != 0)
		return err;
	w->worker = worker;
	*selfp = w;
	return 0;
}

static void stop(void *self)
{
	free(self);
}

struct wait {
	struct timer timer;
	struct watcher *w;
	ph_token token;
};

static void over(void *arg)
{
	struct wait *wait = arg;

	ph_wake(wait->w->thread, wait->token, 0);
}

static int resumed(void *self, struct ph_msg *msg, void *state, int result)
{
	struct wait *wait = state;

	(void)self, (void)msg, (void)result;
	timer_stop(&wait->timer);
	return PH_TRUE;
}

static int park(struct watcher *w, struct ph_msg *msg)
{
	struct wait *wait = arena_zalloc(msg->arena, sizeof(*wait));

	if (!wait || ph_park(msg, resumed, w, wait, 5000, &wait->token) != 0)
		return PH_TRUE;
	wait->w = w;
	timer_init(&wait->timer, over, wait);
	timer_start(w->thread->loop, &wait->timer, 50);
	return PH_PARK;
}

static int request_in(void *self, struct ph_msg *msg)
{
	struct watcher *w = self;

	count(w, C_IN, 1);
	if (sip_hdr_find(&msg->sip, SLICE("X-Stop"))) {
		tm_reply(w->worker->tm, msg, 603, SLICE("Stopped"), SLICE(""));
		return PH_STOP;
	}
	return sip_hdr_find(&msg->sip, SLICE("X-Park")) ? park(w, msg) : PH_TRUE;
}

static void request_out(void *self, struct ph_msg *msg, const struct tm_branch *br, const struct net_dest *dest)
{
	(void)msg, (void)dest;
	count(self, br ? C_OUT : C_ACK_OUT, 1);
}

static void reply_out(void *self, struct ph_msg *reply)
{
	(void)reply;
	count(self, C_REPLY_OUT, 1);
}

static void reply_local(void *self, struct ph_msg *request, unsigned code)
{
	(void)request, (void)code;
	count(self, C_LOCAL, 1);
}

static bool reply_stray(void *self, struct ph_msg *reply)
{
	(void)reply;
	count(self, C_STRAY, 1);
	return true;
}

static void sent(void *arg, unsigned status, struct ph_msg *reply)
{
	(void)reply;
	count(arg, status == 0 ? C_SENT_DROPPED : status < 300 ? C_SENT_OK : C_SENT_FAILED, 1);
}

static void cmd_send(void *self, const json_t *params, struct tree *out)
{
	struct watcher *w = self;
	const char *uri = json_string_value(json_array_get(params, 0));
	struct tm_target target = {0};
	char text[512], call_id[32];

	if (w->worker->index != 0 || !uri)
		return;
	do /* the reply comes in where the call belongs */
		(void)snprintf(call_id, sizeof(call_id), "%llx@watcher", (unsigned long long)random_fast());
	while (ph_call_worker(&w->worker->t, slice_str(call_id)) != 0);
	(void)snprintf(text, sizeof(text),
		"OPTIONS %s SIP/2.0\r\nFrom: <sip:us@example.test>;tag=w\r\nTo: <%s>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\n\r\n", uri, uri,
		call_id);
	tree_add_int(out, "result", ph_send_request(w->worker, slice_str(text), &target, sent, w));
}

static const struct ph_mi_cmd watcher_commands[] = {
	{.name = "test_send", .params = "uri", .help = "Sends an OPTIONS.", .worker = cmd_send},
	{0},
};

const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "watcher",
	.version = PACKAGE_VERSION,
	.help = "Counts what passes by, for tests.",
	.conf_size = sizeof(struct watcher_conf),
	.params = watcher_params,
	.counters = watcher_counters,
	.commands = watcher_commands,
	.prepare = prepare,
	.service_start = service_start,
	.service_stop = stop,
	.worker_start = worker_start,
	.worker_stop = stop,
	.threads = threads,
	.thread_start = thread_start,
	.thread_stop = thread_stop,
	.request_in = request_in,
	.request_out = request_out,
	.reply_out = reply_out,
	.reply_local = reply_local,
	.reply_stray = reply_stray,
};
