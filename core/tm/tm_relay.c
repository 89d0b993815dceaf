/* t_relay(): who is it for, and may it still be relayed? The forking itself is in tm_fork.c. */
#include <errno.h>

#include "core/tm/tm_priv.h"

bool branches_pending(const struct tm_trans *t)
{
	for (const struct tm_branch *br = t->branches; br != NULL; br = br->next) {
		if (br->code == 0)
			return true;
	}
	return false;
}

unsigned relay_error_reply(int code)
{
	switch (code) {
	case TM_E_BAD_MESSAGE:
		return 400;
	case TM_E_NO_DEST:
		return 480;
	case TM_E_UNRESOLVED:
		return 478;
	case TM_E_FILTERED:
		return 473;
	case TM_E_SEND:
		return 477;
	case TM_E_FLOW:
		return 430;
	case TM_E_HOPS:
		return 483;
	case TM_E_EXTENSION:
		return 420;
	default:
		return 500;
	}
}

struct tm_target relay_target(const struct ph_msg *msg, const struct tm_target *to)
{
	struct tm_target target = msg_own_target(msg);

	if (to != NULL) {
		target = *to;
		target.next = NULL;
		if (target.ruri.len == 0)
			target.ruri = msg->sip.ruri;
		if (target.sock == NULL && target.foreign.len == 0)
			target.sock = msg->send_sock;
	}
	return target;
}
static int relay_begin(struct tm_trans *t, struct ph_msg *msg, const struct tm_target *to,
	unsigned flags)
{
	if (tm_has_final(t) || t->request != msg || t->relay != NULL) {
		msg->last_error = 500;
		return TM_E_INTERNAL;
	}
	if (t->canceled) {
		if (!branches_pending(t))
			answer_auto(t, 487);
		return TM_RELAYED;
	}
	if (t->no_more) {
		msg->last_error = (int)relay_error_reply(TM_E_NO_DEST);
		return TM_E_NO_DEST;
	}
	if (tm_is_invite(t) && t->last_code == 0 && !(flags & TM_F_NO_100))
		answer_auto(t, 100);
	return fork_start(t, msg, to, flags);
}

/* It must not be forwarded (section 16.3), or cannot be, and there is no transaction that would say so. */
static int relay_forbidden(struct tm *tm, struct ph_msg *msg, unsigned flags, int code,
	struct slice extra)
{
	msg->last_error = (int)relay_error_reply(code);
	if (!(flags & TM_F_NO_ERROR_REPLY) && (msg->trans == NULL || !msg->trans->in_failure))
		tm_reply_stateless(tm, msg, (unsigned)msg->last_error, (struct slice){0}, extra);
	else
		rules_tell_later(msg, extra);
	return code;
}

/* There is no transaction, and so nobody else who answers. */
static int relay_refused(struct tm *tm, struct ph_msg *msg, unsigned flags, int err)
{
	struct slice none = {0};

	if (err == -EBUSY)
		return TM_E_INTERNAL;
	msg->last_error = err == -EBADMSG ? 400 : 500;
	if (!(flags & TM_F_NO_ERROR_REPLY))
		tm_reply_stateless(tm, msg, (unsigned)msg->last_error, none, none);
	return err == -EBADMSG ? TM_E_BAD_MESSAGE : TM_E_INTERNAL;
}

int tm_relay(
	struct tm *tm, struct ph_msg *msg, const struct tm_target *to, unsigned flags)
{
	struct slice extra = {0};
	struct tm_trans *t;
	int err;

	if (msg->sip.kind != SIP_REQUEST)
		return TM_E_INTERNAL;
	if (msg->sip.method == SIP_CANCEL && msg->cancels != NULL)
		return cancel_relay(tm, msg);
	if (msg->sip.method == SIP_ACK)
		return tm_forward(tm, msg, to);
	if (msg->sip.method == SIP_CANCEL) {
		err = tm_forward(tm, msg, to);
		if (err < 0 && err != TM_RELAY_PARKED)
			return relay_forbidden(tm, msg, flags, err, extra);
		return err;
	}
	err = rules_check(msg, &extra);
	if (err != 0)
		return relay_forbidden(tm, msg, flags, err, extra);
	if (msg->trans == NULL) {
		err = tm_newtran(tm, msg);
		if (err != 0)
			return relay_refused(tm, msg, flags, err);
	}
	t = msg->trans;
	trans_enter(t);
	err = relay_begin(t, msg, to, flags);
	trans_leave(t);
	return err;
}
