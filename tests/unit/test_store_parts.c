/* The pure parts of the store: URL, keys, replies, ids. */
#include "tests/unit/ph_test.h"

#include <fcntl.h>
#include <unistd.h>

#include "storage/redis_keys.h"
#include "storage/redis_parse.h"
#include "storage/redis_target.h"
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
