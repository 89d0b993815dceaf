/**
 * @file rtpp_fake.h  A scripted RTP proxy on the test's own loop.
 */
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include "core/base/loop.h"
#include "tests/unit/ph_test.h"

#define FAKE_LOG 64

struct rtpp_fake {
	struct loop *loop;
	struct loop_io *io;
	int fd;
	struct addr addr;
	char url[64];
	struct {
		char cookie[64], command[256];
	} log[FAKE_LOG];
	struct addr from;    /**< of the last datagram */
	const char *notify_error; /**< answer to U with notification words; NULL: as to any */
	const char *orders;  /**< answer to P, S, R; NULL: 0 */
	unsigned count;      /**< datagrams that came */
	unsigned deaf;       /**< how many more of them are not answered */
	unsigned times;      /**< how often each answer is sent */
	uint16_t port;       /**< next one to give */
	const char *updates; /**< answer to U; NULL: a port and 192.0.2.99 */
	const char *second;  /**< answer to U and L of stream 2; NULL: as updates */
	const char *lookups; /**< answer to L */
	const char *version; /**< to V */
	const char *raw;     /**< sent instead of each answer, without cookie */
};

static inline const char *rtpp_fake_answer(
	struct rtpp_fake *f, const char *command, char room[64])
{
	bool stream2 = strstr(command, ";2") != NULL;

	if (strcmp(command, "V") == 0)
		return f->version ? f->version : "20040107";
	if (command[0] == 'V')
		return strcmp(command, "VF 20050322") == 0 ||
				strcmp(command, "VF 20081102") == 0
			? "1"
			: "0";
	if (command[0] == 'D')
		return "0";
	if (strchr("PSR", command[0]))
		return f->orders ? f->orders : "0";
	if (command[0] == 'U' && f->notify_error && strstr(command, "9999 "))
		return f->notify_error;
	if (stream2 && f->second)
		return f->second;
	if (command[0] == 'U' && f->updates)
		return f->updates;
	if (command[0] == 'L' && f->lookups)
		return f->lookups;
	(void)snprintf(room, 64, "%u 192.0.2.99", (unsigned)f->port);
	f->port = (uint16_t)(f->port + 2);
	return room;
}

static inline void rtpp_fake_read(void *arg, int fd, int what)
{
	struct rtpp_fake *f = arg;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	char text[512], reply[1024], room[64], *command;
	ssize_t n = recvfrom(
		fd, text, sizeof(text) - 1, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	unsigned i;

	(void)what;
	if (n <= 0 || f->count >= FAKE_LOG)
		return;
	assert_int_equal(addr_from_sa(&f->from, (struct sockaddr *)&from, len), 0);
	text[n] = '\0';
	assert_int_equal(text[n - 1], '\n');
	text[n - 1] = '\0';
	command = strchr(text, ' ');
	assert_non_null(command);
	*command++ = '\0';
	(void)snprintf(f->log[f->count].cookie, sizeof(f->log[0].cookie), "%.63s", text);
	(void)snprintf(
		f->log[f->count].command, sizeof(f->log[0].command), "%.255s", command);
	f->count++;
	if (f->deaf > 0) {
		f->deaf--;
		return;
	}
	if (f->raw)
		(void)snprintf(reply, sizeof(reply), "%s", f->raw);
	else
		(void)snprintf(reply, sizeof(reply), "%s %s\n", text,
			rtpp_fake_answer(f, command, room));
	for (i = 0; i < f->times; i++)
		(void)sendto(fd, reply, strlen(reply), 0, (struct sockaddr *)&from, len);
}

static inline void rtpp_fake_start(struct rtpp_fake *f, struct loop *loop)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof(bound);

	memset(f, 0, sizeof(*f));
	f->loop = loop;
	f->times = 1;
	f->port = 35000;
	f->addr = ph_test_ipv4("127.0.0.1", 0);
	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(f->fd >= 0);
	assert_int_equal(bind(f->fd, &f->addr.sa, addr_len(&f->addr)), 0);
	assert_int_equal(getsockname(f->fd, (struct sockaddr *)&bound, &len), 0);
	assert_int_equal(addr_from_sa(&f->addr, (struct sockaddr *)&bound, len), 0);
	(void)snprintf(f->url, sizeof(f->url), "udp:127.0.0.1:%u",
		(unsigned)addr_port(&f->addr));
	assert_int_equal(
		loop_io_add(loop, f->fd, LOOP_READ, rtpp_fake_read, f, &f->io), 0);
}

static inline void rtpp_fake_stop(struct rtpp_fake *f)
{
	loop_io_del(&f->io);
	close(f->fd);
}
