/* The plugin's table, and the glue that its instances need. */
#include "plugins/registrar/registrar.h"

#include <errno.h>
#include <stdlib.h>

#include "plugins/registrar/contacts_cmd.h"

static int registrar_worker_start(
	struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp)
{
	const struct registrar_conf *conf = ctx->conf;
	struct registrar *r = calloc(1, sizeof(*r));
	char why[128];

	if (r == NULL)
		return -ENOMEM;
	r->worker = worker;
	r->conf = conf;
	r->log = ctx->log;
	r->first_counter = ctx->first_counter;
	r->rules = (struct register_rules){
		.aor = {.use_domain = conf->use_domain,
			.case_sensitive = conf->case_sensitive},
		.default_expires = conf->default_expires,
		.min_expires = conf->min_expires,
		.max_expires = conf->max_expires,
		.max_contacts = conf->max_contacts,
		.use_path = conf->use_path,
		.path_use_received = conf->path_use_received,
		.path_mode = (enum path_mode)conf->path_mode,
		.trust_received = conf->trust_received,
	};
	r->received = script_pv_new(conf->received_avp, why);
	if (r->received == NULL) {
		free(r);
		return -ENOMEM; /* load() has seen that the name is right */
	}
	*selfp = r;
	return 0;
}

static void registrar_worker_stop(void *self)
{
	struct registrar *r = self;

	script_pv_free(&r->received);
	free(r);
}

static int registrar_service_start(
	struct ph_thread *thread, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct registrar_service *s = calloc(1, sizeof(*s));

	(void)ctx;
	if (s == NULL)
		return -ENOMEM;
	s->thread = thread;
	*selfp = s;
	return 0;
}

static void registrar_service_stop(void *self)
{
	free(self);
}

static int registrar_load(void *values, struct conf_errors *e)
{
	const struct registrar_conf *conf = values;
	unsigned before = conf_error_count(e);

	if (conf->max_expires > 0 && conf->max_expires < conf->min_expires)
		conf_error(e, "registrar", 0,
			"max_expires: found %lld, want 0 or at least "
			"min_expires (%lld)",
			(long long)conf->max_expires, (long long)conf->min_expires);
	return conf_error_count(e) == before ? 0 : -EINVAL;
}

static const char *check_avp(const char *text)
{
	char why[128];
	struct script_pv *pv = script_pv_new(text, why);
	bool good = pv != NULL && script_pv_is_avp(pv);

	script_pv_free(&pv);
	return good ? NULL : "the name of an AVP, such as \"$avp(received)\"";
}

static const char *check_save_flags(const char *text, char why[128])
{
	struct save_flags f;

	return save_flags_parse(&f, slice_str(text), why) == 0 ? NULL : why;
}

/* The second argument of lookup() is flags, or a URI in scripts of Kamailio. */
static const char *check_lookup_flags(const char *text, char why[128])
{
	struct lookup_flags f;

	if (text[0] == '$' || strncasecmp(text, "sip", 3) == 0 ||
		strncasecmp(text, "tel:", 4) == 0)
		return NULL;
	return lookup_flags_parse(&f, slice_str(text), why) == 0 ? NULL : why;
}

#define SECONDS_MAX INT32_MAX

