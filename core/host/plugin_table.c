#include "core/host/plugin_table.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const plugin_shipped[] = {"nat", "sdp", "registrar", "rtpp", "natping", "dialog", "notify", "mi", NULL};

/* Where name.so is: the first folder of dirs that has it. */
static int find_file(const char *dirs, const char *name, char *out, size_t size)
{
	struct slice rest = slice_str(dirs), dir;

	while (rest.len > 0) {
		if (!slice_cut(rest, ':', &dir, &rest)) {
			dir = rest;
			rest.len = 0;
		}
		if (dir.len == 0)
			continue;
		if ((size_t)snprintf(out, size, "%.*s/%s.so", SLICE_ARG(dir), name) < size && access(out, R_OK) == 0)
			return 0;
	}
	return -ENOENT;
}

static const struct host_plugin *find_plugin(const struct plugin_table *t, const char *name)
{
	for (unsigned i = 0; i < t->count; i++)
		if (strcmp(t->list[i].desc->name, name) == 0)
			return &t->list[i];
	return NULL;
}

/* NULL when the descriptor can be used, else what is wrong with it. Nothing of the plugin has been called. */
static const char *vet(const struct plugin_table *t, const struct ph_plugin *desc, const char *name, char why[256])
{
	struct slice rest, need;

	if (desc->abi != PH_PLUGIN_ABI) {
		snprintf(why, 256, "was built for plugin ABI %u, this daemon has ABI %u: rebuild it", desc->abi, PH_PLUGIN_ABI);
		return why;
	}
	if (!desc->name || strcmp(desc->name, name) != 0) {
		snprintf(why, 256, "calls itself '%s': file and plugin must have one name", desc->name ? desc->name : "");
		return why;
	}
	rest = slice_str(desc->needs);
	while (rest.len > 0) {
		char one[64];

		if (!slice_cut(rest, ' ', &need, &rest)) {
			need = rest;
			rest.len = 0;
		}
		snprintf(one, sizeof(one), "%.*s", SLICE_ARG(need));
		if (need.len > 0 && !find_plugin(t, one)) {
			snprintf(why, 256, "needs plugin '%s': list it before", one);
			return why;
		}
	}
	return NULL;
}

static const config_setting_t *list_place(const struct host_conf *c, unsigned index)
{
	const config_setting_t *s = config_lookup(&c->tree, "plugins");

	if (s && (config_setting_is_list(s) || config_setting_is_array(s)) && (int)index < config_setting_length(s))
		return config_setting_get_elem(s, index);
	return s;
}

static void close_dl(void *dl)
{
#ifndef PH_SANITIZED /* leak reports need the plugin's names until the end */
	if (dl)
		dlclose(dl);
#else
	(void)dl;
#endif
}

static int open_one(struct plugin_table *t, const struct host_conf *c, unsigned index, struct conf_errors *e)
{
	const char *name = c->plugins.items[index], *wrong;
	const config_setting_t *at = list_place(c, index);
	const struct ph_plugin *desc;
	char path[4096], why[256];
	void *dl;

	if (find_plugin(t, name)) {
		conf_error_at(e, at, "plugins: '%s' is listed twice", name);
		return -EEXIST;
	}
	if (strchr(name, '/') || find_file(c->plugin_dir, name, path, sizeof(path)) != 0) {
		conf_error_at(e, at, "plugins: no plugin '%s': there is no %s.so in %s (plugin_dir)", name, name, c->plugin_dir);
		return -ENOENT;
	}
	dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!dl) {
		conf_error_at(e, at, "plugins: '%s' cannot be loaded: %s", name, dlerror());
		return -ENOEXEC;
	}
	desc = dlsym(dl, "ph_plugin");
	wrong = desc ? vet(t, desc, name, why) : "has no descriptor (symbol ph_plugin): it is not a plugin of this daemon";
	if (wrong) {
		conf_error_at(e, at, "plugins: '%s' (%s) %s", name, path, wrong);
		close_dl(dl);
		return -EINVAL;
	}
	t->list[t->count++] = (struct host_plugin){.dl = dl, .desc = desc};
	return 0;
}

