/* TCP connections to the server, one for each phone or shared by several. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/link.h"

#define INPUT 65536 /* octets of one connection that may wait for the rest of their message */

static int bind_to(int fd, const struct links_options *options)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	int done;

	if (options->local == NULL)
		return 0;
	if (options->target.ss_family == AF_INET6) {
		if (inet_pton(AF_INET6, options->local, &in6.sin6_addr) != 1)
			return -EINVAL;
		done = bind(fd, (struct sockaddr *)&in6, sizeof(in6));
	} else {
		if (inet_pton(AF_INET, options->local, &in4.sin_addr) != 1)
			return -EINVAL;
		done = bind(fd, (struct sockaddr *)&in4, sizeof(in4));
	}
	return done == 0 ? 0 : -errno;
}

int tcp_open(struct links *links, struct link *link)
{
	const struct links_options *options = &links->options;
	int err, on = 1;

	link->in = malloc(INPUT);
	if (link->in == NULL)
		return -ENOMEM;
	link->fd = socket(options->target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return -errno;
	err = bind_to(link->fd, options);
	if (err != 0)
		return err;
	if (connect(link->fd, (const struct sockaddr *)&options->target, options->target_len) != 0)
		return -errno;
	setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fcntl(link->fd, F_SETFL, O_NONBLOCK) == 0 ? 0 : -errno;
}

static void lose(struct links *links, struct link *link, const char *why)
{
	if (links->lost++ == 0)
		fprintf(stderr, "sipload: connection %u: %s\n", link->index, why);
	close(link->fd);
	link->fd = -1;
	link->out_len = link->in_len = 0;
}

void tcp_send(struct links *links, struct link *link, const char *p, size_t len)
{
	if (link->out_len + len > link->out_size) {
		size_t size = (link->out_len + len) * 2;
		char *bigger = realloc(link->out, size);

		if (bigger == NULL) {
			links->dropped++;
			return;
		}
		link->out = bigger;
		link->out_size = size;
	}
	memcpy(link->out + link->out_len, p, len);
	link->out_len += len;
	if (!link->blocked)
		link_queue(links, link);
}

static void set_blocked(struct links *links, struct link *link, bool blocked)
{
	struct epoll_event event = {.events = EPOLLIN | (blocked ? (unsigned)EPOLLOUT : 0), .data.ptr = link};

	if (link->blocked != blocked)
		epoll_ctl(links->epoll, EPOLL_CTL_MOD, link->fd, &event);
	link->blocked = blocked;
}

void tcp_flush(struct links *links, struct link *link)
{
	ssize_t n;

	if (link->fd < 0)
		return;
	n = send(link->fd, link->out, link->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		lose(links, link, strerror(errno));
		return;
	}
	if (n > 0) {
		link->out_len -= (size_t)n;
		memmove(link->out, link->out + n, link->out_len);
	}
	set_blocked(links, link, link->out_len > 0);
}

/* Hand over the whole messages of the buffer; false when the stream cannot be understood. */
static bool hand_over(struct links *links, struct link *link)
{
	size_t at = 0;

	while (at < link->in_len) {
		struct message message;
		ssize_t n;

		/* Keepalives (RFC 5626) stand between messages. */
		if (link->in[at] == '\r' || link->in[at] == '\n') {
			at++;
			continue;
		}
		n = message_read(&message, link->in + at, link->in_len - at, false);
		if (n < 0)
			return false;
		if (n == 0)
			break;
		at += (size_t)n;
		links->received++;
		links->receive(links->context, link, &message);
		if (link->fd < 0)
			return true;
	}
	link->in_len -= at;
	memmove(link->in, link->in + at, link->in_len);
	return link->in_len < INPUT;
}

void tcp_receive(struct links *links, struct link *link)
{
	ssize_t n;

	if (link->fd < 0)
		return;
	n = recv(link->fd, link->in + link->in_len, INPUT - link->in_len, MSG_DONTWAIT);
	if (n == 0) {
		lose(links, link, "closed by the server");
	} else if (n < 0) {
		if (errno != EAGAIN && errno != EINTR)
			lose(links, link, strerror(errno));
	} else {
		link->in_len += (size_t)n;
		if (!hand_over(links, link)) {
			links->garbage++;
			lose(links, link, "what came is no SIP message");
		}
	}
}
