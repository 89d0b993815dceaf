/* All relays of the sets in force. */
#include <errno.h>
#include <stdlib.h>

#include "plugins/rtpp/rtpp_health_priv.h"

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
	for (i = 0; i < hs->count; i++)
		rtpp_health_speak(hs->list[i]);
}

bool rtpp_healths_probing(const struct rtpp_healths *hs)
{
	unsigned i;

	for (i = 0; i < hs->count; i++)
		if (!hs->list[i]->seen && !hs->list[i]->down)
			return true;
	return false;
}

void rtpp_healths_doubt(struct rtpp_healths *hs)
{
	unsigned i;

	for (i = 0; i < hs->count; i++)
		rtpp_health_doubt(hs->list[i]);
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
			list[i] = rtpp_health_new(hs, r);
		if (list[i])
			continue;
		while (i-- > 0)
			if (!list[i]->member)
				rtpp_health_free(list[i]);
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
			rtpp_health_free(old[i]);
	free(old);
	for (i = 0; i < hs->count; i++)
		rtpp_health_begin(list[i]);
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
		rtpp_health_free(hs->list[i]);
	free(hs->list);
	rtpp_generation_drop(&hs->generation);
	free(hs);
}
