/**
 * @file pv.h  Pseudo-variables and transformations inside core/script: the seam between the language and what it reads.
 *
 * script_pv_new() and the compiler use pv_parse(); the machine uses pv_get()/pv_set(). Formats ("from $fU at $si") are compiled to
 * pieces once. route-script.md sections 8 and 9 is what they do.
 */
#pragma once

#include "core/base/buf.h"
#include "core/script/script.h"

/**
 * Compile the variable that text begins with ("$ru", "$(hdr(Via)[0]{s.len})", "$avp(s:x)"). *used: its length in bytes.
 * kamailio: the dialect. 0; -EINVAL with why[160] ("unknown variable '$foo'") and *at the offset of the fault.
 */
int pv_parse(struct script_pv **out, struct slice text, bool kamailio, size_t *used, char why[160], size_t *at);
/** $var(n) names are slots of a run: the compiler binds them with this after parsing. Empty: not a $var, or one with transformations. */
struct slice pv_var_name(const struct script_pv *pv);
/** Is it a plain message-independent null ($null)? */
bool pv_is_null(const struct script_pv *pv);

/** A format string, compiled. */
struct pv_format;
int pv_format_parse(struct pv_format **out, struct slice text, bool kamailio, char why[160], size_t *at);
void pv_format_free(struct pv_format **fp);
/** Expanded; null values as "<null>". In the message's arena. 0, -ENOMEM. */
int pv_format_eval(const struct pv_format *f, const struct script_env *env, struct ph_msg *msg, struct slice *out);

/* Given by the machine to variables: the script variables of the innermost run and its last code */
int run_var_get(struct ph_msg *msg, struct slice name, struct script_value *out); /**< -ENOENT: null */
int run_var_set(struct ph_msg *msg, struct slice name, const struct script_value *value);
int run_last_code(const struct ph_msg *msg);
/** Argument i (from 1) of route(X, a, b); -ENOENT. */
int run_param(struct ph_msg *msg, unsigned i, struct script_value *out);
bool run_is_kamailio(const struct ph_msg *msg);

/** Values as text / as integer by the language's rules (section 6). */
struct slice value_text(struct arena *a, const struct script_value *v);
/** -EINVAL when text is no integer. */
int value_int(const struct script_value *v, int64_t *out);

/** The core's own functions and aliases (fn_*.c), for the loader. */
extern const struct ph_script_fn *const script_core_fns[]; /**< tables; ends with NULL */
extern const struct ph_fn_alias script_core_aliases[];     /**< ends with NULL */
/** Condition keywords that are not variables: `uri == myself` and the like use this. text is a URI or a host. */
bool script_is_myself(const struct script_env *env, struct slice text);
