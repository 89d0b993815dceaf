/**
 * @file tm_priv.h  What the files of this folder share: the transaction, its branches and the steps between them.
 *
 * Private to core/tm. One thread.
 *
 *   request ─ server transaction ─┬─ branch 0 (client transaction) ─ replies waiting for their block
 *             (struct tm_trans)   └─ branch 1 ...
 *
 * Lifetime. A transaction is counted: one count while it is in the table, one for every message that points to it
 * (msg->trans, msg->cancels), one for each function of this folder that works on it now (trans_enter(), trans_leave()).
 * Branches live as long as their transaction. So a pointer that a hook or a parked script holds is always good; what is
 * over says so by its state.
 */
#pragma once

#include "core/base/log.h"
#include "core/sip/sip_write.h"
#include "core/tm/tm.h"

#define TM_MAX_QUEUE    16 /* replies of a branch that wait for the one in hand */
#define TM_MAX_BRANCHES 64 /* of a transaction over all its relays */
#define TM_SLOTS_MAX    (1u << 24) /* client transactions of a worker */
#define TM_TAG_LEN      18
#define TM_BRANCH_LEN   49
#define TM_MAX_OUT                                                                       \
	70000 /* bytes of a message that leaves: a received one and what is added */

enum tm_server_state {
	TS_PROCEEDING, /* also Trying: no final reply sent */
	TS_ACCEPTED,   /* 2xx to INVITE sent, RFC 6026 */
	TS_COMPLETED,
	TS_CONFIRMED,
	TS_TERMINATED,
};

enum tm_client_state {
	TC_NEW,     /* not sent yet */
	TC_CALLING, /* also Trying */
	TC_PROCEEDING,
	TC_ACCEPTED,
	TC_COMPLETED,
	TC_TERMINATED, /* its branch value is not known any more */
};

struct tm_queued {
	struct ph_msg *reply;
	struct tm_queued *next;
};

struct tm_detoured;
struct tm_failover;

struct tm_branch {
	struct tm_branch *next;
	struct tm_trans *trans;
	struct tm_target target; /* in the request's arena; emptied when that goes */
	int on_reply;
	unsigned index;
	uint32_t slot, gen; /* gen 0: no slot */
	enum tm_client_state state;
	struct net_dest dest;
	char *sent; /* the request as it went out; after a negative final reply to INVITE: its ACK */
	size_t sent_len;
	struct tm_failover *failover; /* other hops, and that it is one of several; NULL: there is one */
	struct tm_detoured *detour; /* it went through another node; NULL: it did not */
	struct timer resend; /* A, E; then repeats of our CANCEL */
	struct timer life;   /* B, F, C, then D, K, M */
	uint64_t interval;

	unsigned code;          /* what this branch came to; 0: nothing final yet */
	struct ph_msg *reply;   /* the reply that code is from; NULL: made here */
	struct ph_msg *current; /* its block runs or is parked */
	struct tm_queued *queue, *queue_last;
	unsigned queued;
	uint64_t ringing; /* ms: how long it may, after a provisional reply */
	char *accepted; /* the 2xx to INVITE as it went upstream, for its retransmissions */
	size_t accepted_len;
	uint64_t accepted_tag;

	bool reliable;
	bool final_in; /* a final reply has arrived, perhaps not acted on */
	bool cancel_wanted, cancel_sent;
	bool timed_out;   /* cancelled by our own timer: counts as 408 */
	bool moved;       /* another branch has taken over (tm_failover.c): this one counts no more */
	bool send_failed; /* net said so; handled from the timer */
};

