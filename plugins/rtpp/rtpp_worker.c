/* A worker's instance: its commands, and what it knows of the relays. */
#include <errno.h>
#include <stdlib.h>

#include "plugins/rtpp/rtpp.h"

/** This worker has met silence. */
static void on_silent(void *arg, struct rtpp_peer *peer)
{
	struct rtpp_worker *w = arg;
	struct bus_event ev = {.topic = BUS_RELAY_DOWN};

	if (peer->down)
		return;
	peer->down = true;
	peer->down_us = clock_us();
	if (!peer->member) /* of no interest to others; and probed by nobody */
		return;
	(void)snprintf(ev.relay.url, sizeof(ev.relay.url), "%s", peer->relay.url);
	(void)snprintf(
		ev.relay.reason, sizeof(ev.relay.reason), "no answer to a command");
	bus_publish(w->worker->t.bus, &ev);
}

/** A dialog was ended by this node itself, so no script sees a BYE: its relay must be told from here. */
static void on_ended(void *arg, const struct bus_event *ev)
{
	struct rtpp_worker *w = arg;
	struct slice call_id = slice_str(ev->dialog.call_id), url;
	struct call *call;
	struct rtpp_peer *peer;
	int err;

	if (!ev->dialog.by_us || slice_empty(call_id))
		return;
	/* Only the worker that owns the call has a record of it. */
	call = call_of(w->worker->calls, call_id, false);
	url = call ? call_prop(call, BUS_PROP_RELAY_URL) : (struct slice){0};
	if (slice_empty(url))
		return; /* no media of it went through a relay */
	peer = rtpp_roster_peer(w->engine.roster, url);
	if (!peer)
		return;
	err = rtpp_delete(&w->engine, peer, call_id, slice_str(ev->dialog.from_tag),
		slice_str(ev->dialog.to_tag));
	if (err != 0)
		LOG_CALL(w->log, LOG_L_WARN, call_id, "%s: D cannot be sent: %s",
			peer->relay.url, strerror(-err));
}

static int start_engine(struct rtpp_worker *w, const struct ph_plugin_ctx *ctx)
{
	const struct rtpp_client_setup setup = {.loop = w->worker->t.loop,
		.counters = w->worker->t.counters,
		.first_counter = ctx->first_counter,
		.log = ctx->log,
		.worker = w->worker->t.worker,
		.timeout_ms = w->conf->timeout_ms,
		.sends = (unsigned)w->conf->rtpproxy_retr,
		.source = w->conf->source,
		.port = w->conf->shared->port};
	struct rtpp_engine *e = &w->engine;
	int err;

	e->key = w->worker->t.key;
	e->marker = slice_trim(slice_str(w->conf->nortpproxy_str));
	e->notify = w->conf->rtpp_notify_socket ? &w->conf->notify : NULL;
	e->log = ctx->log;
	e->on_silent = on_silent;
	e->arg = w;
	err = rtpp_roster_new(&e->roster, w->conf->shared->board, ctx->log);
	return err == 0 ? rtpp_client_new(&e->client, &setup) : err;
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
	err = start_engine(w, ctx);
	if (err == 0)
		err = bus_subscribe(worker->t.bus, BUS_DIALOG_ENDED, on_ended, NULL, w);
	if (err != 0) {
		rtpp_worker_stop(w);
		return err;
	}
	*selfp = w;
	return 0;
}

void rtpp_worker_stop(void *self)
{
	struct rtpp_worker *w = self;

	bus_unsubscribe(w->worker->t.bus, w);
	rtpp_client_destroy(&w->engine.client);
	rtpp_roster_destroy(&w->engine.roster);
	free(w);
}
