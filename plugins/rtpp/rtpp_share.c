#include "plugins/rtpp/rtpp_share.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugins/rtpp/rtpp_service.h"

#define SHARE_MS    2000
#define ARENA_MAX   (4u << 20)
#define MAX_WAITING 16

enum step { SWITCHES, REPORTS, SEED, SETS, RELAYS, DONE };

struct asker {
	struct bus_request *req;
	bool told; /* it threw a switch: what it wanted holds here already */
};

struct rtpp_share {
	struct rtpp_service
		*service; /* NULL: the service is gone, its last operation is not */
	struct store_handle *store;
	struct timer tick;

	/* Own sets as they are put into the store */
	struct arena *own_arena;
	struct store_relay_weight *own;
	unsigned own_count;
	bool seeded;

	/* Shared sets as they were read last */
	struct store_sets sets;

	/* The round under way */
	bool running, started; /* started: a first one is over */
	bool again;            /* one more behind it */
	enum step step;
	struct arena *arena;
	struct slice url; /* whose switch or report is being written */
	bool on;
	struct store_relay report;
	struct store_sets found;
	struct store_relays relays;
	bool away; /* the last one failed: logged */

	struct asker now[MAX_WAITING],
		next[MAX_WAITING]; /* answered by this round, by the next one */
	unsigned now_count, next_count;
};

static void go_on(struct rtpp_share *sh);

void rtpp_share_members(const struct rtpp_share *sh,
	const struct store_relay_weight **list, unsigned *count)
{
	*list = sh ? sh->sets.list : NULL;
	*count = sh ? sh->sets.count : 0;
}

static bool same_members(const struct store_sets *a, const struct store_sets *b)
{
	unsigned i;

	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (a->list[i].set != b->list[i].set ||
			a->list[i].weight != b->list[i].weight ||
			!slice_eq(a->list[i].url, b->list[i].url))
			return false;
	return true;
}

/** Somebody has emptied the store: put our sets in again. */
static bool is_own_missing(const struct rtpp_share *sh, const struct store_sets *found)
{
	unsigned i, k;

	for (i = 0; i < sh->own_count; i++) {
		for (k = 0; k < found->count; k++)
			if (found->list[k].set == sh->own[i].set &&
				slice_eq(found->list[k].url, sh->own[i].url))
				break;
		if (k == found->count)
			return true;
	}
	return false;
}

/** The parameter says another weight than the store: an operator wonders why a change of the file has no effect. */
static void tell_differences(const struct rtpp_share *sh, const struct store_sets *found)
{
	unsigned i, k;

	for (i = 0; i < sh->own_count; i++) {
		for (k = 0; k < found->count; k++) {
			const struct store_relay_weight *o = &sh->own[i],
							*f = &found->list[k];

			if (f->set != o->set || f->weight == o->weight ||
				!slice_eq(f->url, o->url))
				continue;
			LOG(sh->service->log, LOG_L_NOTICE,
				"set %" PRId64 ": %.*s: the shared weight %" PRId64
				" holds, not %" PRId64 " of rtpproxy_sock",
				o->set, SLICE_ARG(o->url), f->weight, o->weight);
		}
	}
}

/** What SETS has read comes into force. */
static void take_sets(struct rtpp_share *sh)
{
	struct store_sets old = sh->sets;

	if (same_members(&sh->sets, &sh->found) && sh->sets.arena) {
		arena_put(sh->found.arena);
		sh->found.arena = NULL;
		return;
	}
	sh->seeded = !is_own_missing(sh, &sh->found);
	sh->sets = sh->found;
	sh->found = (struct store_sets){0};
	if (!old.arena)
		tell_differences(sh, &sh->sets);
	(void)rtpp_service_apply(sh->service);
	arena_put(old.arena);
}

