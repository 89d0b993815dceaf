/* The pure parts of the store: URL, keys, replies, ids. */
#include "tests/unit/ph_test.h"

#include <fcntl.h>
#include <unistd.h>

#include "storage/dialog_heap.h"
#include "storage/dialog_table.h"
#include "storage/redis_keys.h"
#include "storage/redis_parse.h"
#include "storage/redis_target.h"
#include "storage/store_relay.h"
#include "storage/store_script.h"

static char hosts[64];

static int write_hosts(void **state)
{
	static const char text[] = "127.0.0.1 localhost\n# 192.0.2.1 commented\n"
				   "192.0.2.7\tredis.internal redis # the store\n"
				   "2001:db8::7 redis6\nnonsense\n";
	int fd;

	(void)state;
	(void)snprintf(hosts, sizeof(hosts), "/tmp/ph-hosts-XXXXXX");
	fd = mkstemp(hosts);
	if (fd < 0 || write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1)
		return -1;
	close(fd);
	return 0;
}

static int remove_hosts(void **state)
{
	(void)state;
	unlink(hosts);
	return 0;
}

static int parse(struct redis_target **t, const char *url, char why[256])
{
	why[0] = '\0';
	return redis_target_new(t, url, hosts, why);
}

static void check_url(
	const char *url, const char *host, unsigned port, unsigned db, const char *text)
{
	struct redis_target *t = NULL;
	char why[256], *described;

	if (parse(&t, url, why) != 0)
		fail_msg("%s: %s", url, why);
	assert_string_equal(t->host, host);
	assert_int_equal(t->port, port);
	assert_int_equal(t->db, db);
	described = redis_target_describe(t);
	assert_string_equal(described, text);
	free(described);
	redis_target_destroy(&t);
}

static void tcp_urls_name_host_port_and_database(void **state)
{
	(void)state;
	check_url("redis://127.0.0.1", "127.0.0.1", 6379, 0, "redis://127.0.0.1:6379/0");
	check_url("redis://127.0.0.1:7000/", "127.0.0.1", 7000, 0,
		"redis://127.0.0.1:7000/0");
	check_url("REDIS://127.0.0.1:7000/5", "127.0.0.1", 7000, 5,
		"redis://127.0.0.1:7000/5");
	check_url("redis://[2001:db8::1]:7000/5", "2001:db8::1", 7000, 5,
		"redis://[2001:db8::1]:7000/5");
	check_url("redis://[::1]", "::1", 6379, 0, "redis://[::1]:6379/0");
}

static void names_come_from_the_hosts_file(void **state)
{
	(void)state;
	check_url("redis://redis/1", "192.0.2.7", 6379, 1, "redis://192.0.2.7:6379/1");
	check_url("redis://Redis.Internal", "192.0.2.7", 6379, 0,
		"redis://192.0.2.7:6379/0");
	check_url("redis://redis6:1", "2001:db8::7", 1, 0, "redis://[2001:db8::7]:1/0");
}

static void logins_are_unescaped_and_the_password_is_not_described(void **state)
{
	struct redis_target *t = NULL;
	char why[256];

	(void)state;
	check_url("redis://edge:secret@127.0.0.1/2", "127.0.0.1", 6379, 2,
		"redis://edge@127.0.0.1:6379/2");
	assert_int_equal(parse(&t, "redis://ed%67e:s%2f@x%40:y@127.0.0.1", why), 0);
	assert_string_equal(t->user, "edge");
	assert_string_equal(t->password, "s/@x@:y");
	redis_target_destroy(&t);
	assert_int_equal(parse(&t, "redis://:only%25@127.0.0.1", why), 0);
	assert_null(t->user);
	assert_string_equal(t->password, "only%");
	redis_target_destroy(&t);
}

static void unix_urls_name_a_path(void **state)
{
	struct redis_target *t = NULL;
	char why[256], *text;

	(void)state;
	assert_int_equal(
		parse(&t, "unix:///run/r.sock?db=4&user=edge&password=a%26b", why), 0);
	assert_string_equal(t->path, "/run/r.sock");
	assert_int_equal(t->db, 4);
	assert_string_equal(t->user, "edge");
	assert_string_equal(t->password, "a&b");
	text = redis_target_describe(t);
	assert_string_equal(text, "unix:///run/r.sock?db=4&user=edge");
	free(text);
	redis_target_destroy(&t);
}

