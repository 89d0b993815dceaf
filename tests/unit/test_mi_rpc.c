#include "plugins/mi/mi_rpc.h"
#include "tests/unit/ph_test.h"

/* The requests that a stream holds, each in (). chunk: bytes that come at once, 0: all. eof: what is left counts as well. */
static void cut(char *out, size_t size, struct slice stream, size_t chunk)
{
	struct mi_rpc_scan scan = {0};
	size_t begin = 0, have = chunk > 0 ? 0 : stream.len, len = 0;

	out[0] = '\0';
	while (true) {
		size_t used = mi_rpc_scan(&scan, slice_make(stream.p + begin, have - begin));
		struct slice text = slice_trim(slice_make(stream.p + begin, used));

		if (used > 0) {
			len += (size_t)snprintf(out + len, size - len, "(%.*s)", SLICE_ARG(text));
			begin += used;
			scan = (struct mi_rpc_scan){0};
		} else if (have < stream.len) {
			have = have + chunk < stream.len ? have + chunk : stream.len;
		} else {
			break;
		}
	}
	snprintf(out + len, size - len, "%.*s", SLICE_ARG(slice_from(stream, begin)));
}

static void expect_cut(const char *stream, const char *want)
{
	static const size_t chunks[] = {0, 1, 3, 10};
	char got[1024];

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		cut(got, sizeof(got), slice_str(stream), chunks[i]);
		assert_string_equal(got, want);
	}
}

static void a_request_ends_with_its_line(void **state)
{
	(void)state;
	expect_cut("nonsense\n{\"a\":1}\r\n", "(nonsense)({\"a\":1})\r\n");
	expect_cut("5\n\n\n6\n", "(5)(6)");
}

static void a_request_without_newline_ends_with_its_last_brace(void **state)
{
	(void)state;
	expect_cut("{\"a\":{\"b\":[1,2]}}", "({\"a\":{\"b\":[1,2]}})");
	expect_cut("[{},{}]", "([{},{}])");
	expect_cut("{\"a\":\"}\\\"}\"}{}", "({\"a\":\"}\\\"}\"})({})");
}

static void several_requests_may_stand_in_one_line(void **state)
{
	(void)state;
	expect_cut("{\"a\":1} {\"b\":2}[3]\n4\n", "({\"a\":1})({\"b\":2})([3])(4)");
}

static void a_request_that_is_cut_off_does_not_swallow_the_next_line(void **state)
{
	(void)state;
	expect_cut("{\"a\":\"b\n{\"c\":1}\n", "({\"a\":\"b)({\"c\":1})\n");
}

static void an_unfinished_request_is_waited_for(void **state)
{
	(void)state;
	expect_cut("{\"a\":1}{\"b\":", "({\"a\":1}){\"b\":");
	expect_cut("  ", "  ");
}

/* A message of one request. */
static int parse(struct mi_rpc_message *m, struct mi_rpc *rpc, const char *text)
{
	const char *why;

	if (mi_rpc_read(m, slice_str(text)) != 0)
		return MI_PARSE_ERROR;
	assert_false(m->batch);
	return mi_rpc_request(rpc, mi_rpc_item(m, 0), &why);
}

static void a_request_has_parameters_by_position_or_by_name(void **state)
{
	struct mi_rpc_message m;
	struct mi_rpc rpc;

	(void)state;
	assert_int_equal(parse(&m, &rpc, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"stats\",\"params\":[\"tm\"]}"), 0);
	assert_string_equal(rpc.method, "stats");
	assert_true(json_is_array(rpc.params));
	assert_int_equal(json_integer_value(rpc.id), 7);
	assert_false(rpc.text);
	mi_rpc_free(&m);
	assert_int_equal(parse(&m, &rpc, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"stats\",\"params\":{\"prefix\":\"tm\"},\"text\":true}"), 0);
	assert_true(json_is_object(rpc.params));
	assert_true(rpc.text);
	mi_rpc_free(&m);
}

