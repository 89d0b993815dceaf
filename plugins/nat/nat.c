/* The plugin's descriptor, and what lies between the host and the files that do the work. */
#include <errno.h>
#include <stdlib.h>

#include "core/host/plugin.h"
#include "plugins/nat/add_rcv_param.h"
#include "plugins/nat/fix_nated_contact.h"
#include "plugins/nat/nat_uac_test.h"

#define NAT_MAX_MEDIA (2 * SDP_MAX_MEDIA) /* c= lines looked at */
/* The tests that need Contact. */
#define CONTACT_TESTS                                                                    \
	(NAT_PRIVATE_CONTACT | NAT_DIFF_IP_SRC_CONTACT | NAT_DIFF_PORT_SRC_CONTACT |     \
		NAT_CARRIER_GRADE)

/** Filled by the host before load(); read-only afterwards. */
struct nat_conf {
	char *received_avp;
};

/** One per worker, touched by its thread alone. */
struct nat {
	struct ph_worker *worker;
	struct log_source *log;
	unsigned first_counter;
	struct script_pv *received; /**< owned; for fix_nated_register() */
};

enum { NAT_C_TESTED, NAT_C_HIT, NAT_C_CONTACTS }; /* indexes of nat_counters */

static void count(const struct nat *nat, unsigned counter)
{
	counter_inc(nat->worker->t.counters, nat->first_counter + counter);
}

/** Addresses of the c= lines of all SDP parts into media; how many. */
static unsigned media_of(struct ph_msg *msg, struct slice media[NAT_MAX_MEDIA])
{
	struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
	int n = sip_sdp_parse(&msg->sip, parts, SDP_MAX_MEDIA), i;
	const struct sdp_addr *a;
	unsigned found = 0, m;

	for (i = 0; i < n; i++) {
		for (a = &parts[i].sdp.conn; a && found < NAT_MAX_MEDIA; a = a->more)
			media[found++] = a->addr;
		for (m = 0; m < parts[i].sdp.media_count; m++)
			for (a = &parts[i].sdp.media[m].conn; a && found < NAT_MAX_MEDIA;
				a = a->more)
				media[found++] = a->addr;
	}
	return found;
}

/** All contacts; NULL: none, "*", or unreadable ones, which are no evidence of a NAT. */
static const struct sip_nameaddr *contacts_of(const struct nat *nat, struct ph_msg *msg)
{
	const struct sip_nameaddr *contacts;
	int err = 0;

	contacts = sip_nameaddrs(&msg->sip, SIP_H_CONTACT, &err);
	if (err != 0)
		PH_LOG_MSG(nat->log, LOG_L_WARN, msg, "nat_uac_test: Contact: %s",
			strerror(-err));
	return err == 0 ? contacts : NULL;
}

static int nat_fn_uac_test(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct nat *nat = self;
	bool kamailio = script_is_kamailio(msg);
	unsigned tests = nat_tests_of(args[0].n, kamailio), hits = 0;
	struct slice media[NAT_MAX_MEDIA];
	struct nat_view view = {.media = media,
		.source = &msg->rx.src,
		.transport = msg->rx.transport,
		.kamailio = kamailio};
	int err;

	if (tests == 0) {
		PH_LOG_MSG(nat->log, LOG_L_ERR, msg,
			"nat_uac_test: %lld is no sum of tests", (long long)args[0].n);
		return PH_FALSE;
	}
	view.via = sip_via_list(&msg->sip, NULL);
	if (tests & CONTACT_TESTS)
		view.contacts = contacts_of(nat, msg);
	if (tests & (NAT_PRIVATE_SDP | NAT_DIFF_IP_SRC_SDP))
		view.media_count = media_of(msg, media);
	err = nat_uac_test(&view, tests, &hits);
	if (err != 0) {
		PH_LOG_MSG(nat->log, LOG_L_WARN, msg, "nat_uac_test: %s", strerror(-err));
		return PH_FALSE;
	}
	count(nat, NAT_C_TESTED);
	if (hits == 0)
		return PH_FALSE;
	count(nat, NAT_C_HIT);
	return PH_TRUE;
}

static int nat_fn_fix_contact(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct nat *nat = self;
	struct slice params = args[0].given ? args[0].s : (struct slice){0};
	int err = fix_nated_contact(&msg->sip, &msg->rx.src, params);

	if (err != 0) {
		/* Requests without Contact are common (ACK, BYE): worth a line only for
		 * who looks for it. */
		PH_LOG_MSG(nat->log, err == -ENOENT ? LOG_L_DBG : LOG_L_WARN, msg,
			"fix_nated_contact: %s",
			err == -ENOENT ? "no Contact to fix" : strerror(-err));
		return PH_FALSE;
	}
	count(nat, NAT_C_CONTACTS);
	return PH_TRUE;
}

static int nat_fn_fix_register(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct nat *nat = self;
	struct script_value v = {.type = SCRIPT_TEXT, .s = ph_source_uri(msg)};
	int err = slice_empty(v.s) ? -ENOMEM : 0;

	(void)args;
	if (err == 0)
		err = script_pv_set(nat->received, nat->worker->env, msg, &v);
	if (err != 0) {
		PH_LOG_MSG(nat->log, LOG_L_ERR, msg, "fix_nated_register: %s",
			strerror(-err));
		return PH_FALSE;
	}
	return PH_TRUE;
}

