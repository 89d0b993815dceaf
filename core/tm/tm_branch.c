#include <errno.h>
#include <stdlib.h>

#include "core/tm/tm_priv.h"

static void start_resend(struct tm_branch *br, uint64_t ms)
{
	br->interval = ms;
	if (!br->reliable)
		timer_start(br->trans->tm->s.loop, &br->resend, ms);
}

/* Timers A and E, and E again for a CANCEL of ours. */
static void resend_due(void *arg)
{
	struct tm_branch *br = arg;
	struct tm *tm = br->trans->tm;
	uint64_t t2 = (uint64_t)tm->s.conf->t2, next = 2 * br->interval;
	bool invite = tm_is_invite(br->trans);

	if (invite && br->state == TC_PROCEEDING && br->cancel_sent) {
		tm_count(tm, TM_C_RETRANS_OUT);
		cancel_send(br);
	} else if (br->state == TC_CALLING || (br->state == TC_PROCEEDING && !invite)) {
		tm_count(tm, TM_C_RETRANS_OUT);
		net_send(tm->s.net, &br->dest, slice_make(br->sent, br->sent_len));
	} else {
		return;
	}
	if (next > t2 && !(invite && br->state == TC_CALLING))
		next = t2;
	start_resend(br, next);
}

/* No final reply to an INVITE in time: cancel it, and let a phone that is still there answer the CANCEL. */
static void ringing_too_long(struct tm_branch *br)
{
	struct tm *tm = br->trans->tm;

	if (!br->cancel_sent) {
		br->timed_out = true;
		tm_count(tm, TM_C_TIMEOUTS);
		cancel_branch(br);
		timer_start(tm->s.loop, &br->life, (uint64_t)tm->s.conf->t4);
	} else if (br->timed_out && br->code == 0) {
		/* What still comes is acknowledged, and a 2xx is forwarded, for the usual time. */
		timer_start(tm->s.loop, &br->life, tm_64t1(tm));
		reply_local(br, 408);
	} else {
		branch_terminate(br);
		if (br->code == 0)
			reply_local(br, 487);
	}
}

static void life_of_branch(struct tm_branch *br)
{
	struct tm_trans *t = br->trans;

	if (failover_due(br))
		return;
	if (br->send_failed && br->state == TC_CALLING) {
		branch_terminate(br);
		reply_local(br, br->dest.no_connect ? 430 : 503);
	} else if (br->state == TC_PROCEEDING && tm_is_invite(t)) {
		ringing_too_long(br);
	} else if (br->state == TC_CALLING || br->state == TC_PROCEEDING) {
		tm_count(t->tm, TM_C_TIMEOUTS);
		branch_terminate(br);
		if (br->code == 0)
			reply_local(br, t->canceled ? 487 : 408);
	} else {
		branch_terminate(br);
	}
}

static void life_due(void *arg)
{
	struct tm_branch *br = arg;
	struct tm_trans *t = br->trans;

	trans_enter(t);
	life_of_branch(br);
	trans_leave(t);
}

struct tm_branch *branch_new(struct tm_trans *t, const struct tm_target *target)
{
	struct tm_branch *br = calloc(1, sizeof(*br));

	if (br == NULL)
		return NULL;
	br->trans = t;
	br->target = *target;
	br->target.next = NULL;
	br->on_reply = -1;
	timer_init(&br->resend, resend_due, br);
	timer_init(&br->life, life_due, br);
	if (slot_take(t->tm, br) != 0) {
		free(br);
		return NULL;
	}
	br->index = t->branch_count++;
	*t->branches_end = br;
	t->branches_end = &br->next;
	return br;
}

void branch_free(struct tm_branch *br)
{
	msg_unref(&br->reply);
	detour_free(br);
	failover_free(br);
	free(br->sent);
	free(br->accepted);
	free(br);
}

void branch_drop(struct tm_branch *br)
{
	struct tm_trans *t = br->trans;
	struct tm_branch **at = &t->branches;

	branch_terminate(br);
	while (*at != br)
		at = &(*at)->next;
	*at = br->next;
	if (t->branches_end == &br->next)
		t->branches_end = at;
	/* Only the newest is ever dropped: its number is free again. */
	t->branch_count--;
	branch_free(br);
}

void branch_terminate(struct tm_branch *br)
{
	timer_stop(&br->resend);
	timer_stop(&br->life);
	detour_end(br);
	if (br->gen != 0)
		slot_give(br->trans->tm, br);
	br->state = TC_TERMINATED;
	free(br->sent);
	br->sent = NULL;
	br->sent_len = 0;
}

uint64_t branch_patience(const struct tm_branch *br)
{
	const struct tm_trans *t = br->trans;

	return t->fr < tm_64t1(t->tm) ? t->fr : tm_64t1(t->tm);
}

void branch_calling(struct tm_branch *br)
{
	struct tm *tm = br->trans->tm;

	br->state = TC_CALLING;
	br->ringing = br->trans->fr_inv;
	br->reliable = br->dest.transport != SIP_TR_UDP;
	timer_stop(&br->resend);
	start_resend(br, (uint64_t)tm->s.conf->t1);
	timer_start(tm->s.loop, &br->life, branch_patience(br));
}

int branch_start(struct tm_branch *br)
{
	struct tm *tm = br->trans->tm;
	char *sent = malloc(tm->out.len);
	int err;

	if (sent == NULL)
		return -ENOMEM;
	memcpy(sent, tm->out.p, tm->out.len);
	br->dest.cookie = (uint64_t)br->gen << 32 | br->slot;
	err = net_send(tm->s.net, &br->dest, slice_make(sent, tm->out.len));
	if (err != 0) {
		free(sent);
		return err;
	}
	br->sent = sent;
	br->sent_len = tm->out.len;
	tm_count(tm, TM_C_BRANCHES);
	branch_calling(br);
	return 0;
}

unsigned tm_branch_index(const struct tm_branch *br)
{
	return br->index;
}

const struct tm_target *tm_branch_target(const struct tm_branch *br)
{
	return &br->target;
}

const struct net_dest *tm_branch_dest(const struct tm_branch *br)
{
	return &br->dest;
}

uint32_t *tm_branch_flags(struct tm_branch *br)
{
	return &br->target.bflags;
}

int *tm_branch_on_reply(struct tm_branch *br)
{
	return &br->on_reply;
}

void tm_send_error(struct tm *tm, uint64_t cookie, int err)
{
	struct tm_branch *br = slot_find(tm, (uint32_t)cookie, (uint32_t)(cookie >> 32));

	tm_count(tm, TM_C_SEND_FAILED);
	if (br == NULL || br->state != TC_CALLING || br->send_failed)
		return;
	LOG(tm->log, LOG_L_INFO, "branch %u not sent: %s", br->index, strerror(-err));
	if (detour_send_error(br))
		return;
	/* net may be in the middle of sending for us: act when it is through. */
	br->send_failed = true;
	timer_stop(&br->resend);
	timer_start(tm->s.loop, &br->life, 0);
}
