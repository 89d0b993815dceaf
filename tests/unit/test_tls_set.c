#include "tests/unit/tls_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "core/base/loop.h"
#include "core/net/tls_conn.h"
#include "core/net/tls_names.h"
#include "core/net/tls_set.h"

static struct tls_test ca;
static char edge[TLS_TEST_PATH + 64], named[TLS_TEST_PATH + 64];

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	tls_test_open(&ca);
	tls_test_make(&ca, edge, "edge.pem", "edge", "DNS:edge.example", 10);
	tls_test_make(&ca, named, "named.pem", "named", "DNS:named.example", 3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tls_test_close(&ca);
	return 0;
}

static struct net_tls_conf conf_of(char *certificate)
{
	static char no[] = "no", version[] = "1.2", ciphers[] = "HIGH:!aNULL";

	return (struct net_tls_conf){.certificate = certificate, .ca = ca.ca, .verify_client = no, .verify_server = true,
		.min_version = version, .ciphers = ciphers};
}

/* Both sides of one connection, turn by turn until each is through or one has failed. */
static void shake(struct tls_conn *a, struct tls_conn *b, int *ra, int *rb)
{
	*ra = *rb = LOOP_READ;
	for (unsigned i = 0; i < 100 && *ra >= 0 && *rb >= 0 && (*ra > 0 || *rb > 0); i++) {
		if (*ra > 0)
			*ra = tls_conn_handshake(a);
		if (*rb > 0)
			*rb = tls_conn_handshake(b);
	}
}

/* What an open connection is for. */
static bool talks(struct tls_conn *client, struct tls_conn *server)
{
	char text[16] = "";

	return tls_conn_send(client, "hello", 5) == 5 && tls_conn_recv(server, text, sizeof(text)) == 5 &&
		memcmp(text, "hello", 5) == 0 && tls_conn_recv(server, text, sizeof(text)) == -EAGAIN;
}

/* They meet, talk, and the client leaves. 0, or what the client's handshake gave; *why then says why. Asserts nothing: for threads as well. */
static int part(struct tls_conn **client, struct tls_conn **server, char why[512])
{
	char text[16];
	int rc, rs;

	shake(*client, *server, &rc, &rs);
	if (why != NULL)
		snprintf(why, 512, "%s", tls_conn_why(*client));
	if (rc == 0 && rs == 0 && !talks(*client, *server))
		rc = -EBADMSG;
	tls_conn_destroy(client);
	if (rc == 0 && rs == 0 && tls_conn_recv(*server, text, sizeof(text)) != 0)
		rc = -EBADMSG; /* no goodbye */
	tls_conn_destroy(server);
	return rc;
}

/* A connection between two sides of ours; the name is what the client wants. */
static int meet(struct net_tls *tls, const char *name, char why[512])
{
	const struct addr peer = ph_test_addr("192.0.2.1", 5061);
	struct tls_conn *client = NULL, *server = NULL;
	int fds[2], err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
		return -errno;
	err = tls_conn_new(&client, tls, fds[0], false, name, &peer);
	if (err == 0)
		err = tls_conn_new(&server, tls, fds[1], true, "", &peer);
	if (err == 0)
		err = part(&client, &server, why);
	tls_conn_destroy(&client);
	tls_conn_destroy(&server);
	close(fds[0]);
	close(fds[1]);
	return err;
}

static void both_sides_meet_and_part(void **state)
{
	const struct net_tls_conf conf = conf_of(edge);
	struct net_tls_error why;
	struct net_tls *tls;

	(void)state;
	assert_int_equal(net_tls_new(&tls, &conf, &why), 0);
	assert_int_equal(meet(tls, "edge.example", NULL), 0);
	net_tls_destroy(&tls);
}

