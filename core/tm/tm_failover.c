/*
 * The next hop of the same list: RFC 3263 section 4.3, RFC 3261 section 16.7 (503). What the copies for the other hops need that the first one
 * has not is written when the branch begins, while its edits are there: a text of its own for each hop that is reached by another listener. All
 * have the branch value at the same place with the same length, where the next client transaction puts its own.
 *
 *   br ── silent for failover_timer, not sent, or 503 ──> a new branch to the next hop, same target, same number
 *
 * The old branch counts no more, whatever it came to. When it was only slow its INVITE is cancelled as soon as it speaks, and a 2xx
 * of it is forwarded as any other.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/tm/tm_priv.h"

#define RETRY_AFTER_MAX 3600u /* s */

struct tm_way_on {
	struct net_dest dest;
	char *sent; /* NULL: as the branch's own */
	size_t sent_len;
};

struct tm_failover {
	unsigned next, count;
	struct tm_way_on ways[];
};

static bool has_more(const struct tm_branch *br)
{
	return br->failover != NULL && br->failover->next < br->failover->count;
}

void failover_free(struct tm_branch *br)
{
	struct tm_failover *f = br->failover;

	br->failover = NULL;
	for (unsigned i = 0; f != NULL && i < f->count; i++)
		free(f->ways[i].sent);
	free(f);
}

/* How long the next one has to wait for its turn. */
static uint64_t patience(const struct tm_branch *br)
{
	const uint64_t whole = branch_patience(br), part = (uint64_t)br->trans->tm->s.conf->failover_timer;

	return part < whole ? part : whole;
}

/* same: all before went by the listener of br. As long as that goes on its text does. */
static int way_make(struct tm_way_on *way, struct tm_branch *br, struct ph_msg *request,
	const struct net_hop *hop, bool same)
{
	struct tm *tm = br->trans->tm;
	const struct net_sock *sock;
	char branch[TM_BRANCH_LEN + 1];
	int err = send_sock(tm, request, br->target.sock, hop, &sock);

	if (err == 0 && same && sock == br->dest.sock) {
		way->dest = br->dest;
		way->dest.addr = hop->addr;
		return 0;
	}
	key_branch(br, branch);
	if (err == 0)
		err = send_write_to(tm, request, &br->target, hop, branch, &way->dest);
	if (err != 0)
		return err;
	way->sent = malloc(tm->out.len);
	if (way->sent == NULL)
		return -ENOMEM;
	memcpy(way->sent, tm->out.p, tm->out.len);
	way->sent_len = tm->out.len;
	return 0;
}

void failover_keep(struct tm_branch *br, struct ph_msg *request,
	const struct net_hop *hops, unsigned count)
{
	struct tm *tm = br->trans->tm;
	struct tm_failover *f;

	if (br->detour != NULL || br->dest.no_connect)
		return;
	f = calloc(1, sizeof(*f) + count * sizeof(f->ways[0]));
	if (f == NULL)
		return; /* the first hop has to do */
	br->failover = f;
	for (unsigned i = 0; i < count; i++) {
		bool same = f->count == 0 || f->ways[f->count - 1].sent == NULL;

		if (way_make(&f->ways[f->count], br, request, &hops[i], same) == 0)
			f->count++;
	}
	if (has_more(br))
		timer_start(tm->s.loop, &br->life, patience(br));
}

/* tm->out becomes what the next branch sends: the text with its own branch value. */
static bool text_make(struct tm *tm, const struct tm_branch *old,
	const struct tm_branch *br, const struct tm_way_on *way)
{
	const struct slice text = way->sent != NULL
		? slice_make(way->sent, way->sent_len)
		: slice_make(old->sent, old->sent_len);
	char was[TM_BRANCH_LEN + 1], is[TM_BRANCH_LEN + 1];
	ptrdiff_t at;

	/* The texts were written for the branch that came first; each later one is made from the one before. */
	key_branch(old, was);
	key_branch(br, is);
	at = slice_find(text, slice_make(was, TM_BRANCH_LEN));
	if (at < 0)
		return false;
	buf_reset(&tm->out);
	buf_add(&tm->out, slice_sub(text, 0, (size_t)at));
	buf_add(&tm->out, slice_make(is, TM_BRANCH_LEN));
	buf_add(&tm->out, slice_from(text, (size_t)at + TM_BRANCH_LEN));
	return tm->out.err == 0;
}

