/* The plugin's descriptor. */
#include "plugins/rtpp/rtpp.h"

/* Literal flags, at load. */
static const char *check_offer(const void *conf, const char *text, char why[128])
{
	struct rtpp_flags f;

	return rtpp_flags_read(slice_str(text), false,
		((const struct rtpp_conf *)conf)->rtpp_notify_socket, &f, why);
}

static const char *check_answer(const void *conf, const char *text, char why[128])
{
	struct rtpp_flags f;

	return rtpp_flags_read(slice_str(text), true,
		((const struct rtpp_conf *)conf)->rtpp_notify_socket, &f, why);
}

/* clang-format off */
#define MEDIA_ROUTES (PH_ROUTE_REQUEST | PH_ROUTE_REPLY | PH_ROUTE_FAILURE | PH_ROUTE_BRANCH | PH_ROUTE_LOCAL)
#define STREAM_ROUTES (PH_ROUTE_REQUEST | PH_ROUTE_REPLY | PH_ROUTE_LOCAL)
#define RECORD_ROUTES (PH_ROUTE_REQUEST | PH_ROUTE_REPLY | PH_ROUTE_FAILURE | PH_ROUTE_BRANCH)

#define FLAGS(hook) {.kind = PH_ARG_FMT, .name = "flags", .check_with = (hook)}
#define PLAY {{.kind = PH_ARG_FMT, .name = "prompt", .check = rtpp_check_prompt}, \
	      {.kind = PH_ARG_INT, .name = "count", .check = rtpp_check_count}}
