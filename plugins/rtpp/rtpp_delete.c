/* D: the session is over. Nobody waits for the answer; silence still says that the relay is down. */
#include <errno.h>

#include "plugins/rtpp/rtpp_offer.h"

static void on_deleted(void *arg, void *tag, int err, struct slice text)
{
	struct rtpp_engine *e = arg;
	struct rtpp_peer *peer = tag;
	struct rtpp_reply reply;

	if (err != 0) {
		e->on_silent(e->arg, peer);
		return;
	}
	/* E8, E50: it knew nothing of the call, which is what was asked for. */
	if (rtpp_reply_parse(text, &reply) != 0 ||
		(reply.kind == RTPP_REPLY_ERROR && reply.number != 8 &&
			reply.number != 50)) {
		rtpp_client_count(e->client, RTPP_C_ERRORS);
		LOG(e->log, LOG_L_WARN,
			"%s: answered D with \"%.*s\"; the session may stay until the "
			"relay's own timeout",
			peer->relay.url, SLICE_ARG(text));
	}
}

int rtpp_delete(struct rtpp_engine *e, struct rtpp_peer *peer, struct slice call_id,
	struct slice from, struct slice to)
{
	const struct rtpp_command cmd = {
		.letter = 'D', .call_id = call_id, .tag_a = from, .tag_b = to};
	char line[RTPP_COMMAND_MAX + 1];
	struct buf b;
	int err;

	buf_fixed(&b, line, sizeof(line));
	err = rtpp_command_write(&b, &cmd);
	if (err == 0)
		err = rtpp_client_post(
			e->client, &peer->relay, buf_slice(&b), on_deleted, e, peer);
	if (err == 0)
		rtpp_client_count(e->client, RTPP_C_DELETES);
	return err;
}
