#include "tests/unit/ph_test.h"

#include "bench/alarms.h"
#include "bench/histogram.h"
#include "bench/message.h"
#include "bench/server.h"
#include "bench/text.h"

static struct histogram h;

static void percentiles_are_off_by_less_than_two_percent(void **state)
{
	uint64_t i;

	(void)state;
	memset(&h, 0, sizeof(h));
	for (i = 1; i <= 100000; i++)
		histogram_add(&h, i * 1000);
	assert_int_equal(h.total, 100000);
	assert_in_range(histogram_percentile(&h, 50), 50000000, 51000000);
	assert_in_range(histogram_percentile(&h, 99), 99000000, 100000000);
	assert_int_equal(histogram_percentile(&h, 100), 100000000);
	assert_int_equal(h.max, 100000000);
}

static void small_values_are_exact_and_huge_ones_are_counted(void **state)
{
	(void)state;
	memset(&h, 0, sizeof(h));
	assert_int_equal(histogram_percentile(&h, 99), 0);
	histogram_add(&h, 0);
	histogram_add(&h, 127);
	histogram_add(&h, UINT64_MAX);
	assert_int_equal(histogram_percentile(&h, 1), 0);
	assert_int_equal(histogram_percentile(&h, 50), 127);
	assert_int_equal(histogram_percentile(&h, 100), UINT64_MAX);
}

struct probe {
	struct alarm alarm;
	unsigned fired;
	uint64_t again; /* start it again for this time when it fires */
};

static struct alarms alarms;

static void probe_fire(void *context, struct alarm *alarm)
{
	struct probe *probe = (struct probe *)alarm;

	(void)context;
	probe->fired++;
	if (probe->again != 0)
		alarms_start(&alarms, alarm, probe->again);
	probe->again = 0;
}

static void an_alarm_is_never_early_and_one_tick_late_at_most(void **state)
{
	/* The second one is due in a later turn of the wheel. */
	struct probe soon = {.alarm.fire = probe_fire}, late = {.alarm.fire = probe_fire};
	uint64_t turn = ALARMS_SLOTS * ALARMS_TICK;

	(void)state;
	alarms_init(&alarms, 1000);
	alarms_start(&alarms, &soon.alarm, 10 * ALARMS_TICK + 5);
	alarms_start(&alarms, &late.alarm, turn + 10 * ALARMS_TICK + 5);
	alarms_run(&alarms, 10 * ALARMS_TICK + 5, NULL);
	assert_int_equal(soon.fired, 0);
	alarms_run(&alarms, 11 * ALARMS_TICK + 5, NULL);
	assert_int_equal(soon.fired, 1);
	assert_int_equal(late.fired, 0);
	alarms_run(&alarms, turn + 11 * ALARMS_TICK, NULL);
	assert_int_equal(soon.fired, 1);
	assert_int_equal(late.fired, 1);
}

static void an_alarm_can_be_stopped_moved_and_started_while_it_fires(void **state)
{
	struct probe stopped = {.alarm.fire = probe_fire}, moved = {.alarm.fire = probe_fire};
	struct probe again = {.alarm.fire = probe_fire, .again = 30 * ALARMS_TICK};

	(void)state;
	alarms_init(&alarms, 0);
	alarms_start(&alarms, &stopped.alarm, 5 * ALARMS_TICK);
	alarms_start(&alarms, &moved.alarm, 5 * ALARMS_TICK);
	alarms_start(&alarms, &again.alarm, 5 * ALARMS_TICK);
	alarms_stop(&stopped.alarm);
	alarms_start(&alarms, &moved.alarm, 50 * ALARMS_TICK);
	alarms_run(&alarms, 20 * ALARMS_TICK, NULL);
	assert_int_equal(again.fired, 1);
	alarms_run(&alarms, 40 * ALARMS_TICK, NULL);
	assert_int_equal(again.fired, 2);
	assert_int_equal(moved.fired, 0);
	alarms_run(&alarms, 60 * ALARMS_TICK, NULL);
	assert_int_equal(moved.fired, 1);
	assert_int_equal(stopped.fired, 0);
}

static const char ok[] = "SIP/2.0 200 OK\r\n"
			 "v: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport=5\r\n"
			 "Record-Route: <sip:127.0.0.1;lr>\r\n"
			 "f: <sip:u000001@example.org>;tag=a\r\n"
			 "TO : <sip:u000002@example.org>;tag=b\r\n"
			 "i: c1.2-run\r\n"
			 "CSeq: 17 INVITE\r\n"
			 "m: \"U\" <sip:u000002@127.0.0.1:4000;transport=tcp>;x=y\r\n"
			 "Content-Length:  4\r\n\r\nbody";

