/* The service: is each relay well, and what can it do? Probes run in the background; no call ever pays for one. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "plugins/rtpp/rtpp.h"

#define PROBE_MS  1000 /* between two probes of a relay that may be probed */
#define JITTER_MS 200  /* so that nodes that saw it fail together do not ask together */
#define NEVER     4294967295 /* as recheck_ticks: until an operator enables it */

/** One command of a probe under way. */
struct question {
	struct health *health;
	struct rtpp_pending pending;
	char line[16];
	unsigned bit; /* of VF; 0: V */
};

struct health {
	struct service *service;
	unsigned relay;
	bool down;
	bool disabled; /* the operator's switch */
	bool seen; /* has answered since the start: rtpproxy_disable_tout holds from then on */
	bool doubt; /* a worker's report may be lost: tell how the next probe ends */
	uint64_t recheck; /* ms of loop_now(); UINT64_MAX: not by itself */
	unsigned features;
	unsigned found;   /* by the probe under way */
	unsigned waiting; /* its questions without an answer */
	struct question questions[1 + RTPP_FEATURES];
	struct timer timer;
};

struct service {
	struct ph_thread *thread;
	const struct rtpp_conf *conf;
	struct log_source *log;
	unsigned first_counter;
	uint64_t started; /* ms of loop_now() */
	struct rtpp_client *client;
	struct health *all;
};

static const char *url_of(const struct health *h)
{
	return h->service->conf->sets.relays[h->relay].url;
}

static void probe(struct health *h, unsigned sends);

/** Wall clock seconds at which a relay that is down is tried again. */
static int64_t until(const struct health *h)
{
	uint64_t now = loop_now(h->service->thread->loop);

	if (h->recheck == UINT64_MAX)
		return INT64_MAX;
	return clock_wall() + (int64_t)((h->recheck > now ? h->recheck - now : 0) / 1000);
}

static void publish(struct health *h, enum bus_topic topic, const char *reason)
{
	struct bus_event ev = {.topic = topic};

	(void)snprintf(ev.relay.url, sizeof(ev.relay.url), "%s", url_of(h));
	(void)snprintf(ev.relay.reason, sizeof(ev.relay.reason), "%s", reason);
	ev.relay.until = h->down ? until(h) : 0;
	bus_publish(h->service->thread->bus, &ev);
}

static void count_down(struct health *h, int64_t n)
{
	counter_add(h->service->thread->counters,
		h->service->first_counter + RTPP_C_RELAYS_DOWN, n);
}

/** A set all of whose relays are down is worth a probe each second: anything is better than no relay. */
static bool is_last_hope(const struct health *h)
{
	const struct service *s = h->service;
	unsigned i, k;

	for (i = 0; i < s->conf->sets.set_count; i++) {
		const struct rtpp_set *set = &s->conf->sets.sets[i];
		bool mine = false, other = false;

		for (k = 0; k < set->count; k++) {
			const struct health *x = &s->all[set->nodes[k].relay];

			mine = mine || x == h;
			other = other || (!x->down && !x->disabled);
		}
		if (mine && !other)
			return true;
	}
	return false;
}

static void look_again(struct health *h)
{
	uint64_t now = loop_now(h->service->thread->loop), ms = PROBE_MS;

	if (h->recheck == UINT64_MAX)
		return;
	if (h->recheck > now && !is_last_hope(h) && h->recheck - now < ms)
		ms = h->recheck - now;
	timer_start(h->service->thread->loop, &h->timer, ms + random_fast() % JITTER_MS);
}

static void on_timer(void *arg)
{
	struct health *h = arg;

	if (!h->down || h->waiting > 0)
		return;
	/* Before its time only when nothing else is left. */
	if (h->recheck <= loop_now(h->service->thread->loop) || is_last_hope(h))
		probe(h, 1);
	else
		look_again(h);
}

static void set_down(struct health *h, const char *reason, bool tell)
{
	struct service *s = h->service;
	int64_t tout = h->seen ? s->conf->rtpproxy_disable_tout : 0;

	h->recheck =
		tout < 0 ? UINT64_MAX : loop_now(s->thread->loop) + (uint64_t)tout * 1000;
	if (!h->down) {
		h->down = true;
		count_down(h, 1);
		if (tout < 0)
			LOG(s->log, LOG_L_ERR,
				"%s is down: %s; not used until nh_enable_rtpp enables "
				"it",
				url_of(h), reason);
		else
			LOG(s->log, LOG_L_ERR,
				"%s is down: %s; not used for %" PRId64
				" s, then as soon as it answers a probe",
				url_of(h), reason, tout);
		if (tell)
			publish(h, BUS_RELAY_DOWN, reason);
	}
	look_again(h);
}

