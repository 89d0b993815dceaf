#include "plugins/mi/mi_socket.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugins/mi/mi_conn.h"

struct mi_socket {
	struct mi_owner owner;
	char *path;
	int fd;
	struct loop_io *io;
	struct mi_conn *clients[MI_MAX_CLIENTS];
};

static void closed(void *arg, struct mi_conn *conn)
{
	struct mi_socket *s = arg;

	for (unsigned i = 0; i < MI_MAX_CLIENTS; i++)
		if (s->clients[i] == conn)
			s->clients[i] = NULL;
}

static void on_accept(void *arg, int fd, int what)
{
	struct mi_socket *s = arg;
	int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (client < 0)
		return;
	for (unsigned i = 0; i < MI_MAX_CLIENTS; i++) {
		if (!s->clients[i]) {
			if (mi_conn_new(&s->clients[i], &s->owner, client) != 0)
				s->clients[i] = NULL;
			return;
		}
	}
	LOG(s->owner.log, LOG_L_WARN, "more than %d control clients: one was turned away", MI_MAX_CLIENTS);
	close(client);
}

static int address_of(struct sockaddr_un *sun, const char *path)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(sun->sun_path))
		return -ENAMETOOLONG;
	memcpy(sun->sun_path, path, strlen(path) + 1);
	return 0;
}

/* Does somebody answer there? */
static bool is_live(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool live = fd >= 0 && (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return live;
}

static void make_folder(const char *path)
{
	char *copy = strdup(path);

	if (copy)
		(void)mkdir(dirname(copy), 0755); /* bind() tells when it is not there */
	free(copy);
}

static int listen_on(const char *path)
{
	struct sockaddr_un sun;
	mode_t old;
	int fd, err = address_of(&sun, path);

	if (err != 0)
		return err;
	make_folder(path);
	if (is_live(&sun))
		return -EADDRINUSE;
	(void)unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	old = umask(0177);
	if (bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0 || listen(fd, 16) != 0) {
		err = -errno;
		close(fd);
	}
	umask(old);
	return err != 0 ? err : fd;
}

int mi_socket_new(struct mi_socket **out, struct ph_thread *thread, struct log_source *log, const char *path)
{
	struct mi_socket *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->owner = (struct mi_owner){.thread = thread, .log = log, .closed = closed, .arg = s};
	s->fd = listen_on(path);
	if (s->fd < 0) {
		err = s->fd;
		LOG(log, LOG_L_ERR, "socket: cannot listen on %s: %s%s", path, strerror(-err),
			err == -EADDRINUSE ? " (another daemon answers there; give each its own mi.socket)" : "");
		free(s);
		return err;
	}
	s->path = strdup(path);
	err = s->path ? loop_io_add(thread->loop, s->fd, LOOP_READ, on_accept, s, &s->io) : -ENOMEM;
	if (err != 0) {
		mi_socket_destroy(&s);
		return err;
	}
	*out = s;
	return 0;
}

void mi_socket_destroy(struct mi_socket **sp)
{
	struct mi_socket *s = *sp;

	if (!s)
		return;
	for (unsigned i = 0; i < MI_MAX_CLIENTS; i++)
		mi_conn_destroy(&s->clients[i]);
	loop_io_del(&s->io);
	close(s->fd);
	if (s->path)
		(void)unlink(s->path);
	free(s->path);
	free(s);
	*sp = NULL;
}
