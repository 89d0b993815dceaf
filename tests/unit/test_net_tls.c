#include "tests/unit/net_test.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

#include "tests/unit/tls_test.h"

static const char options[] = "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 5\r\n\r\nhello";
static const char ok[] = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n";

static struct tls_test ca;
static char edge[TLS_TEST_PATH + 64];
static struct net_tls_conf conf;

static int group_setup(void **state)
{
	static char no[] = "no", version[] = "1.2", ciphers[] = "HIGH:!aNULL";

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	tls_test_open(&ca);
	tls_test_make(&ca, edge, "edge.pem", "edge", "DNS:edge.example,IP:127.0.0.1", 10);
	conf = (struct net_tls_conf){.certificate = edge, .ca = ca.ca, .verify_client = no, .verify_server = true, .min_version = version,
		.ciphers = ciphers};
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	tls_test_close(&ca);
	return 0;
}

static int setup(void **state)
{
	static const char *const specs[] = {"udp:127.0.0.1:%u", "tls:127.0.0.1:%u", NULL};
	struct net_test *t = net_test_new();
	struct net_tls_error why;

	*state = t;
	assert_int_equal(net_tls_new(&t->tls, &conf, &why), 0);
	net_test_listen(t, specs);
	net_test_start(t);
	return 0;
}

static int teardown(void **state)
{
	struct net_test *t = *state;
	struct net_tls *tls = t->tls;

	net_test_destroy(t);
	net_tls_destroy(&tls);
	return 0;
}

/* The other side of a connection: OpenSSL on a socket that does not block, turned together with the workers. */
struct far {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

static void far_begin(struct far *f, int fd, bool server, const char *certificate)
{
	f->fd = fd;
	f->ctx = SSL_CTX_new(TLS_method());
	SSL_CTX_set_mode(f->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	if (certificate != NULL) {
		assert_int_equal(SSL_CTX_use_certificate_file(f->ctx, certificate, SSL_FILETYPE_PEM), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey_file(f->ctx, certificate, SSL_FILETYPE_PEM), 1);
	}
	f->ssl = SSL_new(f->ctx);
	SSL_set_fd(f->ssl, fd);
	if (server)
		SSL_set_accept_state(f->ssl);
	else
		SSL_set_connect_state(f->ssl);
}

static void far_end(struct far *f)
{
	SSL_free(f->ssl);
	SSL_CTX_free(f->ctx);
	close(f->fd);
}

/* 1: done; 0: not yet; -1: failed. */
static int far_shake(struct far *f)
{
	int r = SSL_do_handshake(f->ssl), code;

	if (r == 1)
		return 1;
	code = SSL_get_error(f->ssl, r);
	ERR_clear_error();
	return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* Bytes that are there now, or 0; -1: the end. */
static ssize_t far_read(struct far *f, char *out, size_t size)
{
	int r = SSL_read(f->ssl, out, (int)size), code;

	if (r > 0)
		return r;
	code = SSL_get_error(f->ssl, r);
	ERR_clear_error();
	return code == SSL_ERROR_WANT_READ ? 0 : -1;
}

static void far_say(struct net_test *t, struct far *f, const char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		int r = 0;

		NET_TEST_UNTIL(t, (r = SSL_write(f->ssl, data + done, (int)(len - done))) > 0);
		done += (size_t)r;
	}
}

static void far_hear(struct net_test *t, struct far *f, char *out, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = 0;

		NET_TEST_UNTIL(t, (n = far_read(f, out + done, len - done)) != 0);
		assert_true(n > 0);
		done += (size_t)n;
	}
	out[done] = '\0';
}

static int connected(struct net_test *t)
{
	struct addr to = ph_test_ipv4("127.0.0.1", t->port);
	int fd = net_test_phone(SOCK_STREAM, "127.0.0.1");

	assert_true(connect(fd, &to.sa, addr_len(&to)) == 0 || errno == EINPROGRESS);
	return fd;
}

/* A phone whose handshake is done. */
static void phone(struct net_test *t, struct far *f)
{
	int r = 0;

	far_begin(f, connected(t), false, NULL);
	NET_TEST_UNTIL(t, (r = far_shake(f)) != 0);
	assert_int_equal(r, 1);
}

static struct net_dest back(const struct net_test_msg *m)
{
	return (struct net_dest){.transport = SIP_TR_TLS, .addr = m->rx.src, .conn = m->rx.conn, .no_connect = true};
}

static void a_message_arrives_and_its_answer_goes_back_over_the_connection(void **state)
{
	struct net_test *t = *state;
	const struct net_test_msg *m;
	struct far f;
	char text[100];

	t->answer = slice_str(ok);
	phone(t, &f);
	far_say(t, &f, options, strlen(options));
	far_hear(t, &f, text, strlen(ok));
	assert_string_equal(text, ok);
	m = net_test_first(t);
	assert_string_equal(m->text, options);
	assert_int_equal(m->rx.transport, SIP_TR_TLS);
	assert_int_equal((m->rx.conn >> 48) - 1, m->worker);
	assert_int_equal(net_test_counter(t, NET_C_TLS_ACCEPTED), 1);
	assert_int_equal(net_test_counter(t, NET_C_TLS_HANDSHAKES), 1);
	assert_int_equal(net_test_counter(t, NET_C_TLS_RECEIVED), 1);
	assert_int_equal(net_test_counter(t, NET_C_TLS_SENT), 1);
	assert_int_equal(net_test_counter(t, NET_C_TLS_OPEN), 1);
	far_end(&f);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TLS_OPEN) == 0);
}

