/**
 * @file mi_rpc.h  JSON-RPC 2.0 as text: requests taken apart, responses put together. https://www.jsonrpc.org/specification
 *
 * Pure; any thread. Batches are not taken (-32600). One extension: a request with "text": true has the result as one string, in the
 * original guide's format ("Status:: 1"), which is what pinholectl prints.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/slice.h"
#include "core/bus/tree.h"

enum { /* the specification's codes */
	MI_PARSE_ERROR = -32700,
	MI_INVALID_REQUEST = -32600,
	MI_METHOD_NOT_FOUND = -32601,
	MI_INVALID_PARAMS = -32602,
	MI_INTERNAL = -32603,
	MI_SERVER_ERROR = -32000,
};

/** Owned by whoever called mi_rpc_parse(); mi_rpc_clear() frees. */
struct mi_rpc {
	json_t *root;
	const char *method;   /**< in root */
	const json_t *params; /**< in root; NULL: none */
	json_t *id;           /**< own reference; NULL: a notification, which gets no response */
	bool text;
};

/** 0; MI_PARSE_ERROR or MI_INVALID_REQUEST, with id set when it could be read (mi_rpc_clear() all the same). */
int mi_rpc_parse(struct mi_rpc *out, struct slice line);
void mi_rpc_clear(struct mi_rpc *rpc);
/** A response line with its newline, malloc'ed; NULL without memory. id NULL is written as null. */
char *mi_rpc_result(const json_t *id, const struct tree *result, bool text);
char *mi_rpc_error(const json_t *id, int code, const char *message);
/** The code for what the bus answered (404, 400, 408...). */
int mi_rpc_code(int bus_code);
