/*
 * The hub: one thread between all endpoints.
 *
 *   PUB ─► XSUB ─► XPUB ─► SUB          events, in order of each publisher
 *   DEALER ◄─► ROUTER                   requests: names, and who waits for whom
 *   PAIR                                bus_destroy(): stop
 *
 * It never waits for a peer: the XPUB drops where a subscriber is full, the ROUTER refuses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/loop.h"
#include "core/bus/bus_internal.h"

#define HUB_SHARE       256 /* messages of one kind before the others are looked at */
#define HUB_BUCKETS     256
#define HUB_MAX_PENDING 16384
#define HUB_SWEEP_MS    1000
#define HUB_ID_MAX      16

/* An endpoint, as the router names it. */
struct peer {
	size_t len;
	char id[HUB_ID_MAX];
};

struct hub_name {
	struct hub_name *next;
	struct peer server;
	char name[BUS_NAME_MAX];
};

/* A call between its caller and its server. */
struct hub_call {
	struct hub_call *next;
	uint64_t id;
	struct peer caller, server;
	uint64_t caller_id;
	uint64_t until_ms;
};

struct bus_hub {
	void *xsub, *xpub, *router, *control;
	struct hub_name *names;
	struct hub_call *calls[HUB_BUCKETS];
	unsigned call_count;
	uint64_t next_id;
	uint64_t sweep_ms;
};

static bool peer_eq(const struct peer *a, const struct peer *b)
{
	return a->len == b->len && memcmp(a->id, b->id, a->len) == 0;
}

static uint64_t now_ms(void)
{
	return clock_us() / 1000;
}

/* Takes payload (NULL: none). 0, -EHOSTUNREACH, -EAGAIN. */
static int route(struct bus_hub *h, const struct peer *to, const struct bus_frame *f,
	zmq_msg_t *payload)
{
	zmq_msg_t id, head, none;
	int err;

	if (payload == NULL) {
		zmq_msg_init(&none);
		payload = &none;
	}
	if (zmq_msg_init_size(&id, to->len) != 0) {
		zmq_msg_close(payload);
		return -ENOMEM;
	}
	memcpy(zmq_msg_data(&id), to->id, to->len);
	err = bus_zmq_send(h->router, &id, ZMQ_SNDMORE, BUS_MARK_REQUEST);
	if (err != 0) {
		zmq_msg_close(&id);
		zmq_msg_close(payload);
		return err;
	}
	/* From here on the router has chosen a pipe with room: the parts go together. */
	if (zmq_msg_init_size(&head, sizeof(*f)) != 0)
		zmq_msg_init(&head); /* too short: the other end drops it */
	else
		memcpy(zmq_msg_data(&head), f, sizeof(*f));
	if (bus_zmq_send(h->router, &head, ZMQ_SNDMORE, BUS_MARK_REQUEST) != 0)
		zmq_msg_close(&head);
	if (bus_zmq_send(h->router, payload, 0, BUS_MARK_REQUEST) != 0)
		zmq_msg_close(payload);
	return 0;
}

static void answer_error(struct bus_hub *h, const struct peer *caller, uint64_t id,
	unsigned code, const char *reason)
{
	struct bus_frame f = {.kind = BUS_FRAME_ANSWER, .code = code, .id = id};

	snprintf(f.reason, sizeof(f.reason), "%s", reason);
	/* A caller that is gone or full: its own deadline speaks. */
	(void)route(h, caller, &f, NULL);
}

static void answer_unknown(
	struct bus_hub *h, const struct peer *caller, const struct bus_frame *call)
{
	char reason[BUS_REASON_MAX];

	snprintf(reason, sizeof(reason), BUS_NO_SUCH_COMMAND "%.*s" BUS_NO_SUCH_HINT,
		BUS_NAME_MAX - 1, call->name);
	answer_error(h, caller, call->id, 404, reason);
}

static struct hub_name *name_find(struct bus_hub *h, const char *name)
{
	struct hub_name *n = h->names;

	while (n != NULL && strcmp(n->name, name) != 0)
		n = n->next;
	return n;
}

static void on_serve(
	struct bus_hub *h, const struct peer *from, const struct bus_frame *f)
{
	struct bus_frame back = {.kind = BUS_FRAME_SERVED};
	struct hub_name *n = name_find(h, f->name);

	memcpy(back.name, f->name, sizeof(back.name));
	if (n != NULL && !peer_eq(&n->server, from)) {
		back.code = 409;
	} else if (n == NULL) {
		n = calloc(1, sizeof(*n));
		back.code = n != NULL ? 0 : 500;
	}
	if (n != NULL && back.code == 0 && n->name[0] == '\0') {
		memcpy(n->name, f->name, sizeof(n->name));
		n->server = *from;
		n->next = h->names;
		h->names = n;
	}
	(void)route(h, from, &back, NULL);
}

static struct hub_call **call_place(struct bus_hub *h, uint64_t id)
{
	struct hub_call **at = &h->calls[id % HUB_BUCKETS];

