#include "plugins/rtpp/rtpp_client.h"

#include "core/base/hash.h"
#include "plugins/rtpp/rtpp_port.h"
#include "tests/unit/rtpp_fake.h"
#include "tests/unit/rtpp_fake_stream.h"
#include "tests/unit/rtpp_test.h"

#define TRY_MS 100
#define TRIES  3

struct ask {
	struct rtpp_pending pending;
	struct rtpp_client *client;
	bool over;
	int err;
	char reply[2048];
	struct ask *also; /* to be cancelled by the reply */
};

struct world {
	struct loop *loop;
	struct counter_array *array;
	unsigned first;
	struct rtpp_client *c;
	struct fake_stream f;
	bool have_fake;
	struct rtpp_relay to;
	struct ask asks[80];
	struct ph_test_log log;
};

static int64_t counted(struct world *w, enum rtpp_counter which)
{
	return counter_read(w->first + which);
}

static struct rtpp_client_setup settings(struct world *w)
{
	return (struct rtpp_client_setup){.loop = w->loop,
		.counters = w->array,
		.first_counter = w->first,
		.log = log_source_get("rtpp"),
		.worker = 0,
		.timeout_ms = TRY_MS,
		.sends = TRIES};
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct rtpp_client_setup set;

	*state = w;
	counter_reset_all();
	assert_int_equal(counter_register(rtpp_test_counters, &w->first), 0);
	assert_int_equal(counter_array_new(&w->array), 0);
	assert_int_equal(loop_new(&w->loop), 0);
	set = settings(w);
	assert_int_equal(rtpp_client_new(&w->c, &set), 0);
	ph_test_log_start(&w->log);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ph_test_log_stop();
	rtpp_client_destroy(&w->c);
	assert_int_equal(counted(w, RTPP_C_CONNECTIONS), 0);
	if (w->have_fake)
		fake_stream_stop(&w->f);
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
		if (!(cond))                                                             \
			print_message("%s", (w)->log.text);                              \
		assert_true(cond);                                                       \
	} while (0)

static void relay(struct world *w, const char *scheme)
{
	fake_stream_start(&w->f, w->loop, scheme);
	w->have_fake = true;
	assert_null(rtpp_url_read(&w->to, slice_str(w->f.url)));
}

static void on_reply(void *arg, int err, struct slice reply)
{
	struct ask *a = arg;

	assert_false(a->over);
	a->over = true;
	a->err = err;
	(void)snprintf(a->reply, sizeof(a->reply), "%.*s", SLICE_ARG(reply));
	if (a->also)
		rtpp_client_cancel(&a->also->pending);
}

static void ask(struct world *w, unsigned i, const char *command)
{
	struct ask *a = &w->asks[i];

	a->over = false;
	assert_int_equal(rtpp_client_send(w->c, &a->pending, &w->to, slice_str(command),
				 0, on_reply, a),
		0);
}

static void answered(struct world *w, unsigned i, const char *want)
{
	RUN_UNTIL(w, w->asks[i].over);
	assert_int_equal(w->asks[i].err, 0);
	assert_string_equal(w->asks[i].reply, want);
}

static const char *const schemes[] = {"unix", "cunix", "tcp", "tcp6"};

static void a_command_has_its_reply(struct world *w, const char *scheme)
{
	relay(w, scheme);
	ask(w, 0, "V");
	assert_false(w->asks[0].over); /* never from the call itself */
	answered(w, 0, "ok V");
	assert_string_equal(w->f.lines[0], "V"); /* without a cookie */
	ask(w, 1, "VF 1");
	answered(w, 1, "ok VF 1");
	assert_int_equal(w->f.accepted, strcmp(scheme, "unix") == 0 ? 2 : 1);
	assert_int_equal(counted(w, RTPP_C_COMMANDS), 2);
	assert_int_equal(counted(w, RTPP_C_REPLIES), 2);
	assert_int_equal(
		counted(w, RTPP_C_CONNECTIONS), strcmp(scheme, "unix") == 0 ? 0 : 1);
}

static void unix_has_a_connection_for_each_command(void **state)
{
	a_command_has_its_reply(*state, "unix");
}
static void cunix_keeps_its_connection(void **state)
{
	a_command_has_its_reply(*state, "cunix");
}
static void tcp_keeps_its_connection(void **state)
{
	a_command_has_its_reply(*state, "tcp");
}
static void tcp6_keeps_its_connection(void **state)
{
	a_command_has_its_reply(*state, "tcp6");
}

