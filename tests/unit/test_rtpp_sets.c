#include "plugins/rtpp/rtpp_merge.h"
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

static void every_way_to_a_relay_has_its_form(void **state)
{
	static const struct {
		const char *url, *host, *addr;
		enum rtpp_way way;
		int family;
	} rows[] = {
		{"udp:192.0.2.1", "192.0.2.1", "192.0.2.1:22222", RTPP_WAY_UDP, AF_INET},
		{"unix:/run/rtpp.sock", "/run/rtpp.sock", "none", RTPP_WAY_ONCE, AF_UNIX},
		{"/run/rtpp.sock", "/run/rtpp.sock", "none", RTPP_WAY_ONCE, AF_UNIX},
		{"cunix:/run/rtpp.sock", "/run/rtpp.sock", "none", RTPP_WAY_STREAM,
			AF_UNIX},
		{"tcp:192.0.2.1:9", "192.0.2.1", "192.0.2.1:9", RTPP_WAY_STREAM, AF_INET},
		{"tcp:192.0.2.1", "192.0.2.1", "192.0.2.1:22222", RTPP_WAY_STREAM,
			AF_INET},
		{"tcp6:[2001:db8::1]:9", "2001:db8::1", "[2001:db8::1]:9",
			RTPP_WAY_STREAM, AF_INET6},
		{"tcp:relay.example", "relay.example", "none", RTPP_WAY_STREAM, AF_INET},
	};
	struct rtpp_relay r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(rtpp_url_read(&r, slice_str(rows[i].url)));
		assert_string_equal(r.url, rows[i].url);
		assert_string_equal(r.host, rows[i].host);
		assert_addr(&r.addr, rows[i].addr);
		assert_int_equal(r.way, rows[i].way);
		assert_int_equal(r.family, rows[i].family);
		assert_int_equal(rtpp_relay_is_named(&r), i == 7);
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
		{"sctp:127.0.0.1", "udp:HOST"},
		{"unix:run/rtpproxy.sock", "an absolute path"},
		{"unix:/", "an absolute path"},
		{"cunix:", "an absolute path"},
		{"/", "an absolute path"},
		{"tcp:[::1]:5", "udp6: or tcp6:"},
		{"tcp:::1", "a port"},
		{"tcp:127.0.0.1:x", "a port"},
		{"tcp6:127.0.0.1", "udp6:[ADDRESS]"},
		{"unix:/a=x", "a weight"},
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
	/* A path has 107 characters at most, whatever an URL may have. */
	memset(text, 'a', 110);
	text[0] = '/';
	text[107] = '\0';
	assert_null(rtpp_sets_add(&s, text));
	rtpp_sets_free(&s);
	text[107] = 'a';
	text[108] = '\0';
	assert_non_null(strstr(rtpp_sets_add(&s, text), "107"));
	rtpp_sets_free(&s);
}

static void members_come_and_go(void **state)
{
	struct rtpp_sets s = {0}, copy = {0};
	char text[160];
	struct buf b;

	(void)state;
	assert_null(rtpp_sets_add(&s, "udp:192.0.2.1|203.0.113.9=2 udp:192.0.2.2"));
	assert_null(rtpp_sets_put(&s, 0, SLICE("udp:192.0.2.1"), 5));
	assert_null(rtpp_sets_put(&s, 7, SLICE("udp:192.0.2.3|203.0.113.8"), 0));
	assert_null(rtpp_sets_put(&s, 0, SLICE("udp:192.0.2.2|1.2.3.4"), RTPP_TAKEN_OUT));
	assert_null(rtpp_sets_put(&s, 9, SLICE("udp:192.0.2.9"), RTPP_TAKEN_OUT));
	rtpp_sets_tidy(&s);
	assert_int_equal(s.set_count, 2);
	assert_int_equal(s.relay_count, 2);
	assert_int_equal(s.node_count, 2);
	assert_int_equal(s.sets[0].count, 1);
	assert_int_equal(s.sets[0].nodes[0].weight, 5);
	assert_addr(&s.sets[0].nodes[0].advertised, "203.0.113.9:0");
	assert_string_equal(relay_of(&s, 1, 0)->url, "udp:192.0.2.3");
	assert_int_equal(s.sets[1].nodes[0].index, 1);
	buf_fixed(&b, text, sizeof(text));
	rtpp_node_text(&b, &s, &s.sets[1].nodes[0]);
	assert_slice_equal(buf_slice(&b), "udp:192.0.2.3|203.0.113.8");
	assert_int_equal(rtpp_sets_copy(&copy, &s), 0);
	assert_true(rtpp_sets_equal(&s, &copy));
	assert_null(rtpp_sets_put(&copy, 0, SLICE("udp:192.0.2.1"), 6));
	assert_false(rtpp_sets_equal(&s, &copy));
	rtpp_sets_free(&copy);
	rtpp_sets_free(&s);
}