struct tm_trans {
	struct tm_trans *next, **prev; /* in the table */
	/* Accepted INVITEs by Call-ID, for their ACKs */
	struct tm_trans *acc_next, **acc_prev;
	struct tm *tm; /* NULL: tm is gone */
	unsigned refs;
	uint64_t key;
	uint64_t call; /* hash of the Call-ID */
	uint64_t fr, fr_inv; /* ms, of branches that begin now */
	uint32_t cseq;
	uint32_t loop; /* key_loop(), once it is relayed */
	enum sip_method method;
	enum tm_server_state state;
	struct ph_msg *request; /* NULL: nobody needs it any more */
	struct net_dest dest;   /* where replies go */
	char *last;             /* last reply sent, to be repeated */
	size_t last_len;
	unsigned last_code;
	/* G; once accepted: T4; no INVITE: before its 100 */
	struct timer resend;
	/* H, I, J, L; before a final reply: is anybody still at work? */
	struct timer life;
	uint64_t interval;
	struct tm_branch *branches, **branches_end;
	unsigned branch_count;
	struct tm_relay *relay; /* a tm_relay() at work */
	/* In a failure block: whose reply, and how many branches there were when it began */
	struct tm_branch *picked;
	unsigned failed_branches;
	/* All in the request's arena: the message's own target; header line for our CANCELs */
	struct slice relayed_ruri, relayed_path;
	struct slice cancel_reason;
	/* A request made here: who hears of its final reply */
	struct {
		tm_local_done done; /* NULL: has been told */
		void *arg;
		bool starting; /* tm_local() is on the stack */
	} local;
	bool is_local;
	bool no_script; /* as its request says */
	bool reliable;
	bool canceled;
	bool parked;      /* a script is suspended with the request */
	bool in_failure;  /* the failure block runs or is parked */
	bool wants_check; /* look at the branches again when the script lets go */
	bool settled;     /* accepted, and T4 has passed: no 2xx of yet another phone */
	bool no_more;     /* 6xx: no new branches */
	bool busy;        /* counted in tm->busy */
};

/* A message that waits outside of any transaction. */
struct tm_held {
	struct tm_held *next;
	struct ph_msg *msg;
};

struct tm_slot {
	struct tm_branch *branch; /* NULL: free */
	uint32_t gen;
	uint32_t next_free;
};

#define TM_ACCEPTED_BUCKETS 1024u

struct tm {
	struct tm_setup s;
	struct log_source *log;
	struct tm_trans **table;
	uint64_t mask;
	unsigned count, busy;
	bool draining;
	struct tm_trans *accepted[TM_ACCEPTED_BUCKETS];
	struct tm_slot *slots;
	uint32_t slot_count, slot_free; /* slot_free == slot_count: none */
	uint64_t nonce; /* branches of an earlier life of this worker do not match */
	struct buf out; /* messages are written here */
	struct arena *scratch;  /* for one step: emptied by whoever begins one */
	struct tm_held *strays; /* replies without transaction whose block is parked */
	struct tm_forward
		*forwards; /* without state, their next hop is being looked up */
};

static inline void tm_count(struct tm *tm, unsigned counter)
{
	counter_inc(tm->s.counters, tm->s.first_counter + counter);
}
static inline bool tm_is_invite(const struct tm_trans *t)
{
	return t->method == SIP_INVITE;
}
static inline bool tm_has_final(const struct tm_trans *t)
{
	return t->state != TS_PROCEEDING;
}
static inline uint64_t tm_64t1(const struct tm *tm)
{
	return 64 * (uint64_t)tm->s.conf->t1;
}

/* tm_key.c: what makes two messages belong together */

/** Key of the server transaction that msg belongs to, as if its method were method. */
int key_of_request(
	struct tm *tm, struct ph_msg *msg, enum sip_method method, uint64_t *out);
uint64_t key_of_call(const struct tm *tm, struct slice call_id);
/** Text of our tags: the same for repeats of a request and for its ACK. NUL-terminated. */
void key_tag(struct tm *tm, struct sip_msg *request, char out[TM_TAG_LEN + 1]);
/** Has this ACK such a tag? */
bool key_is_our_tag(struct tm *tm, struct sip_msg *ack);
/** Branch value of a client transaction: names it, and in its last part what the request was when it came. */
void key_branch(const struct tm_branch *br, char out[TM_BRANCH_LEN + 1]);
/** 0 or -ENOENT. */
int key_branch_parse(
	const struct tm *tm, struct slice text, uint32_t *slot, uint32_t *gen);
