#include "tests/unit/ph_test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/bus/bus.h"

#define ENDPOINTS 3

/* Endpoints on one thread; each with a loop of its own, so that one may be slow. */
struct world {
	struct bus *bus;
	struct counter_array *counters;
	unsigned first;
	struct loop *loops[ENDPOINTS];
	struct bus_endpoint *ends[ENDPOINTS];
	struct bus_request *kept[8];
	unsigned kept_count;
};

/* What a subscriber saw. */
struct seen {
	unsigned events, gaps;
	uint64_t lost, last_seq;
	uint64_t told; /* lost since the last event */
	bool in_order; /* each number follows the last one and what was told as lost */
	struct bus_event last;
	struct bus_endpoint *leave; /* unsubscribe from it in the callback */
};

/* What a caller got. */
struct answer {
	unsigned count;
	int code;
	char reason[128];
	char text[1024];
};

static void on_event(void *arg, const struct bus_event *ev)
{
	struct seen *s = arg;

	if (s->events++ == 0)
		s->in_order = true;
	else
		s->in_order = s->in_order && ev->seq == s->last_seq + s->told + 1;
	s->told = 0;
	s->last_seq = ev->seq;
	s->last = *ev;
	if (s->leave != NULL)
		bus_unsubscribe(s->leave, s);
}

static void on_gap(void *arg, enum bus_topic topic, uint64_t lost)
{
	struct seen *s = arg;

	(void)topic;
	s->gaps++;
	s->lost += lost;
	s->told += lost;
}

static void on_answer(void *arg, int code, const char *reason, const struct tree *result)
{
	struct answer *a = arg;
	struct buf b;

	a->count++;
	a->code = code;
	snprintf(a->reason, sizeof(a->reason), "%s", reason);
	buf_fixed(&b, a->text, sizeof(a->text) - 1);
	if (code == 0)
		tree_text(&b, result);
	a->text[b.len] = '\0';
}

/* Run all loops until cond or 10 s. */
#define RUN_UNTIL(w, cond)                                                               \
	do {                                                                             \
		const uint64_t run_until_us = clock_us() + 10 * 1000000;                 \
		while (!(cond) && clock_us() < run_until_us)                             \
			turn_all(w, ENDPOINTS);                                          \
		assert_true(cond);                                                       \
	} while (0)

static void turn_all(struct world *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		loop_turn(w->loops[i], i == 0 ? 1 : 0);
}

static int setup(void **state)
{
	static const char *const names[ENDPOINTS] = {"worker.0", "worker.1", "control"};
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	counter_reset_all();
	assert_int_equal(counter_register(bus_counters, &w->first), 0);
	assert_int_equal(counter_array_new(&w->counters), 0);
	assert_int_equal(bus_new(&w->bus), 0);
	for (unsigned i = 0; i < ENDPOINTS; i++) {
		assert_int_equal(loop_new(&w->loops[i]), 0);
		assert_int_equal(bus_endpoint_new(&w->ends[i], w->bus, names[i],
					 w->loops[i], w->counters, w->first),
			0);
	}
	for (unsigned i = 0; i < ENDPOINTS; i++)
		RUN_UNTIL(w, bus_endpoint_started(w->ends[i]));
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < ENDPOINTS; i++)
		bus_endpoint_destroy(&w->ends[i]);
	for (unsigned i = 0; i < ENDPOINTS; i++)
		loop_destroy(&w->loops[i]);
	bus_destroy(&w->bus);
	counter_array_destroy(&w->counters);
	counter_reset_all();
	free(w);
	return 0;
}

static void publish_relay(struct bus_endpoint *e, enum bus_topic topic, const char *url)
{
	struct bus_event ev = {.topic = topic};

	snprintf(ev.relay.url, sizeof(ev.relay.url), "%s", url);
	bus_publish(e, &ev);
}

static void subscribe(struct world *w, unsigned end, enum bus_topic topic, struct seen *s)
{
	assert_int_equal(bus_subscribe(w->ends[end], topic, on_event, on_gap, s), 0);
	RUN_UNTIL(w, bus_endpoint_started(w->ends[end]));
}

