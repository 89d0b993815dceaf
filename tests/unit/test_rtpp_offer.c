#include "plugins/rtpp/rtpp_offer.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/rtpp_fake.h"
#include "tests/unit/rtpp_test.h"
#include "tests/unit/sip_test.h"

#define RELAYS 3
#define TRY_MS 30
#define TRIES  3

#define AUDIO                                                                            \
	"v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nc=IN IP4 10.0.0.5\r\nt=0 "             \
	"0\r\nm=audio 4000 RTP/AVP 0\r\n"
#define VIDEO "m=video 5000 RTP/AVP 31\r\n"

struct world {
	struct loop *loop;
	struct counter_array *array;
	unsigned first;
	struct rtpp_fake fakes[RELAYS];
	struct rtpp_board *board;
	struct addr_stream notify;
	struct hash_key key;
	struct rtpp_engine e;
	unsigned silent; /* on_silent() calls */
	struct sip_test t;
	bool have_msg;
	struct rtpp_offer *offer;
	unsigned done;
	struct ph_test_log log;
};

static int64_t counted(struct world *w, enum rtpp_counter which)
{
	return counter_read(w->first + which);
}

static void on_silent(void *arg, struct rtpp_peer *peer)
{
	struct world *w = arg;

	w->silent++;
	peer->down = true;
}

/* Relay i as this thread knows it. */
static struct rtpp_peer *peer(struct world *w, unsigned i)
{
	struct rtpp_peer *p = rtpp_roster_peer(w->e.roster, slice_str(w->fakes[i].url));

	assert_non_null(p);
	return p;
}

static void on_done(void *arg)
{
	((struct world *)arg)->done++;
}

