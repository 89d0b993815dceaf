#include "core/script/value.h"

#include <errno.h>
#include <limits.h>

struct slice value_text(struct arena *a, const struct script_value *v)
{
	switch (v->type) {
	case SCRIPT_TEXT:
		return v->s;
	case SCRIPT_INT:
		return arena_printf(a, "%lld", (long long)v->n);
	case SCRIPT_NULL:
	default:
		return slice_make("", 0);
	}
}

int value_int(const struct script_value *v, int64_t *out)
{
	if (v->type == SCRIPT_INT) {
		*out = v->n;
		return 0;
	}
	if (v->type == SCRIPT_TEXT && slice_i64(v->s, out) == 0)
		return 0;
	return -EINVAL;
}

bool value_truth_of(const struct script_value *v, bool kamailio)
{
	int64_t n;

	if (v->type == SCRIPT_NULL)
		return false;
	if (kamailio)
		return value_int(v, &n) == 0 && n > 0;
	return v->s.len > 0;
}

static int sign(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_text(struct arena *a, const struct script_value *x,
	const struct script_value *y, bool nocase)
{
	struct slice s = value_text(a, x), t = value_text(a, y);
	size_t n = s.len < t.len ? s.len : t.len;

	if (nocase)
		return slice_icmp(s, t);
	if (n > 0 && memcmp(s.p, t.p, n) != 0)
		return memcmp(s.p, t.p, n);
	return sign((int64_t)s.len, (int64_t)t.len);
}

/* Null against something that is not null, for == only. */
static bool null_equals(const struct script_value *other, bool kamailio)
{
	return kamailio &&
		((other->type == SCRIPT_TEXT && other->s.len == 0) ||
			(other->type == SCRIPT_INT && other->n == 0));
}

static int64_t int_or_zero(const struct script_value *v)
{
	int64_t n = 0;

	return value_int(v, &n) == 0 ? n : 0;
}

/* -1, 0, 1 of two values that are not null. */
static int compare(struct arena *a, const struct script_value *x,
	const struct script_value *y, bool nocase)
{
	int64_t m, n;

	if ((x->type == SCRIPT_INT || y->type == SCRIPT_INT) && value_int(x, &m) == 0 &&
		value_int(y, &n) == 0)
		return sign(m, n);
	return compare_text(a, x, y, nocase);
}

static bool equals(struct arena *a, const struct script_value *x,
	const struct script_value *y, bool kamailio, bool nocase)
{
	if (x->type == SCRIPT_NULL && y->type == SCRIPT_NULL)
		return true;
	if (x->type == SCRIPT_NULL)
		return null_equals(y, kamailio);
	/* `$x == NULL` asks for null alone, also where null is as good as 0. */
	if (y->type == SCRIPT_NULL)
		return false;
	return compare(a, x, y, nocase) == 0;
}

bool value_compare(struct arena *a, enum node_op op, const struct script_value *x,
	const struct script_value *y, bool kamailio, bool nocase)
{
	bool null = x->type == SCRIPT_NULL || y->type == SCRIPT_NULL;

	nocase = nocase || !kamailio;
	/* clang-format off */
	switch ((int)op) {
	case O_EQ: return equals(a, x, y, kamailio, nocase);
	case O_NE: return !equals(a, x, y, kamailio, nocase);
	case O_TEQ: return compare_text(a, x, y, nocase) == 0;
	case O_TNE: return compare_text(a, x, y, nocase) != 0;
	case O_IEQ: return int_or_zero(x) == int_or_zero(y);
	case O_INE: return int_or_zero(x) != int_or_zero(y);
	case O_LT: return !null && compare(a, x, y, nocase) < 0;
	case O_GT: return !null && compare(a, x, y, nocase) > 0;
	case O_LE: return !null && compare(a, x, y, nocase) <= 0;
	case O_GE: return !null && compare(a, x, y, nocase) >= 0;
	default: return false;
	}
	/* clang-format on */
}

static int64_t shifted(enum node_op op, int64_t m, int64_t n)
{
	if (n < 0 || n > 63)
		return 0;
	return (int64_t)(op == O_SHL ? (uint64_t)m << n : (uint64_t)m >> n);
}

/* Wraps round instead of overflowing. */
static int64_t calculate(enum node_op op, int64_t m, int64_t n)
{
	/* clang-format off */
	switch ((int)op) {
	case O_ADD: return (int64_t)((uint64_t)m + (uint64_t)n);
	case O_SUB: return (int64_t)((uint64_t)m - (uint64_t)n);
	case O_MUL: return (int64_t)((uint64_t)m * (uint64_t)n);
	case O_DIV: return n == -1 ? (int64_t)(0 - (uint64_t)m) : m / n;
	case O_MOD: return n == -1 ? 0 : m % n;
	case O_BAND: return m & n;
	case O_BOR: return m | n;
	case O_BXOR: return m ^ n;
	default: return shifted(op, m, n);
	}
	/* clang-format on */
}

enum value_note value_arith(struct arena *a, enum node_op op,
	const struct script_value *x, const struct script_value *y,
	struct script_value *out)
{
	bool joins = x->type == SCRIPT_TEXT ||
		(x->type == SCRIPT_NULL && y->type == SCRIPT_TEXT);
	bool odd = (x->type == SCRIPT_TEXT && slice_i64(x->s, &(int64_t){0}) != 0) ||
		(y->type == SCRIPT_TEXT && slice_i64(y->s, &(int64_t){0}) != 0);
	int64_t n = int_or_zero(y);

	if (op == O_ADD && joins) {
		struct slice s = arena_join(a, value_text(a, x), value_text(a, y));

		if (s.p == NULL) {
			*out = (struct script_value){.type = SCRIPT_NULL};
			return VALUE_NO_MEMORY;
		}
		*out = value_of_text(s);
		return VALUE_FINE;
	}
	if ((op == O_DIV || op == O_MOD) && n == 0) {
		*out = (struct script_value){.type = SCRIPT_NULL};
		return VALUE_DIV_ZERO;
	}
	*out = value_of_int(calculate(op, int_or_zero(x), n));
	return odd ? VALUE_NO_NUMBER : VALUE_FINE;
}

enum value_note value_unary(struct arena *a, enum node_op op,
	const struct script_value *x, bool kamailio, struct script_value *out)
{
	bool odd = x->type == SCRIPT_TEXT && slice_i64(x->s, &(int64_t){0}) != 0;
	struct slice s;

	switch ((int)op) {
	case O_NOT:
		*out = value_of_int(!value_truth(x, kamailio));
		return VALUE_FINE;
	case O_DEFINED:
		*out = value_of_int(x->type != SCRIPT_NULL);
		return VALUE_FINE;
	case O_NEG:
		*out = value_of_int((int64_t)(0 - (uint64_t)int_or_zero(x)));
		break;
	case O_BNOT:
		*out = value_of_int(~int_or_zero(x));
		break;
	case O_TEXT:
		s = value_text(a, x);
		*out = value_of_text(s);
		return s.p != NULL ? VALUE_FINE : VALUE_NO_MEMORY;
	default:
		*out = value_of_int(int_or_zero(x));
		break;
	}
	return odd ? VALUE_NO_NUMBER : VALUE_FINE;
}

bool value_is_case(struct arena *a, const struct script_value *x,
	const struct script_value *c, bool kamailio)
{
	int64_t n;

	if (x->type == SCRIPT_NULL)
		return false;
	if (c->type == SCRIPT_INT)
		return value_int(x, &n) == 0 && n == c->n;
	return compare_text(a, x, c, !kamailio) == 0;
}

int value_code(const struct script_value *v)
{
	int64_t n;

	if (v->type == SCRIPT_NULL)
		return -1;
	if (value_int(v, &n) != 0)
		return 1;
	/* The lowest code is taken: it means "parked" among functions. */
	return n > INT_MAX ? INT_MAX : n <= INT_MIN ? INT_MIN + 1 : (int)n;
}
