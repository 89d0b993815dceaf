/**
 * @file bus.h  Events and requests between plugins and workers, over ZeroMQ in-process sockets.
 *
 * Events: every endpoint has a PUB socket connected to the hub's XSUB and a SUB socket connected to its XPUB; the hub is a
 * thread of its own. Publishing never waits: at the high-water mark an event is lost, its number is missing, and
 * the subscriber's on_gap runs. Requests: DEALER to the hub's ROUTER thread-side, answered by the endpoint that serves the
 * name; JSON parameters and results. Every request has a deadline and its completion runs exactly once.
 *
 * An endpoint belongs to one thread; callbacks run from its loop. It counts as started when its own hello has come back
 * through the hub (bus_endpoint_started()).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/counter.h"
#include "core/base/loop.h"
#include "core/bus/events.h"
#include "core/bus/tree.h"

struct bus;
struct bus_endpoint;

#define BUS_HWM 4096 /**< frames (each a burst of events of one topic) that a slow subscriber may lag */

extern const struct counter_desc bus_counters[];
enum { BUS_C_PUBLISHED, BUS_C_RECEIVED, BUS_C_GAPS, BUS_C_LOST, BUS_C_REQUESTS, BUS_C_REQUEST_TIMEOUTS };

/** The context and the hub thread. 0 or -errno. */
int bus_new(struct bus **out);
/** After all endpoints and inboxes are gone. */
void bus_destroy(struct bus **bp);

int bus_endpoint_new(struct bus_endpoint **out, struct bus *bus, const char *name, struct loop *loop,
	struct counter_array *counters, unsigned first);
void bus_endpoint_destroy(struct bus_endpoint **ep);
/** Hello has come back: subscriptions made before are in force. */
bool bus_endpoint_started(const struct bus_endpoint *e);

/** fn for each event of topic; on_gap (may be NULL) before the first event after a loss, with how many are missing. Several
 * subscribers of one topic on one endpoint are fine. 0, -ENOMEM, -EINVAL. */
int bus_subscribe(struct bus_endpoint *e, enum bus_topic topic, void (*fn)(void *arg, const struct bus_event *ev),
	void (*on_gap)(void *arg, enum bus_topic topic, uint64_t lost), void *arg);
/** Take all subscriptions with this arg away. */
void bus_unsubscribe(struct bus_endpoint *e, void *arg);
/**
 * ev->topic and the topic's member are set by the caller; the rest by the bus. Never waits. It leaves at the end of the loop's turn, or within
 * 10 ms when it can wait (bus_event_can_wait()), in the order of publishing.
 */
void bus_publish(struct bus_endpoint *e, struct bus_event *ev);

/** A request being answered; kept by the server until bus_reply() or bus_fail(), at once or later on its own thread. */
struct bus_request;
/** Serve name ("nh_show_rtpp"). fn must end in exactly one bus_reply()/bus_fail() some time. params is borrowed (NULL: none). */
int bus_serve(struct bus_endpoint *e, const char *name,
	void (*fn)(void *arg, struct bus_request *req, const json_t *params), void *arg);
/** A request's parameter by name, or by position when they came as an array; NULL: not given. Borrowed from params. */
const json_t *bus_param(const json_t *params, const char *name, size_t index);
/** The same as text; an integer is written into room. NULL: not given, or neither. */
const char *bus_param_text(const json_t *params, const char *name, size_t index, char room[32]);
/** Takes the tree; one that is NULL or lacks something for want of memory is answered with 500. */
void bus_reply(struct bus_request *req, struct tree *result);
/** code as HTTP/FIFO codes (400, 404, 500); reason for people. */
void bus_fail(struct bus_request *req, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * The reason when nobody serves the name: this, the name, the hint. A command of its own may answer 404 as well, for what it does not find.
 */
#define BUS_NO_SUCH_COMMAND "no such command '"
#define BUS_NO_SUCH_HINT    "': the command help lists them"

/** code 0: result holds the answer (borrowed), else code and reason: 404 no such name, 408 nobody answered in time, 503 shutdown. */
typedef void (*bus_answer)(void *arg, int code, const char *reason, const struct tree *result);
/** params is borrowed. deadline in ms. 0, or negative errno and fn will not run. */
int bus_call(struct bus_endpoint *e, const char *name, const json_t *params, unsigned deadline_ms, bus_answer fn,
	void *arg);
/** A server that goes away: requests to it end with 503. */