static void new_client(struct world *w, struct rtpp_client **out)
{
	const struct rtpp_client_setup setup = {.loop = w->loop,
		.counters = w->array,
		.first_counter = w->first,
		.log = log_source_get("rtpp"),
		.worker = 0,
		.timeout_ms = TRY_MS,
		.sends = TRIES};

	assert_int_equal(rtpp_client_new(out, &setup), 0);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char text[256];
	const char *const values[] = {text, NULL};

	*state = w;
	counter_reset_all();
	assert_int_equal(counter_register(rtpp_test_counters, &w->first), 0);
	assert_int_equal(counter_array_new(&w->array), 0);
	assert_int_equal(loop_new(&w->loop), 0);
	for (unsigned i = 0; i < RELAYS; i++)
		rtpp_fake_start(&w->fakes[i], w->loop);
	/* The second and third are spares: the order of trying is known. */
	(void)snprintf(text, sizeof(text), "%s %s=0 %s=0", w->fakes[0].url,
		w->fakes[1].url, w->fakes[2].url);
	assert_int_equal(rtpp_board_new(&w->board), 0);
	rtpp_test_post(w->board, values, 0);
	w->e = (struct rtpp_engine){.key = &w->key,
		.marker = SLICE("a=nortpproxy:yes"),
		.log = log_source_get("rtpp"),
		.on_silent = on_silent,
		.arg = w};
	assert_int_equal(rtpp_roster_new(&w->e.roster, w->board, w->e.log), 0);
	(void)rtpp_roster_view(w->e.roster);
	new_client(w, &w->e.client);
	ph_test_log_start(&w->log);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ph_test_log_stop();
	if (w->offer)
		rtpp_offer_end(w->offer);
	if (w->have_msg)
		sip_test_free(&w->t);
	rtpp_client_destroy(&w->e.client);
	rtpp_roster_destroy(&w->e.roster);
	for (unsigned i = 0; i < RELAYS; i++)
		rtpp_fake_stop(&w->fakes[i]);
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

static void message(struct world *w, const char *head, const char *body)
{
	char text[4096];

	if (w->offer)
		rtpp_offer_end(w->offer);
	w->offer = NULL;
	if (w->have_msg)
		sip_test_free(&w->t);
	(void)snprintf(text, sizeof(text), "%s\r\n%s", head, body);
	sip_test_good(&w->t, text);
	w->have_msg = true;
}

#define REPLY(code, totag)                                                               \
	"SIP/2.0 " code                                                                  \
	"\r\nVia: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK776asdhds\r\n"             \
	"To: <sip:bob@example.com>;tag=" totag                                           \
	"\r\nFrom: <sip:alice@example.com>;tag=1928301774\r\n"                           \
	"Call-ID: a84b4c76e66710@pc33.example.com\r\nCSeq: 314159 INVITE\r\n"

static int begin_as(struct world *w, bool answer, struct rtpp_peer *p, const char *tag)
{
	struct rtpp_view *view = rtpp_roster_view(w->e.roster);
	const struct rtpp_offer_ask ask = {.msg = &w->t.msg,
		.answer = answer,
		.source = ph_test_addr("203.0.113.7", 5060),
		.local = ph_test_addr("198.51.100.1", 0),
		.view = view,
		.set = &view->sets->sets[0],
		.place = {.peer = p},
		.notify_tag = slice_str(tag),
		.where = "test"};

	if (w->offer)
		rtpp_offer_end(w->offer);
	w->offer = NULL;
	w->done = 0;
	return rtpp_offer_begin(&w->offer, &w->e, &ask, on_done, w);
}

static int begin(struct world *w, bool answer, struct rtpp_peer *p)
{
	return begin_as(w, answer, p, NULL);
}

static int outcome(struct world *w)
{
	RUN_UNTIL(w, w->done > 0);
	assert_int_equal(w->done, 1);
	return rtpp_offer_finish(w->offer);
}

static int run(struct world *w, bool answer, struct rtpp_peer *p)
{
	assert_int_equal(begin(w, answer, p), -EINPROGRESS);
	return outcome(w);
}

static void untouched(struct world *w)
{
	assert_int_equal(w->t.msg.edits, 0);
	assert_true(slice_eq(w->t.msg.body, w->t.msg.body_received));
}

static void all_streams_are_asked_at_once_and_written_in_one_edit(void **state)
{
	struct world *w = *state;
	struct rtpp_fake *f = &w->fakes[0];

	message(w, SIP_TEST_HEAD, AUDIO VIDEO);
	assert_int_equal(run(w, false, NULL), 0);
	assert_int_equal(f->count, 2);
	assert_string_equal(f->log[0].command,
		"U a84b4c76e66710@pc33.example.com 203.0.113.7 4000 1928301774;1");
	assert_string_equal(f->log[1].command,
		"U a84b4c76e66710@pc33.example.com 203.0.113.7 5000 1928301774;2");
	assert_string_not_equal(f->log[0].cookie, f->log[1].cookie);
	assert_slice_equal(w->t.msg.body,
		"v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nc=IN IP4 192.0.2.99\r\nt=0 "
		"0\r\nm=audio 35000 RTP/AVP 0\r\n"
		"m=video 35002 RTP/AVP 31\r\na=nortpproxy:yes\r\n");
	assert_int_equal(w->t.msg.edits, 1);
	assert_ptr_equal(rtpp_offer_peer(w->offer), peer(w, 0));
	assert_int_equal(counted(w, RTPP_C_OFFERS), 1);
	assert_int_equal(counted(w, RTPP_C_COMMANDS), 2);
	assert_int_equal(counted(w, RTPP_C_REPLIES), 2);
}

static void an_answer_looks_up_with_both_tags(void **state)
{
	struct world *w = *state;

	message(w, REPLY("200 OK", "t"), AUDIO);
	assert_int_equal(run(w, true, peer(w, 1)), 0);
	assert_int_equal(w->fakes[0].count, 0);
	assert_string_equal(w->fakes[1].log[0].command,
		"L a84b4c76e66710@pc33.example.com 203.0.113.7 4000 1928301774;1 t;1");
	assert_int_equal(counted(w, RTPP_C_ANSWERS), 1);
}

static void lost_commands_are_repeated_with_the_same_cookie(void **state)
{
	struct world *w = *state;
	struct rtpp_fake *f = &w->fakes[0];

	f->deaf = 2;
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(run(w, false, NULL), 0);
	assert_int_equal(f->count, 3);
	assert_string_equal(f->log[0].cookie, f->log[2].cookie);
	assert_string_equal(f->log[0].command, f->log[2].command);
	assert_int_equal(counted(w, RTPP_C_RETRANSMISSIONS), 2);
	assert_int_equal(counted(w, RTPP_C_COMMANDS), 1);
	assert_int_equal(w->silent, 0);
}

static void silence_takes_the_offer_to_the_next_relay(void **state)
{
	struct world *w = *state;

	w->fakes[0].deaf = 100;
	message(w, SIP_TEST_HEAD, AUDIO VIDEO);
	assert_int_equal(run(w, false, NULL), 0);
	assert_int_equal(w->fakes[0].count, 2 * TRIES);
	assert_int_equal(w->fakes[1].count, 2);
	assert_ptr_equal(rtpp_offer_peer(w->offer), peer(w, 1));
	assert_int_equal(w->silent, 1);
	assert_int_equal(counted(w, RTPP_C_FAILOVERS), 1);
	assert_true(ph_test_log_has(&w->log, w->fakes[0].url));
	assert_true(ph_test_log_has(&w->log, "a84b4c76e66710@pc33.example.com"));
	/* The next call does not wait for it. */
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(run(w, false, NULL), 0);
	assert_int_equal(w->fakes[0].count, 2 * TRIES);
}

static void when_all_are_silent_the_message_stays_as_it_was(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < RELAYS; i++)
		w->fakes[i].deaf = 100;
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(run(w, false, NULL), -ETIMEDOUT);
	untouched(w);
	assert_int_equal(w->silent, RELAYS);
	assert_int_equal(begin(w, false, NULL), -ENONET);
	assert_int_equal(w->done, 0);
}