	while (*at != NULL && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void call_remove(struct bus_hub *h, struct hub_call **at)
{
	struct hub_call *c = *at;

	if (c == NULL)
		return;
	*at = c->next;
	free(c);
	h->call_count--;
}

static struct hub_call *call_add(struct bus_hub *h, const struct peer *caller,
	const struct peer *server, const struct bus_frame *f)
{
	struct hub_call *c =
		h->call_count < HUB_MAX_PENDING ? calloc(1, sizeof(*c)) : NULL;
	struct hub_call **bucket;

	if (c == NULL)
		return NULL;
	c->id = ++h->next_id;
	c->caller = *caller;
	c->server = *server;
	c->caller_id = f->id;
	c->until_ms = now_ms() + f->deadline_ms;
	bucket = &h->calls[c->id % HUB_BUCKETS];
	c->next = *bucket;
	*bucket = c;
	h->call_count++;
	return c;
}

/* Takes payload. */
static void on_call(struct bus_hub *h, const struct peer *from, const struct bus_frame *f,
	zmq_msg_t *payload)
{
	struct bus_frame on = *f;
	struct hub_name *n = name_find(h, f->name);
	struct hub_call *c = n != NULL ? call_add(h, from, &n->server, f) : NULL;
	int err;

	if (c == NULL) {
		zmq_msg_close(payload);
		if (n == NULL)
			answer_unknown(h, from, f);
		else
			answer_error(h, from, f->id, 503, "too many requests wait");
		return;
	}
	on.id = c->id;
	err = route(h, &c->server, &on, payload);
	if (err != 0) {
		answer_error(h, from, f->id, 503,
			err == -EAGAIN ? "the service is busy" : "the service is gone");
		call_remove(h, call_place(h, on.id));
	}
}

/* Takes payload. */
static void on_answer(struct bus_hub *h, const struct peer *from,
	const struct bus_frame *f, zmq_msg_t *payload)
{
	struct hub_call **at = call_place(h, f->id);
	struct bus_frame on = *f;

	if (*at == NULL || !peer_eq(&(*at)->server, from)) {
		/* Too late. A tree in it is freed with the message. */
		zmq_msg_close(payload);
		return;
	}
	on.id = (*at)->caller_id;
	(void)route(h, &(*at)->caller, &on, payload);
	call_remove(h, at);
}

static void names_forget(struct bus_hub *h, const struct peer *who)
{
	for (struct hub_name **at = &h->names; *at != NULL;) {
		struct hub_name *n = *at;

		if (peer_eq(&n->server, who)) {
			*at = n->next;
			free(n);
		} else {
			at = &n->next;
		}
	}
}

static void on_leave(struct bus_hub *h, const struct peer *who)
{
	const struct bus_frame left = {.kind = BUS_FRAME_LEFT};

	names_forget(h, who);
	for (unsigned i = 0; i < HUB_BUCKETS; i++) {
		for (struct hub_call **at = &h->calls[i]; *at != NULL;) {
			struct hub_call *c = *at;
			bool caller = peer_eq(&c->caller, who);

			if (!caller && peer_eq(&c->server, who))
				answer_error(h, &c->caller, c->caller_id, 503,
					"the service went away");
			else if (!caller) {
				at = &c->next;
				continue;
			}
			call_remove(h, at);
		}
	}
	(void)route(h, who, &left, NULL);
}

static void frame_in(struct bus_hub *h, const struct peer *from,
	const struct bus_frame *f, zmq_msg_t *payload)
{
	switch ((enum bus_frame_kind)f->kind) {
	case BUS_FRAME_CALL:
		on_call(h, from, f, payload);
		return;
	case BUS_FRAME_ANSWER:
		on_answer(h, from, f, payload);
		return;
	case BUS_FRAME_SERVE:
		on_serve(h, from, f);
		break;
	case BUS_FRAME_LEAVE:
		on_leave(h, from);
		break;
	case BUS_FRAME_SERVED:
	case BUS_FRAME_LEFT:
		break; /* only the hub says these */
	}
	zmq_msg_close(payload);
}

/* One message of three parts; false when there is none. */
static bool router_turn(struct bus_hub *h)
{
	zmq_msg_t parts[3];
	struct peer from = {0};
	struct bus_frame f;
	unsigned n = 0;
	int more = 1;

	for (unsigned i = 0; i < 3; i++)
		zmq_msg_init(&parts[i]);
	while (n < 3 && more && bus_zmq_recv(h->router, &parts[n], BUS_MARK_REQUEST) == 0)
		more = zmq_msg_more(&parts[n++]);
	if (n == 3 && zmq_msg_size(&parts[0]) <= HUB_ID_MAX &&
		zmq_msg_size(&parts[1]) == sizeof(f)) {
		from.len = zmq_msg_size(&parts[0]);
		memcpy(from.id, zmq_msg_data(&parts[0]), from.len);
		memcpy(&f, zmq_msg_data(&parts[1]), sizeof(f));
		f.name[BUS_NAME_MAX - 1] = '\0';
		f.reason[BUS_REASON_MAX - 1] = '\0';
		frame_in(h, &from, &f, &parts[2]);
	} else {
		zmq_msg_close(&parts[2]);
	}
	zmq_msg_close(&parts[0]);
	zmq_msg_close(&parts[1]);
	return n > 0;
}

static bool event_turn(struct bus_hub *h)
{
	zmq_msg_t msg;

	zmq_msg_init(&msg);
	if (bus_zmq_recv(h->xsub, &msg, BUS_MARK_EVENT_IN) != 0) {
		zmq_msg_close(&msg);
		return false;
	}
	/* Where a subscriber is full it is dropped there, silently: its number will be missing. */
	if (bus_zmq_send(h->xpub, &msg, 0, BUS_MARK_EVENT_OUT) != 0)
		zmq_msg_close(&msg);
	return true;
}

/* Subscriptions come up through the XPUB, which has taken note of them already. */
static bool subscription_turn(struct bus_hub *h)
{
	zmq_msg_t msg;
	int err;

	zmq_msg_init(&msg);
	err = bus_zmq_recv(h->xpub, &msg, BUS_MARK_EVENT_OUT);
	zmq_msg_close(&msg);
	return err == 0;
}

/* Calls whose callers have long given up. */
static void sweep(struct bus_hub *h)
{
	uint64_t now = now_ms();

	if (h->call_count == 0 || now < h->sweep_ms)
		return;
	h->sweep_ms = now + HUB_SWEEP_MS;
	for (unsigned i = 0; i < HUB_BUCKETS; i++) {
		for (struct hub_call **at = &h->calls[i]; *at != NULL;) {
			if ((*at)->until_ms + HUB_SWEEP_MS < now)
				call_remove(h, at);
			else
				at = &(*at)->next;
		}
	}
}

void *bus_hub_run(void *arg)
{
	struct bus_hub *h = arg;
	zmq_pollitem_t items[] = {
		{.socket = h->control, .events = ZMQ_POLLIN},
		{.socket = h->xpub, .events = ZMQ_POLLIN},
		{.socket = h->xsub, .events = ZMQ_POLLIN},
		{.socket = h->router, .events = ZMQ_POLLIN},
	};

	for (;;) {
		/* Interrupted by a signal (a debugger's): just another round. */
		(void)zmq_poll(items, 4, h->call_count > 0 ? HUB_SWEEP_MS : -1);
		if (items[0].revents != 0)
			break;
		for (unsigned n = 0; n < HUB_SHARE && subscription_turn(h); n++)
			;
		for (unsigned n = 0; n < HUB_SHARE && event_turn(h); n++)
			;
		for (unsigned n = 0; n < HUB_SHARE && router_turn(h); n++)
			;
		sweep(h);
	}
	bus_hub_destroy(&h);
	return NULL;
}

static int hub_bind(struct bus_hub *h, void *context)
{
	/* Everything comes here: so a publisher's first event meets a subscription. */
	const char all = 1;
	zmq_msg_t msg;
	int err;

	h->xsub = bus_zmq_socket(context, ZMQ_XSUB, BUS_HWM);
	h->xpub = bus_zmq_socket(context, ZMQ_XPUB, BUS_HWM);
	h->router = bus_zmq_socket(context, ZMQ_ROUTER, BUS_HWM);
	h->control = bus_zmq_socket(context, ZMQ_PAIR, 4);
	if (h->xsub == NULL || h->xpub == NULL || h->router == NULL || h->control == NULL)
		return -errno;
	err = bus_zmq_set(h->router, ZMQ_ROUTER_MANDATORY, 1);
	if (err != 0)
		return err;
	if (zmq_bind(h->xsub, BUS_XSUB) != 0 || zmq_bind(h->xpub, BUS_XPUB) != 0 ||
		zmq_bind(h->router, BUS_ROUTER) != 0 ||
		zmq_bind(h->control, "inproc://bus.control") != 0)
		return -errno;
	if (zmq_msg_init_size(&msg, 1) != 0)
		return -ENOMEM;
	memcpy(zmq_msg_data(&msg), &all, 1);
	err = bus_zmq_send(h->xsub, &msg, 0, BUS_MARK_EVENT_IN);
	if (err != 0)
		zmq_msg_close(&msg);
	return err;
}

int bus_hub_new(struct bus_hub **out, struct bus *bus)
{
	struct bus_hub *h = calloc(1, sizeof(*h));
	int err;

	if (h == NULL)
		return -ENOMEM;
	err = hub_bind(h, bus->context);
	if (err != 0)
		bus_hub_destroy(&h);
	else
		*out = h;
	return err;
}

void bus_hub_destroy(struct bus_hub **hp)
{
	struct bus_hub *h = *hp;
	void *sockets[4];

	*hp = NULL;
	if (h == NULL)
		return;
	sockets[0] = h->xsub;
	sockets[1] = h->xpub;
	sockets[2] = h->router;
	sockets[3] = h->control;
	for (unsigned i = 0; i < 4; i++) {
		if (sockets[i] != NULL)
			zmq_close(sockets[i]);
	}
	while (h->names != NULL) {
		struct hub_name *n = h->names;

		h->names = n->next;
		free(n);
	}
	for (unsigned i = 0; i < HUB_BUCKETS; i++) {
		while (h->calls[i] != NULL)
			call_remove(h, &h->calls[i]);
	}
	free(h);
}