static void what_cannot_be_shared_is_named(void **state)
{
	static const struct {
		int64_t set;
		const char *member;
		int64_t weight;
		const char *want;
	} rows[] = {
		{-1, "udp:192.0.2.1", 1, "a set id"},
		{(int64_t)1 << 40, "udp:192.0.2.1", 1, "a set id"},
		{0, "udp:192.0.2.1", 65536, "a weight"},
		{0, "udp:192.0.2.1", -2, "a weight"},
		{0, "udp:192.0.2.1|x", 1, "an IP address"},
		{0, "rubbish", 1, "udp:HOST"},
		{0, "", 1, "udp:HOST"},
		{0, "unix:/a b", 1, "without blanks"},
		{0, "/a\n", 1, "without blanks"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rtpp_sets s = {0};
		const char *fault = rtpp_sets_put(
			&s, rows[i].set, slice_str(rows[i].member), rows[i].weight);

		if (!fault || !strstr(fault, rows[i].want))
			fail_msg("%s: found \"%s\", want \"...%s...\"", rows[i].member,
				fault ? fault : "no fault", rows[i].want);
		rtpp_sets_free(&s);
	}
}

static int find_one(void *arg, struct rtpp_relay *r)
{
	(void)arg;
	if (strcmp(r->host, "known.example") != 0)
		return -ENOENT;
	r->addr = ph_test_ipv4("192.0.2.77", r->port);
	return 0;
}

static void on_bad(void *arg, const struct store_relay_weight *which, const char *why)
{
	(void)which;
	(void)why;
	(*(unsigned *)arg)++;
}

/* "0:udp:192.0.2.1=5 7:..." of what is in force. */
static const char *text_of(const struct rtpp_sets *s, char room[512])
{
	struct buf b;

	buf_fixed(&b, room, 511);
	for (unsigned i = 0; i < s->set_count; i++)
		for (unsigned k = 0; k < s->sets[i].count; k++) {
			buf_printf(&b, "%s%u:", b.len ? " " : "", s->sets[i].id);
			rtpp_node_text(&b, s, &s->sets[i].nodes[k]);
			buf_printf(&b, "=%u", s->sets[i].nodes[k].weight);
		}
	room[b.len] = '\0';
	return room;
}

static void sources_are_put_together(void **state)
{
	static const struct store_relay_weight shared[] = {
		{0, SLICE("udp:192.0.2.1"), 9},  /* another weight than the parameter's */
		{0, SLICE("udp:192.0.2.2"), -1}, /* taken out */
		{0, SLICE("udp:192.0.2.2|1.2.3.4"), 1}, /* also in this form */
		{0, SLICE("udp:192.0.2.5|1.2.3.5"), 4}, /* another node's */
		{3, SLICE("udp:known.example"), 1},
		{3, SLICE("udp:unknown.example"), 1},
		{3, SLICE("rubbish"), 1},
	};
	struct rtpp_sets parameter = {0}, records = {0}, out = {0};
	unsigned bad = 0;
	struct rtpp_sources from = {.parameter = &parameter,
		.parameter_holds = true,
		.records = &records,
		.shared = shared,
		.shared_count = sizeof(shared) / sizeof(shared[0]),
		.find = find_one,
		.bad = on_bad,
		.arg = &bad};
	char room[512];

	(void)state;
	assert_null(
		rtpp_sets_add(&parameter, "udp:192.0.2.1=2 udp:192.0.2.2 udp:192.0.2.3"));
	assert_null(rtpp_sets_add_record(&records, SLICE("0"), SLICE("udp:192.0.2.3=8")));
	assert_null(rtpp_sets_add_record(&records, SLICE("7"), SLICE("udp:192.0.2.7")));
	assert_int_equal(rtpp_merge(&out, &from), 0);
	assert_string_equal(text_of(&out, room),
		"0:udp:192.0.2.1=9 0:udp:192.0.2.3=8 0:udp:192.0.2.5|1.2.3.5=4 "
		"7:udp:192.0.2.7=1 3:udp:known.example=1");
	assert_int_equal(bad, 2);
	assert_addr(&out.relays[rtpp_relay_find(&out, SLICE("udp:known.example"))].addr,
		"192.0.2.77:22222");
	rtpp_sets_free(&out);
	/* After a reload: the records and what others share; what this node's parameter had put into the shared sets holds no more. */
	from.parameter_holds = false;
	assert_int_equal(rtpp_merge(&out, &from), 0);
	assert_string_equal(text_of(&out, room),
		"0:udp:192.0.2.3=8 0:udp:192.0.2.5|1.2.3.5=4 7:udp:192.0.2.7=1 "
		"3:udp:known.example=1");
	rtpp_sets_free(&out);
	rtpp_sets_free(&parameter);
	rtpp_sets_free(&records);
}

static int read_rows(
	struct rtpp_sets *out, const char *const rows[][2], unsigned count, char why[256])
{
	struct slice keys[4], values[8];
	const struct store_rows r = {.keys = keys, .values = values, .count = count};

	for (unsigned i = 0; i < count; i++) {
		keys[i] = SLICE("nh_sockets:1");
		values[2 * i] = slice_str(rows[i][0]);
		values[2 * i + 1] = slice_str(rows[i][1]);
	}
	return rtpp_records_read(out, &r, find_one, NULL, why);
}

static void records_are_read_all_or_none(void **state)
{
	static const char *const good[][2] = {
		{"udp:192.0.2.1=3 udp:known.example", "4"},
		{" udp:192.0.2.2 ", ""}, /* set 0 */
		{"udp:192.0.2.1=5", " 4 "},
	};
	static const char *const bad[][2] = {
		{"udp:192.0.2.1", "x"},
		{"udp:192.0.2.1", "-1"},
		{"", "1"},
		{"1 == udp:192.0.2.1", "1"},
		{"udp:192.0.2.1=x", "1"},
		{"tcp:", "1"},
		{"udp:unknown.example", "1"},
	};
	struct rtpp_sets s = {0};
	char why[256], room[512];

	(void)state;
	assert_int_equal(read_rows(&s, good, 3, why), 0);
	assert_string_equal(text_of(&s, room),
		"4:udp:192.0.2.1=5 4:udp:known.example=1 0:udp:192.0.2.2=1");
	rtpp_sets_free(&s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *const rows[][2] = {
			{good[0][0], good[0][1]}, {bad[i][0], bad[i][1]}};

		assert_int_equal(read_rows(&s, rows, 2, why), -EINVAL);
		assert_int_equal(s.set_count, 0);
		assert_true(strlen(why) > 0);
	}
	assert_int_equal(read_rows(&s, good, 0, why), -ENOENT);
	assert_string_equal(why, "the table has no records");
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
		cmocka_unit_test(every_way_to_a_relay_has_its_form),
		cmocka_unit_test(names_are_resolved_at_start),
		cmocka_unit_test(faults_are_named),
		cmocka_unit_test(long_urls_are_refused),
		cmocka_unit_test(members_come_and_go),
		cmocka_unit_test(what_cannot_be_shared_is_named),
		cmocka_unit_test(sources_are_put_together),
		cmocka_unit_test(records_are_read_all_or_none),
		cmocka_unit_test(calls_follow_the_weights),
		cmocka_unit_test(a_dead_relay_moves_its_own_calls_only),
		cmocka_unit_test(spares_are_the_last_resort),
	};
	return cmocka_run_group_tests_name("rtpp_sets", tests, NULL, NULL);
}
