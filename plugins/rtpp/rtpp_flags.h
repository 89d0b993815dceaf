/**
 * @file rtpp_flags.h  The flag letters of rtpproxy_offer() and rtpproxy_answer().
 *
 * Pure; any thread. Reference: docs/plugins/rtpp.md.
 */
#pragma once

#include <stdbool.h>

#include "core/base/slice.h"

struct rtpp_flags {
	bool asymmetric; /**< a: the relay shall not learn the phone's address; implies trust_sdp */
	bool symmetric;     /**< w or s; of a and w the last one holds */
	bool lookup;        /**< l: never make a session; offer only */
	bool ignore_marker; /**< f */
	bool trust_sdp; /**< r: tell the relay the SDP's address, not the packet's source */
	bool origin;    /**< o: change o= as well */
	bool session; /**< c: change the session's c= also when each stream has its own */
	char sides[3];        /**< "", "I", "E", "IE", ... */
	unsigned repacketise; /**< zNN: ms; 0: not asked */
	bool notify; /**< n: the relay shall tell when the call has no media any more */
};

/** Letters of either case. NULL and *out, or what is wrong, static or written to why. */
const char *rtpp_flags_parse(struct slice text, struct rtpp_flags *out, char why[128]);
/** The same, and whether they make sense: in an answer; without rtpp_notify_socket (can_notify false). */
const char *rtpp_flags_read(struct slice text, bool answer, bool can_notify,
	struct rtpp_flags *out, char why[128]);
