#include "plugins/rtpp/rtpp_order.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

struct rtpp_order {
	struct rtpp_engine *engine;
	struct rtpp_order_ask ask;
	struct rtpp_pending pending;
	int result;
	void (*done)(void *arg);
	void *arg;
};

#define LOG_ORDER(o, level, fmt, ...)                                                    \
	LOG_CALL((o)->engine->log, (level), (o)->ask.msg->call_id, "%s: %s: %s: " fmt,   \
		(o)->ask.where, (o)->ask.name, (o)->ask.peer->relay.url, ##__VA_ARGS__)

/** The tag of the side that hears it first, then the other's when there is one. */
static int side_tags(struct rtpp_command *cmd, struct sip_msg *msg, enum rtpp_side side)
{
	struct slice from, to;
	int err = rtpp_tags_plain(msg, &from, &to);

	if (err != 0)
		return err;
	if (side == RTPP_UAS && slice_empty(to))
		return -EBADMSG;
	cmd->tag_a = side == RTPP_UAC ? from : to;
	cmd->tag_b = side == RTPP_UAC ? to : from;
	return 0;
}

int rtpp_play_command(struct rtpp_command *cmd, struct sip_msg *msg, enum rtpp_side side,
	struct slice prompt, int64_t count, unsigned stream, char room[16])
{
	int len = snprintf(room, 16, "%" PRId64, count);

	*cmd = (struct rtpp_command){.letter = 'P',
		.modifiers = slice_make(room, (size_t)len),
		.call_id = msg->call_id,
		.prompt = prompt,
		.stream = stream};
	return side_tags(cmd, msg, side);
}

int rtpp_stop_command(struct rtpp_command *cmd, struct sip_msg *msg, enum rtpp_side side,
	unsigned stream)
{
	*cmd = (struct rtpp_command){
		.letter = 'S', .call_id = msg->call_id, .stream = stream};
	return side_tags(cmd, msg, side);
}

int rtpp_record_command(struct rtpp_command *cmd, struct sip_msg *msg)
{
	struct slice from, to;
	int err = rtpp_tags_plain(msg, &from, &to);

	if (err != 0)
		return err;
	if (slice_chr(msg->call_id, '/') >= 0 ||
		slice_find(msg->call_id, SLICE("..")) >= 0)
		return -EINVAL;
	*cmd = (struct rtpp_command){
		.letter = 'R', .call_id = msg->call_id, .tag_a = from, .tag_b = to};
	if (msg->kind == SIP_REQUEST)
		return 0;
	if (slice_empty(to))
		return -EBADMSG;
	cmd->tag_a = to;
	cmd->tag_b = from;
	return 0;
}

const char *rtpp_prompt_fault(struct slice prompt)
{
	size_t i;

	if (prompt.len == 0 || prompt.len > 512)
		return "the prompt's name must have 1 to 512 characters";
	for (i = 0; i < prompt.len; i++)
		if ((unsigned char)prompt.p[i] <= ' ' || prompt.p[i] == 0x7f)
			return "the prompt's name must have no blanks: it is a word of a "
			       "command";
	return NULL;
}

unsigned rtpp_first_audio(struct sip_msg *msg)
{
	struct sip_sdp_part parts[SIP_MAX_SDP_PARTS];
	int count = sip_sdp_parse(msg, parts, SDP_MAX_MEDIA), p;
	unsigned m, number = 0;

	for (p = 0; p < count; p++) {
		for (m = 0; m < parts[p].sdp.media_count; m++) {
			number++;
			if (parts[p].sdp.media[m].port != 0 &&
				slice_ieq(parts[p].sdp.media[m].type, SLICE("audio")))
				return number;
		}
	}
	return 0;
}

static void on_answer(void *arg, int err, struct slice text)
{
	struct rtpp_order *o = arg;
	struct rtpp_reply reply = {0};

	o->result = err;
	if (err != 0) {
		LOG_ORDER(o, LOG_L_ERR, "no answer to %c: %s", o->ask.cmd.letter,
			strerror(-err));
		o->engine->on_silent(o->engine->arg, o->ask.peer);
	} else if (rtpp_reply_parse(text, &reply) != 0 ||
		reply.kind != RTPP_REPLY_NUMBER || reply.number != 0) {
		o->result = -EPROTO;
		rtpp_client_count(o->engine->client, RTPP_C_ERRORS);
		LOG_ORDER(o, LOG_L_ERR, "answered %c with \"%.*s\": %s",
			o->ask.cmd.letter, SLICE_ARG(text),
			rtpp_refusal_text(&reply, o->ask.peer->features));
	}
	o->done(o->arg);
}

/** Can it, and is it there? */
static int look_at_relay(struct rtpp_order *o)
{
	struct rtpp_peer *peer = o->ask.peer;

	if (peer->down && peer->member) {
		LOG_ORDER(o, LOG_L_WARN,
			"the relay of this call is down: nothing is asked of it");
		return -ENONET;
	}
	if (o->ask.cmd.letter == 'R' || (peer->features & RTPP_F_CODECS))
		return 0;
	if (!peer->warned_streams)
		LOG_ORDER(o, LOG_L_ERR, "the relay cannot play prompts (VF 20081102)");
	peer->warned_streams = true;
	return -EOPNOTSUPP;
}

int rtpp_order_begin(struct rtpp_order **out, struct rtpp_engine *e,
	const struct rtpp_order_ask *ask, void (*done)(void *arg), void *arg)
{
	struct rtpp_order *o = arena_zalloc(ask->msg->arena, sizeof(*o));
	struct buf line;
	int err;

	if (!o)
		return -ENOMEM;
	o->engine = e;
	o->ask = *ask;
	o->done = done;
	o->arg = arg;
	err = look_at_relay(o);
	if (err != 0)
		return err;
	buf_arena(&line, ask->msg->arena, 256, RTPP_COMMAND_MAX + 1);
	err = rtpp_command_write(&line, &o->ask.cmd);
	if (err == 0)
		err = rtpp_client_send(e->client, &o->pending, &ask->peer->relay,
			buf_slice(&line), 0, on_answer, o);
	if (err != 0) {
		LOG_ORDER(o, LOG_L_ERR, "%c cannot be sent: %s", ask->cmd.letter,
			strerror(-err));
		return err;
	}
	*out = o;
	return -EINPROGRESS;
}

int rtpp_order_result(const struct rtpp_order *o)
{
	return o->result;
}

void rtpp_order_end(struct rtpp_order *o)
{
	rtpp_client_cancel(&o->pending);
}