static void bad_urls_are_refused_with_the_reason(void **state)
{
	static const struct {
		const char *url, *why;
	} bad[] = {
		{"", "redis://[user:password@]host"},
		{"http://127.0.0.1", "redis://[user:password@]host"},
		{"rediss://127.0.0.1", "TLS"},
		{"redis://", "address"},
		{"redis://unknown.example", "DNS is not asked"},
		{"redis://commented", "DNS is not asked"},
		{"redis://127.0.0.1:0", "1 to 65535"},
		{"redis://127.0.0.1:65536", "1 to 65535"},
		{"redis://127.0.0.1:", "1 to 65535"},
		{"redis://127.0.0.1/x", "database"},
		{"redis://127.0.0.1/0?x=1", "database"},
		{"redis://[::1", "IPv6"},
		{"redis://user@127.0.0.1", "password"},
		{"redis://:%zz@127.0.0.1", "%25"},
		{"redis://:a%2@127.0.0.1", "%25"},
		{"redis://:a%00@127.0.0.1", "%25"},
		{"unix://relative", "absolute"},
		{"unix:///p?dbb=1", "db, user or password"},
		{"unix:///p?db", "db=n"},
		{"unix:///p?user=x", "together with password"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct redis_target *t = NULL;
		char why[256];

		assert_int_equal(parse(&t, bad[i].url, why), -EINVAL);
		assert_null(t);
		if (strstr(why, bad[i].why) == NULL)
			fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].url, why,
				bad[i].why);
	}
}

static void keys_are_those_of_the_design(void **state)
{
	struct arena *a = arena_new(4096, 65536);
	struct slice alice = SLICE("alice@example.org"), id = SLICE("0011223344556677");

	(void)state;
	assert_slice_equal(
		redis_key_aor(a, "pinhole:", alice), "pinhole:aor:{alice@example.org}");
	assert_slice_equal(redis_key_contact(a, "pinhole:", alice, id),
		"pinhole:contact:{alice@example.org}:0011223344556677");
	assert_slice_equal(
		redis_key_contacts(a, "p:", alice), "p:contact:{alice@example.org}:");
	assert_slice_equal(
		redis_key_binding(a, "pinhole:", SLICE("udp:198.51.100.7:5060")),
		"pinhole:binding:udp:198.51.100.7:5060");
	assert_slice_equal(
		redis_key_member(a, alice, id), "{alice@example.org}:0011223344556677");
	assert_slice_equal(redis_key_secret(a, "pinhole:"), "pinhole:secret");
	assert_slice_equal(
		redis_key_node(a, "pinhole:", SLICE("edge1")), "pinhole:node:edge1");
	assert_slice_equal(
		redis_key_contacts_pattern(a, "a*[b]:"), "a\\*\\[b\\]:contact:{*");
	assert_slice_equal(redis_key_nodes(a, "pinhole:"), "pinhole:nodes");
	assert_slice_equal(redis_key_lease(a, "pinhole:", SLICE("udp:198.51.100.7:5060")),
		"pinhole:lease:udp:198.51.100.7:5060");
	assert_slice_equal(redis_key_set(a, "pinhole:", 10), "pinhole:rtpp:set:10");
	assert_slice_equal(redis_key_sets(a, "pinhole:"), "pinhole:rtpp:sets");
	assert_slice_equal(redis_key_relay(a, "pinhole:", SLICE("udp:127.0.0.1:22222")),
		"pinhole:rtpp:relay:udp:127.0.0.1:22222");
	assert_slice_equal(
		redis_key_dialog(a, "pinhole:", SLICE("{a b}@c"), SLICE("00ff")),
		"pinhole:dialog:{%7Ba%20b%7D@c}:00ff");
	assert_slice_equal(redis_key_dialog_id(a, "pinhole:", SLICE("00ff")),
		"pinhole:dialog:id:00ff");
	assert_slice_equal(redis_key_timers(a, "pinhole:"), "pinhole:dialog:timers");
	/* A NUL is a byte like any other. */
	assert_true(slice_eq(redis_key_pattern(a, slice_make("a\0*", 3), ":*"),
		slice_make("a\0\\*:*", 6)));
	arena_put(a);
}

