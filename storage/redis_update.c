/* Contacts written: the index first, then the script that decides, then what the script
 * says is left over. */
#include <errno.h>

#include "storage/redis_keys.h"
#include "storage/redis_parse.h"
#include "storage/store_contact.h"
#include "storage/store_redis.h"

enum {
	CLEAN_EVERY = 64, /* writes to sockets' sets between two cleanings */
	CLEAN_SLACK = 60, /* s; the nodes' clocks differ */
};

void redis_script_args(struct redis_args *args, struct redis_client *c,
	enum store_script_id id, bool whole, struct slice aor, unsigned more)
{
	const char *prefix = c->h->st->conf.prefix;
	struct slice set, contacts;

	arena_reset(c->scratch);
	redis_args_init(args, c->scratch, 5 + more);
	set = redis_key_aor(c->scratch, prefix, aor);
	contacts = redis_key_contacts(c->scratch, prefix, aor);
	if (set.p == NULL || contacts.p == NULL)
		args->err = -ENOMEM;
	redis_args_str(args, whole ? "EVAL" : "EVALSHA");
	redis_args_str(args, whole ? store_scripts[id].text : c->sha[id]);
	redis_args_str(args, "2");
	redis_args_add(args, set);
	redis_args_add(args, contacts);
}

bool redis_is_noscript(const redisReply *r)
{
	return r->type == REDIS_REPLY_ERROR && r->len >= 8 &&
		memcmp(r->str, "NOSCRIPT", 8) == 0;
}

static void add_contact(struct redis_args *args, const struct store_contact *c)
{
	redis_args_add(args, c->id);
	redis_args_add(args, c->uri);
	redis_args_add(args, c->received);
	redis_args_add(args, c->path);
	redis_args_add(args, c->socket);
	redis_args_add(args, c->call_id);
	redis_args_int(args, c->cseq);
	redis_args_int(args, c->q);
	redis_args_int(args, c->bflags);
	redis_args_int(args, c->nated ? 1 : 0);
	redis_args_add(args, c->methods);
	redis_args_add(args, c->user_agent);
	redis_args_add(args, c->instance);
	redis_args_add(args, c->reg_id);
	redis_args_int(args, c->expires);
	redis_args_int(args, c->registered);
	redis_args_add(args, c->node);
}

static void update_args(struct redis_args *args, struct redis_client *c,
	const struct store_update *upd, bool whole)
{
	unsigned max = upd->max_contacts;
	unsigned i;

	if (max == 0 || max > STORE_MAX_CONTACTS)
		max = STORE_MAX_CONTACTS;
	redis_script_args(args, c, STORE_S_UPDATE, whole, upd->aor,
		7 + upd->count * (1 + STORE_FIELDS));
	redis_args_add(args, upd->call_id);
	redis_args_int(args, upd->cseq);
	redis_args_int(args, upd->now);
	redis_args_int(args, upd->remove_all ? 1 : 0);
	redis_args_int(args, max);
	redis_args_int(args, upd->replace ? 1 : 0);
	redis_args_int(args, upd->count);
	for (i = 0; i < upd->count; i++)
		add_contact(args, &upd->contacts[i]);
}

/*
 * Readers of a set take out what has expired; so that one nobody reads does not grow for
 * ever, a writer does it now and then.
 */
static void clean_socket(struct redis_client *c, struct slice socket, int64_t now)
{
	struct redis_args args;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 4);
	redis_args_str(&args, "ZREMRANGEBYSCORE");
	redis_args_add(
		&args, redis_key_binding(c->scratch, c->h->st->conf.prefix, socket));
	redis_args_str(&args, "-inf");
	redis_args_int(&args, now - CLEAN_SLACK);
	redis_side_send(c, &args);
}

/* Into the sets of the sockets that the contacts came by. GT: a late REGISTER does not
 * put the time back. */
static void bind_sockets(struct redis_client *c, const struct store_update *upd)
{
	unsigned i;

	for (i = 0; i < upd->count && !upd->remove_all; i++) {
		const struct store_contact *k = &upd->contacts[i];
		struct redis_args args;

		if (k->expires <= upd->now || slice_empty(k->socket))
			continue;
		if (c->binds++ % CLEAN_EVERY == 0)
			clean_socket(c, k->socket, upd->now);
		arena_reset(c->scratch);
		redis_args_init(&args, c->scratch, 5);
		redis_args_str(&args, "ZADD");
		redis_args_add(&args,
			redis_key_binding(c->scratch, c->h->st->conf.prefix, k->socket));
		redis_args_str(&args, "GT");
		redis_args_int(&args, k->expires);
		redis_args_add(&args, redis_key_member(c->scratch, upd->aor, k->id));
		redis_side_send(c, &args);
	}
}

