#include "core/tm/tm.h"

#include <errno.h>
#include <stdlib.h>

#include "core/tm/tm_priv.h"

#define TABLE_MIN     1024u
#define TABLE_MAX     (1u << 18)
#define SCRATCH_BLOCK 8192
#define SCRATCH_LIMIT (1u << 20)
#define OUT_FIRST     4096

#define TM_PARAM(member, dflt_, min_, help_)                                             \
	{                                                                                \
		.name = #member, .type = CONF_MS, .dflt = dflt_, .min = min_,            \
		.max = 3600000, .offset = offsetof(struct tm_conf, member),              \
		.help = help_                                                            \
	}

const struct conf_param tm_params[] = {
	TM_PARAM(t1, "500", 10, "RFC 3261 T1: estimate of the round trip time."),
	TM_PARAM(
		t2, "4000", 10, "RFC 3261 T2: longest interval between retransmissions."),
	TM_PARAM(t4, "5000", 10, "RFC 3261 T4: how long a message stays in the network."),
	TM_PARAM(timer_c, "180000", 100,
		"RFC 3261 timer C: longest silence after a provisional reply to an "
		"INVITE."),
	TM_PARAM(fr_timer, "30000", 100, "How long a branch may be without any reply."),
	TM_PARAM(fr_inv_timer, "120000", 100, "How long a called phone may ring."),
	TM_PARAM(failover_timer, "4000", 100,
		"How long a next hop may say nothing before the next one of the same "
		"name is tried (RFC 3263); at most fr_timer."),
	TM_PARAM(detour_timer, "1000", 100,
		"How long another node may say nothing before a request that it was to "
		"carry to its phone is sent directly."),
	{.name = "udp_mtu", .type = CONF_INT, .dflt = "0", .min = 0, .max = 65535,
		.offset = offsetof(struct tm_conf, udp_mtu),
		.help = "Requests of more bytes go over TCP, when somebody takes the connection; 0: never. RFC 3261 "
			"section 18.1.1 means 1300."},
	{0},
};

/* clang-format off */
const struct counter_desc tm_counters[] = {
	[TM_C_SERVER] = {.name = "tm_transactions", .help = "Server transactions made."},
	[TM_C_ACTIVE] = {.name = "tm_transactions_active", .help = "Server transactions in memory.", .kind = COUNTER_GAUGE},
	[TM_C_BRANCHES] = {.name = "tm_branches", .help = "Requests sent with a client transaction."},
	[TM_C_RETRANS_IN] = {.name = "tm_retransmissions_in", .help = "Retransmitted requests that were absorbed."},
	[TM_C_RETRANS_REPLY_IN] = {.name = "tm_reply_retransmissions_in", .help = "Retransmitted replies that were absorbed."},
	[TM_C_RETRANS_OUT] = {.name = "tm_retransmissions_out", .help = "Messages sent again."},
	[TM_C_ACK_ABSORBED] = {.name = "tm_acks_absorbed", .help = "ACKs to negative replies."},
	[TM_C_CANCELS] = {.name = "tm_cancels", .help = "CANCELs for transactions of ours."},
	[TM_C_TIMEOUTS] = {.name = "tm_timeouts", .help = "Branches without a final reply in time."},
	[TM_C_SEND_FAILED] = {.name = "tm_send_failed", .help = "Messages that could not be sent."},
	[TM_C_REPLIES_STRAY] = {.name = "tm_replies_stray", .help = "Replies dropped because they belong to nothing of ours."},
	[TM_C_REPLIES_FORWARDED] = {.name = "tm_replies_forwarded", .help = "Replies forwarded."},
	[TM_C_LOCAL_REPLIES] = {.name = "tm_replies_local", .help = "Replies made here with a transaction."},
	[TM_C_STATELESS_REPLIES] = {.name = "tm_replies_stateless", .help = "Replies made here without one."},
	[TM_C_FULL] = {.name = "tm_refused", .help = "Requests refused with 503: table full or shutting down."},
	[TM_C_SOCKET_FALLBACK] = {.name = "tm_socket_fallbacks", .help = "Wanted sending sockets that did not fit the next hop."},
	[TM_C_DETOURS] = {.name = "tm_detours", .help = "Requests sent through another node, which holds the phone's socket."},
	[TM_C_DETOURS_FAILED] = {.name = "tm_detours_failed", .help = "Of these, sent directly after all: the node was silent, refused or could not be reached."},
	[TM_C_LOOPS] = {.name = "tm_loops", .help = "Requests refused with 482: they were here before and would take the same way again."},
	[TM_C_MTU_SWITCHES] = {.name = "tm_mtu_switches", .help = "Requests tried over TCP because they are longer than tm.udp_mtu."},
	[TM_C_FAILOVERS] = {.name = "tm_failovers", .help = "Times that the next hop of the same name was tried: one was silent, unreachable or answered 503."},
	{0},
};
/* clang-format on */

