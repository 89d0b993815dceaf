/* What nodes share of themselves and of relays, and a socket's bindings: every test runs against
 * each backend. */
#include "tests/unit/store_both.h"

/* Nodes */

static int beat(struct store_test *t, const char *name, unsigned load, unsigned life_ms)
{
	const struct store_node n = {.name = slice_str(name),
		.version = SLICE("0.1.0"),
		.sockets = SLICE("udp:198.51.100.7:5060 tcp:198.51.100.7:5060"),
		.started = 1700000000,
		.load = load};
	struct store_answer a = {0};

	return store_test_wait(
		t, &a, store_node_beat(t->h, &n, life_ms, store_test_done, &a));
}

static void nodes(struct store_test *t, struct store_nodes *out)
{
	struct store_answer a = {0};

	*out = (struct store_nodes){.arena = t->arena};
	assert_int_equal(
		store_test_wait(t, &a, store_nodes_get(t->h, out, store_test_done, &a)),
		0);
}

static void nodes_that_beat_are_listed_by_name(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_nodes got;

	nodes(t, &got);
	assert_int_equal(got.count, 0);
	assert_int_equal(beat(t, "edge2", 5, 60000), 0);
	assert_int_equal(beat(t, "edge1", 3, 60000), 0);
	assert_int_equal(beat(t, "edge 3 {x}", 0, 60000), 0);
	assert_int_equal(beat(t, "edge2", 6, 60000), 0);
	nodes(t, &got);
	assert_int_equal(got.count, 3);
	assert_slice_equal(got.list[0].name, "edge 3 {x}");
	assert_slice_equal(got.list[1].name, "edge1");
	assert_slice_equal(got.list[2].name, "edge2");
	assert_slice_equal(got.list[2].version, "0.1.0");
	assert_slice_equal(
		got.list[2].sockets, "udp:198.51.100.7:5060 tcp:198.51.100.7:5060");
	assert_int_equal(got.list[2].started, 1700000000);
	assert_int_equal(got.list[2].load, 6);
}

static void until_nodes(struct store_test *t, unsigned count)
{
	uint64_t end = clock_us() + 5000000;
	struct store_nodes got;

	do {
		loop_turn(t->loop, 10);
		nodes(t, &got);
	} while (got.count != count && clock_us() < end);
	assert_int_equal(got.count, count);
}

static void a_node_that_no_longer_beats_is_gone(void **state)
{
	struct store_test *t = store_both_test(state);

	assert_int_equal(beat(t, "edge1", 0, 60000), 0);
	assert_int_equal(beat(t, "edge2", 0, 50), 0);
	until_nodes(t, 1);
	assert_int_equal(beat(t, "edge2", 0, 60000), 0);
	until_nodes(t, 2);
}

/* Leases */

static struct slice take(
	struct store_test *t, const char *thing, const char *me, unsigned life_ms)
{
	struct store_answer a = {0};
	struct slice holder = SLICE("?");

	assert_int_equal(
		store_test_wait(t, &a,
			store_lease_take(t->h, slice_str(thing), slice_str(me), life_ms,
				t->arena, &holder, store_test_done, &a)),
		0);
	return holder;
}

static struct slice holder_of(struct store_test *t, const char *thing)
{
	struct store_answer a = {0};
	struct slice holder = SLICE("?");

	assert_int_equal(store_test_wait(t, &a,
				 store_lease_get(t->h, slice_str(thing), t->arena,
					 &holder, store_test_done, &a)),
		0);
	return holder;
}

static void drop(struct store_test *t, const char *thing, const char *me)
{
	struct store_answer a = {0};

	assert_int_equal(store_test_wait(t, &a,
				 store_lease_drop(t->h, slice_str(thing), slice_str(me),
					 store_test_done, &a)),
		0);
}

