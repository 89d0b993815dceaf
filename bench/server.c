/* Datagrams in, answers out. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/link.h"
#include "bench/server.h"
#include "bench/text.h"

#define BATCH 64

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

size_t server_echo(const char *in, size_t len, char *out, size_t size)
{
	static const char line[] = "SIP/2.0 200 OK";
	const char *eol = memchr(in, '\r', len);
	size_t rest = eol != NULL ? (size_t)(in + len - eol) : 0;

	if (eol == NULL || sizeof(line) - 1 + rest > size || len < 16 || memcmp(in, "ACK ", 4) == 0)
		return 0;
	memcpy(out, line, sizeof(line) - 1);
	memcpy(out + sizeof(line) - 1, eol, rest);
	return sizeof(line) - 1 + rest;
}

/* "COOKIE COMMAND ..."; each new session gets the next even port. */
size_t server_relay(const char *in, size_t len, char *out, size_t size)
{
	static uint32_t port = 35000;
	const char *blank = memchr(in, ' ', len);
	struct text t = {out, out + size, false};

	if (blank == NULL || blank + 1 >= in + len)
		return 0;
	text_put(&t, in, (size_t)(blank + 1 - in));
	switch (blank[1]) {
	case 'V':
		text_string(&t, len > (size_t)(blank - in) + 2 && blank[2] == 'F' ? "1\n" : "20040107\n");
		break;
	case 'U':
	case 'L':
		port = port < 60000 ? port + 2 : 35000;
		text_number(&t, port, 1);
		TEXT_LITERAL(&t, " 127.0.0.1\n");
		break;
	default:
		TEXT_LITERAL(&t, "0\n");
		break;
	}
	return t.full ? 0 : (size_t)(t.p - out);
}

struct batch {
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec in_iov[BATCH], out_iov[BATCH];
	struct sockaddr_storage from[BATCH];
	char in_bytes[BATCH][LINK_MESSAGE], out_bytes[BATCH][LINK_MESSAGE];
};

static unsigned answer_all(struct batch *b, int n, size_t (*answer)(const char *, size_t, char *, size_t))
{
	unsigned count = 0;
	int i;

	for (i = 0; i < n; i++) {
		size_t len = answer(b->in_bytes[i], b->in[i].msg_len, b->out_bytes[count], LINK_MESSAGE);

		if (len == 0)
			continue;
		b->out_iov[count] = (struct iovec){b->out_bytes[count], len};
		b->out[count].msg_hdr = (struct msghdr){.msg_name = &b->from[i], .msg_namelen = b->in[i].msg_hdr.msg_namelen,
			.msg_iov = &b->out_iov[count], .msg_iovlen = 1};
		count++;
	}
	return count;
}

static void serve(int fd, struct batch *b, size_t (*answer)(const char *, size_t, char *, size_t))
{
	unsigned sent, count;
	int i, n;

	while (!ended) {
		for (i = 0; i < BATCH; i++) {
			b->in_iov[i] = (struct iovec){b->in_bytes[i], LINK_MESSAGE};
			b->in[i].msg_hdr = (struct msghdr){.msg_name = &b->from[i], .msg_namelen = sizeof(b->from[i]),
				.msg_iov = &b->in_iov[i], .msg_iovlen = 1};
		}
		n = recvmmsg(fd, b->in, BATCH, MSG_WAITFORONE, NULL);
		count = n > 0 ? answer_all(b, n, answer) : 0;
		for (sent = 0; sent < count; sent += (unsigned)n) {
			n = sendmmsg(fd, b->out + sent, count - sent, 0);
			if (n <= 0)
				n = 1; /* one that cannot be sent is left out */
		}
	}
}

int server_run(const struct options *options)
{
	struct sigaction action = {.sa_handler = on_signal};
	int fd = socket(options->target.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = 4 << 20;
	struct batch *batch = calloc(1, sizeof(*batch));

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (fd < 0 || batch == NULL || options->tcp ||
		bind(fd, (const struct sockaddr *)&options->target, options->target_len) != 0) {
		int err = options->tcp ? EPROTONOSUPPORT : errno;

		fprintf(stderr, "sipload: cannot serve at %s: %s\n", options->target_text, strerror(err));
		free(batch);
		return -err;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	printf("ready\n");
	fflush(stdout);
	serve(fd, batch, options->mode == MODE_ECHO ? server_echo : server_relay);
	free(batch);
	close(fd);
	return 0;
}
