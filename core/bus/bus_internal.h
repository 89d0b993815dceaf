/**
 * @file bus_internal.h  What the files of core/bus share.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/bus/bus.h"
#include "core/bus/bus_zmq.h"

#define BUS_XSUB   "inproc://bus.xsub"
#define BUS_XPUB   "inproc://bus.xpub"
#define BUS_ROUTER "inproc://bus.router"
#define BUS_HELLO  0xfffffff0u /**< topic of an endpoint's own hello */

/** The context and the hub's side of the three sockets. */
struct bus {
	void *context;
	void *control; /**< PAIR to the hub: anything stops it */
	pthread_t thread;
	atomic_uint publishers; /**< numbers given to endpoints: the next one */
	struct log_source *log;
};

/* Requests: two frames, this head and the payload */

enum bus_frame_kind {
	BUS_FRAME_SERVE = 1, /**< endpoint to hub: I answer `name` */
	BUS_FRAME_SERVED,    /**< hub to endpoint: `code` 0, or 409 somebody else does */
	BUS_FRAME_CALL, /**< caller to hub, hub to server; payload: JSON text, or empty */
	BUS_FRAME_ANSWER, /**< server to hub, hub to caller; payload: a tree when code is 200 */
	BUS_FRAME_LEAVE, /**< endpoint to hub: I go; answered when all is settled */
	BUS_FRAME_LEFT,
};

#define BUS_NAME_MAX   64
#define BUS_REASON_MAX 160

/** Flat; the sender zeroes it. */
struct bus_frame {
	uint32_t kind;
	uint32_t code;
	uint64_t
		id; /**< at the caller: its own number; between hub and server: the hub's */
	uint32_t deadline_ms;
	char name[BUS_NAME_MAX];
	char reason[BUS_REASON_MAX];
};

/** The hub's thread; arg is a struct bus_hub, which it owns. */
struct bus_hub;
int bus_hub_new(struct bus_hub **out, struct bus *bus);
void bus_hub_destroy(struct bus_hub **hp);
void *bus_hub_run(void *arg);

/* The halves of an endpoint */

struct bus_sub;
struct bus_service;
struct bus_pending;

#define BUS_PENDING_BUCKETS 64
#define BUS_BATCH           16384 /**< bytes of events that leave as one frame */
#define BUS_TURN            256 /**< messages an endpoint takes a turn from one socket */

/** One (topic, publisher): the last number seen, 0: none yet. */
struct bus_track {
	uint64_t *last; /**< by publisher number */
	uint32_t size;
	uint32_t
		horizon; /**< publishers from this number on were made when we listened already */
	uint32_t users; /**< subscriptions of the topic */
	bool in_force;  /**< a hello has come back since it was subscribed */
};

struct bus_endpoint {
	struct bus *bus;
	struct loop *loop;
	char name[BUS_NAME_MAX];
	uint32_t number;
	void *pub, *sub, *dealer;
	struct loop_io *sub_io, *dealer_io;
	bool look; /**< a socket was used in a way that may have swallowed its edge */
	struct counter_array *counters;
	unsigned first;
	/* events */
	uint64_t seq[BUS_TOPICS];       /**< last given out */
	char *batch; /**< events of one topic, as many as one frame takes, until the turn ends */
	size_t batch_len;
	unsigned batch_count;
	uint32_t batch_topic;
	struct loop_task batch_task;
	struct timer batch_timer;
	uint8_t marks_left[BUS_TOPICS]; /**< how often the last number is told again */
	struct timer mark_timer;
	unsigned mark_round;
	struct bus_track track[BUS_TOPICS];
	struct bus_sub *subs;
	unsigned dispatching;
	uint64_t hello_wanted, hello_seen;
	struct timer hello_timer;
	/* requests */
	struct bus_service *services;
	unsigned unserved;            /**< names the hub has not confirmed yet */
	struct bus_request *requests; /**< taken and not answered */
	struct bus_pending *pending[BUS_PENDING_BUCKETS];
	uint64_t next_id;
	bool leaving; /**< being destroyed */
	bool left;    /**< and the hub has said so */
};

int bus_events_open(struct bus_endpoint *e);
void bus_events_close(struct bus_endpoint *e);
/** Take in what is there, at most BUS_TURN; true: maybe more. */
bool bus_events_drain(struct bus_endpoint *e);
int bus_requests_open(struct bus_endpoint *e);
void bus_requests_close(struct bus_endpoint *e);
bool bus_requests_drain(struct bus_endpoint *e);

static inline void bus_count(struct bus_endpoint *e, unsigned which, int64_t n)
{
	counter_add(e->counters, e->first + which, n);
}

/** The context, for inboxes. */
void *bus_context(struct bus *bus);