static void any_worker_may_answer(void **state)
{
	struct net_test *t = *state;
	struct far f;
	char text[100];

	phone(t, &f);
	far_say(t, &f, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	for (unsigned i = 0; i < t->workers; i++) {
		const struct net_dest to = back(net_test_first(t));

		assert_int_equal(net_send(t->w[i].net, &to, slice_str(ok)), 0);
		far_hear(t, &f, text, strlen(ok));
		assert_string_equal(text, ok);
	}
	far_end(&f);
}

/* As many as fit into a record come with one system call; the socket does not speak of the later ones. */
static void many_messages_in_one_record_are_all_taken(void **state)
{
	struct net_test *t = *state;
	const unsigned count = 200;
	size_t len = strlen(options);
	char *all = malloc(count * len);
	struct far f;

	for (unsigned i = 0; i < count; i++)
		memcpy(all + i * len, options, len);
	phone(t, &f);
	far_say(t, &f, all, count * len);
	NET_TEST_UNTIL(t, net_test_seen(t) == count);
	/* The last of them in a record of its own; then half a one, and the rest. */
	far_say(t, &f, options, len);
	far_say(t, &f, options, 10);
	NET_TEST_UNTIL(t, net_test_seen(t) == count + 1);
	far_say(t, &f, options + 10, len - 10);
	NET_TEST_UNTIL(t, net_test_seen(t) == count + 2);
	free(all);
	far_end(&f);
}

static void say_byte_by_byte(struct net_test *t, struct far *f, BIO *out)
{
	char bytes[4096];
	int len = BIO_read(out, bytes, sizeof(bytes));

	for (int b = 0; b < len; b++) {
		NET_TEST_UNTIL(t, send(f->fd, bytes + b, 1, MSG_NOSIGNAL) == 1);
		net_test_turn(t);
	}
}

static void a_handshake_byte_by_byte_comes_to_its_end(void **state)
{
	struct net_test *t = *state;
	BIO *out = BIO_new(BIO_s_mem());
	struct far f;
	int r = 0;

	far_begin(&f, connected(t), false, NULL);
	SSL_set0_wbio(f.ssl, out); /* what it says is ours to send */
	(void)far_shake(&f);
	while (r == 0) {
		say_byte_by_byte(t, &f, out);
		NET_TEST_UNTIL(t, (r = far_shake(&f)) != 0 || BIO_pending(out) > 0);
	}
	assert_int_equal(r, 1);
	say_byte_by_byte(t, &f, out);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TLS_HANDSHAKES) == 1);
	far_end(&f);
}

