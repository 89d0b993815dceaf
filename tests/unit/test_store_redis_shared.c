/* Nodes, leases, sets, relays and a socket's bindings in Redis: what redis-cli shows and writes. */
#include "tests/unit/redis_test.h"

#define OURS    "udp:198.51.100.7:5060"
#define BINDING "pinhole:binding:" OURS

static const char *cli(struct redis_test *r, const char *command)
{
	return redis_server_cli(&r->server, command);
}

static void cli_says(struct redis_test *r, const char *command, const char *want)
{
	assert_string_equal(cli(r, command), want);
}

static int beat(struct redis_test *r, const char *name)
{
	const struct store_node n = {
		.name = slice_str(name), .version = SLICE("0.1.0"), .started = 1};
	struct store_answer a = {0};

	return store_test_wait(
		&r->t, &a, store_node_beat(r->t.h, &n, 30000, store_test_done, &a));
}

static int nodes(struct redis_test *r, struct store_nodes *out)
{
	struct store_answer a = {0};

	*out = (struct store_nodes){.arena = r->t.arena};
	return store_test_wait(
		&r->t, &a, store_nodes_get(r->t.h, out, store_test_done, &a));
}

static void the_list_of_nodes_loses_names_without_a_heartbeat(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_nodes got;

	assert_int_equal(beat(r, "edge1"), 0);
	cli_says(r, "ZADD pinhole:nodes 1700000000000 dead 99999999999999 future", "2\n");
	cli_says(r, "SET pinhole:node:text x", "OK\n");
	cli_says(r, "ZADD pinhole:nodes 5 text", "1\n");
	assert_int_equal(nodes(r, &got), 0);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.list[0].name, "edge1");
	redis_test_until_cli(r, "ZRANGE pinhole:nodes 0 -1", "edge1\n");
	/* A list that is lost is there again with the next beat. */
	cli_says(r, "DEL pinhole:nodes", "1\n");
	assert_int_equal(nodes(r, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(beat(r, "edge1"), 0);
	assert_int_equal(nodes(r, &got), 0);
	assert_int_equal(got.count, 1);
}

static void a_node_between_two_writes_stays_in_the_list(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_nodes got;

	assert_int_equal(beat(r, "edge1"), 0);
	cli_says(r, "DEL pinhole:node:edge1", "1\n");
	assert_int_equal(nodes(r, &got), 0);
	assert_int_equal(got.count, 0);
	cli_says(r, "ZCARD pinhole:nodes", "1\n");
}

static void spoilt_heartbeats_are_heartbeats(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_nodes got;

	assert_int_equal(beat(r, "edge1"), 0);
	cli_says(r, "HSET pinhole:node:edge1 started soon load -7", "0\n");
	cli_says(r, "HDEL pinhole:node:edge1 sockets", "1\n");
	assert_int_equal(nodes(r, &got), 0);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.list[0].started, 0);
	assert_int_equal(got.list[0].load, 0);
	assert_slice_equal(got.list[0].sockets, "");
	cli_says(r, "SET pinhole:nodes x", "OK\n");
	assert_int_equal(nodes(r, &got), -EIO);
}

static void the_list_is_bounded_and_live_nodes_come_first(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_nodes got;

	cli_says(r,
		"EVAL \"for i = 1, 1000 do redis.call('ZADD', KEYS[1], i, 'n' .. i) "
		"end\" 1 pinhole:nodes",
		"\n");
	assert_int_equal(beat(r, "edge1"), 0);
	assert_int_equal(nodes(r, &got), 0);
	assert_int_equal(got.count, 1);
}

static void redis_cli_shows_a_lease(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_answer a[2] = {0};
	struct slice holder;
	long ttl;

	assert_int_equal(
		store_test_wait(&r->t, &a[0],
			store_lease_take(r->t.h, SLICE("ping:" OURS), SLICE("edge1"),
				30000, r->t.arena, &holder, store_test_done, &a[0])),
		0);
	cli_says(r, "GET pinhole:lease:ping:" OURS, "edge1\n");
	ttl = strtol(cli(r, "PTTL pinhole:lease:ping:" OURS), NULL, 10);
	assert_in_range(ttl, 20000, 30000);
	cli_says(r, "DEL pinhole:lease:ping:" OURS, "1\n");
	cli_says(r, "RPUSH pinhole:lease:ping:" OURS " x", "1\n");
	assert_int_equal(
		store_test_wait(&r->t, &a[1],
			store_lease_take(r->t.h, SLICE("ping:" OURS), SLICE("edge1"),
				30000, r->t.arena, &holder, store_test_done, &a[1])),
		-EIO);
}