static void a_lease_has_one_holder(void **state)
{
	struct store_test *t = store_both_test(state);

	assert_slice_equal(holder_of(t, "udp:10.0.0.1:5060"), "");
	assert_slice_equal(take(t, "udp:10.0.0.1:5060", "edge1", 60000), "edge1");
	assert_slice_equal(take(t, "udp:10.0.0.1:5060", "edge2", 60000), "edge1");
	assert_slice_equal(take(t, "udp:10.0.0.1:5060", "edge1", 60000), "edge1");
	assert_slice_equal(holder_of(t, "udp:10.0.0.1:5060"), "edge1");
	assert_slice_equal(take(t, "odd {thing} %", "edge2", 60000), "edge2");
	assert_slice_equal(holder_of(t, "odd {thing} %"), "edge2");
}

static void a_lease_is_given_back_by_its_holder_alone(void **state)
{
	struct store_test *t = store_both_test(state);

	assert_slice_equal(take(t, "x", "edge1", 60000), "edge1");
	drop(t, "x", "edge2");
	assert_slice_equal(holder_of(t, "x"), "edge1");
	drop(t, "x", "edge1");
	assert_slice_equal(holder_of(t, "x"), "");
	drop(t, "x", "edge1");
	assert_slice_equal(take(t, "x", "edge2", 60000), "edge2");
}

static void a_lease_ends_by_itself_unless_renewed(void **state)
{
	struct store_test *t = store_both_test(state);
	uint64_t end = clock_us() + 5000000;

	assert_slice_equal(take(t, "long", "edge1", 50), "edge1");
	assert_slice_equal(take(t, "long", "edge1", 60000), "edge1");
	assert_slice_equal(take(t, "x", "edge1", 50), "edge1");
	while (!slice_eq(take(t, "x", "edge2", 60000), SLICE("edge2")) &&
		clock_us() < end)
		loop_turn(t->loop, 10);
	assert_slice_equal(holder_of(t, "x"), "edge2");
	assert_slice_equal(holder_of(t, "long"), "edge1");
}

/* Sets */

static int seed(
	struct store_test *t, const struct store_relay_weight *list, unsigned count)
{
	struct store_answer a = {0};

	return store_test_wait(
		t, &a, store_sets_seed(t->h, list, count, store_test_done, &a));
}

static void sets(struct store_test *t, struct store_sets *out)
{
	struct store_answer a = {0};

	*out = (struct store_sets){.arena = t->arena};
	assert_int_equal(
		store_test_wait(t, &a, store_sets_get(t->h, out, store_test_done, &a)),
		0);
}

static void assert_weight(
	const struct store_relay_weight *w, int64_t set, const char *url, int64_t weight)
{
	assert_int_equal(w->set, set);
	assert_slice_equal(w->url, url);
	assert_int_equal(w->weight, weight);
}

static void seeded_sets_come_by_number_and_url(void **state)
{
	struct store_test *t = store_both_test(state);
	const struct store_relay_weight list[] = {
		{10, SLICE("udp:127.0.0.1:22222"), 1},
		{2, SLICE("unix:/run/b.sock"), 0},
		{2, SLICE("tcp:127.0.0.1:1"), 5},
		{0, SLICE("udp6:[::1]:22222"), -1},
	};
	struct store_sets got;

	sets(t, &got);
	assert_int_equal(got.count, 0);
	assert_int_equal(seed(t, list, 4), 0);
	sets(t, &got);
	assert_int_equal(got.count, 4);
	assert_weight(&got.list[0], 0, "udp6:[::1]:22222", -1);
	assert_weight(&got.list[1], 2, "tcp:127.0.0.1:1", 5);
	assert_weight(&got.list[2], 2, "unix:/run/b.sock", 0);
	assert_weight(&got.list[3], 10, "udp:127.0.0.1:22222", 1);
}

static void a_seed_does_not_overwrite(void **state)
{
	struct store_test *t = store_both_test(state);
	const struct store_relay_weight first = {1, SLICE("udp:127.0.0.1:1"), -1};
	const struct store_relay_weight again[] = {
		{1, SLICE("udp:127.0.0.1:1"), 3}, {1, SLICE("udp:127.0.0.1:2"), 4}};
	struct store_sets got;

	assert_int_equal(seed(t, &first, 1), 0);
	assert_int_equal(seed(t, again, 2), 0);
	assert_int_equal(seed(t, again, 0), 0);
	sets(t, &got);
	assert_int_equal(got.count, 2);
	assert_weight(&got.list[0], 1, "udp:127.0.0.1:1", -1);
	assert_weight(&got.list[1], 1, "udp:127.0.0.1:2", 4);
}

