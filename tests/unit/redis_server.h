/**
 * @file redis_server.h  A Redis of a test's own: UNIX socket and loopback port, in a
 * temporary folder, nothing kept on disk.
 *
 * Ended by its pid. Tests that need it call redis_server_missing() first and skip with
 * its reason.
 */
#pragma once

#include "tests/unit/ph_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct redis_server {
	pid_t pid; /**< 0: not running */
	char dir[64];
	char path[96];
	uint16_t port;
	const char *extra[12]; /**< more arguments, ends with NULL */
};

static inline void redis_server_pause(void)
{
	const struct timespec ms = {.tv_nsec = 2000000};

	nanosleep(&ms, NULL);
}

/** NULL, or why there is no Redis here. */
static inline const char *redis_server_missing(void)
{
	static const char *const places[] = {
		"/usr/bin/redis-server", "/usr/local/bin/redis-server"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0)
			return NULL;
	return "redis-server is not installed";
}

static inline uint16_t redis_server_free_port(void)
{
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&in, len) != 0 ||
		getsockname(fd, (struct sockaddr *)&in, &len) != 0)
		fail_msg("no free port");
	close(fd);
	return ntohs(in.sin_port);
}

static inline bool redis_server_answers(const struct redis_server *s)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char reply[8] = {0};
	bool ok;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", s->path);
	/* A +PONG, or -NOAUTH: both are answers. */
	ok = connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 &&
		send(fd, "PING\r\n", 6, MSG_NOSIGNAL) == 6 && read(fd, reply, 5) > 0;
	close(fd);
	return ok;
}

static inline void redis_server_exec(const struct redis_server *s)
{
	char port[8], unix_path[96], dir[64];
	const char *argv[32] = {"redis-server", "--port", port, "--bind", "127.0.0.1",
		"--unixsocket", unix_path, "--save", "", "--appendonly", "no", "--dir",
		dir, "--daemonize", "no"};
	unsigned n = 15;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)snprintf(port, sizeof(port), "%u", s->port);
	(void)snprintf(unix_path, sizeof(unix_path), "%s", s->path);
	(void)snprintf(dir, sizeof(dir), "%s", s->dir);
	for (unsigned i = 0; s->extra[i] != NULL; i++)
		argv[n++] = s->extra[i];
	argv[n] = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves nothing behind */
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
	}
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/** Starts it (again) and waits till it answers; at most 10 s. */
static inline void redis_server_start(struct redis_server *s)
{
	unsigned tries;

	if (s->dir[0] == '\0') {
		(void)snprintf(s->dir, sizeof(s->dir), "/tmp/ph-redis-XXXXXX");
		if (mkdtemp(s->dir) == NULL)
			fail_msg("no temporary folder");
		(void)snprintf(s->path, sizeof(s->path), "%s/r.sock", s->dir);
		s->port = redis_server_free_port();
	}
	s->pid = fork();
	if (s->pid == 0)
		redis_server_exec(s);
	if (s->pid < 0)
		fail_msg("cannot fork");
	for (tries = 0; tries < 5000 && !redis_server_answers(s); tries++) {
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
			s->pid = 0;
			fail_msg("redis-server has ended at its start");
		}
		redis_server_pause();
	}
	if (tries == 5000)
		fail_msg("redis-server does not answer");
}

static inline void redis_server_stop(struct redis_server *s)
{
	if (s->pid == 0)
		return;
	kill(s->pid, SIGKILL);
	kill(s->pid, SIGCONT);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
	unlink(s->path);
}

static inline void redis_server_remove(struct redis_server *s)
{
	redis_server_stop(s);
	if (s->dir[0] != '\0')
		rmdir(s->dir);
	s->dir[0] = '\0';
}

/** What redis-cli prints for a command line; in a buffer that the next call overwrites. */
static inline const char *redis_server_cli(
	const struct redis_server *s, const char *command)
{
	static char text[8192];
	char line[1024];
	size_t len;
	FILE *f;

	(void)snprintf(line, sizeof(line), "redis-cli -s %s %s 2>&1", s->path, command);
	f = popen(line, "re");
	if (f == NULL)
		fail_msg("no redis-cli");
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	pclose(f);
	return text;
}
