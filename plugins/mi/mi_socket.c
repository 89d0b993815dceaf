#include "plugins/mi/mi_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "plugins/mi/mi_conn.h"
#include "plugins/mi/mi_path.h"
#include "plugins/mi/mi_rpc.h"

#define BACKLOG 64
#define PAUSE_MS 200 /* without descriptors: not to be asked again and again */

struct mi_socket {
	const struct mi_ctx *ctx;
	char *path;
	int fd;
	struct stat file; /**< what path was when we made it */
	struct loop_io *io;
	struct timer pause;
	struct mi_quiet full, starved;
	unsigned max;
	struct mi_conn *clients[]; /**< max of them */
};

static void closed(void *arg, struct mi_conn *conn)
{
	struct mi_socket *s = arg;

	for (unsigned i = 0; i < s->max; i++)
		if (s->clients[i] == conn)
			s->clients[i] = NULL;
}

/* One too many is told so; it may not be listening yet, so what does not go at once is lost. */
static void turn_away(struct mi_socket *s, int client)
{
	char why[96], *line;
	unsigned more;

	(void)snprintf(why, sizeof(why), "%u control clients are connected (mi.max_clients): try again", s->max);
	line = mi_rpc_line(mi_rpc_error(NULL, MI_SERVER_ERROR, why, 503));
	mi_count(s->ctx, MI_C_CLIENTS_REFUSED, 1);
	if (line)
		(void)send(client, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
	free(line);
	close(client);
	if (mi_may_log(&s->full, s->ctx->thread->loop, &more))
		LOG(s->ctx->log, LOG_L_WARN, "more than %u control clients: turned one away (since the last such line: %u more)", s->max, more);
}

static void resume(void *arg)
{
	loop_io_set(((struct mi_socket *)arg)->io, LOOP_READ);
}

static void accept_failed(struct mi_socket *s, int err)
{
	unsigned more;

	if (err != EMFILE && err != ENFILE && err != ENOBUFS && err != ENOMEM)
		return;
	loop_io_set(s->io, 0);
	timer_start(s->ctx->thread->loop, &s->pause, PAUSE_MS);
	if (mi_may_log(&s->starved, s->ctx->thread->loop, &more))
		LOG(s->ctx->log, LOG_L_WARN, "no control client can be taken: %s", strerror(err));
}

static void on_accept(void *arg, int fd, int what)
{
	struct mi_socket *s = arg;
	const struct mi_owner owner = {.ctx = s->ctx, .closed = closed, .arg = s};
	int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (client < 0) {
		accept_failed(s, errno);
		return;
	}
	for (unsigned i = 0; i < s->max; i++) {
		if (!s->clients[i]) {
			if (mi_conn_new(&s->clients[i], &owner, client) != 0)
				s->clients[i] = NULL;
			return;
		}
	}
	turn_away(s, client);
}

/* Only a refused connection proves that nobody is there. */
static bool is_stale(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) != 0 && errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return stale;
}

/* Nothing may stand there but a socket without a daemon, which is removed. 0 or negative errno, logged. */
static int make_way(const struct sockaddr_un *sun, struct log_source *log)
{
	struct stat st;
	int err;

	if (lstat(sun->sun_path, &st) != 0)
		return 0; /* whatever is wrong with the path: bind() says it */
	if (!S_ISSOCK(st.st_mode)) {
		LOG(log, LOG_L_ERR, "socket: %s is there already and is no socket: it is left alone; give mi.socket another path", sun->sun_path);
		return -EEXIST;
	}
	if (!is_stale(sun)) {
		LOG(log, LOG_L_ERR, "socket: %s is in use or another user's: give each daemon its own mi.socket, or remove it",
			sun->sun_path);
		return -EADDRINUSE;
	}
	if (unlink(sun->sun_path) == 0)
		return 0;
	err = -errno;
	LOG(log, LOG_L_ERR, "socket: the old socket %s cannot be removed: %s", sun->sun_path, strerror(-err));
	return err;
}

/* The listening socket, or negative errno, logged. */
static int listen_on(const char *path, struct log_source *log, struct stat *file)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	mode_t old;
	int fd, err;

	memcpy(sun.sun_path, path, strlen(path) + 1); /* fits: mi_check_socket() */
	mi_make_folder(path);
	err = make_way(&sun, log);
	if (err != 0)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	old = umask(0177); /* 0600, whatever it was */
	if (bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0 || listen(fd, BACKLOG) != 0 || lstat(path, file) != 0)
		err = -errno;
	umask(old);
	if (err != 0) {
		mi_log_failure(log, "socket", path, err);
		close(fd);
	}
	return err != 0 ? err : fd;
}

int mi_socket_new(struct mi_socket **out, const struct mi_ctx *ctx, const char *path)
{
	unsigned max = (unsigned)ctx->conf->max_clients;
	struct mi_socket *s = calloc(1, sizeof(*s) + max * sizeof(s->clients[0]));
	int err;

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	s->max = max;
	timer_init(&s->pause, resume, s);
	s->fd = listen_on(path, ctx->log, &s->file);
	if (s->fd < 0) {
		err = s->fd;
		free(s);
		return err;
	}
	s->path = strdup(path);
	err = s->path ? loop_io_add(ctx->thread->loop, s->fd, LOOP_READ, on_accept, s, &s->io) : -ENOMEM;
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
	for (unsigned i = 0; i < s->max; i++)
		mi_conn_destroy(&s->clients[i]);
	timer_stop(&s->pause);
	loop_io_del(&s->io);
	close(s->fd);
	if (s->path)
		mi_unlink_own(s->path, &s->file);
	free(s->path);
	free(s);
	*sp = NULL;
}
