#include "plugins/mi/mi_rpc.h"
#include "tests/unit/ph_test.h"

static int parse(struct mi_rpc *rpc, const char *text)
{
	return mi_rpc_parse(rpc, slice_str(text));
}

static void a_request_with_positional_parameters_is_taken(void **state)
{
	struct mi_rpc rpc;

	(void)state;
	assert_int_equal(parse(&rpc, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"stats\",\"params\":[\"tm\"]}"), 0);
	assert_string_equal(rpc.method, "stats");
	assert_true(json_is_array(rpc.params));
	assert_int_equal(json_integer_value(rpc.id), 7);
	assert_false(rpc.text);
	mi_rpc_clear(&rpc);
}

static void text_that_is_no_json_is_a_parse_error(void **state)
{
	struct mi_rpc rpc;

	(void)state;
	assert_int_equal(parse(&rpc, "{\"jsonrpc\":"), MI_PARSE_ERROR);
	assert_null(rpc.id);
	mi_rpc_clear(&rpc);
}

static void a_wrong_version_or_shape_is_an_invalid_request_that_keeps_its_id(void **state)
{
	static const char *const bad[] = {
		"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"help\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"help\",\"params\":\"x\"}",
	};
	struct mi_rpc rpc;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(&rpc, bad[i]), MI_INVALID_REQUEST);
		assert_int_equal(json_integer_value(rpc.id), 1);
		mi_rpc_clear(&rpc);
	}
	assert_int_equal(parse(&rpc, "[]"), MI_INVALID_REQUEST);
	mi_rpc_clear(&rpc);
}

static void a_result_comes_as_json_or_as_the_guides_text(void **state)
{
	struct tree *t = tree_new();
	json_t *id = json_integer(3);
	char *line;

	(void)state;
	tree_add_int(t, "Status", 1);
	line = mi_rpc_result(id, t, true);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"Status:: 1\\n\"}\n");
	free(line);
	line = mi_rpc_result(id, t, false);
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{\"Status\":1}}\n");
	free(line);
	json_decref(id);
	tree_destroy(&t);
}

static void an_error_names_code_and_reason(void **state)
{
	char *line = mi_rpc_error(NULL, MI_METHOD_NOT_FOUND, "no such command");

	(void)state;
	assert_string_equal(line,
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32601,\"message\":\"no such command\"}}\n");
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_with_positional_parameters_is_taken),
		cmocka_unit_test(text_that_is_no_json_is_a_parse_error),
		cmocka_unit_test(a_wrong_version_or_shape_is_an_invalid_request_that_keeps_its_id),
		cmocka_unit_test(a_result_comes_as_json_or_as_the_guides_text),
		cmocka_unit_test(an_error_names_code_and_reason),
	};

	return cmocka_run_group_tests_name("mi_rpc", tests, NULL, NULL);
}