static int64_t read_counter(const struct world *w, unsigned which)
{
	return counter_read(w->first + which);
}

/* Events */

static void an_event_reaches_those_who_asked_for_its_topic_alone(void **state)
{
	struct world *w = *state;
	struct seen down = {0}, up = {0}, own = {0};

	subscribe(w, 1, BUS_RELAY_DOWN, &down);
	subscribe(w, 1, BUS_RELAY_UP, &up);
	subscribe(w, 0, BUS_RELAY_DOWN, &own);
	publish_relay(w->ends[0], BUS_RELAY_DOWN, "udp:192.0.2.1:22222");
	RUN_UNTIL(w, down.events == 1 && own.events == 1);
	publish_relay(w->ends[2], BUS_RELAY_UP, "udp:192.0.2.9:22222");
	RUN_UNTIL(w, up.events == 1);
	assert_int_equal(down.events, 1);
	assert_string_equal(down.last.relay.url, "udp:192.0.2.1:22222");
	assert_int_equal(down.last.seq, 1);
	assert_true(down.last.at_us > 1600000000000000);
	assert_string_equal(up.last.relay.url, "udp:192.0.2.9:22222");
	assert_int_not_equal(up.last.publisher, down.last.publisher);
	assert_int_equal(down.gaps + up.gaps + own.gaps, 0);
}

static void events_of_one_publisher_arrive_in_order_and_whole(void **state)
{
	struct world *w = *state;
	struct seen s = {0};

	subscribe(w, 1, BUS_RELAY_DOWN, &s);
	for (unsigned i = 0; i < 1000; i++)
		publish_relay(w->ends[0], BUS_RELAY_DOWN, "x");
	RUN_UNTIL(w, s.events == 1000);
	assert_true(s.in_order);
	assert_int_equal(s.last_seq, 1000);
	assert_int_equal(s.gaps, 0);
}

static void the_very_first_event_after_started_is_not_lost(void **state)
{
	struct world *w = *state;

	for (unsigned round = 0; round < 50; round++) {
		struct bus_event ev = {.topic = BUS_NODE_UP, .node.name = "edge1"};
		struct bus_endpoint *e;
		struct seen s = {0};

		subscribe(w, 1, BUS_NODE_UP, &s);
		assert_int_equal(bus_endpoint_new(&e, w->bus, "new", w->loops[2],
					 w->counters, w->first),
			0);
		RUN_UNTIL(w, bus_endpoint_started(e));
		bus_publish(e, &ev);
		RUN_UNTIL(w, s.events == 1);
		assert_int_equal(s.gaps, 0);
		bus_unsubscribe(w->ends[1], &s);
		bus_endpoint_destroy(&e);
	}
}

static void what_is_published_just_before_an_endpoint_goes_still_arrives(void **state)
{
	struct world *w = *state;
	struct seen s = {0};

	subscribe(w, 1, BUS_NODE_DOWN, &s);
	for (unsigned round = 1; round <= 50; round++) {
		struct bus_event ev = {.topic = BUS_NODE_DOWN, .node.name = "edge1"};
		struct bus_endpoint *e;

		assert_int_equal(bus_endpoint_new(&e, w->bus, "new", w->loops[2],
					 w->counters, w->first),
			0);
		RUN_UNTIL(w, bus_endpoint_started(e));
		bus_publish(e, &ev);
		bus_endpoint_destroy(&e);
		RUN_UNTIL(w, s.events == round);
	}
}

static void a_late_subscriber_sees_only_what_comes_after_and_no_gap(void **state)
{
	struct world *w = *state;
	struct seen early = {0}, late = {0};

	subscribe(w, 1, BUS_RELAY_UP, &early);
	for (unsigned i = 0; i < 10; i++)
		publish_relay(w->ends[0], BUS_RELAY_UP, "before");
	RUN_UNTIL(w, early.events == 10);
	subscribe(w, 2, BUS_RELAY_UP, &late);
	assert_int_equal(late.events, 0);
	publish_relay(w->ends[0], BUS_RELAY_UP, "after");
	RUN_UNTIL(w, late.events == 1 && early.events == 11);
	assert_string_equal(late.last.relay.url, "after");
	assert_int_equal(late.last_seq, 11);
	assert_int_equal(late.gaps, 0);
	assert_int_equal(read_counter(w, BUS_C_GAPS), 0);
}

