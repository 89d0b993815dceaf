/**
 * @file functions.h  All functions that a script may call, by name. Load time only.
 */
#pragma once

#include "core/script/pv.h"
#include "core/script/script.h"

struct fn_entry {
	const char *name; /**< or alias */
	const struct ph_script_fn *fn;
	bool core;
	unsigned instance;
	const void *conf;
};

struct fn_index {
	struct fn_entry *list; /**< sorted by name; the first that came of a name */
	const char **names;    /**< for conf_nearest() */
	unsigned count, cap;
	const struct ph_fn_alias *absent;
};

/** 0 or -ENOMEM. */
int fn_index_build(struct fn_index *x, const struct script_options *opt);
void fn_index_free(struct fn_index *x);
const struct fn_entry *fn_index_find(const struct fn_index *x, struct slice name);
/** The plugin that has it and is not enabled; NULL. */
const char *fn_index_plugin(const struct fn_index *x, struct slice name);
/** The nearest known name, or NULL. */
const char *fn_index_nearest(const struct fn_index *x, struct slice name);
/** "a" is near enough: as conf_nearest(), for a slice. */
const char *nearest_name(struct slice name, const char *const *names);
