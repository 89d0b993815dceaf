#include "plugins/rtpp/rtpp_roster.h"

#include <errno.h>
#include <stdlib.h>

#include "core/base/hash.h"

#define BUCKETS 256u

struct rtpp_roster {
	struct rtpp_board *board;
	struct log_source *log;
	struct rtpp_view *now;
	struct rtpp_peer *buckets[BUCKETS];
	unsigned count;
};

static const struct rtpp_sets no_sets;

static struct rtpp_peer **place_of(struct rtpp_roster *r, struct slice url)
{
	struct rtpp_peer **at = &r->buckets[hash_fnv(url) % BUCKETS];

	while (*at && !slice_eq(slice_str((*at)->relay.url), url))
		at = &(*at)->next;
	return at;
}

static struct rtpp_peer *make(struct rtpp_roster *r, const struct rtpp_relay *relay)
{
	struct rtpp_peer **at = place_of(r, slice_str(relay->url)), *p = *at;

	if (p || r->count >= RTPP_MAX_PEERS)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->relay = *relay;
	*at = p;
	r->count++;
	return p;
}

struct rtpp_peer *rtpp_roster_peer(struct rtpp_roster *r, struct slice url)
{
	struct rtpp_peer *p = *place_of(r, url);
	struct rtpp_relay relay;

	if (p)
		return p;
	if (rtpp_url_read(&relay, url) == 0 && !rtpp_relay_is_named(&relay))
		p = make(r, &relay);
	if (!p)
		LOG(r->log, LOG_L_WARN,
			"%.*s: a call's relay that is in no set of this node, and cannot "
			"be reached by that name",
			SLICE_ARG(url));
	return p;
}

/** What the service knows, unless this thread knows something newer. */
static void learn(struct rtpp_peer *p, const struct rtpp_state *s)
{
	/* It may be another release, or have other options, than the one that refused. */
	if (p->features != s->features || (p->down && !s->down))
		p->notify_refused = p->warned_streams = false;
	p->features = s->features;
	p->disabled = s->disabled;
	if (!p->down || s->at_us >= p->down_us)
		p->down = s->down;
}

static void forget_members(struct rtpp_roster *r)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		for (struct rtpp_peer *p = r->buckets[i]; p; p = p->next)
			p->member = false;
}

static void fill(struct rtpp_view *v, const struct rtpp_snapshot *s)
{
	const struct rtpp_sets *sets = &s->generation->sets;

	for (unsigned i = 0; i < sets->relay_count; i++) {
		v->peers[i]->member = true;
		v->peers[i]->relay.addr = sets->relays[i].addr;
		learn(v->peers[i], &s->states[i]);
	}
	for (unsigned i = 0; i < sets->set_count; i++)
		for (unsigned k = 0; k < sets->sets[i].count; k++)
			v->peers[sets->sets[i].nodes[k].relay]->advertised =
				sets->sets[i].nodes[k].advertised;
}

/** Takes the reference of s. NULL without memory, or with too many relays; s is given back then. */
static struct rtpp_view *view_new(struct rtpp_roster *r, struct rtpp_snapshot *s)
{
	const struct rtpp_sets *sets = &s->generation->sets;
	struct rtpp_view *v = calloc(1, sizeof(*v));
	unsigned i;

	if (!v)
		goto fail;
	v->peers = calloc(sets->relay_count + 1, sizeof(struct rtpp_peer *));
	if (!v->peers)
		goto fail;
	for (i = 0; i < sets->relay_count; i++) {
		v->peers[i] = make(r, &sets->relays[i]);
		if (!v->peers[i])
			goto fail;
	}
	v->refs = 1;
	v->snapshot = s;
	v->sets = sets;
	forget_members(r);
	fill(v, s);
	return v;
fail:
	if (v)
		free(v->peers);
	free(v);
	rtpp_snapshot_drop(&s);
	return NULL;
}

struct rtpp_view *rtpp_view_hold(struct rtpp_view *v)
{
	v->refs++;
	return v;
}

void rtpp_view_drop(struct rtpp_view **vp)
{
	struct rtpp_view *v = *vp;

	*vp = NULL;
	if (!v || --v->refs > 0)
		return;
	rtpp_snapshot_drop(&v->snapshot);
	free(v->peers);
	free(v);
}

struct rtpp_view *rtpp_roster_view(struct rtpp_roster *r)
{
	uint64_t seen = r->now->snapshot ? r->now->snapshot->number : 0;
	struct rtpp_snapshot *s;
	struct rtpp_view *v;

	if (rtpp_board_number(r->board) == seen)
		return r->now;
	s = rtpp_board_take(r->board);
	v = s ? view_new(r, s) : NULL;
	if (v) {
		rtpp_view_drop(&r->now);
		r->now = v;
	}
	return r->now;
}

bool rtpp_view_usable(const void *view, unsigned relay)
{
	const struct rtpp_peer *p = ((const struct rtpp_view *)view)->peers[relay];

	return !p->down && !p->disabled;
}

int rtpp_roster_new(
	struct rtpp_roster **out, struct rtpp_board *board, struct log_source *log)
{
	struct rtpp_roster *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->now = calloc(1, sizeof(*r->now)); /* until the service has posted something */
	if (!r->now) {
		free(r);
		return -ENOMEM;
	}
	r->now->refs = 1;
	r->now->sets = &no_sets;
	r->board = board;
	r->log = log;
	*out = r;
	return 0;
}

void rtpp_roster_destroy(struct rtpp_roster **rp)
{
	struct rtpp_roster *r = *rp;

	if (!r)
		return;
	*rp = NULL;
	rtpp_view_drop(&r->now);
	for (unsigned i = 0; i < BUCKETS; i++) {
		while (r->buckets[i]) {
			struct rtpp_peer *p = r->buckets[i];

			r->buckets[i] = p->next;
			free(p);
		}
	}
	free(r);
}
