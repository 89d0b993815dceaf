/* The plugin's descriptor, and what lies between the host and the files that do the work. */
#include "plugins/rtpp/rtpp.h"

#include <errno.h>
#include <stdio.h>

#include "plugins/rtpp/rtpp_select.h"

#define PARK_SLACK_MS 2000 /* the commands' own timers end a wait; the host's deadline is the net below */

/** A message that waits for relays. */
struct waiting {
	struct rtpp_worker *worker;
	struct rtpp_offer *offer;
	const struct rtpp_set *set;
	ph_token token;
};

/** The set that set_rtp_proxy_set() chose for this message, that of the call, or set 0. NULL (logged): there is none. */
static const struct rtpp_set *set_for(struct rtpp_worker *w, struct ph_msg *msg)
{
	const struct rtpp_sets *sets = &w->conf->sets;
	struct slice chosen = ph_prop(msg, BUS_PROP_RTPP_CHOICE);
	const struct rtpp_set *set;
	uint64_t id = 0;

	if (slice_empty(chosen))
		chosen = ph_prop(msg, BUS_PROP_RTPP_SET);
	if (!slice_empty(chosen) && slice_u64(chosen, RTPP_SETID_MAX, &id) != 0)
		return NULL;
	set = rtpp_set_find(sets, id);
	if (!set)
		PH_LOG_MSG(w->log, LOG_L_ERR, msg, "there is no set %llu of RTP proxies (rtpproxy_sock)",
			(unsigned long long)id);
	return set;
}

/**
 * The relay that the call has, or NULL. *set: of the relay, or where a new one is to be looked for. A message without To tag
 * begins the call anew: then a set chosen for it goes before what an earlier attempt left.
 */
static const struct rtpp_node *node_for(struct rtpp_worker *w, struct ph_msg *msg, const struct rtpp_set **set)
{
	struct slice url = ph_prop(msg, BUS_PROP_RELAY_URL), id = ph_prop(msg, BUS_PROP_RTPP_SET);
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);
	const struct rtpp_set *old = NULL;
	const struct rtpp_node *node;
	uint64_t n;

	if (!slice_empty(url) && slice_u64(id, RTPP_SETID_MAX, &n) == 0)
		old = rtpp_set_find(&w->conf->sets, n);
	node = old ? rtpp_set_node(&w->conf->sets, old, url) : NULL;
	if (node && to && !slice_empty(to->tag)) {
		*set = old;
		return node;
	}
	*set = set_for(w, msg);
	return *set == old ? node : NULL;
}

static void remember(struct rtpp_worker *w, struct ph_msg *msg, const struct rtpp_set *set, const struct rtpp_node *node)
{
	char id[16];
	int err;

	(void)snprintf(id, sizeof(id), "%u", set->id);
	err = ph_prop_set(msg, BUS_PROP_RELAY_URL, slice_str(w->conf->sets.relays[node->relay].url));
	if (err == 0)
		err = ph_prop_set(msg, BUS_PROP_RTPP_SET, slice_str(id));
	if (err != 0) /* the Call-ID's hash still finds it while the relays' state does not change */
		PH_LOG_MSG(w->log, LOG_L_WARN, msg, "the call's relay cannot be remembered: %s", strerror(-err));
}

/** D for a call by the tags of msg. */
static int delete_session(struct rtpp_worker *w, struct ph_msg *msg, const struct rtpp_node *node)
{
	struct slice from, to;
	int err = rtpp_tags_plain(&msg->sip, &from, &to);

	if (err == 0)
		err = rtpp_delete(&w->engine, node, msg->sip.call_id, from, to);
	if (err != 0)
		PH_LOG_MSG(w->log, LOG_L_ERR, msg, "%s: D cannot be sent: %s", w->conf->sets.relays[node->relay].url,
			strerror(-err));
	return err;
}

/** An INVITE that begins a call and was cancelled leaves no session behind. */
static bool is_cancelled_call(const struct ph_msg *msg, const struct sip_nameaddr *to)
{
	return msg->sip.kind == SIP_REQUEST && msg->sip.method == SIP_INVITE && to && slice_empty(to->tag) &&
		tm_is_canceled(msg);
}

static void on_done(void *arg)
{
	struct waiting *wait = arg;

	ph_wake(&wait->worker->worker->t, wait->token, 0);
}

