/* The redis backend's own: keys, logins, and a server that goes away. */
#include "tests/unit/redis_test.h"

static void redis_cli_shows_a_contact(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	char id[17], line[256], want[64];
	const char *got;

	store_contact_id(id, SLICE("sip:alice@10.0.0.2"), SLICE(""), SLICE(""));
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 4), 0);
	(void)snprintf(
		line, sizeof(line), "HGETALL 'pinhole:contact:{" ALICE "}:%s'", id);
	got = redis_server_cli(&r->server, line);
	assert_non_null(strstr(got, "uri\nsip:alice@10.0.0.2\n"));
	assert_non_null(strstr(got, "received\nsip:203.0.113.7:40312\n"));
	assert_non_null(strstr(got, "socket\nudp:198.51.100.7:5060\n"));
	assert_non_null(strstr(got, "callid\ncall-1\n"));
	assert_non_null(strstr(got, "cseq\n4\n"));
	assert_non_null(strstr(got, "flags\n64\n"));
	assert_non_null(strstr(got, "nated\n1\n"));
	assert_non_null(strstr(got, "node\nedge1\n"));
	(void)snprintf(
		line, sizeof(line), "EXPIRETIME 'pinhole:contact:{" ALICE "}:%s'", id);
	(void)snprintf(want, sizeof(want), "%lld\n", (long long)r->t.now + 60);
	assert_string_equal(redis_server_cli(&r->server, line), want);
	(void)snprintf(want, sizeof(want), "%s\n", id);
	assert_string_equal(
		redis_server_cli(&r->server, "SMEMBERS 'pinhole:aor:{" ALICE "}'"), want);
	(void)snprintf(line, sizeof(line), "{" ALICE "}:%s\n%lld\n", id,
		(long long)r->t.now + 60);
	assert_string_equal(
		redis_server_cli(&r->server,
			"ZRANGE pinhole:binding:udp:198.51.100.7:5060 0 -1 WITHSCORES"),
		line);
}

static void a_removed_contact_leaves_nothing_but_a_hint_that_expires(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	char id[17];
	struct store_contact c = store_test_contact(&r->t, id, "sip:alice@10.0.0.2", 0);
	struct store_update upd = store_test_register(&r->t, "call-1", 2, &c, 1);
	struct store_contacts out = {0};
	long ttl;

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	assert_int_equal(store_test_update(&r->t, &upd, &out), 0);
	redis_test_until_cli(r, "KEYS '*'", "pinhole:left:udp:198.51.100.7:5060\n");
	ttl = strtol(redis_server_cli(&r->server, "PTTL pinhole:left:udp:198.51.100.7:5060"),
		NULL, 10);
	assert_in_range(ttl, 1, 600000);
}

static void a_contact_that_moves_leaves_its_old_socket(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	char id[17];
	struct store_contact c = store_test_contact(&r->t, id, "sip:alice@10.0.0.2", 90);
	struct store_update upd = store_test_register(&r->t, "call-1", 2, &c, 1);
	struct store_contacts out = {0};

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	c.socket = SLICE("tcp:198.51.100.8:5060");
	assert_int_equal(store_test_update(&r->t, &upd, &out), 0);
	redis_test_until_cli(r, "ZCARD pinhole:binding:udp:198.51.100.7:5060", "0\n");
	redis_test_until_cli(r, "ZCARD pinhole:binding:tcp:198.51.100.8:5060", "1\n");
}

static void a_refused_contact_leaves_nothing_at_its_socket(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	char ids[2][17];
	struct store_contact c[2] = {
		store_test_contact(&r->t, ids[0], "sip:alice@10.0.0.2", 60),
		store_test_contact(&r->t, ids[1], "sip:alice@10.0.0.3", 60)};
	struct store_update upd = store_test_register(&r->t, "call-1", 2, c, 2);
	struct store_contacts out = {0};

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	upd.max_contacts = 1;
	assert_int_equal(store_test_update(&r->t, &upd, &out), -ENOSPC);
	redis_test_until_cli(r, "ZCARD pinhole:binding:udp:198.51.100.7:5060", "1\n");
	/* The same when it comes too late. */
	upd.max_contacts = 0;
	upd.cseq = 1;
	assert_int_equal(store_test_update(&r->t, &upd, &out), 0);
	assert_true(out.unchanged);
	redis_test_until_cli(r, "ZCARD pinhole:binding:udp:198.51.100.7:5060", "1\n");
	assert_non_null(
		strstr(redis_server_cli(&r->server,
			       "ZRANGE pinhole:binding:udp:198.51.100.7:5060 0 -1"),
			ids[0]));
}

