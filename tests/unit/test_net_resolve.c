#include "tests/unit/net_test.h"

#include <sys/stat.h>

#include "core/net/hosts.h"

struct hosts_file {
	char path[64];
	struct hosts *hosts;
};

static void write_hosts(const struct hosts_file *f, const char *text)
{
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup_file(void **state)
{
	struct hosts_file *f = calloc(1, sizeof(*f));
	int fd;

	snprintf(f->path, sizeof(f->path), "/tmp/pinhole-hosts-XXXXXX");
	fd = mkstemp(f->path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(hosts_new(&f->hosts, f->path), 0);
	*state = f;
	return 0;
}

static int teardown_file(void **state)
{
	struct hosts_file *f = *state;

	hosts_destroy(&f->hosts);
	unlink(f->path);
	free(f);
	return 0;
}

static unsigned find(
	struct hosts_file *f, const char *name, uint64_t now, const char *first)
{
	struct addr a[4];
	char text[ADDR_TEXT];
	unsigned n = hosts_find(f->hosts, slice_str(name), now, a, 4);

	if (n > 0)
		assert_slice_equal(addr_ip_text(&a[0], text), first);
	return n;
}

static void names_and_aliases_are_found_without_case(void **state)
{
	struct hosts_file *f = *state;

	write_hosts(f,
		"# a comment\n"
		"127.0.0.1\tlocalhost\n"
		"  192.0.2.7   pbx.example.org  PBX # the exchange\n"
		"\n"
		"2001:db8::7 pbx.example.org\r\n"
		"not-an-address nonsense\n"
		"192.0.2.8\n"
		"192.0.2.9 last");
	assert_int_equal(find(f, "localhost", 0, "127.0.0.1"), 1);
	assert_int_equal(find(f, "pbx", 0, "192.0.2.7"), 1);
	assert_int_equal(find(f, "PBX.Example.ORG", 0, "192.0.2.7"), 2);
	assert_int_equal(find(f, "last", 0, "192.0.2.9"), 1);
	assert_int_equal(find(f, "nonsense", 0, ""), 0);
	assert_int_equal(find(f, "exchange", 0, ""), 0);
	assert_int_equal(find(f, "", 0, ""), 0);
}

static void no_more_addresses_are_given_than_there_is_room_for(void **state)
{
	struct hosts_file *f = *state;

	write_hosts(f,
		"192.0.2.1 many\n192.0.2.2 many\n192.0.2.3 many\n192.0.2.4 many\n"
		"192.0.2.5 many\n");
	assert_int_equal(find(f, "many", 0, "192.0.2.1"), 4);
}

static void a_changed_file_is_read_again_but_looked_at_once_a_second(void **state)
{
	struct hosts_file *f = *state;

	write_hosts(f, "192.0.2.1 host\n");
	assert_int_equal(find(f, "host", 10000, "192.0.2.1"), 1);
	write_hosts(f, "192.0.2.22 host\n");
	assert_int_equal(find(f, "host", 10999, "192.0.2.1"), 1);
	assert_int_equal(find(f, "host", 11000, "192.0.2.22"), 1);
	unlink(f->path);
	assert_int_equal(find(f, "host", 12000, ""), 0);
	write_hosts(f, "192.0.2.3 host\n");
	assert_int_equal(find(f, "host", 13000, "192.0.2.3"), 1);
}

static void what_is_no_file_is_empty(void **state)
{
	struct hosts *h;
	struct addr a;

	(void)state;
	assert_int_equal(hosts_new(&h, "/tmp"), 0);
	assert_int_equal(hosts_find(h, SLICE("localhost"), 0, &a, 1), 0);
	hosts_destroy(&h);
	assert_int_equal(hosts_new(&h, "/nonexistent/hosts"), 0);
	assert_int_equal(hosts_find(h, SLICE("localhost"), 0, &a, 1), 0);
	hosts_destroy(&h);
}

/* Next hops */

static int setup_net(void **state)
{
	struct net_test *t = net_test_new();

	net_test_listen(t, NULL);
	net_test_start(t);
	*state = t;
	return 0;
}

static int teardown_net(void **state)
{
	net_test_destroy(*state);
	return 0;
}

static int resolve(struct net_test *t, const char *host, uint16_t port,
	enum sip_scheme scheme, enum sip_transport tr, char *out)
{
	const struct net_query q = {slice_str(host), port, scheme, tr};
	struct net_hop hops[NET_MAX_HOPS];
	char text[ADDR_TEXT];
	unsigned count = 0;
	int err = net_resolve(t->w[0].net, &q, hops, &count, NULL, NULL);

	out[0] = '\0';
	if (err == 0) {
		assert_true(count >= 1);
		snprintf(out, 100, "%s:%.*s", sip_transport_name(hops[0].transport),
			SLICE_ARG(addr_text(&hops[0].addr, text)));
	}
	return err;
}

static void literals_come_to_themselves_with_port_and_transport(void **state)
{
	struct net_test *t = *state;
	char out[100];

	assert_int_equal(resolve(t, "192.0.2.1", 0, SIP_SCHEME_SIP, SIP_TR_NONE, out), 0);
	assert_string_equal(out, "udp:192.0.2.1:5060");
	assert_int_equal(
		resolve(t, "192.0.2.1", 5080, SIP_SCHEME_SIP, SIP_TR_TCP, out), 0);
	assert_string_equal(out, "tcp:192.0.2.1:5080");
	assert_int_equal(
		resolve(t, "[2001:db8::1]", 0, SIP_SCHEME_SIP, SIP_TR_NONE, out), 0);
	assert_string_equal(out, "udp:[2001:db8::1]:5060");
	assert_int_equal(
		resolve(t, "2001:db8::1", 0, SIP_SCHEME_SIP, SIP_TR_NONE, out), 0);
	assert_string_equal(out, "udp:[2001:db8::1]:5060");
	assert_int_equal(
		resolve(t, "192.0.2.1", 0, SIP_SCHEME_SIPS, SIP_TR_NONE, out), 0);
	assert_string_equal(out, "tls:192.0.2.1:5061");
	assert_int_equal(resolve(t, "192.0.2.1", 0, SIP_SCHEME_SIPS, SIP_TR_TCP, out), 0);
	assert_string_equal(out, "tls:192.0.2.1:5061");
}

static void a_name_of_the_hosts_file_comes_to_what_a_listener_can_reach(void **state)
{
	struct net_test *t = *state;
	char out[100];

	assert_int_equal(
		resolve(t, "localhost", 5090, SIP_SCHEME_SIP, SIP_TR_UDP, out), 0);
	assert_string_equal(out, "udp:127.0.0.1:5090");
	assert_int_equal(resolve(t, "LocalHost.", 0, SIP_SCHEME_SIP, SIP_TR_TCP, out), 0);
	assert_string_equal(out, "tcp:127.0.0.1:5060");
}

static void unknown_names_and_nonsense_are_told_apart(void **state)
{
	static const char *const bad[] = {
		"", ".", "a b", "a/b", "[::1", "exa\tmple", "a:b"};
	struct net_test *t = *state;
	char out[100], longer[300];

	assert_int_equal(
		resolve(t, "no.such.name.invalid", 0, SIP_SCHEME_SIP, SIP_TR_UDP, out),
		-ENOENT);
	/* No address, but a name can look like this. */
	assert_int_equal(
		resolve(t, "192.0.2.256", 0, SIP_SCHEME_SIP, SIP_TR_UDP, out), -ENOENT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			resolve(t, bad[i], 0, SIP_SCHEME_SIP, SIP_TR_UDP, out), -EINVAL);
	memset(longer, 'a', sizeof(longer));
	longer[299] = '\0';
	assert_int_equal(resolve(t, longer, 0, SIP_SCHEME_SIP, SIP_TR_UDP, out), -EINVAL);
}

#define F(name) cmocka_unit_test_setup_teardown(name, setup_file, teardown_file)
#define N(name) cmocka_unit_test_setup_teardown(name, setup_net, teardown_net)

int main(void)
{
	const struct CMUnitTest tests[] = {
		F(names_and_aliases_are_found_without_case),
		F(no_more_addresses_are_given_than_there_is_room_for),
		F(a_changed_file_is_read_again_but_looked_at_once_a_second),
		cmocka_unit_test(what_is_no_file_is_empty),
		N(literals_come_to_themselves_with_port_and_transport),
		N(a_name_of_the_hosts_file_comes_to_what_a_listener_can_reach),
		N(unknown_names_and_nonsense_are_told_apart),
	};
	return cmocka_run_group_tests_name("net_resolve", tests, NULL, NULL);
}
