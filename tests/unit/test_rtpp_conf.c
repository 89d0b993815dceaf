#include "plugins/rtpp/rtpp_conf.h"
#include "plugins/rtpp/rtpp_flags.h"
#include "plugins/rtpp/rtpp_select.h"
#include "tests/unit/ph_test.h"

static const struct rtpp_relay *relay_of(
	const struct rtpp_sets *s, unsigned set, unsigned node)
{
	return &s->relays[s->sets[set].nodes[node].relay];
}

static void assert_addr(const struct addr *a, const char *want)
{
	char text[ADDR_TEXT];

	assert_slice_equal(addr_text(a, text), want);
}

static void set_id_port_and_weight_have_defaults(void **state)
{
	struct rtpp_sets s = {0};

	(void)state;
	assert_null(rtpp_sets_add(&s, "udp:192.0.2.1"));
	assert_int_equal(s.set_count, 1);
	assert_int_equal(s.sets[0].id, 0);
	assert_int_equal(s.sets[0].count, 1);
	assert_int_equal(s.sets[0].nodes[0].weight, 1);
	assert_string_equal(relay_of(&s, 0, 0)->url, "udp:192.0.2.1");
	assert_addr(&relay_of(&s, 0, 0)->addr, "192.0.2.1:22222");
	rtpp_sets_free(&s);
}

static void sets_are_read_as_the_guide_writes_them(void **state)
{
	struct rtpp_sets s = {0};

	(void)state;
	assert_null(
		rtpp_sets_add(&s, "1 == udp:127.0.0.1:12221=2  udp:127.0.0.1:12222=0"));
	assert_null(rtpp_sets_add(
		&s, "2==udp:127.0.0.1:12221\tudp:127.0.0.1:12223|203.0.113.9=7"));
	assert_null(rtpp_sets_add(&s, "1 == udp:127.0.0.1:12224"));
	assert_null(rtpp_sets_add(&s, ""));
	assert_null(rtpp_sets_add(&s, "  "));
	assert_int_equal(s.set_count, 2);
	assert_int_equal(s.relay_count, 4);
	assert_int_equal(s.node_count, 5);
	assert_int_equal(s.sets[0].count, 3);
	assert_int_equal(s.sets[0].nodes[0].weight, 2);
	assert_int_equal(s.sets[0].nodes[1].weight, 0);
	assert_int_equal(s.sets[0].nodes[2].index, 4);
	/* one URL in two sets is one relay */
	assert_int_equal(s.sets[1].nodes[0].relay, s.sets[0].nodes[0].relay);
	assert_addr(&s.sets[1].nodes[1].advertised, "203.0.113.9:0");
	assert_int_equal(s.sets[1].nodes[1].weight, 7);
	assert_string_equal(relay_of(&s, 1, 1)->url, "udp:127.0.0.1:12223");
	assert_ptr_equal(rtpp_set_find(&s, 2), &s.sets[1]);
	assert_null(rtpp_set_find(&s, 0));
	assert_ptr_equal(rtpp_set_node(&s, &s.sets[0], SLICE("udp:127.0.0.1:12222")),
		&s.sets[0].nodes[1]);
	assert_null(rtpp_set_node(&s, &s.sets[0], SLICE("udp:127.0.0.1:12223")));
	assert_int_equal(rtpp_relay_find(&s, SLICE("udp:127.0.0.1:1")), -1);
	rtpp_sets_free(&s);
}