static int configure_one(struct host_plugin *p, const struct host_conf *c, struct conf_errors *e)
{
	const struct ph_plugin *d = p->desc;

	p->conf = calloc(1, d->conf_size ? d->conf_size : 1);
	if (!p->conf)
		return -ENOMEM;
	p->ctx.conf = p->conf;
	p->ctx.log = log_source_get(d->name);
	if (d->params) {
		if (conf_defaults(d->params, p->conf) != 0)
			return -ENOMEM;
		conf_read(d->params, config_lookup(&c->tree, d->name), d->name, p->conf, e);
	} else if (config_lookup(&c->tree, d->name)) {
		conf_error_at(e, config_lookup(&c->tree, d->name), "%s: this plugin has no parameters", d->name);
	}
	return 0;
}

/* How a setting reads, for comparing two of them. */
static void setting_text(const config_setting_t *s, char *out, size_t size)
{
	out[0] = '\0';
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		snprintf(out, size, "%s", config_setting_get_string(s));
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		snprintf(out, size, "%lld", config_setting_get_int64(s));
		break;
	case CONFIG_TYPE_BOOL:
		snprintf(out, size, "%d", config_setting_get_bool(s));
		break;
	default:
		for (int i = 0; i < config_setting_length(s) && strlen(out) + 2 < size; i++) {
			size_t used = strlen(out);

			setting_text(config_setting_get_elem(s, (unsigned)i), out + used, size - used);
			strncat(out, "\n", size - strlen(out) - 1);
		}
		break;
	}
}

/* Was the value taken when p read it? Reading it again changes nothing. */
static bool is_good(const struct conf_param *row, const config_setting_t *s, struct host_plugin *p)
{
	struct conf_errors again = {0};
	bool good = conf_read_one(row, s, p->desc->name, p->conf, &again) == 0;

	conf_errors_free(&again);
	return good;
}

/* A shared parameter that stands in the group of one plugin holds in all that have it. */
static void share_one(struct plugin_table *t, const struct host_conf *c, struct host_plugin *p,
	const struct conf_param *row, struct conf_errors *e)
{
	const config_setting_t *own = config_lookup(&c->tree, p->desc->name);
	const config_setting_t *mine = own ? config_setting_get_member(own, row->name) : NULL;

	for (unsigned i = 0; i < t->count; i++) {
		struct host_plugin *q = &t->list[i];
		const struct conf_param *theirs = q->desc->params ? conf_find(q->desc->params, row->name) : NULL;
		const config_setting_t *group = config_lookup(&c->tree, q->desc->name), *s;
		char a[1024], b[1024];

		if (q == p || !theirs || !theirs->shared || !mine)
			continue;
		s = group ? config_setting_get_member(group, row->name) : NULL;
		if (!s) {
			/* What was wrong with it has been told once already. */
			if (is_good(row, mine, p))
				conf_read_one(theirs, mine, q->desc->name, q->conf, e);
			continue;
		}
		setting_text(mine, a, sizeof(a));
		setting_text(s, b, sizeof(b));
		if (strcmp(a, b) != 0 && p < q)
			conf_error_at(e, s, "%s.%s: found \"%s\", but %s.%s is \"%s\": it is one shared parameter, give it once",
				q->desc->name, row->name, b, p->desc->name, row->name, a);
	}
}

static int run_load(struct plugin_table *t, struct conf_errors *e)
{
	for (unsigned i = 0; i < t->count; i++) {
		struct host_plugin *p = &t->list[i];
		unsigned before = conf_error_count(e);
		int err;

		if (!p->desc->load)
			continue;
		p->loaded = true;
		err = p->desc->load(p->conf, e);
		if (err != 0 && conf_error_count(e) == before)
			conf_error(e, p->desc->name, 0, "cannot start: %s", strerror(-err));
	}
	return 0;
}

int plugin_table_load(struct plugin_table *t, const struct host_conf *c, struct conf_errors *e)
{
	memset(t, 0, sizeof(*t));
	t->list = calloc(c->plugins.count + 1, sizeof(*t->list));
	if (!t->list)
		return -ENOMEM;
	for (unsigned i = 0; i < c->plugins.count; i++)
		open_one(t, c, i, e);
	for (unsigned i = 0; i < t->count; i++)
		if (configure_one(&t->list[i], c, e) != 0)
			return -ENOMEM;
	for (unsigned i = 0; i < t->count; i++)
		for (const struct conf_param *r = t->list[i].desc->params; r && r->name; r++)
			if (r->shared)
				share_one(t, c, &t->list[i], r, e);
	return run_load(t, e);
}

