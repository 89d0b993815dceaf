#include <errno.h>

#include "core/script/fn_core.h"
#include "core/sip/sip_write.h"

static bool one_line(struct slice s)
{
	return slice_chr(s, '\r') < 0 && slice_chr(s, '\n') < 0 && slice_chr(s, '\0') < 0;
}

/** Fill in the reason, add what append_to_reply() collected. 0; -EINVAL: no reply can be made of it. */
static int prepare(
	struct ph_msg *msg, int64_t code, struct slice *reason, struct slice *extra)
{
	if (code < 100 || code > 699 || !one_line(*reason)) {
		fn_log(msg, LOG_L_ERR, "no reply: code %lld, reason '%.*s'",
			(long long)code, SLICE_ARG(*reason));
		return -EINVAL;
	}
	if (msg->sip.kind != SIP_REQUEST || msg->sip.method == SIP_ACK)
		return -EINVAL; /* nothing answers an ACK: RFC 3261 section 17 */
	if (slice_empty(*reason))
		*reason = slice_str(sip_reason((unsigned)code));
	if (slice_empty(*extra))
		*extra = msg->reply_extra;
	else if (!slice_empty(msg->reply_extra))
		*extra = arena_join(msg->arena, msg->reply_extra, *extra);
	return extra->p || extra->len == 0 ? 0 : -ENOMEM;
}

int fn_reply(const struct script_env *env, struct ph_msg *msg, unsigned code,
	struct slice reason, struct slice extra)
{
	int verdict;

	if (prepare(msg, code, &reason, &extra) != 0)
		return PH_FALSE;
	/* A request with a transaction has its retransmissions answered from there. */
	if (msg->trans)
		verdict = tm_reply(env->tm, msg, code, reason, extra);
	else
		verdict = tm_reply_stateless(env->tm, msg, code, reason, extra);
	if (verdict > 0 && code >= 200)
		msg->replied = true;
	return verdict > 0 ? PH_TRUE : PH_FALSE;
}

/** sl_send_reply(), send_reply(): parking may have made a transaction, so both go through it when it is there. */
static int send_reply(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	if (args[0].n < 100 || args[0].n > 699) {
		fn_log(msg, LOG_L_ERR, "%lld is no reply code", (long long)args[0].n);
		return PH_FALSE;
	}
	return fn_reply(self, msg, (unsigned)args[0].n, args[1].s, (struct slice){0});
}

static int t_reply(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct script_env *env = self;
	struct slice reason = args[1].s, extra = {0};

	if (prepare(msg, args[0].n, &reason, &extra) != 0)
		return PH_FALSE;
	if (tm_reply(env->tm, msg, (unsigned)args[0].n, reason, extra) < 0)
		return PH_FALSE;
	if (args[0].n >= 200)
		msg->replied = true;
	return PH_TRUE;
}

/** The reply for what went wrong last; once: t_relay() sends it by itself. */
static int reply_error(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	unsigned code = msg->last_error >= 400 && msg->last_error <= 699
		? (unsigned)msg->last_error
		: 500;
	int verdict;

	(void)args;
	if (msg->replied)
		return PH_TRUE;
	verdict = fn_reply(self, msg, code, (struct slice){0}, (struct slice){0});
	/* A transaction that takes no reply any more has had one. */
	return verdict > 0 || (msg->trans && msg->last_error) ? PH_TRUE : PH_FALSE;
}

static int append_to_reply(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	sip_mark mark = sip_edit_mark(&msg->sip);
	struct slice lines, all;
	bool missing;
	int err = fn_lines(msg, args[0].s, &lines, &missing);

	(void)self;
	if (err == 0)
		err = sip_hdr_add_text(
			&msg->sip, SIP_AFTER, NULL, lines); /* are they header lines? */
	sip_rollback(&msg->sip, mark);
	if (err != 0)
		return fn_verdict(msg, "append_to_reply", err);
	all = slice_empty(msg->reply_extra)
		? lines
		: arena_join(msg->arena, msg->reply_extra, lines);
	if (!all.p)
		return fn_verdict(msg, "append_to_reply", -ENOMEM);
	msg->reply_extra = all;
	return PH_TRUE;
}

/** 200 to a question that is meant for the server itself: RFC 3261 section 11.2. */
static int options_reply(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	const struct script_env *env = self;
	struct sip_uri uri;

	(void)args;
	if (msg->sip.method != SIP_OPTIONS || sip_uri_parse(&uri, msg->sip.ruri) != 0 ||
		!slice_empty(uri.user) || !fn_uri_is_ours(env, &uri))
		return PH_FALSE;
	return fn_reply(env, msg, 200, SLICE("OK"),
		SLICE("Accept: */*\r\nAccept-Encoding: identity\r\nAccept-Language: "
		      "en\r\nSupported: path\r\n"));
}

/** Received and rport on the top Via: RFC 3581 section 4, also for those that did not ask. */
static int force_rport(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	int err = sip_via_fix(&msg->sip, &msg_rx(msg)->src, true);

	(void)self;
	(void)args;
	if (err == 0)
		msg->via_fixed = true;
	return fn_verdict(msg, "force_rport", err);
}

/* clang-format off */
#define CODE {.kind = PH_ARG_INT, .name = "code"}
#define REASON {.kind = PH_ARG_FMT, .name = "reason"}
const struct ph_script_fn fn_reply_table[] = {
	{.name = "sl_send_reply", .args = {CODE, REASON}, .min_args = 2, .max_args = 2, .routes = FN_R | FN_F,
	 .call = send_reply, .help = "Replies without making a transaction."},
	{.name = "send_reply", .args = {CODE, REASON}, .min_args = 2, .max_args = 2, .routes = FN_R | FN_F,
	 .call = send_reply, .help = "Replies, through the transaction if there is one."},
	{.name = "t_reply", .args = {CODE, REASON}, .min_args = 2, .max_args = 2, .routes = FN_R | FN_F,
	 .call = t_reply, .help = "Replies through the transaction, which is made if need be."},
	{.name = "sl_reply_error", .routes = FN_R, .call = reply_error,
	 .help = "Replies with the code of the last internal error."},
	{.name = "send_reply_error", .routes = FN_R | FN_F, .call = reply_error,
	 .help = "Replies with the code of the last internal error, through the transaction if there is one."},
	{.name = "append_to_reply", .args = {{.kind = PH_ARG_FMT, .name = "header"}}, .min_args = 1, .max_args = 1,
	 .routes = FN_R | FN_F | FN_B, .call = append_to_reply,
	 .help = "Adds header lines to the replies that are made here."},
	{.name = "options_reply", .routes = FN_R, .call = options_reply,
	 .help = "Answers an OPTIONS that is meant for this server."},
	{.name = "force_rport", .routes = FN_R | FN_L, .call = force_rport,
	 .help = "Sends replies to the address and port that the request came from."},
	{0},
};
/* clang-format on */
