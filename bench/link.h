/**
 * @file link.h  The phones' sockets: UDP in batches, or TCP connections; one server at the other end.
 *
 * All links of a run have one transport. What is sent is copied and leaves with links_flush(), so that one system call
 * carries what a turn has gathered for a socket. The process has one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bench/message.h"

#define LINK_MESSAGE 4096 /* octets of the longest message that is sent or received */

struct link {
	int fd; /**< -1: closed */
	unsigned index;
	uint16_t port;      /**< ours */
	bool queued;        /**< has something to flush */
	bool blocked;       /**< TCP: the peer's window is full, epoll tells when it is not */
	struct link *next;  /**< in the list of those that have */
	int first, last;    /**< UDP: chain in the queue of datagrams */
	char *in, *out;     /**< TCP: what has come and is no whole message, what has not left */
	size_t in_len, out_len, out_size;
};

struct links_options {
	bool tcp;
	struct sockaddr_storage target;
	socklen_t target_len;
	const char *local;    /**< address to send from; NULL: the kernel's choice */
	unsigned count;       /**< how many sockets or connections */
	uint16_t static_port; /**< UDP: port of the last one; 0: any */
};

struct links;
typedef void (*link_receive)(void *context, struct link *link, const struct message *message);

struct links {
	struct links_options options;
	struct link *link;
	int epoll;
	struct link *queued; /**< list of those with something to flush */
	link_receive receive;
	void *context;
	uint64_t sent, received;  /**< messages */
	uint64_t dropped;         /**< not sent: the socket took no more */
	uint64_t garbage;         /**< received, but no SIP message */
	unsigned lost;            /**< connections that the server closed */
	struct udp_queue *queue;
};

/** Returns 0, or a negative errno value after a line on stderr. */
int links_open(struct links *links, const struct links_options *options, link_receive receive, void *context);
void links_close(struct links *links);

void link_send(struct links *links, struct link *link, const char *p, size_t len);
void links_flush(struct links *links);

/** Wait at most so long for something to come, and hand it to receive(). */
void links_wait(struct links *links, uint64_t nanoseconds);

/* What link.c asks of the two transports. */
int udp_open(struct links *links, struct link *link, uint16_t port);
void udp_send(struct links *links, struct link *link, const char *p, size_t len);
void udp_flush(struct links *links, struct link *link);
void udp_receive(struct links *links, struct link *link);
int tcp_open(struct links *links, struct link *link);
void tcp_send(struct links *links, struct link *link, const char *p, size_t len);
void tcp_flush(struct links *links, struct link *link);
void tcp_receive(struct links *links, struct link *link);
void link_queue(struct links *links, struct link *link);