static void several_subscribers_of_one_endpoint_and_leaving_in_a_callback(void **state)
{
	struct world *w = *state;
	struct seen a = {0}, b = {0};

	subscribe(w, 1, BUS_RELAY_UP, &a);
	subscribe(w, 1, BUS_RELAY_UP, &b);
	a.leave = w->ends[1];
	for (unsigned i = 0; i < 5; i++)
		publish_relay(w->ends[0], BUS_RELAY_UP, "x");
	RUN_UNTIL(w, b.events == 5);
	assert_int_equal(a.events, 1);
	b.leave = w->ends[1];
	publish_relay(w->ends[0], BUS_RELAY_UP, "x");
	RUN_UNTIL(w, b.events == 6);
	/* Nobody is left; who comes back is a late subscriber. */
	publish_relay(w->ends[0], BUS_RELAY_UP, "unheard");
	a = (struct seen){0};
	subscribe(w, 1, BUS_RELAY_UP, &a);
	publish_relay(w->ends[0], BUS_RELAY_UP, "heard");
	RUN_UNTIL(w, a.events >= 1 && strcmp(a.last.relay.url, "heard") == 0);
	assert_int_equal(a.gaps, 0);
	assert_int_equal(b.events, 6);
}

static void a_slow_subscriber_loses_events_sees_the_gap_and_stops_nobody(void **state)
{
	struct world *w = *state;
	struct seen slow = {0}, quick = {0};
	const unsigned total = 5 * BUS_HWM;
	uint64_t worst = 0;

	subscribe(w, 2, BUS_RELAY_DOWN, &slow);
	subscribe(w, 1, BUS_RELAY_DOWN, &quick);
	for (unsigned i = 0; i < total; i++) {
		uint64_t before = clock_us();

		publish_relay(w->ends[0], BUS_RELAY_DOWN, "x");
		loop_turn(w->loops[0], 0); /* one frame each */
		worst = clock_us() - before > worst ? clock_us() - before : worst;
		/* The loop of the slow one does not run; that of the quick one keeps up. */
		if (i % 64 == 63) {
			const uint64_t until = clock_us() + 10 * 1000000;

			while (quick.events < i + 1 && clock_us() < until)
				turn_all(w, 2);
		}
	}
	assert_int_equal(quick.events, total);
	assert_int_equal(quick.gaps, 0);
	assert_true(worst < 500000);
	/* It catches up with what was kept for it; the end of what was lost shows by itself. */
	RUN_UNTIL(w, slow.events + slow.lost == total);
	assert_true(slow.in_order);
	assert_true(slow.events >= BUS_HWM / 2 && slow.events <= 2 * BUS_HWM);
	assert_int_equal(slow.gaps, 1);
	assert_int_equal(read_counter(w, BUS_C_GAPS), 1);
	assert_int_equal(read_counter(w, BUS_C_LOST), slow.lost);
	/* And from then on it is served as any other. */
	publish_relay(w->ends[0], BUS_RELAY_DOWN, "again");
	RUN_UNTIL(w, strcmp(slow.last.relay.url, "again") == 0);
	assert_true(slow.in_order);
	assert_int_equal(slow.gaps, 1);
}

