/* pinholectl: sends one command to the daemon's control socket and prints what it answers. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/pinhole/mi.sock"
#define ANSWER_SECONDS 10

enum { EXIT_DONE = 0, EXIT_ANSWERED_ERROR = 1, EXIT_UNREACHABLE = 2 };

static void usage(FILE *to)
{
	fprintf(to, "usage: pinholectl [-s SOCKET] [--json] COMMAND [ARG...]\n"
		    "  -s SOCKET  control socket of the daemon (default: %s, or $PINHOLE_SOCKET)\n"
		    "  --json     print the result as JSON\n"
		    "  --help     this text;  'pinholectl help' lists the daemon's commands\n"
		    "Exit status: 0 done; 1 the daemon answered an error; 2 not reachable, or wrong usage.\n",
		DEFAULT_SOCKET);
}

static int connect_to(const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct timeval wait = {.tv_sec = ANSWER_SECONDS};
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) != 0) {
		int err = errno;

		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

/* The request as one line. An argument that is an integer travels as text: commands decide. */
static char *request_line(char **args, int count, int as_json)
{
	json_t *root = json_object(), *params = json_array();
	char *text;

	for (int i = 1; i < count; i++)
		json_array_append_new(params, json_string(args[i]));
	json_object_set_new(root, "jsonrpc", json_string("2.0"));
	json_object_set_new(root, "id", json_integer(1));
	json_object_set_new(root, "method", json_string(args[0]));
	json_object_set_new(root, "params", params);
	json_object_set_new(root, "text", json_boolean(!as_json));
	text = json_dumps(root, JSON_COMPACT);
	json_decref(root);
	return text;
}

static int send_all(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* One line from the daemon, without its newline; NULL when none came. */
static char *read_line(int fd)
{
	size_t len = 0, cap = 65536;
	char *line = malloc(cap);

	while (line) {
		ssize_t n = recv(fd, line + len, cap - len - 1, 0);
		char *end;

		if (n <= 0)
			break;
		line[len + (size_t)n] = '\0';
		end = strchr(line + len, '\n');
		len += (size_t)n;
		if (end) {
			*end = '\0';
			return line;
		}
		if (len + 1 >= cap) {
			char *more = realloc(line, cap *= 2);

			if (!more)
				break;
			line = more;
		}
	}
	free(line);
	return NULL;
}

static int print_answer(const char *line, int as_json)
{
	json_t *root = json_loads(line, 0, NULL);
	json_t *error = json_object_get(root, "error"), *result = json_object_get(root, "result");
	int status = EXIT_DONE;

	if (error) {
		const char *message = json_string_value(json_object_get(error, "message"));

		fprintf(stderr, "pinholectl: %s\n", message ? message : "error");
		status = EXIT_ANSWERED_ERROR;
	} else if (!result) {
		fprintf(stderr, "pinholectl: the daemon's answer is not JSON-RPC\n");
		status = EXIT_UNREACHABLE;
	} else if (as_json) {
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
		putchar('\n');
	} else {
		fputs(json_string_value(result) ? json_string_value(result) : "", stdout);
	}
	json_decref(root);
	return status;
}

static int talk(const char *path, char **args, int count, int as_json)
{
	char *request, *line = NULL;
	int fd = connect_to(path), status = EXIT_UNREACHABLE;

	if (fd < 0) {
		fprintf(stderr, "pinholectl: cannot reach the daemon at %s: %s\n", path, strerror(errno));
		return EXIT_UNREACHABLE;
	}
	request = request_line(args, count, as_json);
	if (request && send_all(fd, request) == 0 && send_all(fd, "\n") == 0)
		line = read_line(fd);
	if (line)
		status = print_answer(line, as_json);
	else
		fprintf(stderr, "pinholectl: no answer from the daemon at %s\n", path);
	free(line);
	free(request);
	close(fd);
	return status;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"socket", required_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *path = getenv("PINHOLE_SOCKET");
	int c, as_json = 0;

	if (!path || !*path)
		path = DEFAULT_SOCKET;
	while ((c = getopt_long(argc, argv, "+s:jh", options, NULL)) != -1) {
		switch (c) {
		case 's':
			path = optarg;
			break;
		case 'j':
			as_json = 1;
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
		usage(stderr);
		return EXIT_UNREACHABLE;
	}
	return talk(path, argv + optind, argc - optind, as_json);
}
