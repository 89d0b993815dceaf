/* Batches over real sockets of the loopback. */
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugins/natping/ping_out.h"
#include "tests/unit/ph_test.h"

static struct natping_tally tally;
static int from[2], to;
static struct addr here;
static struct ping_out *out;

static int open_udp(struct addr *bound)
{
	struct addr a = ph_test_ipv4("127.0.0.1", 0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &a.sa, addr_len(&a)), 0);
	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	if (bound != NULL)
		*bound = a;
	return fd;
}

static int setup(void **state)
{
	struct ping_out_setup s = {.fd_count = 3, .raw = -1};
	int fds[3];

	(void)state;
	counter_reset_all();
	assert_int_equal(counter_register(natping_counters, &tally.first), 0);
	assert_int_equal(counter_array_new(&tally.counters), 0);
	to = open_udp(&here);
	from[0] = open_udp(NULL);
	from[1] = open_udp(NULL);
	fds[0] = from[0];
	fds[1] = -1;
	fds[2] = from[1];
	s.fds = fds;
	s.tally = tally;
	assert_int_equal(ping_out_new(&out, &s), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ping_out_destroy(&out);
	close(from[0]);
	close(from[1]);
	close(to);
	counter_array_destroy(&tally.counters);
	counter_reset_all();
	return 0;
}

static int64_t count(enum natping_counter which)
{
	return counter_read(tally.first + (unsigned)which);
}

/* Bytes of the next datagram and the port it came from; -1: none. */
static ssize_t receive(char *data, size_t size, uint16_t *port)
{
	struct addr src = {0};
	socklen_t len = sizeof(src);
	ssize_t n = recvfrom(to, data, size, 0, &src.sa, &len);

	*port = addr_port(&src);
	return n;
}

static uint16_t port_of(int fd)
{
	struct addr a;
	socklen_t len = sizeof(a);

	assert_int_equal(getsockname(fd, &a.sa, &len), 0);
	return addr_port(&a);
}

static void nothing_leaves_before_the_flush_then_each_from_its_listener(void **state)
{
	unsigned by[2] = {0, 0};
	char data[64];
	uint16_t port;
	ssize_t n;

	(void)state;
	for (unsigned i = 0; i < 40; i++)
		ping_out_zeros(out, i % 2 ? 2 : 0, &here);
	assert_int_equal(receive(data, sizeof(data), &port), -1);
	assert_false(ping_out_flush(out));
	while ((n = receive(data, sizeof(data), &port)) >= 0) {
		assert_int_equal(n, 4);
		assert_memory_equal(data, "\0\0\0\0", 4);
		by[port == port_of(from[1])]++;
	}
	assert_int_equal(by[0], 20);
	assert_int_equal(by[1], 20);
	assert_int_equal(count(NATPING_C_SENT_UDP), 40);
}

static void more_than_a_batch_leaves_by_itself(void **state)
{
	char data[64];
	uint16_t port;
	unsigned got = 0;

	(void)state;
	for (unsigned i = 0; i < 150; i++)
		ping_out_zeros(out, 0, &here);
	assert_false(ping_out_flush(out));
	while (receive(data, sizeof(data), &port) >= 0)
		got++;
	assert_int_equal(got, 150);
	assert_int_equal(count(NATPING_C_SEND_ERRORS), 0);
}

static void requests_and_zeros_go_together(void **state)
{
	char data[8192];
	uint16_t port;

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		struct buf *b = ping_out_begin(out, 0);

		assert_non_null(b);
		buf_printf(b, "request %u %7000d", i, 1);
		ping_out_end(out, &here);
		ping_out_zeros(out, 0, &here);
		/* The receiver's buffer is finite. */
		assert_false(ping_out_flush(out));
		assert_int_equal(
			receive(data, sizeof(data), &port), (i < 10 ? 9 : 10) + 7001);
		assert_int_equal(receive(data, sizeof(data), &port), 4);
	}
	assert_int_equal(count(NATPING_C_SENT_SIP), 30);
	assert_int_equal(count(NATPING_C_SENT_UDP), 30);
}

static void a_request_that_is_too_long_is_not_sent(void **state)
{
	struct buf *b = ping_out_begin(out, 0);
	char data[64];
	uint16_t port;

	(void)state;
	buf_printf(b, "%100000d", 1);
	ping_out_end(out, &here);
	assert_false(ping_out_flush(out));
	assert_int_equal(receive(data, sizeof(data), &port), -1);
	assert_int_equal(count(NATPING_C_SEND_ERRORS), 1);
	assert_int_equal(count(NATPING_C_SENT_SIP), 0);
}

static void one_that_cannot_be_sent_does_not_hold_up_the_others(void **state)
{
	const struct addr nowhere =
		ph_test_ipv6("2001:db8::1", 5060); /* over an IPv4 socket */
	char data[64];
	uint16_t port;

	(void)state;
	ping_out_zeros(out, 0, &here);
	ping_out_zeros(out, 0, &nowhere);
	ping_out_zeros(out, 0, &here);
	assert_false(ping_out_flush(out));
	assert_int_equal(receive(data, sizeof(data), &port), 4);
	assert_int_equal(receive(data, sizeof(data), &port), 4);
	assert_int_equal(count(NATPING_C_SENT_UDP), 2);
	assert_int_equal(count(NATPING_C_SEND_ERRORS), 1);
}

static void without_a_descriptor_it_is_an_error_that_is_counted(void **state)
{
	(void)state;
	ping_out_zeros(out, 1, &here);
	ping_out_raw(out, &here);
	assert_null(ping_out_begin(out, 1));
	assert_int_equal(count(NATPING_C_SEND_ERRORS), 3);
}

/* A pipe of packets that is full: a socket pair has a send buffer that nobody empties. */
static void what_the_kernel_does_not_take_waits_for_the_next_time(void **state)
{
	struct ping_out_setup s = {.fd_count = 1, .raw = -1, .tally = tally};
	struct ping_out *full;
	struct addr none = {0};
	char data[16];
	int pair[2];
	unsigned got = 0, sent = 0;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair), 0);
	s.fds = pair;
	assert_int_equal(ping_out_new(&full, &s), 0);
	do {
		ping_out_zeros(full, 0, &none);
		sent++;
	} while (!ping_out_flush(full) && sent < 100000);
	assert_true(sent < 100000);
	for (unsigned i = 0; i < 10; i++, sent++)
		ping_out_zeros(full, 0, &none);
	assert_true(ping_out_flush(full));
	while (got < sent) {
		if (recv(pair[1], data, sizeof(data), 0) == 4)
			got++;
		else
			(void)ping_out_flush(full);
	}
	assert_false(ping_out_flush(full));
	assert_int_equal(recv(pair[1], data, sizeof(data), 0), -1);
	assert_int_equal(count(NATPING_C_SENT_UDP), sent);
	assert_int_equal(count(NATPING_C_SEND_ERRORS), 0);
	ping_out_destroy(&full);
	close(pair[0]);
	close(pair[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_leaves_before_the_flush_then_each_from_its_listener),
		TEST(more_than_a_batch_leaves_by_itself),
		TEST(requests_and_zeros_go_together),
		TEST(a_request_that_is_too_long_is_not_sent),
		TEST(one_that_cannot_be_sent_does_not_hold_up_the_others),
		TEST(without_a_descriptor_it_is_an_error_that_is_counted),
		TEST(what_the_kernel_does_not_take_waits_for_the_next_time),
	};
	return cmocka_run_group_tests_name("natping_out", tests, NULL, NULL);
}