static void as_many_relays_as_allowed_are_kept(void **state)
{
	struct store_test *t = store_both_test(state);
	static char urls[STORE_MAX_RELAYS][32];
	static struct store_relay_weight list[STORE_MAX_RELAYS + 1];
	struct store_sets got;
	struct store_answer a = {0};

	for (unsigned i = 0; i < STORE_MAX_RELAYS; i++) {
		(void)snprintf(urls[i], sizeof(urls[i]), "udp:127.0.0.1:%u", i + 1);
		list[i] = (struct store_relay_weight){
			(int64_t)(i % 200), slice_str(urls[i]), 1};
	}
	assert_int_equal(seed(t, list, STORE_MAX_RELAYS), 0);
	sets(t, &got);
	assert_int_equal(got.count, STORE_MAX_RELAYS);
	list[STORE_MAX_RELAYS] = list[0];
	assert_int_equal(
		store_sets_seed(t->h, list, STORE_MAX_RELAYS + 1, store_test_done, &a),
		-E2BIG);
}

/* Relays */

static void relays(struct store_test *t, const struct slice *urls, unsigned count,
	struct store_relays *out)
{
	struct store_answer a = {0};

	*out = (struct store_relays){.arena = t->arena};
	assert_int_equal(
		store_test_wait(t, &a,
			store_relays_get(t->h, urls, count, out, store_test_done, &a)),
		0);
}

static void an_unknown_relay_is_enabled(void **state)
{
	struct store_test *t = store_both_test(state);
	const struct slice urls[] = {SLICE("udp:127.0.0.1:1"), SLICE("odd {url} %")};
	struct store_relays got;

	relays(t, urls, 2, &got);
	assert_int_equal(got.count, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(slice_eq(got.list[i].url, urls[i]));
		assert_true(got.list[i].enabled);
		assert_slice_equal(got.list[i].state, "");
		assert_int_equal(got.list[i].disabled_until, 0);
		assert_slice_equal(got.list[i].last_error, "");
		assert_slice_equal(got.list[i].reported_by, "");
	}
	relays(t, urls, 0, &got);
	assert_int_equal(got.count, 0);
}

static void switch_and_report_do_not_touch_each_other(void **state)
{
	struct store_test *t = store_both_test(state);
	const struct slice urls[] = {SLICE("udp:127.0.0.1:2"), SLICE("udp:127.0.0.1:1")};
	struct store_relay r = {.url = urls[1],
		.enabled = true,
		.state = SLICE("down"),
		.disabled_until = 1700000060,
		.last_error = SLICE("no answer"),
		.reported_by = SLICE("edge2")};
	struct store_relays got;
	struct store_answer a[4] = {0};

	assert_int_equal(
		store_test_wait(t, &a[0],
			store_relay_enable(t->h, urls[1], false, store_test_done, &a[0])),
		0);
	assert_int_equal(store_test_wait(t, &a[1],
				 store_relay_report(t->h, &r, store_test_done, &a[1])),
		0);
	relays(t, urls, 2, &got);
	assert_int_equal(got.count, 2);
	assert_slice_equal(got.list[0].url, "udp:127.0.0.1:2");
	assert_true(got.list[0].enabled);
	assert_false(got.list[1].enabled);
	assert_slice_equal(got.list[1].state, "down");
	assert_int_equal(got.list[1].disabled_until, 1700000060);
	assert_slice_equal(got.list[1].last_error, "no answer");
	assert_slice_equal(got.list[1].reported_by, "edge2");
	assert_int_equal(
		store_test_wait(t, &a[2],
			store_relay_enable(t->h, urls[1], true, store_test_done, &a[2])),
		0);
	r = (struct store_relay){.url = urls[1], .state = SLICE("up")};
	assert_int_equal(store_test_wait(t, &a[3],
				 store_relay_report(t->h, &r, store_test_done, &a[3])),
		0);
	relays(t, urls, 2, &got);
	assert_true(got.list[1].enabled);
	assert_slice_equal(got.list[1].state, "up");
	assert_slice_equal(got.list[1].last_error, "");
	assert_int_equal(got.list[1].disabled_until, 0);
}

