/* What replies lead to: RFC 3261 section 16.7. */
#include <errno.h>
#include <stdlib.h>

#include "core/tm/tm_priv.h"

#define ANSWERED_ELSEWHERE "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"

static struct slice to_tag(struct ph_msg *reply)
{
	const struct sip_nameaddr *to = sip_to(&reply->sip, NULL);

	return to != NULL ? to->tag : (struct slice){0};
}

uint64_t reply_tag(const struct tm *tm, struct ph_msg *reply)
{
	return hash_sip(tm->s.key, to_tag(reply));
}

static bool same_reply(struct ph_msg *a, struct ph_msg *b)
{
	if (a->sip.status != b->sip.status)
		return false;
	/* Reliable provisional replies of one phone differ in RSeq only (RFC 3262). */
	if (a->sip.status < 200)
		return slice_eq(a->sip.raw, b->sip.raw);
	return slice_eq(to_tag(a), to_tag(b));
}

bool reply_is_waiting(const struct tm_branch *br, struct ph_msg *reply)
{
	if (br->current != NULL && same_reply(br->current, reply))
		return true;
	for (const struct tm_queued *q = br->queue; q != NULL; q = q->next) {
		if (same_reply(q->reply, reply))
			return true;
	}
	return false;
}

/* Upstream, with the edits of its block. */
static void forward(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm_trans *t = br->trans;
	struct tm *tm = t->tm;
	unsigned status = reply->sip.status;
	bool accepted = tm_is_invite(t) && status >= 200 && status < 300;

	if (t->is_local) {
		if (status >= 200)
			local_final(t, status, reply);
		return;
	}
	if (tm->s.hooks->on_reply_out != NULL)
		tm->s.hooks->on_reply_out(tm->s.self, reply);
	buf_reset(&tm->out);
	sip_write_reply(&tm->out, &reply->sip);
	if (tm->out.err != 0) {
		LOG_CALL(tm->log, LOG_L_ERR, reply->sip.call_id,
			"reply %u not written: %s", status, strerror(-tm->out.err));
		if (status >= 200)
			answer_auto(t, 500);
		return;
	}
	tm_count(tm, TM_C_REPLIES_FORWARDED);
	server_send(t, status, buf_slice(&tm->out), !accepted);
	if (accepted) {
		free(br->accepted);
		br->accepted = malloc(tm->out.len);
		br->accepted_len = tm->out.len;
		br->accepted_tag = reply_tag(tm, reply);
		if (br->accepted != NULL)
			memcpy(br->accepted, tm->out.p, tm->out.len);
	}
	if (status >= 200)
		server_final(t, status);
}

static void finish(struct tm_trans *t, struct tm_branch *best)
{
	unsigned code = best->code;

	if (code == 408 && !tm_is_invite(t) && !t->is_local) {
		server_silent(t);
		return;
	}
	if (best->reply != NULL && code != 503) {
		best_challenges(t, best);
		forward(best, best->reply);
		return;
	}
	/*
	 * A 503 would keep the caller away from us, not from the server that is overloaded; and one that could not be
	 * reached counts as one that said so (section 16.9).
	 */
	if (code == 503 && !t->is_local)
		code = 500;
	answer_auto(t, t->canceled && code == 408 ? 487 : code);
}

static void failure_done(struct tm_trans *t)
{
	bool relayed = t->branch_count > t->failed_branches;
	struct tm_branch *best;

	t->in_failure = false;
	t->picked = NULL;
	if (tm_has_final(t) || t->relay != NULL || branches_pending(t))
		return;
	if (relayed) {
		/* While the block was parked its new branches have failed too. */
		reply_check(t);
		return;
	}
	best = best_branch(t);
	if (best != NULL)
		finish(t, best);
}

static void failure_block(struct tm_trans *t, struct tm_branch *best)
{
	const struct tm_hooks *hooks = t->tm->s.hooks;

	t->in_failure = true;
	t->picked = best;
	t->failed_branches = t->branch_count;
	t->request->armed.on_branch = -1;
	if (hooks->on_failure(t->tm->s.self, t->request) != TM_PARKED)
		failure_done(t);
}

void reply_check(struct tm_trans *t)
{
	struct tm_branch *best;

	t->wants_check = false;
	if (tm_has_final(t) || t->relay != NULL || t->in_failure || branches_pending(t))
		return;
	if (t->parked) {
		/* The request's own block is still at work: one block at a time. */
		t->wants_check = true;
		return;
	}
	best = best_branch(t);
	if (best == NULL)
		return;
	if (t->request->armed.on_failure >= 0 && t->tm->s.hooks->on_failure != NULL)
		failure_block(t, best);
	else
		finish(t, best);
}

void reply_local(struct tm_branch *br, unsigned code)
{
	br->code = code;
	reply_check(br->trans);
}

static void success(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm_trans *t = br->trans;

	br->code = reply->sip.status;
	/* Every 2xx to an INVITE goes upstream; of others the first. */
	if (tm_has_final(t) && !tm_is_invite(t))
		return;
	forward(br, reply);
	cancel_pending(t, br, SLICE(ANSWERED_ELSEWHERE));
}

static void failure(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm_trans *t = br->trans;

	if (br->code != 0)
		return;
	br->code = reply->sip.status;
	if (br->timed_out && br->code == 487 && !t->canceled) {
		/* The phone's answer to our CANCEL: to the caller it is a timeout. */
		br->code = 408;
	} else {
		br->reply = reply;
		msg_ref(reply);
	}
	if (br->code >= 600) {
		t->no_more = true;
		cancel_pending(t, br, (struct slice){0});
	}
	reply_check(t);
}

