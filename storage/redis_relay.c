/* What is known of relays: rtpp:relay:<url>. Each writer has fields of its own, so nothing is
 * tested. */
#include <errno.h>

#include "storage/redis_keys.h"
#include "storage/redis_sets.h"
#include "storage/store_relay.h"

static const char *const fields[] = {
	"enabled", "state", "disabled_until", "last_error", "reported_by"};
enum { ENABLED, STATE, DISABLED_UNTIL, LAST_ERROR, REPORTED_BY, FIELDS };

struct relays_op {
	struct redis_op op;
	const struct slice *urls;
	struct store_relays *out;
	struct store_relays found; /* handed to out when whole */
};

/* Fields that make no sense count as not written; texts are cut to what a report holds. */
static int parse_relay(struct relays_op *o, struct slice url, redisReply *const *v)
{
	struct store_relay *r = &o->found.list[o->found.count];
	struct slice *const texts[] = {&r->state, &r->last_error, &r->reported_by};
	static const unsigned from[] = {STATE, LAST_ERROR, REPORTED_BY};
	struct slice text;
	unsigned i;

	*r = (struct store_relay){.enabled = true};
	if (v[ENABLED]->type != REDIS_REPLY_NIL &&
		(redis_parse_text(v[ENABLED], &text) != 0 ||
			store_switch_parse(text, &r->enabled) != 0))
		redis_complain(
			o->op.client, "a relay's \"enabled\" is neither 0 nor 1", url);
	if (redis_parse_number(v[DISABLED_UNTIL], INT64_MAX, &r->disabled_until) != 0)
		redis_complain(
			o->op.client, "a relay's \"disabled_until\" is no number", url);
	r->url = arena_dup(o->found.arena, url);
	if (r->url.p == NULL)
		return -ENOMEM;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (redis_parse_text(v[from[i]], &text) != 0)
			text = SLICE("");
		*texts[i] = arena_dup(o->found.arena, slice_sub(text, 0, STORE_NAME_MAX));
		if (texts[i]->p == NULL)
			return -ENOMEM;
	}
	o->found.count++;
	return 0;
}

static void on_relay(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct relays_op *o = (struct relays_op *)op;
	int err = redis_reply_err(op->client, reply);

	if (err == 0 && (reply->type != REDIS_REPLY_ARRAY || reply->elements != FIELDS))
		err = -EIO;
	if (err == 0)
		err = parse_relay(o, o->urls[index], reply->element);
	if (err != 0)
		op->err = err;
	if (op->heard < op->sent)
		return;
	if (op->err == 0)
		*o->out = o->found;
	redis_op_done(op, op->err);
}

static int ask_relay(struct relays_op *o, struct slice url)
{
	struct redis_client *c = o->op.client;
	struct redis_args args;
	unsigned i;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 2 + FIELDS);
	redis_args_str(&args, "HMGET");
	redis_args_key(&args, redis_key_relay(c->scratch, c->h->st->conf.prefix, url));
	for (i = 0; i < FIELDS; i++)
		redis_args_str(&args, fields[i]);
	return redis_op_send(&o->op, &args);
}

static int relays_get(struct store_handle *h, const struct slice *urls, unsigned count,
	struct store_relays *out, store_done done, void *arg)
{
	struct relays_op *o;
	unsigned i;
	int err;

	if (count == 0) {
		*out = (struct store_relays){.arena = out->arena};
		return 0;
	}
	o = redis_op_new(h->redis, sizeof(*o), on_relay, done, arg, &err);
	if (o == NULL)
		return err;
	o->urls = urls;
	o->out = out;
	o->found.arena = out->arena;
	o->found.list = arena_alloc(out->arena, count * sizeof(*o->found.list));
	err = o->found.list == NULL ? -ENOMEM : 0;
	for (i = 0; i < count && err == 0; i++)
		err = ask_relay(o, urls[i]);
	return err == 0 ? -EINPROGRESS : redis_op_abandon(&o->op, err);
}

static void on_written(struct redis_op *op, unsigned index, const redisReply *reply)
{
	(void)index;
	redis_op_done(op, redis_reply_err(op->client, reply));
}

static void start_write(struct redis_op *op, struct redis_args *args, struct slice url)
{
	struct redis_client *c = op->client;

	arena_reset(c->scratch);
	redis_args_init(args, c->scratch, 2 + 2 * FIELDS);
	redis_args_str(args, "HSET");
	redis_args_key(args, redis_key_relay(c->scratch, c->h->st->conf.prefix, url));
}

static int relay_enable(
	struct store_handle *h, struct slice url, bool on, store_done done, void *arg)
{
	struct redis_args args;
	struct redis_op *op;
	int err;

	op = redis_op_new(h->redis, sizeof(*op), on_written, done, arg, &err);
	if (op == NULL)
		return err;
	start_write(op, &args, url);
	redis_args_str(&args, fields[ENABLED]);
	redis_args_int(&args, on ? 1 : 0);
	return redis_op_start(op, &args);
}

static int relay_report(
	struct store_handle *h, const struct store_relay *r, store_done done, void *arg)
{
	struct redis_args args;
	struct redis_op *op;
	int err;

	op = redis_op_new(h->redis, sizeof(*op), on_written, done, arg, &err);
	if (op == NULL)
		return err;
	start_write(op, &args, r->url);
	redis_args_str(&args, fields[STATE]);
	redis_args_add(&args, r->state);
	redis_args_str(&args, fields[DISABLED_UNTIL]);
	redis_args_int(&args, r->disabled_until);
	redis_args_str(&args, fields[LAST_ERROR]);
	redis_args_add(&args, r->last_error);
	redis_args_str(&args, fields[REPORTED_BY]);
	redis_args_add(&args, r->reported_by);
	return redis_op_start(op, &args);
}

const struct store_relay_ops redis_relay_ops = {
	.seed = redis_sets_seed,
	.sets = redis_sets_get,
	.relays = relays_get,
	.enable = relay_enable,
	.report = relay_report,
};