static void bytes_that_would_break_a_key_are_escaped_and_come_back(void **state)
{
	struct arena *a = arena_new(4096, 65536);
	struct slice odd = SLICE("a}:{b %\r\n\x7f\xc3\xa9");
	struct slice key = redis_key_contact(a, "p:", odd, SLICE("12"));
	struct slice aor, id;

	(void)state;
	assert_slice_equal(key, "p:contact:{a%7D:%7Bb%20%25%0D%0A%7F\xc3\xa9}:12");
	assert_int_equal(redis_key_parse_contact(a, "p:", key, &aor, &id), 0);
	assert_true(slice_eq(aor, odd));
	assert_slice_equal(id, "12");
	arena_put(a);
}

static void keys_of_others_are_not_taken_for_contacts(void **state)
{
	static const char *const others[] = {"", "p:", "q:contact:{a}:1", "p:aor:{a}",
		"p:contact:{a}", "p:contact:{a}:", "p:contact:{}:1", "p:contact:{a:1",
		"p:contact:{%4}:1", "p:contact:{%zz}:1", "p:contact:{a}1"};
	struct arena *a = arena_new(4096, 65536);
	struct slice aor, id;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(
			redis_key_parse_contact(a, "p:", slice_str(others[i]), &aor, &id),
			-EINVAL);
	arena_put(a);
}

static redisReply text_reply(const char *text)
{
	return (redisReply){.type = text != NULL ? REDIS_REPLY_STRING : REDIS_REPLY_NIL,
		.str = (char *)(uintptr_t)text,
		.len = text != NULL ? strlen(text) : 0};
}

/* A contact's record with one field changed. */
static int parse_record(struct arena *a, enum store_field which, const char *value,
	struct store_contact *out)
{
	const char *texts[STORE_FIELDS] = {"sip:a@b", "", "", "udp:192.0.2.1:5060", "c1",
		"7", "500", "64", "1", "", "", "", "", "2000000000", "1999999999",
		"edge1"};
	redisReply replies[STORE_FIELDS], *values[STORE_FIELDS];

	texts[which] = value;
	for (unsigned i = 0; i < STORE_FIELDS; i++) {
		replies[i] = text_reply(texts[i]);
		values[i] = &replies[i];
	}
	return redis_parse_contact(out, a, SLICE("1"), values, STORE_FIELDS);
}

static void records_are_checked_field_by_field(void **state)
{
	struct arena *a = arena_new(4096, 65536);
	struct store_contact c = {.q = 77};

	(void)state;
	assert_int_equal(parse_record(a, STORE_F_URI, NULL, &c), -ENOENT);
	assert_int_equal(parse_record(a, STORE_F_URI, "", &c), -EBADMSG);
	assert_int_equal(parse_record(a, STORE_F_Q, "1001", &c), -EBADMSG);
	assert_int_equal(parse_record(a, STORE_F_Q, "-1", &c), -EBADMSG);
	assert_int_equal(parse_record(a, STORE_F_CSEQ, "4294967296", &c), -EBADMSG);
	assert_int_equal(parse_record(a, STORE_F_FLAGS, "many", &c), -EBADMSG);
	assert_int_equal(parse_record(a, STORE_F_NATED, "2", &c), -EBADMSG);
	assert_int_equal(
		parse_record(a, STORE_F_EXPIRES, "99999999999999999999", &c), -EBADMSG);
	assert_int_equal(c.q, 77);
	assert_int_equal(parse_record(a, STORE_F_CSEQ, "4294967295", &c), 0);
	assert_int_equal(c.cseq, UINT32_MAX);
	assert_int_equal(c.q, 500);
	/* A record that an older release wrote lacks fields. */
	assert_int_equal(parse_record(a, STORE_F_REG_ID, NULL, &c), 0);
	assert_int_equal(parse_record(a, STORE_F_REGISTERED, NULL, &c), 0);
	arena_put(a);
}