static void one_refused_stream_spoils_the_offer_and_is_cleaned_up(void **state)
{
	struct world *w = *state;

	w->fakes[0].second = "E71";
	message(w, SIP_TEST_HEAD, AUDIO VIDEO);
	assert_int_equal(run(w, false, NULL), 0);
	assert_ptr_equal(rtpp_offer_peer(w->offer), peer(w, 1));
	assert_int_equal(w->silent, 0);
	RUN_UNTIL(w, w->fakes[0].count == 3);
	assert_string_equal(w->fakes[0].log[2].command,
		"D a84b4c76e66710@pc33.example.com 1928301774");
	assert_false(peer(w, 0)->down);
}

static void other_errors_end_it_and_leave_the_relay_alone(void **state)
{
	static const char *const rows[] = {"E1", "E35", "0", "0 0.0.0.0",
		"70000 192.0.2.9", "junk", "4000 203.0.113.7"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w->fakes[0].updates = rows[i];
		message(w, SIP_TEST_HEAD, AUDIO);
		assert_int_equal(run(w, false, NULL), -EPROTO);
		untouched(w);
	}
	assert_int_equal(w->fakes[1].count, 0);
	assert_int_equal(w->silent, 0);
	assert_int_equal(counted(w, RTPP_C_ECHOES), 1);
	assert_int_equal(counted(w, RTPP_C_ERRORS), 6);
}

static void an_answer_never_goes_to_another_relay(void **state)
{
	struct world *w = *state;

	w->fakes[0].deaf = 100;
	message(w, REPLY("200 OK", "t"), AUDIO);
	assert_int_equal(run(w, true, peer(w, 0)), -ETIMEDOUT);
	untouched(w);
	assert_int_equal(w->fakes[1].count, 0);
	/* It is known to be down by now: the next one fails at once. */
	assert_int_equal(begin(w, true, peer(w, 0)), -ENONET);
}

static void an_initial_offer_leaves_a_relay_that_went_down(void **state)
{
	struct world *w = *state;

	peer(w, 2)->down = true;
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(run(w, false, peer(w, 2)), 0);
	assert_ptr_equal(rtpp_offer_peer(w->offer), peer(w, 0));
}