static void unknown_topics_are_refused_and_every_topic_has_a_name_and_travels(void **state)
{
	struct world *w = *state;
	struct seen s = {0};

	assert_int_equal(bus_subscribe(w->ends[0], (enum bus_topic)0, on_event, NULL, &s),
		-EINVAL);
	assert_int_equal(
		bus_subscribe(w->ends[0], BUS_TOPICS, on_event, NULL, &s), -EINVAL);
	assert_null(bus_topic_name(BUS_TOPICS));
	for (unsigned t = 1; t < BUS_TOPICS; t++) {
		const struct bus_event sent = {.topic = t, .publisher = 3, .seq = t, .at_us = 7};
		char packed[BUS_PACKED_MAX];
		struct bus_event back = {0};
		uint32_t size = bus_event_pack(packed, &sent);

		assert_non_null(bus_topic_name((enum bus_topic)t));
		assert_int_equal(bus_event_unpack(&back, packed, size), size);
		assert_memory_equal(&back, &sent, sizeof(sent));
	}
	assert_string_equal(bus_topic_name(BUS_MEDIA_TIMEOUT), "media.timeout");
	for (unsigned p = 1; p < BUS_PROPS; p++)
		assert_non_null(bus_prop_name((enum bus_prop)p));
	assert_int_equal(bus_prop_scope(BUS_PROP_RELAY_URL), BUS_SCOPE_CALL);
	assert_int_equal(bus_prop_scope(BUS_PROP_NAT_SIGNS), BUS_SCOPE_MESSAGE);
}

static void a_packed_event_keeps_every_member_and_a_cut_one_is_refused(void **state)
{
	struct bus_event sent = {.topic = BUS_CONTACT_SAVED, .publisher = 1, .seq = 9, .at_us = 5}, back = {0};
	char packed[BUS_PACKED_MAX];
	uint32_t size;

	(void)state;
	memset(sent.contact.aor, 'a', sizeof(sent.contact.aor) - 1);
	memset(sent.contact.socket, 's', sizeof(sent.contact.socket) - 1);
	strcpy(sent.contact.uri, "sip:alice@192.168.1.2");
	sent.contact.expires = 1234567890123;
	sent.contact.bflags = 64;
	sent.contact.nated = 1;
	size = bus_event_pack(packed, &sent);
	assert_true(size < sizeof(sent));
	assert_int_equal(bus_event_unpack(&back, packed, size), size);
	assert_memory_equal(&back, &sent, sizeof(sent));
	for (uint32_t len = 0; len < size; len++)
		assert_int_equal(bus_event_unpack(&back, packed, len), 0);
	sent.topic = BUS_TOPICS;
	assert_int_equal(bus_event_pack(packed, &sent), 0);
}

static void a_burst_of_one_turn_arrives_whole_and_in_order_with_other_topics_between(void **state)
{
	struct world *w = *state;
	struct seen down = {0}, up = {0};

	subscribe(w, 1, BUS_RELAY_DOWN, &down);
	subscribe(w, 1, BUS_RELAY_UP, &up);
	for (unsigned i = 0; i < 500; i++)
		publish_relay(w->ends[0], i % 5 == 0 ? BUS_RELAY_UP : BUS_RELAY_DOWN, "burst");
	RUN_UNTIL(w, down.events == 400 && up.events == 100);
	assert_true(down.in_order && up.in_order);
	assert_int_equal(down.gaps + up.gaps, 0);
}

/* Requests */

static void serve_echo(void *arg, struct bus_request *req, const json_t *params)
{
	struct tree *t = tree_new();

	(void)arg;
	tree_add_int(t, "Status", 1);
	tree_add(t, "got", json_string_value(json_object_get(params, "url")));
	bus_reply(req, t);
}

static void serve_fail(void *arg, struct bus_request *req, const json_t *params)
{
	(void)arg;
	assert_null(params);
	bus_fail(req, 400, "Bad parameter %d", 7);
}

static void serve_later(void *arg, struct bus_request *req, const json_t *params)
{
	struct world *w = arg;

	(void)params;
	assert_true(w->kept_count < 8);
	w->kept[w->kept_count++] = req;
}

