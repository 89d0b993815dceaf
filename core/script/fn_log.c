#include "core/script/fn_core.h"

/** "L_INFO", "info", or a number from -3 to 4 (0: a warning). */
static bool read_level(struct slice text, enum log_level *out)
{
	int64_t n;

	text = slice_trim(text);
	if (slice_i64(text, &n) != 0)
		return log_level_parse(text, out) == 0;
	if (n == 0)
		n = LOG_L_WARN;
	*out = n < LOG_L_ALERT  ? LOG_L_ALERT
		: n > LOG_L_DBG ? LOG_L_DBG
				: (enum log_level)n;
	return true;
}

static void write_line(const struct ph_msg *msg, enum log_level level, struct slice text)
{
	while (text.len > 0 && strchr("\r\n", text.p[text.len - 1]))
		text.len--; /* a line is a line anyway */
	fn_log(msg, level, "%.*s", SLICE_ARG(text));
}

/** xlog([level,] text), log([level,] text): without a level an error, as elsewhere. */
static int fn_xlog(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	enum log_level level = LOG_L_ERR;

	(void)self;
	if (!args[1].given) {
		write_line(msg, level, args[0].s);
		return PH_TRUE;
	}
	if (!read_level(args[0].s, &level))
		fn_log(msg, LOG_L_WARN, "'%.*s' is no log level", SLICE_ARG(args[0].s));
	write_line(msg, level, args[1].s);
	return PH_TRUE;
}

#define LEVEL_FN(fn, level)                                                              \
	static int fn(void *self, struct ph_msg *msg, const struct ph_arg *args)         \
	{                                                                                \
		(void)self;                                                              \
		write_line(msg, (level), args[0].s);                                     \
		return PH_TRUE;                                                          \
	}
LEVEL_FN(fn_xdbg, LOG_L_DBG)
LEVEL_FN(fn_xinfo, LOG_L_INFO)
LEVEL_FN(fn_xnotice, LOG_L_NOTICE)
LEVEL_FN(fn_xwarn, LOG_L_WARN)
LEVEL_FN(fn_xerr, LOG_L_ERR)
LEVEL_FN(fn_xcrit, LOG_L_CRIT)
LEVEL_FN(fn_xalert, LOG_L_ALERT)

/* clang-format off */
#define TEXT {.kind = PH_ARG_FMT, .name = "text"}
#define X_ROW(n, fn) \
	{.name = (n), .args = {TEXT}, .min_args = 1, .max_args = 1, .routes = PH_ROUTES_ALL, .call = (fn), \
	 .help = "Logs a text with variables at the level of its name."}
const struct ph_script_fn fn_log_table[] = {
	{.name = "xlog", .args = {{.kind = PH_ARG_FMT, .name = "level"}, TEXT}, .min_args = 1, .max_args = 2,
	 .routes = PH_ROUTES_ALL, .call = fn_xlog, .help = "Logs a text with variables; the level comes first."},
	{.name = "log", .args = {{.kind = PH_ARG_NAME, .name = "level"}, {.kind = PH_ARG_STR, .name = "text"}},
	 .min_args = 1, .max_args = 2, .routes = PH_ROUTES_ALL, .call = fn_xlog,
	 .help = "Logs a plain text; the level comes first."},
	X_ROW("xdbg", fn_xdbg),
	X_ROW("xinfo", fn_xinfo),
	X_ROW("xnotice", fn_xnotice),
	X_ROW("xwarn", fn_xwarn),
	X_ROW("xerr", fn_xerr),
	X_ROW("xcrit", fn_xcrit),
	X_ROW("xalert", fn_xalert),
	{0},
};
/* clang-format on */