static void a_disabled_relay_keeps_its_own_calls(void **state)
{
	struct world *w = *state;

	peer(w, 0)->disabled = true;
	message(w, REPLY("200 OK", "t"), AUDIO);
	assert_int_equal(run(w, true, peer(w, 0)), 0);
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(run(w, false, NULL), 0);
	assert_ptr_equal(rtpp_offer_peer(w->offer), peer(w, 1));
}

static void answers_that_come_twice_or_late_are_counted(void **state)
{
	struct world *w = *state;

	w->fakes[0].times = 2;
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(run(w, false, NULL), 0);
	RUN_UNTIL(w, counted(w, RTPP_C_LATE) == 1);
	assert_int_equal(counted(w, RTPP_C_REPLIES), 1);
}

static void datagrams_of_others_change_nothing(void **state)
{
	static const char *const rows[] = {
		"", "x", "0123456789abcdef_0_1 35000\n", "0 0 0 0\n"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		w->fakes[0].raw = rows[i];
		message(w, REPLY("200 OK", "t"), AUDIO);
		peer(w, 0)->down = false;
		assert_int_equal(run(w, true, peer(w, 0)), -ETIMEDOUT);
		untouched(w);
	}
	assert_int_equal(counted(w, RTPP_C_REPLIES), 0);
	assert_true(counted(w, RTPP_C_ERRORS) >= 9);
}

static void a_cancelled_offer_hears_nothing_more(void **state)
{
	struct world *w = *state;

	message(w, SIP_TEST_HEAD, AUDIO VIDEO);
	assert_int_equal(begin(w, false, NULL), -EINPROGRESS);
	rtpp_offer_end(w->offer);
	RUN_UNTIL(w, counted(w, RTPP_C_LATE) == 2);
	assert_int_equal(w->done, 0);
	untouched(w);
}

static void without_streams_no_relay_is_asked(void **state)
{
	struct world *w = *state;

	message(w, SIP_TEST_HEAD,
		"v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\n");
	assert_int_equal(begin(w, false, NULL), 0);
	message(w, SIP_TEST_HEAD, "");
	assert_int_equal(begin(w, false, NULL), -ENOENT);
	message(w, SIP_TEST_HEAD, AUDIO "a=nortpproxy:yes\r\n");
	assert_int_equal(begin(w, false, NULL), -EALREADY);
	assert_int_equal(counted(w, RTPP_C_COMMANDS), 0);
	assert_int_equal(counted(w, RTPP_C_OFFERS), 0);
}

static void a_bare_port_means_an_address_as_phones_see_us(void **state)
{
	struct world *w = *state;

	w->fakes[0].updates = "44040";
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(run(w, false, NULL), 0);
	assert_has(w->t.msg.body, "c=IN IP4 198.51.100.1\r\n");
}

static void codecs_are_told_to_a_relay_that_knows_them(void **state)
{
	struct world *w = *state;

	peer(w, 0)->features = RTPP_F_CODECS;
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(run(w, false, NULL), 0);
	assert_true(strncmp(w->fakes[0].log[0].command, "UC0 ", 4) == 0);
}

/* Facts 13.6. */
static void a_relay_is_asked_to_tell_of_silence_when_it_can(void **state)
{
	struct world *w = *state;

	assert_null(rtpp_notify_read(&w->notify, "tcp:192.0.2.1:9999"));
	w->e.notify = &w->notify;
	peer(w, 0)->features = RTPP_F_NOTIFY | RTPP_F_TCP_NAME;
	message(w, SIP_TEST_HEAD, AUDIO VIDEO);
	assert_int_equal(begin_as(w, false, NULL, "0123"), -EINPROGRESS);
	assert_int_equal(outcome(w), 0);
	assert_string_equal(w->fakes[0].log[0].command,
		"U a84b4c76e66710@pc33.example.com 203.0.113.7 4000 1928301774;1 "
		"tcp:192.0.2.1:9999 0123");
	assert_string_equal(w->fakes[0].log[1].command,
		"U a84b4c76e66710@pc33.example.com 203.0.113.7 5000 1928301774;2 "
		"tcp:192.0.2.1:9999 0123");
	/* L cannot carry it; and nobody asks for it in the next one. */
	message(w, REPLY("200 OK", "t"), AUDIO);
	assert_int_equal(begin_as(w, true, peer(w, 0), "0123"), -EINPROGRESS);
	assert_int_equal(outcome(w), 0);
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(run(w, false, NULL), 0);
	assert_string_equal(w->fakes[0].log[2].command,
		"L a84b4c76e66710@pc33.example.com 203.0.113.7 4000 1928301774;1 t;1");
	assert_string_equal(w->fakes[0].log[3].command,
		"U a84b4c76e66710@pc33.example.com 203.0.113.7 4000 1928301774;1");
}

