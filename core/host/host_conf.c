#include "core/host/host_conf.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log_ring.h"

#ifndef PH_PLUGIN_DIR
#define PH_PLUGIN_DIR "/usr/local/lib/pinhole"
#endif

/* It stands in keys of the store and in commands. */
static const char *check_node(const char *text)
{
	static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(text);

	return len <= 64 && strspn(text, legal) == len ? NULL : "at most 64 letters, digits, '.', '_' and '-'";
}

static const char *check_user(const char *text)
{
	return *text == '\0' || getpwnam(text) != NULL ? NULL : "a user of this machine";
}

static const char *check_group(const char *text)
{
	return *text == '\0' || getgrnam(text) != NULL ? NULL : "a group of this machine";
}

static const char *check_define(const char *text)
{
	size_t len = strcspn(text, "=");

	for (size_t i = 0; i < len; i++)
		if (!isalpha((unsigned char)text[i]) && text[i] != '_' && (i == 0 || !isdigit((unsigned char)text[i])))
			return "NAME or NAME=text, with letters, digits and '_' in the name";
	return len > 0 ? NULL : "NAME or NAME=text";
}

static const char *check_alias(const char *text)
{
	static const char want[] = "a host name or an address, with or without :PORT";
	static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	struct slice whole = slice_str(text), host = whole, port;
	uint64_t n = 1;
	struct addr a;

	if (*text == '[')
		return addr_parse(&a, whole, 0) == 0 ? NULL : want;
	if (slice_cut(whole, ':', &host, &port) && (slice_u64(port, 65535, &n) != 0 || n == 0))
		return want;
	if (host.len == 0 || *host.p == '.' || slice_find(host, SLICE("..")) >= 0)
		return want;
	for (size_t i = 0; i < host.len; i++)
		if (strchr(legal, host.p[i]) == NULL)
			return want;
	return NULL;
}

/* A line end in it would begin a header of its own. */
static const char *check_header(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return "one line without control characters";
	return NULL;
}

static const char *check_level(const char *text)
{
	enum log_level level;

	return log_level_parse(slice_str(text), &level) == 0 ? NULL : "debug, info, notice, warn, err, crit or alert";
}

static const char *check_target(const char *text)
{
	return strcmp(text, "stderr") == 0 || strcmp(text, "syslog") == 0 ? NULL : "\"stderr\" or \"syslog\"";
}

static const char *check_dialect(const char *text)
{
	if (strcmp(text, "auto") == 0 || strcmp(text, "opensips") == 0 || strcmp(text, "kamailio") == 0)
		return NULL;
	return "\"auto\", \"opensips\" or \"kamailio\"";
}

static const char *check_secret(const char *text)
{
	return strlen(text) >= 16 ? NULL : "at least 16 characters";
}

