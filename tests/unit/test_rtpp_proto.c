#include "plugins/rtpp/rtpp_proto.h"

#include "plugins/rtpp/rtpp_tags.h"
#include "tests/unit/sip_test.h"

static struct slice line_of(char mem[512], const struct rtpp_command *c)
{
	struct buf b;

	buf_fixed(&b, mem, 512);
	assert_int_equal(rtpp_command_write(&b, c), 0);
	return buf_slice(&b);
}

static void commands_have_the_words_that_the_relay_counts(void **state)
{
	struct rtpp_command c = {.letter = 'U',
		.modifiers = SLICE("IE6"),
		.call_id = SLICE("n1@h"),
		.ip = SLICE("10.0.0.5"),
		.port = 4000,
		.tag_a = SLICE("f"),
		.stream = 1};
	char mem[512];

	(void)state;
	assert_slice_equal(line_of(mem, &c), "UIE6 n1@h 10.0.0.5 4000 f;1");
	c.modifiers = (struct slice){0};
	c.letter = 'L';
	c.stream = 2;
	c.tag_b = SLICE("t");
	assert_slice_equal(line_of(mem, &c), "L n1@h 10.0.0.5 4000 f;2 t;2");
	c.letter = 'D';
	assert_slice_equal(line_of(mem, &c), "D n1@h f t");
	c.tag_b = (struct slice){0};
	assert_slice_equal(line_of(mem, &c), "D n1@h f");
}

/* Word counts matter (facts 13.2): an empty word would shift all behind it. */
static void notify_words_follow_the_tags_of_u_alone(void **state)
{
	struct rtpp_command c = {.letter = 'U',
		.call_id = SLICE("n1"),
		.ip = SLICE("10.0.0.5"),
		.port = 4000,
		.tag_a = SLICE("f"),
		.stream = 1,
		.notify_socket = SLICE("tcp:192.0.2.1:9999"),
		.notify_tag = SLICE("0123")};
	char mem[512];

	(void)state;
	assert_slice_equal(
		line_of(mem, &c), "U n1 10.0.0.5 4000 f;1 tcp:192.0.2.1:9999 0123");
	c.tag_b = SLICE("t");
	assert_slice_equal(
		line_of(mem, &c), "U n1 10.0.0.5 4000 f;1 t;1 tcp:192.0.2.1:9999 0123");
	c.letter = 'L';
	assert_slice_equal(line_of(mem, &c), "L n1 10.0.0.5 4000 f;1 t;1");
	c.letter = 'U';
	c.notify_socket = (struct slice){0};
	assert_slice_equal(line_of(mem, &c), "U n1 10.0.0.5 4000 f;1 t;1");
}

/* Facts section 9. */
static void streaming_and_recording_commands_have_their_words(void **state)
{
	struct rtpp_command c = {.letter = 'P',
		.modifiers = SLICE("-1"),
		.call_id = SLICE("n1"),
		.prompt = SLICE("/var/moh"),
		.tag_a = SLICE("t"),
		.tag_b = SLICE("f"),
		.stream = 1};
	char mem[512];

	(void)state;
	assert_slice_equal(line_of(mem, &c), "P-1 n1 /var/moh session t;1 f;1");
	c.tag_b = (struct slice){0};
	assert_slice_equal(line_of(mem, &c), "P-1 n1 /var/moh session t;1");
	c = (struct rtpp_command){.letter = 'S',
		.call_id = SLICE("n1"),
		.tag_a = SLICE("f"),
		.tag_b = SLICE("t"),
		.stream = 2};
	assert_slice_equal(line_of(mem, &c), "S n1 f;2 t;2");
	c.letter = 'R';
	assert_slice_equal(line_of(mem, &c), "R n1 f t");
}

static void text_that_would_break_the_line_is_refused(void **state)
{
	static const struct rtpp_command good = {.letter = 'U',
		.call_id = SLICE("c"),
		.ip = SLICE("10.0.0.5"),
		.port = 1,
		.tag_a = SLICE("f"),
		.tag_b = SLICE("t"),
		.stream = 1,
		.notify_socket = SLICE("n"),
		.notify_tag = SLICE("g")};
	struct rtpp_command c;
	char mem[512];
	struct buf b;

	(void)state;
#define REFUSED(member, value)                                                           \
	c = good;                                                                        \
	c.member = value;                                                                \
	buf_fixed(&b, mem, sizeof(mem));                                                 \
	assert_int_equal(rtpp_command_write(&b, &c), -EINVAL)
	REFUSED(call_id, SLICE("a b"));
	REFUSED(call_id, SLICE("a\n"));
	REFUSED(call_id, SLICE(""));
	REFUSED(tag_a, SLICE(""));
	REFUSED(tag_a, SLICE("f;2"));
	REFUSED(tag_b, SLICE("t\tx"));
	REFUSED(ip, SLICE(""));
	REFUSED(stream, 0);
	REFUSED(notify_socket, SLICE("a b"));
	REFUSED(notify_tag, SLICE("a\n"));
#undef REFUSED
	buf_fixed(&b, mem, 8);
	assert_int_equal(rtpp_command_write(&b, &good), -EMSGSIZE);
}

