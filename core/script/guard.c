#include "core/script/compile.h"

static const struct {
	const char *name;
	unsigned kinds;
} guards[] = {
	{"is_request", PH_ROUTES_ALL & ~(unsigned)PH_ROUTE_REPLY},
	{"is_reply", PH_ROUTE_REPLY},
	{"t_is_request_route", PH_ROUTE_REQUEST},
	{"t_is_branch_route", PH_ROUTE_BRANCH},
	{"t_is_failure_route", PH_ROUTE_FAILURE},
	{"t_is_reply_route", PH_ROUTE_REPLY},
};

static unsigned of_call(struct slice name, bool truth)
{
	for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++)
		if (slice_eq(name, slice_str(guards[i].name)))
			return truth ? guards[i].kinds : PH_ROUTES_ALL & ~guards[i].kinds;
	return PH_ROUTES_ALL;
}

unsigned guard_kinds(const struct node *n, bool truth)
{
	unsigned a, b;

	if (n->kind == N_CALL)
		return of_call(n->text, truth);
	if (n->kind == N_UN && n->op == O_NOT)
		return guard_kinds(n->a, !truth);
	if (n->kind != N_AND && n->kind != N_OR)
		return PH_ROUTES_ALL;
	a = guard_kinds(n->a, truth);
	b = guard_kinds(n->b, truth);
	/* Both must hold, or either may. */
	return (n->kind == N_AND) == truth ? a & b : a | b;
}