static void a_script_s_answer_of_another_form_is_refused(void **state)
{
	struct arena *a = arena_new(4096, 65536);
	const struct store_update upd = {.count = 0};
	struct store_contacts out = {.arena = a, .count = 99};
	const redisReply *gone = NULL;
	redisReply code = {.type = REDIS_REPLY_INTEGER, .integer = 2};
	redisReply empty = {.type = REDIS_REPLY_ARRAY};
	redisReply id = text_reply("1"), *ids[1] = {&id};
	redisReply strange = {.type = REDIS_REPLY_ARRAY, .elements = 1, .element = ids};
	redisReply *elements[4] = {&code, &empty, &empty, &empty};
	redisReply reply = {
		.type = REDIS_REPLY_ARRAY, .elements = 4, .element = elements};

	(void)state;
	assert_int_equal(redis_parse_update(&reply, &upd, &out, &gone), -ENOSPC);
	code.integer = 3;
	assert_int_equal(redis_parse_update(&reply, &upd, &out, &gone), -EBADMSG);
	code.integer = 1;
	reply.elements = 3;
	assert_int_equal(redis_parse_update(&reply, &upd, &out, &gone), -EBADMSG);
	assert_int_equal(redis_parse_update(&code, &upd, &out, &gone), -EBADMSG);
	assert_int_equal(out.count, 99);
	reply.elements = 4;
	assert_int_equal(redis_parse_update(&reply, &upd, &out, &gone), 0);
	assert_true(out.unchanged);
	assert_int_equal(out.count, 0);
	/* An id that the update did not have. */
	reply.element[3] = &strange;
	assert_int_equal(redis_parse_update(&reply, &upd, &out, &gone), -EBADMSG);
	arena_put(a);
}

static void a_store_that_cannot_be_is_refused_with_the_reason(void **state)
{
	char mysql[] = "mysql", redis[] = "redis", url[] = "redis://no.such.host",
	     prefix[] = "p:";
	struct store_conf conf = {.backend = mysql, .url = url, .prefix = prefix};
	struct store *st = NULL;
	char why[256] = "";

	(void)state;
	assert_int_equal(store_new(&st, &conf, "edge1", why), -EINVAL);
	assert_non_null(strstr(why, "\"memory\" or \"redis\""));
	conf.backend = redis;
	assert_int_equal(store_new(&st, &conf, "edge1", why), -EINVAL);
	assert_non_null(strstr(why, "no.such.host"));
	assert_null(st);
}

static void parameters_are_checked_by_their_table(void **state)
{
	const struct conf_param *backend = conf_find(store_params, "backend");
	const struct conf_param *prefix = conf_find(store_params, "prefix");
	struct store_conf conf = {0};

	(void)state;
	assert_null(backend->check("redis"));
	assert_non_null(backend->check("Redis"));
	assert_null(prefix->check("pinhole:"));
	assert_non_null(prefix->check("a{b}"));
	assert_non_null(prefix->check("a b"));
	assert_int_equal(conf_defaults(store_params, &conf), 0);
	assert_string_equal(conf.backend, "memory");
	assert_string_equal(conf.prefix, "pinhole:");
	assert_int_equal(conf.command_timeout, 1000);
	conf_values_free(store_params, &conf);
}

static void an_id_stands_for_the_uri_or_for_instance_and_reg_id(void **state)
{
	char a[17], b[17];

	(void)state;
	store_contact_id(a, SLICE("sip:a@b"), SLICE(""), SLICE(""));
	assert_int_equal(strspn(a, "0123456789abcdef"), 16);
	store_contact_id(b, SLICE("sip:a@b"), SLICE("<urn:x>"), SLICE(""));
	assert_string_equal(a, b); /* an instance alone does not name a flow */
	store_contact_id(b, SLICE("sip:a@c"), SLICE(""), SLICE(""));
	assert_string_not_equal(a, b);
	store_contact_id(a, SLICE("sip:a@b"), SLICE("<urn:x>"), SLICE("1"));
	store_contact_id(b, SLICE("sip:a@moved"), SLICE("<urn:x>"), SLICE("1"));
	assert_string_equal(a, b);
	store_contact_id(b, SLICE("sip:a@b"), SLICE("<urn:x>"), SLICE("2"));
	assert_string_not_equal(a, b);
}

