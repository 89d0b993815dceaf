/**
 * @file run.h  A script on its way through a message. Private to core/script.
 *
 * All of it lives in the message's arena: the program counter, the value stack, one frame for each route(X) that is
 * open. So a function may suspend the message anywhere: nothing of a run stands on the C stack between two instructions.
 */
#pragma once

#include "core/base/counter.h"
#include "core/script/program.h"
#include "core/script/value.h"

#define RUN_MAX_NESTING 100 /**< route(X) inside route(X) */
#define RUN_WHERE       128

struct run_frame {
	int block;
	int32_t back;  /**< instruction to go on with in the caller */
	unsigned base; /**< of the value stack */
	int code;      /**< of the last statement */
	const struct script_value *params;
	unsigned param_count;
};

/** The script variables; a nested run shares those of the run around it. */
struct run_vars {
	struct script_value *slots; /**< by program_var() */
	bool *set;
	struct run_var *others; /**< names that only formats and functions use */
};

struct run_var {
	struct slice name;
	struct script_value value;
	struct run_var *next;
};

enum run_state { RUN_GOES, RUN_PARKED, RUN_OVER };

struct script_run {
	const struct script_env *env;
	struct script_program *prog;
	struct ph_msg *msg;
	struct script_run *parent; /**< what the message goes on with */
	script_done done;
	void *done_arg;
	unsigned route, outer_route; /**< msg->route of this run, and before it */

	enum run_state state;
	int32_t pc, at; /**< next instruction, and the one that runs */
	uint32_t steps;
	struct script_value *stack;
	unsigned top, cap;
	struct run_frame *frames;
	unsigned depth, frame_cap;
	struct run_vars *vars;
	int rc; /**< $rc */

	struct ph_arg args
		[PH_MAX_ARGS]; /**< of the call at hand; a parked function may keep looking */
	regex_t *patterns;     /**< compiled for that call, PH_MAX_ARGS of them */
	unsigned patterns_used; /**< set of those */
	bool woken; /**< script_resume() came before the function had returned */
	int woken_code;
	bool aborted;

	struct script_result result;
	char where[RUN_WHERE];
};

/* run_stack.c */
struct script_run *run_new(
	const struct script_env *env, struct script_program *program, struct ph_msg *msg);
/** Enter a block; args lie on top of the stack and go. 0; -ENOMEM, -E2BIG: nested too deeply. */
int run_enter(struct script_run *r, int block, unsigned args);
static inline void run_push(struct script_run *r, struct script_value v)
{
	r->stack[r->top++] = v;
}
static inline struct script_value run_pop(struct script_run *r)
{
	return r->stack[--r->top];
}
static inline struct run_frame *run_frame(struct script_run *r)
{
	return &r->frames[r->depth - 1];
}
/** One line with the call and the place in the script. */
void run_log(const struct script_run *r, enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void run_count(const struct script_run *r, unsigned counter, int64_t n);
/** End the run at once: exited, with this code. */
void run_stop(struct script_run *r, int code);

/* run_vars.c */
struct script_value run_slot(const struct script_run *r, unsigned slot);
int run_slot_set(struct script_run *r, unsigned slot, const struct script_value *v);

/* run_call.c: OP_CALL. What the function answered, PH_PARK included */
int run_call(struct script_run *r, const struct script_site *site);
void run_call_over(struct script_run *r);

/* run_ops.c: the instructions that only touch values. False: not one of them */
bool run_value_op(struct script_run *r, const struct script_instr *in);
bool run_regex(struct script_run *r, struct slice pattern, struct slice text);
/** Compile a pattern that came at run time; false, logged, when it is bad or would take too much. */
bool run_regcomp(struct script_run *r, regex_t *re, struct slice pattern, int flags);