/**
 * Of all that a script may have decided by when msg came: two that are equal take the same way again (RFC 5393 section 4.2).
 */
uint32_t key_loop(struct tm *tm, struct ph_msg *msg);
/** The key_loop() in a branch value that may be ours. 0 or -ENOENT. */
int key_branch_loop(struct slice text, uint32_t *out);
/** Branch value of a request forwarded without state, from what its replies carry back too: client is its topmost Via. */
int key_stateless(struct tm *tm, struct sip_msg *msg, const struct sip_via *client,
	char out[TM_BRANCH_LEN + 1]);

/* tm_table.c: finding and counting */

struct tm_trans *table_find(
	struct tm *tm, uint64_t key, uint32_t cseq, enum sip_method method);
void table_add(struct tm *tm, struct tm_trans *t);
void table_remove(struct tm *tm, struct tm_trans *t);
void accepted_add(struct tm *tm, struct tm_trans *t);
void accepted_remove(struct tm_trans *t);
struct tm_trans *accepted_find(struct tm *tm, uint64_t call, uint32_t cseq);
int slot_take(struct tm *tm, struct tm_branch *br);
void slot_give(struct tm *tm, struct tm_branch *br);
struct tm_branch *slot_find(struct tm *tm, uint32_t slot, uint32_t gen);
bool held_add(struct tm_held **list, struct ph_msg *msg);
/** Drops the list's reference; false: it was not there. */
bool held_remove(struct tm_held **list, const struct ph_msg *msg);
void held_clear(struct tm_held **list);

/* tm_trans.c: life and death */

void trans_ref(struct tm_trans *t);
void trans_unref(struct tm_trans *t);
static inline void trans_enter(struct tm_trans *t)
{
	t->refs++;
}
/** Settle what follows from the new state (release the request, go away), then drop the count. */
void trans_leave(struct tm_trans *t);
/** Point msg to t, counted. */
void trans_bind(struct tm_trans **at, struct tm_trans *t);
struct tm_trans *trans_new(struct tm *tm, struct ph_msg *request, uint64_t key);
/** Nobody is at work on it, and nobody will answer. */
bool trans_idle(const struct tm_trans *t);
/** tm goes away: forget everything. */
void trans_abandon(struct tm_trans *t);

/* tm_server.c */

/** Send bytes upstream; keep: they are the answer to retransmissions from now on. */
void server_send(struct tm_trans *t, unsigned code, struct slice bytes, bool keep);
/** A final reply has been sent: the state and timers that follow. */
void server_final(struct tm_trans *t, unsigned code);
/** Nobody has answered, and the sender of this (no INVITE) is not told: it knows by its own timer. RFC 4320 section 4.2. */
void server_silent(struct tm_trans *t);
/** The 100 that a request which is no INVITE gets late, if at all: RFC 4320 section 4.1. */
void server_start_trying(struct tm_trans *t);
void server_trying(struct tm_trans *t);

/* tm_answer.c: replies made here */

int answer_send(struct tm_trans *t, unsigned code, struct slice reason,
	struct slice extra, struct slice body);
/** An automatic one, if nothing final was sent. */
void answer_auto(struct tm_trans *t, unsigned code);
/** Write an answer to request into tm->out. */
int answer_write(struct tm *tm, struct sip_msg *request, unsigned code,
	struct slice reason, struct slice extra, struct slice body);
/** The request's top Via says where it came from, before it is copied or forwarded. */
void answer_fix_via(struct ph_msg *msg);

/* tm_dest.c */

