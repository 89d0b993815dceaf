#include "tests/unit/ph_test.h"

#include <pthread.h>

#include "core/bus/bus.h"
#include "core/bus/inbox.h"

#define THREADS 4
#define EACH    5000

/* A receiving thread's world; sends come from here or from threads. */
struct world {
	struct bus *bus;
	struct loop *loop;
	struct counter_array *counters;
	unsigned first;
	struct inbox *inbox;
	struct inbox_sender *sender;
	/* seen by the handler */
	unsigned count;
	bool in_order;
	uint64_t last[THREADS];
	char text[64];
	size_t len;
};

struct item {
	uint64_t from, number;
};

static const char *const names[] = {"worker.0"};

static void on_item(void *arg, const void *data, size_t len)
{
	struct world *w = arg;
	const struct item *item = data;

	w->count++;
	w->len = len;
	if (len < sizeof(*item) || item->from >= THREADS)
		return;
	w->in_order = w->in_order && item->number == w->last[item->from] + 1;
	w->last[item->from] = item->number;
	memcpy(w->text, item + 1, len - sizeof(*item) < 64 ? len - sizeof(*item) : 64);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	*state = w;
	w->in_order = true;
	counter_reset_all();
	assert_int_equal(counter_register(inbox_counters, &w->first), 0);
	assert_int_equal(counter_array_new(&w->counters), 0);
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(bus_new(&w->bus), 0);
	assert_int_equal(
		inbox_new(&w->inbox, w->bus, names[0], w->loop, w->counters, w->first),
		0);
	inbox_on(w->inbox, INBOX_DATAGRAM, on_item, w);
	assert_int_equal(
		inbox_sender_new(&w->sender, w->bus, names, 1, w->counters, w->first), 0);
	loop_turn(w->loop, 0);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	inbox_sender_destroy(&w->sender);
	inbox_destroy(&w->inbox);
	bus_destroy(&w->bus);
	loop_destroy(&w->loop);
	counter_array_destroy(&w->counters);
	counter_reset_all();
	free(w);
	return 0;
}

static int send_item(struct inbox_sender *s, uint64_t from, uint64_t number)
{
	const struct item item = {from, number};

	return inbox_send(s, 0, INBOX_DATAGRAM, &item, sizeof(item), "hello", 5);
}

static int64_t read_counter(const struct world *w, unsigned which)
{
	return counter_read(w->first + which);
}

static void run_until(struct world *w, unsigned count)
{
	const uint64_t until = clock_us() + 20 * 1000000;

	while (w->count < count && clock_us() < until)
		loop_turn(w->loop, 100);
	assert_int_equal(w->count, count);
}

static void head_and_body_arrive_as_one_item(void **state)
{
	struct world *w = *state;

	assert_int_equal(send_item(w->sender, 0, 1), 0);
	run_until(w, 1);
	assert_int_equal(w->len, sizeof(struct item) + 5);
	assert_memory_equal(w->text, "hello", 5);
}

static void a_burst_of_64_costs_one_wakeup(void **state)
{
	struct world *w = *state;
	int64_t before = read_counter(w, INBOX_C_WAKEUPS);

	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 64; i++)
			assert_int_equal(send_item(w->sender, 0, round * 64 + i + 1), 0);
		run_until(w, (round + 1) * 64);
		/* And nothing is left that would wake it again. */
		loop_turn(w->loop, 0);
		loop_turn(w->loop, 0);
	}
	assert_true(w->in_order);
	assert_int_equal(read_counter(w, INBOX_C_RECEIVED), 640);
	assert_int_equal(read_counter(w, INBOX_C_WAKEUPS) - before, 10);
}

static void more_than_a_turn_takes_is_finished_without_another_edge(void **state)
{
	struct world *w = *state;

	for (unsigned i = 0; i < 5 * INBOX_TURN; i++)
		assert_int_equal(send_item(w->sender, 0, i + 1), 0);
	loop_turn(w->loop, 1000);
	assert_int_equal(w->count, INBOX_TURN);
	/* No turn below sleeps: the loop knows that there is more. */
	for (unsigned i = 2; i <= 5; i++) {
		uint64_t before = clock_us();

		loop_turn(w->loop, 5000);
		assert_true(clock_us() - before < 4000000);
		assert_int_equal(w->count, i * INBOX_TURN);
	}
	assert_true(w->in_order);
}

static void a_full_inbox_refuses_counts_and_recovers(void **state)
{
	struct world *w = *state;
	unsigned sent = 0, refused = 0;

	for (unsigned i = 0; i < 2 * INBOX_HWM; i++) {
		int err = send_item(w->sender, 0, sent + 1);

		if (err == 0)
			sent++;
		else if (err == -EAGAIN)
			refused++;
	}
	assert_int_equal(sent + refused, 2 * INBOX_HWM);
	assert_true(sent >= INBOX_HWM / 2 && sent <= INBOX_HWM + 64);
	assert_int_equal(read_counter(w, INBOX_C_DROPPED), refused);
	run_until(w, sent);
	assert_int_equal(send_item(w->sender, 0, sent + 1), 0);
	run_until(w, sent + 1);
	assert_true(w->in_order);
}

