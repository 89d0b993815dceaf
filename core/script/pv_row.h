/**
 * @file pv_row.h  How a variable is described and compiled. Private to core/script.
 *
 * Each pv_*.c has a table of rows; pv.c finds the row of a name, compiles what stands in parentheses, the index and the
 * transformations, and calls the row's get or set with everything evaluated.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>

#include "core/script/pv.h"

/** What a row takes beside its name. */
enum {
	PV_INNER = 1,     /**< a name in parentheses must follow: $hdr(N) */
	PV_INNER_MAY = 2, /**< may follow: $socket_in(ip) */
	PV_INNER_PV = 4,  /**< it is a variable: $T_req($ru) */
	PV_INDEXED = 8,   /**< $(name[i]) has a meaning */
};

enum pv_index { PV_FIRST, PV_AT, PV_ALL };

struct transform;

/** A read or write on its way; all evaluated. */
struct pv_call {
	const struct script_pv *pv;
	const struct script_env *env;
	struct ph_msg *msg;
	unsigned what;      /**< of the row */
	struct slice inner; /**< text in parentheses, variables expanded; empty: none */
	enum pv_index index;
	int64_t at; /**< for PV_AT; negative: from the end */
};

struct pv_row {
	const char *name; /**< without the '$' */
	unsigned what;    /**< tells the rows of one getter apart */
	/** 0 and *out (which comes in null); -ENOENT: null; -ENOMEM. */
	int (*get)(const struct pv_call *c, struct script_value *out);
	/** NULL: read-only. 0, -EINVAL, -ENOMEM. */
	int (*set)(const struct pv_call *c, const struct script_value *v);
	unsigned takes; /**< set of PV_* */
	const char *(*check)(
		struct slice inner); /**< a literal's fault at load, or NULL */
};

/** A compiled variable. */
struct script_pv {
	const struct pv_row *row;
	char *inner; /**< literal text in parentheses; NULL: none, or inner_fmt */
	struct pv_format *inner_fmt;
	struct script_pv *inner_pv;
	enum pv_index index;
	int64_t at;
	struct script_pv *at_pv; /**< $(hdr(X)[$var(i)]) */
	struct transform *chain;
	bool kamailio;
	int64_t compiled_at; /**< wall clock, seconds */
};

/** Tables, each ends with name NULL. */
extern const struct pv_row pv_msg_rows[];
extern const struct pv_row pv_uri_rows[];
extern const struct pv_row pv_hdr_rows[];
extern const struct pv_row pv_net_rows[];
extern const struct pv_row pv_tm_rows[];

/** $null has this row. */
int pv_get_null(const struct pv_call *c, struct script_value *out);

/** A Unix time by a format of strftime(), local time; p NULL: no memory. */
struct slice time_text(struct arena *a, int64_t at, const char *fmt);

/* Answers of getters */

static inline int pv_int(struct script_value *out, int64_t n)
{
	out->type = SCRIPT_INT;
	out->n = n;
	return 0;
}

static inline int pv_text(struct script_value *out, struct slice s)
{
	out->type = SCRIPT_TEXT;
	out->s = s;
	return 0;
}

/** Empty text is null: what a message does not have. */
static inline int pv_text_or_null(struct script_value *out, struct slice s)
{
	return slice_empty(s) ? -ENOENT : pv_text(out, s);
}

/** A C string that lives for ever. */
static inline int pv_static(struct script_value *out, const char *s)
{
	return pv_text(out, slice_str(s));
}

/** Text made in the arena: empty with p NULL means no memory. */
static inline int pv_made(struct script_value *out, struct slice s)
{
	return s.p ? pv_text(out, s) : -ENOMEM;
}
