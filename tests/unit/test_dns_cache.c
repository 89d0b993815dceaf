#include <pthread.h>

#include "core/net/bad_hops.h"
#include "core/net/dns_cache.h"
#include "tests/unit/ph_test.h"

static const struct dns_ttl ttl = {
	.min = 2, .max = 1000, .negative = 100, .failure = 5, .stale = 3600};

static struct dns_answer *answer_new(
	const char *name, enum dns_outcome outcome, uint32_t s, bool soa, uint64_t now)
{
	static struct dns_parsed p;

	p = (struct dns_parsed){
		.outcome = outcome, .why = "because", .ttl = s, .has_soa = soa};
	if (outcome == DNS_FOUND) {
		p.count = 1;
		p.records[0] = (struct dns_record){
			.order = 1, .port = 5060, .name = SLICE("target.test")};
	}
	return dns_answer_new(slice_str(name), DNS_SRV, &p, &ttl, now);
}

static struct dns_cache *cache_new(unsigned size)
{
	struct dns_cache *c = NULL;

	assert_int_equal(dns_cache_new(&c, size, &ttl), 0);
	return c;
}

/** Returns the outcome of what is to be used. */
static enum dns_outcome put(struct dns_cache *c, const char *name,
	enum dns_outcome outcome, uint32_t s, uint64_t now, bool *stale)
{
	unsigned evicted;
	struct dns_answer *a = dns_cache_put(
		c, answer_new(name, outcome, s, true, now), now, stale, &evicted);
	enum dns_outcome used = a->outcome;

	dns_answer_unref(&a);
	return used;
}

static enum dns_fresh get(struct dns_cache *c, const char *name, uint64_t now)
{
	enum dns_fresh how;
	struct dns_answer *a = dns_cache_get(c, slice_str(name), DNS_SRV, now, &how);

	assert_true((a == NULL) == (how == DNS_MISSING));
	dns_answer_unref(&a);
	return how;
}

static void times_are_brought_into_their_bounds(void **state)
{
	static const struct {
		enum dns_outcome outcome;
		uint32_t s;
		bool soa;
		uint64_t want;
	} cases[] = {
		{DNS_FOUND, 60, false, 60},
		{DNS_FOUND, 0, false, 2},
		{DNS_FOUND, 100000, false, 1000},
		{DNS_NO_NAME, 60, true, 60},
		{DNS_NO_DATA, 100000, true, 100},
		{DNS_NO_NAME, 0, false, 5},
		{DNS_FAILED, 0, false, 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dns_answer *a = answer_new(
			"x.test", cases[i].outcome, cases[i].s, cases[i].soa, 7);

		assert_int_equal(a->expires, 7 + cases[i].want * 1000);
		dns_answer_unref(&a);
	}
}

static void answers_are_found_by_name_and_type_until_their_time_is_over(void **state)
{
	struct dns_cache *c = cache_new(100);
	enum dns_fresh how;
	bool stale;

	(void)state;
	assert_int_equal(put(c, "a.test", DNS_FOUND, 10, 0, &stale), DNS_FOUND);
	assert_int_equal(put(c, "no.test", DNS_NO_NAME, 10, 0, &stale), DNS_NO_NAME);
	assert_int_equal(get(c, "a.test", 9999), DNS_FRESH);
	assert_int_equal(get(c, "no.test", 9999), DNS_FRESH);
	assert_int_equal(get(c, "b.test", 0), DNS_MISSING);
	assert_null(dns_cache_get(c, SLICE("a.test"), DNS_A, 0, &how));
	assert_int_equal(get(c, "a.test", 10000), DNS_STALE);
	assert_int_equal(get(c, "a.test", 10000 + 3600000 - 1), DNS_STALE);
	assert_int_equal(get(c, "a.test", 10000 + 3600000), DNS_MISSING);
	/* That there is nothing is not believed for longer than the server said. */
	assert_int_equal(get(c, "no.test", 10000), DNS_MISSING);
	dns_cache_destroy(&c);
}

static void old_answer_serves_while_no_server_answers(void **state)
{
	struct dns_cache *c = cache_new(100);
	bool stale;

	(void)state;
	put(c, "a.test", DNS_FOUND, 10, 0, &stale);
	assert_int_equal(put(c, "a.test", DNS_FAILED, 0, 20000, &stale), DNS_FOUND);
	assert_true(stale);
	assert_int_equal(get(c, "a.test", 24999), DNS_STALE_HELD);
	assert_int_equal(get(c, "a.test", 25000), DNS_STALE);
	dns_cache_hold(c, SLICE("a.test"), DNS_SRV, 25000);
	assert_int_equal(get(c, "a.test", 29999), DNS_STALE_HELD);
	/* What a server says counts, also that it is gone. */
	assert_int_equal(put(c, "a.test", DNS_NO_NAME, 10, 30000, &stale), DNS_NO_NAME);
	assert_int_equal(get(c, "a.test", 30000), DNS_FRESH);
	assert_int_equal(put(c, "a.test", DNS_FAILED, 0, 50000, &stale), DNS_FAILED);
	assert_false(stale);
	assert_int_equal(get(c, "a.test", 54999), DNS_FRESH);
	assert_int_equal(get(c, "a.test", 55000), DNS_MISSING);
	/* Too old. */
	put(c, "b.test", DNS_FOUND, 10, 0, &stale);
	assert_int_equal(put(c, "b.test", DNS_FAILED, 0, 3700000, &stale), DNS_FAILED);
	dns_cache_destroy(&c);
}

static void what_was_not_asked_for_longest_makes_room(void **state)
{
	struct dns_cache *c = cache_new(160);
	unsigned evicted, gone = 0;
	char name[32];
	bool stale;

	(void)state;
	put(c, "kept.test", DNS_FOUND, 900, 0, &stale);
	for (unsigned i = 0; i < 2000; i++) {
		struct dns_answer *a;

		snprintf(name, sizeof(name), "n%u.test", i);
		a = dns_cache_put(c, answer_new(name, DNS_FOUND, 900, false, 0), 0,
			&stale, &evicted);
		gone += evicted;
		dns_answer_unref(&a);
		assert_int_equal(get(c, "kept.test", 0), DNS_FRESH);
	}
	assert_true(dns_cache_count(c) <= 160);
	assert_int_equal(gone + dns_cache_count(c), 2001);
	assert_int_equal(get(c, "n0.test", 0), DNS_MISSING);
	assert_int_equal(dns_cache_flush(c, SLICE("kept.test")), 1);
	assert_int_equal(get(c, "kept.test", 0), DNS_MISSING);
	assert_int_equal(dns_cache_flush(c, (struct slice){0}), 2000 - gone);
	assert_int_equal(dns_cache_count(c), 0);
	dns_cache_destroy(&c);
}

static void answer_in_hand_outlives_the_table(void **state)
{
	struct dns_cache *c = cache_new(16);
	enum dns_fresh how;
	struct dns_answer *a;
	bool stale;

	(void)state;
	put(c, "a.test", DNS_FOUND, 10, 0, &stale);
	a = dns_cache_get(c, SLICE("a.test"), DNS_SRV, 0, &how);
	dns_cache_destroy(&c);
	assert_slice_equal(a->records[0].name, "target.test");
	assert_slice_equal(a->name, "a.test");
	dns_answer_unref(&a);
}

static void *use(void *arg)
{
	struct dns_cache *c = arg;
	char name[32];
	bool stale;

	for (unsigned i = 0; i < 20000; i++) {
		enum dns_fresh how;
		struct dns_answer *a;

		snprintf(name, sizeof(name), "n%u.test", i * 7 % 50);
		a = dns_cache_get(c, slice_str(name), DNS_SRV, i, &how);
		if (a != NULL && !slice_eq(a->records[0].name, SLICE("target.test")))
			return c; /* wrong */
		dns_answer_unref(&a);
		if (i % 5 == 0) {
			struct dns_parsed *p = calloc(1, sizeof(*p));
			unsigned evicted;

			p->outcome = DNS_FOUND;
			p->count = 1;
			p->records[0].name = SLICE("target.test");
			a = dns_answer_new(slice_str(name), DNS_SRV, p, &ttl, i);
			free(p);
			a = dns_cache_put(c, a, i, &stale, &evicted);
			dns_answer_unref(&a);
		}
		if (i % 1000 == 0)
			dns_cache_flush(c, slice_str(name));
	}
	return NULL;
}

static void threads_share_one_table(void **state)
{
	struct dns_cache *c = cache_new(32);
	pthread_t threads[4];
	void *wrong;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use, c), 0);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	dns_cache_destroy(&c);
}