static struct slice modifiers_of(char mem[512], const char *letters, bool ip6,
	unsigned features, const char *formats, bool *dropped)
{
	struct rtpp_flags f;
	char why[128];
	struct buf b;

	assert_null(rtpp_flags_parse(slice_str(letters), &f, why));
	buf_fixed(&b, mem, 512);
	*dropped = false;
	rtpp_modifiers_write(&b, &f, ip6, features, slice_str(formats), dropped);
	assert_int_equal(b.err, 0);
	return buf_slice(&b);
}

static void modifiers_follow_the_flags_and_what_the_relay_can(void **state)
{
	const unsigned all = RTPP_F_REPACKETISE | RTPP_F_CODECS;
	char mem[512];
	bool dropped;

	(void)state;
	assert_slice_equal(modifiers_of(mem, "", false, 0, "0 8", &dropped), "");
	assert_slice_equal(modifiers_of(mem, "foclr", false, 0, "0 8", &dropped), "");
	assert_slice_equal(modifiers_of(mem, "aie", true, 0, "0", &dropped), "AIE6");
	assert_slice_equal(modifiers_of(mem, "w", false, 0, "0", &dropped), "S");
	assert_slice_equal(modifiers_of(mem, "z20", false, all, "0 8  101", &dropped),
		"Z20C0,8,101");
	assert_false(dropped);
	assert_slice_equal(modifiers_of(mem, "z20", false, 0, "0", &dropped), "");
	assert_true(dropped);
	assert_slice_equal(modifiers_of(mem, "", false, all, "t38", &dropped), "");
	assert_slice_equal(modifiers_of(mem, "", false, all, "0 1000", &dropped), "");
	assert_slice_equal(modifiers_of(mem, "", false, all, "", &dropped), "");
}

static void replies_are_read_in_all_their_forms(void **state)
{
	static const struct {
		const char *text;
		enum rtpp_reply_kind kind;
		uint32_t number;
		const char *addr;
	} rows[] = {
		{"20040107", RTPP_REPLY_NUMBER, 20040107, ""},
		{"0", RTPP_REPLY_NUMBER, 0, ""},
		{"44040", RTPP_REPLY_NUMBER, 44040, ""},
		{"43104 127.0.0.1", RTPP_REPLY_ADDR, 43104, "127.0.0.1"},
		{"43104 127.0.0.1 4", RTPP_REPLY_ADDR, 43104, "127.0.0.1"},
		{"43104 2001:db8::1 6", RTPP_REPLY_ADDR, 43104, "2001:db8::1"},
		{"43104 2001:db8::1", RTPP_REPLY_ADDR, 43104, "2001:db8::1"},
		{"41032 0.0.0.0 4", RTPP_REPLY_ADDR, 41032, "none"},
		{"0 0.0.0.0", RTPP_REPLY_ADDR, 0, "none"},
		{"E8", RTPP_REPLY_ERROR, 8, ""},
		{"E50", RTPP_REPLY_ERROR, 50, ""},
	};
	char text[ADDR_TEXT];
	struct rtpp_reply r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(rtpp_reply_parse(slice_str(rows[i].text), &r), 0);
		assert_int_equal(r.kind, rows[i].kind);
		assert_int_equal(r.number, rows[i].number);
		if (rows[i].kind == RTPP_REPLY_ADDR)
			assert_slice_equal(addr_ip_text(&r.addr, text), rows[i].addr);
	}
}

static void broken_replies_are_refused(void **state)
{
	static const char *const bad[] = {"", " ", "x", "E", "Ex", "-1", "4000 host",
		"4000 10.0.0.1 5", "4000 10.0.0.1 44", "4000 10.0.0.1 4 x", "99999999999",
		"4000x", "4000 10.0.0"};
	struct rtpp_reply r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (rtpp_reply_parse(slice_str(bad[i]), &r) != -EBADMSG)
			fail_msg("\"%s\" was taken", bad[i]);
}

