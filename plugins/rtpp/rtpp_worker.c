/* A worker's instance: its commands, and what it knows of the relays. */
#include <errno.h>
#include <stdlib.h>

#include "plugins/rtpp/rtpp.h"

#define ASK_MS   1000
#define AGAIN_MS 1000 /* after a question without a (complete) answer */

/** A question to the service; lives until its answer comes, also when the worker's instance is gone by then. */
struct rtpp_ask {
	struct rtpp_worker *owner; /* NULL: nobody wants the answer */
	uint64_t at_us;
};

static void ask_service(struct rtpp_worker *w);

static int64_t attribute(const json_t *node, const char *name)
{
	return json_integer_value(
		json_object_get(json_object_get(node, "attributes"), name));
}

/** True when the service knows all relays; if not, its event may come before our subscription holds: ask again. */
static bool take_state(struct rtpp_worker *w, const json_t *all, uint64_t asked_us)
{
	const struct rtpp_sets *sets = &w->conf->sets;
	bool complete = true;
	unsigned i;

	for (i = 0; i < sets->relay_count; i++) {
		const json_t *node = json_object_get(all, sets->relays[i].url);
		struct rtpp_view *v = &w->engine.views[i];

		if (!node)
			continue;
		v->features = (unsigned)attribute(node, "features");
		v->disabled = attribute(node, "disabled") != 0;
		/* What was found out here after the question is newer than the answer. */
		if (!v->down || v->down_us < asked_us)
			v->down = attribute(node, "down") != 0;
		complete = complete && attribute(node, "probing") == 0;
	}
	return complete;
}

static void on_state(void *arg, int code, const char *reason, const struct tree *result)
{
	struct rtpp_ask *ask = arg;
	struct rtpp_worker *w = ask->owner;
	json_t *all = code == 0 ? tree_json(result) : NULL;

	if (w) {
		bool complete = all && take_state(w, all, ask->at_us);

		w->asking = NULL;
		if (!all && code != 503)
			LOG(w->log, LOG_L_INFO,
				"the state of the relays is asked for again: %s", reason);
		if (w->ask_again && all)
			ask_service(w);
		else if (!complete && code != 503)
			timer_start(w->worker->t.loop, &w->again, AGAIN_MS);
	}
	json_decref(all);
	free(ask);
}

static void on_again(void *arg)
{
	ask_service(arg);
}

static void ask_service(struct rtpp_worker *w)
{
	struct rtpp_ask *ask;

	w->ask_again = w->asking != NULL;
	if (w->asking)
		return;
	ask = calloc(1, sizeof(*ask));
	if (!ask)
		return;
	ask->owner = w;
	ask->at_us = clock_us();
	w->asking = ask;
	if (bus_call(w->worker->t.bus, RTPP_REQ_RELAYS, NULL, ASK_MS, on_state, ask) !=
		0) {
		w->asking = NULL;
		free(ask);
	}
}

static void on_event(void *arg, const struct bus_event *ev)
{
	struct rtpp_worker *w = arg;
	int relay = rtpp_relay_find(&w->conf->sets, slice_str(ev->relay.url));
	struct rtpp_view *v;

	if (relay < 0)
		return;
	v = &w->engine.views[relay];
	if (ev->topic == BUS_RELAY_UP) {
		v->down = false;
		ask_service(
			w); /* it may have come back with other features; is it switched on? */
	} else if (strcmp(ev->relay.reason, RTPP_BY_OPERATOR) == 0) {
		v->disabled = true;
		ask_service(w); /* an answer under way may be older than this */
	} else if (!v->down) {
		v->down = true;
		v->down_us = clock_us();
	}
}

static void on_gap(void *arg, enum bus_topic topic, uint64_t lost)
{
	struct rtpp_worker *w = arg;

	(void)topic;
	(void)lost;
	ask_service(w);
}

/** This worker has met silence. */
static void on_silent(void *arg, unsigned relay)
{
	struct rtpp_worker *w = arg;
	struct rtpp_view *v = &w->engine.views[relay];
	struct bus_event ev = {.topic = BUS_RELAY_DOWN};

	if (v->down)
		return;
	v->down = true;
	v->down_us = clock_us();
	(void)snprintf(ev.relay.url, sizeof(ev.relay.url), "%s",
		w->conf->sets.relays[relay].url);
	(void)snprintf(
		ev.relay.reason, sizeof(ev.relay.reason), "no answer to a command");
	bus_publish(w->worker->t.bus, &ev);
}

static int start_engine(struct rtpp_worker *w, const struct ph_plugin_ctx *ctx)
{
	const struct rtpp_client_setup setup = {.loop = w->worker->t.loop,
		.counters = w->worker->t.counters,
		.first_counter = ctx->first_counter,
		.log = ctx->log,
		.worker = w->worker->t.worker,
		.timeout_ms = w->conf->timeout_ms,
		.sends = (unsigned)w->conf->rtpproxy_retr};
	struct rtpp_engine *e = &w->engine;

	e->sets = &w->conf->sets;
	e->key = w->worker->t.key;
	e->marker = slice_trim(slice_str(w->conf->nortpproxy_str));
	e->log = ctx->log;
	e->on_silent = on_silent;
	e->arg = w;
	e->views = calloc(e->sets->relay_count + 1, sizeof(*e->views));
	return e->views ? rtpp_client_new(&e->client, &setup) : -ENOMEM;
}

int rtpp_worker_start(
	struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct rtpp_worker *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return -ENOMEM;
	w->worker = worker;
	w->conf = ctx->conf;
	w->log = ctx->log;
	timer_init(&w->again, on_again, w);
	err = start_engine(w, ctx);
	if (err == 0)
		err = bus_subscribe(worker->t.bus, BUS_RELAY_UP, on_event, on_gap, w);
	if (err == 0)
		err = bus_subscribe(worker->t.bus, BUS_RELAY_DOWN, on_event, on_gap, w);
	if (err != 0) {
		rtpp_worker_stop(w);
		return err;
	}
	if (w->conf->sets.relay_count > 0)
		ask_service(w);
	*selfp = w;
	return 0;
}

void rtpp_worker_stop(void *self)
{
	struct rtpp_worker *w = self;

	bus_unsubscribe(w->worker->t.bus, w);
	timer_stop(&w->again);
	if (w->asking)
		w->asking->owner = NULL;
	rtpp_client_destroy(&w->engine.client);
	free(w->engine.views);
	free(w);
}