static void set_up(struct health *h)
{
	bool news = h->down || !h->seen || h->doubt || h->features != h->found;

	timer_stop(&h->timer);
	if (h->down)
		count_down(h, -1);
	h->down = false;
	h->seen = true;
	h->doubt = false;
	h->recheck = 0;
	h->features = h->found;
	if (!news)
		return;
	LOG(h->service->log, LOG_L_NOTICE, "%s is up%s", url_of(h),
		h->features & RTPP_F_STREAMS
			? ""
			: "; it says that it knows one stream a call only (VF 20050322)");
	publish(h, BUS_RELAY_UP, "answers");
}

static void give_up(struct health *h)
{
	unsigned i;

	for (i = 0; i <= RTPP_FEATURES; i++)
		rtpp_client_cancel(&h->questions[i].pending);
	h->waiting = 0;
}

static void probe_failed(struct health *h, const char *reason)
{
	give_up(h);
	/* A relay that stays away keeps the time at which it may be probed. */
	if (h->down)
		look_again(h);
	else
		set_down(h, reason, true);
}

static void on_answer(void *arg, int err, struct slice text);

static void ask(struct health *h, unsigned i, unsigned sends)
{
	struct question *q = &h->questions[i];
	int len;

	q->health = h;
	q->bit = i == 0 ? 0 : rtpp_feature_bit(i - 1);
	len = i == 0
		? snprintf(q->line, sizeof(q->line), "V")
		: snprintf(q->line, sizeof(q->line), "VF %s", rtpp_feature_date(i - 1));
	if (rtpp_client_send(h->service->client, &q->pending,
		    &h->service->conf->sets.relays[h->relay].addr,
		    slice_make(q->line, (size_t)len), sends, on_answer, q) == 0)
		h->waiting++;
}

static void on_version(struct health *h, struct slice text)
{
	unsigned i;

	if (!slice_eq(slice_trim(text), SLICE(RTPP_BASE_VERSION))) {
		LOG(h->service->log, LOG_L_ERR,
			"%s answers V with \"%.*s\", not with %s: it is no RTP proxy "
			"that we can use",
			url_of(h), SLICE_ARG(text), RTPP_BASE_VERSION);
		probe_failed(h, "answers V wrongly");
		return;
	}
	for (i = 1; i <= RTPP_FEATURES; i++)
		ask(h, i, 0);
	if (h->waiting == 0)
		probe_failed(h, "cannot be sent to");
}

static void on_answer(void *arg, int err, struct slice text)
{
	struct question *q = arg;
	struct health *h = q->health;

	if (h->waiting > 0)
		h->waiting--;
	if (err != 0) {
		probe_failed(h, "no answer to a probe");
		return;
	}
	if (q->bit == 0) {
		on_version(h, text);
		return;
	}
	if (slice_eq(slice_trim(text), SLICE("1")))
		h->found |= q->bit;
	if (h->waiting == 0)
		set_up(h);
}

static void probe(struct health *h, unsigned sends)
{
	give_up(h);
	h->found = 0;
	ask(h, 0, sends);
	if (h->waiting == 0)
		probe_failed(h, "cannot be sent to");
}

/** Some worker has met silence (our own events come by here too). */
static void on_down(void *arg, const struct bus_event *ev)
{
	struct service *s = arg;
	int relay = rtpp_relay_find(&s->conf->sets, slice_str(ev->relay.url));

	if (relay < 0 || strcmp(ev->relay.reason, RTPP_BY_OPERATOR) == 0 ||
		s->all[relay].down)
		return;
	give_up(&s->all[relay]);
	set_down(&s->all[relay], ev->relay.reason, false);
}

/** Reports of workers were lost. One that holds a relay for down would wait for good news that nobody has. */
static void on_gap(void *arg, enum bus_topic topic, uint64_t lost)
{
	struct service *s = arg;
	unsigned i;

	(void)topic;
	(void)lost;
	for (i = 0; i < s->conf->sets.relay_count; i++) {
		if (s->all[i].down)
			continue;
		s->all[i].doubt = true;
		probe(&s->all[i], 0);
	}
}

static void on_relays(void *arg, struct bus_request *req, const json_t *params)
{
	const struct service *s = arg;
	struct tree *root = tree_new();
	unsigned i;

	(void)params;
	for (i = 0; i < s->conf->sets.relay_count; i++) {
		struct tree *node = tree_add(root, url_of(&s->all[i]), NULL);

		tree_attr_int(node, "down", s->all[i].down);
		tree_attr_int(node, "disabled", s->all[i].disabled);
		tree_attr_int(node, "features", s->all[i].features);
		tree_attr_int(node, "probing", !s->all[i].seen && !s->all[i].down);
	}
	bus_reply(req, root);
}

/** Seconds of uptime at which the relay may be probed again; 0: it is in use. */
static int64_t recheck_ticks(const struct health *h)
{
	if (h->disabled || h->recheck == UINT64_MAX)
		return NEVER;
	if (!h->down)
		return 0;
	return h->recheck > h->service->started
		? (int64_t)((h->recheck - h->service->started) / 1000)
		: 0;
}

