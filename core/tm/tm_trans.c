#include <assert.h>
#include <stdlib.h>

#include "core/tm/tm_priv.h"

void trans_ref(struct tm_trans *t)
{
	t->refs++;
}

static void trans_free(struct tm_trans *t)
{
	struct tm_branch *br = t->branches;

	while (br != NULL) {
		struct tm_branch *next = br->next;

		branch_free(br);
		br = next;
	}
	free(t->last);
	free(t);
}

void trans_unref(struct tm_trans *t)
{
	assert(t->refs > 0);
	if (--t->refs == 0)
		trans_free(t);
}

void trans_bind(struct tm_trans **at, struct tm_trans *t)
{
	struct tm_trans *old = *at;

	if (t != NULL)
		trans_ref(t);
	*at = t;
	if (old != NULL)
		trans_unref(old);
}

/*
 * Before a final reply this only looks whether anybody is still at work: a script that made the transaction and then
 * neither relayed nor replied leaves nothing behind.
 */
bool trans_idle(const struct tm_trans *t)
{
	if (t->parked || t->relay != NULL || t->in_failure)
		return false;
	for (const struct tm_branch *br = t->branches; br != NULL; br = br->next) {
		if (br->code == 0 || br->current != NULL)
			return false;
	}
	return true;
}

static void life_of_proceeding(struct tm_trans *t)
{
	if (t->wants_check)
		reply_check(t);
	else if (trans_idle(t) && t->canceled)
		answer_auto(t, 487);
	else if (trans_idle(t))
		t->state = TS_TERMINATED;
	if (t->state == TS_PROCEEDING)
		timer_start(t->tm->s.loop, &t->life, tm_64t1(t->tm));
}

static void life_due(void *arg)
{
	struct tm_trans *t = arg;

	trans_enter(t);
	if (t->state == TS_PROCEEDING) {
		life_of_proceeding(t);
	} else if (t->is_local && t->local.done != NULL) {
		local_due(t);
	} else {
		timer_stop(&t->resend);
		t->state = TS_TERMINATED;
	}
	trans_leave(t);
}

/*
 * Timer G: a negative reply to INVITE until its ACK comes. After a 2xx: the request has been kept long enough. Before a
 * reply to another request: its sender has waited long enough.
 */
static void resend_due(void *arg)
{
	struct tm_trans *t = arg;
	uint64_t t2 = (uint64_t)t->tm->s.conf->t2;

	if (t->state == TS_ACCEPTED || t->state == TS_PROCEEDING) {
		trans_enter(t);
		if (t->state == TS_ACCEPTED)
			t->settled = true;
		else
			server_trying(t);
		trans_leave(t);
		return;
	}
	if (t->state != TS_COMPLETED || t->last_len == 0)
		return;
	tm_count(t->tm, TM_C_RETRANS_OUT);
	net_send(t->tm->s.net, &t->dest, slice_make(t->last, t->last_len));
	t->interval = 2 * t->interval < t2 ? 2 * t->interval : t2;
	timer_start(t->tm->s.loop, &t->resend, t->interval);
}

struct tm_trans *trans_new(struct tm *tm, struct ph_msg *request, uint64_t key)
{
	struct tm_trans *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->tm = tm;
	t->refs = 1;
	t->key = key;
	t->call = key_of_call(tm, request->sip.call_id);
	t->cseq = request->sip.cseq;
	t->method = request->sip.method;
	t->reliable = msg_rx(request)->transport != SIP_TR_UDP;
	t->no_script = request->no_script;
	t->branches_end = &t->branches;
	timer_init(&t->resend, resend_due, t);
	timer_init(&t->life, life_due, t);
	timer_start(tm->s.loop, &t->life, tm_64t1(tm));
	t->request = request;
	msg_ref(request);
	trans_bind(&request->trans, t);
	table_add(tm, t);
	t->busy = true;
	tm->busy++;
	return t;
}

static bool trans_works(const struct tm_trans *t)
{
	if (!tm_has_final(t) || t->parked || t->relay != NULL || t->in_failure ||
		t->local.done != NULL)
		return true;
	for (const struct tm_branch *br = t->branches; br != NULL; br = br->next) {
		if (br->current != NULL)
			return true;
	}
	return false;
}

/*
 * A branch of an INVITE may still bring a 2xx, which wants its block. Where one has answered, only another phone behind it
 * can: after T4 its 2xx is forwarded without the transaction's block, and the request's memory is free.
 */
static bool trans_expects(const struct tm_trans *t)
{
	if (!tm_is_invite(t))
		return false;
	for (const struct tm_branch *br = t->branches; br != NULL; br = br->next) {
		if (br->state == TC_CALLING || br->state == TC_PROCEEDING)
			return true;
		if (br->state == TC_ACCEPTED && !t->settled)
			return true;
	}
	return false;
}

static bool branches_live(const struct tm_trans *t)
{
	for (const struct tm_branch *br = t->branches; br != NULL; br = br->next) {
		if (br->state != TC_TERMINATED)
			return true;
	}
	return false;
}

/* What stays is enough to absorb retransmissions. */
static void release_request(struct tm_trans *t)
{
	for (struct tm_branch *br = t->branches; br != NULL; br = br->next) {
		br->target = (struct tm_target){
			.sock = br->target.sock, .bflags = br->target.bflags};
		msg_unref(&br->reply);
	}
	t->relayed_ruri = t->relayed_path = t->cancel_reason = (struct slice){0};
	msg_unref(&t->request);
}

static void trans_settle(struct tm_trans *t)
{
	struct tm *tm = t->tm;
	bool works = trans_works(t);

	if (works != t->busy) {
		t->busy = works;
		if (works)
			tm->busy++;
		else
			tm->busy--;
	}
	if (works)
		return;
	if (t->request != NULL && !trans_expects(t))
		release_request(t);
	if (t->state == TS_TERMINATED && !branches_live(t)) {
		timer_stop(&t->resend);
		timer_stop(&t->life);
		table_remove(tm, t);
		accepted_remove(t);
		if (t->request != NULL)
			release_request(t);
		trans_unref(t);
	}
}

void trans_leave(struct tm_trans *t)
{
	if (t->tm != NULL && t->prev != NULL)
		trans_settle(t);
	trans_unref(t);
}

void trans_abandon(struct tm_trans *t)
{
	trans_enter(t);
	timer_stop(&t->resend);
	timer_stop(&t->life);
	fork_abandon(t);
	if (t->is_local)
		local_abandon(t);
	for (struct tm_branch *br = t->branches; br != NULL; br = br->next) {
		branch_terminate(br);
		while (br->queue != NULL) {
			struct tm_queued *q = br->queue;

			br->queue = q->next;
			msg_unref(&q->reply);
		}
		msg_unref(&br->current);
	}
	table_remove(t->tm, t);
	accepted_remove(t);
	t->state = TS_TERMINATED;
	t->parked = t->in_failure = false;
	if (t->request != NULL)
		release_request(t);
	t->tm = NULL;
	trans_unref(t); /* the table's */
	trans_unref(t);
}
