/**
 * @file rtpp_offer_priv.h  Between rtpp_offer.c (which relay, and when it is over) and rtpp_exchange.c (a stream's command and its answer).
 */
#pragma once

#include <string.h>

#include "plugins/rtpp/rtpp_offer.h"

/** One stream's command at the relay in hand. */
struct rtpp_exchange {
	struct rtpp_offer *offer;
	struct rtpp_pending pending;
	struct rtpp_command cmd;
	struct slice line;
	bool answered;
	enum rtpp_outcome outcome;
};

struct rtpp_offer {
	struct rtpp_engine *engine;
	struct rtpp_offer_ask ask;
	struct rtpp_body_options opt;
	struct rtpp_body body;
	struct rtpp_tags tags;
	struct rtpp_place place; /* the relay in hand */
	bool *tried;             /* by relay of the view */
	bool fresh; /* the call has no relay yet: any may take it, and a failure is cleaned up */
	struct rtpp_exchange *exchanges; /* one for each stream */
	unsigned waiting;
	int result;
	void (*done)(void *arg);
	void *arg;
};

static inline const char *rtpp_offer_name(const struct rtpp_offer *o)
{
	return o->ask.answer ? "rtpproxy_answer" : "rtpproxy_offer";
}

static inline const char *rtpp_offer_url(const struct rtpp_offer *o)
{
	return o->place.peer->relay.url;
}

#define LOG_OFFER(o, level, fmt, ...)                                                    \
	LOG_CALL((o)->engine->log, (level), (o)->ask.msg->call_id, "%s: %s: " fmt,       \
		(o)->ask.where, rtpp_offer_name(o), ##__VA_ARGS__)

/** Write the command for the relay in hand. 0; -EINVAL, -EMSGSIZE: Call-ID or tags cannot be told; -ENOMEM. */
int rtpp_exchange_write(
	struct rtpp_offer *o, struct rtpp_exchange *x, const struct rtpp_stream *s);
/** Once more, without the words about notification, which the relay has refused. */
int rtpp_exchange_write_plain(struct rtpp_offer *o, struct rtpp_exchange *x);
/** Read the answer into the stream. What is no good is logged here. */
enum rtpp_outcome rtpp_exchange_read(
	struct rtpp_offer *o, struct rtpp_exchange *x, struct slice text);