static void expired_members_of_a_socket_are_cleaned_away(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	uint32_t cseq = 1;

	assert_string_equal(
		redis_server_cli(&r->server,
			"ZADD pinhole:binding:udp:198.51.100.7:5060 1000 old"),
		"1\n");
	for (unsigned i = 0; i < 70; i++)
		assert_int_equal(
			redis_test_save(r, ALICE, "sip:alice@10.0.0.2", cseq++), 0);
	redis_test_until_cli(r, "ZCARD pinhole:binding:udp:198.51.100.7:5060", "1\n");
}

static void redis_cli_shows_secret_and_node(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	const struct store_node n = {.name = SLICE("edge1"),
		.version = SLICE("0.1.0"),
		.sockets = SLICE("udp:198.51.100.7:5060"),
		.started = 1700000000,
		.load = 3};
	struct store_answer a[2] = {0};
	struct slice secret;
	long ttl;

	assert_int_equal(store_test_wait(&r->t, &a[0],
				 store_secret(r->t.h, r->t.arena, SLICE("abc"), &secret,
					 store_test_done, &a[0])),
		0);
	assert_string_equal(redis_server_cli(&r->server, "GET pinhole:secret"), "abc\n");
	assert_int_equal(
		store_test_wait(&r->t, &a[1],
			store_node_beat(r->t.h, &n, 30000, store_test_done, &a[1])),
		0);
	assert_string_equal(redis_server_cli(&r->server, "HGETALL pinhole:node:edge1"),
		"version\n0.1.0\nstarted\n1700000000\nsockets\nudp:198.51.100.7:"
		"5060\nload\n3\n");
	ttl = strtol(redis_server_cli(&r->server, "PTTL pinhole:node:edge1"), NULL, 10);
	assert_in_range(ttl, 20000, 30000);
}

static void tcp_and_a_database_number_work(void **state)
{
	struct redis_test *r = redis_test_of(state);
	struct store_conf conf;

	redis_server_start(&r->server);
	(void)snprintf(r->url, sizeof(r->url), "redis://127.0.0.1:%u/3", r->server.port);
	conf = redis_test_conf(r);
	store_test_open(&r->t, &conf);
	store_test_until_ready(&r->t, true);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	assert_string_equal(redis_server_cli(&r->server, "DBSIZE"), "0\n");
	assert_string_equal(redis_server_cli(&r->server, "-n 3 DBSIZE"), "3\n");
}

