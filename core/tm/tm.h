/**
 * @file tm.h  Transactions of a proxy: RFC 3261 sections 9, 16, 17; RFC 6026.
 *
 * One `struct tm` per worker, used by its thread alone. It knows no script: what an operator's routes do comes in through
 * hooks, each of which may say "later" (TM_PARKED); then nothing of that branch, reply or transaction goes on
 * until the matching tm_*_continue().
 *
 * Messages made here (replies, CANCEL, ACK) go out through net. Timers are in ms.
 */
#pragma once

#include "core/base/conf.h"
#include "core/base/counter.h"
#include "core/base/hash.h"
#include "core/base/loop.h"
#include "core/net/net.h"
#include "core/tm/call.h"
#include "core/tm/msg.h"

struct tm;

/** Group `tm` (ms) and limits. */
struct tm_conf {
	int64_t t1, t2, t4;       /**< 500, 4000, 5000 */
	int64_t timer_c;          /**< 180000 */
	int64_t fr_timer;         /**< no reply at all to a non-INVITE, or nothing provisional to an INVITE: 30000 */
	int64_t fr_inv_timer;     /**< no final reply after a provisional one: 120000 */
	int64_t failover_timer;   /**< no reply at all, while its name has other next hops: 4000 */
	int64_t detour_timer;     /**< no word from the other node that was to carry it: 1000 */
	int64_t udp_mtu;          /**< bytes; longer requests go over TCP: 0, never */
	int64_t max_transactions; /**< limits.transactions per worker: 100000 */
	int64_t retry_after;      /**< s, in 503s: 5 */
};
extern const struct conf_param tm_params[]; /**< t1 t2 t4 timer_c fr_timer fr_inv_timer failover_timer detour_timer */
extern const struct counter_desc tm_counters[];
enum {
	TM_C_SERVER /* total made */, TM_C_ACTIVE /* gauge */, TM_C_BRANCHES, TM_C_RETRANS_IN /* absorbed requests */,
	TM_C_RETRANS_REPLY_IN, TM_C_RETRANS_OUT, TM_C_ACK_ABSORBED, TM_C_CANCELS, TM_C_TIMEOUTS, TM_C_SEND_FAILED,
	TM_C_REPLIES_STRAY, TM_C_REPLIES_FORWARDED, TM_C_LOCAL_REPLIES, TM_C_STATELESS_REPLIES, TM_C_FULL,
	TM_C_SOCKET_FALLBACK, /* the wanted socket did not fit the next hop */
	TM_C_DETOURS, TM_C_DETOURS_FAILED,
	TM_C_LOOPS, TM_C_MTU_SWITCHES,
	TM_C_FAILOVERS,
};

struct tm_detour;
struct tm_flow;

enum tm_verdict {
	TM_GO = 0,
	TM_DROP = 1,   /**< do not forward this reply / give up this branch */
	TM_PARKED = 2, /**< tm_*_continue() will follow */
};

struct tm_hooks {
	/**
	 * A reply, before it acts: run onreply blocks. When another node has carried it, its rx.src is the phone's. reply->trans and ->branch are set when it belongs to a transaction
	 * (NULL: stray). Called for one reply of a branch at a time. TM_DROP of a final reply counts as TM_GO.
	 */
	enum tm_verdict (*on_reply)(void *self, struct ph_msg *reply);
	/** Just before a branch is sent: run the branch block that was armed. Edits are undone after the branch. */
	enum tm_verdict (*on_branch)(void *self, struct ph_msg *request, struct tm_branch *br);
	/**
	 * All branches are final, the best is >= 300, request->armed.on_failure is >= 0: run that block. The hook itself disarms
	 * (armed.on_failure = -1) before it runs it. The block may relay again or reply; otherwise the best reply goes upstream.
	 */
	enum tm_verdict (*on_failure)(void *self, struct ph_msg *request);
	/** A tm_relay() that answered TM_PARKED is through; code as tm_relay() would have returned. */
	void (*on_relayed)(void *self, struct ph_msg *request, int code);
	/** The request was cancelled while the script has it (parked). */
	void (*on_cancelled)(void *self, struct ph_msg *request);
	/* What passes by, for plugins; see core/host/plugin.h. May be NULL. */
	void (*on_request_out)(void *self, struct ph_msg *request, const struct tm_branch *br, const struct net_dest *dest);
	void (*on_reply_out)(void *self, struct ph_msg *reply);
	void (*on_local_reply)(void *self, struct ph_msg *request, unsigned code);
	/** True: it was somebody's; nothing more happens to it. */
	bool (*on_stray_reply)(void *self, struct ph_msg *reply);
	/* Other nodes: tm_detour.c. May be NULL */