/* Bindings of a socket */

#define OURS "udp:198.51.100.7:5060"

static void save(struct store_test *t, const char *aor, const char *uri,
	const char *socket, uint32_t cseq, int64_t seconds)
{
	char id[17];
	struct store_contact c = store_test_contact(t, id, uri, seconds);
	struct store_update upd = store_test_register(t, "call-1", cseq, &c, 1);
	struct store_contacts out = {0};

	c.cseq = cseq;
	c.socket = slice_str(socket);
	upd.aor = slice_str(aor);
	assert_int_equal(store_test_update(t, &upd, &out), 0);
}

/* Pages of a socket's bindings; how often each of n users was seen. */
static unsigned scan_socket(
	struct store_test *t, const char *socket, unsigned *seen, unsigned n)
{
	struct store_page page = {.arena = t->arena};
	unsigned pages = 0, count = 0;

	do {
		struct store_answer a = {0};
		int err = store_bindings_scan(
			t->h, slice_str(socket), t->now, &page, store_test_done, &a);

		assert_int_equal(store_test_wait(t, &a, err), 0);
		for (unsigned i = 0; i < page.count; i++, count++) {
			unsigned user = 0;
			char aor[32];

			(void)snprintf(aor, sizeof(aor), "%.*s", SLICE_ARG(page.aors[i]));
			assert_int_equal(sscanf(aor, "user %u", &user), 1);
			assert_true(user < n);
			assert_slice_equal(page.contacts[i].socket, socket);
			assert_slice_equal(page.contacts[i].uri, "sip:x@10.0.0.2");
			seen[user]++;
		}
		assert_true(++pages < 1000);
	} while (page.cursor != 0);
	return count;
}

static void each_binding_is_found_at_its_socket(void **state)
{
	struct store_test *t = store_both_test(state);
	enum { USERS = 400 };
	static unsigned ours[USERS], others[USERS];
	char aor[32];

	memset(ours, 0, sizeof(ours));
	memset(others, 0, sizeof(others));
	for (unsigned i = 0; i < USERS; i++) {
		(void)snprintf(aor, sizeof(aor), "user %u", i);
		save(t, aor, "sip:x@10.0.0.2",
			i % 4 == 0 ? "tcp:198.51.100.7:5060" : OURS, 1, 60);
	}
	(void)scan_socket(t, OURS, ours, USERS);
	(void)scan_socket(t, "tcp:198.51.100.7:5060", others, USERS);
	for (unsigned i = 0; i < USERS; i++) {
		assert_true(i % 4 == 0 ? ours[i] == 0 : ours[i] >= 1);
		assert_true(i % 4 == 0 ? others[i] >= 1 : others[i] == 0);
	}
	assert_int_equal(scan_socket(t, "udp:192.0.2.1:5060", ours, USERS), 0);
}

static void expired_and_moved_bindings_are_not_found(void **state)
{
	struct store_test *t = store_both_test(state);
	unsigned seen[3] = {0};

	save(t, "user 0", "sip:x@10.0.0.2", OURS, 1, 1000);
	save(t, "user 1", "sip:x@10.0.0.2", OURS, 1, 2000);
	save(t, "user 2", "sip:x@10.0.0.2", OURS, 1, 2000);
	save(t, "user 2", "sip:x@10.0.0.2", "tcp:198.51.100.7:5060", 2, 2000);
	t->now += 1500;
	assert_int_equal(scan_socket(t, OURS, seen, 3), 1);
	assert_int_equal(seen[1], 1);
	assert_int_equal(scan_socket(t, "tcp:198.51.100.7:5060", seen, 3), 1);
	assert_int_equal(seen[2], 1);
}