#define AT(member) offsetof(struct host_conf, member)
/* clang-format off */
static const struct conf_param top_params[] = {
	{.name = "node", .type = CONF_STR, .offset = AT(node), .check = check_node,
	 .absent = "the host name", .help = "Name of this node, unique in a cluster."},
	{.name = "workers", .type = CONF_INT, .dflt = "0", .min = 0, .max = 256, .offset = AT(workers),
	 .help = "Worker threads; 0: one per core."},
	{.name = "script", .type = CONF_STR, .offset = AT(script),
	 .help = "The route script; a relative name is looked for beside the configuration file."},
	{.name = "plugin_dir", .type = CONF_STR, .dflt = PH_PLUGIN_DIR, .offset = AT(plugin_dir),
	 .help = "Folders with plugins, separated by ':'."},
	{.name = "user", .type = CONF_STR, .offset = AT(user), .check = check_user, .help = "User to run as once the sockets are open."},
	{.name = "group", .type = CONF_STR, .offset = AT(group), .check = check_group, .absent = "the user's",
	 .help = "Group to run as."},
	{.name = "shutdown_timeout", .type = CONF_INT, .dflt = "10", .min = 0, .max = 3600, .offset = AT(shutdown_timeout),
	 .help = "Seconds that transactions in flight have after SIGTERM."},
	{.name = "secret", .type = CONF_STR, .offset = AT(secret), .secret = true, .check = check_secret,
	 .help = "What the nodes of a cluster sign with; default: made once and shared through the store."},
	{.name = "secret_file", .type = CONF_STR, .offset = AT(secret_file), .help = "File whose first line is the secret."},
	{.name = "script_dialect", .type = CONF_STR, .dflt = "auto", .offset = AT(script_dialect), .check = check_dialect,
	 .help = "Meaning of the script where OpenSIPS and Kamailio differ: auto, opensips or kamailio."},
	{.name = "script_defines", .type = CONF_LIST, .offset = AT(script_defines), .check = check_define, .help = "Names defined before the script is read."},
	{.name = "script_skip_globals", .type = CONF_BOOL, .dflt = "0", .offset = AT(script_skip_globals),
	 .help = "Warn about loadmodule, modparam and settings in the script instead of refusing them."},
	{.name = "plugins", .type = CONF_LIST, .offset = AT(plugins), .help = "Plugins to load, in this order."},
	{.name = "aliases", .type = CONF_LIST, .offset = AT(aliases), .check = check_alias, .help = "Host names that are ours beside the listen addresses."},
	{.name = "server_header", .type = CONF_STR, .dflt = "pinhole", .offset = AT(server_header), .check = check_header,
	 .help = "Server header of replies made here; empty: none."},
	{0},
};
#undef AT
#define AT(member) offsetof(struct host_limits, member)
static const struct conf_param limit_params[] = {
	{.name = "parked", .type = CONF_INT, .dflt = "10000", .min = 1, .max = 1000000, .offset = AT(parked),
	 .help = "Messages of one worker that may wait for the outside world."},
	{.name = "transactions", .type = CONF_INT, .dflt = "100000", .min = 10, .max = 10000000, .offset = AT(transactions),
	 .help = "Transactions of one worker."},
	{.name = "calls", .type = CONF_INT, .dflt = "200000", .min = 10, .max = 10000000, .offset = AT(calls),
	 .help = "Call records of one worker."},
	{.name = "call_idle", .type = CONF_INT, .dflt = "43200", .min = 10, .max = 864000, .offset = AT(call_idle),
	 .help = "Seconds after which a call record without use is forgotten."},
	{.name = "message", .type = CONF_INT, .dflt = "65535", .min = 1024, .max = 65535, .offset = AT(message),
	 .help = "Bytes of one SIP message."},
	{.name = "headers", .type = CONF_INT, .dflt = "256", .min = 16, .max = 4096, .offset = AT(headers),
	 .help = "Header fields of one message."},
	{.name = "message_memory", .type = CONF_INT, .dflt = "1048576", .min = 131072, .max = 67108864, .offset = AT(arena),
	 .help = "Bytes of memory that the work on one message may take."},
	{.name = "bad_answers", .type = CONF_INT, .dflt = "200", .min = 0, .max = 1000000, .offset = AT(bad_answers),
	 .help = "Bad messages a second that one worker answers with an error; above it they are dropped and counted."},
	{.name = "max_while_loops", .type = CONF_INT, .dflt = "100", .min = 1, .max = 1000000, .offset = AT(script_loops),
	 .help = "Turns of one loop in the script."},
	{.name = "script_steps", .type = CONF_INT, .dflt = "1000000", .min = 1000, .max = 100000000, .offset = AT(script_steps),
	 .help = "Instructions of one run of the script."},
	{0},
};
#undef AT
struct log_values {
	char *level, *to;
	int64_t buffer;
};
static const struct conf_param log_params[] = {
	{.name = "level", .type = CONF_STR, .dflt = "info", .offset = offsetof(struct log_values, level), .check = check_level,
	 .help = "From which level on lines are written; any plugin or part of the daemon may have one of its own: nat = \"debug\"."},
	{.name = "to", .type = CONF_STR, .dflt = "stderr", .offset = offsetof(struct log_values, to), .check = check_target,
	 .help = "stderr or syslog."},
	{.name = "buffer", .type = CONF_INT, .dflt = "1048576", .min = LOG_RING_MIN, .max = LOG_RING_MAX, .offset = offsetof(struct log_values, buffer),
	 .help = "Bytes of lines that wait for whoever reads the log; a quarter is for level err and above. What finds it full is left out, "
		 "counted (log_dropped) and told of."},
	{0},
};
/* clang-format on */

