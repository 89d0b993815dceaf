#include "plugins/rtpp/rtpp_service.h"

#include "tests/unit/rtpp_fake.h"
#include "tests/unit/rtpp_test.h"

/* The host's: names have no part in these tests. */
unsigned ph_addresses(struct ph_thread *t, struct slice name, int family, struct addr *out, unsigned max)
{
	(void)t;
	(void)name;
	(void)family;
	(void)out;
	(void)max;
	return 0;
}

#define TRY_MS 20

/* The service and two workers on loops of one thread, with a real bus between them. */
enum { CONTROL, WORKERS_FROM, ENDS = 3 };

struct world {
	struct bus *bus;
	struct counter_array *array;
	unsigned first_bus, first;
	struct loop *loops[ENDS];
	struct bus_endpoint *ends[ENDS];
	struct ph_thread control;
	struct ph_worker workers[ENDS - WORKERS_FROM];
	struct rtpp_fake fakes[2];
	struct store *store;
	struct rtpp_shared shared;
	struct rtpp_conf conf;
	struct ph_plugin_ctx ctx;
	void *service;
	void *selves[ENDS - WORKERS_FROM];
	struct hash_key key;
	struct ph_test_log log;
	bool answered;
	int code;
	char text[2048];
};

static void turn(struct world *w)
{
	for (unsigned i = 0; i < ENDS; i++)
		loop_turn(w->loops[i], i == 0 ? 1 : 0);
}

#define RUN_UNTIL(w, cond)                                                               \
	do {                                                                             \
		const uint64_t until_us = clock_us() + 20 * 1000000;                     \
		while (!(cond) && clock_us() < until_us)                                 \
			turn(w);                                                         \
		if (!(cond))                                                             \
			print_message("%s", (w)->log.text);                              \
		assert_true(cond);                                                       \
	} while (0)

static void show(void *arg, struct bus_request *req, const json_t *params)
{
	rtpp_service_show(((struct world *)arg)->service, req, params);
}

static void enable(void *arg, struct bus_request *req, const json_t *params)
{
	rtpp_service_enable(((struct world *)arg)->service, req, params);
}

static void reload(void *arg, struct bus_request *req, const json_t *params)
{
	rtpp_service_reload(((struct world *)arg)->service, req, params);
}

static void sync_now(void *arg, struct bus_request *req, const json_t *params)
{
	rtpp_service_sync(((struct world *)arg)->service, req, params);
}

static void open_store(struct world *w)
{
	static char memory[] = "memory", prefix[] = "pinhole:";
	const struct store_conf conf = {.backend = memory, .prefix = prefix};
	char why[256];

	assert_int_equal(store_new(&w->store, &conf, "n1", why), 0);
	assert_int_equal(
		store_open(&w->control.store, w->store, w->loops[CONTROL], NULL, 0), 0);
}

