/**
 * @file fn_core.h  What the files with the core's own script functions share. Private to core/script.
 *
 * `self` of a core function is its worker's struct script_env. Literal arguments belong to the program: what a message keeps
 * of them is copied into its arena.
 */
#pragma once

#include "core/base/log.h"
#include "core/script/pv.h"

/** Blocks as the reference names them. */
enum {
	FN_R = PH_ROUTE_REQUEST,
	FN_F = PH_ROUTE_FAILURE,
	FN_B = PH_ROUTE_BRANCH,
	FN_O = PH_ROUTE_REPLY,
	FN_L = PH_ROUTE_LOCAL,
};

extern const struct ph_script_fn fn_flag_table[];
extern const struct ph_script_fn fn_hdr_table[];
extern const struct ph_script_fn fn_log_table[];
extern const struct ph_script_fn fn_msg_table[];
extern const struct ph_script_fn fn_reply_table[];
extern const struct ph_script_fn fn_rr_table[];
extern const struct ph_script_fn fn_serial_table[];
extern const struct ph_script_fn fn_subst_table[];
extern const struct ph_script_fn fn_text_table[];
extern const struct ph_script_fn fn_tm_table[];
extern const struct ph_script_fn fn_uri_table[];

/** One line with the call and the place in the script. */
void fn_log(const struct ph_msg *msg, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/** PH_TRUE or PH_FALSE: the argument's expression on text. */
int fn_match(const struct ph_msg *msg, const struct ph_arg *re, struct slice text);
/** PH_TRUE for 0; errors are logged with the function's name and give PH_FALSE. */
int fn_verdict(const struct ph_msg *msg, const char *fn, int err);
/** A copy in msg's arena; empty text needs none. -ENOMEM. */
int fn_keep(struct ph_msg *msg, struct slice text, struct slice *out);
/** A URI for "udp:host:port", "host:port", "host" or a SIP URI, in the arena. 0, -EINVAL, -ENOMEM. */
int fn_dest_uri(struct ph_msg *msg, struct slice dest, struct slice *out);
/** The same from host and port (0: none) and transport (NULL: none). */
int fn_hostport_uri(struct ph_msg *msg, struct slice host, int64_t port,
	const char *transport, struct slice *out);
/** Send a reply the way send_reply() does: with the transaction if there is one. PH_TRUE or PH_FALSE. */
int fn_reply(const struct script_env *env, struct ph_msg *msg, unsigned code,
	struct slice reason, struct slice extra);
/** Complete lines with CRLF ends from what a script gave; *missing: the last one had no line end. */
int fn_lines(struct ph_msg *msg, struct slice text, struct slice *out, bool *missing);
/** Does uri name this server (host, and port or its scheme's default)? */
bool fn_uri_is_ours(const struct script_env *env, const struct sip_uri *uri);
/** fn_route.c: what loose_route() does. */
int fn_loose_route(const struct script_env *env, struct ph_msg *msg);
