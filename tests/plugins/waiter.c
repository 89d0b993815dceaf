/*
 * For tests of suspended messages: functions that wait.
 *
 * test_wait(ms [, code]) is woken after ms and answers code (1). test_never() is ended by its deadline of 300 ms and answers -1.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/host/plugin.h"

struct waiter {
	struct ph_worker *worker;
	struct log_source *log;
	unsigned first_counter;
};

enum { WAITER_C_CANCELLED, WAITER_C_TIMEOUTS, WAITER_C_SHUTDOWN };
static const struct counter_desc waiter_counters[] = {
	[WAITER_C_CANCELLED] = {"waiter_cancelled", "Calls of the cancelled hook.", COUNTER_TOTAL},
	[WAITER_C_TIMEOUTS] = {"waiter_timeouts", "Waits ended by their deadline.", COUNTER_TOTAL},
	[WAITER_C_SHUTDOWN] = {"waiter_shutdown", "Waits ended by the shutdown.", COUNTER_TOTAL},
	{0},
};

struct wait {
	struct waiter *self;
	struct timer timer;
	ph_token token;
	int code;
};

static int resumed(void *self, struct ph_msg *msg, void *state, int result)
{
	struct waiter *waiter = self;
	struct wait *wait = state;

	(void)msg;
	timer_stop(&wait->timer);
	if (result == -ETIMEDOUT)
		counter_inc(waiter->worker->t.counters, waiter->first_counter + WAITER_C_TIMEOUTS);
	if (result == -ECANCELED)
		counter_inc(waiter->worker->t.counters, waiter->first_counter + WAITER_C_SHUTDOWN);
	return result < 0 ? PH_FALSE : wait->code;
}

static void over(void *arg)
{
	struct wait *wait = arg;

	ph_wake(&wait->self->worker->t, wait->token, 0);
}

static int park(struct waiter *self, struct ph_msg *msg, unsigned deadline, struct wait **out)
{
	struct wait *wait = arena_zalloc(msg->arena, sizeof(*wait));
	int err;

	if (!wait)
		return -ENOMEM;
	wait->self = self;
	wait->code = PH_TRUE;
	timer_init(&wait->timer, over, wait);
	err = ph_park(msg, resumed, self, wait, deadline, &wait->token);
	if (err == 0)
		*out = wait;
	return err;
}

static int fn_wait(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct waiter *waiter = self;
	struct wait *wait = NULL;
	int err = park(waiter, msg, 10000, &wait);

	if (err != 0)
		return err == -EBUSY ? PH_STOP : PH_FALSE;
	if (args[1].given)
		wait->code = (int)args[1].n;
	timer_start(waiter->worker->t.loop, &wait->timer, (uint64_t)args[0].n);
	return PH_PARK;
}

static int fn_never(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct wait *wait = NULL;
	int err = park(self, msg, 300, &wait);

	(void)args;
	if (err != 0)
		return err == -EBUSY ? PH_STOP : PH_FALSE;
	return PH_PARK;
}

/* Wakes it twice: the second one finds a token that is used up. */
static void over_twice(void *arg)
{
	struct wait *wait = arg;
	struct ph_worker *worker = wait->self->worker;
	ph_token token = wait->token;

	ph_wake(&worker->t, token, 0);
	ph_wake(&worker->t, token, 0);
}

static int fn_stale(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct waiter *waiter = self;
	struct wait *wait = NULL;
	int err = park(waiter, msg, 10000, &wait);

	(void)args;
	if (err != 0)
		return err == -EBUSY ? PH_STOP : PH_FALSE;
	timer_init(&wait->timer, over_twice, wait);
	timer_start(waiter->worker->t.loop, &wait->timer, 20);
	return PH_PARK;
}

static void cancelled(void *self, struct ph_msg *msg)
{
	struct waiter *waiter = self;

	(void)msg;
	counter_inc(waiter->worker->t.counters, waiter->first_counter + WAITER_C_CANCELLED);
}

static int worker_start(struct ph_worker *worker, const struct ph_plugin_ctx *ctx, void **selfp)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));

	if (!waiter)
		return -ENOMEM;
	waiter->worker = worker;
	waiter->log = ctx->log;
	waiter->first_counter = ctx->first_counter;
	*selfp = waiter;
	return 0;
}

static void worker_stop(void *self)
{
	free(self);
}

/* A command that asks every worker, for tests of the scatter. */
static void cmd_where(void *self, const json_t *params, struct tree *out)
{
	struct waiter *waiter = self;

	(void)params;
	tree_add(out, "thread", waiter->worker->t.name);
}

static const struct ph_mi_cmd waiter_commands[] = {
	{.name = "test_where", .help = "Names every worker.", .worker = cmd_where},
	{0},
};

static const struct ph_script_fn waiter_functions[] = {
	{.name = "test_wait", .args = {{.kind = PH_ARG_INT, .name = "ms"}, {.kind = PH_ARG_INT, .name = "code"}}, .min_args = 1,
		.max_args = 2, .routes = PH_ROUTES_ALL, .call = fn_wait, .help = "Waits ms, then answers code."},
	{.name = "test_never", .routes = PH_ROUTES_ALL, .call = fn_never, .help = "Waits for its deadline."},
	{.name = "test_stale", .routes = PH_ROUTES_ALL, .call = fn_stale, .help = "Is woken twice."},
	{0},
};

const struct ph_plugin ph_plugin = {
	.abi = PH_PLUGIN_ABI,
	.name = "waiter",
	.version = PACKAGE_VERSION,
	.help = "Functions that wait, for tests.",
	.functions = waiter_functions,
	.commands = waiter_commands,
	.counters = waiter_counters,
	.worker_start = worker_start,
	.worker_stop = worker_stop,
	.cancelled = cancelled,
};
