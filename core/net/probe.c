/*
 * Is an address free? Asked once before the workers bind theirs with SO_REUSEPORT, with which a second
 * daemon on the same port would silently take half of the datagrams.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/net/net_internal.h"

static int probe(const struct net_sock *s)
{
	const int on = 1;
	bool tcp = net_is_stream(s->transport);
	int fd = net_socket(addr_family(&s->addr), tcp ? SOCK_STREAM : SOCK_DGRAM);
	int err = 0;

	if (fd < 0)
		return fd;
	/* For TCP only: connections of an earlier run that are still closing do not count. */
	if (tcp && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0)
		err = -errno;
	if (err == 0 && bind(fd, &s->addr.sa, addr_len(&s->addr)) != 0)
		err = -errno;
	close(fd);
	return err;
}

int net_socks_probe(const struct net_socks *socks, char why[256])
{
	for (unsigned i = 0; i < socks->count; i++) {
		int err = probe(&socks->list[i]);

		if (err != 0) {
			snprintf(why, 256, "%s: %s", socks->list[i].text,
				err == -EADDRINUSE
					? "the port is in use by another process"
					: strerror(-err));
			return err;
		}
	}
	return 0;
}