const struct host_conf_table host_conf_tables[] = {
	{"", top_params}, {"log", log_params}, {"limits", limit_params}, {"tm", tm_params}, {"tcp", net_tcp_params}, {"tls", net_tls_params},
	{"dns", dns_params}, {"storage", store_params}, {0}};

static const char *const group_names[] = {
	"log", "listen", "storage", "limits", "tm", "tcp", "tls", "dns", NULL};

static bool is_among(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

bool host_conf_is_own(const char *name)
{
	return conf_find(top_params, name) || is_among(group_names, name);
}

static char *join_path(const char *dir, const char *name)
{
	char *out = NULL;

	if (name[0] == '/')
		return strdup(name);
	if (asprintf(&out, "%s/%s", dir, name) < 0)
		return NULL;
	return out;
}

/* A member with the type that text looks like, as if it stood in the file. NULL: not a name for one. */
static config_setting_t *add_scalar(config_setting_t *group, const char *name, const char *text)
{
	bool yes = strcmp(text, "true") == 0, no = strcmp(text, "false") == 0;
	config_setting_t *s;
	int64_t n;

	if (slice_i64(slice_str(text), &n) == 0 && n <= INT_MAX && n >= INT_MIN) {
		s = config_setting_add(group, name, CONFIG_TYPE_INT);
		if (s)
			config_setting_set_int(s, (int)n);
	} else if (yes || no) {
		s = config_setting_add(group, name, CONFIG_TYPE_BOOL);
		if (s)
			config_setting_set_bool(s, yes);
	} else {
		s = config_setting_add(group, name, CONFIG_TYPE_STRING);
		if (s)
			config_setting_set_string(s, text);
	}
	return s;
}

/* "key=value" or "group.key=value": put into the tree, so that it is checked like the file's text. */
static void apply_override(struct host_conf *c, const char *text, struct conf_errors *e)
{
	const char *eq = strchr(text, '=');
	const char *dot = eq ? memchr(text, '.', (size_t)(eq - text)) : NULL;
	config_setting_t *group = config_root_setting(&c->tree), *s;
	char name[128];

	if (!eq || eq == text || (size_t)(eq - text) >= sizeof(name)) {
		conf_error(e, "-o", 0, "'%s': expected key=value or group.key=value", text);
		return;
	}
	if (dot) {
		snprintf(name, sizeof(name), "%.*s", (int)(dot - text), text);
		s = config_setting_get_member(group, name);
		group = s ? s : config_setting_add(group, name, CONFIG_TYPE_GROUP);
		text = dot + 1;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(eq - text), text);
	if (!group || !config_setting_is_group(group)) {
		conf_error(e, "-o", 0, "'%s': what stands before the dot is not a group", name);
		return;
	}
	config_setting_remove(group, name);
	s = add_scalar(group, name, eq + 1);
	if (!s)
		conf_error(e, "-o", 0, "'%s' is not a name that can be set", name);
}

static void listen_one(
	struct net_socks_builder **b, const config_setting_t *s, struct conf_errors *e)
{
	const char *address = NULL, *advertise = NULL;
	char why[256];

	if (config_setting_type(s) == CONFIG_TYPE_STRING) {
		address = config_setting_get_string(s);
	} else if (config_setting_is_group(s)) {
		for (int i = 0; i < config_setting_length(s); i++) {
			config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
			const char *name = config_setting_name(m);

			if (config_setting_type(m) != CONFIG_TYPE_STRING)
				conf_error_at(e, m, "listen: %s: expected a string", name);
			else if (strcmp(name, "address") == 0)
				address = config_setting_get_string(m);
			else if (strcmp(name, "advertise") == 0)
				advertise = config_setting_get_string(m);
			else
				conf_error_at(e, m, "listen: unknown name '%s': expected address or advertise", name);
		}
	}
	if (!address)
		conf_error_at(e, s, "listen: expected \"udp:ADDRESS[:PORT]\" (or tcp, tls) or "
			"{ address = \"...\"; advertise = \"HOST[:PORT]\"; }");
	else if (net_socks_add(b, address, advertise, why) != 0)
		conf_error_at(e, s, "listen: \"%s\": %s", address, why);
}

static void read_listen(struct host_conf *c, struct conf_errors *e)
{
	config_setting_t *s = config_lookup(&c->tree, "listen");
	struct net_socks_builder *b = NULL;
	unsigned before = conf_error_count(e);

	if (!s) {
		conf_error(e, c->path, 0, "listen is missing: expected for instance listen = ( \"udp:192.0.2.1:5060\" );");
		return;
	}
	if (config_setting_is_list(s) || config_setting_is_array(s)) {
		for (int i = 0; i < config_setting_length(s); i++)
			listen_one(&b, config_setting_get_elem(s, (unsigned)i), e);
	} else {
		listen_one(&b, s, e);
	}
	if (b && net_socks_finish(&b, &c->socks) != 0)
		conf_error_at(e, s, "listen: no memory");
	if (!c->socks.count && conf_error_count(e) == before)
		conf_error_at(e, s, "listen: no address: expected at least one, for instance \"udp:192.0.2.1:5060\"");
}

/* A name of a file in *path, as it stands in the configuration, becomes a whole path. 0 or -ENOMEM. */
static int whole_path(const struct host_conf *c, char **path)
{
	char *full = *path ? join_path(c->dir, *path) : NULL;

	if (*path && !full)
		return -ENOMEM;
	free(*path);
	*path = full;
	return 0;
}

/* A member of tls.domains, at *d, which is empty. */
static int read_domain(struct host_conf *c, struct net_tls_domain *d, const config_setting_t *s, struct conf_errors *e)
{
	unsigned before = conf_error_count(e);

	conf_read(net_tls_domain_params, s, "tls.domains", d, e);
	if (!d->name && conf_error_count(e) == before)
		conf_error_at(e, s, "tls.domains: name is missing: expected for instance { name = \"example.org\"; certificate = \"example.org.pem\"; }");
	if (!d->certificate && conf_error_count(e) == before)
		conf_error_at(e, s, "tls.domains: certificate is missing: expected the name of a PEM file");
	for (const struct net_tls_domain *o = c->tls.domains; d->name && o < d; o++)
		if (o->name && strcasecmp(o->name, d->name) == 0)
			conf_error_at(e, s, "tls.domains: \"%s\" is listed twice", d->name);
	return whole_path(c, &d->certificate) == 0 && whole_path(c, &d->private_key) == 0 ? 0 : -ENOMEM;
}

config_setting_t *host_conf_tls_domain(const struct host_conf *c, unsigned i)
{
	config_setting_t *s = config_lookup(&c->tree, "tls.domains");

	return s && config_setting_is_list(s) ? config_setting_get_elem(s, i) : s;
}

static int read_tls(struct host_conf *c, struct conf_errors *e)
{
	const config_setting_t *s = config_lookup(&c->tree, "tls.domains");
	unsigned before = conf_error_count(e);
	int count = 0, err = 0;

	conf_read(net_tls_params, config_lookup(&c->tree, "tls"), "tls", &c->tls, e);
	c->net.tls_handshake_timeout = c->tls.handshake_timeout;
	if (s)
		count = config_setting_is_list(s) ? config_setting_length(s) : config_setting_is_group(s);
	c->tls.domains = calloc((size_t)count + 1, sizeof(*c->tls.domains));
	if (!c->tls.domains)
		return -ENOMEM;
	for (int i = 0; err == 0 && i < count; i++) {
		const config_setting_t *member = host_conf_tls_domain(c, (unsigned)i);

		if (!config_setting_is_group(member))
			continue; /* told */
		err = read_domain(c, &c->tls.domains[c->tls.domain_count], member, e);
		c->tls.domain_count++;
	}
	c->tls_refused = conf_error_count(e) > before;
	if (err == 0)
		err = whole_path(c, &c->tls.certificate);
	if (err == 0)
		err = whole_path(c, &c->tls.private_key);
	return err == 0 ? whole_path(c, &c->tls.ca) : err;
}

static int read_log(struct host_conf *c, struct conf_errors *e)
{
	const config_setting_t *s = config_lookup(&c->tree, "log"), *member;
	struct log_values v = {0};

	if (conf_defaults(log_params, &v) != 0)
		return -ENOMEM;
	if (s && !config_setting_is_group(s))
		conf_read(log_params, s, "log", &v, e); /* says so */
	for (const struct conf_param *row = log_params; s && config_setting_is_group(s) && row->name; row++)
		if ((member = config_setting_get_member(s, row->name)) != NULL)
			(void)conf_read_one(row, member, "log", &v, e); /* told in e */
	c->log_level = LOG_L_INFO;
	(void)log_level_parse(slice_str(v.level), &c->log_level);
	c->log_syslog = strcmp(v.to, "syslog") == 0;
	c->log_buffer = v.buffer;
	conf_values_free(log_params, &v);
	return 0;
}

/* The level of one plugin or part. */
static void source_level(const config_setting_t *s, struct conf_errors *e)
{
	const struct conf_param row = {.name = config_setting_name(s), .type = CONF_STR, .check = check_level};
	struct log_values v = {0};
	enum log_level level;

	if (conf_read_one(&row, s, "log", &v, e) == 0 && log_level_parse(slice_str(v.level), &level) == 0)
		log_set_level(row.name, level);
	free(v.level);
}

void host_conf_log_levels(const struct host_conf *c, const char *const *sources, const char *const *absent, struct conf_errors *e)
{
	static const char *const own[] = {"level", "to", "buffer", NULL};
	const config_setting_t *s = config_lookup(&c->tree, "log");

	for (int i = 0; s && config_setting_is_group(s) && i < config_setting_length(s); i++) {
		const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
		const char *name = config_setting_name(m), *near;

		if (conf_find(log_params, name))
			continue;
		if (is_among(sources, name)) {
			source_level(m, e);
		} else if (is_among(absent, name)) {
			conf_warning(e, c->path, (unsigned)config_setting_source_line(m), "log.%s: this plugin is not enabled (plugins)", name);
		} else {
			near = conf_nearest(name, own);
			near = near ? near : conf_nearest(name, sources);
			conf_error_at(e, m, "log.%s: unknown name%s%s%s", name, near ? ", did you mean \"" : "", near ? near : "",
				near ? "\"?" : "");
		}
	}
}

/* The keys that stand by themselves at the top of the file. Unknown ones are judged when the plugins are known. */
static void read_top(struct host_conf *c, struct conf_errors *e)
{
	config_setting_t *root = config_root_setting(&c->tree);

	for (int i = 0; i < config_setting_length(root); i++) {
		config_setting_t *s = config_setting_get_elem(root, (unsigned)i);
		const struct conf_param *row = conf_find(top_params, config_setting_name(s));

		if (row)
			conf_read_one(row, s, "", c, e);
	}
}

static int complete(struct host_conf *c, struct conf_errors *e)
{
	char host[HOST_NAME_MAX + 1] = "node";

	if (!c->node || !*c->node) {
		gethostname(host, HOST_NAME_MAX);
		free(c->node);
		c->node = strdup(host);
	}
	if (c->script) {
		char *full = join_path(c->dir, c->script);

		free(c->script);
		c->script = full;
	} else if (!config_lookup(&c->tree, "script")) {
		conf_error(e, c->path, 0, "script is missing: expected the name of a route script, for instance script = \"edge.route\";");
	}
	if (c->secret && c->secret_file)
		conf_error(e, c->path, 0, "secret and secret_file: expected one of them, not both");
	c->limits.shutdown_timeout = c->shutdown_timeout;
	c->tm.max_transactions = c->limits.transactions;
	c->tm.retry_after = 5;
	if (c->dns.min_ttl > c->dns.max_ttl)
		conf_error_at(e, config_lookup(&c->tree, "dns"), "dns.min_ttl: found %lld, want at most dns.max_ttl (%lld)",
			(long long)c->dns.min_ttl, (long long)c->dns.max_ttl);
	c->net.max_message = c->limits.message;
	c->net.udp_rcvbuf = 4194304;
	return c->node ? 0 : -ENOMEM;
}

static int set_paths(struct host_conf *c, const char *path)
{
	char *copy = strdup(path);

	c->path = strdup(path);
	c->dir = copy ? strdup(dirname(copy)) : NULL;
	free(copy);
	return c->path && c->dir ? 0 : -ENOMEM;
}

int host_conf_read(struct host_conf *c, const char *path, const struct host_override *overrides, struct conf_errors *e)
{
	memset(c, 0, sizeof(*c));
	config_init(&c->tree);
	if (set_paths(c, path) != 0 || conf_defaults(top_params, c) != 0 || conf_defaults(limit_params, &c->limits) != 0 ||
		conf_defaults(tm_params, &c->tm) != 0 || conf_defaults(net_tcp_params, &c->net) != 0 ||
		conf_defaults(dns_params, &c->dns) != 0 || conf_defaults(store_params, &c->store) != 0 || conf_defaults(net_tls_params, &c->tls) != 0)
		return -ENOMEM;
	if (access(path, R_OK) != 0) {
		int err = errno;

		conf_error(e, path, 0, "cannot be read: %s", strerror(err));
		return -err;
	}
	config_set_include_dir(&c->tree, c->dir);
	if (!config_read_file(&c->tree, path)) {
		const char *file = config_error_file(&c->tree);

		conf_error(e, file ? file : path, (unsigned)config_error_line(&c->tree), "%s", config_error_text(&c->tree));
		return -EINVAL;
	}
	for (; overrides; overrides = overrides->next)
		apply_override(c, overrides->text, e);
	read_top(c, e);
	conf_read(limit_params, config_lookup(&c->tree, "limits"), "limits", &c->limits, e);
	conf_read(tm_params, config_lookup(&c->tree, "tm"), "tm", &c->tm, e);
	conf_read(net_tcp_params, config_lookup(&c->tree, "tcp"), "tcp", &c->net, e);
	conf_read(dns_params, config_lookup(&c->tree, "dns"), "dns", &c->dns, e);
	conf_read(store_params, config_lookup(&c->tree, "storage"), "storage", &c->store, e);
	read_listen(c, e);
	if (read_tls(c, e) != 0 || read_log(c, e) != 0)
		return -ENOMEM;
	return complete(c, e);
}

void host_conf_free(struct host_conf *c)
{
	net_socks_free(&c->socks);
	conf_values_free(top_params, c);
	conf_values_free(limit_params, &c->limits);
	conf_values_free(tm_params, &c->tm);
	conf_values_free(net_tcp_params, &c->net);
	conf_values_free(dns_params, &c->dns);
	conf_values_free(store_params, &c->store);
	conf_values_free(net_tls_params, &c->tls);
	for (unsigned i = 0; i < c->tls.domain_count; i++)
		conf_values_free(net_tls_domain_params, &c->tls.domains[i]);
	free(c->tls.domains);
	free(c->path);
	free(c->dir);
	config_destroy(&c->tree);
}
