#include "plugins/rtpp/rtpp_order.h"

#include "tests/unit/rtpp_fake.h"
#include "tests/unit/rtpp_test.h"
#include "tests/unit/sip_test.h"

#define TRY_MS 30
#define TRIES  2

struct world {
	struct loop *loop;
	struct counter_array *array;
	unsigned first;
	struct rtpp_fake fake;
	struct rtpp_board *board;
	struct hash_key key;
	struct rtpp_engine e;
	unsigned silent;
	struct sip_test t;
	bool have_msg;
	struct rtpp_command cmd;
	char room[16];
	unsigned done;
	struct ph_test_log log;
};

static void on_silent(void *arg, struct rtpp_peer *peer)
{
	((struct world *)arg)->silent++;
	peer->down = true;
}

static void on_done(void *arg)
{
	((struct world *)arg)->done++;
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct rtpp_client_setup set = {.timeout_ms = TRY_MS, .sends = TRIES};
	const char *values[] = {NULL, NULL};

	*state = w;
	counter_reset_all();
	assert_int_equal(counter_register(rtpp_test_counters, &w->first), 0);
	assert_int_equal(counter_array_new(&w->array), 0);
	assert_int_equal(loop_new(&w->loop), 0);
	rtpp_fake_start(&w->fake, w->loop);
	values[0] = w->fake.url;
	assert_int_equal(rtpp_board_new(&w->board), 0);
	rtpp_test_post(w->board, values, RTPP_F_CODECS | RTPP_F_CODES2);
	w->e = (struct rtpp_engine){.key = &w->key,
		.log = log_source_get("rtpp"),
		.on_silent = on_silent,
		.arg = w};
	assert_int_equal(rtpp_roster_new(&w->e.roster, w->board, w->e.log), 0);
	set.loop = w->loop;
	set.counters = w->array;
	set.first_counter = w->first;
	set.log = w->e.log;
	assert_int_equal(rtpp_client_new(&w->e.client, &set), 0);
	ph_test_log_start(&w->log);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ph_test_log_stop();
	if (w->have_msg)
		sip_test_free(&w->t);
	rtpp_client_destroy(&w->e.client);
	rtpp_roster_destroy(&w->e.roster);
	rtpp_fake_stop(&w->fake);
	rtpp_board_destroy(&w->board);
	loop_destroy(&w->loop);
	counter_array_destroy(&w->array);
	free(w);
	return 0;
}

#define RUN_UNTIL(w, cond)                                                               \
	do {                                                                             \
		const uint64_t until_us = clock_us() + 10 * 1000000;                     \
		while (!(cond) && clock_us() < until_us)                                 \
			loop_turn((w)->loop, 5);                                         \
		assert_true(cond);                                                       \
	} while (0)

/* A message of a dialog; from "f"; to: tag of To, empty: none. */
static struct sip_msg *message(
	struct world *w, const char *start, const char *call_id, const char *to)
{
	char text[1024];

	if (w->have_msg)
		sip_test_free(&w->t);
	(void)snprintf(text, sizeof(text),
		"%s\r\nVia: SIP/2.0/UDP 192.168.1.20;branch=z9hG4bK1\r\nTo: "
		"<sip:b@example.com>%s%s\r\nFrom: <sip:a@example.com>;tag=f\r\n"
		"Call-ID: %s\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
		start, *to ? ";tag=" : "", to, call_id);
	sip_test_good(&w->t, text);
	w->have_msg = true;
	return &w->t.msg;
}

#define INVITE "INVITE sip:b@example.com SIP/2.0"
#define RINGS  "SIP/2.0 183 Session Progress"

