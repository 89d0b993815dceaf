/**
 * @file plugin_table.h  The plugins that the configuration lists: found, vetted, configured. libdl.
 *
 * Start-up thread; immutable while workers run, but for what the start hooks leave in `service`.
 */
#pragma once

#include "core/host/host_conf.h"
#include "core/host/plugin.h"

struct host_plugin {
	void *dl;
	const struct ph_plugin *desc;
	void *conf;               /**< desc->conf_size bytes, filled from its group */
	struct ph_plugin_ctx ctx;
	void *service;
	bool loaded;              /**< load() was called */
	bool serving;             /**< service_start() was called */
};

struct plugin_table {
	struct host_plugin *list;
	unsigned count;
};

/** Names of the plugins that come with the daemon; ends with NULL. */
extern const char *const plugin_shipped[];

/**
 * Open every plugin of c->plugins in order, compare ABI, names and needs before calling anything, read the groups, share the shared parameters,
 * call load(). Whatever is wrong goes to e; what could be loaded stays in t for further checks. 0 or -ENOMEM.
 */
int plugin_table_load(struct plugin_table *t, const struct host_conf *c, struct conf_errors *e);
/** unload() in reverse, close. */
void plugin_table_free(struct plugin_table *t);
/** Register all counters. 0 or negative errno with the plugin's name in *which. */
int plugin_table_counters(struct plugin_table *t, const char **which);
/** Complain about groups and keys of the file that nobody knows; warn about groups of plugins that are not enabled. */
void plugin_table_unknown(const struct plugin_table *t, const struct host_conf *c, struct conf_errors *e);

/**
 * Functions of plugins that stand in plugin_dir but are not enabled, as pairs (function, plugin) for the script loader's messages. The array ends
 * with NULL and is freed with plugin_absent_free().
 */
struct ph_fn_alias *plugin_absent(const struct plugin_table *t, const struct host_conf *c);
void plugin_absent_free(struct ph_fn_alias *pairs);