/* Sets */

static int sets(struct redis_test *r, struct store_sets *out)
{
	struct store_answer a = {0};

	*out = (struct store_sets){.arena = r->t.arena};
	return store_test_wait(
		&r->t, &a, store_sets_get(r->t.h, out, store_test_done, &a));
}

static int seed(struct redis_test *r, int64_t set, const char *url, int64_t weight)
{
	const struct store_relay_weight w = {set, slice_str(url), weight};
	struct store_answer a = {0};

	return store_test_wait(
		&r->t, &a, store_sets_seed(r->t.h, &w, 1, store_test_done, &a));
}

static void redis_cli_shows_and_changes_a_set(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_sets got;

	assert_int_equal(seed(r, 1, "udp:127.0.0.1:22222", 2), 0);
	cli_says(r, "HGETALL pinhole:rtpp:set:1", "udp:127.0.0.1:22222\n2\n");
	cli_says(r, "SMEMBERS pinhole:rtpp:sets", "1\n");
	cli_says(r, "HSET pinhole:rtpp:set:1 udp:10.0.0.9:22222 1 udp:127.0.0.1:22222 -1",
		"1\n");
	assert_int_equal(sets(r, &got), 0);
	assert_int_equal(got.count, 2);
	assert_slice_equal(got.list[0].url, "udp:10.0.0.9:22222");
	assert_int_equal(got.list[0].weight, 1);
	assert_int_equal(got.list[1].weight, -1);
	cli_says(r, "HDEL pinhole:rtpp:set:1 udp:10.0.0.9:22222", "1\n");
	assert_int_equal(sets(r, &got), 0);
	assert_int_equal(got.count, 1);
}

static void a_set_whose_number_nobody_knows_is_found(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_sets got;
	uint64_t end = clock_us() + 10000000;

	/* Among many keys that are none of it. */
	cli_says(r,
		"EVAL \"for i = 1, 3000 do redis.call('SET', 'pinhole:x' .. i, 1) end\" "
		"0",
		"\n");
	cli_says(r, "HSET pinhole:rtpp:set:77 udp:10.0.0.9:22222 1", "1\n");
	cli_says(r, "HSET pinhole:rtpp:set:078 udp:10.0.0.9:22222 1", "1\n");
	cli_says(r, "HSET pinhole:rtpp:set:x udp:10.0.0.9:22222 1", "1\n");
	do
		assert_int_equal(sets(r, &got), 0);
	while (got.count == 0 && clock_us() < end);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.list[0].set, 77);
	/* From now on all nodes see it at once. */
	redis_test_until_cli(r, "SMEMBERS pinhole:rtpp:sets", "77\n");
	assert_int_equal(sets(r, &got), 0);
	assert_int_equal(got.count, 1);
}

static void seeded_sets_are_read_when_the_index_is_lost(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_sets got;

	assert_int_equal(seed(r, 3, "udp:127.0.0.1:22222", 1), 0);
	cli_says(r, "SET pinhole:rtpp:sets text", "OK\n");
	assert_int_equal(sets(r, &got), 0);
	assert_int_equal(got.count, 1);
	cli_says(r, "DEL pinhole:rtpp:sets", "1\n");
	assert_int_equal(sets(r, &got), 0);
	assert_int_equal(got.count, 1);
}

static void spoilt_sets_do_no_harm(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_sets got;

	assert_int_equal(seed(r, 1, "udp:127.0.0.1:22222", 1), 0);
	cli_says(r,
		"HSET pinhole:rtpp:set:1 udp:10.0.0.1:1 heavy udp:10.0.0.2:1 -2 "
		"udp:10.0.0.3:1 1.5 '' 1",
		"4\n");
	cli_says(r, "SADD pinhole:rtpp:sets x 007 2 -0", "4\n");
	cli_says(r, "SET pinhole:rtpp:set:2 text", "OK\n");
	assert_int_equal(sets(r, &got), 0);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.list[0].url, "udp:127.0.0.1:22222");
	assert_true(ph_test_log_has(&r->log, "weight") ||
		ph_test_log_has(&r->log, "rtpp:sets"));
}

