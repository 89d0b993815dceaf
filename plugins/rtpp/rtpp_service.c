/* The service: what sets are in force, and how their relays are. */
#include "plugins/rtpp/rtpp_service.h"

#include <errno.h>
#include <stdlib.h>

#include "plugins/rtpp/rtpp_reload.h"
#include "plugins/rtpp/rtpp_share.h"

#define FIRST_MS 500 /* the start waits so long for relays to say what they can */

void rtpp_service_count(struct rtpp_service *s, enum rtpp_counter which)
{
	counter_inc(s->thread->counters, s->first_counter + which);
}

int rtpp_service_find_host(void *arg, struct rtpp_relay *r)
{
	struct rtpp_service *s = arg;
	struct addr found;

	if (ph_addresses(s->thread, slice_str(r->host), r->family, &found, 1) == 0)
		return -ENOENT;
	r->addr = found;
	addr_set_port(&r->addr, r->port);
	return 0;
}

/** Put up what is known now. */
static void post(void *arg)
{
	struct rtpp_service *s = arg;
	struct rtpp_state *states;

	if (!s->generation)
		return;
	states = calloc(s->generation->sets.relay_count + 1, sizeof(*states));
	if (states)
		rtpp_healths_states(s->healths, states);
	/* Without memory the workers go on with what they have; the next change comes. */
	if (!states ||
		rtpp_board_post(s->conf->shared->board, s->generation, states) != 0)
		LOG(s->log, LOG_L_ERR,
			"no memory: the workers are not told of the relays");
	free(states);
	if (!rtpp_share_is_starting(s->share))
		rtpp_share_sync(s->share, NULL);
}

static void on_bad_member(
	void *arg, const struct store_relay_weight *which, const char *why)
{
	const struct rtpp_service *s = arg;

	LOG(s->log, LOG_L_WARN,
		"shared set %lld: found \"%.*s\" with weight %lld, want %s; left out",
		(long long)which->set, SLICE_ARG(which->url), (long long)which->weight,
		why);
}

static int set_up(struct rtpp_service *s, struct rtpp_sets *sets)
{
	struct rtpp_generation *g, *old = s->generation;
	bool first = !old;
	int err;

	if (!first && rtpp_sets_equal(sets, &old->sets)) {
		rtpp_sets_free(sets);
		return 0;
	}
	g = rtpp_generation_new(sets);
	if (!g) {
		rtpp_sets_free(sets);
		return -ENOMEM;
	}
	s->generation = NULL; /* nothing is posted half-way */
	err = rtpp_healths_follow(s->healths, g);
	s->generation = err == 0 ? g : old;
	rtpp_generation_drop(err == 0 ? &old : &g);
	if (err != 0)
		return err;
	post(s);
	if (first)
		return 0;
	rtpp_service_count(s, RTPP_C_SET_CHANGES);
	LOG(s->log, LOG_L_NOTICE, "sets of RTP proxies have changed: %u in %u sets",
		s->generation->sets.relay_count, s->generation->sets.set_count);
	return 0;
}

int rtpp_service_apply(struct rtpp_service *s)
{
	struct rtpp_sources from = {.parameter = &s->conf->sets,
		.parameter_holds = s->parameter_holds,
		.records = &s->records,
		.find = rtpp_service_find_host,
		.bad = on_bad_member,
		.arg = s};
	struct rtpp_sets sets = {0};
	int err;

	rtpp_share_members(s->share, &from.shared, &from.shared_count);
	err = rtpp_merge(&sets, &from);
	if (err == 0)
		err = set_up(s, &sets);
	if (err != 0)
		LOG(s->log, LOG_L_ERR, "the sets of RTP proxies stay as they were: %s",
			strerror(-err));
	return err;
}

