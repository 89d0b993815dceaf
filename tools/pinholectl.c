/* pinholectl: sends one command to the daemon's control socket and prints what it answers. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/pinhole/mi.sock"
#define ANSWER_SECONDS 10 /* for all of it; the daemon itself gives up after 5 */
#define ANSWER_MAX ((size_t)128 << 20)

enum { EXIT_DONE = 0, EXIT_ANSWERED_ERROR = 1, EXIT_UNREACHABLE = 2 };

static void usage(FILE *to)
{
	fprintf(to, "usage: pinholectl [-s SOCKET] [--json] COMMAND [ARG...]\n"
		    "  -s SOCKET  control socket of the daemon (default: $PINHOLE_SOCKET, else %s)\n"
		    "  --json     print the result as JSON\n"
		    "  --help     this text;  'pinholectl help' lists the daemon's commands\n"
		    "Options stand before COMMAND; what follows it are its arguments, also with a '-' in front.\n"
		    "Exit status: 0 done; 1 the daemon answered an error; 2 not reachable, or wrong usage.\n",
		DEFAULT_SOCKET);
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait until fd can be read or written. False with errno ETIMEDOUT at the deadline. */
static bool wait_for(int fd, short what, long long until)
{
	struct pollfd p = {.fd = fd, .events = what};
	long long left;
	int n;

	do {
		left = until - now_ms();
		n = left > 0 ? poll(&p, 1, (int)left) : 0;
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		errno = ETIMEDOUT;
	return n > 0;
}

/* A descriptor, or -1 with errno. */
static int connect_to(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = ANSWER_SECONDS};
	int fd, err;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	/* A daemon that takes nobody in lets connect() wait. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
		connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	err = errno == EAGAIN ? ETIMEDOUT : errno;
	close(fd);
	errno = err;
	return -1;
}

static const char *advice(int err)
{
	switch (err) {
	case ENOENT:
		return " (is pinholed running, with plugin mi? is mi.socket another path? then: -s PATH)";
	case ECONNREFUSED:
		return " (the daemon that made it is gone)";
	case EACCES:
	case EPERM:
		return " (only the daemon's user and root may)";
	case ENAMETOOLONG:
		return " (a socket's path has at most 107 characters)";
	case ETIMEDOUT:
		return " (the daemon takes nobody in: is it stopped?)";
	default:
		return "";
	}
}

/* The request as one line, without newline. Arguments travel as text: commands decide. NULL: *bad is no UTF-8 text, or there is no memory. */
static char *request_line(char **args, int count, bool as_json, const char **bad)
{
	json_t *root = json_object(), *params = json_array();
	char *text = NULL;

	*bad = NULL;
	for (int i = 0; i < count && !*bad; i++) {
		json_t *word = json_string(args[i]);

		if (!word)
			*bad = args[i];
		else if (i == 0)
			json_object_set_new(root, "method", word);
		else
			json_array_append_new(params, word);
	}
	json_object_set_new(root, "jsonrpc", json_string("2.0"));
	json_object_set_new(root, "id", json_integer(1));
	json_object_set_new(root, "params", params);
	json_object_set_new(root, "text", json_boolean(!as_json));
	if (!*bad)
		text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

/* False: it did not go, errno says why. */
static bool send_all(int fd, const char *text, long long until)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0 && !wait_for(fd, POLLOUT, until))
			return false;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* More of the answer into line; its new length, or 0 with errno (0: the daemon closed). */
static size_t read_more(int fd, char *line, size_t len, size_t cap, long long until)
{
	ssize_t n;

	do {
		if (!wait_for(fd, POLLIN, until))
			return 0;
		n = recv(fd, line + len, cap - len, MSG_DONTWAIT);
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	if (n == 0)
		errno = 0;
	return n > 0 ? len + (size_t)n : 0;
}

/* One line from the daemon, with its newline; NULL and errno when none came. */
static char *read_line(int fd, size_t *length, long long until)
{
	size_t len = 0, cap = 65536;
	char *line = malloc(cap);

	while (line) {
		size_t more = read_more(fd, line, len, cap, until);
		char *bigger;

		if (more == 0)
			break;
		if (memchr(line + len, '\n', more - len)) {
			*length = more;
			return line;
		}
		len = more;
		if (len < cap)
			continue;
		bigger = cap < ANSWER_MAX ? realloc(line, cap *= 2) : NULL;
		if (!bigger) {
			errno = EMSGSIZE;
			break;
		}
		line = bigger;
	}
	free(line);
	return NULL;
}

static void print_error(const json_t *error)
{
	json_int_t code = json_integer_value(json_object_get(json_object_get(error, "data"), "code"));
	const char *message = json_string_value(json_object_get(error, "message"));

	if (code != 0)
		fprintf(stderr, "pinholectl: %" JSON_INTEGER_FORMAT " %s\n", code, message ? message : "error");
	else
		fprintf(stderr, "pinholectl: %s\n", message ? message : "error");
}

static int print_result(const json_t *result, bool as_json)
{
	const char *text = json_string_value(result);

	if (as_json) {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
	} else if (text) {
		fputs(text, stdout);
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	fprintf(stderr, "pinholectl: the command is done, but its result cannot be written: %s\n", strerror(errno));
	return EXIT_UNREACHABLE;
}

static int print_answer(const char *line, size_t len, bool as_json)
{
	json_t *root = json_loadb(line, len, 0, NULL);
	const json_t *error = json_object_get(root, "error"), *result = json_object_get(root, "result");
	int status;

	if (error) {
		print_error(error);
		status = EXIT_ANSWERED_ERROR;
	} else if (result) {
		status = print_result(result, as_json);
	} else {
		fprintf(stderr, "pinholectl: what answers there does not speak JSON-RPC\n");
		status = EXIT_UNREACHABLE;
	}
	json_decref(root);
	return status;
}

static int ask(const char *path, int fd, const char *request, bool as_json, long long until)
{
	size_t len = 0;
	char *line;
	int status;

	/* A daemon that turns us away may have closed already: its answer is there all the same. */
	if (send_all(fd, request, until))
		(void)send_all(fd, "\n", until);
	line = read_line(fd, &len, until);
	if (!line) {
		if (errno == ETIMEDOUT)
			fprintf(stderr, "pinholectl: no answer from the daemon at %s within %d s: is it stopped?\n", path, ANSWER_SECONDS);
		else
			fprintf(stderr, "pinholectl: no answer from the daemon at %s: %s\n", path,
				errno ? strerror(errno) : "it closed the connection");
		return EXIT_UNREACHABLE;
	}
	status = print_answer(line, len, as_json);
	free(line);
	return status;
}

static int talk(const char *path, char **args, int count, bool as_json)
{
	long long until = now_ms() + ANSWER_SECONDS * 1000LL;
	const char *bad;
	char *request = request_line(args, count, as_json, &bad);
	int fd, status = EXIT_UNREACHABLE;

	if (!request) {
		fprintf(stderr, "pinholectl: %s: '%s'\n", bad ? "an argument is no UTF-8 text" : "no memory for", bad ? bad : args[0]);
		return EXIT_UNREACHABLE;
	}
	fd = connect_to(path);
	if (fd < 0) {
		fprintf(stderr, "pinholectl: cannot reach the daemon at %s: %s%s\n", path, strerror(errno), advice(errno));
	} else {
		status = ask(path, fd, request, as_json, until);
		close(fd);
	}
	free(request);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"socket", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *path = getenv("PINHOLE_SOCKET");
	bool as_json = false;
	int c;

	if (!path || !*path)
		path = DEFAULT_SOCKET;
	while ((c = getopt_long(argc, argv, "+s:jh", options, NULL)) != -1) {
		switch (c) {
		case 's':
			path = optarg;
			break;
		case 'j':
			as_json = true;
			break;
		case 'h':
			usage(stdout);
			return EXIT_DONE;
		default:
			usage(stderr);
			return EXIT_UNREACHABLE;
		}
	}
	if (optind >= argc) {
		fprintf(stderr, "pinholectl: no command; 'pinholectl help' lists the daemon's\n");
		usage(stderr);
		return EXIT_UNREACHABLE;
	}
	return talk(path, argv + optind, argc - optind, as_json);
}
