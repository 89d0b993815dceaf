/* The machine: fetches instructions, goes in and out of blocks, suspends and goes on. */
#include <errno.h>

#include "core/script/pv_row.h"
#include "core/script/run.h"

#define MAX_LOOPS 100
#define MAX_STEPS 1000000

static void fail(struct script_run *r, const char *why)
{
	run_log(r, LOG_L_ERR, "script stopped: %s", why);
	run_count(r, SCRIPT_C_ERRORS, 1);
	run_stop(r, PH_FALSE);
}

/* A function or a block gave its code. */
static void answered(struct script_run *r, int code)
{
	r->rc = code;
	if (code == PH_STOP)
		run_stop(r, PH_STOP);
	else
		run_push(r, value_of_int(code));
}

/* The message's innermost run is r now. False: it is none of its runs. */
static bool to_front(struct ph_msg *msg, struct script_run *r)
{
	struct script_run **p = &msg->run;

	while (*p != NULL && *p != r)
		p = &(*p)->parent;
	if (*p == NULL)
		return false;
	*p = r->parent;
	r->parent = msg->run;
	msg->run = r;
	msg->route = r->route;
	return true;
}

static void call(struct script_run *r, const struct script_instr *in)
{
	int code = run_call(
		r, *PROGRAM_AT(r->prog->sites, struct script_site *, (unsigned)in->a));

	/* The function may have left a block suspended (a branch's) and yet be done itself. */
	if (r->msg->run != r && code != PH_PARK)
		to_front(r->msg, r);
	if (r->aborted) {
		run_call_over(r);
		run_stop(r, PH_FALSE);
	} else if (code == PH_PARK) {
		r->state = RUN_PARKED;
		run_count(r, SCRIPT_C_PARKED, 1);
	} else {
		run_call_over(r);
		answered(r, code);
	}
}

static void enter(struct script_run *r, int block, unsigned args)
{
	int err = run_enter(r, block, args);

	if (err != 0)
		fail(r,
			err == -E2BIG ? "route(X) is nested too deeply"
				      : "out of memory");
}

static void enter_by_name(struct script_run *r, unsigned args)
{
	struct script_value *name = &r->stack[r->top - args - 1];
	struct slice text = value_text(r->msg->arena, name);
	int block = slice_eq(text, SLICE("0"))
		? script_block(r->prog, SCRIPT_REQUEST)
		: script_block_named(r->prog, SCRIPT_REQUEST, text);

	if (block < 0) {
		run_log(r, LOG_L_ERR, "route(): there is no route[%.*s]",
			(int)(text.len < 100 ? text.len : 100), text.p ? text.p : "");
		r->top -= args + 1;
		answered(r, PH_FALSE);
		return;
	}
	/* The name goes, the arguments move down. */
	memmove(name, name + 1, args * sizeof(*name));
	r->top--;
	enter(r, block, args);
}

/* The block at hand is over. */
static void leave(struct script_run *r, int code)
{
	struct run_frame f = *run_frame(r);
	const struct script_block *b =
		PROGRAM_AT(r->prog->blocks, struct script_block, (unsigned)f.block);

	r->top = f.base;
	if (r->depth == 1) {
		r->result.code = code;
		r->result.exited = code == 0;
		/* Kamailio's `return 0` here means "do not forward it". */
		r->result.dropped = code == 0 && b->kind == SCRIPT_REPLY_MAIN &&
			r->prog->dialect == SCRIPT_KAMAILIO;
		r->state = RUN_OVER;
		return;
	}
	r->depth--;
	r->pc = f.back;
	answered(r, code);
}

static bool turn(struct script_run *r, struct script_value *n)
{
	unsigned max = r->env->max_loops ? r->env->max_loops : MAX_LOOPS;

	if (n->n++ < (int64_t)max)
		return true;
	run_log(r, LOG_L_ERR, "loop left after %u turns (max_while_loops)", max);
	run_count(r, SCRIPT_C_LOOP_LIMIT, 1);
	return false;
}

/* The next of all values of a variable: for ($var(x) in $(avp(y)[*])). */
static void each(struct script_run *r, const struct script_instr *in)
{
	const struct script_pv *pv = *PROGRAM_AT(r->prog->pvs, struct script_pv *, in->b);
	struct script_value *n = &r->stack[r->top - 1], v = {.type = SCRIPT_NULL};
	struct script_pv one = *pv;
	int err;

	one.index = pv->index == PV_ALL ? PV_AT : pv->index;
	one.at = pv->index == PV_ALL ? n->n : pv->at;
	/* Without [*] there is one value. */
	err = pv->index != PV_ALL && n->n > 0 ? -ENOENT
					      : script_pv_get(&one, r->env, r->msg, &v);
	if (err != 0 || v.type == SCRIPT_NULL || !turn(r, n))
		r->pc = in->a;
	else
		run_push(r, v);
}

static void is_case(struct script_run *r, const struct script_instr *in)
{
	const struct script_value *c =
		PROGRAM_AT(r->prog->consts, struct script_value, in->b);

	if (value_is_case(r->msg->arena, &r->stack[r->top - 1], c,
		    r->prog->dialect == SCRIPT_KAMAILIO)) {
		r->top--;
		r->pc = in->a;
	}
}