static enum rtpp_outcome outcome_at(
	unsigned features, char letter, const char *ip, uint16_t port, const char *reply)
{
	const struct rtpp_command c = {
		.letter = letter, .ip = slice_str(ip), .port = port};
	struct rtpp_reply r;

	assert_int_equal(rtpp_reply_parse(slice_str(reply), &r), 0);
	return rtpp_outcome_of(&c, &r, features);
}

static enum rtpp_outcome outcome(
	char letter, const char *ip, uint16_t port, const char *reply)
{
	return outcome_at(0, letter, ip, port, reply);
}

static void what_a_reply_means(void **state)
{
	(void)state;
	assert_int_equal(outcome('U', "10.0.0.5", 4000, "43104 127.0.0.1"), RTPP_GOOD);
	assert_int_equal(outcome('U', "10.0.0.5", 4000, "44040"), RTPP_GOOD);
	assert_int_equal(outcome('U', "10.0.0.5", 4000, "41032 0.0.0.0 4"), RTPP_GOOD);
	assert_int_equal(outcome('L', "10.0.0.5", 4000, "0"), RTPP_NO_SESSION);
	assert_int_equal(outcome('L', "10.0.0.5", 4000, "0 0.0.0.0"), RTPP_NO_SESSION);
	assert_int_equal(outcome('L', "10.0.0.5", 4000, "E50"), RTPP_NO_SESSION);
	assert_int_equal(outcome('L', "10.0.0.5", 4000, "E8"), RTPP_NO_SESSION);
	assert_int_equal(
		outcome('U', "10.0.0.5", 4000, "65536 10.0.0.1"), RTPP_BAD_REPLY);
	assert_int_equal(outcome('U', "10.0.0.5", 4000, "65535"), RTPP_BAD_REPLY);
}

/* Facts 13.5: the same number means other things to rtpproxy 1.2 and to 2.0 and later. */
static void errors_are_read_by_the_relays_version(void **state)
{
	static const char *const elsewhere[] = {
		"E36", "E71", "E72", "E81", "E85", "E89", "E98", "E99"};
	static const char *const refused[] = {"E0", "E1", "E2", "E3", "E4", "E5", "E6",
		"E8", "E9", "E11", "E12", "E19", "E25", "E31", "E35", "E37", "E62", "E75",
		"E80", "E90", "E97"};
	static const char *const no_ports_of_12[] = {"E7", "E10"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		assert_int_equal(
			outcome('U', "10.0.0.5", 4000, elsewhere[i]), RTPP_ELSEWHERE);
		assert_int_equal(
			outcome_at(RTPP_F_CODES2, 'U', "10.0.0.5", 4000, elsewhere[i]),
			RTPP_ELSEWHERE);
	}
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		assert_int_equal(
			outcome('U', "10.0.0.5", 4000, refused[i]), RTPP_REFUSED);
		assert_int_equal(
			outcome_at(RTPP_F_CODES2, 'U', "10.0.0.5", 4000, refused[i]),
			RTPP_REFUSED);
	}
	for (i = 0; i < 2; i++) {
		assert_int_equal(outcome('U', "10.0.0.5", 4000, no_ports_of_12[i]),
			RTPP_ELSEWHERE);
		assert_int_equal(outcome_at(RTPP_F_CODES2, 'U', "10.0.0.5", 4000,
					 no_ports_of_12[i]),
			RTPP_REFUSED);
	}
	assert_int_equal(
		outcome_at(RTPP_F_CODES2, 'L', "10.0.0.5", 4000, "E8"), RTPP_REFUSED);
}

static void a_relay_without_notifications_says_so(void **state)
{
	struct rtpp_command c = {.letter = 'U',
		.ip = SLICE("10.0.0.5"),
		.port = 4000,
		.notify_socket = SLICE("n"),
		.notify_tag = SLICE("g")};
	const struct rtpp_reply r = {.kind = RTPP_REPLY_ERROR, .number = 75};

	(void)state;
	assert_int_equal(rtpp_outcome_of(&c, &r, 0), RTPP_NO_NOTIFY);
	c.letter = 'L'; /* it carries none */
	assert_int_equal(rtpp_outcome_of(&c, &r, 0), RTPP_REFUSED);
}