static void the_name_asked_for_decides_which_certificate_is_shown(void **state)
{
	char name[] = "named.example", star[] = "*.stars.example";
	struct net_tls_domain domains[] = {{.name = name, .certificate = named}, {.name = star, .certificate = named}};
	struct net_tls_conf conf = conf_of(edge);
	struct net_tls_error why;
	struct net_tls *tls;
	char text[512];

	(void)state;
	conf.domains = domains;
	conf.domain_count = 2;
	assert_int_equal(net_tls_new(&tls, &conf, &why), 0);
	assert_int_equal(meet(tls, "named.example", NULL), 0);
	assert_int_equal(meet(tls, "edge.example", NULL), 0);
	assert_int_equal(meet(tls, "a.stars.example", text), -EKEYREJECTED);
	assert_string_equal(text, "its certificate is refused: it is for named.example, not for a.stars.example");
	assert_int_equal(meet(tls, "a.b.stars.example", text), -EKEYREJECTED);
	assert_string_equal(text, "its certificate is refused: it is for edge.example, not for a.b.stars.example");
	assert_int_equal(meet(tls, "", text), -EKEYREJECTED);
	assert_string_equal(text, "its certificate is refused: it is for edge.example, not for 192.0.2.1");
	net_tls_destroy(&tls);
}

static void a_reload_is_for_new_connections_and_takes_all_or_nothing(void **state)
{
	struct net_tls_conf conf = conf_of(edge);
	char name[] = "named.example";
	struct net_tls_domain domain = {.name = name, .certificate = named};
	struct net_tls_error why = {0};
	struct tls_set *before, *after;
	struct net_tls *tls;

	(void)state;
	conf.domains = &domain;
	conf.domain_count = 1;
	assert_int_equal(net_tls_new(&tls, &conf, &why), 0);
	before = tls_set_get(tls);
	assert_int_equal(truncate(named, 0), 0);
	assert_int_equal(net_tls_reload(tls, &why), -EINVAL);
	assert_string_equal(why.param, "certificate");
	assert_int_equal(why.domain, 0);
	after = tls_set_get(tls);
	assert_ptr_equal(before, after);
	tls_set_put(&after);
	tls_test_make(&ca, named, "named.pem", "named", "DNS:other.example", 3);
	assert_int_equal(net_tls_reload(tls, &why), 0);
	after = tls_set_get(tls);
	assert_ptr_not_equal(before, after);
	tls_set_put(&after);
	tls_set_put(&before);
	assert_int_equal(meet(tls, "named.example", NULL), -EKEYREJECTED);
	net_tls_destroy(&tls);
	tls_test_make(&ca, named, "named.pem", "named", "DNS:named.example", 3);
}

/* As workers do while an operator reloads. */
static atomic_bool over;

static void *connect_all_the_time(void *arg)
{
	unsigned count = 0;

	for (; !atomic_load(&over) || count < 5; count++)
		if (meet(arg, "edge.example", NULL) != 0)
			return NULL;
	return arg;
}

static void threads_connect_while_certificates_are_reloaded(void **state)
{
	const struct net_tls_conf conf = conf_of(edge);
	struct net_tls_error why;
	pthread_t threads[3];
	struct net_tls *tls;
	void *result;

	(void)state;
	assert_int_equal(net_tls_new(&tls, &conf, &why), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, connect_all_the_time, tls), 0);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(net_tls_reload(tls, &why), 0);
	atomic_store(&over, true);
	for (unsigned i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		assert_ptr_equal(result, tls);
	}
	net_tls_destroy(&tls);
}

