/*
 * t_relay(): branch after branch is made, shown to its block, resolved and sent. The block works on the request itself,
 * whose edits are undone after it, so one branch is in hand at a time; the block and the resolver may take their time.
 *
 *   next target ─> branch_begin ─> (block) ─> branch_hooked ─> (resolver) ─> branch_resolved ─┐
 *        ^                                                                                     │
 *        └──────────────────────────────── branch_end <────────────────────────────────────────┘
 */
#include <errno.h>

#include "core/tm/tm_priv.h"

enum relay_at { AT_WORK, AT_BLOCK, AT_RESOLVER };

struct tm_relay {
	struct tm_trans *trans;
	struct ph_msg *request; /* counted; this struct lives in its arena */
	struct tm_target *next;
	unsigned flags;
	unsigned sent;
	int err;       /* TM_E_* of the last branch that failed */
	bool given_up; /* only the resolver still knows it */
	enum relay_at at;
	struct tm_branch *br; /* in hand */

	/* The request as it was before the branch in hand */
	bool marked; /* its fields and headers */
	sip_mark mark;
	bool edited; /* and the rest */
	bool flow;
	struct slice du, path, foreign;
	const struct net_sock *send_sock;
	uint32_t bflags;
	struct tm_branch *branch;
};

/* No branch is worth beginning any more. */
static bool relay_moot(const struct tm_trans *t)
{
	return tm_has_final(t) || t->canceled || t->no_more;
}

/* The request becomes what this branch is to send. */
static int request_edit(struct tm_relay *op)
{
	struct ph_msg *request = op->request;
	const struct tm_target *target = &op->br->target;

	op->du = request->du;
	op->path = request->path;
	op->foreign = request->foreign;
	op->flow = request->flow;
	op->send_sock = request->send_sock;
	op->bflags = request->bflags;
	op->branch = request->branch;
	op->edited = true;
	request->du = target->du;
	request->path = target->path;
	request->send_sock = target->sock;
	request->foreign = target->foreign;
	request->flow = target->flow;
	request->bflags = target->bflags;
	request->branch = op->br;
	if (slice_eq(request->sip.ruri, target->ruri))
		return 0;
	return sip_set_ruri(&request->sip, target->ruri);
}

/* What the block made of the branch. Flags may have been changed on either. */
static void request_take(struct tm_relay *op, uint32_t bflags)
{
	struct tm_target *target = &op->br->target;

	target->ruri = op->request->sip.ruri;
	target->du = op->request->du;
	target->path = op->request->path;
	target->sock = op->request->send_sock;
	target->foreign = op->request->foreign;
	target->flow = op->request->flow && op->request->du.len > 0;
	if (op->request->bflags != bflags)
		target->bflags = op->request->bflags;
}

static void request_restore(struct tm_relay *op)
{
	struct ph_msg *request = op->request;

	if (op->marked)
		sip_rollback(&request->sip, op->mark);
	op->marked = false;
	if (!op->edited)
		return;
	op->edited = false;
	request->du = op->du;
	request->path = op->path;
	request->send_sock = op->send_sock;
	request->foreign = op->foreign;
	request->flow = op->flow;
	request->bflags = op->bflags;
	request->branch = op->branch;
}

/* err 0: it was sent. */
static void branch_end(struct tm_relay *op, int err)
{
	request_restore(op);
	if (err == 0) {
		op->sent++;
	} else {
		op->err = err;
		branch_drop(op->br);
	}
	op->br = NULL;
}

static int branch_send_directly(struct tm_relay *op, const struct net_hop *hop)
{
	struct tm *tm = op->trans->tm;
	struct tm_branch *br = op->br;
	char branch[TM_BRANCH_LEN + 1];
	int err;

	key_branch(br, branch);
	err = send_write_to(tm, op->request, &br->target, hop, branch, &br->dest);
	return err == 0 ? branch_start(br) : err;
}

/* What the script wants of the branch that is sent now. */
static void set_times(struct tm_trans *t, const struct ph_msg *msg)
{
	const struct tm_conf *conf = t->tm->s.conf;
	int64_t ringing = msg->fr_inv_timer != 0 ? msg->fr_inv_timer : conf->fr_inv_timer;

	t->fr = msg->fr_timer != 0 ? msg->fr_timer : (uint64_t)conf->fr_timer;
	t->fr_inv = (uint64_t)(ringing < conf->timer_c ? ringing : conf->timer_c);
}

