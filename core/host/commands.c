#include "core/host/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/host/certificates.h"
#include "core/host/command_params.h"
#include "core/host/dns_commands.h"
#include "core/host/host.h"
#include "core/host/nodes.h"
#include "core/host/scatter.h"

struct command {
	const struct ph_mi_cmd *row;
	const char *owner; /**< plugin; "core" */
	void *self;
	unsigned plugin;   /**< its place in the table */
	struct commands *all;
};

struct commands {
	struct host *host;
	struct command *list;
	unsigned count;
	struct scatters *scatters;
};

static void cmd_help(void *self, struct bus_request *req, const json_t *params)
{
	const struct commands *c = self;
	struct tree *root = tree_new();

	(void)params;
	for (unsigned i = 0; i < c->count; i++) {
		const struct ph_mi_cmd *row = c->list[i].row;
		struct tree *node = tree_addf(root, row->name, "%s", row->help);

		if (row->params && *row->params)
			tree_attr(node, "params", row->params);
		tree_attr(node, "plugin", c->list[i].owner);
	}
	bus_reply(req, root);
}

static void cmd_uptime(void *self, struct bus_request *req, const json_t *params)
{
	const struct host *h = ((const struct commands *)self)->host;
	struct tree *root = tree_new();
	int64_t now = clock_wall();
	char text[64];
	struct tm tm;
	time_t t = (time_t)h->started;

	(void)params;
	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	tree_add(root, "Node", h->conf.node);
	tree_add(root, "Started", text);
	tree_add_int(root, "Uptime", now - h->started);
	tree_add(root, "State", h->draining ? "draining" : "serving");
	tree_add(root, "Version", PACKAGE_VERSION);
	bus_reply(req, root);
}

static void cmd_nodes(void *self, struct bus_request *req, const json_t *params)
{
	(void)params;
	nodes_command(((const struct commands *)self)->host->nodes, req);
}

static void cmd_stats(void *self, struct bus_request *req, const json_t *params)
{
	const char *prefix = json_string_value(bus_param(params, "prefix", 0));
	struct tree *root = tree_new();

	(void)self;
	for (unsigned i = 0; i < counter_count(); i++) {
		const struct counter_desc *d = counter_describe(i);

		if (d && (!prefix || strncmp(d->name, prefix, strlen(prefix)) == 0))
			tree_add_int(root, d->name, counter_read(i));
	}
	bus_reply(req, root);
}

static void cmd_log_level(void *self, struct bus_request *req, const json_t *params)
{
	const char *source = json_string_value(bus_param(params, "source", 0));
	const json_t *v = bus_param(params, "level", 1);
	enum log_level level;
	struct tree *root;

	(void)self;
	if (!source || !log_source_find(source)) {
		bus_fail(req, 404, "nobody logs as '%s': a source is core, net, tm, bus, store, script or a plugin", source ? source : "");
		return;
	}
	if (v && (!json_string_value(v) || log_level_parse(slice_str(json_string_value(v)), &level) != 0)) {
		bus_fail(req, 400, "Bad parameter: expected debug, info, notice, warn, err, crit or alert");
		return;
	}
	if (v)
		log_set_level(source, level);
	root = tree_new();
	tree_add(root, source, log_level_name((enum log_level)atomic_load(&log_source_get(source)->level)));
	bus_reply(req, root);
}

static void cmd_tls_list(void *self, struct bus_request *req, const json_t *params)
{
	(void)params;
	certificates_list(((const struct commands *)self)->host->certificates, req);
}

static void cmd_tls_reload(void *self, struct bus_request *req, const json_t *params)
{
	(void)params;
	certificates_reload(((const struct commands *)self)->host->certificates, req);
}

