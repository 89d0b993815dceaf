/* UDP sockets, connected to the server; datagrams leave and come in batches. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/link.h"

#define QUEUE 512 /* datagrams of one turn, all sockets together */
#define BATCH 64  /* of one system call */

struct udp_queue {
	int used;
	struct {
		size_t len;
		int next;
		char bytes[LINK_MESSAGE];
	} item[QUEUE];
	char in[BATCH][LINK_MESSAGE];
};

static int bind_to(int fd, const struct links_options *options, uint16_t port)
{
	struct sockaddr_storage address = {.ss_family = options->target.ss_family};
	struct sockaddr_in *in4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;

	if (options->local == NULL && port == 0)
		return 0;
	if (address.ss_family == AF_INET6) {
		in6->sin6_port = htons(port);
		if (options->local != NULL && inet_pton(AF_INET6, options->local, &in6->sin6_addr) != 1)
			return -EINVAL;
	} else {
		in4->sin_port = htons(port);
		if (options->local != NULL && inet_pton(AF_INET, options->local, &in4->sin_addr) != 1)
			return -EINVAL;
	}
	return bind(fd, (struct sockaddr *)&address, options->target_len) == 0 ? 0 : -errno;
}

int udp_open(struct links *links, struct link *link, uint16_t port)
{
	const struct links_options *options = &links->options;
	int err, size = 4 << 20;

	if (links->queue == NULL)
		links->queue = calloc(1, sizeof(*links->queue));
	if (links->queue == NULL)
		return -ENOMEM;
	link->fd = socket(options->target.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return -errno;
	/* A buffer that is too small would show as retransmissions of the server. The first call needs root. */
	if (setsockopt(link->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(link->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	err = bind_to(link->fd, options, port);
	if (err != 0)
		return err;
	return connect(link->fd, (const struct sockaddr *)&options->target, options->target_len) == 0 ? 0 : -errno;
}

void udp_send(struct links *links, struct link *link, const char *p, size_t len)
{
	struct udp_queue *queue = links->queue;
	int at;

	if (queue->used == QUEUE)
		links_flush(links);
	at = queue->used++;
	queue->item[at].len = len;
	queue->item[at].next = -1;
	memcpy(queue->item[at].bytes, p, len);
	if (link->first < 0)
		link->first = at;
	else
		queue->item[link->last].next = at;
	link->last = at;
	link_queue(links, link);
}

static void send_batch(struct links *links, struct link *link, struct mmsghdr *headers, unsigned count)
{
	unsigned done = 0, refused = 0;

	while (done < count) {
		int n = sendmmsg(link->fd, headers + done, count - done, 0);

		if (n > 0) {
			done += (unsigned)n;
		} else if (errno == ECONNREFUSED && refused++ == 0) {
			continue; /* of an earlier datagram; this one was not tried */
		} else if (errno != EINTR) {
			links->dropped++;
			done++;
		}
	}
}

void udp_flush(struct links *links, struct link *link)
{
	struct udp_queue *queue = links->queue;
	struct mmsghdr headers[BATCH];
	struct iovec iov[BATCH];
	unsigned n = 0;
	int at;

	memset(headers, 0, sizeof(headers));
	for (at = link->first; at >= 0; at = queue->item[at].next) {
		iov[n] = (struct iovec){queue->item[at].bytes, queue->item[at].len};
		headers[n].msg_hdr.msg_iov = &iov[n];
		headers[n].msg_hdr.msg_iovlen = 1;
		if (++n == BATCH) {
			send_batch(links, link, headers, n);
			n = 0;
		}
	}
	if (n > 0)
		send_batch(links, link, headers, n);
	link->first = -1;
	/* The last link of a turn empties the queue. */
	if (links->queued == NULL)
		queue->used = 0;
}

void udp_receive(struct links *links, struct link *link)
{
	struct udp_queue *queue = links->queue;
	struct mmsghdr headers[BATCH];
	struct iovec iov[BATCH];
	int i, n;

	memset(headers, 0, sizeof(headers));
	for (i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){queue->in[i], LINK_MESSAGE};
		headers[i].msg_hdr.msg_iov = &iov[i];
		headers[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(link->fd, headers, BATCH, MSG_DONTWAIT, NULL);
	for (i = 0; i < n; i++) {
		struct message message;

		/* Keepalives are up to 4 octets. */
		if (headers[i].msg_len <= 4)
			continue;
		if (message_read(&message, queue->in[i], headers[i].msg_len, true) <= 0) {
			links->garbage++;
			continue;
		}
		links->received++;
		links->receive(links->context, link, &message);
	}
}
