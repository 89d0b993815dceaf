/* A dialog's HASH and struct store_dialog, one made of the other. */
#include <errno.h>

#include "storage/redis_dialog.h"

/* clang-format off */
const char *const redis_dialog_fields[DIALOG_FIELDS] = {
	[DIALOG_F_STATE] = "state", [DIALOG_F_DEADLINE] = "deadline", [DIALOG_F_FENCE] = "fence",
	[DIALOG_F_REASON] = "reason", [DIALOG_F_NODE] = "node", [DIALOG_F_SET] = "set",
	[DIALOG_F_RELAY] = "relay", [DIALOG_F_NOTIFY] = "notify", [DIALOG_F_STARTED] = "started",
	[DIALOG_F_CALLER + DIALOG_L_TAG] = "caller_tag", [DIALOG_F_CALLER + DIALOG_L_URI] = "caller_uri",
	[DIALOG_F_CALLER + DIALOG_L_TARGET] = "caller_target", [DIALOG_F_CALLER + DIALOG_L_ROUTES] = "caller_routes",
	[DIALOG_F_CALLER + DIALOG_L_SOCKET] = "caller_socket", [DIALOG_F_CALLER + DIALOG_L_FLOW] = "caller_flow",
	[DIALOG_F_CALLER + DIALOG_L_CSEQ] = "caller_cseq",
	[DIALOG_F_CALLEE + DIALOG_L_TAG] = "callee_tag", [DIALOG_F_CALLEE + DIALOG_L_URI] = "callee_uri",
	[DIALOG_F_CALLEE + DIALOG_L_TARGET] = "callee_target", [DIALOG_F_CALLEE + DIALOG_L_ROUTES] = "callee_routes",
	[DIALOG_F_CALLEE + DIALOG_L_SOCKET] = "callee_socket", [DIALOG_F_CALLEE + DIALOG_L_FLOW] = "callee_flow",
	[DIALOG_F_CALLEE + DIALOG_L_CSEQ] = "callee_cseq",
};
/* clang-format on */

static int parse_leg(struct store_leg *leg, redisReply *const *v)
{
	int64_t cseq;

	if (redis_parse_text(v[DIALOG_L_TAG], &leg->tag) != 0 ||
		redis_parse_text(v[DIALOG_L_URI], &leg->uri) != 0 ||
		redis_parse_text(v[DIALOG_L_TARGET], &leg->target) != 0 ||
		redis_parse_text(v[DIALOG_L_ROUTES], &leg->routes) != 0 ||
		redis_parse_text(v[DIALOG_L_SOCKET], &leg->socket) != 0 ||
		redis_parse_text(v[DIALOG_L_FLOW], &leg->flow) != 0 ||
		redis_parse_number(v[DIALOG_L_CSEQ], UINT32_MAX, &cseq) != 0)
		return -EBADMSG;
	leg->cseq = (uint32_t)cseq;
	return 0;
}

static int parse_own(struct store_dialog *d, redisReply *const *v)
{
	struct slice state;
	int64_t fence;

	if (redis_parse_text(v[DIALOG_F_STATE], &state) != 0 ||
		store_dialog_state_parse(state, &d->state) != 0 ||
		redis_parse_text(v[DIALOG_F_REASON], &d->reason) != 0 ||
		redis_parse_text(v[DIALOG_F_NODE], &d->node) != 0 ||
		redis_parse_text(v[DIALOG_F_SET], &d->set) != 0 ||
		redis_parse_text(v[DIALOG_F_RELAY], &d->relay) != 0 ||
		redis_parse_text(v[DIALOG_F_NOTIFY], &d->notify) != 0 ||
		redis_parse_number(v[DIALOG_F_STARTED], INT64_MAX, &d->started) != 0 ||
		redis_parse_number(v[DIALOG_F_FENCE], STORE_DIALOG_NUMBER_MAX, &fence) !=
			0 ||
		v[DIALOG_F_DEADLINE]->type == REDIS_REPLY_NIL ||
		redis_parse_number(v[DIALOG_F_DEADLINE], STORE_DIALOG_NUMBER_MAX,
			&d->deadline_ms) != 0)
		return -EBADMSG;
	d->fence = (uint64_t)fence;
	return 0;
}

int redis_parse_dialog(struct store_dialog *out, struct arena *arena,
	struct slice call_id, struct slice id, redisReply *const *values, size_t count)
{
	struct store_dialog d = {.call_id = call_id, .id = id};

	if (count != DIALOG_FIELDS)
		return -EBADMSG;
	if (values[DIALOG_F_STATE]->type == REDIS_REPLY_NIL)
		return -ENOENT;
	if (parse_own(&d, values) != 0 ||
		parse_leg(&d.caller, values + DIALOG_F_CALLER) != 0 ||
		parse_leg(&d.callee, values + DIALOG_F_CALLEE) != 0)
		return -EBADMSG;
	/* A HASH may be filled by hand: no more of it than a put would take. */
	if (store_dialog_size(&d) > STORE_DIALOG_TEXT_MAX)
		return -EBADMSG;
	return store_dialog_copy(out, &d, arena);
}

static void add_leg(struct redis_args *args, unsigned first, const struct store_leg *leg)
{
	const struct slice texts[] = {
		leg->tag, leg->uri, leg->target, leg->routes, leg->socket, leg->flow};
	unsigned i;

	for (i = 0; i < DIALOG_L_CSEQ; i++) {
		redis_args_str(args, redis_dialog_fields[first + i]);
		redis_args_add(args, texts[i]);
	}
	redis_args_str(args, redis_dialog_fields[first + DIALOG_L_CSEQ]);
	redis_args_int(args, leg->cseq);
}

void redis_dialog_plain_args(struct redis_args *args, const struct store_dialog *d)
{
	const struct slice texts[] = {d->node, d->set, d->relay, d->notify};
	unsigned i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		redis_args_str(args, redis_dialog_fields[DIALOG_F_NODE + i]);
		redis_args_add(args, texts[i]);
	}
	redis_args_str(args, redis_dialog_fields[DIALOG_F_STARTED]);
	redis_args_int(args, d->started);
	add_leg(args, DIALOG_F_CALLER, &d->caller);
	add_leg(args, DIALOG_F_CALLEE, &d->callee);
}
