/* Commands as datagrams, told apart by cookie. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "plugins/rtpp/rtpp_client_priv.h"
#include "plugins/rtpp/rtpp_port.h"

#define REPLY_MAX    2048 /* bytes; relays send 1 KiB at most */
#define REPLIES_TURN 64   /* a flood of replies must not hold the loop */

static struct rtpp_pending **place_of(struct rtpp_client *c, uint64_t number)
{
	struct rtpp_pending **at = &c->buckets[number % RTPP_BUCKETS];

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

void rtpp_udp_take_out(struct rtpp_pending *p)
{
	struct rtpp_pending **at = place_of(p->client, p->number);

	if (*at)
		*at = p->next;
}

/** "<cookie> <reply>": the command that it answers, or NULL (counted). *reply is what follows the cookie. */
static struct rtpp_pending *match(
	struct rtpp_client *c, struct slice text, struct slice *reply)
{
	struct slice cookie;
	struct rtpp_pending *p;
	uint64_t number;

	text = slice_trim(text);
	if (!slice_cut(text, ' ', &cookie, reply)) {
		cookie = text;
		*reply = (struct slice){0};
	}
	if (!slice_starts(cookie, slice_make(c->prefix, c->prefix_len)) ||
		slice_u64(slice_from(cookie, c->prefix_len), UINT64_MAX, &number) != 0) {
		rtpp_client_count(c, RTPP_C_ERRORS);
		LOG(c->set.log, LOG_L_DBG,
			"a datagram that answers nothing of ours was dropped");
		return NULL;
	}
	p = *place_of(c, number);
	if (!p)
		rtpp_client_count(c, RTPP_C_LATE);
	return p;
}

static void on_readable(void *arg, int fd, int what)
{
	struct rtpp_client *c = arg;
	char text[REPLY_MAX];
	unsigned i;

	(void)what;
	for (i = 0; fd >= 0 && i < REPLIES_TURN; i++) {
		ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT | MSG_TRUNC);
		struct rtpp_pending *p;
		struct slice reply;

		if (n < 0)
			return;
		if ((size_t)n > sizeof(text)) {
			rtpp_client_count(c, RTPP_C_ERRORS);
			continue;
		}
		p = match(c, slice_make(text, (size_t)n), &reply);
		if (!p)
			continue;
		rtpp_udp_take_out(p);
		rtpp_pending_over(p, 0, reply);
	}
}

static int watch(struct rtpp_client *c, struct rtpp_udp_socket *s, int fd)
{
	int err = loop_io_add(c->set.loop, fd, LOOP_READ, on_readable, c, &s->io);

	if (err == 0)
		s->fd = fd;
	return err;
}

static int open_socket(struct rtpp_client *c, int family)
{
	const struct addr *from = &c->set.source;
	int err = 0, fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (addr_family(from) == family && bind(fd, &from->sa, addr_len(from)) != 0)
		err = -errno;
	if (err == 0)
		err = watch(c, &c->sockets[family == AF_INET6], fd);
	if (err != 0)
		close(fd);
	return err;
}

static bool is_shared(const struct rtpp_client *c, int family)
{
	return c->set.port && addr_family(&c->set.source) == family;
}

static int socket_for(struct rtpp_client *c, int family, int *fd)
{
	int err = 0;

	if (is_shared(c, family)) {
		*fd = rtpp_port_fd(c->set.port);
		return 0;
	}
	if (c->sockets[family == AF_INET6].fd < 0)
		err = open_socket(c, family);
	*fd = c->sockets[family == AF_INET6].fd;
	return err;
}

/** 0, also when the kernel has no room now: that is a loss as any other, and repeated. */
static int transmit(struct rtpp_pending *p)
{
	struct rtpp_client *c = p->client;
	const struct addr *to = &p->to->addr;
	char cookie[RTPP_COOKIE_MAX + 24];
	int len =
		snprintf(cookie, sizeof(cookie), "%s%" PRIu64 " ", c->prefix, p->number);
	struct iovec parts[3] = {
		{.iov_base = cookie, .iov_len = (size_t)len},
		{.iov_base = (void *)(uintptr_t)p->command.p, .iov_len = p->command.len},
		{.iov_base = (void *)(uintptr_t) "\n", .iov_len = 1},
	};
	const struct msghdr m = {.msg_name = (void *)(uintptr_t)&to->sa,
		.msg_namelen = addr_len(to),
		.msg_iov = parts,
		.msg_iovlen = 3};
	int fd = -1, err = socket_for(c, addr_family(to), &fd);

	if (err != 0)
		return err;
	if (sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN ||
		errno == ENOBUFS || errno == EINTR || errno == ECONNREFUSED)
		return 0;
	return -errno;
}

static void on_timer(void *arg)
{
	struct rtpp_pending *p = arg;
	struct rtpp_client *c = p->client;
	int family = addr_family(&p->to->addr);
	uint64_t number = p->number;

	/* A thread that was held up finds timer and reply due together: the reply holds. */
	on_readable(c,
		is_shared(c, family) ? c->mailbox.fd : c->sockets[family == AF_INET6].fd,
		LOOP_READ);
	p = *place_of(c, number);
	if (!p)
		return;
	if (p->sends_left > 0) {
		p->sends_left--;
		rtpp_client_count(c, RTPP_C_RETRANSMISSIONS);
		timer_start(c->set.loop, &p->timer, c->set.timeout_ms);
		(void)transmit(p); /* no way to the relay now: the last timeout says so */
		return;
	}
	rtpp_udp_take_out(p);
	rtpp_pending_over(p, -ETIMEDOUT, (struct slice){0});
}

int rtpp_udp_send(struct rtpp_pending *p)
{
	struct rtpp_client *c = p->client;
	struct rtpp_pending **at;
	int err = transmit(p);

	if (err != 0)
		return err;
	at = &c->buckets[p->number % RTPP_BUCKETS];
	p->next = *at;
	*at = p;
	timer_init(&p->timer, on_timer, p);
	timer_start(c->set.loop, &p->timer, c->set.timeout_ms);
	return 0;
}

int rtpp_udp_start(struct rtpp_client *c)
{
	int fd, err;

	c->sockets[0].fd = c->sockets[1].fd = c->mailbox.fd = -1;
	if (!c->set.port)
		return 0;
	err = rtpp_port_join(c->set.port, c->set.worker, &fd);
	if (err != 0)
		return err;
	err = watch(c, &c->mailbox, fd);
	if (err != 0)
		rtpp_port_leave(c->set.port, c->set.worker);
	return err;
}

void rtpp_udp_stop(struct rtpp_client *c)
{
	unsigned i;

	for (i = 0; i < RTPP_BUCKETS; i++)
		while (c->buckets[i])
			rtpp_client_cancel(c->buckets[i]);
	for (i = 0; i < 2; i++) {
		if (c->sockets[i].fd < 0)
			continue;
		loop_io_del(&c->sockets[i].io);
		close(c->sockets[i].fd);
	}
	if (c->mailbox.fd >= 0) {
		loop_io_del(&c->mailbox.io);
		rtpp_port_leave(c->set.port, c->set.worker);
	}
}
