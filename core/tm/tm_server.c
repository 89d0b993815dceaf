/* The server transaction: RFC 3261 section 17.2, RFC 6026. */
#include <errno.h>
#include <stdlib.h>

#include "core/tm/tm_priv.h"

static void keep_last(struct tm_trans *t, struct slice bytes)
{
	char *p = realloc(t->last, bytes.len);

	if (p == NULL) {
		/* Retransmissions are then absorbed in silence. */
		t->last_len = 0;
		return;
	}
	memcpy(p, bytes.p, bytes.len);
	t->last = p;
	t->last_len = bytes.len;
}

static void forget_last(struct tm_trans *t)
{
	free(t->last);
	t->last = NULL;
	t->last_len = 0;
}

void server_send(struct tm_trans *t, unsigned code, struct slice bytes, bool keep)
{
	struct tm *tm = t->tm;
	int err;

	/* The script may have asked for rport since the last one. */
	if (t->request != NULL)
		dest_of_reply(tm, &t->request->sip, msg_rx(t->request), &t->dest);
	err = net_send(tm->s.net, &t->dest, bytes);
	if (err != 0) {
		tm_count(tm, TM_C_SEND_FAILED);
		LOG(tm->log, LOG_L_INFO, "reply %u not sent: %s", code, strerror(-err));
	}
	t->last_code = code;
	if (keep)
		keep_last(t, bytes);
	else
		forget_last(t);
}

/* The call's record is not needed much longer after BYE, or when the call did not come about. */
static void end_call(struct tm_trans *t, unsigned code)
{
	struct sip_msg *sip = t->request != NULL ? &t->request->sip : NULL;
	const struct sip_nameaddr *to;
	struct call *call;

	if (sip == NULL || t->tm->s.calls == NULL)
		return;
	if (t->method == SIP_INVITE) {
		to = sip_to(sip, NULL);
		if (code < 300 || code == 401 || code == 407 ||
			(to != NULL && to->tag.len > 0))
			return;
	} else if (t->method != SIP_BYE || code == 401 || code == 407) {
		return;
	}
	call = call_of(t->tm->s.calls, sip->call_id, false);
	if (call != NULL)
		call_end(call);
}

void server_final(struct tm_trans *t, unsigned code)
{
	struct loop *loop = t->tm->s.loop;

	if (!tm_has_final(t))
		end_call(t, code);
	if (t->state != TS_ACCEPTED)
		timer_stop(&t->resend);
	if (tm_is_invite(t) && code < 300) {
		if (t->state != TS_ACCEPTED) {
			timer_start(loop, &t->life, tm_64t1(t->tm));
			timer_start(loop, &t->resend, (uint64_t)t->tm->s.conf->t4);
		}
		t->state = TS_ACCEPTED;
		accepted_add(t->tm, t);
		return;
	}
	t->state = TS_COMPLETED;
	if (tm_is_invite(t)) {
		if (!t->reliable) {
			t->interval = (uint64_t)t->tm->s.conf->t1;
			timer_start(loop, &t->resend, t->interval);
		}
		timer_start(loop, &t->life, tm_64t1(t->tm));
	} else if (t->reliable) {
		timer_stop(&t->life);
		t->state = TS_TERMINATED;
	} else {
		timer_start(loop, &t->life, tm_64t1(t->tm));
	}
}

void server_silent(struct tm_trans *t)
{
	const struct tm_hooks *hooks = t->tm->s.hooks;

	if (hooks->on_local_reply != NULL && t->request != NULL)
		hooks->on_local_reply(t->tm->s.self, t->request, 408);
	forget_last(t);
	t->last_code = 408;
	server_final(t, 408);
}

/* How long a client's timer E takes to become T2. */
static uint64_t trying_time(const struct tm_conf *conf)
{
	int64_t time = 0;

	for (int64_t e = conf->t1; e < conf->t2; e *= 2)
		time += e;
	return (uint64_t)time;
}

void server_start_trying(struct tm_trans *t)
{
	if (!tm_is_invite(t) && t->method != SIP_CANCEL)
		timer_start(t->tm->s.loop, &t->resend, trying_time(t->tm->s.conf));
}

void server_trying(struct tm_trans *t)
{
	if (t->last_code == 0 && !trans_idle(t))
		answer_auto(t, 100);
}

static enum tm_request absorb(struct tm_trans *t)
{
	struct tm *tm = t->tm;

	tm_count(tm, TM_C_RETRANS_IN);
	if (t->last_len > 0 && t->state != TS_CONFIRMED) {
		tm_count(tm, TM_C_RETRANS_OUT);
		net_send(tm->s.net, &t->dest, slice_make(t->last, t->last_len));
	}
	return TM_REQ_ABSORBED;
}

static void confirm(struct tm_trans *t)
{
	trans_enter(t);
	timer_stop(&t->resend);
	t->state = TS_CONFIRMED;
	if (t->reliable) {
		timer_stop(&t->life);
		t->state = TS_TERMINATED;
	} else {
		timer_start(t->tm->s.loop, &t->life, (uint64_t)t->tm->s.conf->t4);
	}
	trans_leave(t);
}

static enum tm_request ack_in(struct tm *tm, struct ph_msg *msg)
{
	struct tm_trans *t = NULL;
	uint64_t key;

