#include "plugins/mi/mi_rpc.h"

#include <stdlib.h>
#include <string.h>

int mi_rpc_parse(struct mi_rpc *out, struct slice line)
{
	json_t *id, *params;

	memset(out, 0, sizeof(*out));
	out->root = json_loadb(line.p, line.len, JSON_REJECT_DUPLICATES, NULL);
	if (!out->root)
		return MI_PARSE_ERROR;
	id = json_object_get(out->root, "id");
	if (json_is_string(id) || json_is_number(id) || json_is_null(id))
		out->id = json_incref(id);
	else if (id || !json_is_object(out->root))
		return MI_INVALID_REQUEST;
	out->method = json_string_value(json_object_get(out->root, "method"));
	params = json_object_get(out->root, "params");
	if (!out->method || (params && !json_is_object(params) && !json_is_array(params)))
		return MI_INVALID_REQUEST;
	if (strcmp(json_string_value(json_object_get(out->root, "jsonrpc")) ?: "", "2.0") != 0)
		return MI_INVALID_REQUEST;
	out->params = params;
	out->text = json_is_true(json_object_get(out->root, "text"));
	return 0;
}

void mi_rpc_clear(struct mi_rpc *rpc)
{
	json_decref(rpc->id);
	json_decref(rpc->root);
	memset(rpc, 0, sizeof(*rpc));
}

/* Takes member. */
static char *response(const json_t *id, const char *name, json_t *member)
{
	json_t *root = json_object();
	char *text, *line = NULL;

	json_object_set_new(root, "jsonrpc", json_string("2.0"));
	if (id)
		json_object_set_new(root, "id", json_deep_copy(id));
	else
		json_object_set_new(root, "id", json_null());
	json_object_set_new(root, name, member);
	text = json_dumps(root, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(root);
	if (text) {
		size_t len = strlen(text);

		line = realloc(text, len + 2);
		if (line)
			memcpy(line + len, "\n", 2);
		else
			free(text);
	}
	return line;
}

static json_t *result_text(const struct tree *result)
{
	struct buf b;
	json_t *j;

	buf_heap(&b, 1024, 16u << 20);
	tree_text(&b, result);
	j = b.err == 0 ? json_stringn_nocheck(b.p ? b.p : "", b.len) : NULL;
	buf_free(&b);
	return j;
}

char *mi_rpc_result(const json_t *id, const struct tree *result, bool text)
{
	json_t *j = text ? result_text(result) : tree_json(result);

	return j ? response(id, "result", j) : NULL;
}

char *mi_rpc_error(const json_t *id, int code, const char *message)
{
	json_t *e = json_object();

	json_object_set_new(e, "code", json_integer(code));
	json_object_set_new(e, "message", json_string(message));
	return response(id, "error", e);
}

int mi_rpc_code(int bus_code)
{
	return bus_code == 400 ? MI_INVALID_PARAMS : MI_SERVER_ERROR - (bus_code > 0 && bus_code < 100 ? bus_code : 0);
}
