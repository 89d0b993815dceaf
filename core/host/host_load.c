#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/host/host.h"

static void print_conf_errors(struct conf_errors *e)
{
	for (unsigned i = 0; i < e->count; i++)
		fprintf(stderr, "%s\n", e->lines[i]);
}

static enum script_dialect dialect_of(const char *text)
{
	if (strcmp(text, "opensips") == 0)
		return SCRIPT_OPENSIPS;
	return strcmp(text, "kamailio") == 0 ? SCRIPT_KAMAILIO : SCRIPT_AUTO;
}

/* The plugins' function tables, in their order. The core's own are known to the loader. */
static struct script_provider *providers_of(const struct plugin_table *t)
{
	struct script_provider *list = calloc(t->count + 1, sizeof(*list));

	for (unsigned i = 0; list && i < t->count; i++)
		list[i] = (struct script_provider){.plugin = t->list[i].desc->name, .instance = i,
			.fns = t->list[i].desc->functions, .aliases = t->list[i].desc->aliases, .conf = t->list[i].conf};
	return list;
}

static int load_script(struct host *h)
{
	struct script_errors errors = {0};
	struct script_provider *providers = providers_of(&h->plugins);
	struct script_options opt = {.file = h->conf.script, .dialect = dialect_of(h->conf.script_dialect),
		.defines = &h->conf.script_defines, .skip_globals = h->conf.script_skip_globals, .providers = providers,
		.provider_count = h->plugins.count};
	struct ph_fn_alias *absent = NULL;
	int err = providers ? script_load(&h->program, &opt, &errors) : -ENOMEM;

	if (err == -EINVAL) {
		/* once more, now with the functions of plugins that are not enabled, for messages that help */
		script_errors_free(&errors);
		absent = plugin_absent(&h->plugins, &h->conf);
		opt.absent = absent;
		err = script_load(&h->program, &opt, &errors);
	}
	for (unsigned i = 0; i < errors.count; i++)
		fprintf(stderr, "%s\n", errors.list[i].text);
	if (err != 0 && errors.count == 0)
		fprintf(stderr, "%s: %s\n", h->conf.script, strerror(-err));
	if (err == 0)
		LOG(h->log, LOG_L_INFO, "script %s: dialect %s (%s)", h->conf.script,
			script_dialect_of(h->program) == SCRIPT_KAMAILIO ? "kamailio" : "opensips",
			script_dialect_reason(h->program));
	script_errors_free(&errors);
	plugin_absent_free(absent);
	free(providers);
	return err;
}

static int first_line_of(const char *path, char **out)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (!f)
		return -errno;
	len = getline(&line, &size, f);
	fclose(f);
	if (len > 0 && line[len - 1] == '\n')
		line[--len] = '\0';
	if (len < 16) {
		free(line);
		return -EINVAL;
	}
	*out = line;
	return 0;
}

static void read_secret_file(struct host_conf *c, struct conf_errors *e)
{
	int err = c->secret_file ? first_line_of(c->secret_file, &c->secret) : 0;

	if (err != 0)
		conf_error_at(e, config_lookup(&c->tree, "secret_file"),
			"secret_file: found \"%s\", want a file whose first line has at least 16 characters (%s)", c->secret_file,
			err == -EINVAL ? "it has less" : strerror(-err));
}

/* Is the script there? What is wrong in it is told later. */
static bool check_script(const struct host_conf *c, struct conf_errors *e)
{
	const config_setting_t *s = config_lookup(&c->tree, "script");

	if (!c->script)
		return false; /* told */
	if (access(c->script, R_OK) == 0)
		return true;
	conf_error_at(e, s, "script: found \"%s\", want a script that can be read (%s: %s)", config_setting_get_string(s), c->script,
		strerror(errno));
	return false;
}