static void commands_in_a_row_have_their_own_replies(void **state)
{
	struct world *w = *state;

	relay(w, "cunix");
	w->f.hold = true;
	ask(w, 0, "A");
	ask(w, 1, "B");
	ask(w, 2, "C");
	RUN_UNTIL(w, w->f.count == 3); /* all three before the first reply */
	fake_stream_release(&w->f, 1); /* and the replies byte by byte */
	answered(w, 0, "ok A");
	answered(w, 1, "ok B");
	answered(w, 2, "ok C");
	assert_int_equal(w->f.accepted, 1);
}

static void a_reply_without_a_line_end_counts_when_the_relay_closes(void **state)
{
	struct world *w = *state;

	relay(w, "unix");
	w->f.end = "";
	ask(w, 0, "V");
	answered(w, 0, "ok V");
	w->f.end = "\r\n";
	ask(w, 0, "V");
	answered(w, 0, "ok V");
}

static void replies_of_cancelled_commands_are_skipped(void **state)
{
	struct world *w = *state;

	relay(w, "tcp");
	w->f.hold = true;
	for (unsigned i = 0; i < 5; i++)
		ask(w, i, (const char *[]){"A", "B", "C", "D", "E"}[i]);
	RUN_UNTIL(w, w->f.count == 5);
	rtpp_client_cancel(&w->asks[0].pending);
	rtpp_client_cancel(&w->asks[2].pending);
	rtpp_client_cancel(&w->asks[1].pending);
	rtpp_client_cancel(&w->asks[4].pending);
	fake_stream_release(&w->f, 4096);
	answered(w, 3, "ok D");
	RUN_UNTIL(w, counted(w, RTPP_C_LATE) == 4);
	ask(w, 0, "F"); /* behind a skipped one at the end of the row */
	answered(w, 0, "ok F");
	assert_false(w->asks[1].over || w->asks[2].over || w->asks[4].over);
	assert_int_equal(w->f.accepted, 1);
}

static void a_reply_may_cancel_the_next(void **state)
{
	struct world *w = *state;

	relay(w, "cunix");
	w->f.hold = true;
	ask(w, 0, "A");
	ask(w, 1, "B");
	ask(w, 2, "C");
	w->asks[0].also = &w->asks[1];
	RUN_UNTIL(w, w->f.count == 3);
	fake_stream_release(&w->f, 4096);
	answered(w, 2, "ok C");
	assert_true(w->asks[0].over);
	assert_false(w->asks[1].over);
}

static void nobody_there_is_told_at_once(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		uint64_t begin;

		relay(w, schemes[i]);
		fake_stream_die(&w->f);
		begin = clock_us();
		ask(w, 0, "V");
		RUN_UNTIL(w, w->asks[0].over);
		assert_int_equal(w->asks[0].err, -ECONNREFUSED);
		assert_true(clock_us() - begin < TRY_MS * TRIES * 1000);
		fake_stream_stop(&w->f);
		w->have_fake = false;
	}
	assert_null(rtpp_url_read(&w->to, SLICE("unix:/tmp/no/such/socket")));
	ask(w, 0, "V");
	RUN_UNTIL(w, w->asks[0].over);
	assert_int_equal(w->asks[0].err, -ENOENT);
	assert_int_equal(counted(w, RTPP_C_TIMEOUTS), 0);
}

static void silence_ends_with_the_time_of_all_sends(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		uint64_t begin;

		relay(w, schemes[i]);
		w->f.deaf = 1000;
		begin = clock_us();
		ask(w, 0, "V");
		RUN_UNTIL(w, w->asks[0].over);
		assert_int_equal(w->asks[0].err, -ETIMEDOUT);
		assert_true(clock_us() - begin >= TRY_MS * TRIES * 1000);
		assert_int_equal(
			w->f.count, 1); /* nothing is repeated: a stream loses nothing */
		fake_stream_stop(&w->f);
		w->have_fake = false;
	}
	assert_int_equal(counted(w, RTPP_C_TIMEOUTS), 4);
}

/* What comes behind a command that has no answer would be taken for its own. */
static void a_stuck_connection_is_made_again(void **state)
{
	struct world *w = *state;

	relay(w, "tcp");
	ask(w, 0, "A");
	answered(w, 0, "ok A");
	w->f.deaf = 2;
	ask(w, 0, "B");
	RUN_UNTIL(w, w->f.count == 2);
	for (uint64_t until = clock_us() + TRY_MS * 1000; clock_us() < until;)
		loop_turn(w->loop, 5);
	ask(w, 1, "C");
	RUN_UNTIL(w, w->asks[0].over);
	assert_int_equal(w->asks[0].err, -ETIMEDOUT);
	answered(w, 1,
		"ok C"); /* over the second connection, before its own time is over */
	assert_int_equal(w->f.accepted, 2);
	assert_int_equal(counted(w, RTPP_C_BROKEN), 1);
}