static void more_relays_than_allowed_are_an_error(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_sets got;

	assert_int_equal(seed(r, 1, "udp:127.0.0.1:22222", 1), 0);
	cli_says(r,
		"EVAL \"for i = 1, 1024 do redis.call('HSET', KEYS[1], 'udp:10.0.0.1:' "
		".. i, 1) end\" 1 pinhole:rtpp:set:1",
		"\n");
	got.count = 99;
	assert_int_equal(sets(r, &got), -E2BIG);
}

static void redis_cli_shows_and_changes_a_relay(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	const struct slice url = SLICE("udp:127.0.0.1:22222");
	const struct store_relay rep = {.url = url,
		.state = SLICE("down"),
		.disabled_until = 60,
		.last_error = SLICE("no answer"),
		.reported_by = SLICE("edge1")};
	struct store_relays got = {.arena = r->t.arena};
	static const struct {
		const char *text;
		bool on;
	} words[] = {{"0", false}, {"1", true}, {"no", false}, {"ON", true},
		{"false", false}, {"' off '", false}, {"maybe", true}, {"''", true}};
	char line[160];

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct store_answer a[2] = {0};

		assert_int_equal(
			store_test_wait(&r->t, &a[0],
				store_relay_report(r->t.h, &rep, store_test_done, &a[0])),
			0);
		(void)snprintf(line, sizeof(line),
			"HSET pinhole:rtpp:relay:udp:127.0.0.1:22222 enabled %s "
			"disabled_until x",
			words[i].text);
		(void)cli(r, line);
		assert_int_equal(store_test_wait(&r->t, &a[1],
					 store_relays_get(r->t.h, &url, 1, &got,
						 store_test_done, &a[1])),
			0);
		assert_int_equal(got.list[0].enabled, words[i].on);
		assert_slice_equal(got.list[0].last_error, "no answer");
		assert_int_equal(got.list[0].disabled_until, 0);
	}
	cli_says(r, "HGETALL pinhole:rtpp:relay:udp:127.0.0.1:22222",
		"state\ndown\ndisabled_until\nx\nlast_error\nno "
		"answer\nreported_by\nedge1\nenabled\n\n");
}

/* Bindings */

static int bindings(struct redis_test *r, struct store_page *page)
{
	struct store_answer a = {0};

	return store_test_wait(&r->t, &a,
		store_bindings_scan(
			r->t.h, SLICE(OURS), r->t.now, page, store_test_done, &a));
}

static void entries_that_name_nothing_leave_the_socket(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_page page = {.arena = r->t.arena};
	char id[17], want[96], line[160];

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	store_contact_id(id, SLICE("sip:alice@10.0.0.2"), SLICE(""), SLICE(""));
	(void)snprintf(line, sizeof(line),
		"ZADD " BINDING
		" %lld '{gone@example.org}:1' %lld nonsense inf '{a' 5 old",
		(long long)r->t.now + 60, (long long)r->t.now + 60);
	cli_says(r, line, "4\n");
	assert_int_equal(bindings(r, &page), 0);
	assert_int_equal(page.count, 1);
	assert_slice_equal(page.aors[0], ALICE);
	(void)snprintf(want, sizeof(want), "{" ALICE "}:%s\n", id);
	redis_test_until_cli(r, "ZRANGE " BINDING " 0 -1", want);
	/* One that says it is at another socket. */
	(void)snprintf(line, sizeof(line),
		"HSET 'pinhole:contact:{" ALICE "}:%s' socket udp:192.0.2.1:5060", id);
	cli_says(r, line, "0\n");
	page.cursor = 0;
	assert_int_equal(bindings(r, &page), 0);
	assert_int_equal(page.count, 0);
	redis_test_until_cli(r, "ZCARD " BINDING, "0\n");
}

