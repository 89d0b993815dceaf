/* What a round does, step by step: what is written, and how what is read comes into force. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "plugins/rtpp/rtpp_share_priv.h"

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

static int write_switch(struct rtpp_share *sh, struct rtpp_health *h)
{
	struct rtpp_health_view v;

	rtpp_health_look(h, &v);
	sh->on = !v.disabled;
	sh->url = arena_dup(sh->arena, slice_str(rtpp_health_url(h)));
	return sh->url.p
		? store_relay_enable(sh->store, sh->url, sh->on, rtpp_share_on_done, sh)
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
	return sh->url.p
		? store_relay_report(sh->store, &sh->report, rtpp_share_on_done, sh)
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
		sh->store, urls, sets->relay_count, &sh->relays, rtpp_share_on_done, sh);
}

static int read_sets(struct rtpp_share *sh)
{
	sh->found = (struct store_sets){.arena = arena_new(4096, SHARE_ARENA_MAX)};
	return sh->found.arena
		? store_sets_get(sh->store, &sh->found, rtpp_share_on_done, sh)
		: -ENOMEM;
}

int rtpp_share_step(struct rtpp_share *sh)
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
			return store_sets_seed(sh->store, sh->own, sh->own_count,
				rtpp_share_on_done, sh);
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

void rtpp_share_step_done(struct rtpp_share *sh)
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
