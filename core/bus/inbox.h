/**
 * @file inbox.h  One thread's letter box: a ZeroMQ inproc PULL socket that others PUSH into.
 *
 * Items are copied once (a copying zmq_send), never waited for: a full inbox is a counted drop (-EAGAIN).
 * Each thread that sends has its own set of PUSH sockets (`struct inbox_sender`). An item is a fixed header and bytes;
 * its kind decides the handler on the receiving thread. Handlers run from the receiving thread's loop.
 *
 * A burst costs the receiver one wake-up: it drains to EAGAIN (at most INBOX_TURN items a turn, then the loop goes on at once).
 * ZMQ_FD is edge-triggered: after every drain, and after the event is added, ZMQ_EVENTS is looked at again.
 */
#pragma once

#include <stdint.h>

#include "core/base/counter.h"
#include "core/base/loop.h"
#include "core/base/slice.h"

/** The one ZeroMQ context of the process and the names in it. */
struct bus;
struct inbox;
struct inbox_sender;

#define INBOX_HWM 8192
#define INBOX_TURN 256
#define INBOX_ITEM_MAX (1u << 20) /**< bytes of head and body together */

enum inbox_kind {
	INBOX_DATAGRAM = 1, /**< a received message of another worker's call: struct net_rx + bytes (core/host) */
	INBOX_WAKE,         /**< ph_wake() from another thread (core/host) */
	INBOX_NET,          /**< TCP: an accepted fd, a write for a connection, a failure (core/net) */
	INBOX_CALL,         /**< a function to run there: struct inbox_call (commands scattered to workers, reload, stop) */
	INBOX_KINDS,
};

/* Data given to a handler begins at a multiple of 8. */

/** For INBOX_CALL: fn(arg) runs on the receiving thread. arg's ownership is the caller's agreement with fn. */
struct inbox_call {
	void (*fn)(void *receiver, void *arg);
	void *arg;
};

extern const struct counter_desc inbox_counters[];
enum { INBOX_C_RECEIVED, INBOX_C_WAKEUPS, INBOX_C_DROPPED };

/** The receiving end; on the thread that owns loop. name is unique in the process ("worker.0"). 0 or -errno. */
int inbox_new(struct inbox **out, struct bus *bus, const char *name, struct loop *loop,
	struct counter_array *counters, unsigned first);
/** One handler a kind; data is only valid during the call. */
void inbox_on(struct inbox *in, enum inbox_kind kind, void (*fn)(void *arg, const void *data, size_t len), void *arg);
void inbox_destroy(struct inbox **ip);

/** The sending end of one thread towards the inboxes called prefix0 .. prefixN-1, which exist already. */
int inbox_sender_new(struct inbox_sender **out, struct bus *bus, const char *const *names, unsigned count,
	struct counter_array *counters, unsigned first);
/** Head and body in one item. 0; -EAGAIN: full, counted; -EMSGSIZE. */
int inbox_send(struct inbox_sender *s, unsigned to, enum inbox_kind kind, const void *head, size_t head_len,
	const void *body, size_t body_len);
void inbox_sender_destroy(struct inbox_sender **sp);
