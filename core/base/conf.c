#include "core/base/conf.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/conf_number.h"

#define CONF_FOUND_MAX 60 /* bytes of a wrong value that a message repeats */

/* One value on its way from the file or a text into its member. */
struct origin {
	const config_setting_t *setting; /* NULL: from a text */
	const struct conf_param *row;
	const char *where;
	struct conf_errors *errors;
};

static const char *group_name(const struct origin *o)
{
	return o->where != NULL ? o->where : "";
}

static const char *dot(const struct origin *o)
{
	return *group_name(o) != '\0' ? "." : "";
}

static int refuse(const struct origin *o, const char *found, const char *want)
{
	bool longer = strlen(found) > CONF_FOUND_MAX;

	conf_error_at(o->errors, o->setting, "%s%s%s: found %.*s%s, want %s",
		group_name(o), dot(o), o->row->name, CONF_FOUND_MAX, found,
		longer ? "..." : "", want);
	return -EINVAL;
}

/* The beginning of text on one line: control characters as in C. */
static void printable(const char *text, char out[4 * CONF_FOUND_MAX + 4])
{
	size_t n = 0;

	for (unsigned i = 0; i < CONF_FOUND_MAX && text[i] != '\0'; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '\r' || c == '\n' || c == '\t')
			n += (size_t)sprintf(out + n, "\\%c",
				c == '\r'           ? 'r'
					: c == '\n' ? 'n'
						    : 't');
		else if (c < ' ' || c == 0x7f)
			n += (size_t)sprintf(out + n, "\\x%02x", c);
		else
			out[n++] = (char)c;
	}
	out[n] = '\0';
}

/* found between quotes, for values that are texts. */
static int refuse_text(const struct origin *o, const char *text, const char *want)
{
	char found[4 * CONF_FOUND_MAX + 4];

	if (o->row->secret) {
		conf_error_at(o->errors, o->setting,
			"%s%s%s: found a text of %zu bytes, want %s", group_name(o),
			dot(o), o->row->name, strlen(text), want);
		return -EINVAL;
	}
	printable(text, found);
	conf_error_at(o->errors, o->setting, "%s%s%s: found \"%s%s\", want %s",
		group_name(o), dot(o), o->row->name, found,
		strlen(text) > CONF_FOUND_MAX ? "..." : "", want);
	return -EINVAL;
}

static int refuse_memory(const struct origin *o)
{
	conf_error_at(o->errors, o->setting, "%s%s%s: out of memory", group_name(o),
		dot(o), o->row->name);
	return -EINVAL;
}

static bool is_bounded(const struct conf_param *row)
{
	return row->min != 0 || row->max != 0;
}

/* What a number of that row must be, in words. */
static const char *want_number(const struct conf_param *row, char *out, size_t size)
{
	const char *what = row->type == CONF_MS ? "milliseconds" : "an integer";

	if (!is_bounded(row))
		snprintf(out, size, "%s",
			row->type == CONF_MS ? "a number of milliseconds" : what);
	else if (row->max == INT64_MAX)
		snprintf(out, size, "%s, at least %" PRId64, what, row->min);
	else
		snprintf(out, size, "%s from %" PRId64 " to %" PRId64, what, row->min,
			row->max);
	return out;
}

static const char *want_type(const struct conf_param *row, char *out, size_t size)
{
	switch (row->type) {
	case CONF_BOOL:
		return "true or false";
	case CONF_STR:
		return "a string";
	case CONF_LIST:
		return "a list of strings";
	case CONF_GROUPS:
		return "a list of groups";
	case CONF_INT:
	case CONF_MS:
	default:
		return want_number(row, out, size);
	}
}

static void *member(const struct conf_param *row, void *values)
{
	return (char *)values + row->offset;
}

static void list_free(struct conf_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct conf_list){0};
}

static int list_add(struct conf_list *list, const char *text)
{
	char **items =
		reallocarray(list->items, (size_t)list->count + 1, sizeof(*list->items));

	if (items == NULL)
		return -ENOMEM;
	list->items = items;
	items[list->count] = strdup(text);
	if (items[list->count] == NULL)
		return -ENOMEM;
	list->count++;
	return 0;
}

static int parse_bool(const char *text, bool *out)
{
	struct slice s = slice_str(text);

	if (slice_ieq(s, SLICE("true")) || slice_eq(s, SLICE("1")))
		*out = true;
	else if (slice_ieq(s, SLICE("false")) || slice_eq(s, SLICE("0")))
		*out = false;
	else
		return -EINVAL;
	return 0;
}

