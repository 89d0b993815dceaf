/**
 * @file mi.h  What the mi plugin's parts share: parameters, counters, small things.
 *
 * Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/host/plugin.h"

#define MI_DEADLINE_MS 5000 /**< of a command on the bus */

struct mi_conf {
	char *socket;
	int64_t max_clients;
	int64_t idle_timeout;
	char *fifo;
	char *fifo_reply_dir;
	int64_t fifo_timeout;
};

enum {
	MI_C_COMMANDS,
	MI_C_ERRORS,
	MI_C_CLIENTS_REFUSED,
	MI_C_FIFO_REQUESTS,
	MI_C_FIFO_REFUSED,
	MI_C_FIFO_SKIPPED,
	MI_C_FIFO_REPLIES_LOST,
};

/** Given to every part; outlives them. */
struct mi_ctx {
	struct ph_thread *thread;
	struct log_source *log;
	const struct mi_conf *conf;
	unsigned first_counter;
};

static inline void mi_count(const struct mi_ctx *ctx, unsigned which, uint64_t n)
{
	counter_add(ctx->thread->counters, ctx->first_counter + which, (int64_t)n);
}

/** Lines about what clients do wrong: one of a kind in MI_QUIET_MS. Zero-initialise. */
#define MI_QUIET_MS 10000
struct mi_quiet {
	uint64_t until;
	unsigned left_out;
};
/** May a line be written now? Then *left_out says how many were not since the last one. */
static inline bool mi_may_log(struct mi_quiet *q, const struct loop *loop, unsigned *left_out)
{
	uint64_t now = loop_now(loop);

	if (now < q->until) {
		q->left_out++;
		return false;
	}
	*left_out = q->left_out;
	*q = (struct mi_quiet){.until = now + MI_QUIET_MS};
	return true;
}

/** Did the bus answer this because nobody serves such a command? */
static inline bool mi_is_unknown(int code, const char *reason)
{
	return code == 404 && strncmp(reason, BUS_NO_SUCH_COMMAND, sizeof(BUS_NO_SUCH_COMMAND) - 1) == 0;
}
