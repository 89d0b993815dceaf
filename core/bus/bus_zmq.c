#include "core/bus/bus_zmq.h"

char bus_marks[BUS_MARKS];

void *bus_zmq_socket(void *context, int type, int hwm)
{
	void *socket = zmq_socket(context, type);
	int err;

	if (socket == NULL)
		return NULL;
	err = bus_zmq_set(socket, ZMQ_LINGER, 0);
	if (err == 0)
		err = bus_zmq_set(socket, ZMQ_SNDHWM, hwm / 2);
	if (err == 0)
		err = bus_zmq_set(socket, ZMQ_RCVHWM, hwm / 2);
	if (err != 0) {
		zmq_close(socket);
		errno = -err;
		return NULL;
	}
	return socket;
}

int bus_zmq_fd(void *socket, int *fd)
{
	size_t len = sizeof(*fd);

	return zmq_getsockopt(socket, ZMQ_FD, fd, &len) == 0 ? 0 : -errno;
}