static void ipv6_goes_with_and_without_brackets(void **state)
{
	static const char *const rows[][2] = {
		{"udp6:[2001:db8::1]:5000", "[2001:db8::1]:5000"},
		{"udp6:[2001:db8::1]", "[2001:db8::1]:22222"},
		{"udp6:::1:12221", "[::1]:12221"}, /* the last ':' splits off the port */
		{"udp6:::1", "[::1]:22222"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rtpp_sets s = {0};

		assert_null(rtpp_sets_add(&s, rows[i][0]));
		assert_addr(&relay_of(&s, 0, 0)->addr, rows[i][1]);
		rtpp_sets_free(&s);
	}
}

static void names_are_resolved_at_start(void **state)
{
	struct rtpp_sets s = {0};
	const struct rtpp_relay *which = NULL;

	(void)state;
	assert_null(rtpp_sets_add(&s, "udp:localhost:12221"));
	assert_false(addr_is_set(&s.relays[0].addr));
	assert_int_equal(rtpp_sets_resolve(&s, &which), 0);
	assert_addr(&s.relays[0].addr, "127.0.0.1:12221");
	assert_null(rtpp_sets_add(&s, "udp:no-such-host.invalid"));
	assert_int_equal(rtpp_sets_resolve(&s, &which), -ENOENT);
	assert_string_equal(which->host, "no-such-host.invalid");
	rtpp_sets_free(&s);
}

static void faults_are_named(void **state)
{
	static const char *const rows[][2] = {
		{"127.0.0.1:12221", "udp:HOST"},
		{"udp:", "udp:HOST"},
		{"udp:127.0.0.1:", "a port"},
		{"udp:127.0.0.1:0", "a port"},
		{"udp:127.0.0.1:65536", "a port"},
		{"udp:127.0.0.1:12221x", "a port"},
		{"udp:127.0.0.1:1:2", "a port"},
		{"udp:300.0.0.1", "udp:HOST"},
		{"udp:a/b", "udp:HOST"},
		{"udp6:192.0.2.1:5", "udp6:[ADDRESS]"},
		{"udp6:[::1", "udp6:[ADDRESS]"},
		{"udp6:[::1]5", "udp6:[ADDRESS]"},
		{"udp6:[192.0.2.1]", "udp6:[ADDRESS]"},
		{"udp:127.0.0.1=", "a weight"},
		{"udp:127.0.0.1=x", "a weight"},
		{"udp:127.0.0.1=-1", "a weight"},
		{"udp:127.0.0.1=65536", "a weight"},
		{"udp:127.0.0.1|x=1", "an IP address behind '|'"},
		{"udp:127.0.0.1|0.0.0.0", "an IP address behind '|'"},
		{"x == udp:127.0.0.1", "a set id"},
		{"-1 == udp:127.0.0.1", "a set id"},
		{"2147483648 == udp:127.0.0.1", "a set id"},
		{"1 ==", "at least one"},
		{"udp:127.0.0.1 udp:127.0.0.1", "once"},
		{"unix:/run/rtpproxy.sock", "over UDP only"},
		{"/run/rtpproxy.sock", "over UDP only"},
		{"tcp:127.0.0.1:1", "over UDP only"},
		{"cunix:/x", "over UDP only"},
		{"sctp:127.0.0.1", "udp:HOST"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rtpp_sets s = {0};
		const char *fault = rtpp_sets_add(&s, rows[i][0]);

		if (!fault || !strstr(fault, rows[i][1]))
			fail_msg("%s: found \"%s\", want \"...%s...\"", rows[i][0],
				fault ? fault : "no fault", rows[i][1]);
		rtpp_sets_free(&s);
	}
}

static void long_urls_are_refused(void **state)
{
	struct rtpp_sets s = {0};
	char text[400] = "udp:";

	(void)state;
	memset(text + 4, 'a', 300);
	assert_non_null(strstr(rtpp_sets_add(&s, text), "shorter"));
	rtpp_sets_free(&s);
}

static void seconds_may_have_a_fraction(void **state)
{
	static const struct {
		const char *text;
		unsigned ms;
	} good[] = {{"1", 1000}, {"0.2", 200}, {"0.001", 1}, {"60", 60000}, {"1.5", 1500},
		{"0.25", 250}};
	static const char *const bad[] = {"", "0", "0.0", "-1", "61", "60.001", "1.",
		".5", "1s", "1e3", "0.0001", "1,5"};
	unsigned ms;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(rtpp_seconds(slice_str(good[i].text), &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ms = 77;
		if (rtpp_seconds(slice_str(bad[i]), &ms) != -EINVAL || ms != 77)
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void flag_letters_mean_what_the_guide_says(void **state)
{
	struct rtpp_flags f;
	char why[128];

	(void)state;
	assert_null(rtpp_flags_parse(SLICE(""), &f, why));
	assert_false(f.trust_sdp || f.asymmetric || f.symmetric || f.origin ||
		f.session || f.lookup || f.ignore_marker);
	assert_null(rtpp_flags_parse(SLICE("a"), &f, why));
	assert_true(f.asymmetric && f.trust_sdp);
	assert_null(rtpp_flags_parse(SLICE("foclrz20ie"), &f, why));
	assert_true(f.ignore_marker && f.origin && f.session && f.lookup && f.trust_sdp);
	assert_int_equal(f.repacketise, 20);
	assert_string_equal(f.sides, "IE");
	assert_null(rtpp_flags_parse(SLICE("aw"), &f, why));
	assert_true(f.symmetric && !f.asymmetric);
	assert_null(rtpp_flags_parse(SLICE("wa"), &f, why));
	assert_true(!f.symmetric && f.asymmetric);
	assert_null(rtpp_flags_parse(SLICE("e"), &f, why));
	assert_string_equal(f.sides, "E");
}

static void faults_of_flags_are_named(void **state)
{
	static const char *const rows[][2] = {
		{"ry", "unknown flag letter 'y'"},
		{"k", "unknown flag letter 'k'"},
		{"R", "unknown flag letter 'R'"},
		{"r ", "code 32"},
		{"iei", "more than two"},
		{"z", "z wants"},
		{"zr", "z wants"},
		{"z0", "z wants"},
		{"z1000", "z wants"},
		{"n", "rtpp_notify_socket"},
	};
	char why[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *fault = rtpp_flags_check_offer(rows[i][0], why);

		if (!fault || !strstr(fault, rows[i][1]))
			fail_msg("%s: found \"%s\", want \"%s\"", rows[i][0],
				fault ? fault : "no fault", rows[i][1]);
	}
	assert_null(rtpp_flags_check_offer("l", why));
	assert_non_null(rtpp_flags_check_answer("l", why));
	assert_null(rtpp_flags_check_answer("r", why));
}

static bool not_in(const void *down, unsigned relay)
{
	return !((const bool *)down)[relay];
}

static uint64_t spread(unsigned i)
{
	return (uint64_t)i * 0x9e3779b97f4a7c15ULL;
}

static void calls_follow_the_weights(void **state)
{
	struct rtpp_sets s = {0};
	bool down[8] = {false};
	unsigned got[3] = {0}, i;

	(void)state;
	assert_null(rtpp_sets_add(&s, "udp:192.0.2.1=3 udp:192.0.2.2=1 udp:192.0.2.3=0"));
	for (i = 0; i < 4000; i++)
		got[rtpp_select(&s.sets[0], spread(i), not_in, down)->relay]++;
	assert_in_range(got[0], 2800, 3200);
	assert_in_range(got[1], 800, 1200);
	assert_int_equal(got[2], 0);
	rtpp_sets_free(&s);
}

static void a_dead_relay_moves_its_own_calls_only(void **state)
{
	struct rtpp_sets s = {0};
	bool all_up[8] = {false}, down[8] = {[1] = true};
	unsigned i, moved[3] = {0};

	(void)state;
	assert_null(rtpp_sets_add(&s, "udp:192.0.2.1 udp:192.0.2.2 udp:192.0.2.3"));
	for (i = 0; i < 3000; i++) {
		unsigned before =
			rtpp_select(&s.sets[0], spread(i), not_in, all_up)->relay;
		unsigned after = rtpp_select(&s.sets[0], spread(i), not_in, down)->relay;

		if (before == 1)
			moved[after]++;
		else
			assert_int_equal(before, after);
	}
	assert_int_equal(moved[1], 0);
	assert_in_range(moved[0], 400, 600);
	assert_in_range(moved[2], 400, 600);
	rtpp_sets_free(&s);
}

static void spares_are_the_last_resort(void **state)
{
	struct rtpp_sets s = {0};
	bool down[8] = {[0] = true};

	(void)state;
	assert_null(rtpp_sets_add(&s, "udp:192.0.2.1 udp:192.0.2.2=0 udp:192.0.2.3=0"));
	assert_int_equal(rtpp_select(&s.sets[0], 5, not_in, down)->relay, 1);
	down[1] = true;
	assert_int_equal(rtpp_select(&s.sets[0], 5, not_in, down)->relay, 2);
	down[2] = true;
	assert_null(rtpp_select(&s.sets[0], 5, not_in, down));
	rtpp_sets_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_id_port_and_weight_have_defaults),
		cmocka_unit_test(sets_are_read_as_the_guide_writes_them),
		cmocka_unit_test(ipv6_goes_with_and_without_brackets),
		cmocka_unit_test(names_are_resolved_at_start),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(long_urls_are_refused),
		cmocka_unit_test(seconds_may_have_a_fraction),
		cmocka_unit_test(flag_letters_mean_what_the_guide_says),
		cmocka_unit_test(faults_of_flags_are_named),
		cmocka_unit_test(calls_follow_the_weights),
		cmocka_unit_test(a_dead_relay_moves_its_own_calls_only),
		cmocka_unit_test(spares_are_the_last_resort),
	};
	return cmocka_run_group_tests_name("rtpp_conf", tests, NULL, NULL);
}
