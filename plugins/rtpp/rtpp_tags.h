/**
 * @file rtpp_tags.h  Who made the offer: the letter and the tags of a command.
 *
 * Pure. Tag A is always the tag of the party that made the offer; U comes from that party, L from the other one.
 */
#pragma once

#include "core/sip/sip_msg.h"

struct rtpp_tags {
	char letter;       /**< 'U' or 'L' */
	struct slice a, b; /**< b may be empty (initial offer) */
	bool initial;      /**< the first offer of a call: it may go to any relay */
};
/**
 * answer: this is rtpproxy_answer(); lookup: flag letter l. 0; -EBADMSG: From or To cannot be read or has no tag where
 * one must be.
 */
int rtpp_tags_of(struct sip_msg *msg, bool answer, bool lookup, struct rtpp_tags *out);
/** Tags as they stand in the message, for D. b may be empty. 0, -EBADMSG. */
int rtpp_tags_plain(struct sip_msg *msg, struct slice *from, struct slice *to);