static bool have_ipv6(void)
{
	struct sockaddr_in6 in6 = {
		.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool have = fd >= 0 && bind(fd, (struct sockaddr *)&in6, sizeof(in6)) == 0;

	if (fd >= 0)
		close(fd);
	return have;
}

static void ipv6_works(void **state)
{
	struct redis_test *r = redis_test_of(state);
	struct store_conf conf;

	if (!have_ipv6()) {
		print_message("no IPv6 on this machine\n");
		skip();
	}
	r->server.extra[0] = "--bind";
	r->server.extra[1] = "::1";
	redis_server_start(&r->server);
	(void)snprintf(r->url, sizeof(r->url), "redis://[::1]:%u", r->server.port);
	conf = redis_test_conf(r);
	store_test_open(&r->t, &conf);
	store_test_until_ready(&r->t, true);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
}

static void a_password_opens_the_server(void **state)
{
	struct redis_test *r = redis_test_of(state);
	struct store_conf conf;

	r->server.extra[0] = "--requirepass";
	r->server.extra[1] = "s3 cr@t";
	redis_server_start(&r->server);
	(void)snprintf(r->url, sizeof(r->url), "redis://:s3%%20cr@t@127.0.0.1:%u",
		r->server.port);
	conf = redis_test_conf(r);
	store_test_open(&r->t, &conf);
	store_test_until_ready(&r->t, true);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
}

static void a_wrong_password_is_told_but_not_shown(void **state)
{
	struct redis_test *r = redis_test_of(state);
	struct store_conf conf;
	uint64_t end;
	unsigned lines;

	r->server.extra[0] = "--requirepass";
	r->server.extra[1] = "right";
	redis_server_start(&r->server);
	(void)snprintf(
		r->url, sizeof(r->url), "unix://%s?password=letmein", r->server.path);
	conf = redis_test_conf(r);
	store_test_open(&r->t, &conf);
	redis_test_until_logged(r, "WRONGPASS");
	assert_false(store_ready(r->t.h));
	assert_false(ph_test_log_has(&r->log, "letmein"));
	assert_null(strstr(store_describe(r->t.store), "letmein"));
	/* It goes on trying, in silence. */
	lines = r->log.count;
	end = clock_us() + 5000000;
	while (store_test_count("store_connections_lost") < 3 && clock_us() < end)
		loop_turn(r->t.loop, 20);
	assert_true(store_test_count("store_connections_lost") >= 3);
	assert_int_equal(r->log.count, lines);
}

static void an_acl_user_with_our_keys_alone_is_enough(void **state)
{
	struct redis_test *r = redis_test_of(state);
	struct store_answer a[3] = {0};
	struct store_page page = {0};
	struct store_contacts got = {0};
	struct slice secret;
	struct store_conf conf;
	unsigned removed = 0;

	redis_server_start(&r->server);
	assert_string_equal(
		redis_server_cli(&r->server,
			"ACL SETUSER edge on '>pw' '~pinhole:*' '+@all' '-@dangerous' "
			"'-@admin'"),
		"OK\n");
	(void)snprintf(
		r->url, sizeof(r->url), "redis://edge:pw@127.0.0.1:%u/0", r->server.port);
	conf = redis_test_conf(r);
	store_test_open(&r->t, &conf);
	store_test_until_ready(&r->t, true);
	assert_non_null(strstr(store_describe(r->t.store), "redis://edge@127.0.0.1:"));
	assert_null(strstr(store_describe(r->t.store), "pw"));
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	assert_int_equal(store_test_get(&r->t, ALICE, &got), 0);
	assert_int_equal(got.count, 1);
	page.arena = r->t.arena;
	assert_int_equal(store_test_wait(&r->t, &a[0],
				 store_contacts_scan(r->t.h, r->t.now, &page,
					 store_test_done, &a[0])),
		0);
	assert_int_equal(store_test_wait(&r->t, &a[1],
				 store_secret(r->t.h, r->t.arena, SLICE("abc"), &secret,
					 store_test_done, &a[1])),
		0);
	assert_int_equal(store_test_wait(&r->t, &a[2],
				 store_contacts_remove(r->t.h, SLICE(ALICE), SLICE(""),
					 &removed, store_test_done, &a[2])),
		0);
	assert_int_equal(removed, 1);
	assert_false(ph_test_log_has(&r->log, "NOPERM"));
}

static void a_server_that_comes_later_is_found(void **state)
{
	struct redis_test *r = redis_test_of(state);
	struct store_conf conf;

	redis_server_start(&r->server);
	redis_server_stop(&r->server);
	(void)snprintf(r->url, sizeof(r->url), "unix://%s", r->server.path);
	conf = redis_test_conf(r);
	store_test_open(&r->t, &conf);
	redis_test_until_logged(r, "cannot connect");
	assert_false(store_ready(r->t.h));
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), -ENOTCONN);
	redis_server_start(&r->server);
	store_test_until_ready(&r->t, true);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
}

