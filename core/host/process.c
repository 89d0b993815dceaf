#include "core/host/process.h"

#include <errno.h>
#include <string.h>

#include "core/host/flow.h"
#include "core/host/host.h"

/* The last step of every run of request_route. A script that neither relayed nor replied has dropped the request, as its author wanted. */
static void request_done(void *arg, struct ph_msg *msg, const struct script_result *result)
{
	(void)arg;
	(void)result;
	msg_unref(&msg);
}

static void run_request(struct worker *w, struct ph_msg *msg)
{
	struct script_result result;
	int r;

	if (w->block_request < 0) {
		worker_count(w, HOST_C_NO_ROUTE, 1);
		msg_unref(&msg);
		return;
	}
	r = script_start(&w->env, w->program, w->block_request, PH_ROUTE_REQUEST, msg, &result, request_done, w);
	if (r == SCRIPT_SUSPENDED)
		return;
	if (r < 0 && msg->sip.method != SIP_ACK)
		tm_reply_stateless(w->w.tm, msg, 500, SLICE("Server Internal Error"), (struct slice){0});
	request_done(w, msg, &result);
}

/* Plugins see a new request before the script. One may park it: process_hook_done() goes on behind it. */
static void run_hooks(struct worker *w, struct ph_msg *msg)
{
	const struct plugin_table *t = &w->host->plugins;

	while (msg->hook < w->started) {
		const struct ph_plugin *p = t->list[msg->hook].desc;
		int code = p->request_in ? p->request_in(w->instances[msg->hook], msg) : PH_TRUE;

		if (code == PH_PARK)
			return;
		msg->hook++;
		if (code == PH_STOP) {
			msg_unref(&msg);
			return;
		}
	}
	run_request(w, msg);
}

void process_hook_done(struct worker *w, struct ph_msg *msg, int code)
{
	if (msg->hook >= w->started)
		return;
	msg->hook++;
	if (code == PH_STOP)
		msg_unref(&msg);
	else
		run_hooks(w, msg);
}

static void request_in(struct worker *w, struct ph_msg *msg)
{
	if (sip_via_fix(&msg->sip, &msg->rx.src, false) == 0)
		msg->via_fixed = true;
	if (msg->sip.method == SIP_ACK && parks_has_ack(w->parks, msg)) {
		worker_count(w, HOST_C_ACK_REPEATED, 1);
		msg_unref(&msg);
		return;
	}
	if (tm_request_in(w->w.tm, msg) == TM_REQ_ABSORBED) {
		msg_unref(&msg);
		return;
	}
	if (flow_request(w, msg)) {
		msg_unref(&msg);
		return;
	}
	if (msg->sip.method == SIP_CANCEL)
		run_request(w, msg);
	else
		run_hooks(w, msg);
}

/* Anybody can send these without end: a line a second, at level debug all. */
static void bad_log(struct worker *w, struct slice call_id, const struct net_rx *rx, const char *why)
{
	enum log_level level = LOG_L_INFO;
	char src[ADDR_TEXT];
	unsigned more = 0;

	worker_count(w, HOST_C_BAD, 1);
	if (!log_gate_open(&w->bad_log, rx->at_us, &more))
		level = LOG_L_DBG;
	LOG_CALL(w->host->log, level, call_id, "refused a message from %.*s: %s (%u more since the last such line)",
		SLICE_ARG(addr_text(&rx->src, src)), why, more);
}

/* Errors to a flood would cost more than the flood, and hit whoever it names as its sender. */
static bool may_answer_bad(struct worker *w, const struct net_rx *rx)
{
	if (rx->at_us > w->bad_since_us + 1000000) {
		w->bad_since_us = rx->at_us;
		w->bad_answers = 0;
	}
	if (w->bad_answers < w->host->conf.limits.bad_answers) {
		w->bad_answers++;
		return true;
	}
	worker_count(w, HOST_C_BAD_LEFT, 1);
	return false;
}