static void reply_act(struct tm_branch *br, struct ph_msg *reply, enum tm_verdict v)
{
	const struct tm_trans *t = br->trans;
	unsigned status = reply->sip.status;

	if (status >= 300)
		failure(br, reply);
	else if (status >= 200)
		success(br, reply);
	/* Of other requests only 100 may be answered provisionally, and that is ours to say: RFC 4320 section 4.1. */
	else if (status > 100 && v != TM_DROP && !tm_has_final(t) && tm_is_invite(t))
		forward(br, reply);
}

static void reply_done(struct tm_branch *br, enum tm_verdict v)
{
	struct ph_msg *reply = br->current;

	br->current = NULL;
	reply_act(br, reply, v);
	msg_unref(&reply);
}

static void replies_run(struct tm_branch *br)
{
	struct tm *tm = br->trans->tm;
	enum tm_verdict v;

	while (br->current == NULL && br->queue != NULL) {
		struct tm_queued *q = br->queue;

		br->queue = q->next;
		br->queued--;
		br->current = q->reply;
		v = TM_GO;
		if (tm->s.hooks->on_reply != NULL)
			v = tm->s.hooks->on_reply(tm->s.self, br->current);
		if (v == TM_PARKED)
			return;
		reply_done(br, v);
	}
}

/* Can it still change anything for the caller? */
static bool matters(const struct tm_branch *br, unsigned status)
{
	if (!tm_has_final(br->trans))
		return true;
	return tm_is_invite(br->trans) && status >= 200 && status < 300;
}

void reply_queue(struct tm_branch *br, struct ph_msg *reply)
{
	unsigned status = reply->sip.status;
	struct tm_queued *q = NULL;

	if (!matters(br, status)) {
		if (status >= 200 && br->code == 0)
			br->code = status;
		return;
	}
	/* Provisional replies may be lost, the final one not. */
	if (br->queued < TM_MAX_QUEUE || status >= 200)
		q = arena_alloc(reply->arena, sizeof(*q));
	if (q == NULL) {
		tm_count(br->trans->tm, TM_C_REPLIES_STRAY);
		if (status >= 200)
			reply_local(br, 500);
		return;
	}
	*q = (struct tm_queued){.reply = reply};
	msg_ref(reply);
	if (br->queue == NULL)
		br->queue = q;
	else
		br->queue_last->next = q;
	br->queue_last = q;
	br->queued++;
	replies_run(br);
}

/* The answer to our CANCEL says only that it has arrived. */
static void cancel_answered(struct tm_branch *br, unsigned status)
{
	if (status >= 200 && br->cancel_sent && br->state == TC_PROCEEDING)
		timer_stop(&br->resend);
}

static struct tm_branch *branch_of(
	struct tm *tm, struct ph_msg *reply, const struct sip_via *via)
{
	struct tm_branch *br;
	uint32_t slot, gen;

	if (key_branch_parse(tm, via->branch, &slot, &gen) != 0)
		return NULL;
	br = slot_find(tm, slot, gen);
	if (br == NULL || reply->sip.cseq != br->trans->cseq)
		return NULL;
	/* A CANCEL has the branch of its INVITE. */
	if (reply->sip.method == SIP_CANCEL)
		return br->cancel_sent ? br : NULL;
	return reply->sip.method == br->trans->method ? br : NULL;
}

void tm_reply_in(struct tm *tm, struct ph_msg *reply)
{
	const struct sip_via *via = sip_via_list(&reply->sip, NULL);
	struct tm_branch *br;
	struct tm_trans *t;

	if (via == NULL || !net_is_local(net_socks_of(tm->s.net), via->host, via->port)) {
		tm_count(tm, TM_C_REPLIES_STRAY);
		return;
	}
	br = branch_of(tm, reply, via);
	if (br == NULL && via->next == NULL && tm->s.hooks->on_stray_reply != NULL &&
		tm->s.hooks->on_stray_reply(tm->s.self, reply))
		return;
	if (br == NULL) {
		stateless_reply_in(tm, reply);
		return;
	}
	t = br->trans;
	trans_enter(t);
	if (reply->sip.method == SIP_CANCEL) {
		cancel_answered(br, reply->sip.status);
	} else if ((via->next == NULL) != t->is_local) {
		tm_count(tm, TM_C_REPLIES_STRAY); /* it has lost its way back */
	} else {
		trans_bind(&reply->trans, t);
		reply->branch = br;
		reply->no_script = t->no_script;
		branch_reply(br, reply);
	}
	trans_leave(t);
}

void tm_reply_continue(struct tm *tm, struct ph_msg *reply, enum tm_verdict v)
{
	struct tm_trans *t = reply->trans;
	struct tm_branch *br = reply->branch;

	if (t == NULL) {
		stateless_reply_done(tm, reply, v);
		return;
	}
	if (t->tm == NULL || br == NULL || br->current != reply)
		return;
	trans_enter(t);
	reply_done(br, v);
	replies_run(br);
	trans_leave(t);
}

void tm_failure_continue(struct tm *tm, struct ph_msg *request)
{
	struct tm_trans *t = request->trans;

	(void)tm;
	if (t == NULL || t->tm == NULL || !t->in_failure)
		return;
	trans_enter(t);
	failure_done(t);
	trans_leave(t);
}
