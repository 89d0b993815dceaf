/* A stream's command to the relay in hand, and what its answer means. */
#include "plugins/rtpp/rtpp_offer_priv.h"

/** Who is to be told of silence, in the relay's words; nothing when it cannot, or nobody is. */
static int add_notify(struct rtpp_offer *o, struct rtpp_command *cmd)
{
	struct rtpp_peer *peer = o->place.peer;
	struct buf name;

	if (o->tags.letter != 'U' || slice_empty(o->ask.notify_tag) ||
		!o->engine->notify || peer->notify_refused)
		return 0;
	if (peer->features & RTPP_F_NOTIFY) {
		buf_arena(&name, o->ask.msg->arena, 64, 256);
		rtpp_notify_name(&name, o->engine->notify, peer->features);
		cmd->notify_socket = buf_slice(&name);
		cmd->notify_tag = o->ask.notify_tag;
		if (name.err != 0 || name.len > 0)
			return name.err;
	}
	/* rtpengine would not understand the command with these words, and send it back. */
	peer->notify_refused = true;
	LOG_OFFER(o, LOG_L_WARN,
		"%s: the relay cannot tell of calls without media (VF 20081224): flag n "
		"has no effect there",
		rtpp_offer_url(o));
	return 0;
}

int rtpp_exchange_write(
	struct rtpp_offer *o, struct rtpp_exchange *x, const struct rtpp_stream *s)
{
	struct arena *arena = o->ask.msg->arena;
	struct buf mods, line;
	bool dropped = false;
	int err;

	buf_arena(&mods, arena, 32, 512);
	rtpp_modifiers_write(&mods, &o->ask.flags, s->told_ip6, o->place.peer->features,
		s->media->formats, &dropped);
	if (dropped)
		LOG_OFFER(o, LOG_L_WARN,
			"%s: the relay cannot repacketise: flag z has no effect",
			rtpp_offer_url(o));
	if (mods.err != 0)
		return mods.err;
	x->cmd = (struct rtpp_command){.letter = o->tags.letter,
		.modifiers = buf_slice(&mods),
		.call_id = o->ask.msg->call_id,
		.ip = s->told_ip,
		.port = s->port,
		.tag_a = o->tags.a,
		.tag_b = o->tags.b,
		.stream = s->number};
	err = add_notify(o, &x->cmd);
	if (err != 0)
		return err;
	buf_arena(&line, arena, 256, RTPP_COMMAND_MAX + 1);
	err = rtpp_command_write(&line, &x->cmd);
	x->line = buf_slice(&line);
	return err;
}

int rtpp_exchange_write_plain(struct rtpp_offer *o, struct rtpp_exchange *x)
{
	struct buf line;
	int err;

	o->place.peer->notify_refused = true;
	x->cmd.notify_socket = x->cmd.notify_tag = (struct slice){0};
	buf_arena(&line, o->ask.msg->arena, 256, RTPP_COMMAND_MAX + 1);
	err = rtpp_command_write(&line, &x->cmd);
	x->line = buf_slice(&line);
	return err;
}

enum rtpp_outcome rtpp_exchange_read(
	struct rtpp_offer *o, struct rtpp_exchange *x, struct slice text)
{
	struct rtpp_stream *s = &o->body.streams[x - o->exchanges];
	struct rtpp_reply reply;
	enum rtpp_outcome outcome = RTPP_BAD_REPLY;

	if (rtpp_reply_parse(text, &reply) == 0)
		outcome = rtpp_outcome_of(&x->cmd, &reply, o->place.peer->features);
	if (outcome == RTPP_GOOD) {
		s->relay = reply.addr;
		s->relay_port = (uint16_t)reply.number;
		return outcome;
	}
	rtpp_client_count(o->engine->client,
		outcome == RTPP_ECHO                ? RTPP_C_ECHOES
			: outcome == RTPP_NO_NOTIFY ? RTPP_C_NOTIFY_REFUSED
						    : RTPP_C_ERRORS);
	if (outcome != RTPP_NO_NOTIFY || !o->place.peer->notify_refused)
		LOG_OFFER(o, outcome == RTPP_NO_NOTIFY ? LOG_L_WARN : LOG_L_ERR,
			"%s: answered %c for stream %u with \"%.*s\": %s",
			rtpp_offer_url(o), x->cmd.letter, s->number, SLICE_ARG(text),
			rtpp_outcome_text(outcome));
	return outcome;
}