/* RFC 5922 section 7: rows of certificate, name, does it prove it? */
static void who_may_speak_for_a_name(void **state)
{
	static const struct {
		const char *cn, *names, *name;
		bool proves;
	} rows[] = {
		{"edge", "DNS:example.org", "example.org", true},
		{"edge", "DNS:example.org", "EXAMPLE.org", true},
		{"edge", "DNS:a.org,DNS:example.org", "example.org", true},
		{"edge", "URI:sip:example.org", "example.org", true},
		{"edge", "URI:sip:example.org,DNS:other.org", "example.org", true},
		{"edge", "URI:sip:other.org,DNS:example.org", "example.org", true},
		{"edge", "URI:sip:bob@example.org", "example.org", false}, /* a person */
		{"edge", "URI:sips:example.org", "example.org", false},    /* section 7.1: the scheme is sip */
		{"edge", "DNS:*.example.org", "a.example.org", false},     /* section 7.2 */
		{"edge", "DNS:example.org", "a.example.org", false},
		{"example.org", NULL, "example.org", true},                 /* the CN, for want of better */
		{"example.org", "DNS:other.org", "example.org", false},
		{"example.org", "URI:sip:other.org", "example.org", false},
		{"example.org", "URI:http://other.org", "example.org", true}, /* none of SIP's */
		{"edge", "IP:192.0.2.1", "192.0.2.1", false},
		{"192.0.2.1", NULL, "example.org", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509 *x = tls_test_cert(&ca, ca.ca_key, rows[i].cn, rows[i].names, 1, ca.ca_cert);

		if (tls_names_prove(x, rows[i].name) != rows[i].proves)
			fail_msg("row %zu: %s, %s for %s", i, rows[i].cn, rows[i].names, rows[i].name);
		X509_free(x);
	}
}

static void who_may_speak_for_an_address(void **state)
{
	const struct addr v4 = ph_test_addr("192.0.2.1", 5061), v6 = ph_test_addr("2001:db8::1", 5061);
	X509 *x = tls_test_cert(&ca, ca.ca_key, "192.0.2.1", "IP:192.0.2.1,IP:2001:db8::1,DNS:a.org", 1, ca.ca_cert);
	X509 *y = tls_test_cert(&ca, ca.ca_key, "192.0.2.1", "DNS:192.0.2.1", 1, ca.ca_cert);
	char text[64];

	(void)state;
	assert_true(tls_names_prove_addr(x, &v4));
	assert_true(tls_names_prove_addr(x, &v6));
	assert_false(tls_names_prove_addr(y, &v4));
	tls_names_text(x, text, sizeof(text));
	assert_string_equal(text, "192.0.2.1 2001:db8::1 a.org");
	tls_names_text(x, text, 12); /* cut */
	assert_string_equal(text, "192.0.2.1 2");
	X509_free(x);
	X509_free(y);
}

static void names_of_a_stranger_do_not_end_a_log_line(void **state)
{
	X509 *x = tls_test_cert(&ca, ca.ca_key, "a\nERROR core: all is lost", NULL, 1, ca.ca_cert);
	char text[64];

	(void)state;
	tls_names_text(x, text, sizeof(text));
	assert_string_equal(text, "a?ERROR?core:?all?is?lost");
	X509_free(x);
}

static void see(void *arg, const struct net_tls_certificate *c)
{
	unsigned *seen = arg;

	assert_string_equal(c->domain != NULL ? c->domain : "default", *seen == 0 ? "default" : "named.example");
	assert_string_equal(c->names, *seen == 0 ? "edge.example" : "named.example");
	assert_string_equal(c->issuer, "CN=CA of the test");
	assert_in_range(c->not_after - clock_wall(), (*seen == 0 ? 10 : 3) * 86400 - 100, (*seen == 0 ? 10 : 3) * 86400 + 1);
	++*seen;
}

static void certificates_are_described(void **state)
{
	struct net_tls_conf conf = conf_of(edge);
	char name[] = "named.example";
	struct net_tls_domain domain = {.name = name, .certificate = named};
	struct net_tls_error why;
	struct net_tls *tls;
	unsigned seen = 0;

	(void)state;
	conf.domains = &domain;
	conf.domain_count = 1;
	assert_int_equal(net_tls_new(&tls, &conf, &why), 0);
	net_tls_certificates(tls, see, &seen);
	assert_int_equal(seen, 2);
	net_tls_destroy(&tls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_sides_meet_and_part),
		cmocka_unit_test(the_name_asked_for_decides_which_certificate_is_shown),
		cmocka_unit_test(a_reload_is_for_new_connections_and_takes_all_or_nothing),
		cmocka_unit_test(threads_connect_while_certificates_are_reloaded),
		cmocka_unit_test(who_may_speak_for_a_name),
		cmocka_unit_test(who_may_speak_for_an_address),
		cmocka_unit_test(names_of_a_stranger_do_not_end_a_log_line),
		cmocka_unit_test(certificates_are_described),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
