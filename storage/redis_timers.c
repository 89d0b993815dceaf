/* The index of dialogs - dialog:timers and dialog:id:<id> - brought in line with the records. */
#include <errno.h>

#include "storage/redis_dialog.h"
#include "storage/redis_keys.h"

enum { ROUNDS = 3 }; /* a record that changes faster is left to the next reader */

void redis_timers_add_args(struct redis_args *args, struct redis_client *c,
	const char *option, int64_t deadline_ms, struct slice id)
{
	arena_reset(c->scratch);
	redis_args_init(args, c->scratch, 5);
	redis_args_str(args, "ZADD");
	redis_args_key(args, redis_key_timers(c->scratch, c->h->st->conf.prefix));
	if (option != NULL)
		redis_args_str(args, option);
	redis_args_int(args, deadline_ms);
	redis_args_add(args, id);
}

void redis_timers_remove_args(
	struct redis_args *args, struct redis_client *c, struct slice id)
{
	arena_reset(c->scratch);
	redis_args_init(args, c->scratch, 3);
	redis_args_str(args, "ZREM");
	redis_args_key(args, redis_key_timers(c->scratch, c->h->st->conf.prefix));
	redis_args_add(args, id);
}

void redis_dialog_name_args(
	struct redis_args *args, struct redis_client *c, struct slice id)
{
	arena_reset(c->scratch);
	redis_args_init(args, c->scratch, 2);
	redis_args_str(args, "GET");
	redis_args_key(args, redis_key_dialog_id(c->scratch, c->h->st->conf.prefix, id));
}

void redis_dialog_id_write(struct redis_client *c, struct slice call_id, struct slice id,
	int64_t deadline_ms, bool nx)
{
	struct redis_args args;

	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 6);
	redis_args_str(&args, "SET");
	redis_args_key(&args, redis_key_dialog_id(c->scratch, c->h->st->conf.prefix, id));
	redis_args_add(&args, call_id);
	redis_args_str(&args, "PX");
	redis_args_int(&args, store_dialog_keep_ms(deadline_ms, store_wall_ms()));
	if (nx)
		redis_args_str(&args, "NX");
	redis_side_send(c, &args);
}

enum step { WRITTEN, NAME, RECORD };

struct mend_op {
	struct redis_op op;
	enum step step; /* whose reply is awaited */
	unsigned rounds;
	int64_t says; /* what was written; 0: taken out */
	struct slice id, call_id;
	char text[STORE_DIALOG_ID_MAX + STORE_CALL_ID_MAX];
};

static void set_call_id(struct mend_op *m, struct slice call_id)
{
	char *to = m->text + STORE_DIALOG_ID_MAX;

	if (!slice_empty(call_id))
		memcpy(to, call_id.p, call_id.len);
	m->call_id = slice_make(to, call_id.len);
}

static int look(struct mend_op *m)
{
	struct redis_client *c = m->op.client;
	struct redis_args args;

	if (slice_empty(m->call_id)) {
		redis_dialog_name_args(&args, c, m->id);
		return redis_op_send(&m->op, &args);
	}
	arena_reset(c->scratch);
	redis_args_init(&args, c->scratch, 4);
	redis_args_str(&args, "HMGET");
	redis_args_key(&args,
		redis_key_dialog(c->scratch, c->h->st->conf.prefix, m->call_id, m->id));
	redis_args_str(&args, redis_dialog_fields[DIALOG_F_STATE]);
	redis_args_str(&args, redis_dialog_fields[DIALOG_F_DEADLINE]);
	return redis_op_send(&m->op, &args);
}

static int write_and_look(struct mend_op *m, int64_t deadline_ms)
{
	struct redis_client *c = m->op.client;
	struct redis_args args;
	int err;

	m->says = deadline_ms;
	m->step = WRITTEN;
	if (deadline_ms == 0)
		redis_timers_remove_args(&args, c, m->id);
	else
		redis_timers_add_args(&args, c, NULL, deadline_ms, m->id);
	err = redis_op_send(&m->op, &args);
	return err != 0 ? err : look(m);
}

/* The deadline of a record that waits for it; 0: there is none. */
static int64_t deadline_of(const redisReply *reply)
{
	enum store_dialog_state state;
	struct slice text;
	int64_t ms;

	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
		redis_parse_text(reply->element[0], &text) != 0 ||
		store_dialog_state_parse(text, &state) != 0 ||
		state == STORE_DIALOG_ENDED ||
		redis_parse_number(reply->element[1], STORE_DIALOG_NUMBER_MAX, &ms) != 0)
		return 0;
	return ms;
}

static void compare(struct mend_op *m, int64_t deadline_ms)
{
	if (deadline_ms == m->says || ++m->rounds == ROUNDS ||
		write_and_look(m, deadline_ms) != 0)
		redis_op_done(&m->op, 0);
}

static void on_mend(struct redis_op *op, unsigned index, const redisReply *reply)
{
	struct mend_op *m = (struct mend_op *)op;
	struct slice call_id;

	(void)index;
	if (redis_reply_err(op->client, reply) != 0 &&
		!redis_reply_says(reply, "WRONGTYPE")) {
		redis_op_done(op, -EIO);
		return;
	}
	switch (m->step) {
	case WRITTEN:
		m->step = slice_empty(m->call_id) ? NAME : RECORD;
		break;
	case NAME:
		if (redis_parse_text(reply, &call_id) != 0 || slice_empty(call_id) ||
			call_id.len > STORE_CALL_ID_MAX) {
			compare(m, 0);
			break;
		}
		set_call_id(m, call_id);
		m->step = RECORD;
		if (look(m) != 0)
			redis_op_done(op, -EIO);
		break;
	case RECORD:
		compare(m, deadline_of(reply));
		break;
	}
}

static void nobody_waits(void *arg, int err)
{
	(void)arg, (void)err;
}

void redis_timers_mend(struct redis_client *c, struct slice call_id, struct slice id,
	int64_t deadline_ms)
{
	struct mend_op *m;
	int err;

	if (id.len > STORE_DIALOG_ID_MAX) {
		/* Nobody has written such a one but by hand. */
		struct redis_args args;

		redis_timers_remove_args(&args, c, id);
		redis_side_send(c, &args);
		return;
	}
	m = redis_op_new(c, sizeof(*m), on_mend, nobody_waits, NULL, &err);
	if (m == NULL)
		return; /* the next reader mends */
	memcpy(m->text, id.p, id.len);
	m->id = slice_make(m->text, id.len);
	set_call_id(m, call_id);
	err = write_and_look(m, deadline_ms);
	if (err != 0)
		(void)redis_op_abandon(&m->op, err);
}
