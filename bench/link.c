/* Sockets of all phones in one epoll. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/clock.h"
#include "bench/link.h"

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	in_port_t port;

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	port = address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
					     : ((struct sockaddr_in *)&address)->sin_port;
	return ntohs(port);
}

static int open_one(struct links *links, unsigned index)
{
	struct link *link = &links->link[index];
	bool is_static = links->options.static_port != 0 && index + 1 == links->options.count;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = link};
	int err;

	link->index = index;
	link->first = -1;
	err = links->options.tcp ? tcp_open(links, link)
				 : udp_open(links, link, is_static ? links->options.static_port : 0);
	if (err != 0)
		return err;
	link->port = port_of(link->fd);
	if (epoll_ctl(links->epoll, EPOLL_CTL_ADD, link->fd, &event) != 0)
		return -errno;
	return 0;
}

int links_open(struct links *links, const struct links_options *options, link_receive receive, void *context)
{
	unsigned i;
	int err;

	memset(links, 0, sizeof(*links));
	links->options = *options;
	links->receive = receive;
	links->context = context;
	links->epoll = epoll_create1(EPOLL_CLOEXEC);
	links->link = calloc(options->count, sizeof(*links->link));
	if (links->epoll < 0 || links->link == NULL)
		return -ENOMEM;
	for (i = 0; i < options->count; i++)
		links->link[i].fd = -1;
	for (i = 0; i < options->count; i++) {
		err = open_one(links, i);
		if (err != 0) {
			fprintf(stderr, "sipload: %s %u of %u cannot be opened: %s\n",
				options->tcp ? "connection" : "socket", i + 1, options->count, strerror(-err));
			return err;
		}
	}
	return 0;
}

void links_close(struct links *links)
{
	unsigned i;

	for (i = 0; links->link != NULL && i < links->options.count; i++) {
		if (links->link[i].fd >= 0)
			close(links->link[i].fd);
		free(links->link[i].in);
		free(links->link[i].out);
	}
	free(links->link);
	free(links->queue);
	if (links->epoll >= 0)
		close(links->epoll);
	links->link = NULL;
	links->queue = NULL;
}

void link_queue(struct links *links, struct link *link)
{
	if (link->queued)
		return;
	link->queued = true;
	link->next = links->queued;
	links->queued = link;
}

void link_send(struct links *links, struct link *link, const char *p, size_t len)
{
	if (link->fd < 0) {
		links->dropped++;
		return;
	}
	links->sent++;
	if (links->options.tcp)
		tcp_send(links, link, p, len);
	else
		udp_send(links, link, p, len);
}

void links_flush(struct links *links)
{
	struct link *link;

	while ((link = links->queued) != NULL) {
		links->queued = link->next;
		link->queued = false;
		if (links->options.tcp)
			tcp_flush(links, link);
		else
			udp_flush(links, link);
	}
}

void links_wait(struct links *links, uint64_t nanoseconds)
{
	struct epoll_event events[64];
	struct timespec timeout = {(time_t)(nanoseconds / CLOCK_SEC), (long)(nanoseconds % CLOCK_SEC)};
	int i, n = epoll_pwait2(links->epoll, events, 64, &timeout, NULL);

	for (i = 0; i < n; i++) {
		struct link *link = events[i].data.ptr;

		if (!links->options.tcp) {
			udp_receive(links, link);
			continue;
		}
		if (events[i].events & EPOLLOUT)
			link_queue(links, link);
		if (events[i].events & ~(unsigned)EPOLLOUT)
			tcp_receive(links, link);
	}
}
