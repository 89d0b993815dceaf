/* Contacts written: the index first, then the script that decides, then what the script
 * says is left over. */
#include <errno.h>

#include "storage/redis_keys.h"
#include "storage/redis_parse.h"
#include "storage/store_contact.h"
#include "storage/store_redis.h"

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

/* Those that the script says have left their sockets. */
static void unbind_gone(struct redis_client *c, struct slice aor, const redisReply *reply)
{
	struct redis_gone list[STORE_MAX_CONTACTS];
	unsigned count = redis_parse_gone(reply, list, STORE_MAX_CONTACTS);
	unsigned i;

	for (i = 0; i < count; i++) {
		redis_unbind(c, aor, &list[i]);
		redis_left_add(c, aor, &list[i]);
	}
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
			redis_unbind(c, upd->aor, &gone);
	}
}

struct update_op {
	struct redis_op op;
	const struct store_update *upd;
	struct store_contacts *out;
};

/* The script was not known: the same again as text. True: the operation goes on. */
static bool resend_update(struct update_op *u)
{
	struct redis_args args;

	if (u->op.whole)
		return false;
	u->op.whole = true;
	update_args(&args, u->op.client, u->upd, true);
	return redis_op_send(&u->op, &args) == 0;
}

static void on_update(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct update_op *u = (struct update_op *)op;
	struct redis_client *c = op->client;
	const redisReply *gone = NULL;
	int err;

	(void)index;
	if (redis_reply_says(reply, "NOSCRIPT") && resend_update(u))
		return;
	err = redis_reply_err(c, reply);
	if (err == 0)
		err = redis_parse_update(reply, u->upd, u->out, &gone);
	if (err == 0 && gone != NULL)
		unbind_gone(c, u->upd->aor, gone);
	if (err == -ENOSPC || (err == 0 && u->out->unchanged))
		unbind_refused(c, u->upd, reply);
	/* What this node has saved, it keeps for the time without Redis. No memory: then it
	 * does not. */
	if (err == 0 && !u->out->unchanged)
		(void)store_table_mirror(c->h->st->table, u->upd);
	redis_op_done(op, err == -EBADMSG ? -EIO : err);
}

int redis_update(struct store_handle *h, const struct store_update *upd,
	struct store_contacts *out, store_done done, void *arg)
{
	struct redis_client *c = h->redis;
	struct redis_args args;
	struct update_op *u;
	int err;

	u = redis_op_new(c, sizeof(*u), on_update, done, arg, &err);
	if (u == NULL)
		return err;
	u->upd = upd;
	u->out = out;
	redis_bind(c, upd);
	update_args(&args, c, upd, false);
	return redis_op_start(&u->op, &args);
}

struct remove_op {
	struct redis_op op;
	struct slice aor, id;
	unsigned *removed;
};

static void remove_args(struct redis_args *args, const struct remove_op *r)
{
	redis_script_args(args, r->op.client, STORE_S_REMOVE, r->op.whole, r->aor, 1);
	redis_args_add(args, r->id);
}

static void on_remove(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct remove_op *r = (struct remove_op *)op;
	struct redis_client *c = op->client;
	struct redis_args args;
	int64_t n = 0;
	int err;

	(void)index;
	if (redis_reply_says(reply, "NOSCRIPT") && !op->whole) {
		op->whole = true;
		remove_args(&args, r);
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
		unbind_gone(c, r->aor, reply->element[1]);
		(void)store_table_remove(c->h->st->table, r->aor, r->id, clock_wall());
		*r->removed = (unsigned)n;
	}
	redis_op_done(op, err);
}

int redis_remove(struct store_handle *h, struct slice aor, struct slice id,
	unsigned *removed, store_done done, void *arg)
{
	struct redis_args args;
	struct remove_op *r;
	int err;

	r = redis_op_new(h->redis, sizeof(*r), on_remove, done, arg, &err);
	if (r == NULL)
		return err;
	r->aor = aor;
	r->id = id;
	r->removed = removed;
	remove_args(&args, r);
	return redis_op_start(&r->op, &args);
}
