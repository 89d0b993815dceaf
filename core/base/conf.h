/**
 * @file conf.h  Typed configuration: tables of parameters read from libconfig groups.
 *
 * Every value is checked against its row: type, range, known name. Errors are collected, not
 * thrown: each names file and line, the key, what was found and what is right, so that an operator sees all of
 * them in one go. Start-up and reload only; single thread.
 */
#pragma once

#include <libconfig.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/slice.h"

enum conf_type {
	CONF_INT,  /**< int64_t at offset; a digit string is taken too */
	CONF_BOOL, /**< bool; 0/1 and true/false */
	CONF_STR,  /**< char * (owned by the values struct); an integer or float is taken as its text */
	CONF_LIST, /**< struct conf_list of strings; a bare value is a list of one */
	CONF_MS,   /**< int64_t milliseconds; written in ms */
	CONF_GROUPS, /**< a list of groups, or one, which the table's owner reads: here it only has to be one */
};

/** One parameter; tables end with name NULL. */
struct conf_param {
	const char *name;
	enum conf_type type;
	const char *dflt; /**< as text; NULL: NULL/0/empty list */
	const char *absent; /**< with dflt NULL: what holds then, for the reference ("the host name") */
	int64_t min, max; /**< for numbers; both 0: no bound */
	size_t offset;    /**< of the member in the values struct */
	bool secret;      /**< its text is never repeated in a message */
	bool shared;      /**< may stand in any group of a plugin that has it; holds in all */
	const char *help; /**< one sentence; the reference pages print it */
	size_t given;     /**< offset of a bool that becomes true when the parameter stands in the file; 0: nobody asks */
	/** Optional: NULL when the text is fine, else what would be right. For CONF_LIST called per item. */
	const char *(*check)(const char *text);
};

struct conf_list {
	char **items;
	unsigned count;
};

/** Collected complaints. Zero-initialise. */
struct conf_errors {
	char **lines;
	unsigned count, cap;
	unsigned warnings; /**< of the lines; they begin with "warning: " after the place */
};

void conf_error(struct conf_errors *e, const char *file, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void conf_warning(struct conf_errors *e, const char *file, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/** The same at a setting's place. */
void conf_error_at(struct conf_errors *e, const config_setting_t *s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void conf_errors_free(struct conf_errors *e);
/** Errors without the warnings. */
static inline unsigned conf_error_count(const struct conf_errors *e)
{
	return e->count - e->warnings;
}

/** Fill values with the defaults of table. 0 or -ENOMEM. */
int conf_defaults(const struct conf_param *table, void *values);
/**
 * Read group (NULL: nothing there) into values, which hold the defaults already. Unknown names (with a "did
 * you mean"), wrong types and values out of range go to e.
 * where is the group's name for messages.
 */
void conf_read(const struct conf_param *table, const config_setting_t *group, const char *where,
	void *values, struct conf_errors *e);
/** One value into one row's member (replacing what was there). Complaints go to e. 0 or -EINVAL. */
int conf_read_one(const struct conf_param *row, const config_setting_t *s, const char *where,
	void *values, struct conf_errors *e);
/** Free the strings and lists in values. */
void conf_values_free(const struct conf_param *table, void *values);
const struct conf_param *conf_find(const struct conf_param *table, const char *name);
/** The nearest of a list of names by edit distance (at most 3 away), or NULL. Names end with NULL. */
const char *conf_nearest(const char *name, const char *const *names);
