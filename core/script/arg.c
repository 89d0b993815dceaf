#include "core/script/arg.h"

#include <errno.h>

int arg_flags(const struct ph_flag_name *names, struct slice text, int64_t *out,
	struct slice *bad)
{
	struct slice rest = slice_trim(text), item;
	int64_t sum = 0, n;

	if (slice_i64(rest, out) == 0)
		return 0;
	*bad = rest;
	if (slice_empty(rest))
		return -EINVAL;
	while (!slice_empty(rest)) {
		const struct ph_flag_name *f = names;

		if (!slice_cut(rest, ',', &item, &rest)) {
			item = rest;
			rest = (struct slice){0};
		}
		item = slice_trim(item);
		while (f != NULL && f->name != NULL &&
			!slice_eq(item, slice_str(f->name)))
			f++;
		if (f != NULL && f->name != NULL) {
			sum |= f->value;
		} else if (slice_i64(item, &n) == 0) {
			sum |= n;
		} else {
			*bad = item;
			return -EINVAL;
		}
	}
	*out = sum;
	return 0;
}

bool arg_route_kind(const char *keyword, enum script_block_kind *out)
{
	static const struct {
		const char *keyword;
		enum script_block_kind kind;
	} kinds[] = {
		{"onreply_route", SCRIPT_REPLY},
		{"reply_route", SCRIPT_REPLY},
		{"failure_route", SCRIPT_FAILURE},
		{"branch_route", SCRIPT_BRANCH},
		{"route", SCRIPT_REQUEST},
	};

	for (size_t i = 0; keyword != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(keyword, kinds[i].keyword) == 0) {
			*out = kinds[i].kind;
			return true;
		}
	return false;
}
