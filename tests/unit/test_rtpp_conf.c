#include "plugins/rtpp/rtpp_conf.h"
#include "plugins/rtpp/rtpp_flags.h"
#include "plugins/rtpp/rtpp_proto.h"
#include "tests/unit/ph_test.h"

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
	assert_null(rtpp_flags_parse(
		SLICE("FAIE"), &f, why)); /* as the old examples write it */
	assert_true(f.ignore_marker && f.asymmetric);
	assert_string_equal(f.sides, "IE");
	assert_null(rtpp_flags_parse(SLICE("as"), &f, why));
	assert_true(f.symmetric && !f.asymmetric && !f.notify);
	assert_null(rtpp_flags_parse(SLICE("nZ40"), &f, why));
	assert_true(f.notify);
	assert_int_equal(f.repacketise, 40);
}

static void faults_of_flags_are_named(void **state)
{
	static const char *const rows[][2] = {
		{"ry", "unknown flag letter 'y'"},
		{"k", "unknown flag letter 'k'"},
		{"K", "unknown flag letter 'K'"},
		{"t", "unknown flag letter 't'"},
		{"r ", "code 32"},
		{"iei", "more than two"},
		{"z", "z wants"},
		{"zr", "z wants"},
		{"z0", "z wants"},
		{"z1000", "z wants"},
		{"n", "rtpp_notify_socket"},
	};
	struct rtpp_flags f = {.repacketise = 7};
	char why[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *fault =
			rtpp_flags_read(slice_str(rows[i][0]), false, false, &f, why);

		if (!fault || !strstr(fault, rows[i][1]))
			fail_msg("%s: found \"%s\", want \"%s\"", rows[i][0],
				fault ? fault : "no fault", rows[i][1]);
	}
	assert_int_equal(f.repacketise, 7);
	assert_null(rtpp_flags_read(SLICE("l"), false, false, &f, why));
	assert_non_null(rtpp_flags_read(SLICE("l"), true, false, &f, why));
	assert_null(rtpp_flags_read(SLICE("r"), true, false, &f, why));
	assert_null(rtpp_flags_read(SLICE("n"), false, true, &f, why));
	assert_null(rtpp_flags_read(SLICE("n"), true, true, &f, why));
}

static void force_socket_is_an_address_of_this_machine(void **state)
{
	static const struct {
		const char *text, *want;
	} good[] = {{"127.0.0.1", "127.0.0.1:0"}, {"127.0.0.1:33333", "127.0.0.1:33333"},
		{"0.0.0.0:33333", "0.0.0.0:33333"}};
	static const char *const bad[][2] = {{"", "ADDRESS"}, {"127.0.0.1:", "ADDRESS"},
		{"127.0.0.1:0", "a port"}, {"127.0.0.1:65536", "ADDRESS"},
		{"127.0.0.1:x", "ADDRESS"}, {"no-such-host.invalid", "ADDRESS"},
		{"no-such-host.invalid:5", "ADDRESS"}, {"localhost:0", "ADDRESS"},
		{"203.0.113.77:5", "of this machine"},
		{"203.0.113.77", "of this machine"}, {"udp:127.0.0.1:5", "ADDRESS"}};
	char text[ADDR_TEXT];
	struct addr a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_null(rtpp_source_read(&a, slice_str(good[i].text)));
		assert_slice_equal(addr_text(&a, text), good[i].want);
	}
	assert_null(rtpp_source_read(&a, SLICE("localhost:33333")));
	assert_int_equal(addr_port(&a), 33333);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *fault = rtpp_source_read(&a, slice_str(bad[i][0]));

		if (!fault || !strstr(fault, bad[i][1]))
			fail_msg("\"%s\": found \"%s\", want \"...%s...\"", bad[i][0],
				fault ? fault : "no fault", bad[i][1]);
	}
}

static void notify_sockets_have_a_name_for_each_version(void **state)
{
	static const struct {
		const char *text;
		unsigned features;
		const char *want;
	} rows[] = {
		{"tcp:192.0.2.1:9999", 0, "192.0.2.1:9999"},
		{"tcp:192.0.2.1:9999", RTPP_F_CODES2,
			"192.0.2.1:9999"}, /* rtpproxy 2.0 */
		{"tcp:192.0.2.1:9999", RTPP_F_TCP_NAME, "tcp:192.0.2.1:9999"},
		{"tcp:192.0.2.1:9999", RTPP_F_CC_SELF, "tcp:192.0.2.1:9999"},
		{"tcp:0.0.0.0:9999", RTPP_F_TCP_NAME, ""},
		{"tcp:0.0.0.0:9999", RTPP_F_CC_SELF, "tcp:%%CC_SELF%%:9999"},
		{"unix:/run/n.sock", 0, "/run/n.sock"},
		{"/run/n.sock", RTPP_F_TCP_NAME, "/run/n.sock"},
	};
	static const char *const bad[] = {"", "tcp:", "tcp:192.0.2.1", "tcp:192.0.2.1:0",
		"tcp:192.0.2.1:x", "tcp:host:9999", "udp:192.0.2.1:9999",
		"unix:", "unix:x", "run/n.sock", "/a b"};
	struct addr_stream n;
	char room[128];
	struct buf b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(rtpp_notify_read(&n, rows[i].text));
		buf_fixed(&b, room, sizeof(room));
		rtpp_notify_name(&b, &n, rows[i].features);
		assert_slice_equal(buf_slice(&b), rows[i].want);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!rtpp_notify_read(&n, bad[i]))
			fail_msg("\"%s\" was taken", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seconds_may_have_a_fraction),
		cmocka_unit_test(flag_letters_mean_what_the_guide_says),
		cmocka_unit_test(faults_of_flags_are_named),
		cmocka_unit_test(force_socket_is_an_address_of_this_machine),
		cmocka_unit_test(notify_sockets_have_a_name_for_each_version),
	};
	return cmocka_run_group_tests_name("rtpp_conf", tests, NULL, NULL);
}
