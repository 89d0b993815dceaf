#include "tests/unit/ph_test.h"

#include <pthread.h>
#include <sched.h>

#include "core/base/log_ring.h"

static struct log_ring *ring;

static int make(void **state)
{
	(void)state;
	return log_ring_new(&ring, LOG_RING_MIN);
}

static int destroy(void **state)
{
	(void)state;
	log_ring_destroy(&ring);
	return 0;
}

static bool put(const char *text, bool urgent)
{
	return log_ring_put(ring, &(struct log_record){.text = text, .len = (uint16_t)strlen(text), .body = 3, .priority = 5}, urgent);
}

/* The oldest line is that text; it is given back. */
static void assert_next(const char *want)
{
	struct log_record rec = {0};

	assert_int_equal(log_ring_peek(ring, &rec, 1), 1);
	assert_slice_equal(slice_make(rec.text, rec.len), want);
	assert_int_equal(rec.body, 3);
	assert_int_equal(rec.priority, 5);
	log_ring_take(ring, &rec);
}

static void lines_come_out_in_order(void **state)
{
	struct log_record list[4];

	(void)state;
	assert_true(log_ring_is_empty(ring));
	assert_int_equal(log_ring_peek(ring, list, 4), 0);
	assert_true(put("first\n", false) && put("second one\n", false) && put("3\n", true));
	assert_false(log_ring_is_empty(ring));
	assert_int_equal(log_ring_peek(ring, list, 4), 3);
	assert_slice_equal(slice_make(list[2].text, list[2].len), "3\n");
	assert_int_equal(list[2].end, log_ring_head(ring));
	/* Looking takes nothing; what is given back is gone. */
	assert_int_equal(log_ring_peek(ring, list, 2), 2);
	log_ring_take(ring, &list[1]);
	assert_next("3\n");
	assert_true(log_ring_is_empty(ring));
}

static void sizes_out_of_range_are_refused(void **state)
{
	struct log_ring *none = NULL;

	(void)state;
	assert_int_equal(log_ring_new(&none, LOG_RING_MIN - 1), -EINVAL);
	assert_int_equal(log_ring_new(&none, (size_t)LOG_RING_MAX + 1), -EINVAL);
	assert_null(none);
	log_ring_destroy(&none);
}

static unsigned fill(const char *text, bool urgent)
{
	unsigned count = 0;

	while (put(text, urgent))
		count++;
	return count;
}

static void a_quarter_is_kept_for_urgent_lines(void **state)
{
	static char text[1017]; /* with its header 1,024 bytes */
	struct log_record rec;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	assert_int_equal(fill(text, false), 48);
	assert_int_equal(fill(text, true), 16);
	assert_false(put("", true));
	/* As much as is given back can be put again. */
	for (unsigned i = 0; i < 17; i++) {
		assert_int_equal(log_ring_peek(ring, &rec, 1), 1);
		log_ring_take(ring, &rec);
	}
	assert_int_equal(fill(text, false), 1);
}

/* Lines of all lengths, many times around the ring: none is torn at its end. */
static void lines_do_not_wrap(void **state)
{
	static char text[3][LOG_LINE_MAX];
	unsigned lens[3] = {0};
	size_t len = 1;

	(void)state;
	for (unsigned n = 0; n < 3000; n++) {
		char *at = text[n % 3];

		if (n >= 3) {
			text[n % 3][lens[n % 3]] = '\0';
			assert_next(at);
		}
		len = (len * 31 + 7) % (LOG_LINE_MAX - 1);
		lens[n % 3] = (unsigned)len + 1;
		memset(at, 'a' + (int)(n % 26), len + 1);
		at[len + 1 < LOG_LINE_MAX ? len + 1 : len] = '\0';
		assert_true(put(at, false));
	}
}

#define PUTTERS 4
#define LINES   50000

static void *put_lines(void *arg)
{
	char text[64];

	for (int i = 0; i < LINES; i++) {
		/* Of several lengths, so that they end everywhere in the ring. */
		snprintf(text, sizeof(text), "%d %d %.*s", (int)(intptr_t)arg, i, i % 29, "abcdefghijklmnopqrstuvwxyzabc");
		while (!put(text, false))
			sched_yield();
	}
	return NULL;
}

/* Each thread's lines arrive whole, all, and in its order. */
static void threads_put_while_one_takes(void **state)
{
	pthread_t threads[PUTTERS];
	int next[PUTTERS] = {0}, wrong = 0;

	(void)state;
	for (intptr_t i = 0; i < PUTTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_lines, (void *)i), 0);
	for (unsigned left = PUTTERS * LINES; left > 0;) {
		struct log_record list[16];
		unsigned count = log_ring_peek(ring, list, 16);

		for (unsigned i = 0; i < count; i++) {
			char text[64];
			int who = -1, number = -1, end = 0;

			snprintf(text, sizeof(text), "%.*s", (int)list[i].len, list[i].text);
			sscanf(text, "%d %d %n", &who, &number, &end);
			wrong += who < 0 || who >= PUTTERS || number != next[who] || (int)list[i].len != end + number % 29;
			if (who >= 0 && who < PUTTERS)
				next[who]++;
		}
		if (count > 0)
			log_ring_take(ring, &list[count - 1]);
		else
			sched_yield();
		left -= count;
	}
	for (int i = 0; i < PUTTERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(wrong, 0);
	assert_true(log_ring_is_empty(ring));
}

#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RING(lines_come_out_in_order),
		cmocka_unit_test(sizes_out_of_range_are_refused),
		WITH_RING(a_quarter_is_kept_for_urgent_lines),
		WITH_RING(lines_do_not_wrap),
		WITH_RING(threads_put_while_one_takes),
	};
	return cmocka_run_group_tests_name("log_ring", tests, NULL, NULL);
}