static void a_killed_server_is_found_again(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_contacts got = {0};

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	redis_server_stop(&r->server);
	store_test_until_ready(&r->t, false);
	redis_test_until_logged(r, "connection lost");
	/* What this node saved is known, what it did not save cannot be denied; nothing is
	 * written. */
	assert_int_equal(store_test_get(&r->t, ALICE, &got), 0);
	assert_int_equal(got.count, 1);
	assert_slice_equal(got.list[0].uri, "sip:alice@10.0.0.2");
	assert_int_equal(store_test_get(&r->t, "bob@example.org", &got), -ENOTCONN);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.3", 2), -ENOTCONN);
	assert_int_equal(store_test_count("store_own_reads"), 1);
	redis_server_start(&r->server);
	store_test_until_ready(&r->t, true);
	/* The new server is empty, and it is the one that is asked. */
	assert_int_equal(store_test_get(&r->t, ALICE, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.3", 2), 0);
	assert_int_equal(store_test_get(&r->t, ALICE, &got), 0);
	assert_int_equal(got.count, 1);
}

static void pages_come_from_the_own_table_while_redis_is_away(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_page page = {.arena = r->t.arena};
	struct store_answer a = {0};

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	redis_server_stop(&r->server);
	store_test_until_ready(&r->t, false);
	assert_int_equal(
		store_contacts_scan(r->t.h, r->t.now, &page, store_test_done, &a), 0);
	assert_int_equal(page.count, 1);
	assert_slice_equal(page.aors[0], ALICE);
	assert_int_equal(page.cursor, 0);
}

static void a_paused_server_meets_the_deadline_and_is_used_again(void **state)
{
	struct redis_test *r = redis_test_connected_for(state, 300);
	struct store_contacts got = {0};
	uint64_t began;
	char want[256], id[17];

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	kill(r->server.pid, SIGSTOP);
	began = clock_us();
	assert_int_equal(
		redis_test_save(r, "bob@example.org", "sip:bob@10.0.0.3", 1), -ETIMEDOUT);
	assert_in_range(clock_us() - began, 300000, 2000000);
	/* From here on nobody waits in vain. */
	assert_false(store_ready(r->t.h));
	assert_int_equal(redis_test_save(r, "carol@example.org", "sip:carol@10.0.0.4", 1),
		-ENOTCONN);
	assert_int_equal(store_test_get(&r->t, ALICE, &got), 0);
	assert_int_equal(got.count, 1);
	kill(r->server.pid, SIGCONT);
	store_test_until_ready(&r->t, true);
	assert_int_equal(store_test_count("store_late"), 1);
	assert_int_equal(store_test_count("store_timeouts"), 1);
	assert_int_equal(store_test_count("store_pending"), 0);
	/* What had been sent was done, late; and once. */
	store_contact_id(id, SLICE("sip:bob@10.0.0.3"), SLICE(""), SLICE(""));
	(void)snprintf(want, sizeof(want), "%s\n", id);
	redis_test_until_cli(r, "SMEMBERS 'pinhole:aor:{bob@example.org}'", want);
}

static void a_lookup_that_times_out_is_answered_from_the_own_table(void **state)
{
	struct redis_test *r = redis_test_connected_for(state, 300);
	struct store_contacts got = {0}, none = {0};
	struct store_answer a[2] = {0};
	int err;

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	kill(r->server.pid, SIGSTOP);
	got.arena = none.arena = r->t.arena;
	err = store_contacts_get(r->t.h, SLICE("bob@example.org"), r->t.now, &none,
		store_test_done, &a[0]);
	assert_int_equal(err, -EINPROGRESS);
	err = store_contacts_get(
		r->t.h, SLICE(ALICE), r->t.now, &got, store_test_done, &a[1]);
	assert_int_equal(store_test_wait(&r->t, &a[1], err), 0);
	assert_int_equal(got.count, 1);
	if (a[0].times == 0)
		assert_int_equal(store_test_wait(&r->t, &a[0], -EINPROGRESS), -ETIMEDOUT);
	assert_int_equal(a[0].err, -ETIMEDOUT);
	kill(r->server.pid, SIGCONT);
}

static void a_server_that_stays_silent_is_connected_anew(void **state)
{
	struct redis_test *r = redis_test_connected_for(state, 300);

	kill(r->server.pid, SIGSTOP);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), -ETIMEDOUT);
	redis_test_until_logged(r, "no reply");
	kill(r->server.pid, SIGCONT);
	store_test_until_ready(&r->t, true);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 2), 0);
}

/* Something listens, but it is no Redis. */
static int open_impostor(struct redis_test *r)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(r->server.dir, sizeof(r->server.dir), "/tmp/ph-redis-XXXXXX");
	assert_non_null(mkdtemp(r->server.dir));
	(void)snprintf(
		r->server.path, sizeof(r->server.path), "%s/r.sock", r->server.dir);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", r->server.path);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(listen(fd, 8), 0);
	(void)snprintf(r->url, sizeof(r->url), "unix://%s", r->server.path);
	return fd;
}

static void a_server_that_does_not_greet_is_given_up(void **state)
{
	struct redis_test *r = *state;
	struct store_conf conf;
	int fd = open_impostor(r);

	conf = redis_test_conf(r);
	conf.connect_timeout = 100;
	store_test_open(&r->t, &conf);
	redis_test_until_logged(r, "no greeting: timed out");
	assert_false(store_ready(r->t.h));
	close(fd);
	unlink(r->server.path);
}

