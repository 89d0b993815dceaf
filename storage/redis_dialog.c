/*
 * Dialogs written: the index first, then the script that decides, then what is left of the
 * index. What the script says of the record is what the index is made to say.
 */
#include "storage/redis_dialog.h"

#include <errno.h>
#include <limits.h>

#include "storage/redis_keys.h"

struct write_op {
	struct redis_op op;
	enum store_script_id script;
	struct slice call_id, id;
	int64_t deadline_ms; /* what is asked for */
	unsigned script_at;  /* which send the script is */
	bool unknown;        /* the server did not know the script */
	int result;
	const struct store_dialog *d;          /* put */
	struct slice text;                     /* expire, end: reason; claim: who */
	uint64_t fence;                        /* claim */
	char found_call_id[STORE_CALL_ID_MAX]; /* expire */
};

static int64_t keep_ms(int64_t deadline_ms)
{
	return store_dialog_keep_ms(deadline_ms, store_wall_ms());
}

/* Words of the script's call up to its key. */
static void script_args(struct redis_args *args, struct write_op *w, unsigned more)
{
	struct redis_client *c = w->op.client;

	arena_reset(c->scratch);
	redis_args_init(args, c->scratch, 4 + more);
	redis_args_str(args, w->op.whole ? "EVAL" : "EVALSHA");
	redis_args_str(
		args, w->op.whole ? store_scripts[w->script].text : c->sha[w->script]);
	redis_args_str(args, "1");
	redis_args_key(args,
		redis_key_dialog(c->scratch, c->h->st->conf.prefix, w->call_id, w->id));
}

static void put_args(struct redis_args *args, struct write_op *w)
{
	const struct store_dialog *d = w->d;

	script_args(args, w, 6 + 2 * (DIALOG_FIELDS - DIALOG_F_PLAIN));
	redis_args_str(args, store_dialog_state_name(d->state));
	redis_args_add(args, d->node);
	redis_args_int(args, d->deadline_ms);
	redis_args_int(args, keep_ms(d->deadline_ms));
	redis_args_add(args, d->reason);
	redis_args_u64(args, d->fence);
	redis_dialog_plain_args(args, d);
}

static void other_args(struct redis_args *args, struct write_op *w)
{
	script_args(args, w, 4);
	if (w->script == STORE_S_DIALOG_EXPIRE) {
		redis_args_int(args, w->deadline_ms);
		redis_args_add(args, w->text);
	} else if (w->script == STORE_S_DIALOG_CLAIM) {
		redis_args_u64(args, w->fence);
		redis_args_add(args, w->text);
		redis_args_int(args, w->deadline_ms);
		redis_args_int(args, keep_ms(w->deadline_ms));
	} else {
		redis_args_add(args, w->text);
		redis_args_int(args, STORE_DIALOG_KEEP_S * 1000);
	}
}

/* The timers' part: earlier, never later; or out of them. */
static int send_timer(struct write_op *w)
{
	struct redis_args args;

	if (w->script == STORE_S_DIALOG_END)
		redis_timers_remove_args(&args, w->op.client, w->id);
	else
		redis_timers_add_args(&args, w->op.client, "LT", w->deadline_ms, w->id);
	return redis_op_send(&w->op, &args);
}

/* The script, and behind it the timers again: who has looked at the record before the script
 * cannot put them back. */
static int send_script(struct write_op *w)
{
	struct redis_args args;
	int err;

	w->script_at = w->op.sent;
	w->unknown = false;
	if (w->script == STORE_S_DIALOG_PUT)
		put_args(&args, w);
	else
		other_args(&args, w);
	err = redis_op_send(&w->op, &args);
	return err != 0 ? err : send_timer(w);
}

static int send_write(struct write_op *w)
{
	int err = w->script != STORE_S_DIALOG_END ? send_timer(w) : 0;

	return err != 0 ? err : send_script(w);
}

static void expire_id(struct write_op *w, int64_t ms)
{
	struct redis_client *c = w->op.client;
	struct redis_args args;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 3);
	redis_args_str(&args, ms == 0 ? "DEL" : "PEXPIRE");
	redis_args_key(
		&args, redis_key_dialog_id(c->scratch, c->h->st->conf.prefix, w->id));
	if (ms != 0)
		redis_args_int(&args, ms);
	redis_side_send(c, &args);
}

/* {code, state, deadline, former deadline of a put} */
static int parse_answer(const redisReply *r, enum store_dialog_state *state,
	int64_t *deadline_ms, int64_t *former_ms)
{
	struct slice code = {0}, name;

	if (r->type != REDIS_REPLY_ARRAY || r->elements < 3)
		return -EIO;
	if (redis_parse_text(r->element[1], &name) != 0 ||
		store_dialog_state_parse(name, state) != 0)
		*state = STORE_DIALOG_ENDED;
	/* A deadline that makes no sense: the timers stay as they are. */
	if (redis_parse_number(r->element[2], STORE_DIALOG_NUMBER_MAX, deadline_ms) != 0)
		*deadline_ms = 0;
	*former_ms = 0;
	if (r->elements > 3)
		(void)redis_parse_number(
			r->element[3], STORE_DIALOG_NUMBER_MAX, former_ms);
	if (r->element[0]->type == REDIS_REPLY_INTEGER)
		return 0;
	if (redis_parse_text(r->element[0], &code) != 0)
		return -EIO;
	return slice_eq(code, SLICE("ENOENT")) ? -ENOENT : -EALREADY;
}