static uint64_t report_hash(const struct store_relay *r)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "%.*s|%.*s|%" PRId64 "|%.*s",
		SLICE_ARG(r->reported_by), SLICE_ARG(r->state), r->disabled_until,
		SLICE_ARG(r->last_error));

	return hash_fnv(slice_make(
		text, len < (int)sizeof(text) ? (size_t)len : sizeof(text) - 1));
}

static void take_relay(struct rtpp_share *sh, const struct store_relay *r)
{
	struct rtpp_health *h = rtpp_health_find(sh->service->healths, r->url);
	struct rtpp_health_notes *notes;
	uint64_t heard;

	if (!h)
		return;
	notes = rtpp_health_notes(h);
	if (!notes->switched)
		rtpp_health_switch(h, r->enabled, false);
	if (!slice_eq(r->state, SLICE("down")) ||
		slice_eq(r->reported_by, slice_str(sh->service->thread->node)))
		return;
	heard = report_hash(r);
	if (heard == notes->heard)
		return;
	notes->heard = heard;
	LOG(sh->service->log, LOG_L_INFO, "%.*s is down for node %.*s: probed from here",
		SLICE_ARG(r->url), SLICE_ARG(r->reported_by));
	rtpp_health_probe(h);
}

static void take_relays(struct rtpp_share *sh)
{
	unsigned i;

	for (i = 0; i < sh->relays.count; i++)
		take_relay(sh, &sh->relays.list[i]);
}

/** The next relay with something to be written; NULL. */
static struct rtpp_health *next_due(struct rtpp_share *sh, bool switched)
{
	const struct rtpp_sets *sets = &sh->service->generation->sets;
	unsigned i;

	for (i = 0; i < sets->relay_count; i++) {
		struct rtpp_health *h = rtpp_health_at(sh->service->healths, i);
		const struct rtpp_health_notes *notes = rtpp_health_notes(h);

		if (switched ? notes->switched : notes->reported)
			return h;
	}
	return NULL;
}

static void on_done(void *arg, int err);

static int write_switch(struct rtpp_share *sh, struct rtpp_health *h)
{
	struct rtpp_health_view v;

	rtpp_health_look(h, &v);
	sh->on = !v.disabled;
	sh->url = arena_dup(sh->arena, slice_str(rtpp_health_url(h)));
	return sh->url.p ? store_relay_enable(sh->store, sh->url, sh->on, on_done, sh)
			 : -ENOMEM;
}

static int write_report(struct rtpp_share *sh, struct rtpp_health *h)
{
	struct rtpp_health_view v;

	rtpp_health_look(h, &v);
	sh->on = !v.down;
	sh->url = arena_dup(sh->arena, slice_str(rtpp_health_url(h)));
	sh->report = (struct store_relay){.url = sh->url,
		.state = v.down ? SLICE("down") : SLICE("up"),
		.disabled_until = v.until,
		.last_error = arena_dup(sh->arena, slice_str(v.error)),
		.reported_by = slice_str(sh->service->thread->node)};
	return sh->url.p ? store_relay_report(sh->store, &sh->report, on_done, sh)
			 : -ENOMEM;
}

/** It is written; unless it has changed meanwhile. */
static void written(struct rtpp_share *sh)
{
	struct rtpp_health *h = rtpp_health_find(sh->service->healths, sh->url);
	struct rtpp_health_view v;

	if (!h)
		return;
	rtpp_health_look(h, &v);
	if (sh->step == SWITCHES && v.disabled == !sh->on)
		rtpp_health_notes(h)->switched = false;
	if (sh->step == REPORTS && v.down == !sh->on)
		rtpp_health_notes(h)->reported = false;
}