static void spoilt_bindings_do_no_harm(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_page page = {.arena = r->t.arena};
	char id[17], line[160];

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	store_contact_id(id, SLICE("sip:alice@10.0.0.2"), SLICE(""), SLICE(""));
	(void)snprintf(line, sizeof(line),
		"HSET 'pinhole:contact:{" ALICE "}:%s' expires soon", id);
	cli_says(r, line, "0\n");
	assert_int_equal(bindings(r, &page), 0);
	assert_int_equal(page.count, 0);
	cli_says(r, "ZCARD " BINDING, "1\n");
	(void)snprintf(line, sizeof(line), "SET 'pinhole:contact:{" ALICE "}:%s' x", id);
	cli_says(r, line, "OK\n");
	page.cursor = 0;
	assert_int_equal(bindings(r, &page), 0);
	cli_says(r, "SET " BINDING " x", "OK\n");
	page.cursor = 0;
	assert_int_equal(bindings(r, &page), -EIO);
}

/* Pings go on while Redis is away; a scan under way begins anew on the other side. */
static void bindings_come_from_the_own_table_while_redis_is_away(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	enum { USERS = 300 };
	unsigned seen[USERS] = {0};
	struct store_page page = {.arena = r->t.arena};
	unsigned pages = 0;
	char aor[32];

	for (unsigned i = 0; i < USERS; i++) {
		(void)snprintf(aor, sizeof(aor), "user%u", i);
		assert_int_equal(redis_test_save(r, aor, "sip:x@10.0.0.2", 1), 0);
	}
	assert_int_equal(bindings(r, &page), 0);
	assert_int_not_equal(page.cursor, 0);
	redis_server_stop(&r->server);
	store_test_until_ready(&r->t, false);
	do {
		assert_int_equal(bindings(r, &page), 0);
		for (unsigned i = 0; i < page.count; i++) {
			unsigned user = USERS;

			(void)snprintf(aor, sizeof(aor), "%.*s", SLICE_ARG(page.aors[i]));
			assert_int_equal(sscanf(aor, "user%u", &user), 1);
			seen[user]++;
		}
		assert_true(++pages < 100);
	} while (page.cursor != 0 && pages < 2);
	assert_int_not_equal(page.cursor, 0);
	/* Redis is back, with nothing in it: it is the one that is asked. */
	redis_server_start(&r->server);
	store_test_until_ready(&r->t, true);
	assert_int_equal(bindings(r, &page), 0);
	assert_int_equal(page.count, 0);
	assert_int_equal(page.cursor, 0);
	redis_server_stop(&r->server);
	store_test_until_ready(&r->t, false);
	page.cursor = 0;
	memset(seen, 0, sizeof(seen));
	do {
		assert_int_equal(bindings(r, &page), 0);
		for (unsigned i = 0; i < page.count; i++) {
			unsigned user = USERS;

			(void)snprintf(aor, sizeof(aor), "%.*s", SLICE_ARG(page.aors[i]));
			assert_int_equal(sscanf(aor, "user%u", &user), 1);
			seen[user]++;
		}
	} while (page.cursor != 0);
	for (unsigned i = 0; i < USERS; i++)
		assert_int_equal(seen[i], 1);
}

static void a_scan_that_times_out_is_answered_from_the_own_table(void **state)
{
	struct redis_test *r = redis_test_connected_for(state, 300);
	struct store_page page = {.arena = r->t.arena};

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	kill(r->server.pid, SIGSTOP);
	assert_int_equal(bindings(r, &page), 0);
	assert_int_equal(page.count, 1);
	assert_int_equal(store_test_count("store_own_reads"), 1);
	kill(r->server.pid, SIGCONT);
}

/* Who has left a socket: another node (a handle of its own) writes, this one asks. */

#define THEIRS "udp:192.0.2.1:5060"
#define LEFT   "pinhole:left:" OURS

static void left_from(struct redis_test *r, struct store_left *left, int want)
{
	struct store_answer a = {0};

	left->arena = r->t.arena;
	assert_int_equal(
		store_test_wait(&r->t, &a,
			store_left_get(r->t.h, SLICE(OURS), left, store_test_done, &a)),
		want);
}