static int setup(void **state)
{
	static char sock_col[] = "rtpproxy_sock", set_col[] = "set_id",
		    table[] = "nh_sockets";
	struct world *w = calloc(1, sizeof(*w));
	char text[160];

	*state = w;
	counter_reset_all();
	assert_int_equal(counter_register(bus_counters, &w->first_bus), 0);
	assert_int_equal(counter_register(rtpp_test_counters, &w->first), 0);
	assert_int_equal(counter_array_new(&w->array), 0);
	assert_int_equal(bus_new(&w->bus), 0);
	for (unsigned i = 0; i < ENDS; i++) {
		assert_int_equal(loop_new(&w->loops[i]), 0);
		assert_int_equal(bus_endpoint_new(&w->ends[i], w->bus,
					 i == CONTROL     ? "control"
						 : i == 1 ? "worker.0"
							  : "worker.1",
					 w->loops[i], w->array, w->first_bus),
			0);
	}
	for (unsigned i = 0; i < ENDS; i++)
		RUN_UNTIL(w, bus_endpoint_started(w->ends[i]));
	for (unsigned i = 0; i < 2; i++)
		rtpp_fake_start(&w->fakes[i], w->loops[CONTROL]);
	w->control = (struct ph_thread){.loop = w->loops[CONTROL],
		.bus = w->ends[CONTROL],
		.counters = w->array,
		.node = "n1",
		.worker = -1};
	open_store(w);
	assert_int_equal(rtpp_board_new(&w->shared.board), 0);
	w->conf.shared = &w->shared;
	w->conf.rtpp_socket_col = sock_col;
	w->conf.set_id_col = set_col;
	w->conf.db_table = table;
	(void)snprintf(text, sizeof(text), "%s %s=0", w->fakes[0].url, w->fakes[1].url);
	assert_null(rtpp_sets_add(&w->conf.sets, text));
	(void)snprintf(text, sizeof(text), "7 == %s=3", w->fakes[0].url);
	assert_null(rtpp_sets_add(&w->conf.sets, text));
	w->conf.rtpproxy_retr = 2;
	w->conf.rtpproxy_disable_tout = 60;
	w->conf.timeout_ms = TRY_MS;
	w->ctx = (struct ph_plugin_ctx){.conf = &w->conf,
		.first_counter = w->first,
		.log = log_source_get("rtpp")};
	assert_int_equal(bus_serve(w->ends[CONTROL], "nh_show_rtpp", show, w), 0);
	assert_int_equal(bus_serve(w->ends[CONTROL], "nh_enable_rtpp", enable, w), 0);
	assert_int_equal(bus_serve(w->ends[CONTROL], "nh_reload_rtpp", reload, w), 0);
	assert_int_equal(bus_serve(w->ends[CONTROL], "nh_sync_rtpp", sync_now, w), 0);
	ph_test_log_start(&w->log);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	ph_test_log_stop();
	for (unsigned i = 0; i < ENDS - WORKERS_FROM; i++)
		if (w->selves[i])
			rtpp_worker_stop(w->selves[i]);
	if (w->service)
		rtpp_service_stop(w->service);
	store_close(&w->control.store);
	store_destroy(&w->store);
	for (unsigned i = 0; i < ENDS - WORKERS_FROM; i++)
		calls_destroy(&w->workers[i].calls);
	rtpp_board_destroy(&w->shared.board);
	for (unsigned i = 0; i < 2; i++)
		rtpp_fake_stop(&w->fakes[i]);
	for (unsigned i = 0; i < ENDS; i++)
		bus_endpoint_destroy(&w->ends[i]);
	bus_destroy(&w->bus);
	for (unsigned i = 0; i < ENDS; i++)
		loop_destroy(&w->loops[i]);
	counter_array_destroy(&w->array);
	rtpp_sets_free(&w->conf.sets);
	free(w);
	return 0;
}

static struct rtpp_engine *engine(struct world *w, unsigned worker)
{
	return &((struct rtpp_worker *)w->selves[worker])->engine;
}

/* A relay as a worker knows it: by its place in rtpproxy_sock. */
static struct rtpp_peer *view(struct world *w, unsigned worker, unsigned relay)
{
	return rtpp_roster_view(engine(w, worker)->roster)->peers[relay];
}

/* A command of that worker to that relay. */
static void command(struct world *w, unsigned worker, unsigned relay)
{
	assert_int_equal(rtpp_delete(engine(w, worker), view(w, worker, relay),
				 SLICE("c"), SLICE("f"), SLICE("")),
		0);
}

static void on_answer(void *arg, int code, const char *reason, const struct tree *result)
{
	struct world *w = arg;
	struct buf b;

	w->answered = true;
	w->code = code;
	buf_fixed(&b, w->text, sizeof(w->text) - 1);
	if (code == 0)
		tree_text(&b, result);
	else
		buf_str(&b, reason);
	w->text[b.len] = '\0';
}

/* params is taken. */
static const char *ask(struct world *w, const char *name, json_t *params)
{
	w->answered = false;
	assert_int_equal(bus_call(w->ends[2], name, params, 5000, on_answer, w), 0);
	json_decref(params);
	RUN_UNTIL(w, w->answered);
	return w->text;
}

static void start(struct world *w)
{
	assert_int_equal(rtpp_service_start(&w->control, &w->ctx, &w->service), 0);
	for (unsigned i = 0; i < ENDS - WORKERS_FROM; i++) {
		w->workers[i].t = (struct ph_thread){.loop = w->loops[WORKERS_FROM + i],
			.bus = w->ends[WORKERS_FROM + i],
			.counters = w->array,
			.worker = (int)i,
			.workers = ENDS - WORKERS_FROM,
			.key = &w->key};
		w->workers[i].index = i;
		w->workers[i].count = ENDS - WORKERS_FROM;
		assert_int_equal(calls_new(&w->workers[i].calls,
					 w->loops[WORKERS_FROM + i], 60000, 100),
			0);
		assert_int_equal(
			rtpp_worker_start(&w->workers[i], &w->ctx, &w->selves[i]), 0);
	}
	/* The hub learns of the commands by itself: the last one that was served is known. */
	do
		ask(w, "nh_sync_rtpp", NULL);
	while (w->code == 404);
}