static void bad_message(struct worker *w, struct ph_msg *msg, const struct sip_error *why)
{
	/* Nothing is wrong in it that a reply could name: there was no room to read it all. */
	bad_log(w, msg->sip.call_id, &msg->rx, why->text ? why->text : "takes more than limits.message_memory");
	if (why->code == 0 || !sip_can_reply(&msg->sip) || !may_answer_bad(w, &msg->rx))
		return;
	worker_count(w, HOST_C_BAD_ANSWERED, 1);
	tm_reply_bad(w->w.tm, &msg->sip, &msg->rx, why->code, why->text);
}

/* A message of this worker's. Takes the arena; NULL without memory. */
static struct ph_msg *take_up(struct worker *w, struct arena *arena, const struct net_rx *rx, uint32_t hash)
{
	struct ph_msg *msg = msg_new(arena);

	if (!msg) {
		arena_put(arena);
		return NULL;
	}
	worker_count(w, HOST_C_MESSAGES, 1);
	msg->worker = &w->w;
	msg->rx = *rx;
	msg->sock = rx->sock < w->w.t.socks->count ? &w->w.t.socks->list[rx->sock] : NULL;
	msg->call_hash = hash;
	msg->number = ++w->message_number;
	return msg;
}

/* The end of a stream, and why (RFC 3261 section 18.3). Answered here, whoever's call it is: a moment later the connection is gone. */
static void process_broken(struct worker *w, struct arena *arena, struct slice data, const struct net_rx *rx)
{
	struct sip_error why = {0};
	struct ph_msg *msg = take_up(w, arena, rx, 0);

	if (!msg)
		return;
	if (sip_parse(&msg->sip, arena, data, &w->sip_limits, &why) == 0)
		why = (struct sip_error){400, "Missing Content-Length"};
	if (rx->broken == -EMSGSIZE)
		why = (struct sip_error){513, "Message Too Large"};
	bad_message(w, msg, &why);
	msg_unref(&msg);
}

/* A message of a call that this worker owns. Takes the arena. */
static void process_own(struct worker *w, struct arena *arena, struct slice data, const struct net_rx *rx, uint32_t hash)
{
	struct sip_error why = {0};
	struct ph_msg *msg = take_up(w, arena, rx, hash);

	if (!msg)
		return;
	if (sip_parse(&msg->sip, arena, data, &w->sip_limits, &why) != 0) {
		bad_message(w, msg, &why);
		msg_unref(&msg);
	} else if (msg->sip.kind == SIP_REQUEST) {
		request_in(w, msg);
	} else {
		tm_reply_in(w->w.tm, msg);
		msg_unref(&msg);
	}
}

/* A REGISTER, or OPTIONS outside of a dialog; when in doubt not (a user called "stage"). */
static bool is_of_no_call(struct slice data)
{
	if (slice_starts(data, SLICE("REGISTER ")))
		return true;
	return slice_starts(data, SLICE("OPTIONS ")) && slice_ifind(sip_peek_to(data), SLICE("tag")) < 0;
}

/*
 * The Call-ID decides, but for what belongs to no call: that stays where it came in (its repetition comes the same way), and a
 * reply goes to who has sent the request.
 */
static unsigned owner_of(const struct worker *w, struct slice data, uint32_t hash)
{
	int sender;

	if (is_of_no_call(data))
		return w->w.index;
	sender = slice_istarts(data, SLICE("SIP/")) ? tm_peek_worker(data) : -1;
	return sender >= 0 && (unsigned)sender < w->w.count ? (unsigned)sender : hash % w->w.count;
}

