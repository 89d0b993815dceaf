/* The redis backend's handle. */
#include "storage/store_redis.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

enum {
	SCRATCH_FIRST = 16384,
	SCRATCH_LIMIT = 16
		<< 20, /* a REGISTER fills 64 kB at most, each byte escaped at most threefold */
	SILENCE_MIN_MS = 2000,
};

static void on_changed(void *arg, bool ready)
{
	struct redis_client *c = arg;

	store_count(c->h, ready ? STORE_C_CONNECTS : STORE_C_LOST, 1);
}

/* hiredis 0.14 writes with write(2): a connection that the server closed must not end the
 * process. */
static void ignore_sigpipe(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		(void)signal(SIGPIPE, SIG_IGN);
}

static void client_free(struct redis_client *c)
{
	arena_put(c->scratch);
	free(c);
}

static int redis_open(struct store_handle *h)
{
	const struct store_conf *conf = &h->st->conf;
	struct redis_client *c = calloc(1, sizeof(*c));
	struct redis_conn_conf cc = {
		.target = h->st->target,
		.describe = h->st->describe,
		.log = h->st->log,
		.connect_timeout = conf->connect_timeout,
		.reconnect_max = conf->reconnect_max,
		.changed = on_changed,
		.arg = c,
	};
	unsigned i;
	int err = 0;

	if (c == NULL)
		return -ENOMEM;
	ignore_sigpipe();
	c->h = h;
	for (i = 0; i < STORE_S_COUNT && err == 0; i++)
		err = store_script_sha((enum store_script_id)i, c->sha[i]);
	c->scratch = arena_new(SCRATCH_FIRST, SCRATCH_LIMIT);
	if (c->scratch == NULL)
		err = -ENOMEM;
	cc.silence_max = conf->command_timeout * 2 > SILENCE_MIN_MS
		? conf->command_timeout * 2
		: SILENCE_MIN_MS;
	if (err == 0)
		err = redis_conn_open(&c->conn, h->loop, &cc);
	if (err != 0) {
		client_free(c);
		return err;
	}
	h->redis = c;
	return 0;
}

static void redis_close(struct store_handle *h)
{
	struct redis_client *c = h->redis;

	redis_ops_cancel(c);
	redis_conn_close(&c->conn);
	client_free(c);
	h->redis = NULL;
}

static bool redis_ready(const struct store_handle *h)
{
	return redis_conn_ready(h->redis->conn);
}

const struct store_backend store_redis = {
	.name = "redis",
	.open = redis_open,
	.close = redis_close,
	.ready = redis_ready,
	.update = redis_update,
	.get = redis_get,
	.remove = redis_remove,
	.scan = redis_scan,
	.secret = redis_secret,
	.beat = redis_beat,
};
