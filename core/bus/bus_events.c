/*
 * The events of an endpoint: publishing, subscriptions, and the numbers that show what was lost.
 *
 *   bus_publish ─ PUB ─► XSUB hub XPUB ─► SUB ─ bus_events_drain ─ on_gap, fn
 *
 * The hub takes every event and the XPUB passes on what is subscribed, dropping where a subscriber is full. What a turn
 * publishes of one topic leaves as one frame at its end, or within some milliseconds when it can wait: a burst of REGISTERs
 * wakes the hub once, not each time.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "core/bus/bus_internal.h"

#define HELLO_MS   10  /* a hello that has not come back is said again */
#define BATCH_MS   10  /* that events which can wait are gathered */
#define MARK_MS    200 /* then 800, 3200 */
#define MARK_TIMES 3
#define HEAD_SIZE  offsetof(struct bus_event, contact)

struct bus_sub {
	struct bus_sub *next;
	enum bus_topic topic;
	void (*fn)(void *arg, const struct bus_event *ev);
	void (*on_gap)(void *arg, enum bus_topic topic, uint64_t lost);
	void *arg;
	bool gone; /* unsubscribed while events are being handed out */
};

/* What the hub sends back to this endpoint alone: topic and publisher are the filter. */
struct hello {
	uint32_t topic;
	uint32_t publisher;
	uint64_t wanted;
};

static int64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int pub_send(struct bus_endpoint *e, const void *data, size_t len)
{
	zmq_msg_t msg;
	int err;

	if (zmq_msg_init_size(&msg, len) != 0)
		return -ENOMEM;
	memcpy(zmq_msg_data(&msg), data, len);
	err = bus_zmq_send(e->pub, &msg, 0, BUS_MARK_EVENT_IN);
	if (err != 0)
		zmq_msg_close(&msg);
	return err;
}

static void hello_say(void *arg)
{
	struct bus_endpoint *e = arg;
	const struct hello h = {BUS_HELLO, e->number, e->hello_wanted};

	if (e->hello_seen == e->hello_wanted)
		return;
	/* Lost ones do not matter: the timer says it again. */
	(void)pub_send(e, &h, sizeof(h));
	timer_start(e->loop, &e->hello_timer, HELLO_MS);
}

static void batch_send(void *arg)
{
	struct bus_endpoint *e = arg;

	if (e->batch_len == 0)
		return;
	/* The numbers of those that did not go are used up: subscribers see the gap. */
	if (pub_send(e, e->batch, e->batch_len) == 0)
		bus_count(e, BUS_C_PUBLISHED, e->batch_count);
	e->batch_len = e->batch_count = 0;
}

/* Subscriptions reach the hub in order: when this hello is back, all before it are in force. */
static void hello_ask(struct bus_endpoint *e)
{
	e->hello_wanted++;
	hello_say(e);
}

static void hello_back(struct bus_endpoint *e, const struct hello *h)
{
	if (h->wanted != e->hello_wanted || e->hello_seen == e->hello_wanted)
		return;
	e->hello_seen = e->hello_wanted;
	timer_stop(&e->hello_timer);
	for (unsigned t = 0; t < BUS_TOPICS; t++) {
		if (e->track[t].users > 0 && !e->track[t].in_force) {
			e->track[t].in_force = true;
			e->track[t].horizon = atomic_load(&e->bus->publishers);
		}
	}
}

/*
 * Nobody sees that the last event of a series was lost until the next one comes. So some
 * time after the last, its number is told again, without content.
 */
static void marks_say(void *arg)
{
	struct bus_endpoint *e = arg;
	bool more = false;

	batch_send(e);
	for (unsigned t = 1; t < BUS_TOPICS; t++) {
		const struct bus_event mark = {.topic = t,
			.publisher = e->number,
			.seq = e->seq[t],
			.at_us = wall_us()};

		if (e->marks_left[t] == 0)
			continue;
		e->marks_left[t]--;
		(void)pub_send(e, &mark, HEAD_SIZE);
		more = more || e->marks_left[t] > 0;
	}
	e->mark_round++;
	if (more)
		timer_start(e->loop, &e->mark_timer, MARK_MS << 2 * e->mark_round);
}