static bool give_memory(struct tm *tm)
{
	uint64_t buckets = TABLE_MIN;

	while (buckets < (uint64_t)tm->s.conf->max_transactions && buckets < TABLE_MAX)
		buckets *= 2;
	tm->mask = buckets - 1;
	tm->table = calloc(buckets, sizeof(*tm->table));
	tm->scratch = arena_new(SCRATCH_BLOCK, SCRATCH_LIMIT);
	buf_heap(&tm->out, OUT_FIRST, TM_MAX_OUT);
	return tm->table != NULL && tm->scratch != NULL && tm->out.err == 0;
}

int tm_new(struct tm **out, const struct tm_setup *setup)
{
	struct tm *tm = calloc(1, sizeof(*tm));

	if (tm == NULL)
		return -ENOMEM;
	tm->s = *setup;
	tm->log = log_source_get("tm");
	random_bytes(&tm->nonce, sizeof(tm->nonce));
	if (!give_memory(tm)) {
		tm_destroy(&tm);
		return -ENOMEM;
	}
	*out = tm;
	return 0;
}

void tm_destroy(struct tm **tp)
{
	struct tm *tm = *tp;

	*tp = NULL;
	if (tm == NULL)
		return;
	for (uint64_t i = 0; tm->table != NULL && i <= tm->mask; i++) {
		while (tm->table[i] != NULL)
			trans_abandon(tm->table[i]);
	}
	held_clear(&tm->strays);
	stateless_abandon(tm);
	free(tm->table);
	free(tm->slots);
	arena_put(tm->scratch);
	buf_free(&tm->out);
	free(tm);
}

void tm_drain(struct tm *tm)
{
	tm->draining = true;
}

unsigned tm_busy(const struct tm *tm)
{
	return tm->busy;
}

struct ph_msg *tm_request_of(const struct ph_msg *msg)
{
	return msg->trans != NULL ? msg->trans->request : NULL;
}

unsigned tm_reply_code(const struct ph_msg *msg)
{
	const struct tm_trans *t = msg->trans;

	if (msg->sip.kind == SIP_REPLY)
		return msg->sip.status;
	if (t == NULL)
		return 0;
	return t->picked != NULL ? t->picked->code : t->last_code;
}

struct slice tm_reply_reason(const struct ph_msg *msg)
{
	const struct tm_trans *t = msg->trans;
	unsigned code = tm_reply_code(msg);

	if (msg->sip.kind == SIP_REPLY)
		return msg->sip.reason;
	if (t != NULL && t->picked != NULL && t->picked->reply != NULL)
		return t->picked->reply->sip.reason;
	return code != 0 ? slice_str(sip_reason(code)) : (struct slice){0};
}

int tm_check(struct tm *tm, struct ph_msg *msg)
{
	if (msg->trans != NULL || msg->cancels != NULL)
		return 1;
	if (msg->sip.kind != SIP_REQUEST || msg->sip.method != SIP_ACK)
		return -1;
	return accepted_find(tm, key_of_call(tm, msg->sip.call_id), msg->sip.cseq) != NULL
		? 1
		: -1;
}

struct calls *tm_calls(struct tm *tm)
{
	return tm->s.calls;
}