static void a_request_is_answered_by_who_serves_its_name(void **state)
{
	struct world *w = *state;
	json_t *params = json_pack("{s:s}", "url", "udp:192.0.2.1:22222");
	struct answer a = {0};

	assert_int_equal(bus_serve(w->ends[2], "nh_show_rtpp", serve_echo, w), 0);
	RUN_UNTIL(w, bus_endpoint_started(w->ends[2]));
	assert_int_equal(
		bus_call(w->ends[0], "nh_show_rtpp", params, 5000, on_answer, &a), 0);
	json_decref(params);
	RUN_UNTIL(w, a.count == 1);
	assert_int_equal(a.code, 0);
	assert_string_equal(a.text, "Status:: 1\ngot:: udp:192.0.2.1:22222\n");
	assert_int_equal(read_counter(w, BUS_C_REQUESTS), 1);
}

static void an_endpoint_may_ask_itself(void **state)
{
	struct world *w = *state;
	struct answer a = {0};

	assert_int_equal(bus_serve(w->ends[0], "self", serve_echo, w), 0);
	RUN_UNTIL(w, bus_endpoint_started(w->ends[0]));
	assert_int_equal(bus_call(w->ends[0], "self", NULL, 5000, on_answer, &a), 0);
	RUN_UNTIL(w, a.count == 1);
	assert_int_equal(a.code, 0);
	assert_string_equal(a.text, "Status:: 1\ngot:: \n");
}

static void a_name_that_nobody_serves_is_404_at_once(void **state)
{
	struct world *w = *state;
	struct answer a = {0};
	uint64_t before = clock_us();

	assert_int_equal(bus_call(w->ends[0], "nobody", NULL, 60000, on_answer, &a), 0);
	RUN_UNTIL(w, a.count == 1);
	assert_int_equal(a.code, 404);
	assert_true(clock_us() - before < 5000000);
}

static void a_refusal_carries_its_code_and_reason(void **state)
{
	struct world *w = *state;
	struct answer a = {0};

	assert_int_equal(bus_serve(w->ends[1], "fails", serve_fail, w), 0);
	RUN_UNTIL(w, bus_endpoint_started(w->ends[1]));
	assert_int_equal(bus_call(w->ends[0], "fails", NULL, 5000, on_answer, &a), 0);
	RUN_UNTIL(w, a.count == 1);
	assert_int_equal(a.code, 400);
	assert_string_equal(a.reason, "Bad parameter 7");
}

static void an_answer_may_come_later_but_the_deadline_ends_the_wait(void **state)
{
	struct world *w = *state;
	struct answer in_time = {0}, late = {0};
	struct tree *t;

	assert_int_equal(bus_serve(w->ends[1], "later", serve_later, w), 0);
	RUN_UNTIL(w, bus_endpoint_started(w->ends[1]));
	assert_int_equal(
		bus_call(w->ends[0], "later", NULL, 5000, on_answer, &in_time), 0);
	RUN_UNTIL(w, w->kept_count == 1);
	t = tree_new();
	tree_add(t, "x", "y");
	bus_reply(w->kept[0], t);
	RUN_UNTIL(w, in_time.count == 1);
	assert_int_equal(in_time.code, 0);

	assert_int_equal(bus_call(w->ends[0], "later", NULL, 50, on_answer, &late), 0);
	RUN_UNTIL(w, late.count == 1);
	assert_int_equal(late.code, 408);
	assert_int_equal(read_counter(w, BUS_C_REQUEST_TIMEOUTS), 1);
	/* What comes too late is dropped, the tree in it with it (the sanitizer would tell). */
	RUN_UNTIL(w, w->kept_count == 2);
	t = tree_new();
	tree_add(t, "x", "y");
	bus_reply(w->kept[1], t);
	for (unsigned i = 0; i < 20; i++)
		turn_all(w, ENDPOINTS);
	assert_int_equal(late.count, 1);
}

