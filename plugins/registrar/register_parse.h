/**
 * @file register_parse.h  A REGISTER request made into what the store is to do. Pure; any
 * thread.
 *
 * RFC 3261 section 10.3 steps 5 to 7, RFC 3327 (Path), RFC 5626 (instance, reg-id).
 * Nothing is answered here: a refusal says with which code and phrase.
 */
#pragma once

#include "core/sip/sip_header.h"
#include "plugins/registrar/aor.h"
#include "plugins/registrar/save_flags.h"
#include "storage/store.h"

/** What an operator has set; times in seconds. */
struct register_rules {
	struct aor_rules aor;
	int64_t default_expires;
	int64_t min_expires;
	int64_t max_expires;  /**< 0: no limit */
	int64_t max_contacts; /**< 0: no limit */
	bool use_path;
	bool path_use_received; /**< `received` of the topmost Path URI */
	enum path_mode path_mode;
	bool trust_received; /**< `received` of a Contact */
};

/** What came along with the request. */
struct register_from {
	struct slice domain;   /**< table, as given to save() */
	struct slice aor_uri;  /**< URI given to save(); empty: To */
	struct slice received; /**< of the AVP; or empty */
	struct slice socket;   /**< our listener as phones see it */
	struct slice node;
	uint32_t bflags;
	int nat_bflag; /**< bit that means "behind NAT"; -1: none */
	int64_t now;   /**< seconds since 1970 */
	struct save_flags flags;
};

/** In the message's arena. */
struct register_order {
	struct store_update update;
	bool query;        /**< no Contact at all: only list */
	struct slice path; /**< to answer; empty: none, or not to this phone */
};

struct register_refusal {
	unsigned code;
	const char *reason;
	int64_t min_expires;   /**< 423: for Min-Expires */
	bool path_unsupported; /**< 420: for Unsupported */
};

#define REGISTER_TEXT_MAX                                                                \
	1024 /**< bytes of a Contact URI, Call-ID or Path that are stored; longer: refused */
#define REGISTER_RECEIVED_MAX 255

/** 0 and *out; -EINVAL and *why; -ENOMEM (500). */
int register_parse(struct register_order *out, struct sip_msg *msg,
	const struct register_rules *rules, const struct register_from *from,
	struct register_refusal *why);
