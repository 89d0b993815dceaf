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

int redis_client_open(struct redis_client **out, struct store_handle *h,
	const struct redis_client_conf *conf)
{
	const struct store_conf *sc = &h->st->conf;
	struct redis_client *c = calloc(1, sizeof(*c));
	struct redis_conn_conf cc = {
		.target = conf->target,
		.describe = conf->describe,
		.log = h->st->log,
		.connect_timeout = sc->connect_timeout,
		.reconnect_max = sc->reconnect_max,
		.once = conf->once,
		.changed = conf->changed,
		.arg = conf->arg,
	};
	unsigned i;
	int err = 0;

	if (c == NULL)
		return -ENOMEM;
	ignore_sigpipe();
	c->h = h;
	c->describe = conf->describe;
	for (i = 0; i < STORE_S_COUNT && err == 0; i++)
		err = store_script_sha((enum store_script_id)i, c->sha[i]);
	c->scratch = arena_new(SCRATCH_FIRST, SCRATCH_LIMIT);
	if (c->scratch == NULL)
		err = -ENOMEM;
	cc.silence_max = sc->command_timeout * 2 > SILENCE_MIN_MS
		? sc->command_timeout * 2
		: SILENCE_MIN_MS;
	if (err == 0)
		err = redis_conn_open(&c->conn, h->loop, &cc);
	if (err != 0) {
		client_free(c);
		return err;
	}
	*out = c;
	return 0;
}

void redis_client_close(struct redis_client **cp)
{
	struct redis_client *c = *cp;

	*cp = NULL;
	if (c == NULL)
		return;
	redis_ops_cancel(c);
	redis_conn_close(&c->conn);
	client_free(c);
}

static void on_changed(void *arg, bool ready)
{
	store_count(arg, ready ? STORE_C_CONNECTS : STORE_C_LOST, 1);
}

static int redis_open(struct store_handle *h)
{
	const struct redis_client_conf conf = {
		.target = h->st->target,
		.describe = h->st->describe,
		.changed = on_changed,
		.arg = h,
	};

	return redis_client_open(&h->redis, h, &conf);
}

static void redis_close(struct store_handle *h)
{
	redis_client_close(&h->redis);
}

static bool redis_ready(const struct store_handle *h)
{
	return redis_conn_ready(h->redis->conn);
}

static const struct store_contact_ops contacts = {
	.update = redis_update,
	.get = redis_get,
	.remove = redis_remove,
	.scan = redis_scan,
	.bindings = redis_bindings,
	.left = redis_left,
};

static const struct store_node_ops nodes = {
	.secret = redis_secret,
	.beat = redis_beat,
	.nodes = redis_nodes,
	.lease_take = redis_lease_take,
	.lease_get = redis_lease_get,
	.lease_drop = redis_lease_drop,
};

const struct store_backend store_redis = {
	.name = "redis",
	.open = redis_open,
	.close = redis_close,
	.ready = redis_ready,
	.contacts = &contacts,
	.nodes = &nodes,
	.relays = &redis_relay_ops,
	.dialogs = &redis_dialog_ops,
};