static void an_id_is_text_a_number_or_null_and_without_one_it_is_a_notification(void **state)
{
	static const struct {
		const char *id;
		int type;
	} good[] = {{"7", JSON_INTEGER}, {"-1.5", JSON_REAL}, {"\"\"", JSON_STRING}, {"\"a\"", JSON_STRING}, {"null", JSON_NULL}};
	static const char *const bad[] = {"true", "[]", "{}"};
	struct mi_rpc_message m;
	struct mi_rpc rpc;
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"help\"}", good[i].id);
		assert_int_equal(parse(&m, &rpc, text), 0);
		assert_non_null(rpc.id);
		assert_int_equal(json_typeof(rpc.id), good[i].type);
		mi_rpc_free(&m);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"method\":\"help\"}", bad[i]);
		assert_int_equal(parse(&m, &rpc, text), MI_INVALID_REQUEST);
		assert_null(rpc.id);
		mi_rpc_free(&m);
	}
	assert_int_equal(parse(&m, &rpc, "{\"jsonrpc\":\"2.0\",\"method\":\"help\"}"), 0);
	assert_null(rpc.id);
	mi_rpc_free(&m);
}

static void text_that_is_no_json_is_a_parse_error_that_says_where(void **state)
{
	static const char *const bad[] = {"{\"jsonrpc\":", "nonsense", "{\"a\":1}}", "{\"a\":1,\"a\":2}", "\xff", "{\"a\":\"\\u0000\"}"};
	struct mi_rpc_message m;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(mi_rpc_read(&m, slice_str(bad[i])), MI_PARSE_ERROR);
		assert_non_null(strstr(m.why, "Parse error: column "));
		mi_rpc_free(&m);
	}
}

static void a_wrong_version_or_shape_is_an_invalid_request_that_keeps_its_id(void **state)
{
	static const char *const bad[] = {
		"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"help\"}",
		"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"help\"}",
		"{\"id\":1,\"method\":\"help\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\",\"params\":\"x\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\",\"params\":null}",
	};
	struct mi_rpc_message m;
	struct mi_rpc rpc;
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&m, &rpc, bad[i]), MI_INVALID_REQUEST);
		assert_int_equal(json_integer_value(rpc.id), 1);
		mi_rpc_free(&m);
	}
	assert_int_equal(parse(&m, &rpc, "5"), MI_INVALID_REQUEST);
	assert_null(rpc.id);
	assert_int_equal(mi_rpc_request(&rpc, mi_rpc_item(&m, 0), &why), MI_INVALID_REQUEST);
	assert_non_null(strstr(why, "a request is an object"));
	mi_rpc_free(&m);
}

static void a_batch_has_one_request_at_least_and_an_upper_limit(void **state)
{
	struct mi_rpc_message m;
	char text[4 * (MI_BATCH_MAX + 2)] = "[1";

	(void)state;
	assert_int_equal(mi_rpc_read(&m, SLICE("[]")), MI_INVALID_REQUEST);
	assert_non_null(strstr(m.why, "1 to 64"));
	mi_rpc_free(&m);
	for (unsigned i = 1; i < MI_BATCH_MAX; i++)
		strcat(text, ",1");
	strcat(text, "]");
	assert_int_equal(mi_rpc_read(&m, slice_str(text)), 0);
	assert_true(m.batch);
	assert_int_equal(m.count, MI_BATCH_MAX);
	assert_true(json_is_integer(mi_rpc_item(&m, MI_BATCH_MAX - 1)));
	mi_rpc_free(&m);
	strcpy(text + strlen(text) - 1, ",1]");
	assert_int_equal(mi_rpc_read(&m, slice_str(text)), MI_INVALID_REQUEST);
	assert_non_null(strstr(m.why, "this one 65"));
	mi_rpc_free(&m);
}

