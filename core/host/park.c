#include "core/host/park.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/host/process.h"
#include "core/host/worker.h"

#define CHUNK 256u
#define MAX_CHUNKS 4096u
#define ACK_BUCKETS 256u
#define CANCEL_ROUNDS 1000u

struct slot {
	struct parks *table;
	struct ph_msg *msg;
	struct script_run *run; /**< which of msg's runs waits */
	ph_resume resume;
	void *self, *state;
	struct timer deadline;
	uint32_t index;
	uint32_t generation; /**< 24 bits are in the token; never 0 */
	int result;
	bool used, woken, is_ack;
	struct slot *next;     /**< free list, or list of the woken */
	struct slot *ack_next; /**< bucket of parked ACKs */
};

struct parks {
	struct worker *worker;
	struct slot *chunks[MAX_CHUNKS];
	unsigned chunk_count;
	unsigned max, count;
	struct slot *free_list;
	struct slot *ready, **ready_tail;
	struct slot *acks[ACK_BUCKETS];
	struct log_source *log;
};

/* What crosses threads in an INBOX_WAKE item. */
struct wake {
	ph_token token;
	int result;
};

static ph_token token_of(const struct slot *s)
{
	return ((uint64_t)(s->table->worker->w.index + 1) << 48) | ((uint64_t)s->index << 24) |
		(s->generation & 0xffffffu);
}

static struct slot *slot_of(const struct parks *p, ph_token token)
{
	uint32_t index = (uint32_t)(token >> 24) & 0xffffffu;
	struct slot *s;

	if ((token >> 48) != p->worker->w.index + 1u || index >= p->chunk_count * CHUNK)
		return NULL;
	s = &p->chunks[index / CHUNK][index % CHUNK];
	return s->used && (s->generation & 0xffffffu) == (token & 0xffffffu) ? s : NULL;
}

static int more_slots(struct parks *p)
{
	struct slot *chunk;

	if (p->chunk_count == MAX_CHUNKS)
		return -ENOMEM;
	chunk = calloc(CHUNK, sizeof(*chunk));
	if (!chunk)
		return -ENOMEM;
	for (unsigned i = CHUNK; i-- > 0;) {
		chunk[i].table = p;
		chunk[i].index = p->chunk_count * CHUNK + i;
		chunk[i].next = p->free_list;
		p->free_list = &chunk[i];
	}
	p->chunks[p->chunk_count++] = chunk;
	return 0;
}

static bool is_ack(const struct ph_msg *msg)
{
	return msg->sip.kind == SIP_REQUEST && msg->sip.method == SIP_ACK;
}

static unsigned ack_bucket(const struct ph_msg *msg)
{
	return (msg->call_hash ^ msg->sip.cseq) % ACK_BUCKETS;
}

static void ack_unlist(struct parks *p, struct slot *s)
{
	struct slot **at = &p->acks[ack_bucket(s->msg)];

	while (*at && *at != s)
		at = &(*at)->ack_next;
	if (*at)
		*at = s->ack_next;
}

bool parks_has_ack(const struct parks *p, const struct ph_msg *ack)
{
	for (const struct slot *s = p->acks[ack_bucket(ack)]; s; s = s->ack_next)
		if (s->msg->sip.cseq == ack->sip.cseq && slice_eq(s->msg->sip.call_id, ack->sip.call_id) &&
			slice_eq(sip_hdr_value(&s->msg->sip, SIP_H_TO), sip_hdr_value(&ack->sip, SIP_H_TO)))
			return true;
	return false;
}

/* The slot is free again before the plugin's code runs, so that it may park once more. */
static void slot_release(struct slot *s)
{
	struct parks *p = s->table;

	timer_stop(&s->deadline);
	if (s->is_ack)
		ack_unlist(p, s);
	s->used = false;
	s->msg = NULL;
	s->next = p->free_list;
	p->free_list = s;
	p->count--;
	worker_count(p->worker, HOST_C_PARKED, -1);
}

static void slot_run(struct slot *s)
{
	struct worker *w = s->table->worker;
	struct ph_msg *msg = s->msg;
	struct script_run *run = s->run;
	ph_resume resume = s->resume;
	void *self = s->self, *state = s->state;
	int result = s->result, code;

	slot_release(s);
	tm_script_parked(w->w.tm, msg, false);
	code = resume(self, msg, state, result);
	if (code != PH_PARK && run)
		script_resume_run(msg, run, code);
	else if (code != PH_PARK)
		process_hook_done(w, msg, code);
	msg_unref(&msg);
}

/* Resume those that were woken in this turn: outside of whoever woke them. */
static bool run_ready(void *arg)
{
	struct parks *p = arg;
	struct slot *s = p->ready;

	p->ready = NULL;
	p->ready_tail = &p->ready;
	while (s) {
		struct slot *next = s->next;

		slot_run(s);
		s = next;
	}
	return p->ready != NULL;
}

bool parks_pending(void *parks)
{
	return ((const struct parks *)parks)->ready != NULL;
}

static void wake_slot(struct slot *s, int result)
{
	struct parks *p = s->table;

	if (s->woken)
		return;
	s->woken = true;
	s->result = result;
	s->next = NULL;
	*p->ready_tail = s;
	p->ready_tail = &s->next;
}