static void a_service_that_goes_away_ends_its_requests_with_503(void **state)
{
	struct world *w = *state;
	struct answer a[5] = {0}, after = {0};
	struct tree *t = tree_new();
	uint64_t before;

	assert_int_equal(bus_serve(w->ends[1], "later", serve_later, w), 0);
	RUN_UNTIL(w, bus_endpoint_started(w->ends[1]));
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(
			bus_call(w->ends[0], "later", NULL, 60000, on_answer, &a[i]), 0);
	RUN_UNTIL(w, w->kept_count == 5);
	before = clock_us();
	bus_endpoint_destroy(&w->ends[1]);
	/* The hub has said goodbye: nobody waited in vain. */
	assert_true(clock_us() - before < 900000);
	RUN_UNTIL(w, a[0].count + a[1].count + a[2].count + a[3].count + a[4].count == 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(a[i].code, 503);
	/* The requests are the handler's still; answering them does no harm. */
	bus_reply(w->kept[0], t);
	for (unsigned i = 1; i < 5; i++)
		bus_fail(w->kept[i], 500, "too late");
	assert_int_equal(
		bus_call(w->ends[0], "later", NULL, 60000, on_answer, &after), 0);
	RUN_UNTIL(w, after.count == 1);
	assert_int_equal(after.code, 404);
}

static void a_caller_that_goes_away_gets_503_once_itself(void **state)
{
	struct world *w = *state;
	struct answer a = {0};

	assert_int_equal(bus_serve(w->ends[1], "later", serve_later, w), 0);
	RUN_UNTIL(w, bus_endpoint_started(w->ends[1]));
	assert_int_equal(bus_call(w->ends[0], "later", NULL, 60000, on_answer, &a), 0);
	RUN_UNTIL(w, w->kept_count == 1);
	bus_endpoint_destroy(&w->ends[0]);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.code, 503);
	bus_reply(w->kept[0], tree_new());
	for (unsigned i = 0; i < 20; i++)
		loop_turn(w->loops[1], 1);
	assert_int_equal(a.count, 1);
}

static void a_name_belongs_to_the_first_who_serves_it(void **state)
{
	struct world *w = *state;
	struct answer a = {0};
	struct ph_test_log log;

	assert_int_equal(bus_serve(w->ends[1], "name", serve_echo, w), 0);
	assert_int_equal(bus_serve(w->ends[1], "name", serve_echo, w), -EEXIST);
	RUN_UNTIL(w, bus_endpoint_started(w->ends[1]));
	ph_test_log_start(&log);
	assert_int_equal(bus_serve(w->ends[2], "name", serve_fail, w), 0);
	RUN_UNTIL(w, bus_endpoint_started(w->ends[2]));
	ph_test_log_stop();
	assert_true(ph_test_log_has(&log, "name is served by another already"));
	assert_int_equal(bus_call(w->ends[0], "name", NULL, 5000, on_answer, &a), 0);
	RUN_UNTIL(w, a.count == 1);
	assert_int_equal(a.code, 0);
}

static void names_that_do_not_fit_are_refused(void **state)
{
	struct world *w = *state;
	char name[80];

	memset(name, 'x', sizeof(name));
	name[79] = '\0';
	assert_int_equal(bus_serve(w->ends[0], name, serve_echo, w), -EINVAL);
	assert_int_equal(bus_serve(w->ends[0], "", serve_echo, w), -EINVAL);
	assert_int_equal(bus_call(w->ends[0], name, NULL, 10, on_answer, NULL), -EINVAL);
}

static void many_requests_at_once_are_all_answered(void **state)
{
	struct world *w = *state;
	static struct answer a[2000];
	unsigned done = 0;

	memset(a, 0, sizeof(a));
	assert_int_equal(bus_serve(w->ends[1], "echo", serve_echo, w), 0);
	RUN_UNTIL(w, bus_endpoint_started(w->ends[1]));
	for (unsigned i = 0; i < 2000; i++)
		assert_int_equal(
			bus_call(w->ends[0], "echo", NULL, 20000, on_answer, &a[i]), 0);
	while (done < 2000) {
		turn_all(w, ENDPOINTS);
		while (done < 2000 && a[done].count == 1)
			assert_int_equal(a[done++].code, 0);
	}
}

/* Threads: a service of its own and publishers, as in the daemon */