static void on_message(void *self, struct arena *arena, struct slice data, const struct net_rx *rx)
{
	struct worker *w = self;
	unsigned owner;
	uint32_t hash;

	if (!sip_is_likely(data)) {
		/* Garbage goes before it costs another worker or the parser anything. */
		worker_count(w, HOST_C_NOT_SIP, 1);
		bad_log(w, (struct slice){0}, rx, "Not SIP");
		arena_put(arena);
		return;
	}
	if (rx->broken != 0) {
		process_broken(w, arena, data, rx);
		return;
	}
	hash = hash_call_id(w->w.t.key, sip_peek_call_id(data));
	owner = owner_of(w, data, hash);
	if (owner == w->w.index) {
		process_own(w, arena, data, rx, hash);
		return;
	}
	worker_count(w, HOST_C_HANDED_OVER, 1);
	if (inbox_send(w->w.t.senders, owner, INBOX_DATAGRAM, rx, sizeof(*rx), data.p, data.len) != 0)
		worker_count(w, HOST_C_HANDOVER_DROPS, 1);
	arena_put(arena);
}

void process_handed_over(void *worker, const void *data, size_t len)
{
	struct worker *w = worker;
	struct arena *arena;
	struct slice text;
	struct net_rx rx;

	if (len < sizeof(rx))
		return;
	memcpy(&rx, data, sizeof(rx));
	arena = arena_get(w->w.arenas);
	if (!arena)
		return;
	text = arena_dup(arena, slice_make((const char *)data + sizeof(rx), len - sizeof(rx)));
	if (!text.p) {
		arena_put(arena);
		return;
	}
	process_own(w, arena, text, &rx, hash_call_id(w->w.t.key, sip_peek_call_id(text)));
}

static void on_send_error(void *self, uint64_t cookie, int err)
{
	tm_send_error(((struct worker *)self)->w.tm, cookie, err);
}

const struct net_handlers process_net_handlers = {.on_message = on_message, .on_send_error = on_send_error};

/* Replies pass the unnamed onreply block, the one armed for the transaction and the one armed for the branch, in this order. */
struct reply_run {
	struct worker *w;
	unsigned stage;
};

static int reply_block(const struct reply_run *run, const struct ph_msg *reply)
{
	const struct ph_msg *request = tm_request_of(reply);

	switch (run->stage) {
	case 0:
		return run->w->block_reply;
	case 1:
		return request ? request->armed.on_reply : -1;
	default:
		return reply->branch ? *tm_branch_on_reply(reply->branch) : -1;
	}
}

static void reply_done(void *arg, struct ph_msg *reply, const struct script_result *result);

static enum tm_verdict reply_stages(struct reply_run *run, struct ph_msg *reply)
{
	for (; run->stage < 3; run->stage++) {
		struct script_result result = {0};
		int block = reply_block(run, reply), r;

		if (block < 0)
			continue;
		r = script_start(&run->w->env, run->w->program, block, PH_ROUTE_REPLY, reply, &result, reply_done, run);
		if (r == SCRIPT_SUSPENDED)
			return TM_PARKED;
		if (r == SCRIPT_FINISHED && result.dropped)
			return TM_DROP;
	}
	return TM_GO;
}

static void reply_done(void *arg, struct ph_msg *reply, const struct script_result *result)
{
	struct reply_run *run = arg;
	enum tm_verdict v = TM_DROP;

	if (!result->dropped) {
		run->stage++;
		v = reply_stages(run, reply);
	}
	if (v != TM_PARKED)
		tm_reply_continue(run->w->w.tm, reply, v);
}

/* Replies to what we asked ourselves, or carry for another node, are none of the script's business. */
static bool without_script(struct ph_msg *msg)
{
	return msg->no_script || msg_root(msg)->is_local;
}

static enum tm_verdict on_reply(void *self, struct ph_msg *reply)
{
	struct worker *w = self;
	struct reply_run *run;

	if (without_script(reply))
		return TM_GO;
	run = arena_zalloc(reply->arena, sizeof(*run));
	if (!run)
		return TM_GO; /* without memory for the script the reply still reaches the phone */
	run->w = w;
	return reply_stages(run, reply);
}

static void branch_done(void *arg, struct ph_msg *msg, const struct script_result *result)
{
	struct tm_branch *br = arg;

	tm_branch_continue(msg->worker->tm, br, result->dropped ? TM_DROP : TM_GO);
}

