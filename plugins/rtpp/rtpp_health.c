#include "plugins/rtpp/rtpp_health.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PROBE_MS  1000 /* between two probes of a relay that may be probed */
#define JITTER_MS 200  /* so that nodes that saw it fail together do not ask together */

/** One command of a probe under way. */
struct question {
	struct rtpp_health *health;
	struct rtpp_pending pending;
	char line[16];
	unsigned bit; /* of VF; 0: V */
};

struct rtpp_health {
	struct rtpp_healths *all;
	struct rtpp_relay relay;
	bool member; /* of the newest generation; else about to be forgotten */
	bool down;
	bool disabled; /* the operator's switch */
	bool seen; /* has answered since the start: rtpproxy_disable_tout holds from then on */
	bool untold;    /* an event was kept back */
	bool doubt;     /* a worker's report may be lost: tell how the next probe ends */
	uint64_t at_us; /* when down was found out */
	uint64_t recheck; /* ms of loop_now(); UINT64_MAX: not by itself */
	unsigned features;
	unsigned found;   /* by the probe under way */
	unsigned waiting; /* its questions without an answer */
	char error[96];   /* why it is down */
	struct rtpp_health_notes notes;
	struct question questions[1 + RTPP_FEATURES];
	struct timer timer;
};

struct rtpp_healths {
	struct rtpp_health_setup set;
	uint64_t started; /* ms of loop_now() */
	bool speaks;      /* events are published */
	struct rtpp_generation *generation;
	struct rtpp_health **list; /* in the order of its relays */
	unsigned count;
};

static struct loop *loop_of(const struct rtpp_health *h)
{
	return h->all->set.thread->loop;
}

const char *rtpp_health_url(const struct rtpp_health *h)
{
	return h->relay.url;
}

struct rtpp_health_notes *rtpp_health_notes(struct rtpp_health *h)
{
	return &h->notes;
}

static void changed(struct rtpp_health *h)
{
	h->all->set.changed(h->all->set.arg);
}

/** Wall clock seconds at which a relay that is down is tried again. */
static int64_t until(const struct rtpp_health *h)
{
	uint64_t now = loop_now(loop_of(h));

	if (h->recheck == UINT64_MAX)
		return INT64_MAX;
	return clock_wall() + (int64_t)((h->recheck > now ? h->recheck - now : 0) / 1000);
}

static void publish(struct rtpp_health *h, enum bus_topic topic, const char *reason)
{
	struct bus_event ev = {.topic = topic};

	h->untold = !h->all->speaks;
	if (h->untold)
		return;
	(void)snprintf(ev.relay.url, sizeof(ev.relay.url), "%s", h->relay.url);
	(void)snprintf(ev.relay.reason, sizeof(ev.relay.reason), "%s", reason);
	ev.relay.until = h->down ? until(h) : 0;
	bus_publish(h->all->set.thread->bus, &ev);
}

static void mark_down(struct rtpp_health *h, bool down)
{
	if (h->down != down) {
		counter_add(h->all->set.thread->counters,
			h->all->set.first_counter + RTPP_C_RELAYS_DOWN, down ? 1 : -1);
		h->notes.reported = true;
	}
	h->down = down;
	h->at_us = clock_us();
}

/** A set all of whose relays are down is worth a probe each second: anything is better than no relay. */
static bool is_last_hope(const struct rtpp_health *h)
{
	const struct rtpp_healths *hs = h->all;
	const struct rtpp_sets *sets = &hs->generation->sets;
	unsigned i, k;

	for (i = 0; i < sets->set_count; i++) {
		const struct rtpp_set *set = &sets->sets[i];
		bool mine = false, other = false;

		for (k = 0; k < set->count; k++) {
			const struct rtpp_health *x = hs->list[set->nodes[k].relay];

			mine = mine || x == h;
			other = other || (!x->down && !x->disabled);
		}
		if (mine && !other)
			return true;
	}
	return false;
}

static void look_again(struct rtpp_health *h)
{
	uint64_t now = loop_now(loop_of(h)), ms = PROBE_MS;

	if (h->recheck == UINT64_MAX)
		return;
	if (h->recheck > now && !is_last_hope(h) && h->recheck - now < ms)
		ms = h->recheck - now;
	timer_start(loop_of(h), &h->timer, ms + random_fast() % JITTER_MS);
}

static void probe(struct rtpp_health *h, unsigned sends);

static void on_timer(void *arg)
{
	struct rtpp_health *h = arg;

	if (!h->down || h->waiting > 0)
		return;
	/* Before its time only when nothing else is left. */
	if (h->recheck <= loop_now(loop_of(h)) || is_last_hope(h))
		probe(h, 1);
	else
		look_again(h);
}