static int64_t down(struct world *w)
{
	return counter_read(w->first + RTPP_C_RELAYS_DOWN);
}

static void workers_learn_what_relays_can(void **state)
{
	const unsigned want = RTPP_F_STREAMS | RTPP_F_CODECS;
	struct world *w = *state;

	start(w);
	for (unsigned worker = 0; worker < 2; worker++)
		for (unsigned relay = 0; relay < 2; relay++)
			RUN_UNTIL(w,
				view(w, worker, relay)->features == want &&
					!view(w, worker, relay)->down);
	assert_string_equal(w->fakes[0].log[0].command, "V");
	assert_string_equal(w->fakes[0].log[1].command, "VF 20050322");
	assert_int_equal(w->fakes[0].count, 9);
	for (unsigned i = 0; i < w->fakes[0].count;
		i++) /* never Q: it hangs old rtpengines */
		assert_int_equal(w->fakes[0].log[i].command[0], 'V');
}

static void relays_are_shown_as_the_guide_shows_them(void **state)
{
	struct world *w = *state;
	char want[1024];

	start(w);
	RUN_UNTIL(w, view(w, 0, 1)->features != 0 && view(w, 0, 0)->features != 0);
	(void)snprintf(want, sizeof(want),
		"%s::  set=0\n\tindex:: 0\n\tdisabled:: 0\n\tweight:: "
		"1\n\trecheck_ticks:: 0\n"
		"%s::  set=0\n\tindex:: 1\n\tdisabled:: 0\n\tweight:: "
		"0\n\trecheck_ticks:: 0\n"
		"%s::  set=7\n\tindex:: 2\n\tdisabled:: 0\n\tweight:: "
		"3\n\trecheck_ticks:: 0\n",
		w->fakes[0].url, w->fakes[1].url, w->fakes[0].url);
	assert_string_equal(ask(w, "nh_show_rtpp", NULL), want);
}

static void a_relay_that_is_dead_at_start_is_used_when_it_answers(void **state)
{
	struct world *w = *state;

	w->fakes[0].deaf = 3; /* both sends of the first probe, and one more probe */
	start(w);
	RUN_UNTIL(w, view(w, 0, 0)->down && view(w, 1, 0)->down);
	assert_int_equal(down(w), 1);
	assert_true(ph_test_log_has(&w->log, "is down: no answer to a probe"));
	RUN_UNTIL(w, !view(w, 0, 0)->down && !view(w, 1, 0)->down);
	assert_int_equal(down(w), 0);
	RUN_UNTIL(w, view(w, 0, 0)->features != 0);
}

static void what_one_worker_meets_all_know(void **state)
{
	struct world *w = *state;
	static const char seen[] =
		"index:: 1\n\tdisabled:: 1\n\tweight:: 0\n\trecheck_ticks:: ";
	const char *at;

	start(w);
	RUN_UNTIL(w,
		view(w, 0, 0)->features != 0 && view(w, 1, 0)->features != 0 &&
			view(w, 1, 1)->features != 0);
	w->fakes[1].deaf = 100;
	command(w, 0, 1);
	RUN_UNTIL(w, view(w, 1, 1)->down && down(w) == 1);
	assert_true(view(w, 0, 1)->down);
	/* Others of its set are well: it is left alone for rtpproxy_disable_tout. */
	ask(w, "nh_show_rtpp", NULL);
	at = strstr(w->text, seen);
	assert_non_null(at);
	assert_in_range(
		atoi(at + strlen(seen)), 60, 75); /* of uptime, and some has passed */
}

static void the_last_relay_of_a_set_is_probed_all_the_time(void **state)
{
	struct world *w = *state;

	start(w);
	RUN_UNTIL(w, view(w, 0, 0)->features != 0 && view(w, 1, 0)->features != 0);
	w->fakes[0].deaf = 2; /* both sends of the command; set 7 has this relay alone */
	command(w, 0, 0);
	RUN_UNTIL(w, down(w) == 1);
	RUN_UNTIL(w, down(w) == 0 && !view(w, 0, 0)->down && !view(w, 1, 0)->down);
}

