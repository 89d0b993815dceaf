/**
 * @file rtpp_health_priv.h  Between rtpp_health.c (one relay) and rtpp_healths.c (all of them).
 */
#pragma once

#include "plugins/rtpp/rtpp_health.h"

/** One command of a probe under way. */
struct rtpp_question {
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
	struct rtpp_question questions[1 + RTPP_FEATURES];
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

/** NULL without memory. */
struct rtpp_health *rtpp_health_new(
	struct rtpp_healths *hs, const struct rtpp_relay *relay);
void rtpp_health_free(struct rtpp_health *h);
/** The first probe, unless it has had one. */
void rtpp_health_begin(struct rtpp_health *h);
/** A report may have been lost: tell how the next probe ends. */
void rtpp_health_doubt(struct rtpp_health *h);
/** Publish what was kept back. */
void rtpp_health_speak(struct rtpp_health *h);
