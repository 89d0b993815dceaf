/**
 * @file value.h  What operators make of values: docs/script.md, "Values". Private to core/script.
 *
 * Any thread; text that is made lies in the arena given.
 */
#pragma once

#include "core/script/ast.h"
#include "core/script/pv.h"

/** What operators may need to say. */
enum value_note { VALUE_FINE, VALUE_NO_NUMBER, VALUE_DIV_ZERO, VALUE_NO_MEMORY };

bool value_truth_of(const struct script_value *v, bool kamailio);
static inline bool value_truth(const struct script_value *v, bool kamailio)
{
	if (v->type == SCRIPT_INT)
		return kamailio ? v->n > 0 : v->n != 0;
	return value_truth_of(v, kamailio);
}
/** O_EQ .. O_GE and the word operators; nocase: whatever the dialect says. */
bool value_compare(struct arena *a, enum node_op op, const struct script_value *x,
	const struct script_value *y, bool kamailio, bool nocase);
/** O_ADD .. O_SHR. */
enum value_note value_arith(struct arena *a, enum node_op op,
	const struct script_value *x, const struct script_value *y,
	struct script_value *out);
/** O_NOT, O_NEG, O_BNOT, O_DEFINED, O_INT, O_TEXT. */
enum value_note value_unary(struct arena *a, enum node_op op,
	const struct script_value *x, bool kamailio, struct script_value *out);
/** Does a switch's subject equal this case? */
bool value_is_case(struct arena *a, const struct script_value *x,
	const struct script_value *c, bool kamailio);
/** The code that `return v` means. */
int value_code(const struct script_value *v);

static inline struct script_value value_of_int(int64_t n)
{
	return (struct script_value){.type = SCRIPT_INT, .n = n};
}
static inline struct script_value value_of_text(struct slice s)
{
	return (struct script_value){.type = SCRIPT_TEXT, .s = s};
}