static void operators_take_relays_out_and_back(void **state)
{
	struct world *w = *state;

	start(w);
	RUN_UNTIL(w, view(w, 0, 0)->features != 0 && view(w, 1, 0)->features != 0);
	ask(w, "nh_enable_rtpp", json_pack("[s, s]", w->fakes[0].url, "0"));
	assert_int_equal(w->code, 0);
	RUN_UNTIL(w, view(w, 0, 0)->disabled && view(w, 1, 0)->disabled);
	assert_false(view(w, 0, 0)->down);
	assert_int_equal(down(w), 0);
	ask(w, "nh_show_rtpp", NULL);
	assert_non_null(strstr(w->text,
		"index:: 0\n\tdisabled:: 1\n\tweight:: 1\n\trecheck_ticks:: "
		"4294967295\n"));
	assert_non_null(strstr(w->text, "index:: 2\n\tdisabled:: 1\n"));
	ask(w, "nh_enable_rtpp",
		json_pack("{s:s, s:i}", "url", w->fakes[0].url, "enable", 1));
	assert_int_equal(w->code, 0);
	RUN_UNTIL(w, !view(w, 0, 0)->disabled && !view(w, 1, 0)->disabled);
}

static void bad_arguments_are_refused(void **state)
{
	struct world *w = *state;

	start(w);
	ask(w, "nh_enable_rtpp", json_pack("[s, s]", w->fakes[0].url, "yes"));
	assert_int_equal(w->code, 400);
	ask(w, "nh_enable_rtpp", json_pack("[s, s]", w->fakes[0].url, "-1"));
	assert_int_equal(w->code, 400);
	ask(w, "nh_enable_rtpp", json_pack("[s, n]", w->fakes[0].url));
	assert_int_equal(w->code, 400);
	ask(w, "nh_enable_rtpp", json_pack("[s, s]", "udp:127.0.0.1:1", "1"));
	assert_int_equal(w->code, 404);
	assert_string_equal(w->text, "RTP proxy not found");
	ask(w, "nh_enable_rtpp", json_pack("[i, i]", 1, 1));
	assert_int_equal(w->code, 404);
	ask(w, "nh_reload_rtpp", NULL);
	assert_int_equal(w->code, 400);
	assert_string_equal(w->text, "db_url is not set: there is no database to read");
}

static void something_else_on_the_port_is_no_relay(void **state)
{
	struct world *w = *state;

	w->fakes[0].version = "20050101";
	start(w);
	RUN_UNTIL(w, view(w, 0, 0)->down);
	assert_true(ph_test_log_has(&w->log, "answers V with \"20050101\""));
	RUN_UNTIL(w, view(w, 0, 1)->features != 0);
}

static void minus_one_waits_for_the_operator(void **state)
{
	struct world *w = *state;

	w->conf.rtpproxy_disable_tout = -1;
	start(w);
	RUN_UNTIL(w, view(w, 0, 1)->features != 0 && view(w, 1, 1)->features != 0);
	w->fakes[1].deaf = 2;
	command(w, 0, 1);
	RUN_UNTIL(w, down(w) == 1);
	ask(w, "nh_show_rtpp", NULL);
	assert_non_null(strstr(w->text,
		"index:: 1\n\tdisabled:: 1\n\tweight:: 0\n\trecheck_ticks:: "
		"4294967295\n"));
	ask(w, "nh_enable_rtpp", json_pack("[s, i]", w->fakes[1].url, 1));
	RUN_UNTIL(w, down(w) == 0 && !view(w, 0, 1)->down && !view(w, 1, 1)->down);
}

/* A dialog that this node has ended itself: no script sees a BYE. */
static void what_we_end_ourselves_is_told_to_its_relay(void **state)
{
	struct world *w = *state;
	static const char *const ids[] = {"call-1", "call-2", "call-3", "call-4"};
	unsigned before;

	start(w);
	before = w->fakes[1].count;
	for (unsigned i = 0; i < 4; i++) {
		struct slice id = slice_str(ids[i]);
		unsigned owner = ph_call_worker(&w->workers[0].t, id);
		struct bus_event ev = {.topic = BUS_DIALOG_ENDED};

		assert_int_equal(call_prop_set(call_of(w->workers[owner].calls, id, true),
					 BUS_PROP_RELAY_URL, slice_str(w->fakes[1].url)),
			0);
		(void)snprintf(
			ev.dialog.call_id, sizeof(ev.dialog.call_id), "%s", ids[i]);
		(void)snprintf(ev.dialog.from_tag, sizeof(ev.dialog.from_tag), "f");
		(void)snprintf(ev.dialog.to_tag, sizeof(ev.dialog.to_tag), "t");
		ev.dialog.by_us =
			i != 3; /* the last one by a BYE: the script's to tell */
		bus_publish(w->ends[CONTROL], &ev);
	}
	RUN_UNTIL(w, w->fakes[1].count == before + 3);
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(w->fakes[1].log[before + i].command + 8, " f t");
	for (unsigned i = 0; i < 20; i++)
		turn(w);
	assert_int_equal(w->fakes[1].count, before + 3);
}

