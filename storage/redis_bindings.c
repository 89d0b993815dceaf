/* The index of a socket's bindings, written: binding:<socket>, a ZSET of {aor}:id by expiry. */
#include "storage/redis_keys.h"
#include "storage/store_redis.h"

enum {
	CLEAN_EVERY = 64, /* writes to sockets' sets between two cleanings */
	CLEAN_SLACK = 60, /* s; the nodes' clocks differ */
};

/*
 * Readers of a set take out what has expired; so that one nobody reads does not grow for
 * ever, a writer does it now and then.
 */
void redis_bindings_clean(struct redis_client *c, struct slice socket, int64_t now)
{
	struct redis_args args;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 4);
	redis_args_str(&args, "ZREMRANGEBYSCORE");
	redis_args_key(
		&args, redis_key_binding(c->scratch, c->h->st->conf.prefix, socket));
	redis_args_str(&args, "-inf");
	redis_args_int(&args, now - CLEAN_SLACK);
	redis_side_send(c, &args);
}

/* GT: a late REGISTER does not put the time back. */
void redis_bind(struct redis_client *c, const struct store_update *upd)
{
	unsigned i;

	for (i = 0; i < upd->count && !upd->remove_all; i++) {
		const struct store_contact *k = &upd->contacts[i];
		struct redis_args args;

		if (k->expires <= upd->now || slice_empty(k->socket))
			continue;
		if (c->binds++ % CLEAN_EVERY == 0)
			redis_bindings_clean(c, k->socket, upd->now);
		arena_reset(c->scratch);
		redis_args_init(&args, c->scratch, 5);
		redis_args_str(&args, "ZADD");
		redis_args_key(&args,
			redis_key_binding(c->scratch, c->h->st->conf.prefix, k->socket));
		redis_args_str(&args, "GT");
		redis_args_int(&args, k->expires);
		redis_args_key(&args, redis_key_member(c->scratch, upd->aor, k->id));
		redis_side_send(c, &args);
	}
}

void redis_unbind_member(
	struct redis_client *c, struct slice socket, struct slice member, int64_t expires)
{
	struct redis_args args;

	/* As text: it is short, and nobody could resend it after NOSCRIPT. */
	redis_args_init(&args, c->scratch, 6);
	redis_args_str(&args, "EVAL");
	redis_args_str(&args, store_scripts[STORE_S_UNBIND].text);
	redis_args_str(&args, "1");
	redis_args_key(
		&args, redis_key_binding(c->scratch, c->h->st->conf.prefix, socket));
	redis_args_key(&args, member);
	if (expires == INT64_MAX)
		redis_args_str(&args, "inf");
	else
		redis_args_int(&args, expires);
	redis_side_send(c, &args);
}

void redis_unbind(struct redis_client *c, struct slice aor, const struct redis_gone *gone)
{
	arena_reset(c->scratch);
	redis_unbind_member(c, gone->socket, redis_key_member(c->scratch, aor, gone->id),
		gone->expires);
}