	/** Is that Route, the topmost one of request, a flow of this cluster's? 0 and *out, or -ENOENT. */
	int (*on_flow_route)(void *self, struct ph_msg *request, const struct sip_uri *route, struct tm_flow *out);
	/**
	 * The target's phone is reached through a listener of another node (target->foreign): 0 with the way there, in the request's arena; -ENOENT: that
	 * node is not known to be alive, send it directly.
	 */
	int (*on_foreign)(void *self, struct ph_msg *request, struct slice socket, const struct net_hop *phone, struct tm_detour *out);
	/** That node was silent, or refused. */
	void (*on_foreign_silent)(void *self, struct slice socket);
};

/** The way through another node: its listener, and the Route header's value that tells it the rest. In the request's arena. */
struct tm_detour {
	struct net_hop hop;
	struct slice route;
};

/** A phone, and the listener that its pinhole belongs to. In the request's arena. */
struct tm_flow {
	struct slice socket;         /**< "udp:198.51.100.8:5060" */
	const struct net_sock *sock; /**< ours; NULL: another node's */
	struct net_hop phone;
};

struct tm_setup {
	struct loop *loop;
	struct net *net;
	const struct tm_conf *conf;
	struct calls *calls;
	const struct hash_key *key;    /**< to-tags and branches are made with it */
	struct arena_pool *arenas;
	struct counter_array *counters;
	unsigned first_counter;
	unsigned worker;
	const struct tm_hooks *hooks;
	void *self;
	const char *server;            /**< value of Server header in replies made here; NULL: none */
};
int tm_new(struct tm **out, const struct tm_setup *setup);
void tm_destroy(struct tm **tp);
/** No new transactions: requests that would make one get 503. */
void tm_drain(struct tm *tm);
/** Transactions that are not over (a drained tm with 0 may be destroyed without loss). Completed ones that only absorb retransmissions do not count. */
unsigned tm_busy(const struct tm *tm);

/* Requests */

enum tm_request {
	TM_REQ_NEW,      /**< no transaction knows it: run the script. For a CANCEL of ours msg->cancels is set */
	TM_REQ_ABSORBED, /**< retransmission (last reply sent again), ACK to a negative reply, CANCEL of a parked INVITE (answered), a loop (482): done */
};
/** A received request, before any script. */
enum tm_request tm_request_in(struct tm *tm, struct ph_msg *msg);
/**
 * Make the server transaction; takes a reference of msg until it is over. 0; -EALREADY: has one; -EBUSY: table full or
 * draining (503 has been sent); -EINVAL for ACK; -ENOMEM.
 */
int tm_newtran(struct tm *tm, struct ph_msg *msg);
/** Mark that the script is suspended with it (an INVITE gets its 100 at once), and that it goes on. */
void tm_script_parked(struct tm *tm, struct ph_msg *msg, bool parked);
/** True when a CANCEL for this INVITE came in (whether before or after relaying). */
bool tm_is_canceled(const struct ph_msg *msg);

enum { /* codes of tm_relay(), as scripts see them */
	TM_RELAYED = 1, TM_E_INTERNAL = -1, TM_E_BAD_MESSAGE = -2, TM_E_NO_DEST = -3, TM_E_UNRESOLVED = -4,
	TM_E_FILTERED = -5, TM_E_SEND = -6, TM_E_FLOW = -7, TM_E_HOPS = -8 /* Max-Forwards is 0 */,
	TM_E_EXTENSION = -9 /* Proxy-Require */, TM_RELAY_PARKED = -100,
};
enum { TM_F_NO_100 = 1, TM_F_NO_ERROR_REPLY = 2, TM_F_NO_DNS_FAILOVER = 4, TM_F_KEEP_UDP = 0x100 /* whatever tm.udp_mtu says */ };
/**
 * Forward statefully to msg's target and branches (these are then forgotten; ruri, du, path and send_sock stay), or to `to` alone when given. CANCEL: 200, and the INVITE's branches are
 * cancelled; without a known INVITE: forwarded without state. ACK: forwarded without state. Makes the transaction when there is none. A canceled request: nothing is sent,
 * 487 goes upstream, TM_RELAYED. On errors a reply has been sent unless TM_F_NO_ERROR_REPLY; msg->last_error says which it was or would be.
 * In a failure block no reply is sent on errors: the best reply of the earlier branches goes upstream when the block ends.
 * TM_RELAY_PARKED: on_relayed follows.
 */