static const struct ph_script_fn rtpp_functions[] = {
	{.name = "rtpproxy_offer",
	 .args = {FLAGS(check_offer), {.kind = PH_ARG_FMT, .name = "ip"}},
	 .min_args = 0, .max_args = 2, .routes = MEDIA_ROUTES, .call = rtpp_fn_offer,
	 .help = "Sends the media of the offer in this message through a relay."},
	{.name = "rtpproxy_answer",
	 .args = {FLAGS(check_answer), {.kind = PH_ARG_FMT, .name = "ip"}},
	 .min_args = 0, .max_args = 2, .routes = MEDIA_ROUTES, .call = rtpp_fn_answer,
	 .help = "The same for the answer: the relay of the offer learns the other side."},
	{.name = "unforce_rtp_proxy",
	 .min_args = 0, .max_args = 0, .routes = MEDIA_ROUTES, .call = rtpp_fn_unforce,
	 .help = "The call is over: its relay may forget it."},
	{.name = "rtpproxy_manage",
	 .args = {FLAGS(check_answer), {.kind = PH_ARG_FMT, .name = "ip"}},
	 .min_args = 0, .max_args = 2, .routes = MEDIA_ROUTES, .call = rtpp_fn_manage,
	 .help = "Offer, answer or end of the call, whichever this message is."},
	{.name = "set_rtp_proxy_set",
	 .args = {{.kind = PH_ARG_INT, .name = "set"}},
	 .min_args = 1, .max_args = 1, .routes = MEDIA_ROUTES, .call = rtpp_fn_set,
	 .help = "Chooses the set of relays for this message; false when there is no such set."},
	{.name = "force_rtp_proxy",
	 .args = {FLAGS(check_answer), {.kind = PH_ARG_FMT, .name = "ip"}},
	 .min_args = 0, .max_args = 2, .routes = MEDIA_ROUTES, .call = rtpp_fn_force,
	 .help = "Old name: rtpproxy_offer() on an INVITE, rtpproxy_answer() on a reply."},
	{.name = "rtpproxy_stream2uac", .args = PLAY,
	 .min_args = 2, .max_args = 2, .routes = STREAM_ROUTES, .call = rtpp_fn_stream_uac,
	 .help = "Plays a prompt to the side that sent this transaction's request, count times; -1: until it is stopped."},
	{.name = "rtpproxy_stream2uas", .args = PLAY,
	 .min_args = 2, .max_args = 2, .routes = STREAM_ROUTES, .call = rtpp_fn_stream_uas,
	 .help = "The same to the side that answers it."},
	{.name = "rtpproxy_stop_stream2uac",
	 .min_args = 0, .max_args = 0, .routes = STREAM_ROUTES, .call = rtpp_fn_stop_uac,
	 .help = "Stops what is played to the side that sent this transaction's request."},
	{.name = "rtpproxy_stop_stream2uas",
	 .min_args = 0, .max_args = 0, .routes = STREAM_ROUTES, .call = rtpp_fn_stop_uas,
	 .help = "The same for the side that answers it."},
	{.name = "start_recording",
	 .min_args = 0, .max_args = 0, .routes = RECORD_ROUTES, .call = rtpp_fn_record,
	 .help = "The call's relay records all its streams from now on."},
	{.name = NULL},
};
static const struct ph_fn_alias rtpp_aliases[] = {
	{"unforce_rtpproxy", "unforce_rtp_proxy"},
	{"rtpproxy_unforce", "unforce_rtp_proxy"},
	{"rtpproxy_destroy", "unforce_rtp_proxy"},
	{"set_rtpproxy_set", "set_rtp_proxy_set"},
	{"rtpproxy_start_recording", "start_recording"},
	{NULL, NULL},
};
static const struct counter_desc rtpp_counters[] = {
	[RTPP_C_COMMANDS] = {"rtpp_commands", "Commands begun, probes included.", COUNTER_TOTAL},
	[RTPP_C_REPLIES] = {"rtpp_replies", "Commands that got their reply.", COUNTER_TOTAL},
	[RTPP_C_TIMEOUTS] = {"rtpp_timeouts", "Commands without a reply after all their sends.", COUNTER_TOTAL},
	[RTPP_C_RETRANSMISSIONS] = {"rtpp_retransmissions", "Commands sent again.", COUNTER_TOTAL},
	[RTPP_C_ERRORS] = {"rtpp_errors", "Replies that were errors, or could not be read.", COUNTER_TOTAL},
	[RTPP_C_LATE] = {"rtpp_late", "Replies that came twice, or after the last timeout; dropped.", COUNTER_TOTAL},
	[RTPP_C_RELAYS_DOWN] = {"rtpp_relays_down", "RTP proxies that are down now.", COUNTER_GAUGE},
	[RTPP_C_OFFERS] = {"rtpp_offers", "Offers with media to relay.", COUNTER_TOTAL},
	[RTPP_C_ANSWERS] = {"rtpp_answers", "Answers with media to relay.", COUNTER_TOTAL},
	[RTPP_C_DELETES] = {"rtpp_deletes", "Sessions ended (D sent).", COUNTER_TOTAL},
	[RTPP_C_FAILOVERS] = {"rtpp_failovers", "Offers taken to another RTP proxy of the set.", COUNTER_TOTAL},
	[RTPP_C_ECHOES] = {"rtpp_echoes", "Commands that an RTP proxy sent back without understanding them.", COUNTER_TOTAL},
	[RTPP_C_CONNECTIONS] = {"rtpp_connections", "Connections to RTP proxies that are open now (tcp, tcp6, unix, cunix).", COUNTER_GAUGE},
	[RTPP_C_BROKEN] = {"rtpp_broken", "Connections that an RTP proxy closed or that got stuck with commands under way.", COUNTER_TOTAL},
	[RTPP_C_NOTIFY_REFUSED] = {"rtpp_notify_refused", "Offers repeated without notification because the RTP proxy takes none (E75).", COUNTER_TOTAL},
	[RTPP_C_PROMPTS] = {"rtpp_prompts", "Prompts that an RTP proxy began to play.", COUNTER_TOTAL},
	[RTPP_C_PROMPT_STOPS] = {"rtpp_prompt_stops", "Prompts that were stopped.", COUNTER_TOTAL},
	[RTPP_C_RECORDINGS] = {"rtpp_recordings", "Recordings begun.", COUNTER_TOTAL},
	[RTPP_C_SET_CHANGES] = {"rtpp_set_changes", "Times that the sets in force became others.", COUNTER_TOTAL},
	[RTPP_C_RELOADS] = {"rtpp_reloads", "Reloads of the sets from the database that were carried out.", COUNTER_TOTAL},
	[RTPP_C_RELOAD_FAILURES] = {"rtpp_reload_failures", "Reloads that failed and changed nothing.", COUNTER_TOTAL},
	[RTPP_C_STORE_FAILURES] = {"rtpp_store_failures", "Operations on the shared sets that the store did not carry out; tried again.", COUNTER_TOTAL},
	{.name = NULL},
};
static const struct ph_mi_cmd rtpp_commands[] = {
	{.name = "nh_show_rtpp", .help = "The RTP proxies of all sets, and their state.", .call = rtpp_service_show},
	{.name = "nh_enable_rtpp", .params = "url enable",
	 .help = "Takes an RTP proxy out of use (0), or back (1), in all its sets.", .call = rtpp_service_enable},
	{.name = "nh_reload_rtpp", .help = "Reads the sets of RTP proxies from the database anew, in one step.", .call = rtpp_service_reload},
	{.name = "nh_sync_rtpp", .help = "Reads the sets and switches that the nodes share now, not with the next tick.", .call = rtpp_service_sync},
	{.name = NULL},
};
const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "rtpp",
	.version = PACKAGE_VERSION,
	.help = "Sends media through RTP proxies: rtpproxy, or rtpengine on its port for rtpproxy's protocol.",
	.conf_size = sizeof(struct rtpp_conf),
	.params = rtpp_params,
	.functions = rtpp_functions,
	.aliases = rtpp_aliases,
	.counters = rtpp_counters,
	.commands = rtpp_commands,
	.load = rtpp_conf_load,
	.unload = rtpp_conf_unload,
	.prepare = rtpp_conf_prepare,
	.service_start = rtpp_service_start,
	.service_stop = rtpp_service_stop,
	.worker_start = rtpp_worker_start,
	.worker_stop = rtpp_worker_stop,
	.cancelled = rtpp_cancelled,
};
