/* ph_send_request(): local_route sees what we are about to send, then tm carries it. */
#include <errno.h>
#include <stdlib.h>

#include "core/host/worker.h"

/* From ph_send_request() until tm has it, or done has run. */
struct sending {
	struct worker *w;
	struct ph_msg *msg; /**< counted */
	struct tm_target target;
	tm_local_done done;
	void *arg;
	struct timer later; /**< done never runs from ph_send_request() itself */
	unsigned status;
	struct sending *next, **prev;
};

static void forget(struct sending *s)
{
	timer_stop(&s->later);
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	msg_unref(&s->msg);
	free(s);
}

static void give_up(struct sending *s, unsigned status)
{
	tm_local_done done = s->done;
	void *arg = s->arg;

	forget(s);
	done(arg, status, NULL);
}

static void due(void *arg)
{
	struct sending *s = arg;

	give_up(s, s->status);
}

static void give_up_later(struct sending *s, unsigned status)
{
	s->status = status;
	timer_init(&s->later, due, s);
	timer_start(s->w->w.t.loop, &s->later, 0);
}

static void carry(struct sending *s, bool dropped)
{
	int err;

	if (dropped) {
		give_up_later(s, 0);
		return;
	}
	if (!slice_eq(s->msg->sip.ruri, s->msg->sip.ruri_received))
		s->target.ruri = s->msg->sip.ruri; /* the script has written another one */
	/* Another next hop or socket: it is no phone of another node any more. */
	if (!slice_empty(s->msg->du) || s->msg->send_sock)
		s->target.foreign = (struct slice){0};
	if (!slice_empty(s->msg->du)) {
		s->target.du = s->msg->du;
		s->target.flow = false;
	}
	if (s->msg->send_sock)
		s->target.sock = s->msg->send_sock;
	err = tm_local(s->w->w.tm, s->msg, &s->target, s->done, s->arg);
	if (err == 0)
		forget(s);
	else
		give_up_later(s, 503);
}

static void script_over(void *arg, struct ph_msg *msg, const struct script_result *result)
{
	(void)msg;
	carry(arg, result->dropped);
}

static int take_target(struct sending *s, const struct tm_target *t)
{
	struct arena *a = s->msg->arena;

	s->target = *t;
	s->target.next = NULL;
	s->target.ruri = slice_empty(t->ruri) ? s->msg->sip.ruri : arena_dup(a, t->ruri);
	s->target.du = arena_dup(a, t->du);
	s->target.path = arena_dup(a, t->path);
	s->target.foreign = arena_dup(a, t->foreign);
	return s->target.ruri.p && s->target.du.p && s->target.path.p && s->target.foreign.p ? 0 : -ENOMEM;
}

int ph_send_request(struct ph_worker *pw, struct slice text, const struct tm_target *target, tm_local_done done, void *arg)
{
	struct worker *w = (struct worker *)pw;
	struct script_result result = {0};
	struct sending *s = calloc(1, sizeof(*s));
	int err, block = script_block(w->program, SCRIPT_LOCAL);

	if (!s)
		return -ENOMEM;
	err = tm_local_new(&s->msg, pw->tm, pw, text);
	if (err == 0 && s->msg->call_hash % pw->count != pw->index)
		err = -EXDEV;
	if (err == 0)
		err = take_target(s, target);
	if (err != 0) {
		msg_unref(&s->msg);
		free(s);
		return err;
	}
	*s = (struct sending){.w = w, .msg = s->msg, .target = s->target, .done = done, .arg = arg, .next = w->sending,
		.prev = &w->sending};
	if (w->sending)
		w->sending->prev = &s->next;
	w->sending = s;
	if (block >= 0 &&
		script_start(&w->env, w->program, block, PH_ROUTE_LOCAL, s->msg, &result, script_over, s) == SCRIPT_SUSPENDED)
		return 0;
	carry(s, result.dropped);
	return 0;
}

void local_requests_abandon(struct worker *w)
{
	if (w->w.tm)
		tm_local_abandon(w->w.tm);
	while (w->sending)
		give_up(w->sending, 0);
}