/* rtpengine would not understand the line and echo it (facts 14). */
static void a_relay_that_cannot_tell_of_silence_is_not_asked(void **state)
{
	struct world *w = *state;
	unsigned lines;

	assert_null(rtpp_notify_read(&w->notify, "tcp:192.0.2.1:9999"));
	w->e.notify = &w->notify;
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(begin_as(w, false, NULL, "0123"), -EINPROGRESS);
	assert_int_equal(outcome(w), 0);
	assert_string_equal(w->fakes[0].log[0].command,
		"U a84b4c76e66710@pc33.example.com 203.0.113.7 4000 1928301774;1");
	assert_true(ph_test_log_has(&w->log, "flag n has no effect"));
	lines = w->log.count;
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(begin_as(w, false, NULL, "0123"), -EINPROGRESS);
	assert_int_equal(outcome(w), 0);
	assert_int_equal(w->log.count, lines); /* said once */
}

static void a_relay_without_n_is_asked_again_plainly(void **state)
{
	struct world *w = *state;
	unsigned lines;

	assert_null(rtpp_notify_read(&w->notify, "tcp:192.0.2.1:9999"));
	w->e.notify = &w->notify;
	peer(w, 0)->features = RTPP_F_NOTIFY;
	w->fakes[0].notify_error = "E75";
	message(w, SIP_TEST_HEAD, AUDIO VIDEO);
	assert_int_equal(begin_as(w, false, NULL, "0123"), -EINPROGRESS);
	assert_int_equal(outcome(w), 0);
	assert_int_equal(w->fakes[0].count, 4);
	assert_string_equal(w->fakes[0].log[2].command,
		"U a84b4c76e66710@pc33.example.com 203.0.113.7 4000 1928301774;1");
	assert_string_not_equal(w->fakes[0].log[0].cookie, w->fakes[0].log[2].cookie);
	assert_has(w->t.msg.body, "m=audio 35");
	assert_int_equal(counted(w, RTPP_C_NOTIFY_REFUSED), 2);
	assert_int_equal(counted(w, RTPP_C_ERRORS), 0);
	lines = w->log.count;
	assert_int_equal(lines, 1); /* warned once for the relay */
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(begin_as(w, false, NULL, "0123"), -EINPROGRESS);
	assert_int_equal(outcome(w), 0);
	assert_int_equal(w->fakes[0].count, 5);
	assert_int_equal(w->log.count, lines);
}

static void an_offer_keeps_the_sets_that_it_began_with(void **state)
{
	struct world *w = *state;
	const char *const values[] = {"udp:192.0.2.99", NULL};

	w->fakes[0].deaf = 100;
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(begin(w, false, NULL), -EINPROGRESS);
	rtpp_test_post(w->board, values, 0);
	assert_int_equal(rtpp_roster_view(w->e.roster)->sets->relay_count, 1);
	assert_int_equal(outcome(w), 0);
	assert_ptr_equal(rtpp_offer_peer(w->offer), peer(w, 1));
	/* Its answer finds the relay, which is in no set any more. */
	message(w, REPLY("200 OK", "t"), AUDIO);
	assert_int_equal(run(w, true, peer(w, 1)), 0);
	/* Nobody probes it: that it was silent once is no reason not to try again. */
	peer(w, 0)->down = true;
	w->fakes[0].deaf = 0;
	message(w, REPLY("200 OK", "t"), AUDIO);
	assert_int_equal(run(w, true, peer(w, 0)), 0);
}