static int read_relays(struct rtpp_share *sh)
{
	const struct rtpp_sets *sets = &sh->service->generation->sets;
	struct slice *urls =
		arena_zalloc(sh->arena, (sets->relay_count + 1) * sizeof(*urls));
	unsigned i;

	for (i = 0; urls && i < sets->relay_count; i++) {
		urls[i] = arena_dup(sh->arena, slice_str(sets->relays[i].url));
		if (!urls[i].p)
			return -ENOMEM;
	}
	sh->relays = (struct store_relays){.arena = sh->arena};
	if (!urls || sets->relay_count == 0)
		return urls ? 0 : -ENOMEM;
	return store_relays_get(
		sh->store, urls, sets->relay_count, &sh->relays, on_done, sh);
}

static int read_sets(struct rtpp_share *sh)
{
	sh->found = (struct store_sets){.arena = arena_new(4096, ARENA_MAX)};
	return sh->found.arena ? store_sets_get(sh->store, &sh->found, on_done, sh)
			       : -ENOMEM;
}

/** Begin the step in hand. 0: it is done, or there was nothing to do and the next one is in hand. */
static int run_step(struct rtpp_share *sh)
{
	struct rtpp_health *h;

	switch (sh->step) {
	case SWITCHES:
	case REPORTS:
		h = next_due(sh, sh->step == SWITCHES);
		if (h)
			return sh->step == SWITCHES ? write_switch(sh, h)
						    : write_report(sh, h);
		break;
	case SEED:
		if (sh->own_count > 0 && !sh->seeded && sh->service->parameter_holds)
			return store_sets_seed(
				sh->store, sh->own, sh->own_count, on_done, sh);
		break;
	case SETS:
		return read_sets(sh);
	case RELAYS:
		return read_relays(sh);
	case DONE:
		break;
	}
	sh->step++;
	return -EAGAIN;
}

static void step_done(struct rtpp_share *sh)
{
	switch (sh->step) {
	case SWITCHES:
	case REPORTS:
		written(sh); /* and look for the next one */
		return;
	case SETS:
		take_sets(sh);
		break;
	case RELAYS:
		take_relays(sh);
		break;
	case SEED:
	case DONE:
		break;
	}
	sh->step++;
}

static void answer(struct asker *a, int err)
{
	if (err == 0 || a->told) {
		struct tree *root = tree_new();

		if (err != 0)
			tree_addf(root, "Note",
				"holds on this node; the store is away (%s), the "
				"others learn of it when it is back",
				strerror(-err));
		bus_reply(a->req, root);
	} else {
		bus_fail(a->req, 500, "the store does not answer: %s", strerror(-err));
	}
}

static void begin_round(struct rtpp_share *sh)
{
	sh->again = false;
	memcpy(sh->now, sh->next, sizeof(sh->now));
	sh->now_count = sh->next_count;
	sh->next_count = 0;
	timer_stop(&sh->tick);
	sh->running = true;
	sh->step = SWITCHES;
	sh->arena = arena_new(4096, ARENA_MAX);
	go_on(sh);
}

static void round_over(struct rtpp_share *sh, int err)
{
	struct rtpp_service *s = sh->service;
	unsigned i;

	arena_put(sh->found.arena);
	sh->found.arena = NULL;
	arena_put(sh->arena);
	sh->arena = NULL;
	sh->running = false;
	sh->started = true;
	if (err != 0)
		rtpp_service_count(s, RTPP_C_STORE_FAILURES);
	if (err != 0 && !sh->away)
		LOG(s->log, LOG_L_WARN,
			"shared sets and switches of RTP proxies: the store does not "
			"answer (%s); what is known stays",
			strerror(-err));
	else if (err == 0 && sh->away)
		LOG(s->log, LOG_L_NOTICE,
			"shared sets and switches of RTP proxies: the store is back");
	sh->away = err != 0;
	for (i = 0; i < sh->now_count; i++)
		answer(&sh->now[i], err);
	sh->now_count = 0;
	timer_start(s->thread->loop, &sh->tick, sh->again ? 0 : SHARE_MS);
}