static void mark_later(struct bus_endpoint *e, uint32_t topic)
{
	e->marks_left[topic] = MARK_TIMES;
	if (e->mark_round > 0 || !timer_pending(&e->mark_timer)) {
		e->mark_round = 0;
		timer_start(e->loop, &e->mark_timer, MARK_MS);
	}
}

void bus_publish(struct bus_endpoint *e, struct bus_event *ev)
{
	uint32_t size;

	assert(bus_topic_name((enum bus_topic)ev->topic) != NULL);
	ev->publisher = e->number;
	ev->seq = ++e->seq[ev->topic];
	ev->at_us = wall_us();
	/* In the order in which they were published. */
	if (ev->topic != e->batch_topic || BUS_PACKED_MAX > BUS_BATCH - e->batch_len)
		batch_send(e);
	e->batch_topic = ev->topic;
	size = bus_event_pack(e->batch + e->batch_len, ev);
	e->batch_len += size;
	e->batch_count++;
	if (!bus_event_can_wait((enum bus_topic)ev->topic))
		loop_at_end(e->loop, &e->batch_task);
	else if (!timer_pending(&e->batch_timer))
		timer_start(e->loop, &e->batch_timer, BATCH_MS);
	mark_later(e, ev->topic);
}

int bus_subscribe(struct bus_endpoint *e, enum bus_topic topic,
	void (*fn)(void *arg, const struct bus_event *ev),
	void (*on_gap)(void *arg, enum bus_topic topic, uint64_t lost), void *arg)
{
	const uint32_t filter = topic;
	struct bus_sub *s, **end = &e->subs;

	if (bus_topic_name(topic) == NULL || fn == NULL)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	*s = (struct bus_sub){.topic = topic, .fn = fn, .on_gap = on_gap, .arg = arg};
	if (e->track[topic].users++ == 0) {
		zmq_setsockopt(e->sub, ZMQ_SUBSCRIBE, &filter, sizeof(filter));
		e->look = true;
		hello_ask(e);
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = s;
	return 0;
}

static void track_forget(struct bus_endpoint *e, enum bus_topic topic)
{
	const uint32_t filter = topic;

	zmq_setsockopt(e->sub, ZMQ_UNSUBSCRIBE, &filter, sizeof(filter));
	e->look = true;
	free(e->track[topic].last);
	e->track[topic] = (struct bus_track){0};
}

static void subs_sweep(struct bus_endpoint *e)
{
	for (struct bus_sub **at = &e->subs; *at != NULL;) {
		struct bus_sub *s = *at;

		if (s->gone) {
			*at = s->next;
			free(s);
		} else {
			at = &s->next;
		}
	}
}

void bus_unsubscribe(struct bus_endpoint *e, void *arg)
{
	for (struct bus_sub *s = e->subs; s != NULL; s = s->next) {
		if (s->gone || s->arg != arg)
			continue;
		s->gone = true;
		if (--e->track[s->topic].users == 0)
			track_forget(e, s->topic);
	}
	if (e->dispatching == 0)
		subs_sweep(e);
}

/* The place of a publisher's last number; NULL without memory (then gaps go unseen). */
static uint64_t *track_last(struct bus_track *t, uint32_t publisher)
{
	uint32_t size = publisher + 16;
	uint64_t *last;

	if (publisher < t->size)
		return &t->last[publisher];
	last = realloc(t->last, size * sizeof(*last));
	if (last == NULL)
		return NULL;
	memset(last + t->size, 0, (size - t->size) * sizeof(*last));
	t->last = last;
	t->size = size;
	return &t->last[publisher];
}

/* How many events are missing before seq, when next is the first number that we have not seen. */
static uint64_t gap_before(
	struct bus_endpoint *e, const struct bus_event *ev, uint64_t next)
{
	struct bus_track *t = &e->track[ev->topic];
	uint64_t *last = track_last(t, ev->publisher);
	uint64_t lost = 0;

	if (last == NULL)
		return 0;
	/*
	 * Of a publisher seen for the first time: 0 when it may have begun before we
	 * listened, all before this one when it cannot.
	 */
	if (*last != 0 || (t->in_force && ev->publisher >= t->horizon))
		lost = next > *last + 1 ? next - *last - 1 : 0;
	if (ev->seq > *last)
		*last = ev->seq;
	return lost;
}

static void hand_out(
	struct bus_endpoint *e, const struct bus_event *ev, bool mark, uint64_t lost)
{
	e->dispatching++;
	if (lost > 0) {
		bus_count(e, BUS_C_GAPS, 1);
		bus_count(e, BUS_C_LOST, (int64_t)lost);
	}
	for (struct bus_sub *s = e->subs; s != NULL; s = s->next) {
		if (s->topic != ev->topic)
			continue;
		if (lost > 0 && !s->gone && s->on_gap != NULL)
			s->on_gap(s->arg, s->topic, lost);
		if (!mark && !s->gone)
			s->fn(s->arg, ev);
	}
	if (--e->dispatching == 0)
		subs_sweep(e);
}

static void event_in(struct bus_endpoint *e, const struct bus_event *ev, bool mark)
{
	/* Of a topic that was given up a few may still be on their way. */
	if (e->track[ev->topic].users == 0)
		return;
	if (!mark)
		bus_count(e, BUS_C_RECEIVED, 1);
	hand_out(e, ev, mark, gap_before(e, ev, mark ? ev->seq + 1 : ev->seq));
}

/* A mark, or as many events of one topic as there are. */
static void frame_in(struct bus_endpoint *e, const char *data, size_t len)
{
	struct bus_event ev;
	uint32_t size;

	if (len == HEAD_SIZE) {
		memcpy(&ev, data, len);
		if (bus_topic_name((enum bus_topic)ev.topic) != NULL)
			event_in(e, &ev, true);
		return;
	}
	while ((size = bus_event_unpack(&ev, data, len)) > 0) {
		event_in(e, &ev, false);
		data += size;
		len -= size;
	}
}

bool bus_events_drain(struct bus_endpoint *e)
{
	zmq_msg_t msg;

	for (unsigned n = 0; n < BUS_TURN; n++) {
		struct hello h;

		zmq_msg_init(&msg);
		if (bus_zmq_recv(e->sub, &msg, BUS_MARK_EVENT_OUT) != 0) {
			zmq_msg_close(&msg);
			return false;
		}
		if (zmq_msg_size(&msg) == sizeof(h)) {
			memcpy(&h, zmq_msg_data(&msg), sizeof(h));
			hello_back(e, &h);
		} else {
			frame_in(e, zmq_msg_data(&msg), zmq_msg_size(&msg));
		}
		zmq_msg_close(&msg);
	}
	return true;
}

int bus_events_open(struct bus_endpoint *e)
{
	const uint32_t filter[2] = {BUS_HELLO, e->number};
	int err;

	timer_init(&e->hello_timer, hello_say, e);
	timer_init(&e->mark_timer, marks_say, e);
	timer_init(&e->batch_timer, batch_send, e);
	e->batch_task = (struct loop_task){.fn = batch_send, .arg = e};
	e->batch = malloc(BUS_BATCH);
	if (e->batch == NULL)
		return -ENOMEM;
	e->pub = bus_zmq_socket(e->bus->context, ZMQ_PUB, BUS_HWM);
	e->sub = bus_zmq_socket(e->bus->context, ZMQ_SUB, BUS_HWM);
	if (e->pub == NULL || e->sub == NULL)
		return -errno;
	/* A full pipe to the hub is told (EAGAIN) instead of silent. */
	err = bus_zmq_set(e->pub, ZMQ_XPUB_NODROP, 1);
	if (err != 0)
		return err;
	if (zmq_setsockopt(e->sub, ZMQ_SUBSCRIBE, filter, sizeof(filter)) != 0 ||
		zmq_connect(e->pub, BUS_XSUB) != 0 || zmq_connect(e->sub, BUS_XPUB) != 0)
		return -errno;
	hello_ask(e);
	return 0;
}

void bus_events_close(struct bus_endpoint *e)
{
	if (e->pub != NULL) {
		batch_send(e);
		timer_stop(&e->batch_timer);
		timer_stop(&e->hello_timer);
		timer_stop(&e->mark_timer);
		zmq_close(e->pub);
	}
	loop_not_at_end(e->loop, &e->batch_task);
	free(e->batch);
	if (e->sub != NULL)
		zmq_close(e->sub);
	for (struct bus_sub *s = e->subs; s != NULL; s = s->next)
		s->gone = true;
	subs_sweep(e);
	for (unsigned t = 0; t < BUS_TOPICS; t++)
		free(e->track[t].last);
}
