/* The plugin's descriptor, and its parameters. */
#include "plugins/rtpp/rtpp.h"

#include <errno.h>
#include <stdio.h>

static const char *check_sock(const char *text)
{
	struct rtpp_sets scratch = {0};
	const char *fault = rtpp_sets_add(&scratch, text);

	rtpp_sets_free(&scratch);
	return fault;
}

static const char *check_seconds(const char *text)
{
	unsigned ms;

	return rtpp_seconds(slice_str(text), &ms) == 0
		? NULL
		: "seconds, more than 0 and at most 60, such as \"1\" or \"0.2\"";
}

static void load_timeout(struct rtpp_conf *conf, struct conf_errors *e)
{
	const char *text = conf->rtpproxy_timeout;

	if (conf->rtpproxy_tout && text)
		conf_error(e, "rtpp", 0,
			"rtpproxy_tout and rtpproxy_timeout are both given: keep "
			"rtpproxy_timeout alone");
	else if (conf->rtpproxy_tout)
		conf_warning(e, "rtpp", 0,
			"rtpproxy_tout is obsolete: write rtpproxy_timeout = \"%s\"",
			conf->rtpproxy_tout);
	if (!text)
		text = conf->rtpproxy_tout ? conf->rtpproxy_tout : "1";
	if (rtpp_seconds(slice_str(text), &conf->timeout_ms) != 0)
		conf->timeout_ms = 1000; /* the row's check has complained */
	if ((uint64_t)conf->timeout_ms * (uint64_t)conf->rtpproxy_retr > PH_PARK_MAX_MS)
		conf_warning(e, "rtpp", 0,
			"rtpproxy_timeout times rtpproxy_retr is more than %u s: no "
			"message waits longer than that",
			PH_PARK_MAX_MS / 1000);
}

static int rtpp_load(void *values, struct conf_errors *e)
{
	struct rtpp_conf *conf = values;
	const struct rtpp_relay *which;
	unsigned i;

	load_timeout(conf, e);
	for (i = 0; i < conf->rtpproxy_sock.count; i++) {
		const char *fault =
			rtpp_sets_add(&conf->sets, conf->rtpproxy_sock.items[i]);

		if (!fault)
			continue;
		if (!check_sock(conf->rtpproxy_sock
					.items[i])) /* together with the others only */
			conf_error(e, "rtpp", 0, "rtpproxy_sock: found \"%s\", want %s",
				conf->rtpproxy_sock.items[i], fault);
		return -EINVAL;
	}
	if (rtpp_sets_resolve(&conf->sets, &which) != 0) {
		conf_error(e, "rtpp", 0,
			"rtpproxy_sock: %s: the host '%s' has no IPv%c address: correct "
			"the name, or write the address",
			which->url, which->host, which->family == AF_INET6 ? '6' : '4');
		return -ENOENT;
	}
	return 0;
}

static void rtpp_unload(void *values)
{
	rtpp_sets_free(&((struct rtpp_conf *)values)->sets);
}

/* clang-format off */
#define MEDIA_ROUTES (PH_ROUTE_REQUEST | PH_ROUTE_REPLY | PH_ROUTE_FAILURE | PH_ROUTE_BRANCH | PH_ROUTE_LOCAL)