static void the_id_of_a_uri_never_changes_between_releases(void **state)
{
	char id[17];

	(void)state;
	store_contact_id(id, SLICE("sip:alice@10.0.0.2:5060"), SLICE(""), SLICE(""));
	assert_string_equal(id, "d2973de50ffe22b5");
}

static void sets_are_known_by_their_number_as_we_write_it(void **state)
{
	static const char *const others[] = {"p:rtpp:set:", "p:rtpp:set:007",
		"p:rtpp:set:+1", "p:rtpp:set:-0", "p:rtpp:set:0x1", "p:rtpp:set:1 ",
		"p:rtpp:set:x", "p:rtpp:set:99999999999999999999", "q:rtpp:set:1",
		"p:rtpp:sets"};
	int64_t set = 0;

	(void)state;
	assert_int_equal(redis_key_parse_set("p:", SLICE("p:rtpp:set:12"), &set), 0);
	assert_int_equal(set, 12);
	assert_int_equal(redis_key_parse_set("p:", SLICE("p:rtpp:set:-1"), &set), 0);
	assert_int_equal(set, -1);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(
			redis_key_parse_set("p:", slice_str(others[i]), &set), -EINVAL);
}

static void members_that_are_none_are_refused(void **state)
{
	static const char *const others[] = {"", "{", "{}", "{}:1", "{a}", "{a}:", "{a}1",
		"a}:1", "{a%}:1", "{a%7}:1"};
	struct arena *a = arena_new(4096, 65536);
	struct slice aor, id;

	(void)state;
	assert_int_equal(redis_key_parse_member(a, SLICE("{a%7Db}:1"), &aor, &id), 0);
	assert_slice_equal(aor, "a}b");
	assert_slice_equal(id, "1");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(
			redis_key_parse_member(a, slice_str(others[i]), &aor, &id),
			-EINVAL);
	arena_put(a);
}

static int64_t score_of(const char *text)
{
	redisReply r = {.type = REDIS_REPLY_STRING,
		.str = (char *)(uintptr_t)text,
		.len = strlen(text)};
	int64_t n = -1;

	return redis_parse_score(&r, &n) == 0 ? n : -1;
}

static void scores_are_whole_numbers_within_bounds(void **state)
{
	(void)state;
	assert_int_equal(score_of("1700000000123"), 1700000000123);
	assert_int_equal(score_of("1.5"), 1);
	assert_int_equal(score_of("-5"), 0);
	assert_int_equal(score_of("-inf"), 0);
	assert_true(score_of("inf") == INT64_MAX);
	assert_true(score_of("1e300") == INT64_MAX);
	assert_int_equal(score_of("nan"), -1);
	assert_int_equal(score_of(""), -1);
	assert_int_equal(score_of("12x"), -1);
}