static int nat_fn_add_rcv_param(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct nat *nat = self;
	struct slice received = ph_source_uri(msg);
	int err = slice_empty(received) ? -ENOMEM : 0;

	if (err == 0)
		err = add_rcv_param(&msg->sip, received, args[0].given && args[0].n != 0);
	if (err != 0) {
		PH_LOG_MSG(
			nat->log, LOG_L_WARN, msg, "add_rcv_param: %s", strerror(-err));
		return PH_FALSE;
	}
	return PH_TRUE;
}

/* Also the way out of a half-done start, so every member may still be NULL. */
static void nat_worker_stop(void *self)
{
	struct nat *nat = self;

	script_pv_free(&nat->received);
	free(nat);
}

static int nat_worker_start(
	struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp)
{
	const struct nat_conf *conf = ctx->conf;
	struct nat *nat = calloc(1, sizeof(*nat));
	char why[128];

	if (!nat)
		return -ENOMEM;
	nat->worker = worker;
	nat->log = ctx->log;
	nat->first_counter = ctx->first_counter;
	nat->received = script_pv_new(conf->received_avp, why);
	if (!nat->received) {
		nat_worker_stop(nat);
		return -EINVAL;
	}
	*selfp = nat;
	return 0;
}

/** For conf_param: the text must be a variable that can be written. */
static const char *check_avp(const char *text)
{
	char why[128];
	struct script_pv *pv = script_pv_new(text, why);
	bool good = pv && script_pv_is_avp(pv);

	script_pv_free(&pv);
	return good ? NULL : "an AVP such as \"$avp(received)\"";
}

static const char *check_flags(const char *text, bool kamailio, char why[128])
{
	int64_t n;

	if (slice_i64(slice_str(text), &n) == 0 && nat_tests_of(n, kamailio) == 0) {
		(void)snprintf(why, 128, "a sum of the tests 1 to %d expected, not %s",
			kamailio ? 256 : 128, text);
		return why;
	}
	return NULL;
}

static const char *check_uri_params(const char *text, char why[128])
{
	if (text[0] == '\0' || fix_nated_contact_params(slice_str(text)))
		return NULL;
	(void)snprintf(why, 128, "URI parameters expected, such as \";nat=yes\"");
	return why;
}

/* clang-format off */
static const struct ph_flag_name nat_tests[] = {
	{"private-contact", NAT_PRIVATE_CONTACT},
	{"diff-ip-src-via", NAT_DIFF_IP_SRC_VIA},
	{"private-via", NAT_PRIVATE_VIA},
	{"private-sdp", NAT_PRIVATE_SDP},
	{"diff-port-src-via", NAT_DIFF_PORT_SRC_VIA},
	{"diff-ip-src-contact", NAT_NAMED(NAT_DIFF_IP_SRC_CONTACT)},
	{"diff-port-src-contact", NAT_NAMED(NAT_DIFF_PORT_SRC_CONTACT)},
	{"carrier-grade-nat", NAT_NAMED(NAT_CARRIER_GRADE)},
	{NULL, 0},
};
static const struct conf_param nat_params[] = {
	{.name = "received_avp", .type = CONF_STR, .dflt = "$avp(received)",
	 .offset = offsetof(struct nat_conf, received_avp), .shared = true, .check = check_avp,
	 .help = "Where fix_nated_register() leaves the source URI of a REGISTER for save()."},
	{.name = NULL},
};
static const struct ph_script_fn nat_functions[] = {
	{.name = "nat_uac_test",
	 .args = {{.kind = PH_ARG_FLAGS, .name = "flags", .flag_names = nat_tests, .check_dialect = check_flags}},
	 .min_args = 1, .max_args = 1, .routes = PH_ROUTES_ALL, .call = nat_fn_uac_test,
	 .help = "True when any of the tests in flags finds that the sender is behind a NAT."},
	{.name = "fix_nated_contact",
	 .args = {{.kind = PH_ARG_FMT, .name = "uri_params", .check = check_uri_params}},
	 .min_args = 0, .max_args = 1,
	 .routes = PH_ROUTE_REQUEST | PH_ROUTE_REPLY | PH_ROUTE_BRANCH | PH_ROUTE_LOCAL,
	 .call = nat_fn_fix_contact,
	 .help = "Puts the packet's source address and port into every Contact URI."},
	{.name = "fix_nated_register",
	 .min_args = 0, .max_args = 0, .routes = PH_ROUTE_REQUEST, .call = nat_fn_fix_register,
	 .help = "Leaves the packet's source as URI in received_avp; save() stores it with the contact."},
	{.name = "add_rcv_param",
	 .args = {{.kind = PH_ARG_INT, .name = "flag"}},
	 .min_args = 0, .max_args = 1, .routes = PH_ROUTE_REQUEST, .call = nat_fn_add_rcv_param,
	 .help = "Adds the packet's source as received parameter to every Contact (1: to its URI)."},
	{.name = NULL},
};
static const struct counter_desc nat_counters[] = {
	[NAT_C_TESTED] = {"nat_tested", "Messages that nat_uac_test() looked at.", COUNTER_TOTAL},
	[NAT_C_HIT] = {"nat_hit", "Messages that nat_uac_test() found to be behind a NAT.", COUNTER_TOTAL},
	[NAT_C_CONTACTS] = {"nat_contacts_fixed", "Messages whose Contact got the public address.", COUNTER_TOTAL},
	{.name = NULL},
};
const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "nat",
	.version = PACKAGE_VERSION,
	.help = "Finds phones behind NAT and repairs the addresses in their signalling.",
	.conf_size = sizeof(struct nat_conf),
	.params = nat_params,
	.functions = nat_functions,
	.counters = nat_counters,
	.worker_start = nat_worker_start, /* no service: workers share nothing but the configuration */
	.worker_stop = nat_worker_stop,
};
