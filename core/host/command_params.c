#include "core/host/command_params.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "core/base/slice.h"

/* The next name of the table, without its []. False at the end. */
static bool next_name(struct slice *table, struct slice *name, bool *optional)
{
	*table = slice_trim(*table);
	if (table->len == 0)
		return false;
	if (!slice_cut(*table, ' ', name, table)) {
		*name = *table;
		*table = (struct slice){0};
	}
	*optional = name->len > 2 && name->p[0] == '[';
	if (*optional)
		*name = slice_sub(*name, 1, name->len - 2);
	return true;
}

static bool has_name(struct slice table, struct slice wanted)
{
	struct slice name;
	bool optional;

	while (next_name(&table, &name, &optional))
		if (slice_eq(name, wanted))
			return true;
	return false;
}

static bool is_value(const json_t *v)
{
	return !json_is_array(v) && !json_is_object(v);
}

static int wrong_number(const char *table, char *why, size_t size)
{
	if (*table)
		snprintf(why, size, "Too few or too many arguments: expected %s", table);
	else
		snprintf(why, size, "Too few or too many arguments: expected none");
	return -EINVAL;
}

static int check_array(const char *table, const json_t *params, char *why, size_t size)
{
	struct slice rest = slice_str(table), name;
	size_t least = 0, most = 0, i;
	const json_t *v;
	bool optional;

	for (; next_name(&rest, &name, &optional); most++)
		least += !optional;
	if (json_array_size(params) < least || json_array_size(params) > most)
		return wrong_number(table, why, size);
	json_array_foreach(params, i, v) {
		if (is_value(v))
			continue;
		snprintf(why, size, "Bad parameter: number %zu must be text, a number or a bool", i + 1);
		return -EINVAL;
	}
	return 0;
}

static int check_object(const char *table, json_t *params, char *why, size_t size)
{
	struct slice rest = slice_str(table), name;
	const char *key;
	const json_t *v;
	bool optional;

	json_object_foreach(params, key, v) {
		if (!has_name(slice_str(table), slice_str(key)))
			snprintf(why, size, "Bad parameter: there is no '%.40s': expected %s", key, *table ? table : "none");
		else if (!is_value(v))
			snprintf(why, size, "Bad parameter: '%s' must be text, a number or a bool", key);
		else
			continue;
		return -EINVAL;
	}
	while (next_name(&rest, &name, &optional)) {
		char one[64];

		snprintf(one, sizeof(one), "%.*s", SLICE_ARG(name));
		if (!optional && !json_object_get(params, one))
			return wrong_number(table, why, size);
	}
	return 0;
}

int command_params_check(const char *table, const json_t *params, char *why, size_t size)
{
	if (!table)
		table = "";
	if (json_is_object(params))
		return check_object(table, (json_t *)(uintptr_t)params, why, size);
	return check_array(table, params, why, size); /* NULL has no members */
}