static void nobody_done(void *arg, int err)
{
	(void)arg;
	(void)err;
}

static void shared_sets_come_into_force(void **state)
{
	struct world *w = *state;
	struct store_relay_weight more[] = {{0, slice_str(w->fakes[1].url), 9},
		{3, SLICE("udp:127.0.0.1:9|192.0.2.9"), 2}};
	const char *text;

	assert_int_equal(
		store_sets_seed(w->control.store, more, 2, nobody_done, NULL), 0);
	start(w);
	text = ask(w, "nh_show_rtpp", NULL);
	/* What stands in the store goes before the parameter's weight 0. */
	assert_non_null(strstr(text, "index:: 1\n\tdisabled:: 0\n\tweight:: 9\n"));
	assert_non_null(strstr(text, "udp:127.0.0.1:9::  set=3\n"));
	assert_true(ph_test_log_has(
		&w->log, "the shared weight 9 holds, not 0 of rtpproxy_sock"));
	RUN_UNTIL(w, rtpp_roster_view(engine(w, 1)->roster)->sets->set_count == 3);
	assert_true(addr_is_set(&rtpp_roster_view(engine(w, 1)->roster)
					 ->sets->sets[2]
					 .nodes[0]
					 .advertised));
}

static void the_switch_of_another_node_holds_here(void **state)
{
	struct world *w = *state;

	start(w);
	assert_int_equal(store_relay_enable(w->control.store, slice_str(w->fakes[0].url),
				 false, nobody_done, NULL),
		0);
	ask(w, "nh_sync_rtpp", NULL);
	assert_int_equal(w->code, 0);
	assert_true(view(w, 0, 0)->disabled && view(w, 1, 0)->disabled);
	assert_true(ph_test_log_has(&w->log, "disabled by an operator of another node"));
	ask(w, "nh_enable_rtpp", json_pack("[s, i]", w->fakes[0].url, 1));
	assert_false(view(w, 0, 0)->disabled);
	ask(w, "nh_sync_rtpp",
		NULL); /* our own is not undone by what was read before it was written */
	assert_false(view(w, 0, 0)->disabled);
}

static void bad_news_of_another_node_are_looked_into(void **state)
{
	struct world *w = *state;
	struct store_relay report = {.url = slice_str(w->fakes[0].url),
		.state = SLICE("down"),
		.last_error = SLICE("no answer"),
		.reported_by = SLICE("n2")};
	unsigned asked;

	start(w);
	ask(w, "nh_sync_rtpp", NULL); /* what we have to say is written */
	asked = w->fakes[0].count;
	assert_int_equal(
		store_relay_report(w->control.store, &report, nobody_done, NULL), 0);
	ask(w, "nh_sync_rtpp", NULL);
	RUN_UNTIL(w, w->fakes[0].count == asked + 9);
	ask(w, "nh_sync_rtpp", NULL);
	for (unsigned i = 0; i < 10; i++)
		turn(w);
	assert_int_equal(w->fakes[0].count, asked + 9); /* once */
	assert_false(view(w, 0, 0)->down);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(workers_learn_what_relays_can),
		T(relays_are_shown_as_the_guide_shows_them),
		T(a_relay_that_is_dead_at_start_is_used_when_it_answers),
		T(what_one_worker_meets_all_know),
		T(the_last_relay_of_a_set_is_probed_all_the_time),
		T(operators_take_relays_out_and_back),
		T(bad_arguments_are_refused),
		T(what_we_end_ourselves_is_told_to_its_relay),
		T(shared_sets_come_into_force),
		T(the_switch_of_another_node_holds_here),
		T(bad_news_of_another_node_are_looked_into),
		T(something_else_on_the_port_is_no_relay),
		T(minus_one_waits_for_the_operator),
	};
	return cmocka_run_group_tests_name("rtpp_service", tests, NULL, NULL);
}