/* The kernel's buffers fill, records wait half written: what comes out at the other end is whole all the same. */
static void a_slow_reader_gets_every_byte_in_its_order(void **state)
{
	struct net_test *t = *state;
	const unsigned count = 4000;
	char text[300], want[300];
	size_t sum = 0;
	struct far f;

	phone(t, &f);
	assert_int_equal(setsockopt(f.fd, SOL_SOCKET, SO_RCVBUF, &(int){4096}, sizeof(int)), 0);
	far_say(t, &f, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	for (unsigned i = 0; i < count; i++) {
		const struct net_dest to = back(net_test_first(t));
		unsigned worker = net_test_first(t)->worker;

		snprintf(text, sizeof(text), "SIP/2.0 200 OK\r\nX-Number: %u\r\nX-Fill: %.*s\r\nContent-Length: 0\r\n\r\n", i, (int)(i % 97),
			"................................................................................................");
		sum += strlen(text);
		assert_int_equal(net_send(t->w[worker].net, &to, slice_str(text)), 0);
		if (i % 50 == 0)
			net_test_turn(t);
		/* Its queue is bounded: read a little when there is much. */
		if (i % 400 == 399) {
			for (unsigned b = i - 399; b <= i; b++) {
				snprintf(want, sizeof(want), "SIP/2.0 200 OK\r\nX-Number: %u\r\nX-Fill: %.*s\r\nContent-Length: 0\r\n\r\n", b,
					(int)(b % 97),
					"......................................................................................"
					"..........");
				far_hear(t, &f, text, strlen(want));
				assert_string_equal(text, want);
			}
		}
	}
	assert_true(sum > 300000);
	assert_int_equal(net_test_counter(t, NET_C_TLS_SENT), count);
	far_end(&f);
}

/* A server that is connected to: it listens, and takes the one connection. */
static int accepted(struct net_test *t, int listener)
{
	int fd = -1;

	NET_TEST_UNTIL(t, (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0);
	return fd;
}

static struct net_dest to_server(struct net_test *t, int listener, const char *name)
{
	struct net_dest to = {.transport = SIP_TR_TLS, .addr = net_test_local(listener), .cookie = 77};

	to.name = net_name(t->w[0].net, slice_str(name));
	return to;
}

static void what_is_sent_while_connecting_leaves_after_the_handshake(void **state)
{
	struct net_test *t = *state;
	int listener = net_test_socket(SOCK_STREAM, "127.0.0.1", 0), r = 0;
	struct net_dest to = to_server(t, listener, "edge.example");
	char text[200];
	struct far f;

	for (unsigned i = 0; i < t->workers; i++)
		assert_int_equal(net_send(t->w[i].net, &to, slice_str(options)), 0);
	far_begin(&f, accepted(t, listener), true, edge);
	NET_TEST_UNTIL(t, (r = far_shake(&f)) != 0);
	assert_int_equal(r, 1);
	assert_string_equal(SSL_get_servername(f.ssl, TLSEXT_NAMETYPE_host_name), "edge.example");
	far_hear(t, &f, text, 2 * strlen(options));
	assert_memory_equal(text, options, strlen(options));
	assert_int_equal(net_test_counter(t, NET_C_TLS_CONNECTED), 1);
	assert_int_equal(t->w[0].error_count + t->w[1].error_count, 0);
	/* Its messages are messages like others. */
	far_say(t, &f, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	far_end(&f);
	close(listener);
}

static void who_cannot_prove_the_name_gets_nothing(void **state)
{
	struct net_test *t = *state;
	int listener = net_test_socket(SOCK_STREAM, "127.0.0.1", 0);
	struct net_dest to = to_server(t, listener, "other.example");
	struct far f;
	char text[10];

	assert_int_equal(net_send(t->w[0].net, &to, slice_str(options)), 0);
	far_begin(&f, accepted(t, listener), true, edge);
	NET_TEST_UNTIL(t, far_shake(&f) < 2 && t->w[0].error_count == 1);
	assert_int_equal(t->w[0].errors[0].cookie, 77);
	assert_int_equal(t->w[0].errors[0].err, -EKEYREJECTED);
	assert_true(far_read(&f, text, sizeof(text)) <= 0);
	assert_int_equal(net_test_counter(t, NET_C_TLS_REFUSED_CERTIFICATES), 1);
	assert_int_equal(net_test_counter(t, NET_C_TLS_OPEN), 0);
	far_end(&f);
	close(listener);
}

static void an_address_is_proved_as_one(void **state)
{
	struct net_test *t = *state;
	int listener = net_test_socket(SOCK_STREAM, "127.0.0.1", 0), r = 0;
	struct net_dest to = to_server(t, listener, "127.0.0.1");
	char text[100];
	struct far f;

	assert_int_equal(to.name, 0);
	assert_int_equal(net_send(t->w[0].net, &to, slice_str(options)), 0);
	far_begin(&f, accepted(t, listener), true, edge);
	NET_TEST_UNTIL(t, (r = far_shake(&f)) != 0);
	far_hear(t, &f, text, strlen(options));
	/* The certificate has this name as well: the same connection. With another name it is a new one. */
	to = to_server(t, listener, "edge.example");
	assert_int_equal(net_send(t->w[0].net, &to, slice_str(options)), 0);
	far_hear(t, &f, text, strlen(options));
	assert_int_equal(net_test_counter(t, NET_C_TLS_CONNECTED), 1);
	to = to_server(t, listener, "other.example");
	assert_int_equal(net_send(t->w[0].net, &to, slice_str(options)), 0);
	close(accepted(t, listener));
	far_end(&f);
	close(listener);
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
	struct net_test *t = *state;
	int listener = net_test_socket(SOCK_STREAM, "127.0.0.1", 0), fd;
	struct net_dest to = to_server(t, listener, "edge.example");

	t->conf.tls_handshake_timeout = 50;
	assert_int_equal(net_send(t->w[0].net, &to, slice_str(options)), 0);
	fd = accepted(t, listener);
	NET_TEST_UNTIL(t, t->w[0].error_count == 1);
	assert_int_equal(t->w[0].errors[0].err, -ETIMEDOUT);
	assert_int_equal(net_test_counter(t, NET_C_TLS_TIMEOUTS), 1);
	close(fd);
	close(listener);
}

static void who_connects_and_says_nothing_is_closed(void **state)
{
	struct net_test *t = *state;
	char junk[100];
	int fd;

	t->conf.tls_handshake_timeout = 50;
	fd = connected(t);
	NET_TEST_UNTIL(t, net_test_read(fd, junk, sizeof(junk)) < 0);
	assert_int_equal(net_test_counter(t, NET_C_TLS_TIMEOUTS), 1);
	assert_int_equal(net_test_counter(t, NET_C_TLS_FAILED), 1);
	close(fd);
}

static void what_is_no_tls_is_closed(void **state)
{
	struct net_test *t = *state;
	int fd = connected(t);
	char junk[100];

	NET_TEST_UNTIL(t, send(fd, options, strlen(options), MSG_NOSIGNAL) > 0);
	NET_TEST_UNTIL(t, net_test_read(fd, junk, sizeof(junk)) < 0);
	assert_int_equal(net_test_counter(t, NET_C_TLS_FAILED), 1);
	assert_int_equal(net_test_seen(t), 0);
	close(fd);
}

static void count_lines(void *arg, const char *line)
{
	unsigned *lines = arg;

	if (strstr(line, "wrong version number") != NULL)
		lines[0]++;
	if (strstr(line, "more TLS handshakes failed") != NULL)
		lines[1]++;
}

/* Strangers decide how many fail; the log stays readable. */
static void a_flood_of_failures_is_a_few_lines_and_a_number(void **state)
{
	struct net_test *t = *state;
	unsigned lines[2] = {0};
	char junk[100];

	log_capture(count_lines, lines);
	for (unsigned i = 0; i < 90; i++) {
		int fd = connected(t);

		NET_TEST_UNTIL(t, send(fd, options, strlen(options), MSG_NOSIGNAL) > 0);
		NET_TEST_UNTIL(t, net_test_read(fd, junk, sizeof(junk)) < 0);
		close(fd);
	}
	assert_int_equal(net_test_counter(t, NET_C_TLS_FAILED), 90);
	assert_in_range(lines[0], 10, 70); /* ten a second of each worker; slow machines take longer */
	/* After the second the number of the others is told. */
	for (unsigned i = 0; i < 400 && lines[1] == 0; i++) {
		int fd = connected(t);

		NET_TEST_UNTIL(t, send(fd, options, strlen(options), MSG_NOSIGNAL) > 0);
		NET_TEST_UNTIL(t, net_test_read(fd, junk, sizeof(junk)) < 0);
		close(fd);
		if (lines[1] == 0)
			usleep(10000); /* the window is a second of the clock */
	}
	log_capture(NULL, NULL);
	assert_true(lines[1] > 0);
}

static void who_goes_away_in_the_handshake_leaves_nothing_behind(void **state)
{
	struct net_test *t = *state;
	struct far f;

	far_begin(&f, connected(t), false, NULL);
	(void)far_shake(&f);
	for (unsigned i = 0; i < 3; i++)
		net_test_turn(t);
	far_end(&f);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TLS_FAILED) == 1);
	assert_int_equal(net_test_counter(t, NET_C_TLS_OPEN), 0);
}

static void a_connection_that_is_gone_is_not_made_again(void **state)
{
	struct net_test *t = *state;
	struct net_dest to;
	struct far f;

	phone(t, &f);
	far_say(t, &f, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	to = back(net_test_first(t));
	far_end(&f);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TLS_OPEN) == 0);
	assert_int_equal(net_send(t->w[net_test_first(t)->worker].net, &to, slice_str(ok)), -ENOTCONN);
	assert_int_equal(net_test_counter(t, NET_C_TLS_CONNECTED), 0);
}

