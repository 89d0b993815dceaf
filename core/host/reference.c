#include "core/host/reference.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <string.h>

#include "core/host/host_conf.h"
#include "core/host/plugin.h"
#include "core/host/worker.h"
#include "core/script/pv.h"

static const char *type_name(enum conf_type type)
{
	switch (type) {
	case CONF_INT:
		return "integer";
	case CONF_BOOL:
		return "bool";
	case CONF_STR:
		return "string";
	case CONF_LIST:
		return "list";
	case CONF_GROUPS:
		return "groups";
	case CONF_MS:
		return "ms";
	}
	return "";
}

/* A text in a cell of a Markdown table: on one line, and no bar of it ends the cell. */
static void print_cell(FILE *out, const char *text)
{
	for (; text && *text; text++) {
		if (*text == '\r' || *text == '\n')
			fprintf(out, "\\%c", *text == '\r' ? 'r' : 'n');
		else if (*text == '|')
			fputs("\\|", out);
		else
			fputc(*text, out);
	}
	fputs(" |", out);
}

static void print_params(FILE *out, const struct conf_param *row)
{
	if (!row || !row->name)
		return;
	fprintf(out, "| parameter | type | default | range | meaning |\n|---|---|---|---|---|\n");
	for (; row->name; row++) {
		char range[64] = "";

		if (row->min != 0 || row->max != 0)
			snprintf(range, sizeof(range), "%lld..%lld", (long long)row->min, (long long)row->max);
		fprintf(out, "| `%s` | %s%s | ", row->name, type_name(row->type), row->shared ? ", shared" : "");
		print_cell(out, row->dflt ? row->dflt : row->absent);
		fprintf(out, " %s | ", range);
		print_cell(out, row->help);
		fputc('\n', out);
	}
	fputc('\n', out);
}

static void print_routes(FILE *out, unsigned routes)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {{PH_ROUTE_REQUEST, "request"}, {PH_ROUTE_REPLY, "onreply"}, {PH_ROUTE_FAILURE, "failure"},
		{PH_ROUTE_BRANCH, "branch"}, {PH_ROUTE_LOCAL, "local"}, {PH_ROUTE_EVENT, "event"}};
	const char *gap = "";

	if ((routes & PH_ROUTES_ALL) == PH_ROUTES_ALL) {
		fputs("all", out);
		return;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (routes & names[i].bit) {
			fprintf(out, "%s%s", gap, names[i].name);
			gap = " ";
		}
	}
}

static void print_functions(FILE *out, const struct ph_script_fn *f)
{
	for (; f && f->name; f++) {
		fprintf(out, "| `%s(", f->name);
		for (unsigned i = 0; i < f->max_args; i++)
			fprintf(out, "%s%s%s", i >= f->min_args ? (i ? " [, " : "[") : (i ? ", " : ""), f->args[i].name ? f->args[i].name : "x",
				i >= f->min_args ? "]" : "");
		fprintf(out, ")` | ");
		print_routes(out, f->routes);
		fputs(" | ", out);
		print_cell(out, f->help);
		fputc('\n', out);
	}
}

static void print_counters(FILE *out, const struct counter_desc *d)
{
	if (!d || !d->name)
		return;
	fprintf(out, "| counter | meaning |\n|---|---|\n");
	for (; d->name; d++) {
		fprintf(out, "| `%s`%s | ", d->name, d->kind == COUNTER_GAUGE ? " (gauge)" : "");
		print_cell(out, d->help);
		fputc('\n', out);
	}
	fputc('\n', out);
}

static void print_plugin(FILE *out, const struct ph_plugin *p)
{
	fprintf(out, "## Plugin %s\n\n%s\n\n", p->name, p->help ? p->help : "");
	print_params(out, p->params);
	if (p->functions && p->functions->name) {
		fprintf(out, "| function | blocks | meaning |\n|---|---|---|\n");
		print_functions(out, p->functions);
		fputc('\n', out);
	}
	for (const struct ph_fn_alias *a = p->aliases; a && a->alias; a++)
		fprintf(out, "`%s` is `%s`. ", a->alias, a->name);
	if (p->aliases && p->aliases->alias)
		fprintf(out, "\n\n");
	print_counters(out, p->counters);
	if (p->commands && p->commands->name)
		fprintf(out, "| command | meaning |\n|---|---|\n");
	for (const struct ph_mi_cmd *c = p->commands; c && c->name; c++) {
		fprintf(out, "| `%s%s%s` | ", c->name, c->params ? " " : "", c->params ? c->params : "");
		print_cell(out, c->help);
		fputc('\n', out);
	}
	fputc('\n', out);
}

static void print_core(FILE *out)
{
	fprintf(out, "# Reference of pinholed %s\n\n## Configuration\n\n", PACKAGE_VERSION);
	for (const struct host_conf_table *t = host_conf_tables; t->name; t++) {
		fprintf(out, "### %s\n\n", *t->name ? t->name : "top level");
		print_params(out, t->rows);
	}
	fprintf(out, "## Core functions\n\n| function | blocks | meaning |\n|---|---|---|\n");
	for (const struct ph_script_fn *const *t = script_core_fns; *t; t++)
		print_functions(out, *t);
	fprintf(out, "\n## Core counters\n\n");
	print_counters(out, host_counters);
	print_counters(out, log_counters);
	print_counters(out, net_counters);
	print_counters(out, inbox_counters);
	print_counters(out, bus_counters);
	print_counters(out, tm_counters);
	print_counters(out, script_counters);
	print_counters(out, store_counters);
}

static int print_file(FILE *out, const char *path)
{
	void *dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct ph_plugin *p = dl ? dlsym(dl, "ph_plugin") : NULL;

	if (!p || p->abi != PH_PLUGIN_ABI) {
		fprintf(stderr, "pinholed: %s: %s\n", path, dl ? "not a plugin of this daemon" : dlerror());
		return -ENOEXEC;
	}
	print_plugin(out, p);
	return 0;
}

int reference_print(FILE *out, const char *dirs)
{
	struct slice rest = slice_str(dirs), dir;
	int err = 0;

	print_core(out);
	while (rest.len > 0) {
		char pattern[4096];
		glob_t found = {0};

		if (!slice_cut(rest, ':', &dir, &rest)) {
			dir = rest;
			rest.len = 0;
		}
		snprintf(pattern, sizeof(pattern), "%.*s/*.so", SLICE_ARG(dir));
		if (glob(pattern, 0, NULL, &found) == 0)
			for (size_t i = 0; i < found.gl_pathc; i++)
				err = print_file(out, found.gl_pathv[i]) != 0 ? -ENOEXEC : err;
		globfree(&found);
	}
	return err;
}
