/**
 * @file mi_rpc.h  JSON-RPC 2.0 as text: requests found in a stream and taken apart, responses put together.
 * https://www.jsonrpc.org/specification
 *
 * Pure; any thread. One extension: a request with "text": true has the result as one string, in the original guide's format
 * ("Status:: 1"), which is what pinholectl prints. And one help: an error's "data" holds the "code" that the FIFO would show (404, 503, ...).
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/slice.h"
#include "core/bus/tree.h"

#define MI_BATCH_MAX 64                  /**< requests in one batch */
#define MI_RESPONSE_MAX ((size_t)16 << 20) /**< bytes of a response line */

enum { /* the specification's codes */
	MI_PARSE_ERROR = -32700,
	MI_INVALID_REQUEST = -32600,
	MI_METHOD_NOT_FOUND = -32601,
	MI_INVALID_PARAMS = -32602,
	MI_INTERNAL = -32603,
	MI_SERVER_ERROR = -32000,
};

/** How far a stream was looked through. Zero-initialise; zero again after each request. */
struct mi_rpc_scan {
	size_t at;
	unsigned depth;
	bool begun, is_value, in_string, escaped;
};
/**
 * How many bytes the first request in text takes, blanks around it included; 0: it is not complete. It ends with the newline of its line, or
 * before that with the brace that closes it. text: all that came since the last request, longer at each call with the same scan.
 */
size_t mi_rpc_scan(struct mi_rpc_scan *scan, struct slice text);

/** What one message holds. mi_rpc_free() in any case. */
struct mi_rpc_message {
	json_t *root;
	bool batch;
	unsigned count; /**< of requests; 1 without a batch */
	char why[192];  /**< what is wrong with it */
};
/** 0, or MI_PARSE_ERROR, MI_INVALID_REQUEST (an empty batch, one of more than MI_BATCH_MAX) with why: one response tells it. */
int mi_rpc_read(struct mi_rpc_message *out, struct slice text);
void mi_rpc_free(struct mi_rpc_message *m);
const json_t *mi_rpc_item(const struct mi_rpc_message *m, unsigned index);

/** One request; borrows from the message. */
struct mi_rpc {
	const char *method;
	const json_t *params; /**< NULL: none */
	const json_t *id;     /**< NULL: unknown when it is invalid, else a notification, which gets no response */
	bool text;
};
/** 0, or MI_INVALID_REQUEST, *why says what is wrong; id is set when it could be read. */
int mi_rpc_request(struct mi_rpc *out, const json_t *item, const char **why);

/** Responses. A new reference, NULL without memory. id (borrowed) NULL is written as null. Bytes that are no UTF-8 become '?'. */
json_t *mi_rpc_result(const json_t *id, const struct tree *result, bool text);
/** status: the bus's code for "data"; 0: none. */
json_t *mi_rpc_error(const json_t *id, int code, const char *message, int status);
/** The same for what the bus answered instead of a result. */
json_t *mi_rpc_failure(const json_t *id, int status, const char *reason, bool unknown);
/** A response, or an array of them, as a line with its newline, malloc'ed. Takes it. NULL without memory. Too long a line is an error instead. */
char *mi_rpc_line(json_t *response);
