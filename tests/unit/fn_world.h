/**
 * @file fn_world.h  A small world for tests of variables and script functions: messages, listeners, and a transaction layer
 * that only writes down what it is asked.
 *
 * Here stands what tm would give: tm_*(), and in fn_machine.c what the script machine would: run_*(), value_*(). That file is
 * left out by the linker where the machine itself is linked before.
 */
#pragma once

#include "tests/unit/ph_test.h"

#include "core/script/fn_core.h"
#include "core/script/pv.h"
#include "core/tm/tm_priv.h"

struct world {
	struct arena *arena;
	struct script_env env;
	struct net_sock socks
		[4]; /**< udp, tcp and udp over IPv6 of one host; udp on an inner network */
	struct net_socks list;
	struct script_value vars[8];
	char var_names[8][32];
	int last_code;
	bool kamailio;

	/* what tm was asked */
	unsigned replies, stateless; /**< how often */
	unsigned code;               /**< of the last reply */
	char reason[128], extra[512];
	unsigned relays, forwards;
	struct tm_target
		to; /**< of the last relay or forward; ruri empty: to msg's own target */
	unsigned flags;
	unsigned newtrans;
	struct tm_trans *free_trans; /**< taken by the next tm_newtran() */

	/* what tm answers */
	int relay_code, newtran_code, check_code, reply_code;
	unsigned failure_code;
	const char *end_reason; /**< why the call's dialog ended; NULL: it has not */
	char dialog_timeout[24];
	bool canceled;
};

extern struct world *world;

int world_setup(void **state);
int world_teardown(void **state);
/** A message from text with lines ended by LF, from 192.0.2.10:40000 to socket 0. Fails the test when it does not parse. */
struct ph_msg *world_msg(const char *text);
/** The plain INVITE most tests use. */
struct ph_msg *world_invite(void);
/** The message written out with its edits, NUL-terminated. */
const char *world_text(struct ph_msg *msg);
/** Call a script function by name or alias; arguments as a script would write them in quotes. End with NULL. */
int world_call(struct ph_msg *msg, const char *name, ...) __attribute__((sentinel));
/** Value of a variable as text; "<null>" for null. The test fails when it does not compile. */
const char *world_pv(struct ph_msg *msg, const char *text);
/** Assign text (NULL: null). Returns what script_pv_set() does. */
int world_set(struct ph_msg *msg, const char *pv, const char *value);
int world_set_int(struct ph_msg *msg, const char *pv, int64_t value);
