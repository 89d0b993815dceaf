/**
 * @file fn.h  What a script function is: its row in a table, its arguments, its verdict.
 *
 * The core's own functions (core/script/fn_*.c) and those of plugins are rows of the same form; everything about them is
 * checked when the script is loaded.
 */
#pragma once

#include <limits.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/tm/msg.h"

/** What a function answers: any code; > 0 true, < 0 false. */
enum {
	PH_STOP = 0,          /**< ends the whole script */
	PH_TRUE = 1,
	PH_FALSE = -1,
	PH_PARK = INT_MIN,    /**< the function has parked the message (ph_park(), tm); its code comes later */
};

enum ph_arg_kind {
	PH_ARG_INT = 1, /**< n: integer, digit or hex string, or anything with variables evaluated to one */
	PH_ARG_STR,     /**< s: text; literal, or the value of an expression; `$` is not expanded in literals */
	PH_ARG_FMT,     /**< s: text with its variables expanded; a bare word is its own text (xlog(L_INFO, "...")) */
	PH_ARG_FLAGS,   /**< n: number, or names joined by comma from the row's flag_names */
	PH_ARG_RE,      /**< re: extended regex, case-insensitive, REG_NEWLINE; compiled at load when literal, else at the call */
	PH_ARG_PV,      /**< pv: a variable that the function reads or writes */
	PH_ARG_ROUTE,   /**< n: number of the block armed; the row's route_kw says of which kind. -1: "0", disarm */
	PH_ARG_BITFLAG, /**< n: 0..31; a number, or a name bound to a free bit at load */
	PH_ARG_NAME,    /**< s: like STR, also a bare word (lookup(location), xlog's L_INFO) */
};

struct script_pv;

struct ph_arg {
	bool given;
	int64_t n;
	struct slice s;
	const regex_t *re;
	const struct script_pv *pv;
	const void *compiled; /**< what the row's compile hook made of a literal; NULL when it came at run time */
};

struct ph_flag_name {
	const char *name;
	int64_t value;
};

#define PH_MAX_ARGS 6
struct ph_arg_row {
	enum ph_arg_kind kind;
	const char *name;                      /**< for messages: "flags" */
	const struct ph_flag_name *flag_names; /**< PH_ARG_FLAGS; ends with NULL */
	const char *route_kw;                  /**< PH_ARG_ROUTE: "failure_route", ... */
	/** Optional check of a literal at load (of flags: their sum as a number): NULL when fine, else what is wrong ("unknown flag letter 'y'"); why is room for it. */
	const char *(*check)(const char *text, char why[128]);
	/** The same, when it depends on the plugin's parameters (conf; NULL for core functions). */
	const char *(*check_with)(const void *conf, const char *text, char why[128]);
	/** The same for what means something else in Kamailio's dialect; asked when check has found nothing. */
	const char *(*check_dialect)(const char *text, bool kamailio, char why[128]);
};

/** A script function; tables end with name NULL. */
struct ph_script_fn {
	const char *name;
	struct ph_arg_row args[PH_MAX_ARGS]; /**< used ones first */
	unsigned min_args, max_args;
	unsigned routes;                     /**< set of enum ph_route */
	/** self: the plugin's instance on this worker; for core functions struct script_env *. args has max_args entries. */
	int (*call)(void *self, struct ph_msg *msg, const struct ph_arg *args);
	const char *help;                    /**< one sentence */
};

/** Another spelling of a function. */
struct ph_fn_alias {
	const char *alias, *name;
};