static void a_socket_that_nobody_has_left(void **state)
{
	struct store_test *t = store_both_test(state);
	struct store_left left = {.arena = t->arena, .count = 99, .more = true};
	struct store_answer a = {0};

	save(t, "user 0", "sip:x@10.0.0.2", OURS, 1, 60);
	save(t, "user 0", "sip:x@10.0.0.2", OURS, 2, 120);
	assert_int_equal(
		store_test_wait(t, &a,
			store_left_get(t->h, SLICE(OURS), &left, store_test_done, &a)),
		0);
	assert_int_equal(left.count, 0);
	assert_false(left.more);
}

static void bad_arguments_are_refused_at_once(void **state)
{
	struct store_test *t = store_both_test(state);
	static char big[2000];
	const struct slice none = SLICE(""), some = SLICE("x"),
			   much = slice_make(big, sizeof(big));
	const struct store_node n = {.name = some};
	struct store_relay_weight w = {1, some, -2};
	struct store_relay r = {.url = some, .last_error = much};
	struct store_page page = {.arena = t->arena};
	struct store_relays out = {.arena = t->arena};
	struct store_left left = {.arena = t->arena};
	struct slice holder;
	struct store_answer a = {0};

	memset(big, 'x', sizeof(big));
	assert_int_equal(store_node_beat(t->h, &n, 0, store_test_done, &a), -EINVAL);
	assert_int_equal(store_lease_take(t->h, none, some, 1, t->arena, &holder,
				 store_test_done, &a),
		-EINVAL);
	assert_int_equal(store_lease_take(t->h, some, none, 1, t->arena, &holder,
				 store_test_done, &a),
		-EINVAL);
	assert_int_equal(store_lease_take(t->h, some, some, 0, t->arena, &holder,
				 store_test_done, &a),
		-EINVAL);
	assert_int_equal(
		store_lease_get(t->h, much, t->arena, &holder, store_test_done, &a),
		-ENAMETOOLONG);
	assert_int_equal(
		store_lease_drop(t->h, some, none, store_test_done, &a), -EINVAL);
	assert_int_equal(store_sets_seed(t->h, &w, 1, store_test_done, &a), -EINVAL);
	assert_int_equal(
		store_relays_get(t->h, &none, 1, &out, store_test_done, &a), -EINVAL);
	assert_int_equal(
		store_relay_enable(t->h, none, true, store_test_done, &a), -EINVAL);
	assert_int_equal(
		store_relay_report(t->h, &r, store_test_done, &a), -ENAMETOOLONG);
	assert_int_equal(
		store_bindings_scan(t->h, none, t->now, &page, store_test_done, &a),
		-EINVAL);
	assert_int_equal(store_left_get(t->h, none, &left, store_test_done, &a), -EINVAL);
	assert_int_equal(
		store_left_get(t->h, much, &left, store_test_done, &a), -ENAMETOOLONG);
	loop_turn(t->loop, 0);
	assert_int_equal(a.times, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(nodes_that_beat_are_listed_by_name),
		BOTH(a_node_that_no_longer_beats_is_gone),
		BOTH(a_lease_has_one_holder),
		BOTH(a_lease_is_given_back_by_its_holder_alone),
		BOTH(a_lease_ends_by_itself_unless_renewed),
		BOTH(seeded_sets_come_by_number_and_url),
		BOTH(a_seed_does_not_overwrite),
		BOTH(as_many_relays_as_allowed_are_kept),
		BOTH(an_unknown_relay_is_enabled),
		BOTH(switch_and_report_do_not_touch_each_other),
		BOTH(each_binding_is_found_at_its_socket),
		BOTH(expired_and_moved_bindings_are_not_found),
		BOTH(a_socket_that_nobody_has_left),
		BOTH(bad_arguments_are_refused_at_once),
	};
	return cmocka_run_group_tests_name(
		"store_shared", tests, store_both_start, store_both_stop);
}