static void a_heap_gives_the_earliest_first(void **state)
{
	enum { NODES = 500, TAKE = 100 };
	static struct dialog_heap_node nodes[NODES];
	struct dialog_heap_node *due[TAKE];
	struct dialog_heap h = {0};

	(void)state;
	srand(7);
	for (unsigned i = 0; i < NODES; i++) {
		nodes[i].deadline_ms = rand() % 1000;
		assert_int_equal(dialog_heap_add(&h, &nodes[i]), 0);
	}
	for (unsigned round = 0; round < 2000; round++) {
		struct dialog_heap_node *n = &nodes[rand() % NODES];
		int64_t until = rand() % 1000;
		unsigned want = 0, count;

		if (n->at == DIALOG_HEAP_NOWHERE) {
			n->deadline_ms = rand() % 1000;
			assert_int_equal(dialog_heap_add(&h, n), 0);
		} else if (rand() % 2 == 0) {
			dialog_heap_move(&h, n, rand() % 1000);
		} else {
			dialog_heap_remove(&h, n);
			dialog_heap_remove(&h, n);
		}
		if (round % 50 != 0)
			continue;
		for (unsigned i = 0; i < NODES; i++)
			if (nodes[i].at != DIALOG_HEAP_NOWHERE) {
				assert_ptr_equal(h.list[nodes[i].at], &nodes[i]);
				want += nodes[i].deadline_ms <= until ? 1 : 0;
			}
		count = dialog_heap_due(&h, until, due, TAKE);
		assert_int_equal(count, want < TAKE ? want : TAKE);
		for (unsigned i = 0; i < count; i++) {
			unsigned earlier = 0;

			for (unsigned k = 0; k < NODES; k++)
				earlier += nodes[k].at != DIALOG_HEAP_NOWHERE &&
						nodes[k].deadline_ms < due[i]->deadline_ms
					? 1
					: 0;
			/* So many are before it, and no more: none was left out. */
			assert_true(earlier <= i);
			assert_true(
				i == 0 || due[i - 1]->deadline_ms <= due[i]->deadline_ms);
		}
	}
	free(h.list);
}

/* A dialog of the table's tests: named by its id alone. */
static struct store_dialog dialog_of(const char *id, int64_t deadline_ms)
{
	return (struct store_dialog){.call_id = SLICE("call"),
		.id = slice_str(id),
		.state = STORE_DIALOG_CONFIRMED,
		.node = SLICE("edge1"),
		.deadline_ms = deadline_ms};
}

static unsigned dialogs_seen(struct dialog_table *t, const char *id, int64_t now_ms)
{
	struct arena *a = arena_new(4096, 65536);
	struct store_dialog room[1];
	struct store_dialogs out = {.arena = a, .list = room};

	assert_int_equal(dialog_table_find(t, SLICE(""), slice_str(id), now_ms, &out), 0);
	arena_put(a);
	return out.count;
}

static void dialogs_in_memory_live_a_while_past_deadline_and_end(void **state)
{
	const int64_t keep = STORE_DIALOG_KEEP_S * 1000;
	struct store_dialog over = dialog_of("over", 5000),
			    ended = dialog_of("ended", 900000),
			    late = dialog_of("late", 1000);
	struct dialog_table *t = NULL;

	(void)state;
	assert_int_equal(dialog_table_new(&t, 10), 0);
	assert_int_equal(dialog_table_put(t, &over, 1000), 0);
	assert_int_equal(dialog_table_put(t, &ended, 1000), 0);
	assert_int_equal(
		dialog_table_end(t, ended.call_id, ended.id, SLICE("BYE"), 2000), 0);
	assert_int_equal(dialogs_seen(t, "over", 5000 + keep - 1), 1);
	assert_int_equal(dialogs_seen(t, "over", 5000 + keep), 0);
	assert_int_equal(dialogs_seen(t, "ended", 2000 + keep - 1), 1);
	assert_int_equal(dialogs_seen(t, "ended", 2000 + keep), 0);
	/* What cannot be seen cannot be changed, and does not stand in the way. */
	assert_int_equal(dialog_table_claim(t, over.call_id, over.id, 0, SLICE("edge2"),
				 99000, 5000 + keep),
		-ENOENT);
	assert_int_equal(
		dialog_table_expire(t, over.id, 1, SLICE("x"), 5000 + keep), -ENOENT);
	over.deadline_ms = 200000;
	assert_int_equal(dialog_table_put(t, &over, 5000 + keep), 0);
	assert_int_equal(dialogs_seen(t, "over", 5000 + keep), 1);
	/* One that was late when it came lives as long as one just due. */
	assert_int_equal(dialog_table_put(t, &late, 100000), 0);
	assert_int_equal(dialogs_seen(t, "late", 100000 + keep - 1), 1);
	assert_int_equal(dialogs_seen(t, "late", 100000 + keep), 0);
	dialog_table_destroy(&t);
}

