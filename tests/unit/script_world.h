/**
 * @file script_world.h  Scripts in tests: load a text, run a block on a message, see what it did.
 *
 * Beside the core's functions scripts have: mark(text) adds to the trace, code(n) answers n, wait() suspends until
 * world_wake(), nest(block) runs a block inside, request_only(), arm(failure block), flag(f), names(flags), pv(v).
 */
#pragma once

#include "tests/unit/ph_test.h"

#include "core/base/buf.h"
#include "core/script/program.h"
#include "core/script/script.h"

struct world {
	struct script_env env;
	struct script_program *prog;
	struct script_errors errors;
	struct ph_msg *msg;
	struct script_result result;
	int done;            /**< how often a suspended run came to its end */
	char trace[4096];
	bool skip_globals;
	struct conf_list defines;
	const struct ph_fn_alias *absent;
	int nested;          /**< what script_start() answered in nest() */
	int outer_code;      /**< what nest() gives when its block is over */
};

/** The world of the test at hand. */
extern struct world world;

/** Clear the world; a request from 192.0.2.7:5070 to udp:198.51.100.1:5060 is its message. */
void world_begin(void);
void world_end(void);
void world_request(const char *text);
/** Load; the test fails with the list of errors when there are any. */
void world_load(const char *text, enum script_dialect dialect);
/** Load what must be refused; the errors are in world.errors. */
void world_refuse(const char *text, enum script_dialect dialect);
/** The errors and warnings as lines. */
const char *world_complaints(void);
/** Is this line among them? */
void world_complains(const char *line);
/** Run a block; script_start()'s answer. Name NULL: the unnamed one. */
int world_run_block(enum script_block_kind kind, const char *name, enum ph_route route);
/** Load text, run request_route, compare the trace. */
void world_traces(const char *text, enum script_dialect dialect, const char *trace);
/** Trace of request_route { if (COND) mark("T"); else mark("F"); } under a dialect. */
bool world_truth(const char *condition, enum script_dialect dialect);
void world_wake(int code);

/** SIP text with line ends as \n only. */
#define WORLD_INVITE                                                                       \
	"INVITE sip:bob@example.org;transport=udp SIP/2.0\n"                               \
	"Via: SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bK1\n"                                 \
	"From: \"Alice\" <sip:alice@example.com>;tag=a1\n"                                 \
	"To: <sip:bob@example.org>\n"                                                      \
	"Call-ID: call-1\n"                                                                \
	"CSeq: 1 INVITE\n"                                                                 \
	"Contact: <sip:alice@10.0.0.5:5060>\n"                                             \
	"Max-Forwards: 70\n"                                                               \
	"User-Agent: Cisco ATA 186\n"                                                      \
	"Content-Length: 0\n\n"
