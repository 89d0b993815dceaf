#include "plugins/rtpp/rtpp_port.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_WORKERS  1024
#define DATAGRAM_MAX 2048
#define TURN         256 /* datagrams a turn of the loop */

struct rtpp_port {
	int fd;
	struct loop_io *io;
	pthread_mutex_t lock; /* of ends: threads join while the service reads */
	struct {
		int mine, theirs; /* ends of a pair; 0: nobody */
	} ends[MAX_WORKERS + 1];  /* the service, then the workers */
};

/** "<random>_<worker>_...": index into ends, or -1. */
static int recipient(struct slice text)
{
	struct slice random, worker;
	uint64_t n;

	if (!slice_cut(text, '_', &random, &text) ||
		!slice_cut(text, '_', &worker, &text))
		return -1;
	if (slice_eq(worker, SLICE("s")))
		return 0;
	return slice_u64(worker, MAX_WORKERS - 1, &n) == 0 ? (int)n + 1 : -1;
}

static void on_readable(void *arg, int fd, int what)
{
	struct rtpp_port *p = arg;
	char text[DATAGRAM_MAX];

	(void)what;
	for (unsigned i = 0; i < TURN; i++) {
		ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
		int to;

		if (n < 0)
			return;
		to = recipient(slice_make(text, (size_t)n));
		if (to < 0)
			continue; /* a stranger's */
		(void)pthread_mutex_lock(&p->lock);
		/* No room there: a lost datagram as any other. */
		if (p->ends[to].mine > 0)
			(void)send(p->ends[to].mine, text, (size_t)n,
				MSG_DONTWAIT | MSG_NOSIGNAL);
		(void)pthread_mutex_unlock(&p->lock);
	}
}

int rtpp_port_open(struct rtpp_port **out, const struct addr *at)
{
	struct rtpp_port *p = calloc(1, sizeof(*p));
	int err = 0;

	if (!p)
		return -ENOMEM;
	p->fd = socket(addr_family(at), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, &at->sa, addr_len(at)) != 0)
		err = -errno;
	if (err == 0)
		err = -pthread_mutex_init(&p->lock, NULL);
	if (err == 0) {
		*out = p;
		return 0;
	}
	if (p->fd >= 0)
		close(p->fd);
	free(p);
	return err;
}

int rtpp_port_watch(struct rtpp_port *p, struct loop *loop)
{
	return loop_io_add(loop, p->fd, LOOP_READ, on_readable, p, &p->io);
}

void rtpp_port_unwatch(struct rtpp_port *p)
{
	if (p->io)
		loop_io_del(&p->io);
}

void rtpp_port_close(struct rtpp_port **pp)
{
	struct rtpp_port *p = *pp;

	if (!p)
		return;
	*pp = NULL;
	close(p->fd);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

int rtpp_port_fd(const struct rtpp_port *p)
{
	return p->fd;
}

int rtpp_port_join(struct rtpp_port *p, int worker, int *fd)
{
	int pair[2];

	if (worker < -1 || worker >= MAX_WORKERS)
		return -ENOSPC;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return -errno;
	(void)pthread_mutex_lock(&p->lock);
	p->ends[worker + 1].mine = pair[0];
	p->ends[worker + 1].theirs = pair[1];
	(void)pthread_mutex_unlock(&p->lock);
	*fd = pair[1];
	return 0;
}

void rtpp_port_leave(struct rtpp_port *p, int worker)
{
	int mine, theirs;

	(void)pthread_mutex_lock(&p->lock);
	mine = p->ends[worker + 1].mine;
	theirs = p->ends[worker + 1].theirs;
	p->ends[worker + 1].mine = p->ends[worker + 1].theirs = 0;
	(void)pthread_mutex_unlock(&p->lock);
	close(mine);
	close(theirs);
}
