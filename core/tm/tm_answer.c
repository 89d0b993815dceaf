/* Replies made here, with a transaction. */
#include <errno.h>

#include "core/tm/tm_priv.h"

void answer_fix_via(struct ph_msg *msg)
{
	if (msg->via_fixed)
		return;
	/* Without memory the reply still finds its way: its destination does not come from the text. */
	if (sip_via_fix(&msg->sip, &msg_rx(msg)->src, false) == 0)
		msg->via_fixed = true;
}

int answer_write(struct tm *tm, struct sip_msg *request, unsigned code,
	struct slice reason, struct slice extra, struct slice body)
{
	struct sip_answer ans = {.code = code,
		.reason = reason,
		.extra = extra,
		.server = slice_str(tm->s.server),
		.body = body};
	char tag[TM_TAG_LEN + 1];

	key_tag(tm, request, tag);
	ans.to_tag = slice_make(tag, TM_TAG_LEN);
	ans.record_route = code >= 180 && code < 300;
	buf_reset(&tm->out);
	sip_write_answer(&tm->out, request, &ans);
	return tm->out.err;
}

int answer_send(struct tm_trans *t, unsigned code, struct slice reason,
	struct slice extra, struct slice body)
{
	int err;

	if (tm_has_final(t) || t->request == NULL)
		return -EALREADY;
	if (t->is_local) {
		if (code >= 200)
			local_final(t, code, NULL);
		return 0;
	}
	if (code >= 200 && t->tm->s.hooks->on_local_reply != NULL)
		t->tm->s.hooks->on_local_reply(t->tm->s.self, t->request, code);
	err = answer_write(t->tm, &t->request->sip, code, reason, extra, body);
	if (err != 0)
		return err;
	tm_count(t->tm, TM_C_LOCAL_REPLIES);
	server_send(t, code, buf_slice(&t->tm->out), true);
	if (code >= 200) {
		server_final(t, code);
		cancel_pending(t, NULL, (struct slice){0});
	}
	return 0;
}

void answer_auto(struct tm_trans *t, unsigned code)
{
	struct slice none = {0};
	int err = answer_send(t, code, none, none, none);

	if (err != 0 && err != -EALREADY)
		LOG(t->tm->log, LOG_L_ERR, "reply %u not made: %s", code, strerror(-err));
}

int tm_reply_body(struct tm *tm, struct ph_msg *msg, unsigned code, struct slice reason,
	struct slice extra, struct slice body)
{
	struct tm_trans *t;
	int err;

	if (msg->sip.kind != SIP_REQUEST || code < 100 || code > 699)
		return -1;
	if (msg->trans == NULL && tm_newtran(tm, msg) != 0)
		return -1;
	t = msg->trans;
	trans_enter(t);
	err = answer_send(t, code, reason, extra, body);
	if (err == 0 && code >= 200)
		msg->replied = true;
	trans_leave(t);
	return err == 0 ? 1 : -1;
}

int tm_reply(struct tm *tm, struct ph_msg *msg, unsigned code, struct slice reason,
	struct slice extra)
{
	return tm_reply_body(tm, msg, code, reason, extra, (struct slice){0});
}