/* Out of a socket's set, unless it has been saved again meanwhile, for longer. */
static void unbind(
	struct redis_client *c, struct slice aor, const struct redis_gone *gone)
{
	struct redis_args args;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 6);
	/* As text: it is short, and nobody could resend it after NOSCRIPT. */
	redis_args_str(&args, "EVAL");
	redis_args_str(&args, store_scripts[STORE_S_UNBIND].text);
	redis_args_str(&args, "1");
	redis_args_add(&args,
		redis_key_binding(c->scratch, c->h->st->conf.prefix, gone->socket));
	redis_args_add(&args, redis_key_member(c->scratch, aor, gone->id));
	redis_args_int(&args, gone->expires);
	redis_side_send(c, &args);
}

/* Those that the script says have left their sockets. */
static void unbind_gone(struct redis_client *c, struct slice aor, const redisReply *reply)
{
	struct redis_gone list[STORE_MAX_CONTACTS];
	unsigned count = redis_parse_gone(reply, list, STORE_MAX_CONTACTS);
	unsigned i;

	for (i = 0; i < count; i++)
		unbind(c, aor, &list[i]);
}

/* The update was refused, but the sets were written first: take out what is not in force. */
static void unbind_refused(
	struct redis_client *c, const struct store_update *upd, const redisReply *reply)
{
	unsigned i;

	for (i = 0; i < upd->count && !upd->remove_all; i++) {
		const struct store_contact *k = &upd->contacts[i];
		const struct redis_gone gone = {
			.id = k->id, .socket = k->socket, .expires = k->expires};

		if (k->expires > upd->now && !slice_empty(k->socket) &&
			!redis_parse_in_force(reply, k->id))
			unbind(c, upd->aor, &gone);
	}
}

/* The script was not known: the same again as text. True: the operation goes on. */
static bool resend_update(struct redis_op *op)
{
	struct redis_args args;

	if (op->whole)
		return false;
	op->whole = true;
	update_args(&args, op->client, op->upd, true);
	return redis_op_send(op, &args) == 0;
}

static void on_update(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct redis_client *c = op->client;
	const redisReply *gone = NULL;
	int err;

	(void)index;
	if (redis_is_noscript(reply) && resend_update(op))
		return;
	err = redis_reply_err(c, reply);
	if (err == 0)
		err = redis_parse_update(reply, op->upd, op->contacts, &gone);
	if (err == 0 && gone != NULL)
		unbind_gone(c, op->upd->aor, gone);
	if (err == -ENOSPC || (err == 0 && op->contacts->unchanged))
		unbind_refused(c, op->upd, reply);
	/* What this node has saved, it keeps for the time without Redis. No memory: then it
	 * does not. */
	if (err == 0 && !op->contacts->unchanged)
		(void)store_table_mirror(c->h->st->table, op->upd);
	redis_op_done(op, err == -EBADMSG ? -EIO : err);
}

int redis_update(struct store_handle *h, const struct store_update *upd,
	struct store_contacts *out, store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args args;
	struct redis_op *op;
	int err;

	op = redis_op_new(c, on_update, done, arg, &err);
	if (op == NULL)
		return err;
	op->upd = upd;
	op->contacts = out;
	bind_sockets(c, upd);
	update_args(&args, c, upd, false);
	return redis_op_start(op, &args);
}

static void remove_args(struct redis_args *args, struct redis_op *op)
{
	redis_script_args(args, op->client, STORE_S_REMOVE, op->whole, op->aor, 1);
	redis_args_add(args, op->id);
}

static void on_remove(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct redis_client *c = op->client;
	struct redis_args args;
	int64_t n = 0;
	int err;

	(void)index;
	if (redis_is_noscript(reply) && !op->whole) {
		op->whole = true;
		remove_args(&args, op);
		if (redis_op_send(op, &args) == 0)
			return;
	}
	err = redis_reply_err(c, reply);
	if (err == 0 &&
		(reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
			redis_parse_int(reply->element[0], &n) != 0 || n < 0 ||
			n > UINT32_MAX))
		err = -EIO;
	if (err == 0) {
		unbind_gone(c, op->aor, reply->element[1]);
		(void)store_table_remove(c->h->st->table, op->aor, op->id, clock_wall());
		*op->removed = (unsigned)n;
	}
	redis_op_done(op, err);
}

int redis_remove(struct store_handle *h, struct slice aor, struct slice id,
	unsigned *removed, store_done done, void *arg)
{
	struct redis_args args;
	struct redis_op *op;
	int err;

	op = redis_op_new(h->redis, on_remove, done, arg, &err);
	if (op == NULL)
		return err;
	op->aor = aor;
	op->id = id;
	op->removed = removed;
	remove_args(&args, op);
	return redis_op_start(op, &args);
}
