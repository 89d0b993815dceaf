/*
 * The client transaction: RFC 3261 section 17.1, RFC 6026. Acknowledges, absorbs and keeps time at once when a
 * reply arrives; what the reply leads to (tm_reply.c) may wait.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/tm/tm_priv.h"

static void provisional(struct tm_branch *br, unsigned status)
{
	struct tm *tm = br->trans->tm;
	bool first = br->state == TC_CALLING;

	br->state = TC_PROCEEDING;
	if (!tm_is_invite(br->trans)) {
		/* Timer E goes on in Proceeding, more slowly; F is not touched. */
		if (!br->reliable) {
			br->interval = (uint64_t)tm->s.conf->t2;
			timer_start(tm->s.loop, &br->resend, br->interval);
		}
		return;
	}
	if (br->cancel_sent)
		return;
	timer_stop(&br->resend);
	/* Timer C: every provisional reply but 100 begins it anew (section 16.7 step 2). */
	if (first || status > 100)
		timer_start(tm->s.loop, &br->life, br->ringing);
	if (br->cancel_wanted)
		cancel_branch(br);
}

int branch_write_ack(struct tm *tm, struct slice sent, struct ph_msg *reply)
{
	struct sip_msg msg;
	struct sip_error why;
	int err;

	arena_reset(tm->scratch);
	err = sip_parse(&msg, tm->scratch, sent, NULL, &why);
	if (err != 0)
		return err;
	buf_reset(&tm->out);
	sip_write_ack(&tm->out, &msg, &reply->sip);
	return tm->out.err;
}

/* Section 17.1.1.3. The ACK takes the place of the request: both are not needed any more, the ACK may be again. */
static void acknowledge(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm *tm = br->trans->tm;
	char *ack;

	if (branch_write_ack(tm, slice_make(br->sent, br->sent_len), reply) != 0)
		return;
	br->dest.cookie = 0;
	net_send(tm->s.net, &br->dest, buf_slice(&tm->out));
	ack = malloc(tm->out.len);
	if (ack != NULL)
		memcpy(ack, tm->out.p, tm->out.len);
	free(br->sent);
	br->sent = ack;
	br->sent_len = ack != NULL ? tm->out.len : 0;
}

static void forget_sent(struct tm_branch *br)
{
	free(br->sent);
	br->sent = NULL;
	br->sent_len = 0;
}

static void final(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm *tm = br->trans->tm;
	uint64_t wait = tm_64t1(tm);

	timer_stop(&br->resend);
	br->final_in = true;
	if (tm_is_invite(br->trans) && reply->sip.status < 300) {
		br->state = TC_ACCEPTED;
		forget_sent(br);
	} else {
		br->state = TC_COMPLETED;
		if (tm_is_invite(br->trans)) {
			acknowledge(br, reply);
		} else {
			forget_sent(br);
			wait = (uint64_t)tm->s.conf->t4;
		}
		/* Timers D and K are zero on reliable transports. */
		if (br->reliable)
			wait = 0;
	}
	if (wait > 0)
		timer_start(tm->s.loop, &br->life, wait);
	else
		branch_terminate(br);
}

/* A 2xx to INVITE comes until the caller's ACK has reached the callee: each goes to the caller. */
static void accepted_again(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm *tm = br->trans->tm;

	if (reply->sip.status < 200 || reply->sip.status > 299 ||
		reply_is_waiting(br, reply)) {
		tm_count(tm, TM_C_RETRANS_REPLY_IN);
		return;
	}
	if (br->accepted == NULL || br->accepted_tag != reply_tag(tm, reply)) {
		reply_queue(br, reply); /* another phone behind a fork downstream */
		return;
	}
	tm_count(tm, TM_C_RETRANS_REPLY_IN);
	tm_count(tm, TM_C_RETRANS_OUT);
	net_send(tm->s.net, &br->trans->dest, slice_make(br->accepted, br->accepted_len));
}

static void completed_again(struct tm_branch *br, struct ph_msg *reply)
{
	struct tm *tm = br->trans->tm;

	tm_count(tm, TM_C_RETRANS_REPLY_IN);
	if (!tm_is_invite(br->trans) || reply->sip.status < 300 || br->sent_len == 0)
		return;
	tm_count(tm, TM_C_RETRANS_OUT);
	net_send(tm->s.net, &br->dest, slice_make(br->sent, br->sent_len));
}

void branch_reply(struct tm_branch *br, struct ph_msg *reply)
{
	unsigned status = reply->sip.status;
	bool moved;

	if (br->detour != NULL && detour_reply(br, reply))
		return;
	if (br->state == TC_ACCEPTED) {
		accepted_again(br, reply);
		return;
	}
	if (br->state == TC_COMPLETED) {
		completed_again(br, reply);
		return;
	}
	if (br->state != TC_CALLING && br->state != TC_PROCEEDING)
		return;
	moved = failover_reply(br, reply);
	if (status >= 200)
		final(br, reply);
	else
		provisional(br, status);
	if (moved)
		return;
	if (reply_is_waiting(br, reply))
		tm_count(br->trans->tm, TM_C_RETRANS_REPLY_IN);
	else
		reply_queue(br, reply);
}