static void on_deadline(void *arg)
{
	struct slot *s = arg;

	worker_count(s->table->worker, HOST_C_PARK_TIMEOUTS, 1);
	LOG_CALL(s->table->log, LOG_L_WARN, s->msg->sip.call_id,
		"%.*s: what the script waits for did not come in time", SLICE_ARG(s->msg->sip.method_text));
	wake_slot(s, -ETIMEDOUT);
}

int parks_new(struct parks **out, struct worker *w, unsigned max)
{
	struct parks *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	p->worker = w;
	p->max = max < CHUNK * MAX_CHUNKS ? max : CHUNK * MAX_CHUNKS;
	p->ready_tail = &p->ready;
	p->log = log_source_get("core");
	err = loop_on_turn_end(w->w.t.loop, run_ready, p);
	if (err != 0) {
		free(p);
		return err;
	}
	*out = p;
	return 0;
}

void parks_destroy(struct parks **pp)
{
	struct parks *p = *pp;

	if (!p)
		return;
	loop_off_turn_end(p->worker->w.t.loop, run_ready, p);
	for (unsigned i = 0; i < p->chunk_count; i++)
		free(p->chunks[i]);
	free(p);
	*pp = NULL;
}

unsigned parks_count(const struct parks *p)
{
	return p->count;
}

static void cancel_used(struct parks *p)
{
	for (unsigned i = 0; i < p->chunk_count * CHUNK; i++) {
		struct slot *s = &p->chunks[i / CHUNK][i % CHUNK];

		if (s->used)
			wake_slot(s, -ECANCELED);
	}
	run_ready(p);
}

void parks_cancel_all(struct parks *p)
{
	/* A script that goes on may park again: its loops and steps are bounded, and so are we. */
	for (unsigned rounds = 0; p->count > 0 && rounds < CANCEL_ROUNDS; rounds++)
		cancel_used(p);
}

static void wake_token(struct parks *p, ph_token token, int result)
{
	struct slot *s = slot_of(p, token);

	if (s && !s->woken)
		wake_slot(s, result);
	else
		worker_count(p->worker, HOST_C_WAKE_STALE, 1);
}

void parks_on_wake(void *parks, const void *data, size_t len)
{
	struct wake wake;

	if (len != sizeof(wake))
		return;
	memcpy(&wake, data, sizeof(wake));
	wake_token(parks, wake.token, wake.result);
}

static struct parks *parks_of(struct ph_worker *w)
{
	return ((struct worker *)w)->parks;
}

/* Over the limit: the phone hears it, the operator sees it. */
static int refuse(struct parks *p, struct ph_msg *msg)
{
	worker_count(p->worker, HOST_C_PARK_REFUSED, 1);
	LOG_CALL(p->log, LOG_L_WARN, msg->sip.call_id, "limits.parked (%u) is reached: %.*s answered with 503", p->max,
		SLICE_ARG(msg->sip.method_text));
	if (msg->sip.kind == SIP_REQUEST && !is_ack(msg))
		tm_reply(p->worker->w.tm, msg, 503, SLICE("Service Unavailable"), SLICE("Retry-After: 5\r\n"));
	return -EBUSY;
}

int ph_park(struct ph_msg *msg, ph_resume resume, void *self, void *state, unsigned deadline_ms, ph_token *token)
{
	struct parks *p = parks_of(msg->worker);
	struct slot *s;
	int err;

	if (p->count >= p->max)
		return refuse(p, msg);
	if (!p->free_list && more_slots(p) != 0)
		return -ENOMEM;
	if (msg->sip.kind == SIP_REQUEST && !is_ack(msg) && !msg->trans && !msg->is_local) {
		err = tm_newtran(p->worker->w.tm, msg);
		if (err != 0 && err != -EALREADY)
			return err;
	}
	s = p->free_list;
	p->free_list = s->next;
	s->generation = (s->generation + 1) & 0xffffffu ? s->generation + 1 : s->generation + 2;
	s->used = true;
	s->woken = false;
	s->msg = msg;
	s->run = msg->run;
	s->resume = resume;
	s->self = self;
	s->state = state;
	s->is_ack = is_ack(msg);
	msg_ref(msg);
	if (s->is_ack) {
		s->ack_next = p->acks[ack_bucket(msg)];
		p->acks[ack_bucket(msg)] = s;
	}
	p->count++;
	worker_count(p->worker, HOST_C_PARKED, 1);
	worker_count(p->worker, HOST_C_PARKED_TOTAL, 1);
	tm_script_parked(p->worker->w.tm, msg, true);
	timer_init(&s->deadline, on_deadline, s);
	timer_start(p->worker->w.t.loop, &s->deadline, deadline_ms < PH_PARK_MAX_MS ? deadline_ms : PH_PARK_MAX_MS);
	*token = token_of(s);
	return 0;
}

bool ph_parked(struct ph_worker *w, ph_token token)
{
	return slot_of(parks_of(w), token) != NULL;
}

void ph_wake(struct ph_thread *from, ph_token token, int result)
{
	const struct wake wake = {.token = token, .result = result};
	unsigned to = (unsigned)(token >> 48) - 1;

	if (token == 0)
		return;
	if (from->worker == (int)to)
		wake_token(parks_of((struct ph_worker *)from), token, result);
	else /* a full inbox: the deadline wakes it; the drop is counted */
		(void)inbox_send(from->senders, to, INBOX_WAKE, &wake, sizeof(wake), NULL, 0);
}
