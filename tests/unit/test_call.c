#include "core/tm/call.h"

#include "tests/unit/ph_test.h"

struct fixture {
	struct loop *loop;
	struct calls *calls;
};

static void fixture_new(struct fixture *f, uint64_t idle_ms, unsigned max)
{
	assert_int_equal(loop_new(&f->loop), 0);
	assert_int_equal(calls_new(&f->calls, f->loop, idle_ms, max), 0);
}

static void fixture_free(struct fixture *f)
{
	calls_destroy(&f->calls);
	assert_null(f->calls);
	loop_destroy(&f->loop);
}

static void record_is_made_when_first_needed_and_found_again(void **state)
{
	struct fixture f;
	struct call *call;

	(void)state;
	fixture_new(&f, 60000, 10);
	assert_null(call_of(f.calls, SLICE("a@b"), false));
	call = call_of(f.calls, SLICE("a@b"), true);
	assert_non_null(call);
	assert_ptr_equal(call_of(f.calls, SLICE("a@b"), false), call);
	assert_ptr_equal(call_of(f.calls, SLICE("a@b"), true), call);
	assert_null(call_of(f.calls, SLICE("A@b"), false));
	assert_int_equal(calls_count(f.calls), 1);
	fixture_free(&f);
}

static void properties_are_copied_replaced_and_removed(void **state)
{
	char url[] = "udp:127.0.0.1:22222";
	struct fixture f;
	struct call *call;

	(void)state;
	fixture_new(&f, 60000, 10);
	call = call_of(f.calls, SLICE("a@b"), true);
	assert_int_equal(call_prop(call, BUS_PROP_RELAY_URL).len, 0);
	assert_int_equal(call_prop_set(call, BUS_PROP_RELAY_URL, slice_str(url)), 0);
	memset(url, 'x', sizeof(url) - 1);
	assert_slice_equal(call_prop(call, BUS_PROP_RELAY_URL), "udp:127.0.0.1:22222");
	assert_int_equal(call_prop_set(call, BUS_PROP_RELAY_URL, SLICE("other")), 0);
	assert_slice_equal(call_prop(call, BUS_PROP_RELAY_URL), "other");
	assert_int_equal(call_prop(call, BUS_PROP_RTPP_SET).len, 0);
	assert_int_equal(call_prop_set(call, BUS_PROP_RELAY_URL, (struct slice){0}), 0);
	assert_int_equal(call_prop(call, BUS_PROP_RELAY_URL).len, 0);
	assert_int_equal(call_prop_set(call, BUS_PROPS, SLICE("x")), -EINVAL);
	fixture_free(&f);
}

static void number_of_records_is_bounded(void **state)
{
	struct fixture f;

	(void)state;
	fixture_new(&f, 60000, 2);
	assert_non_null(call_of(f.calls, SLICE("1"), true));
	assert_non_null(call_of(f.calls, SLICE("2"), true));
	assert_null(call_of(f.calls, SLICE("3"), true));
	assert_non_null(call_of(f.calls, SLICE("2"), true));
	assert_null(call_of(f.calls, (struct slice){0}, true));
	fixture_free(&f);
}

static void unused_record_is_freed_and_used_one_stays(void **state)
{
	struct fixture f;
	uint64_t until;

	(void)state;
	fixture_new(&f, 100, 10);
	assert_non_null(call_of(f.calls, SLICE("idle"), true));
	assert_non_null(call_of(f.calls, SLICE("used"), true));
	until = clock_us() + 3000000;
	while (calls_count(f.calls) == 2 && clock_us() < until) {
		loop_turn(f.loop, 5);
		assert_non_null(call_of(f.calls, SLICE("used"), false));
	}
	assert_int_equal(calls_count(f.calls), 1);
	assert_null(call_of(f.calls, SLICE("idle"), false));
	fixture_free(&f);
}

static void ended_call_outlives_its_idle_time_for_stragglers(void **state)
{
	struct fixture f;
	struct call *call;
	uint64_t until;

	(void)state;
	fixture_new(&f, 30, 10);
	call = call_of(f.calls, SLICE("ended"), true);
	assert_non_null(call_of(f.calls, SLICE("idle"), true));
	assert_int_equal(call_prop_set(call, BUS_PROP_RTPP_SET, SLICE("1")), 0);
	call_end(call);
	call_end(call);
	until = clock_us() + 3000000;
	while (calls_count(f.calls) == 2 && clock_us() < until)
		loop_turn(f.loop, 5);
	call = call_of(f.calls, SLICE("ended"), false);
	assert_non_null(call);
	assert_slice_equal(call_prop(call, BUS_PROP_RTPP_SET), "1");
	/* the caller comes again with his password: an active call, that goes when idle */
	assert_ptr_equal(call_of(f.calls, SLICE("ended"), true), call);
	while (calls_count(f.calls) == 1 && clock_us() < until)
		loop_turn(f.loop, 5);
	assert_int_equal(calls_count(f.calls), 0);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_is_made_when_first_needed_and_found_again),
		cmocka_unit_test(properties_are_copied_replaced_and_removed),
		cmocka_unit_test(number_of_records_is_bounded),
		cmocka_unit_test(unused_record_is_freed_and_used_one_stays),
		cmocka_unit_test(ended_call_outlives_its_idle_time_for_stragglers),
	};
	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