static void commands_under_way_survive_a_restart_of_the_relay(void **state)
{
	struct world *w = *state;

	relay(w, "cunix");
	w->f.drop = 1;
	ask(w, 0, "A");
	answered(w, 0, "ok A");
	assert_int_equal(w->f.accepted, 2);
	assert_int_equal(counted(w, RTPP_C_RETRANSMISSIONS), 1);
	/* Between two commands nobody notices. */
	fake_stream_die(&w->f);
	fake_stream_listen(&w->f);
	for (unsigned i = 0; i < 5; i++)
		loop_turn(w->loop, 1);
	ask(w, 0, "B");
	answered(w, 0, "ok B");
	assert_int_equal(w->f.accepted, 3);
	assert_int_equal(counted(w, RTPP_C_RETRANSMISSIONS), 1);
	/* It goes away for good with one under way. */
	w->f.hold = true;
	ask(w, 0, "C");
	RUN_UNTIL(w, w->f.count == 4);
	fake_stream_die(&w->f);
	RUN_UNTIL(w, w->asks[0].over);
	assert_int_equal(w->asks[0].err, -ECONNREFUSED);
}

static void a_relay_that_always_hangs_up_is_given_up(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		relay(w, schemes[i]);
		w->f.drop = 1000;
		ask(w, 0, "A");
		RUN_UNTIL(w, w->asks[0].over);
		assert_int_equal(w->asks[0].err, -ECONNRESET);
		assert_int_equal(w->f.count, TRIES);
		fake_stream_stop(&w->f);
		w->have_fake = false;
	}
}

static void endless_lines_are_bounded(void **state)
{
	struct world *w = *state;
	char endless[1400];

	memset(endless, 'x', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		relay(w, schemes[i]);
		w->f.reply = endless;
		w->f.end = "";
		ask(w, 0, "A");
		RUN_UNTIL(w, w->asks[0].over);
		assert_int_equal(w->asks[0].err, -EPROTO);
		w->f.reply = NULL;
		w->f.end = "\n";
		ask(w, 0, "B");
		answered(w, 0, "ok B");
		fake_stream_stop(&w->f);
		w->have_fake = false;
	}
}

static void lines_that_nobody_asked_for_are_dropped(void **state)
{
	struct world *w = *state;

	relay(w, "tcp");
	w->f.end = "\nrubbish\n\n";
	ask(w, 0, "A");
	answered(w, 0, "ok A");
	RUN_UNTIL(w, counted(w, RTPP_C_ERRORS) == 2);
	w->f.end = "\n";
	ask(w, 0, "B");
	answered(w, 0, "ok B");
}

/* The kernel's queue of a UNIX socket is short: connect() says EAGAIN. */
static void more_connections_than_the_relay_takes_at_once_wait(void **state)
{
	struct world *w = *state;

	relay(w, "unix");
	loop_io_del(&w->f.io); /* it accepts nothing for a while */
	for (unsigned i = 0; i < 60; i++)
		ask(w, i, "V");
	for (unsigned i = 0; i < 5; i++)
		loop_turn(w->loop, 1);
	assert_int_equal(loop_io_add(w->loop, w->f.fd, LOOP_READ, fake_stream_accept,
				 &w->f, &w->f.io),
		0);
	for (unsigned i = 0; i < 60; i++)
		answered(w, i, "ok V");
}

static void big_rows_of_commands_pass(void **state)
{
	struct world *w = *state;
	char command[4000];

	memset(command, 'c', sizeof(command) - 1);
	command[sizeof(command) - 1] = '\0';
	relay(w, "cunix");
	w->f.reply = "fine";
	for (unsigned i = 0; i < 80; i++) /* more than the socket takes at once */
		ask(w, i, command);
	for (unsigned i = 0; i < 80; i++)
		answered(w, i, "fine");
	assert_int_equal(w->f.accepted, 1);
}

static void what_is_under_way_ends_with_the_client(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		struct rtpp_client_setup set = settings(w);

		relay(w, schemes[i]);
		w->f.hold = true;
		ask(w, 0, "A");
		ask(w, 1, "B");
		assert_int_equal(
			rtpp_client_post(w->c, &w->to, SLICE("D"), NULL, NULL, NULL), 0);
		RUN_UNTIL(w, w->f.count == 3);
		rtpp_client_destroy(&w->c);
		assert_false(w->asks[0].over || w->asks[1].over);
		fake_stream_stop(&w->f);
		w->have_fake = false;
		assert_int_equal(rtpp_client_new(&w->c, &set), 0);
	}
}

