/* Without transactions: RFC 3261 sections 8.2.7 and 16.11. */
#include <errno.h>

#include "core/tm/tm_priv.h"

/* A request or reply whose next hop is being looked up; in the message's arena. */
struct tm_forward {
	struct tm_forward *next;
	struct tm *tm;      /* NULL: gone */
	struct ph_msg *msg; /* counted */
	struct tm_target target;
	sip_mark mark; /* the message as it came */
};

static int forward_to(struct tm_forward *f, const struct net_hop *hop, const char *branch)
{
	struct tm *tm = f->tm;
	struct net_dest dest;
	bool detour = f->target.foreign.len > 0;
	int err;

	detour = detour && detour_write(tm, f->msg, &f->target, hop, branch, &dest) == 0;
	err = detour ? 0 : send_write_to(tm, f->msg, &f->target, hop, branch, &dest);
	if (err == 0)
		err = net_send(tm->s.net, &dest, buf_slice(&tm->out));
	if (err != 0 || tm->s.hooks->on_request_out == NULL)
		return err;
	if (detour)
		dest = (struct net_dest){.transport = hop->transport, .addr = hop->addr};
	tm->s.hooks->on_request_out(tm->s.self, f->msg, NULL, &dest);
	return 0;
}

/* Code as tm_relay() has it. */
static int forward_send(struct tm_forward *f, const struct net_hop *hops, unsigned count)
{
	struct tm *tm = f->tm;
	const struct sip_via *via = sip_via_list(&f->msg->sip, NULL);
	char branch[TM_BRANCH_LEN + 1];
	int err = -EBADMSG;

	if (via == NULL || key_stateless(tm, &f->msg->sip, via, branch) != 0)
		return TM_E_BAD_MESSAGE;
	for (unsigned i = 0; i < count; i++) {
		err = forward_to(f, &hops[i], branch);
		if (err == 0)
			return TM_RELAYED;
		tm_count(tm, TM_C_SEND_FAILED);
	}
	LOG_CALL(tm->log, LOG_L_INFO, f->msg->sip.call_id, "request not forwarded: %s",
		strerror(-err));
	return f->target.flow ? TM_E_FLOW : TM_E_SEND;
}

static int forward_resolved(
	struct tm_forward *f, int err, const struct net_hop *hops, unsigned count)
{
	int code = TM_E_UNRESOLVED;

	if (err == 0 && count > 0)
		code = forward_send(f, hops, count);
	if (code < 0)
		f->msg->last_error = (int)relay_error_reply(code);
	sip_rollback(&f->msg->sip, f->mark);
	return code;
}

static void forward_remove(struct tm_forward *f)
{
	struct tm_forward **at = &f->tm->forwards;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
}

static void forward_later(void *arg, int err, const struct net_hop *hops, unsigned count)
{
	struct tm_forward *f = arg;
	struct ph_msg *msg = f->msg;
	struct tm *tm = f->tm;

	if (tm != NULL) {
		forward_remove(f);
		err = forward_resolved(f, err, hops, count);
		tm->s.hooks->on_relayed(tm->s.self, msg, err);
	}
	msg_unref(&msg);
}

/* Until the resolver has answered. */
static void forward_wait(struct tm_forward *f, struct tm *tm, struct ph_msg *msg)
{
	f->tm = tm;
	f->msg = msg;
	msg_ref(msg);
	f->next = tm->forwards;
	tm->forwards = f;
}

void stateless_abandon(struct tm *tm)
{
	for (struct tm_forward *f = tm->forwards; f != NULL; f = f->next)
		f->tm = NULL;
	tm->forwards = NULL;
}

int tm_forward(struct tm *tm, struct ph_msg *msg, const struct tm_target *to)
{
	struct tm_forward *f = arena_zalloc(msg->arena, sizeof(*f));
	struct net_hop hops[NET_MAX_HOPS];
	struct net_query query;
	struct slice extra = {0};
	unsigned count = 0;
	int err;

	if (f == NULL || msg->sip.kind != SIP_REQUEST)
		return TM_E_INTERNAL;
	err = rules_check(msg, &extra);
	if (err != 0) {
		msg->last_error = (int)relay_error_reply(err);
		rules_tell_later(msg, extra);
		return err;
	}
	/* The reply is to find the connection again without any state. */
	if (msg_rx(msg)->transport != SIP_TR_UDP)
		msg->via_fixed = sip_via_fix(&msg->sip, &msg_rx(msg)->src, true) == 0;
	answer_fix_via(msg);
	f->tm = tm;
	f->msg = msg;
	f->mark = sip_edit_mark(&msg->sip);
	f->target = relay_target(msg, to);
	detour_unwrap(tm, msg, &f->target);
	err = send_next_hop(msg, &f->target, &query);
	if (err != 0) {
		msg->last_error = (int)relay_error_reply(err);
		sip_rollback(&msg->sip, f->mark);
		return err;
	}
	err = net_resolve(tm->s.net, &query, hops, &count, forward_later, f);
	if (err == -EINPROGRESS) {
		forward_wait(f, tm, msg);
		return TM_RELAY_PARKED;
	}
	return forward_resolved(f, err, hops, count);
}

int tm_reply_stateless(struct tm *tm, struct ph_msg *msg, unsigned code,
	struct slice reason, struct slice extra)
{
	struct slice none = {0};
	struct net_dest dest;