static void audio_is_known_by_its_place(void **state)
{
	struct world *w = *state;

	message(w, SIP_TEST_HEAD, AUDIO VIDEO);
	assert_int_equal(run(w, false, NULL), 0);
	assert_int_equal(rtpp_offer_audio(w->offer), 1);
	message(w, SIP_TEST_HEAD,
		"v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nc=IN IP4 10.0.0.5\r\nt=0 "
		"0\r\nm=video 0 RTP/AVP 31\r\nm=video 5000 RTP/AVP 31\r\nm=audio 4000 "
		"RTP/AVP "
		"0\r\n");
	assert_int_equal(run(w, false, NULL), 0);
	assert_int_equal(rtpp_offer_audio(w->offer), 3);
	message(w, SIP_TEST_HEAD,
		"v=0\r\no=- 1 1 IN IP4 10.0.0.5\r\ns=-\r\nc=IN IP4 10.0.0.5\r\nt=0 "
		"0\r\nm=video 5000 RTP/AVP 31\r\n");
	assert_int_equal(run(w, false, NULL), 0);
	assert_int_equal(rtpp_offer_audio(w->offer), 0);
}

static void deleting_waits_for_nobody(void **state)
{
	struct world *w = *state;

	assert_int_equal(
		rtpp_delete(&w->e, peer(w, 0), SLICE("c"), SLICE("f"), SLICE("t")), 0);
	assert_int_equal(
		rtpp_delete(&w->e, peer(w, 0), SLICE("c"), SLICE("f"), SLICE("")), 0);
	RUN_UNTIL(w, counted(w, RTPP_C_REPLIES) == 2);
	assert_string_equal(w->fakes[0].log[0].command, "D c f t");
	assert_string_equal(w->fakes[0].log[1].command, "D c f");
	assert_int_equal(counted(w, RTPP_C_DELETES), 2);
	assert_int_equal(
		rtpp_delete(&w->e, peer(w, 0), SLICE("c c"), SLICE("f"), SLICE("")),
		-EINVAL);
	w->fakes[0].deaf = 100;
	assert_int_equal(
		rtpp_delete(&w->e, peer(w, 0), SLICE("c"), SLICE("f"), SLICE("t")), 0);
	RUN_UNTIL(w, w->silent == 1);
	/* One under way when the client goes is forgotten. */
	assert_int_equal(
		rtpp_delete(&w->e, peer(w, 0), SLICE("c"), SLICE("f"), SLICE("t")), 0);
}

static void cookies_of_two_clients_differ(void **state)
{
	struct world *w = *state;
	struct rtpp_client *mine = w->e.client, *other;

	new_client(w, &other);
	assert_int_equal(
		rtpp_delete(&w->e, peer(w, 0), SLICE("c"), SLICE("f"), SLICE("")), 0);
	w->e.client = other;
	assert_int_equal(
		rtpp_delete(&w->e, peer(w, 0), SLICE("c"), SLICE("f"), SLICE("")), 0);
	w->e.client = mine;
	RUN_UNTIL(w, counted(w, RTPP_C_REPLIES) == 2);
	assert_string_not_equal(w->fakes[0].log[0].cookie, w->fakes[0].log[1].cookie);
	rtpp_client_destroy(&other);
}

static void without_memory_the_message_stays_as_it_was(void **state)
{
	struct world *w = *state;

	message(w, SIP_TEST_HEAD, AUDIO);
	while (arena_alloc(w->t.arena, 256))
		continue;
	assert_int_equal(begin(w, false, NULL), -ENOMEM);
	untouched(w);
	assert_int_equal(w->fakes[0].count, 0);
}