/* Names that may stand in group `log`: the parts of the core, the script and the plugins. */
static void set_log_levels(struct host *h, struct conf_errors *e)
{
	static const char *const parts[] = {"core", "net", "tm", "bus", "store", "script"};
	unsigned n = 0, cap = (unsigned)(sizeof(parts) / sizeof(parts[0])) + h->plugins.count + 1;
	const char **names = calloc(cap, sizeof(*names));

	if (!names)
		return;
	for (; n < sizeof(parts) / sizeof(parts[0]); n++)
		names[n] = parts[n];
	for (unsigned i = 0; i < h->plugins.count; i++)
		names[n++] = h->plugins.list[i].desc->name;
	host_conf_log_levels(&h->conf, names, plugin_shipped, e);
	free(names);
}

static void check_store(struct host *h, struct conf_errors *e)
{
	char why[256];

	if (store_new(&h->store, &h->conf.store, h->conf.node, why) != 0) {
		const config_setting_t *s = config_lookup(&h->conf.tree, "storage"), *url = config_lookup(&h->conf.tree, "storage.url");

		if (url && strncmp(why, "url: ", 5) == 0)
			conf_error_at(e, url, "storage.url: %s", why + 5);
		else if (s)
			conf_error_at(e, s, "storage: %s", why);
		else
			conf_error(e, h->conf.path, 0, "storage: %s", why);
	}
}

static bool has_tls_listener(const struct host_conf *c)
{
	for (unsigned i = 0; i < c->socks.count; i++)
		if (c->socks.list[i].transport == SIP_TR_TLS)
			return true;
	return false;
}

/* Where in the file the thing stands that is to blame. */
static void blame(const struct host *h, const struct net_tls_error *why, struct conf_errors *e)
{
	const config_setting_t *group = config_lookup(&h->conf.tree, "tls"), *s;
	const char *where = "tls";

	if (why->domain >= 0) {
		group = host_conf_tls_domain(&h->conf, (unsigned)why->domain);
		where = "tls.domains";
	}
	s = group ? config_setting_get_member(group, why->param) : NULL;
	if (!s && group && strcmp(why->param, "private_key") == 0)
		s = config_setting_get_member(group, "certificate"); /* the key is wanted in its file */
	conf_error_at(e, s ? s : group, "%s.%s: %s", where, why->param, why->text);
}

static void check_tls(struct host *h, struct conf_errors *e)
{
	const config_setting_t *group = config_lookup(&h->conf.tree, "tls");
	bool wanted = has_tls_listener(&h->conf);
	struct net_tls_error why;

	if (!wanted && group)
		conf_warning(e, h->conf.path, (unsigned)config_setting_source_line(group), "tls: there is no listener of TLS (listen), so nobody is shown these certificates");
	if (h->conf.tls.certificate || !wanted) {
		/* Files are looked at also when nobody uses them, so that the listener can be added without surprise. */
		if (h->conf.tls.certificate && !h->conf.tls_refused && net_tls_new(&h->tls, &h->conf.tls, &why) != 0)
			blame(h, &why, e);
	} else if (group) {
		conf_error_at(e, group, "tls.certificate is missing: a listener of TLS needs one");
	} else {
		conf_error_at(e, config_lookup(&h->conf.tree, "listen"),
			"tls.certificate is missing: a listener of TLS needs one, expected for instance tls = { certificate = \"edge.pem\"; private_key = \"edge.key\"; };");
	}
}

int host_load(struct host *h, const struct host_options *opt)
{
	struct conf_errors e = {0};
	bool script = false;
	int err;

	h->log = log_source_get("core");
	err = host_conf_read(&h->conf, opt->conf_path, opt->overrides, &e);
	if (err == 0) {
		if (h->conf.log_syslog && !opt->check_only)
			log_open_syslog("pinholed");
		log_set_default_level(opt->check_only ? LOG_L_WARN : h->conf.log_level);
		err = plugin_table_load(&h->plugins, &h->conf, &e);
		plugin_table_unknown(&h->plugins, &h->conf, &e);
		set_log_levels(h, &e);
		read_secret_file(&h->conf, &e);
		script = check_script(&h->conf, &e);
		check_store(h, &e);
		check_tls(h, &e);
	}
	print_conf_errors(&e);
	if (err == 0 && script && h->plugins.count == h->conf.plugins.count)
		err = load_script(h);
	if (conf_error_count(&e) > 0)
		err = -EINVAL;
	conf_errors_free(&e);
	return err;
}
