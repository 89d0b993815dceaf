/* JSON-RPC: requests cut out of a stream and read; every one that can be answered has a response that is JSON. */
#include <jansson.h>

#include "plugins/mi/mi_rpc.h"
#include "tests/fuzz/fuzz.h"

static void check_response(json_t *response)
{
	char *line = mi_rpc_line(response);
	size_t len = line ? strlen(line) : 0;
	json_t *back;

	FUZZ_CHECK(len > 1 && line[len - 1] == '\n' && memchr(line, '\n', len) == line + len - 1);
	back = json_loads(line, 0, NULL);
	FUZZ_CHECK(back && strcmp(json_string_value(json_object_get(back, "jsonrpc")), "2.0") == 0);
	FUZZ_CHECK(json_object_size(back) == 3);
	json_decref(back);
	free(line);
}

static void check_message(struct slice text)
{
	struct mi_rpc_message m;
	const char *why;
	int err = mi_rpc_read(&m, text);

	if (err != 0) {
		check_response(mi_rpc_error(NULL, err, m.why, 0));
		mi_rpc_free(&m);
		return;
	}
	FUZZ_CHECK(m.count > 0 && m.count <= MI_BATCH_MAX);
	for (unsigned i = 0; i < m.count; i++) {
		struct mi_rpc rpc;
		struct tree *t = tree_new();

		if (mi_rpc_request(&rpc, mi_rpc_item(&m, i), &why) != 0) {
			check_response(mi_rpc_error(rpc.id, MI_INVALID_REQUEST, why, 400));
		} else {
			FUZZ_CHECK(rpc.method != NULL);
			tree_attr(tree_add(t, "Echo", rpc.method), "attr", rpc.method);
			check_response(mi_rpc_result(rpc.id, t, rpc.text));
		}
		tree_destroy(&t);
	}
	mi_rpc_free(&m);
}

/* Where requests end in input, as a sum; the text of each is looked at when there is somebody to. */
static size_t cut(struct slice input, size_t chunk, void (*look)(struct slice))
{
	struct mi_rpc_scan scan = {0};
	size_t begin = 0, have = 0, sum = 0;

	while (true) {
		size_t used = mi_rpc_scan(&scan, slice_make(input.p + begin, have - begin));

		FUZZ_CHECK(used <= have - begin);
		if (used > 0) {
			if (look)
				look(slice_trim(slice_make(input.p + begin, used)));
			begin += used;
			sum = sum * 31 + begin;
			scan = (struct mi_rpc_scan){0};
		} else if (have == input.len) {
			return sum;
		} else {
			have = chunk < input.len - have ? have + chunk : input.len;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = fuzz_slice(data, size);
	size_t whole;

	if (size == 0)
		return 0;
	whole = cut(input, size, check_message);
	FUZZ_CHECK(cut(input, 1, NULL) == whole && cut(input, 7, NULL) == whole);
	check_message(input);
	return 0;
}