static void set_down(struct rtpp_health *h, const char *reason, bool tell)
{
	struct rtpp_healths *hs = h->all;
	int64_t tout = h->seen ? hs->set.disable_tout : 0;
	bool news = !h->down;

	h->recheck = tout < 0 ? UINT64_MAX : loop_now(loop_of(h)) + (uint64_t)tout * 1000;
	(void)snprintf(h->error, sizeof(h->error), "%s", reason);
	mark_down(h, true);
	if (news && tout < 0)
		LOG(hs->set.log, LOG_L_ERR,
			"%s is down: %s; not used until nh_enable_rtpp enables it",
			h->relay.url, reason);
	else if (news)
		LOG(hs->set.log, LOG_L_ERR,
			"%s is down: %s; not used for %" PRId64
			" s, then as soon as it answers a probe",
			h->relay.url, reason, tout);
	if (news && tell)
		publish(h, BUS_RELAY_DOWN, reason);
	look_again(h);
	if (news)
		changed(h);
}

static void set_up(struct rtpp_health *h)
{
	bool news = h->down || !h->seen || h->doubt || h->features != h->found;

	timer_stop(&h->timer);
	mark_down(h, false);
	h->notes.reported = h->notes.reported || !h->seen;
	h->seen = true;
	h->doubt = false;
	h->recheck = 0;
	h->features = h->found;
	h->error[0] = '\0';
	if (!news)
		return;
	LOG(h->all->set.log, LOG_L_NOTICE, "%s is up%s", h->relay.url,
		h->features & RTPP_F_STREAMS
			? ""
			: "; it says that it knows one stream a call only (VF 20050322)");
	publish(h, BUS_RELAY_UP, "answers");
	changed(h);
}

static void give_up(struct rtpp_health *h)
{
	unsigned i;

	for (i = 0; i <= RTPP_FEATURES; i++)
		rtpp_client_cancel(&h->questions[i].pending);
	h->waiting = 0;
}

static void probe_failed(struct rtpp_health *h, const char *reason)
{
	give_up(h);
	/* A relay that stays away keeps the time at which it may be probed. */
	if (h->down)
		look_again(h);
	else
		set_down(h, reason, true);
}

static void on_answer(void *arg, int err, struct slice text);

static void ask(struct rtpp_health *h, unsigned i, unsigned sends)
{
	struct question *q = &h->questions[i];
	int len;

	q->health = h;
	q->bit = i == 0 ? 0 : rtpp_feature_bit(i - 1);
	len = i == 0
		? snprintf(q->line, sizeof(q->line), "V")
		: snprintf(q->line, sizeof(q->line), "VF %s", rtpp_feature_date(i - 1));
	if (rtpp_client_send(h->all->set.client, &q->pending, &h->relay,
		    slice_make(q->line, (size_t)len), sends, on_answer, q) == 0)
		h->waiting++;
}

