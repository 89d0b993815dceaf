/**
 * @file rtpp.h  The plugin's parts on one screen: the service on the control thread, an instance per worker.
 *
 * The service knows the sets and judges the relays' health: it probes those that are down, asks each what it can do, publishes BUS_RELAY_UP and
 * BUS_RELAY_DOWN, and posts what it knows on the board (rtpp_board.h), where the workers look. A worker that meets silence publishes
 * BUS_RELAY_DOWN itself.
 */
#pragma once

#include "core/host/plugin.h"
#include "plugins/rtpp/rtpp_conf.h"
#include "plugins/rtpp/rtpp_offer.h"

/** One per worker. */
struct rtpp_worker {
	struct ph_worker *worker;
	const struct rtpp_conf *conf;
	struct log_source *log;
	struct rtpp_engine engine;
	bool warned_dialog; /* flag n without the plugin dialog */
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
int rtpp_fn_force(void *self, struct ph_msg *msg, const struct ph_arg *args);
void rtpp_cancelled(void *self, struct ph_msg *msg);

/* rtpp_script_order.c; self: struct rtpp_worker */
int rtpp_fn_stream_uac(void *self, struct ph_msg *msg, const struct ph_arg *args);
int rtpp_fn_stream_uas(void *self, struct ph_msg *msg, const struct ph_arg *args);
int rtpp_fn_stop_uac(void *self, struct ph_msg *msg, const struct ph_arg *args);
int rtpp_fn_stop_uas(void *self, struct ph_msg *msg, const struct ph_arg *args);
int rtpp_fn_record(void *self, struct ph_msg *msg, const struct ph_arg *args);
const char *rtpp_check_prompt(const char *text, char why[128]);
const char *rtpp_check_count(const char *text, char why[128]);

/* rtpp_service.c, rtpp_commands.c; self: struct rtpp_service */
int rtpp_service_start(
	struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp);
void rtpp_service_stop(void *self);
void rtpp_service_show(void *self, struct bus_request *req, const json_t *params);
void rtpp_service_enable(void *self, struct bus_request *req, const json_t *params);
void rtpp_service_reload(void *self, struct bus_request *req, const json_t *params);
void rtpp_service_sync(void *self, struct bus_request *req, const json_t *params);