/* What is told comes behind the answer to the write. */
static void until_left(struct redis_test *r, struct store_left *left, unsigned count)
{
	uint64_t end = clock_us() + 5000000;

	do {
		loop_turn(r->t.loop, 5);
		left_from(r, left, 0);
	} while (left->count == 0 && count > 0 && clock_us() < end);
	assert_int_equal(left->count, count);
}

static struct store_test other_node(struct redis_test *r)
{
	struct store_test other = r->t;

	assert_int_equal(
		store_open(&other.h, r->t.store, r->t.loop, r->t.counters, r->t.first),
		0);
	store_test_until_ready(&other, true);
	return other;
}

/* seconds 0: a removal */
static void register_at(struct store_test *t, const char *aor, const char *socket,
	uint32_t cseq, int64_t seconds)
{
	char id[17];
	struct store_contact c = store_test_contact(t, id, "sip:x@10.0.0.2", seconds);
	struct store_update upd = store_test_register(t, "call-1", cseq, &c, 1);
	struct store_contacts out = {0};

	c.cseq = cseq;
	c.socket = slice_str(socket);
	upd.aor = slice_str(aor);
	assert_int_equal(store_test_update(t, &upd, &out), 0);
}

static void who_moves_away_has_left(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_test other = other_node(r);
	struct store_left left = {0};
	char id[17];
	long ttl;

	register_at(&r->t, "odd {x} %", OURS, 1, 60);
	register_at(&r->t, ALICE, OURS, 1, 60);
	register_at(&other, ALICE, OURS, 2, 120); /* stays: the node is no matter */
	until_left(r, &left, 0);
	register_at(&other, "odd {x} %", THEIRS, 2, 60);
	until_left(r, &left, 1);
	store_contact_id(id, SLICE("sip:x@10.0.0.2"), SLICE(""), SLICE(""));
	assert_slice_equal(left.list[0].aor, "odd {x} %");
	assert_slice_equal(left.list[0].id, id);
	assert_false(left.more);
	ttl = strtol(cli(r, "PTTL " LEFT), NULL, 10);
	assert_in_range(ttl, 500000, 600000);
	/* It is told once to who goes on with the cursor, and not at the new socket. */
	until_left(r, &left, 0);
	register_at(&other, "odd {x} %", THEIRS, 3, 60);
	until_left(r, &left, 0);
	cli_says(r, "EXISTS pinhole:left:" THEIRS, "0\n");
	register_at(&other, ALICE, THEIRS, 3, 60);
	until_left(r, &left, 1);
	assert_slice_equal(left.list[0].aor, ALICE);
	left.cursor[0] = '\0';
	until_left(r, &left, 2);
	store_close(&other.h);
}

static void who_is_removed_has_left(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_test other = other_node(r);
	struct store_left left = {0};
	struct store_update star = store_test_register(&r->t, "call-1", 2, NULL, 0);
	struct store_contacts out = {0};
	struct store_answer a = {0};
	unsigned removed = 0;

	register_at(&r->t, ALICE, OURS, 1, 60);
	register_at(&r->t, "bob", OURS, 1, 60);
	register_at(&r->t, "carol", OURS, 1, 60);
	register_at(&other, "bob", THEIRS, 2, 0);
	until_left(r, &left, 1);
	assert_slice_equal(left.list[0].aor, "bob");
	star.remove_all = true;
	assert_int_equal(store_test_update(&other, &star, &out), 0);
	until_left(r, &left, 1);
	assert_slice_equal(left.list[0].aor, ALICE);
	assert_int_equal(store_test_wait(&other, &a,
				 store_contacts_remove(other.h, SLICE("carol"), SLICE(""),
					 &removed, store_test_done, &a)),
		0);
	assert_int_equal(removed, 1);
	until_left(r, &left, 1);
	assert_slice_equal(left.list[0].aor, "carol");
	store_close(&other.h);
}

static void a_refused_register_has_moved_nobody(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_left left = {0};

	register_at(&r->t, ALICE, OURS, 5, 60);
	register_at(&r->t, ALICE, THEIRS, 4, 60); /* an old CSeq */
	until_left(r, &left, 0);
}