static void what_is_too_long_or_goes_nowhere_is_refused(void **state)
{
	struct world *w = *state;
	char *big = calloc(1, INBOX_ITEM_MAX + 1);

	assert_int_equal(
		inbox_send(w->sender, 0, INBOX_WAKE, big, INBOX_ITEM_MAX + 1, NULL, 0),
		-EMSGSIZE);
	assert_int_equal(
		inbox_send(w->sender, 0, INBOX_WAKE, big, 1, big, INBOX_ITEM_MAX),
		-EMSGSIZE);
	assert_int_equal(
		inbox_send(w->sender, 0, INBOX_WAKE, NULL, 0, big, SIZE_MAX), -EMSGSIZE);
	assert_int_equal(inbox_send(w->sender, 1, INBOX_WAKE, NULL, 0, NULL, 0), -EINVAL);
	assert_int_equal(
		inbox_send(w->sender, 0, INBOX_DATAGRAM, big, INBOX_ITEM_MAX, NULL, 0),
		0);
	run_until(w, 1);
	assert_int_equal(w->len, INBOX_ITEM_MAX);
	free(big);
}

static void an_item_of_a_kind_without_handler_is_dropped(void **state)
{
	struct world *w = *state;

	assert_int_equal(inbox_send(w->sender, 0, INBOX_WAKE, NULL, 0, NULL, 0), 0);
	assert_int_equal(send_item(w->sender, 0, 1), 0);
	run_until(w, 1);
	assert_int_equal(read_counter(w, INBOX_C_RECEIVED), 2);
}

static void two_inboxes_of_one_name_are_refused(void **state)
{
	struct world *w = *state;
	struct inbox *second = NULL;

	assert_int_equal(
		inbox_new(&second, w->bus, names[0], w->loop, w->counters, w->first),
		-EADDRINUSE);
	assert_null(second);
}

struct pusher {
	struct world *w;
	uint64_t from;
	unsigned refused;
	int err;
};

static void *push(void *arg)
{
	struct pusher *p = arg;
	struct counter_array *counters;
	struct inbox_sender *s;

	p->err = counter_array_new(&counters);
	if (p->err != 0)
		return NULL;
	p->err = inbox_sender_new(&s, p->w->bus, names, 1, counters, p->w->first);
	for (uint64_t n = 1; n <= EACH && p->err == 0;) {
		if (send_item(s, p->from, n) == 0)
			n++;
		else
			sched_yield();
	}
	if (p->err == 0)
		inbox_sender_destroy(&s);
	counter_array_destroy(&counters);
	return NULL;
}

static void items_of_several_threads_all_arrive_in_order_of_each(void **state)
{
	struct world *w = *state;
	struct pusher pushers[THREADS];
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		pushers[i] = (struct pusher){.w = w, .from = i};
		assert_int_equal(pthread_create(&threads[i], NULL, push, &pushers[i]), 0);
	}
	run_until(w, THREADS * EACH);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(pushers[i].err, 0);
	}
	assert_true(w->in_order);
}

/* One item at a time, each awaited: an edge that went missing would stall it for good. */
static void *push_and_wait(void *arg)
{
	struct pusher *p = arg;
	struct counter_array *counters;
	struct inbox_sender *s;

	p->err = counter_array_new(&counters);
	if (p->err == 0)
		p->err = inbox_sender_new(&s, p->w->bus, names, 1, counters, p->w->first);
	if (p->err != 0)
		return NULL;
	for (uint64_t n = 1; n <= 2000; n++) {
		if (send_item(s, p->from, n) != 0)
			p->err = -EIO;
		while (n % 3 == 0 && read_counter(p->w, INBOX_C_RECEIVED) < (int64_t)n)
			sched_yield();
	}
	inbox_sender_destroy(&s);
	counter_array_destroy(&counters);
	return NULL;
}

static void no_edge_is_missed_when_sender_and_receiver_take_turns(void **state)
{
	struct world *w = *state;
	struct pusher p = {.w = w};
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, push_and_wait, &p), 0);
	run_until(w, 2000);
	pthread_join(thread, NULL);
	assert_int_equal(p.err, 0);
	assert_true(w->in_order);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			head_and_body_arrive_as_one_item, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_burst_of_64_costs_one_wakeup, setup, teardown),
		cmocka_unit_test_setup_teardown(
			more_than_a_turn_takes_is_finished_without_another_edge, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_full_inbox_refuses_counts_and_recovers, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_is_too_long_or_goes_nowhere_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_item_of_a_kind_without_handler_is_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(
			two_inboxes_of_one_name_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
			items_of_several_threads_all_arrive_in_order_of_each, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			no_edge_is_missed_when_sender_and_receiver_take_turns, setup,
			teardown),
	};
	return cmocka_run_group_tests_name("inbox", tests, NULL, NULL);
}
