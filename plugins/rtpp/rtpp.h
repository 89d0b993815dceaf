/**
 * @file rtpp.h  The plugin's parts on one screen: parameters, the service on the control thread, an instance per worker.
 *
 * The service judges the relays' health: it probes those that are down, asks each what it can do, and publishes BUS_RELAY_UP and
 * BUS_RELAY_DOWN. A worker that meets silence publishes BUS_RELAY_DOWN itself. What a worker needs to know beyond
 * that it asks of the service by the request RTPP_REQ_RELAYS: at its start, when a relay came back, after a gap of events.
 */
#pragma once

#include "core/host/plugin.h"
#include "plugins/rtpp/rtpp_conf.h"
#include "plugins/rtpp/rtpp_offer.h"

struct rtpp_conf {
	/* as configured */
	struct conf_list rtpproxy_sock;
	char *rtpproxy_timeout;
	char *rtpproxy_tout;
	int64_t rtpproxy_retr;
	int64_t rtpproxy_disable_tout; /**< s; -1: until an operator enables it */
	char *nortpproxy_str;
	/* prepared by load() */
	struct rtpp_sets sets;
	unsigned timeout_ms;
};

/** To the service: each relay's name with attributes down, disabled, features. */
#define RTPP_REQ_RELAYS "rtpp.relays"
/** Reason of BUS_RELAY_DOWN when it is no failure: the relay's own calls go on there. */
#define RTPP_BY_OPERATOR "disabled by an operator"

/** One per worker. */
struct rtpp_worker {
	struct ph_worker *worker;
	const struct rtpp_conf *conf;
	struct log_source *log;
	struct rtpp_engine engine;
	struct rtpp_ask *asking; /**< RTPP_REQ_RELAYS under way; or NULL */
	bool ask_again;
	struct timer again; /**< the last question had no answer */
};
int rtpp_worker_start(
	struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp);
void rtpp_worker_stop(void *self);

/* rtpp_script.c; self: struct rtpp_worker */
int rtpp_fn_offer(void *self, struct ph_msg *msg, const struct ph_arg *args);
int rtpp_fn_answer(void *self, struct ph_msg *msg, const struct ph_arg *args);
int rtpp_fn_unforce(void *self, struct ph_msg *msg, const struct ph_arg *args);
int rtpp_fn_set(void *self, struct ph_msg *msg, const struct ph_arg *args);
int rtpp_fn_manage(void *self, struct ph_msg *msg, const struct ph_arg *args);
void rtpp_cancelled(void *self, struct ph_msg *msg);

int rtpp_service_start(
	struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp);
void rtpp_service_stop(void *self);
void rtpp_service_show(void *self, struct bus_request *req, const json_t *params);
void rtpp_service_enable(void *self, struct bus_request *req, const json_t *params);
