/* The script functions that stream prompts and record: what lies between the host and rtpp_order.c. */
#include <errno.h>

#include "plugins/rtpp/rtpp_call.h"
#include "plugins/rtpp/rtpp_order.h"

#define PARK_SLACK_MS 2000 /* as in rtpp_script.c */

struct waiting {
	struct rtpp_worker *worker;
	struct rtpp_order *order;
	enum rtpp_counter counter;
	ph_token token;
};

static void on_done(void *arg)
{
	struct waiting *wait = arg;

	ph_wake(&wait->worker->worker->t, wait->token, 0);
}

static int resume(void *self, struct ph_msg *msg, void *state, int result)
{
	struct rtpp_worker *w = self;
	struct waiting *wait = state;

	(void)msg;
	rtpp_order_end(wait->order);
	if (result != 0 || rtpp_order_result(wait->order) != 0)
		return PH_FALSE;
	rtpp_client_count(w->engine.client, wait->counter);
	return PH_TRUE;
}

static int run(struct rtpp_worker *w, struct ph_msg *msg, const char *name,
	const struct rtpp_command *cmd, enum rtpp_counter counter)
{
	struct waiting *wait = arena_zalloc(msg->arena, sizeof(*wait));
	struct slice where = arena_dup(msg->arena, slice_str(script_where(msg)));
	struct rtpp_order_ask ask = {.msg = &msg->sip,
		.cmd = *cmd,
		.peer = rtpp_call_peer(w, msg),
		.name = name,
		.where = where.p};
	uint64_t ms = (uint64_t)rtpp_client_patience(w->engine.client) + PARK_SLACK_MS;
	int err;

	if (!wait || !where.p || !ask.peer)
		return PH_FALSE;
	wait->worker = w;
	wait->counter = counter;
	if (rtpp_order_begin(&wait->order, &w->engine, &ask, on_done, wait) !=
		-EINPROGRESS)
		return PH_FALSE;
	err = ph_park(msg, resume, w, wait,
		(unsigned)(ms < PH_PARK_MAX_MS ? ms : PH_PARK_MAX_MS), &wait->token);
	if (err == 0)
		return PH_PARK;
	rtpp_order_end(wait->order);
	return err == -EBUSY ? PH_STOP : PH_FALSE;
}

static int no_tags(struct rtpp_worker *w, struct ph_msg *msg, const char *name)
{
	PH_LOG_MSG(w->log, LOG_L_WARN, msg,
		"%s: From or To has no tag where this function needs one", name);
	return PH_FALSE;
}

static int play(struct rtpp_worker *w, struct ph_msg *msg, const struct ph_arg *args,
	enum rtpp_side side)
{
	const char *name =
		side == RTPP_UAC ? "rtpproxy_stream2uac" : "rtpproxy_stream2uas";
	struct slice prompt = arena_dup(msg->arena, args[0].s);
	const char *fault = rtpp_prompt_fault(prompt);
	char *room = arena_alloc(msg->arena, 16);
	struct rtpp_command cmd;

	if (!prompt.p || !room)
		return PH_FALSE;
	if (!fault && (args[1].n < RTPP_COUNT_MIN || args[1].n > RTPP_COUNT_MAX))
		fault = "the count must be -1 (for ever), or from 0 to 1000000";
	if (fault) {
		PH_LOG_MSG(w->log, LOG_L_ERR, msg, "%s: %s", name, fault);
		return PH_FALSE;
	}
	if (rtpp_play_command(&cmd, &msg->sip, side, prompt, args[1].n,
		    rtpp_call_audio(msg), room) != 0)
		return no_tags(w, msg, name);
	return run(w, msg, name, &cmd, RTPP_C_PROMPTS);
}

static int stop(struct rtpp_worker *w, struct ph_msg *msg, enum rtpp_side side)
{
	const char *name = side == RTPP_UAC ? "rtpproxy_stop_stream2uac"
					    : "rtpproxy_stop_stream2uas";
	struct rtpp_command cmd;

	if (rtpp_stop_command(&cmd, &msg->sip, side, rtpp_call_audio(msg)) != 0)
		return no_tags(w, msg, name);
	return run(w, msg, name, &cmd, RTPP_C_PROMPT_STOPS);
}

int rtpp_fn_stream_uac(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return play(self, msg, args, RTPP_UAC);
}

int rtpp_fn_stream_uas(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	return play(self, msg, args, RTPP_UAS);
}

int rtpp_fn_stop_uac(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)args;
	return stop(self, msg, RTPP_UAC);
}

int rtpp_fn_stop_uas(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	(void)args;
	return stop(self, msg, RTPP_UAS);
}

int rtpp_fn_record(void *self, struct ph_msg *msg, const struct ph_arg *args)
{
	struct rtpp_worker *w = self;
	struct rtpp_command cmd;
	int err = rtpp_record_command(&cmd, &msg->sip);

	(void)args;
	if (err == -EBADMSG)
		return no_tags(w, msg, "start_recording");
	if (err != 0) {
		PH_LOG_MSG(w->log, LOG_L_ERR, msg,
			"start_recording: a relay makes a file's name of the Call-ID, "
			"and one with '/' or \"..\" would lead elsewhere: refused");
		return PH_FALSE;
	}
	return run(w, msg, "start_recording", &cmd, RTPP_C_RECORDINGS);
}

const char *rtpp_check_prompt(const char *text, char why[128])
{
	(void)why;
	return rtpp_prompt_fault(slice_str(text));
}

const char *rtpp_check_count(const char *text, char why[128])
{
	int64_t n;

	(void)why;
	/* What is no number at all, the loader says itself. */
	if (slice_i64(slice_str(text), &n) == 0 &&
		(n < RTPP_COUNT_MIN || n > RTPP_COUNT_MAX))
		return "expected -1 (for ever), or a number from 0 to 1000000";
	return NULL;
}