static const struct ph_mi_cmd own_rows[] = {
	{.name = "help", .help = "All commands with their parameters.", .call = cmd_help},
	{.name = "uptime", .help = "Node, start time, seconds since then, state, version.", .call = cmd_uptime},
	{.name = "nodes", .help = "The nodes of the cluster: version, start time, load, sockets; this one is marked self.", .call = cmd_nodes},
	{.name = "stats", .params = "[prefix]", .help = "All counters, or those whose names begin with prefix.", .call = cmd_stats},
	{.name = "log_level", .params = "source [level]", .help = "Show or set the log level of a plugin or a part of the core.",
		.call = cmd_log_level},
	{.name = "tls_list", .help = "The certificates in force: whose they are, from when to when, the days that are left.", .call = cmd_tls_list},
	{.name = "tls_reload", .help = "Read the certificates and keys of TLS again, for new connections; with one that is wrong the former ones stay.",
		.call = cmd_tls_reload},
	{0},
};

/* self is the host. */
static const struct ph_mi_cmd dns_rows[] = {
	{.name = "dns_lookup", .params = "name [transport]",
		.help = "Where a request for a host, HOST:PORT or SIP URI would go, in order, by DNS and the hosts files.", .call = dns_command_lookup},
	{.name = "dns_cache", .params = "[name]", .help = "DNS answers that are kept, with the seconds that they have left; at most 1000.",
		.call = dns_command_cache},
	{.name = "dns_flush", .params = "[name]", .help = "Forget the DNS answers for a name, or all of them.", .call = dns_command_flush},
	{0},
};

static void serve(void *arg, struct bus_request *req, const json_t *params)
{
	struct command *cmd = arg;
	char why[128];

	if (command_params_check(cmd->row->params, params, why, sizeof(why)) != 0) {
		bus_fail(req, 400, "%s", why);
		return;
	}
	if (cmd->row->worker)
		scatter_start(cmd->all->scatters, cmd->plugin, cmd->row, req, params);
	else
		cmd->row->call(cmd->self, req, params);
}

static unsigned count_rows(const struct ph_mi_cmd *row)
{
	unsigned n = 0;

	for (; row && row->name; row++)
		n++;
	return n;
}

static int add_rows(struct commands *c, const struct ph_mi_cmd *row, const char *owner, void *self, unsigned plugin)
{
	for (; row && row->name; row++) {
		struct command *cmd = &c->list[c->count];
		int err;

		*cmd = (struct command){.row = row, .owner = owner, .self = self, .plugin = plugin, .all = c};
		err = bus_serve(c->host->control.bus, row->name, serve, cmd);
		if (err != 0) {
			LOG(c->host->log, LOG_L_CRIT, "command '%s' of %s cannot be served: %s", row->name, owner, strerror(-err));
			return err;
		}
		c->count++;
	}
	return 0;
}

int commands_new(struct commands **out, struct host *h)
{
	struct commands *c = calloc(1, sizeof(*c));
	unsigned n = count_rows(own_rows) + count_rows(dns_rows);
	int err;

	if (!c)
		return -ENOMEM;
	*out = c; /* also when it fails below: commands_destroy() copes with half of it */
	c->host = h;
	for (unsigned i = 0; i < h->plugins.count; i++)
		n += count_rows(h->plugins.list[i].desc->commands);
	c->list = calloc(n, sizeof(*c->list));
	err = c->list ? scatters_new(&c->scatters, h) : -ENOMEM;
	if (err == 0)
		err = add_rows(c, own_rows, "core", c, 0);
	if (err == 0)
		err = add_rows(c, dns_rows, "core", h, 0);
	for (unsigned i = 0; err == 0 && i < h->plugins.count; i++)
		err = add_rows(c, h->plugins.list[i].desc->commands, h->plugins.list[i].desc->name, h->plugins.list[i].service, i);
	return err;
}

void commands_destroy(struct commands **cp)
{
	struct commands *c = *cp;

	if (!c)
		return;
	scatters_destroy(&c->scatters);
	free(c->list);
	free(c);
	*cp = NULL;
}
