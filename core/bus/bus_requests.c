/*
 * The requests of an endpoint: calling, serving, answering.
 *
 *   bus_call ─ DEALER ─► hub ROUTER ─► DEALER ─ fn(req) ... bus_reply(req)
 *       fn ◄────────────── hub ◄───────────────────────────────┘
 *
 * Parameters travel as JSON text, a result as the tree itself: as the data of a message that
 * frees it, wherever that message ends.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/bus/bus_internal.h"

#define LEAVE_MS                                                                         \
	500 /* how long a closing endpoint waits for the hub, which is idle mostly */

struct bus_service {
	struct bus_service *next;
	char name[BUS_NAME_MAX];
	void (*fn)(void *arg, struct bus_request *req, const json_t *params);
	void *arg;
};

struct bus_request {
	struct bus_endpoint *endpoint; /* NULL: gone meanwhile */
	uint64_t id;
	struct bus_request *next, **prev;
};

/* A call of ours that waits for its answer. */
struct bus_pending {
	struct bus_pending *next, **prev;
	struct bus_endpoint *endpoint;
	uint64_t id;
	bus_answer fn;
	void *arg;
	struct timer timer;
};

static void tree_drop(void *data, void *hint)
{
	struct tree *t = data;

	(void)hint;
	bus_mark_acquire(BUS_MARK_REQUEST);
	tree_destroy(&t);
}

/* Two parts. Takes payload (NULL: none). */
static int dealer_send(
	struct bus_endpoint *e, const struct bus_frame *f, zmq_msg_t *payload)
{
	zmq_msg_t head, none;
	int err = -ENOMEM;

	if (payload == NULL) {
		zmq_msg_init(&none);
		payload = &none;
	}
	if (zmq_msg_init_size(&head, sizeof(*f)) == 0) {
		memcpy(zmq_msg_data(&head), f, sizeof(*f));
		err = bus_zmq_send(e->dealer, &head, ZMQ_SNDMORE, BUS_MARK_REQUEST);
		if (err != 0)
			zmq_msg_close(&head);
	}
	if (err == 0)
		err = bus_zmq_send(e->dealer, payload, 0, BUS_MARK_REQUEST);
	if (err != 0)
		zmq_msg_close(payload);
	/* Sending may have taken the edge that told of an answer. */
	e->look = true;
	return err;
}

static int frame_name(struct bus_frame *f, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= sizeof(f->name))
		return -EINVAL;
	memcpy(f->name, name, len + 1);
	return 0;
}

static struct bus_service *service_find(struct bus_endpoint *e, const char *name)
{
	struct bus_service *s = e->services;

	while (s != NULL && strcmp(s->name, name) != 0)
		s = s->next;
	return s;
}

int bus_serve(struct bus_endpoint *e, const char *name,
	void (*fn)(void *arg, struct bus_request *req, const json_t *params), void *arg)
{
	struct bus_frame f = {.kind = BUS_FRAME_SERVE};
	struct bus_service *s;
	int err = frame_name(&f, name);

	if (err != 0)
		return err;
	if (service_find(e, name) != NULL)
		return -EEXIST;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	memcpy(s->name, f.name, sizeof(s->name));
	s->fn = fn;
	s->arg = arg;
	err = dealer_send(e, &f, NULL);
	if (err != 0) {
		free(s);
		return err;
	}
	s->next = e->services;
	e->services = s;
	e->unserved++;
	return 0;
}

static void request_free(struct bus_request *r)
{
	if (r->endpoint != NULL) {
		*r->prev = r->next;
		if (r->next != NULL)
			r->next->prev = r->prev;
	}
	free(r);
}

/* Takes payload. */
static void answer_send(struct bus_request *r, struct bus_frame *f, zmq_msg_t *payload)
{
	int err;

	f->kind = BUS_FRAME_ANSWER;
	f->id = r->id;
	err = dealer_send(r->endpoint, f, payload);
	if (err != 0)
		LOG(r->endpoint->bus->log, LOG_L_WARN, "%s: an answer was lost: %s",
			r->endpoint->name, strerror(-err));
}