static void failed_hop_is_bad_for_its_time_and_then_tried_by_one(void **state)
{
	const struct addr a = ph_test_ipv4("192.0.2.1", 5060),
			  b = ph_test_ipv4("192.0.2.1", 5062);
	struct bad_hops *bad = NULL;

	(void)state;
	assert_int_equal(bad_hops_new(&bad), 0);
	assert_false(bad_hops_is(bad, SIP_TR_UDP, &a, 1000));
	bad_hops_set(bad, SIP_TR_UDP, &a, 1000, 30000);
	assert_true(bad_hops_is(bad, SIP_TR_UDP, &a, 30999));
	assert_false(bad_hops_is(bad, SIP_TR_TCP, &a, 30999));
	assert_false(bad_hops_is(bad, SIP_TR_UDP, &b, 30999));
	assert_false(bad_hops_peek(bad, SIP_TR_UDP, &a, 31000));
	/* The first who asks is the probe; others keep away meanwhile. */
	assert_false(bad_hops_is(bad, SIP_TR_UDP, &a, 31000));
	assert_true(bad_hops_is(bad, SIP_TR_UDP, &a, 31000));
	assert_true(bad_hops_is(bad, SIP_TR_UDP, &a, 31000 + BAD_HOP_PROBE_MS - 1));
	assert_false(bad_hops_is(bad, SIP_TR_UDP, &a, 31000 + BAD_HOP_PROBE_MS));
	assert_true(bad_hops_clear(bad, SIP_TR_UDP, &a));
	assert_false(bad_hops_clear(bad, SIP_TR_UDP, &a));
	assert_false(bad_hops_is(bad, SIP_TR_UDP, &a, 31000));
	bad_hops_set(bad, SIP_TR_UDP, &a, 1000, 0);
	assert_false(bad_hops_is(bad, SIP_TR_UDP, &a, 1000));
	bad_hops_destroy(&bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_brought_into_their_bounds),
		cmocka_unit_test(
			answers_are_found_by_name_and_type_until_their_time_is_over),
		cmocka_unit_test(old_answer_serves_while_no_server_answers),
		cmocka_unit_test(what_was_not_asked_for_longest_makes_room),
		cmocka_unit_test(answer_in_hand_outlives_the_table),
		cmocka_unit_test(threads_share_one_table),
		cmocka_unit_test(failed_hop_is_bad_for_its_time_and_then_tried_by_one),
	};
	return cmocka_run_group_tests_name("dns_cache", tests, NULL, NULL);
}