static int store_str(char **to, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

/* A list of one; none when the text is empty. */
static int store_list(struct conf_list *to, const char *text)
{
	struct conf_list list = {0};

	if (*text != '\0' && list_add(&list, text) != 0) {
		list_free(&list);
		return -ENOMEM;
	}
	list_free(to);
	*to = list;
	return 0;
}

/* The value that text spells into its member, unchecked: 0, -EINVAL, -ERANGE or -ENOMEM. */
static int store(const struct conf_param *row, const char *text, void *values)
{
	switch (row->type) {
	case CONF_INT:
	case CONF_MS:
		return slice_i64(slice_str(text), member(row, values));
	case CONF_BOOL:
		return parse_bool(text, member(row, values));
	case CONF_STR:
		return store_str(member(row, values), text);
	case CONF_LIST:
		return store_list(member(row, values), text);
	case CONF_GROUPS:
	default:
		return -EINVAL;
	}
}

/* Range and the row's own check. NULL, or what would be right (maybe written to out). */
static const char *fault(
	const struct conf_param *row, const char *text, char *out, size_t size)
{
	bool number = row->type == CONF_INT || row->type == CONF_MS;
	int64_t n;
	bool flag;

	if (number && slice_i64(slice_str(text), &n) != 0)
		return want_number(row, out, size);
	if (number && is_bounded(row) && (n < row->min || n > row->max))
		return want_number(row, out, size);
	if (row->type == CONF_BOOL && parse_bool(text, &flag) != 0)
		return want_type(row, out, size);
	return row->check != NULL ? row->check(text) : NULL;
}

/* quoted: the text stood in quotes (or came from the command line). */
static int take_text(const struct origin *o, const char *text, bool quoted, void *values)
{
	char room[96];
	const char *want = NULL;

	/* An empty list has no item to check. */
	if (o->row->type != CONF_LIST || *text != '\0')
		want = fault(o->row, text, room, sizeof(room));
	if (want != NULL)
		return quoted ? refuse_text(o, text, want) : refuse(o, text, want);
	return store(o->row, text, values) == 0 ? 0 : refuse_memory(o);
}

/* A float as briefly as gives the same number again. */
static void float_text(double value, char *out, size_t size)
{
	for (int digits = 6; digits <= 17; digits++) {
		snprintf(out, size, "%.*g", digits, value);
		if (strtod(out, NULL) == value)
			return;
	}
}

/* The text of a scalar: its own or written to out. NULL for groups and lists. */
static const char *scalar_text(const config_setting_t *s, char *out, size_t size)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return conf_number_text(s, out, size);
	case CONFIG_TYPE_FLOAT:
		float_text(config_setting_get_float(s), out, size);
		return out;
	case CONFIG_TYPE_BOOL:
		return config_setting_get_bool(s) ? "true" : "false";
	case CONFIG_TYPE_STRING:
		return config_setting_get_string(s);
	default:
		return NULL;
	}
}

static const char *shape(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group";
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		return "a list";
	default:
		return "nothing";
	}
}

/* May a value of that libconfig type stand for the row's? */
static bool type_fits(const struct conf_param *row, int type)
{
	bool integer = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;

	switch (row->type) {
	case CONF_INT:
	case CONF_MS:
		return integer || type == CONFIG_TYPE_STRING;
	case CONF_BOOL:
		return integer || type == CONFIG_TYPE_BOOL;
	case CONF_STR:
	case CONF_LIST:
		return integer || type == CONFIG_TYPE_STRING || type == CONFIG_TYPE_FLOAT;
	case CONF_GROUPS:
	default:
		return false;
	}
}

static int take_scalar(const struct origin *o, const config_setting_t *s, void *values)
{
	char number[CONF_NUMBER_TEXT], room[96];
	const char *text = scalar_text(s, number, sizeof(number));
	const char *want = want_type(o->row, room, sizeof(room));
	int type = config_setting_type(s);

	if (text == NULL)
		return refuse(o, shape(s), want);
	if (type_fits(o->row, type))
		return take_text(o, text, type == CONFIG_TYPE_STRING, values);
	return type == CONFIG_TYPE_STRING ? refuse_text(o, text, want)
					  : refuse(o, text, want);
}

/* One member of a list: refused like a value of its own, at its own line. */
static int take_item(
	const struct origin *o, const config_setting_t *s, struct conf_list *list)
{
	const struct origin at = {s, o->row, o->where, o->errors};
	char number[CONF_NUMBER_TEXT];
	const char *text = scalar_text(s, number, sizeof(number)), *want;

	if (text == NULL)
		return refuse(&at, shape(s), "a string in the list");
	if (!type_fits(o->row, config_setting_type(s)))
		return refuse(&at, text, "a string in the list");
	want = o->row->check != NULL ? o->row->check(text) : NULL;
	if (want != NULL)
		return refuse_text(&at, text, want);
	return list_add(list, text) == 0 ? 0 : refuse_memory(&at);
}

static int take_list(const struct origin *o, const config_setting_t *s, void *values)
{
	struct conf_list list = {0}, *to = member(o->row, values);
	int err = 0;

	for (int i = 0; i < config_setting_length(s); i++) {
		/* Every wrong item is told, so one failure does not end it. */
		if (take_item(o, config_setting_get_elem(s, (unsigned)i), &list) != 0)
			err = -EINVAL;
	}
	if (err != 0) {
		list_free(&list);
		return err;
	}
	list_free(to);
	*to = list;
	return 0;
}