void bus_reply(struct bus_request *req, struct tree *result)
{
	struct bus_frame f = {.code = 200, .reason = "OK"};
	zmq_msg_t payload;

	if (req->endpoint == NULL) {
		tree_destroy(&result);
		request_free(req);
		return;
	}
	if (tree_error(result) != 0) {
		tree_destroy(&result);
		bus_fail(req, 500, "out of memory");
		return;
	}
	if (zmq_msg_init_data(&payload, result, 1, tree_drop, NULL) != 0) {
		tree_destroy(&result);
		bus_fail(req, 500, "out of memory");
		return;
	}
	answer_send(req, &f, &payload);
	request_free(req);
}

void bus_fail(struct bus_request *req, int code, const char *fmt, ...)
{
	/* 200 would announce a tree. */
	struct bus_frame f = {.code = code >= 300 && code <= 699 ? (uint32_t)code : 500};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f.reason, sizeof(f.reason), fmt, ap);
	va_end(ap);
	if (req->endpoint != NULL)
		answer_send(req, &f, NULL);
	request_free(req);
}

static void pending_end(
	struct bus_pending *p, int code, const char *reason, const struct tree *result)
{
	*p->prev = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	timer_stop(&p->timer);
	/* Last: fn may call again. */
	p->fn(p->arg, code, reason, result);
	free(p);
}

static void on_deadline(void *arg)
{
	struct bus_pending *p = arg;

	bus_count(p->endpoint, BUS_C_REQUEST_TIMEOUTS, 1);
	pending_end(p, 408, "nobody answered in time", NULL);
}

static void pending_add(
	struct bus_endpoint *e, struct bus_pending *p, unsigned deadline_ms)
{
	struct bus_pending **bucket = &e->pending[p->id % BUS_PENDING_BUCKETS];

	p->endpoint = e;
	p->next = *bucket;
	p->prev = bucket;
	if (p->next != NULL)
		p->next->prev = &p->next;
	*bucket = p;
	timer_init(&p->timer, on_deadline, p);
	timer_start(e->loop, &p->timer, deadline_ms);
}

static int params_make(zmq_msg_t *msg, const json_t *params)
{
	char *text;
	size_t len;

	if (params == NULL)
		return zmq_msg_init(msg) == 0 ? 0 : -ENOMEM;
	text = json_dumps(params, JSON_COMPACT | JSON_ENCODE_ANY);
	if (text == NULL)
		return -ENOMEM;
	len = strlen(text);
	if (zmq_msg_init_size(msg, len) != 0) {
		free(text);
		return -ENOMEM;
	}
	memcpy(zmq_msg_data(msg), text, len);
	free(text);
	return 0;
}

int bus_call(struct bus_endpoint *e, const char *name, const json_t *params,
	unsigned deadline_ms, bus_answer fn, void *arg)
{
	struct bus_frame f = {.kind = BUS_FRAME_CALL, .deadline_ms = deadline_ms};
	struct bus_pending *p;
	zmq_msg_t payload;
	int err = e->leaving ? -ESHUTDOWN : frame_name(&f, name);

	if (err != 0)
		return err;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->id = f.id = ++e->next_id;
	p->fn = fn;
	p->arg = arg;
	err = params_make(&payload, params);
	if (err == 0)
		err = dealer_send(e, &f, &payload);
	if (err != 0) {
		free(p);
		return err;
	}
	pending_add(e, p, deadline_ms);
	bus_count(e, BUS_C_REQUESTS, 1);
	return 0;
}

static void on_served(struct bus_endpoint *e, const struct bus_frame *f)
{
	if (e->unserved > 0)
		e->unserved--;
	if (f->code != 0)
		LOG(e->bus->log, LOG_L_ERR, "%s: %s is served by another already",
			e->name, f->name);
}

static void on_call(struct bus_endpoint *e, const struct bus_frame *f, zmq_msg_t *payload)
{
	struct bus_service *s = service_find(e, f->name);
	struct bus_request *r = calloc(1, sizeof(*r));
	json_t *params = NULL;

	if (r == NULL)
		return; /* the caller's deadline speaks */
	r->endpoint = e;
	r->id = f->id;
	r->next = e->requests;
	r->prev = &e->requests;
	if (r->next != NULL)
		r->next->prev = &r->next;
	e->requests = r;
	if (zmq_msg_size(payload) > 0)
		params = json_loadb(zmq_msg_data(payload), zmq_msg_size(payload),
			JSON_DECODE_ANY, NULL);
	if (s == NULL)
		bus_fail(r, 404, BUS_NO_SUCH_COMMAND "%s" BUS_NO_SUCH_HINT, f->name);
	else
		s->fn(s->arg, r, params);
	json_decref(params);
}