static void expect_line(json_t *response, const char *want)
{
	char *line = mi_rpc_line(response);

	assert_non_null(line);
	assert_string_equal(line, want);
	free(line);
}

static void a_result_comes_as_json_or_as_the_guides_text(void **state)
{
	struct tree *t = tree_new();
	json_t *id = json_integer(3);

	(void)state;
	tree_add_int(t, "Status", 1);
	expect_line(mi_rpc_result(id, t, true), "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"Status:: 1\\n\"}\n");
	expect_line(mi_rpc_result(id, t, false), "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"Status\":1}}\n");
	json_decref(id);
	tree_destroy(&t);
}

static void bytes_that_are_no_utf8_do_not_cost_the_answer(void **state)
{
	struct tree *t = tree_new();

	(void)state;
	tree_add(t, "Contact", "sip:m\xfcller@192.0.2.1");
	expect_line(mi_rpc_result(NULL, t, true), "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":\"Contact:: sip:m?ller@192.0.2.1\\n\"}\n");
	expect_line(mi_rpc_result(NULL, t, false), "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{\"Contact\":\"sip:m?ller@192.0.2.1\"}}\n");
	expect_line(mi_rpc_error(NULL, -32000, "m\xfcller", 0),
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"m?ller\"}}\n");
	tree_destroy(&t);
}

static void an_error_names_code_and_reason(void **state)
{
	(void)state;
	expect_line(mi_rpc_failure(NULL, 404, "no such command 'x'", true),
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32601,\"message\":\"no such command 'x'\",\"data\":{\"code\":404}}}\n");
	expect_line(mi_rpc_failure(NULL, 404, "RTP proxy not found", false),
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"RTP proxy not found\",\"data\":{\"code\":404}}}\n");
	expect_line(mi_rpc_failure(NULL, 400, "Bad parameter", false),
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32602,\"message\":\"Bad parameter\",\"data\":{\"code\":400}}}\n");
}

static void an_answer_that_is_too_long_is_an_error(void **state)
{
	struct tree *t = tree_new();
	char *big = malloc(MI_RESPONSE_MAX + 2);
	json_t *id = json_integer(3);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', MI_RESPONSE_MAX + 1);
	big[MI_RESPONSE_MAX + 1] = '\0';
	tree_add(t, "Big", big);
	assert_null(mi_rpc_result(id, t, true)); /* its caller answers */
	expect_line(mi_rpc_result(id, t, false),
		"{\"jsonrpc\":\"2.0\",\"id\":3,\"error\":{\"code\":-32000,\"message\":\"the answer is longer than 16 MiB: ask for less\","
		"\"data\":{\"code\":500}}}\n");
	tree_destroy(&t);
	json_decref(id);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_ends_with_its_line),
		cmocka_unit_test(a_request_without_newline_ends_with_its_last_brace),
		cmocka_unit_test(several_requests_may_stand_in_one_line),
		cmocka_unit_test(a_request_that_is_cut_off_does_not_swallow_the_next_line),
		cmocka_unit_test(an_unfinished_request_is_waited_for),
		cmocka_unit_test(a_request_has_parameters_by_position_or_by_name),
		cmocka_unit_test(an_id_is_text_a_number_or_null_and_without_one_it_is_a_notification),
		cmocka_unit_test(text_that_is_no_json_is_a_parse_error_that_says_where),
		cmocka_unit_test(a_wrong_version_or_shape_is_an_invalid_request_that_keeps_its_id),
		cmocka_unit_test(a_batch_has_one_request_at_least_and_an_upper_limit),
		cmocka_unit_test(a_result_comes_as_json_or_as_the_guides_text),
		cmocka_unit_test(bytes_that_are_no_utf8_do_not_cost_the_answer),
		cmocka_unit_test(an_error_names_code_and_reason),
		cmocka_unit_test(an_answer_that_is_too_long_is_an_error),
	};

	return cmocka_run_group_tests_name("mi_rpc", tests, NULL, NULL);
}
