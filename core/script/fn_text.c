#include <errno.h>

#include "core/script/fn_core.h"

static int search(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	return fn_match(msg, &args[0], msg->sip.raw);
}

static int search_body(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	return fn_match(msg, &args[0], msg->sip.body_received);
}

static int starts_with(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)self;
	(void)msg;
	return slice_starts(args[0].s, args[1].s) ? PH_TRUE : PH_FALSE;
}

static int pv_print(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct script_value v = {.type = SCRIPT_TEXT};
	int err = args[0].pv ? fn_keep(msg, args[1].s, &v.s) : -EINVAL;

	if (err == 0)
		err = script_pv_set(args[0].pv, self, msg, &v);
	return fn_verdict(msg, "pv_printf", err);
}

/* clang-format off */
#define RE {.kind = PH_ARG_RE, .name = "regex"}
const struct ph_script_fn fn_text_table[] = {
	{.name = "search", .args = {RE}, .min_args = 1, .max_args = 1, .routes = PH_ROUTES_ALL, .call = search,
	 .help = "Does the text of the message match? '^' matches at line starts."},
	{.name = "search_body", .args = {RE}, .min_args = 1, .max_args = 1, .routes = FN_R | FN_F | FN_B | FN_O,
	 .call = search_body, .help = "Does the body match?"},
	{.name = "starts_with", .args = {{.kind = PH_ARG_FMT, .name = "text"}, {.kind = PH_ARG_FMT, .name = "start"}},
	 .min_args = 2, .max_args = 2, .routes = PH_ROUTES_ALL, .call = starts_with,
	 .help = "Does the first text begin with the second?"},
	{.name = "pv_printf", .args = {{.kind = PH_ARG_PV, .name = "variable"}, {.kind = PH_ARG_FMT, .name = "text"}},
	 .min_args = 2, .max_args = 2, .routes = PH_ROUTES_ALL, .call = pv_print,
	 .help = "Assigns a text with variables."},
	{0},
};
/* clang-format on */