/* clang-format off */
static const struct conf_param registrar_params[] = {
	{.name = "default_expires", .type = CONF_INT, .dflt = "3600", .min = 1, .max = SECONDS_MAX,
	 .offset = offsetof(struct registrar_conf, default_expires),
	 .help = "How long a binding lives when the phone does not say, in s."},
	{.name = "min_expires", .type = CONF_INT, .dflt = "60", .min = 0, .max = SECONDS_MAX,
	 .offset = offsetof(struct registrar_conf, min_expires),
	 .help = "Shorter wishes are answered with 423 and this as Min-Expires, in s."},
	{.name = "max_expires", .type = CONF_INT, .dflt = "0", .min = 0, .max = SECONDS_MAX,
	 .offset = offsetof(struct registrar_conf, max_expires),
	 .help = "Longer wishes are cut to this, in s; 0: no limit."},
	{.name = "max_contacts", .type = CONF_INT, .dflt = "0", .min = 0, .max = STORE_MAX_CONTACTS,
	 .offset = offsetof(struct registrar_conf, max_contacts),
	 .help = "Bindings of one user; a REGISTER that would make more is answered with 503. 0: no limit of its own."},
	{.name = "nat_bflag", .type = CONF_INT, .dflt = "-1", .min = -1, .max = 31, .shared = true,
	 .offset = offsetof(struct registrar_conf, nat_bflag),
	 .help = "The branch flag that means \"behind NAT\": save() keeps it with the contact, lookup() gives it back. -1: none."},
	{.name = "received_avp", .type = CONF_STR, .dflt = "$avp(received)", .shared = true, .check = check_avp,
	 .offset = offsetof(struct registrar_conf, received_avp),
	 .help = "Where fix_nated_register() leaves the source URI of a REGISTER."},
	{.name = "use_domain", .type = CONF_BOOL, .dflt = "0",
	 .offset = offsetof(struct registrar_conf, use_domain),
	 .help = "1: alice@example.org and alice@example.net are two users."},
	{.name = "case_sensitive", .type = CONF_BOOL, .dflt = "1",
	 .offset = offsetof(struct registrar_conf, case_sensitive),
	 .help = "0: Alice and alice are one user."},
	{.name = "use_path", .type = CONF_BOOL, .dflt = "1",
	 .offset = offsetof(struct registrar_conf, use_path),
	 .help = "Keep the Path of a REGISTER; requests to the phone then take it."},
	{.name = "path_mode", .type = CONF_INT, .dflt = "1", .min = 0, .max = 2,
	 .offset = offsetof(struct registrar_conf, path_mode),
	 .help = "Path in the 200: 0 never, 1 for phones with Supported: path, 2 the same and others get 420."},
	{.name = "path_use_received", .type = CONF_BOOL, .dflt = "1",
	 .offset = offsetof(struct registrar_conf, path_use_received),
	 .help = "The received parameter of the topmost Path URI is the phone's address as the edge saw it."},
	{.name = "trust_received", .type = CONF_BOOL, .dflt = "0",
	 .offset = offsetof(struct registrar_conf, trust_received),
	 .help = "Take a Contact's own received parameter. Only where no stranger can register: it aims traffic at any address."},
	{.name = "retry_after", .type = CONF_INT, .dflt = "5", .min = 0, .max = 3600,
	 .offset = offsetof(struct registrar_conf, retry_after),
	 .help = "Retry-After of 503 answers to REGISTER, in s; 0: none."},
	{.name = NULL},
};
static const struct ph_script_fn registrar_functions[] = {
	{.name = "save",
	 .args = {{.kind = PH_ARG_NAME, .name = "domain"},
		  {.kind = PH_ARG_STR, .name = "flags", .check = check_save_flags},
		  {.kind = PH_ARG_FMT, .name = "aor"}},
	 .min_args = 1, .max_args = 3, .routes = PH_ROUTE_REQUEST, .call = registrar_save,
	 .help = "Does what a REGISTER asks and answers it, once the store has confirmed."},
	{.name = "lookup",
	 .args = {{.kind = PH_ARG_NAME, .name = "domain"},
		  {.kind = PH_ARG_FMT, .name = "flags", .check = check_lookup_flags},
		  {.kind = PH_ARG_FMT, .name = "aor"}},
	 .min_args = 1, .max_args = 3, .routes = PH_ROUTE_REQUEST | PH_ROUTE_FAILURE, .call = registrar_lookup,
	 .help = "Replaces the request's target by the bindings of the user that it names."},
	{.name = NULL},
};
static const struct counter_desc registrar_counters[] = {
	[REGISTRAR_C_ACCEPTED] = {"registrar_accepted", "REGISTERs that changed or refreshed bindings.", COUNTER_TOTAL},
	[REGISTRAR_C_UNCHANGED] = {"registrar_unchanged", "Repeated or late REGISTERs: answered, nothing changed.", COUNTER_TOTAL},
	[REGISTRAR_C_QUERIES] = {"registrar_queries", "REGISTERs without Contact: answered with the bindings.", COUNTER_TOTAL},
	[REGISTRAR_C_REJECTED] = {"registrar_rejected", "REGISTERs refused for what they asked.", COUNTER_TOTAL},
	[REGISTRAR_C_STORE_FAILED] = {"registrar_store_failed", "REGISTERs that the store could not do.", COUNTER_TOTAL},
	[REGISTRAR_C_FOUND] = {"registrar_found", "Lookups that found a binding.", COUNTER_TOTAL},
	[REGISTRAR_C_NOT_FOUND] = {"registrar_not_found", "Lookups that found none.", COUNTER_TOTAL},
	[REGISTRAR_C_LOOKUP_FAILED] = {"registrar_lookup_failed", "Lookups that failed.", COUNTER_TOTAL},
	{.name = NULL},
};
static const struct ph_mi_cmd registrar_commands[] = {
	{.name = "contacts", .params = "[aor] [cursor]", .call = registrar_contacts,
	 .help = "Who is registered: one user, or a page of all (go on with the cursor shown, 0 is the end)."},
	{.name = NULL},
};
const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "registrar",
	.version = PACKAGE_VERSION,
	.help = "Keeps where users are reached: save() and lookup().",
	.conf_size = sizeof(struct registrar_conf),
	.params = registrar_params,
	.functions = registrar_functions,
	.counters = registrar_counters,
	.commands = registrar_commands,
	.load = registrar_load,
	.service_start = registrar_service_start,
	.service_stop = registrar_service_stop,
	.worker_start = registrar_worker_start,
	.worker_stop = registrar_worker_stop,
};
/* clang-format on */
