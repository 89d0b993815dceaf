/**
 * @file rtpp_client.h  Commands to RTP proxies, and their replies.
 *
 * One per thread, used by it alone. A command is under way until its reply comes, its relay has refused or closed the connection, or its
 * time is over; nobody waits, a callback tells.
 *
 * - Over UDP it is sent again with the same cookie (the relay then answers again and does not act twice), `sends` times in all, each with
 *   `timeout_ms` for the reply. A cookie is random for each client, so that neither two nodes nor two lives of one node can
 *   get each other's replies, which relays keep by cookie alone; it is also what makes a reply ours, whatever
 *   address it comes from (relays with several addresses may answer from another one).
 * - Over a stream there is no cookie and nothing to repeat: it has the same time in all. A connection that breaks while commands are under
 *   way is made again and they are sent once more (at most `sends` times): the relay was restarted. Commands of one connection are answered in order.
 */
#pragma once

#include "core/base/addr.h"
#include "core/base/counter.h"
#include "core/base/log.h"
#include "core/base/loop.h"
#include "core/base/slice.h"
#include "plugins/rtpp/rtpp_url.h"

struct rtpp_client;
struct rtpp_conn;
struct rtpp_port;

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
	RTPP_C_CONNECTIONS /* gauge */,
	RTPP_C_BROKEN,
	RTPP_C_NOTIFY_REFUSED,
	RTPP_C_PROMPTS,
	RTPP_C_PROMPT_STOPS,
	RTPP_C_RECORDINGS,
	RTPP_C_SET_CHANGES /* by the service, as those below */,
	RTPP_C_RELOADS,
	RTPP_C_RELOAD_FAILURES,
	RTPP_C_STORE_FAILURES,
};

struct rtpp_client_setup {
	struct loop *loop;
	struct counter_array *counters;
	unsigned first_counter;
	struct log_source *log;
	int worker;          /**< part of the cookie; -1: the service */
	unsigned timeout_ms; /**< between two sends, and after the last */
	unsigned sends;      /**< in all */
	struct addr
		source; /**< UDP: address that commands leave from; unset: the kernel chooses */
	struct rtpp_port *
		port; /**< UDP: the port that all clients share (rtpp_port.h); NULL: one of its own */
};

/** A command under way; embed it, zero-initialised. The client keeps pointers to it until fn runs or it is cancelled. */
struct rtpp_pending {
	struct rtpp_client *client; /**< NULL: not under way */
	const struct rtpp_relay *to;
	struct slice command;
	struct timer timer;
	unsigned sends_left;
	void (*fn)(void *arg, int err, struct slice reply);
	void *arg;
	uint64_t number;        /**< UDP: of its cookie */
	struct rtpp_conn *conn; /**< NULL: UDP */
	struct rtpp_pending *next,
		*prev; /**< UDP: bucket (next alone); else in order of sending */
	unsigned
		skip; /**< stream: how many replies to given-up commands come before its own */
};

/** Sockets are opened with the first command that needs them. 0, -ENOMEM; with a shared port also the kernel's reason. */
int rtpp_client_new(struct rtpp_client **out, const struct rtpp_client_setup *setup);
/** What is under way is forgotten; its callbacks do not run. */
void rtpp_client_destroy(struct rtpp_client **cp);
/**
 * Send command to a relay (both borrowed until the end). fn runs once, later: err 0 with the reply (borrowed, without cookie and line end), or
 * -ETIMEDOUT; over streams also the reason why there is no connection (-ECONNREFUSED, -ENOENT, -ECONNRESET, ...) and -EPROTO for a line that does not end.
 * sends 0: as many as set up. 0; or a negative errno, and fn will not run: the kernel has no way to that address, or no memory.
 */
int rtpp_client_send(struct rtpp_client *c, struct rtpp_pending *p,
	const struct rtpp_relay *to, struct slice command, unsigned sends,
	void (*fn)(void *arg, int err, struct slice reply), void *arg);
/** Its callback will not run any more. Fine when it is not under way. */
void rtpp_client_cancel(struct rtpp_pending *p);
/** The same with a copy of command, and nobody to tell but done (may be NULL): for D, which nothing waits for. */
int rtpp_client_post(struct rtpp_client *c, const struct rtpp_relay *to,
	struct slice command,
	void (*done)(void *arg, void *tag, int err, struct slice reply), void *arg,
	void *tag);
/** Longest time that a command may take, in ms. */
unsigned rtpp_client_patience(const struct rtpp_client *c);
void rtpp_client_count(struct rtpp_client *c, enum rtpp_counter which);