static void a_server_that_talks_something_else_is_given_up(void **state)
{
	struct redis_test *r = *state;
	struct store_conf conf;
	uint64_t end = clock_us() + 5000000;
	int fd = open_impostor(r), peer = -1;

	conf = redis_test_conf(r);
	store_test_open(&r->t, &conf);
	while (peer < 0 && clock_us() < end) {
		loop_turn(r->t.loop, 10);
		peer = accept(fd, NULL, NULL);
	}
	assert_true(peer >= 0);
	assert_int_equal(send(peer, "220 mail ready\r\n", 16, MSG_NOSIGNAL), 16);
	redis_test_until_logged(r, "Protocol error");
	assert_false(store_ready(r->t.h));
	close(peer);
	close(fd);
	unlink(r->server.path);
}

enum { SOME = 20 };

struct batch {
	char ids[SOME][17], aors[SOME][16];
	struct store_contact contacts[SOME];
	struct store_update updates[SOME];
	struct store_contacts results[SOME];
	struct store_answer answers[SOME];
};

static void start_batch(struct redis_test *r, struct batch *b)
{
	memset(b, 0, sizeof(*b));
	for (unsigned i = 0; i < SOME; i++) {
		(void)snprintf(b->aors[i], sizeof(b->aors[i]), "user%u", i);
		b->contacts[i] =
			store_test_contact(&r->t, b->ids[i], "sip:x@10.0.0.2", 60);
		b->updates[i] =
			store_test_register(&r->t, "call-1", 1, &b->contacts[i], 1);
		b->updates[i].aor = slice_str(b->aors[i]);
		b->results[i].arena = r->t.arena;
		assert_int_equal(store_contacts_update(r->t.h, &b->updates[i],
					 &b->results[i], store_test_done, &b->answers[i]),
			-EINPROGRESS);
	}
}

static void each_operation_fails_once_when_the_connection_is_lost(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	static struct batch b;

	kill(r->server.pid, SIGSTOP);
	start_batch(r, &b);
	loop_turn(r->t.loop, 0);
	redis_server_stop(&r->server);
	store_test_until_ready(&r->t, false);
	for (unsigned i = 0; i < SOME; i++) {
		assert_int_equal(b.answers[i].times, 1);
		assert_int_equal(b.answers[i].err, -ENOTCONN);
		assert_int_equal(b.results[i].count, 0);
	}
	assert_int_equal(store_test_count("store_pending"), 0);
}

static void closing_cancels_each_operation_once(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	static struct batch b;

	start_batch(r, &b);
	store_close(&r->t.h);
	for (unsigned i = 0; i < SOME; i++) {
		assert_int_equal(b.answers[i].times, 1);
		assert_int_equal(b.answers[i].err, -ECANCELED);
	}
	loop_turn(r->t.loop, 20);
	assert_int_equal(b.answers[0].times, 1);
	assert_int_equal(store_test_count("store_pending"), 0);
}

static void closing_after_a_deadline_is_clean(void **state)
{
	struct redis_test *r = redis_test_connected_for(state, 300);

	kill(r->server.pid, SIGSTOP);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), -ETIMEDOUT);
	store_close(&r->t.h);
	kill(r->server.pid, SIGCONT);
}

static void more_than_max_pending_are_refused(void **state)
{
	struct redis_test *r = redis_test_of(state);
	static struct batch b;
	struct store_conf conf;
	struct store_contacts got = {0};
	struct store_answer a = {0};

	redis_server_start(&r->server);
	(void)snprintf(r->url, sizeof(r->url), "unix://%s", r->server.path);
	conf = redis_test_conf(r);
	conf.max_pending = SOME;
	store_test_open(&r->t, &conf);
	store_test_until_ready(&r->t, true);
	start_batch(r, &b);
	got.arena = r->t.arena;
	assert_int_equal(store_contacts_get(r->t.h, SLICE(ALICE), r->t.now, &got,
				 store_test_done, &a),
		-EBUSY);
	assert_int_equal(store_test_wait(&r->t, &b.answers[SOME - 1], -EINPROGRESS), 0);
	assert_int_equal(store_test_get(&r->t, "user0", &got), 0);
	assert_int_equal(got.count, 1);
}

static void scripts_that_the_server_forgot_are_sent_again(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_answer a = {0};
	unsigned removed = 0;

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	assert_string_equal(redis_server_cli(&r->server, "SCRIPT FLUSH"), "OK\n");
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.3", 2), 0);
	assert_string_equal(redis_server_cli(&r->server, "SCRIPT FLUSH"), "OK\n");
	assert_int_equal(store_test_wait(&r->t, &a,
				 store_contacts_remove(r->t.h, SLICE(ALICE), SLICE(""),
					 &removed, store_test_done, &a)),
		0);
	assert_int_equal(removed, 2);
}