static void udp_commands_leave_from_force_socket(void **state)
{
	struct world *w = *state;
	struct rtpp_client_setup set = settings(w);
	struct rtpp_client *c;
	struct rtpp_fake f;
	struct rtpp_relay to;

	rtpp_fake_start(&f, w->loop);
	assert_null(rtpp_url_read(&to, slice_str(f.url)));
	set.source = ph_test_ipv4("127.0.0.5", 0);
	assert_int_equal(rtpp_client_new(&c, &set), 0);
	assert_int_equal(rtpp_client_send(c, &w->asks[0].pending, &to, SLICE("V"), 0,
				 on_reply, &w->asks[0]),
		0);
	answered(w, 0, "20040107");
	assert_true(addr_eq_ip(&f.from, &set.source));
	rtpp_client_destroy(&c);
	rtpp_fake_stop(&f);
}

/* The service's client and two workers' share the port; each has its own replies. */
static void one_port_serves_all_threads(void **state)
{
	struct world *w = *state;
	struct rtpp_client_setup set = settings(w);
	struct rtpp_client *clients[3];
	struct rtpp_port *port;
	struct addr at;
	struct rtpp_fake f, probe;
	struct rtpp_relay to;

	rtpp_fake_start(&probe, w->loop); /* a port that is free in a moment */
	at = probe.addr;
	rtpp_fake_stop(&probe);
	rtpp_fake_start(&f, w->loop);
	assert_null(rtpp_url_read(&to, slice_str(f.url)));
	assert_int_equal(rtpp_port_open(&port, &at), 0);
	assert_int_equal(rtpp_port_watch(port, w->loop), 0);
	set.source = at;
	set.port = port;
	for (int i = 0; i < 3; i++) {
		set.worker = i - 1;
		assert_int_equal(rtpp_client_new(&clients[i], &set), 0);
	}
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 3; i++) {
			w->asks[i].over = false;
			assert_int_equal(
				rtpp_client_send(clients[i], &w->asks[i].pending, &to,
					i == 0 ? SLICE("V") : SLICE("VF 20050322"), 0,
					on_reply, &w->asks[i]),
				0);
		}
		answered(w, 0, "20040107");
		answered(w, 1, "1");
		answered(w, 2, "1");
		assert_true(addr_eq(&f.from, &at));
	}
	for (int i = 0; i < 3; i++)
		rtpp_client_destroy(&clients[i]);
	/* What comes for those who have left, and strangers' datagrams, harm nobody. */
	for (unsigned i = 0; i < 4; i++) {
		static const char *const rows[] = {
			"0123_0_1 late\n", "x", "a_b_c", "_99999_1 x\n"};

		(void)sendto(f.fd, rows[i], strlen(rows[i]), 0, &at.sa, addr_len(&at));
	}
	for (unsigned i = 0; i < 5; i++)
		loop_turn(w->loop, 1);
	rtpp_port_unwatch(port);
	rtpp_port_close(&port);
	rtpp_fake_stop(&f);
}

static void a_port_in_use_is_refused(void **state)
{
	struct world *w = *state;
	struct rtpp_port *port = NULL;
	struct rtpp_fake f;

	rtpp_fake_start(&f, w->loop);
	assert_int_equal(rtpp_port_open(&port, &f.addr), -EADDRINUSE);
	assert_null(port);
	rtpp_fake_stop(&f);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(unix_has_a_connection_for_each_command),
		T(cunix_keeps_its_connection),
		T(tcp_keeps_its_connection),
		T(tcp6_keeps_its_connection),
		T(commands_in_a_row_have_their_own_replies),
		T(a_reply_without_a_line_end_counts_when_the_relay_closes),
		T(replies_of_cancelled_commands_are_skipped),
		T(a_reply_may_cancel_the_next),
		T(nobody_there_is_told_at_once),
		T(silence_ends_with_the_time_of_all_sends),
		T(a_stuck_connection_is_made_again),
		T(commands_under_way_survive_a_restart_of_the_relay),
		T(a_relay_that_always_hangs_up_is_given_up),
		T(endless_lines_are_bounded),
		T(lines_that_nobody_asked_for_are_dropped),
		T(more_connections_than_the_relay_takes_at_once_wait),
		T(big_rows_of_commands_pass),
		T(what_is_under_way_ends_with_the_client),
		T(udp_commands_leave_from_force_socket),
		T(one_port_serves_all_threads),
		T(a_port_in_use_is_refused),
	};
	return cmocka_run_group_tests_name("rtpp_client", tests, NULL, NULL);
}