static int resume(void *self, struct ph_msg *msg, void *state, int result)
{
	struct rtpp_worker *w = self;
	struct waiting *wait = state;

	rtpp_offer_cancel(wait->offer);
	if (result != 0 || rtpp_offer_finish(wait->offer) != 0)
		return PH_FALSE;
	remember(w, msg, wait->set, rtpp_offer_node(wait->offer));
	if (is_cancelled_call(msg, sip_to(&msg->sip, NULL)))
		(void)delete_session(w, msg, rtpp_offer_node(wait->offer));
	return PH_TRUE;
}

static int park(struct rtpp_worker *w, struct ph_msg *msg, struct waiting *wait)
{
	int err = ph_park(
		msg, resume, w, wait, rtpp_offer_patience(wait->offer) + PARK_SLACK_MS, &wait->token);

	if (err == 0)
		return PH_PARK;
	rtpp_offer_cancel(wait->offer);
	return err == -EBUSY ? PH_STOP : PH_FALSE;
}

/** The function's arguments. False: one is no good (logged). */
static bool read_args(struct rtpp_worker *w, struct ph_msg *msg, const struct ph_arg *args, struct rtpp_offer_ask *ask)
{
	char why[128];
	const char *fault = args[0].given ? rtpp_flags_parse(args[0].s, &ask->flags, why) : NULL;
	struct slice ip = args[1].given ? slice_trim(args[1].s) : (struct slice){0};

	if (!fault && ask->answer && ask->flags.lookup)
		fault = "flag letter 'l' has no meaning in an answer";
	if (!fault && ip.len > 0 && addr_parse_ip(&ask->forced, ip) != 0)
		fault = "the second argument is no IP address";
	if (fault)
		PH_LOG_MSG(w->log, LOG_L_ERR, msg, "%s: %s", ask->answer ? "rtpproxy_answer" : "rtpproxy_offer", fault);
	return !fault;
}

/** Where the packet came in, as phones see it. */
static struct addr local_of(const struct ph_msg *msg)
{
	struct addr a;

	if (msg->sock && addr_parse_ip(&a, slice_str(msg->sock->adv_host)) == 0)
		return a;
	return msg->rx.dst;
}

static int begin(struct rtpp_worker *w, struct ph_msg *msg, const struct ph_arg *args, bool answer)
{
	struct rtpp_offer_ask ask = {.msg = &msg->sip, .answer = answer, .source = msg->rx.src, .local = local_of(msg)};
	struct waiting *wait = arena_zalloc(msg->arena, sizeof(*wait));
	struct slice where = arena_dup(msg->arena, slice_str(script_where(msg)));
	int err;

	if (!wait || !where.p || !read_args(w, msg, args, &ask))
		return PH_FALSE;
	ask.where = where.p;
	ask.node = node_for(w, msg, &ask.set);
	if (!ask.set)
		return PH_FALSE;
	wait->worker = w;
	wait->set = ask.set;
	err = rtpp_offer_begin(&wait->offer, &w->engine, &ask, on_done, wait);
	if (err == -EINPROGRESS)
		return park(w, msg, wait);
	return err == 0 ? PH_TRUE : PH_FALSE;
}

static int rtpp_fn_offer(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return begin(self, msg, args, false);
}

static int rtpp_fn_answer(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return begin(self, msg, args, true);
}

/** The relay of a call, for commands that change nothing in the message. NULL: none (logged). */
static const struct rtpp_node *existing_node(struct rtpp_worker *w, struct ph_msg *msg)
{
	const struct rtpp_set *set;
	const struct rtpp_node *node = node_for(w, msg, &set);

	/* What another choice for this message says does not matter: the session is where it is. */
	if (!node && !slice_empty(ph_prop(msg, BUS_PROP_RELAY_URL))) {
		unsigned i;

		for (i = 0; i < w->conf->sets.set_count && !node; i++)
			node = rtpp_set_node(&w->conf->sets, &w->conf->sets.sets[i], ph_prop(msg, BUS_PROP_RELAY_URL));
	}
	if (!node && set)
		node = rtpp_select(set, hash_sip(w->engine.key, msg->sip.call_id), rtpp_view_usable, w->engine.views);
	return node;
}

