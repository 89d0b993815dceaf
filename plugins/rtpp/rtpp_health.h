/**
 * @file rtpp_health.h  Is each relay well, and what can it do?
 *
 * Probes (V, then VF for each feature) run in the background; no call ever pays for one. Relays are known by URL: one that stays
 * through a change of the sets keeps its state and the operator's switch. On the service's thread.
 */
#pragma once

#include "core/host/plugin.h"
#include "plugins/rtpp/rtpp_board.h"
#include "plugins/rtpp/rtpp_client.h"
#include "plugins/rtpp/rtpp_proto.h"

/** Reason of BUS_RELAY_DOWN when it is no failure: the relay's own calls go on there. */
#define RTPP_BY_OPERATOR "disabled by an operator"

struct rtpp_healths;
struct rtpp_health;

struct rtpp_health_setup {
	struct ph_thread *thread;
	struct rtpp_client *client;
	unsigned first_counter;
	struct log_source *log;
	int64_t disable_tout; /**< rtpproxy_disable_tout, s */
	/** Something that workers go by has changed. */
	void (*changed)(void *arg);
	void *arg;
};

int rtpp_healths_new(struct rtpp_healths **out, const struct rtpp_health_setup *setup);
void rtpp_healths_destroy(struct rtpp_healths **hp);
/** These are the sets now (kept: a reference is taken). New relays are probed at once, those in no set any more are forgotten. 0 or -ENOMEM: as before. */
int rtpp_healths_follow(struct rtpp_healths *hs, struct rtpp_generation *g);
/** Of every relay of the generation, in its order. */
void rtpp_healths_states(const struct rtpp_healths *hs, struct rtpp_state *out);
/** Until here events were kept back: those who want them begin after this service. From now on they are published at once. */
void rtpp_healths_speak(struct rtpp_healths *hs);
/** Is some relay's first probe still under way? */
bool rtpp_healths_probing(const struct rtpp_healths *hs);
/** Workers' reports may have been lost: probe all that are thought to be well. */
void rtpp_healths_doubt(struct rtpp_healths *hs);

/** By URL; NULL. */
struct rtpp_health *rtpp_health_find(struct rtpp_healths *hs, struct slice url);
/** By index of the generation's relays. */
struct rtpp_health *rtpp_health_at(struct rtpp_healths *hs, unsigned relay);
const char *rtpp_health_url(const struct rtpp_health *h);
/** A worker has met silence. */
void rtpp_health_report(struct rtpp_health *h, const char *reason);
/** Another node says that it is down: have a look, it may be well from here. */
void rtpp_health_probe(struct rtpp_health *h);
/** The operator's switch, thrown here (by_command) or on another node. On: it is used at once, whatever it was, and probed. */
void rtpp_health_switch(struct rtpp_health *h, bool on, bool by_command);

struct rtpp_health_view {
	bool down, disabled;
	int64_t recheck_ticks; /**< s of uptime at which it may be probed again; 0: in use; RTPP_NEVER */
	int64_t until;     /**< the same as s since 1970; 0: in use; INT64_MAX: never */
	const char *error; /**< why it went down last; "" */
};
#define RTPP_NEVER 4294967295 /**< as recheck_ticks: until an operator enables it */
void rtpp_health_look(const struct rtpp_health *h, struct rtpp_health_view *out);

/** What rtpp_share.c has to do about a relay. */
struct rtpp_health_notes {
	bool switched;  /**< the operator's switch was thrown here: to be written */
	bool reported;  /**< up or down has changed: to be written */
	uint64_t heard; /**< another node's report that was acted on last */
};
struct rtpp_health_notes *rtpp_health_notes(struct rtpp_health *h);
