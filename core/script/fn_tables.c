#include "core/script/fn_core.h"

const struct ph_script_fn *const script_core_fns[] = {
	fn_msg_table,
	fn_reply_table,
	fn_tm_table,
	fn_serial_table,
	fn_rr_table,
	fn_uri_table,
	fn_hdr_table,
	fn_flag_table,
	fn_text_table,
	fn_subst_table,
	fn_log_table,
	NULL,
};

/* clang-format off */
const struct ph_fn_alias script_core_aliases[] = {
	{"sl_reply", "sl_send_reply"},
	{"add_rport", "force_rport"},
	{"t_was_cancelled", "t_is_canceled"},
	{"t_was_canceled", "t_is_canceled"},
	{"t_is_cancelled", "t_is_canceled"},
	{"avp_printf", "pv_printf"},
	{"setbranchflag", "setbflag"},
	{"resetbranchflag", "resetbflag"},
	{"isbranchflagset", "isbflagset"},
	{"rewriteuri", "seturi"},
	{"rewritehost", "sethost"},
	{"seth", "sethost"},
	{"rewritehostport", "sethostport"},
	{"sethp", "sethostport"},
	{"rewriteuser", "setuser"},
	{"setu", "setuser"},
	{"rewriteuserpass", "setuserpass"},
	{"setup", "setuserpass"},
	{"rewriteport", "setport"},
	{"setp", "setport"},
	{"setduri", "setdsturi"},
	{"resetduri", "resetdsturi"},
	{"isduriset", "isdsturiset"},
	{"xlogl", "xlog"},
	{"xdbgl", "xdbg"},
	{"xinfol", "xinfo"},
	{NULL, NULL},
};
/* clang-format on */
