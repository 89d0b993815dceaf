/* CANCEL: RFC 3261 sections 9 and 16.10; RFC 3326 for its Reason. */
#include <errno.h>

#include "core/tm/tm_priv.h"

#define REASON_MAX 512

void cancel_write_send(
	const struct tm_trans *t, struct slice sent, const struct net_dest *dest)
{
	struct tm *tm = t->tm;
	struct net_dest to = *dest;
	struct sip_msg msg;
	struct sip_error why;

	arena_reset(tm->scratch);
	if (sip_parse(&msg, tm->scratch, sent, NULL, &why) != 0)
		return;
	buf_reset(&tm->out);
	sip_write_cancel(&tm->out, &msg, t->cancel_reason);
	if (tm->out.err != 0)
		return;
	to.cookie = 0;
	net_send(tm->s.net, &to, buf_slice(&tm->out));
}

void cancel_send(struct tm_branch *br)
{
	cancel_write_send(br->trans, slice_make(br->sent, br->sent_len), &br->dest);
}

void cancel_branch(struct tm_branch *br)
{
	struct tm *tm = br->trans->tm;

	br->cancel_wanted = true;
	/* Section 9.1: not before a provisional reply. */
	if (br->state != TC_PROCEEDING || br->final_in || br->cancel_sent)
		return;
	br->cancel_sent = true;
	cancel_send(br);
	br->interval = (uint64_t)tm->s.conf->t1;
	if (!br->reliable)
		timer_start(tm->s.loop, &br->resend, br->interval);
	/* Without a final reply by then the INVITE counts as cancelled. */
	timer_start(tm->s.loop, &br->life, tm_64t1(tm));
}

void cancel_pending(struct tm_trans *t, const struct tm_branch *but, struct slice reason)
{
	if (!tm_is_invite(t))
		return;
	if (t->cancel_reason.len == 0)
		t->cancel_reason = reason;
	for (struct tm_branch *br = t->branches; br != NULL; br = br->next) {
		if (br != but && br->state != TC_TERMINATED && !br->final_in)
			cancel_branch(br);
	}
}

static bool is_plain(struct slice value)
{
	return value.len > 0 && slice_chr(value, '\n') < 0;
}

/* The caller's reasons go on to the callees: RFC 3326, which allows one of each protocol. */
static struct slice reasons_of(struct ph_msg *request, struct ph_msg *cancel)
{
	const struct sip_hdr *h = sip_hdr_find(&cancel->sip, SLICE("Reason"));
	struct buf b;

	buf_arena(&b, request->arena, 128, REASON_MAX);
	for (; h != NULL; h = sip_hdr_next(h)) {
		if (!is_plain(h->value))
			continue;
		buf_str(&b, "Reason: ");
		buf_add(&b, h->value);
		buf_str(&b, "\r\n");
	}
	return b.err == 0 ? buf_slice(&b) : (struct slice){0};
}

void cancel_trans(struct tm_trans *t, struct ph_msg *cancel)
{
	t->canceled = true;
	if (t->request == NULL)
		return;
	cancel_pending(t, NULL, reasons_of(t->request, cancel));
}

int tm_abort(struct tm *tm, struct ph_msg *request, unsigned code, struct slice reason)
{
	struct tm_trans *t = request->trans;
	struct slice lines = arena_dup(request->arena, reason);
	int err;

	(void)tm;
	if (t == NULL || t->tm == NULL || tm_has_final(t) || t->request != request)
		return -EALREADY;
	trans_enter(t);
	t->cancel_reason = lines;
	err = answer_send(t, code, (struct slice){0}, lines, (struct slice){0});
	trans_leave(t);
	return err;
}

/* Nobody is left who could bring a final reply. */
static bool nothing_pending(const struct tm_trans *t)
{
	return t->relay == NULL && !t->in_failure && !t->parked && !branches_pending(t);
}

int cancel_relay(struct tm *tm, struct ph_msg *cancel)
{
	struct tm_trans *invite = cancel->cancels;

	if (cancel->trans == NULL && tm_newtran(tm, cancel) != 0)
		return TM_E_INTERNAL;
	trans_enter(cancel->trans);
	trans_enter(invite);
	tm_count(tm, TM_C_CANCELS);
	answer_auto(cancel->trans, 200);
	if (!tm_has_final(invite)) {
		cancel_trans(invite, cancel);
		if (nothing_pending(invite))
			answer_auto(invite, 487);
	}
	trans_leave(invite);
	trans_leave(cancel->trans);
	return TM_RELAYED;
}