static int branch_send(struct tm_relay *op, const struct net_hop *hop)
{
	struct tm *tm = op->trans->tm;
	struct tm_branch *br = op->br;
	struct net_dest dest;
	int err = -ENOENT;

	set_times(op->trans, op->request);
	if (br->target.foreign.len > 0)
		err = detour_start(br, op->request, hop);
	if (err == -ENOENT)
		err = branch_send_directly(op, hop);
	if (err == 0 && tm->s.hooks->on_request_out != NULL) {
		dest = detour_phone(br);
		tm->s.hooks->on_request_out(tm->s.self, op->request, br, &dest);
	}
	return err;
}

static void branch_resolved(
	struct tm_relay *op, int err, const struct net_hop *hops, unsigned count)
{
	struct net_hop ways[NET_MAX_HOPS];

	if (err != 0 || count == 0) {
		branch_end(op, TM_E_UNRESOLVED);
		return;
	}
	if (relay_moot(op->trans)) {
		branch_end(op, TM_E_NO_DEST);
		return;
	}
	if (op->flags & TM_F_NO_DNS_FAILOVER)
		count = 1;
	if (op->trans->tm->s.conf->udp_mtu > 0) {
		count = mtu_hops(op->trans->tm, op->request, &op->br->target, op->flags,
			hops, count, ways);
		hops = ways;
	}
	for (unsigned i = 0; i < count; i++) {
		err = branch_send(op, &hops[i]);
		if (err == 0) {
			if (count > 1)
				failover_keep(op->br, op->request, &hops[i + 1], count - i - 1);
			branch_end(op, 0);
			return;
		}
		tm_count(op->trans->tm, TM_C_SEND_FAILED);
		LOG_CALL(op->trans->tm->log, LOG_L_INFO, op->request->sip.call_id,
			"branch %u not sent: %s", op->br->index, strerror(-err));
	}
	branch_end(op, op->br->target.flow ? TM_E_FLOW : TM_E_SEND);
}

static void relay_resolved(
	void *arg, int err, const struct net_hop *hops, unsigned count);

/* False: the resolver will go on. */
static bool branch_resolve(struct tm_relay *op)
{
	struct net_hop hops[NET_MAX_HOPS];
	struct net_query query;
	unsigned count = 0;
	int err;

	detour_unwrap(op->trans->tm, op->request, &op->br->target);
	err = send_next_hop(op->request, &op->br->target, &query);
	if (err != 0) {
		branch_end(op, err);
		return true;
	}
	op->at = AT_RESOLVER;
	err = net_resolve(op->trans->tm->s.net, &query, hops, &count, relay_resolved, op);
	if (err == -EINPROGRESS)
		return false;
	op->at = AT_WORK;
	branch_resolved(op, err, hops, count);
	return true;
}

static bool branch_hooked(struct tm_relay *op, enum tm_verdict v)
{
	request_take(op, op->br->target.bflags);
	if (v == TM_DROP || relay_moot(op->trans)) {
		branch_end(op, TM_E_NO_DEST);
		return true;
	}
	return branch_resolve(op);
}

static bool branch_begin(struct tm_relay *op)
{
	struct tm_trans *t = op->trans;
	const struct tm_target *target = op->next;
	enum tm_verdict v;

	op->next = target->next;
	op->br = t->branch_count < TM_MAX_BRANCHES ? branch_new(t, target) : NULL;
	if (op->br == NULL) {
		op->err = TM_E_INTERNAL;
		return true;
	}
	op->mark = sip_edit_mark(&op->request->sip);
	op->marked = true;
	if (op->request->armed.on_branch < 0 || t->tm->s.hooks->on_branch == NULL)
		return branch_resolve(op);
	if (request_edit(op) != 0) {
		branch_end(op, TM_E_INTERNAL);
		return true;
	}
	op->at = AT_BLOCK;
	v = t->tm->s.hooks->on_branch(t->tm->s.self, op->request, op->br);
	if (v == TM_PARKED)
		return false;
	op->at = AT_WORK;
	return branch_hooked(op, v);
}

/* The reply that an error calls for. In a failure block the best reply of the earlier branches says more. */
static void relay_failed(struct tm_relay *op, int code)
{
	struct tm_trans *t = op->trans;

	op->request->last_error = (int)relay_error_reply(code);
	if ((op->flags & TM_F_NO_ERROR_REPLY) || t->in_failure || t->branches != NULL)
		return;
	answer_auto(t, relay_error_reply(code));
}