	if (key_of_request(tm, msg, SIP_INVITE, &key) == 0)
		t = table_find(tm, key, msg->sip.cseq, SIP_INVITE);
	/* The ACK to a 2xx is a request of its own, even when its sender repeats the INVITE's branch. */
	if (t != NULL && t->last_code >= 200 && t->last_code < 300)
		t = NULL;
	if (t != NULL || key_is_our_tag(tm, &msg->sip)) {
		tm_count(tm, TM_C_ACK_ABSORBED);
		if (t != NULL && t->state == TS_COMPLETED)
			confirm(t);
		return TM_REQ_ABSORBED;
	}
	return TM_REQ_NEW;
}

/* A script has the INVITE in hand: it is not interrupted, but told. */
static enum tm_request cancel_held(struct tm *tm, struct ph_msg *msg)
{
	struct tm_trans *invite = msg->cancels;

	trans_enter(invite);
	tm_count(tm, TM_C_CANCELS);
	if (tm_newtran(tm, msg) == 0)
		answer_auto(msg->trans, 200);
	if (!invite->canceled) {
		cancel_trans(invite, msg);
		if (tm->s.hooks->on_cancelled != NULL && invite->request != NULL)
			tm->s.hooks->on_cancelled(tm->s.self, invite->request);
	}
	if (msg->trans != NULL) {
		trans_enter(msg->trans);
		trans_leave(msg->trans);
	}
	trans_leave(invite);
	return TM_REQ_ABSORBED;
}

static enum tm_request cancel_in(struct tm *tm, struct ph_msg *msg)
{
	struct tm_trans *t;
	uint64_t key;

	if (key_of_request(tm, msg, SIP_CANCEL, &key) != 0)
		return TM_REQ_NEW;
	t = table_find(tm, key, msg->sip.cseq, SIP_CANCEL);
	if (t != NULL)
		return absorb(t);
	if (key_of_request(tm, msg, SIP_INVITE, &key) != 0)
		return TM_REQ_NEW;
	t = table_find(tm, key, msg->sip.cseq, SIP_INVITE);
	if (t == NULL)
		return TM_REQ_NEW;
	trans_bind(&msg->cancels, t);
	if (!tm_has_final(t) && (t->parked || t->relay != NULL || t->in_failure))
		return cancel_held(tm, msg);
	return TM_REQ_NEW;
}

static enum tm_request refuse_loop(struct tm *tm, struct ph_msg *msg)
{
	tm_count(tm, TM_C_LOOPS);
	LOG_CALL(tm->log, LOG_L_INFO, msg->sip.call_id, "loop: %.*s came back unchanged",
		SLICE_ARG(msg->sip.method_text));
	tm_reply_stateless(tm, msg, 482, (struct slice){0}, (struct slice){0});
	return TM_REQ_ABSORBED;
}

enum tm_request tm_request_in(struct tm *tm, struct ph_msg *msg)
{
	struct tm_trans *t;
	uint64_t key;

	if (msg->sip.method == SIP_ACK)
		return ack_in(tm, msg);
	if (msg->sip.method == SIP_CANCEL)
		return cancel_in(tm, msg);
	if (key_of_request(tm, msg, msg->sip.method, &key) != 0)
		return TM_REQ_NEW;
	t = table_find(tm, key, msg->sip.cseq, msg->sip.method);
	if (t != NULL)
		return absorb(t);
	return rules_looped(tm, msg) ? refuse_loop(tm, msg) : TM_REQ_NEW;
}

/*
 * An eighth of the table is for requests inside dialogs: while a flood of new ones is refused, calls that stand can still be
 * held and ended.
 */
static bool no_room(struct tm *tm, struct ph_msg *msg)
{
	const struct sip_nameaddr *to = sip_to(&msg->sip, NULL);
	uint64_t most = (uint64_t)tm->s.conf->max_transactions;

	if (to == NULL || to->tag.len == 0)
		most -= most / 8;
	return tm->draining || tm->count >= most;
}

int tm_newtran(struct tm *tm, struct ph_msg *msg)
{
	struct tm_trans *t;
	uint64_t key;
	int err;

	if (msg->sip.kind != SIP_REQUEST || msg->sip.method == SIP_ACK)
		return -EINVAL;
	if (msg->trans != NULL)
		return -EALREADY;
	/* Cancelling a call that we carry makes work less, not more. */
	if (msg->cancels == NULL && no_room(tm, msg))
		return stateless_full(tm, msg);
	err = key_of_request(tm, msg, msg->sip.method, &key);
	if (err != 0)
		return err;
	answer_fix_via(msg);
	t = trans_new(tm, msg, key);
	if (t == NULL)
		return -ENOMEM;
	server_start_trying(t);
	return dest_of_reply(tm, &msg->sip, msg_rx(msg), &t->dest);
}

void tm_script_parked(struct tm *tm, struct ph_msg *msg, bool parked)
{
	struct tm_trans *t = msg->trans;

	if (msg->sip.kind != SIP_REQUEST || t == NULL)
		return;
	trans_enter(t);
	t->parked = parked;
	if (parked && tm_is_invite(t) && t->last_code == 0)
		answer_auto(t, 100);
	/* Not from here: the script is about to go on. */
	if (!parked && t->wants_check && !tm_has_final(t))
		timer_start(tm->s.loop, &t->life, 0);
	trans_leave(t);
}

bool tm_is_canceled(const struct ph_msg *msg)
{
	return msg->trans != NULL && msg->trans->canceled;
}