static int rtpp_fn_unforce(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct rtpp_worker *w = self;
	const struct rtpp_node *node = existing_node(w, msg);

	(void)args;
	if (!node) {
		PH_LOG_MSG(w->log, LOG_L_WARN, msg, "unforce_rtp_proxy: no relay that could be told");
		return PH_FALSE;
	}
	return delete_session(w, msg, node) == 0 ? PH_TRUE : PH_FALSE;
}

static int rtpp_fn_set(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct rtpp_worker *w = self;
	char id[24];

	if (args[0].n < 0 || !rtpp_set_find(&w->conf->sets, (uint64_t)args[0].n)) {
		PH_LOG_MSG(w->log, LOG_L_ERR, msg, "set_rtp_proxy_set: there is no set %lld (rtpproxy_sock)",
			(long long)args[0].n);
		return PH_FALSE;
	}
	(void)snprintf(id, sizeof(id), "%lld", (long long)args[0].n);
	return ph_prop_set(msg, BUS_PROP_RTPP_CHOICE, slice_str(id)) == 0 ? PH_TRUE : PH_FALSE;
}

static void rtpp_cancelled(void *self, struct ph_msg *msg)
{
	struct rtpp_worker *w = self;
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);

	/* While an offer is under way resume() does it: a D now might come before the last repetition of U. */
	if (to && slice_empty(to->tag) && !slice_empty(ph_prop(msg, BUS_PROP_RELAY_URL))) {
		const struct rtpp_node *node = existing_node(w, msg);

		if (node)
			(void)delete_session(w, msg, node);
	}
}

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

	return rtpp_seconds(slice_str(text), &ms) == 0 ? NULL : "seconds, more than 0 and at most 60, such as \"1\" or \"0.2\"";
}

static const char *check_marker(const char *text)
{
	struct slice line = slice_trim(slice_str(text));

	if (slice_empty(line))
		return NULL; /* neither added nor looked for */
	if (line.len < 3 || !slice_starts(line, SLICE("a=")) || slice_chr(line, '\n') >= 0 || slice_chr(line, '\r') >= 0)
		return "one attribute line such as \"a=nortpproxy:yes\\r\\n\", or an empty text";
	return NULL;
}

static void load_timeout(struct rtpp_conf *conf, struct conf_errors *e)
{
	const char *text = conf->rtpproxy_timeout;

	if (conf->rtpproxy_tout && text)
		conf_error(e, "rtpp", 0, "rtpproxy_tout and rtpproxy_timeout are both given: keep rtpproxy_timeout alone");
	else if (conf->rtpproxy_tout)
		conf_warning(e, "rtpp", 0, "rtpproxy_tout is obsolete: write rtpproxy_timeout = \"%s\"", conf->rtpproxy_tout);
	if (!text)
		text = conf->rtpproxy_tout ? conf->rtpproxy_tout : "1";
	if (rtpp_seconds(slice_str(text), &conf->timeout_ms) != 0)
		conf->timeout_ms = 1000; /* the row's check has complained */
	if ((uint64_t)conf->timeout_ms * (uint64_t)conf->rtpproxy_retr > PH_PARK_MAX_MS)
		conf_warning(e, "rtpp", 0, "rtpproxy_timeout times rtpproxy_retr is more than %u s: no message waits longer than that",
			PH_PARK_MAX_MS / 1000);
}

static int rtpp_load(void *values, struct conf_errors *e)
{
	struct rtpp_conf *conf = values;
	const struct rtpp_relay *which;
	unsigned i;

	load_timeout(conf, e);
	for (i = 0; i < conf->rtpproxy_sock.count; i++) {
		const char *fault = rtpp_sets_add(&conf->sets, conf->rtpproxy_sock.items[i]);

		if (!fault)
			continue;
		if (!check_sock(conf->rtpproxy_sock.items[i])) /* together with the others only */
			conf_error(e, "rtpp", 0, "rtpproxy_sock: found \"%s\", want %s", conf->rtpproxy_sock.items[i], fault);
		return -EINVAL;
	}
	if (rtpp_sets_resolve(&conf->sets, &which) != 0) {
		conf_error(e, "rtpp", 0, "rtpproxy_sock: %s: the host '%s' has no IPv%c address: correct the name, or write the address",
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
	 .offset = offsetof(struct rtpp_conf, nortpproxy_str), .shared = true, .check = check_marker,
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
