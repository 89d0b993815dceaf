/**
 * @file msg.h  A message on its way through a worker: what was received, how, and what is decided about it.
 *
 * Everything lives in the message's arena. Touched by the owning worker's thread only. A message is counted: whoever
 * keeps it beyond a call takes a reference.
 */
#pragma once

#include "core/base/arena.h"
#include "core/base/slice.h"
#include "core/bus/events.h"
#include "core/net/net.h"
#include "core/sip/sip_header.h"
#include "core/sip/sip_msg.h"

struct ph_worker;
struct script_run;
struct tm_trans;
struct tm_branch;

/** Kinds of route blocks; functions name the set they may stand in. */
enum ph_route {
	PH_ROUTE_REQUEST = 1,
	PH_ROUTE_REPLY = 2,
	PH_ROUTE_FAILURE = 4,
	PH_ROUTE_BRANCH = 8,
	PH_ROUTE_LOCAL = 16,
	PH_ROUTE_EVENT = 32,
};
#define PH_ROUTES_ALL 63u

#define MSG_VIA_PARAMS 80

/** What t_relay() sends one branch to; all in the arena. */
struct tm_target {
	struct slice ruri;
	struct slice du;             /**< next hop URI; empty: the topmost Route, else ruri */
	struct slice path;           /**< value for Route headers before the message's own; or empty */
	const struct net_sock *sock; /**< send from here; NULL: chosen */
	struct slice foreign;        /**< "udp:198.51.100.8:5060": another node's listener that the phone registered through; or empty */
	bool flow;                   /**< over a connection that is open, or not at all (RFC 5626 section 5.3) */
	struct slice via_params;     /**< for our Via: "flow=..."; at most MSG_VIA_PARAMS bytes; or empty */
	unsigned q;                  /**< thousandths */
	uint32_t bflags;
	struct tm_target *next;
};

/** An AVP: a stack of values under one name ($avp(n)); numeric and text names differ. */
struct msg_avp {
	struct slice name;
	bool numeric_name;
	bool is_int;
	int64_t n;
	struct slice s;
	struct msg_avp *next;
};

/** Armed blocks, by number in the program; -1: none. */
struct msg_armed {
	int on_reply, on_failure, on_branch;
};

struct ph_msg {
	struct sip_msg sip;
	struct arena *arena;
	unsigned refs;
	struct ph_worker *worker;
	struct net_rx rx;
	/** Another node has carried it here: how it came from there; rx.src and rx.transport are then those of the phone that spoke. NULL: nobody */
	const struct net_rx *carrier;
	const struct net_sock *sock; /**< the listener it came to; NULL for messages made here */
	uint32_t call_hash;
	uint64_t number;             /**< $mi */

	/* Requests: where branch 0 goes; its URI is sip.ruri */
	struct slice du;
	struct slice path;
	const struct net_sock *send_sock; /**< forced ($fs) or recorded with the target */
	struct slice foreign;        /**< as in struct tm_target */
	bool flow;                   /**< likewise; goes with du */
	unsigned q;
	uint32_t bflags;
	struct tm_target *branches;  /**< append_branch(), lookup(): in order */
	unsigned branch_count;
	struct tm_target *serial;    /**< t_load_contacts(): for later, best q first */
	unsigned fr_timer, fr_inv_timer; /**< ms, of this request's branches from now on; 0: as configured */

	/* Of the transaction; before there is one, of the request. Use msg_root() */
	uint32_t flags;
	struct msg_avp *avps;        /**< newest first */
	struct msg_armed armed;

	struct tm_trans *trans;      /**< NULL: none (yet), or it is over */
	struct tm_branch *branch;    /**< in reply and branch blocks */
	struct tm_trans *cancels;    /**< a CANCEL's INVITE, when it is ours */

	/* Script */
	unsigned route;              /**< enum ph_route of the block that runs */
	struct script_run *run;      /**< innermost run, NULL: none */
	struct slice rr_params;      /**< add_rr_param() before record_route() */
	struct slice route_params;   /**< parameters of our own Route that loose_route() took */
	struct sip_hdr *rr_hdr;      /**< what record_route() added; record_route.h */
	const struct net_sock *rr_sock; /**< the listener that it names */
	const struct sip_msg *came;  /**< as it was before msg_apply_changes(); NULL: it is still sip */
	struct slice reply_extra;    /**< append_to_reply(): complete header lines for replies made here */
	struct slice relayed_ruri, relayed_du; /**< where t_relay() sent it last: failure blocks add to that, not repeat it */
	int last_error;              /**< for sl_reply_error(): a SIP code, 0: none */
	bool via_fixed;              /**< received/rport are on the top Via */
	bool replied;                /**< some final reply was sent by the script */
	bool dropped;                /**< drop in an onreply block */
	unsigned hook;               /**< the host's: whose request_in is next */
	bool is_local;               /**< a request made here */
	bool no_script;              /**< carried by the host for another node: no block runs on it or its replies */
	const char *props[BUS_PROPS]; /**< properties of message scope, by enum bus_prop */
};

/** How it came to this node, whoever spoke: where replies go. */
static inline const struct net_rx *msg_rx(const struct ph_msg *msg)
{
	return msg->carrier != NULL ? msg->carrier : &msg->rx;
}
/** The message that carries flags and AVPs: the request of the transaction if there is one, else msg itself. */
struct ph_msg *msg_root(struct ph_msg *msg);
void msg_ref(struct ph_msg *msg);
/** Drops a reference (pointer nulled); the last gives the arena back. */
void msg_unref(struct ph_msg **msgp);
/** A zeroed message in arena with one reference; armed are -1, q 1000. NULL without memory. */
struct ph_msg *msg_new(struct arena *arena);

struct msg_avp *msg_avp_find(struct ph_msg *msg, struct slice name, bool numeric, unsigned index);
/** Push (newest). -ENOMEM. Text is copied into the root's arena. */
int msg_avp_push(struct ph_msg *msg, struct slice name, bool numeric, const struct msg_avp *value);
/** Remove the newest (all: every value). */
void msg_avp_remove(struct ph_msg *msg, struct slice name, bool numeric, bool all);
/** msg's own target; borrows from it. */
struct tm_target msg_own_target(const struct ph_msg *msg);
/** t becomes msg's own target; its texts live in msg's arena. As sip_set_ruri(). */
int msg_set_target(struct ph_msg *msg, const struct tm_target *t);
/** Another branch for t_relay(); copied. -ENOMEM, -ENOSPC over MSG_MAX_BRANCHES. */
#define MSG_MAX_BRANCHES 32
int msg_add_branch(struct ph_msg *msg, const struct tm_target *t);