/** Some worker has met silence (our own events come by here too). */
static void on_down(void *arg, const struct bus_event *ev)
{
	struct rtpp_service *s = arg;
	struct rtpp_health *h = rtpp_health_find(s->healths, slice_str(ev->relay.url));

	if (h && strcmp(ev->relay.reason, RTPP_BY_OPERATOR) != 0)
		rtpp_health_report(h, ev->relay.reason);
}

/** Reports of workers were lost. One that holds a relay for down would wait for good news that nobody has. */
static void on_gap(void *arg, enum bus_topic topic, uint64_t lost)
{
	struct rtpp_service *s = arg;

	(void)topic;
	(void)lost;
	rtpp_healths_doubt(s->healths);
}

static int start_client(struct rtpp_service *s)
{
	const struct rtpp_client_setup setup = {.loop = s->thread->loop,
		.counters = s->thread->counters,
		.first_counter = s->first_counter,
		.log = s->log,
		.worker = -1,
		.timeout_ms = s->conf->timeout_ms,
		.sends = (unsigned)s->conf->rtpproxy_retr,
		.source = s->conf->source,
		.port = s->conf->shared->port};

	return rtpp_client_new(&s->client, &setup);
}

static int start_parts(struct rtpp_service *s)
{
	struct rtpp_health_setup health = {.thread = s->thread,
		.first_counter = s->first_counter,
		.log = s->log,
		.disable_tout = s->conf->rtpproxy_disable_tout,
		.changed = post,
		.arg = s};
	struct rtpp_port *port = s->conf->shared->port;
	int err = port ? rtpp_port_watch(port, s->thread->loop) : 0;

	if (err == 0)
		err = start_client(s);
	health.client = s->client;
	if (err == 0)
		err = rtpp_healths_new(&s->healths, &health);
	if (err == 0)
		err = rtpp_share_new(&s->share, s);
	if (err == 0)
		err = rtpp_reload_new(&s->reload, s);
	if (err == 0)
		err = bus_subscribe(s->thread->bus, BUS_RELAY_DOWN, on_down, on_gap, s);
	return err;
}

/**
 * The workers begin when we are through: what the relays can, what the database and the other nodes have said by then, is known to the first
 * call. What takes longer comes later.
 */
static void wait_a_moment(struct rtpp_service *s)
{
	uint64_t begin = clock_us(), now = begin;

	while ((rtpp_healths_probing(s->healths) && now - begin < FIRST_MS * 1000) ||
		((rtpp_share_is_starting(s->share) ||
			 rtpp_reload_is_starting(s->reload)) &&
			now - begin < 2 * FIRST_MS * 1000)) {
		loop_turn(s->thread->loop, 20);
		now = clock_us();
	}
}

/** All services have started, and have subscribed to what they want to hear. */
static void on_begun(void *arg)
{
	rtpp_healths_speak(((struct rtpp_service *)arg)->healths);
}

int rtpp_service_start(
	struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct rtpp_service *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->thread = thread;
	s->conf = ctx->conf;
	s->log = ctx->log;
	s->first_counter = ctx->first_counter;
	s->parameter_holds = true;
	timer_init(&s->begun, on_begun, s);
	err = start_parts(s);
	if (err == 0)
		err = rtpp_service_apply(s);
	if (err != 0) {
		rtpp_service_stop(s);
		return err;
	}
	rtpp_share_begin(s->share);
	rtpp_reload_begin(s->reload);
	wait_a_moment(s);
	timer_start(thread->loop, &s->begun, 0);
	*selfp = s;
	return 0;
}

void rtpp_service_stop(void *self)
{
	struct rtpp_service *s = self;

	bus_unsubscribe(s->thread->bus, s);
	timer_stop(&s->begun);
	rtpp_reload_destroy(&s->reload);
	rtpp_share_destroy(&s->share);
	rtpp_healths_destroy(&s->healths);
	rtpp_client_destroy(&s->client);
	if (s->conf->shared->port)
		rtpp_port_unwatch(s->conf->shared->port);
	rtpp_generation_drop(&s->generation);
	rtpp_sets_free(&s->records);
	free(s);
}