int tm_relay(struct tm *tm, struct ph_msg *msg, const struct tm_target *to, unsigned flags);
/** Forward without state (section 16.11). Codes as tm_relay(). */
int tm_forward(struct tm *tm, struct ph_msg *msg, const struct tm_target *to);

/** extra: complete header lines, or empty. Statefully; makes the transaction when there is none. 1; -1: sent one already, or error. */
int tm_reply(struct tm *tm, struct ph_msg *msg, unsigned code, struct slice reason, struct slice extra);
/** With a body; extra names its Content-Type. */
int tm_reply_body(struct tm *tm, struct ph_msg *msg, unsigned code, struct slice reason, struct slice extra, struct slice body);
/** Without a transaction (its ACK is recognised by the To tag and absorbed). */
int tm_reply_stateless(struct tm *tm, struct ph_msg *msg, unsigned code, struct slice reason, struct slice extra);
/** For a message that did not parse, when sip_can_reply(). */
void tm_reply_bad(struct tm *tm, struct sip_msg *sip, const struct net_rx *rx, unsigned code, const char *reason);

/* Requests made here (RFC 3261 sections 8.1 and 17.1) */

/** status 408: no final reply; 503: could not be sent; 0: given up (tm goes away). reply: borrowed; NULL when made here. */
typedef void (*tm_local_done)(void *arg, unsigned status, struct ph_msg *reply);
/**
 * A message of our own from text (complete, without Via), in an arena of its own, with one reference: a script block may run on it, then
 * tm_local() sends it. 0, -EBADMSG, -ENOMEM.
 */
int tm_local_new(struct ph_msg **out, struct tm *tm, struct ph_worker *worker, struct slice text);
/** Send it to target. Not for INVITE. done runs once, later. 0 or negative errno, and done will not run. The caller keeps its reference. */
int tm_local(struct tm *tm, struct ph_msg *msg, const struct tm_target *target, tm_local_done done, void *arg);
/** All of them that are under way end with status 0, now: before those go whom done would tell. */
void tm_local_abandon(struct tm *tm);
/**
 * End an INVITE that has no final reply: its branches are cancelled, code goes upstream, both with reason (complete Reason header line, or empty). 0;
 * -EALREADY: it has one; -ENOMEM.
 */
int tm_abort(struct tm *tm, struct ph_msg *request, unsigned code, struct slice reason);

/* Replies */

/**
 * Which worker has sent the request of this reply, by the branch that we gave it? Of raw bytes, to choose the worker: it is proved
 * by tm_reply_in() of that worker. -1: none that we know of. Any thread.
 */
int tm_peek_worker(struct slice data);
/** A received reply. Takes its own references. */
void tm_reply_in(struct tm *tm, struct ph_msg *reply);
/** The on_reply hook of this reply is through. */
void tm_reply_continue(struct tm *tm, struct ph_msg *reply, enum tm_verdict v);
void tm_branch_continue(struct tm *tm, struct tm_branch *br, enum tm_verdict v);
void tm_failure_continue(struct tm *tm, struct ph_msg *request);
/** net's on_send_error. */
void tm_send_error(struct tm *tm, uint64_t cookie, int err);

/* What scripts may ask */

unsigned tm_branch_index(const struct tm_branch *br);
/** Where it was sent; through another node: to that. */
const struct net_dest *tm_branch_dest(const struct tm_branch *br);
const struct tm_target *tm_branch_target(const struct tm_branch *br);
uint32_t *tm_branch_flags(struct tm_branch *br);
/** Where this branch's replies' onreply block is armed (t_on_reply in a branch block); -1. */
int *tm_branch_on_reply(struct tm_branch *br);
/** The request of a message's transaction; NULL when it is gone. */
struct ph_msg *tm_request_of(const struct ph_msg *msg);
/** Code that the failure block has in hand, or the last one sent upstream; 0. */
unsigned tm_reply_code(const struct ph_msg *msg);
struct slice tm_reply_reason(const struct ph_msg *msg);
/** Does a transaction match (t_check_trans): 1 own/CANCEL with INVITE/ACK to a known 2xx; -1 none. */
int tm_check(struct tm *tm, struct ph_msg *msg);
struct calls *tm_calls(struct tm *tm);