static void on_answer(
	struct bus_endpoint *e, const struct bus_frame *f, zmq_msg_t *payload)
{
	struct bus_pending *p = e->pending[f->id % BUS_PENDING_BUCKETS];

	while (p != NULL && p->id != f->id)
		p = p->next;
	if (p == NULL)
		return; /* after its deadline */
	if (f->code == 200)
		pending_end(p, 0, f->reason, zmq_msg_data(payload));
	else
		pending_end(p, (int)f->code, f->reason, NULL);
}

static void frame_in(
	struct bus_endpoint *e, const struct bus_frame *f, zmq_msg_t *payload)
{
	switch ((enum bus_frame_kind)f->kind) {
	case BUS_FRAME_SERVED:
		on_served(e, f);
		break;
	case BUS_FRAME_CALL:
		/* One that comes while we leave: the hub answers for us. */
		if (!e->leaving)
			on_call(e, f, payload);
		break;
	case BUS_FRAME_ANSWER:
		on_answer(e, f, payload);
		break;
	case BUS_FRAME_LEFT:
		e->left = true;
		break;
	case BUS_FRAME_SERVE:
	case BUS_FRAME_LEAVE:
		break; /* only endpoints say these */
	}
}

/* One message; false when there is none. */
static bool dealer_turn(struct bus_endpoint *e)
{
	zmq_msg_t head, payload;
	struct bus_frame f;
	bool got;

	zmq_msg_init(&head);
	zmq_msg_init(&payload);
	got = bus_zmq_recv(e->dealer, &head, BUS_MARK_REQUEST) == 0;
	if (got && zmq_msg_more(&head) &&
		bus_zmq_recv(e->dealer, &payload, BUS_MARK_REQUEST) == 0 &&
		zmq_msg_size(&head) == sizeof(f)) {
		memcpy(&f, zmq_msg_data(&head), sizeof(f));
		frame_in(e, &f, &payload);
	}
	zmq_msg_close(&head);
	zmq_msg_close(&payload);
	return got;
}

bool bus_requests_drain(struct bus_endpoint *e)
{
	for (unsigned n = 0; n < BUS_TURN; n++) {
		if (!dealer_turn(e))
			return false;
	}
	return true;
}

int bus_requests_open(struct bus_endpoint *e)
{
	e->dealer = bus_zmq_socket(e->bus->context, ZMQ_DEALER, BUS_HWM);
	if (e->dealer == NULL || zmq_connect(e->dealer, BUS_ROUTER) != 0)
		return -errno;
	return 0;
}

/* The hub forgets us and ends what waits for us. Waits: the thread is ending anyway. */
static void leave(struct bus_endpoint *e)
{
	const struct bus_frame f = {.kind = BUS_FRAME_LEAVE};
	const uint64_t until = clock_us() + LEAVE_MS * 1000;
	zmq_pollitem_t item = {.socket = e->dealer, .events = ZMQ_POLLOUT};
	bool said = false;

	while (!e->left && clock_us() < until) {
		if (zmq_poll(&item, 1, LEAVE_MS) <= 0)
			continue;
		if (!said && dealer_send(e, &f, NULL) == 0)
			said = true;
		item.events = said ? ZMQ_POLLIN : ZMQ_POLLOUT;
		while (dealer_turn(e))
			;
	}
}

void bus_requests_close(struct bus_endpoint *e)
{
	/* Handlers run no more: what still comes in is answered by the hub. */
	e->leaving = true;
	while (e->services != NULL) {
		struct bus_service *s = e->services;

		e->services = s->next;
		free(s);
	}
	for (unsigned i = 0; i < BUS_PENDING_BUCKETS; i++) {
		while (e->pending[i] != NULL)
			pending_end(e->pending[i], 503, "shutting down", NULL);
	}
	while (e->requests != NULL) {
		struct bus_request *r = e->requests;

		e->requests = r->next;
		r->endpoint = NULL;
	}
	if (e->dealer == NULL)
		return;
	leave(e);
	zmq_close(e->dealer);
}
