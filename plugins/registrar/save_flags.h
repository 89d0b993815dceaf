/**
 * @file save_flags.h  The second argument of save() and lookup(), in all spellings. Pure;
 * any thread.
 *
 * save(): OpenSIPS letters "m r c<n> f v p0-p2 e<n> E<n>", OpenSIPS names joined by comma
 * ("memory-only", "no-reply", "max-contacts=n", "force-registration", "path-received",
 * "path-off", "path-lazy", "path-strict", "min-expires=n", "max-expires=n"), or
 * Kamailio's number (0x01 memory, 0x02 no reply, 0x04 one contact). lookup(): "b" /
 * "no-branches", "m" / "method-filtering".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/slice.h"

enum path_mode {
	PATH_OFF = 0,    /**< stored, not answered */
	PATH_LAZY = 1,   /**< answered to phones that say Supported: path */
	PATH_STRICT = 2, /**< 420 to phones that do not */
};

struct save_flags {
	bool memory_only; /**< accepted for old scripts; where contacts live is the store's business */
	bool no_reply;
	bool one_contact; /**< "c1f", 0x04: the new one replaces all others */
	bool path_received;
	bool path_set; /**< path is given */
	enum path_mode path;
	int64_t max_contacts; /**< -1: not given */
	int64_t min_expires;  /**< -1: not given */
	int64_t max_expires;  /**< -1: not given */
};
/** 0 and *out, or -EINVAL with a phrase in why. */
int save_flags_parse(struct save_flags *out, struct slice text, char why[128]);

struct lookup_flags {
	bool no_branches;
	bool method_filtering;
};
int lookup_flags_parse(struct lookup_flags *out, struct slice text, char why[128]);