void rtpp_service_show(void *self, struct bus_request *req, const json_t *params)
{
	const struct service *s = self;
	struct tree *root = tree_new();
	unsigned i, k;

	(void)params;
	tree_set_list(root); /* one URL may be in several sets */
	for (i = 0; i < s->conf->sets.set_count; i++) {
		const struct rtpp_set *set = &s->conf->sets.sets[i];

		for (k = 0; k < set->count; k++) {
			const struct health *h = &s->all[set->nodes[k].relay];
			struct tree *node = tree_add(root, url_of(h), NULL);

			tree_attr_int(node, "set", set->id);
			tree_add_int(node, "index", set->nodes[k].index);
			tree_add_int(node, "disabled", h->down || h->disabled);
			tree_add_int(node, "weight", set->nodes[k].weight);
			tree_add_int(node, "recheck_ticks", recheck_ticks(h));
		}
	}
	bus_reply(req, root);
}

static void switch_relay(struct health *h, bool on)
{
	if (!on) {
		h->disabled = true;
		LOG(h->service->log, LOG_L_NOTICE, "%s: %s", url_of(h), RTPP_BY_OPERATOR);
		publish(h, BUS_RELAY_DOWN, RTPP_BY_OPERATOR);
		return;
	}
	h->disabled = false;
	timer_stop(&h->timer);
	if (h->down)
		count_down(h, -1);
	h->down = false;
	h->recheck = 0;
	LOG(h->service->log, LOG_L_NOTICE, "%s: enabled by an operator", url_of(h));
	publish(h, BUS_RELAY_UP, "enabled by an operator");
	probe(h, 0); /* it is used meanwhile, as the operator wants it */
}

void rtpp_service_enable(void *self, struct bus_request *req, const json_t *params)
{
	struct service *s = self;
	const json_t *url = json_is_array(params) ? json_array_get(params, 0)
						  : json_object_get(params, "url");
	const json_t *value = json_is_array(params) ? json_array_get(params, 1)
						    : json_object_get(params, "enable");
	int64_t on;
	int relay;

	if (!url || !value || (json_is_array(params) && json_array_size(params) > 2)) {
		bus_fail(req, 400, "Too few or too many arguments");
		return;
	}
	if (json_is_integer(value))
		on = json_integer_value(value);
	else if (json_is_boolean(value))
		on = json_is_true(value);
	else if (slice_i64(slice_str(json_string_value(value)), &on) != 0) {
		bus_fail(req, 400, "Bad parameter: expected 1 or 0");
		return;
	}
	relay = json_string_value(url)
		? rtpp_relay_find(&s->conf->sets, slice_str(json_string_value(url)))
		: -1;
	if (relay < 0) {
		bus_fail(req, 404, "RTP proxy not found");
		return;
	}
	switch_relay(&s->all[relay], on != 0);
	bus_reply(req, tree_new());
}

static int start_health(struct service *s, const struct ph_plugin_ctx *ctx)
{
	const struct rtpp_client_setup setup = {.loop = s->thread->loop,
		.counters = s->thread->counters,
		.first_counter = ctx->first_counter,
		.log = ctx->log,
		.worker = -1,
		.timeout_ms = s->conf->timeout_ms,
		.sends = (unsigned)s->conf->rtpproxy_retr};
	unsigned i;
	int err;

	s->all = calloc(s->conf->sets.relay_count + 1, sizeof(*s->all));
	if (!s->all)
		return -ENOMEM;
	err = rtpp_client_new(&s->client, &setup);
	if (err != 0)
		return err;
	for (i = 0; i < s->conf->sets.relay_count; i++) {
		s->all[i].service = s;
		s->all[i].relay = i;
		timer_init(&s->all[i].timer, on_timer, &s->all[i]);
	}
	return 0;
}

int rtpp_service_start(
	struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct service *s = calloc(1, sizeof(*s));
	unsigned i;
	int err;

	if (!s)
		return -ENOMEM;
	s->thread = thread;
	s->conf = ctx->conf;
	s->log = ctx->log;
	s->first_counter = ctx->first_counter;
	s->started = loop_now(thread->loop);
	err = start_health(s, ctx);
	if (err == 0)
		err = bus_subscribe(thread->bus, BUS_RELAY_DOWN, on_down, on_gap, s);
	if (err == 0)
		err = bus_serve(thread->bus, RTPP_REQ_RELAYS, on_relays, s);
	if (err != 0) {
		rtpp_service_stop(s);
		return err;
	}
	for (i = 0; i < s->conf->sets.relay_count; i++)
		probe(&s->all[i], 0);
	*selfp = s;
	return 0;
}

void rtpp_service_stop(void *self)
{
	struct service *s = self;
	unsigned i;

	bus_unsubscribe(s->thread->bus, s);
	for (i = 0; s->all && i < s->conf->sets.relay_count; i++) {
		timer_stop(&s->all[i].timer);
		give_up(&s->all[i]);
	}
	rtpp_client_destroy(&s->client);
	free(s->all);
	free(s);
}