/* A request inside a call, to where the phone's Contact points. */
static void where_a_connection_from_behind_nat_came_from_nobody_listens(void **state)
{
	struct net_test *t = *state;
	struct net_dest to;
	struct addr local;
	char text[100];
	unsigned worker;
	struct far f;
	int ear;

	phone(t, &f);
	far_say(t, &f, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	local = net_test_local(f.fd);
	worker = net_test_first(t)->worker;
	to = back(net_test_first(t)); /* a reply to somebody behind NAT */
	assert_int_equal(net_send(t->w[worker].net, &to, slice_str(ok)), 0);
	far_hear(t, &f, text, strlen(ok));
	to = (struct net_dest){.transport = SIP_TR_TLS, .addr = local};
	assert_int_equal(setsockopt(f.fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger)), 0);
	far_end(&f);
	NET_TEST_UNTIL(t, net_test_counter(t, NET_C_TLS_OPEN) == 0);
	ear = net_test_socket(SOCK_STREAM, "127.0.0.1", addr_port(&local));
	assert_true(ear >= 0);
	assert_int_equal(net_send(t->w[worker].net, &to, slice_str(ok)), -ENOTCONN);
	/* The port beside it is another matter. */
	to.addr = net_test_local(ear);
	addr_set_port(&to.addr, (uint16_t)(addr_port(&local) ^ 1));
	assert_int_equal(net_send(t->w[worker].net, &to, slice_str(ok)), 0);
	close(ear);
}

