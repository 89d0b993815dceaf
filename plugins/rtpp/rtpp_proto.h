/**
 * @file rtpp_proto.h  The rtpproxy control protocol: command lines, replies.
 *
 * Pure; any thread. What rtpengine's port for this protocol does differently is treated here:
 * a third word in each reply, 0.0.0.0 as address of further streams, and the echo of a command that it could not parse.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/buf.h"
#include "core/base/slice.h"
#include "plugins/rtpp/rtpp_flags.h"

#define RTPP_COMMAND_MAX                                                                 \
	4096 /**< bytes of a command without cookie; the relays take 8 KiB */
#define RTPP_REPLY_MAX 1024

/** What a relay can do, by the dates that VF is asked for. */
enum rtpp_feature {
	RTPP_F_STREAMS = 1,     /**< 20050322: several streams */
	RTPP_F_VERSION_ARG = 2, /**< 20060704 */
	RTPP_F_REPACKETISE = 4, /**< 20071116 */
	RTPP_F_CODECS = 8,      /**< 20081102 */
	RTPP_F_NOTIFY = 16,     /**< 20081224: tells of sessions without media */
	RTPP_F_CODES2 = 32,     /**< 20140323, rtpproxy 2.0: its numbers of errors */
	RTPP_F_TCP_NAME =
		64, /**< 20150420, rtpproxy 2.1: keeps "tcp:" in the names of notify sockets */
	RTPP_F_CC_SELF = 128, /**< 20150617: %%CC_SELF%% in those names */
};
#define RTPP_FEATURES 8
/** Date and bit of feature i < RTPP_FEATURES. */
const char *rtpp_feature_date(unsigned i);
unsigned rtpp_feature_bit(unsigned i);
/** What every relay answers to V. */
#define RTPP_BASE_VERSION "20040107"

/** U, L, D, P, S or R. Empty words are left out. */
struct rtpp_command {
	char letter;
	struct slice modifiers; /**< P: the count */
	struct slice call_id;
	struct slice ip; /**< U and L: without brackets */
	uint16_t port;
	struct slice prompt; /**< P */
	struct slice tag_a;  /**< U, L: of the party that made the offer */
	struct slice tag_b;  /**< the other one's; empty: none */
	unsigned stream;     /**< U, L, P, S: from 1 */
	struct slice notify_socket, notify_tag; /**< U: both or none */
};
/** Append the line, without line end. -EINVAL: a word is missing or holds what would break the line; -EMSGSIZE. */
int rtpp_command_write(struct buf *b, const struct rtpp_command *c);
/**
 * Append the modifiers of U and L. formats: payload types of the m= line ("0 8 101"), told when the relay knows
 * codecs. *dropped is set when the relay cannot repacketise and it was asked for.
 */
void rtpp_modifiers_write(struct buf *b, const struct rtpp_flags *f, bool ip6,
	unsigned features, struct slice formats, bool *dropped);

enum rtpp_reply_kind {
	RTPP_REPLY_NUMBER, /**< one number: V, VF, D, or a port without address */
	RTPP_REPLY_ADDR,   /**< port and address */
	RTPP_REPLY_ERROR,  /**< E and a number */
};
struct rtpp_reply {
	enum rtpp_reply_kind kind;
	uint32_t number; /**< port, or the error's code */
	struct addr
		addr; /**< without port; unset: none given (also for 0.0.0.0 and ::) */
};
/** A reply without its cookie. 0 and *out, or -EBADMSG. */
int rtpp_reply_parse(struct slice text, struct rtpp_reply *out);

/** What a reply to U or L means. */
enum rtpp_outcome {
	RTPP_GOOD,
	RTPP_NO_SESSION, /**< port 0, or the relay does not know the call */
	RTPP_ECHO, /**< the command's own address came back: it was not understood, nothing is relayed */
	RTPP_BAD_REPLY, /**< port out of range, or no port at all */
	RTPP_REFUSED, /**< the relay cannot take it for a reason that lies in the command */
	RTPP_ELSEWHERE, /**< the relay is well but cannot take it: another one may */
	RTPP_NO_NOTIFY, /**< it takes no notification (started without -n): ask without */
};
/** features: of the relay; they say whose numbers of errors it uses. */
enum rtpp_outcome rtpp_outcome_of(const struct rtpp_command *sent,
	const struct rtpp_reply *reply, unsigned features);
/** For log lines: what it means and what to do. */
const char *rtpp_outcome_text(enum rtpp_outcome o);
/** The same for the answer to P, S or R that is not 0. */
const char *rtpp_refusal_text(const struct rtpp_reply *reply, unsigned features);