/* The index, made to fit what the record says now. */
static void mend(struct write_op *w, enum store_dialog_state state, int64_t deadline_ms,
	int64_t former_ms)
{
	struct redis_client *c = w->op.client;

	if (w->script == STORE_S_DIALOG_END) {
		expire_id(w, slice_empty(w->text) ? 0 : STORE_DIALOG_KEEP_S * 1000);
		return;
	}
	if (state == STORE_DIALOG_ENDED) {
		/* None, or an ended one: this write has put it into the timers. */
		redis_timers_mend(c, w->call_id, w->id, 0);
		if (w->result == -EALREADY)
			expire_id(w, STORE_DIALOG_KEEP_S * 1000);
		return;
	}
	if (deadline_ms == 0)
		return;
	if (deadline_ms != w->deadline_ms || w->script == STORE_S_DIALOG_CLAIM ||
		(former_ms != 0 && former_ms != deadline_ms))
		redis_timers_mend(c, w->call_id, w->id, deadline_ms);
	if (w->result == 0 &&
		(w->script == STORE_S_DIALOG_CLAIM || deadline_ms > w->deadline_ms))
		redis_dialog_id_write(c, w->call_id, w->id, deadline_ms, false);
}

static void on_script(struct write_op *w, const redisReply *reply)
{
	enum store_dialog_state state = STORE_DIALOG_ENDED;
	int64_t deadline_ms = 0, former_ms = 0;
	int err;

	if (!w->op.whole && redis_reply_says(reply, "NOSCRIPT")) {
		w->op.whole = w->unknown = true;
		return;
	}
	err = redis_reply_err(w->op.client, reply);
	if (err == 0) {
		err = parse_answer(reply, &state, &deadline_ms, &former_ms);
		w->result = err;
		if (err != -EIO)
			mend(w, state, deadline_ms, former_ms);
	}
	w->result = err;
}

static void on_write(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct write_op *w = (struct write_op *)op;
	int err;

	if (index == w->script_at) {
		on_script(w, reply);
		return;
	}
	err = redis_reply_err(op->client, reply);
	if (err != 0 && op->err == 0)
		op->err = err;
	if (index < w->script_at)
		return;
	if (w->unknown && op->err == 0) {
		op->err = send_script(w);
		if (op->err == 0)
			return;
	}
	redis_op_done(op, op->err != 0 ? op->err : w->result);
}

static struct write_op *start(struct store_handle *h, enum store_script_id script,
	redis_reply_fn on_reply, struct slice call_id, struct slice id, store_done done,
	void *arg, int *err)
{
	struct write_op *w = redis_op_new(h->redis, sizeof(*w), on_reply, done, arg, err);

	if (w == NULL)
		return NULL;
	w->script = script;
	w->call_id = call_id;
	w->id = id;
	return w;
}

/* -EINPROGRESS when what was to be sent is sent. */
static int started(struct write_op *w, int err)
{
	return err == 0 ? -EINPROGRESS : redis_op_abandon(&w->op, err);
}

static int dialog_put(
	struct store_handle *h, const struct store_dialog *d, store_done done, void *arg)
{
	struct write_op *w;
	int err;

	w = start(h, STORE_S_DIALOG_PUT, on_write, d->call_id, d->id, done, arg, &err);
	if (w == NULL)
		return err;
	w->d = d;
	w->deadline_ms = d->deadline_ms;
	redis_dialog_id_write(h->redis, d->call_id, d->id, d->deadline_ms, false);
	return started(w, send_write(w));
}

/* Only the id is known: its Call-ID first. */
static void on_expire(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct write_op *w = (struct write_op *)op;
	struct slice call_id;
	int err;

	if (index > 0) {
		on_write(op, index, reply);
		return;
	}
	err = redis_reply_err(op->client, reply);
	if (err == 0 && redis_parse_text(reply, &call_id) != 0)
		err = -EIO;
	if (err == 0 && (slice_empty(call_id) || call_id.len > STORE_CALL_ID_MAX))
		err = -ENOENT;
	if (err == 0) {
		memcpy(w->found_call_id, call_id.p, call_id.len);
		w->call_id = slice_make(w->found_call_id, call_id.len);
		err = send_write(w);
	}
	if (err != 0)
		redis_op_done(op, err);
}

static int dialog_expire(struct store_handle *h, struct slice id, int64_t at_ms,
	struct slice reason, store_done done, void *arg)
{
	struct redis_args args;
	struct write_op *w;
	int err;

	w = start(h, STORE_S_DIALOG_EXPIRE, on_expire, SLICE(""), id, done, arg, &err);
	if (w == NULL)
		return err;
	w->deadline_ms = at_ms;
	w->text = reason;
	w->script_at = UINT_MAX;
	redis_dialog_name_args(&args, h->redis, id);
	return redis_op_start(&w->op, &args);
}

static int dialog_claim(struct store_handle *h, struct slice call_id, struct slice id,
	uint64_t fence, struct slice me, int64_t retry_ms, store_done done, void *arg)
{
	struct write_op *w;
	int err;

	w = start(h, STORE_S_DIALOG_CLAIM, on_write, call_id, id, done, arg, &err);
	if (w == NULL)
		return err;
	w->fence = fence;
	w->text = me;
	w->deadline_ms = retry_ms;
	return started(w, send_write(w));
}

static int dialog_end(struct store_handle *h, struct slice call_id, struct slice id,
	struct slice reason, store_done done, void *arg)
{
	struct write_op *w;
	int err;

	w = start(h, STORE_S_DIALOG_END, on_write, call_id, id, done, arg, &err);
	if (w == NULL)
		return err;
	w->text = reason;
	return started(w, send_write(w));
}

const struct store_dialog_ops redis_dialog_ops = {
	.put = dialog_put,
	.get = redis_dialogs_get,
	.find = redis_dialog_find,
	.due = redis_dialogs_due,
	.scan = redis_dialogs_scan,
	.expire = dialog_expire,
	.claim = dialog_claim,
	.end = dialog_end,
};
