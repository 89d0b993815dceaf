#include "core/bus/inbox.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/hash.h"
#include "core/bus/bus_internal.h"

const struct counter_desc inbox_counters[] = {
	[INBOX_C_RECEIVED] = {"inbox_received", "Items taken out of inboxes.",
		COUNTER_TOTAL},
	[INBOX_C_WAKEUPS] = {"inbox_wakeups", "Times a thread was woken by its inbox.",
		COUNTER_TOTAL},
	[INBOX_C_DROPPED] = {"inbox_dropped", "Items lost because an inbox was full.",
		COUNTER_TOTAL},
	{0},
};

/* Before each item. */
struct inbox_head {
	uint32_t kind;
	uint32_t len; /* bytes behind it; data begins at a multiple of 8 */
};

struct inbox_handler {
	void (*fn)(void *arg, const void *data, size_t len);
	void *arg;
};

struct inbox {
	void *pull;
	unsigned mark;
	struct loop *loop;
	struct loop_io *io;
	struct counter_array *counters;
	unsigned first;
	bool more; /* the last turn ended before the inbox was empty */
	bool ran;  /* this turn has had its share */
	struct inbox_handler handlers[INBOX_KINDS];
};

struct inbox_target {
	void *push;
	unsigned mark;
};

struct inbox_sender {
	struct counter_array *counters;
	unsigned first;
	unsigned count;
	struct inbox_target targets[];
};

static unsigned mark_of(const char *name)
{
	return BUS_MARK_INBOX + hash_fnv(slice_str(name)) % BUS_INBOX_MARKS;
}

static int inbox_address(char out[128], const char *name)
{
	int len = snprintf(out, 128, "inproc://inbox.%s", name);

	return len > 0 && len < 128 ? 0 : -ENAMETOOLONG;
}

static void item_run(struct inbox *in, zmq_msg_t *msg)
{
	const struct inbox_head *head = zmq_msg_data(msg);
	const struct inbox_handler *h;

	counter_inc(in->counters, in->first + INBOX_C_RECEIVED);
	/* Only inbox_send() writes here: another form is a bug of ours. */
	assert(zmq_msg_size(msg) == sizeof(*head) + head->len &&
		head->kind < INBOX_KINDS);
	h = &in->handlers[head->kind];
	if (h->fn != NULL)
		h->fn(h->arg, head + 1, head->len);
}

/* To EAGAIN, or until the turn's share is used up. */
static void inbox_drain(struct inbox *in)
{
	zmq_msg_t msg;
	unsigned n;

	in->more = false;
	for (n = 0; n < INBOX_TURN; n++) {
		zmq_msg_init(&msg);
		if (bus_zmq_recv(in->pull, &msg, in->mark) != 0) {
			zmq_msg_close(&msg);
			return;
		}
		item_run(in, &msg);
		zmq_msg_close(&msg);
	}
	/* No edge tells of what is left: the loop must come again by itself. */
	in->more = true;
}

static void on_readable(void *arg, int fd, int what)
{
	struct inbox *in = arg;

	(void)fd;
	(void)what;
	counter_inc(in->counters, in->first + INBOX_C_WAKEUPS);
	inbox_drain(in);
	in->ran = true;
}

static bool on_turn_end(void *arg)
{
	struct inbox *in = arg;

	if (in->more && !in->ran)
		inbox_drain(in);
	in->ran = false;
	return in->more;
}

static int inbox_open(struct inbox *in, struct bus *bus, const char *name)
{
	char address[128];
	int fd, err;

	err = inbox_address(address, name);
	if (err != 0)
		return err;
	in->pull = bus_zmq_socket(bus_context(bus), ZMQ_PULL, INBOX_HWM);
	if (in->pull == NULL || zmq_bind(in->pull, address) != 0)
		return -errno;
	err = bus_zmq_fd(in->pull, &fd);
	if (err == 0)
		err = loop_on_turn_end(in->loop, on_turn_end, in);
	if (err == 0)
		err = loop_io_add(in->loop, fd, LOOP_READ, on_readable, in, &in->io);
	/* An edge before the fd was watched is seen here, by the first turn's end. */
	in->more = true;
	return err;
}

