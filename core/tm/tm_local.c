/*
 * Requests made here: RFC 3261 sections 8.1 and 17.1. One is a transaction like any other, with nobody upstream: what
 * would be sent there goes to whoever asked.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/tm/tm_priv.h"

#define LOCAL_VIA "Via: SIP/2.0/UDP local.invalid;branch=z9hG4bK-local\r\n"

/* The parser wants a Via; ours comes when the message is written, so the one that satisfies it goes again. */
static int parse(struct ph_msg *msg, struct slice text)
{
	const ptrdiff_t line = slice_find(text, SLICE("\r\n"));
	struct sip_error why;
	struct slice whole;
	struct buf b;
	int err;

	if (line < 0)
		return -EBADMSG;
	buf_arena(&b, msg->arena, text.len + sizeof(LOCAL_VIA), TM_MAX_OUT);
	buf_add(&b, slice_sub(text, 0, (size_t)line + 2));
	buf_str(&b, LOCAL_VIA);
	buf_add(&b, slice_from(text, (size_t)line + 2));
	if (b.err != 0)
		return b.err == -ENOMEM ? -ENOMEM : -EBADMSG;
	whole = buf_slice(&b);
	err = sip_parse(&msg->sip, msg->arena, whole, NULL, &why);
	if (err == 0 && msg->sip.kind != SIP_REQUEST)
		err = -EBADMSG;
	if (err == 0)
		err = sip_hdr_remove(&msg->sip, sip_hdr_first(&msg->sip, SIP_H_VIA));
	return err;
}

int tm_local_new(
	struct ph_msg **out, struct tm *tm, struct ph_worker *worker, struct slice text)
{
	struct arena *arena = arena_get(tm->s.arenas);
	struct ph_msg *msg = arena != NULL ? msg_new(arena) : NULL;
	int err = -ENOMEM;

	if (msg == NULL) {
		arena_put(arena);
		return err;
	}
	msg->worker = worker;
	msg->is_local = true;
	msg->via_fixed = true;
	err = parse(msg, text);
	if (err != 0) {
		msg_unref(&msg);
		return err;
	}
	msg->call_hash = hash_call_id(tm->s.key, msg->sip.call_id);
	*out = msg;
	return 0;
}

static void tell(struct tm_trans *t, unsigned status, struct ph_msg *reply)
{
	tm_local_done done = t->local.done;

	t->local.done = NULL;
	if (done != NULL)
		done(t->local.arg, status, reply);
}

void local_final(struct tm_trans *t, unsigned code, struct ph_msg *reply)
{
	/* What was made here says: no answer, or no way there. */
	if (reply == NULL && code != 408)
		code = 503;
	t->last_code = code;
	t->state = TS_TERMINATED;
	timer_stop(&t->resend);
	timer_stop(&t->life);
	if (!t->local.starting) {
		tell(t, code, reply);
		return;
	}
	/* Never from tm_local() itself. */
	timer_start(t->tm->s.loop, &t->life, 0);
}

void local_due(struct tm_trans *t)
{
	tell(t, t->last_code, NULL);
}

void local_abandon(struct tm_trans *t)
{
	tell(t, 0, NULL);
}

void tm_local_abandon(struct tm *tm)
{
	for (uint64_t i = 0; i <= tm->mask; i++) {
		for (struct tm_trans *t = tm->table[i]; t != NULL; t = t->next) {
			if (t->is_local)
				tell(t, 0, NULL);
		}
	}
}

int tm_local(struct tm *tm, struct ph_msg *msg, const struct tm_target *target,
	tm_local_done done, void *arg)
{
	struct tm_trans *t;

	if (!msg->is_local || msg->sip.method == SIP_INVITE || msg->sip.method == SIP_ACK ||
		msg->sip.method == SIP_CANCEL || msg->trans != NULL)
		return -EINVAL;
	t = trans_new(tm, msg, random_fast());
	if (t == NULL)
		return -ENOMEM;
	trans_enter(t);
	t->is_local = true;
	t->local.done = done;
	t->local.arg = arg;
	t->local.starting = true;
	/* On an error an answer has been made, which is on its way to done. */
	(void)fork_start(t, msg, target, 0);
	t->local.starting = false;
	trans_leave(t);
	return 0;
}