	if (msg->sip.kind != SIP_REQUEST || msg->sip.method == SIP_ACK || code < 100 ||
		code > 699)
		return -1;
	/* Its retransmissions are absorbed there: they must get this reply too. */
	if (msg->trans != NULL)
		return tm_reply(tm, msg, code, reason, extra);
	answer_fix_via(msg);
	if (dest_of_reply(tm, &msg->sip, msg_rx(msg), &dest) != 0 ||
		answer_write(tm, &msg->sip, code, reason, extra, none) != 0 ||
		net_send(tm->s.net, &dest, buf_slice(&tm->out)) != 0) {
		tm_count(tm, TM_C_SEND_FAILED);
		return -1;
	}
	tm_count(tm, TM_C_STATELESS_REPLIES);
	if (code >= 200)
		msg->replied = true;
	return 1;
}

int stateless_full(struct tm *tm, struct ph_msg *msg)
{
	char text[64];
	struct buf extra;

	buf_fixed(&extra, text, sizeof(text));
	buf_printf(&extra, "Retry-After: %lld\r\n", (long long)tm->s.conf->retry_after);
	tm_count(tm, TM_C_FULL);
	tm_reply_stateless(tm, msg, 503, (struct slice){0}, buf_slice(&extra));
	msg->last_error = 503;
	return -EBUSY;
}

void tm_reply_bad(struct tm *tm, struct sip_msg *sip, const struct net_rx *rx,
	unsigned code, const char *reason)
{
	struct slice none = {0};
	struct net_dest dest;

	if (sip->kind != SIP_REQUEST || sip->method == SIP_ACK)
		return;
	/* A Via that cannot be read has no place for it either. */
	sip_via_fix(sip, &rx->src, false);
	if (dest_of_reply(tm, sip, rx, &dest) != 0 ||
		answer_write(tm, sip, code, slice_str(reason), none, none) != 0)
		return;
	if (net_send(tm->s.net, &dest, buf_slice(&tm->out)) == 0)
		tm_count(tm, TM_C_STATELESS_REPLIES);
}

/* Is it the reply to a request that we forwarded without state? Its branch says so. Others go nowhere: RFC 6026. */
static bool forwarded_by_us(
	struct tm *tm, struct ph_msg *reply, const struct sip_via *top)
{
	char branch[TM_BRANCH_LEN + 1];

	return top != NULL && top->next != NULL &&
		key_stateless(tm, &reply->sip, top->next, branch) == 0 &&
		slice_eq(top->branch, slice_str(branch));
}

/* To the first hop that takes it. */
static void reply_resolved(struct tm *tm, struct ph_msg *reply, int err,
	const struct net_hop *hops, unsigned count)
{
	struct net_dest dest = {0};

	if (err != 0 || count == 0) {
		tm_count(tm, TM_C_REPLIES_STRAY);
		return;
	}
	buf_reset(&tm->out);
	sip_write_reply(&tm->out, &reply->sip);
	for (unsigned i = 0; tm->out.err == 0 && i < count; i++) {
		dest.transport = hops[i].transport;
		dest.addr = hops[i].addr;
		if (send_sock(tm, reply, NULL, &hops[i], &dest.sock) == 0 &&
			net_send(tm->s.net, &dest, buf_slice(&tm->out)) == 0) {
			tm_count(tm, TM_C_REPLIES_FORWARDED);
			return;
		}
	}
	tm_count(tm, TM_C_SEND_FAILED);
}

static void reply_later(void *arg, int err, const struct net_hop *hops, unsigned count)
{
	struct tm_forward *f = arg;
	struct ph_msg *reply = f->msg;

	if (f->tm != NULL) {
		forward_remove(f);
		reply_resolved(f->tm, reply, err, hops, count);
	}
	msg_unref(&reply);
}

static void reply_forward(struct tm *tm, struct ph_msg *reply)
{
	const struct sip_via *top = sip_via_list(&reply->sip, NULL);
	struct tm_forward *f = arena_zalloc(reply->arena, sizeof(*f));
	struct net_hop hops[NET_MAX_HOPS];
	struct net_query query;
	unsigned count = 0;
	int err;

	if (f == NULL || !forwarded_by_us(tm, reply, top) ||
		dest_of_via(top->next, &query) != 0) {
		tm_count(tm, TM_C_REPLIES_STRAY);
		return;
	}
	/* Mostly our own Via has the sender's address. */
	err = net_resolve(tm->s.net, &query, hops, &count, reply_later, f);
	if (err == -EINPROGRESS)
		forward_wait(f, tm, reply);
	else
		reply_resolved(tm, reply, err, hops, count);
}

void stateless_reply_in(struct tm *tm, struct ph_msg *reply)
{
	enum tm_verdict v = TM_GO;

	if (tm->s.hooks->on_reply != NULL)
		v = tm->s.hooks->on_reply(tm->s.self, reply);
	if (v == TM_PARKED) {
		held_add(&tm->strays, reply);
		return;
	}
	if (v == TM_GO)
		reply_forward(tm, reply);
}

void stateless_reply_done(struct tm *tm, struct ph_msg *reply, enum tm_verdict v)
{
	msg_ref(reply);
	if (held_remove(&tm->strays, reply) && v == TM_GO)
		reply_forward(tm, reply);
	msg_unref(&reply);
}