int inbox_new(struct inbox **out, struct bus *bus, const char *name, struct loop *loop,
	struct counter_array *counters, unsigned first)
{
	struct inbox *in = calloc(1, sizeof(*in));
	int err;

	if (in == NULL)
		return -ENOMEM;
	in->loop = loop;
	in->counters = counters;
	in->first = first;
	in->mark = mark_of(name);
	err = inbox_open(in, bus, name);
	if (err != 0)
		inbox_destroy(&in);
	else
		*out = in;
	return err;
}

void inbox_on(struct inbox *in, enum inbox_kind kind,
	void (*fn)(void *arg, const void *data, size_t len), void *arg)
{
	in->handlers[kind] = (struct inbox_handler){fn, arg};
}

void inbox_destroy(struct inbox **ip)
{
	struct inbox *in = *ip;

	*ip = NULL;
	if (in == NULL)
		return;
	loop_io_del(&in->io);
	loop_off_turn_end(in->loop, on_turn_end, in);
	if (in->pull != NULL)
		zmq_close(in->pull);
	free(in);
}

static int target_open(struct inbox_target *t, struct bus *bus, const char *name)
{
	char address[128];
	int err = inbox_address(address, name);

	if (err != 0)
		return err;
	t->mark = mark_of(name);
	t->push = bus_zmq_socket(bus_context(bus), ZMQ_PUSH, INBOX_HWM);
	if (t->push == NULL || zmq_connect(t->push, address) != 0)
		return -errno;
	return 0;
}

int inbox_sender_new(struct inbox_sender **out, struct bus *bus, const char *const *names,
	unsigned count, struct counter_array *counters, unsigned first)
{
	struct inbox_sender *s = calloc(1, sizeof(*s) + count * sizeof(s->targets[0]));

	if (s == NULL)
		return -ENOMEM;
	s->counters = counters;
	s->first = first;
	for (; s->count < count; s->count++) {
		int err = target_open(&s->targets[s->count], bus, names[s->count]);

		if (err != 0) {
			s->count++; /* the half-made one too */
			inbox_sender_destroy(&s);
			return err;
		}
	}
	*out = s;
	return 0;
}

/* Copy head and body into a message of its own. 0 or -errno. */
static int item_make(
	zmq_msg_t *msg, enum inbox_kind kind, struct slice head, struct slice body)
{
	struct inbox_head *h;
	char *p;

	if (zmq_msg_init_size(msg, sizeof(*h) + head.len + body.len) != 0)
		return -ENOMEM;
	h = zmq_msg_data(msg);
	h->kind = kind;
	h->len = (uint32_t)(head.len + body.len);
	p = (char *)(h + 1);
	if (head.len > 0)
		memcpy(p, head.p, head.len);
	if (body.len > 0)
		memcpy(p + head.len, body.p, body.len);
	return 0;
}

int inbox_send(struct inbox_sender *s, unsigned to, enum inbox_kind kind,
	const void *head, size_t head_len, const void *body, size_t body_len)
{
	zmq_msg_t msg;
	int err;

	if (to >= s->count || kind >= INBOX_KINDS)
		return -EINVAL;
	if (head_len > INBOX_ITEM_MAX || body_len > INBOX_ITEM_MAX - head_len)
		return -EMSGSIZE;
	err = item_make(
		&msg, kind, slice_make(head, head_len), slice_make(body, body_len));
	if (err != 0)
		return err;
	err = bus_zmq_send(s->targets[to].push, &msg, 0, s->targets[to].mark);
	if (err != 0) {
		zmq_msg_close(&msg);
		counter_inc(s->counters, s->first + INBOX_C_DROPPED);
	}
	return err;
}

void inbox_sender_destroy(struct inbox_sender **sp)
{
	struct inbox_sender *s = *sp;

	*sp = NULL;
	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->count; i++) {
		if (s->targets[i].push != NULL)
			zmq_close(s->targets[i].push);
	}
	free(s);
}