static void on_version(struct rtpp_health *h, struct slice text)
{
	unsigned i;

	if (!slice_eq(slice_trim(text), SLICE(RTPP_BASE_VERSION))) {
		LOG(h->all->set.log, LOG_L_ERR,
			"%s answers V with \"%.*s\", not with %s: it is no RTP proxy "
			"that we can use",
			h->relay.url, SLICE_ARG(text), RTPP_BASE_VERSION);
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
	struct rtpp_health *h = q->health;
	char why[80];

	if (h->waiting > 0)
		h->waiting--;
	if (err != 0) {
		(void)snprintf(why, sizeof(why), "no answer to a probe%s%s",
			err == -ETIMEDOUT ? "" : ": ",
			err == -ETIMEDOUT ? "" : strerror(-err));
		probe_failed(h, why);
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

static void probe(struct rtpp_health *h, unsigned sends)
{
	give_up(h);
	h->found = 0;
	ask(h, 0, sends);
	if (h->waiting == 0)
		probe_failed(h, "cannot be sent to");
}

void rtpp_health_report(struct rtpp_health *h, const char *reason)
{
	if (h->down)
		return;
	give_up(h);
	set_down(h, reason, false);
}

void rtpp_health_probe(struct rtpp_health *h)
{
	if (h->waiting == 0 && !h->down)
		probe(h, 0);
}

void rtpp_healths_doubt(struct rtpp_healths *hs)
{
	unsigned i;

	for (i = 0; i < hs->count; i++) {
		if (hs->list[i]->down)
			continue;
		hs->list[i]->doubt = true;
		probe(hs->list[i], 0);
	}
}

void rtpp_health_switch(struct rtpp_health *h, bool on, bool by_command)
{
	const char *where = by_command ? "" : " of another node";

	if (by_command)
		h->notes.switched = true;
	else if (h->disabled == !on)
		return;
	h->disabled = !on;
	if (!on) {
		LOG(h->all->set.log, LOG_L_NOTICE, "%s: disabled by an operator%s",
			h->relay.url, where);
		publish(h, BUS_RELAY_DOWN, RTPP_BY_OPERATOR);
		changed(h);
		return;
	}
	LOG(h->all->set.log, LOG_L_NOTICE, "%s: enabled by an operator%s", h->relay.url,
		where);
	timer_stop(&h->timer);
	mark_down(h, false);
	h->recheck = 0;
	publish(h, BUS_RELAY_UP, "enabled by an operator");
	changed(h);
	probe(h, 0); /* it is used meanwhile, as the operator wants it */
}

void rtpp_health_look(const struct rtpp_health *h, struct rtpp_health_view *out)
{
	*out = (struct rtpp_health_view){.down = h->down,
		.disabled = h->disabled,
		.until = h->down ? until(h) : 0,
		.error = h->error};
	if (h->disabled || h->recheck == UINT64_MAX)
		out->recheck_ticks = RTPP_NEVER;
	else if (h->down && h->recheck > h->all->started)
		out->recheck_ticks = (int64_t)((h->recheck - h->all->started) / 1000);
}

struct rtpp_health *rtpp_health_at(struct rtpp_healths *hs, unsigned relay)
{
	return hs->list[relay];
}

struct rtpp_health *rtpp_health_find(struct rtpp_healths *hs, struct slice url)
{
	unsigned i;

	for (i = 0; i < hs->count; i++)
		if (slice_eq(slice_str(hs->list[i]->relay.url), url))
			return hs->list[i];
	return NULL;
}

void rtpp_healths_states(const struct rtpp_healths *hs, struct rtpp_state *out)
{
	unsigned i;

	for (i = 0; i < hs->count; i++)
		out[i] = (struct rtpp_state){.down = hs->list[i]->down,
			.disabled = hs->list[i]->disabled,
			.features = hs->list[i]->features,
			.at_us = hs->list[i]->at_us};
}

void rtpp_healths_speak(struct rtpp_healths *hs)
{
	unsigned i;

	hs->speaks = true;
	for (i = 0; i < hs->count; i++) {
		struct rtpp_health *h = hs->list[i];

		if (h->untold && h->disabled)
			publish(h, BUS_RELAY_DOWN, RTPP_BY_OPERATOR);
		else if (h->untold)
			publish(h, h->down ? BUS_RELAY_DOWN : BUS_RELAY_UP,
				h->down ? h->error : "answers");
	}
}

bool rtpp_healths_probing(const struct rtpp_healths *hs)
{
	unsigned i;

	for (i = 0; i < hs->count; i++)
		if (!hs->list[i]->seen && !hs->list[i]->down)
			return true;
	return false;
}

static void health_free(struct rtpp_health *h)
{
	timer_stop(&h->timer);
	give_up(h);
	if (h->down)
		counter_add(h->all->set.thread->counters,
			h->all->set.first_counter + RTPP_C_RELAYS_DOWN, -1);
	free(h);
}

static struct rtpp_health *health_new(
	struct rtpp_healths *hs, const struct rtpp_relay *relay)
{
	struct rtpp_health *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->all = hs;
	h->relay = *relay;
	timer_init(&h->timer, on_timer, h);
	return h;
}

/** The relays of g, those that are known already as they are. NULL without memory. */
static struct rtpp_health **list_for(struct rtpp_healths *hs, struct rtpp_generation *g)
{
	struct rtpp_health **list = calloc(g->sets.relay_count + 1, sizeof(*list));
	unsigned i;

	for (i = 0; list && i < g->sets.relay_count; i++) {
		const struct rtpp_relay *r = &g->sets.relays[i];

		list[i] = rtpp_health_find(hs, slice_str(r->url));
		if (!list[i])
			list[i] = health_new(hs, r);
		if (list[i])
			continue;
		while (i-- > 0)
			if (!list[i]->member)
				health_free(list[i]);
		free(list);
		return NULL;
	}
	return list;
}

int rtpp_healths_follow(struct rtpp_healths *hs, struct rtpp_generation *g)
{
	struct rtpp_health **list = list_for(hs, g), **old = hs->list;
	unsigned i, old_count = hs->count;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < old_count; i++)
		old[i]->member = false;
	hs->list = list;
	hs->count = g->sets.relay_count;
	rtpp_generation_drop(&hs->generation);
	atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
	hs->generation = g;
	for (i = 0; i < hs->count; i++) {
		list[i]->member = true;
		list[i]->relay.addr = g->sets.relays[i].addr;
	}
	for (i = 0; i < old_count; i++)
		if (!old[i]->member)
			health_free(old[i]);
	free(old);
	for (i = 0; i < hs->count; i++)
		if (!list[i]->seen && !list[i]->down && list[i]->waiting == 0)
			probe(list[i], 0);
	return 0;
}

int rtpp_healths_new(struct rtpp_healths **out, const struct rtpp_health_setup *setup)
{
	struct rtpp_healths *hs = calloc(1, sizeof(*hs));

	if (!hs)
		return -ENOMEM;
	hs->set = *setup;
	hs->started = loop_now(setup->thread->loop);
	*out = hs;
	return 0;
}

void rtpp_healths_destroy(struct rtpp_healths **hp)
{
	struct rtpp_healths *hs = *hp;
	unsigned i;

	if (!hs)
		return;
	*hp = NULL;
	for (i = 0; i < hs->count; i++)
		health_free(hs->list[i]);
	free(hs->list);
	rtpp_generation_drop(&hs->generation);
	free(hs);
}