static void an_id_without_record_is_mended(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_contacts got = {0};
	char id[17], line[128], want[32];

	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.3", 2), 0);
	store_contact_id(id, SLICE("sip:alice@10.0.0.2"), SLICE(""), SLICE(""));
	(void)snprintf(line, sizeof(line), "DEL 'pinhole:contact:{" ALICE "}:%s'", id);
	assert_string_equal(redis_server_cli(&r->server, line), "1\n");
	assert_int_equal(store_test_get(&r->t, ALICE, &got), 0);
	assert_int_equal(got.count, 1);
	store_contact_id(id, SLICE("sip:alice@10.0.0.3"), SLICE(""), SLICE(""));
	(void)snprintf(want, sizeof(want), "%s\n", id);
	redis_test_until_cli(r, "SMEMBERS 'pinhole:aor:{" ALICE "}'", want);
}

static void spoilt_keys_do_no_harm(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_contacts got = {0};
	char id[17], line[160];

	store_contact_id(id, SLICE("sip:alice@10.0.0.2"), SLICE(""), SLICE(""));
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	(void)snprintf(line, sizeof(line),
		"HSET 'pinhole:contact:{" ALICE "}:%s' expires soon q 9999", id);
	assert_string_equal(redis_server_cli(&r->server, line), "0\n");
	assert_int_equal(store_test_get(&r->t, ALICE, &got), 0);
	assert_int_equal(got.count, 0);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 2), 0);
	assert_int_equal(store_test_get(&r->t, ALICE, &got), 0);
	assert_int_equal(got.count, 1);
	assert_string_equal(
		redis_server_cli(&r->server, "SET 'pinhole:aor:{bob@example.org}' text"),
		"OK\n");
	assert_int_equal(store_test_get(&r->t, "bob@example.org", &got), -EIO);
	assert_true(ph_test_log_has(&r->log, "WRONGTYPE"));
	assert_int_equal(
		redis_test_save(r, "bob@example.org", "sip:bob@10.0.0.3", 1), -EIO);
}

static void two_nodes_see_each_others_contacts(void **state)
{
	struct redis_test *r = redis_test_connected(state);
	struct store_handle *other = NULL;
	struct store_contacts got = {.arena = r->t.arena};
	struct store_answer a = {0};
	uint64_t end = clock_us() + 5000000;
	int err;

	assert_int_equal(store_open(&other, r->t.store, r->t.loop, NULL, 0), 0);
	while (!store_ready(other) && clock_us() < end)
		loop_turn(r->t.loop, 20);
	assert_int_equal(redis_test_save(r, ALICE, "sip:alice@10.0.0.2", 1), 0);
	err = store_contacts_get(
		other, SLICE(ALICE), r->t.now, &got, store_test_done, &a);
	assert_int_equal(store_test_wait(&r->t, &a, err), 0);
	assert_int_equal(got.count, 1);
	store_close(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(redis_cli_shows_a_contact),
		T(a_removed_contact_leaves_nothing_but_a_hint_that_expires),
		T(a_contact_that_moves_leaves_its_old_socket),
		T(a_refused_contact_leaves_nothing_at_its_socket),
		T(expired_members_of_a_socket_are_cleaned_away),
		T(redis_cli_shows_secret_and_node),
		T(tcp_and_a_database_number_work),
		T(ipv6_works),
		T(a_password_opens_the_server),
		T(a_wrong_password_is_told_but_not_shown),
		T(an_acl_user_with_our_keys_alone_is_enough),
		T(a_server_that_comes_later_is_found),
		T(a_killed_server_is_found_again),
		T(pages_come_from_the_own_table_while_redis_is_away),
		T(a_paused_server_meets_the_deadline_and_is_used_again),
		T(a_lookup_that_times_out_is_answered_from_the_own_table),
		T(a_server_that_stays_silent_is_connected_anew),
		T(a_server_that_does_not_greet_is_given_up),
		T(a_server_that_talks_something_else_is_given_up),
		T(each_operation_fails_once_when_the_connection_is_lost),
		T(closing_cancels_each_operation_once),
		T(closing_after_a_deadline_is_clean),
		T(more_than_max_pending_are_refused),
		T(scripts_that_the_server_forgot_are_sent_again),
		T(an_id_without_record_is_mended),
		T(spoilt_keys_do_no_harm),
		T(two_nodes_see_each_others_contacts),
	};
	return cmocka_run_group_tests_name("store_redis", tests, NULL, NULL);
}
