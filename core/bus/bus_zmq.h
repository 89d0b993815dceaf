/**
 * @file bus_zmq.h  The only door to libzmq's sending and receiving.
 *
 * libzmq is not built for ThreadSanitizer, which therefore sees neither its hand-over nor its barriers: what one
 * thread wrote into a message and another reads would be reported. Every send tells it "released", every
 * receive "acquired", by a mark: one mark a kind of traffic, so that unrelated threads are not tied together.
 * In other builds the marks are nothing.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <zmq.h>

#ifdef PH_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#endif

/** What travels: the addresses of these stand for the queues inside libzmq. */
enum bus_mark {
	BUS_MARK_EVENT_IN,  /**< publishers to the hub */
	BUS_MARK_EVENT_OUT, /**< hub to subscribers */
	BUS_MARK_REQUEST,   /**< endpoints and the hub's router, both ways */
	BUS_MARK_CONTROL,
	BUS_MARK_INBOX, /**< the first of BUS_INBOX_MARKS, chosen by the inbox's name */
	BUS_INBOX_MARKS = 64,
	BUS_MARKS = BUS_MARK_INBOX + BUS_INBOX_MARKS,
};

extern char bus_marks[BUS_MARKS];

static inline void bus_mark_release(unsigned mark)
{
#ifdef PH_TSAN
	__tsan_release(&bus_marks[mark]);
#else
	(void)mark;
#endif
}

static inline void bus_mark_acquire(unsigned mark)
{
#ifdef PH_TSAN
	__tsan_acquire(&bus_marks[mark]);
#else
	(void)mark;
#endif
}

/** Which of ZMQ_POLLIN, ZMQ_POLLOUT hold now. Also takes in what ZMQ_FD has told, so it is edge-safe. */
static inline int bus_zmq_events(void *socket)
{
	int events = 0;
	size_t len = sizeof(events);

	return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &len) == 0 ? events : 0;
}

/**
 * Never waits. flags: ZMQ_SNDMORE or 0. On success the message is gone. 0 or -errno (-EAGAIN: full).
 * A socket looks for news of its peer only now and then: when it believes to be full it is made to look.
 */
static inline int bus_zmq_send(void *socket, zmq_msg_t *msg, int flags, unsigned mark)
{
	bus_mark_release(mark);
	if (zmq_msg_send(msg, socket, flags | ZMQ_DONTWAIT) >= 0)
		return 0;
	if (errno != EAGAIN)
		return -errno;
	if ((bus_zmq_events(socket) & ZMQ_POLLOUT) == 0)
		return -EAGAIN;
	return zmq_msg_send(msg, socket, flags | ZMQ_DONTWAIT) >= 0 ? 0 : -errno;
}

/** Never waits. msg is initialised and replaced. 0 or -errno (-EAGAIN: nothing there). */
static inline int bus_zmq_recv(void *socket, zmq_msg_t *msg, unsigned mark)
{
	if (zmq_msg_recv(msg, socket, ZMQ_DONTWAIT) < 0)
		return -errno;
	bus_mark_acquire(mark);
	return 0;
}

/** Set an int option. 0 or -errno. */
static inline int bus_zmq_set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/**
 * A socket of the house: linger 0, both high-water marks hwm / 2, since libzmq adds those of the
 * two ends of an inproc pipe. NULL with errno.
 */
void *bus_zmq_socket(void *context, int type, int hwm);
/** The fd whose edges say "look at bus_zmq_events()". 0 or -errno. */
int bus_zmq_fd(void *socket, int *fd);