static void refusals_are_explained(void **state)
{
	static const struct {
		uint32_t code;
		unsigned features;
		const char *want;
	} rows[] = {{50, 0, "no such session"}, {8, 0, "no such session"},
		{60, RTPP_F_CODES2, "play that prompt"}, {6, 0, "play that prompt"},
		{6, RTPP_F_CODES2, "refused"}, {35, 0, "codecs"}, {0, 0, "does not know"},
		{9, 0, "refused"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct rtpp_reply r = {
			.kind = RTPP_REPLY_ERROR, .number = rows[i].code};

		assert_non_null(
			strstr(rtpp_refusal_text(&r, rows[i].features), rows[i].want));
	}
}

static void rtpengines_echo_is_no_success(void **state)
{
	(void)state;
	assert_int_equal(outcome('U', "10.0.0.5", 4000, "4000 10.0.0.5"), RTPP_ECHO);
	assert_int_equal(outcome('U', "0.0.0.0", 4000, "4000 0.0.0.0"), RTPP_ECHO);
	assert_int_equal(
		outcome('U', "2001:db8::5", 4000, "4000 2001:DB8:0::5"), RTPP_ECHO);
	assert_int_equal(outcome('U', "10.0.0.5", 4000, "4002 10.0.0.5"), RTPP_GOOD);
	assert_int_equal(outcome('U', "10.0.0.5", 4000, "4000 10.0.0.6"), RTPP_GOOD);
}

/* A message of a dialog whose From tag is "f"; to: of its To; empty: none. */
static void tagged(struct sip_test *t, const char *start, const char *to)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		"%s\r\nVia: SIP/2.0/UDP 192.168.1.20;branch=z9hG4bK1\r\nTo: "
		"<sip:b@example.com>%s%s\r\n"
		"From: <sip:a@example.com>;tag=f\r\nCall-ID: c\r\nCSeq: 1 "
		"%s\r\nContent-Length: 0\r\n\r\n",
		start, *to ? ";tag=" : "", to, strstr(start, "ACK") ? "ACK" : "INVITE");
	sip_test_good(t, text);
}

static void tags_name_the_offerer_first(void **state)
{
	static const char invite[] = "INVITE sip:b@example.com SIP/2.0",
			  ack[] = "ACK sip:b@example.com SIP/2.0",
			  ok[] = "SIP/2.0 200 OK";
	static const struct {
		const char *start, *to;
		bool answer, lookup;
		char letter;
		const char *a, *b;
		bool initial;
	} rows[] = {
		{invite, "", false, false, 'U', "f", "", true},
		{invite, "t", false, false, 'U', "f", "t", false}, /* re-INVITE */
		{ok, "t", true, false, 'L', "f", "t", false},
		{ok, "t", false, false, 'U', "t", "f", true},     /* late offer */
		{ack, "t", true, false, 'L', "t", "f", false},    /* its answer */
		{invite, "t", false, true, 'L', "t", "f", false}, /* flag l */
	};
	struct rtpp_tags tags;
	struct sip_test t;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tagged(&t, rows[i].start, rows[i].to);
		assert_int_equal(
			rtpp_tags_of(&t.msg, rows[i].answer, rows[i].lookup, &tags), 0);
		assert_int_equal(tags.letter, rows[i].letter);
		assert_slice_equal(tags.a, rows[i].a);
		assert_slice_equal(tags.b, rows[i].b);
		assert_int_equal(tags.initial, rows[i].initial);
		sip_test_free(&t);
	}
}

static void missing_tags_are_refused(void **state)
{
	struct rtpp_tags tags;
	struct sip_test t;

	(void)state;
	tagged(&t, "SIP/2.0 183 Session Progress", "");
	assert_int_equal(rtpp_tags_of(&t.msg, true, false, &tags), -EBADMSG);
	assert_int_equal(rtpp_tags_of(&t.msg, false, false, &tags), -EBADMSG);
	sip_test_free(&t);
	tagged(&t, "INVITE sip:b@example.com SIP/2.0", "");
	assert_int_equal(rtpp_tags_of(&t.msg, true, false, &tags), -EBADMSG);
	assert_int_equal(rtpp_tags_of(&t.msg, false, true, &tags), -EBADMSG);
	sip_test_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_have_the_words_that_the_relay_counts),
		cmocka_unit_test(notify_words_follow_the_tags_of_u_alone),
		cmocka_unit_test(streaming_and_recording_commands_have_their_words),
		cmocka_unit_test(text_that_would_break_the_line_is_refused),
		cmocka_unit_test(modifiers_follow_the_flags_and_what_the_relay_can),
		cmocka_unit_test(replies_are_read_in_all_their_forms),
		cmocka_unit_test(broken_replies_are_refused),
		cmocka_unit_test(what_a_reply_means),
		cmocka_unit_test(errors_are_read_by_the_relays_version),
		cmocka_unit_test(a_relay_without_notifications_says_so),
		cmocka_unit_test(refusals_are_explained),
		cmocka_unit_test(rtpengines_echo_is_no_success),
		cmocka_unit_test(tags_name_the_offerer_first),
		cmocka_unit_test(missing_tags_are_refused),
	};
	return cmocka_run_group_tests_name("rtpp_proto", tests, NULL, NULL);
}
