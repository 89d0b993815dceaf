/**
 * @file rtpp_client.h  Commands to RTP proxies over UDP, and their replies.
 *
 * One per thread, used by it alone. A command is sent, sent again with the same cookie (the relay then answers again and does not
 * act twice) until its reply comes or all its sends are used up; nobody waits, a callback tells.
 *
 * A cookie is random for each client, so that neither two nodes nor two lives of one node can get each other's
 * replies, which relays keep by cookie alone; it is also what makes a reply ours, whatever address it
 * comes from (relays with several addresses may answer from another one).
 */
#pragma once

#include "core/base/addr.h"
#include "core/base/counter.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/slice.h"

struct rtpp_client;

/** Indexes of the plugin's counters, relative to its first. */
enum rtpp_counter {
	RTPP_C_COMMANDS,
	RTPP_C_REPLIES,
	RTPP_C_TIMEOUTS,
	RTPP_C_RETRANSMISSIONS,
	RTPP_C_ERRORS,
	RTPP_C_LATE,
	RTPP_C_RELAYS_DOWN /* gauge, by the service */,
	RTPP_C_OFFERS,
	RTPP_C_ANSWERS,
	RTPP_C_DELETES,
	RTPP_C_FAILOVERS,
	RTPP_C_ECHOES,
};

struct rtpp_client_setup {
	struct loop *loop;
	struct counter_array *counters;
	unsigned first_counter;
	struct log_source *log;
	int worker;          /**< part of the cookie; -1: the service */
	unsigned timeout_ms; /**< between two sends, and after the last */
	unsigned sends;      /**< in all */
};

/** A command under way; embed it, zero-initialised. The client keeps pointers to it until fn runs or it is cancelled. */
struct rtpp_pending {
	struct rtpp_client *client; /**< NULL: not under way */
	uint64_t number;
	struct rtpp_pending *next; /**< bucket */
	struct timer timer;
	struct addr to;
	struct slice command;
	unsigned sends_left;
	void (*fn)(void *arg, int err, struct slice reply);
	void *arg;
};

/** Sockets are opened with the first command of their family. 0 or -ENOMEM. */
int rtpp_client_new(struct rtpp_client **out, const struct rtpp_client_setup *setup);
/** What is under way is forgotten; its callbacks do not run. */
void rtpp_client_destroy(struct rtpp_client **cp);
/**
 * Send command (borrowed until the end). fn runs once, later: err 0 with the reply without its cookie, or
 * -ETIMEDOUT. sends 0: as many as set up. 0; or a negative errno, and fn will not run: the kernel has no way to that address.
 */
int rtpp_client_send(struct rtpp_client *c, struct rtpp_pending *p, const struct addr *to,
	struct slice command, unsigned sends,
	void (*fn)(void *arg, int err, struct slice reply), void *arg);
/** Its callback will not run any more. Fine when it is not under way. */
void rtpp_client_cancel(struct rtpp_pending *p);
/** The same with a copy of command, and nobody to tell but done (may be NULL): for D, which nothing waits for. */
int rtpp_client_post(struct rtpp_client *c, const struct addr *to, struct slice command,
	void (*done)(void *arg, unsigned tag, int err, struct slice reply), void *arg,
	unsigned tag);
/** Longest time that a command may take. */
unsigned rtpp_client_patience(const struct rtpp_client *c);
void rtpp_client_count(struct rtpp_client *c, enum rtpp_counter which);
