#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/script/run.h"

const struct counter_desc script_counters[] = {
	[SCRIPT_C_RUNS] = {.name = "script_runs",
		.help = "Blocks of the script that were run."},
	[SCRIPT_C_PARKED] = {.name = "script_parked",
		.help = "Times that a script was suspended to wait for an answer."},
	[SCRIPT_C_ERRORS] = {.name = "script_errors",
		.help = "Scripts that were stopped: no memory, too many steps, nested "
			"too deeply."},
	[SCRIPT_C_LOOP_LIMIT] = {.name = "script_loop_limit",
		.help = "Loops that were left because they took too many turns."},
	{0},
};

struct script_run *run_new(
	const struct script_env *env, struct script_program *program, struct ph_msg *msg)
{
	struct script_run *r = arena_zalloc(msg->arena, sizeof(*r));
	struct script_run *outer = msg->run;
	size_t vars = program->vars.count;

	if (r == NULL)
		return NULL;
	r->env = env;
	r->prog = program;
	r->msg = msg;
	if (outer != NULL && outer->prog == program) {
		r->vars = outer->vars;
		return r;
	}
	r->vars = arena_zalloc(msg->arena, sizeof(*r->vars));
	if (r->vars == NULL)
		return NULL;
	r->vars->slots = arena_zalloc(msg->arena, vars * sizeof(struct script_value));
	r->vars->set = arena_zalloc(msg->arena, vars * sizeof(bool));
	return r->vars->slots != NULL && r->vars->set != NULL ? r : NULL;
}

/* What is left behind in the arena is at most as much again. */
static int more_stack(struct script_run *r, unsigned want)
{
	unsigned cap = r->cap ? r->cap : 16;
	struct script_value *stack;

	if (want <= r->cap)
		return 0;
	while (cap < want)
		cap *= 2;
	stack = arena_alloc(r->msg->arena, cap * sizeof(*stack));
	if (stack == NULL)
		return -ENOMEM;
	if (r->top > 0)
		memcpy(stack, r->stack, r->top * sizeof(*stack));
	r->stack = stack;
	r->cap = cap;
	return 0;
}

static int more_frames(struct script_run *r)
{
	unsigned cap = r->frame_cap ? r->frame_cap * 2 : 4;
	struct run_frame *frames;

	if (r->depth < r->frame_cap)
		return 0;
	if (r->depth > RUN_MAX_NESTING)
		return -E2BIG;
	frames = arena_alloc(r->msg->arena, cap * sizeof(*frames));
	if (frames == NULL)
		return -ENOMEM;
	if (r->depth > 0)
		memcpy(frames, r->frames, r->depth * sizeof(*frames));
	r->frames = frames;
	r->frame_cap = cap;
	return 0;
}

int run_enter(struct script_run *r, int block, unsigned args)
{
	const struct script_block *b =
		PROGRAM_AT(r->prog->blocks, struct script_block, (unsigned)block);
	struct script_value *params = NULL;
	int err;

	if (r->depth > RUN_MAX_NESTING)
		return -E2BIG;
	if (args > 0) {
		params = arena_alloc(r->msg->arena, args * sizeof(*params));
		if (params == NULL)
			return -ENOMEM;
		memcpy(params, &r->stack[r->top - args], args * sizeof(*params));
	}
	err = more_frames(r);
	if (err == 0)
		err = more_stack(r, r->top - args + b->stack);
	if (err != 0)
		return err;
	r->top -= args;
	r->frames[r->depth++] = (struct run_frame){
		.block = block,
		.back = r->pc,
		.base = r->top,
		.code = PH_TRUE,
		.params = params,
		.param_count = args,
	};
	r->pc = b->entry;
	return 0;
}

void run_log(const struct script_run *r, enum log_level level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!log_wants(r->prog->log, level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_write(r->prog->log, level, r->msg->sip.call_id, "%s: %s",
		script_where(r->msg), text);
}

void run_count(const struct script_run *r, unsigned counter, int64_t n)
{
	if (r->env->counters != NULL)
		counter_add(r->env->counters, r->env->first_counter + counter, n);
}

void run_stop(struct script_run *r, int code)
{
	r->result.code = code;
	r->result.exited = true;
	r->state = RUN_OVER;
}

const char *script_where(const struct ph_msg *msg)
{
	struct script_run *r = msg->run;
	const struct script_loc *loc;
	const struct script_block *b;

	if (r == NULL || r->depth == 0)
		return "";
	loc = PROGRAM_AT(r->prog->places, struct script_loc, (unsigned)r->at);
	b = PROGRAM_AT(
		r->prog->blocks, struct script_block, (unsigned)run_frame(r)->block);
	snprintf(r->where, sizeof(r->where), "%.60s:%u %.48s",
		*PROGRAM_AT(r->prog->files, const char *, loc->file), loc->line,
		b->label);
	return r->where;
}
