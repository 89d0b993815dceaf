#include "core/bus/bus.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/bus/bus_internal.h"

#define BUS_MAX_SOCKETS                                                                  \
	65535 /* an inbox sender has one a worker, and each worker has a sender */

const struct counter_desc bus_counters[] = {
	[BUS_C_PUBLISHED] = {"bus_published", "Events given to the bus.", COUNTER_TOTAL},
	[BUS_C_RECEIVED] = {"bus_received", "Events taken from the bus.", COUNTER_TOTAL},
	[BUS_C_GAPS] = {"bus_gaps", "Times a subscriber found events missing.",
		COUNTER_TOTAL},
	[BUS_C_LOST] = {"bus_lost", "Events that subscribers found missing.",
		COUNTER_TOTAL},
	[BUS_C_REQUESTS] = {"bus_requests", "Requests made on the bus.", COUNTER_TOTAL},
	[BUS_C_REQUEST_TIMEOUTS] = {"bus_request_timeouts",
		"Requests that nobody answered in time.", COUNTER_TOTAL},
	{0},
};

void *bus_context(struct bus *bus)
{
	return bus->context;
}

/* The hub's thread takes no signals: they are for the main thread. */
static int thread_start(struct bus *bus, struct bus_hub *hub)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&bus->thread, NULL, bus_hub_run, hub);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err == 0)
		pthread_setname_np(bus->thread, "bus");
	return -err;
}

static int hub_start(struct bus *bus)
{
	struct bus_hub *hub;
	int err = bus_hub_new(&hub, bus);

	if (err != 0)
		return err;
	bus->control = bus_zmq_socket(bus->context, ZMQ_PAIR, 4);
	if (bus->control == NULL ||
		zmq_connect(bus->control, "inproc://bus.control") != 0)
		err = -errno;
	if (err == 0)
		err = thread_start(bus, hub);
	if (err != 0) {
		bus_hub_destroy(&hub);
		if (bus->control != NULL)
			zmq_close(bus->control);
	}
	return err;
}

int bus_new(struct bus **out)
{
	struct bus *bus = calloc(1, sizeof(*bus));
	int err;

	if (bus == NULL)
		return -ENOMEM;
	bus->log = log_source_get("bus");
	atomic_init(&bus->publishers, 1);
	bus->context = zmq_ctx_new();
	if (bus->context == NULL) {
		err = -errno;
		free(bus);
		return err;
	}
	/* Nothing leaves the process: no thread of libzmq's own for the network. */
	zmq_ctx_set(bus->context, ZMQ_IO_THREADS, 0);
	zmq_ctx_set(bus->context, ZMQ_MAX_SOCKETS, BUS_MAX_SOCKETS);
	err = hub_start(bus);
	if (err != 0) {
		zmq_ctx_term(bus->context);
		free(bus);
		return err;
	}
	*out = bus;
	return 0;
}

void bus_destroy(struct bus **bp)
{
	struct bus *bus = *bp;
	zmq_msg_t stop;

	*bp = NULL;
	if (bus == NULL)
		return;
	zmq_msg_init(&stop);
	if (bus_zmq_send(bus->control, &stop, 0, BUS_MARK_CONTROL) != 0)
		zmq_msg_close(&stop);
	pthread_join(bus->thread, NULL);
	zmq_close(bus->control);
	zmq_ctx_term(bus->context);
	free(bus);
}

static bool sub_drain(struct bus_endpoint *e)
{
	return e->sub != NULL && bus_events_drain(e);
}

static void on_sub(void *arg, int fd, int what)
{
	struct bus_endpoint *e = arg;

	(void)fd;
	(void)what;
	if (sub_drain(e))
		e->look = true;
}

static void on_dealer(void *arg, int fd, int what)
{
	struct bus_endpoint *e = arg;

	(void)fd;
	(void)what;
	if (bus_requests_drain(e))
		e->look = true;
}

/*
 * ZMQ_FD shows an edge once, and any call on the socket may take it. So whoever sends on one of the
 * two, or stops before EAGAIN, sets `look`, and here, before the loop sleeps, they are read again.
 */
static bool on_turn_end(void *arg)
{
	struct bus_endpoint *e = arg;
	bool more;

	if (!e->look)
		return false;
	e->look = false;
	more = sub_drain(e);
	more = bus_requests_drain(e) || more;
	/* Handlers may have sent: then one more round. */
	e->look = e->look || more;
	return e->look;
}

static int watch(struct bus_endpoint *e, void *socket, void (*fn)(void *, int, int),
	struct loop_io **io)
{
	int fd;
	int err = bus_zmq_fd(socket, &fd);

	return err != 0 ? err : loop_io_add(e->loop, fd, LOOP_READ, fn, e, io);
}

static int endpoint_open(struct bus_endpoint *e)
{
	int err = bus_requests_open(e);

	if (err == 0)
		err = watch(e, e->dealer, on_dealer, &e->dealer_io);
	if (err == 0)
		err = bus_events_open(e);
	if (err == 0)
		err = watch(e, e->sub, on_sub, &e->sub_io);
	if (err == 0)
		err = loop_on_turn_end(e->loop, on_turn_end, e);
	/* Edges before the fds were watched are looked for at the first turn's end. */
	e->look = true;
	return err;
}

int bus_endpoint_new(struct bus_endpoint **out, struct bus *bus, const char *name,
	struct loop *loop, struct counter_array *counters, unsigned first)
{
	struct bus_endpoint *e = calloc(1, sizeof(*e));
	int err;

	if (e == NULL)
		return -ENOMEM;
	e->bus = bus;
	e->loop = loop;
	e->counters = counters;
	e->first = first;
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->number = atomic_fetch_add(&bus->publishers, 1);
	err = endpoint_open(e);
	if (err != 0)
		bus_endpoint_destroy(&e);
	else
		*out = e;
	return err;
}

bool bus_endpoint_started(const struct bus_endpoint *e)
{
	return e->hello_seen == e->hello_wanted && e->unserved == 0;
}

void bus_endpoint_destroy(struct bus_endpoint **ep)
{
	struct bus_endpoint *e = *ep;

	*ep = NULL;
	if (e == NULL)
		return;
	loop_off_turn_end(e->loop, on_turn_end, e);
	loop_io_del(&e->sub_io);
	loop_io_del(&e->dealer_io);
	bus_events_close(e);
	bus_requests_close(e);
	free(e);
}