void plugin_table_free(struct plugin_table *t)
{
	while (t->count > 0) {
		struct host_plugin *p = &t->list[--t->count];

		if (p->loaded && p->desc->unload)
			p->desc->unload(p->conf);
		if (p->desc->params && p->conf)
			conf_values_free(p->desc->params, p->conf);
		free(p->conf);
		close_dl(p->dl);
	}
	free(t->list);
	t->list = NULL;
}

int plugin_table_counters(struct plugin_table *t, const char **which)
{
	for (unsigned i = 0; i < t->count; i++) {
		struct host_plugin *p = &t->list[i];
		int err = p->desc->counters ? counter_register(p->desc->counters, &p->ctx.first_counter) : 0;

		if (err != 0) {
			*which = p->desc->name;
			return err;
		}
	}
	return 0;
}

void plugin_table_unknown(const struct plugin_table *t, const struct host_conf *c, struct conf_errors *e)
{
	config_setting_t *root = config_root_setting(&c->tree);
	static const char *const keys[] = {"node", "workers", "script", "plugin_dir", "user", "group", "shutdown_timeout",
		"secret", "secret_file", "script_dialect", "script_defines", "script_skip_globals", "plugins", "aliases",
		"server_header", "log", "listen", "storage", "limits", "tm", "tcp", "tls", "dns", "nat", "sdp", "registrar", "rtpp", "natping",
		"dialog", "notify", "mi", NULL};
	char path[4096];

	for (int i = 0; i < config_setting_length(root); i++) {
		config_setting_t *s = config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(s), *near;
		bool listed = false, known = find_file(c->plugin_dir, name, path, sizeof(path)) == 0;

		for (unsigned k = 0; k < c->plugins.count; k++)
			listed = listed || strcmp(c->plugins.items[k], name) == 0;
		for (const char *const *n = plugin_shipped; *n; n++)
			known = known || strcmp(*n, name) == 0;
		if (host_conf_is_own(name) || listed || find_plugin(t, name))
			continue;
		if (known && config_setting_is_group(s)) {
			conf_warning(e, c->path, (unsigned)config_setting_source_line(s),
				"%s: this plugin is not enabled (plugins); its group is not used", name);
			continue;
		}
		near = conf_nearest(name, keys);
		conf_error_at(e, s, "unknown name '%s'%s%s%s", name, near ? ": did you mean '" : "", near ? near : "",
			near ? "'?" : "");
	}
}

/* One more pair: function and plugin. */
static int absent_add(struct ph_fn_alias **pairs, unsigned *count, const char *function, const char *plugin)
{
	struct ph_fn_alias *more = realloc(*pairs, (*count + 2) * sizeof(**pairs));

	if (!more)
		return -ENOMEM;
	*pairs = more;
	more[*count].alias = strdup(function);
	more[*count].name = strdup(plugin);
	memset(&more[++*count], 0, sizeof(*more));
	return more[*count - 1].alias && more[*count - 1].name ? 0 : -ENOMEM;
}

/* The functions of one plugin that is not enabled, under all their names, appended to pairs. */
static int absent_one(struct ph_fn_alias **pairs, unsigned *count, const char *path)
{
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct ph_plugin *d = dl ? dlsym(dl, "ph_plugin") : NULL;
	int err = 0;

	if (d && d->abi == PH_PLUGIN_ABI) {
		for (const struct ph_script_fn *f = d->functions; f && f->name && err == 0; f++)
			err = absent_add(pairs, count, f->name, d->name);
		for (const struct ph_fn_alias *a = d->aliases; a && a->alias && err == 0; a++)
			err = absent_add(pairs, count, a->alias, d->name);
	}
	close_dl(dl);
	return err;
}

struct ph_fn_alias *plugin_absent(const struct plugin_table *t, const struct host_conf *c)
{
	struct ph_fn_alias *pairs = calloc(1, sizeof(*pairs));
	unsigned count = 0;
	char path[4096];

	for (const char *const *n = plugin_shipped; pairs && *n; n++)
		if (!find_plugin(t, *n) && find_file(c->plugin_dir, *n, path, sizeof(path)) == 0)
			if (absent_one(&pairs, &count, path) != 0)
				break;
	return pairs;
}

void plugin_absent_free(struct ph_fn_alias *pairs)
{
	for (struct ph_fn_alias *p = pairs; p && p->alias; p++) {
		free((void *)(uintptr_t)p->alias);
		free((void *)(uintptr_t)p->name);
	}
	free(pairs);
}
