/**
 * @file transform.h  Transformations: {s.len}, {uri.host}, chained behind a variable. Private to core/script.
 *
 * Parsed once with the variable; run on a value. A null value stays null.
 */
#pragma once

#include "core/script/pv.h"

#define TR_MAX_PARAMS 3

struct subst;

/** A transformation at work: parameters evaluated. */
struct tr_call {
	struct arena *arena;
	const struct script_env *env;
	struct ph_msg *msg;
	unsigned what;
	unsigned count; /**< of params given */
	struct script_value param[TR_MAX_PARAMS];
	const struct subst *subst; /**< re.subst */
};

struct tr_row {
	const char *name; /**< "s.len" */
	unsigned min,
		max; /**< parameters; the last one takes the rest of the text, commas too */
	unsigned what;
	/** in: text of the value. 0 and *out; -ENOENT: null; -ENOMEM. */
	int (*run)(const struct tr_call *c, struct slice in, struct script_value *out);
};

extern const struct tr_row tr_text_rows[];
extern const struct tr_row tr_code_rows[];
extern const struct tr_row tr_uri_rows[];

struct transform;

/** text begins with '{'. *used: bytes of the whole chain "{...}{...}". 0; -EINVAL with why and *at; -ENOMEM. */
int transform_parse(struct transform **out, struct slice text, bool kamailio,
	size_t *used, char why[160], size_t *at);
void transform_free(struct transform **tp);
/** In place. 0; -ENOENT (value is null then); -ENOMEM. */
int transform_run(const struct transform *t, const struct script_env *env,
	struct ph_msg *msg, struct script_value *value);

/** Parameter i as integer; dflt when absent or no integer. */
int64_t tr_int(const struct tr_call *c, unsigned i, int64_t dflt);
/** Parameter i as text, empty when absent. */
struct slice tr_text(const struct tr_call *c, unsigned i);

/* "/re/replacement/flags", flags g (all), i (case-insensitive), s ('.' matches line ends) */

/** 0; -EINVAL with why[160]; -ENOMEM. */
int subst_new(struct subst **out, struct slice expr, bool kamailio, char why[160]);
void subst_free(struct subst **sp);
/** Replaced text in the arena. Returns how many replacements; 0: *out is in itself; -ENOMEM. */
int subst_run(const struct subst *s, const struct script_env *env, struct ph_msg *msg,
	struct slice in, struct slice *out);