static void go_on(struct rtpp_share *sh)
{
	int err = sh->arena ? 0 : -ENOMEM;

	while (err == 0 && sh->step != DONE) {
		err = run_step(sh);
		if (err == -EINPROGRESS)
			return;
		if (err == 0)
			step_done(sh);
		else if (err == -EAGAIN)
			err = 0;
	}
	round_over(sh, err);
}

static void on_done(void *arg, int err)
{
	struct rtpp_share *sh = arg;

	if (!sh->service) { /* the service is gone */
		sh->running = false;
		rtpp_share_destroy(&sh);
		return;
	}
	if (err != 0) {
		round_over(sh, err);
		return;
	}
	step_done(sh);
	go_on(sh);
}

static void on_tick(void *arg)
{
	struct rtpp_share *sh = arg;

	if (!sh->running)
		begin_round(sh);
}

static void kick(struct rtpp_share *sh, struct bus_request *req, bool told)
{
	if (req && sh->next_count == MAX_WAITING) {
		bus_fail(req, 503, "too many at once: try again");
		return;
	}
	if (req)
		sh->next[sh->next_count++] = (struct asker){.req = req, .told = told};
	sh->again = true;
	if (!sh->running)
		begin_round(sh);
}

void rtpp_share_tell(struct rtpp_share *sh, struct bus_request *req)
{
	kick(sh, req, true);
}

void rtpp_share_sync(struct rtpp_share *sh, struct bus_request *req)
{
	kick(sh, req, false);
}

/** The parameter's members, with texts of their own. */
static int list_own(struct rtpp_share *sh, const struct rtpp_sets *sets)
{
	unsigned s, n;

	sh->own = arena_zalloc(sh->own_arena, (sets->node_count + 1) * sizeof(*sh->own));
	if (!sh->own)
		return -ENOMEM;
	for (s = 0; s < sets->set_count; s++) {
		for (n = 0; n < sets->sets[s].count; n++) {
			const struct rtpp_node *node = &sets->sets[s].nodes[n];
			struct buf b;

			buf_arena(&b, sh->own_arena, RTPP_URL_MAX, 512);
			rtpp_node_text(&b, sets, node);
			if (b.err != 0)
				return b.err;
			sh->own[sh->own_count++] =
				(struct store_relay_weight){.set = sets->sets[s].id,
					.url = buf_slice(&b),
					.weight = node->weight};
		}
	}
	return 0;
}

int rtpp_share_new(struct rtpp_share **out, struct rtpp_service *s)
{
	struct rtpp_share *sh = calloc(1, sizeof(*sh));
	int err;

	if (!sh)
		return -ENOMEM;
	sh->service = s;
	sh->store = s->thread->store;
	timer_init(&sh->tick, on_tick, sh);
	sh->own_arena = arena_new(4096, ARENA_MAX);
	err = sh->own_arena ? list_own(sh, &s->conf->sets) : -ENOMEM;
	if (err != 0) {
		rtpp_share_destroy(&sh);
		return err;
	}
	*out = sh;
	return 0;
}

void rtpp_share_begin(struct rtpp_share *sh)
{
	begin_round(sh);
}

bool rtpp_share_is_starting(const struct rtpp_share *sh)
{
	return !sh->started;
}

void rtpp_share_destroy(struct rtpp_share **sp)
{
	struct rtpp_share *sh = *sp;
	unsigned i;

	if (!sh)
		return;
	*sp = NULL;
	timer_stop(&sh->tick);
	for (i = 0; i < sh->now_count; i++)
		bus_fail(sh->now[i].req, 503, "shutdown");
	for (i = 0; i < sh->next_count; i++)
		bus_fail(sh->next[i].req, 503, "shutdown");
	sh->now_count = sh->next_count = 0;
	sh->service = NULL;
	if (sh->running)
		return; /* on_done() will come by here */
	arena_put(sh->sets.arena);
	arena_put(sh->found.arena);
	arena_put(sh->arena);
	arena_put(sh->own_arena);
	free(sh);
}