static void dialogs_in_memory_are_bounded(void **state)
{
	struct dialog_table *t = NULL;
	struct store_dialog d;
	char id[16];

	(void)state;
	assert_int_equal(dialog_table_new(&t, 1000), 0);
	for (unsigned i = 0; i < 1000; i++) {
		(void)snprintf(id, sizeof(id), "%u", i);
		d = dialog_of(id, 5000 + i);
		assert_int_equal(dialog_table_put(t, &d, 1000), 0);
	}
	d = dialog_of("one too many", 5000);
	assert_int_equal(dialog_table_put(t, &d, 1000), -ENOSPC);
	/* Those that are there may change. */
	d = dialog_of("7", 9000);
	assert_int_equal(dialog_table_put(t, &d, 1000), 0);
	/* An ended one makes room when it goes; so does one that nobody cared for. */
	assert_int_equal(
		dialog_table_end(t, SLICE("call"), SLICE("8"), SLICE("BYE"), 1000), 0);
	d = dialog_of("one too many", 5000);
	assert_int_equal(dialog_table_put(t, &d, 1000), -ENOSPC);
	assert_int_equal(dialog_table_put(t, &d, 1000 + STORE_DIALOG_KEEP_S * 1000), 0);
	d = dialog_of("two too many", 5000);
	assert_int_equal(
		dialog_table_put(t, &d, 1000 + STORE_DIALOG_KEEP_S * 1000), -ENOSPC);
	assert_int_equal(dialog_table_put(t, &d, 5000 + STORE_DIALOG_KEEP_S * 1000), 0);
	dialog_table_destroy(&t);
}

static void weights_and_switches_are_read_as_people_write_them(void **state)
{
	int64_t weight = 99;
	bool on = false;

	(void)state;
	assert_int_equal(store_weight_parse(SLICE(" 2 "), &weight), 0);
	assert_int_equal(weight, 2);
	assert_int_equal(store_weight_parse(SLICE("-1"), &weight), 0);
	assert_int_equal(store_weight_parse(SLICE("-2"), &weight), -EINVAL);
	assert_int_equal(store_weight_parse(SLICE("65536"), &weight), -EINVAL);
	assert_int_equal(store_weight_parse(SLICE(""), &weight), -EINVAL);
	assert_int_equal(weight, -1);
	assert_int_equal(store_switch_parse(SLICE("Yes"), &on), 0);
	assert_true(on);
	assert_int_equal(store_switch_parse(SLICE("off"), &on), 0);
	assert_false(on);
	assert_int_equal(store_switch_parse(SLICE("2"), &on), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_urls_name_host_port_and_database),
		cmocka_unit_test(names_come_from_the_hosts_file),
		cmocka_unit_test(logins_are_unescaped_and_the_password_is_not_described),
		cmocka_unit_test(unix_urls_name_a_path),
		cmocka_unit_test(bad_urls_are_refused_with_the_reason),
		cmocka_unit_test(keys_are_those_of_the_design),
		cmocka_unit_test(bytes_that_would_break_a_key_are_escaped_and_come_back),
		cmocka_unit_test(keys_of_others_are_not_taken_for_contacts),
		cmocka_unit_test(sets_are_known_by_their_number_as_we_write_it),
		cmocka_unit_test(members_that_are_none_are_refused),
		cmocka_unit_test(scores_are_whole_numbers_within_bounds),
		cmocka_unit_test(a_heap_gives_the_earliest_first),
		cmocka_unit_test(dialogs_in_memory_live_a_while_past_deadline_and_end),
		cmocka_unit_test(dialogs_in_memory_are_bounded),
		cmocka_unit_test(weights_and_switches_are_read_as_people_write_them),
		cmocka_unit_test(records_are_checked_field_by_field),
		cmocka_unit_test(a_script_s_answer_of_another_form_is_refused),
		cmocka_unit_test(a_store_that_cannot_be_is_refused_with_the_reason),
		cmocka_unit_test(parameters_are_checked_by_their_table),
		cmocka_unit_test(an_id_stands_for_the_uri_or_for_instance_and_reg_id),
		cmocka_unit_test(the_id_of_a_uri_never_changes_between_releases),
	};
	return cmocka_run_group_tests_name(
		"store_parts", tests, write_hosts, remove_hosts);
}
