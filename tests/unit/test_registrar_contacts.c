/* The command `contacts` over a real memory store; the bus is a fake that keeps the answer. */
#include "tests/unit/store_test.h"

#include "plugins/registrar/contacts_cmd.h"

static struct store_test t;
static char text[65536];
static int failed;
static unsigned answers;

void bus_reply(struct bus_request *req, struct tree *result)
{
	struct buf b;

	(void)req;
	answers++;
	buf_fixed(&b, text, sizeof(text) - 1);
	tree_text(&b, result);
	assert_int_equal(b.err, 0);
	text[b.len] = '\0';
	tree_destroy(&result);
}

void bus_fail(struct bus_request *req, int code, const char *fmt, ...)
{
	(void)req, (void)fmt;
	answers++;
	failed = code;
}

static int setup(void **state)
{
	char none[] = "";
	struct store_conf conf = store_test_conf("memory", NULL, none);

	(void)state;
	store_test_open(&t, &conf);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	store_test_close(&t);
	return 0;
}

static void ask(const char *params)
{
	struct ph_thread thread = {.store = t.h};
	struct registrar_service service = {.thread = &thread};
	json_t *json = params != NULL ? json_loads(params, 0, NULL) : NULL;

	failed = 0;
	answers = 0;
	text[0] = '\0';
	registrar_contacts(&service, NULL, json);
	assert_int_equal(answers, 1);
	json_decref(json);
}

static void add(const char *aor, const char *uri)
{
	char id[17];
	struct store_contact c = store_test_contact(&t, id, uri, 60);
	struct store_update upd = store_test_register(&t, "call-1", 1, &c, 1);
	struct store_contacts out = {0};

	upd.aor = slice_str(aor);
	assert_int_equal(store_test_update(&t, &upd, &out), 0);
}

static unsigned count(const char *needle)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, needle)) != NULL; p++)
		n++;
	return n;
}

static void one_user_s_contacts_are_shown(void **state)
{
	(void)state;
	add("alice", "sip:alice@10.0.0.2");
	add("bob", "sip:bob@10.0.0.3");
	ask("[\"alice\"]");
	assert_int_equal(count("sip:alice@10.0.0.2"), 1);
	assert_int_equal(count("sip:bob@"), 0);
	assert_int_equal(count("Received:: sip:203.0.113.7:40312"), 1);
	assert_int_equal(count("Cursor"), 0);
	ask("{\"aor\": \"bob\"}");
	assert_int_equal(count("sip:bob@10.0.0.3"), 1);
	ask("[\"nobody\"]");
	assert_int_equal(failed, 0);
	assert_int_equal(count("sip:"), 0);
}

static void pages_go_on_where_the_cursor_says(void **state)
{
	char params[64];
	unsigned long long cursor = 0;
	unsigned seen = 0, pages = 0;

	(void)state;
	for (unsigned i = 0; i < 250; i++) {
		char aor[16];

		(void)snprintf(aor, sizeof(aor), "user%u", i);
		add(aor, "sip:x@10.0.0.2");
	}
	do {
		const char *at;

		(void)snprintf(params, sizeof(params), "{\"cursor\": \"%llu\"}", cursor);
		ask(pages == 0 ? NULL : params);
		seen += count("sip:x@10.0.0.2");
		at = strstr(text, "Cursor:: ");
		assert_non_null(at);
		cursor = strtoull(at + strlen("Cursor:: "), NULL, 10);
		assert_true(++pages < 100);
	} while (cursor != 0);
	assert_int_equal(seen, 250);
	assert_true(pages > 1);
}

static void a_cursor_that_is_no_number_is_refused(void **state)
{
	(void)state;
	ask("{\"cursor\": \"x\"}");
	assert_int_equal(failed, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			one_user_s_contacts_are_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(
			pages_go_on_where_the_cursor_says, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_cursor_that_is_no_number_is_refused, setup, teardown),
	};
	return cmocka_run_group_tests_name("registrar_contacts", tests, NULL, NULL);
}