static const struct conf_param rtpp_params[] = {
	{.name = "rtpproxy_sock", .type = CONF_LIST, .offset = offsetof(struct rtpp_conf, rtpproxy_sock), .check = check_sock,
	 .help = "Sets of RTP proxies: \"[SETID == ] udp:HOST[:PORT][=WEIGHT] ...\"; port 22222, set 0, weight 1 when left out."},
	{.name = "rtpproxy_timeout", .type = CONF_STR, .offset = offsetof(struct rtpp_conf, rtpproxy_timeout),
	 .check = check_seconds,
	 .help = "Seconds to wait for a reply before a command is sent again, a decimal fraction; 1 when left out."},
	{.name = "rtpproxy_tout", .type = CONF_STR, .offset = offsetof(struct rtpp_conf, rtpproxy_tout), .check = check_seconds,
	 .help = "Obsolete name of rtpproxy_timeout."},
	{.name = "rtpproxy_retr", .type = CONF_INT, .dflt = "5", .min = 1, .max = 100,
	 .offset = offsetof(struct rtpp_conf, rtpproxy_retr),
	 .help = "How often a command is sent, in all, before its RTP proxy counts as down."},
	{.name = "rtpproxy_disable_tout", .type = CONF_INT, .dflt = "60", .min = -1, .max = 86400,
	 .offset = offsetof(struct rtpp_conf, rtpproxy_disable_tout),
	 .help = "Seconds for which an RTP proxy that is down is not probed; 0: probed each second; -1: until it is enabled by command."},
	{.name = "nortpproxy_str", .type = CONF_STR, .dflt = "a=nortpproxy:yes\r\n",
	 .offset = offsetof(struct rtpp_conf, nortpproxy_str), .shared = true, .check = sdp_check_attribute,
	 .help = "The SDP line that says: media of this call goes through a relay already."},
	{.name = NULL},
};

#define FLAGS(hook) {.kind = PH_ARG_FMT, .name = "flags", .check = (hook)}
static const struct ph_script_fn rtpp_functions[] = {
	{.name = "rtpproxy_offer",
	 .args = {FLAGS(rtpp_flags_check_offer), {.kind = PH_ARG_FMT, .name = "ip"}},
	 .min_args = 0, .max_args = 2, .routes = MEDIA_ROUTES, .call = rtpp_fn_offer,
	 .help = "Sends the media of the offer in this message through a relay."},
	{.name = "rtpproxy_answer",
	 .args = {FLAGS(rtpp_flags_check_answer), {.kind = PH_ARG_FMT, .name = "ip"}},
	 .min_args = 0, .max_args = 2, .routes = MEDIA_ROUTES, .call = rtpp_fn_answer,
	 .help = "The same for the answer: the relay of the offer learns the other side."},
	{.name = "unforce_rtp_proxy",
	 .min_args = 0, .max_args = 0, .routes = MEDIA_ROUTES, .call = rtpp_fn_unforce,
	 .help = "The call is over: its relay may forget it."},
	{.name = "rtpproxy_manage",
	 .args = {FLAGS(rtpp_flags_check_answer), {.kind = PH_ARG_FMT, .name = "ip"}},
	 .min_args = 0, .max_args = 2, .routes = MEDIA_ROUTES, .call = rtpp_fn_manage,
	 .help = "Offer, answer or end of the call, whichever this message is."},
	{.name = "set_rtp_proxy_set",
	 .args = {{.kind = PH_ARG_INT, .name = "set"}},
	 .min_args = 1, .max_args = 1, .routes = MEDIA_ROUTES, .call = rtpp_fn_set,
	 .help = "Chooses the set of relays for this message; false when there is no such set."},
	{.name = NULL},
};
static const struct ph_fn_alias rtpp_aliases[] = {
	{"unforce_rtpproxy", "unforce_rtp_proxy"},
	{"rtpproxy_unforce", "unforce_rtp_proxy"},
	{"rtpproxy_destroy", "unforce_rtp_proxy"},
	{"set_rtpproxy_set", "set_rtp_proxy_set"},
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
	{.name = NULL},
};
static const struct ph_mi_cmd rtpp_commands[] = {
	{.name = "nh_show_rtpp", .help = "The RTP proxies of all sets, and their state.", .call = rtpp_service_show},
	{.name = "nh_enable_rtpp", .params = "url enable",
	 .help = "Takes an RTP proxy out of use (0), or back (1), in all its sets.", .call = rtpp_service_enable},
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
	.load = rtpp_load,
	.unload = rtpp_unload,
	.service_start = rtpp_service_start,
	.service_stop = rtpp_service_stop,
	.worker_start = rtpp_worker_start,
	.worker_stop = rtpp_worker_stop,
	.cancelled = rtpp_cancelled,
};