/** Where replies to request go (RFC 3261 section 18.2.2, RFC 3581). 0 or -EBADMSG. */
int dest_of_reply(struct tm *tm, struct sip_msg *request, const struct net_rx *rx,
	struct net_dest *out);
/** The query that leads from a reply's second Via to its sender. */
int dest_of_via(const struct sip_via *via, struct net_query *out);

/* tm_send.c: the way of a request */

/** The next hop of target: 0 or TM_E_*. */
int send_next_hop(
	struct ph_msg *msg, const struct tm_target *target, struct net_query *out);
/** 0 and *sock, or -EHOSTUNREACH. */
int send_sock(struct tm *tm, const struct ph_msg *msg, const struct net_sock *wanted,
	const struct net_hop *hop, const struct net_sock **out);
/** Write msg for target into tm->out, our Via with branch on top; *out is where it goes. 0 or -errno. */
int send_write_to(struct tm *tm, struct ph_msg *msg, const struct tm_target *target,
	const struct net_hop *hop, const char *branch, struct net_dest *out);

/* tm_detour.c: the way through another node */

/**
 * A Route that is a flow of this cluster's is taken off (an edit), and target says what it said. Errors are left to whoever
 * follows the Route.
 */
void detour_unwrap(struct tm *tm, struct ph_msg *request, struct tm_target *target);
/** The branch begins on its way through the node that holds target.foreign. -ENOENT: send it directly. */
int detour_start(struct tm_branch *br, struct ph_msg *request, const struct net_hop *phone);
/** What it sends, into tm->out; *out is where. -ENOENT likewise. */
int detour_write(struct tm *tm, struct ph_msg *msg, const struct tm_target *target,
	const struct net_hop *phone, const char *branch, struct net_dest *out);
/** Where the request goes in the end. */
struct net_dest detour_phone(const struct tm_branch *br);
/** A reply of such a branch. True: it is dealt with. */
bool detour_reply(struct tm_branch *br, struct ph_msg *reply);
/** It could not be sent. True: it will be sent the other way. */
bool detour_send_error(struct tm_branch *br);
/** The branch is over: its timer stops, the other way is forgotten. */
void detour_end(struct tm_branch *br);
void detour_free(struct tm_branch *br);

/* tm_failover.c: the other hops of a name */

/** br has been sent to the first of several hops: the others are remembered, while request has the branch's edits. */
void failover_keep(struct tm_branch *br, struct ph_msg *request, const struct net_hop *hops,
	unsigned count);
/** Its life timer has run out. True: it is dealt with. */
bool failover_due(struct tm_branch *br);
/** A reply, before it is acted on. True: another branch goes on, after a 503 or since long; the reply is to be acknowledged and no more. */
bool failover_reply(struct tm_branch *br, struct ph_msg *reply);
void failover_free(struct tm_branch *br);

/* tm_branch.c, tm_client.c: a client transaction */

struct tm_branch *branch_new(struct tm_trans *t, const struct tm_target *target);
/** One that was never sent. */
void branch_drop(struct tm_branch *br);
void branch_free(struct tm_branch *br);
/** No timers, no slot; replies that wait stay. */
void branch_terminate(struct tm_branch *br);
/** tm->out goes to br->dest: the client transaction begins. 0 or -errno. */
int branch_start(struct tm_branch *br);
/** br->sent has gone to br->dest: its timers begin. */
void branch_calling(struct tm_branch *br);
/** How long that may go without any reply. ms */
uint64_t branch_patience(const struct tm_branch *br);
/** ACK (section 17.1.1.3) to a negative reply to sent, into tm->out. 0 or -errno. */
int branch_write_ack(struct tm *tm, struct slice sent, struct ph_msg *reply);
/** A reply of this branch has arrived. */
void branch_reply(struct tm_branch *br, struct ph_msg *reply);

/* tm_reply.c: what replies lead to */