/* Debian's rtpengine on the port of the first fake, or a skipped test. */
static pid_t start_rtpengine(struct world *w)
{
	char listen[64];
	pid_t pid;

	if (access("/usr/bin/rtpengine", X_OK) != 0) {
		print_message("rtpengine is not installed\n");
		skip();
	}
	rtpp_fake_stop(&w->fakes[0]);
	(void)snprintf(listen, sizeof(listen), "--listen-udp=127.0.0.1:%u",
		(unsigned)addr_port(&w->fakes[0].addr));
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG,
			SIGKILL); /* a failing test must not leave it behind */
		(void)!freopen("/dev/null", "w", stderr);
		(void)!freopen("/dev/null", "w", stdout);
		execl("/usr/bin/rtpengine", "rtpengine", "--config-file=none",
			"--foreground", "--table=-1", "--interface=127.0.0.1", listen,
			"--port-min=38000", "--port-max=38999", "--num-threads=2",
			(char *)NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

struct probe {
	struct rtpp_pending pending;
	bool over, up;
};

static void on_probe(void *arg, int err, struct slice reply)
{
	struct probe *p = arg;

	p->over = true;
	p->up = err == 0 && slice_eq(reply, SLICE(RTPP_BASE_VERSION));
}

static void real_rtpengine_takes_offer_answer_and_delete(void **state)
{
	struct world *w = *state;
	pid_t pid = start_rtpengine(w);
	struct probe p = {0};
	uint64_t until = clock_us() + 10 * 1000000;
	struct slice body;

	while (!p.up && clock_us() < until) {
		p.over = false;
		assert_int_equal(rtpp_client_send(w->e.client, &p.pending,
					 &peer(w, 0)->relay, SLICE("V"), 1, on_probe, &p),
			0);
		RUN_UNTIL(w, p.over);
	}
	assert_true(p.up);
	message(w, SIP_TEST_HEAD, AUDIO);
	assert_int_equal(run(w, false, NULL), 0);
	body = w->t.msg.body;
	assert_has(body, "c=IN IP4 127.0.0.1\r\n");
	assert_has(body, "m=audio 38");
	message(w, REPLY("200 OK", "t"), AUDIO);
	assert_int_equal(run(w, true, peer(w, 0)), 0);
	assert_has(w->t.msg.body, "m=audio 38");
	assert_int_equal(rtpp_delete(&w->e, peer(w, 0), w->t.msg.call_id,
				 SLICE("1928301774"), SLICE("t")),
		0);
	until = (uint64_t)counted(w, RTPP_C_REPLIES) + 1;
	RUN_UNTIL(w, (uint64_t)counted(w, RTPP_C_REPLIES) == until);
	assert_int_equal(counted(w, RTPP_C_ERRORS), 0);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	rtpp_fake_start(&w->fakes[0], w->loop); /* for teardown */
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(all_streams_are_asked_at_once_and_written_in_one_edit),
		T(an_answer_looks_up_with_both_tags),
		T(lost_commands_are_repeated_with_the_same_cookie),
		T(silence_takes_the_offer_to_the_next_relay),
		T(when_all_are_silent_the_message_stays_as_it_was),
		T(one_refused_stream_spoils_the_offer_and_is_cleaned_up),
		T(other_errors_end_it_and_leave_the_relay_alone),
		T(an_answer_never_goes_to_another_relay),
		T(an_initial_offer_leaves_a_relay_that_went_down),
		T(a_disabled_relay_keeps_its_own_calls),
		T(answers_that_come_twice_or_late_are_counted),
		T(datagrams_of_others_change_nothing),
		T(a_cancelled_offer_hears_nothing_more),
		T(without_streams_no_relay_is_asked),
		T(a_bare_port_means_an_address_as_phones_see_us),
		T(codecs_are_told_to_a_relay_that_knows_them),
		T(a_relay_is_asked_to_tell_of_silence_when_it_can),
		T(a_relay_that_cannot_tell_of_silence_is_not_asked),
		T(a_relay_without_n_is_asked_again_plainly),
		T(an_offer_keeps_the_sets_that_it_began_with),
		T(audio_is_known_by_its_place),
		T(deleting_waits_for_nobody),
		T(cookies_of_two_clients_differ),
		T(without_memory_the_message_stays_as_it_was),
		T(real_rtpengine_takes_offer_answer_and_delete),
	};
	return cmocka_run_group_tests_name("rtpp_offer", tests, NULL, NULL);
}
