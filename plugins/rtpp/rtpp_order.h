/**
 * @file rtpp_order.h  Commands that change nothing in the message, but whose answer the script waits for: P, S and R.
 *
 * uac is whoever sent the request of the current transaction, uas whoever answers it: in a reply the roles are those of its request. Tags go by
 * these roles, whoever made the call. One thread's; nothing here waits.
 */
#pragma once

#include "plugins/rtpp/rtpp_offer.h"

enum rtpp_side { RTPP_UAC, RTPP_UAS };

/** -1: until it is stopped; 0: as 1. */
#define RTPP_COUNT_MIN (-1)
#define RTPP_COUNT_MAX 1000000

/** Play prompt to one side. cmd keeps slices of msg; modifiers are room[16]. 0; -EBADMSG: From or To cannot be read or has no tag where one must be. */
int rtpp_play_command(struct rtpp_command *cmd, struct sip_msg *msg, enum rtpp_side side,
	struct slice prompt, int64_t count, unsigned stream, char room[16]);
int rtpp_stop_command(struct rtpp_command *cmd, struct sip_msg *msg, enum rtpp_side side,
	unsigned stream);
/** -EINVAL: a relay makes a file name of the Call-ID, and this one would lead elsewhere ('/' or ".."). */
int rtpp_record_command(struct rtpp_command *cmd, struct sip_msg *msg);
/** NULL, or why a prompt of that name cannot be asked for (static text). */
const char *rtpp_prompt_fault(struct slice prompt);
/** Number of the first audio stream in the message's SDP, counted as in rtpp_sdp.h; 0: there is none. */
unsigned rtpp_first_audio(struct sip_msg *msg);

struct rtpp_order_ask {
	struct sip_msg *msg;
	struct rtpp_command cmd;
	struct rtpp_peer *peer; /**< the relay of the call: no other one knows it */
	const char *name;       /**< of the function, for the log; static */
	const char *where;      /**< place in the script; in the arena or static */
};
struct rtpp_order;

/** -EINPROGRESS: *out, in msg's arena, and done runs later, once, unless rtpp_order_end() comes before; other errors: logged. */
int rtpp_order_begin(struct rtpp_order **out, struct rtpp_engine *e,
	const struct rtpp_order_ask *ask, void (*done)(void *arg), void *arg);
/** After done: 0, or why not (logged). */
int rtpp_order_result(const struct rtpp_order *o);
void rtpp_order_end(struct rtpp_order *o);