/** Take the reply in: its block runs when those before it are through. */
void reply_queue(struct tm_branch *br, struct ph_msg *reply);
/** Same final reply, or the same bytes, as one that is in hand? */
bool reply_is_waiting(const struct tm_branch *br, struct ph_msg *reply);
uint64_t reply_tag(const struct tm *tm, struct ph_msg *reply);
/** The branch ended without a reply. */
void reply_local(struct tm_branch *br, unsigned code);
/** All branches final? Then the failure block or the best reply. */
void reply_check(struct tm_trans *t);

/* tm_best.c */

/** The branch whose final reply goes upstream (section 16.7 step 6); NULL: none is final. */
struct tm_branch *best_branch(const struct tm_trans *t);
/** Challenges of the others (step 7). */
void best_challenges(const struct tm_trans *t, struct tm_branch *best);

/* tm_relay.c */

bool branches_pending(const struct tm_trans *t);
/** msg's own target, or what `to` says of it. */
struct tm_target relay_target(const struct ph_msg *msg, const struct tm_target *to);
/** The reply that a code of tm_relay() stands for. */
unsigned relay_error_reply(int code);

/* tm_mtu.c: requests too large for a datagram */

/**
 * hops with TCP before each UDP one that the request is too long for; in out. How many. Uses tm->out.
 */
unsigned mtu_hops(struct tm *tm, struct ph_msg *request, const struct tm_target *target, unsigned flags,
	const struct net_hop *hops, unsigned count, struct net_hop out[NET_MAX_HOPS]);

/* tm_rules.c: what holds for every request that is forwarded */

#define RULES_HOPS_TEXT 12
/** May it be forwarded? 0 or TM_E_*; *extra: header lines for the reply, in its arena, or untouched. */
int rules_check(struct ph_msg *msg, struct slice *extra);
/** No reply is sent now: the one that the script sends will have these lines. */
void rules_tell_later(struct ph_msg *msg, struct slice extra);
/** Was it here before, and would go the same way again? */
bool rules_looped(struct tm *tm, struct ph_msg *msg);
/** What Max-Forwards is to say in the copy that leaves; empty: what the script has written. */
struct slice rules_hops(const struct ph_msg *msg, char out[RULES_HOPS_TEXT]);

/* tm_fork.c: the branches of one tm_relay() */

/** Code as tm_relay() has it. The added targets are forgotten. */
int fork_start(struct tm_trans *t, struct ph_msg *msg, const struct tm_target *to,
	unsigned flags);
/** Give up one that waits (tm goes away). */
void fork_abandon(struct tm_trans *t);

/* tm_local.c: requests made here */

/** The final reply; reply NULL: made here. */
void local_final(struct tm_trans *t, unsigned code, struct ph_msg *reply);
/** The timer that local_final() started during tm_local(). */
void local_due(struct tm_trans *t);
/** tm goes away. */
void local_abandon(struct tm_trans *t);

/* tm_cancel.c */

/** Cancel what is pending, except `but`. reason: header line in lasting memory, or empty. */
void cancel_pending(struct tm_trans *t, const struct tm_branch *but, struct slice reason);
void cancel_branch(struct tm_branch *br);
void cancel_send(struct tm_branch *br);
/** CANCEL of a request that was sent to dest. */
void cancel_write_send(const struct tm_trans *t, struct slice sent, const struct net_dest *dest);
/** The caller's CANCEL took effect on t. */
void cancel_trans(struct tm_trans *t, struct ph_msg *cancel);
int cancel_relay(struct tm *tm, struct ph_msg *cancel);

/* tm_stateless.c */

int stateless_full(struct tm *tm, struct ph_msg *msg);
void stateless_reply_in(struct tm *tm, struct ph_msg *reply);
void stateless_reply_done(struct tm *tm, struct ph_msg *reply, enum tm_verdict v);
/** tm goes away. */
void stateless_abandon(struct tm *tm);
