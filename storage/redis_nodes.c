/* Who has a heartbeat: the names first, then each. */
#include "storage/redis_keys.h"
#include "storage/store_node.h"
#include "storage/store_redis.h"

enum { LISTED_MS = 60000 }; /* a name with no heartbeat leaves the list after that */

struct nodes_op {
	struct redis_op op;
	struct store_nodes *out;
	struct store_nodes found; /* handed to out when whole */
	struct slice *names;      /* in the arena */
	int64_t *beats;           /* likewise: ms since 1970, by the list */
	unsigned count, heard;
};

/* A node that has just started may be listed before its heartbeat is there. */
static void unlist(struct nodes_op *n, unsigned i)
{
	struct redis_client *c = n->op.client;
	int64_t age = store_wall_ms() - n->beats[i];
	struct redis_args args;

	if (age > -LISTED_MS && age < LISTED_MS)
		return;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 3);
	redis_args_str(&args, "ZREM");
	redis_args_key(&args, redis_key_nodes(c->scratch, c->h->st->conf.prefix));
	redis_args_add(&args, n->names[i]);
	redis_side_send(c, &args);
	store_count(c->h, STORE_C_MENDED, 1);
}

/* Who has a heartbeat lives, whatever else is written there. */
static int take_node(struct nodes_op *n, struct slice name, redisReply *const *v)
{
	struct store_node *node = &n->found.list[n->found.count];
	struct slice version = {0}, sockets = {0};
	int64_t started = 0, load = 0;

	if (v[0]->type == REDIS_REPLY_NIL && v[1]->type == REDIS_REPLY_NIL)
		return -ENOENT;
	(void)redis_parse_text(v[0], &version);
	(void)redis_parse_number(v[1], INT64_MAX, &started);
	(void)redis_parse_text(v[2], &sockets);
	(void)redis_parse_number(v[3], UINT32_MAX, &load);
	*node = (struct store_node){.name = name,
		.version = arena_dup(n->found.arena, version),
		.sockets = arena_dup(n->found.arena, sockets),
		.started = started,
		.load = (unsigned)load};
	if (node->version.p == NULL || node->sockets.p == NULL)
		return -ENOMEM;
	n->found.count++;
	return 0;
}

static void finish_nodes(struct nodes_op *n, int err)
{
	store_nodes_sort(n->found.list, n->found.count);
	if (err == 0)
		*n->out = n->found;
	redis_op_done(&n->op, err);
}

static void on_node(struct nodes_op *n, const redisReply *reply)
{
	unsigned i = n->heard++;
	int err = redis_reply_err(n->op.client, reply);

	if (redis_reply_says(reply, "WRONGTYPE"))
		err = -ENOENT;
	else if (err == 0 && (reply->type != REDIS_REPLY_ARRAY || reply->elements != 4))
		err = -EIO;
	else if (err == 0)
		err = take_node(n, n->names[i], reply->element);
	if (err == -ENOENT)
		unlist(n, i);
	else if (err != 0)
		n->op.err = err;
	if (n->heard == n->count)
		finish_nodes(n, n->op.err);
}

static int ask_nodes(struct nodes_op *n, const redisReply *list)
{
	struct redis_client *c = n->op.client;
	size_t most = list->elements / 2, i;
	int err = 0;

	n->names = arena_alloc(n->found.arena, most * sizeof(*n->names));
	n->beats = arena_alloc(n->found.arena, most * sizeof(*n->beats));
	n->found.list = arena_alloc(n->found.arena, most * sizeof(*n->found.list));
	if (n->names == NULL || n->beats == NULL || n->found.list == NULL)
		return -ENOMEM;
	for (i = 0; i < most && err == 0; i++) {
		struct redis_args args;
		struct slice name;

		if (redis_parse_text(list->element[2 * i], &name) != 0 ||
			name.len > STORE_NAME_MAX ||
			redis_parse_score(
				list->element[2 * i + 1], &n->beats[n->count]) != 0)
			continue;
		n->names[n->count] = arena_dup(n->found.arena, name);
		if (n->names[n->count++].p == NULL)
			return -ENOMEM;
		arena_reset(c->scratch);
		redis_args_init(&args, c->scratch, 6);
		redis_args_str(&args, "HMGET");
		redis_args_key(
			&args, redis_key_node(c->scratch, c->h->st->conf.prefix, name));
		redis_args_str(&args, "version");
		redis_args_str(&args, "started");
		redis_args_str(&args, "sockets");
		redis_args_str(&args, "load");
		err = redis_op_send(&n->op, &args);
	}
	return err;
}

static void on_nodes(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct nodes_op *n = (struct nodes_op *)op;
	int err;

	if (index > 0) {
		on_node(n, reply);
		return;
	}
	err = redis_reply_err(op->client, reply);
	if (err == 0 && reply->type != REDIS_REPLY_ARRAY)
		err = -EIO;
	if (err == 0)
		err = ask_nodes(n, reply);
	if (err != 0 || n->count == 0)
		finish_nodes(n, err);
}

int redis_nodes(
	struct store_handle *h, struct store_nodes *out, store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args args;
	struct nodes_op *n;
	int err;

	n = redis_op_new(c, sizeof(*n), on_nodes, done, arg, &err);
	if (n == NULL)
		return err;
	n->out = out;
	n->found.arena = out->arena;
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 5);
	/* Those that beat last: names that somebody left there push no live one out. */
	redis_args_str(&args, "ZREVRANGE");
	redis_args_key(&args, redis_key_nodes(c->scratch, h->st->conf.prefix));
	redis_args_str(&args, "0");
	redis_args_int(&args, STORE_MAX_NODES - 1);
	redis_args_str(&args, "WITHSCORES");
	return redis_op_start(&n->op, &args);
}
