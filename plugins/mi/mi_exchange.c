#include "plugins/mi/mi_exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/mi/mi_rpc.h"

/* One request of the message. */
struct part {
	struct mi_exchange *x;
	struct mi_rpc rpc;
	json_t *response; /**< NULL: none yet, or a notification's */
};

struct mi_exchange {
	const struct mi_ctx *ctx; /**< valid as long as fn is set */
	mi_exchanged fn;          /**< NULL: abandoned */
	void *arg;
	struct mi_rpc_message message;
	unsigned open; /**< parts on the bus: it lives until they are back */
	bool failed;   /**< a response could not be made */
	struct part parts[];
};

static void exchange_free(struct mi_exchange *x)
{
	for (unsigned i = 0; i < x->message.count; i++)
		json_decref(x->parts[i].response);
	mi_rpc_free(&x->message);
	free(x);
}

/* All responses as one line. 0 and *line (NULL: nobody wants one), or -ENOMEM. */
static int exchange_line(struct mi_exchange *x, char **line)
{
	json_t *all = x->message.batch ? json_array() : json_incref(x->parts[0].response);
	bool empty = true;

	for (unsigned i = 0; i < x->message.count; i++) {
		if (!x->parts[i].response)
			continue;
		empty = false;
		if (x->message.batch && json_array_append(all, x->parts[i].response) != 0)
			x->failed = true;
	}
	*line = NULL;
	if (x->failed || empty) {
		json_decref(all);
		return x->failed ? -ENOMEM : 0;
	}
	*line = mi_rpc_line(all);
	return *line ? 0 : -ENOMEM;
}

/* Takes response. */
static void part_done(struct part *p, json_t *response)
{
	if (!response)
		response = mi_rpc_error(p->rpc.id, MI_INTERNAL, "the answer is too long, or there is no memory for it", 500);
	if (!response)
		p->x->failed = true;
	p->response = response;
}

static void part_failed(struct part *p, int status, const char *reason, bool unknown)
{
	mi_count(p->x->ctx, MI_C_ERRORS, 1);
	if (p->rpc.id)
		part_done(p, mi_rpc_failure(p->rpc.id, status, reason, unknown));
}

static void answered(void *arg, int code, const char *reason, const struct tree *result)
{
	struct part *p = arg;
	struct mi_exchange *x = p->x;
	char *line;
	int err;

	x->open--;
	if (x->fn && code != 0)
		part_failed(p, code, reason, mi_is_unknown(code, reason));
	else if (x->fn && p->rpc.id)
		part_done(p, mi_rpc_result(p->rpc.id, result, p->rpc.text));
	if (x->open > 0)
		return;
	if (x->fn) {
		err = exchange_line(x, &line);
		x->fn(x->arg, err, line);
	}
	exchange_free(x);
}

static void part_start(struct part *p, const json_t *item)
{
	const struct mi_ctx *ctx = p->x->ctx;
	const char *why;
	int err;

	mi_count(ctx, MI_C_COMMANDS, 1);
	if (mi_rpc_request(&p->rpc, item, &why) != 0) {
		/* also without an id: who wrote this cannot tell that it is a notification */
		mi_count(ctx, MI_C_ERRORS, 1);
		part_done(p, mi_rpc_error(p->rpc.id, MI_INVALID_REQUEST, why, 0));
		return;
	}
	err = bus_call(ctx->thread->bus, p->rpc.method, p->rpc.params, MI_DEADLINE_MS, answered, p);
	if (err == 0)
		p->x->open++;
	else if (err == -EINVAL)
		part_failed(p, 404, BUS_NO_SUCH_COMMAND "...'" ": a command's name has 1 to 63 characters", true);
	else
		part_failed(p, 503, err == -ENOMEM ? "out of memory" : "the bus does not take the command: too many wait", false);
}

static int refused(char **line, const struct mi_ctx *ctx, int err, const char *why)
{
	mi_count(ctx, MI_C_ERRORS, 1);
	*line = mi_rpc_line(mi_rpc_error(NULL, err, why, 0));
	return *line ? 0 : -ENOMEM;
}

int mi_exchange_start(struct mi_exchange **out, char **line, const struct mi_ctx *ctx, struct slice text, mi_exchanged fn, void *arg)
{
	struct mi_rpc_message m;
	struct mi_exchange *x;
	int err = mi_rpc_read(&m, text);

	*out = NULL;
	if (err != 0) {
		mi_rpc_free(&m);
		return refused(line, ctx, err, m.why);
	}
	x = calloc(1, sizeof(*x) + m.count * sizeof(x->parts[0]));
	if (!x) {
		mi_rpc_free(&m);
		return -ENOMEM;
	}
	*x = (struct mi_exchange){.ctx = ctx, .fn = fn, .arg = arg, .message = m};
	for (unsigned i = 0; i < m.count; i++) {
		x->parts[i].x = x;
		part_start(&x->parts[i], mi_rpc_item(&m, i));
	}
	if (x->open > 0) {
		*out = x;
		return 0;
	}
	err = exchange_line(x, line);
	exchange_free(x);
	return err;
}

void mi_exchange_abandon(struct mi_exchange **xp)
{
	struct mi_exchange *x = *xp;

	*xp = NULL;
	if (x)
		x->fn = NULL;
}