struct thread_arg {
	struct world *w;
	atomic_bool ready, stop;
	int err;
	unsigned events;
};

static void count_event(void *arg, const struct bus_event *ev)
{
	unsigned *n = arg;

	(void)ev;
	++*n;
}

static void *serve_thread(void *arg)
{
	struct thread_arg *ta = arg;
	struct counter_array *counters;
	struct bus_endpoint *e = NULL;
	struct loop *loop;

	if (counter_array_new(&counters) != 0 || loop_new(&loop) != 0) {
		ta->err = -ENOMEM;
		return NULL;
	}
	ta->err =
		bus_endpoint_new(&e, ta->w->bus, "thread", loop, counters, ta->w->first);
	if (ta->err == 0)
		ta->err = bus_serve(e, "thread.echo", serve_echo, NULL);
	if (ta->err == 0)
		ta->err = bus_subscribe(
			e, BUS_CONFIG_RELOADED, count_event, NULL, &ta->events);
	while (ta->err == 0 && !atomic_load(&ta->stop)) {
		struct bus_event ev = {.topic = BUS_RELAY_UP};

		loop_turn(loop, 1);
		if (!bus_endpoint_started(e))
			continue;
		atomic_store(&ta->ready, true);
		bus_publish(e, &ev);
		loop_turn(loop, 0); /* it leaves: the next turn may sleep */
	}
	bus_endpoint_destroy(&e);
	loop_destroy(&loop);
	counter_array_destroy(&counters);
	return NULL;
}

static void events_and_requests_cross_threads(void **state)
{
	struct world *w = *state;
	struct thread_arg ta = {.w = w};
	struct answer a[200] = {0};
	struct seen s = {0};
	pthread_t thread;

	subscribe(w, 0, BUS_RELAY_UP, &s);
	assert_int_equal(pthread_create(&thread, NULL, serve_thread, &ta), 0);
	RUN_UNTIL(w, atomic_load(&ta.ready));
	for (unsigned i = 0; i < 200; i++) {
		struct bus_event ev = {.topic = BUS_CONFIG_RELOADED};

		bus_publish(w->ends[1], &ev);
		assert_int_equal(bus_call(w->ends[0], "thread.echo", NULL, 20000,
					 on_answer, &a[i]),
			0);
		RUN_UNTIL(w, a[i].count == 1);
		assert_int_equal(a[i].code, 0);
	}
	RUN_UNTIL(w, s.events > 10);
	atomic_store(&ta.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(ta.err, 0);
	assert_true(ta.events > 0);
	assert_true(s.in_order);
	assert_int_equal(s.gaps, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_event_reaches_those_who_asked_for_its_topic_alone),
		T(events_of_one_publisher_arrive_in_order_and_whole),
		T(the_very_first_event_after_started_is_not_lost),
		T(what_is_published_just_before_an_endpoint_goes_still_arrives),
		T(a_late_subscriber_sees_only_what_comes_after_and_no_gap),
		T(several_subscribers_of_one_endpoint_and_leaving_in_a_callback),
		T(a_slow_subscriber_loses_events_sees_the_gap_and_stops_nobody),
		T(a_packed_event_keeps_every_member_and_a_cut_one_is_refused),
		T(a_burst_of_one_turn_arrives_whole_and_in_order_with_other_topics_between),
		T(unknown_topics_are_refused_and_every_topic_has_a_name_and_travels),
		T(a_request_is_answered_by_who_serves_its_name),
		T(an_endpoint_may_ask_itself),
		T(a_name_that_nobody_serves_is_404_at_once),
		T(a_refusal_carries_its_code_and_reason),
		T(an_answer_may_come_later_but_the_deadline_ends_the_wait),
		T(a_service_that_goes_away_ends_its_requests_with_503),
		T(a_caller_that_goes_away_gets_503_once_itself),
		T(a_name_belongs_to_the_first_who_serves_it),
		T(names_that_do_not_fit_are_refused),
		T(many_requests_at_once_are_all_answered),
		T(events_and_requests_cross_threads),
	};
	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