static int relay_end(struct tm_relay *op)
{
	struct tm_trans *t = op->trans;
	struct ph_msg *request = op->request;
	int code = TM_RELAYED;

	t->relay = NULL;
	request->armed.on_branch = -1;
	if (t->canceled && !branches_pending(t)) {
		answer_auto(t, 487);
	} else if (op->sent == 0 && !relay_moot(t)) {
		code = op->err != 0 ? op->err : TM_E_NO_DEST;
		relay_failed(op, code);
	}
	/* Branches may have failed while others were being made. Their block runs when this one is through. */
	if (!tm_has_final(t) && t->branches != NULL && !t->in_failure &&
		!branches_pending(t)) {
		t->wants_check = true;
		timer_start(t->tm->s.loop, &t->life, 0);
	}
	msg_unref(
		&op->request); /* op may be gone with it, but for the transaction's reference */
	return code;
}

static int relay_run(struct tm_relay *op)
{
	while (op->next != NULL && !relay_moot(op->trans)) {
		if (!branch_begin(op))
			return TM_RELAY_PARKED;
	}
	return relay_end(op);
}

/* After a wait. */
static void relay_go_on(struct tm_trans *t, struct tm_relay *op)
{
	struct ph_msg *request = op->request;
	int code;

	msg_ref(request);
	code = relay_run(op);
	if (code != TM_RELAY_PARKED)
		t->tm->s.hooks->on_relayed(t->tm->s.self, request, code);
	msg_unref(&request);
}

static void relay_resolved(void *arg, int err, const struct net_hop *hops, unsigned count)
{
	struct tm_relay *op = arg;
	struct ph_msg *request = op->request;
	struct tm_trans *t = op->trans;

	if (op->given_up) {
		msg_unref(&request);
		return;
	}
	trans_enter(t);
	op->at = AT_WORK;
	branch_resolved(op, err, hops, count);
	relay_go_on(t, op);
	trans_leave(t);
}

void tm_branch_continue(struct tm *tm, struct tm_branch *br, enum tm_verdict v)
{
	struct tm_trans *t = br->trans;
	struct tm_relay *op = t->relay;

	(void)tm;
	if (op == NULL || op->br != br || op->at != AT_BLOCK)
		return;
	trans_enter(t);
	op->at = AT_WORK;
	if (branch_hooked(op, v))
		relay_go_on(t, op);
	trans_leave(t);
}

void fork_abandon(struct tm_trans *t)
{
	struct tm_relay *op = t->relay;

	if (op == NULL)
		return;
	t->relay = NULL;
	request_restore(op);
	op->given_up = true;
	if (op->at != AT_RESOLVER)
		msg_unref(&op->request);
}

static struct tm_relay *relay_new(
	struct ph_msg *msg, const struct tm_target *to, unsigned flags)
{
	struct tm_relay *op = arena_zalloc(msg->arena, sizeof(*op));
	struct tm_target *own = arena_alloc(msg->arena, sizeof(*own));

	if (op == NULL || own == NULL)
		return NULL;
	*own = relay_target(msg, to);
	if (to == NULL)
		own->next = msg->branches;
	op->trans = msg->trans;
	op->request = msg;
	op->flags = flags;
	op->next = own;
	return op;
}

/*
 * The message's own target stays, for a failure block that tries it once more. When that block has written another
 * Request-URI, the path that belonged to the first one must not lead it astray.
 */
static void forget_stale_path(struct tm_trans *t, struct ph_msg *msg)
{
	if (msg->path.len > 0 && msg->path.p == t->relayed_path.p &&
		!slice_eq(msg->sip.ruri, t->relayed_ruri))
		msg->path = (struct slice){0};
	t->relayed_ruri = msg->sip.ruri;
	t->relayed_path = msg->path;
}

int fork_start(struct tm_trans *t, struct ph_msg *msg, const struct tm_target *to,
	unsigned flags)
{
	struct tm_relay *op;

	if (to == NULL)
		forget_stale_path(t, msg);
	if (t->branch_count == 0)
		t->loop = key_loop(t->tm, msg);
	op = relay_new(msg, to, flags);
	if (op == NULL) {
		msg->last_error = 500;
		if (!(flags & TM_F_NO_ERROR_REPLY))
			answer_auto(t, 500);
		return TM_E_INTERNAL;
	}
	msg->branches = NULL;
	msg->branch_count = 0;
	msg_ref(msg);
	t->relay = op;
	return relay_run(op);
}