/* The members are for somebody else; that they are groups is seen here. */
static int look_at_groups(const struct origin *o, const config_setting_t *s)
{
	int err = 0;

	if (config_setting_is_group(s))
		return 0;
	if (!config_setting_is_list(s)) {
		char number[CONF_NUMBER_TEXT];
		const char *text = scalar_text(s, number, sizeof(number));

		if (text != NULL && config_setting_type(s) == CONFIG_TYPE_STRING)
			return refuse_text(o, text, "a list of groups");
		return refuse(o, text != NULL ? text : shape(s), "a list of groups");
	}
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *item = config_setting_get_elem(s, (unsigned)i);
		const struct origin at = {item, o->row, o->where, o->errors};

		if (!config_setting_is_group(item))
			err = refuse(&at, config_setting_is_aggregate(item) ? "a list" : "a single value", "a group in the list");
	}
	return err;
}

int conf_read_one(const struct conf_param *row, const config_setting_t *s,
	const char *where, void *values, struct conf_errors *e)
{
	const struct origin o = {s, row, where, e};
	int type = config_setting_type(s);

	if (row->given != 0)
		*(bool *)((char *)values + row->given) = true;
	if (row->type == CONF_GROUPS)
		return look_at_groups(&o, s);
	if (row->type == CONF_LIST &&
		(type == CONFIG_TYPE_LIST || type == CONFIG_TYPE_ARRAY))
		return take_list(&o, s, values);
	return take_scalar(&o, s, values);
}

const struct conf_param *conf_find(const struct conf_param *table, const char *name)
{
	for (; table->name != NULL; table++) {
		if (strcmp(table->name, name) == 0)
			return table;
	}
	return NULL;
}

static const char *nearest_row(const struct conf_param *table, const char *name)
{
	const char *best = NULL, **names;
	size_t count = 0;

	while (table[count].name != NULL)
		count++;
	names = calloc(count + 1, sizeof(*names));
	if (names == NULL)
		return NULL; /* only the hint is lost */
	for (size_t i = 0; i < count; i++)
		names[i] = table[i].name;
	best = conf_nearest(name, names);
	free(names);
	return best;
}

static void refuse_unknown(const struct conf_param *table, const config_setting_t *s,
	const char *where, struct conf_errors *e)
{
	const struct origin o = {s, NULL, where, e};
	const char *name = config_setting_name(s);
	const char *near = nearest_row(table, name);

	conf_error_at(e, s, "%s%s%s: unknown name%s%s%s", group_name(&o), dot(&o), name,
		near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
		near != NULL ? "\"?" : "");
}

void conf_read(const struct conf_param *table, const config_setting_t *group,
	const char *where, void *values, struct conf_errors *e)
{
	if (group == NULL)
		return;
	if (!config_setting_is_group(group)) {
		conf_error_at(e, group,
			"%s: found %s, want a group: { name = value; ... }",
			where != NULL ? where : config_setting_name(group),
			config_setting_is_aggregate(group) ? "a list" : "a single value");
		return;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const struct conf_param *row = conf_find(table, config_setting_name(s));

		if (row == NULL)
			refuse_unknown(table, s, where, e);
		else
			(void)conf_read_one(row, s, where, values, e); /* told in e */
	}
}

/* The member as if nothing had ever been there. */
static void clear(const struct conf_param *row, void *values)
{
	switch (row->type) {
	case CONF_INT:
	case CONF_MS:
		*(int64_t *)member(row, values) = 0;
		break;
	case CONF_BOOL:
		*(bool *)member(row, values) = false;
		break;
	case CONF_STR:
		*(char **)member(row, values) = NULL;
		break;
	case CONF_LIST:
		*(struct conf_list *)member(row, values) = (struct conf_list){0};
		break;
	case CONF_GROUPS:
	default:
		break;
	}
}

int conf_defaults(const struct conf_param *table, void *values)
{
	for (const struct conf_param *row = table; row->name != NULL; row++)
		clear(row, values);
	for (const struct conf_param *row = table; row->name != NULL; row++) {
		int err = row->dflt != NULL ? store(row, row->dflt, values) : 0;

		/* A default may lie outside the range on purpose (0 for "off"), but must parse. */
		assert(err == 0 || err == -ENOMEM);
		if (err != 0) {
			conf_values_free(table, values);
			return -ENOMEM;
		}
	}
	return 0;
}

void conf_values_free(const struct conf_param *table, void *values)
{
	for (; table->name != NULL; table++) {
		if (table->type == CONF_STR)
			free(*(char **)member(table, values));
		else if (table->type == CONF_LIST)
			list_free(member(table, values));
		clear(table, values);
	}
}
