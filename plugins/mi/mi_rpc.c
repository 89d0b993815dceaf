#include "plugins/mi/mi_rpc.h"

#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One more byte of a JSON object or array. True: it closes it. */
static bool scan_value(struct mi_rpc_scan *s, char c)
{
	if (s->escaped) {
		s->escaped = false;
	} else if (s->in_string) {
		s->escaped = c == '\\';
		s->in_string = c != '"';
	} else if (c == '"') {
		s->in_string = true;
	} else if (c == '{' || c == '[') {
		s->depth++;
	} else if (c == '}' || c == ']') {
		return --s->depth == 0;
	}
	return false;
}

size_t mi_rpc_scan(struct mi_rpc_scan *s, struct slice text)
{
	for (; s->at < text.len; s->at++) {
		char c = text.p[s->at];

		if (!s->begun && is_blank(c))
			continue;
		if (!s->begun) {
			s->begun = true;
			s->is_value = c == '{' || c == '[';
		}
		/* A line break inside of a value: the line was cut off, the next one is another request. */
		if (c == '\n' || (s->is_value && scan_value(s, c)))
			return s->at + 1;
	}
	return 0;
}

int mi_rpc_read(struct mi_rpc_message *out, struct slice text)
{
	json_error_t error;

	memset(out, 0, sizeof(*out));
	out->count = 1;
	out->root = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!out->root) {
		(void)snprintf(out->why, sizeof(out->why), "Parse error: column %d: %s", error.column, error.text);
		return MI_PARSE_ERROR;
	}
	if (!json_is_array(out->root))
		return 0;
	out->batch = true;
	out->count = (unsigned)json_array_size(out->root);
	if (out->count > 0 && out->count <= MI_BATCH_MAX)
		return 0;
	(void)snprintf(out->why, sizeof(out->why), "Invalid Request: a batch has 1 to %d requests, this one %u", MI_BATCH_MAX, out->count);
	return MI_INVALID_REQUEST;
}

void mi_rpc_free(struct mi_rpc_message *m)
{
	json_decref(m->root);
	m->root = NULL;
}

const json_t *mi_rpc_item(const struct mi_rpc_message *m, unsigned index)
{
	return m->batch ? json_array_get(m->root, index) : m->root;
}

int mi_rpc_request(struct mi_rpc *out, const json_t *item, const char **why)
{
	const json_t *id = json_object_get(item, "id"), *version = json_object_get(item, "jsonrpc");

	memset(out, 0, sizeof(*out));
	*why = NULL;
	if (json_is_string(id) || json_is_number(id) || json_is_null(id))
		out->id = id;
	out->method = json_string_value(json_object_get(item, "method"));
	out->params = json_object_get(item, "params");
	out->text = json_is_true(json_object_get(item, "text"));
	if (!json_is_object(item))
		*why = "Invalid Request: a request is an object {\"jsonrpc\": \"2.0\", \"id\": ..., \"method\": ..., \"params\": ...}";
	else if (id && !out->id)
		*why = "Invalid Request: \"id\" is a string, a number or null";
	else if (!json_is_string(version) || strcmp(json_string_value(version), "2.0") != 0)
		*why = "Invalid Request: \"jsonrpc\" must be \"2.0\"";
	else if (!out->method)
		*why = "Invalid Request: \"method\" must be a string, the name of a command";
	else if (out->params && !json_is_object(out->params) && !json_is_array(out->params))
		*why = "Invalid Request: \"params\" is an array, by position, or an object, by name";
	return *why ? MI_INVALID_REQUEST : 0;
}

/* JSON wants UTF-8, and what phones and operators wrote need not be. */
static json_t *utf8(const char *text, size_t len)
{
	json_t *j = json_stringn(text, len);
	char *copy;

	if (j)
		return j;
	copy = malloc(len + 1);
	if (!copy)
		return NULL;
	for (size_t i = 0; i < len; i++)
		copy[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
	j = json_stringn(copy, len);
	free(copy);
	return j;
}

/* Takes member. */
static json_t *response(const json_t *id, const char *name, json_t *member)
{
	json_t *root = json_object();

	if (json_object_set_new(root, "jsonrpc", json_string("2.0")) != 0 ||
		json_object_set_new(root, "id", id ? json_deep_copy(id) : json_null()) != 0 ||
		json_object_set(root, name, member) != 0) {
		json_decref(root);
		root = NULL;
	}
	json_decref(member);
	return root;
}

static json_t *result_text(const struct tree *result)
{
	struct buf b;
	json_t *j;

	buf_heap(&b, 1024, MI_RESPONSE_MAX);
	tree_text(&b, result);
	j = b.err == 0 ? utf8(b.p ? b.p : "", b.len) : NULL;
	buf_free(&b);
	return j;
}

json_t *mi_rpc_result(const json_t *id, const struct tree *result, bool text)
{
	return response(id, "result", text ? result_text(result) : tree_json(result));
}

json_t *mi_rpc_error(const json_t *id, int code, const char *message, int status)
{
	json_t *e = json_object(), *data;

	if (json_object_set_new(e, "code", json_integer(code)) != 0 ||
		json_object_set_new(e, "message", utf8(message, strlen(message))) != 0) {
		json_decref(e);
		return NULL;
	}
	if (status != 0) {
		data = json_object();
		if (json_object_set_new(data, "code", json_integer(status)) != 0 || json_object_set(e, "data", data) != 0) {
			json_decref(e);
			e = NULL;
		}
		json_decref(data);
	}
	return e ? response(id, "error", e) : NULL;
}

json_t *mi_rpc_failure(const json_t *id, int status, const char *reason, bool unknown)
{
	int code = status == 400 ? MI_INVALID_PARAMS : MI_SERVER_ERROR;

	return mi_rpc_error(id, unknown ? MI_METHOD_NOT_FOUND : code, reason, status);
}

/* The id of a response; NULL for a batch. */
static const json_t *id_of(const json_t *response)
{
	return json_object_get(response, "id");
}

char *mi_rpc_line(json_t *response)
{
	char *text = response ? json_dumps(response, JSON_COMPACT) : NULL, *line = NULL;
	size_t len = text ? strlen(text) : 0;

	if (len > MI_RESPONSE_MAX) {
		json_t *e = mi_rpc_error(id_of(response), MI_SERVER_ERROR, "the answer is longer than 16 MiB: ask for less", 500);

		free(text);
		text = e ? json_dumps(e, JSON_COMPACT) : NULL;
		len = text ? strlen(text) : 0;
		json_decref(e);
	}
	json_decref(response);
	if (text) {
		line = realloc(text, len + 2);
		if (line)
			memcpy(line + len, "\n", 2);
		else
			free(text);
	}
	return line;
}