static int order(struct world *w)
{
	struct rtpp_view *v = rtpp_roster_view(w->e.roster);
	const struct rtpp_order_ask ask = {.msg = &w->t.msg,
		.cmd = w->cmd,
		.peer = v->peers[0],
		.name = "test",
		.where = "here"};
	struct rtpp_order *o;
	int err;

	w->done = 0;
	err = rtpp_order_begin(&o, &w->e, &ask, on_done, w);
	if (err != -EINPROGRESS)
		return err;
	RUN_UNTIL(w, w->done > 0);
	assert_int_equal(w->done, 1);
	err = rtpp_order_result(o);
	rtpp_order_end(o);
	return err;
}

static const char *last(struct world *w)
{
	return w->fake.count > 0 ? w->fake.log[w->fake.count - 1].command : "";
}

/* Facts section 9: by the roles of the transaction in hand, whoever made the call. */
static void prompts_go_to_the_side_that_is_named(void **state)
{
	static const struct {
		const char *start, *to;
		enum rtpp_side side;
		int64_t count;
		const char *want;
	} rows[] = {
		{INVITE, "t", RTPP_UAC, -1, "P-1 c /moh session f;1 t;1"},
		{INVITE, "t", RTPP_UAS, 3, "P3 c /moh session t;1 f;1"},
		{INVITE, "", RTPP_UAC, 1, "P1 c /moh session f;1"},
		{RINGS, "t", RTPP_UAC, 0, "P0 c /moh session f;1 t;1"},
		{RINGS, "t", RTPP_UAS, 1, "P1 c /moh session t;1 f;1"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sip_msg *msg = message(w, rows[i].start, "c", rows[i].to);

		assert_int_equal(rtpp_play_command(&w->cmd, msg, rows[i].side,
					 SLICE("/moh"), rows[i].count, 1, w->room),
			0);
		assert_int_equal(order(w), 0);
		assert_string_equal(last(w), rows[i].want);
	}
	/* The other side has no name yet. */
	assert_int_equal(rtpp_play_command(&w->cmd, message(w, INVITE, "c", ""), RTPP_UAS,
				 SLICE("/moh"), 1, 1, w->room),
		-EBADMSG);
	assert_int_equal(
		rtpp_stop_command(&w->cmd, message(w, INVITE, "c", ""), RTPP_UAS, 1),
		-EBADMSG);
}

static void prompts_are_stopped_on_the_stream_they_play_on(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		rtpp_stop_command(&w->cmd, message(w, INVITE, "c", "t"), RTPP_UAC, 2), 0);
	assert_int_equal(order(w), 0);
	assert_string_equal(last(w), "S c f;2 t;2");
	assert_int_equal(
		rtpp_stop_command(&w->cmd, message(w, RINGS, "c", "t"), RTPP_UAS, 1), 0);
	assert_int_equal(order(w), 0);
	assert_string_equal(last(w), "S c t;1 f;1");
}

static void recordings_name_the_call(void **state)
{
	struct world *w = *state;

	assert_int_equal(rtpp_record_command(&w->cmd, message(w, INVITE, "c", "")), 0);
	assert_int_equal(order(w), 0);
	assert_string_equal(last(w), "R c f");
	assert_int_equal(rtpp_record_command(&w->cmd, message(w, INVITE, "c", "t")), 0);
	assert_int_equal(order(w), 0);
	assert_string_equal(last(w), "R c f t");
	assert_int_equal(rtpp_record_command(&w->cmd, message(w, RINGS, "c", "t")), 0);
	assert_int_equal(order(w), 0);
	assert_string_equal(last(w), "R c t f");
	assert_int_equal(
		rtpp_record_command(&w->cmd, message(w, RINGS, "c", "")), -EBADMSG);
	/* A relay writes files of that name (facts 13.8). */
	assert_int_equal(
		rtpp_record_command(&w->cmd, message(w, INVITE, "a/b", "")), -EINVAL);
	assert_int_equal(
		rtpp_record_command(&w->cmd, message(w, INVITE, "..a", "")), -EINVAL);
	assert_int_equal(
		rtpp_record_command(&w->cmd, message(w, INVITE, "a.b.c@h", "")), 0);
}

