/**
 * @file script.h  The route language: loaded once into an immutable program, run by a machine that can be suspended.
 *
 * Reference: docs/script.md. Loading reads everything and reports all faults with file:line:column. A program is
 * counted and shared by all workers; a message keeps the one it began with.
 *
 * A run keeps its whole state in the message's arena (program counter, value stack, frames), so a function may suspend
 * the message anywhere, also in the middle of a condition; script_resume() goes on with the function's code.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/conf.h"
#include "core/base/hash.h"
#include "core/script/fn.h"
#include "core/tm/tm.h"

struct script_program;

enum script_dialect { SCRIPT_AUTO = 0, SCRIPT_OPENSIPS, SCRIPT_KAMAILIO };

/** A table of functions and whose it is. */
struct script_provider {
	const char *plugin;              /**< "nat"; NULL: the core */
	unsigned instance;               /**< index into script_env.instances */
	const struct ph_script_fn *fns;
	const struct ph_fn_alias *aliases; /**< or NULL */
	const void *conf;                /**< the plugin's parameters, for checks of literals */
};

struct script_options {
	const char *file;
	enum script_dialect dialect;
	const struct conf_list *defines;  /**< "NAME" or "NAME=text"; or NULL */
	bool skip_globals;
	const struct script_provider *providers;
	unsigned provider_count;
	/** Names of plugins that are known but not enabled, with their functions: "function 'save' needs plugin 'registrar'". Pairs end with NULL. */
	const struct ph_fn_alias *absent; /**< alias: function, name: plugin */
};

struct script_error {
	char *text;    /**< "edge.route:41:17: unexpected '{': expected ')' ..." */
	bool warning;
	unsigned line, column;
};
struct script_errors {
	struct script_error *list;
	unsigned count, cap, errors; /**< errors: those that are not warnings; at most 50 are kept */
};
void script_errors_free(struct script_errors *e);

/** 0; -EINVAL with errors filled in (sorted by place); -ENOMEM; -ENOENT with one error. Warnings are there on success too. */
int script_load(struct script_program **out, const struct script_options *opt, struct script_errors *errors);
/** The same from memory, name for messages. */
int script_load_text(struct script_program **out, const struct script_options *opt, const char *name, struct slice text,
	struct script_errors *errors);
struct script_program *script_ref(struct script_program *p);
void script_unref(struct script_program **pp);
enum script_dialect script_dialect_of(const struct script_program *p);
/** Is the program that runs on msg in the kamailio dialect? For functions whose codes differ. */
bool script_is_kamailio(const struct ph_msg *msg);
/** Why auto chose it, for the log. */
const char *script_dialect_reason(const struct script_program *p);

/** What core functions and variables work with on one worker; filled by the host. */
struct script_env {
	struct tm *tm;
	struct net *net;
	const struct net_socks *socks;
	struct counter_array *counters;
	unsigned first_counter;          /**< of script_counters */
	void *const *instances;          /**< of plugins, by script_provider.instance */
	/** uri's or host's ours? Listen addresses, advertised names and `aliases`. port 0: any. */
	bool (*is_myself)(void *arg, struct slice host, uint16_t port);
	/** May the message be suspended / is it closing down... the host's data for is_myself. */
	void *arg;
	unsigned max_loops;              /**< max_while_loops: 100 */
	uint32_t max_steps;              /**< instructions of one run before it is stopped (endless recursion): 1000000 */
};
extern const struct counter_desc script_counters[];
enum { SCRIPT_C_RUNS, SCRIPT_C_PARKED /* total */, SCRIPT_C_ERRORS, SCRIPT_C_LOOP_LIMIT };

/** The blocks of a program. Numbers are those of PH_ARG_ROUTE and struct msg_armed. */
enum script_block_kind {
	SCRIPT_REQUEST, SCRIPT_REPLY_MAIN /* unnamed onreply_route */, SCRIPT_REPLY, SCRIPT_FAILURE, SCRIPT_BRANCH, SCRIPT_LOCAL,
};
/** Number of the unnamed block of a kind (REQUEST, REPLY_MAIN, LOCAL); -1: there is none. */
int script_block(const struct script_program *p, enum script_block_kind kind);
/** Number of a named block; -1. */
int script_block_named(const struct script_program *p, enum script_block_kind kind, struct slice name);

struct script_result {
	int code;      /**< of the last statement or return */
	bool exited;   /**< exit, drop, or a function answered 0 */
	bool dropped;  /**< drop */
};
typedef void (*script_done)(void *arg, struct ph_msg *msg, const struct script_result *result);

enum { SCRIPT_FINISHED = 0, SCRIPT_SUSPENDED = 1 };
/**
 * Run a block on msg, nested in msg's current run if there is one. SCRIPT_FINISHED: *result is set, done is not called.
 * SCRIPT_SUSPENDED: done runs when the block is through, from some script_resume(). program is referenced by the run.
 * -ENOMEM: nothing ran.
 */
int script_start(const struct script_env *env, struct script_program *program, int block, enum ph_route route, struct ph_msg *msg,
	struct script_result *result, script_done done, void *arg);
/** The function that suspended msg's innermost run has its code. Runs on; when that run ends its done is called. */
void script_resume(struct ph_msg *msg, int code);
/** The same for one of msg's runs by name: what msg->run was while the function ran (several branches may be suspended at once). */
void script_resume_run(struct ph_msg *msg, struct script_run *run, int code);
/** Give up msg's runs (shutdown): done is called with code -1 and exited, innermost first. */
void script_abort(struct ph_msg *msg);
/** "edge.route:41 request_route" of the statement that runs now, for log lines; "" outside. Valid until the next statement. */
const char *script_where(const struct ph_msg *msg);

/* Variables, for plugins: a name compiled once, read and written on messages */

/** "$avp(received)", "$ru". NULL with why[128]. Freed with script_pv_free(). */
struct script_pv *script_pv_new(const char *text, char why[128]);
void script_pv_free(struct script_pv **pvp);
struct script_value {
	enum { SCRIPT_NULL, SCRIPT_INT, SCRIPT_TEXT } type;
	int64_t n;
	struct slice s; /**< for TEXT; in the message's arena or static */
};
/** 0; -ENOENT: null (*out is SCRIPT_NULL); -ENOMEM. */
int script_pv_get(const struct script_pv *pv, const struct script_env *env, struct ph_msg *msg, struct script_value *out);
/** 0; -EROFS; -EINVAL; -ENOMEM. */
int script_pv_set(const struct script_pv *pv, const struct script_env *env, struct ph_msg *msg, const struct script_value *value);
bool script_pv_writable(const struct script_pv *pv);
bool script_pv_is_avp(const struct script_pv *pv);