/* Those that have a text of their own get the new branch's value at once, for the next time. */
static void texts_follow(struct tm *tm, const struct tm_branch *old,
	const struct tm_branch *br, struct tm_failover *f)
{
	for (unsigned i = f->next; i < f->count; i++) {
		struct tm_way_on *way = &f->ways[i];

		if (way->sent != NULL && text_make(tm, old, br, way))
			memcpy(way->sent, tm->out.p, way->sent_len);
	}
}

static bool way_take(struct tm_branch *old, struct tm_failover *f)
{
	struct tm_trans *t = old->trans;
	struct tm *tm = t->tm;
	const struct tm_way_on *way = &f->ways[f->next++];
	struct tm_branch *br = branch_new(t, &old->target);

	if (br == NULL)
		return false;
	br->on_reply = old->on_reply;
	br->dest = way->dest;
	if (!text_make(tm, old, br, way) || branch_start(br) != 0) {
		tm_count(tm, TM_C_SEND_FAILED);
		branch_drop(br);
		return false;
	}
	texts_follow(tm, old, br, f);
	br->index = old->index; /* to scripts it is the same branch */
	old->failover = NULL;
	br->failover = f;
	if (has_more(br))
		timer_start(tm->s.loop, &br->life, patience(br));
	return true;
}

static void log_move(const struct tm_branch *br, const char *why)
{
	char text[ADDR_TEXT];

	LOG_CALL(br->trans->tm->log, LOG_L_INFO, br->trans->request->sip.call_id,
		"branch %u: %s:%.*s %s: the next hop is tried", br->index,
		sip_transport_name(br->dest.transport),
		SLICE_ARG(addr_text(&br->dest.addr, text)), why);
}

/* The hop of br has failed. False: there is no other, or nobody wants one. */
static bool move_on(struct tm_branch *br, const char *why, uint64_t bad_ms)
{
	struct tm_trans *t = br->trans;
	const struct net_hop hop = {br->dest.transport, br->dest.addr};
	struct tm_failover *f = br->failover;

	if (f == NULL)
		return false;
	net_hop_failed(t->tm->s.net, &hop, bad_ms);
	if (br->code != 0 || br->cancel_wanted || t->canceled || t->no_more ||
		tm_has_final(t) || t->request == NULL)
		return false;
	while (f->next < f->count && t->branch_count < TM_MAX_BRANCHES) {
		if (!way_take(br, f))
			continue;
		tm_count(t->tm, TM_C_FAILOVERS);
		log_move(br, why);
		br->moved = true;
		return true;
	}
	return false;
}

bool failover_due(struct tm_branch *br)
{
	struct tm *tm = br->trans->tm;
	uint64_t rest;

	if (br->failover == NULL || br->moved)
		return false;
	if (br->state == TC_PROCEEDING && !tm_is_invite(br->trans) && has_more(br)) {
		/* It has heard of it (100): no other then, and the rest of timer F. */
		rest = branch_patience(br) - patience(br);
		br->failover->next = br->failover->count;
		timer_start(tm->s.loop, &br->life, rest);
		return true;
	}
	if (br->state != TC_CALLING ||
		!move_on(br, br->send_failed ? "cannot be reached" : "is silent", 0))
		return false;
	br->code = br->send_failed ? 503 : 408;
	if (br->send_failed) {
		branch_terminate(br);
		return true;
	}
	/* It may still speak. */
	timer_stop(&br->resend);
	br->cancel_wanted = tm_is_invite(br->trans);
	timer_start(tm->s.loop, &br->life, tm_64t1(tm));
	return true;
}

static uint64_t retry_after(struct ph_msg *reply)
{
	const struct sip_hdr *h = sip_hdr_find(&reply->sip, SLICE("Retry-After"));
	struct slice digits = h != NULL ? slice_trim(h->value) : (struct slice){0};
	uint64_t s = 0;
	size_t n = 0;

	while (n < digits.len && digits.p[n] >= '0' && digits.p[n] <= '9')
		n++;
	if (slice_u64(slice_sub(digits, 0, n), RETRY_AFTER_MAX, &s) != 0)
		return 0;
	return s * 1000;
}

bool failover_reply(struct tm_branch *br, struct ph_msg *reply)
{
	const struct net_hop hop = {br->dest.transport, br->dest.addr};
	const unsigned status = reply->sip.status;

	if (br->moved)
		return status < 200 || status >= 300;
	if (br->failover == NULL ||
		(br->state != TC_CALLING && br->state != TC_PROCEEDING))
		return false;
	if (status != 503) {
		net_hop_answered(br->trans->tm->s.net, &hop);
		return false;
	}
	if (!move_on(br, "answered 503", retry_after(reply)))
		return false;
	br->code = 503;
	return true;
}