/* && and ||: stay with 0 or 1 and jump, or drop the value and look at the right side. */
static void short_cut(struct script_run *r, const struct script_instr *in)
{
	struct script_value *top = &r->stack[r->top - 1];
	bool truth = value_truth(top, r->prog->dialect == SCRIPT_KAMAILIO);

	if (truth == (in->op == OP_OR)) {
		*top = value_of_int(truth);
		r->pc = in->a;
	} else {
		r->top--;
	}
}

static void finish(struct script_run *r, const struct script_instr *in)
{
	struct script_value v = run_pop(r);

	if (in->op == OP_RETURN) {
		leave(r, value_code(&v));
		return;
	}
	run_stop(r, value_code(&v));
	r->result.dropped = in->op == OP_DROP;
}

static void execute(struct script_run *r, const struct script_instr *in)
{
	struct script_value v;

	switch ((int)in->op) {
	case OP_JUMP:
		r->pc = in->a;
		break;
	case OP_FALSE:
		v = run_pop(r);
		if (!value_truth(&v, r->prog->dialect == SCRIPT_KAMAILIO))
			r->pc = in->a;
		break;
	case OP_AND:
	case OP_OR:
		short_cut(r, in);
		break;
	case OP_CASE:
		is_case(r, in);
		break;
	case OP_LOOP:
		run_push(r, value_of_int(0));
		break;
	case OP_TURN:
		if (!turn(r, &r->stack[r->top - 1]))
			r->pc = in->a;
		break;
	case OP_EACH:
		each(r, in);
		break;
	case OP_CALL:
		call(r, in);
		break;
	case OP_ROUTE:
		enter(r, in->a, in->b);
		break;
	case OP_ROUTE_BY:
		enter_by_name(r, in->b);
		break;
	case OP_CODE:
		run_frame(r)->code = in->a;
		break;
	case OP_RESULT:
		v = run_pop(r);
		run_frame(r)->code = value_code(&v);
		break;
	case OP_END:
		leave(r, run_frame(r)->code);
		break;
	case OP_RETURN:
	case OP_EXIT:
	case OP_DROP:
		finish(r, in);
		break;
	default:
		run_value_op(r, in);
		break;
	}
}

static void go_on(struct script_run *r)
{
	uint32_t max = r->env->max_steps ? r->env->max_steps : MAX_STEPS;

	while (r->state == RUN_GOES) {
		if (++r->steps > max) {
			fail(r, "too many steps");
			break;
		}
		r->at = r->pc++;
		execute(r,
			PROGRAM_AT(r->prog->code, struct script_instr, (unsigned)r->at));
	}
}

/* The run is no longer the message's; what is around it goes on. */
static void detach(struct script_run *r)
{
	run_call_over(r);
	r->state = RUN_OVER;
	r->msg->run = r->parent;
	r->msg->route = r->parent != NULL ? r->parent->route : r->outer_route;
	script_unref(&r->prog);
}

int script_start(const struct script_env *env, struct script_program *program, int block,
	enum ph_route route, struct ph_msg *msg, struct script_result *result,
	script_done done, void *arg)
{
	struct script_run *r = run_new(env, program, msg);

	if (r == NULL || run_enter(r, block, 0) != 0)
		return -ENOMEM;
	r->parent = msg->run;
	r->outer_route = msg->route;
	r->route = route;
	r->done = done;
	r->done_arg = arg;
	r->rc = PH_TRUE;
	script_ref(program);
	msg->run = r;
	msg->route = route;
	run_count(r, SCRIPT_C_RUNS, 1);
	go_on(r);
	if (r->state == RUN_PARKED)
		return SCRIPT_SUSPENDED;
	*result = r->result;
	detach(r);
	return SCRIPT_FINISHED;
}

/* Nothing of the run or the message may be touched afterwards: done may be the end of both. */
static void report(struct script_run *r)
{
	struct script_result result = r->result;
	struct ph_msg *msg = r->msg;
	script_done done = r->done;
	void *arg = r->done_arg;

	detach(r);
	if (done != NULL)
		done(arg, msg, &result);
}

void script_resume(struct ph_msg *msg, int code)
{
	if (msg->run != NULL)
		script_resume_run(msg, msg->run, code);
}

void script_resume_run(struct ph_msg *msg, struct script_run *r, int code)
{
	if (!to_front(msg, r))
		return;
	if (r->state != RUN_PARKED) {
		/* The function has not even returned yet. */
		r->woken = true;
		r->woken_code = code;
		return;
	}
	run_call_over(r);
	r->state = RUN_GOES;
	answered(r, code);
	go_on(r);
	if (r->state == RUN_OVER)
		report(r);
}

void script_abort(struct ph_msg *msg)
{
	/* Any done may be the message's end. */
	msg_ref(msg);
	while (msg->run != NULL) {
		struct script_run *r = msg->run;

		if (r->state != RUN_PARKED) {
			/* A function of it is on the C stack: it ends when that returns. */
			r->aborted = true;
			break;
		}
		r->result = (struct script_result){.code = PH_FALSE, .exited = true};
		report(r);
	}
	msg_unref(&msg);
}
