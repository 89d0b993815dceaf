/* The listening socket. On the control thread, before user and group are dropped. */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/notify/notify.h"

#define BACKLOG 64

static int complain(
	const struct notify_conf *c, struct log_source *log, const char *what, int err)
{
	LOG(log, LOG_L_CRIT, "rtpp_notify_socket %s: %s: %s", c->rtpp_notify_socket, what,
		strerror(-err));
	return err;
}

/**
 * An address that this machine does not have now, but may get: nodes of a cluster listen on one that moves to the living. Then the same text
 * stands in all nodes' configurations and in the RTP proxies' command lines.
 */
static int bind_ahead(const struct notify_conf *c, int fd, struct log_source *log)
{
	const int on = 1;

	if (addr_family(&c->addr.tcp) == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
	else
		(void)setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	if (bind(fd, &c->addr.tcp.sa, addr_len(&c->addr.tcp)) != 0)
		return -errno;
	LOG(log, LOG_L_WARN,
		"rtpp_notify_socket %s is no address of this machine now: RTP proxies reach "
		"this node once it has moved here",
		c->rtpp_notify_socket);
	return 0;
}

static int listen_tcp(struct notify_conf *c, struct log_source *log)
{
	const int family = addr_family(&c->addr.tcp), on = 1;
	const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return complain(c, log, "no socket", -errno);
	c->fd = fd;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	err = bind(fd, &c->addr.tcp.sa, addr_len(&c->addr.tcp)) != 0 ? -errno : 0;
	if (err == -EADDRNOTAVAIL)
		err = bind_ahead(c, fd, log);
	return err == 0 ? 0 : complain(c, log, "cannot be bound", err);
}

static void fill(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	(void)snprintf(sun->sun_path, sizeof(sun->sun_path), "%s", path);
}

/** Does anybody answer there? A socket that a killed daemon left does not. */
static bool is_alive(const char *path)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un sun;
	bool alive;

	if (fd < 0)
		return true; /* nothing is taken away that we could not look at */
	fill(&sun, path);
	alive = connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 ||
		errno != ECONNREFUSED;
	close(fd);
	return alive;
}

static int make_way(const struct notify_conf *c, struct log_source *log)
{
	struct stat st;

	if (lstat(c->addr.path, &st) != 0)
		return errno == ENOENT ? 0
				       : complain(c, log, "cannot be looked at", -errno);
	if (!S_ISSOCK(st.st_mode))
		return complain(c, log,
			"there is a file that is no socket: remove it, or name another "
			"path",
			-EEXIST);
	if (is_alive(c->addr.path))
		return complain(c, log, "another process listens there", -EADDRINUSE);
	if (unlink(c->addr.path) != 0)
		return complain(c, log, "a stale socket cannot be removed", -errno);
	return 0;
}

static int set_owner(const struct notify_conf *c, struct log_source *log)
{
	const struct group *gr;

	if (chmod(c->addr.path, (mode_t)c->mode_bits) != 0)
		return complain(c, log, "its mode cannot be set", -errno);
	if (!c->group || !c->group[0])
		return 0;
	errno = 0;
	gr = getgrnam(c->group); /* one thread, at the start */
	if (!gr)
		return complain(
			c, log, "notify.group names no group", errno ? -errno : -ENOENT);
	if (chown(c->addr.path, (uid_t)-1, gr->gr_gid) != 0)
		return complain(c, log, "its group cannot be set", -errno);
	return 0;
}

static int listen_unix(struct notify_conf *c, struct log_source *log)
{
	struct sockaddr_un sun;
	int err = make_way(c, log);

	if (err != 0)
		return err;
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return complain(c, log, "no socket", -errno);
	fill(&sun, c->addr.path);
	if (bind(c->fd, (struct sockaddr *)&sun, sizeof(sun)) != 0)
		return complain(c, log, "cannot be bound", -errno);
	c->bound = true;
	return set_owner(c, log);
}

int notify_listen(struct notify_conf *c, struct log_source *log)
{
	int err = c->addr.is_unix ? listen_unix(c, log) : listen_tcp(c, log);

	if (err != 0)
		return err;
	c->bound = true;
	if (listen(c->fd, BACKLOG) != 0)
		return complain(c, log, "cannot listen", -errno);
	LOG(log, LOG_L_INFO, "waiting for RTP proxies on %s", c->rtpp_notify_socket);
	return 0;
}

void notify_unlisten(struct notify_conf *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->bound && c->addr.is_unix)
		(void)unlink(
			c->addr.path); /* not ours to remove any more: the next start does */
	c->bound = false;
}