static void refusals_and_silence_fail_the_order(void **state)
{
	static const char *const rows[] = {
		"E60", "E50", "E35", "E8", "1", "0 127.0.0.1", "x"};
	struct world *w = *state;

	assert_int_equal(
		rtpp_stop_command(&w->cmd, message(w, INVITE, "c", "t"), RTPP_UAC, 1), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w->fake.orders = rows[i];
		assert_int_equal(order(w), -EPROTO);
		assert_true(ph_test_log_has(&w->log, rows[i]));
	}
	assert_int_equal(w->silent, 0);
	w->fake.deaf = 100;
	assert_int_equal(order(w), -ETIMEDOUT);
	assert_int_equal(w->silent, 1);
	assert_int_equal(
		order(w), -ENONET); /* it is known to be down: nobody waits again */
}

static void a_relay_that_cannot_play_is_not_asked(void **state)
{
	struct world *w = *state;
	struct rtpp_peer *peer = rtpp_roster_view(w->e.roster)->peers[0];
	unsigned lines;

	peer->features = RTPP_F_STREAMS; /* rtpengine */
	assert_int_equal(
		rtpp_stop_command(&w->cmd, message(w, INVITE, "c", "t"), RTPP_UAC, 1), 0);
	assert_int_equal(order(w), -EOPNOTSUPP);
	lines = w->log.count;
	assert_int_equal(lines, 1);
	assert_int_equal(order(w), -EOPNOTSUPP);
	assert_int_equal(w->log.count, lines); /* said once */
	assert_int_equal(w->fake.count, 0);
	assert_int_equal(rtpp_record_command(&w->cmd, message(w, INVITE, "c", "t")), 0);
	assert_int_equal(order(w), 0); /* recording has no such condition */
}

static void prompts_are_names_without_blanks(void **state)
{
	char name[600];

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_null(rtpp_prompt_fault(SLICE("/var/rtpproxy/prompts/music_on_hold")));
	assert_null(rtpp_prompt_fault(slice_make(name, 512)));
	assert_non_null(rtpp_prompt_fault(slice_make(name, 513)));
	assert_non_null(rtpp_prompt_fault(SLICE("")));
	assert_non_null(rtpp_prompt_fault(SLICE("a b")));
	assert_non_null(rtpp_prompt_fault(SLICE("a\n")));
}

static void the_first_audio_stream_is_found(void **state)
{
	static const struct {
		const char *media;
		unsigned want;
	} rows[] = {
		{"m=audio 4000 RTP/AVP 0\r\n", 1},
		{"m=video 4000 RTP/AVP 31\r\nm=audio 4002 RTP/AVP 0\r\n", 2},
		{"m=audio 0 RTP/AVP 0\r\nm=audio 4002 RTP/AVP 0\r\n", 2},
		{"m=video 4000 RTP/AVP 31\r\n", 0},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[1024];

		if (w->have_msg)
			sip_test_free(&w->t);
		(void)snprintf(text, sizeof(text),
			"%s\r\nv=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nc=IN IP4 "
			"10.0.0.5\r\nt=0 0\r\n%s",
			SIP_TEST_HEAD, rows[i].media);
		sip_test_good(&w->t, text);
		w->have_msg = true;
		assert_int_equal(rtpp_first_audio(&w->t.msg), rows[i].want);
	}
	assert_int_equal(rtpp_first_audio(message(w, INVITE, "c", "")), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(prompts_go_to_the_side_that_is_named),
		T(prompts_are_stopped_on_the_stream_they_play_on),
		T(recordings_name_the_call),
		T(refusals_and_silence_fail_the_order),
		T(a_relay_that_cannot_play_is_not_asked),
		T(prompts_are_names_without_blanks),
		T(the_first_audio_stream_is_found),
	};
	return cmocka_run_group_tests_name("rtpp_order", tests, NULL, NULL);
}
