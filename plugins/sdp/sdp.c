/* The plugin's descriptor, and what lies between the host and the files that do the work. */
#include <errno.h>
#include <stdlib.h>

#include "core/host/plugin.h"
#include "plugins/sdp/fix_nated_sdp.h"

/** Filled by the host before load(); read-only afterwards. */
struct sdp_conf {
	char *nortpproxy_str;
};

/** One per worker, touched by its thread alone. */
struct sdp_worker {
	struct ph_worker *worker;
	struct log_source *log;
	unsigned first_counter;
	struct slice marker; /**< borrowed from the configuration, without its line end */
};

enum { SDP_C_FIXED }; /* indexes of sdp_counters */

static int sdp_fn_has_sdp(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];

	(void)self;
	(void)args;
	return sip_sdp_parts(&msg->sip, parts) > 0 ? PH_TRUE : PH_FALSE;
}

static int sdp_fn_has_body(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct slice type = args[0].given ? args[0].s : (struct slice){0};

	(void)self;
	return sip_body_is(&msg->sip, type) ? PH_TRUE : PH_FALSE;
}

static int sdp_fn_fix(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct sdp_worker *sdp = self;
	struct addr ip = msg->rx.src;
	const struct sdp_fix_with with = {
		.flags = (unsigned)args[0].n,
		.ip = &ip,
		.marker = sdp->marker,
		.lines = args[2].given ? args[2].s : (struct slice){0},
		.max_media = SDP_MAX_MEDIA,
	};
	int err = args[0].n < 0 || args[0].n > (int64_t)SDP_FIXES ? -EINVAL : 0;

	if (err == 0 && args[1].given)
		err = addr_parse_ip(&ip, slice_trim(args[1].s));
	if (err == 0)
		err = fix_nated_sdp(&msg->sip, &with);
	if (err != 0) {
		/* Scripts call this without asking whether there is SDP: no reason for a
		 * warning. */
		PH_LOG_MSG(sdp->log, err == -ENOENT ? LOG_L_DBG : LOG_L_WARN, msg,
			"fix_nated_sdp: %s",
			err == -ENOENT ? "no SDP to fix" : strerror(-err));
		return PH_FALSE;
	}
	counter_inc(sdp->worker->t.counters, sdp->first_counter + SDP_C_FIXED);
	return PH_TRUE;
}

static int sdp_worker_start(
	struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp)
{
	const struct sdp_conf *conf = ctx->conf;
	struct sdp_worker *sdp = calloc(1, sizeof(*sdp));

	if (!sdp)
		return -ENOMEM;
	sdp->worker = worker;
	sdp->log = ctx->log;
	sdp->first_counter = ctx->first_counter;
	sdp->marker = slice_trim(slice_str(conf->nortpproxy_str));
	*selfp = sdp;
	return 0;
}

static void sdp_worker_stop(void *self)
{
	free(self);
}

static const char *check_flags(const char *text, char why[128])
{
	int64_t n;

	/* 0 is for who adds lines of his own only. */
	if (slice_i64(slice_str(text), &n) == 0 && (n < 0 || n > (int64_t)SDP_FIXES)) {
		(void)snprintf(
			why, 128, "a sum of 1, 2, 4, 8 and 16 expected, not %s", text);
		return why;
	}
	return NULL;
}

static const char *check_ip(const char *text, char why[128])
{
	struct addr ip;

	(void)why;
	if (addr_parse_ip(&ip, slice_trim(slice_str(text))) == 0)
		return NULL;
	return "an IP address expected";
}

static const char *check_lines(const char *text, char why[128])
{
	(void)why;
	if (text[0] == '\0' || fix_nated_sdp_lines(slice_str(text)))
		return NULL;
	return "attribute lines expected, such as \"a=x:1\\r\\na=y\"";
}

/* clang-format off */
static const struct ph_flag_name sdp_fixes[] = {
	{"add-dir-active", SDP_ADD_DIRECTION_ACTIVE},
	{"rewrite-media-ip", SDP_REWRITE_MEDIA_IP},
	{"add-no-rtpproxy", SDP_ADD_NORTPPROXY},
	{"rewrite-origin-ip", SDP_REWRITE_ORIGIN_IP},
	{"rewrite-null-ips", SDP_REWRITE_NULL_IPS},
	{NULL, 0},
};
static const struct conf_param sdp_params[] = {
	{.name = "nortpproxy_str", .type = CONF_STR, .dflt = "a=nortpproxy:yes\r\n",
	 .offset = offsetof(struct sdp_conf, nortpproxy_str), .shared = true, .check = sdp_check_attribute,
	 .help = "The SDP line that says: media of this call goes through a relay already."},
	{.name = NULL},
};
static const struct ph_script_fn sdp_functions[] = {
	{.name = "has_sdp",
	 .min_args = 0, .max_args = 0, .routes = PH_ROUTES_ALL, .call = sdp_fn_has_sdp,
	 .help = "True when the body, or a part of it, is SDP."},
	{.name = "has_body",
	 .args = {{.kind = PH_ARG_FMT, .name = "type"}},
	 .min_args = 0, .max_args = 1, .routes = PH_ROUTES_ALL, .call = sdp_fn_has_body,
	 .help = "True when there is a body, or a body (or a part of it) of that type."},
	{.name = "fix_nated_sdp",
	 .args = {{.kind = PH_ARG_FLAGS, .name = "flags", .flag_names = sdp_fixes, .check = check_flags},
		  {.kind = PH_ARG_FMT, .name = "ip", .check = check_ip},
		  {.kind = PH_ARG_FMT, .name = "lines", .check = check_lines}},
	 .min_args = 1, .max_args = 3,
	 .routes = PH_ROUTE_REQUEST | PH_ROUTE_REPLY | PH_ROUTE_FAILURE | PH_ROUTE_BRANCH | PH_ROUTE_LOCAL,
	 .call = sdp_fn_fix,
	 .help = "Repairs the SDP of a phone behind NAT: addresses become the packet's source, or ip."},
	{.name = NULL},
};
static const struct ph_fn_alias sdp_aliases[] = {
	{"has_body_part", "has_body"},
	{NULL, NULL},
};
static const struct counter_desc sdp_counters[] = {
	[SDP_C_FIXED] = {"sdp_fixed", "Messages whose SDP fix_nated_sdp() went through.", COUNTER_TOTAL},
	{.name = NULL},
};
const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "sdp",
	.version = PACKAGE_VERSION,
	.help = "Repairs session descriptions, and tells whether there is one.",
	.conf_size = sizeof(struct sdp_conf),
	.params = sdp_params,
	.functions = sdp_functions,
	.aliases = sdp_aliases,
	.counters = sdp_counters,
	.worker_start = sdp_worker_start, /* no service: workers share nothing but the configuration */
	.worker_stop = sdp_worker_stop,
};
