#include "core/script/functions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int add(struct fn_index *x, const char *name, const struct ph_script_fn *fn,
	bool core, unsigned instance)
{
	if (x->count == x->cap) {
		unsigned cap = x->cap ? x->cap * 2 : 128;
		struct fn_entry *list = realloc(x->list, cap * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		x->list = list;
		x->cap = cap;
	}
	x->list[x->count++] = (struct fn_entry){name, fn, core, instance};
	return 0;
}

static int add_table(
	struct fn_index *x, const struct ph_script_fn *fns, bool core, unsigned instance)
{
	int err = 0;

	for (; fns != NULL && fns->name != NULL && err == 0; fns++)
		err = add(x, fns->name, fns, core, instance);
	return err;
}

/* Aliases come after the tables: one may name a function of another table. */
static int add_aliases(
	struct fn_index *x, const struct ph_fn_alias *aliases, unsigned known)
{
	int err = 0;

	for (; aliases != NULL && aliases->alias != NULL && err == 0; aliases++)
		for (unsigned i = 0; i < known; i++)
			if (strcmp(x->list[i].name, aliases->name) == 0) {
				struct fn_entry e = x->list[i];

				err = add(x, aliases->alias, e.fn, e.core, e.instance);
				break;
			}
	return err;
}

static int by_name(const void *pa, const void *pb)
{
	const struct fn_entry *a = pa, *b = pb;

	return strcmp(a->name, b->name);
}

/* Sort; of several with one name the core's stays, then the first plugin's. */
static int finish(struct fn_index *x)
{
	x->names = calloc(x->count + 1, sizeof(*x->names));
	if (x->names == NULL)
		return -ENOMEM;
	if (x->count > 0)
		qsort(x->list, x->count, sizeof(*x->list), by_name);
	for (unsigned i = 0; i < x->count; i++)
		x->names[i] = x->list[i].name;
	return 0;
}

int fn_index_build(struct fn_index *x, const struct script_options *opt)
{
	unsigned known;
	int err = 0;

	memset(x, 0, sizeof(*x));
	x->absent = opt->absent;
	for (unsigned i = 0; script_core_fns[i] != NULL && err == 0; i++)
		err = add_table(x, script_core_fns[i], true, 0);
	for (unsigned i = 0; i < opt->provider_count && err == 0; i++)
		err = add_table(x, opt->providers[i].fns,
			opt->providers[i].plugin == NULL, opt->providers[i].instance);
	known = x->count;
	if (err == 0)
		err = add_aliases(x, script_core_aliases, known);
	for (unsigned i = 0; i < opt->provider_count && err == 0; i++)
		err = add_aliases(x, opt->providers[i].aliases, known);
	if (err == 0)
		err = finish(x);
	if (err != 0)
		fn_index_free(x);
	return err;
}

void fn_index_free(struct fn_index *x)
{
	free(x->list);
	free(x->names);
	memset(x, 0, sizeof(*x));
}

const struct fn_entry *fn_index_find(const struct fn_index *x, struct slice name)
{
	unsigned low = 0, high = x->count;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		const char *at = x->list[mid].name;
		int c = strncmp(name.p, at, name.len);

		if (c == 0 && at[name.len] == '\0')
			return &x->list[mid];
		if (c > 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const char *fn_index_plugin(const struct fn_index *x, struct slice name)
{
	for (const struct ph_fn_alias *a = x->absent; a != NULL && a->alias != NULL; a++)
		if (slice_eq(name, slice_str(a->alias)))
			return a->name;
	return NULL;
}

const char *nearest_name(struct slice name, const char *const *names)
{
	char word[64];

	if (name.len >= sizeof(word))
		return NULL;
	snprintf(word, sizeof(word), "%.*s", SLICE_ARG(name));
	return conf_nearest(word, names);
}

const char *fn_index_nearest(const struct fn_index *x, struct slice name)
{
	return nearest_name(name, x->names);
}
