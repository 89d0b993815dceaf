/* Which relay takes an offer or answer, and what when it does not; then the edit of the SDP. */
#include "plugins/rtpp/rtpp_offer_priv.h"

#include <arpa/inet.h>
#include <errno.h>

#include "plugins/rtpp/rtpp_select.h"

static bool may_try(const void *arg, unsigned relay)
{
	const struct rtpp_offer *o = arg;

	return !o->tried[relay] && rtpp_view_usable(o->ask.view, relay);
}

/** A relay that has never been asked for this call. 0, -ENONET. */
static int choose_fresh(struct rtpp_offer *o)
{
	const struct rtpp_node *next = rtpp_select(
		o->ask.set, hash_sip(o->engine->key, o->ask.msg->call_id), may_try, o);

	if (!next) {
		LOG_OFFER(o, LOG_L_ERR,
			"no relay of set %u can take the call (nh_show_rtpp "
			"shows their state)",
			o->ask.set->id);
		return -ENONET;
	}
	o->place = (struct rtpp_place){
		.peer = o->ask.view->peers[next->relay], .advertised = next->advertised};
	o->tried[next->relay] = true;
	return 0;
}

/** Choose the next relay. 0; -ENONET: none is left. */
static int choose(struct rtpp_offer *o)
{
	if (o->fresh)
		return choose_fresh(o);
	/* One that is in no set any more is probed by nobody: each call finds out for itself. */
	if (o->place.peer->down && o->place.peer->member) {
		LOG_OFFER(o, LOG_L_WARN,
			"%s: the relay of this call is down: nothing is asked of it",
			rtpp_offer_url(o));
		return -ENONET;
	}
	return 0;
}

static void on_answer(void *arg, int err, struct slice text);

static void give_up(struct rtpp_offer *o)
{
	unsigned i;

	for (i = 0; i < o->body.count; i++)
		rtpp_client_cancel(&o->exchanges[i].pending);
	o->waiting = 0;
}

static int send_one(struct rtpp_offer *o, struct rtpp_exchange *x)
{
	return rtpp_client_send(o->engine->client, &x->pending, &o->place.peer->relay,
		x->line, 0, on_answer, x);
}

/** Send the commands of all streams to the relay in hand. 0: they are under way. */
static int send_all(struct rtpp_offer *o)
{
	unsigned i;
	int err;

	for (i = 0; i < o->body.count; i++) {
		struct rtpp_exchange *x = &o->exchanges[i];

		*x = (struct rtpp_exchange){.offer = o};
		err = rtpp_exchange_write(o, x, &o->body.streams[i]);
		if (err != 0) {
			LOG_OFFER(o, LOG_L_WARN,
				"Call-ID or tags cannot be told to a relay: %s",
				err == -EINVAL ? "a character that SIP does not allow"
					       : "too long");
			return err;
		}
	}
	for (i = 0; i < o->body.count; i++) {
		err = send_one(o, &o->exchanges[i]);
		if (err != 0) {
			LOG_OFFER(o, LOG_L_ERR, "%s: cannot be sent to: %s",
				rtpp_offer_url(o), strerror(-err));
			give_up(o);
			return -EHOSTUNREACH;
		}
	}
	o->waiting = o->body.count;
	return 0;
}

void rtpp_offer_end(struct rtpp_offer *o)
{
	give_up(o);
	rtpp_view_drop(&o->ask.view);
}

/** A relay that has made sessions for a call which it will not carry. */
static void clean_up(struct rtpp_offer *o)
{
	unsigned i;

	if (!o->fresh || o->tags.letter != 'U')
		return;
	for (i = 0; i < o->body.count; i++) {
		if (o->exchanges[i].answered && o->exchanges[i].outcome == RTPP_GOOD) {
			(void)rtpp_delete(o->engine, o->place.peer, o->ask.msg->call_id,
				o->tags.a, (struct slice){0});
			return;
		}
	}
}

static void over(struct rtpp_offer *o, int result)
{
	give_up(o);
	o->result = result;
	o->done(o->arg);
}

/** The relay in hand cannot take it: another one for a new call, else the end. */
static void next_relay(struct rtpp_offer *o, int why)
{
	int err;

	give_up(o);
	clean_up(o);
	while (o->fresh && o->tags.initial) {
		err = choose(o);
		if (err != 0)
			break;
		rtpp_client_count(o->engine->client, RTPP_C_FAILOVERS);
		err = send_all(o);
		if (err == 0)
			return;
		if (err != -EHOSTUNREACH)
			break;
	}
	over(o, why);
}

static void on_silence(struct rtpp_offer *o, const struct rtpp_exchange *x, int err)
{
	if (err == -ETIMEDOUT)
		LOG_OFFER(o, LOG_L_ERR,
			"%s: no answer to %c within %u ms: the relay counts as down",
			rtpp_offer_url(o), x->cmd.letter,
			rtpp_client_patience(o->engine->client));
	else
		LOG_OFFER(o, LOG_L_ERR,
			"%s: no answer to %c: %s: the relay counts as down",
			rtpp_offer_url(o), x->cmd.letter, strerror(-err));
	o->engine->on_silent(o->engine->arg, o->place.peer);
	next_relay(o, err);
}

/** Once more, without the words that the relay does not take. */
static void ask_plainly(struct rtpp_offer *o, struct rtpp_exchange *x)
{
	int err = rtpp_exchange_write_plain(o, x);

	if (err == 0)
		err = send_one(o, x);
	if (err != 0)
		over(o, err);
}