static void those_who_have_left_are_bounded_and_read_by_pages(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_left left = {0};
	unsigned count = 0;

	cli_says(r,
		"EVAL \"for i = 1, 10500 do redis.call('XADD', KEYS[1], '*', 'contact', "
		"'{u' .. i .. '}:1') end\" 1 " LEFT,
		"\n");
	register_at(&r->t, ALICE, OURS, 1, 60);
	register_at(&r->t, ALICE, THEIRS, 2, 60);
	redis_test_until_cli(r, "XLEN " LEFT, "10000\n");
	do {
		arena_reset(r->t.arena);
		left_from(r, &left, 0);
		if (count == 0)
			assert_slice_equal(left.list[0].aor, "u502");
		count += left.count;
		assert_int_equal(left.more, left.count == STORE_MAX_LEFT);
	} while (left.more);
	assert_int_equal(count, STORE_LEFT_KEPT);
	assert_slice_equal(left.list[left.count - 1].aor, ALICE);
}

static void entries_that_are_none_of_ours_are_passed_over(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_left left = {0};

	cli_says(r, "XADD " LEFT " 1-1 contact nonsense", "1-1\n");
	cli_says(r, "XADD " LEFT " 1-2 contact '{a'", "1-2\n");
	cli_says(r, "XADD " LEFT " 1-3 contact ''", "1-3\n");
	cli_says(r, "XADD " LEFT " 1-4 contact '{a}:1' more x", "1-4\n");
	cli_says(r,
		"EVAL \"redis.call('XADD', KEYS[1], '1-5', 'contact', '{' .. "
		"string.rep('a', 3000000) .. '}:1')\" 1 " LEFT,
		"\n");
	cli_says(r, "XADD " LEFT " 1-6 contact '{good}:1'", "1-6\n");
	cli_says(r, "XADD " LEFT " 1-7 contact '{a%7}:1'", "1-7\n");
	left_from(r, &left, 0);
	assert_int_equal(left.count, 1);
	assert_slice_equal(left.list[0].aor, "good");
	assert_string_equal(left.cursor, "1-7");
	left_from(r, &left, 0);
	assert_int_equal(left.count, 0);
}

static void what_takes_no_more_entries_gives_way(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_left left = {0};

	register_at(&r->t, ALICE, OURS, 1, 60);
	cli_says(r, "SET " LEFT " x", "OK\n");
	left_from(r, &left, -EIO);
	register_at(&r->t, ALICE, THEIRS, 2, 60);
	redis_test_until_cli(r, "TYPE " LEFT, "stream\n");
	until_left(r, &left, 1);
	/* The last ID there is: no other can follow it. */
	register_at(&r->t, ALICE, OURS, 3, 60);
	cli_says(r,
		"XADD " LEFT
		" 18446744073709551615-18446744073709551615 contact '{end}:1'",
		"18446744073709551615-18446744073709551615\n");
	until_left(r, &left, 1);
	left_from(r, &left, -EIO); /* begin again */
	register_at(&r->t, ALICE, THEIRS, 4, 60);
	redis_test_until_cli(r, "XLEN " LEFT, "1\n");
	left.cursor[0] = '\0';
	until_left(r, &left, 1);
	assert_slice_equal(left.list[0].aor, ALICE);
}

/* One of each kind of operation. */
enum { KINDS = 10 };

struct batch {
	struct store_node n;
	struct store_relay rep;
	struct store_relay_weight w;
	struct slice url, holders[2];
	struct store_nodes nodes;
	struct store_sets sets;
	struct store_relays relays;
	struct store_left left;
	struct store_answer answers[KINDS];
};

