#include "tests/unit/fn_world.h"

/* What the script machine gives, for tests that have none. */

static int var_slot(struct slice name)
{
	for (int i = 0; i < 8; i++) {
		if (slice_eq(slice_str(world->var_names[i]), name))
			return i;
		if (world->var_names[i][0] == '\0') {
			snprintf(world->var_names[i], sizeof(world->var_names[i]), "%.*s",
				SLICE_ARG(name));
			return i;
		}
	}
	fail_msg("too many variables");
	return 0;
}

int run_var_get(struct ph_msg *msg, struct slice name, struct script_value *out)
{
	(void)msg;
	*out = world->vars[var_slot(name)];
	return out->type == SCRIPT_NULL ? -ENOENT : 0;
}

int run_var_set(struct ph_msg *msg, struct slice name, const struct script_value *value)
{
	(void)msg;
	world->vars[var_slot(name)] = *value;
	return 0;
}

int run_last_code(const struct ph_msg *msg)
{
	(void)msg;
	return world->last_code;
}

int run_param(struct ph_msg *msg, unsigned i, struct script_value *out)
{
	(void)msg;
	if (i != 1)
		return -ENOENT;
	*out = (struct script_value){.type = SCRIPT_TEXT, .s = SLICE("first")};
	return 0;
}

bool run_is_kamailio(const struct ph_msg *msg)
{
	(void)msg;
	return world->kamailio;
}

const char *script_where(const struct ph_msg *msg)
{
	(void)msg;
	return "edge.route:7 request_route";
}

struct slice value_text(struct arena *a, const struct script_value *v)
{
	if (v->type == SCRIPT_TEXT)
		return v->s;
	if (v->type == SCRIPT_INT)
		return arena_printf(a, "%lld", (long long)v->n);
	return SLICE("");
}

int value_int(const struct script_value *v, int64_t *out)
{
	if (v->type == SCRIPT_NULL)
		return -EINVAL;
	if (v->type == SCRIPT_INT) {
		*out = v->n;
		return 0;
	}
	return slice_i64(v->s, out) == 0 ? 0 : -EINVAL;
}