/** All streams have their answers. */
static void judge(struct rtpp_offer *o)
{
	bool good = true, elsewhere = false;
	unsigned i;

	for (i = 0; i < o->body.count; i++) {
		good = good && o->exchanges[i].outcome == RTPP_GOOD;
		elsewhere = elsewhere || o->exchanges[i].outcome == RTPP_ELSEWHERE;
	}
	if (good) {
		over(o, 0);
	} else if (elsewhere) {
		next_relay(o, -EBUSY);
	} else {
		clean_up(o);
		over(o, -EPROTO);
	}
}

static void on_answer(void *arg, int err, struct slice text)
{
	struct rtpp_exchange *x = arg;
	struct rtpp_offer *o = x->offer;

	if (err != 0) {
		on_silence(o, x, err);
		return;
	}
	x->outcome = rtpp_exchange_read(o, x, text);
	if (x->outcome == RTPP_NO_NOTIFY) {
		ask_plainly(o, x);
		return;
	}
	x->answered = true;
	if (--o->waiting == 0)
		judge(o);
}

static const char *why_not(int err)
{
	switch (err) {
	case -ENOENT:
		return "there is no SDP";
	case -EALREADY:
		return "the SDP says that a relay is in the path already (flag f ignores "
		       "that)";
	case -EDESTADDRREQ:
		return "a stream of the SDP has no c= line";
	case -EADDRNOTAVAIL:
		return "the SDP's c= line is no IP address, and flag r or a wants it";
	case -E2BIG:
		return "the SDP has too many streams";
	case -EINVAL:
		return "the SDP is malformed";
	default:
		return strerror(-err);
	}
}

/** SDP, tags and memory. 0; errors are logged. */
static int prepare(struct rtpp_offer *o)
{
	struct arena *arena = o->ask.msg->arena;
	int err = rtpp_body_read(&o->body, o->ask.msg, &o->opt);

	if (err != 0) {
		/* Scripts call these functions without looking for SDP first: no reason for a warning. */
		LOG_OFFER(o, err == -ENOENT ? LOG_L_DBG : LOG_L_INFO, "%s", why_not(err));
		return err;
	}
	err = rtpp_tags_of(o->ask.msg, o->ask.answer, o->ask.flags.lookup, &o->tags);
	if (err != 0) {
		LOG_OFFER(o, LOG_L_WARN,
			"From or To has no tag where this function needs one");
		return err;
	}
	o->tried = arena_zalloc(
		arena, (o->ask.view->sets->relay_count + 1) * sizeof(*o->tried));
	o->exchanges = arena_zalloc(
		arena, (o->body.count ? o->body.count : 1) * sizeof(*o->exchanges));
	return o->tried && o->exchanges ? 0 : -ENOMEM;
}

/**
 * A call's relay stays with it. Only an initial offer whose relay has gone down starts anew: nothing is set up yet that
 * would be lost.
 */
static void settle_place(struct rtpp_offer *o)
{
	o->place = o->ask.place;
	o->fresh =
		!o->place.peer || (o->tags.initial && o->place.peer->down && o->ask.set);
}

static int start(struct rtpp_offer *o)
{
	int err;

	settle_place(o);
	do {
		err = choose(o);
		if (err == 0)
			err = send_all(o);
	} while (err == -EHOSTUNREACH && o->fresh && o->tags.initial);
	return err;
}

int rtpp_offer_begin(struct rtpp_offer **out, struct rtpp_engine *e,
	const struct rtpp_offer_ask *ask, void (*done)(void *arg), void *arg)
{
	struct rtpp_offer *o = arena_zalloc(ask->msg->arena, sizeof(*o));
	int err;

	if (!o)
		return -ENOMEM;
	o->engine = e;
	o->ask = *ask;
	o->done = done;
	o->arg = arg;
	o->opt = (struct rtpp_body_options){.flags = &o->ask.flags,
		.marker = e->marker,
		.source = &o->ask.source,
		.max_media = SDP_MAX_MEDIA};
	err = prepare(o);
	if (err != 0 || o->body.count == 0)
		return err;
	rtpp_client_count(e->client, ask->answer ? RTPP_C_ANSWERS : RTPP_C_OFFERS);
	err = start(o);
	if (err != 0)
		return err;
	(void)rtpp_view_hold(o->ask.view);
	*out = o;
	return -EINPROGRESS;
}

static bool is_loopback(const struct addr *a)
{
	if (addr_family(a) == AF_INET)
		return ntohl(a->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
}

int rtpp_offer_finish(struct rtpp_offer *o)
{
	const struct addr *forced = &o->ask.forced, *fallback;
	int err;

	if (o->result != 0)
		return o->result;
	fallback = &o->place.peer->relay.addr;
	/* A relay that names no address is meant to be reached where we reach it. */
	if (!addr_is_set(forced))
		forced = &o->place.advertised;
	if (!addr_is_set(fallback) || is_loopback(fallback))
		fallback = &o->ask.local;
	err = rtpp_body_apply(&o->body, o->ask.msg, &o->opt, forced, fallback);
	if (err != 0) {
		LOG_OFFER(
			o, LOG_L_ERR, "the SDP cannot be rewritten: %s", strerror(-err));
		clean_up(o);
	}
	return err;
}

struct rtpp_peer *rtpp_offer_peer(const struct rtpp_offer *o)
{
	return o->place.peer;
}

unsigned rtpp_offer_audio(const struct rtpp_offer *o)
{
	unsigned i;

	for (i = 0; i < o->body.count; i++)
		if (slice_ieq(o->body.streams[i].media->type, SLICE("audio")))
			return o->body.streams[i].number;
	return 0;
}

unsigned rtpp_offer_patience(const struct rtpp_offer *o)
{
	return rtpp_client_patience(o->engine->client) *
		(o->fresh && o->tags.initial ? o->ask.set->count : 1) *
		(slice_empty(o->ask.notify_tag) ? 1 : 2);
}