static void start_batch(struct redis_test *r, struct batch *b)
{
	struct store_handle *h = r->t.h;
	struct arena *arena = r->t.arena;
	int err[KINDS];
	unsigned n = 0;

	memset(b, 0, sizeof(*b));
	b->url = SLICE("udp:127.0.0.1:22222");
	b->n = (struct store_node){.name = SLICE("edge1")};
	b->rep = (struct store_relay){.url = b->url};
	b->w = (struct store_relay_weight){1, b->url, 1};
	b->nodes.arena = b->sets.arena = b->relays.arena = b->left.arena = arena;
#define START(call) err[n] = call, n++
	START(store_node_beat(h, &b->n, 1000, store_test_done, &b->answers[n]));
	START(store_nodes_get(h, &b->nodes, store_test_done, &b->answers[n]));
	START(store_lease_take(h, SLICE("x"), SLICE("edge1"), 1000, arena, &b->holders[0],
		store_test_done, &b->answers[n]));
	START(store_lease_get(
		h, SLICE("x"), arena, &b->holders[1], store_test_done, &b->answers[n]));
	START(store_lease_drop(
		h, SLICE("x"), SLICE("edge1"), store_test_done, &b->answers[n]));
	START(store_sets_seed(h, &b->w, 1, store_test_done, &b->answers[n]));
	START(store_sets_get(h, &b->sets, store_test_done, &b->answers[n]));
	START(store_relays_get(
		h, &b->url, 1, &b->relays, store_test_done, &b->answers[n]));
	START(store_relay_report(h, &b->rep, store_test_done, &b->answers[n]));
	START(store_left_get(h, SLICE(OURS), &b->left, store_test_done, &b->answers[n]));
#undef START
	for (unsigned i = 0; i < KINDS; i++)
		assert_int_equal(err[i], -EINPROGRESS);
}

static void all_answered(const struct batch *b, int err)
{
	for (unsigned i = 0; i < KINDS; i++) {
		assert_int_equal(b->answers[i].times, 1);
		assert_int_equal(b->answers[i].err, err);
	}
	assert_int_equal(store_test_count("store_pending"), 0);
}

static void each_operation_fails_once_when_redis_is_killed(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	static struct batch b;

	kill(r->server.pid, SIGSTOP);
	start_batch(r, &b);
	loop_turn(r->t.loop, 0);
	redis_server_stop(&r->server);
	store_test_until_ready(&r->t, false);
	all_answered(&b, -ENOTCONN);
}

static void each_operation_meets_its_deadline_when_redis_hangs(void **state)
{
	struct redis_test *r = redis_test_connected_for(state, 300);
	static struct batch b;
	uint64_t end = clock_us() + 5000000;

	kill(r->server.pid, SIGSTOP);
	start_batch(r, &b);
	while (store_test_count("store_pending") != 0 && clock_us() < end)
		loop_turn(r->t.loop, 10);
	all_answered(&b, -ETIMEDOUT);
	kill(r->server.pid, SIGCONT);
	store_test_until_ready(&r->t, true);
	loop_turn(r->t.loop, 20);
	all_answered(&b, -ETIMEDOUT);
}

static void closing_cancels_each_operation_once(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	static struct batch b;

	start_batch(r, &b);
	store_close(&r->t.h);
	all_answered(&b, -ECANCELED);
	loop_turn(r->t.loop, 20);
	all_answered(&b, -ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_list_of_nodes_loses_names_without_a_heartbeat),
		T(a_node_between_two_writes_stays_in_the_list),
		T(spoilt_heartbeats_are_heartbeats),
		T(the_list_is_bounded_and_live_nodes_come_first),
		T(redis_cli_shows_a_lease),
		T(redis_cli_shows_and_changes_a_set),
		T(a_set_whose_number_nobody_knows_is_found),
		T(seeded_sets_are_read_when_the_index_is_lost),
		T(spoilt_sets_do_no_harm),
		T(more_relays_than_allowed_are_an_error),
		T(redis_cli_shows_and_changes_a_relay),
		T(entries_that_name_nothing_leave_the_socket),
		T(spoilt_bindings_do_no_harm),
		T(bindings_come_from_the_own_table_while_redis_is_away),
		T(a_scan_that_times_out_is_answered_from_the_own_table),
		T(who_moves_away_has_left),
		T(who_is_removed_has_left),
		T(a_refused_register_has_moved_nobody),
		T(those_who_have_left_are_bounded_and_read_by_pages),
		T(entries_that_are_none_of_ours_are_passed_over),
		T(what_takes_no_more_entries_gives_way),
		T(each_operation_fails_once_when_redis_is_killed),
		T(each_operation_meets_its_deadline_when_redis_hangs),
		T(closing_cancels_each_operation_once),
	};
	return cmocka_run_group_tests_name("store_redis_shared", tests, NULL, NULL);
}