static void a_reply_is_read_with_long_and_compact_names(void **state)
{
	struct message m;

	(void)state;
	assert_int_equal(message_read(&m, ok, sizeof(ok) - 1, true), sizeof(ok) - 1);
	assert_int_equal(m.status, 200);
	assert_int_equal(m.cseq_number, 17);
	assert_slice_equal(m.method, "INVITE");
	assert_slice_equal(m.call_id, "c1.2-run");
	assert_slice_equal(m.to, "<sip:u000002@example.org>;tag=b");
	assert_slice_equal(message_uri(m.contact), "sip:u000002@127.0.0.1:4000;transport=tcp");
	assert_slice_equal(m.body, "body");
	assert_int_equal(m.via_count, 1);
	assert_int_equal(m.route_count, 1);
}

static void on_a_stream_a_message_waits_for_its_last_octet(void **state)
{
	char two[2 * sizeof(ok)];
	struct message m;
	size_t i;

	(void)state;
	for (i = 1; i < sizeof(ok) - 1; i++)
		assert_int_equal(message_read(&m, ok, i, false), 0);
	snprintf(two, sizeof(two), "%s%s", ok, ok);
	assert_int_equal(message_read(&m, two, strlen(two), false), sizeof(ok) - 1);
}

static void what_is_no_message_is_refused(void **state)
{
	static const char no_call_id[] = "OPTIONS sip:a SIP/2.0\r\nFrom: <sip:a>\r\nTo: <sip:a>\r\nContent-Length: 0\r\n\r\n";
	static const char no_length[] = "OPTIONS sip:a SIP/2.0\r\nFrom: <sip:a>\r\nTo: <sip:a>\r\nCall-ID: 1\r\n\r\n";
	struct message m;

	(void)state;
	assert_int_equal(message_read(&m, no_call_id, sizeof(no_call_id) - 1, true), -EBADMSG);
	assert_int_equal(message_read(&m, no_length, sizeof(no_length) - 1, true), sizeof(no_length) - 1);
	assert_int_equal(message_read(&m, no_length, sizeof(no_length) - 1, false), -EBADMSG);
	assert_int_equal(message_read(&m, "nonsense\r\n\r\n", 12, true), -EBADMSG);
	/* A datagram that was cut. */
	assert_int_equal(message_read(&m, ok, sizeof(ok) - 3, true), -EBADMSG);
}

static void numbers_are_written_with_zeros_in_front_and_never_over_the_end(void **state)
{
	char place[16];
	struct text t = {place, place + sizeof(place), false};

	(void)state;
	text_number(&t, 42, 6);
	text_hex(&t, 0xbeef);
	text_number(&t, 0, 1);
	assert_memory_equal(place, "000042beef0", 11);
	assert_false(t.full);
	TEXT_LITERAL(&t, "123456");
	assert_true(t.full);
	assert_int_equal(t.p - place, 11);
}

static void the_echo_makes_a_reply_of_a_request(void **state)
{
	static const char request[] = "OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n", ack[] = "ACK sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n";
	char out[64];

	(void)state;
	assert_slice_equal(slice_make(out, server_echo(request, sizeof(request) - 1, out, sizeof(out))),
		"SIP/2.0 200 OK\r\nCall-ID: 1\r\n\r\n");
	assert_int_equal(server_echo(ack, sizeof(ack) - 1, out, sizeof(out)), 0);
	assert_int_equal(server_echo(request, sizeof(request) - 1, out, 20), 0);
}

static void the_relay_answers_each_command_with_its_cookie(void **state)
{
	static const char *const talk[][2] = {{"1_2 V", "1_2 20040107\n"}, {"a VF 20050322", "a 1\n"}, {"b D call f t", "b 0\n"}};
	char out[64];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_slice_equal(slice_make(out, server_relay(talk[i][0], strlen(talk[i][0]), out, sizeof(out))), talk[i][1]);
	/* A new session has an even port. */
	assert_slice_equal(slice_make(out, server_relay("c U call 10.0.0.1 9 f", 21, out, sizeof(out))), "c 35002 127.0.0.1\n");
	assert_int_equal(server_relay("nocommand", 9, out, sizeof(out)), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(percentiles_are_off_by_less_than_two_percent),
		cmocka_unit_test(small_values_are_exact_and_huge_ones_are_counted),
		cmocka_unit_test(an_alarm_is_never_early_and_one_tick_late_at_most),
		cmocka_unit_test(an_alarm_can_be_stopped_moved_and_started_while_it_fires),
		cmocka_unit_test(a_reply_is_read_with_long_and_compact_names),
		cmocka_unit_test(on_a_stream_a_message_waits_for_its_last_octet),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(numbers_are_written_with_zeros_in_front_and_never_over_the_end),
		cmocka_unit_test(the_echo_makes_a_reply_of_a_request),
		cmocka_unit_test(the_relay_answers_each_command_with_its_cookie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
