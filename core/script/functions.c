#include "core/script/functions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int add(struct fn_index *x, struct fn_entry e)
{
	if (x->count == x->cap) {
		unsigned cap = x->cap ? x->cap * 2 : 128;
		struct fn_entry *list = realloc(x->list, cap * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		x->list = list;
		x->cap = cap;
	}
	x->list[x->count++] = e;
	return 0;
}

/* e: what the table's rows have in common */
static int add_table(
	struct fn_index *x, const struct ph_script_fn *fns, struct fn_entry e)
{
	int err = 0;

	for (; fns != NULL && fns->name != NULL && err == 0; fns++) {
		e.name = fns->name;
		e.fn = fns;
		err = add(x, e);
	}
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

				e.name = aliases->alias;
				err = add(x, e);
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
		err = add_table(x, script_core_fns[i], (struct fn_entry){.core = true});
	for (unsigned i = 0; i < opt->provider_count && err == 0; i++) {
		const struct script_provider *p = &opt->providers[i];

		err = add_table(x, p->fns,
			(struct fn_entry){.core = p->plugin == NULL,
				.instance = p->instance,
				.conf = p->conf});
	}
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