static enum tm_verdict on_branch(void *self, struct ph_msg *request, struct tm_branch *br)
{
	struct worker *w = self;
	struct script_result result = {0};
	int r;

	if (request->armed.on_branch < 0 || without_script(request))
		return TM_GO;
	r = script_start(&w->env, w->program, request->armed.on_branch, PH_ROUTE_BRANCH, request, &result, branch_done, br);
	if (r == SCRIPT_SUSPENDED)
		return TM_PARKED;
	return r == SCRIPT_FINISHED && result.dropped ? TM_DROP : TM_GO;
}

static void failure_done(void *arg, struct ph_msg *msg, const struct script_result *result)
{
	(void)result;
	tm_failure_continue(((struct worker *)arg)->w.tm, msg);
}

static enum tm_verdict on_failure(void *self, struct ph_msg *request)
{
	struct worker *w = self;
	struct script_result result = {0};
	int block = request->armed.on_failure;

	/* both must be armed again in the block to hold for what it relays */
	request->armed.on_failure = -1;
	request->armed.on_branch = -1;
	if (block < 0 || without_script(request))
		return TM_GO;
	if (script_start(&w->env, w->program, block, PH_ROUTE_FAILURE, request, &result, failure_done, w) == SCRIPT_SUSPENDED)
		return TM_PARKED;
	return TM_GO;
}

static void on_relayed(void *self, struct ph_msg *request, int code)
{
	(void)self;
	if (!without_script(request))
		script_resume(request, code);
}

static void on_cancelled(void *self, struct ph_msg *request)
{
	struct worker *w = self;
	const struct plugin_table *t = &w->host->plugins;

	for (unsigned i = 0; i < w->started && !without_script(request); i++)
		if (t->list[i].desc->cancelled)
			t->list[i].desc->cancelled(w->instances[i], request);
}

/* What passes by, to the plugins that want to see it */

static void on_request_out(void *self, struct ph_msg *request, const struct tm_branch *br, const struct net_dest *dest)
{
	struct worker *w = self;
	const struct plugin_table *t = &w->host->plugins;

	for (unsigned i = 0; i < w->started && !without_script(request); i++)
		if (t->list[i].desc->request_out)
			t->list[i].desc->request_out(w->instances[i], request, br, dest);
}

static void on_reply_out(void *self, struct ph_msg *reply)
{
	struct worker *w = self;
	const struct plugin_table *t = &w->host->plugins;

	for (unsigned i = 0; i < w->started && !without_script(reply); i++)
		if (t->list[i].desc->reply_out)
			t->list[i].desc->reply_out(w->instances[i], reply);
}

static void on_local_reply(void *self, struct ph_msg *request, unsigned code)
{
	struct worker *w = self;
	const struct plugin_table *t = &w->host->plugins;

	for (unsigned i = 0; i < w->started && !without_script(request); i++)
		if (t->list[i].desc->reply_local)
			t->list[i].desc->reply_local(w->instances[i], request, code);
}

static bool on_stray_reply(void *self, struct ph_msg *reply)
{
	struct worker *w = self;
	const struct plugin_table *t = &w->host->plugins;

	for (unsigned i = 0; i < w->started; i++)
		if (t->list[i].desc->reply_stray && t->list[i].desc->reply_stray(w->instances[i], reply))
			return true;
	return false;
}

const struct tm_hooks process_tm_hooks = {
	.on_request_out = on_request_out,
	.on_reply_out = on_reply_out,
	.on_local_reply = on_local_reply,
	.on_stray_reply = on_stray_reply,
	.on_reply = on_reply,
	.on_branch = on_branch,
	.on_failure = on_failure,
	.on_relayed = on_relayed,
	.on_cancelled = on_cancelled,
	.on_flow_route = flow_of_route,
	.on_foreign = flow_detour,
	.on_foreign_silent = flow_silent,
};