static void a_tls_connection_is_none_of_tcp(void **state)
{
	struct net_test *t = *state;
	const struct net_test_worker *w;
	struct net_dest to;
	struct far f;

	phone(t, &f);
	far_say(t, &f, options, strlen(options));
	NET_TEST_UNTIL(t, net_test_seen(t) == 1);
	to = back(net_test_first(t));
	to.conn = 0;
	to.transport = SIP_TR_TCP;
	to.cookie = 5;
	w = &t->w[net_test_first(t)->worker];
	if (net_send(w->net, &to, slice_str(ok)) == 0) /* by another worker: that one says so */
		NET_TEST_UNTIL(t, w->error_count == 1);
	assert_int_equal(net_test_counter(t, NET_C_TLS_SENT), 0);
	far_end(&f);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_message_arrives_and_its_answer_goes_back_over_the_connection),
		TEST(any_worker_may_answer),
		TEST(many_messages_in_one_record_are_all_taken),
		TEST(a_handshake_byte_by_byte_comes_to_its_end),
		TEST(a_slow_reader_gets_every_byte_in_its_order),
		TEST(what_is_sent_while_connecting_leaves_after_the_handshake),
		TEST(who_cannot_prove_the_name_gets_nothing),
		TEST(an_address_is_proved_as_one),
		TEST(a_server_that_says_nothing_is_given_up),
		TEST(who_connects_and_says_nothing_is_closed),
		TEST(what_is_no_tls_is_closed),
		TEST(a_flood_of_failures_is_a_few_lines_and_a_number),
		TEST(who_goes_away_in_the_handshake_leaves_nothing_behind),
		TEST(a_connection_that_is_gone_is_not_made_again),
		TEST(where_a_connection_from_behind_nat_came_from_nobody_listens),
		TEST(a_tls_connection_is_none_of_tcp),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
